package simulator

func outerwear() department {
	return department{"Outerwear", []good{
		{"OW-101", "Drizzle Anorak", own, 41_50, 99_00, "rain;bestseller", 0, by("Colour", "Navy,Ochre,Fern", "Size", "S,M,L,XL"),
			"<p>Seam-sealed shell for the days when it cannot make up its mind.</p>\n<ul><li>2.5-layer recycled nylon</li><li>Storm flap over the zip</li><li>Packs into its own chest pocket</li></ul>"},
		{"OW-102", "Storm Smock", own, 58_00, 139_00, "rain;sailing", 0, by("Colour", "Navy,Signal Red", "Size", "S,M,L,XL"),
			"<p>A heavy smock for wet decks. <strong>Neck and cuffs close with one cold hand.</strong></p>"},
		{"OW-103", "Lee Shore Gilet", northing, 31_20, 74_95, "layer", 0, by("Colour", "Slate,Moss", "Size", "S,M,L,XL"),
			"<p>Quilted warmth where you need it, and free arms where you row.</p>"},
		{"OW-104", "Deckhand Bib Trousers", brackwater, 44_00, 109_00, "rain;work", 0, by("Size", "S,M,L,XL,XXL"),
			"<h3>Made for work</h3><p>Welded seams, braces that stay put, knees doubled.</p>"},
		{"OW-105", "Puddle Jacket", own, 17_80, 42_00, "kids;rain", 0, by("Colour", "Ochre,Sky", "Age", "2-3,4-5,6-7,8-9"),
			"<p>For children who look for puddles. Reflective piping, hood that comes off before it catches.</p>"},
		{"OW-106", "Squall Parka", northing, 71_00, 169_00, "winter", 0, by("Colour", "Slate,Bracken", "Size", "S,M,L,XL"),
			"<p>Long, lined and windproof.</p><p><em>The warmest coat we sell.</em></p>"},
		{"OW-107", "Emergency Rain Cape", stowbay, 2_10, 5_95, "rain", 0, nil, ""},
		{"OW-108", "Oilskin Reproofing Coat 2019", brackwater, 49_00, 120_00, "clearance", inactive, nil,
			"<p>Last year's cut. No longer made.</p>"},
	}}
}

func knitwear() department {
	return department{"Knitwear and Layers", []good{
		{"KN-201", "Guernsey Jumper", own, 38_00, 89_00, "wool;bestseller", 0, by("Colour", "Navy,Ecru", "Size", "S,M,L,XL"),
			"<p>Tightly knitted from worsted wool, the same back and front so that it can be put on in the dark.</p>"},
		{"KN-202", "Merino Base Layer", thwaite, 21_40, 54_00, "wool;layer", 0, by("Colour", "Charcoal,Teal", "Size", "S,M,L,XL"),
			"<p>170 g merino. Warm when damp, and polite company on day four.</p>"},
		{"KN-203", "Boathouse Fleece", northing, 19_90, 49_50, "layer", 0, by("Colour", "Slate,Fern", "Size", "S,M,L,XL"), ""},
		{"KN-204", "Mooring Henley", own, 13_20, 34_00, "cotton", 0, by("Colour", "White,Navy,Ochre", "Size", "S,M,L,XL"),
			"<p>Organic cotton, three buttons, made to be worn <em>under</em> everything else on this page.</p>"},
		{"KN-205", "Crew Hoodie", own, 18_50, 46_00, "cotton", 0, by("Colour", "Navy,Grey Marl", "Size", "S,M,L,XL"),
			"<p>Heavy brushed hoodie with our kite on the back.</p>"},
		{"KN-206", "Little Stripe Jumper", own, 12_00, 29_50, "kids;cotton", 0, by("Colour", "Navy,Signal Red", "Age", "2-3,4-5,6-7"),
			"<p>Stripes, obviously.</p>"},
	}}
}

func shirts() department {
	return department{"Shirts", []good{
		{"SH-301", "Tideline Polo", own, 12_75, 32_00, "cotton;bestseller", 0, by("Colour", "Navy,White,Ochre", "Size", "S,M,L,XL"),
			"<p>Piqué polo with a tide table printed inside the hem (for last year; it is a joke).</p>"},
		{"SH-302", "Harbour Tee", own, 7_40, 19_50, "cotton", 0, by("Colour", "White,Navy,Fern", "Size", "S,M,L,XL"),
			"<p>Our plain tee. 180 g organic cotton, side seams, no slogan.</p>"},
		{"SH-303", "Linen Shore Shirt", thwaite, 22_00, 55_00, "summer", 0, by("Colour", "Chalk,Sky", "Size", "S,M,L,XL"),
			"<p>Creases by design.<br>Washed linen, coconut buttons.</p>"},
	}}
}

func trousers() department {
	return department{"Trousers", []good{
		{"TR-401", "Deck Trousers", brackwater, 28_00, 69_00, "sailing", 0, by("Colour", "Sand,Navy", "Waist", "30,32,34", "Leg", "Short,Long"),
			"<p>Stretch canvas with a doubled seat.</p><table><tr><th>Fabric</th><td>97% cotton, 3% elastane</td></tr><tr><th>Pockets</th><td>5, one zipped</td></tr></table>"},
		{"TR-402", "Shingle Shorts", own, 15_60, 39_00, "summer", 0, by("Colour", "Sand,Slate", "Size", "S,M,L,XL"),
			"<p>Quick to dry and cut to sit on a thwart in.</p>"},
	}}
}

func headwear() department {
	return department{"Headwear and Gloves", []good{
		{"HG-501", "Tern Cap", own, 6_20, 17_95, "summer;bestseller", 0, by("Colour", "Navy,Sand,Signal Red,Fern"),
			"<p>Six panels and a clip so that it goes overboard with you, not without you.</p>"},
		{"HG-502", "Watch Beanie", thwaite, 7_10, 18_50, "wool;winter", 0, by("Colour", "Navy,Ecru,Moss,Ochre"),
			"<p>Ribbed lambswool, made in one piece.</p>"},
		{"HG-503", "Sou'wester Hat", brackwater, 9_00, 24_00, "rain", 0, by("Size", "S,M,L"), "<p>The old shape, because it works.</p>"},
		{"HG-504", "Halyard Gloves", fathom, 8_40, 21_00, "sailing", 0, by("Size", "S,M,L"),
			"<p>Amara palms, open fingertips.</p>"},
		{"HG-505", "Long Watch Socks", thwaite, 5_10, 13_50, "wool", 0, by("Size", "36-39,40-43,44-47"), ""},
		{"HG-506", "Salt Spray Neck Tube", northing, 3_20, 9_95, "layer", 0, by("Colour", "Navy,Teal,Ochre"),
			"<p>Twelve ways to wear it; we know of four.</p>"},
	}}
}

func footwear() department {
	return department{"Footwear", []good{
		{"FW-601", "Pontoon Deck Shoe", brackwater, 33_00, 79_00, "sailing;bestseller", 0, by("Size", "UK 6,UK 7,UK 8,UK 9,UK 10,UK 11"),
			"<p>Hand-sewn leather on a white sole that leaves no marks.</p><p>Comes up large: if between sizes, take the smaller.</p>"},
		{"FW-602", "Brine Boots", brackwater, 36_00, 85_00, "rain", 0, by("Size", "UK 6,UK 7,UK 8,UK 9,UK 10"),
			"<p>Natural rubber, pull-on, lined with neoprene.</p>"},
		{"FW-603", "Rockpool Sandals", northing, 16_00, 39_95, "summer", 0, by("Size", "UK 5,UK 6,UK 7,UK 8"),
			"<p>Drains at once, dries by the ice-cream van.</p>"},
		{"FW-604", "Splash Wellies", own, 8_90, 22_00, "kids;rain", 0, by("Colour", "Ochre,Sky", "Size", "C7,C9,C11,C13"),
			"<p>Easy handles and a name label inside.</p>"},
	}}
}
