package simulator_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/tillstream/tillstream/handlers/pos/xseries/simulator"
)

// step is a status of a consignment, what arrives with it, and what there is at both outlets afterwards.
type step struct {
	status  string
	arrives string // "" is nothing said
	here    string // at Quayside, where it goes to
	there   string // at Mill Lane, where a transfer comes from
}

// TestConsignment: each type goes through its statuses and moves the stock of 10 at each outlet at the right ones.
func TestConsignment(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		kind string
		path []step
	}{
		{"an order", "SUPPLIER", []step{{"SENT", "", "10", "10"}, {"DISPATCHED", "1", "11", "10"}, {"DISPATCHED", "2.5", "13.5", "10"}, {"RECEIVED", "", "14", "10"}}},
		{"an order that arrives at once", "SUPPLIER", []step{{"SENT", "", "10", "10"}, {"RECEIVED", "", "14", "10"}}},
		{"an order that is short", "SUPPLIER", []step{{"SENT", "", "10", "10"}, {"RECEIVED", "3", "13", "10"}}},
		{"an order that is cancelled", "SUPPLIER", []step{{"SENT", "", "10", "10"}, {"DISPATCHED", "1", "11", "10"}, {"CANCELLED", "", "11", "10"}}},
		{"an order with a status that nobody knows", "SUPPLIER", []step{{"SENT", "", "10", "10"}, {"AWAITING_REVIEW", "", "10", "10"}, {"RECEIVED", "", "14", "10"}}},
		{"a transfer", "OUTLET", []step{{"SENT", "", "10", "6"}, {"RECEIVED", "", "14", "6"}}},
		{"a transfer that loses one", "OUTLET", []step{{"SENT", "", "10", "6"}, {"RECEIVED", "3", "13", "6"}}},
		{"a transfer that is cancelled before", "OUTLET", []step{{"CANCELLED", "", "10", "10"}}},
		{"a transfer that is cancelled on its way", "OUTLET", []step{{"SENT", "", "10", "6"}, {"CANCELLED", "", "10", "10"}}},
		{"a return to the supplier", "RETURN", []step{{"SENT", "", "6", "10"}}},
		{"a count", "STOCKTAKE", []step{
			{"STOCKTAKE_IN_PROGRESS", "", "10", "10"}, {"STOCKTAKE_IN_PROGRESS", "8", "10", "10"}, {"STOCKTAKE_IN_PROGRESS_PROCESSED", "", "10", "10"},
			{"AWAITING_REVIEW", "", "10", "10"}, {"STOCKTAKE_COMPLETE", "", "8", "10"},
		}},
		{"a count that is given up", "STOCKTAKE", []step{{"STOCKTAKE_IN_PROGRESS", "8", "10", "10"}, {"CLOSED", "", "10", "10"}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := small(t, simulator.Config{})
			id := w.add("C-1", 10)
			must(w.account.Adjust(simulator.Adjustment{Product: id, Outlet: "Mill Lane", Quantity: simulator.Of(10), Reason: "STOCK_FOUND"}))
			c := must(w.account.Consign(simulator.Consignment{Type: tt.kind, Outlet: "Quayside", Source: "Mill Lane", Supplier: "Harbour Mills", Lines: []simulator.Line{line(id, 4)}}))
			version := number(at(w.ok("GET", "/api/2.0/consignments/"+c, ""), "data", "version"))
			for _, s := range tt.path {
				var lines []simulator.Line
				if s.arrives != "" {
					lines = []simulator.Line{{Product: id, Quantity: must(simulator.ParseAmount(s.arrives))}}
				}
				if err := w.account.Advance(c, s.status, lines...); err != nil {
					t.Fatal(err)
				}
				got := at(w.ok("GET", "/api/2026-07/consignments/"+c, ""), "data")
				if here, there := w.stock(id, "Quayside"), w.stock(id, "Mill Lane"); here != s.here || there != s.there || at(got, "status") != s.status {
					t.Errorf("%s: it is %v, with %s and %s; want %s and %s", s.status, at(got, "status"), here, there, s.here, s.there)
				}
				if v := number(at(got, "version")); v <= version {
					t.Errorf("%s: version %d after %d", s.status, v, version)
				} else {
					version = v
				}
			}
			lines := w.rows("/api/2026-07/consignments/" + c + "/products")
			if len(lines) != 1 || lines[0]["product_sku"] != "C-1" || !strings.HasSuffix(text(lines[0]["count"]), ".00000") || number(lines[0]["version"]) == 0 {
				t.Errorf("its lines are %v", lines)
			}
		})
	}
}

// TestConsignment_ErrStep: what the vendor refuses is refused.
func TestConsignment_ErrStep(t *testing.T) {
	t.Parallel()
	w := small(t, simulator.Config{})
	id := w.add("C-1", 10)
	next := func(kind string, path ...string) error {
		c := must(w.account.Consign(simulator.Consignment{Type: kind, Outlet: "Quayside", Source: "Mill Lane", Lines: []simulator.Line{line(id, 4)}}))
		for _, status := range path[:len(path)-1] {
			if err := w.account.Advance(c, status); err != nil {
				t.Fatal(err)
			}
		}
		return w.account.Advance(c, path[len(path)-1])
	}
	for _, tt := range [][]string{
		{"SUPPLIER", "RECEIVED"}, {"SUPPLIER", "SENT", "RECEIVED", "CANCELLED"}, {"SUPPLIER", "SENT", "CANCELLED", "RECEIVED"}, {"OUTLET", "SENT", "DISPATCHED"},
		{"OUTLET", "RECEIVED"}, {"RETURN", "RECEIVED"}, {"RETURN", "SENT", "CANCELLED"}, {"STOCKTAKE", "STOCKTAKE_COMPLETE"}, {"STOCKTAKE", "SENT"},
		{"SUPPLIER", "CANCELLED", "AWAITING_REVIEW"}, {"SUPPLIER", "AWAITING_REVIEW", "AWAITING_REVIEW"}, {"SUPPLIER", "AWAITING_REVIEW", "RECEIVED"},
	} {
		if err := next(tt[0], tt[1:]...); err == nil {
			t.Errorf("%v is possible", tt)
		}
	}
	c := must(w.account.Consign(simulator.Consignment{Type: "SUPPLIER", Outlet: "Quayside", Lines: []simulator.Line{line(id, 4)}}))
	for what, try := range map[string]func() error{
		"nothing arrives":     func() error { _ = w.account.Advance(c, "SENT"); return w.account.Advance(c, "RECEIVED", line(id, 0)) },
		"another arrives":     func() error { return w.account.Advance(c, "DISPATCHED", line(w.add("C-2", 0), 1)) },
		"less than 0 arrives": func() error { return w.account.Advance(c, "DISPATCHED", line(id, -1)) },
	} {
		if err := try(); err == nil {
			t.Error(what + ", and it is taken")
		}
	}
	lines := []simulator.Line{line(id, 1)}
	for what, bad := range map[string]simulator.Consignment{
		"an unknown type":     {Type: "GIFT", Outlet: "Quayside", Lines: lines},
		"no lines":            {Type: "SUPPLIER", Outlet: "Quayside"},
		"a quantity of 0":     {Type: "SUPPLIER", Outlet: "Quayside", Lines: []simulator.Line{line(id, 0)}},
		"a product twice":     {Type: "SUPPLIER", Outlet: "Quayside", Lines: []simulator.Line{line(id, 1), line("C-1", 1)}},
		"to itself":           {Type: "OUTLET", Outlet: "Quayside", Source: "Quayside", Lines: lines},
		"from nowhere":        {Type: "OUTLET", Outlet: "Quayside", Lines: lines},
		"an unknown product":  {Type: "SUPPLIER", Outlet: "Quayside", Lines: []simulator.Line{line("x", 1)}},
		"an unknown outlet":   {Type: "SUPPLIER", Outlet: "x", Lines: lines},
		"more than 500 lines": {Type: "SUPPLIER", Outlet: "Quayside", Lines: make([]simulator.Line, 501)},
	} {
		if _, err := w.account.Consign(bad); err == nil {
			t.Errorf("a consignment with %s is possible", what)
		}
	}
}

// TestConsignment_Lists: consignments are found by their type, status and outlet.
func TestConsignment_Lists(t *testing.T) {
	t.Parallel()
	w := small(t, simulator.Config{})
	id := w.add("C-1", 10)
	for _, kind := range []string{"SUPPLIER", "OUTLET", "RETURN", "STOCKTAKE"} {
		must(w.account.Consign(simulator.Consignment{Type: kind, Outlet: "Quayside", Source: "Mill Lane", Lines: []simulator.Line{line(id, 1)}}))
	}
	for query, want := range map[string]int{
		"": 4, "?type=OUTLET": 1, "?status=OPEN": 3, "?status=STOCKTAKE_SCHEDULED": 1, "?outlet_id=" + w.outlet("Mill Lane"): 1, "?type=RETURN&status=SENT": 0,
	} {
		if got := w.rows("/api/2026-07/consignments" + query); len(got) != want {
			t.Errorf("%s: %d, want %d", query, len(got), want)
		}
	}
}

// TestAdjustments: the reason decides the sign, all of a request or nothing of it is done, and what is done is listed.
func TestAdjustments(t *testing.T) {
	t.Parallel()
	w := small(t, simulator.Config{})
	id := w.add("A-1", 10)
	one := func(quantity, reason, more string) string {
		return fmt.Sprintf(`{"product_id":%q,"outlet_id":%q,"quantity":%q,"reason":%q%s}`, id, w.outlet("Quayside"), quantity, reason, more)
	}
	post := func(items ...string) answer {
		return w.do("POST", "/api/2026-07/stock_adjustments", `{"stock_adjustments":[`+strings.Join(items, ",")+`]}`)
	}
	for _, tt := range []struct {
		item string
		want int
	}{
		{one("-1", "DAMAGE", ""), 201}, {one("1", "DAMAGE", ""), 422}, {one("-1.5", "EXPIRY", ""), 201}, {one("-1", "INTERNAL_USE", ""), 201}, {one("-1", "THEFT", ""), 201},
		{one("-0.5", "DONATION", ""), 201}, {one("1", "STOCK_FOUND", ""), 201}, {one("-1", "STOCK_FOUND", ""), 422}, {one("2", "SAMPLE_FOR_SALE", ""), 201},
		{one("0", "STOCK_FOUND", ""), 422}, {one("1", "OTHER", ""), 422}, {one("1", "CUSTOM", ""), 422}, {one("-2", "CUSTOM", `,"custom_inventory_adjustment_reason_id":"r"`), 201},
		{one("1", "STOCK_FOUND", `,"custom_inventory_adjustment_reason_id":"r"`), 422}, {one("1e3", "STOCK_FOUND", ""), 400}, {`{}`, 422},
	} {
		if got := post(tt.item); got.status != tt.want {
			t.Errorf("%s: %d %s, want %d", tt.item, got.status, got.body, tt.want)
		}
	}
	if left := w.stock(id, "Quayside"); left != "6" {
		t.Errorf("%s are left, want 6", left)
	}
	if got := post(one("1", "STOCK_FOUND", ""), one("1", "DAMAGE", "")); got.status != 422 || w.stock(id, "Quayside") != "6" {
		t.Errorf("a request with a bad item: %d, and %s are left", got.status, w.stock(id, "Quayside"))
	}
	if got := post(); got.status != 422 {
		t.Errorf("a request without items: %d", got.status)
	}
	if got := post(strings.Split(strings.Repeat(one("1", "STOCK_FOUND", "")+" ", 1001), " ")[:1001]...); got.status != 422 {
		t.Errorf("a request with 1001: %d", got.status)
	}
	rows := w.every("/api/2026-07/stock_adjustments")
	last := rows[len(rows)-1]
	if len(rows) != 9 || last["quantity"] != "-2" || last["reason"] != "CUSTOM" || last["custom_inventory_adjustment_reason_id"] != "r" || rows[1]["custom_inventory_adjustment_reason_id"] != nil {
		t.Errorf("%d are listed, the last is %v", len(rows), last)
	}
	if got := w.do("GET", "/api/2026-07/stock_adjustments?page_size=1000", ""); got.status != http.StatusOK {
		t.Errorf("a page of 1000: %d", got.status)
	}
}
