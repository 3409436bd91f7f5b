package project_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/project"
	"github.com/tillstream/tillstream/projections"
	"github.com/tillstream/tillstream/streams"
	"github.com/tillstream/tillstream/streams/streamstest"
)

// bucket lets a test fail the writes of a products bucket.
type bucket struct {
	projections.Bucket
	fail atomic.Pointer[func() error]
}

func (b *bucket) PutAll(ctx context.Context, entries []domain.Entry) error {
	if fail := b.fail.Load(); fail != nil {
		if err := (*fail)(); err != nil {
			return err
		}
	}
	return b.Bucket.PutAll(ctx, entries)
}

// world is a broker and the handler under test.
type world struct {
	conn    *streams.Conn
	epoch   uint64
	bucket  *bucket
	catalog *projections.Catalog
	handler *project.Handler
	known   map[domain.StoreID]bool
	end     context.CancelFunc
	ended   chan error
	events  int
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{conn: streamstest.Start(t), known: map[domain.StoreID]bool{"demo": true, "moves": true}}
	w.start(t, 1)
	return w
}

// start opens the bucket of an epoch and runs a handler on it.
func (w *world) start(t testing.TB, epoch uint64) {
	t.Helper()
	if err := w.conn.EnsureProducts(t.Context(), epoch); err != nil {
		t.Fatal(err)
	}
	w.epoch = epoch
	w.bucket = &bucket{Bucket: w.conn.Products(epoch).Snapshots()}
	catalog, err := projections.OpenCatalog(t.Context(), w.bucket, mode, 0)
	if err != nil {
		t.Fatal(err)
	}
	w.catalog = catalog
	known := map[domain.StoreID]bool{}
	for store := range w.known {
		known[store] = true
	}
	w.handler = project.New(catalog, w.conn, func(s domain.StoreID) bool { return known[s] })
	w.run(t)
}

// run runs the handler that there is.
func (w *world) run(t testing.TB) {
	ctx, end := context.WithCancel(context.WithoutCancel(t.Context()))
	w.end, w.ended = end, make(chan error, 1)
	go func() { w.ended <- w.handler.Run(ctx) }()
	t.Cleanup(func() { w.stop(t) })
}

// stop ends the handler and wants it to have ended well.
func (w *world) stop(t testing.TB) {
	t.Helper()
	if w.end == nil {
		return
	}
	w.end()
	w.end = nil
	if err := <-w.ended; err != nil {
		t.Errorf("run: %v", err)
	}
}

// mode is movements for the store moves and levels for all others.
func mode(store domain.StoreID) domain.StockMode {
	if store == "moves" {
		return domain.StockMovements
	}
	return domain.StockLevels
}

// append appends an event of a store and returns its position.
func (w *world) append(t testing.TB, store domain.StoreID, typ domain.Type, format string, args ...any) domain.Position {
	t.Helper()
	w.events++
	e := envelope(t, w.events, typ, fmt.Sprintf(format, args...))
	appended, err := w.conn.POS().Append(t.Context(), store, []domain.Envelope{e})
	if err != nil {
		t.Fatal(err)
	}
	return appended[0].Position
}

func envelope(t testing.TB, n int, typ domain.Type, data string) domain.Envelope {
	t.Helper()
	var subject struct{ Item string }
	if err := json.Unmarshal([]byte(data), &subject); err != nil {
		t.Fatal(err)
	}
	return domain.Envelope{
		ID: domain.EventID(fmt.Sprintf("e-%d", n)), Source: "/test", Type: typ, Subject: subject.Item,
		Time: time.Date(2026, 11, 1, 10, 0, n, 0, time.UTC), SourceVersion: uint64(n), Data: json.RawMessage(data),
	}
}

// publish puts any message straight into NATS, as an adapter that does not know
// our rules might, and returns its position.
func (w *world) publish(t testing.TB, subject string, header map[string]string, data string) domain.Position {
	t.Helper()
	password, err := os.ReadFile(w.conn.PasswordFile("app"))
	if err != nil {
		t.Fatal(err)
	}
	nc, err := nats.Connect(w.conn.ClientURL(), nats.UserInfo("app", strings.TrimSpace(string(password))))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	msg := nats.NewMsg(subject)
	msg.Data = []byte(data)
	for name, value := range header {
		msg.Header[name] = []string{value}
	}
	ack, err := js.PublishMsg(t.Context(), msg)
	if err != nil {
		t.Fatal(err)
	}
	return domain.Position(ack.Sequence)
}

// headers are those of a good event of an item.
func headers(id, item string, typ domain.Type) map[string]string {
	return map[string]string{
		"ce-specversion": "1.0", "ce-id": id, "ce-source": "/test", "ce-type": string(typ), "ce-subject": item,
		"ce-time": "2026-11-01T11:00:00Z", "content-type": "application/json",
	}
}

// await waits until a position is projected and stored.
func (w *world) await(t testing.TB, at domain.Position) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := w.catalog.Await(ctx, at); err != nil {
		t.Fatalf("%v; problem: %q", err, w.handler.Problem())
	}
}

// snapshots are all values of a products bucket but the checkpoint.
func snapshots(t testing.TB, b projections.Bucket) map[domain.Key]string {
	t.Helper()
	out := map[domain.Key]string{}
	err := b.Scan(t.Context(), "", 0, func(e domain.Entry) error {
		if e.Key != (domain.Key{}) {
			out[e.Key] = string(e.Value)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// told are the events of the SYNC log, in words.
func (w *world) told(t testing.TB) (out []string) {
	t.Helper()
	err := w.conn.Sync().Read(t.Context(), streams.Query{}, func(m streams.Message) error {
		rec, err := m.Recorded()
		if err != nil {
			return err
		}
		event, err := rec.Event()
		if err != nil {
			return err
		}
		switch e := event.(type) {
		case *domain.ItemQuarantined:
			out = append(out, fmt.Sprintf("%s %s of %s quarantined at %d", m.Store, e.Item, e.Product, e.Position))
		case *domain.ItemReleased:
			out = append(out, fmt.Sprintf("%s %s of %s released at %d", m.Store, e.Item, e.Product, e.Position))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// letters are all dead letters, in words.
func (w *world) letters(t testing.TB) (out []string) {
	t.Helper()
	letters, err := w.conn.DeadLetters().List(t.Context(), "", false)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range letters {
		line := fmt.Sprintf("%d: %s", l.Original.Position, l.Kind)
		if l.Resolution != streams.Open {
			line += " " + string(l.Resolution)
		}
		out = append(out, line)
	}
	return out
}

func diff(t testing.TB, what string, got, want any) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}
