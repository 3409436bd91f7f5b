package publish_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/bigcommerce/simulator"
	"github.com/tillstream/tillstream/handlers/publish"
	"github.com/tillstream/tillstream/projections"
)

const (
	putStock   = "PUT /inventory/adjustments/absolute"
	putProduct = "PUT /catalog/products"
	getProduct = "GET /catalog/products"
)

// busy has a push under way that takes ten seconds, after which the lane goes first.
func (s *shop) busy(it item) {
	s.t.Helper()
	if err := s.sim.Fail(simulator.Fault{Match: putProduct, Kind: simulator.Slow, Delay: 10 * time.Second, Count: 1}); err != nil {
		s.t.Fatal(err)
	}
	it.name = "Renamed"
	s.save(it)
	pass(time.Second)
}

// sellOutAll counts items at nothing, one after the other, so that the lane is told of
// each as it is when an import is folded.
func (s *shop) sellOutAll(items []item, between time.Duration) (ids []domain.ProductID) {
	s.t.Helper()
	for _, it := range items {
		s.count(it.id, "0")
		pass(between)
		ids = append(ids, domain.ProductID(it.id))
	}
	return ids
}

func TestLane_breaker(t *testing.T) {
	t.Parallel()

	t.Run("OK a mass change does not overtake the breaker", func(t *testing.T) {
		for name, between := range map[string]time.Duration{"at once": 0, "one after the other": time.Second} {
			t.Run(name, func(t *testing.T) {
				in(t, func(t *testing.T) {
					s, items := fifty(t, breaker)
					s.busy(items[49])
					ids := s.sellOutAll(items[:40], between)
					pass(5 * time.Minute)
					s.idle()
					through := 0
					for _, id := range ids {
						if s.sim.Stock(1, s.twin(id).ID, 0) == 0 {
							through++
						}
					}
					if through > 10 {
						t.Errorf("%d of 50 products are out of stock in BigCommerce, want a fifth at most", through)
					}
					held := s.pubs.HeldPushes(store)
					if len(held) < 30 {
						t.Errorf("%d products are held, want 30 at least", len(held))
					}
					before := len(s.requests())
					for _, h := range held { // whoever looks again changes nothing
						s.Wake(h.Product)
						s.count(string(h.Product), "0")
					}
					s.idle()
					if got := s.requests()[before:]; len(got) != 0 {
						t.Errorf("requests %v, want none: nothing has changed for the better", got)
					}
				})
			})
		}
	})

	t.Run("OK what sells out on an ordinary day goes ahead", func(t *testing.T) {
		in(t, func(t *testing.T) {
			s, items := fifty(t, breaker)
			s.busy(items[49])
			before := len(s.requests())
			s.sellOutAll(items[:1], 0)
			pass(time.Minute)
			s.idle()
			if got := s.requests()[before:]; len(got) < 2 || got[0] != putStock {
				t.Errorf("requests %v, want the stock that sold out first", got)
			}
			s.agree("p00")
			s.stand(projections.Synced, "p00")
		})
	})

	t.Run("OK other stock overtakes what is held", func(t *testing.T) {
		in(t, func(t *testing.T) {
			s, items := fifty(t, breaker)
			held := s.each(items[:30], sellOut)
			s.idle()
			s.stand(projections.Held, held...)
			s.busy(items[49])
			before := len(s.requests())
			s.count("p40", "3")
			for _, it := range items[:5] {
				s.count(it.id, "0")
			}
			s.count("p41", "4")
			pass(time.Minute)
			s.idle()
			if got := s.requests()[before:]; len(got) < 2 || got[0] != putStock {
				t.Errorf("requests %v, want the stock of what is not held first", got)
			}
			s.agree("p40", "p41")
			for _, id := range held {
				if s.sim.Stock(1, s.twin(id).ID, 0) != 5 {
					t.Errorf("%s is out of stock in BigCommerce, want it held", id)
				}
			}
		})
	})

	t.Run("OK approved, or put right, stock goes ahead again", func(t *testing.T) {
		in(t, func(t *testing.T) {
			s, items := fifty(t, breaker)
			held := s.each(items[:30], sellOut)
			s.idle()
			s.stand(projections.Held, held...)
			s.busy(items[49])
			before := len(s.requests())
			s.count("p00", "2")
			s.release(publish.Approved, held[1:]...)
			pass(time.Minute)
			s.idle()
			// The renamed product's own stock is the second.
			if got := s.requests()[before:]; len(got) != 5 || got[0] != putStock || strings.Count(strings.Join(got, " "), putStock) != 2 {
				t.Errorf("requests %v, want all stock first, and then 3 of products", got)
			}
			s.agree(held...)
			s.stand(projections.Synced, held...)
		})
	})
}

// Stock that the breaker keeps back is on record as its hold, and not as that of a
// text, which would let it go.
func TestLane_bothGuards(t *testing.T) {
	in(t, func(t *testing.T) {
		s, items := fifty(t, func(c *publish.Config) { breaker(c); empties(c) })
		s.each(items, func(it *item) { it.description = "<p>d</p>" })
		s.idle()
		held := s.each(items[:10], func(it *item) { it.description = "" })
		s.idle()
		pass(time.Hour)
		others := s.each(items[10:20], decimate) // as many as may be
		s.idle()
		s.stand(projections.Synced, others...)
		for _, it := range items[:10] {
			s.count(it.id, "0")
			pass(time.Second)
		}
		s.idle()
		for _, h := range s.pubs.HeldPushes(store) {
			if h.Guard != domain.GuardBreaker {
				t.Errorf("%s is held by %s, want by the breaker", h.Product, h.Guard)
			}
			if got := s.sim.Stock(1, s.twin(h.Product).ID, 0); got != 5 {
				t.Errorf("stock %d of %s, want 5, from before", got, h.Product)
			}
		}
		s.release(publish.Approved, held...)
		s.idle()
		s.agree(held...)
	})
}

// A text that would be emptied is no reason to sell what is not there.
func TestLane_empties(t *testing.T) {
	in(t, func(t *testing.T) {
		s := described(t, empties)
		stock := func() int64 { return s.sim.Stock(1, s.twin("i1").ID, 0) }
		s.save(item{id: "i1", sku: "A", name: "Renamed"})
		s.idle()
		s.stand(projections.Held, "i1")
		before := len(s.requests())
		s.count("i1", "2")
		s.idle()
		pass(time.Minute)
		for range 3 { // as whoever follows the SYNC log does
			s.Wake("i1")
			pass(time.Minute)
		}
		if got := s.requests()[before:]; !slices.Equal(got, []string{putStock}) || stock() != 2 {
			t.Errorf("requests %v and stock %d, want the stock of 2, once", got, stock())
		}
		s.stand(projections.Held, "i1")
		if got := s.twin("i1"); got.Description != "<p>x</p>" || got.Name == "Renamed" {
			t.Errorf("BigCommerce has got %+v, want nothing else of it", got)
		}

		// What fails is tried again although no round does.
		for _, kind := range []simulator.Fault{{Kind: simulator.Status, Status: 503}, {Kind: simulator.CloseBeforeCommit}} {
			kind.Match, kind.Count = putStock, 1
			if err := s.sim.Fail(kind); err != nil {
				t.Fatal(err)
			}
			was := stock()
			s.count("i1", strconv.FormatInt(was+1, 10))
			pass(10 * time.Minute)
			if stock() != was+1 {
				t.Errorf("stock %d after %s, want that of the POS, %d", stock(), kind.Kind, was+1)
			}
		}

		// Whether it went ahead is not on record, so a restart sends it once more.
		_ = s.stop()
		s.open()
		before = len(s.requests())
		s.run()
		pass(time.Minute)
		if diff := cmp.Diff([]string{putStock}, s.requests()[before:]); diff != "" {
			t.Errorf("requests of a restart (-want +got):\n%s", diff)
		}

		s.count("i1", "1")
		pass(time.Minute)
		s.release(publish.Discarded, "i1")
		s.count("i1", "0")
		pass(time.Second)
		if stock() != 0 {
			t.Errorf("stock %d, want that of the POS, 0", stock())
		}
		s.stand(projections.Held, "i1")
		s.release(publish.Approved, "i1")
		s.idle()
		s.stand(projections.Synced, "i1")
		s.agree("i1")
	})
}
