package simulator

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tillstream/tillstream/domain"
)

func newTraffic(t testing.TB, opts TrafficOptions) *Traffic {
	t.Helper()
	opts.Store, opts.Start = "demo", opening0900
	traffic, err := NewTraffic(opts)
	if err != nil {
		t.Fatal(err)
	}
	return traffic
}

func next(t testing.TB, traffic *Traffic) domain.Envelope {
	t.Helper()
	e, err := traffic.Next()
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestTraffic_Next(t *testing.T) {
	t.Parallel()
	for _, skew := range []Skew{Uniform, EightyTwenty, Zipf} {
		t.Run(string(skew), func(t *testing.T) {
			t.Parallel()
			opts := TrafficOptions{Seed: 3, Products: 50, Variants: 3, Skew: skew}
			first, second := newTraffic(t, opts), newTraffic(t, opts)
			c, moved := newCatalog(t, domain.StockLevels), newCatalog(t, domain.StockMovements)
			kinds, ids := map[domain.Type]int{}, map[domain.EventID]bool{}
			for i := range 4000 {
				e := next(t, first)
				if diff := cmp.Diff(e, next(t, second)); diff != "" {
					t.Fatalf("event %d is another the second time:\n%s", i, diff)
				}
				event := c.append(e)
				e.Data = withoutReading(t, event)
				moved.append(e)
				if ids[e.ID] || e.SourceVersion != uint64(i+1) {
					t.Fatalf("event %d: got id %s, version %d", i, e.ID, e.SourceVersion)
				}
				ids[e.ID] = true
				if i == first.Items()-1 && len(c.products) != 50 {
					t.Errorf("got %d products after the snapshots, want 50", len(c.products))
				}
				kinds[e.Type]++
			}
			if c.outcomes[domain.Folded] != 4000 {
				t.Errorf("got %v, want every event folded", c.outcomes)
			}
			if diff := cmp.Diff(c.books(), moved.books()); diff != "" {
				t.Errorf("quantities contradict readings (-readings +quantities):\n%s", diff)
			}
			for _, kind := range []domain.Type{
				domain.TypeProductSaved, domain.TypeItemSold, domain.TypeItemRefunded, domain.TypeItemExchanged, domain.TypeStockCounted,
				domain.TypeStockOrderReceived, domain.TypeStockTransferred, domain.TypeStockAdjusted, domain.TypeStockLevelReported,
			} {
				if kinds[kind] == 0 {
					t.Errorf("no %s", kind)
				}
			}
			for i, stock := range first.stock {
				_, it := c.item(itemName(i))
				for _, level := range it.Stock {
					o := quayside
					if level.Outlet == MillLane {
						o = millLane
					}
					if want := pieces(stock[o]); !level.OnHand.Equal(want) {
						t.Errorf("%s at %s: got %s folded, want %s", it.ID, level.Outlet, level.OnHand, want)
					}
				}
			}
		})
	}
}

// withoutReading is the event of a POS that says only what moved.
func withoutReading(t *testing.T, event domain.Event) []byte {
	switch e := event.(type) {
	case *domain.ItemSold:
		e.OnHand = nil
	case *domain.ItemRefunded:
		e.OnHand = nil
	case *domain.ItemExchanged:
		e.OnHand = nil
	case *domain.StockOrderReceived:
		e.OnHand = nil
	case *domain.StockTransferred:
		e.OnHandFrom, e.OnHandTo = nil, nil
	case *domain.StockAdjusted:
		e.OnHand = nil
	}
	data, err := domain.EncodeEvent(event)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestTraffic_Skew(t *testing.T) {
	t.Parallel()
	const products, draws = 1000, 20_000
	head := func(skew Skew) (percent int) {
		traffic, n := newTraffic(t, TrafficOptions{Seed: 1, Products: products, Skew: skew}), 0
		for range draws {
			if traffic.draw() < products/5 {
				n++
			}
		}
		return n * 100 / draws
	}
	for skew, want := range map[Skew][2]int{Uniform: {18, 22}, EightyTwenty: {78, 82}, Zipf: {75, 98}} {
		if got := head(skew); got < want[0] || got > want[1] {
			t.Errorf("%s: a fifth of the products has %d%% of the traffic, want %d to %d", skew, got, want[0], want[1])
		}
	}
	one := newTraffic(t, TrafficOptions{Products: 1, Skew: EightyTwenty})
	if got := one.draw(); got != 0 {
		t.Errorf("one product: got item %d", got)
	}
}

func TestNewTraffic_Err(t *testing.T) {
	t.Parallel()
	right := TrafficOptions{Store: "demo", Products: 1, Start: opening0900}
	for path, spoil := range map[string]func(*TrafficOptions){
		"store":    func(o *TrafficOptions) { o.Store = "" },
		"products": func(o *TrafficOptions) { o.Products = 0 },
		"variants": func(o *TrafficOptions) { o.Variants = -1 },
		"start":    func(o *TrafficOptions) { o.Start = time.Time{} },
		"skew":     func(o *TrafficOptions) { o.Skew = "steep" },
	} {
		opts := right
		spoil(&opts)
		var invalid *domain.InvalidError
		if traffic, err := NewTraffic(opts); !errors.As(err, &invalid) || invalid.Path != path {
			t.Errorf("%s: got %v, %v", path, traffic, err)
		}
	}
}

func BenchmarkTraffic_Next(b *testing.B) {
	traffic := newTraffic(b, TrafficOptions{Products: 10_000, Skew: EightyTwenty})
	for b.Loop() {
		next(b, traffic)
	}
}
