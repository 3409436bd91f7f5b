package domain

import (
	"slices"
	"time"
)

// Product is the current state of one product, folded from the POS log. Only
// [Fold] makes new ones; a Product and everything it refers to is never changed
// in place, but for the list that [FoldInto] is given and the room that
// [Packed.UnpackInto] is given. Its JSON form is what a snapshot holds.
type Product struct {
	Store StoreID   `json:"store"`
	ID    ProductID `json:"product"`

	// Position is that of the newest event that concerned this product, whatever
	// became of the event.
	Position Position `json:"position"`
	// Due is the position of the newest event that asks for a push. The product
	// is to be pushed while no push of a state at or after Due was confirmed.
	Due Position `json:"due,omitzero"`
	// StockDue is the position of the newest event that changed stock and asks for a
	// push: a sale, a refund, a count and the like. Stock goes to BigCommerce ahead of
	// everything else while no push at or after it was confirmed.
	StockDue Position `json:"stock_due,omitzero"`

	Family Family `json:"family"`
	Items  []Item `json:"items"` // in the order in which they joined
	// Former are the items that have left it for another product, those that came back
	// among them, in the order in which they left last, [MostKin] at most.
	Former []ItemID `json:"former,omitempty"`
	Tally  Tally    `json:"tally"`
}

// MostKin bounds how many items a product remembers that have left it, and how many
// products an item remembers that it has left. With so many, there may have been more.
const MostKin = 1000

// Family holds what all variants of a product share. The newest snapshot of any
// of its items decides.
type Family struct {
	Name           string   `json:"name,omitempty"`
	Description    string   `json:"description,omitempty"`
	Brand          string   `json:"brand,omitempty"`
	Active         bool     `json:"active,omitempty"`
	TrackInventory bool     `json:"track_inventory,omitempty"`
	Images         []string `json:"images,omitempty"`

	Handle   string   `json:"handle,omitempty"`
	Category string   `json:"category,omitempty"`
	Tags     []string `json:"tags,omitempty"`
	Supplier string   `json:"supplier,omitempty"`

	Stamp Stamp `json:"stamp,omitzero"`
}

// Item is one variant of a product.
type Item struct {
	ID          ItemID   `json:"item"`
	SKU         SKU      `json:"sku,omitempty"`
	Options     []Option `json:"options,omitempty"`
	RetailPrice Money    `json:"retail_price"`
	SupplyPrice Money    `json:"supply_price"`
	Codes       []Code   `json:"codes,omitempty"`

	// Described is false until a snapshot has told what the item is. Until then
	// its stock waits, and it is no variant of anything.
	Described bool `json:"described,omitempty"`
	Deleted   bool `json:"deleted,omitempty"`
	// Since is the position of the event that brought the item into its product.
	Since Position `json:"since"`
	// Earlier are the products that it was in before, in the order in which it left
	// them first, [MostKin] at most.
	Earlier []ProductID `json:"earlier,omitempty"`
	// Trail is where the item's events lie in the POS log, whatever became of them,
	// except dead letters.
	Trail Trail `json:"trail,omitempty"`

	Stock    []Level `json:"stock,omitempty"` // sorted by outlet
	Snapshot Stamp   `json:"snapshot,omitzero"`
	// Moved is the stamp of the newest movement that moved nothing, because only
	// readings move this store's stock.
	Moved Stamp `json:"moved,omitzero"`
	// Movements are those of the last [MovementMemory], for stores whose stock is
	// moved by them.
	Movements []Movement `json:"movements,omitempty"`
	// Forgotten is the time of the newest movement that is no longer among them.
	Forgotten time.Time `json:"forgotten,omitzero"`
}

// Level is an item's stock at one outlet.
type Level struct {
	Outlet OutletID `json:"outlet"`
	OnHand Quantity `json:"on_hand"`
	// Reading is the stamp of the newest absolute reading in OnHand.
	Reading Stamp `json:"reading,omitzero"`
}

// Tally counts the events that concerned a product by what became of them. The
// sum over all products and the dead letters is the number of events in the log.
type Tally struct {
	Folded     uint64 `json:"folded"`
	Superseded uint64 `json:"superseded,omitempty"`
	Duplicate  uint64 `json:"duplicate,omitempty"`
}

// Add returns the sum of two tallies.
func (t Tally) Add(u Tally) Tally {
	return Tally{t.Folded + u.Folded, t.Superseded + u.Superseded, t.Duplicate + u.Duplicate}
}

func (t Tally) count(o Outcome) Tally {
	switch o {
	case Folded:
		t.Folded++
	case Superseded:
		t.Superseded++
	case Duplicate:
		t.Duplicate++
	}
	return t
}

// Item returns the item with an id, or false.
func (p *Product) Item(id ItemID) (Item, bool) {
	if i := p.index(id); i >= 0 {
		return p.Items[i], true
	}
	return Item{}, false
}

func (p *Product) index(id ItemID) int {
	return slices.IndexFunc(p.Items, func(it Item) bool { return it.ID == id })
}

// Variants returns the items that are for sale as variants: described and not
// deleted.
func (p *Product) Variants() []Item {
	out := make([]Item, 0, len(p.Items))
	for _, it := range p.Items {
		if it.Described && !it.Deleted {
			out = append(out, it)
		}
	}
	return out
}

// Described reports whether any snapshot has told what the product is.
func (p *Product) Described() bool { return p.Family.described() }

// Deleted reports whether the product was described and has no variant left.
func (p *Product) Deleted() bool {
	return p.Described() && !slices.ContainsFunc(p.Items, func(it Item) bool { return it.Described && !it.Deleted })
}

// with returns p with it in the place of the item of the same id, or behind the
// others. It writes into p's list of items.
func (p Product) with(it Item) Product {
	if i := p.index(it.ID); i >= 0 {
		p.Items[i] = it
	} else {
		p.Items = append(p.Items, it)
	}
	return p
}

// Moved returns p as it is after another product has taken an item from it at a
// position: what [Fold] does to the product that an item leaves.
func (p *Product) Moved(id ItemID, at Position) *Product {
	left := *p
	left.Items = slices.DeleteFunc(slices.Clone(p.Items), func(it Item) bool { return it.ID == id })
	left.Former = remember(slices.DeleteFunc(slices.Clone(p.Former), func(f ItemID) bool { return f == id }), id)
	left.Position = max(p.Position, at)
	if p.Described() {
		left.Due = max(p.Due, at)
	}
	return &left
}

// remember returns a list with one more, if it has room for it.
func remember[T comparable](list []T, one T) []T {
	if len(list) >= MostKin || slices.Contains(list, one) {
		return list
	}
	return append(slices.Clip(list), one)
}

// level returns the stock at an outlet; one never heard of is 0.
func (it *Item) level(outlet OutletID) Level {
	if i, ok := it.levelIndex(outlet); ok {
		return it.Stock[i]
	}
	return Level{Outlet: outlet}
}

func (it *Item) levelIndex(outlet OutletID) (int, bool) {
	return slices.BinarySearchFunc(it.Stock, outlet, func(l Level, o OutletID) int {
		switch {
		case l.Outlet < o:
			return -1
		case l.Outlet > o:
			return 1
		}
		return 0
	})
}

// withLevel returns it with the stock of one outlet replaced.
func (it Item) withLevel(l Level) Item {
	i, ok := it.levelIndex(l.Outlet)
	it.Stock = slices.Clone(it.Stock)
	if ok {
		it.Stock[i] = l
	} else {
		it.Stock = slices.Insert(it.Stock, i, l)
	}
	return it
}
