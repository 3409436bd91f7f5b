package simulator

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// tx changes products one after the other, so that what one request did can be taken back when a later row of it is at
// fault. The store's lock is held throughout.
type tx struct {
	store   *Store
	undo    []func()
	effects []Effect
	partial map[string]string // what was not saved, though the rest was
}

// edit returns a copy of a product that may be changed, to be given to put; nil when there is no such product.
func (t *tx) edit(id int64) *Product {
	p, ok := t.store.products[id]
	if !ok {
		return nil
	}
	return p.clone()
}

// clone returns a copy that shares no slice that the store writes to.
func (p *Product) clone() *Product {
	c := *p
	c.Variants = slices.Clone(p.Variants)
	c.Options = slices.Clone(p.Options)
	c.Modifiers = slices.Clone(p.Modifiers)
	c.Images = slices.Clone(p.Images)
	c.CustomFields = slices.Clone(p.CustomFields)
	return &c
}

// deepCopy returns a copy that shares nothing.
func (p *Product) deepCopy() *Product {
	var c Product
	if err := json.Unmarshal(mustJSON(p), &c); err != nil {
		panic(fmt.Sprintf("simulator: copying product %d: %v", p.ID, err))
	}
	return &c
}

// create adds a product whose ids are given. The keys are those to be logged.
func (t *tx) create(p *Product, keys []string) *problem {
	s := t.store
	if s.products[p.ID] != nil {
		return &problem{status: 409, title: fmt.Sprintf("product id %d is taken", p.ID)}
	}
	if p.CustomURL.URL == "" {
		p.CustomURL.URL = s.freeURL(p.Name, p.ID)
	}
	now := s.cfg.Now().UTC().Format(time.RFC3339)
	p.DateCreated, p.DateModified = now, now
	return t.put(p, keys)
}

// freeURL makes an address that no product has.
func (s *Store) freeURL(name string, id int64) string {
	address := "/" + slug(name) + "/"
	if _, taken := s.urls[fold(address)]; taken || address == "//" {
		address = fmt.Sprintf("/%s-%d/", slug(name), id)
	}
	return address
}

// put stores a new or changed product unless its name, a SKU or its URL is another's. The keys are those that were
// written, for the log.
func (t *tx) put(p *Product, keys []string) *problem {
	s := t.store
	before := s.products[p.ID]
	s.number(p)
	p.finish()
	if before == nil || !sameKeys(before, p) {
		if fault := s.conflict(p); fault != nil {
			return fault
		}
	}
	t.undo = append(t.undo, func() { s.replace(p.ID, p, before) })
	s.replace(p.ID, before, p)
	verb := Updated
	if before == nil {
		verb = Created
	}
	if len(keys) > 0 || verb == Created {
		t.effects = append(t.effects, Effect{Verb: verb, Kind: "product", Product: p.ID, Fields: changes(s.product, before, p, keys)})
	}
	return nil
}

// delete removes a product and its stock.
func (t *tx) delete(id int64) {
	s := t.store
	before := s.products[id]
	t.undo = append(t.undo, func() { s.replace(id, nil, before) })
	s.replace(id, before, nil)
	for _, location := range s.cfg.Locations {
		t.dropStock(stockKey{location: location, product: id})
		for _, v := range before.Variants {
			t.dropStock(stockKey{location, id, v.ID})
		}
	}
	offered := s.channels[id]
	t.undo = append(t.undo, func() {
		if offered != nil {
			s.channels[id] = offered
		}
	})
	delete(s.channels, id)
	t.effects = append(t.effects, Effect{Verb: Deleted, Kind: "product", Product: id})
}

// stockAsShown makes the stock at the default location what the catalog shows.
func (t *tx) stockAsShown(p *Product) {
	location := t.store.cfg.Locations[0]
	if p.InventoryTracking != "variant" {
		t.setStock(stockKey{location: location, product: p.ID}, p.InventoryLevel)
		return
	}
	for i := range p.Variants {
		t.setStock(stockKey{location, p.ID, p.Variants[i].ID}, p.Variants[i].InventoryLevel)
	}
}

// setStock sets what is in stock, and dropStock forgets it.
func (t *tx) setStock(key stockKey, n int64) {
	t.undoStock(key)
	t.store.stock[key] = n
}

func (t *tx) dropStock(key stockKey) {
	t.undoStock(key)
	delete(t.store.stock, key)
}

func (t *tx) undoStock(key stockKey) {
	stock := t.store.stock
	before, was := stock[key]
	t.undo = append(t.undo, func() {
		delete(stock, key)
		if was {
			stock[key] = before
		}
	})
}

// rollback takes everything back.
func (t *tx) rollback() {
	for _, undo := range slices.Backward(t.undo) {
		undo()
	}
	t.undo, t.effects = nil, nil
}

// prefixed returns fields as those of one row of an array.
func prefixed(row int, fields map[string]string) map[string]string {
	out := make(map[string]string, len(fields))
	for key, message := range fields {
		out[fmt.Sprintf("%d.%s", row, strings.TrimSpace(key))] = message
	}
	return out
}
