package simulator

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"time"
	"unicode/utf8"
)

const (
	maxProducts = 10  // in one batch, and on a page with options or modifiers
	maxDeleted  = 250 // in one call
	maxSKUs     = 600 // of one product
)

func listProducts(s *Store, x *exchange) (response, *problem) {
	l, refusal := parseListing(x.request.URL.Query(), maxPage, productFilters[:]...)
	if refusal != nil {
		return response{}, refusal
	}
	if slices.Contains(l.include, "options") || slices.Contains(l.include, "modifiers") {
		l.limit = min(l.limit, maxProducts)
	}
	found, refusal := s.filterProducts(l)
	if refusal != nil {
		return response{}, refusal
	}
	return l.reply(len(found), func(i int) json.RawMessage { return s.showProduct(l, s.products[found[i]]) }), nil
}

func readProduct(s *Store, x *exchange) (response, *problem) {
	l, refusal := parseListing(x.request.URL.Query(), maxPage)
	if refusal != nil {
		return response{}, refusal
	}
	p, refusal := s.find(x)
	if refusal != nil {
		return response{}, refusal
	}
	return ok(s.showProduct(l, p)), nil
}

// find returns the product that the path names.
func (s *Store) find(x *exchange) (*Product, *problem) {
	if p := s.products[x.id("product")]; p != nil {
		return p, nil
	}
	return nil, notFound("A product was not found with an id of %s", x.request.PathValue("product"))
}

// written is the listing by which the reply to a write is shown: with its variants, unless fields were chosen.
func written(x *exchange) (listing, *problem) {
	l, refusal := parseListing(x.request.URL.Query(), maxPage)
	if l.fields == nil && l.include == nil {
		l.include = []string{"variants"}
	}
	return l, refusal
}

func createProduct(s *Store, x *exchange) (response, *problem) {
	l, refusal := written(x)
	if refusal != nil {
		return response{}, refusal
	}
	var body fields
	if refusal := x.decode(&body); refusal != nil {
		return response{}, refusal
	}
	for _, key := range []string{"name", "type", "weight", "price"} {
		if _, ok := body[key]; !ok {
			return response{}, invalid(missing(key))
		}
	}
	p := NewProduct("", "", 0)
	if _, wrong := s.product.apply(&p, body); wrong != nil {
		return response{}, invalid(wrong)
	}
	if refusal := s.brand(&p, body); refusal != nil {
		return response{}, refusal
	}
	if raw, ok := body["variants"]; ok {
		if refusal := s.bornVariants(&p, raw); refusal != nil {
			return response{}, refusal
		}
	}
	if raw, ok := body["images"]; ok {
		if refusal := s.bornImages(&p, raw); refusal != nil {
			return response{}, refusal
		}
	}
	s.number(&p)
	if refusal := x.tx.create(&p, s.product.keys()); refusal != nil {
		return response{}, refusal
	}
	if _, ok := body["inventory_level"]; ok {
		x.tx.stockAsShown(&p)
	}
	return ok(s.showProduct(l, s.products[p.ID])), nil
}

// change writes to a product what was read from body, and stores it.
func (s *Store) change(t *tx, p *Product, body fields, written writes) *problem {
	written.to(p)
	keys := written.keys()
	_, named := body["brand_name"]
	if refusal := s.brand(p, body); refusal != nil {
		return refusal
	}
	if named {
		keys = append(keys, "brand_id")
	}
	p.DateModified = s.cfg.Now().UTC().Format(time.RFC3339)
	// An address that another product has spoils a new product, and only itself in one that exists: the reply says 207.
	if id, taken := s.urls[fold(p.CustomURL.URL)]; taken && id != p.ID {
		p.CustomURL = s.products[p.ID].CustomURL
		t.partial = map[string]string{"custom_url": "The product url is a duplicate"}
	}
	if refusal := t.put(p, keys); refusal != nil {
		return refusal
	}
	if _, ok := body["inventory_level"]; ok {
		t.stockAsShown(p)
	}
	return nil
}

// brand finds or makes the brand that brand_name names, and otherwise checks that the brand exists.
func (s *Store) brand(p *Product, body fields) *problem {
	if raw, ok := body["brand_name"]; ok {
		var name string
		if err := json.Unmarshal(raw, &name); err != nil || utf8.RuneCountInString(name) > 255 {
			return invalid(map[string]string{"brand_name": "error.expected.jsstring"})
		}
		if p.BrandID = s.brands.find(name); p.BrandID == 0 && fold(name) != "" {
			return &problem{status: http.StatusForbidden, title: fmt.Sprintf("A store has at most %d brands", maxBrands)}
		}
	}
	if _, ok := s.brands.byID[p.BrandID]; !ok && p.BrandID != 0 {
		return &problem{status: http.StatusConflict, title: fmt.Sprintf("The brand %d does not exist", p.BrandID), fields: map[string]string{"brand_id": "does not exist"}}
	}
	return nil
}

func updateProduct(s *Store, x *exchange) (response, *problem) {
	l, refusal := written(x)
	if refusal != nil {
		return response{}, refusal
	}
	if _, refusal := s.find(x); refusal != nil {
		return response{}, refusal
	}
	var body fields
	if refusal := x.decode(&body); refusal != nil {
		return response{}, refusal
	}
	p := x.tx.edit(x.id("product"))
	written, wrong := s.product.read(body)
	if wrong != nil {
		return response{}, invalid(wrong)
	}
	if refusal := s.change(x.tx, p, body, written); refusal != nil {
		return response{}, refusal
	}
	return ok(s.showProduct(l, p)), nil
}

func updateProducts(s *Store, x *exchange) (response, *problem) {
	l, refusal := written(x)
	if refusal != nil {
		return response{}, refusal
	}
	var rows []fields
	if refusal := x.decode(&rows); refusal != nil {
		return response{}, refusal
	}
	if len(rows) > maxProducts {
		return response{}, tooMany(maxProducts)
	}
	// The shape of every row is looked at before the first one is stored.
	numbers, read := make([]int64, len(rows)), make([]writes, len(rows))
	for i, row := range rows {
		if json.Unmarshal(row["id"], &numbers[i]) != nil || numbers[i] < 1 {
			return response{}, invalid(prefixed(i, missing("id")))
		}
		var wrong map[string]string
		if read[i], wrong = s.product.read(row); wrong != nil {
			return response{}, invalid(prefixed(i, wrong))
		}
	}
	var first *problem
	var shown []json.RawMessage
	for i, row := range rows {
		p := x.tx.edit(numbers[i])
		var refusal *problem
		if p == nil {
			refusal = notFound("A product was not found with an id of %d", numbers[i])
		} else {
			refusal = s.change(x.tx, p, row, read[i])
		}
		switch {
		case refusal == nil:
			shown = append(shown, s.showProduct(l, p))
		case !s.cfg.SaveGoodRows:
			return response{}, refusal
		case first == nil:
			first = refusal
		}
	}
	if first != nil {
		return first.response(), nil // not as a refusal, which would take the good rows back
	}
	return withMeta(joined(shown), mustJSON(map[string]any{"pagination": map[string]any{"total": len(rows), "count": len(rows), "per_page": maxProducts, "current_page": 1, "total_pages": 1}})), nil
}

func joined(rows []json.RawMessage) json.RawMessage {
	raw := make([][]byte, len(rows))
	for i, row := range rows {
		raw[i] = row
	}
	return slices.Concat([]byte{'['}, bytes.Join(raw, []byte{','}), []byte{']'})
}

func deleteProduct(s *Store, x *exchange) (response, *problem) {
	if _, refusal := s.find(x); refusal != nil {
		return response{}, refusal
	}
	x.tx.delete(x.id("product"))
	return noContent(), nil
}

func deleteProducts(s *Store, x *exchange) (response, *problem) {
	l, refusal := parseListing(x.request.URL.Query(), maxPage, productFilters[:]...)
	if refusal != nil {
		return response{}, refusal
	}
	if len(l.filters) == 0 {
		return response{}, &problem{status: http.StatusUnprocessableEntity, title: "A filter is required to delete products"}
	}
	found, refusal := s.filterProducts(l)
	if refusal != nil {
		return response{}, refusal
	}
	found = slices.Clone(found)
	if len(found) > maxDeleted {
		return response{}, tooMany(maxDeleted)
	}
	for _, id := range found {
		x.tx.delete(id)
	}
	return noContent(), nil
}
