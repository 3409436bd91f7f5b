package simulator_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tillstream/tillstream/handlers/pos/xseries/simulator"
)

// TestWeek_Day: on any day, however small, each of the nine triggers occurs; every step is told in a sentence, by the
// shop's clock, and names what it did.
func TestWeek_Day(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		a := simulator.New(simulator.Config{Seed: seed, HookLoss: 0.3})
		if err := a.Subscribe(simulator.InventoryUpdate, "https://receiver.example/"); err != nil {
			t.Fatal(err)
		}
		var steps []simulator.Step
		week := simulator.Week{Days: 1, Sales: 30, Told: func(s simulator.Step) { steps = append(steps, s) }}
		if err := simulator.NewTrader(a, seed).Play(t.Context(), week); err != nil {
			t.Fatal(err)
		}
		if len(steps) < 55 || len(steps) > 100 {
			t.Errorf("day %d has %d steps, want some 75", seed, len(steps))
		}
		if got := steps[len(steps)-1]; got.Caption != "The shop closes" || got.Hour.Hours() != 17.5 {
			t.Errorf("day %d ends with %+v", seed, got)
		}
		seen := map[simulator.Trigger]int{}
		var told []simulator.Occurrence
		hooks, lost := 0, 0
		for i, s := range steps {
			if i > 0 && s.Hour < steps[i-1].Hour || s.Hour.Hours() < 9 || strings.Contains(s.Caption, "%!") {
				t.Errorf("day %d: step %d is %+v", seed, i, s)
			}
			told = append(told, s.Occurred...)
			hooks, lost = hooks+s.Hooks, lost+s.Lost
			for _, o := range s.Occurred {
				seen[o.Trigger]++
			}
		}
		for _, trigger := range simulator.Triggers() {
			if seen[trigger] == 0 || !trigger.Pushes() {
				t.Errorf("day %d: no %s occurred in %v", seed, trigger, seen)
			}
		}
		if diff := cmp.Diff(a.Occurrences(), told); diff != "" {
			t.Errorf("day %d: the steps have not told all (-diary +told):\n%s", seed, diff)
		}
		on := slices.DeleteFunc(a.Deliveries(), func(d simulator.Delivery) bool { return d.Failure != "lost on purpose" })
		if hooks != seen[simulator.LevelMoved] || lost != len(on) || lost == 0 {
			t.Errorf("day %d: the steps count %d hooks and %d lost, want %d and %d", seed, hooks, lost, seen[simulator.LevelMoved], len(on))
		}
	}
}

// TestOccurrences: the diary has what the API shows: each line of each sale whose goods have changed hands, each line of
// what was received or counted, each adjustment, each product under its last version, each deletion, each movement.
func TestOccurrences(t *testing.T) {
	t.Parallel()
	w := newWorld(t, simulator.Config{Seed: 5, RateLimit: 100_000, PageSize: 10_000})
	opened := map[string]string{}
	for _, p := range w.every("/api/2026-07/products?deleted=true") {
		opened[text(p["id"])] = text(p["version"])
	}
	if got := w.account.Occurrences(); len(got) > 0 {
		t.Errorf("before anything happened, %d did", len(got))
	}
	before := len(w.account.Movements())
	if err := simulator.NewTrader(w.account, 5).Play(t.Context(), simulator.Week{Start: monday, Sales: 40}); err != nil {
		t.Fatal(err)
	}
	diary, newest := map[string]bool{}, map[string]string{}
	moved := 0
	for i, o := range w.account.Occurrences() {
		if o.Seq != int64(i+1) || o.Version == 0 || o.At.IsZero() {
			t.Errorf("entry %d is %+v", i, o)
		}
		switch o.Trigger {
		case simulator.LevelMoved:
			moved++
		case simulator.TriggerSave, simulator.TriggerImport, simulator.Deletion:
			newest[o.Product] = fmt.Sprint(o.Version)
			diary[fmt.Sprint(o.Trigger)] = true
		default:
			diary[fmt.Sprint(o.Trigger, " ", o.Ref, " ", o.Product)] = true
		}
	}
	if got := len(w.account.Movements()) - before; moved != got {
		t.Errorf("the diary has %d levels, and %d moved", moved, got)
	}
	shown := map[string]bool{}
	for _, s := range w.every("/api/2.0/sales") {
		status := text(s["status"])
		lines := objects(s["line_items"])
		back := slices.ContainsFunc(lines, func(l map[string]any) bool { return amount(t, l["quantity"]) < 0 })
		left := slices.ContainsFunc(lines, func(l map[string]any) bool { return amount(t, l["quantity"]) > 0 })
		why := simulator.TriggerSale
		if back {
			why = simulator.TriggerRefund
		}
		if back && left {
			why = simulator.TriggerExchange
		}
		for _, l := range lines {
			key := fmt.Sprint(why, " ", text(s["id"]), " ", text(l["product_id"]))
			switch {
			case status == "CLOSED" || status == "ONACCOUNT" || strings.HasSuffix(status, "_CLOSED"):
				shown[key] = true
			case status == "VOIDED" && diary[key]:
				shown[key] = true
				shown[fmt.Sprint(simulator.Voiding, " ", text(s["id"]), " ", text(l["product_id"]))] = true
			}
		}
	}
	for _, c := range w.every("/api/2026-07/consignments") {
		why := map[string]simulator.Trigger{
			"SUPPLIER RECEIVED": simulator.TriggerOrder, "OUTLET RECEIVED": simulator.TriggerTransfer, "STOCKTAKE STOCKTAKE_COMPLETE": simulator.TriggerCount,
		}[text(c["type"])+" "+text(c["status"])]
		for _, l := range w.every("/api/2026-07/consignments/" + text(c["id"]) + "/products") {
			if why != "" && l["received"] != nil && (why == simulator.TriggerCount || amount(t, l["received"]) > 0) {
				shown[fmt.Sprint(why, " ", text(c["id"]), " ", text(l["product_id"]))] = true
			}
		}
	}
	for _, a := range w.every("/api/2026-07/stock_adjustments") {
		shown[fmt.Sprint(simulator.TriggerAdjustment, " ", text(a["id"]), " ", text(a["product_id"]))] = true
	}
	for _, p := range w.every("/api/2026-07/products?deleted=true") {
		if id, version := text(p["id"]), text(p["version"]); version != opened[id] && newest[id] != version || version == opened[id] && newest[id] != "" {
			t.Errorf("product %s has version %s, in the diary %q", id, version, newest[id])
		}
	}
	for _, why := range []simulator.Trigger{simulator.TriggerSave, simulator.TriggerImport, simulator.Deletion} {
		shown[fmt.Sprint(why)] = true
	}
	if diff := cmp.Diff(shown, diary); diff != "" {
		t.Errorf("(-shown by the API +in the diary):\n%s", diff)
	}
}
