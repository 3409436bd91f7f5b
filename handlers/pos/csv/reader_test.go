package csv

import (
	"bytes"
	encoding "encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tillstream/tillstream/domain"
	"pgregory.net/rapid"
)

// Both layouts of the POS, for shops with prices including and excluding tax.
const (
	inclusive = `id,handle,sku,composite_name,composite_sku,composite_quantity,name,description,product_category,variant_option_one_name,variant_option_one_value,variant_option_two_name,variant_option_two_value,variant_option_three_name,variant_option_three_value,tags,supply_price,retail_price,loyalty_value,loyalty_value_default,tax_name,tax_value,account_code,account_code_purchase,brand_name,supplier_name,supplier_code,active,track_inventory,inventory_Quayside,reorder_point_Quayside,restock_level_Quayside,inventory_Mill_Lane,reorder_point_Mill_Lane,restock_level_Mill_Lane
a1-10,drizzle-anorak,KK-2201-NVY-S,,,,Drizzle Anorak,<p>Seam-sealed shell.</p>,Outerwear,Colour,Navy,Size,S,,,rain;new,41.50,100.00,,1,VAT,0.15,,,Kite & Keel,Harbour Mills,HM-77,1,1,4,,,2,,
a1-11,drizzle-anorak,KK-2201-NVY-M,,,,Drizzle Anorak,<p>Seam-sealed shell.</p>,Outerwear,Colour,Navy,Size,M,,,rain;new,41.50,100.00,,1,VAT,0.15,,,Kite & Keel,Harbour Mills,HM-77,1,1,-1.5,,,,,
a1-12,gift-set,GS-1,,,,Gift Set,,,,,,,,,,10,25,,1,VAT,0.15,,,,,,0,0,,,,,,
,,GS-1,Mug,MUG-1,2,Gift Set,,,,,,,,,,,,,,,,,,,,,,,,,,,,
`
	exclusive = `id,handle,sku,composite_name,composite_sku,composite_quantity,name,description,product_category,variant_option_one_name,variant_option_one_value,variant_option_two_name,variant_option_two_value,variant_option_three_name,variant_option_three_value,tags,supply_price,retail_price,account_code,account_code_purchase,brand_name,supplier_name,supplier_code,active,track_inventory,outlet_tax_Quayside,inventory_Quayside,reorder_point_Quayside,restock_level_Quayside
a1-10,drizzle-anorak,KK-2201-NVY-S,,,,Drizzle Anorak,,Outerwear,Colour,Navy,,,,,,41.50,86.95652,,,,,,1,1,VAT,4,,
`
)

var at = time.Date(2026, 11, 1, 9, 0, 0, 0, time.UTC)

func options() Options {
	return Options{Store: "demo", ImportID: "imp-1", File: "products.csv", At: at, Actor: "user-4"}
}

func open(t testing.TB, file string) *Reader {
	t.Helper()
	r, err := NewReader(strings.NewReader(file), options())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func rows(t testing.TB, r *Reader) []Row {
	t.Helper()
	var out []Row
	for {
		row, err := r.Next()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, row)
	}
}

// tell writes a row as people would compare it: the data of each event, the notes
// and the error.
func tell(row Row) []string {
	var out []string
	for _, e := range row.Envelopes {
		kind, _, _ := strings.Cut(strings.TrimPrefix(string(e.Type), "pos."), ".v1")
		out = append(out, kind+" "+string(e.Data))
	}
	for _, note := range row.Notes {
		out = append(out, "note: "+note)
	}
	if row.Err != nil {
		out = append(out, "error: "+row.Err.Error())
	}
	return out
}

func TestReader_Next_Inclusive(t *testing.T) {
	t.Parallel()
	r := open(t, inclusive)
	anorak := func(item, size string, row int) string {
		return fmt.Sprintf(`product.imported {"item":"%s","sku":"KK-2201-NVY-%s","name":"Drizzle Anorak","product":"drizzle-anorak","description":"<p>Seam-sealed shell.</p>","brand":"Kite & Keel","options":[{"name":"Colour","value":"Navy"},{"name":"Size","value":"%s"}],"retail_price":"100","supply_price":"41.5","active":true,"track_inventory":true,"handle":"drizzle-anorak","category":"Outerwear","tags":["rain","new"],"supplier":"Harbour Mills","import":{"id":"imp-1","file":"products.csv","row":%d}}`, item, size, size, row)
	}
	want := [][]string{
		{anorak("a1-10", "S", 2), `stock.level_reported {"item":"a1-10","outlet":"Quayside","on_hand":"4"}`, `stock.level_reported {"item":"a1-10","outlet":"Mill Lane","on_hand":"2"}`},
		{anorak("a1-11", "M", 3), `stock.level_reported {"item":"a1-11","outlet":"Quayside","on_hand":"-1.5"}`},
		{`product.imported {"item":"a1-12","sku":"GS-1","name":"Gift Set","product":"gift-set","description":"","brand":"","options":[],"retail_price":"25","supply_price":"10","active":false,"track_inventory":false,"handle":"gift-set","category":"","tags":[],"supplier":"","import":{"id":"imp-1","file":"products.csv","row":4}}`},
		{`note: left out: "MUG-1" is a component of "GS-1", not a product`},
	}
	var got [][]string
	for _, row := range rows(t, r) {
		got = append(got, tell(row))
		for _, e := range row.Envelopes {
			if e.Source != "/pos/demo/csv" || e.CorrelationID != "imp-1" || e.Actor != "user-4" || !e.Time.Equal(at) {
				t.Errorf("row %d: got %+v", row.Number, e)
			}
			if _, err := e.Event(); err != nil {
				t.Errorf("row %d: %v", row.Number, err)
			}
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	ignored := []string{"loyalty_value", "loyalty_value_default", "tax_name", "tax_value", "account_code", "account_code_purchase", "supplier_code", "reorder_point_Quayside", "restock_level_Quayside", "reorder_point_Mill_Lane", "restock_level_Mill_Lane"}
	if diff := cmp.Diff(ignored, r.Ignored()); diff != "" {
		t.Errorf("ignored (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]domain.OutletID{"Quayside", "Mill Lane"}, r.Outlets()); diff != "" {
		t.Errorf("outlets (-want +got):\n%s", diff)
	}
}

func TestReader_Next_Exclusive(t *testing.T) {
	t.Parallel()
	got := rows(t, open(t, exclusive))
	if len(got) != 1 || got[0].Err != nil || len(got[0].Envelopes) != 2 {
		t.Fatalf("got %+v", got)
	}
	event, err := got[0].Envelopes[0].Event()
	if err != nil {
		t.Fatal(err)
	}
	if price := event.(*domain.ProductImported).RetailPrice; price.String() != "86.95652" {
		t.Errorf("got %s", price)
	}
}

// TestReader_Next_Rows: one header, one row, what becomes of it.
func TestReader_Next_Rows(t *testing.T) {
	t.Parallel()
	plain := func(fields string) string {
		return `product.imported {"item":"A","sku":"A","name":"N"` + fields + `,"import":{"id":"imp-1","file":"products.csv","row":2}}`
	}
	for _, tt := range []struct {
		name, file string
		want       []string
	}{
		{"missing columns are unchanged", "sku,name\nA,N\n", []string{plain("")}},
		{"any order, any case, a byte order mark", "\xef\xbb\xbfNAME, Sku \r\nN,A\r\n", []string{plain("")}},
		{"no line break at the end", "sku,name\nA,N", []string{plain("")}},
		{"blank id", "id,sku,name\n,A,N\n", []string{plain("")}},
		{"blank cells are emptied", "sku,name,description,brand_name,handle,tags\nA,N,,,,\n",
			[]string{plain(`,"product":"","description":"","brand":"","handle":"","tags":[]`)}},
		{"a blank price is said aloud", "sku,name,retail_price\nA,N,\n", []string{plain(`,"retail_price":"0"`), "note: retail_price is blank: taken as 0"}},
		{"blanks around values", "sku,name,retail_price,tags\n A , N , 12.50 , rain ; ;new\n", []string{plain(`,"retail_price":"12.5","tags":["rain","new"]`)}},
		{"cells of several lines", "sku,name,description\nA,N,\"<p>\n\"\"wet\"\"</p>\"\n", []string{plain(`,"description":"<p>\n\"wet\"</p>"`)}},
		{"old titles", "sku,name,type,composite_handle\nA,N,Coats,\n", []string{plain(`,"category":"Coats"`)}},
		{"flags", "sku,name,active,track_inventory\nA,N,FALSE,1.0\n", []string{plain(`,"active":false,"track_inventory":true`)}},
		{"the second option alone", "sku,name,variant_option_one_name,variant_option_one_value,variant_option_two_name,variant_option_two_value\nA,N,,,Size,M\n", []string{plain(`,"options":[{"name":"Size","value":"M"}]`)}},
		{"stock", "sku,name,INVENTORY_Mill_Lane,inventory_Quayside\nA,N,0.00000,\n", []string{plain(""), `stock.level_reported {"item":"A","outlet":"Mill Lane","on_hand":"0"}`}},
		{"an E that is meant", "sku,name\n12E5,N\n", []string{`product.imported {"item":"12E5","sku":"12E5","name":"N","import":{"id":"imp-1","file":"products.csv","row":2}}`}},
		{"component without its own columns filled", "sku,name,composite_quantity\nA,N,2\n", []string{`note: left out: "2" is a component of "A", not a product`}},

		{"no sku", "sku,name\n,N\n", []string{`error: row 2, sku: must not be empty`}},
		{"no name", "sku,name\nA,\n", []string{`error: row 2, name: is required`}},
		{"cut-short number", "sku,name\n4.00638E+12,N\n", []string{`error: row 2, sku: "4.00638E+12": is a number that a spreadsheet has cut short: format the column as text and export anew`}},
		{"cut-short id", "id,sku,name\n\"1,5E+10\",A,N\n", []string{`error: row 2, id: "1,5E+10": is a number that a spreadsheet has cut short: format the column as text and export anew`}},
		{"currency", "sku,name,Retail_Price\nA,N,$5\n", []string{`error: row 2, Retail_Price: "$5": must be a plain decimal such as 12.50`}},
		{"negative price", "sku,name,supply_price\nA,N,-5\n", []string{`error: row 2, supply_price: "-5": must not be negative`}},
		{"flag", "sku,name,active\nA,N,maybe\n", []string{`error: row 2, active: "maybe": must be 1 or 0`}},
		{"stock with too many decimals", "sku,name,inventory_Quayside\nA,N,0.123456\n", []string{`error: row 2, inventory_Quayside: "0.123456": must have at most 5 decimals`}},
		{"option without a value", "sku,name,variant_option_one_name,variant_option_one_value\nA,N,Size,\n", []string{`error: row 2, variant_option_one_value: must not be empty beside an option name`}},
		{"option without a name", "sku,name,variant_option_one_name,variant_option_one_value\nA,N,,M\n", []string{`error: row 2, variant_option_one_name: must not be empty beside an option value`}},
		{"too long", "sku,name,brand_name\nA,N," + strings.Repeat("b", 256) + "\n", []string{`error: row 2, brand_name: "` + strings.Repeat("b", 80) + `"… (256 bytes): must have at most 255 characters, not 256`}},
		{"too long an option", "sku,name,variant_option_one_name,variant_option_one_value\nA,N,Size," + strings.Repeat("b", 256) + "\n", []string{`error: row 2, variant_option_one_value: "` + strings.Repeat("b", 80) + `"… (256 bytes): must have at most 255 characters, not 256`}},
		{"control character in an id", "sku,name\n\"A\nB\",N\n", []string{`error: row 2, sku: "A\nB": must not hold control characters`}},
		{"not UTF-8", "sku,name\nA,Caf\xe9\n", []string{"error: row 2, name: \"Caf\ufffd\": is not UTF-8; as windows-1252 it would read \"Café\": if that is right, name the encoding, or else save the file as CSV UTF-8"}},
		{"too few cells", "sku,name,active\nA,N\n", []string{`error: row 2, active: is missing: the row has 2 cells, and the header 3`}},
		{"too many cells", "sku,name\nA,N,x\n", []string{`error: row 2: has 3 cells, and the header 2: is a cell with a comma not quoted?`}},
		{"blank cells behind the last column", "sku,name\nA,N,, \n", []string{plain("")}},
		{"a blank row", "sku,name\n, \n", []string{"note: left out: the row is blank"}},
		{"a blank row that is short", "sku,name,active\n,\n", []string{"note: left out: the row is blank"}},
		{"a column without a title is missing", "sku,name,\nA,N\n", []string{`error: row 2: has 2 cells, and the header 3`}},
		{"not UTF-8 where nobody reads", "sku,name,tax_name\nA,N,Caf\xe9\n", []string{plain("")}},
		{"not UTF-8 nor windows-1252", "sku,name\nA,\x81\n", []string{"error: row 2, name: \"\ufffd\": is not UTF-8: save the file as CSV UTF-8"}},
		{"a zero", "sku,name\nA,N\x00\n", []string{`error: row 2, name: "N\x00": holds a character of value 0, which no text does: the file is damaged`}},
		{"a formula's error", "sku,name,retail_price\nA,N,#REF!\n", []string{`error: row 2, retail_price: "#REF!": is the error of a spreadsheet's formula: mend it there`}},
		{"a formula", "sku,name\n\"=\"\"0012\"\"\",N\n", []string{`error: row 2, sku: "=\"0012\"": is a spreadsheet's formula: write its value`}},
		{"cut-short handle", "sku,name,handle\nA,N,1E+10\n", []string{`error: row 2, handle: "1E+10": is a number that a spreadsheet has cut short: format the column as text and export anew`}},
		{"price with a decimal comma", "sku,name,retail_price\nA,N,\"12,50\"\n", []string{`error: row 2, retail_price: "12,50": must be a plain decimal such as 12.50`}},
		{"price with thousands", "sku,name,retail_price\nA,N,\"1,250.00\"\n", []string{`error: row 2, retail_price: "1,250.00": must be a plain decimal such as 12.50`}},
		{"price as a power", "sku,name,retail_price\nA,N,1.2E+03\n", []string{`error: row 2, retail_price: "1.2E+03": must be a plain decimal such as 12.50`}},
		{"stock that is no number", "sku,name,inventory_Mill_Lane\nA,N,many\n", []string{`error: row 2, inventory_Mill_Lane: "many": must be a plain decimal such as 12.50`}},
		{"a quote that is not closed", "sku,name\nA,\"N\nB,N\nC,N\n", []string{"error: row 2, name: lines 2 to 4: extraneous or missing \" in quoted-field: a quote is not closed; a cell with a quote must be quoted, and quotes in it doubled"}},
		{"a quote in the middle", "sku,name\nA,12\" pan\n", []string{`error: row 2, name: line 2, byte 5: bare " in non-quoted-field: a cell with a quote must be quoted, and quotes in it doubled`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := rows(t, open(t, tt.file))
			if len(got) != 1 {
				t.Fatalf("got %d rows", len(got))
			}
			if diff := cmp.Diff(tt.want, tell(got[0])); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestReader_Next_GoesOnAfterABadRow(t *testing.T) {
	t.Parallel()
	got := rows(t, open(t, "id,sku,name,retail_price\n1,A,N,1\n2,B,N,x\n3,C\n4,D,\"N\" ,1\n\n5,E,N,1\n5,F,N,1\n6,a,N,1\n,,N,1\n7,G,N,1\n"))
	want := []string{"ok", `row 3, retail_price: "x": must be a plain decimal such as 12.50`, `row 4, name: is missing: the row has 2 cells, and the header 4`,
		`row 5, name: line 5, byte 7: extraneous or missing " in quoted-field: a cell with a quote must be quoted, and quotes in it doubled`,
		"ok", `row 7, id: "5": is in row 6 already`, `sku "a" is in row 2 as well: BigCommerce takes a SKU only once`, `row 9, sku: must not be empty`, "ok"}
	for i, row := range got {
		what := "ok"
		switch {
		case row.Err != nil:
			what = row.Err.Error()
		case len(row.Notes) > 0:
			what = row.Notes[0]
		}
		if row.Number != i+2 || i >= len(want) || what != want[i] || (row.Err == nil) != (len(row.Envelopes) == 1) {
			t.Errorf("row %d: got %s with %d events", row.Number, what, len(row.Envelopes))
		}
	}
	if len(got) != len(want) {
		t.Errorf("got %d rows, want %d", len(got), len(want))
	}
}

func TestNewReader_ErrHeader(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ file, want string }{
		"empty":          {"", "header: the file is empty"},
		"no columns":     {"id,price\n", "header: no column sku, name: export the products from the POS with all columns"},
		"no name":        {"sku\n", "header: no column name: export the products from the POS with all columns"},
		"semicolons":     {"id;sku;name\n", "header: columns must be separated by commas: save the file as CSV with commas"},
		"twice":          {"sku,name,SKU\n", `header: column "SKU" stands there twice: remove one`},
		"two of a kind":  {"sku,name,type,product_category\n", `header: columns "type" and "product_category" are the same: remove one`},
		"half an option": {"sku,name,variant_option_two_name\n", "header: columns variant_option_two_name and variant_option_two_value must both be there, or neither"},
		"one outlet":     {"sku,name,inventory_Mill_Lane,inventory_Mill Lane\n", `header: column "inventory_Mill Lane": outlet "Mill Lane" has an inventory column already`},
		"Latin-1":        {"sku,name,inventory_Caf\xe9\n", `header: column 3: "inventory_Caf\xe9" is not UTF-8; as windows-1252 it would read "inventory_Café": if that is right, name the encoding, or else save the file as CSV UTF-8`},
		"a bare quote":   {"sku,na\"me\n", `header: line 1, byte 7: bare " in non-quoted-field: a cell with a quote must be quoted, and quotes in it doubled`},
	} {
		_, err := NewReader(strings.NewReader(tt.file), options())
		var header *HeaderError
		if !errors.As(err, &header) || err.Error() != tt.want {
			t.Errorf("%s: got  %v\nwant %s", name, err, tt.want)
		}
	}
}

func TestNewReader_ErrOptions(t *testing.T) {
	t.Parallel()
	for want, change := range map[string]func(*Options){
		"import id: is required":                         func(o *Options) { o.ImportID = "" },
		"time: is required":                              func(o *Options) { o.At = time.Time{} },
		`actor: "a\n": must not hold control characters`: func(o *Options) { o.Actor = "a\n" },
	} {
		o := options()
		change(&o)
		if _, err := NewReader(strings.NewReader("sku,name\n"), o); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func TestReader_ErrRead(t *testing.T) {
	t.Parallel()
	broken := errors.New("line dropped")
	if _, err := NewReader(iotest.ErrReader(broken), options()); !errors.Is(err, broken) {
		t.Errorf("header: got %v", err)
	}
	r, err := NewReader(io.MultiReader(strings.NewReader("sku,name\nA,N\n"), iotest.ErrReader(broken)), options())
	if err != nil {
		t.Fatal(err)
	}
	if row, err := r.Next(); err != nil || row.Err != nil {
		t.Fatalf("got %+v, %v", row, err)
	}
	if _, err := r.Next(); !errors.Is(err, broken) || err.Error() != "read row 3: line dropped" {
		t.Errorf("got %v", err)
	}
}

// A quote that is not closed takes the rest of the file for one cell: it is refused
// before all of it is in memory.
func TestReader_ErrEndlessRow(t *testing.T) {
	t.Parallel()
	endless := &untilRefused{}
	r, err := NewReader(io.MultiReader(strings.NewReader("sku,name\nA,N\nB,\"never closed\n"), endless), options())
	if err != nil {
		t.Fatal(err)
	}
	if row, err := r.Next(); err != nil || row.Err != nil {
		t.Fatalf("got %+v, %v", row, err)
	}
	_, err = r.Next()
	var row *RowError
	if want := "row 3: has more than 4194304 bytes: is there a quote that is not closed?"; !errors.As(err, &row) || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	if endless.n > 2*MaxRow {
		t.Errorf("%d bytes were read, a row may have %d", endless.n, MaxRow)
	}
	var header *HeaderError
	if _, err := NewReader(&untilRefused{}, options()); !errors.As(err, &header) {
		t.Errorf("header: got %v", err)
	}
}

// untilRefused is a file without an end.
type untilRefused struct{ n int }

func (u *untilRefused) Read(p []byte) (int, error) {
	if u.n += len(p); u.n > 100*MaxRow {
		return 0, errors.New("more was read than any row may have")
	}
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

func TestReader_KeepFamilies(t *testing.T) {
	t.Parallel()
	o := options()
	o.KeepFamilies = true
	r, err := NewReader(strings.NewReader("id,sku,name,handle\ni-1,A,N,shirt\n"), o)
	if err != nil {
		t.Fatal(err)
	}
	row, err := r.Next()
	if err != nil || row.Err != nil {
		t.Fatal(err, row.Err)
	}
	event, err := row.Envelopes[0].Event()
	if err != nil {
		t.Fatal(err)
	}
	if e := event.(*domain.ProductImported); e.Product != nil || e.Handle == nil || *e.Handle != "shirt" {
		t.Errorf("the family is %v, the handle %v", e.Product, e.Handle)
	}
}

func TestReader_Outlets_Mapped(t *testing.T) {
	t.Parallel()
	o := options()
	o.Outlets = map[string]domain.OutletID{"Mill_Lane": "o-1", "Quay Side": "o-2"}
	r, err := NewReader(strings.NewReader("sku,name,INVENTORY_MILL_LANE,inventory_Quay_Side,inventory_Else,,\n"), o)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]domain.OutletID{"o-1", "o-2", "Else"}, r.Outlets()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := r.Ignored(); len(got) != 0 {
		t.Errorf("ignored: got %q, want nothing for columns without a title", got)
	}
}

// TestReader_Next_EventIDs: run again, an import is the same events; as another
// import it is others.
func TestReader_Next_EventIDs(t *testing.T) {
	t.Parallel()
	ids := func(importID string) []domain.EventID {
		o := options()
		o.ImportID = importID
		r, err := NewReader(strings.NewReader(inclusive), o)
		if err != nil {
			t.Fatal(err)
		}
		var out []domain.EventID
		for _, row := range rows(t, r) {
			for _, e := range row.Envelopes {
				out = append(out, e.ID)
			}
		}
		return out
	}
	first := ids("imp-1")
	if diff := cmp.Diff(first, ids("imp-1")); diff != "" {
		t.Errorf("the same import again (-first +again):\n%s", diff)
	}
	seen := map[domain.EventID]bool{}
	for _, id := range append(first, ids("imp-2")...) {
		if seen[id] {
			t.Errorf("%s is used twice", id)
		}
		seen[id] = true
	}
}

// TestReader_Next_ReadsWhatWasWritten writes random products in random layouts and
// reads the same values.
func TestReader_Next_ReadsWhatWasWritten(t *testing.T) {
	t.Parallel()
	text := rapid.StringOfN(rapid.RuneFrom([]rune("abcXYZ019-_.,;\"'&<>é漢😀")), 0, 12, -1)
	code := rapid.StringMatching(`[A-Z0-9-]{1,8}`)
	columns := map[string]*rapid.Generator[string]{
		"id": code, "handle": rapid.Map(code, func(s string) string { return "H" + s }), // which no spreadsheet takes for a number
		"description": text, "brand_name": text, "supplier_name": text, "product_category": text,
		"retail_price": rapid.StringMatching(`[0-9]{1,5}(\.[0-9]{1,5})?`), "active": rapid.SampledFrom([]string{"1", "0", "true", "No"}),
		"inventory_Mill_Lane": rapid.StringMatching(`(-?[0-9]{1,5}(\.[0-9]{1,5})?)?`), "loyalty_value": text,
	}
	rapid.Check(t, func(t *rapid.T) {
		titles := append([]string{"sku", "name"}, rapid.SliceOfDistinct(rapid.SampledFrom([]string{"id", "handle", "description", "brand_name", "supplier_name",
			"product_category", "retail_price", "active", "inventory_Mill_Lane", "loyalty_value"}), rapid.ID[string]).Draw(t, "columns")...)
		titles = rapid.Permutation(titles).Draw(t, "order")
		var file bytes.Buffer
		w := encoding.NewWriter(&file)
		w.UseCRLF = rapid.Bool().Draw(t, "CRLF")
		written := []map[string]string{}
		if err := w.Write(titles); err != nil {
			t.Fatal(err)
		}
		for i := range rapid.IntRange(0, 5).Draw(t, "rows") {
			cells, values := make([]string, len(titles)), map[string]string{}
			for j, title := range titles {
				switch title {
				case "sku", "id":
					values[title] = fmt.Sprintf("%s-%s%d", title, code.Draw(t, title), i)
				case "name":
					values[title] = "n" + text.Draw(t, title)
				default:
					values[title] = columns[title].Draw(t, title)
				}
				cells[j] = values[title]
			}
			if err := w.Write(cells); err != nil {
				t.Fatal(err)
			}
			written = append(written, values)
		}
		w.Flush()
		r, err := NewReader(&file, options())
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range written {
			row, err := r.Next()
			if err != nil || row.Err != nil {
				t.Fatalf("row %d: %v, %v", i+2, err, row.Err)
			}
			compareRow(t, row, want)
		}
		if _, err := r.Next(); !errors.Is(err, io.EOF) {
			t.Fatalf("behind the last row: got %v", err)
		}
	})
}

func compareRow(t *rapid.T, row Row, want map[string]string) {
	event, err := row.Envelopes[0].Event()
	if err != nil {
		t.Fatal(err)
	}
	e := event.(*domain.ProductImported)
	item, ok := want["id"]
	if !ok {
		item = want["sku"]
	}
	if string(e.Item) != item || string(e.SKU) != want["sku"] || e.Name != want["name"] {
		t.Fatalf("got %s %s %s, want %v", e.Item, e.SKU, e.Name, want)
	}
	for title, got := range map[string]*string{"description": e.Description.Description, "brand_name": e.Brand, "supplier_name": e.Supplier,
		"product_category": e.Category, "handle": e.Handle, "handle ": (*string)(e.Product)} {
		value, ok := want[strings.TrimSpace(title)]
		if (got != nil) != ok || ok && *got != value {
			t.Fatalf("%s: got %v, want %q, there %v", title, got, value, ok)
		}
	}
	if price, ok := want["retail_price"]; ok && !e.RetailPrice.Equal(domain.MustMoney(price)) || !ok && e.RetailPrice != nil {
		t.Fatalf("got price %v, want %q", e.RetailPrice, price)
	}
	if active, ok := want["active"]; ok && *e.Active != (active == "1" || active == "true") || !ok && e.Active != nil {
		t.Fatalf("got active %v, want %q", e.Active, active)
	}
	stock := want["inventory_Mill_Lane"]
	if (stock == "") != (len(row.Envelopes) == 1) {
		t.Fatalf("got %d events for stock %q", len(row.Envelopes), stock)
	}
	if stock != "" {
		reading, err := row.Envelopes[1].Event()
		if err != nil {
			t.Fatal(err)
		}
		level := reading.(*domain.StockLevelReported)
		if string(level.Item) != item || level.Outlet != "Mill Lane" || !level.OnHand.Equal(domain.MustQuantity(stock)) {
			t.Fatalf("got %+v, want %s", level, stock)
		}
	}
}

func FuzzReader(f *testing.F) {
	f.Add([]byte(inclusive), "")
	f.Add([]byte(exclusive), "utf-8")
	f.Add([]byte("\xef\xbb\xbfsku,name,inventory_A\n\"A\nB\",N,1e3\nA\x00,N,\n,,\nB,N\nC,N,1,,\n"), "")
	f.Add([]byte("\xff\xfes\x00k\x00u\x00,\x00n\x00a\x00m\x00e\x00\n\x00A\x00,\x00\xe9\x00\n\x00"), "")
	f.Add([]byte("sku,name,handle,brand_name\nA,Caf\xe9,h,b\nB,Caf\x81,h,c\n"), "windows-1252")
	f.Add([]byte("sku,name\nA,\"N\nB,N\n"), "shift_jis")
	f.Fuzz(func(t *testing.T, file []byte, encoding string) {
		o := options()
		o.Encoding = encoding
		r, err := NewReader(bytes.NewReader(file), o)
		if err != nil {
			return
		}
		seen := map[domain.EventID]bool{}
		for last := 1; ; last++ {
			row, err := r.Next()
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				t.Fatalf("a file in memory cannot be broken: %v", err)
			}
			if row.Number != last+1 || row.Err != nil && (len(row.Envelopes) > 0 || row.Err.Row != row.Number) || row.Err == nil && len(row.Envelopes)+len(row.Notes) == 0 {
				t.Fatalf("after row %d: got %+v", last, row)
			}
			for _, e := range row.Envelopes {
				if _, err := e.Event(); err != nil || e.Validate() != nil || seen[e.ID] {
					t.Fatalf("row %d: %+v: %v, %v, id seen %v", row.Number, e, err, e.Validate(), seen[e.ID])
				}
				seen[e.ID] = true
			}
		}
	})
}

func BenchmarkReader(b *testing.B) {
	var file bytes.Buffer
	header, body, _ := strings.Cut(inclusive, "\n")
	row, _, _ := strings.Cut(body, "\n")
	file.WriteString(header + "\n")
	const n = 2000
	for i := range n {
		line := strings.Replace(row, "a1-10", fmt.Sprintf("a1-%d", i), 1)
		file.WriteString(strings.Replace(line, "NVY-S", fmt.Sprintf("NVY-%d", i), 1) + "\n")
	}
	b.SetBytes(int64(file.Len()))
	b.ReportAllocs()
	for b.Loop() {
		r, err := NewReader(bytes.NewReader(file.Bytes()), options())
		if err != nil {
			b.Fatal(err)
		}
		for {
			row, err := r.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil || row.Err != nil {
				b.Fatal(err, row.Err)
			}
		}
	}
	b.ReportMetric(float64(b.N)*n/b.Elapsed().Seconds(), "rows/s")
}
