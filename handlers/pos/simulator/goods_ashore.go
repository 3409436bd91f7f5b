package simulator

func kitchen() department {
	return department{"Camp Kitchen", []good{
		{"CK-121", "Ember Stove", emberly, 26_00, 62_00, "camp;bestseller", 0, nil,
			"<p>Folds to the size of a mug. Boils a litre in four minutes.</p><p><strong>Outdoors only.</strong></p>"},
		{"CK-122", "Gas Canister 230 g", emberly, 2_90, 6_95, "camp", 0, nil, "<p>Screw valve, all-season mix. <em>Collection only.</em></p>"},
		{"CK-123", "Nesting Pan Set", emberly, 17_00, 41_00, "camp", 0, nil, "<p>Two pans, a lid that strains and a handle that fits both.</p>"},
		{"CK-124", "Enamel Mug", own, 3_10, 8_50, "gift;bestseller", 0, nil, "<p>White with a navy rim. Chips with dignity.</p>"},
		{"CK-125", "Enamel Plate", own, 3_60, 9_50, "", 0, nil, ""},
		{"CK-126", "Spork, Long", emberly, 1_60, 4_95, "camp", 0, nil, "<p>Reaches the bottom of the bag.</p>"},
		{"CK-127", "Vacuum Flask 750 ml", emberly, 10_50, 26_00, "", 0, nil, "<p>Hot for a night watch.</p>"},
		{"CK-128", "Water Carrier 10 L", stowbay, 4_70, 11_95, "camp", 0, nil, "<p>Folds flat, tap included.</p>"},
		{"CK-129", "Galley Knife", fathom, 12_40, 29_95, "galley", 0, nil, "<p>Serrated half for rope, plain half for lunch. Not sold to anyone under 18.</p>"},
		{"CK-130", "Gimballed Cup Holder", stowbay, 6_90, 16_95, "galley", 0, nil, "<p>Keeps tea level up to thirty degrees of heel.</p>"},
		{"CK-131", "Oak Breadboard, Anchor", own, 11_00, 27_00, "gift;galley", 0, nil, "<p>From a joiner up the valley.</p>"},
		{"CK-132", "Firelighters, Wood Wool", emberly, 1_80, 4_95, "camp", 0, nil, ""},
	}}
}

func camp() department {
	return department{"Camp and Sleep", []good{
		{"CA-141", "Shelter Tarp 3 x 3 m", emberly, 29_00, 69_00, "camp", 0, nil, "<p>19 loops, one tarp, any number of opinions.</p>"},
		{"CA-142", "Two-Berth Tent, Lapwing", emberly, 92_00, 219_00, "camp", 0, nil,
			"<p>Pitches inner and outer at once.</p><dl><dt>Weight</dt><dd>2.3 kg</dd><dt>Packed</dt><dd>42 x 16 cm</dd></dl>"},
		{"CA-143", "Down Sleeping Bag, Eider", emberly, 98_00, 229_00, "camp;winter", 0, nil, "<p>Comfort to -4 °C. Traceable down.</p>"},
		{"CA-144", "Sleeping Bag Liner", emberly, 12_00, 29_00, "camp", 0, nil, "<p>Silk and cotton.</p>"},
		{"CA-145", "Insulated Mat", emberly, 33_00, 79_00, "camp", 0, nil, "<p>R-value 4.2, patches in the sack.</p>"},
		{"CA-146", "Camp Stool", emberly, 8_20, 19_95, "camp", 0, nil, "<p>Three legs: never wobbles.</p>"},
		{"CA-147", "Ground Peg, Set of 8", emberly, 3_40, 8_95, "camp", 0, nil, ""},
		{"CA-148", "Guy Line 4 mm, Reflective", emberly, 42, 1_20, "by the metre", byMetre, nil, "<p>Price per metre.</p>"},
		{"CA-149", "Inflatable Pillow", emberly, 5_50, 13_95, "camp", 0, nil, "<p>Two breaths.</p>"},
		{"CA-150", "Picnic Blanket, Waxed", thwaite, 21_00, 52_00, "gift", 0, nil, "<p>Wool on one side, waxed cotton on the damp one.</p>"},
		{"CA-151", "Hammock", emberly, 14_00, 35_00, "summer", inactive, nil, "<p>Back in spring.</p>"},
	}}
}

func lighting() department {
	return department{"Lighting", []good{
		{"LT-161", "Head Torch 400 lm", emberly, 13_50, 32_00, "camp;bestseller", 0, nil, "<p>White, and red for the night watch. USB-C.</p>"},
		{"LT-162", "Cabin Lantern", emberly, 12_20, 29_50, "camp", 0, nil, "<p>Warm light, hangs or stands, 40 hours.</p>"},
		{"LT-163", "Strobe Marker", fathom, 8_90, 21_00, "", 0, nil, "<p>Visible at two miles; clips to a lifejacket.</p>"},
		{"LT-164", "Paraffin Lamp, Brass", own, 24_00, 58_00, "gift", 0, nil, "<p>Polish it or let it go green: both are right.</p>"},
		{"LT-165", "Lamp Wick 10 mm", own, 60, 2_50, "", 0, nil, ""},
		{"LT-166", "Chart Light, Red", pintail, 9_00, 22_00, "navigation", 0, nil, "<p>Flexible neck, 12 V.</p>"},
	}}
}

func care() department {
	return department{"Care and Repair", []good{
		{"CR-171", "Wash-In Reproofer", thwaite, 4_30, 10_95, "", 0, nil, "<p>For shells. One bottle, two jackets.</p>"},
		{"CR-172", "Wax Bar", thwaite, 3_80, 9_95, "", 0, nil, "<p>For canvas and waxed cotton. Rub on, warm in.</p>"},
		{"CR-173", "Wool Wash", thwaite, 3_10, 8_50, "", 0, nil, "<p>With lanolin.</p>"},
		{"CR-174", "Sail Repair Tape", stowbay, 3_90, 9_80, "", 0, nil, "<p>Gets you home.</p>"},
		{"CR-175", "Sailmaker's Palm", fathom, 6_80, 16_95, "", 0, nil, "<p>Right-handed. Leather, iron eye.</p>"},
		{"CR-176", "Sail Needles, Assorted", fathom, 1_70, 4_95, "", 0, nil, ""},
		{"CR-177", "Zip Lubricant", stowbay, 1_50, 4_50, "", 0, nil, "<p>Salt is the enemy of zips.</p>"},
		{"CR-178", "Teak Soap", stowbay, 4_60, 11_50, "", 0, nil, "<p>Scrub across the grain, never with it.</p>"},
	}}
}

func books() department {
	return department{"Books and Charts", []good{
		{"BK-181", "Tide Tables, This Coast", saltings, 2_00, 4_50, "paper", 0, nil, "<p>The little yellow book.</p>"},
		{"BK-182", "Harbour Chart, Quayside Approaches", saltings, 9_50, 21_00, "paper;navigation", 0, nil, "<p>1:12 500, corrected to the day we sell it.</p>"},
		{"BK-183", "Knots Worth Knowing", saltings, 6_50, 14_99, "paper;gift", 0, nil, "<p>Twenty knots, and when <em>not</em> to use each.</p>"},
		{"BK-184", "The Weather from Below", saltings, 7_20, 16_99, "paper", 0, nil, "<p>Clouds for people who have to go out anyway.</p>"},
		{"BK-185", "Estuary Birds", saltings, 5_90, 12_99, "paper;gift", 0, nil, ""},
		{"BK-186", "Colour-In Flags", saltings, 2_10, 5_99, "kids;paper", 0, nil, "<p>Learn to signal with wax crayons.</p>"},
		{"BK-187", "Postcard, Harbour Wall", saltings, 20, 90, "paper;gift", 0, nil, ""},
	}}
}

func gifts() department {
	return department{"Gifts", []good{
		{"GF-191", "Diamond Kite", own, 9_40, 23_00, "kids;bestseller", 0, nil, "<p>Ripstop, ash spars, 50 m of line. Flies in anything from a sigh.</p>"},
		{"GF-192", "Stunt Kite", own, 16_90, 42_00, "kids", 0, nil, "<p>Two lines. Read the leaflet, then ignore it.</p>"},
		{"GF-193", "Wooden Dinghy Kit", own, 7_80, 19_50, "kids;gift", 0, nil, "<p>Sails across a pond. 28 pieces, glue included.</p>"},
		{"GF-194", "Crab Line", own, 1_90, 4_95, "kids;summer", 0, nil, "<p>Bacon not included.</p>"},
		{"GF-195", "Brass Keel Keyring", own, 2_40, 6_95, "gift", 0, nil, "<p>Sinks. The cork one floats.</p>"},
		{"GF-196", "Cork Keyring", own, 1_10, 3_95, "gift", 0, nil, "<p>Floats. The brass one sinks.</p>"},
		{"GF-197", "Tea Towel, Shipping Areas", own, 3_20, 8_95, "gift", 0, nil, ""},
		{"GF-198", "Sea Salt Fudge", own, 1_80, 4_50, "gift;food", 0, nil, "<p>From the dairy at the end of Mill Lane. Contains milk.</p>"},
		{"GF-199", "Candle, Pine Tar", own, 5_20, 13_50, "gift", 0, nil, "<p>Smells like a boatyard on a good day.</p>"},
		{"GF-200", "Nautical Bunting", own, 4_40, 11_00, "gift", 0, nil, "<p>Twelve cotton flags. They spell <em>more tea</em>.</p>"},
	}}
}

func services() department {
	return department{"Services", []good{
		{"SV-211", "Gift Card", own, 0, 25_00, "gift", untracked, nil, "<p>Good in both shops and online, for ever.</p>"},
		{"SV-212", "Lifejacket Service", own, 8_00, 24_00, "workshop", untracked, nil, "<p>Inspection, inflation test and a new tag.</p>"},
		{"SV-213", "Garment Repair", own, 6_00, 18_00, "workshop", untracked, nil, "<p>Seams, zips and small tears.</p>"},
	}}
}
