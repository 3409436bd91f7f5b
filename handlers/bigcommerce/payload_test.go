package bigcommerce

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// guarded are the keys that no update may carry; the last two stand for every key that begins so.
var guarded = []string{
	"weight", "width", "height", "depth", "retail_price", "sale_price", "tax_class_id", "product_tax_code",
	"page_title", "search_keywords", "custom_url", "custom_fields", "modifiers", "upc", "gtin", "mpn", "categories", "images",
	"meta_", "open_graph_",
}

// TestUpdates_Keys finds every key that an update type can emit, whatever its values, and holds them against the guard.
func TestUpdates_Keys(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		update reflect.Type
		want   []string
	}{
		"Product": {reflect.TypeFor[ProductUpdate](), []string{"brand_id", "brand_name", "cost_price", "description", "id", "inventory_tracking", "is_visible", "name", "price", "sku"}},
		"Variant": {reflect.TypeFor[VariantUpdate](), []string{"cost_price", "id", "price"}},
		"Stock":   {reflect.TypeFor[StockLevel](), []string{"location_id", "product_id", "quantity", "variant_id"}},
		"Channel": {reflect.TypeFor[ChannelAssignment](), []string{"channel_id", "product_id"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := emitted(t, tt.update)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("keys differ (-want +got):\n%s", diff)
			}
			for _, key := range got {
				if slices.ContainsFunc(guarded, func(g string) bool { return key == g || strings.HasSuffix(g, "_") && strings.HasPrefix(key, g) }) {
					t.Errorf("an update can carry %q, which the merchant owns", key)
				}
			}
		})
	}
}

// emitted encodes values of the type with every combination of zero and other fields that matters: all zero, all set.
func emitted(t *testing.T, typ reflect.Type) []string {
	t.Helper()
	zero, full := reflect.New(typ).Elem(), reflect.New(typ).Elem()
	for i := range typ.NumField() {
		fill(full.Field(i))
	}
	var keys []string
	for _, v := range []reflect.Value{zero, full} {
		raw, err := json.Marshal(v.Interface())
		if err != nil {
			t.Fatal(err)
		}
		var object map[string]any
		if err := json.Unmarshal(raw, &object); err != nil {
			t.Fatal(err)
		}
		for key := range object {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

func fill(v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		v.SetString("x")
	case reflect.Int64:
		v.SetInt(7)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
	}
}

func TestProductUpdate_MarshalJSON(t *testing.T) {
	t.Parallel()
	sku := ""
	price, err := ParseNumber("19.9000")
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		update ProductUpdate
		want   string
	}{
		"OKEmpty": {ProductUpdate{ID: 1, Name: "A", Price: price, InventoryTracking: TrackNone},
			`{"id":1,"name":"A","description":"","price":19.9,"cost_price":0,"is_visible":false,"inventory_tracking":"none","brand_id":0}`},
		"OKBrandAndSKU": {ProductUpdate{ID: 1, Name: "A", SKU: &sku, Brand: "N"},
			`{"id":1,"name":"A","sku":"","description":"","price":0,"cost_price":0,"is_visible":false,"brand_name":"N"}`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := json.Marshal(tt.update)
			if err != nil || string(got) != tt.want {
				t.Errorf("got  %s (%v)\nwant %s", got, err, tt.want)
			}
		})
	}
}

func TestProductCreate_MarshalJSON(t *testing.T) {
	t.Parallel()
	got, err := json.Marshal(ProductCreate{Name: "A", InventoryTracking: TrackProduct})
	want := `{"name":"A","description":"","price":0,"cost_price":0,"is_visible":false,"inventory_tracking":"product","type":"physical","weight":0}`
	if err != nil || string(got) != want {
		t.Errorf("got  %s (%v)\nwant %s", got, err, want)
	}
}

// TestNumber_JSON: what is written is a JSON number of the same value, and reads back as it.
func TestNumber_JSON(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`-?[0-9]{1,12}(\.[0-9]{1,5})?`).Draw(t, "text")
		n, err := ParseNumber(text)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := json.Marshal(n)
		if err != nil {
			t.Fatal(err)
		}
		if raw[0] == '"' || !json.Valid(raw) {
			t.Fatalf("%s is written as %s, want a JSON number", text, raw)
		}
		var back Number
		if err := json.Unmarshal(raw, &back); err != nil || back.Cmp(n.Decimal) != 0 {
			t.Fatalf("%s reads back as %v (%v)", raw, back, err)
		}
	})
	var n Number
	if err := json.Unmarshal([]byte(`"12.50"`), &n); err != nil || n.String() != "12.50" {
		t.Errorf("a number in a string reads as %v (%v), want 12.50", n, err)
	}
}

// TestFilters: every value is in exactly one filter, no filter is longer than a URL may be, and a value with a comma is
// never part of a list.
func TestFilters(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOf(rapid.StringMatching(`[A-Za-z0-9 ,ü]{0,255}`)).Draw(t, "values")
		var got []string
		for key, value := range filters("sku", values) {
			switch key {
			case "sku":
				got = append(got, value)
			case "sku:in":
				list := strings.Split(value, ",")
				if len(list) > maxListed {
					t.Fatalf("%d values in one list, want at most %d", len(list), maxListed)
				}
				got = append(got, list...)
			default:
				t.Fatalf("a filter is called %q", key)
			}
		}
		want := slices.DeleteFunc(slices.Clone(values), func(v string) bool { return v == "" })
		slices.Sort(want)
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" && len(want)+len(got) > 0 {
			t.Fatalf("values differ (-want +got):\n%s", diff)
		}
	})
}
