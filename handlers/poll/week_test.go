package poll_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/ingest"
	"github.com/tillstream/tillstream/handlers/poll"
	"github.com/tillstream/tillstream/handlers/pos/xseries"
	"github.com/tillstream/tillstream/handlers/pos/xseries/api"
	"github.com/tillstream/tillstream/handlers/pos/xseries/simulator"
	"github.com/tillstream/tillstream/projections"
)

// trading is an account in which a shop trades, with a poller and, if there are any,
// webhooks.
type trading struct {
	*world
	simulated *simulator.Account
	hooks     *ingest.XSeriesHooks
}

// trade opens a shop on an API of a version.
func trade(t *testing.T, v api.Version, cfg simulator.Config, webhooks bool) *trading {
	t.Helper()
	w := &trading{world: newWorld(t)}
	cfg.TimeScale = 600 // what takes ten minutes takes a second
	w.simulated = simulator.New(cfg)
	server := httptest.NewServer(w.simulated)
	t.Cleanup(server.Close)
	tokens := &api.Tokens{ClientID: "demo-client", ClientSecret: "demo-secret", First: "demo-refresh", BaseURL: server.URL, Keep: poll.KeepTokens(w.conn.Control(), store)}
	client, err := api.New(api.Config{BaseURL: server.URL, Version: v, Token: tokens, UserAgent: "test",
		Now: scaledNow(), After: func(d time.Duration) <-chan time.Time { return time.After(d / 600) }})
	if err != nil {
		t.Fatal(err)
	}
	w.poller = poll.New(store, client, w.log, w.conn.Control(), w.catalog, slog.New(slog.DiscardHandler))
	w.poller.Interval, w.poller.Echo = 100*time.Millisecond, 10*time.Millisecond
	ctx, end := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 2)
	go func() { done <- w.poller.Run(ctx) }()
	go func() { done <- w.simulated.Run(ctx) }()
	t.Cleanup(func() {
		end()
		if err := errors.Join(<-done, <-done); err != nil && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
	if webhooks {
		w.subscribe()
	}
	w.loaded()
	return w
}

// scaledNow is a clock as fast as the account's.
func scaledNow() func() time.Time {
	begun := time.Now()
	return func() time.Time { return begun.Add(time.Since(begun) * 600) }
}

// subscribe takes all webhooks of the account.
func (w *trading) subscribe() {
	w.hooks = &ingest.XSeriesHooks{
		Secret: "demo-secret", Encoding: xseries.Hex, Now: time.Now,
		Account: func(ctx context.Context) (*xseries.Account, error) {
			return poll.KnownAccount(ctx, w.conn.Control(), store)
		},
		Hint: func(_ context.Context, h xseries.Hint) error { w.poller.Hint(h); return nil },
	}
	in := ingest.NewHTTP(ingest.New(w.conn.POS(), time.Now), func(string) (domain.StoreID, error) { return store, nil }, slog.New(slog.DiscardHandler))
	in.XSeries = map[domain.StoreID]*ingest.XSeriesHooks{store: w.hooks}
	mux := http.NewServeMux()
	in.Mount(mux)
	server := httptest.NewServer(mux)
	w.t.Cleanup(server.Close)
	for _, kind := range simulator.HookTypes() {
		if err := w.simulated.Subscribe(kind, server.URL+"/v1/stores/"+string(store)+"/hooks/xseries/"+string(kind)); err != nil {
			w.t.Fatal(err)
		}
	}
}

// books are the account's own, item by item and outlet by outlet, a line each.
func (w *trading) books() (out []string) {
	names := map[string]string{}
	for _, o := range w.simulated.Outlets() {
		names[o.ID] = o.Name
	}
	for product, by := range w.simulated.Books() {
		for outlet, n := range by {
			out = append(out, fmt.Sprintf("%s %s %s", product, names[outlet], n))
		}
	}
	slices.Sort(out)
	return out
}

// folded are ours, of the same items and outlets.
func (w *trading) folded() (out []string) {
	w.t.Helper()
	names := map[string]string{}
	for _, o := range w.simulated.Outlets() {
		names[o.ID] = o.Name
	}
	for product, by := range w.simulated.Books() {
		holder, ok := w.catalog.Holder(store, domain.ItemID(product))
		if !ok {
			continue
		}
		p, err := w.catalog.Product(w.t.Context(), store, holder)
		if err != nil {
			w.t.Fatal(err)
		}
		it, _ := p.Item(domain.ItemID(product))
		for outlet := range by {
			for _, l := range it.Stock {
				if string(l.Outlet) == names[outlet] {
					out = append(out, fmt.Sprintf("%s %s %s", product, l.Outlet, l.OnHand))
				}
			}
		}
	}
	slices.Sort(out)
	return out
}

// triggers are what the account shows that has to be recorded, from the time on at
// which it was connected: the document and the item. They are read from its API as it
// is in the end.
func (w *trading) triggers() map[string]bool {
	w.t.Helper()
	out := map[string]bool{}
	for _, s := range w.every("sales") {
		status := fmt.Sprint(s["status"])
		if status != "ONACCOUNT" && status != "CLOSED" && !strings.HasSuffix(status, "_CLOSED") {
			continue
		}
		for _, l := range s["line_items"].([]any) {
			line := l.(map[string]any)
			if fmt.Sprint(line["quantity"]) != "0" {
				out[fmt.Sprint("sale ", s["id"], " ", line["product_id"])] = true
			}
		}
	}
	for _, c := range w.every("consignments") {
		switch fmt.Sprint(c["type"], " ", c["status"]) {
		case "SUPPLIER RECEIVED", "OUTLET RECEIVED", "RETURN SENT", "STOCKTAKE STOCKTAKE_COMPLETE":
			for _, l := range w.every("consignments/" + fmt.Sprint(c["id"]) + "/products") {
				n := l["received"]
				if c["type"] == "RETURN" {
					n = l["count"]
				}
				if c["type"] == "STOCKTAKE" && n != nil || n != nil && strings.Trim(fmt.Sprint(n), "0.") != "" {
					out[fmt.Sprint("consignment ", c["id"], " ", l["product_id"])] = true
				}
			}
		}
	}
	return out
}

// every reads a list of version 2.0 whole.
func (w *trading) every(list string) (out []map[string]any) {
	w.t.Helper()
	for after := uint64(0); ; {
		r, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet, fmt.Sprintf("http://demo.example/api/2.0/%s?page_size=200&after=%d", list, after), nil)
		if err != nil {
			w.t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer demo-personal")
		r.Header.Set("User-Agent", "test")
		answer, err := w.simulated.Client().Do(r)
		if err != nil {
			w.t.Fatal(err)
		}
		var page struct{ Data []map[string]any }
		err = json.NewDecoder(answer.Body).Decode(&page)
		if err := errors.Join(err, answer.Body.Close()); err != nil {
			w.t.Fatal(err)
		}
		if len(page.Data) == 0 {
			return out
		}
		out = append(out, page.Data...)
		after = 0
		for _, raw := range page.Data {
			v, err := strconv.ParseUint(strings.TrimSuffix(fmt.Sprintf("%.0f", number(raw["version"])), ".0"), 10, 64)
			if err != nil {
				w.t.Fatal(err)
			}
			after = max(after, v)
		}
	}
}

func number(v any) float64 {
	if s, ok := v.(string); ok {
		f, _ := strconv.ParseFloat(s, 64) // 0 ends the reading
		return f
	}
	f, _ := v.(float64)
	return f
}

// TestPoller_week: a trading week with webhooks that are lost, doubled, late and
// overtaken, or with none at all, in either version of the API: what is folded is
// what the account's own books say, item by item and outlet by outlet.
func TestPoller_week(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name     string
		version  api.Version
		webhooks bool
		begun    time.Duration // how long ago the week began: of what is old, the log is asked whether it has it
		cfg      simulator.Config
	}{
		{"2026-07 with webhooks", api.V202607, true, 0, simulator.Config{Seed: 1, HookLoss: 0.2, HookDuplicates: 0.2, HookReordering: 0.2, HookLate: 0.1}},
		{"2026-07 without webhooks", api.V202607, false, 3 * 24 * time.Hour, simulator.Config{Seed: 2, TaxExclusive: true}},
		{"2.0 with webhooks", api.V2, true, 0, simulator.Config{Seed: 3, HookLoss: 0.2, HookDuplicates: 0.2, PageSize: 50}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.cfg.Items, tt.cfg.Outlets, tt.cfg.RateLimit = 80, 3, 20_000
			w := trade(t, tt.version, tt.cfg, tt.webhooks)
			start := time.Now().UTC().Truncate(24 * time.Hour).Add(-tt.begun)
			if err := simulator.NewTrader(w.simulated, tt.cfg.Seed).Play(t.Context(), simulator.Week{Start: start, Sales: 25, Takes: 3 * time.Second}); err != nil {
				t.Fatal(err)
			}
			w.until("all webhooks delivered", func() bool { return w.simulated.Undelivered() == 0 })
			w.until("the books are right", func() bool { return slices.Equal(w.books(), w.folded()) })
			w.round()
			w.caughtUp()
			w.check()
		})
	}
}

// caughtUp waits until everything recorded is folded: of an item's history only that is
// shown, and levels may have made the books right before its last sales were.
func (w *trading) caughtUp() {
	w.t.Helper()
	last, err := w.conn.POS().Last(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	w.until("everything recorded is folded", func() bool { return w.catalog.Position() >= last })
}

// check holds what is recorded to what the account did.
func (w *trading) check() {
	w.t.Helper()
	if want, got := w.books(), w.folded(); !slices.Equal(want, got) {
		w.t.Errorf("the books have %d lines, ours %d, and they differ", len(want), len(got))
	}
	for _, v := range w.simulated.Violations() {
		w.t.Errorf("the account was wronged: %+v", v)
	}
	if s := w.poller.Status(); s.Problem != "" || s.Refused > 0 || s.Throttled > 0 {
		w.t.Errorf("status: %+v %+v", s, s.LastRefused)
	}
	seen := map[domain.EventID]bool{}
	told := map[string]bool{}
	outcomes := map[string]int{}
	for _, id := range w.itemsOf() {
		holder, _ := w.catalog.Holder(store, id)
		past := projections.Past{Catalog: w.catalog, POS: w.conn.POS().Events()}
		err := past.History(w.t.Context(), store, projections.Match{Item: id, Product: holder}, 0, func(s projections.Step) error {
			if s.Problem != nil {
				w.t.Errorf("%s of %s: %v", s.Event.Type, id, s.Problem)
			}
			if seen[s.Event.ID] {
				w.t.Errorf("%s is recorded twice", s.Event.ID)
			}
			seen[s.Event.ID] = true
			outcomes[strings.TrimPrefix(string(s.Event.Type), "pos.")+" "+string(s.Outcome)]++
			switch s.Event.Type {
			case domain.TypeItemSold, domain.TypeItemRefunded, domain.TypeItemExchanged:
				told["sale "+s.Event.CorrelationID+" "+string(id)] = true
			case domain.TypeStockOrderReceived, domain.TypeStockTransferred, domain.TypeStockCounted:
				told["consignment "+s.Event.CorrelationID+" "+string(id)] = true
			case domain.TypeStockAdjusted:
				told["consignment "+s.Event.CorrelationID+" "+string(id)] = true
				told["adjustment "+s.Event.CorrelationID+" "+string(id)] = true
			}
			return nil
		})
		if err != nil {
			w.t.Fatal(err)
		}
	}
	for _, m := range w.simulated.Movements() {
		if m.Cause == simulator.CauseAdjustment && w.poller.Client.Version().Has(api.Adjustments) && !told["adjustment "+m.Ref+" "+m.Product] {
			w.t.Errorf("not recorded: adjustment %s of %s", m.Ref, m.Product)
		}
	}
	triggers := w.triggers()
	for trigger := range triggers {
		if !told[trigger] {
			w.t.Errorf("not recorded: %s", trigger)
		}
	}
	w.t.Logf("%d events, %d triggers; outcomes %v; webhooks %+v; %d requests", len(seen), len(triggers), outcomes, w.hooksCount(), w.poller.Status().Requests)
}

func (w *trading) hooksCount() projections.WebhookCounts {
	if w.hooks == nil {
		return projections.WebhookCounts{}
	}
	return w.hooks.Counts()
}

func (w *trading) itemsOf() (out []domain.ItemID) {
	for _, s := range w.catalog.Products(store, "", 1<<20) {
		out = append(out, s.Items...)
	}
	return out
}
