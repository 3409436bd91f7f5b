package poll_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/poll"
	"github.com/tillstream/tillstream/handlers/pos/xseries"
	"github.com/tillstream/tillstream/streams"
)

// TestPoller_load: products, tombstones and levels are read whole, over pages of the
// account's own size, and nothing of what was sold before.
func TestPoller_load(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.account.mostPer = 7
	for n := range 40 {
		w.account.product(fmt.Sprintf("p-%d", n), nil)
		w.account.level(fmt.Sprintf("p-%d", n), "outlet-1", n)
	}
	w.account.product("p-9", map[string]any{"deleted_at": "2026-03-01T00:00:00Z"})
	for n := range 30 {
		w.account.sale(fmt.Sprintf("old-%d", n), "p-1", 1, "2020-01-01T10:00:00Z")
	}
	w.start()
	w.loaded()
	s := w.poller.Status()
	if s.Products != 39 || s.Levels != 40 || s.Problem != "" {
		t.Errorf("after the load: %+v", s)
	}
	counts := map[string]int{}
	for _, e := range w.events() {
		counts[strings.Fields(e)[0]]++
	}
	want := map[string]int{"product.saved.v1": 39, "product.deleted.v1": 1, "stock.level_reported.v1": 40}
	if diff := cmp.Diff(want, counts); diff != "" {
		t.Errorf("recorded, -want +got:\n%s", diff)
	}
	w.until("folded", func() bool { return w.held("p-39", "Quayside") == "39" })
}

// TestPoller_busy: the newest version is found though new ones are made with each
// request, and of those that come after the one that was found none is passed over.
func TestPoller_busy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.account.product("p-1", nil)
	for n := range 30 {
		w.account.sale(fmt.Sprintf("old-%d", n), "p-1", 1, "2020-01-01T10:00:00Z")
	}
	var newest uint64
	n := 0
	w.account.failing(func(_ http.ResponseWriter, r *http.Request) bool {
		if w.account.mu.Lock(); n < 60 && strings.Contains(r.URL.Path, "/sales") {
			n++
			w.account.mu.Unlock()
			newest = w.account.sale(fmt.Sprint("new-", n), "p-1", 1, "2026-03-04T10:15:12Z")
			w.account.mu.Lock()
		}
		w.account.mu.Unlock()
		return false
	})
	w.start()
	w.loaded()
	w.until("all of them", func() bool { w.account.mu.Lock(); defer w.account.mu.Unlock(); return n == 60 })
	w.round()
	w.recorded("item.sold.v1 p-1 %d", newest)
	var sold []string
	for _, e := range w.events() {
		if strings.HasPrefix(e, "item.sold") {
			sold = append(sold, e)
		}
	}
	first, _ := strconv.ParseUint(strings.Fields(sold[0])[2], 10, 64)
	if want := int(newest-first)/3 + 1; len(sold) != want {
		t.Errorf("%d sales are recorded from version %d to %d, want %d", len(sold), first, newest, want)
	}
}

// TestPoller_changes: each of the triggers is heard of by polling alone, once.
func TestPoller_changes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.account.product("p-1", nil)
	w.account.level("p-1", "outlet-1", 10)
	w.start()
	w.loaded()

	saved := w.account.product("p-1", map[string]any{"name": "Renamed"})
	sold := w.account.sale("s-1", "p-1", 2, "2026-03-04T10:15:12Z")
	level := w.account.level("p-1", "outlet-1", 8)
	refunded := w.account.sale("s-2", "p-1", -1, "2026-03-04T11:15:12Z")
	adjusted := w.account.put("stock_adjustments", map[string]any{"id": "a-1", "product_id": "p-1", "outlet_id": "outlet-1", "quantity": "-1", "reason": "DAMAGE"})
	w.account.lines["c-1"] = []map[string]any{{"product_id": "p-1", "count": "4.00000", "received": "4.00000", "version": uint64(5)}}
	ordered := w.account.put("consignments", map[string]any{"id": "c-1", "type": "SUPPLIER", "status": "RECEIVED", "outlet_id": "outlet-1"})
	w.account.put("consignments", map[string]any{"id": "c-2", "type": "OUTLET", "status": "SENT", "outlet_id": "outlet-2", "source_outlet_id": "outlet-1"})
	w.account.lines["c-2"] = []map[string]any{{"product_id": "p-1", "count": "1.00000", "received": "1.00000", "version": uint64(6)}}
	moved := w.account.put("consignments", map[string]any{"id": "c-2", "type": "OUTLET", "status": "RECEIVED", "outlet_id": "outlet-2", "source_outlet_id": "outlet-1"})
	deleted := w.account.product("p-1", map[string]any{"deleted_at": "2026-03-05T00:00:00Z"})

	for _, e := range []string{
		fmt.Sprintf("item.sold.v1 p-1 %d", sold), fmt.Sprintf("stock.level_reported.v1 p-1 %d", level), fmt.Sprintf("item.refunded.v1 p-1 %d", refunded),
		fmt.Sprintf("stock.adjusted.v1 p-1 %d", adjusted), fmt.Sprintf("stock.order_received.v1 p-1 %d", ordered), fmt.Sprintf("stock.transferred.v1 p-1 %d", moved),
		fmt.Sprintf("product.deleted.v1 p-1 %d", deleted),
	} {
		w.recorded("%s", e)
	}
	w.round()
	events := w.events()
	sorted := slices.Compact(slices.Sorted(slices.Values(events)))
	if len(sorted) != len(events) {
		t.Errorf("something is recorded twice:\n%s", strings.Join(events, "\n"))
	}
	_ = saved // it may have been overtaken by the deletion before it was read
	w.until("folded", func() bool { return w.held("p-1", "Quayside") == "8" })
}

// TestPoller_order: the movements of one reading are recorded in the order of their
// versions, whichever list they are in.
func TestPoller_order(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.account.product("p-1", nil)
	w.account.mostPer = 3
	w.start(func(p *poll.Poller) { p.Interval = time.Hour })
	w.loaded()
	var want []string
	for n := range 12 {
		switch n % 3 {
		case 0:
			want = append(want, fmt.Sprintf("item.sold.v1 p-1 %d", w.account.sale(fmt.Sprint("s-", n), "p-1", 1, "2026-03-04T10:15:12Z")))
		case 1:
			id := fmt.Sprint("c-", n)
			w.account.mu.Lock()
			w.account.lines[id] = []map[string]any{{"product_id": "p-1", "count": "4.00000", "version": uint64(5)}}
			w.account.mu.Unlock()
			want = append(want, fmt.Sprintf("stock.order_received.v1 p-1 %d", w.account.put("consignments", map[string]any{"id": id, "type": "SUPPLIER", "status": "RECEIVED", "outlet_id": "outlet-1"})))
		case 2:
			want = append(want, fmt.Sprintf("stock.adjusted.v1 p-1 %d", w.account.put("stock_adjustments", map[string]any{"id": fmt.Sprint("a-", n), "product_id": "p-1", "outlet_id": "outlet-1", "quantity": "1", "reason": "STOCK_FOUND"})))
		}
	}
	w.poller.Hint(xseries.HintMovements)
	w.recorded("%s", want[len(want)-1])
	var got []string
	for _, e := range w.events() {
		if !strings.HasPrefix(e, "product") {
			got = append(got, e)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestPoller_order_pages: of a list that goes on behind its page, the others wait.
func TestPoller_order_pages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.account.product("p-1", nil)
	w.account.mostPer = 25
	w.start(func(p *poll.Poller) { p.Interval = time.Hour })
	w.loaded()
	var want []string
	for n := range 140 {
		if n%70 < 65 {
			want = append(want, fmt.Sprintf("item.sold.v1 p-1 %d", w.account.sale(fmt.Sprint("s-", n), "p-1", 1, "2026-03-04T10:15:12Z")))
			continue
		}
		want = append(want, fmt.Sprintf("stock.adjusted.v1 p-1 %d", w.account.put("stock_adjustments", map[string]any{"id": fmt.Sprint("a-", n), "product_id": "p-1", "outlet_id": "outlet-1", "quantity": "1", "reason": "STOCK_FOUND"})))
	}
	w.poller.Hint(xseries.HintMovements)
	w.recorded("%s", want[len(want)-1])
	if diff := cmp.Diff(want, w.events()[1:]); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestPoller_count: a completed count pushes, and leaves the stock what the account
// says it is.
func TestPoller_count(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.account.product("p-1", nil)
	w.account.level("p-1", "outlet-1", 10)
	w.start()
	w.loaded()
	w.account.mu.Lock()
	w.account.lines["c-1"] = []map[string]any{{"product_id": "p-1", "count": "10.00000", "received": "9.00000", "version": w.account.version + 1}}
	w.account.mu.Unlock()
	// One was sold between the counting and the end of the count.
	level := w.account.level("p-1", "outlet-1", 8)
	w.account.put("consignments", map[string]any{"id": "c-1", "type": "STOCKTAKE", "status": "STOCKTAKE_COMPLETE", "outlet_id": "outlet-1"})
	w.recorded("stock.counted.v1 p-1 %d", level)
	w.until("folded", func() bool { return w.held("p-1", "Quayside") == "8" })
	holder, _ := w.catalog.Holder(store, "p-1")
	last, err := w.conn.POS().Last(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w.until("a push is due", func() bool { s, ok := w.catalog.Summary(store, holder); return ok && s.Due == last })
}

// TestPoller_twice: a sale that is touched again a day later is not recorded again,
// though the log has forgotten its id.
func TestPoller_twice(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.account.product("p-1", nil)
	w.start(func(p *poll.Poller) { p.Interval = time.Hour })
	w.loaded()
	w.account.sale("s-1", "p-1", 1, "2026-03-04T10:15:12Z")
	w.poller.Hint(xseries.HintMovements)
	w.until("sold", func() bool { return len(w.events()) == 2 })
	w.log = &forgetful{Log: w.conn.POS(), t: t}
	w.stop()
	w.account.sale("s-1", "p-1", 1, "2026-03-04T10:15:12Z")
	second := w.account.sale("s-2", "p-1", 1, "2026-03-04T10:15:12Z")
	w.start()
	w.recorded("item.sold.v1 p-1 %d", second)
	if events := w.events(); len(events) != 3 {
		t.Errorf("recorded:\n%s", strings.Join(events, "\n"))
	}
}

// forgetful is a log that knows no duplicates: a sale that it is given twice, it
// refuses to be given.
type forgetful struct {
	poll.Log
	t *testing.T
}

func (f *forgetful) Submit(ctx context.Context, s domain.StoreID, group []domain.Envelope) func(context.Context) ([]streams.Appended, error) {
	wait := f.Log.Submit(ctx, s, group)
	return func(ctx context.Context) ([]streams.Appended, error) {
		appended, err := wait(ctx)
		for _, a := range appended {
			if a.Duplicate && group[0].Type == domain.TypeItemSold {
				f.t.Errorf("%s would have been recorded twice", group[0].Data)
			}
		}
		return appended, err
	}
}

// failing is a log that fails once, at the first event of a type, before or after it
// has recorded it.
type failing struct {
	poll.Log
	at     domain.Type
	after  bool
	failed chan struct{}
}

var errPower = errors.New("power cut")

func (f *failing) Submit(ctx context.Context, s domain.StoreID, group []domain.Envelope) func(context.Context) ([]streams.Appended, error) {
	select {
	case <-f.failed:
		return f.Log.Submit(ctx, s, group)
	default:
		if group[0].Type != f.at {
			return f.Log.Submit(ctx, s, group)
		}
		close(f.failed)
	}
	if !f.after {
		return func(context.Context) ([]streams.Appended, error) { return nil, errPower }
	}
	wait := f.Log.Submit(ctx, s, group)
	return func(ctx context.Context) ([]streams.Appended, error) {
		_, err := wait(ctx)
		return nil, errors.Join(err, errPower)
	}
}

// TestPoller_crash: what ends between the log and the cursor, on either side, is
// neither doubled nor lost.
func TestPoller_crash(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		at    domain.Type
		after bool
	}{
		{domain.TypeItemSold, false}, {domain.TypeItemSold, true}, {domain.TypeStockLevelReported, false}, {domain.TypeStockLevelReported, true},
		{domain.TypeProductSaved, false}, {domain.TypeProductSaved, true},
	} {
		t.Run(fmt.Sprintf("%s recorded %v", tt.at, tt.after), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			alone := func(p *poll.Poller) { p.WithoutCensus = true } // which would find what is lost
			w.account.product("p-1", nil)
			w.start(alone)
			w.loaded()
			w.stop()
			saved := w.account.product("p-1", nil)
			sold := w.account.sale("s-1", "p-1", 2, "2026-03-04T10:15:12Z")
			level := w.account.level("p-1", "outlet-1", 8)
			log := w.log
			failed := make(chan struct{})
			w.log = &failing{Log: log, at: tt.at, after: tt.after, failed: failed}
			w.start(alone)
			<-failed
			w.stop() // as it is: the poller had no time to try again
			w.log = log
			w.start(alone)
			w.recorded("item.sold.v1 p-1 %d", sold)
			w.recorded("stock.level_reported.v1 p-1 %d", level)
			w.recorded("product.saved.v1 p-1 %d", saved)
			w.round()
			if events := w.events(); len(events) != 4 {
				t.Errorf("recorded:\n%s", strings.Join(events, "\n"))
			}
		})
	}
}

// TestPoller_hint: a hint is a reason to read at once, and is heard though it comes
// while something is read.
func TestPoller_hint(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.account.product("p-1", nil)
	w.start(func(p *poll.Poller) { p.Interval = time.Hour })
	w.loaded()
	for n := range 20 {
		sold := w.account.sale(fmt.Sprint("s-", n), "p-1", 1, "2026-03-04T10:15:12Z")
		w.poller.Hint(xseries.HintMovements)
		w.recorded("item.sold.v1 p-1 %d", sold)
	}
	saved := w.account.product("p-1", nil)
	w.poller.Hint(xseries.HintProducts)
	w.recorded("product.saved.v1 p-1 %d", saved)
}

// TestPoller_Listen: a hint from another process comes through the broker.
func TestPoller_Listen(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.account.product("p-1", nil)
	w.start(func(p *poll.Poller) { p.Interval = time.Hour })
	w.loaded()
	ctx, end := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.poller.Listen(ctx) }()
	defer func() {
		end()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	sold := w.account.sale("s-1", "p-1", 1, "2026-03-04T10:15:12Z")
	w.until("heard of", func() bool {
		if err := poll.SendHint(t.Context(), w.conn.Control(), store, xseries.HintMovements); err != nil {
			t.Fatal(err)
		}
		return slices.Contains(w.events(), fmt.Sprintf("item.sold.v1 p-1 %d", sold))
	})
}

// TestPoller_refused: a record that cannot be used is told of, keeps nothing else
// waiting, and is forgiven with its next version.
func TestPoller_refused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.account.product("p-1", map[string]any{"name": ""})
	w.account.product("p-2", nil)
	w.start()
	w.loaded()
	s := w.poller.Status()
	if s.Refused != 1 || s.LastRefused == nil || s.LastRefused.ID != "p-1" || s.LastRefused.Reason != "data.name: is required" {
		t.Errorf("status %+v %+v", s, s.LastRefused)
	}
	if events := w.events(); len(events) != 1 || !strings.Contains(events[0], "p-2") {
		t.Errorf("recorded: %v", events)
	}
	w.recorded("product.saved.v1 p-1 %d", w.account.product("p-1", nil))
	w.until("forgiven", func() bool { return w.poller.Status().Refused == 0 })
}

// TestPoller_outlets: a new outlet is looked up, its name is stored before an event has
// it, and a renamed one keeps its name.
func TestPoller_outlets(t *testing.T) {
	t.Parallel()
	w := newOutlet(t)
	w.account.put("outlets", map[string]any{"id": "outlet-1", "name": "Renamed"})
	w.account.level("p-1", "outlet-3", 5)
	w.account.level("p-1", "outlet-9", 6)
	w.account.level("p-1", "outlet-1", 4)
	w.until("folded", func() bool {
		return w.held("p-1", "Pier") == "5" && w.held("p-1", "outlet-9") == "6" && w.held("p-1", "Quayside") == "4"
	})
	known, err := poll.KnownAccount(t.Context(), w.conn.Control(), store)
	if err != nil || known.Outlets["outlet-3"] != "Pier" || known.Outlets["outlet-1"] != "Quayside" || known.Registers["register-1"] != "outlet-1" {
		t.Errorf("for webhooks: %+v, %v", known, err)
	}
}

// TestPoller_outlets_census: of an outlet that the census comes upon, the name is stored
// before an event has it, too, although somebody has written to where it is to be.
func TestPoller_outlets_census(t *testing.T) {
	t.Parallel()
	w := newOutlet(t)
	conflict := sync.OnceFunc(func() {
		key := streams.MakeKey(store, "xseries")
		e, err := w.conn.Control().Get(t.Context(), key)
		if err == nil {
			_, err = w.conn.Control().Put(t.Context(), key, e.Value, nil)
		}
		if err != nil {
			t.Error(err)
		}
	})
	w.account.failing(func(_ http.ResponseWriter, r *http.Request) bool {
		if strings.Contains(r.URL.Path, "/outlets") {
			conflict()
		}
		return false
	})
	w.account.mu.Lock() // a version that the cursor has passed
	w.account.lists["inventory"]["late"] = map[string]any{"product_id": "p-1", "outlet_id": "outlet-3", "current_inventory_level": 5, "version": uint64(90_000_001)}
	w.account.mu.Unlock()
	w.until("folded", func() bool { return w.held("p-1", "Pier") == "5" })
}

// newOutlet is a world in which everything is read, and an outlet has just been opened.
func newOutlet(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	w.account.product("p-1", nil)
	w.account.level("p-1", "outlet-1", 3)
	w.log = witness{w.log, w}
	w.start()
	w.loaded()
	w.account.put("outlets", map[string]any{"id": "outlet-3", "name": "Pier"})
	return w
}

// witness is a log that wants the name of every outlet to be stored before an event has it.
type witness struct {
	poll.Log
	w *world
}

func (l witness) Submit(ctx context.Context, id domain.StoreID, group []domain.Envelope) func(context.Context) ([]streams.Appended, error) {
	known, err := poll.KnownAccount(ctx, l.w.conn.Control(), id)
	if err != nil {
		l.w.t.Error(err)
	}
	for _, e := range group {
		event, err := e.Event()
		if err != nil {
			l.w.t.Error(err)
		}
		level, is := event.(*domain.StockLevelReported)
		if is && !slices.Contains(slices.Collect(maps.Values(known.Outlets)), level.Outlet) {
			l.w.t.Errorf("an event is of the outlet %q, and stored are %v", level.Outlet, known.Outlets)
		}
	}
	return l.Log.Submit(ctx, id, group)
}

// TestPoller_prices: another setting reads all products again, as other events.
func TestPoller_prices(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.account.product("p-1", nil)
	price := func() string {
		holder, ok := w.catalog.Holder(store, "p-1")
		if !ok {
			return ""
		}
		p, err := w.catalog.Product(t.Context(), store, holder)
		if err != nil {
			t.Fatal(err)
		}
		return p.Items[0].RetailPrice.String()
	}
	w.start()
	w.until("with tax", func() bool { return price() == "12.5" })
	w.stop()
	w.start(func(p *poll.Poller) { p.Prices = xseries.Exclusive })
	w.until("without tax", func() bool { return price() == "10" })
}

// TestPoller_errors: whatever the account answers, the poller says so, goes on
// trying, and loses nothing.
func TestPoller_errors(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		answer func(http.ResponseWriter)
		want   string
	}{
		{"ErrServer", func(w http.ResponseWriter) { w.WriteHeader(http.StatusBadGateway) }, "GET /api/2026-07/products was answered with 502 Bad Gateway"},
		{"ErrToken", func(w http.ResponseWriter) { w.WriteHeader(http.StatusUnauthorized) }, "the token is not taken"},
		{"ErrNonsense", func(w http.ResponseWriter) { fmt.Fprint(w, "<html>") }, "products after version 0: list: must be JSON"},
		{"ErrNoList", func(w http.ResponseWriter) { fmt.Fprint(w, `{"error":"x"}`) }, "data: is required"},
		{"ErrRedirect", func(w http.ResponseWriter) {
			w.Header().Set("Location", "http://elsewhere.example/")
			w.WriteHeader(http.StatusFound)
		}, "302 Found"},
		{"ErrHungUp", func(http.ResponseWriter) { panic(http.ErrAbortHandler) }, "EOF"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			saved := w.account.product("p-1", nil)
			w.account.failing(func(rw http.ResponseWriter, r *http.Request) bool {
				if !strings.HasSuffix(r.URL.Path, "/products") {
					return false
				}
				tt.answer(rw)
				return true
			})
			w.start(func(p *poll.Poller) {
				p.After = func(d time.Duration) <-chan time.Time { return time.After(min(d, 10*time.Millisecond)) }
			})
			w.until("told", func() bool { return strings.Contains(w.poller.Status().Problem, tt.want) })
			w.account.failing(nil)
			w.recorded("product.saved.v1 p-1 %d", saved)
			w.until("well again", func() bool { return w.poller.Status().Problem == "" })
		})
	}
}

// TestPoller_barred: a list that the token may not read is told of, and keeps the
// others from nothing.
func TestPoller_barred(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.account.product("p-1", nil)
	w.account.failing(func(rw http.ResponseWriter, r *http.Request) bool {
		if strings.HasSuffix(r.URL.Path, "/consignments") {
			rw.WriteHeader(http.StatusForbidden)
			return true
		}
		return false
	})
	w.start()
	w.loaded()
	w.recorded("item.sold.v1 p-1 %d", w.account.sale("s-1", "p-1", 1, "2026-03-04T10:15:12Z"))
	if problem := w.poller.Status().Problem; !strings.Contains(problem, "consignments cannot be read") || !strings.Contains(problem, "lacks the scope") {
		t.Errorf("the problem is %q", problem)
	}
}

// TestPoller_stuck: an account that answers another question than it was asked is
// not taken for one without changes.
func TestPoller_stuck(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for n := range 5 {
		w.account.product(fmt.Sprint("p-", n), nil)
	}
	w.start()
	w.loaded()
	w.account.failing(func(rw http.ResponseWriter, r *http.Request) bool {
		if strings.HasSuffix(r.URL.Path, "/products") && !r.URL.Query().Has("deleted") {
			if err := json.NewEncoder(rw).Encode(map[string]any{"data": []any{map[string]any{"id": "p-0", "version": 4}, map[string]any{"id": "p-1", "version": 7}}}); err != nil {
				t.Error(err)
			}
			return true
		}
		return false
	})
	w.until("told", func() bool {
		return strings.Contains(w.poller.Status().Problem, "the account answers with versions up to 7")
	})
}

// TestPoller_census: what neither hook nor poll has brought is found.
func TestPoller_census(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for n := range 8 {
		w.account.product(fmt.Sprint("p-", n), nil)
		w.account.level(fmt.Sprint("p-", n), "outlet-1", n)
	}
	w.start()
	w.loaded()
	w.until("a census of everything", func() bool { return !w.poller.Status().Census.IsZero() })
	if s := w.poller.Status(); s.Missed != 0 {
		t.Errorf("the census found %d changes where there was none", s.Missed)
	}
	// Versions that the cursors have passed, as if a change had been written late.
	w.account.mu.Lock()
	w.account.lists["products"]["late"] = map[string]any{"id": "late", "sku": "L", "name": "Late", "price_including_tax": 3, "version": uint64(90_000_008)}
	w.account.lists["inventory"]["late"] = map[string]any{"product_id": "late", "outlet_id": "outlet-2", "current_inventory_level": 4, "version": uint64(90_000_011)}
	old := w.account.lists["inventory"]["p-3outlet-1"]
	w.account.lists["inventory"]["p-3outlet-1"] = map[string]any{"product_id": "p-3", "outlet_id": "outlet-1", "current_inventory_level": 77, "version": old["version"].(uint64) + 1}
	w.account.mu.Unlock()
	w.until("found", func() bool {
		return w.held("late", "Mill Lane") == "4" && w.held("p-3", "Quayside") == "77" && w.poller.Status().Missed == 3
	})
	w.round()
	if s := w.poller.Status(); s.Missed != 3 {
		t.Errorf("found %d changes, want 3", s.Missed)
	}
}

// TestPoller_silence: webhooks that were heard of before and are no longer, while
// there are changes, are missed.
func TestPoller_silence(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.account.product("p-1", nil)
	now := newClock()
	w.start(func(p *poll.Poller) { p.Now = now.Now; p.WithoutCensus = true })
	w.loaded()
	change := func(n int) {
		for i := range n {
			w.account.level(fmt.Sprint("p-", i), "outlet-1", time.Now().UnixNano()%1000)
		}
		now.Add(time.Minute)
		w.round()
		w.round()
	}
	change(25)
	if p := w.poller.Status().Problem; p != "" {
		t.Errorf("webhooks that never were are missed: %s", p)
	}
	w.poller.Hint(xseries.HintMovements)
	w.round()
	now.Add(20 * time.Minute)
	change(25)
	w.until("missed", func() bool { return strings.HasPrefix(w.poller.Status().Problem, "webhooks have stopped") })
	w.poller.Hint(xseries.HintMovements)
	change(1)
	w.until("heard again", func() bool { return w.poller.Status().Problem == "" })
}
