package simulator_test

import (
	"strings"
	"testing"
	"time"

	"github.com/tillstream/tillstream/handlers/pos/xseries/simulator"
)

func TestConfig_ErrCheck(t *testing.T) {
	t.Parallel()
	for want, c := range map[string]simulator.Config{
		"items": {Items: -1}, "outlets": {Outlets: 9}, "rate_limit": {RateLimit: -1}, "rate_window": {RateWindow: -1}, "page_size": {PageSize: -1}, "quirks": {Quirks: 2},
		"deletion_hooks": {DeletionHooks: 2}, "hook_delay": {HookDelay: -1}, "hook_loss": {HookLoss: 2}, "hook_duplicates": {HookDuplicates: -1}, "hook_reordering": {HookReordering: 2},
		"hook_late": {HookLate: 2}, "hook_disable": {HookDisable: -1}, "hook_signature": {HookSignature: "md5"}, "latency": {Latency: -1}, "time_scale": {TimeScale: -1},
		"fault": {Faults: []simulator.Fault{{Kind: "x"}}},
	} {
		if err := c.Check(); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	if err := (simulator.Config{}).Check(); err != nil {
		t.Error(err)
	}
}

// TestConfig_TimeScale: windows, tokens and delays are so many times shorter.
func TestConfig_TimeScale(t *testing.T) {
	t.Parallel()
	w, r := hooked(t, simulator.Config{TimeScale: 60, RateLimit: 2}, simulator.SaleUpdate)
	ask := func() int { return w.do("GET", "/api/2.0/retailer", "").status }
	if got := []int{ask(), ask(), ask()}; got[1] != 200 || got[2] != 429 {
		t.Errorf("a window of two: %v", got)
	}
	w.clock.move(5 * time.Second)
	if got := ask(); got != 200 {
		t.Errorf("after a sixtieth of five minutes: %d", got)
	}
	must(w.account.Sell("Quayside", "SAVED", line(w.add("T-1", 0), 1)))
	began := w.clock.Now()
	if calls := w.deliver(r); len(calls) != 1 || calls[0].at.Sub(began) > 50*time.Millisecond {
		t.Errorf("a hook: %v", calls)
	}
	w.clock.move(24 * time.Minute)
	if got := w.as("demo-access"); got != 401 {
		t.Errorf("a token after a sixtieth of a day: %d", got)
	}
}

// TestItems: an account begins with about as many items as it is told to, with SKUs, handles and names that are each
// family's own.
func TestItems(t *testing.T) {
	t.Parallel()
	for _, items := range []int{1, 100, 900} {
		w := newWorld(t, simulator.Config{Items: items, RateLimit: 10_000})
		all := w.every("/api/2.0/products")
		if len(all) < items || len(all) > items+40 {
			t.Errorf("%d items, want %d", len(all), items)
		}
		skus, names := map[string]bool{}, map[string]string{}
		for _, p := range all {
			sku, name, handle := text(p["sku"]), text(p["name"]), text(p["handle"])
			if skus[sku] || names[name] != "" && names[name] != handle {
				t.Fatalf("%s %s is there twice", sku, name)
			}
			skus[sku], names[name] = true, handle
		}
	}
}

// TestLogLimit: what is remembered is bounded.
func TestLogLimit(t *testing.T) {
	t.Parallel()
	w, r := hooked(t, simulator.Config{LogLimit: 3}, simulator.SaleUpdate)
	id := w.add("L-1", 0)
	for range 10 {
		must(w.account.Sell("Quayside", "CLOSED", line(id, 1)))
		w.do("GET", "/api/2.0/retailer", "")
	}
	w.deliver(r)
	requests := w.account.Requests()
	if len(requests) != 3 || requests[2].Seq < 10 || len(w.account.Movements()) != 3 || len(w.account.Deliveries()) != 3 {
		t.Errorf("%d requests, %d movements and %d deliveries are remembered", len(requests), len(w.account.Movements()), len(w.account.Deliveries()))
	}
}
