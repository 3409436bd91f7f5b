package publish_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/bigcommerce"
	"github.com/tillstream/tillstream/handlers/bigcommerce/simulator"
	"github.com/tillstream/tillstream/handlers/publish"
	"github.com/tillstream/tillstream/projections"
)

// sized are the variants of a product, one of each of the first n sizes.
func sized(product string, n int) []item {
	items := make([]item, n)
	for v := range items {
		id := fmt.Sprintf("%s-%d", product, v)
		items[v] = item{id: id, product: product, sku: id, options: size(fmt.Sprint(v)), stock: "7"}
	}
	return items
}

// A sale overtakes changes of structure, each of which is a chain of requests,
// whenever it comes, and nothing waits for itself.
func TestLane_duringRestructure(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		cfg     simulator.Config
		refused int // requests in flight are halved so often before
	}{
		"much quota":   {cfg: simulator.Config{Quota: 100_000, Latency: 200 * time.Millisecond}},
		"little quota": {cfg: simulator.Config{Quota: 150, Latency: 50 * time.Millisecond}},
		"one place":    {cfg: simulator.Config{Quota: 100_000, Latency: 200 * time.Millisecond}, refused: 2},
	} {
		for at := 50 * time.Millisecond; at < 3*time.Second; at += 170 * time.Millisecond {
			t.Run(name+" "+at.String(), func(t *testing.T) {
				in(t, func(t *testing.T) {
					s := newShop(t, tt.cfg, nil)
					ids := []domain.ProductID{"sold"}
					s.save(item{id: "sold", sku: "SOLD", stock: "5"})
					for i := range 30 {
						ids = append(ids, domain.ProductID(fmt.Sprintf("p%02d", i)))
						s.save(sized(string(ids[i+1]), 2)...)
					}
					s.link(ids...)
					s.run()
					s.idle()
					for range tt.refused {
						if err := s.sim.Fail(simulator.Fault{Match: "PUT /catalog/products", Kind: simulator.Status, Status: 429, Count: 1}); err != nil {
							t.Fatal(err)
						}
						if _, err := s.Push(t.Context(), ids[:1]); err != nil {
							t.Fatal(err)
						}
					}
					for _, id := range ids[1:] {
						s.save(sized(string(id), 4)...)
					}
					pass(at)
					s.count("sold", "3")
					pass(time.Second)
					if got := s.sim.Stock(1, s.twin("sold").ID, 0); got != 3 {
						t.Errorf("a second after the sale BigCommerce has %d, want 3", got)
					}
					pass(10 * time.Minute)
					s.agree(ids...)
				})
			})
		}
	}
}

// Two products with one SKU do not get one twin, also when it is created for one of
// them in the same round.
func TestPublisher_Create_sameSKU(t *testing.T) {
	in(t, func(t *testing.T) {
		s := newShop(t, simulator.Config{}, nil)
		s.save(item{id: "a", sku: "A", stock: "5"}, item{id: "b", sku: "a", stock: "6"})
		s.run()
		outcomes, err := s.Create(t.Context(), []domain.ProductID{"a", "b"})
		if err != nil {
			t.Fatal(err)
		}
		confirmed, refused := outcomes[0], outcomes[1]
		if confirmed.Kind != publish.Confirmed {
			confirmed, refused = refused, confirmed
		}
		if confirmed.Kind != publish.Confirmed || refused.Kind != publish.Refused || !strings.Contains(refused.Reason, "linked to product "+string(confirmed.Product)) {
			t.Errorf("outcomes %+v, want one confirmed, and one refused that names it", outcomes)
		}
		if link := s.publication(refused.Product).Link; link != nil {
			t.Errorf("the refused product is linked to %+v", link)
		}
		s.agree(confirmed.Product)
	})
}

// Stock that went ahead of a push that failed is sent again with the next, which
// may be long after.
func TestLane_refusedPush(t *testing.T) {
	in(t, func(t *testing.T) {
		s := newShop(t, simulator.Config{}, nil)
		s.save(item{id: "a", sku: "A", stock: "5"})
		s.link("a")
		s.run()
		s.idle()
		if err := s.sim.Fail(simulator.Fault{Match: "PUT /catalog/products", Kind: simulator.Status, Status: 422, Count: 1}); err != nil {
			t.Fatal(err)
		}
		s.count("a", "41")
		s.idle()
		if s.publication("a").Refused == nil {
			t.Fatal("the push is not refused")
		}
		other, err := bigcommerce.New(bigcommerce.Config{StoreHash: "demo", Token: "demo", HTTPClient: s.sim.Client()})
		if err != nil {
			t.Fatal(err)
		}
		if err := other.SetStock(t.Context(), "somebody else", []bigcommerce.StockLevel{{Location: 1, Product: bigcommerce.ProductID(s.twin("a").ID), Quantity: 99}}); err != nil {
			t.Fatal(err)
		}
		s.save(item{id: "a", sku: "A", name: "Renamed"})
		s.idle()
		s.agree("a")
	})
}

// unreadable is a bucket that cannot be read for a while.
type unreadable struct {
	*bucket
	now atomic.Bool
}

func (u *unreadable) Get(ctx context.Context, key domain.Key) (domain.Entry, error) {
	if u.now.Load() {
		return domain.Entry{}, errors.New("the broker is away")
	}
	return u.bucket.Get(ctx, key)
}

// A state that cannot be read in the middle of a round is read later.
func TestPublisher_Run_unreadable(t *testing.T) {
	in(t, func(t *testing.T) {
		s := newShop(t, simulator.Config{Latency: time.Second}, nil)
		u := &unreadable{bucket: &bucket{entries: map[domain.Key][]byte{}}}
		catalog, err := projections.OpenCatalog(t.Context(), u, func(domain.StoreID) domain.StockMode { return domain.StockLevels }, 1)
		if err != nil {
			t.Fatal(err)
		}
		s.catalog, s.cfg.Catalog = catalog, catalog
		s.open()
		ids := s.saveMany(3)
		if err := s.catalog.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		s.link(ids...)
		s.run()
		pass(500 * time.Millisecond) // the first request is under way
		u.now.Store(true)
		pass(time.Second)
		u.now.Store(false)
		pass(10 * time.Minute)
		s.agree(ids...)
	})
}
