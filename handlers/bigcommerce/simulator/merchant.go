package simulator

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// MerchantEdit lets edit change any field of a product but its ids, as the merchant does in the control panel: no
// request is counted and no quota is spent, and the log shows it with the actor "merchant". It is refused, and nothing
// changed, when the result has a name, SKU or URL that another product has. The edit must not keep the product, nor call
// the store.
func (s *Store) MerchantEdit(id int64, edit func(*Product)) error {
	defer s.tell()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settleStock()
	t := &tx{store: s}
	before := s.products[id]
	if before == nil {
		return fmt.Errorf("product %d is not in the store", id)
	}
	p := before.deepCopy()
	edit(p)
	p.ID = id
	p.DateModified = s.cfg.Now().UTC().Format(time.RFC3339)
	if refusal := t.put(p, s.differing(before, p)); refusal != nil {
		return fmt.Errorf("product %d: %s", id, refusal.title)
	}
	t.stockAsShown(p)
	s.record(s.merchantRequest("PUT", id), t.effects)
	return nil
}

// MerchantDelete removes a product as the merchant does in the control panel.
func (s *Store) MerchantDelete(id int64) error {
	defer s.tell()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settleStock()
	if s.products[id] == nil {
		return fmt.Errorf("product %d is not in the store", id)
	}
	t := &tx{store: s}
	t.delete(id)
	s.record(s.merchantRequest("DELETE", id), t.effects)
	return nil
}

func (s *Store) merchantRequest(method string, id int64) *Request {
	r := &Request{At: s.cfg.Now(), Actor: "merchant", Method: method, Path: fmt.Sprintf("/catalog/products/%d", id), Status: 200}
	s.log.add(r)
	return r
}

// merchantFields writes fields by their JSON keys, by the rules of the API.
func (s *Store) merchantFields(id int64, body fields) error {
	var wrong map[string]string
	var known []string
	err := s.MerchantEdit(id, func(p *Product) {
		c := p.clone()
		if known, wrong = s.product.apply(c, body); wrong == nil {
			*p = *c
		}
	})
	if wrong != nil {
		return fmt.Errorf("fields %v cannot be so", wrong)
	}
	if err == nil && len(known) != len(body) {
		return errors.New("some of the fields are unknown or read-only, and were left out")
	}
	return err
}

// differing returns the keys of the fields that differ.
func (s *Store) differing(before, after *Product) []string {
	return slices.DeleteFunc(slices.Clone(s.product.order), func(key string) bool {
		return key == "date_modified" || bytes.Equal(encoded(s.product.field(before, key)), encoded(s.product.field(after, key)))
	})
}

// ownedKeys are the fields of a product that a point of sale must never touch.
func ownedKeys() []string {
	return []string{
		"weight", "width", "height", "depth", "retail_price", "sale_price", "tax_class_id", "product_tax_code",
		"page_title", "meta_keywords", "meta_description", "search_keywords", "custom_url",
		"open_graph_type", "open_graph_title", "open_graph_description",
		"open_graph_use_meta_description", "open_graph_use_product_name", "open_graph_use_image",
		"custom_fields", "modifiers", "upc", "gtin", "mpn", "categories", "images",
	}
}

// ownedVariantKeys are those of a variant.
func ownedVariantKeys() []string {
	return []string{"weight", "width", "height", "depth", "retail_price", "sale_price", "upc", "gtin", "mpn", "image_url"}
}

// OwnedFields returns what the merchant owns of a product and its variants as JSON that is the same byte for byte as
// long as none of it changed; nil when there is no such product.
func (s *Store) OwnedFields(id int64) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.products[id]
	if p == nil {
		return nil
	}
	var b strings.Builder
	write := func(target any, schema *schema, keys []string) {
		for i, key := range keys {
			if i > 0 {
				b.WriteByte(',')
			}
			fmt.Fprintf(&b, "%q:%s", key, encoded(schema.field(target, key)))
		}
	}
	b.WriteByte('{')
	write(p, s.product, ownedKeys())
	b.WriteString(`,"variants":[`)
	sorted := slices.SortedFunc(slices.Values(p.Variants), func(v, w Variant) int { return int(v.ID - w.ID) })
	for i := range sorted {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"id":%d,`, sorted[i].ID)
		write(&sorted[i], s.variant, ownedVariantKeys())
		b.WriteByte('}')
	}
	b.WriteString("]}")
	return json.RawMessage(b.String())
}
