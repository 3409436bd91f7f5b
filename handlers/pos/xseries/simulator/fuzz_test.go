package simulator_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tillstream/tillstream/handlers/pos/xseries/simulator"
)

// FuzzImport: no product file makes the account stumble, or its books differ from its inventory.
func FuzzImport(f *testing.F) {
	f.Add("sku,retail_price,inventory_Quayside\nCK-121,4,3\nNEW,1.5,-2\n")
	f.Add("\ufeffid,SKU,name,description,tags,active,track_inventory\na1d0c0de-0000-11ee-8001-000000000001,X,Y,Z,a;b,0,1\n")
	f.Add("sku,name,supply_price,composite_sku\nA,\"B\nC\",0.00001,\nA,B,999999999,X\n")
	f.Fuzz(func(t *testing.T, file string) {
		w := small(t, simulator.Config{})
		if _, err := w.account.Import(strings.NewReader(file)); err != nil {
			return
		}
		books := w.account.Books()
		shown := w.levels26()
		for id := range shown {
			if books[id] == nil {
				delete(shown, id) // it is tracked no more
			}
		}
		if diff := cmp.Diff(books, shown); diff != "" {
			t.Error(diff)
		}
		w.every("/api/2.0/products")
	})
}

// FuzzRequest: no body makes the API or the control API stumble: it is answered, with JSON and below 500.
func FuzzRequest(f *testing.F) {
	paths := []string{
		"POST /api/2026-07/inventory", "POST /api/2026-07/inventory_levels", "POST /api/2026-07/stock_adjustments", "POST /api/2026-07/webhooks", "POST /api/webhooks", "POST /api/1.0/token",
		"POST /control/sell", "POST /control/return", "POST /control/adjust", "POST /control/consign", "POST /control/advance", "POST /control/save", "POST /control/add",
		"POST /control/delete", "POST /control/hook", "POST /control/settings", "POST /control/token",
	}
	for i, body := range []string{
		`{"after":1,"before":9,"size":2,"sort_direction":"asc","include_deleted":true,"product_id":"x","variants":true}`, `{"offset":1,"size":2,"include_composites":true,"product_ids":["x"]}`,
		`{"stock_adjustments":[{"product_id":"CK-121","outlet_id":"Quayside","quantity":"-1","reason":"DAMAGE"}]}`, `{"active":true,"type":"sale.update","url":"https://r.example/"}`,
		`data=%7B%22active%22%3Atrue%7D&type=sale.update`, `grant_type=refresh_token&refresh_token=demo-refresh&client_id=demo-client&client_secret=demo-secret`,
		`{"outlet":"Quayside","status":"SAVED","lines":[{"product":"CK-121","quantity":1.5}]}`, `{"id":"x","back":[{"product":"CK-121","quantity":-1}]}`,
		`[{"product_id":"CK-121","outlet_id":"Quayside","quantity":99999999,"reason":"STOCK_FOUND"}]`,
		`{"type":"OUTLET","outlet":"Quayside","source":"Mill Lane","lines":[{"product":"CK-121","quantity":"3"}]}`, `{"id":"x","status":"SENT"}`, `{"product":"CK-121","price":-1,"tags":["a"]}`,
		`{"name":"X","sku":"Y","price":1,"like":"CK-121","options":[{"name":"a","value":"b"}]}`, `{"product":"CK-121","family":true}`, `{"type":"sale.update","url":"x"}`,
		`{"quirks":0.5,"latency":0}`, `{"revoked":false}`,
	} {
		f.Add(uint8(i), body)
	}
	f.Fuzz(func(t *testing.T, which uint8, body string) {
		w := small(t, simulator.Config{})
		method, path, _ := strings.Cut(paths[int(which)%len(paths)], " ")
		if strings.Contains(body, "latency") && path == "/control/settings" {
			return // nothing would be answered any more, since the test's clock stands still
		}
		got := w.do(method, path, body)
		if got.status < 200 || got.status >= 500 || !strings.HasPrefix(got.header.Get("Content-Type"), "application/json") {
			t.Fatalf("%s %s %s: %d %s", method, path, body, got.status, got.body)
		}
		if again := w.do("POST", "/api/2026-07/inventory", ""); again.status != 200 && again.status != 429 {
			t.Fatalf("then: %d %s", again.status, again.body)
		}
	})
}

// FuzzQuery: no query makes a list stumble.
func FuzzQuery(f *testing.F) {
	for _, query := range []string{"after=1&before=2&page_size=3&deleted=true", "sku=CK-121", "name=x", "includes[]=composite_products&include_images=false", "type=OUTLET&status=SENT&outlet_id=x", "after=%zz", "a;b"} {
		f.Add(uint8(0), query)
		f.Add(uint8(1), query)
	}
	lists := []string{"/api/2026-07/products", "/api/2.0/inventory", "/api/2026-07/sales", "/api/2.0/consignments", "/api/2026-07/stock_adjustments", "/api/2.0/outlets", "/api/2026-07/inventory/x"}
	a := simulator.New(simulator.Config{Items: 12, RateLimit: 1 << 40})
	f.Fuzz(func(t *testing.T, which uint8, query string) {
		w := &world{t: t, account: a, token: "demo-personal"}
		if strings.ContainsAny(query, "#\x00 \x7f") || strings.ContainsFunc(query, func(r rune) bool { return r < ' ' || r > '~' }) {
			return // no client sends such a line
		}
		if got := w.do("GET", lists[int(which)%len(lists)]+"?"+query, ""); got.status != 200 && got.status != 400 {
			t.Fatalf("%s: %d %s", query, got.status, got.body)
		}
	})
}

func FuzzParseAmount(f *testing.F) {
	for _, text := range []string{"0", "-3", "41.50", "4.00638E+12", "1.234567", ".", "999999999.99999"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		n, err := simulator.ParseAmount(text)
		if err != nil {
			return
		}
		if again, err := simulator.ParseAmount(n.String()); err != nil || again != n {
			t.Errorf("%q is %s, which is %v, %v", text, n, again, err)
		}
	})
}
