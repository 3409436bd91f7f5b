package publish_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/bigcommerce/simulator"
	"github.com/tillstream/tillstream/handlers/publish"
	"github.com/tillstream/tillstream/projections"
)

// breaker trips when more than 10 of 50 products change in 10 minutes.
func breaker(c *publish.Config) {
	c.Guards.Breaker = publish.Breaker{Share: 0.2, Window: 10 * time.Minute, Price: 0.5, Least: 5}
}

// fifty are products in stock at 10, linked and pushed.
func fifty(t *testing.T, change func(*publish.Config)) (*shop, []item) {
	t.Helper()
	s := newShop(t, simulator.Config{}, change)
	items := make([]item, 50)
	ids := make([]domain.ProductID, len(items))
	for i := range items {
		id := fmt.Sprintf("p%02d", i)
		items[i], ids[i] = item{id: id, sku: "SKU-" + id, price: "10", stock: "5"}, domain.ProductID(id)
	}
	s.save(items...)
	s.link(ids...)
	s.run()
	s.idle()
	s.agree(ids...)
	pass(time.Hour)
	return s, items
}

// each saves some of the items as change makes them, and returns their products. The
// publisher, if it runs, is told of all of them at once.
func (s *shop) each(items []item, change func(*item)) []domain.ProductID {
	s.t.Helper()
	if s.stop() != nil {
		defer s.run()
	}
	ids := make([]domain.ProductID, len(items))
	for i := range items {
		change(&items[i])
		ids[i] = domain.ProductID(items[i].id)
	}
	s.save(items...)
	return ids
}

func hide(it *item)     { it.hidden = true }
func sellOut(it *item)  { it.stock = "0" }
func decimate(it *item) { it.price = "1" }
func raise(it *item)    { it.price, it.stock = "14.9", "1" }

func TestPublisher_breaker(t *testing.T) {
	t.Parallel()

	for name, change := range map[string]func(*item){
		"hidden": hide, "sold out": sellOut, "repriced": decimate,
		"in turn": func(it *item) { []func(*item){hide, sellOut, decimate}[it.id[2]%3](it) },
	} {
		t.Run("OK holds a mass change, and that alone: "+name, func(t *testing.T) {
			in(t, func(t *testing.T) {
				s, items := fifty(t, breaker)
				twins := s.sim.Products()
				before := len(s.requests())
				ordinary := s.each(items[20:], raise)
				s.idle()
				changed := s.each(items[:11], change)
				s.idle()
				s.stand(projections.Synced, ordinary...)
				s.agree(ordinary...)
				s.stand(projections.Held, changed...)
				for i := range changed {
					if got := s.twin(changed[i]); got.IsVisible != twins[i].IsVisible || got.Price != twins[i].Price || s.sim.Stock(1, got.ID, 0) != 5 {
						t.Errorf("BigCommerce has got %+v, want it as it was", got)
					}
				}
				if got := s.requests()[before:]; len(got) != 4 {
					t.Errorf("requests %v, want those of 30 ordinary pushes, 3 and 1", got)
				}
				alarm := projections.Alarm(s.pubs.HeldPushes(store))
				if !strings.Contains(alarm, "holds 11 products back") || !strings.Contains(alarm, "as one of 11 of 50 linked products with such a change within 10m0s") {
					t.Errorf("alarm %q, want how many of how many", alarm)
				}
			})
		})
	}

	t.Run("OK ordinary days", func(t *testing.T) {
		in(t, func(t *testing.T) {
			s, items := fifty(t, breaker)
			for hour := range 5 { // all of them sold out in the end, never too many at once
				ids := s.each(items[10*hour:10*hour+10], sellOut)
				s.idle()
				s.stand(projections.Synced, ids...)
				s.agree(ids...)
				pass(time.Hour)
			}
			all := s.each(items, raise)
			s.idle()
			s.stand(projections.Synced, all...)
			s.agree(all...)
		})
	})

	t.Run("OK few products are fewer than the least", func(t *testing.T) {
		in(t, func(t *testing.T) {
			s, items := fifty(t, func(c *publish.Config) { breaker(c); c.Guards.Breaker.Least = 12 })
			ids := s.each(items[:11], hide)
			s.idle()
			s.stand(projections.Synced, ids...)
			ids = s.each(items[11:12], hide)
			s.idle()
			s.stand(projections.Held, ids...)
		})
	})

	t.Run("OK one after the other, at most the share gets through", func(t *testing.T) {
		in(t, func(t *testing.T) {
			s, items := fifty(t, breaker)
			var ids []domain.ProductID
			for i := range items {
				ids = append(ids, s.each(items[i:i+1], sellOut)...)
				s.idle()
				pass(10 * time.Second)
			}
			s.stand(projections.Synced, ids[:10]...)
			s.stand(projections.Held, ids[10:]...)
			if got := recorded[*domain.PushHeld](s.log); len(got) != 40 || !strings.Contains(got[0].Reason, "it would go out of stock, as one of 11 of 50 ") {
				t.Errorf("%d pushes held, the first %+v, want 40, the first as one of 11", len(got), got[0])
			}
		})
	})

	t.Run("OK after the window it is over for the others", func(t *testing.T) {
		in(t, func(t *testing.T) {
			s, items := fifty(t, breaker)
			changed := s.each(items[:11], sellOut)
			s.idle()
			pass(10*time.Minute - time.Second)
			late := s.each(items[11:12], sellOut)
			s.idle()
			s.stand(projections.Held, late...)
			pass(10 * time.Minute)
			later := s.each(items[12:13], sellOut)
			s.idle()
			s.stand(projections.Synced, later...)
			s.agree(later...)
			for i := range 11 { // which are held, and stay so whatever the time
				items[i].name = "Renamed"
			}
			s.save(items[:11]...)
			s.idle()
			s.stand(projections.Held, changed...)
		})
	})

	t.Run("OK approved, they are pushed and count no more", func(t *testing.T) {
		in(t, func(t *testing.T) {
			s, items := fifty(t, breaker)
			changed := s.each(items[:11], hide)
			s.idle()
			s.release(publish.Approved, changed...)
			s.idle()
			s.stand(projections.Synced, changed...)
			s.agree(changed...)
			more := s.each(items[11:21], hide)
			s.idle()
			s.stand(projections.Synced, more...)
			if got := projections.Alarm(s.pubs.HeldPushes(store)); got != "" {
				t.Errorf("alarm %q, want none", got)
			}
		})
	})

	t.Run("OK discarded, the next change is looked at by itself", func(t *testing.T) {
		in(t, func(t *testing.T) {
			s, items := fifty(t, breaker)
			changed := s.each(items[:11], hide)
			s.idle()
			s.release(publish.Discarded, changed...)
			pass(time.Hour)
			s.stand(projections.Discarded, changed...)
			s.count("p00", "3")
			s.idle()
			s.agree("p00")
			s.stand(projections.Discarded, changed[1:]...)
			if !s.twin("p01").IsVisible {
				t.Error("p01 is hidden, want what was discarded left out")
			}
		})
	})

	t.Run("OK put right in the POS, they are pushed by themselves", func(t *testing.T) {
		in(t, func(t *testing.T) {
			s, items := fifty(t, breaker)
			changed := s.each(items[:30], decimate)
			s.idle()
			s.stand(projections.Held, changed...)
			s.each(items[:30], func(it *item) { it.price = "11" })
			s.idle()
			s.stand(projections.Synced, changed...)
			s.agree(changed...)
		})
	})

	t.Run("OK a restart within the window changes nothing", func(t *testing.T) {
		in(t, func(t *testing.T) {
			s, items := fifty(t, breaker)
			changed := s.each(items[:11], sellOut)
			s.idle()
			_ = s.stop()
			before := len(s.requests())
			s.open()
			s.run()
			s.idle()
			s.stand(projections.Held, changed...)
			late := s.each(items[11:12], sellOut)
			s.idle()
			s.stand(projections.Held, late...)
			if got := s.requests()[before:]; len(got) != 0 {
				t.Errorf("requests %v, want none", got)
			}
		})
	})

	t.Run("OK due at a restart, it is held all the same", func(t *testing.T) {
		in(t, func(t *testing.T) {
			s, items := fifty(t, breaker)
			_ = s.stop()
			changed := s.each(items[:11], sellOut)
			s.open()
			s.run()
			s.idle()
			s.stand(projections.Held, changed...)
		})
	})

	t.Run("OK what BigCommerce was told is not known", func(t *testing.T) {
		in(t, func(t *testing.T) {
			s, items := fifty(t, breaker)
			_ = s.stop()
			forgetOffers(s)
			s.open()
			s.run()
			changed := s.each(items[:11], sellOut)
			s.idle()
			s.stand(projections.Synced, changed...)
			s.agree(changed...)
		})
	})

	t.Run("OK a deletion counts as hidden", func(t *testing.T) {
		in(t, func(t *testing.T) {
			s, items := fifty(t, func(c *publish.Config) { breaker(c); c.Rules.OnDelete = domain.DeleteDeletes })
			var ids []domain.ProductID
			for _, it := range items[:11] {
				ids = append(ids, s.fold(&domain.ProductDeleted{Item: domain.ItemID(it.id)})...)
			}
			for _, id := range ids {
				s.Wake(id)
			}
			s.idle()
			s.stand(projections.Held, ids...)
			if got := len(s.sim.Products()); got != 50 {
				t.Errorf("%d products are left in BigCommerce, want all 50", got)
			}
			s.release(publish.Approved, ids...)
			s.idle()
			if got := len(s.sim.Products()); got != 39 {
				t.Errorf("%d products are left in BigCommerce, want 39", got)
			}
		})
	})

	t.Run("OK both guards", func(t *testing.T) {
		in(t, func(t *testing.T) {
			s, items := fifty(t, func(c *publish.Config) { breaker(c); empties(c) })
			s.each(items, func(it *item) { it.description = "<p>d</p>" })
			s.idle()
			changed := s.each(items[:11], func(it *item) { it.hidden, it.description = true, "" })
			one := s.each(items[20:21], func(it *item) { it.description = "" })
			s.idle()
			for _, h := range s.pubs.HeldPushes(store) {
				want := domain.GuardBreaker
				if h.Product == one[0] {
					want = domain.GuardEmpties
				}
				if h.Guard != want {
					t.Errorf("%s is held by %s, want by %s", h.Product, h.Guard, want)
				}
			}
			s.stand(projections.Held, append(changed, one...)...)
			s.release(publish.Approved, changed...)
			s.idle()
			s.agree(changed...) // the other guard has no say either
		})
	})
}
