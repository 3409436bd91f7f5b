package simulator_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tillstream/tillstream/handlers/pos/xseries/simulator"
)

// TestHooks_Subscription: what the API takes, and what it refuses.
func TestHooks_Subscription(t *testing.T) {
	t.Parallel()
	w := small(t, simulator.Config{})
	const path = "/api/2026-07/webhooks"
	made := at(w.ok("POST", path, `{"active":true,"type":"inventory.update","url":"https://r.example/inventory"}`), "data")
	id := text(at(made, "id"))
	if want := map[string]any{"id": id, "retailer_id": at(w.ok("GET", "/api/2.0/retailer", ""), "data", "id"), "type": "inventory.update", "url": "https://r.example/inventory", "active": true}; cmp.Diff(want, made) != "" {
		t.Error(cmp.Diff(want, made))
	}
	for _, tt := range []struct {
		method, path, body string
		want               int
	}{
		{"POST", path, `{"active":true,"type":"inventory.update","url":"https://r.example/inventory"}`, 409},
		{"POST", path, `{"active":true,"type":"inventory.update","url":"https://r.example/other"}`, 201},
		{"POST", path, `{"active":true,"type":"product.create","url":"https://r.example/x"}`, 422},
		{"POST", path, `{"type":"sale.update","url":"https://r.example/x"}`, 422},
		{"POST", path, `{"active":true,"type":"sale.update","url":"nowhere"}`, 422},
		{"POST", path, `{`, 400},
		{"PUT", path + "/" + id, `{"active":false,"type":"inventory.update","url":"https://r.example/inventory"}`, 200},
		{"PUT", path + "/" + id, `{}`, 422},
		{"GET", path + "/" + id, "", 200}, {"GET", path + "/x", "", 404}, {"PUT", path + "/x", `{}`, 404},
		{"DELETE", path + "/" + id, "", 200}, {"DELETE", path + "/" + id, "", 404},
		{"POST", "/api/webhooks", url.Values{"active": {"true"}, "type": {"sale.update"}, "url": {"https://r.example/sale"}}.Encode(), 201},
		{"POST", "/api/webhooks", url.Values{"data": {`{"active":true,"type":"product.update","url":"https://r.example/product"}`}}.Encode(), 201},
		{"POST", "/api/webhooks", "type=sale.update", 422},
	} {
		if got := w.do(tt.method, tt.path, tt.body); got.status != tt.want {
			t.Errorf("%s %s %s: %d %s, want %d", tt.method, tt.path, tt.body, got.status, got.body, tt.want)
		}
	}
	if got := w.rows(path); len(got) != 3 {
		t.Errorf("%d webhooks are left, want 3", len(got))
	}
	for _, kind := range simulator.HookTypes() {
		if err := w.account.Subscribe(kind, "https://r.example/all/"+string(kind)); err != nil {
			t.Error(err)
		}
	}
}

// TestHooks_Inactive: a webhook that is switched off is not told, then or later, of what happened meanwhile.
func TestHooks_Inactive(t *testing.T) {
	t.Parallel()
	w, r := hooked(t, simulator.Config{}, simulator.SaleUpdate)
	id := w.add("H-1", 5)
	path := "/api/2026-07/webhooks/" + text(w.rows("/api/2026-07/webhooks")[0]["id"])
	for _, tt := range []struct{ active, status string }{{"false", "SAVED"}, {"true", "CLOSED"}} {
		w.ok("PUT", path, `{"active":`+tt.active+`,"type":"sale.update","url":"https://receiver.example/"}`)
		must(w.account.Sell("Quayside", tt.status, line(id, 1)))
	}
	if calls := w.deliver(r); len(calls) != 1 || calls[0].entity["status"] != "CLOSED" {
		t.Errorf("calls %v", calls)
	}
}

// TestHooks_Form: a hook is a form with a payload, signed over its raw bytes; one of a webhook that was made by hand is
// not signed.
func TestHooks_Form(t *testing.T) {
	t.Parallel()
	w, r := hooked(t, simulator.Config{Quirks: 0.5, Seed: 2}, simulator.InventoryUpdate)
	id := w.add("H-1", 0)
	for range 30 {
		must(w.account.Adjust(simulator.Adjustment{Product: id, Outlet: "Quayside", Quantity: simulator.Of(1), Reason: "STOCK_FOUND"}))
	}
	calls := w.deliver(r)
	var spaced, withOthers int
	form := regexp.MustCompile(`^signature=([0-9a-f]{64}), ?algorithm=HMAC-SHA256$`)
	for _, c := range calls {
		mac := hmac.New(sha256.New, []byte("demo-secret"))
		mac.Write([]byte(c.raw))
		got := form.FindStringSubmatch(c.header.Get("X-Signature"))
		if got == nil || got[1] != hex.EncodeToString(mac.Sum(nil)) || c.header.Get("Content-Type") != "application/x-www-form-urlencoded" {
			t.Fatalf("the headers are %v", c.header)
		}
		if strings.Contains(got[0], ", ") {
			spaced++
		}
		if len(c.form) > 1 {
			withOthers++
		}
	}
	if len(calls) != 30 || spaced == 0 || spaced == 30 || withOthers == 0 || withOthers == 30 {
		t.Errorf("of %d calls, %d have a space in the signature and %d have other fields", len(calls), spaced, withOthers)
	}
	if err := w.account.AddHook(simulator.ProductUpdate, "https://receiver.example/byhand"); err != nil {
		t.Fatal(err)
	}
	if err := w.account.Save(id, simulator.ProductEdit{}); err != nil {
		t.Fatal(err)
	}
	if calls := w.deliver(r); len(calls) != 1 || calls[0].header.Get("X-Signature") != "" {
		t.Errorf("a webhook made by hand: %v", calls)
	}
	for how, want := range map[string]string{"base64": `^signature=[0-9A-Za-z+/]{43}=, ?algorithm=HMAC-SHA256$`, "none": `^$`} {
		if err := w.account.Change(func(c *simulator.Config) { c.HookSignature = how }); err != nil {
			t.Fatal(err)
		}
		must(w.account.Adjust(simulator.Adjustment{Product: id, Outlet: "Quayside", Quantity: simulator.Of(1), Reason: "STOCK_FOUND"}))
		if got := w.deliver(r)[0].header.Get("X-Signature"); !regexp.MustCompile(want).MatchString(got) {
			t.Errorf("%s: %q", how, got)
		}
	}
}

// TestHooks_When: which hooks each thing fires, and none else.
func TestHooks_When(t *testing.T) {
	t.Parallel()
	order := func(kind string) func(w *world, id string) {
		return func(w *world, id string) {
			c := must(w.account.Consign(simulator.Consignment{Type: kind, Outlet: "Quayside", Source: "Mill Lane", Lines: []simulator.Line{line(id, 4)}}))
			for _, status := range map[string][]string{"SUPPLIER": {"SENT", "RECEIVED"}, "OUTLET": {"SENT", "RECEIVED"}, "RETURN": {"SENT"}}[kind] {
				if err := w.account.Advance(c, status); err != nil {
					panic(err)
				}
			}
		}
	}
	for name, tt := range map[string]struct {
		do   func(w *world, id string)
		want string
	}{
		"a save":        {func(w *world, id string) { _ = w.account.Save(id, simulator.ProductEdit{}) }, "product.update"},
		"a sale":        {func(w *world, id string) { must(w.account.Sell("Quayside", "CLOSED", line(id, 1))) }, "sale.update inventory.update"},
		"a parked sale": {func(w *world, id string) { must(w.account.Sell("Quayside", "SAVED", line(id, 1))) }, "sale.update"},
		"a layby": {func(w *world, id string) {
			s := must(w.account.Sell("Quayside", "LAYBY", line(id, 1)))
			_ = w.account.SetSaleStatus(s, "LAYBY_CLOSED")
		}, "sale.update inventory.update sale.update"},
		"an adjustment": {func(w *world, id string) {
			must(w.account.Adjust(simulator.Adjustment{Product: id, Outlet: "Quayside", Quantity: -1, Reason: "DAMAGE"}))
		}, "inventory.update"},
		"an order":   {order("SUPPLIER"), "consignment.receive inventory.update"},
		"a transfer": {order("OUTLET"), "consignment.send inventory.update consignment.receive inventory.update"},
		"a return":   {order("RETURN"), "inventory.update"},
		"an untracked one": {func(w *world, id string) {
			no := false
			_ = w.account.Save(id, simulator.ProductEdit{TrackInventory: &no})
			must(w.account.Sell("Quayside", "CLOSED", line(id, 1)))
		}, "product.update sale.update"},
		"a count": {func(w *world, id string) {
			c := must(w.account.Consign(simulator.Consignment{Type: "STOCKTAKE", Outlet: "Quayside", Lines: []simulator.Line{line(id, 0)}}))
			_ = w.account.Advance(c, "STOCKTAKE_IN_PROGRESS", line(id, 3))
			_ = w.account.Advance(c, "STOCKTAKE_IN_PROGRESS_PROCESSED")
			_ = w.account.Advance(c, "STOCKTAKE_COMPLETE")
		}, "consignment.receive inventory.update"},
		"an import": {func(w *world, id string) {
			must(w.account.Import(strings.NewReader("sku,retail_price,inventory_Quayside\nH-1,4,3\n")))
		}, "product.update inventory.update"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, r := hooked(t, simulator.Config{})
			id := w.add("H-1", 5)
			for _, kind := range simulator.HookTypes() {
				if err := w.account.Subscribe(kind, "https://receiver.example/"+string(kind)); err != nil {
					t.Fatal(err)
				}
			}
			tt.do(w, id)
			var fired []string
			for _, c := range w.deliver(r) {
				fired = append(fired, strings.TrimPrefix(c.path, "/"))
			}
			if got := strings.Join(fired, " "); got != tt.want {
				t.Errorf("it fires %q, want %q", got, tt.want)
			}
		})
	}
}

// TestHooks_Deletion: a deletion is told of by product.update with deleted_at, or not at all.
func TestHooks_Deletion(t *testing.T) {
	t.Parallel()
	for part, want := range map[float64]int{-1: 0, 1: 1} {
		w, r := hooked(t, simulator.Config{DeletionHooks: part})
		id := w.add("H-1", 5)
		if err := w.account.Subscribe(simulator.ProductUpdate, "https://receiver.example/p"); err != nil {
			t.Fatal(err)
		}
		if err := w.account.Delete(id, false); err != nil {
			t.Fatal(err)
		}
		calls := w.deliver(r)
		if len(calls) != want || want == 1 && calls[0].entity["deleted_at"] == nil {
			t.Errorf("%v: %v", part, calls)
		}
	}
}

// keys are those of an object, sorted.
func keys(v any) string {
	m, _ := v.(map[string]any)
	var out []string
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

// TestHooks_Shapes: the payloads are those of API 1.0: their fields, which of them are text, and the three formats of
// time.
func TestHooks_Shapes(t *testing.T) {
	t.Parallel()
	w, r := hooked(t, simulator.Config{}, simulator.HookTypes()...)
	variant := text(w.rows("/api/2026-07/products")[1]["id"])
	if err := w.account.Save(variant, simulator.ProductEdit{}); err != nil {
		t.Fatal(err)
	}
	sale := must(w.account.Sell("Quayside", "CLOSED", line(variant, 1)))
	must(w.account.Return(sale, true))
	order := must(w.account.Consign(simulator.Consignment{Type: "OUTLET", Outlet: "Quayside", Source: "Mill Lane", Lines: []simulator.Line{line(variant, 12)}}))
	for _, status := range []string{"SENT", "RECEIVED"} {
		if err := w.account.Advance(order, status); err != nil {
			t.Fatal(err)
		}
	}
	last := map[string]map[string]any{}
	for _, c := range w.deliver(r) {
		if c.path != "/product.update" || c.entity["id"] == variant {
			last[strings.TrimPrefix(c.path, "/")] = c.entity
		}
	}
	for kind, want := range map[string]string{
		"product.update": `active attributed_cost base_name brand button_order categories deleted_at description handle id inventory name price_book_entries product_type
			retailer_id sku source source_id source_variant_id supplier supply_price taxes variant_options variant_parent_id version`,
		"inventory.update":    "attributed_cost count id outlet outlet_id product product_id reorder_point restock_level version",
		"consignment.send":    "consignment_id cost count id product_id received sequence_number",
		"consignment.receive": "consignment_id cost count id product_id received sequence_number",
		"sale.update": `created_at customer customer_id deleted_at id invoice_number note register_id register_sale_payments register_sale_products sale_date short_code
			source source_id status taxes totals updated_at user user_id version`,
	} {
		if got := keys(last[kind]); got != strings.Join(strings.Fields(want), " ") {
			t.Errorf("%s has %s", kind, got)
		}
	}
	product, level, sent, received, sold := last["product.update"], last["inventory.update"], last["consignment.send"], last["consignment.receive"], last["sale.update"]
	base := objects(product["price_book_entries"])[0]
	if base["type"] != "BASE" || !strings.HasPrefix(text(base["price"]), text(w.rows("/api/2026-07/products?sku=" + text(product["sku"]))[0]["price_excluding_tax"])) {
		t.Errorf("the base price is %v", base)
	}
	if product["name"] == product["base_name"] || product["variant_parent_id"] == nil || len(objects(product["variant_options"])) == 0 || len(objects(product["inventory"])) != 2 {
		t.Errorf("the variant is %v", product)
	}
	if keys(level["outlet"]) != "id name tax_id time_zone" || at(level, "product", "sku") != product["sku"] || at(level, "product", "version") != nil {
		t.Errorf("the level is %v", level)
	}
	if sent["count"] != "12.00000" || sent["received"] != nil || received["received"] != "12.00000" || received["consignment_id"] != order {
		t.Errorf("the lines are %v and %v", sent, received)
	}
	l := objects(sold["register_sale_products"])[0]
	if text(l["quantity"]) != "-1" || strings.HasPrefix(text(l["price"]), "-") || !strings.HasPrefix(text(l["price_total"]), "-") || sold["outlet_id"] != nil {
		t.Errorf("the line that comes back is %v", l)
	}
	for field, layout := range map[string]string{"sale_date": "2006-01-02T15:04:05Z", "created_at": "2006-01-02 15:04:05", "updated_at": "2006-01-02T15:04:05+00:00"} {
		if _, err := time.Parse(layout, text(sold[field])); err != nil {
			t.Errorf("%s: %v", field, err)
		}
	}
	for _, text := range []any{product["supply_price"], level["reorder_point"], l["tax"], at(sold, "totals", "total_price")} {
		if _, is := text.(string); !is {
			t.Errorf("%v is no string", text)
		}
	}
}

// TestHooks_ReturnFor: whether a hook names what a sale returns is a setting.
func TestHooks_ReturnFor(t *testing.T) {
	t.Parallel()
	w, r := hooked(t, simulator.Config{ReturnForInHooks: true}, simulator.SaleUpdate)
	sale := must(w.account.Sell("Quayside", "CLOSED", line(w.add("H-1", 5), 1)))
	must(w.account.Return(sale, true))
	calls := w.deliver(r)
	if last := calls[len(calls)-1].entity; last["return_for"] != sale || calls[0].entity["return_for"] != nil {
		t.Errorf("the return is %v", last)
	}
}

// TestHooks_Retries: a hook that is not acknowledged with 2xx is sent again, 20 times over 48 hours, ever more seldom,
// and then given up; the webhook stays, unless the account is set to disable it.
func TestHooks_Retries(t *testing.T) {
	t.Parallel()
	for disable, want := range map[int]bool{0: true, 1: false} {
		w, r := hooked(t, simulator.Config{HookDisable: disable}, simulator.SaleUpdate)
		var failures int
		r.answer = func(*http.Request) (int, error) {
			failures++
			switch failures % 3 {
			case 0:
				return 0, errors.New("refused")
			case 1:
				return 500, nil
			}
			return 302, nil
		}
		must(w.account.Sell("Quayside", "CLOSED", line(w.add("H-1", 5), 1)))
		calls := w.deliver(r)
		if len(calls) != 21 {
			t.Fatalf("%d tries, want 21", len(calls))
		}
		span := calls[20].at.Sub(calls[0].at)
		if off := span - 48*time.Hour; off > time.Second || off < -time.Second {
			t.Errorf("they span %v", span)
		}
		for i := 2; i < len(calls); i++ {
			if calls[i].raw != calls[0].raw {
				t.Error("a retry has another body")
			}
			if before, now := calls[i-1].at.Sub(calls[i-2].at), calls[i].at.Sub(calls[i-1].at); now <= before {
				t.Errorf("try %d comes %v after the one before, which came after %v", i+1, now, before)
			}
		}
		if got := w.rows("/api/2026-07/webhooks")[0]["active"]; got != want {
			t.Errorf("with %d the webhook is active: %v", disable, got)
		}
		if log := w.account.Deliveries(); len(log) != 21 || log[20].Try != 21 || log[0].Status != 500 {
			t.Errorf("%d deliveries are logged", len(log))
		}
	}
}

// TestHooks_Timeout: who answers after more than five seconds has not answered, and is told again.
func TestHooks_Timeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		takes := []time.Duration{6 * time.Second, 4 * time.Second}
		var at []time.Time
		slow := &http.Client{Transport: roundTripper(func(q *http.Request) (*http.Response, error) {
			at = append(at, time.Now())
			select {
			case <-time.After(takes[len(at)-1]):
				return &http.Response{StatusCode: 200, Body: http.NoBody}, nil
			case <-q.Context().Done():
				return nil, q.Context().Err()
			}
		})}
		a := simulator.New(simulator.Config{Items: 12, HookClient: slow})
		if err := a.Subscribe(simulator.SaleUpdate, "https://receiver.example/"); err != nil {
			t.Fatal(err)
		}
		done := make(chan error)
		ctx, stop := context.WithCancel(t.Context())
		go func() { done <- a.Run(ctx) }()
		must(a.Sell("Quayside", "SAVED", line(must(a.Add("Thing", "T-1", simulator.Of(1), "")), 1)))
		<-time.After(time.Hour) // of the bubble
		if log := a.Deliveries(); len(log) != 2 || log[0].Failure != "no answer in time" || log[1].Failure != "" || a.Undelivered() != 0 {
			t.Errorf("deliveries %v", log)
		}
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestHooks_Faults: hooks are lost, doubled, overtaken and late as often as the settings say, the same for the same seed,
// and what happens in the shop is not moved by it.
func TestHooks_Faults(t *testing.T) {
	t.Parallel()
	const n = 500
	run := func(cfg simulator.Config) (bodies []string, calls []call, w *world) {
		cfg.Seed = 5
		w, r := hooked(t, cfg, simulator.InventoryUpdate)
		id := w.add("H-1", 0)
		for range n {
			must(w.account.Adjust(simulator.Adjustment{Product: id, Outlet: "Quayside", Quantity: simulator.Of(1), Reason: "STOCK_FOUND"}))
			w.clock.move(100 * time.Millisecond)
		}
		calls = w.deliver(r)
		for _, c := range calls {
			bodies = append(bodies, c.raw)
		}
		return bodies, calls, w
	}
	count := func(calls []call) (distinct, overtaken int) {
		seen := map[int64]bool{}
		highest := int64(0)
		for _, c := range calls {
			v := number(c.entity["version"])
			if !seen[v] && v < highest {
				overtaken++
			}
			seen[v], highest = true, max(highest, v)
		}
		return len(seen), overtaken
	}
	plain, calls, _ := run(simulator.Config{})
	if distinct, overtaken := count(calls); len(calls) != n || distinct != n || overtaken != 0 {
		t.Errorf("without faults: %d calls, %d distinct, %d overtaken", len(calls), distinct, overtaken)
	}
	again, _, _ := run(simulator.Config{})
	if !slices.Equal(plain, again) {
		t.Error("the same seed gave something else")
	}
	within := func(got, part, of int) bool { return got > of*part/100*7/10 && got < of*part/100*13/10 }
	_, calls, w := run(simulator.Config{HookLoss: 0.2})
	if distinct, _ := count(calls); !within(n-distinct, 20, n) {
		t.Errorf("of %d, %d are lost", n, n-distinct)
	}
	lost := 0
	for _, d := range w.account.Deliveries() {
		if d.Try == 0 {
			lost++
		}
	}
	if lost != n-len(calls) {
		t.Errorf("%d are logged as lost, %d did not come", lost, n-len(calls))
	}
	_, calls, _ = run(simulator.Config{HookDuplicates: 0.2})
	if distinct, _ := count(calls); distinct != n || !within(len(calls)-n, 20, n) {
		t.Errorf("of %d, %d come twice", n, len(calls)-n)
	}
	_, calls, _ = run(simulator.Config{HookReordering: 0.2})
	if distinct, overtaken := count(calls); distinct != n || !within(overtaken, 20, n) {
		t.Errorf("of %d, %d are overtaken", n, overtaken)
	}
	_, calls, _ = run(simulator.Config{HookLate: 0.2})
	late := 0
	for i, c := range calls {
		if i > 0 && c.at.Sub(calls[0].at) > n*100*time.Millisecond+30*time.Second {
			late++
		}
	}
	if late < n/10 || late > n/4 {
		t.Errorf("of %d, %d are late", n, late)
	}
}
