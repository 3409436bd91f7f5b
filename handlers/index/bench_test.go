package index_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
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

// size is that of a benchmark's log: TILLSTREAM_BENCH_EVENTS and
// TILLSTREAM_BENCH_PRODUCTS, or one that is made in seconds.
func size(b *testing.B) (events, products int) {
	events, products = 60_000, 20_000
	for name, into := range map[string]*int{"TILLSTREAM_BENCH_EVENTS": &events, "TILLSTREAM_BENCH_PRODUCTS": &products} {
		if text := os.Getenv(name); text != "" {
			if _, err := fmt.Sscan(text, into); err != nil || *into < 1 {
				b.Fatalf("%s=%q: must be a number above 0", name, text)
			}
		}
	}
	return events, max(min(products, events), 1)
}

// fill appends a snapshot of every product and then readings at random, of which one in
// a thousand is somebody's, all of them on some days.
func (w *world) fill(b *testing.B, from, events, products int) {
	b.Helper()
	names := []string{"Enamel Mug", "Cedar Bowl", "Kona Jacket", "Linen Apron", "Brass Lamp"}
	var wait []func(context.Context) ([]streams.Appended, error)
	for at := from; at < events; at += 1000 {
		group := []domain.Envelope{}
		for i := at; i < min(at+1000, events); i++ {
			item := fmt.Sprintf("i-%d", i)
			typ, data := domain.TypeProductSaved, fmt.Sprintf(`{"item":%q,"sku":"CK-%d","name":"%s %d","brand":"Brand %d","retail_price":"%d.50"}`, item, i, names[i%len(names)], i, i%300, i%200)
			if i >= products {
				item = fmt.Sprintf("i-%d", w.random.IntN(products))
				typ, data = domain.TypeStockLevelReported, fmt.Sprintf(`{"item":%q,"outlet":"Quayside","on_hand":"%d"}`, item, w.random.IntN(1000))
			}
			e := domain.Envelope{
				ID: domain.EventID(fmt.Sprintf("e-%d", i)), Source: domain.SourceID(fmt.Sprintf("/till/%d", i%7)), Type: typ, Subject: item,
				Time: time.Date(2026, 11, 1, 10, 0, 0, 0, time.UTC).Add(time.Duration(i) * time.Second), SourceVersion: uint64(i + 1), Data: json.RawMessage(data),
			}
			if i%1000 == 7 {
				e.Actor = "ann"
			}
			group = append(group, e)
		}
		wait = append(wait, w.conn.POS().Submit(b.Context(), store, group))
	}
	for _, each := range wait {
		if _, err := each(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}

func benchWorld(b *testing.B) *world {
	b.Helper()
	w := &world{
		conn: streamstest.Start(b), file: filepath.Join(b.TempDir(), "search.db"), group: index.DefaultGroup,
		random: rand.New(rand.NewPCG(1, 2)), stop: func() {}, stopFolder: func() {},
	}
	w.epoch.Store(1)
	w.source.Catalog = w.catalog(b, 1)
	var err error
	if w.source.Publications, err = projections.OpenPublications(b.Context(), w.conn.Publications().Snapshots(), w.conn.Sync().Events(), nil); err != nil {
		b.Fatal(err)
	}
	return w
}

// follow starts the index as a program does.
func (w *world) follow(b *testing.B) {
	w.index = index.New(w.file, w.source, w.conn, w.epoch.Load)
	h := w.index
	w.stop = running(b, func(ctx context.Context) error { h.Run(ctx); return nil })
	b.Cleanup(w.stop)
}

// reached waits until the index holds everything that is folded.
func (w *world) reached(b *testing.B) {
	b.Helper()
	for {
		changed := w.index.Changed()
		if s := w.index.Status(); s.Lag == 0 && !s.Building {
			return
		} else if s.Problem != "" {
			b.Fatal(s.Problem)
		}
		<-changed
	}
}

// BenchmarkIndex makes an index of a log that is folded, and asks it what the snapshots
// and the log are then asked too. The ratios are how many times as long they take.
func BenchmarkIndex(b *testing.B) {
	events, products := size(b)
	w := benchWorld(b)
	w.fill(b, 0, events, products)
	if err := w.handler(w.source.Catalog).Build(b.Context(), domain.Position(events), project.BuildOptions{}); err != nil {
		b.Fatal(err)
	}
	whole := b
	b.Run("make", func(b *testing.B) {
		for b.Loop() {
			w.stop()
			_ = os.Remove(w.file)
			w.follow(whole)
			w.reached(b)
		}
		each := b.Elapsed().Seconds() / float64(b.N)
		b.ReportMetric(float64(events)/each, "events/s")
		b.ReportMetric(float64(products)/each, "products/s")
		b.ReportMetric(float64(w.index.Status().Bytes)/float64(products), "bytes/product")
	})
	if w.index == nil {
		w.follow(b)
		w.reached(b)
	}
	for _, q := range []struct {
		name   string
		filter func(*search.Filter)
	}{
		{"one word", func(f *search.Filter) { f.Text, _ = search.ParseText("CK-777") }},
		{"two words, many", func(f *search.Filter) { f.Text, _ = search.ParseText("enamel mug") }},
		{"no such word", func(f *search.Filter) { f.Text, _ = search.ParseText("nothing") }},
		{"brand", func(f *search.Filter) { f.Brand, _ = search.Brand("Brand 17") }},
		{"little stock, least first", func(f *search.Filter) { f.Stock, _ = search.ParseStock("1..3"); f.Sort = search.ByStock }},
		{"state", func(f *search.Filter) { f.State = projections.Refusing }},
		{"changed last", func(f *search.Filter) { f.Sort, f.Descending = search.ByChanged, true }},
		{"price, by name", func(f *search.Filter) { f.Price, _ = search.ParsePrice("10..11"); f.Sort = search.ByName }},
	} {
		b.Run(q.name, func(b *testing.B) {
			var f search.Filter
			q.filter(&f)
			const limit = 50
			for b.Loop() {
				if _, ok := w.index.Products(b.Context(), store, &f, limit); !ok {
					b.Fatal("the index does not answer")
				}
			}
			began := time.Now()
			if _, err := search.Scan(b.Context(), w.source, store, &f, limit); err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(time.Since(began))*float64(b.N)/float64(b.Elapsed()), "snapshots/index")
		})
	}
	takes := func(k *search.Kind) bool { return k.Actor == "ann" }
	b.Run("events of one actor", func(b *testing.B) {
		n := 0
		for b.Loop() {
			n = 0
			w.index.Messages(b.Context(), func(v *sqlite.View) error {
				at, err := v.Positions(b.Context(), search.POS, store, takes, 1, domain.Position(events))
				if err != nil {
					return err
				}
				return w.conn.POS().Events().ReadAt(b.Context(), at, func(domain.Recorded, error) error { n++; return nil })
			})
		}
		began, found := time.Now(), 0
		err := w.conn.POS().Events().Read(b.Context(), store, "", 1, 0, func(rec domain.Recorded, _ error) error {
			if rec.Actor == "ann" {
				found++
			}
			return nil
		})
		if err != nil || found != n {
			b.Fatalf("%d events are found, the log has %d, %v", n, found, err)
		}
		b.ReportMetric(float64(time.Since(began))*float64(b.N)/float64(b.Elapsed()), "log/index")
	})
	b.Run("ten events, far apart", func(b *testing.B) {
		pos, _ := w.index.Logs()
		round := 0
		next := func() []domain.Position { // others each time
			at := make([]domain.Position, 10)
			for i := range at {
				at[i] = domain.Position(i*(events/10) + round*7919%(events/10) + 1)
			}
			round++
			return at
		}
		read := func(log projections.Sought) {
			n := 0
			if err := log.ReadAt(b.Context(), next(), func(domain.Recorded, error) error { n++; return nil }); err != nil || n != 10 {
				b.Fatalf("%d events were read, %v", n, err)
			}
		}
		for b.Loop() {
			read(pos)
		}
		const asked = 100
		began := time.Now()
		for range asked {
			read(w.conn.POS().Events())
		}
		b.ReportMetric(float64(time.Since(began))/asked*float64(b.N)/float64(b.Elapsed()), "log/index")
	})
	b.Run("count by day and type", func(b *testing.B) {
		ask := search.Ask{Log: search.POS, Store: store, By: []search.Dimension{search.ByDay, search.ByType}}
		for b.Loop() {
			tally := search.NewTally(&ask)
			w.index.Messages(b.Context(), func(v *sqlite.View) error { return v.Kinds(b.Context(), ask.Log, store, "", "", tally.Add) })
			if len(tally.Counts()) == 0 {
				b.Fatal("nothing is counted")
			}
		}
		began, tally := time.Now(), search.NewTally(&ask)
		err := w.conn.POS().Read(b.Context(), streams.Query{Attributes: true}, func(m streams.Message) error {
			rec, err := m.Recorded()
			k := search.KindOf(search.POS, &rec, err)
			tally.Add(&k, 1)
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(time.Since(began))*float64(b.N)/float64(b.Elapsed()), "log/index")
	})
}

// BenchmarkProject measures what the index costs the folding: the same backlog is folded
// without it and while it follows. Lag is how many messages the index is behind when the
// last is folded, and after how long it is not.
func BenchmarkProject(b *testing.B) {
	events, products := size(b)
	var alone float64
	for _, with := range []bool{false, true} {
		b.Run(map[bool]string{false: "alone", true: "with the index"}[with], func(b *testing.B) {
			w := benchWorld(b)
			w.fill(b, 0, products, products)
			project := func(last int) float64 {
				began := time.Now()
				end := running(b, w.handler(w.source.Catalog).Run)
				if err := w.source.Catalog.Await(b.Context(), domain.Position(last)); err != nil {
					b.Fatal(err)
				}
				took := time.Since(began)
				end()
				return took.Seconds()
			}
			project(products)
			if with {
				w.follow(b)
				w.reached(b)
			}
			last, total, behind, late := products, 0.0, 0.0, 0.0
			for b.Loop() {
				w.fill(b, last, last+events, products)
				last += events
				total += project(last)
				if with {
					began := time.Now()
					behind += float64(w.index.Status().Lag)
					w.reached(b)
					late += time.Since(began).Seconds()
				}
			}
			rate := float64(events*b.N) / total
			b.ReportMetric(rate, "events/s")
			if !with {
				alone = rate
				return
			}
			b.ReportMetric(rate/alone, "of-alone")
			b.ReportMetric(behind/float64(b.N), "behind")
			b.ReportMetric(late/float64(b.N), "s-behind")
		})
	}
}
