package simulator

import "strings"

// department is a page of the shop's catalogue.
type department struct {
	category string
	goods    []good
}

// good is one product as a person would note it down; [newShop] makes its items.
type good struct {
	code   string // of the merchant: the SKU, or the beginning of its variants' SKUs
	name   string
	brand  string
	supply hundredths // without tax
	retail hundredths // with tax
	tags   string     // separated by ";"
	trait  trait
	axes   []axis // none for a simple product
	html   string
}

// trait is what is unusual about a good.
type trait uint8

const (
	inactive  trait = 1 << iota // not for sale
	untracked                   // no stock is kept
	byMetre                     // sold by the metre
	oversold                    // sold before its delivery was entered: below zero
)

func (t trait) has(u trait) bool { return t&u != 0 }

// axis is one option and the values that variants have of it.
type axis struct {
	name   string
	values []string
}

// by lists axes as pairs of a name and values separated by commas.
func by(pairs ...string) []axis {
	var out []axis
	for i := 0; i+1 < len(pairs); i += 2 {
		out = append(out, axis{pairs[i], strings.Split(pairs[i+1], ",")})
	}
	return out
}

// The brands of the shop; own is its own.
const (
	own        = "Kite & Keel"
	northing   = "Northing"
	brackwater = "Brackwater"
	thwaite    = "Tarn & Thwaite"
	fathom     = "Fathom & Fid"
	emberly    = "Emberly"
	pintail    = "Pintail Optics"
	stowbay    = "Stowbay"
	saltings   = "Saltings Press"
)

// supplier returns who delivers a brand.
func supplier(brand string) string {
	switch brand {
	case own, northing:
		return "Harbour Mills"
	case brackwater, thwaite:
		return "Tidewrack Trading"
	case fathom, stowbay:
		return "Ropewalk & Sons"
	case emberly, pintail:
		return "Fellside Wholesale"
	}
	return "Saltings Press"
}

// catalogue is every good of the shop, in the order of its export.
func catalogue() []department {
	return []department{
		outerwear(), knitwear(), shirts(), trousers(), headwear(), footwear(),
		bags(), safety(), rope(), deck(), navigation(),
		kitchen(), camp(), lighting(), care(),
		books(), gifts(), services(),
	}
}
