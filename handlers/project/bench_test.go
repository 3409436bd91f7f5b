package project_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/project"
	"github.com/tillstream/tillstream/projections"
	"github.com/tillstream/tillstream/streams"
	"github.com/tillstream/tillstream/streams/streamstest"
)

// BenchmarkProject measures projecting a backlog against overwriting as many
// values of the same size in a bucket of as many keys, which is measured first and
// is the lower bound of a projection that writes once per event. The skewed
// history has 80% of its events on 20% of the products.
func BenchmarkProject(b *testing.B) {
	for _, n := range []int{20_000, 100_000} {
		var raw float64
		b.Run(fmt.Sprintf("raw overwrite of %d keys", n), func(b *testing.B) { raw = benchOverwrite(b, n) })
		r := rand.New(rand.NewPCG(1, 2))
		b.Run(fmt.Sprintf("uniform over %d products", n), func(b *testing.B) {
			benchProject(b, n, raw, func() int { return r.IntN(n) })
		})
		b.Run(fmt.Sprintf("skewed over %d products", n), func(b *testing.B) {
			benchProject(b, n, raw, func() int {
				if r.IntN(100) < 80 {
					return r.IntN(n / 5)
				}
				return n/5 + r.IntN(n-n/5)
			})
		})
	}
}

func benchOverwrite(b *testing.B, n int) float64 {
	w := benchWorld(b, streamstest.WithSync())
	value := []byte(strings.Repeat("v", 600))
	entries := make([]domain.Entry, n)
	for i := range entries {
		entries[i] = domain.Entry{Key: domain.Key{Store: "demo", ID: fmt.Sprintf("i-%d", i)}, Value: value}
	}
	if err := w.bucket.PutAll(b.Context(), entries); err != nil {
		b.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 2))
	total := 0
	for b.Loop() {
		r.Shuffle(n, func(i, j int) { entries[i], entries[j] = entries[j], entries[i] })
		if err := w.bucket.PutAll(b.Context(), entries); err != nil {
			b.Fatal(err)
		}
		total += n
	}
	rate := float64(total) / b.Elapsed().Seconds()
	b.ReportMetric(rate, "writes/s")
	return rate
}

// benchProject appends the products and then, for each loop, twice as many
// readings as there are products, and measures the projecting of the readings.
func benchProject(b *testing.B, n int, raw float64, next func() int) {
	w := benchWorld(b, streamstest.WithSync())
	var last domain.Position
	appendAll := func(count int, make func(i int) domain.Envelope) {
		for from := 0; from < count; from += 1000 {
			group := []domain.Envelope{}
			for i := from; i < min(from+1000, count); i++ {
				w.events++
				group = append(group, make(i))
			}
			appended, err := w.conn.POS().Append(b.Context(), "demo", group)
			if err != nil {
				b.Fatal(err)
			}
			last = appended[len(appended)-1].Position
		}
	}
	description := strings.Repeat("A shirt. ", 20)
	appendAll(n, func(i int) domain.Envelope {
		return envelope(b, w.events, domain.TypeProductSaved, fmt.Sprintf(`{"item":"i-%d","sku":"s-%d","name":"Shirt %d","description":%q,"retail_price":"12.50"}`, i, i, i, description))
	})
	project := func() {
		ctx, end := context.WithCancel(b.Context())
		ended := make(chan error, 1)
		go func() { ended <- w.handler.Run(ctx) }()
		if err := w.catalog.Await(b.Context(), last); err != nil {
			b.Fatal(err)
		}
		end()
		if err := <-ended; err != nil {
			b.Fatal(err)
		}
	}
	project()
	total := 0
	b.ResetTimer()
	for b.Loop() {
		b.StopTimer()
		appendAll(2*n, func(i int) domain.Envelope {
			return envelope(b, w.events, domain.TypeStockLevelReported, fmt.Sprintf(`{"item":"i-%d","outlet":"Quayside","on_hand":"%d"}`, next(), w.events))
		})
		b.StartTimer()
		project()
		total += 2 * n
	}
	rate := float64(total) / b.Elapsed().Seconds()
	b.ReportMetric(rate, "events/s")
	b.ReportMetric(rate/raw, "of-raw")
}

func benchWorld(b *testing.B, options ...streamstest.Option) *world {
	b.Helper()
	w := &world{conn: streamstest.Start(b, options...), epoch: 1}
	if err := w.conn.EnsureProducts(b.Context(), 1); err != nil {
		b.Fatal(err)
	}
	w.bucket = &bucket{Bucket: w.conn.Products(1).Snapshots()}
	var err error
	if w.catalog, err = projections.OpenCatalog(b.Context(), w.bucket, mode, 0); err != nil {
		b.Fatal(err)
	}
	w.handler = project.New(w.catalog, w.conn, func(domain.StoreID) bool { return true })
	w.handler.Drain = time.Minute
	return w
}

type buildSize struct{ events, products int }

func buildSizes(b *testing.B) []buildSize {
	b.Helper()
	sizes := []buildSize{{200_000, 1000}, {200_000, 100_000}}
	events, products := os.Getenv("TILLSTREAM_BENCH_EVENTS"), os.Getenv("TILLSTREAM_BENCH_PRODUCTS")
	if events == "" && products == "" {
		return sizes
	}
	var own buildSize
	if _, err := fmt.Sscan(events+" "+products, &own.events, &own.products); err != nil || own.products < 1 || own.events < own.products {
		b.Fatalf("TILLSTREAM_BENCH_EVENTS=%q TILLSTREAM_BENCH_PRODUCTS=%q: must be two numbers, of which the first is not below the second", events, products)
	}
	return []buildSize{own}
}

// appendHistory appends a snapshot of every product, and then readings of all of them
// at random.
func (w *world) appendHistory(b *testing.B, events, products int) {
	b.Helper()
	description := strings.Repeat("A shirt. ", 20)
	r := rand.New(rand.NewPCG(1, 2))
	var wait []func(context.Context) ([]streams.Appended, error)
	for from := 0; from < events; from += 1000 {
		group := []domain.Envelope{}
		for i := from; i < min(from+1000, events); i++ {
			w.events++
			if i < products {
				group = append(group, envelope(b, w.events, domain.TypeProductSaved, fmt.Sprintf(`{"item":"6f0c2f0e-7a55-5e0e-9d3b-%012d","sku":"SHIRT-%d","name":"Shirt %d","description":%q,"retail_price":"12.50"}`, i, i, i, description)))
				continue
			}
			group = append(group, envelope(b, w.events, domain.TypeStockLevelReported, fmt.Sprintf(`{"item":"6f0c2f0e-7a55-5e0e-9d3b-%012d","outlet":"Quayside","on_hand":"%d"}`, r.IntN(products), w.events)))
		}
		if wait = append(wait, w.conn.POS().Submit(b.Context(), "demo", group)); len(wait) > 8 {
			if _, err := wait[0](b.Context()); err != nil {
				b.Fatal(err)
			}
			wait = wait[1:]
		}
	}
	for _, each := range wait {
		if _, err := each(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}
