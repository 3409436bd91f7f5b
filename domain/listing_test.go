package domain

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// TestListing_HoldsNothingOfBigCommerce: what the types cannot hold, no push can
// overwrite. The names are BigCommerce's, for all that it owns and for what is
// sent at creation alone.
func TestListing_HoldsNothingOfBigCommerce(t *testing.T) {
	t.Parallel()
	owned := []string{"weight", "width", "height", "depth", "retail_price", "sale_price", "tax_class_id", "product_tax_code",
		"page_title", "meta_description", "meta_keywords", "search_keywords", "custom_url", "custom_fields", "modifiers",
		"upc", "gtin", "mpn", "categories", "images", "image_url", "codes", "tags", "handle", "supplier", "category"}
	var check func(reflect.Type)
	check = func(typ reflect.Type) {
		for i := range typ.NumField() {
			f := typ.Field(i)
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			if slices.Contains(owned, name) || strings.HasPrefix(name, "open_graph_") || name == "" {
				t.Errorf("%s.%s: %q is not for a push to carry", typ.Name(), f.Name, name)
			}
			if elem := f.Type; elem.Kind() == reflect.Slice && elem.Elem().Kind() == reflect.Struct {
				check(elem.Elem())
			}
		}
	}
	check(reflect.TypeFor[Listing]())
}

func TestProduct_Listing(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := newCatalog(randomMode(t))
		envelopes, events := script(t, 15)
		for i := range envelopes {
			if _, err := c.append(envelopes[i], events[i]); err != nil {
				continue
			}
		}
		rules := rapid.SampledFrom([]Rules{
			{}, {SafetyStock: 3}, {OnDelete: DeleteKeeps},
			{Locations: map[OutletID]int64{"Quayside": 7, "Mill Lane": 2}},
			{Locations: map[OutletID]int64{"Quayside": 2, "Nowhere": 9}, SafetyStock: 1 << 40},
		}).Draw(t, "rules")
		for _, p := range c.sorted() {
			l := p.Listing(rules)
			if again := p.Listing(rules); again.Digest() != l.Digest() {
				t.Fatalf("two digests of one state:\n%s", cmp.Diff(l, again))
			}
			for _, v := range l.Variants {
				if it, _ := p.Item(v.Item); !it.Described || it.Deleted != l.Deleted {
					t.Fatalf("%s is listed: %+v", v.Item, it)
				}
				for _, m := range []Money{v.Price, v.Cost} {
					if !m.Equal(m.Round(PriceScale)) {
						t.Fatalf("%s has more decimals than BigCommerce", m)
					}
				}
				if !l.Tracked && v.Stock != nil {
					t.Fatalf("stock of what is not tracked: %+v", v)
				}
				for i, s := range v.Stock {
					if s.Quantity < 0 || s.Quantity > MostStock || l.Deleted && s.Quantity > 0 {
						t.Fatalf("got %+v, deleted %v", s, l.Deleted)
					}
					if i > 0 && v.Stock[i-1].Location >= s.Location {
						t.Fatalf("not in the order of locations: %+v", v.Stock)
					}
				}
			}
		}
	})
}

func TestProduct_Listing_Stock(t *testing.T) {
	t.Parallel()
	both := map[OutletID]int64{"Quayside": 2, "Mill Lane": 1}
	for _, tt := range []struct {
		name  string
		stock []string // at Mill Lane, Quayside, Stockroom
		rules Rules
		want  []LocationStock
	}{
		{"every outlet counts", []string{"1.5", "2.5", "4"}, Rules{}, []LocationStock{{1, 8}}},
		{"whole units", []string{"0.9", "0", "0"}, Rules{}, []LocationStock{{1, 0}}},
		{"below nothing", []string{"-0.5", "0", "0"}, Rules{}, []LocationStock{{1, 0}}},
		{"one outlet owes another", []string{"-2", "5", "0"}, Rules{}, []LocationStock{{1, 3}}},
		{"mapped outlets alone", []string{"1", "2", "4"}, Rules{Locations: both}, []LocationStock{{1, 1}, {2, 2}}},
		{"two outlets of one location", []string{"1", "2", "4"}, Rules{Locations: map[OutletID]int64{"Quayside": 1, "Stockroom": 1}}, []LocationStock{{1, 6}}},
		{"safety stock", []string{"1", "5", "0"}, Rules{Locations: both, SafetyStock: 2}, []LocationStock{{1, 0}, {2, 3}}},
		{"more than BigCommerce takes", []string{"999999999999", "999999999999", "0"}, Rules{}, []LocationStock{{1, MostStock}}},
		{"less than can be added", []string{"-999999999999", "-999999999999", "0"}, Rules{}, []LocationStock{{1, 0}}},
	} {
		c := newCatalog(StockLevels)
		c.step(t, 0, saved("i-1", "p-1"))
		for i, outlet := range []OutletID{"Mill Lane", "Quayside", "Stockroom"} {
			c.step(t, 1, &StockLevelReported{Item: "i-1", Outlet: outlet, OnHand: MustQuantity(tt.stock[i])})
		}
		p := c.products["p-1"]
		if diff := cmp.Diff(tt.want, p.Listing(tt.rules).Variants[0].Stock); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

func TestProduct_Listing_OnDelete(t *testing.T) {
	t.Parallel()
	c := newCatalog(StockLevels)
	c.step(t, 0, saved("i-1", "p-1"))
	c.step(t, 1, &StockLevelReported{Item: "i-1", Outlet: "Quayside", OnHand: MustQuantity("3")})
	c.step(t, 2, &ProductDeleted{Item: "i-1"})
	p := c.products["p-1"]
	for rule, visible := range map[OnDelete]bool{"": false, DeleteHides: false, DeleteKeeps: true, DeleteDeletes: false} {
		l := p.Listing(Rules{OnDelete: rule})
		if !l.Deleted || l.Visible != visible || len(l.Variants) != 1 || l.Variants[0].Stock[0].Quantity != 0 {
			t.Errorf("%q: got %+v, want visible %v and no stock", rule, l, visible)
		}
	}
}
