package domain

import (
	"encoding/json"
	"iter"
	"strconv"
)

// Gist is what an index keeps of a product.
type Gist struct {
	Store                   StoreID
	ID                      ProductID
	Position, Due, StockDue Position
	Described               bool // see [Product.Described]
	Items                   []ItemGist
	Tally                   Tally
}

// ItemGist is what an index keeps of an item.
type ItemGist struct {
	ID                 ItemID
	SKU                SKU
	Described, Deleted bool
}

// ReadGist reads the gist of a product from its JSON form, and passes over the rest: a
// start reads that of every product. The error is an [*InvalidError] for what is no JSON
// object, or has a field of another kind.
func ReadGist(doc []byte) (Gist, error) {
	var g Gist
	doc, err := validJSON("product", doc)
	if err == nil {
		err = mustBeObject("product", doc)
	}
	if err != nil {
		return g, err
	}
	r := gistReader{path: "product"}
	for m := range membersOf(doc) {
		switch string(m.name) {
		case "store":
			g.Store = StoreID(r.text(m))
		case "product":
			g.ID = ProductID(r.text(m))
		case "position":
			g.Position = Position(r.number(m))
		case "due":
			g.Due = Position(r.number(m))
		case "stock_due":
			g.StockDue = Position(r.number(m))
		case "family":
			for in := range r.object(m) {
				if string(in.name) == "name" {
					g.Described = r.text(in) != ""
				}
			}
		case "items":
			g.Items = r.items(m)
		case "tally":
			g.Tally = r.tally(m)
		}
	}
	return g, r.err
}

// gistReader keeps the first error.
type gistReader struct {
	path string
	err  error
}

func (r *gistReader) fail(m member, want string) {
	if r.err == nil {
		r.err = &InvalidError{Path: r.path + "." + string(m.name), Value: jsonText(m.raw), Reason: "must be " + want + ", not " + jsonKind(m.raw)}
	}
}

func (r *gistReader) text(m member) string {
	s, ok := jsonString(m.raw)
	if !ok {
		r.fail(m, "a string")
	}
	return s
}

func (r *gistReader) number(m member) uint64 {
	n, err := strconv.ParseUint(string(m.raw), 10, 64)
	if err != nil {
		r.fail(m, "a whole number")
	}
	return n
}

func (r *gistReader) flag(m member) bool {
	if m.raw[0] != 't' && m.raw[0] != 'f' {
		r.fail(m, "true or false")
	}
	return m.raw[0] == 't'
}

func (r *gistReader) object(m member) iter.Seq[member] {
	if m.raw[0] != '{' {
		r.fail(m, "an object")
		return func(func(member) bool) {}
	}
	return membersOf(m.raw)
}

func (r *gistReader) items(m member) []ItemGist {
	if m.raw[0] == 'n' {
		return nil
	}
	if m.raw[0] != '[' {
		r.fail(m, "a list")
		return nil
	}
	raws := splitList(m.raw)
	items := make([]ItemGist, len(raws))
	for i, raw := range raws {
		it := &items[i]
		for in := range r.object(member{m.name, json.RawMessage(raw)}) {
			switch string(in.name) {
			case "item":
				it.ID = ItemID(r.text(in))
			case "sku":
				it.SKU = SKU(r.text(in))
			case "described":
				it.Described = r.flag(in)
			case "deleted":
				it.Deleted = r.flag(in)
			}
		}
	}
	return items
}

func (r *gistReader) tally(m member) (t Tally) {
	for in := range r.object(m) {
		switch string(in.name) {
		case "folded":
			t.Folded = r.number(in)
		case "superseded":
			t.Superseded = r.number(in)
		case "duplicate":
			t.Duplicate = r.number(in)
		}
	}
	return t
}
