package simulator_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/tillstream/tillstream/handlers/pos/xseries/simulator"
)

// TestControl: everything that can be done to an account can be done by another process.
func TestControl(t *testing.T) {
	t.Parallel()
	w, r := hooked(t, simulator.Config{})
	quayside, mill := w.outlet("Quayside"), w.outlet("Mill Lane")
	var id, sale, order string
	keep := func(into *string) func(string) {
		return func(body string) {
			var made struct{ ID string }
			if err := json.Unmarshal([]byte(body), &made); err != nil || made.ID == "" {
				t.Fatalf("%s: %v", body, err)
			}
			*into = made.ID
		}
	}
	for _, tt := range []struct {
		method, path string
		body         func() string
		then         func(string)
	}{
		{"POST", "add", func() string { return `{"name":"Bowl","sku":"B-1","price":"10.50"}` }, keep(&id)},
		{"POST", "hook", func() string { return `{"type":"sale.update","url":"https://receiver.example/sale","signed":true}` }, nil},
		{"POST", "hook", func() string { return `{"type":"product.update","url":"https://receiver.example/product"}` }, nil},
		{"POST", "adjust", func() string {
			return `[{"product_id":"B-1","outlet_id":"` + quayside + `","quantity":"9","reason":"STOCK_FOUND"}]`
		}, nil},
		{"POST", "sell", func() string { return `{"outlet":"Quayside","lines":[{"product":"B-1","quantity":2}]}` }, keep(&sale)},
		{"POST", "return", func() string { return `{"id":"` + sale + `","back":[{"product":"B-1","quantity":1}],"parked":true}` }, keep(&sale)},
		{"POST", "sale", func() string { return `{"id":"` + sale + `","status":"CLOSED"}` }, nil},
		{"POST", "consign", func() string {
			return `{"type":"OUTLET","outlet":"` + mill + `","source":"Quayside","lines":[{"product":"B-1","quantity":"3"}]}`
		}, keep(&order)},
		{"POST", "advance", func() string { return `{"id":"` + order + `","status":"SENT"}` }, nil},
		{"POST", "advance", func() string {
			return `{"id":"` + order + `","status":"RECEIVED","lines":[{"product":"B-1","quantity":2}]}`
		}, nil},
		{"POST", "save", func() string { return `{"product":"B-1","price":12,"description":"<p>Round.</p>"}` }, nil},
		{"POST", "import", func() string { return "sku,supply_price\nB-1,3\n" }, nil},
		{"POST", "settings", func() string { return `{"hook_loss":0.5,"rate_window":"1m"}` }, func(body string) {
			if !strings.Contains(body, `"hook_loss":0.5`) || !strings.Contains(body, `"rate_window":"1m0s"`) {
				t.Errorf("the settings are %s", body)
			}
		}},
		{"GET", "settings", func() string { return "" }, nil},
		{"GET", "outlets", func() string { return "" }, nil}, {"GET", "movements", func() string { return "" }, nil},
		{"GET", "occurrences", func() string { return "" }, func(body string) {
			for _, want := range []string{`"trigger":"refund"`, `"trigger":"stock transfer"`, `"trigger":"product save"`, `"trigger":"product import"`, `"trigger":"stock adjustment"`} {
				if !strings.Contains(body, want) {
					t.Errorf("no %s has occurred: %s", want, body)
				}
			}
		}},
		{"GET", "requests?after=1", func() string { return "" }, nil}, {"GET", "violations", func() string { return "" }, nil},
		{"GET", "deliveries", func() string { return "" }, nil}, {"GET", "faults", func() string { return "" }, nil}, {"DELETE", "faults", func() string { return "" }, nil},
		{"POST", "authorize", func() string { return "" }, func(body string) {
			if !strings.Contains(body, `"code":"`) {
				t.Error(body)
			}
		}},
	} {
		got := w.do(tt.method, "/control/"+tt.path, tt.body())
		if got.status != 200 {
			t.Fatalf("%s %s %s: %d %s", tt.method, tt.path, tt.body(), got.status, got.body)
		}
		if tt.then != nil {
			tt.then(got.body)
		}
	}
	if here, there := w.stock(id, "Quayside"), w.stock(id, "Mill Lane"); here != "5" || there != "2" {
		t.Errorf("there are %s and %s, want 5 and 2", here, there)
	}
	p := w.product("B-1")
	if text(p["price_including_tax"]) != "12" || text(p["supply_price"]) != "3" || p["description"] != "<p>Round.</p>" {
		t.Errorf("the bowl is %v", p)
	}
	signed := map[string]bool{}
	for _, c := range w.deliver(r) {
		signed[c.path] = c.header.Get("X-Signature") != ""
	}
	if !signed["/sale"] || signed["/product"] {
		t.Errorf("signed are %v", signed)
	}
	w.do("POST", "/control/token", `{"expired":true}`)
	if got := w.as("demo-access"); got != 401 {
		t.Errorf("after the token expired: %d", got)
	}
	w.do("POST", "/control/token", `{"revoked":true}`)
	w.do("POST", "/control/down", `{"down":false}`)
	if got := w.as("demo-personal"); got != 401 {
		t.Errorf("after the tokens were revoked: %d", got)
	}
	if got := w.do("POST", "/control/delete", `{"product":"B-1"}`); got.status != 200 || w.account.Books()[id] != nil {
		t.Errorf("deleting: %d %s", got.status, got.body)
	}
}

func TestControl_ErrBad(t *testing.T) {
	t.Parallel()
	w := small(t, simulator.Config{})
	for _, tt := range []struct {
		method, path, body string
		want               int
	}{
		{"POST", "/control/sell", `{"outlett":"Quayside"}`, 400}, {"POST", "/control/sell", `{"outlet":"Quayside"}`, 400}, {"POST", "/control/sale", `{"id":"x","status":"CLOSED"}`, 400},
		{"POST", "/control/settings", `{"hook_loss":2}`, 400}, {"POST", "/control/settings", `{"hooks":2}`, 400}, {"POST", "/control/settings", `{"rate_window":"0s"}`, 400},
		{"POST", "/control/advance", `{"id":"x"}`, 400}, {"POST", "/control/hook", `{"type":"x"}`, 400}, {"POST", "/control/import", "name\n", 400},
		{"POST", "/control/add", `{"name":"","sku":"X"}`, 400}, {"POST", "/control/save", `{"product":"x"}`, 400}, {"POST", "/control/delete", `{"product":"x"}`, 400},
		{"GET", "/control/requests?after=x", "", 400}, {"GET", "/control/nothing", "", 404}, {"GET", "/control", "", 200},
	} {
		if got := w.do(tt.method, tt.path, tt.body); got.status != tt.want {
			t.Errorf("%s %s: %d %s, want %d", tt.path, tt.body, got.status, got.body, tt.want)
		}
	}
	if got := w.do("GET", "/control/books", "", "Authorization", "Bearer demo-access"); got.status != 401 {
		t.Errorf("with the app's token: %d", got.status)
	}
}

// TestControl_Add: what Add refuses, and what it makes.
func TestControl_Add(t *testing.T) {
	t.Parallel()
	w := small(t, simulator.Config{})
	first := w.rows("/api/2026-07/products")[0]
	sku, n := text(first["sku"]), len(objects(first["variant_options"]))
	var options []simulator.Option
	for _, o := range objects(first["variant_options"]) {
		options = append(options, simulator.Option{Name: text(o["name"]), Value: "Other"})
	}
	id := must(w.account.Add("", "V-1", simulator.Of(5), sku, options...))
	if got := w.product("V-1"); got["variant_parent_id"] != first["id"] || got["family_id"] != first["family_id"] || text(got["id"]) != id {
		t.Errorf("the variant is %v", got)
	}
	for what, try := range map[string]func() (string, error){
		"a SKU that is taken":        func() (string, error) { return w.account.Add("X", sku, 1, "") },
		"no SKU":                     func() (string, error) { return w.account.Add("X", "", 1, "") },
		"a name that is taken":       func() (string, error) { return w.account.Add(text(first["name"]), "X", 1, "") },
		"a price below 0":            func() (string, error) { return w.account.Add("X", "X", -1, "") },
		"four options":               func() (string, error) { return w.account.Add("X", "X", 1, "", make([]simulator.Option, 4)...) },
		"a variant without options":  func() (string, error) { return w.account.Add("", "X", 1, sku) },
		"a variant of nothing":       func() (string, error) { return w.account.Add("", "X", 1, "none", options...) },
		"a variant with one too few": func() (string, error) { return w.account.Add("", "X", 1, sku, options[:n-1]...) },
	} {
		if _, err := try(); err == nil {
			t.Errorf("%s was taken", what)
		}
	}
}
