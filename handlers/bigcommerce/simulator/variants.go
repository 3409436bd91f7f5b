package simulator

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
)

const maxVariants = 50 // in one batch

// BigCommerce's own codes for what is wrong with a variant.
const (
	codeNoVariant   = 22001
	codeEmptySKU    = 22004
	codeSameOptions = 22010
)

func listVariants(s *Store, x *exchange) (response, *problem) {
	l, refusal := parseListing(x.request.URL.Query(), maxPage, "id", "sku", "sku:in", "product_id", "product_id:in")
	if refusal != nil {
		return response{}, refusal
	}
	products := s.order
	pass := func(*Variant) bool { return true }
	for name, values := range l.filters {
		before := pass
		switch name {
		case "product_id", "product_id:in":
			wanted, refusal := ids(name, values[0])
			if refusal != nil {
				return response{}, refusal
			}
			products = s.existing(products, wanted)
		case "id":
			wanted, refusal := ids(name, values[0])
			if refusal != nil {
				return response{}, refusal
			}
			products = s.existing(products, []int64{s.variants[wanted[0]]})
			pass = func(v *Variant) bool { return before(v) && v.ID == wanted[0] }
		case "sku", "sku:in":
			skus := []string{fold(values[0])}
			if name == "sku:in" {
				skus = strings.Split(fold(values[0]), ",")
			}
			var owners []int64
			for _, sku := range skus {
				owners = append(owners, s.skus[sku])
			}
			products = s.existing(products, owners)
			pass = func(v *Variant) bool { return before(v) && slices.Contains(skus, fold(v.SKU)) }
		}
	}
	if len(l.filters) == 0 {
		return s.pageOfVariants(l, products), nil
	}
	var found []*Variant
	for _, id := range products {
		for i := range s.products[id].Variants {
			if v := &s.products[id].Variants[i]; pass(v) {
				found = append(found, v)
			}
		}
	}
	return l.reply(len(found), func(i int) json.RawMessage { return l.show(s.variant, found[i]) }), nil
}

// pageOfVariants lists all variants; a reader of the whole store comes here once per page, so it only counts up to it.
func (s *Store) pageOfVariants(l listing, products []int64) response {
	from := (l.page - 1) * l.limit
	var onPage []*Variant
	n := 0
	for _, id := range products {
		variants := s.products[id].Variants
		for i := max(0, from-n); i < len(variants) && len(onPage) < l.limit; i++ {
			onPage = append(onPage, &variants[i])
		}
		n += len(variants)
	}
	return l.reply(n, func(i int) json.RawMessage { return l.show(s.variant, onPage[i-from]) })
}

func listProductVariants(s *Store, x *exchange) (response, *problem) {
	l, refusal := parseListing(x.request.URL.Query(), maxPage)
	if refusal != nil {
		return response{}, refusal
	}
	p, refusal := s.find(x)
	if refusal != nil {
		return response{}, refusal
	}
	return l.reply(len(p.Variants), func(i int) json.RawMessage { return l.show(s.variant, &p.Variants[i]) }), nil
}

// findVariant returns a copy of the product that the path names and the index of the variant in it.
func (s *Store) findVariant(x *exchange) (*Product, int, *problem) {
	if _, refusal := s.find(x); refusal != nil {
		return nil, 0, refusal
	}
	p := x.tx.edit(x.id("product"))
	if at := p.variant(x.id("variant")); at >= 0 {
		return p, at, nil
	}
	refusal := notFound("No variants with id %s found for product id %d", x.request.PathValue("variant"), p.ID)
	refusal.code = codeNoVariant
	return nil, 0, refusal
}

func readVariant(s *Store, x *exchange) (response, *problem) {
	p, at, refusal := s.findVariant(x)
	if refusal != nil {
		return response{}, refusal
	}
	return ok(mustJSON(p.Variants[at])), nil
}

func createVariant(s *Store, x *exchange) (response, *problem) {
	if _, refusal := s.find(x); refusal != nil {
		return response{}, refusal
	}
	var row fields
	if refusal := x.decode(&row); refusal != nil {
		return response{}, refusal
	}
	made, refusal := s.extend(x.tx, x.tx.edit(x.id("product")), row)
	if refusal != nil {
		return response{}, refusal
	}
	return ok(mustJSON(made)), nil
}

// changeVariant writes the fields of row to a variant. Option values that are sent are ignored, as BigCommerce does;
// so is a SKU unless renaming is allowed, since the batch call does not document one.
func (s *Store) changeVariant(t *tx, p *Product, at int, row fields, rename bool) *problem {
	before := p.Variants[at]
	v := &p.Variants[at]
	keys, wrong := s.variant.apply(v, row)
	if wrong != nil {
		return invalid(wrong)
	}
	if raw, ok := row["sku"]; ok && rename {
		sku, refusal := nonEmptySKU(raw)
		if refusal != nil {
			return refusal
		}
		v.SKU = sku
		if p.BaseVariantID != nil {
			p.SKU = sku
		}
		keys = append(keys, "sku")
	}
	if refusal := t.put(p, nil); refusal != nil {
		return refusal
	}
	if _, ok := row["inventory_level"]; ok {
		t.setStock(stockKey{s.cfg.Locations[0], p.ID, v.ID}, v.InventoryLevel)
	}
	if len(keys) > 0 {
		t.effects = append(t.effects, variantEffect(Updated, v, changes(s.variant, &before, v, keys)))
	}
	return nil
}

func updateVariant(s *Store, x *exchange) (response, *problem) {
	p, at, refusal := s.findVariant(x)
	if refusal != nil {
		return response{}, refusal
	}
	var row fields
	if refusal := x.decode(&row); refusal != nil {
		return response{}, refusal
	}
	if refusal := s.changeVariant(x.tx, p, at, row, true); refusal != nil {
		return response{}, refusal
	}
	return ok(mustJSON(p.Variants[at])), nil
}

func updateVariants(s *Store, x *exchange) (response, *problem) {
	var rows []fields
	if refusal := x.decode(&rows); refusal != nil {
		return response{}, refusal
	}
	if len(rows) > maxVariants {
		return response{}, tooMany(maxVariants)
	}
	var wrong []*problem
	var shown []json.RawMessage
	for _, row := range rows {
		v, refusal := s.writeRow(x.tx, row)
		if refusal != nil {
			wrong = append(wrong, refusal)
			continue
		}
		shown = append(shown, mustJSON(v))
	}
	if wrong != nil {
		return response{}, &problem{status: http.StatusUnprocessableEntity, batch: wrong}
	}
	return ok(joined(shown)), nil
}

// writeRow changes the variant that a row names by id, or adds one when it names none.
func (s *Store) writeRow(t *tx, row fields) (Variant, *problem) {
	id, product := int64(0), int64(0)
	if raw, ok := row["id"]; ok && json.Unmarshal(raw, &id) != nil {
		return Variant{}, invalid(map[string]string{"id": "error.expected.jsnumber"})
	}
	if id != 0 {
		p := t.edit(s.variants[id])
		if p == nil {
			refusal := notFound("No variants with id %d found", id)
			refusal.code = codeNoVariant
			return Variant{}, refusal
		}
		at := p.variant(id)
		refusal := s.changeVariant(t, p, at, row, false)
		return p.Variants[at], refusal
	}
	if json.Unmarshal(row["product_id"], &product) != nil {
		return Variant{}, invalid(missing("product_id"))
	}
	p := t.edit(product)
	if p == nil {
		return Variant{}, notFound("A product was not found with an id of %d", product)
	}
	return s.extend(t, p, row)
}

func deleteVariant(s *Store, x *exchange) (response, *problem) {
	p, at, refusal := s.findVariant(x)
	if refusal != nil {
		return response{}, refusal
	}
	if p.BaseVariantID != nil {
		return response{}, &problem{status: http.StatusUnprocessableEntity, title: "The base variant of a product cannot be deleted"}
	}
	s.dropVariants(x.tx, p, func(v Variant) bool { return v.ID == p.Variants[at].ID })
	return noContent(), x.tx.put(p, nil)
}

// dropVariants takes variants, and their stock, from a product that is about to be put.
func (s *Store) dropVariants(t *tx, p *Product, which func(Variant) bool) {
	kept := make([]Variant, 0, len(p.Variants))
	for _, v := range p.Variants {
		if !which(v) {
			kept = append(kept, v)
			continue
		}
		for _, location := range s.cfg.Locations {
			t.dropStock(stockKey{location, p.ID, v.ID})
		}
		t.effects = append(t.effects, variantEffect(Deleted, &v, nil))
	}
	p.Variants = kept
}
