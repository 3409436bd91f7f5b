package publish_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/bigcommerce/simulator"
	"github.com/tillstream/tillstream/handlers/publish"
	"github.com/tillstream/tillstream/projections"
)

func empties(c *publish.Config) { c.Guards.Empties = true }

// stand fails the test unless these products stand there.
func (s *shop) stand(want projections.State, ids ...domain.ProductID) {
	s.t.Helper()
	for _, id := range ids {
		if got := s.state(id); got != want {
			s.t.Errorf("%s is %s, want %s: %+v", id, got, want, s.publication(id))
		}
	}
}

// fill has the merchant write a description for a product in BigCommerce.
func (s *shop) fill(id domain.ProductID, text string) {
	s.t.Helper()
	if err := s.sim.MerchantEdit(s.twin(id).ID, func(p *simulator.Product) { p.Description = text }); err != nil {
		s.t.Fatal(err)
	}
}

// release approves or discards, and fails the test unless that is what becomes of
// each.
func (s *shop) release(kind publish.Kind, ids ...domain.ProductID) {
	s.t.Helper()
	do := s.Approve
	if kind == publish.Discarded {
		do = s.Discard
	}
	got, err := do(s.t.Context(), ids)
	if err != nil {
		s.t.Fatal(err)
	}
	for i, o := range got {
		if o.Product != ids[i] || o.Kind != kind {
			s.t.Errorf("outcome %+v, want %s of %s", o, kind, ids[i])
		}
	}
}

// described is a product with a text, linked and pushed.
func described(t *testing.T, change func(*publish.Config)) *shop {
	t.Helper()
	s := newShop(t, simulator.Config{}, change)
	s.save(item{id: "i1", sku: "A", description: "<p>x</p>", brand: "B", stock: "3"}, item{id: "i2", sku: "B", description: "<p>y</p>", stock: "3"})
	s.link("i1", "i2")
	s.run()
	s.idle()
	return s
}

func TestPublisher_empties(t *testing.T) {
	t.Parallel()

	t.Run("OK holds what would be emptied, and that alone", func(t *testing.T) {
		in(t, func(t *testing.T) {
			s := described(t, empties)
			before := len(s.requests())
			s.save(item{id: "i1", sku: "A", name: "Renamed", stock: "1"}, item{id: "i2", sku: "B", description: "<p>z</p>", stock: "1"})
			s.idle()
			s.stand(projections.Held, "i1")
			s.stand(projections.Synced, "i2")
			s.agree("i2")
			if got := s.twin("i1"); got.Description != "<p>x</p>" || got.Name == "Renamed" || s.sim.Stock(1, got.ID, 0) != 1 {
				t.Errorf("BigCommerce has got %+v, want nothing of the push that is held but its stock", got)
			}
			// The lane waits for no read of a round, and no read for the lane.
			got := s.requests()[before:]
			slices.Sort(got[:min(2, len(got))])
			if diff := cmp.Diff([]string{getProduct, putStock, putProduct}, got); diff != "" {
				t.Errorf("requests, the first two sorted (-want +got):\n%s", diff)
			}
			held := recorded[*domain.PushHeld](s.log)
			if len(held) != 1 || held[0].Guard != domain.GuardEmpties || !strings.Contains(held[0].Reason, "empty the description and the brand") {
				t.Errorf("recorded %+v, want that the push of i1 is held for both texts", held)
			}
		})
	})

	t.Run("OK costs one read once where BigCommerce has no text either", func(t *testing.T) {
		in(t, func(t *testing.T) {
			s := newShop(t, simulator.Config{}, empties)
			s.save(item{id: "i1", sku: "A", stock: "1"})
			s.link("i1")
			s.run()
			s.idle()
			s.agree("i1")
			for range 3 {
				before := len(s.requests())
				s.save(item{id: "i1", sku: "A", stock: "2"})
				s.idle()
				if got := s.requests()[before:]; len(got) != 2 {
					t.Errorf("a push of a text that was empty before took %v, want the push alone", got)
				}
			}
			if got := s.sent("GET /catalog/products"); got != 1 {
				t.Errorf("%d reads of the twin, want 1, before the first push", got)
			}
		})
	})

	t.Run("OK holds the first push after a link", func(t *testing.T) {
		in(t, func(t *testing.T) {
			s := newShop(t, simulator.Config{}, empties)
			s.save(item{id: "i1", sku: "A", stock: "1"})
			s.link("i1")
			s.fill("i1", "<b>by hand</b>")
			s.run()
			s.idle()
			s.stand(projections.Held, "i1")
			if got := s.twin("i1").Description; got != "<b>by hand</b>" {
				t.Errorf("description %q, want the merchant's", got)
			}
		})
	})

	t.Run("OK a text in the POS ends the hold", func(t *testing.T) {
		in(t, func(t *testing.T) {
			s := described(t, empties)
			s.save(item{id: "i1", sku: "A", brand: "B"})
			s.idle()
			s.stand(projections.Held, "i1")
			s.count("i1", "9")
			s.idle()
			s.stand(projections.Held, "i1") // changed, and not for the better
			if got := len(recorded[*domain.PushHeld](s.log)); got != 1 {
				t.Errorf("held %d times, want once", got)
			}
			s.save(item{id: "i1", sku: "A", brand: "B", description: "<p>new</p>"})
			s.idle()
			s.stand(projections.Synced, "i1")
			s.agree("i1")
		})
	})

	t.Run("OK approved, the newest state is pushed", func(t *testing.T) {
		in(t, func(t *testing.T) {
			s := described(t, empties)
			s.save(item{id: "i1", sku: "A", name: "Renamed"})
			s.idle()
			s.count("i1", "7")
			s.idle()
			s.release(publish.Approved, "i1")
			s.idle()
			s.stand(projections.Synced, "i1")
			s.agree("i1")
			s.save(item{id: "i1", sku: "A", name: "Renamed again"})
			s.idle()
			s.agree("i1") // BigCommerce's text is empty now
		})
	})

	t.Run("OK discarded, BigCommerce stays until the product changes", func(t *testing.T) {
		in(t, func(t *testing.T) {
			s := described(t, empties)
			s.save(item{id: "i1", sku: "A", name: "Renamed"})
			s.idle()
			s.release(publish.Discarded, "i1")
			s.Wake("i1")
			s.idle()
			s.stand(projections.Discarded, "i1")
			if got := s.twin("i1"); got.Description != "<p>x</p>" || got.Name == "Renamed" {
				t.Errorf("BigCommerce has got %+v, want it as it was", got)
			}
			s.count("i1", "7")
			s.idle()
			s.stand(projections.Held, "i1")
			s.release(publish.Discarded, "i1")
			s.save(item{id: "i1", sku: "A", brand: "B", description: "<p>new</p>"})
			s.idle()
			s.stand(projections.Synced, "i1")
			s.agree("i1")
		})
	})

	t.Run("OK a restart keeps what is held", func(t *testing.T) {
		in(t, func(t *testing.T) {
			s := described(t, empties)
			s.save(item{id: "i1", sku: "A"}, item{id: "i2", sku: "B"})
			s.idle()
			_ = s.stop()
			before := len(s.requests())
			s.open()
			s.run()
			s.idle()
			s.stand(projections.Held, "i1", "i2")
			if got := s.requests()[before:]; len(got) != 0 {
				t.Errorf("a restart made the requests %v, want none", got)
			}
			_ = s.stop()
			s.open()
			s.release(publish.Approved, "i1") // nobody pushes now
			s.release(publish.Discarded, "i2")
			s.open()
			s.run()
			s.idle()
			s.stand(projections.Synced, "i1")
			s.stand(projections.Discarded, "i2")
			s.agree("i1")
			if got := s.twin("i2").Description; got != "<p>y</p>" {
				t.Errorf("description %q of i2, want the one from before", got)
			}
		})
	})

	t.Run("OK a guard that is taken away leaves what it held", func(t *testing.T) {
		in(t, func(t *testing.T) {
			s := described(t, empties)
			s.save(item{id: "i1", sku: "A"}, item{id: "i2", sku: "B"})
			s.idle()
			_ = s.stop()
			s.cfg.Guards = publish.Guards{}
			s.open()
			s.run()
			s.idle()
			s.stand(projections.Held, "i1", "i2")
			s.release(publish.Approved, "i1")
			s.count("i2", "9") // nobody has anything against that any more
			s.idle()
			s.stand(projections.Synced, "i1", "i2")
			s.agree("i1", "i2")
		})
	})

	t.Run("OK a push that is asked for says that it is held", func(t *testing.T) {
		in(t, func(t *testing.T) {
			s := described(t, empties)
			s.save(item{id: "i1", sku: "A"})
			s.idle()
			for _, change := range []bool{false, true} {
				if change {
					s.count("i1", "8")
				}
				got, err := s.Push(t.Context(), []domain.ProductID{"i1", "i2"})
				if err != nil {
					t.Fatal(err)
				}
				if got[0].Kind != publish.Held || got[0].Guard != domain.GuardEmpties || !strings.Contains(got[0].Reason, "tillstream approve") || got[1].Kind != publish.Confirmed {
					t.Errorf("outcomes %+v, want that i1 is held and what to do, and i2 confirmed", got)
				}
			}
			got, err := s.Approve(t.Context(), []domain.ProductID{"i2", "i1"})
			if err != nil || got[0].Kind != publish.Nothing || got[1].Kind != publish.Approved {
				t.Errorf("approved %+v, %v, want i1 alone", got, err)
			}
		})
	})

	t.Run("OK a push that nothing was due for is held, and pushed once approved", func(t *testing.T) {
		in(t, func(t *testing.T) {
			s := described(t, nil)
			s.save(item{id: "i1", sku: "A"})
			s.idle()
			_ = s.stop()
			forgetOffers(s)
			empties(&s.cfg)
			s.open()
			s.fill("i1", "<b>by hand</b>")
			s.run()
			pass(time.Second) // the same again is an event of its own at another time
			got, err := s.Push(t.Context(), []domain.ProductID{"i1"})
			if err != nil || got[0].Kind != publish.Held {
				t.Fatalf("outcome %+v, %v, want held", got, err)
			}
			s.release(publish.Approved, "i1")
			s.idle()
			s.stand(projections.Synced, "i1")
			s.agree("i1")
		})
	})

	t.Run("OK synced by hand, what is approved is pushed", func(t *testing.T) {
		in(t, func(t *testing.T) {
			s := described(t, empties)
			_ = s.stop()
			s.cfg.Manual = true
			s.open()
			s.run()
			s.save(item{id: "i1", sku: "A", stock: "1"})
			s.idle()
			s.stand(projections.Pending, "i1")
			if got, err := s.Push(t.Context(), []domain.ProductID{"i1"}); err != nil || got[0].Kind != publish.Held {
				t.Errorf("outcome %+v, %v, want held", got, err)
			}
			before := len(s.requests())
			s.count("i1", "2")
			s.idle()
			s.stand(projections.Held, "i1")
			if got := s.requests()[before:]; len(got) != 0 {
				t.Errorf("requests %v, want none that nobody asked for", got)
			}
			s.release(publish.Approved, "i1")
			s.idle()
			s.stand(projections.Synced, "i1")
			s.agree("i1")
		})
	})

	t.Run("OK unlinked, nothing is held", func(t *testing.T) {
		in(t, func(t *testing.T) {
			s := described(t, empties)
			s.save(item{id: "i1", sku: "A"})
			s.idle()
			twin := s.twin("i1")
			if err := s.Unlink(t.Context(), "i1", "test"); err != nil {
				t.Fatal(err)
			}
			s.stand(projections.Unlinked, "i1")
			if got := s.pubs.HeldPushes(store); len(got) != 0 {
				t.Errorf("held %+v, want nothing", got)
			}
			pass(time.Second) // the same again is an event of its own at another time
			if _, err := s.Link(t.Context(), "i1", twin.ID, false); err != nil {
				t.Fatal(err)
			}
			s.idle()
			s.stand(projections.Held, "i1") // looked at anew
		})
	})

	t.Run("OK a quarantine goes first", func(t *testing.T) {
		in(t, func(t *testing.T) {
			s := described(t, empties)
			s.save(item{id: "i1", sku: "A"})
			s.idle()
			s.quarantine("i1", true)
			s.release(publish.Approved, "i1")
			s.idle()
			s.stand(projections.Quarantined, "i1")
			if got := s.twin("i1").Description; got != "<p>x</p>" {
				t.Errorf("description %q while quarantined, want the one from before", got)
			}
			s.quarantine("i1", false)
			s.Wake("i1")
			s.idle()
			s.agree("i1")
		})
	})

	t.Run("OK what cannot be read waits, and the others go", func(t *testing.T) {
		in(t, func(t *testing.T) {
			s := described(t, empties)
			if err := s.sim.Fail(simulator.Fault{Match: "GET /catalog/products", Kind: simulator.Status, Status: 500, Count: 5}); err != nil {
				t.Fatal(err)
			}
			s.save(item{id: "i1", sku: "A"}, item{id: "i2", sku: "B", description: "<p>z</p>"})
			pass(time.Minute)
			s.agree("i2")
			if got := s.twin("i1").Description; got != "<p>x</p>" {
				t.Errorf("description %q though the twin could not be read, want the one from before", got)
			}
			pass(10 * time.Minute)
			s.idle()
			s.stand(projections.Held, "i1")
		})
	})

	t.Run("OK a text that goes while the push waits is held", func(t *testing.T) {
		in(t, func(t *testing.T) {
			s := described(t, empties)
			if err := s.sim.Fail(simulator.Fault{Match: "PUT /catalog/products", Kind: simulator.Status, Status: 503, Count: 1}); err != nil {
				t.Fatal(err)
			}
			s.save(item{id: "i1", sku: "A", brand: "B", description: "<p>newer</p>"})
			pass(time.Millisecond) // judged, and to be tried again
			s.save(item{id: "i1", sku: "A", brand: "B"})
			pass(10 * time.Minute)
			s.idle()
			s.stand(projections.Held, "i1")
			if got := s.twin("i1").Description; got == "" {
				t.Error("BigCommerce's description is empty, want the push held")
			}
		})
	})

	t.Run("OK a text that goes while it is on its way is held", func(t *testing.T) {
		in(t, func(t *testing.T) {
			s := newShop(t, simulator.Config{Latency: time.Second}, empties)
			s.save(item{id: "i1", sku: "A", brand: "B", stock: "1"})
			s.link("i1")
			s.run()
			s.idle()
			s.save(item{id: "i1", sku: "A", brand: "B", description: "<p>short-lived</p>"})
			pass(500 * time.Millisecond) // under way
			s.save(item{id: "i1", sku: "A", brand: "B"})
			pass(time.Minute)
			s.idle()
			s.stand(projections.Held, "i1")
			if got := s.twin("i1").Description; got != "<p>short-lived</p>" {
				t.Errorf("description %q, want the one that was taken", got)
			}
		})
	})

	t.Run("OK a text that BigCommerce took and nobody recorded is not emptied", func(t *testing.T) {
		in(t, func(t *testing.T) {
			s := newShop(t, simulator.Config{}, empties)
			s.save(item{id: "i1", sku: "A", brand: "B", stock: "1"})
			s.link("i1")
			s.run()
			s.idle()
			s.agree("i1")
			s.log.stop = func(events []domain.Envelope) bool { return events[0].Type == domain.TypePushConfirmed }
			s.save(item{id: "i1", sku: "A", brand: "B", description: "<p>unrecorded</p>"})
			pass(time.Second)
			if got := s.twin("i1").Description; got != "<p>unrecorded</p>" {
				t.Fatalf("description %q, want it taken", got)
			}
			_ = s.stop()
			s.log.stop = nil
			s.save(item{id: "i1", sku: "A", brand: "B"})
			s.open()
			s.run()
			s.idle()
			s.stand(projections.Held, "i1")
			if got := s.twin("i1").Description; got != "<p>unrecorded</p>" {
				t.Errorf("description %q, want the one that was taken", got)
			}
		})
	})

	t.Run("OK a product that is deleted with its twin empties nothing", func(t *testing.T) {
		in(t, func(t *testing.T) {
			s := described(t, func(c *publish.Config) { empties(c); c.Rules.OnDelete = domain.DeleteDeletes })
			twin := s.twin("i1").ID
			s.fold(&domain.ProductSaved{Item: "i1", Description: domain.Description{SKU: "A", Name: "n"}})
			s.delete("i1")
			s.idle()
			if _, exists := s.sim.Product(twin); exists {
				t.Error("the twin is still there, want it deleted")
			}
		})
	})
}

// forgetOffers turns the confirmations in the log into those of version 1.
func forgetOffers(s *shop) {
	s.t.Helper()
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	for i, rec := range s.log.events {
		event, err := rec.Event()
		if err != nil {
			s.t.Fatal(err)
		}
		if e, ok := event.(*domain.PushConfirmed); ok {
			e.Offer = nil
			if s.log.events[i].Data, err = domain.EncodeEvent(e); err != nil {
				s.t.Fatal(err)
			}
			s.log.events[i].Type = domain.TypePushConfirmedV1
		}
	}
}

// Without a guard nothing is read, held or recorded that was not before; with all
// of them and nothing to hold, neither.
func TestPublisher_guardsOff(t *testing.T) {
	in(t, func(t *testing.T) {
		day := func(change func(*publish.Config)) (requests []string, types []domain.Type) {
			s := newShop(t, simulator.Config{Quota: 150}, change)
			var items []item
			var ids []domain.ProductID
			for _, id := range []string{"i1", "i2", "i3", "i4", "i5", "i6", "i7", "i8", "i9"} {
				items = append(items, item{id: id, sku: "SKU-" + id, description: "<p>d</p>", brand: "B", stock: "2"})
				ids = append(ids, domain.ProductID(id))
			}
			s.save(items...)
			s.link(ids...)
			s.run()
			s.idle()
			for i := range items {
				items[i].price, items[i].stock = "11", "0"
			}
			// Saved while nobody pushes, so that the rounds do not depend on who is quicker.
			_ = s.stop()
			s.open()
			s.save(items...)
			s.run()
			s.idle()
			s.agree(ids...)
			_ = s.stop()
			for _, e := range s.log.events {
				types = append(types, e.Type)
			}
			slices.Sort(types)
			return s.requests(), types
		}
		off, offTypes := day(nil)
		on, onTypes := day(func(c *publish.Config) {
			c.Guards = publish.Guards{Empties: true, Breaker: publish.Breaker{Share: 0.2}}
		})
		if diff := cmp.Diff(off, on); diff != "" {
			t.Errorf("requests (-off +on):\n%s", diff)
		}
		if diff := cmp.Diff(offTypes, onTypes); diff != "" {
			t.Errorf("events (-off +on):\n%s", diff)
		}
	})
}
