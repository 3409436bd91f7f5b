package publish_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/bigcommerce/simulator"
	"github.com/tillstream/tillstream/handlers/publish"
)

// in runs a test in a bubble of fake time.
func in(t *testing.T, test func(*testing.T)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, test)
}

func TestPublisher_Run(t *testing.T) {
	t.Parallel()

	t.Run("OK pushes every field of linked products", func(t *testing.T) {
		in(t, func(t *testing.T) {
			s := newShop(t, simulator.Config{Quota: 150}, nil)
			s.save(
				item{id: "i1", sku: "CB-1", name: "Cedar Bowl", price: "24.5", cost: "9.75", description: "<p>Turned</p>", brand: "Northwood", stock: "7"},
				item{id: "i2", sku: "T-S", product: "tee", name: "Tee", options: size("S"), stock: "1"},
				item{id: "i3", sku: "T-M", product: "tee", name: "Tee", options: size("M"), price: "11", stock: "2"},
				item{id: "i4", sku: "G-1", name: "Gift card", hidden: true, untracked: true},
				item{id: "i5", sku: "X-1", name: "Not linked"},
			)
			s.link("i1", "tee", "i4")
			s.run()
			s.idle()
			s.agree("i1", "tee", "i4")
			if got := len(recorded[*domain.PushConfirmed](s.log)); got != 3 {
				t.Errorf("%d pushes confirmed, want 3", got)
			}
			if _, exists := s.sim.ProductBySKU("X-1"); exists {
				t.Error("a product without a link is in BigCommerce")
			}
			if got := s.Status(); got.Waiting != 0 || got.Problem != "" || got.Throttled != 0 {
				t.Errorf("status %+v, want nothing waiting", got)
			}
		})
	})

	t.Run("OK an empty description empties BigCommerce's", func(t *testing.T) {
		in(t, func(t *testing.T) {
			s := newShop(t, simulator.Config{}, nil)
			s.save(item{id: "i1", sku: "A", description: "<p>x</p>", brand: "B"})
			s.link("i1")
			s.run()
			s.idle()
			s.save(item{id: "i1", sku: "A"})
			s.idle()
			if got := s.twin("i1"); got.Description != "" || got.BrandID != 0 {
				t.Errorf("description %q, brand %d, want none", got.Description, got.BrandID)
			}
			s.agree("i1")
		})
	})

	t.Run("OK a save that changes nothing pushes", func(t *testing.T) {
		in(t, func(t *testing.T) {
			s := newShop(t, simulator.Config{}, nil)
			it := item{id: "i1", sku: "A", stock: "3"}
			s.save(it)
			s.link("i1")
			s.run()
			s.idle()
			if err := s.sim.MerchantEdit(s.twin("i1").ID, func(p *simulator.Product) { p.Name, p.SKU = "Drifted", "DRIFT" }); err != nil {
				t.Fatal(err)
			}
			s.save(item{id: "i1", sku: "A"})
			s.idle()
			s.agree("i1")
		})
	})

	t.Run("OK changes gather while a request is in flight", func(t *testing.T) {
		in(t, func(t *testing.T) {
			s := newShop(t, simulator.Config{Latency: time.Second}, nil)
			s.save(item{id: "i1", sku: "A", stock: "0"})
			s.link("i1")
			s.run()
			s.idle()
			before := len(s.requests())
			for i := range 50 {
				s.count("i1", fmt.Sprint(i))
				pass(10 * time.Millisecond)
			}
			s.idle()
			// The first change goes at once, the other 49 in one push behind it.
			if got := len(s.requests()) - before; got > 4 {
				t.Errorf("50 changes took %d requests, want at most 4", got)
			}
			s.agree("i1")
		})
	})

	t.Run("OK a restart pushes what is due and nothing else", func(t *testing.T) {
		in(t, func(t *testing.T) {
			s := newShop(t, simulator.Config{}, nil)
			s.save(item{id: "i1", sku: "A", stock: "1"}, item{id: "i2", sku: "B", stock: "1"})
			s.link("i1", "i2")
			s.run()
			s.idle()
			_ = s.stop()
			s.count("i2", "9")
			before := len(s.requests())
			s.open()
			s.run()
			s.idle()
			if got := len(s.requests()) - before; got != 2 {
				t.Errorf("a restart took %d requests for one due product, want 2", got)
			}
			s.agree("i1", "i2")
		})
	})

	t.Run("OK quarantined products wait", func(t *testing.T) {
		in(t, func(t *testing.T) {
			s := newShop(t, simulator.Config{}, nil)
			s.save(item{id: "i1", sku: "A", stock: "1"})
			s.link("i1")
			s.quarantine("i1", true)
			s.run()
			s.idle()
			if got := s.sent("PUT /catalog/products"); got != 0 {
				t.Errorf("%d pushes of a quarantined product, want none", got)
			}
			s.quarantine("i1", false)
			s.Wake("i1")
			s.idle()
			s.agree("i1")
		})
	})

	t.Run("OK a lost record pushes the same once more", func(t *testing.T) {
		in(t, func(t *testing.T) {
			s := newShop(t, simulator.Config{}, nil)
			s.save(item{id: "i1", sku: "A", stock: "1"})
			s.link("i1")
			s.log.stop = func(events []domain.Envelope) bool {
				return slices.ContainsFunc(events, func(e domain.Envelope) bool { return e.Type == domain.TypePushConfirmed })
			}
			s.run()
			pass(3 * time.Second)
			if got := s.Status().Problem; !strings.Contains(got, "power cut") {
				t.Errorf("problem %q, want one that names the cause", got)
			}
			_ = s.stop()
			s.log.stop = nil
			s.open()
			s.run()
			s.idle()
			if got := len(recorded[*domain.PushConfirmed](s.log)); got != 1 {
				t.Errorf("%d confirmations, want 1", got)
			}
			s.agree("i1")
		})
	})
}

func TestPublisher_Push(t *testing.T) {
	t.Parallel()
	t.Run("OK pushes what is not due", func(t *testing.T) {
		in(t, func(t *testing.T) {
			s := newShop(t, simulator.Config{}, nil)
			s.save(item{id: "i1", sku: "A", stock: "1"}, item{id: "i2", sku: "B"})
			s.link("i1")
			s.run()
			s.idle()
			if err := s.sim.MerchantEdit(s.twin("i1").ID, func(p *simulator.Product) { p.Price = 1 }); err != nil {
				t.Fatal(err)
			}
			got, err := s.Push(t.Context(), []domain.ProductID{"i1", "i2"})
			if err != nil {
				t.Fatal(err)
			}
			if got[0].Kind != publish.Confirmed || got[1].Kind != publish.Nothing || !strings.Contains(got[1].Reason, "not linked") {
				t.Errorf("outcomes %+v, want confirmed, and nothing because it is not linked", got)
			}
			s.agree("i1")
		})
	})
}

// quarantine records that an item's event could not be folded, or was after all.
func (s *shop) quarantine(id string, on bool) {
	s.t.Helper()
	var event domain.Event = &domain.ItemReleased{Product: domain.ProductID(id), Item: domain.ItemID(id), Position: 1}
	if on {
		event = &domain.ItemQuarantined{Product: domain.ProductID(id), Item: domain.ItemID(id), Position: 1, Reason: "test"}
	}
	e, err := domain.NewEnvelope(domain.EventID(fmt.Sprintf("q-%s-%v", id, on)), "/test", time.Now(), event)
	if err != nil {
		s.t.Fatal(err)
	}
	at, err := s.log.Append(s.t.Context(), store, []domain.Envelope{e})
	if err != nil {
		s.t.Fatal(err)
	}
	s.pubs.Apply(domain.Recorded{Envelope: e, Store: store, Position: at[0].Position}, event)
}
