package simulator_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/tillstream/tillstream/handlers/pos/xseries/simulator"
)

// TestWeek_Books: after any week, the books are what the API reports, in every way in which it reports it: the inventory
// records of both versions are the levels; the sum of the movements is; and each sale, consignment and adjustment that
// the API shows is worth what moved because of it.
func TestWeek_Books(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		cfg := simulator.Config{
			Items: rapid.IntRange(1, 60).Draw(rt, "items"), Outlets: rapid.IntRange(1, 4).Draw(rt, "outlets"), Seed: rapid.Uint64Range(0, 1000).Draw(rt, "seed"),
			TaxExclusive: rapid.Bool().Draw(rt, "tax exclusive"), Quirks: rapid.Float64Range(0.01, 1).Draw(rt, "quirks"), RateLimit: 100_000,
			PageSize: rapid.SampledFrom([]int{3, 50, 5000}).Draw(rt, "page"),
		}
		w := newWorld(t, cfg)
		seed := rapid.Uint64().Draw(rt, "trader")
		week := simulator.Week{Start: monday, Sales: rapid.IntRange(1, 25).Draw(rt, "sales")}
		if err := simulator.NewTrader(w.account, seed).Play(t.Context(), week); err != nil {
			rt.Fatal(err)
		}
		books := w.account.Books()
		if diff := cmp.Diff(books, w.levels26()); diff != "" {
			rt.Errorf("the inventory of 2026-07 is not the books:\n%s", diff)
		}
		if diff := cmp.Diff(books, w.levels20()); diff != "" {
			rt.Errorf("the inventory of 2.0 is not the books:\n%s", diff)
		}
		if diff := cmp.Diff(books, w.sums(books)); diff != "" {
			rt.Errorf("the sum of the movements is not the books:\n%s", diff)
		}
		w.documents(rt)
	})
}

func enter(b simulator.Books, product, outlet string, n simulator.Amount) {
	if b[product] == nil {
		b[product] = map[string]simulator.Amount{}
	}
	b[product][outlet] += n
}

// levels26 reads the inventory as 2026-07 shows it, page by page.
func (w *world) levels26() simulator.Books {
	b := simulator.Books{}
	for after := int64(0); ; {
		rows := objects(w.ok("POST", "/api/2026-07/inventory", fmt.Sprintf(`{"after":%d,"size":70,"sort_direction":"asc"}`, after)))
		if len(rows) == 0 {
			return b
		}
		for _, r := range rows {
			enter(b, text(r["product_id"]), text(r["outlet_id"]), amount(w.t, r["current_inventory_level"]))
			after = number(r["version"])
		}
	}
}

func (w *world) levels20() simulator.Books {
	b := simulator.Books{}
	for _, r := range w.every("/api/2.0/inventory") {
		enter(b, text(r["product_id"]), text(r["outlet_id"]), amount(w.t, r["inventory_level"]))
	}
	return b
}

// sums adds up the movements of the products that are in the books.
func (w *world) sums(books simulator.Books) simulator.Books {
	b := simulator.Books{}
	for product, by := range books {
		for outlet := range by {
			enter(b, product, outlet, 0)
		}
	}
	for _, m := range w.account.Movements() {
		if books[m.Product] != nil {
			enter(b, m.Product, m.Outlet, m.By)
		}
	}
	return b
}

// documents compares what moved because of each sale, consignment and adjustment with what the API shows of it. Of what
// was deleted since, not all moved.
func (w *world) documents(t *rapid.T) {
	moved := map[string]simulator.Amount{} // by document, product and outlet
	for _, m := range w.account.Movements() {
		moved[m.Ref+" "+m.Product+" "+m.Outlet] += m.By
	}
	tracked, whole := map[string]bool{}, map[string]map[string]any{}
	for _, p := range w.every("/api/2026-07/products?deleted=true") {
		whole[text(p["id"])] = p
		tracked[text(p["id"])] = p["has_inventory"] == true && p["is_composite"] == false && p["deleted_at"] == nil
	}
	owed := map[string]simulator.Amount{}
	var owe func(ref, product, outlet string, n simulator.Amount)
	owe = func(ref, product, outlet string, n simulator.Amount) {
		if bom, _ := whole[product]["composite_bom"].(map[string]any); bom != nil {
			for part, each := range bom {
				owe(ref, part, outlet, n*amount(w.t, each)/simulator.Of(1))
			}
		}
		if tracked[product] {
			owed[ref+" "+product+" "+outlet] += n
		}
	}
	for _, s := range w.every("/api/2.0/sales") {
		status := text(s["status"])
		if s["state"] == "closed" || status == "ONACCOUNT" || status == "LAYBY" {
			for _, l := range objects(s["line_items"]) {
				owe(text(s["id"]), text(l["product_id"]), text(s["outlet_id"]), -amount(w.t, l["quantity"]))
			}
		}
	}
	for _, a := range w.every("/api/2026-07/stock_adjustments") {
		owe(text(a["id"]), text(a["product_id"]), text(a["outlet_id"]), amount(w.t, a["quantity"]))
	}
	counted := map[string]bool{}
	for _, c := range w.every("/api/2026-07/consignments") {
		id, outlet := text(c["id"]), text(c["outlet_id"])
		for _, l := range w.every("/api/2026-07/consignments/" + id + "/products") {
			product, sent, got := text(l["product_id"]), amount(w.t, l["count"]), simulator.Amount(0)
			if l["received"] != nil {
				got = amount(w.t, l["received"])
			}
			unseen := c["status"] == "AWAITING_REVIEW" // then what happened shows in the lines only
			switch kind := c["type"]; {
			case kind == "STOCKTAKE":
				counted[id] = true
			case kind == "RETURN" && c["status"] == "SENT":
				owe(id, product, outlet, -sent)
			case kind == "OUTLET" && (c["status"] == "SENT" || c["status"] == "RECEIVED"):
				owe(id, product, text(c["source_outlet_id"]), -sent)
				owe(id, product, outlet, got)
			case kind == "OUTLET" && unseen:
				counted[id] = true
			case kind == "SUPPLIER":
				owe(id, product, outlet, got)
			}
		}
	}
	for key, by := range moved {
		ref, rest, _ := strings.Cut(key, " ")
		product, _, _ := strings.Cut(rest, " ")
		if ref == "" || counted[ref] || !tracked[product] {
			continue
		}
		if owed[key] != by {
			t.Errorf("%s: the API shows %s, and %s moved", key, owed[key], by)
		}
	}
	for key, n := range owed {
		if ref, _, _ := strings.Cut(key, " "); n != moved[key] && !counted[ref] {
			t.Errorf("%s: the API shows %s, and %s moved", key, n, moved[key])
		}
	}
}

// TestWeek: a week does everything that pushes, many times, inside the shop's hours, with every status and cause; the
// same seed does the same.
func TestWeek(t *testing.T) {
	t.Parallel()
	play := func() (*world, []simulator.Step) {
		w := newWorld(t, simulator.Config{Seed: 1, RateLimit: 100_000, PageSize: 10_000})
		var steps []simulator.Step
		if err := simulator.NewTrader(w.account, 7).Play(t.Context(), simulator.Week{Start: monday, Told: func(s simulator.Step) { steps = append(steps, s) }}); err != nil {
			t.Fatal(err)
		}
		return w, steps
	}
	w, steps := play()
	if about := (simulator.Week{}).Steps(); len(steps) < about*9/10 || len(steps) > about*11/10 {
		t.Errorf("%d steps, about %d were to be expected", len(steps), about)
	}
	for i, s := range steps {
		if hour := s.At.Hour(); hour < 9 || hour > 17 || i > 0 && s.At.Before(steps[i-1].At) || s.Caption == "" || s.At.Before(monday) || !s.At.Before(monday.AddDate(0, 0, 7)) {
			t.Fatalf("step %d: %v", i, s)
		}
	}
	causes, seen := map[simulator.Cause]int{}, map[string]int{}
	for _, m := range w.account.Movements() {
		causes[m.Cause]++
	}
	for _, cause := range []simulator.Cause{
		simulator.CauseOpening, simulator.CauseSale, simulator.CauseOrder, simulator.CauseTransfer, simulator.CauseReturn, simulator.CauseStocktake, simulator.CauseAdjustment, simulator.CauseImport,
	} {
		if causes[cause] == 0 {
			t.Errorf("nothing moved by %s", cause)
		}
	}
	for _, s := range w.every("/api/2.0/sales") {
		seen[text(s["status"])]++
		lines := objects(s["line_items"])
		back := slices.ContainsFunc(lines, func(l map[string]any) bool { return l["is_return"] == true })
		out := slices.ContainsFunc(lines, func(l map[string]any) bool { return l["is_return"] != true })
		switch {
		case back && out:
			seen["an exchange"]++
		case back && s["return_for"] == nil:
			seen["a return without a receipt"]++
		case back:
			seen["a return"]++
		}
	}
	for _, c := range w.every("/api/2.0/consignments") {
		seen[text(c["type"])+" "+text(c["status"])]++
	}
	for _, p := range w.every("/api/2.0/products?deleted=true") {
		if p["deleted_at"] != nil {
			seen["a deletion"]++
		}
		if strings.HasPrefix(text(p["name"]), "Harbour Novelty") {
			seen["a new product"]++
		}
	}
	for _, want := range []string{
		"CLOSED", "VOIDED", "ONACCOUNT_CLOSED", "LAYBY_CLOSED", "PICKED_UP_CLOSED", "DISPATCHED_CLOSED", "an exchange", "a return", "a return without a receipt",
		"SUPPLIER RECEIVED", "OUTLET RECEIVED", "STOCKTAKE STOCKTAKE_COMPLETE", "RETURN SENT", "a deletion", "a new product",
	} {
		if seen[want] == 0 {
			t.Errorf("there is no %s in %v", want, seen)
		}
	}
	again, steps2 := play()
	if diff := cmp.Diff(steps, steps2); diff != "" {
		t.Errorf("the same seed did something else:\n%s", diff)
	}
	for _, path := range []string{"sales", "products?deleted=true", "consignments", "stock_adjustments"} {
		first, second := w.do("GET", "/api/2026-07/"+path, ""), again.do("GET", "/api/2026-07/"+path, "")
		if first.status != 200 || first.body != second.body {
			t.Errorf("the same seed shows other %s", path)
		}
	}
}

// TestWeek_Endless: after many weeks the shop still sells about as much as in the first.
func TestWeek_Endless(t *testing.T) {
	t.Parallel()
	a := simulator.New(simulator.Config{Items: 150})
	trader := simulator.NewTrader(a, 1)
	var sold []int
	for week := range 8 {
		n := 0
		for _, s := range must(playWeek(t, trader, monday.AddDate(0, 0, 7*week))) {
			if slices.ContainsFunc(s.Occurred, func(o simulator.Occurrence) bool { return o.Trigger == simulator.TriggerSale }) {
				n++
			}
		}
		sold = append(sold, n)
	}
	if last := sold[len(sold)-1]; last < sold[0]*8/10 {
		t.Errorf("sales by week: %v", sold)
	}
}

func playWeek(t *testing.T, trader *simulator.Trader, start time.Time) ([]simulator.Step, error) {
	var steps []simulator.Step
	err := trader.Play(t.Context(), simulator.Week{Start: start, Told: func(s simulator.Step) { steps = append(steps, s) }})
	return steps, err
}

// TestWeek_Pace: a week takes as long by the clock as it is given, and ends when it is told to.
func TestWeek_Pace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := simulator.New(simulator.Config{Items: 12})
		began := time.Now()
		var last simulator.Step
		if err := simulator.NewTrader(a, 1).Play(t.Context(), simulator.Week{Takes: time.Minute, Sales: 5, Told: func(s simulator.Step) { last = s }}); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took != time.Minute {
			t.Errorf("a week took %v", took)
		}
		if !last.At.Equal(time.Now()) {
			t.Errorf("the last step is of %v, and it is %v", last.At, time.Now())
		}
		ctx, stop := context.WithTimeout(t.Context(), time.Second)
		defer stop()
		if err := simulator.NewTrader(a, 1).Play(ctx, simulator.Week{Takes: time.Minute}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a week that was cut short: %v", err)
		}
	})
}

// TestWeek_Hooks: while a week is played, who takes every hook and asks for what it names has the account's books at the
// end, without looking at anything else.
func TestWeek_Hooks(t *testing.T) {
	t.Parallel()
	w, r := hooked(t, simulator.Config{RateLimit: 100_000, HookDuplicates: 0.2, HookReordering: 0.2, HookLate: 0.02, Outlets: 3}, simulator.InventoryUpdate)
	opening := w.levels26()
	if err := simulator.NewTrader(w.account, 3).Play(t.Context(), simulator.Week{Start: monday, Sales: 60}); err != nil {
		t.Fatal(err)
	}
	newest := map[string]int64{}
	for _, c := range w.deliver(r) {
		if id, version := text(c.entity["id"]), number(c.entity["version"]); version > newest[id] {
			newest[id] = version
			product, outlet := text(c.entity["product_id"]), text(c.entity["outlet_id"])
			if opening[product] == nil {
				opening[product] = map[string]simulator.Amount{}
			}
			opening[product][outlet] = amount(t, c.entity["count"])
		}
	}
	want := w.account.Books()
	for product, by := range want {
		for outlet := range by {
			enter(opening, product, outlet, 0) // of which nothing was ever said, since there is nothing
		}
	}
	for product := range opening {
		if want[product] == nil {
			delete(opening, product) // deleted meanwhile
		}
	}
	if diff := cmp.Diff(want, opening); diff != "" {
		t.Error(diff)
	}
}

func TestBooks_JSON(t *testing.T) {
	t.Parallel()
	w := small(t, simulator.Config{})
	raw, err := json.Marshal(w.account.Books())
	if err != nil {
		t.Fatal(err)
	}
	var again simulator.Books
	if err := json.Unmarshal(raw, &again); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(w.account.Books(), again); diff != "" {
		t.Error(diff)
	}
	if got := w.do("GET", "/control/books", ""); got.body != string(raw) {
		t.Errorf("the control API has %s", got.body)
	}
}
