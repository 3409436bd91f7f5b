package simulator_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	shop "github.com/tillstream/tillstream/handlers/pos/simulator"
	"github.com/tillstream/tillstream/handlers/pos/xseries/simulator"
)

// TestImport: what each kind of row does.
func TestImport(t *testing.T) {
	t.Parallel()
	w := small(t, simulator.Config{})
	id := w.add("I-1", 4)
	html, brand := "<p>Old.</p>", "Northing"
	if err := w.account.Save(id, simulator.ProductEdit{Description: &html, Brand: &brand}); err != nil {
		t.Fatal(err)
	}
	file := "\ufeffRetail_Price,sku,id,inventory_mill_lane,name,description,composite_sku\n" +
		"20,I-1,,7,,,\n" + // by its SKU; blank empties the description
		"21,OTHER,00000000-0000-0000-0000-000000000000,,,,\n" + // a foreign id
		"22,I-2,,1.5,A New Thing,,\n" +
		"23,SET,,,,,I-1\n" + // a part of a composite
		"4.00638E+12,I-1,,,,,\n" +
		"24,I-3,,,,,\n" + // new, without a name
		"25,I-4,,,A New Thing,,\n" + // another's name
		"26,I-1,,x,,,\n"
	got, err := w.account.Import(strings.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	if got.Saved != 1 || got.Added != 1 || got.Ignored != 2 || len(got.Refused) != 4 || !strings.HasPrefix(got.Refused[0], "row 6: column retail_price") {
		t.Errorf("%+v", got)
	}
	p := w.product("I-1")
	if text(p["price_including_tax"]) != "20" || p["description"] != "" || at(p, "brand", "name") != brand || w.stock(id, "Mill Lane") != "7" || w.stock(id, "Quayside") != "4" {
		t.Errorf("I-1 is %v with %s and %s", p, w.stock(id, "Mill Lane"), w.stock(id, "Quayside"))
	}
	if made := w.product("I-2"); made["name"] != "A New Thing" || w.stock(text(made["id"]), "Mill Lane") != "1.5" {
		t.Errorf("I-2 is %v", made)
	}
	for _, bad := range []string{"", "name\nx\n", "sku,sku\na,b\n", "sku\n\"a"} {
		if _, err := w.account.Import(strings.NewReader(bad)); err == nil {
			t.Errorf("%q was imported", bad)
		}
	}
}

// TestImport_Export: importing the shop's own export anew saves every product and moves no stock.
func TestImport_Export(t *testing.T) {
	t.Parallel()
	w := newWorld(t, simulator.Config{Quirks: -1})
	var file bytes.Buffer
	if err := shop.Export(&file); err != nil {
		t.Fatal(err)
	}
	before := w.account.Books()
	got, err := w.account.Import(&file)
	if err != nil || got.Saved < 300 || got.Added != 0 || got.Ignored != 0 || len(got.Refused) != 0 {
		t.Errorf("%+v, %v", got, err)
	}
	if diff := cmp.Diff(before, w.account.Books()); diff != "" {
		t.Error(diff)
	}
}
