package projections

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tillstream/tillstream/domain"
)

// Summary is what the index knows of a product.
type Summary struct {
	Store    domain.StoreID
	ID       domain.ProductID
	Position domain.Position // of the newest event that concerned it
	Due      domain.Position // of the newest event that asks for a push; 0 for none
	StockDue domain.Position // of the newest of them that changed stock; 0 for none
	Deleted  bool            // described once, and no variant is left
	Items    []domain.ItemID // in the order in which they joined
}

// Match is an item that a reference names.
type Match struct {
	Item    domain.ItemID // empty when the reference names a product
	Product domain.ProductID
}

// Product returns the current state of a product, or [domain.ErrNotFound]. It may
// read the bucket.
func (c *Catalog) Product(ctx context.Context, store domain.StoreID, id domain.ProductID) (domain.Product, error) {
	c.mu.RLock()
	var r *row
	if s := c.shelves[store]; s != nil {
		r = s.product(id)
	}
	c.mu.RUnlock()
	if r == nil {
		return domain.Product{}, fmt.Errorf("product %q of store %q: %w", id, store, domain.ErrNotFound)
	}
	p, err := c.state(ctx, r)
	if err != nil {
		return domain.Product{}, err
	}
	return *p, nil
}

// Summary returns what the index knows of a product, or false.
func (c *Catalog) Summary(store domain.StoreID, id domain.ProductID) (Summary, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if s := c.shelves[store]; s != nil {
		if r := s.product(id); r != nil {
			return r.summary(), true
		}
	}
	return Summary{}, false
}

// Holder returns the product that an item is in, or false when no event has
// spoken of the item.
func (c *Catalog) Holder(store domain.StoreID, item domain.ItemID) (domain.ProductID, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if s := c.shelves[store]; s != nil {
		if r := s.holder(item); r != nil {
			return r.id, true
		}
	}
	return "", false
}

// Resolve returns everything that a reference names: as a POS item id, as a
// product id, and as a SKU, compared as BigCommerce does, each item once and in
// this order. An ambiguous SKU gives all its items; a product is given without an
// item, and only when no item bears the id. A reference may say what it means: "item:ID",
// "product:ID" or "sku:SKU"; where nothing bears that it is taken as it stands. None is no
// error.
func (c *Catalog) Resolve(store domain.StoreID, ref string) []Match {
	c.mu.RLock()
	defer c.mu.RUnlock()
	s := c.shelves[store]
	if s == nil {
		return nil
	}
	if out := s.said(ref); len(out) > 0 {
		return out
	}
	var out []Match
	if r := s.holder(domain.ItemID(ref)); r != nil {
		out = append(out, Match{domain.ItemID(ref), r.id})
	} else if r := s.product(domain.ProductID(ref)); r != nil {
		out = append(out, Match{"", r.id})
	}
	for _, m := range s.bearers(domain.SKU(ref).Fold()) {
		if len(out) == 0 || m != out[0] { // which may be the item of that id
			out = append(out, m)
		}
	}
	return out
}

// said is what a reference names that says what it means.
func (s *shelf) said(ref string) []Match {
	switch kind, id, _ := strings.Cut(ref, ":"); kind {
	case "item":
		if r := s.holder(domain.ItemID(id)); r != nil {
			return []Match{{domain.ItemID(id), r.id}}
		}
	case "product":
		if r := s.product(domain.ProductID(id)); r != nil {
			return []Match{{"", r.id}}
		}
	case "sku":
		return s.bearers(domain.SKU(id).Fold())
	}
	return nil
}

// Products returns up to limit products of a store with ids after the one given,
// in the order of their ids; "" begins at the first. Fewer than limit means that
// there are no more.
func (c *Catalog) Products(store domain.StoreID, after domain.ProductID, limit int) []Summary {
	c.sorted(store)
	c.mu.RLock()
	defer c.mu.RUnlock()
	s := c.shelves[store]
	if s == nil {
		return nil
	}
	from, _ := slices.BinarySearchFunc(s.sorted, after, func(n uint32, id domain.ProductID) int {
		if s.arena.at(n).id <= id {
			return -1
		}
		return 1
	})
	if after == "" {
		from = 0
	}
	rows := s.sorted[from:]
	rows = rows[:min(limit, len(rows))]
	out := make([]Summary, len(rows))
	for i, n := range rows {
		out[i] = s.arena.at(n).summary()
	}
	return out
}

// sorted puts the products that came since the last time in their places.
func (c *Catalog) sorted(store domain.StoreID) {
	c.mu.RLock()
	s := c.shelves[store]
	ready := s == nil || len(s.sorted) == s.arena.count
	c.mu.RUnlock()
	if ready {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	s.sort()
}

// Stores returns the stores that have products, in the order of their ids.
func (c *Catalog) Stores() []domain.StoreID {
	c.mu.RLock()
	defer c.mu.RUnlock()
	var out []domain.StoreID
	for id, s := range c.shelves {
		if s.arena.count > 0 {
			out = append(out, id)
		}
	}
	slices.SortFunc(out, func(a, b domain.StoreID) int { return strings.Compare(string(a), string(b)) })
	return out
}

// Size returns how many products a store has, deleted ones included.
func (c *Catalog) Size(store domain.StoreID) int {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if s := c.shelves[store]; s != nil {
		return s.arena.count
	}
	return 0
}

// Vacant returns how many products of a store have no item: the item came before what
// says to which product it belongs, or all have moved to others.
func (c *Catalog) Vacant(store domain.StoreID) int {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if s := c.shelves[store]; s != nil {
		return s.vacant
	}
	return 0
}

// Tally returns what became of the events of a store that concerned a product.
func (c *Catalog) Tally(store domain.StoreID) domain.Tally {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if s := c.shelves[store]; s != nil {
		return s.tally
	}
	return domain.Tally{}
}

// Position returns the position up to which the log is folded here.
func (c *Catalog) Position() domain.Position {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.position
}

// Checkpoint returns the position up to which the bucket has everything.
func (c *Catalog) Checkpoint() domain.Position {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.stored.Position
}

// Await returns when the bucket has every event up to a position, or when ctx ends.
func (c *Catalog) Await(ctx context.Context, at domain.Position) error {
	for {
		c.mu.RLock()
		stored, reached := c.stored.Position, c.reached
		c.mu.RUnlock()
		if stored >= at {
			return nil
		}
		select {
		case <-reached:
		case <-ctx.Done():
			return fmt.Errorf("wait until position %d is projected, now at %d: %w", at, stored, context.Cause(ctx))
		}
	}
}

func (r *row) summary() Summary {
	s := Summary{Store: r.shelf.store, ID: r.id, Position: r.position, Due: r.due, StockDue: r.stockDue, Deleted: r.deleted, Items: make([]domain.ItemID, len(r.items))}
	for i, p := range r.items {
		s.Items[i] = p.item
	}
	return s
}

// Find is [Catalog.Resolve] for references that must name one product. The error
// says which items an ambiguous reference could mean, or is [domain.ErrNotFound].
func (c *Catalog) Find(store domain.StoreID, ref string) (Match, error) {
	found := c.Resolve(store, ref)
	switch len(found) {
	case 0:
		return Match{}, fmt.Errorf("%q is no SKU, item or product of store %q: %w", ref, store, domain.ErrNotFound)
	case 1:
		return found[0], nil
	}
	names := make([]string, len(found))
	for i, m := range found {
		names[i] = "item:" + string(m.Item)
		if m.Item == "" {
			names[i] = "product:" + string(m.Product)
		}
	}
	return Match{}, fmt.Errorf("%q is ambiguous in store %q: use one of %s", ref, store, strings.Join(names, ", "))
}

// IsUnfoldable reports whether an error of [Catalog.Fold] speaks of the event and
// not of the bucket.
func IsUnfoldable(err error) bool {
	if err == nil { // as for almost every event, and what follows asks for memory
		return false
	}
	var invalid *domain.InvalidError
	return errors.Is(err, domain.ErrTooOld) || errors.As(err, &invalid)
}
