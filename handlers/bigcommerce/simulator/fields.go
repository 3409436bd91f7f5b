package simulator

import (
	"encoding/json"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// kind is the JSON kind that a field takes.
type kind int

const (
	text   kind = iota // min and max bound its characters
	amount             // a number, kept to four decimals
	whole              // an integer
	level              // an integer that is clamped into its range rather than refused
	flag
	list // max bounds its length
	object
)

// rule says what may be written to one field. A field without a rule is read-only, and what is sent for it is ignored,
// as BigCommerce ignores keys that it does not know.
type rule struct {
	key      string
	kind     kind
	min, max float64
	enum     []string
	nullable bool
	field    reflect.StructField // found by the schema
}

const (
	most     = 9_999_999_999
	maxStock = math.MaxInt32
)

// productRules are the lengths and ranges that BigCommerce documents for POST and PUT of a product.
func productRules() []rule {
	return []rule{
		{key: "name", kind: text, min: 1, max: 250},
		{key: "type", kind: text, enum: []string{"physical", "digital"}},
		{key: "sku", kind: text, max: 255},
		{key: "description", kind: text, max: math.Inf(1)},
		{key: "weight", kind: amount, max: most},
		{key: "width", kind: amount, max: most},
		{key: "depth", kind: amount, max: most},
		{key: "height", kind: amount, max: most},
		{key: "price", kind: amount, max: math.Inf(1)},
		{key: "cost_price", kind: amount, max: math.Inf(1)},
		{key: "retail_price", kind: amount, max: math.Inf(1)},
		{key: "sale_price", kind: amount, max: math.Inf(1)},
		{key: "map_price", kind: amount, max: math.Inf(1)},
		{key: "tax_class_id", kind: whole, max: 255},
		{key: "product_tax_code", kind: text, max: 255},
		{key: "categories", kind: list, max: 1000},
		{key: "brand_id", kind: whole, max: 1e9},
		{key: "inventory_level", kind: level, max: maxStock},
		{key: "inventory_warning_level", kind: level, max: maxStock},
		{key: "inventory_tracking", kind: text, enum: []string{"none", "product", "variant"}},
		{key: "reviews_rating_sum", kind: whole, max: most},
		{key: "reviews_count", kind: whole, max: most},
		{key: "total_sold", kind: whole, max: most},
		{key: "fixed_cost_shipping_price", kind: amount, max: math.Inf(1)},
		{key: "is_free_shipping", kind: flag},
		{key: "is_visible", kind: flag},
		{key: "is_featured", kind: flag},
		{key: "related_products", kind: list, max: 50},
		{key: "warranty", kind: text, max: 65535},
		{key: "bin_picking_number", kind: text, max: 255},
		{key: "layout_file", kind: text, max: 500},
		{key: "upc", kind: text, max: 14},
		{key: "mpn", kind: text, max: math.Inf(1)},
		{key: "gtin", kind: text, max: 14},
		{key: "search_keywords", kind: text, max: 65535},
		{key: "availability", kind: text, enum: []string{"available", "disabled", "preorder"}},
		{key: "availability_description", kind: text, max: 255},
		{key: "gift_wrapping_options_type", kind: text, enum: []string{"any", "none", "list"}},
		{key: "gift_wrapping_options_list", kind: list, max: math.Inf(1)},
		{key: "sort_order", kind: whole, min: math.MinInt32, max: maxStock},
		{key: "condition", kind: text, enum: []string{"New", "Used", "Refurbished"}},
		{key: "is_condition_shown", kind: flag},
		{key: "order_quantity_minimum", kind: whole, max: 1e9},
		{key: "order_quantity_maximum", kind: whole, max: 1e9},
		{key: "page_title", kind: text, max: 255},
		{key: "meta_keywords", kind: list, max: math.Inf(1)},
		{key: "meta_description", kind: text, max: 65535},
		{key: "view_count", kind: whole, max: 1e9},
		{key: "preorder_release_date", kind: text, max: 64, nullable: true},
		{key: "preorder_message", kind: text, max: 255},
		{key: "is_preorder_only", kind: flag},
		{key: "is_price_hidden", kind: flag},
		{key: "price_hidden_label", kind: text, max: 200},
		{key: "custom_url", kind: object},
		{key: "open_graph_type", kind: text, enum: []string{"product", "album", "book", "drink", "food", "game", "movie", "song", "tv_show"}},
		{key: "open_graph_title", kind: text, max: math.Inf(1)},
		{key: "open_graph_description", kind: text, max: math.Inf(1)},
		{key: "open_graph_use_meta_description", kind: flag},
		{key: "open_graph_use_product_name", kind: flag},
		{key: "open_graph_use_image", kind: flag},
		{key: "custom_fields", kind: list, max: 200},
	}
}

// variantRules are what a variant may be sent besides its SKU and option values, which have ways of their own.
func variantRules() []rule {
	rules := []rule{
		{key: "is_free_shipping", kind: flag},
		{key: "purchasing_disabled", kind: flag},
		{key: "purchasing_disabled_message", kind: text, max: 255},
		{key: "image_url", kind: text, max: 255},
		{key: "upc", kind: text, max: 14},
		{key: "mpn", kind: text, max: math.Inf(1)},
		{key: "gtin", kind: text, max: 14},
		{key: "inventory_level", kind: level, max: maxStock},
		{key: "inventory_warning_level", kind: level, max: maxStock},
		{key: "bin_picking_number", kind: text, max: 255},
	}
	for _, key := range []string{"price", "cost_price", "sale_price", "retail_price", "map_price", "weight", "width", "height", "depth", "fixed_cost_shipping_price"} {
		rules = append(rules, rule{key: key, kind: amount, max: most, nullable: true})
	}
	return rules
}

// schema ties rules to the fields of one struct type, by JSON key.
type schema struct {
	rules []rule
	index map[string]int
	order []string
	parts []string // shown on request only
}

func schemaOf(t reflect.Type, rules []rule) *schema {
	s := &schema{rules: rules, index: map[string]int{}}
	for i := range t.NumField() {
		key, option, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		s.index[key] = i
		s.order = append(s.order, key)
		if option == "omitzero" {
			s.parts = append(s.parts, key)
		}
	}
	for i := range s.rules {
		s.rules[i].field = t.Field(s.index[s.rules[i].key])
	}
	return s
}

// keys are the keys that can be written.
func (s *schema) keys() []string {
	keys := make([]string, len(s.rules))
	for i, r := range s.rules {
		keys[i] = r.key
	}
	return keys
}

// field returns the field of the struct that target points at.
func (s *schema) field(target any, key string) reflect.Value {
	return reflect.ValueOf(target).Elem().Field(s.index[key])
}

// write is a value for one field that its rule allows.
type write struct {
	rule  *rule
	value reflect.Value
}

// writes are the fields that one body writes.
type writes []write

func (w writes) keys() []string {
	keys := make([]string, len(w))
	for i := range w {
		keys[i] = w[i].rule.key
	}
	return keys
}

// to writes the fields to the struct that target points at. Slices are replaced, never written through.
func (w writes) to(target any) {
	into := reflect.ValueOf(target).Elem()
	for _, one := range w {
		into.FieldByIndex(one.rule.field.Index).Set(one.value)
	}
}

// read decodes the fields that body names, and returns what is wrong with those that their rules do not allow. Keys that
// the rules do not name change nothing.
func (s *schema) read(body fields) (written writes, wrong map[string]string) {
	written = make(writes, 0, len(body))
	for i := range s.rules {
		r := &s.rules[i]
		raw, present := body[r.key]
		if !present {
			continue
		}
		fresh := reflect.New(r.field.Type)
		if message := r.decode(raw, fresh); message != "" {
			if wrong == nil {
				wrong = map[string]string{}
			}
			wrong[r.key] = message
			continue
		}
		written = append(written, write{r, fresh.Elem()})
	}
	return written, wrong
}

// apply reads body and, unless something in it is wrong, writes it to the struct that target points at.
func (s *schema) apply(target any, body fields) (written []string, wrong map[string]string) {
	w, wrong := s.read(body)
	if wrong != nil {
		return nil, wrong
	}
	w.to(target)
	return w.keys(), nil
}

// decode reads raw into the value that fresh points at, and returns what is wrong with it.
func (r rule) decode(raw json.RawMessage, fresh reflect.Value) string {
	if string(raw) == "null" {
		if r.nullable {
			return ""
		}
		return "error.expected.notnull"
	}
	if r.kind == level {
		var n float64
		if json.Unmarshal(raw, &n) != nil || n != math.Trunc(n) {
			return "error.expected.jsnumber"
		}
		fresh.Elem().SetInt(int64(min(max(n, r.min), r.max)))
		return ""
	}
	if !plain(raw, fresh.Elem()) && json.Unmarshal(raw, fresh.Interface()) != nil {
		return [...]string{text: "error.expected.jsstring", amount: "error.expected.jsnumber", whole: "error.expected.jsnumber",
			flag: "error.expected.jsboolean", list: "error.expected.jsarray", object: "error.expected.jsobject"}[r.kind]
	}
	v := fresh.Elem()
	if v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	size := 0.0
	switch r.kind {
	case text:
		if r.enum != nil {
			if !slices.Contains(r.enum, v.String()) {
				return "want one of " + strings.Join(r.enum, ", ")
			}
			return ""
		}
		size = float64(utf8.RuneCountInString(v.String()))
	case amount:
		size = v.Float()
		v.SetFloat(math.Round(size*1e4) / 1e4)
	case whole:
		size = float64(v.Int())
	case list:
		size = float64(v.Len())
	}
	switch {
	case size < r.min:
		return "error.minimum"
	case size > r.max:
		return "error.maximum"
	}
	return ""
}

// plain reads raw, which is JSON, into v when both are too plain to need a decoder of their own; most are.
func plain(raw json.RawMessage, v reflect.Value) bool {
	number := raw[0] == '-' || raw[0] >= '0' && raw[0] <= '9'
	switch {
	case v.Kind() == reflect.Bool && (raw[0] == 't' || raw[0] == 'f'):
		v.SetBool(raw[0] == 't')
	case v.Kind() == reflect.Float64 && number:
		n, err := strconv.ParseFloat(string(raw), 64)
		if err != nil {
			return false
		}
		v.SetFloat(n)
	case v.Kind() == reflect.String && raw[0] == '"' && utf8.Valid(raw) && !slices.Contains(raw, '\\'):
		v.SetString(string(raw[1 : len(raw)-1]))
	default:
		return false
	}
	return true
}
