package simulator_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/tillstream/tillstream/handlers/pos/xseries/simulator"
)

func line(product string, n int) simulator.Line {
	return simulator.Line{Product: product, Quantity: simulator.Of(n)}
}

// TestSale_Status: each status has its state and attribute in the date versions, and its effect on the stock.
func TestSale_Status(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		path       []string // the statuses of one sale
		state      string
		attributes string
		stock      string // of 10, after a sale of 3
	}{
		{[]string{"SAVED"}, "parked", "[]", "10"},
		{[]string{"OPEN"}, "pending", "[]", "10"},
		{[]string{"CLOSED"}, "closed", "[]", "7"},
		{[]string{"SAVED", "CLOSED"}, "closed", "[]", "7"},
		{[]string{"SAVED", "VOIDED"}, "voided", "[]", "10"},
		{[]string{"CLOSED", "VOIDED"}, "voided", "[]", "10"},
		{[]string{"ONACCOUNT"}, "pending", `["onaccount"]`, "7"},
		{[]string{"ONACCOUNT", "ONACCOUNT_CLOSED"}, "closed", `["onaccount"]`, "7"},
		{[]string{"LAYBY"}, "pending", `["layby"]`, "7"},
		{[]string{"LAYBY", "LAYBY_CLOSED"}, "closed", `["layby"]`, "7"},
		{[]string{"LAYBY", "VOIDED"}, "voided", "[]", "10"},
		{[]string{"AWAITING_DISPATCH"}, "pending", `["delivery"]`, "10"},
		{[]string{"AWAITING_DISPATCH", "DISPATCHED_CLOSED"}, "closed", `["delivery"]`, "7"},
		{[]string{"AWAITING_PICKUP"}, "pending", `["pickup"]`, "10"},
		{[]string{"AWAITING_PICKUP", "PICKED_UP_CLOSED"}, "closed", `["pickup"]`, "7"},
		{[]string{"SERVICE"}, "pending", `["service"]`, "10"},
		{[]string{"SERVICE", "SERVICE_CLOSED"}, "closed", `["service"]`, "7"},
		{[]string{"QUOTED"}, "parked", "[]", "10"},
		{[]string{"QUOTED", "CLOSED"}, "closed", "[]", "7"},
	} {
		t.Run(fmt.Sprint(tt.path), func(t *testing.T) {
			t.Parallel()
			w := small(t, simulator.Config{})
			id := w.add("S-1", 10)
			sale := must(w.account.Sell("Quayside", tt.path[0], line(id, 3)))
			for _, next := range tt.path[1:] {
				if err := w.account.SetSaleStatus(sale, next); err != nil {
					t.Fatal(err)
				}
			}
			got := at(w.ok("GET", "/api/2026-07/sales/"+sale, ""), "data")
			if at(got, "state") != tt.state || text(at(got, "attributes")) != tt.attributes || at(got, "status") != nil {
				t.Errorf("2026-07 shows %v %v", at(got, "state"), at(got, "attributes"))
			}
			old := at(w.ok("GET", "/api/2.0/sales/"+sale, ""), "data")
			if at(old, "status") != tt.path[len(tt.path)-1] || at(old, "state") != tt.state {
				t.Errorf("2.0 shows %v %v", at(old, "status"), at(old, "state"))
			}
			if left := w.stock(id, "Quayside"); left != tt.stock {
				t.Errorf("%s are left, want %s", left, tt.stock)
			}
		})
	}
}

// TestSale_Status_ErrStep: a status that cannot follow is refused, and so is what cannot be sold.
func TestSale_ErrStep(t *testing.T) {
	t.Parallel()
	w := small(t, simulator.Config{})
	id := w.add("S-1", 10)
	sale := must(w.account.Sell("Quayside", "CLOSED", line(id, 3)))
	for _, status := range []string{"SAVED", "CLOSED", "ONACCOUNT", "LAYBY_CLOSED", "", "NEW"} {
		if err := w.account.SetSaleStatus(sale, status); err == nil {
			t.Errorf("a closed sale became %q", status)
		}
	}
	inactive := false
	idle := w.add("S-2", 0)
	if err := w.account.Save(idle, simulator.ProductEdit{Active: &inactive}); err != nil {
		t.Fatal(err)
	}
	for what, try := range map[string]func() (string, error){
		"an unknown outlet":      func() (string, error) { return w.account.Sell("Elsewhere", "CLOSED", line(id, 1)) },
		"an unknown product":     func() (string, error) { return w.account.Sell("Quayside", "CLOSED", line("x", 1)) },
		"nothing":                func() (string, error) { return w.account.Sell("Quayside", "CLOSED") },
		"a quantity of 0":        func() (string, error) { return w.account.Sell("Quayside", "CLOSED", line(id, 0)) },
		"an inactive product":    func() (string, error) { return w.account.Sell("Quayside", "CLOSED", line(idle, 1)) },
		"a sale that ends first": func() (string, error) { return w.account.Sell("Quayside", "LAYBY_CLOSED", line(id, 1)) },
		"more than was sold":     func() (string, error) { return w.account.Return(sale, true, line(id, 4)) },
		"another product":        func() (string, error) { return w.account.Return(sale, true, line(idle, 1)) },
		"an unknown sale":        func() (string, error) { return w.account.Return("x", true) },
	} {
		if got, err := try(); err == nil {
			t.Errorf("%s gave %s", what, got)
		}
	}
	if left := w.stock(id, "Quayside"); left != "7" {
		t.Errorf("what was refused left %s, want 7", left)
	}
}

// TestSale_Return: a return is a sale of its own: SAVED at first, with quantities below 0 at the prices of then, and a
// reference to the original; its stock comes back when it is closed.
func TestSale_Return(t *testing.T) {
	t.Parallel()
	for _, api := range []string{"2.0", "2026-07"} {
		w := small(t, simulator.Config{})
		id := w.add("S-1", 10)
		sale := must(w.account.Sell("Quayside", "CLOSED", line(id, 3)))
		dearer := simulator.Of(99)
		if err := w.account.Save(id, simulator.ProductEdit{Price: &dearer}); err != nil {
			t.Fatal(err)
		}
		method := map[string]string{"2.0": "PUT", "2026-07": "POST"}[api]
		begun := at(w.ok(method, "/api/"+api+"/sales/"+sale+"/actions/return", ""), "data")
		back := text(at(begun, "id"))
		if left := w.stock(id, "Quayside"); left != "7" || at(begun, "state") != "parked" {
			t.Errorf("%s: %s are there and the return is %v before it is closed", api, left, at(begun, "state"))
		}
		if err := w.account.SetSaleStatus(back, "CLOSED"); err != nil {
			t.Fatal(err)
		}
		if left := w.stock(id, "Quayside"); left != "10" {
			t.Errorf("%s: %s are there after it, want 10", api, left)
		}
		got := at(w.ok("GET", "/api/"+api+"/sales/"+back, ""), "data")
		l := objects(at(got, "line_items"))[0]
		if text(l["quantity"]) != "-3" {
			t.Errorf("%s: the line is %v", api, l)
		}
		if api == "2.0" {
			if at(got, "return_for") != sale || l["is_return"] != true || text(l["price"]) != "10" || text(at(got, "total_price")) != "-30" || l["product_id"] != id {
				t.Errorf("the return is %v", got)
			}
		} else {
			original := at(w.ok("GET", "/api/"+api+"/sales/"+sale, ""), "data", "return", "return_sale_ids")
			if at(got, "return", "is_return") != true || at(got, "return", "original_sale_id") != sale || text(original) != `["`+back+`"]` || at(l, "return", "is_return") != true ||
				text(at(l, "pricing", "price")) != "10" || text(at(got, "totals", "price")) != "-30" || at(l, "product", "id") != id || text(at(got, "_metadata", "version")) == "null" {
				t.Errorf("the return is %v, the original names %v", got, original)
			}
		}
		if got := w.do(method, "/api/"+api+"/sales/"+sale+"/actions/return", ""); got.status != 422 {
			t.Errorf("%s: what came back comes back again: %d %s", api, got.status, got.body)
		}
		if got := w.do(method, "/api/"+api+"/sales/nothing/actions/return", ""); got.status != 404 {
			t.Errorf("%s: an unknown sale: %d", api, got.status)
		}
	}
}

// TestSale_Exchange: an exchange is one sale with lines of both signs.
func TestSale_Exchange(t *testing.T) {
	t.Parallel()
	w := small(t, simulator.Config{})
	id, instead := w.add("S-1", 10), w.add("S-2", 10)
	sale := must(w.account.Sell("Quayside", "CLOSED", line(id, 3)))
	exchange := must(w.account.Exchange(sale, true, []simulator.Line{line(id, 1)}, []simulator.Line{line(instead, 2)}))
	if a, b := w.stock(id, "Quayside"), w.stock(instead, "Quayside"); a != "8" || b != "8" {
		t.Errorf("%s and %s are left, want 8 and 8", a, b)
	}
	lines := objects(at(w.ok("GET", "/api/2.0/sales/"+exchange, ""), "data", "line_items"))
	if len(lines) != 2 || text(lines[0]["quantity"]) != "-1" || text(lines[1]["quantity"]) != "2" || lines[1]["is_return"] != false {
		t.Errorf("its lines are %v", lines)
	}
	if err := w.account.SetSaleStatus(sale, "VOIDED"); err == nil {
		t.Error("a sale was voided of which something came back")
	}
	if err := w.account.SetSaleStatus(exchange, "VOIDED"); err != nil {
		t.Fatal(err)
	}
	if err := w.account.SetSaleStatus(sale, "VOIDED"); err != nil {
		t.Errorf("after the exchange was voided: %v", err)
	}
	if a, b := w.stock(id, "Quayside"), w.stock(instead, "Quayside"); a != "10" || b != "10" {
		t.Errorf("%s and %s are left, want 10 and 10", a, b)
	}
}

// TestSale_Register: a sale names its register, and the register its outlet.
func TestSale_Register(t *testing.T) {
	t.Parallel()
	w := small(t, simulator.Config{Outlets: 3})
	sale := must(w.account.Sell("Harbour Kiosk", "CLOSED", line(w.add("S-1", 0), 1)))
	register := at(w.ok("GET", "/api/2026-07/sales/"+sale, ""), "data", "source", "register_id")
	registers := w.rows("/api/2026-07/registers")
	i := slices.IndexFunc(registers, func(r map[string]any) bool { return r["id"] == register })
	if len(registers) != 3 || i < 0 || registers[i]["outlet_id"] != w.outlet("Harbour Kiosk") {
		t.Errorf("register %v of %v", register, registers)
	}
}
