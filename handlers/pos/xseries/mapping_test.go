package xseries_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/pos/xseries"
)

var update = flag.Bool("update", false, "write what records become; look at the difference")

const (
	quayside = "b2e0f00d-1111-11ee-9001-0000000000a1"
	millLane = "b2e0f00d-1111-11ee-9001-0000000000a2"
	cardigan = "b2e0f00d-1111-11ee-9001-000000000021"
	beeswax  = "b2e0f00d-1111-11ee-9001-000000000025"
)

var seen = time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)

func account() *xseries.Account {
	return &xseries.Account{
		Store: "harbour", Prices: xseries.Inclusive,
		Outlets:   xseries.Outlets{quayside: "Quayside", millLane: "Mill Lane"},
		Registers: map[string]string{"b2e0f00d-1111-11ee-9001-0000000000a9": quayside},
		Held: func(item domain.ItemID, outlet domain.OutletID) (domain.Quantity, uint64, bool) {
			return domain.MustQuantity("5"), 90310139, item == cardigan && outlet == "Quayside"
		},
	}
}

// readAny reads a record by what its file is named for.
func readAny(a *xseries.Account, file string, raw []byte) (xseries.Change, error) {
	kind, _, _ := strings.Cut(filepath.Base(file), "-")
	switch kind {
	case "product":
		return a.Product(raw, seen)
	case "level":
		return a.Level(raw, seen)
	case "sale":
		return a.Sale(raw, seen)
	case "adjustment":
		return a.Adjustment(raw, seen)
	case "consignment":
		var c struct {
			Consignment json.RawMessage
			Lines       []json.RawMessage
		}
		if err := json.Unmarshal(raw, &c); err != nil {
			return xseries.Change{}, err
		}
		return a.Consignment(c.Consignment, c.Lines, seen)
	}
	return xseries.Change{}, fmt.Errorf("%s: of what kind is it?", file)
}

// TestAccount_golden holds every recorded shape to the events that it becomes.
func TestAccount_golden(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/records/*.json")
	if err != nil || len(files) == 0 {
		t.Fatal("no records", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".json"), func(t *testing.T) {
			t.Parallel()
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			c, err := readAny(account(), file, raw)
			if err != nil {
				t.Fatal(err)
			}
			var got bytes.Buffer
			for _, e := range c.Envelopes {
				if _, err := e.Event(); err != nil {
					t.Errorf("what it makes is refused: %v", err)
				}
				line, err := e.MarshalJSON()
				if err != nil {
					t.Fatal(err)
				}
				fmt.Fprintf(&got, "%s\n", line)
			}
			if c.Note != "" {
				fmt.Fprintf(&got, "note: %s\n", c.Note)
			}
			golden := strings.TrimSuffix(file, ".json") + ".events"
			if *update {
				if err := os.WriteFile(golden, got.Bytes(), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got.String()); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// TestAccount_sameChange: a change is one event whichever way it was heard of.
func TestAccount_sameChange(t *testing.T) {
	t.Parallel()
	for _, pair := range [][2]string{{"level-2026-07", "level-hook"}, {"sale-2026-07", "sale-hook"}} {
		var ids [2][]string
		for i, name := range pair {
			raw, err := os.ReadFile("testdata/records/" + name + ".json")
			if err != nil {
				t.Fatal(err)
			}
			c, err := readAny(account(), name, raw)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range c.Envelopes {
				ids[i] = append(ids[i], fmt.Sprint(e.ID, e.SourceVersion, string(e.Data)))
			}
		}
		if diff := cmp.Diff(ids[0], ids[1]); diff != "" || len(ids[0]) == 0 {
			t.Errorf("%s and %s differ:\n%s", pair[0], pair[1], diff)
		}
	}
}

// TestAccount_Sale_states goes through every status and state of the account.
func TestAccount_Sale_states(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		fields string
		sold   bool
		noted  bool
	}{
		{`"status":"SAVED","state":"parked"`, false, false},
		{`"status":"OPEN","state":"pending"`, false, false},
		{`"status":"VOIDED","state":"voided"`, false, false},
		{`"status":"CLOSED","state":"closed"`, true, false},
		{`"status":"ONACCOUNT","state":"pending"`, true, false},
		{`"status":"ONACCOUNT_CLOSED","state":"closed"`, true, false},
		{`"status":"LAYBY","state":"pending"`, false, false},
		{`"status":"LAYBY_CLOSED","state":"closed"`, true, false},
		{`"status":"AWAITING_DISPATCH","state":"pending"`, false, false},
		{`"status":"DISPATCHED_CLOSED","state":"closed"`, true, false},
		{`"status":"AWAITING_PICKUP","state":"pending"`, false, false},
		{`"status":"PICKED_UP_CLOSED","state":"closed"`, true, false},
		{`"status":"SERVICE"`, false, false},
		{`"status":"SERVICE_CLOSED"`, true, false},
		{`"status":"closed"`, true, false},
		{`"status":"RENTED_CLOSED"`, true, false},
		{`"state":"closed","attributes":["delivery"]`, true, false},
		{`"state":"pending","attributes":["layby"]`, false, false},
		{`"state":"pending","attributes":["onaccount"]`, true, false},
		{`"state":"pending","attributes":{}`, false, false},
		{`"state":"parked"`, false, false},
		{`"state":"voided"`, false, false},
		{`"state":"closed","deleted_at":"2026-03-04T10:00:00Z"`, false, false},
		{`"status":"RENTED"`, false, true},
		{`"status":null,"state":{}`, false, true},
	} {
		raw := `{"id":"s-1","outlet_id":"` + quayside + `","version":7,"line_items":[{"id":"1","product_id":"p-1","quantity":1}],` + tt.fields + `}`
		c, err := account().Sale(json.RawMessage(raw), seen)
		if err != nil {
			t.Errorf("%s: %v", tt.fields, err)
		}
		if sold := len(c.Envelopes) == 1; sold != tt.sold || (c.Note != "") != tt.noted {
			t.Errorf("%s: sold %v with the note %q, want %v, noted %v", tt.fields, sold, c.Note, tt.sold, tt.noted)
		}
	}
}

// TestAccount_Consignment_states goes through every type and status.
func TestAccount_Consignment_states(t *testing.T) {
	t.Parallel()
	ends := map[string]domain.Type{
		"SUPPLIER RECEIVED": domain.TypeStockOrderReceived, "OUTLET RECEIVED": domain.TypeStockTransferred,
		"RETURN SENT": domain.TypeStockAdjusted, "STOCKTAKE STOCKTAKE_COMPLETE": domain.TypeStockCounted, "STOCKTAKE CLOSED": domain.TypeStockCounted,
	}
	for _, kind := range []string{"SUPPLIER", "OUTLET", "RETURN", "STOCKTAKE"} {
		for _, status := range []string{"OPEN", "SENT", "DISPATCHED", "RECEIVED", "CANCELLED", "STOCKTAKE", "STOCKTAKE_SCHEDULED",
			"STOCKTAKE_IN_PROGRESS", "STOCKTAKE_IN_PROGRESS_PROCESSED", "STOCKTAKE_COMPLETE", "CLOSED", "LOST_AT_SEA"} {
			raw := json.RawMessage(fmt.Sprintf(`{"id":"c-1","type":%q,"status":%q,"outlet_id":%q,"source_outlet_id":%q,"version":7}`, kind, status, millLane, quayside))
			if kind == "STOCKTAKE" {
				raw = bytes.ReplaceAll(raw, []byte(millLane), []byte(quayside))
			}
			lines := []json.RawMessage{json.RawMessage(`{"product_id":"` + cardigan + `","count":"2.00000","received":"2.00000","version":5}`)}
			c, err := account().Consignment(raw, lines, seen)
			if err != nil {
				t.Fatalf("%s: %v", raw, err)
			}
			var got domain.Type
			if len(c.Envelopes) > 0 {
				got = c.Envelopes[0].Type
			}
			if want := ends[kind+" "+status]; got != want || xseries.Completed(raw) != (want != "") {
				t.Errorf("%s %s became %q, want %q", kind, status, got, want)
			}
			if status == "LOST_AT_SEA" && c.Note == "" {
				t.Errorf("%s %s: nothing is said of the unknown status", kind, status)
			}
		}
	}
}

// TestAccount_refused: what cannot be used names the record and the field.
func TestAccount_refused(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ kind, raw, want string }{
		{"product", `{"id":"p-1","name":"x","price_including_tax":1,"version":3}`, `product p-1: data.sku: is required`},
		{"product", `{"id":"p-1","sku":"A","price_including_tax":1,"version":3}`, `product p-1: data.name: is required`},
		{"product", `{"id":"p-1","sku":"A","name":"x","price_including_tax":null,"price_excluding_tax":4,"version":3}`, `product p-1: price_including_tax: is required, since the store shows prices that are inclusive of tax`},
		{"product", `{"id":"p-1","sku":"A","name":"x","price_including_tax":"12,50","version":3}`, `product p-1: price_including_tax: "\"12,50\"": must be a number`},
		{"product", `{"id":"p-1","sku":"A","name":"x","price_including_tax":-1,"version":3}`, `product p-1: price_including_tax: "-1": must not be negative`},
		{"product", `{"id":"p-1","sku":"A","name":"x","price_including_tax":1}`, `product p-1: version: must be a whole number above 0`},
		{"product", `{"sku":"A","name":"x","price_including_tax":1,"version":2}`, `product : id: is required`},
		{"product", `[]`, `product : record: "[]": must be a JSON object`},
		{"level", `{"product_id":"p-1","outlet_id":"nowhere","count":1,"version":3}`, `level : outlet "nowhere" is not known`},
		{"level", `{"product_id":"p-1","outlet_id":"` + quayside + `","version":3}`, `level : current_inventory_level: is required`},
		{"level", `{"product_id":"p-1","outlet_id":"` + quayside + `","count":1e99,"version":3}`, `level : current_inventory_level: "1000000`},
		{"level", `{"product_id":"p-1","outlet_id":"` + quayside + `","count":1e999999999,"version":3}`, `level : current_inventory_level: "1e999999999": must be a number`},
		{"level", `{"outlet_id":"` + quayside + `","count":1,"version":3}`, `level : product_id: is required`},
		{"sale", `{"id":"s-1","status":"CLOSED","line_items":[{"product_id":"p","quantity":"many"}],"version":3}`, `sale s-1: line_items[0].quantity: "\"many\"": must be a number`},
		{"adjustment", `{"id":"a-1","product_id":"p","outlet_id":"` + quayside + `","version":3}`, `adjustment a-1: quantity: is required`},
	} {
		_, err := readAny(account(), tt.kind+"-x", []byte(tt.raw))
		if tt.kind == "consignment" {
			continue
		}
		if err == nil || !strings.HasPrefix(err.Error(), tt.want) {
			t.Errorf("%s:\n got %v\nwant %s", tt.raw, err, tt.want)
		}
		var record *xseries.RecordError
		if !errors.As(err, &record) {
			t.Errorf("%s: the error is a %T", tt.raw, err)
		}
	}
}

func TestOutlets(t *testing.T) {
	t.Parallel()
	records := func(s string) (out []json.RawMessage) {
		if err := json.Unmarshal([]byte(s), &out); err != nil {
			t.Fatal(err)
		}
		return out
	}
	first := xseries.Outlets(nil).With(records(`[{"id":"1","name":" Mill  Lane "},{"id":"2","name":"Quayside"},{"id":"3","name":"Quayside"},{"id":"4"},{"name":"nobody"}]`))
	want := xseries.Outlets{"1": "Mill Lane", "2": "Quayside", "3": "3 Quayside", "4": "4"}
	if diff := cmp.Diff(want, first); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	renamed := first.With(records(`[{"id":"2","name":"Old Quay"},{"id":"5","name":"Old Quay"}]`))
	if renamed["2"] != "Quayside" || renamed["5"] != "Old Quay" || len(first) != 4 {
		t.Errorf("after a rename: %v", renamed)
	}
	if named := first.Named("9"); named["9"] != "9" {
		t.Errorf("an outlet without a record goes by %q", named["9"])
	}
}

func TestReadRetailer(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]xseries.Retailer{
		`{"data":{"tax_exclusive":true,"currency":{"code":"USD"},"timezone":"America/New_York"}}`: {TaxExclusive: true, Currency: "USD", TimeZone: "America/New_York"},
		`{"tax_exclusive":"0","currency":"GBP"}`:                                                  {Currency: "GBP"},
		`{"data":{"tax_exclusive":false,"currency":{}}}`:                                          {},
	} {
		got, err := xseries.ReadRetailer(json.RawMessage(raw))
		if err != nil || got != want {
			t.Errorf("%s: got %+v, %v, want %+v", raw, got, err, want)
		}
	}
	if _, err := xseries.ReadRetailer(json.RawMessage(`{"data":{}}`)); err == nil {
		t.Error("a retailer without its tax mode was taken")
	}
}

func TestReadPage(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		body    string
		records int
		max     uint64
		ok      bool
	}{
		{`{"data":[{"id":"a","version":4},{"id":"b","version":9}],"version":{"min":4,"max":9}}`, 2, 9, true},
		{`{"data":[],"version":{"min":null,"max":null}}`, 0, 0, true},
		{`{"data":[]}`, 0, 0, true},
		{`{"data":null,"version":{}}`, 0, 0, true},
		{`{"data":{}}`, 0, 0, true},
		{`{"data":{"id":"a","version":"7"}}`, 1, 7, true},
		{`[{"version":12},{"version":5}]`, 2, 12, true},
		{` [] `, 0, 0, true},
		{`{"data":[{"_metadata":{"version":31}}],"version":{"max":"31"}}`, 1, 31, true},
		{`{"error":"x"}`, 0, 0, false},
		{`"text"`, 0, 0, false},
		{``, 0, 0, false},
		{`{"data":[`, 0, 0, false},
	} {
		p, err := xseries.ReadPage([]byte(tt.body))
		if (err == nil) != tt.ok || len(p.Records) != tt.records || p.Max != tt.max {
			t.Errorf("%s: %d records to %d, %v; want %d to %d", tt.body, len(p.Records), p.Max, err, tt.records, tt.max)
		}
	}
}
