package projections_test

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/projections"
)

// made is a bucket of simple products that are made as they are read, so that the
// bucket itself takes no memory.
type made struct {
	products int
	value    []byte // of the product that is called 0000000
}

var _ projections.Bucket = made{}

func (made) Get(context.Context, domain.Key) (domain.Entry, error) {
	return domain.Entry{}, domain.ErrNotFound
}

func (made) FromPage(context.Context, uint64, ...domain.Key) ([]domain.Entry, error) {
	return nil, domain.ErrNotFound
}

func (made) PutPages(context.Context, []domain.Entry) error { return nil }

func (made) PutAll(context.Context, []domain.Entry) error { return nil }

func (made) Extent(context.Context) (domain.Extent, error) { return domain.Extent{}, nil }

func (m made) Scan(_ context.Context, _ domain.StoreID, _ uint64, each func(domain.Entry) error) error {
	if err := each(domain.Entry{Value: fmt.Appendf(nil, `{"format":%d,"position":9}`, projections.SnapshotFormat)}); err != nil {
		return err
	}
	for i := range m.products {
		id := fmt.Sprintf("6f0c2f0e-7a55-5e0e-9d3b-%012d", i)
		var p domain.Product
		if err := json.Unmarshal(m.value, &p); err != nil {
			return err
		}
		p.ID, p.Items[0].ID, p.Items[0].SKU = domain.ProductID(id), domain.ItemID(id), domain.SKU(fmt.Sprintf("SHIRT-%d-M", i))
		value, err := json.Marshal(p)
		if err != nil {
			return err
		}
		if err := each(domain.Entry{Key: domain.Key{Store: "demo", ID: id}, Value: value}); err != nil {
			return err
		}
	}
	return nil
}

// BenchmarkOpenCatalog reports what a simple product costs that nobody changes.
func BenchmarkOpenCatalog(b *testing.B) {
	const products = 100_000
	var l log
	l.add(b, domain.TypeProductSaved, `{"item":"0","sku":"s","name":"A shirt","description":"Long enough to be one","retail_price":"12.50"}`)
	l.add(b, domain.TypeStockLevelReported, `{"item":"0","outlet":"Quayside","on_hand":"3"}`)
	source := newBucket()
	c := open(b, source)
	fold(b, c, l...)
	flush(b, c)
	m := made{products, []byte(source.snapshots()[domain.Key{Store: "demo", ID: "0"}])}
	var before, after runtime.MemStats
	for b.Loop() {
		runtime.GC()
		runtime.ReadMemStats(&before)
		c, err := projections.OpenCatalog(b.Context(), m, levels, 0)
		if err != nil {
			b.Fatal(err)
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/products, "B/product")
		if c.Size("demo") != products {
			b.Fatalf("%d products", c.Size("demo"))
		}
	}
}

// BenchmarkStandings reports what it costs to be asked for the counts of a store, as a part
// of looking at all its products, where some have changed since the time before.
func BenchmarkStandings(b *testing.B) {
	const products = 100_000
	var l log
	l.add(b, domain.TypeProductSaved, `{"item":"0","sku":"s","name":"A shirt","retail_price":"12.50"}`)
	source := newBucket()
	first := open(b, source)
	fold(b, first, l...)
	flush(b, first)
	c, err := projections.OpenCatalog(b.Context(), made{products, []byte(source.snapshots()[domain.Key{Store: "demo", ID: "0"}])}, levels, 0)
	if err != nil {
		b.Fatal(err)
	}
	p := openPublications(b, newBucket(), log{})
	id := func(i int) domain.ProductID {
		return domain.ProductID(fmt.Sprintf("6f0c2f0e-7a55-5e0e-9d3b-%012d", i%products))
	}
	apply := func(e domain.Event) {
		at := p.Position() + 1
		p.Apply(domain.Recorded{Store: "demo", Position: at, RecordedAt: start.Add(time.Duration(at) * time.Second)}, e)
	}
	for i := range products {
		apply(linked(id(i), int64(i+1)))
		apply(confirmed(id(i), 9, int64(i+1)))
	}
	began := time.Now()
	whole := projections.Count(c, p, "demo")
	all := time.Since(began)
	if whole.Confirmed != products {
		b.Fatalf("%+v", whole)
	}
	for _, changed := range []int{0, 1, 1000} {
		b.Run(fmt.Sprintf("%d changed", changed), func(b *testing.B) {
			n := projections.NewStandings(c, p)
			n.Count("demo")
			next := 0
			for b.Loop() {
				b.StopTimer()
				for range changed {
					next++
					apply(confirmed(id(next), 9, int64(next%products+1)))
				}
				b.StartTimer()
				if got := n.Count("demo"); got.Confirmed != products {
					b.Fatalf("%+v", got)
				}
			}
			b.ReportMetric(float64(b.Elapsed())/float64(b.N)/float64(all), "of-all")
		})
	}
}
