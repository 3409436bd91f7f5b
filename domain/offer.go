package domain

import "strings"

// Offer is the gist of a listing, small enough to be recorded with every push: as
// much as the guards of a store need to know of what BigCommerce was told last.
type Offer struct {
	Visible   bool  `json:"visible"`
	InStock   bool  `json:"in_stock"` // any of it, at any location; or stock is not kept
	Described bool  `json:"described"`
	Branded   bool  `json:"branded"`
	LowPrice  Money `json:"low_price"` // of its variants; 0 when there is none
	HighPrice Money `json:"high_price"`
}

// Offer returns the gist of l.
func (l *Listing) Offer() Offer {
	o := Offer{
		Visible:   l.Visible && len(l.Variants) > 0,
		InStock:   !l.Tracked,
		Described: strings.TrimSpace(l.Description) != "",
		Branded:   strings.TrimSpace(l.Brand) != "",
	}
	for i, v := range l.Variants {
		if i == 0 || v.Price.Less(o.LowPrice) {
			o.LowPrice = v.Price
		}
		if o.HighPrice.Less(v.Price) {
			o.HighPrice = v.Price
		}
		for _, s := range v.Stock {
			o.InStock = o.InStock || s.Quantity > 0
		}
	}
	return o
}
