package simulator

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// tx changes products one after the other, so that what one request did can be taken back when a later row of it is at
// fault. The store's lock is held throughout.
type tx struct {
	store   *Store
	undo    []func()
	effects []Effect
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
	for key := range s.channels {
		if key.product == id {
			delete(s.channels, key)
		}
	}
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

// changes lists the written fields with what they were and are. Before may be a nil pointer.
func changes(s *schema, before, after any, keys []string) []FieldChange {
	list := make([]FieldChange, 0, len(keys))
	created := reflect.ValueOf(before).IsNil()
	for _, key := range keys {
		now := s.field(after, key)
		c := FieldChange{Name: key, After: encoded(now)}
		switch {
		case created:
		case now.Comparable() && now.Kind() != reflect.Pointer && now.Equal(s.field(before, key)):
			c.Before = c.After
		default:
			c.Before = encoded(s.field(before, key))
		}
		list = append(list, c)
	}
	return list
}

// encoded is [mustJSON] for fields, most of which are too plain to need it: the log keeps two of each written one.
func encoded(v reflect.Value) json.RawMessage {
	switch v.Kind() {
	case reflect.Bool:
		return strconv.AppendBool(nil, v.Bool())
	case reflect.Int64:
		return strconv.AppendInt(nil, v.Int(), 10)
	case reflect.Float64:
		if n := v.Float(); n == 0 || math.Abs(n) >= 1e-6 && math.Abs(n) < 1e21 {
			return strconv.AppendFloat(nil, n, 'f', -1, 64)
		}
	case reflect.String:
		if text := v.String(); !strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' || strings.ContainsRune(`"\\<>&`, r) }) {
			return slices.Concat([]byte{'"'}, []byte(text), []byte{'"'})
		}
	}
	return mustJSON(v.Interface())
}

// mustJSON encodes a value of this package's own types, which cannot fail.
func mustJSON(v any) json.RawMessage {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("simulator: encoding %T: %v", v, err))
	}
	return raw
}

// replace puts after in the place of before; nil means none. It keeps every index.
func (s *Store) replace(id int64, before, after *Product) {
	if before == nil || after == nil || !sameKeys(before, after) {
		if before != nil {
			delete(s.names, fold(before.Name))
			delete(s.urls, fold(before.CustomURL.URL))
			for sku := range before.allSKUs() {
				delete(s.skus, sku)
			}
			for i := range before.Variants {
				delete(s.variants, before.Variants[i].ID)
			}
		}
		if after != nil {
			s.names[fold(after.Name)] = id
			s.urls[fold(after.CustomURL.URL)] = id
			for sku := range after.allSKUs() {
				s.skus[sku] = id
			}
			for i := range after.Variants {
				s.variants[after.Variants[i].ID] = id
			}
		}
	}
	switch at, _ := slices.BinarySearch(s.order, id); {
	case before == nil && after != nil:
		s.order = slices.Insert(s.order, at, id)
	case before != nil && after == nil:
		s.order = slices.Delete(s.order, at, at+1)
	}
	if after == nil {
		delete(s.products, id)
		return
	}
	s.products[id] = after
}

// sameKeys says that no index needs to change.
func sameKeys(a, b *Product) bool {
	return a.Name == b.Name && a.SKU == b.SKU && a.CustomURL == b.CustomURL &&
		slices.EqualFunc(a.Variants, b.Variants, func(v, w Variant) bool { return v.ID == w.ID && v.SKU == w.SKU })
}

// allSKUs yields the folded SKUs of the product and its variants, except empty ones.
func (p *Product) allSKUs() func(yield func(string) bool) {
	return func(yield func(string) bool) {
		if sku := fold(p.SKU); sku != "" && !yield(sku) {
			return
		}
		for i := range p.Variants {
			if sku := fold(p.Variants[i].SKU); sku != "" && !yield(sku) {
				return
			}
		}
	}
}

// conflict finds what p may not have because another product, or another part of p, has it.
func (s *Store) conflict(p *Product) *problem {
	if id, taken := s.names[fold(p.Name)]; taken && id != p.ID {
		return duplicate("name", "The product name is a duplicate")
	}
	if id, taken := s.urls[fold(p.CustomURL.URL)]; taken && id != p.ID {
		return duplicate("custom_url", "The product url is a duplicate")
	}
	for sku := range p.allSKUs() {
		if id, taken := s.skus[sku]; taken && id != p.ID {
			return duplicate("sku", "The product sku is a duplicate")
		}
	}
	if p.BaseVariantID != nil {
		return nil
	}
	seen := make(map[string]bool, len(p.Variants)+1)
	for sku := range p.allSKUs() {
		if seen[sku] {
			return duplicate("sku", "The product sku is a duplicate")
		}
		seen[sku] = true
	}
	return nil
}

func duplicate(field, title string) *problem {
	return &problem{status: 409, title: title, fields: map[string]string{field: title}}
}

// prefixed returns fields as those of one row of an array.
func prefixed(row int, fields map[string]string) map[string]string {
	out := make(map[string]string, len(fields))
	for key, message := range fields {
		out[fmt.Sprintf("%d.%s", row, strings.TrimSpace(key))] = message
	}
	return out
}
