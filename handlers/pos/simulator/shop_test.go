package simulator

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/tillstream/tillstream/domain"
)

func TestShop(t *testing.T) {
	t.Parallel()
	s := newShop()
	if n := len(s.families); n < 110 || n > 140 {
		t.Errorf("got %d products, want 110 to 140", n)
	}
	if n := len(s.items); n < 280 || n > 340 {
		t.Errorf("got %d items, want about 300", n)
	}
	seen := map[string]string{}
	once := func(what, value, of string) {
		key := what + " " + strings.ToLower(value)
		if value == "" || seen[key] != "" {
			t.Errorf("%s %q of %s: already of %q", what, value, of, seen[key])
		}
		seen[key] = of
	}
	var axes [4]int
	bare, fractions, belowZero := 0, 0, 0
	for _, f := range s.families {
		once("handle", f.handle, f.name)
		once("name", f.name, f.handle)
		if f.html == "" {
			bare++
		}
		axes[len(f.items[0].options)]++
		for _, it := range f.items {
			once("id", string(it.id), it.sku)
			once("sku", it.sku, it.label())
			once("ean", it.ean, it.sku)
			once("label", it.label(), it.sku)
			if got, want := it.ean[12], checkDigit(it.ean[:12]); got != want {
				t.Errorf("%s: check digit of %s: got %c, want %c", it.sku, it.ean, got, want)
			}
			if it.stock[quayside]%one != 0 {
				fractions++
			}
			if it.stock[quayside] < 0 {
				belowZero++
			}
		}
	}
	for n, count := range axes {
		if count == 0 {
			t.Errorf("no product with %d options", n)
		}
	}
	if bare < 5 || fractions < 2 || belowZero != 1 {
		t.Errorf("got %d products without description, %d items with a fraction, %d below zero", bare, fractions, belowZero)
	}
}

// label is what a till shows: "Drizzle Anorak / Navy / M".
func (it *item) label() string {
	parts := []string{it.family.name}
	for _, o := range it.options {
		parts = append(parts, o.Value)
	}
	return strings.Join(parts, " / ")
}

// checkDigit is that of an EAN-13: digits in even places count three times.
func checkDigit(twelve string) byte {
	sum := 0
	for i := range twelve {
		sum += int(twelve[i] - '0')
		if i%2 == 1 {
			sum += 2 * int(twelve[i]-'0')
		}
	}
	return byte('0' + (10-sum%10)%10)
}

func TestExport(t *testing.T) {
	t.Parallel()
	t.Run("Columns", func(t *testing.T) {
		t.Parallel()
		var file strings.Builder
		if err := Export(&file); err != nil {
			t.Fatal(err)
		}
		header, rest, _ := strings.Cut(file.String(), "\n")
		want := "id,handle,sku,composite_name,composite_sku,composite_quantity,name,description,product_category," +
			"variant_option_one_name,variant_option_one_value,variant_option_two_name,variant_option_two_value,variant_option_three_name,variant_option_three_value," +
			"tags,supply_price,retail_price,loyalty_value,loyalty_value_default,tax_name,tax_value,account_code,account_code_purchase," +
			"brand_name,supplier_name,supplier_code,active,track_inventory," +
			"inventory_Quayside,reorder_point_Quayside,restock_level_Quayside,inventory_Mill_Lane,reorder_point_Mill_Lane,restock_level_Mill_Lane"
		if header != want {
			t.Errorf("got  %s\nwant %s", header, want)
		}
		first := "a1d0c0de-0000-11ee-8001-000000000001,drizzle-anorak,OW-101-NAVY-S,,,,Drizzle Anorak,"
		if !strings.HasPrefix(rest, first) {
			t.Errorf("first row: got %.120s, want %s…", rest, first)
		}
		again := file.String()
		file.Reset()
		if err := Export(&file); err != nil || file.String() != again {
			t.Errorf("a second export differs from the first (%v)", err)
		}
	})
	t.Run("ReadBack", func(t *testing.T) {
		t.Parallel()
		rows, items := readExport(t), newShop().items
		if len(rows) != len(items) {
			t.Fatalf("got %d rows, want %d", len(rows), len(items))
		}
		for i, row := range rows {
			it, f := items[i], items[i].family
			want := 3 // itself and a reading for each outlet
			if !f.tracked {
				want = 1
			}
			if len(row.Envelopes) != want {
				t.Fatalf("row %d: got %d events, want %d", row.Number, len(row.Envelopes), want)
			}
			event, err := row.Envelopes[0].Event()
			if err != nil {
				t.Fatal(err)
			}
			got := event.(*domain.ProductImported)
			if got.Item != it.id || string(got.SKU) != it.sku || got.Name != f.name || string(*got.Product) != f.handle ||
				*got.Description.Description != f.html || *got.Brand != f.brand || *got.Category != f.category || *got.Supplier != f.supplier ||
				!got.RetailPrice.Equal(it.retail.money()) || !got.SupplyPrice.Equal(it.supply.money()) ||
				*got.Active != f.active || *got.TrackInventory != f.tracked ||
				len(*got.Options) != len(it.options) || strings.Join(*got.Tags, ";") != strings.Join(f.tags, ";") {
				t.Errorf("row %d: got %+v, want %s", row.Number, got, it.label())
			}
		}
	})
	t.Run("ErrWriter", func(t *testing.T) {
		t.Parallel()
		in, out := io.Pipe()
		in.Close()
		if err := Export(out); !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("got %v, want %v", err, io.ErrClosedPipe)
		}
	})
}
