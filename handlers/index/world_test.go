package index_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/index"
	"github.com/tillstream/tillstream/handlers/project"
	"github.com/tillstream/tillstream/projections"
	"github.com/tillstream/tillstream/projections/search"
	"github.com/tillstream/tillstream/projections/search/sqlite"
	"github.com/tillstream/tillstream/streams"
	"github.com/tillstream/tillstream/streams/streamstest"
)

// world is a broker, what folds its logs, and the handler under test.
type world struct {
	conn   *streams.Conn
	source search.Source
	epoch  atomic.Uint64
	file   string
	group  int
	bytes  int // 0 is the default
	page   int

	index      *index.Handler
	stop       func() // the index
	stopFolder func()
	random     *rand.Rand
	events     int
}

const store domain.StoreID = "demo"

func mode(domain.StoreID) domain.StockMode { return domain.StockLevels }

func newWorld(t testing.TB, seed uint64) *world {
	t.Helper()
	w := &world{
		conn: streamstest.Start(t), file: filepath.Join(t.TempDir(), "search.db"), group: index.DefaultGroup, page: index.DefaultPage,
		random: rand.New(rand.NewPCG(seed, 0)), stop: func() {},
	}
	w.epoch.Store(1)
	w.source.Catalog = w.catalog(t, 1)
	var err error
	if w.source.Publications, err = projections.OpenPublications(t.Context(), w.conn.Publications().Snapshots(), w.conn.Sync().Events(), nil); err != nil {
		t.Fatal(err)
	}
	w.fold(t)
	follower := project.NewSyncFollower(w.conn.Sync(), w.source.Publications)
	end := running(t, follower.Run)
	t.Cleanup(func() { w.stop(); w.stopFolder(); end() })
	return w
}

func (w *world) catalog(t testing.TB, epoch uint64) *projections.Catalog {
	t.Helper()
	if err := w.conn.EnsureProducts(t.Context(), epoch); err != nil {
		t.Fatal(err)
	}
	c, err := projections.OpenCatalog(t.Context(), w.conn.Products(epoch).Snapshots(), mode, 0)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (w *world) handler(c *projections.Catalog) *project.Handler {
	h := project.New(c, w.conn, func(s domain.StoreID) bool { return s == store })
	h.Applied = w.source.Publications.Apply
	return h
}

// fold folds the POS log.
func (w *world) fold(t testing.TB) { w.stopFolder = running(t, w.handler(w.source.Catalog).Run) }

// running runs something, and returns what ends it.
func running(t testing.TB, run func(context.Context) error) (end func()) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- run(ctx) }()
	return sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("it ended: %v", err)
		}
	})
}

// start starts the index on the file that there is.
func (w *world) start(t testing.TB) {
	w.index = index.New(w.file, w.source, w.conn, w.epoch.Load)
	w.index.Own, w.index.Group, w.index.Page, w.index.Linger = true, w.group, w.page, time.Millisecond
	if w.bytes > 0 {
		w.index.Bytes = w.bytes
	}
	h := w.index
	w.stop = running(t, func(ctx context.Context) error { h.Run(ctx); return nil })
}

// another switches to another epoch, in which the same events are folded anew.
func (w *world) another(t testing.TB) {
	t.Helper()
	w.settle(t)
	w.stopFolder()
	next := w.catalog(t, w.epoch.Load()+1)
	if err := w.handler(next).Build(t.Context(), w.source.Catalog.Position(), project.BuildOptions{}); err != nil {
		t.Fatal(err)
	}
	w.source.Catalog.Adopt(next)
	w.epoch.Add(1)
	w.fold(t)
}

// settle waits until everything in the logs is folded.
func (w *world) settle(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	pos, err := w.conn.POS().Last(ctx)
	if err == nil {
		err = w.source.Catalog.Await(ctx, pos)
	}
	if err != nil {
		t.Fatal(err)
	}
	sync, err := w.conn.Sync().Last(ctx) // what folding has appended is among it
	if err == nil {
		err = w.source.Publications.Await(ctx, sync)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func (w *world) pick(words ...string) string { return words[w.random.IntN(len(words))] }

// pos appends a random event of the POS; some of them cannot be used.
func (w *world) pos(t testing.TB) {
	t.Helper()
	w.events++
	item, outlet := w.pick("a", "b", "c", "d", "e"), w.pick("Quayside", "Mill Lane")
	typ, data := domain.TypeStockLevelReported, fmt.Sprintf(`{"item":%q,"outlet":%q,"on_hand":"%d"}`, item, outlet, w.random.IntN(20)-2)
	switch w.random.IntN(8) {
	case 0, 1, 2:
		typ = domain.TypeProductSaved
		data = fmt.Sprintf(`{"item":%q,"sku":%q,"name":%q,"brand":%q,"product":%q,"retail_price":%q}`, item, "CK-"+item, w.pick("Enamel Mug", "Cedar Bowl", "Émail", "Mug & Bowl"),
			w.pick("", "Kite & Keel", "Northwood"), w.pick("", "p", "q", "r"), w.pick("0", "4.20", "12.5"))
	case 3:
		typ, data = domain.TypeProductDeleted, fmt.Sprintf(`{"item":%q}`, item)
	case 4:
		if w.random.IntN(3) == 0 {
			data = fmt.Sprintf(`{"item":%q,"outlet":%q,"on_hand":"much"}`, item, outlet)
		}
	}
	e := domain.Envelope{
		ID: domain.EventID(fmt.Sprintf("e-%d", w.events)), Source: domain.SourceID(w.pick("/till/1", "/till/2", "/office")), Type: typ, Subject: item, Actor: w.pick("", "ann", "bob"),
		Time: time.Date(2026, 11, 1, 10, 0, w.events, 0, time.UTC).AddDate(0, 0, w.random.IntN(3)), SourceVersion: uint64(w.events), Data: json.RawMessage(data),
	}
	if _, err := w.conn.POS().Append(t.Context(), store, []domain.Envelope{e}); err != nil {
		t.Fatal(err)
	}
}

// sync appends a random outcome, or resolves a dead letter.
func (w *world) sync(t testing.TB) {
	t.Helper()
	w.events++
	product := domain.ProductID(w.pick("a", "b", "p", "q", "r"))
	at := w.source.Catalog.Position()
	var event domain.Event
	switch w.random.IntN(6) {
	case 0, 1:
		event = &domain.ProductLinked{Product: product, Link: domain.Link{BigCommerceID: 7, Variants: []domain.VariantLink{}}, By: domain.LinkedBySKU}
	case 2:
		event = &domain.PushConfirmed{Product: product, Position: max(at, 1), BigCommerceID: 7, Digest: "d", RequestID: "r"}
	case 3:
		event = &domain.PushRefused{Product: product, Position: max(at, 1), Status: w.pickStatus(), Reason: "no", Field: projections.BrokenField}
	case 4:
		event = &domain.ProductUnlinked{Product: product, Reason: "test"}
	case 5:
		letters, err := w.conn.DeadLetters().List(t.Context(), store, true)
		if err != nil {
			t.Fatal(err)
		}
		if len(letters) == 0 {
			return
		}
		if err := w.conn.DeadLetters().Resolve(t.Context(), letters[0].ID, streams.Dropped, "test"); err != nil {
			t.Fatal(err)
		}
		return
	}
	e, err := domain.NewEnvelope(domain.EventID(fmt.Sprintf("s-%d", w.events)), "/test", time.Date(2026, 11, 2, 10, 0, 0, 0, time.UTC), event)
	if err == nil {
		_, err = w.conn.Sync().Append(t.Context(), store, []domain.Envelope{e})
	}
	if err != nil {
		t.Fatal(err)
	}
}

func (w *world) pickStatus() int { return []int{422, projections.BrokenStatus}[w.random.IntN(2)] }

// filter is a random one.
func (w *world) filter(t testing.TB) search.Filter {
	var f search.Filter
	var err error
	set := func(e error) {
		if e != nil {
			err = e
		}
	}
	if text := w.pick("", "", "mug", "ENAMEL mu", "ck-a", "email", `"mug" OR (bowl*)`); text != "" {
		f.Text, err = search.ParseText(text)
	}
	if brand := w.pick("", "", "kite keel", "NORTHWOOD"); brand != "" {
		var e error
		f.Brand, e = search.Brand(brand)
		set(e)
	}
	if stock := w.pick("", "", "0", "..3", "5..", "-4..10"); stock != "" {
		var e error
		f.Stock, e = search.ParseStock(stock)
		set(e)
	}
	if price := w.pick("", "", "0", "4..", "..12.4", "12.50"); price != "" {
		var e error
		f.Price, e = search.ParsePrice(price)
		set(e)
	}
	if err != nil {
		t.Fatal(err)
	}
	if states := projections.States(); w.random.IntN(3) == 0 {
		f.State = states[w.random.IntN(len(states))]
	}
	if w.random.IntN(4) == 0 {
		f.Since = w.source.Catalog.Position() / 2
	}
	f.Sort, err = search.ParseSort(w.pick(search.Sorts()...))
	if err != nil {
		t.Fatal(err)
	}
	f.Descending = w.random.IntN(2) == 0
	return f
}

// sum is what the index holds, when it holds everything that is folded.
func (w *world) sum(t testing.TB) search.Renewal {
	t.Helper()
	w.caughtUp(t)
	sum, err := w.index.Sum(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return sum
}

// caughtUp waits until the index holds everything that is folded, dead letters too.
func (w *world) caughtUp(t testing.TB) {
	t.Helper()
	w.settle(t)
	open, err := w.conn.DeadLetters().List(t.Context(), "", false)
	if err != nil {
		t.Fatal(err)
	}
	states := map[string]int{}
	for _, l := range open {
		states[string(l.Resolution)]++
	}
	f := search.Filter{Sort: search.ByStock}
	late := time.After(30 * time.Second)
	for {
		changed := w.index.Changed()
		if _, ok := w.index.Products(t.Context(), store, &f, 1); ok {
			held := map[string]int{}
			w.index.Messages(t.Context(), func(v *sqlite.View) error {
				return v.Letters(t.Context(), store, func(l *search.Letter) {
					if l.State == search.OpenLetter {
						l.State = ""
					}
					held[l.State]++
				})
			})
			if fmt.Sprint(held) == fmt.Sprint(states) {
				return
			}
		}
		w.index.Look(store) // ends its wait
		select {
		case <-changed:
		case <-late:
			t.Fatalf("the index stands at %+v", w.index.Status())
		}
	}
}
