package domain

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
)

// Rules say how a store's POS state is shown in BigCommerce.
type Rules struct {
	// Locations maps outlets to BigCommerce locations. Outlets that it lacks are
	// not shown. Empty means that every outlet counts for DefaultLocation.
	Locations map[OutletID]int64
	// SafetyStock is held back from what is shown at each location.
	SafetyStock int64
	// OnDelete says what a product without variants becomes.
	OnDelete OnDelete
	// LeaveStock leaves stock, and whether it is kept, to BigCommerce.
	LeaveStock bool
}

// Location returns the BigCommerce location that an outlet counts for, or false
// when it is not shown.
func (r Rules) Location(outlet OutletID) (int64, bool) {
	if len(r.Locations) == 0 {
		return DefaultLocation, true
	}
	location, ok := r.Locations[outlet]
	return location, ok
}

// DefaultLocation is the BigCommerce location that every store has.
const DefaultLocation int64 = 1

// OnDelete says what BigCommerce shows of a product whose last item is deleted.
type OnDelete string

// What becomes of the twin of a deleted product.
const (
	DeleteHides   OnDelete = "hide"   // hidden and out of stock
	DeleteKeeps   OnDelete = "keep"   // out of stock
	DeleteDeletes OnDelete = "delete" // gone from BigCommerce
)

// Limits of what BigCommerce takes.
const (
	// PriceScale is how many decimals BigCommerce keeps (bigcommerce, section 1.1).
	PriceScale = 4
	// MostStock is the largest quantity it takes (section 2.3).
	MostStock int64 = 2_147_483_647
)

// Listing is what BigCommerce is to show of a product: every POS-owned field and
// nothing else. It is all that a push can carry, so what is not here is
// BigCommerce's own.
type Listing struct {
	Name        string          `json:"name"`
	Description string          `json:"description"`
	Brand       string          `json:"brand"`
	Visible     bool            `json:"visible"`
	Tracked     bool            `json:"tracked"`
	StockLeft   bool            `json:"stock_left,omitempty"` // BigCommerce's own, and Tracked means nothing
	Deleted     bool            `json:"deleted,omitempty"`    // no variant is left in the POS
	Variants    []ListedVariant `json:"variants"`             // in the order in which they joined
}

// ListedVariant is what BigCommerce is to show of one item.
type ListedVariant struct {
	Item    ItemID          `json:"item"`
	SKU     SKU             `json:"sku"`
	Options []Option        `json:"options,omitempty"`
	Price   Money           `json:"price"`
	Cost    Money           `json:"cost"`
	Stock   []LocationStock `json:"stock,omitempty"` // by location; empty when stock is not tracked
}

// LocationStock is a quantity at one BigCommerce location, 0 to [MostStock].
type LocationStock struct {
	Location int64 `json:"location"`
	Quantity int64 `json:"quantity"`
}

// Simple reports whether BigCommerce keeps the product without options.
func (l *Listing) Simple() bool { return len(l.Variants) == 1 && len(l.Variants[0].Options) == 0 }

// Digest identifies the content of a listing: equal listings, equal digests.
func (l *Listing) Digest() string {
	b, err := json.Marshal(l)
	if err != nil {
		panic(fmt.Sprintf("a listing has no field that JSON cannot hold: %v", err))
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:16])
}

// Listing applies the store's rules to the state of a product. Here, and nowhere
// else, prices are rounded, outlets become locations, and stock is floored and
// clamped.
func (p *Product) Listing(rules Rules) Listing {
	l := Listing{
		Name:        p.Family.Name,
		Description: p.Family.Description,
		Brand:       p.Family.Brand,
		Visible:     p.Family.Active,
		Tracked:     p.Family.TrackInventory && !rules.LeaveStock,
		StockLeft:   rules.LeaveStock,
		Deleted:     p.Deleted(),
	}
	items := p.Variants()
	if l.Deleted {
		l.Visible = l.Visible && rules.OnDelete == DeleteKeeps
		items = slices.DeleteFunc(slices.Clone(p.Items), func(it Item) bool { return !it.Described })
	}
	for _, it := range items {
		v := ListedVariant{
			Item:    it.ID,
			SKU:     it.SKU,
			Options: it.Options,
			Price:   it.RetailPrice.Round(PriceScale),
			Cost:    it.SupplyPrice.Round(PriceScale),
		}
		if l.Tracked {
			v.Stock = it.locationStock(rules)
			for i := range v.Stock {
				if l.Deleted {
					v.Stock[i].Quantity = 0
				}
			}
		}
		l.Variants = append(l.Variants, v)
	}
	return l
}

// locationStock sums the outlets of each location, less the safety stock, whole
// units only, never below zero.
func (it *Item) locationStock(rules Rules) []LocationStock {
	sums := map[int64]Quantity{}
	if len(rules.Locations) == 0 {
		sums[DefaultLocation] = Quantity{}
	}
	for _, location := range rules.Locations {
		sums[location] = Quantity{}
	}
	for _, level := range it.Stock {
		location, ok := rules.Location(level.Outlet)
		if !ok {
			continue
		}
		sum, err := sums[location].Add(level.OnHand)
		if err != nil { // past every limit of BigCommerce, on the side of both addends
			sum = MustQuantity("999999999999")
			if level.OnHand.Sign() < 0 {
				sum = sum.Neg()
			}
		}
		sums[location] = sum
	}
	out := make([]LocationStock, 0, len(sums))
	for location, sum := range sums {
		out = append(out, LocationStock{location, sellable(sum, rules.SafetyStock)})
	}
	slices.SortFunc(out, func(a, b LocationStock) int { return cmp.Compare(a.Location, b.Location) })
	return out
}

func sellable(onHand Quantity, safety int64) int64 {
	whole, _, ok := onHand.d.Floor(0).Int64(0)
	if !ok {
		return 0
	}
	return min(max(whole-safety, 0), MostStock)
}
