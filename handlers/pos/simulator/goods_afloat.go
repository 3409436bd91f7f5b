package simulator

func bags() department {
	return department{"Bags", []good{
		{"BG-701", "Cargo Duffel", stowbay, 29_00, 72_00, "travel", 0, by("Volume", "30 L,60 L,90 L"),
			"<p>Tarpaulin duffel with rucksack straps. <strong>Splashproof, not waterproof</strong>: see our dry bags for that.</p>"},
		{"BG-702", "Roll-Top Dry Bag", stowbay, 7_80, 19_95, "sailing;bestseller", 0, by("Colour", "Ochre,Navy", "Volume", "5 L,10 L,20 L"),
			"<p>Welded seams, three rolls and a clip. Floats.</p>"},
		{"BG-703", "Sailcloth Tote", own, 11_50, 28_00, "gift", 0, by("Colour", "White,Tan"),
			"<p>Cut from retired sails at a loft down the road, so no two are alike.</p>"},
		{"BG-704", "Tern Rucksack", stowbay, 27_50, 65_00, "travel", 0, by("Colour", "Slate,Ochre"), ""},
		{"BG-705", "Chart Tube", stowbay, 6_60, 16_50, "navigation", 0, nil, "<p>Keeps paper charts flat-ish and dry. 90 cm.</p>"},
	}}
}

func safety() department {
	return department{"Safety", []good{
		{"SF-801", "Guardian Lifejacket 150 N", fathom, 52_00, 119_00, "sailing", 0, by("Size", "S,M,L"),
			"<p>Automatic, with harness loop and crotch strap. Service it yearly; we do it while you wait.</p>"},
		{"SF-802", "Minnow Lifejacket", fathom, 24_00, 56_00, "kids;sailing", 0, by("Weight", "10-20 kg,20-40 kg"),
			"<p>Turns a child face-up, and has a handle to prove it.</p>"},
		{"SF-803", "Paddle Buoyancy Aid", fathom, 21_00, 49_00, "paddling", 0, by("Size", "S,M,L"), "<p>Side entry, cut high for the shoulders.</p>"},
		{"SF-804", "Signal Whistle", fathom, 90, 3_50, "", 0, nil, "<p>Pea-less, so it works wet.</p>"},
		{"SF-805", "Signal Whistle, Pair", fathom, 1_70, 5_95, "", 0, nil, "<p>Two whistles on lanyards: one to lose.</p>"},
		{"SF-806", "Throw Line 20 m", fathom, 13_00, 31_00, "paddling", 0, nil, "<p>Floating line in a bag that empties itself.</p>"},
		{"SF-807", "Kill Cord", fathom, 3_40, 8_95, "motor", 0, nil, ""},
		{"SF-808", "First Aid Kit, Coastal", emberly, 9_80, 24_50, "camp", 0, nil,
			"<p>In a waterproof box:</p><ul><li>dressings and tape</li><li>burn gel</li><li>foil blanket</li><li>a leaflet that one should read before</li></ul>"},
		{"SF-809", "Fire Blanket 1 x 1 m", emberly, 6_00, 14_95, "galley", 0, nil, "<p>Hang it where you can reach it with the stove alight.</p>"},
		{"SF-810", "Re-arming Kit 33 g", fathom, 9_20, 19_95, "", oversold, nil, "<p>For the Guardian Lifejacket.</p>"},
	}}
}

func rope() department {
	return department{"Rope and Line", []good{
		{"RP-901", "Dock Line 12 mm", fathom, 1_05, 2_60, "by the metre", byMetre, nil,
			"<p>Three-strand polyester, soft in the hand. <strong>Price per metre.</strong></p>"},
		{"RP-902", "Dock Line 16 mm", fathom, 1_80, 4_40, "by the metre", byMetre, nil,
			"<p>As the 12 mm, for boats that pull. <strong>Price per metre.</strong></p>"},
		{"RP-903", "Braided Sheet 8 mm", fathom, 95, 2_35, "by the metre", byMetre, nil, "<p>16-plait cover on a braided core. Price per metre.</p>"},
		{"RP-904", "Low-Stretch Halyard 10 mm", fathom, 2_30, 5_60, "by the metre", byMetre, nil, "<p>Pre-stretched. Price per metre.</p>"},
		{"RP-905", "Shock Cord 6 mm", fathom, 38, 1_10, "by the metre", byMetre, nil, ""},
		{"RP-906", "Anchor Chain 8 mm", fathom, 3_10, 7_20, "by the metre", byMetre, nil, "<p>Calibrated, galvanised. Price per metre.</p>"},
		{"RP-907", "Whipping Twine", fathom, 1_30, 3_95, "", 0, nil, "<p>Waxed, 25 m on a reel.</p>"},
		{"RP-908", "Splicing Fid Set", fathom, 8_60, 21_95, "", 0, nil, "<p>Four hollow fids and the courage to begin.</p>"},
		{"RP-909", "Heaving Line", fathom, 9_00, 22_50, "", 0, nil, "<p>With a monkey's fist. Mind the crew.</p>"},
		{"RP-910", "Throwing Knot Board", fathom, 7_20, 18_00, "gift", 0, nil, "<p>Sixteen knots, two cords, one rainy afternoon.</p>"},
	}}
}

func deck() department {
	return department{"Deck Hardware", []good{
		{"DK-011", "Snap Shackle 70 mm", fathom, 7_90, 18_95, "", 0, nil, "<p>Stainless 316, swivel eye.</p>"},
		{"DK-012", "Bow Shackle 8 mm", fathom, 1_40, 3_80, "", 0, nil, ""},
		{"DK-013", "Folding Cleat", fathom, 9_60, 23_00, "", 0, nil, "<p>Lies flush until wanted.</p>"},
		{"DK-014", "Horn Cleat 150 mm", fathom, 3_70, 9_40, "", 0, nil, "<p>Cast aluminium. Screws not included, they never are.</p>"},
		{"DK-015", "Single Block 40 mm", fathom, 8_10, 19_50, "", 0, nil, "<p>Ball bearing block with becket.</p>"},
		{"DK-016", "Winch Handle, Floating", fathom, 14_00, 34_00, "bestseller", 0, nil, "<p>The only kind we sell any more.</p>"},
		{"DK-017", "Pear Fender", fathom, 8_00, 19_00, "", 0, nil, "<p>38 cm, white, with a navy rope eye.</p>"},
		{"DK-018", "Cylinder Fender", fathom, 9_50, 22_00, "", 0, nil, ""},
		{"DK-019", "Boat Hook, Telescopic", fathom, 11_80, 28_50, "", 0, nil, "<p>1.2 to 2.1 m. <em>Does not float, despite appearances.</em></p>"},
		{"DK-020", "Folding Grapnel 3.2 kg", fathom, 10_20, 25_00, "paddling", 0, nil, "<p>For dinghies and lunch.</p>"},
		{"DK-021", "Bilge Sponge", stowbay, 1_20, 3_95, "", 0, nil, "<p>Older than any electric pump and more reliable.</p>"},
		{"DK-022", "Hand Bilge Pump", stowbay, 9_90, 24_00, "", 0, nil, "<p>Floats; clears a litre with each stroke.</p>"},
		{"DK-023", "Self-Amalgamating Tape", stowbay, 2_80, 7_50, "", 0, nil, ""},
	}}
}

func navigation() department {
	return department{"Navigation", []good{
		{"NV-111", "Hand Bearing Compass", pintail, 31_00, 74_00, "", 0, nil,
			"<p>Prism readout to one degree, rubber armour, glows for a watch.</p>"},
		{"NV-112", "Lookout Binoculars 7x50", pintail, 68_00, 159_00, "bestseller", 0, nil,
			"<h3>Why 7x50?</h3><p>More magnification shakes; a smaller lens goes dark at dusk.</p><p>Filled with nitrogen, floats with its strap.</p>"},
		{"NV-113", "Pocket Monocular 8x25", pintail, 17_00, 42_00, "gift", 0, nil, "<p>Fits a smock pocket.</p>"},
		{"NV-114", "Parallel Rule 40 cm", pintail, 8_70, 21_50, "", 0, nil, ""},
		{"NV-115", "Chart Dividers", pintail, 7_30, 18_50, "", 0, nil, "<p>One-handed, brass.</p>"},
		{"NV-116", "Deck Log Book", saltings, 4_90, 12_95, "paper", 0, nil, "<p>Waterproof paper, 96 pages, columns for what matters.</p>"},
		{"NV-117", "Barograph Clock", pintail, 54_00, 129_00, "gift", 0, nil, "<p>Clock, barometer and three days of pressure at a glance.</p>"},
		{"NV-118", "Polarised Sunglasses, Squall", pintail, 18_00, 45_00, "summer", 0, nil, "<p>Floating frame. Cuts glare, shows shoals.</p>"},
		{"NV-119", "Sunglasses Leash", pintail, 1_90, 5_95, "summer", 0, nil, "<p>Cheaper than sunglasses.</p>"},
	}}
}
