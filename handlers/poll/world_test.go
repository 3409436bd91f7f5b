package poll_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/poll"
	"github.com/tillstream/tillstream/handlers/pos/xseries/api"
	"github.com/tillstream/tillstream/handlers/project"
	"github.com/tillstream/tillstream/projections"
	"github.com/tillstream/tillstream/streams"
	"github.com/tillstream/tillstream/streams/streamstest"
)

const store = domain.StoreID("harbour")

// world is an account, a broker, what folds, and the poller between them.
type world struct {
	t       *testing.T
	account *account
	url     string
	conn    *streams.Conn
	catalog *projections.Catalog
	log     poll.Log
	poller  *poll.Poller
	end     context.CancelFunc
	ended   chan error
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, conn: streamstest.Start(t)}
	w.account, w.url = newAccount(t)
	if err := w.conn.EnsureProducts(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	var err error
	w.catalog, err = projections.OpenCatalog(t.Context(), w.conn.Products(1).Snapshots(), func(domain.StoreID) domain.StockMode { return domain.StockLevels }, 0)
	if err != nil {
		t.Fatal(err)
	}
	handler := project.New(w.catalog, w.conn, func(s domain.StoreID) bool { return s == store })
	ctx, end := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- handler.Run(ctx) }()
	t.Cleanup(func() {
		end()
		if err := <-ended; err != nil {
			t.Errorf("project: %v", err)
		}
	})
	w.log = w.conn.POS()
	return w
}

// start runs a poller as a process does that has just begun.
func (w *world) start(change ...func(*poll.Poller)) {
	w.t.Helper()
	client, err := api.New(api.Config{BaseURL: w.url, Version: api.V202607, Token: api.Personal("personal"), UserAgent: "test"})
	if err != nil {
		w.t.Fatal(err)
	}
	w.poller = poll.New(store, client, w.log, w.conn.Control(), w.catalog, slog.New(slog.DiscardHandler))
	w.poller.Interval, w.poller.Echo = 20*time.Millisecond, time.Millisecond
	for _, c := range change {
		c(w.poller)
	}
	ctx, end := context.WithCancel(context.WithoutCancel(w.t.Context()))
	w.end, w.ended = end, make(chan error, 1)
	go func() { w.ended <- w.poller.Run(ctx) }()
	w.t.Cleanup(w.stop)
}

func (w *world) stop() {
	w.t.Helper()
	if w.end == nil {
		return
	}
	w.end()
	w.end = nil
	if err := <-w.ended; err != nil {
		w.t.Errorf("run: %v", err)
	}
}

// until waits for a condition.
func (w *world) until(what string, ok func() bool) {
	w.t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(time.Minute); !ok(); <-tick.C {
		if time.Now().After(deadline) {
			w.t.Fatalf("it did not come to pass: %s\nstatus %+v\nlog:\n%s", what, w.poller.Status(), strings.Join(w.events(), "\n"))
		}
	}
}

// loaded waits for the first load.
func (w *world) loaded() {
	w.t.Helper()
	w.until("loaded", func() bool { s := w.poller.Status(); return !s.Loading && !s.LastRead.IsZero() })
}

// events are the log's, each in a line.
func (w *world) events() (out []string) {
	w.t.Helper()
	err := w.conn.POS().Read(w.t.Context(), streams.Query{Store: store}, func(m streams.Message) error {
		rec, err := m.Recorded()
		if err != nil {
			return err
		}
		out = append(out, fmt.Sprintf("%s %s %d", strings.TrimPrefix(string(rec.Type), "pos."), rec.Subject, rec.SourceVersion))
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return out
}

// recorded waits for an event, written as events does.
func (w *world) recorded(event string, args ...any) {
	w.t.Helper()
	event = fmt.Sprintf(event, args...)
	w.until("recorded "+event, func() bool { return slices.Contains(w.events(), event) })
}

// round waits for the poller to have read everything once more.
func (w *world) round() {
	w.t.Helper()
	before := w.poller.Status().LastRead
	w.until("another round", func() bool { return w.poller.Status().LastRead.After(before) })
	before = w.poller.Status().LastRead
	w.until("another round", func() bool { return w.poller.Status().LastRead.After(before) })
}

// held is the stock that is folded of an item at an outlet.
func (w *world) held(item domain.ItemID, outlet domain.OutletID) string {
	holder, ok := w.catalog.Holder(store, item)
	if !ok {
		return ""
	}
	p, err := w.catalog.Product(w.t.Context(), store, holder)
	if err != nil {
		w.t.Fatal(err)
	}
	it, _ := p.Item(item)
	for _, l := range it.Stock {
		if l.Outlet == outlet {
			return l.OnHand.String()
		}
	}
	return ""
}
