package simulator

import "time"

// officePlan is what the office and the stockroom do, the same every day: each
// kind of change that pushes, and each that has once surprised somebody.
func officePlan() []appointment {
	at := func(hour, minute int) time.Duration {
		return time.Duration(hour)*time.Hour + time.Duration(minute)*time.Minute - Opens
	}
	return []appointment{
		{at(9, 4), func(d *diary) { d.reprice("ember-stove", 58_50) }},
		{at(9, 21), func(d *diary) {
			d.redescribe("boathouse-fleece", "<p>Thick on the inside, smooth on the outside, <em>never</em> on the boathouse floor for long.</p>")
		}},
		{at(9, 40), func(d *diary) {
			d.newProduct(good{code: "GF-301", name: "Glazed Harbour Mug", brand: own, supply: 4_10, retail: 11_50, tags: "gift;new",
				html: "<p>Thrown at the pottery behind the chandlery. Each one drips differently.</p>"}, "Gifts")
		}},
		{at(10, 2), func(d *diary) { d.receive("Harbour Mills", quayside, "glazed-harbour-mug") }},
		{at(10, 26), func(d *diary) { d.adjust("chart-tube", quayside, -one, "damage") }},
		{at(10, 44), func(d *diary) { d.resave("enamel-mug") }},
		{at(11, 8), func(d *diary) { d.newVariant("tern-cap", "Ochre") }},
		{at(11, 31), func(d *diary) { d.count("Deck Hardware", quayside) }},
		{at(11, 52), func(d *diary) { d.receive("Harbour Mills", millLane, "tern-cap") }},
		{at(13, 38), func(d *diary) { d.redescribe("paraffin-lamp-brass", "") }},
		{at(14, 0), func(d *diary) { d.importPrices("autumn-prices.csv", autumn()) }},
		{at(14, 27), func(d *diary) { d.transfer(quayside, millLane) }},
		{at(14, 51), func(d *diary) { d.deactivate("shingle-shorts") }},
		{at(15, 9), func(d *diary) { d.adjust("pear-fender", millLane, 2*one, "stock found") }},
		{at(15, 24), func(d *diary) { d.receive("Ropewalk & Sons", quayside, "re-arming-kit-33-g") }},
		{at(15, 42), func(d *diary) { d.remove("oilskin-reproofing-coat-2019") }},
		{at(16, 1), func(d *diary) { d.count("Camp Kitchen", millLane) }},
		{at(16, 14), func(d *diary) { d.transfer(millLane, quayside) }},
		{at(16, 33), func(d *diary) { d.importPrices("last-hour-offers.csv", lastHour()) }},
		{at(16, 47), func(d *diary) { d.resave("watch-beanie") }},
		{at(16, 58), func(d *diary) { d.reprice("head-torch-400-lm", 29_95) }},
		{at(17, 6), func(d *diary) { d.removeLast("deckhand-bib-trousers") }},
		{at(17, 12), func(d *diary) { d.adjust("sea-salt-fudge", quayside, -one, "donation") }},
	}
}

// price is a row of a price list.
type price struct {
	handle string
	retail hundredths
}

func autumn() []price {
	return []price{
		{"hand-bearing-compass", 78_00}, {"lookout-binoculars-7x50", 165_00}, {"pocket-monocular-8x25", 39_95},
		{"parallel-rule-40-cm", 22_50}, {"chart-dividers", 19_50}, {"barograph-clock", 134_00},
		{"sunglasses-leash", 4_95}, {"chart-light-red", 23_50}, {"cabin-lantern", 27_00},
		{"camp-stool", 18_50}, {"insulated-mat", 75_00}, {"two-berth-tent-lapwing", 199_00},
	}
}

func lastHour() []price {
	return []price{
		{"diamond-kite", 21_00}, {"stunt-kite", 38_00}, {"crab-line", 3_95}, {"colour-in-flags", 4_99}, {"wooden-dinghy-kit", 17_50},
	}
}
