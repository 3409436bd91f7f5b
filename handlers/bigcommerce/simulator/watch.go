package simulator

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Violation is one protected field that a request of an app altered.
type Violation struct {
	Seq     int64           `json:"seq"` // of the request
	At      time.Time       `json:"at"`
	Client  string          `json:"client"`
	Product int64           `json:"product"`
	Variant int64           `json:"variant,omitzero"`
	Field   string          `json:"field"`
	Before  json.RawMessage `json:"before,omitempty"`
	After   json.RawMessage `json:"after,omitempty"`
}

func (v Violation) String() string {
	thing := fmt.Sprintf("product %d", v.Product)
	if v.Variant != 0 {
		thing += fmt.Sprintf(" variant %d", v.Variant)
	}
	before := "nothing"
	if v.Before != nil {
		before = string(v.Before)
	}
	return fmt.Sprintf("request %d altered %s of %s from %s to %s", v.Seq, v.Field, thing, before, v.After)
}

// Violations returns the protected fields that apps altered, in the order in which they did: what a point of sale must
// never touch of a product once it exists, whether the merchant edited it or not. Images may be added by the app that
// created the product, until the merchant edits them.
func (s *Store) Violations() []Violation {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.violations.Newest())
}

// watch notes what a request altered that it must not.
func (s *Store) watch(r *Request, effects []Effect) {
	for _, e := range effects {
		if r.Actor != "api" {
			if slices.ContainsFunc(e.Fields, func(c FieldChange) bool { return c.Name == "images" }) {
				delete(s.published, e.Product)
			}
			continue
		}
		note := func(c FieldChange) {
			s.violations.Add(Violation{Seq: r.Seq, At: r.At, Client: r.Client, Product: e.Product, Variant: e.Variant, Field: c.Name, Before: c.Before, After: c.After})
		}
		switch {
		case e.Kind == "product" && e.Verb == Created:
			s.published[e.Product] = r.Client
		case e.Kind == "image" && s.published[e.Product] != r.Client:
			note(FieldChange{Name: "images", After: mustJSON(e.ID)})
		case e.Verb == Updated && (e.Kind == "product" || e.Kind == "variant"):
			for _, c := range e.Fields {
				if c.Changed() && slices.Contains(protected(e.Kind), c.Name) {
					note(c)
				}
			}
		}
	}
}

// protected are the fields of a product, or of a variant, that a point of sale must never touch: what BigCommerce owns
// of them, and what it has no word about.
func protected(kind string) []string {
	if kind == "variant" {
		return protectedOfVariant[:]
	}
	return protectedOfProduct[:]
}

var protectedOfProduct = [...]string{
	"weight", "width", "height", "depth", "retail_price", "sale_price", "tax_class_id", "product_tax_code",
	"page_title", "meta_keywords", "meta_description", "search_keywords", "custom_url",
	"open_graph_type", "open_graph_title", "open_graph_description",
	"open_graph_use_meta_description", "open_graph_use_product_name", "open_graph_use_image",
	"custom_fields", "modifiers", "upc", "gtin", "mpn", "categories", "images",
	"map_price", "fixed_cost_shipping_price", "is_free_shipping", "is_price_hidden", "price_hidden_label",
	"is_featured", "sort_order", "related_products", "layout_file", "warranty", "condition", "is_condition_shown",
	"gift_wrapping_options_type", "gift_wrapping_options_list", "order_quantity_minimum", "order_quantity_maximum",
	"availability", "availability_description", "preorder_release_date", "preorder_message", "is_preorder_only",
	"inventory_warning_level", "bin_picking_number",
}

var protectedOfVariant = [...]string{
	"weight", "width", "height", "depth", "retail_price", "sale_price", "upc", "gtin", "mpn", "image_url",
	"map_price", "fixed_cost_shipping_price", "is_free_shipping", "purchasing_disabled", "purchasing_disabled_message",
	"inventory_warning_level", "bin_picking_number",
}

// OwnedFields returns what is protected of a product and its variants as JSON that is the same byte for byte as long as
// none of it changed; nil when there is no such product.
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
	write(p, s.product, protectedOfProduct[:])
	b.WriteString(`,"variants":[`)
	sorted := slices.SortedFunc(slices.Values(p.Variants), func(v, w Variant) int { return int(v.ID - w.ID) })
	for i := range sorted {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"id":%d,`, sorted[i].ID)
		write(&sorted[i], s.variant, protectedOfVariant[:])
		b.WriteByte('}')
	}
	b.WriteString("]}")
	return json.RawMessage(b.String())
}
