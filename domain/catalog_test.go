package domain

import (
	"maps"
	"slices"
)

// catalog folds a log the way a projection does: it looks up the holder of the
// event's item and the target, folds, and keeps the result.
type catalog struct {
	mode     StockMode
	foldWith func(StockMode, Recorded, Event, *Product, Product) (Result, error)
	position Position
	products map[ProductID]Product
	holders  map[ItemID]ProductID
}

func newCatalog(mode StockMode) *catalog {
	return &catalog{mode: mode, foldWith: Fold, products: map[ProductID]Product{}, holders: map[ItemID]ProductID{}}
}

// append gives the event the next position and folds it.
func (c *catalog) append(e Envelope, event Event) (Outcome, error) {
	c.position++
	return c.fold(Recorded{Envelope: e, Store: "demo", Position: c.position}, event)
}

func (c *catalog) fold(rec Recorded, event Event) (Outcome, error) {
	var holder *Product
	id := c.holders[ItemID(event.Subject())]
	if id != "" {
		p := c.products[id]
		holder = &p
	}
	target := Target(id, event)
	to, ok := c.products[target]
	if !ok {
		to = Product{Store: rec.Store, ID: target}
	}
	result, err := c.foldWith(c.mode, rec, event, holder, to)
	if err != nil {
		return "", err
	}
	for p := range result.Products() {
		c.products[p.ID] = *p
		for _, it := range p.Items {
			c.holders[it.ID] = p.ID
		}
	}
	return result.Outcome, nil
}

func (c *catalog) sorted() []Product {
	out := make([]Product, 0, len(c.products))
	for _, id := range slices.Sorted(maps.Keys(c.products)) {
		out = append(out, c.products[id])
	}
	return out
}

func (c *catalog) item(id ItemID) (Item, bool) {
	p := c.products[c.holders[id]]
	return p.Item(id)
}
