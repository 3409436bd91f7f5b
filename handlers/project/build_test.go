package project_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/project"
	"github.com/tillstream/tillstream/projections"
	"github.com/tillstream/tillstream/streams"
	"github.com/tillstream/tillstream/streams/streamstest"
)

// build builds an epoch to the end of the log, and returns its digest and its handler.
func (w *world) build(t testing.TB, epoch uint64, o project.BuildOptions, known ...domain.StoreID) (projections.Hash, *project.Handler) {
	t.Helper()
	if err := w.conn.EnsureProducts(t.Context(), epoch); err != nil {
		t.Fatal(err)
	}
	c, err := projections.OpenCatalog(t.Context(), w.conn.Products(epoch).Snapshots(), mode, 0)
	if err != nil {
		t.Fatal(err)
	}
	last, err := w.conn.POS().Last(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	h := project.New(c, w.conn, func(s domain.StoreID) bool {
		for _, k := range known {
			if s == k {
				return true
			}
		}
		return w.known[s]
	})
	if err := h.Build(t.Context(), last, o); err != nil {
		t.Fatal(err)
	}
	if c.Checkpoint() != last {
		t.Fatalf("built up to position %d, want %d", c.Checkpoint(), last)
	}
	return digest(t, c), h
}

func digest(t testing.TB, c *projections.Catalog) projections.Hash {
	t.Helper()
	tree, err := c.Tree()
	if err != nil {
		t.Fatal(err)
	}
	return tree.Digest()
}

// TestHandler_Build_workers: however many goroutines decode, and wherever a build is
// interrupted, it comes to what was folded event by event.
func TestHandler_Build_workers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	one := func(of ...string) string { return of[r.IntN(len(of))] }
	w.publish(t, "pos.demo.a", map[string]string{"x": "y"}, "scrap")
	for n := range 1500 {
		item, store := one("a", "b", "c", "d"), domain.StoreID(one("demo", "moves"))
		switch r.IntN(5) {
		case 0, 1:
			w.append(t, store, domain.TypeProductSaved, `{"item":%q,"sku":"s-%s","name":"n%d","product":%q}`, item, item, n, one("", "p", "q", "a"))
		case 2:
			w.append(t, store, domain.TypeProductDeleted, `{"item":%q}`, item)
		case 3:
			w.append(t, store, domain.TypeItemSold, `{"item":%q,"outlet":"x","quantity":"1","sale":"s%d","line":"1"}`, item, n)
		default:
			w.append(t, store, domain.TypeStockLevelReported, `{"item":%q,"outlet":"x","on_hand":"%d"}`, item, n)
		}
	}
	last, err := w.conn.POS().Last(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w.await(t, last)
	want := digest(t, w.catalog)
	for epoch, workers := range []int{1, 2, 7} {
		epoch := uint64(epoch + 2)
		interrupted(t, w, epoch, domain.Position(r.IntN(int(last))))
		if got, _ := w.build(t, epoch, project.BuildOptions{Workers: workers, Draft: epoch%2 == 0}); got != want {
			t.Errorf("with %d workers the digest is %s, want %s", workers, got, want)
		}
	}
}

// interrupted begins a build and ends it at about a position.
func interrupted(t testing.TB, w *world, epoch uint64, at domain.Position) {
	t.Helper()
	if err := w.conn.EnsureProducts(t.Context(), epoch); err != nil {
		t.Fatal(err)
	}
	c, err := projections.OpenCatalog(t.Context(), w.conn.Products(epoch).Snapshots(), mode, 0)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	h := project.New(c, w.conn, func(s domain.StoreID) bool { return w.known[s] })
	err = h.Build(ctx, at+1, project.BuildOptions{Tell: func(p domain.Position) {
		if p >= at {
			cancel()
		}
	}})
	if err != nil && ctx.Err() == nil {
		t.Fatal(err)
	}
}

// TestHandler_Build_decided: what was decided about single messages holds in a build,
// and what it can fold after all ends its letter when the build is in use.
func TestHandler_Build_decided(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.append(t, "demo", domain.TypeProductSaved, `{"item":"a","sku":"s","name":"n"}`)
	for _, item := range []string{"dropped", "requeued", "open"} {
		w.append(t, "later", domain.TypeProductSaved, `{"item":%q,"sku":"s","name":"n"}`, item)
	}
	w.await(t, 4)
	if err := w.handler.Drop(t.Context(), 1, "not ours"); err != nil {
		t.Fatal(err)
	}

	// From now on the store is known.
	w.stop(t)
	w.known["later"] = true
	w.start(t, 1)
	at, err := w.handler.Requeue(t.Context(), 2)
	if err != nil {
		t.Fatal(err)
	}
	w.await(t, at)
	diff(t, "letters", w.letters(t), []string{"2: unknown_store dropped", "3: unknown_store requeued", "4: unknown_store"})

	quiet, _ := w.build(t, 2, project.BuildOptions{Quiet: true})
	_, h := w.build(t, 3, project.BuildOptions{})
	got := snapshots(t, w.conn.Products(3).Snapshots())
	if _, there := got[domain.Key{Store: "later", ID: "dropped"}]; there {
		t.Error("a message that was dropped is folded")
	}
	if _, there := got[domain.Key{Store: "later", ID: "open"}]; !there {
		t.Error("a message that can be folded by now is not")
	}
	live := snapshots(t, w.conn.Products(1).Snapshots())
	requeued := domain.Key{Store: "later", ID: "requeued"}
	diff(t, "what was requeued", got[requeued], live[requeued])
	diff(t, "letters before it is in use", w.letters(t), []string{"2: unknown_store dropped", "3: unknown_store requeued", "4: unknown_store"})
	if err := h.Settle(t.Context(), h.Owed()); err != nil {
		t.Fatal(err)
	}
	diff(t, "letters", w.letters(t), []string{"2: unknown_store dropped", "3: unknown_store requeued", "4: unknown_store requeued"})
	if again, _ := w.build(t, 4, project.BuildOptions{}); again != quiet {
		t.Errorf("after that the digest is %s, before it was %s", again, quiet)
	}
}

// processorTime is how long the process, with the broker in it, has had a processor.
func processorTime() time.Duration {
	var usage syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &usage) != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// BenchmarkBuild measures building an epoch against reading the same log with an
// ordered consumer and nothing more, in the same run, and the memory that the catalog
// takes. TILLSTREAM_BENCH_EVENTS and TILLSTREAM_BENCH_PRODUCTS set other sizes.
func BenchmarkBuild(b *testing.B) {
	for _, size := range buildSizes(b) {
		b.Run(fmt.Sprintf("%d events over %d products", size.events, size.products), func(b *testing.B) {
			// The server remembers few of a real log's ids, which has grown in years.
			w := benchWorld(b, streamstest.WithConfig(func(c *streams.Config) { c.DuplicateWindow = time.Second }))
			w.known = map[domain.StoreID]bool{"demo": true}
			w.appendHistory(b, size.events, size.products)
			var raw, built float64
			var rawBusy, busy time.Duration
			epoch := uint64(1)
			for b.Loop() {
				began, before := time.Now(), processorTime()
				if err := w.conn.POS().Read(b.Context(), streams.Query{}, func(streams.Message) error { return nil }); err != nil {
					b.Fatal(err)
				}
				raw += float64(size.events) / time.Since(began).Seconds()
				rawBusy += processorTime() - before
				epoch++
				var memory, after runtime.MemStats
				runtime.GC()
				runtime.ReadMemStats(&memory)
				began, before = time.Now(), processorTime()
				_, h := w.build(b, epoch, project.BuildOptions{Draft: true})
				built += float64(size.events) / time.Since(began).Seconds()
				busy += processorTime() - before
				runtime.GC()
				runtime.ReadMemStats(&after)
				b.ReportMetric((float64(after.HeapAlloc)-float64(memory.HeapAlloc))/float64(size.products), "B/product")
				runtime.KeepAlive(h)
				if err := w.conn.DropProducts(b.Context(), epoch); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(raw/float64(b.N), "raw-events/s")
			b.ReportMetric(built/float64(b.N), "events/s")
			b.ReportMetric(built/raw, "of-raw")
			// The same by processor time, which does not depend on who else is at work.
			b.ReportMetric(float64(rawBusy)/float64(busy), "of-raw-cpu")
			b.ReportMetric(float64(busy.Microseconds())/float64(b.N*size.events), "cpu-µs/event")
		})
	}
}
