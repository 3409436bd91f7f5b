package publish_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/bigcommerce"
	"github.com/tillstream/tillstream/handlers/bigcommerce/simulator"
	"github.com/tillstream/tillstream/handlers/publish"
)

// A passing failure of any kind ends with BigCommerce as the POS wants it, nothing
// refused, and few requests.
func TestPublisher_Run_passingFaults(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		fault   simulator.Fault
		within  time.Duration
		sending int // requests, at most
	}{
		{"OK 429 without headers", simulator.Fault{Kind: simulator.Status, Status: 429, Count: 2}, 10 * time.Second, 12},
		{"OK 429 with the quota spent", simulator.Fault{Kind: simulator.Status, Status: 429, Spent: true, Count: 1}, time.Minute, 12},
		{"OK 500", simulator.Fault{Kind: simulator.Status, Status: 500, Count: 2}, 10 * time.Second, 12},
		{"OK 503 for five minutes", simulator.Fault{Kind: simulator.Status, Status: 503, Until: time.Date(2000, 1, 1, 0, 5, 0, 0, time.UTC)}, 10 * time.Minute, 60},
		{"OK a gateway's page", simulator.Fault{Kind: simulator.HTML, Status: 502, Count: 1}, 5 * time.Minute, 12},
		{"OK 504", simulator.Fault{Kind: simulator.Status, Status: 504, Count: 1}, 5 * time.Minute, 12},
		{"OK connection closed before", simulator.Fault{Kind: simulator.CloseBeforeCommit, Count: 1}, 5 * time.Minute, 12},
		{"OK connection closed after", simulator.Fault{Kind: simulator.CloseAfterCommit, Count: 1}, 5 * time.Minute, 12},
		{"OK reply cut off", simulator.Fault{Kind: simulator.Truncate, Count: 1}, 5 * time.Minute, 12},
		{"OK slow", simulator.Fault{Kind: simulator.Slow, Delay: 15 * time.Second, Count: 2}, time.Minute, 12},
		{"OK no answer", simulator.Fault{Kind: simulator.Hang, Count: 1}, 5 * time.Minute, 12},
		{"OK partly saved", simulator.Fault{Match: "PUT /catalog/products", Kind: simulator.Partial, Count: 1}, 5 * time.Minute, 16},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in(t, func(t *testing.T) {
				s := newShop(t, simulator.Config{Quota: 150, Latency: 100 * time.Millisecond}, nil)
				ids := s.saveMany(12)
				s.save(item{id: "v1", product: "tee", sku: "T-S", options: size("S"), stock: "1"}, item{id: "v2", product: "tee", sku: "T-M", options: size("M"), stock: "2"})
				ids = append(ids, "tee")
				s.link(ids...)
				before := len(s.requests())
				if err := s.sim.Fail(tt.fault); err != nil {
					t.Fatal(err)
				}
				s.run()
				pass(tt.within)
				s.idle()
				s.agree(ids...)
				if got := recorded[*domain.PushRefused](s.log); len(got) != 0 {
					t.Errorf("refused: %+v", got[0])
				}
				if got := len(recorded[*domain.PushConfirmed](s.log)); got != len(ids) {
					t.Errorf("%d confirmed, want %d", got, len(ids))
				}
				if got := len(s.requests()) - before; got > tt.sending {
					t.Errorf("%d requests, want at most %d: %v", got, tt.sending, s.requests()[before:])
				}
				if got := s.Status(); got.Problem != "" || !got.NextTry.IsZero() {
					t.Errorf("problem %q, next try %s, want none", got.Problem, got.NextTry)
				}
			})
		})
	}
}

// saveMany records simple products p000, p001, … in stock.
func (s *shop) saveMany(n int) []domain.ProductID {
	ids := make([]domain.ProductID, n)
	for i := range ids {
		id := fmt.Sprintf("p%05d", i)
		ids[i] = domain.ProductID(id)
		s.save(item{id: id, sku: "SKU-" + id, stock: "5"})
	}
	return ids
}

func TestPublisher_Run_storeDown(t *testing.T) {
	t.Parallel()

	t.Run("OK says so and probes slowly", func(t *testing.T) {
		in(t, func(t *testing.T) {
			s := newShop(t, simulator.Config{}, nil)
			ids := s.saveMany(41)
			s.link(ids...)
			before := len(s.requests())
			s.sim.Down(true)
			s.run()
			pass(10 * time.Minute)
			if got := s.Status().Problem; !strings.HasPrefix(got, "BigCommerce answers 503") || !strings.HasSuffix(got, "41 products wait") {
				t.Errorf("problem %q, want the status and that 41 products wait", got)
			}
			if got := len(s.requests()) - before; got > 25 {
				t.Errorf("%d requests to a store that is down for ten minutes, want at most 25", got)
			}
			s.sim.Down(false)
			pass(6 * time.Minute)
			s.idle()
			s.agree(ids...)
			if got := len(recorded[*domain.PushRefused](s.log)); got != 0 {
				t.Errorf("%d products refused because the store was down, want none", got)
			}
		})
	})

	t.Run("Err who asks is not kept", func(t *testing.T) {
		in(t, func(t *testing.T) {
			s := newShop(t, simulator.Config{}, nil)
			ids := s.saveMany(2)
			s.link(ids[0])
			s.sim.Down(true)
			s.run()
			pass(2 * time.Minute) // tries are far apart by now
			for name, ask := range map[string]func() error{
				"LinkAuto": func() error { _, err := s.LinkAuto(t.Context(), true); return err },
				"Preview": func() (err error) {
					for _, err = range s.Preview(t.Context(), ids) {
					}
					return err
				},
			} {
				asked := time.Now()
				err := ask()
				if took := time.Since(asked); err == nil || took > 20*time.Second || !strings.Contains(err.Error(), "next try in") {
					t.Errorf("%s: error %v after %s, want the trouble at once", name, err, took)
				}
			}
		})
	})

	t.Run("Err hangs", func(t *testing.T) {
		in(t, func(t *testing.T) {
			s := newShop(t, simulator.Config{}, nil)
			ids := s.saveMany(1)
			s.link(ids...)
			s.run()
			s.idle()
			if err := s.sim.Fail(simulator.Fault{Kind: simulator.Hang}); err != nil {
				t.Fatal(err)
			}
			says := func(want string) {
				t.Helper()
				if got := s.Problem(); !strings.Contains(got, want) || !strings.Contains(got, "1 product waits") {
					t.Errorf("problem %q, want %q, and that 1 product waits", got, want)
				}
			}
			s.save(item{id: string(ids[0]), sku: "SKU-" + string(ids[0]), name: "Newer"})
			pass(6 * time.Second)
			says("BigCommerce has not answered a request since ")
			pass(20 * time.Second)
			says("context deadline exceeded) since ")
			says("being tried again now")

			asked := time.Now()
			err := error(nil)
			for _, err = range s.Preview(t.Context(), ids) {
			}
			if took := time.Since(asked); err == nil || took > 35*time.Second || !strings.Contains(err.Error(), "BigCommerce cannot be reached") {
				t.Errorf("Preview: error %v after %s, want the trouble within a try and the wait for it", err, took)
			}

			s.save(item{id: string(ids[0]), sku: "SKU-" + string(ids[0]), name: "Newest"})
			s.sim.Heal()
			pass(10 * time.Second)
			says(", next try in ")
			if _, err := s.Link(t.Context(), ids[0], 1000001, false); err != nil { // which asks BigCommerce
				t.Fatal(err)
			}
			pass(time.Second)
			says("what was sent went unanswered and may still take effect")
			pass(time.Minute)
			if got := s.Problem(); got != "" {
				t.Errorf("afterwards the problem is %q", got)
			}
			s.agree(ids...)
		})
	})

	for fault, want := range map[simulator.Kind]string{
		simulator.Truncate: "BigCommerce answers 200 with what cannot be read (",
		simulator.HTML:     "BigCommerce answers 503 Service Unavailable since ",
	} {
		t.Run("Err "+string(fault), func(t *testing.T) {
			in(t, func(t *testing.T) {
				s := newShop(t, simulator.Config{}, nil)
				s.link(s.saveMany(1)...)
				if err := s.sim.Fail(simulator.Fault{Kind: fault, Status: 503}); err != nil {
					t.Fatal(err)
				}
				s.run()
				pass(10 * time.Second)
				if got := s.Problem(); !strings.HasPrefix(got, want) {
					t.Errorf("problem %q, want %q", got, want)
				}
			})
		})
	}

	t.Run("Err token revoked", func(t *testing.T) {
		in(t, func(t *testing.T) {
			s := newShop(t, simulator.Config{}, nil)
			ids := s.saveMany(12)
			s.link(ids...)
			before := len(s.requests())
			s.sim.RevokeToken()
			s.run()
			pass(10 * time.Minute)
			if got := s.Problem(); !strings.Contains(got, "refuses the token (401") {
				t.Errorf("problem %q, want one about the token", got)
			}
			if got := len(s.requests()) - before; got > 25 {
				t.Errorf("%d requests with a revoked token in ten minutes, want at most 25", got)
			}
			s.sim.RestoreToken()
			pass(time.Minute)
			s.idle()
			s.agree(ids...)
		})
	})

	t.Run("Err a location that BigCommerce does not have", func(t *testing.T) {
		in(t, func(t *testing.T) {
			s := newShop(t, simulator.Config{}, func(c *publish.Config) {
				c.Rules.Locations = map[domain.OutletID]int64{"Quayside": 3}
			})
			ids := s.saveMany(12)
			s.link(ids...)
			before := len(s.requests())
			s.run()
			pass(time.Minute)
			if got := s.Problem(); !strings.Contains(got, "Location not found") || !strings.Contains(got, "outlets") {
				t.Errorf("problem %q, want one about the location", got)
			}
			if got := len(recorded[*domain.PushRefused](s.log)); got != 0 {
				t.Errorf("%d products refused for a setting, want none", got)
			}
			if got := len(s.requests()) - before; got > 30 {
				t.Errorf("%d requests in a minute, want at most 30", got)
			}
		})
	})
}

// When nothing waits any more for a store that is down, nobody asks whether it still is, and
// after a while nobody is told so.
func TestPublisher_Problem_nothingWaits(t *testing.T) {
	in(t, func(t *testing.T) {
		s := newShop(t, simulator.Config{}, func(c *publish.Config) { c.CreateAll = true })
		s.sim.Down(true)
		s.save(item{id: "bowl", sku: "CB-1"})
		s.run()
		pass(90 * time.Second)
		if got := s.Status(); !strings.HasSuffix(got.Problem, ", 1 product waits") || got.NextTry.IsZero() {
			t.Errorf("status %+v, want that a product waits", got)
		}
		s.delete("bowl")
		pass(3 * time.Minute)
		if got := s.Status(); !strings.HasPrefix(got.Problem, "BigCommerce answers 503") || !strings.HasSuffix(got.Problem, "; no push waits for it") || !got.NextTry.IsZero() {
			t.Errorf("status %+v, want what was wrong last, and that nothing waits", got)
		}
		before := len(s.requests())
		pass(10 * time.Minute)
		if got := s.Status(); got.Problem != "" || len(s.requests()) != before {
			t.Errorf("problem %q, %d requests, when nothing is to be asked", got.Problem, len(s.requests())-before)
		}
	})
}

// The status tells of a location that is not there as long as a product waits for it, also
// while that is tried again, and no longer.
func TestPublisher_Problem_location(t *testing.T) {
	in(t, func(t *testing.T) {
		s := newShop(t, simulator.Config{Latency: 2 * time.Second}, func(c *publish.Config) {
			c.Rules.Locations = map[domain.OutletID]int64{"Depot": 3}
		})
		s.save(item{id: "bowl", sku: "CB-1", stock: "4"})
		s.link("bowl")
		s.run()
		pass(10 * time.Second)
		for range 300 {
			pass(time.Second)
			if got := s.Problem(); !strings.Contains(got, "Location not found") {
				t.Fatalf("problem %q, want one about the location", got)
			}
		}
		if err := s.Unlink(t.Context(), "bowl", "not to be sold any more"); err != nil {
			t.Fatal(err)
		}
		pass(2 * time.Minute)
		if got := s.Problem(); got != "" {
			t.Errorf("problem %q, and nothing waits", got)
		}
	})
}

func TestPublisher_Run_refusals(t *testing.T) {
	t.Parallel()

	t.Run("Err a name that another product has holds up nobody else", func(t *testing.T) {
		in(t, func(t *testing.T) {
			s := newShop(t, simulator.Config{}, nil)
			ids := s.saveMany(10)
			s.link(ids...)
			if err := s.sim.Seed(simulator.NewProduct("Taken", "T", 1)); err != nil {
				t.Fatal(err)
			}
			s.save(item{id: string(ids[6]), sku: "SKU-" + string(ids[6]), name: "taken", stock: "5"})
			before := s.sent("PUT /catalog/products")
			s.run()
			s.idle()
			s.agree(append(ids[:6:6], ids[7:]...)...)
			refused := recorded[*domain.PushRefused](s.log)
			if len(refused) != 1 || refused[0].Product != ids[6] || refused[0].Status != 409 || refused[0].Field != "name" || refused[0].Reason == "" {
				t.Fatalf("refused %+v, want product %s with 409 and the field name", refused, ids[6])
			}
			// 10 | 5 5 | 2 3 of the bad half | 1 1 of a bad two, or 1 2 and 1 1 of a bad three
			if got := s.sent("PUT /catalog/products") - before; got > 9 {
				t.Errorf("finding one of ten took %d requests, want at most 9", got)
			}
			n := len(s.requests())
			s.Wake(ids[6])
			s.idle()
			if got := len(s.requests()) - n; got != 0 {
				t.Errorf("a refused product that did not change took %d requests, want none", got)
			}
			s.save(item{id: string(ids[6]), sku: "SKU-" + string(ids[6]), name: "Free", stock: "5"})
			s.idle()
			s.agree(ids...)
			if p := s.publication(ids[6]); p.Refused != nil {
				t.Errorf("still refused: %+v", p.Refused)
			}
		})
	})

	t.Run("Err deleted in BigCommerce", func(t *testing.T) {
		in(t, func(t *testing.T) {
			s := newShop(t, simulator.Config{}, nil)
			ids := s.saveMany(10)
			s.link(ids...)
			twin := s.publication(ids[3]).Link.BigCommerceID
			if err := s.sim.MerchantDelete(twin); err != nil {
				t.Fatal(err)
			}
			s.run()
			s.idle()
			s.agree(append(ids[:3:3], ids[4:]...)...)
			refused := recorded[*domain.PushRefused](s.log)
			if len(refused) != 1 || refused[0].Product != ids[3] || refused[0].Status != 404 || !strings.Contains(refused[0].Reason, fmt.Sprint(twin)) {
				t.Errorf("refused %+v, want product %s with 404 naming %d", refused, ids[3], twin)
			}
		})
	})

	t.Run("Err saved only in part, again and again", func(t *testing.T) {
		in(t, func(t *testing.T) {
			s := newShop(t, simulator.Config{}, nil)
			ids := s.saveMany(1)
			s.link(ids...)
			if err := s.sim.Fail(simulator.Fault{Match: "PUT /catalog/products", Kind: simulator.Partial}); err != nil {
				t.Fatal(err)
			}
			s.run()
			pass(10 * time.Minute)
			refused := recorded[*domain.PushRefused](s.log)
			if len(refused) != 1 || refused[0].Status != 207 {
				t.Errorf("refused %+v, want one with 207", refused)
			}
		})
	})

	t.Run("Err never sent", func(t *testing.T) {
		in(t, func(t *testing.T) {
			s := newShop(t, simulator.Config{}, nil)
			s.save(item{id: "long", sku: "A"}, item{id: "good", sku: "B"})
			s.link("long", "good")
			s.save(item{id: "long", sku: "A", name: strings.Repeat("x", 251)})
			s.run()
			s.idle()
			refused := recorded[*domain.PushRefused](s.log)
			if len(refused) != 1 || refused[0].Status != 0 || refused[0].Field != "name" || !strings.Contains(refused[0].Reason, "251") {
				t.Errorf("refused %+v, want the long name, not sent", refused)
			}
			s.agree("good")
		})
	})

	t.Run("OK a push by hand tries a refused product again", func(t *testing.T) {
		in(t, func(t *testing.T) {
			s := newShop(t, simulator.Config{}, nil)
			s.save(item{id: "i1", sku: "A", name: "Taken"})
			s.link("i1")
			if err := s.sim.Seed(simulator.NewProduct("Taken", "T", 1)); err != nil {
				t.Fatal(err)
			}
			s.run()
			s.idle()
			got, err := s.Push(t.Context(), []domain.ProductID{"i1"})
			if err != nil || got[0].Kind != publish.Refused {
				t.Fatalf("outcome %+v, %v, want refused again", got, err)
			}
			other, _ := s.sim.ProductBySKU("T")
			if err := s.sim.MerchantDelete(other.ID); err != nil {
				t.Fatal(err)
			}
			if got, err = s.Push(t.Context(), []domain.ProductID{"i1"}); err != nil || got[0].Kind != publish.Confirmed {
				t.Fatalf("outcome %+v, %v, want confirmed", got, err)
			}
			s.agree("i1")
		})
	})
}

// A request without an answer may still take effect. Until it cannot, the product
// gets the same state or none.
func TestPublisher_Run_neverAnOlderState(t *testing.T) {
	in(t, func(t *testing.T) {
		s := newShop(t, simulator.Config{}, nil)
		s.save(item{id: "i1", sku: "A", name: "First", stock: "1"})
		s.link("i1")
		if err := s.sim.Fail(simulator.Fault{Match: "PUT /catalog/products", Kind: simulator.Hang, Count: 1}); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		s.run()
		pass(bigcommerce.DefaultTimeout / 2)
		s.save(item{id: "i1", sku: "A", name: "Second", stock: "2"})
		pass(10 * time.Minute)
		s.idle()
		s.agree("i1")
		for _, r := range s.sim.Requests() {
			var body []struct{ Name string }
			if r.Path != "/catalog/products" || json.Unmarshal(r.Body, &body) != nil {
				continue
			}
			if at := r.At.Sub(start); body[0].Name == "Second" && at < bigcommerce.DefaultTimeout+publish.DefaultQuiet {
				t.Errorf("a newer state was sent %s after the start, want it after %s", at, bigcommerce.DefaultTimeout+publish.DefaultQuiet)
			}
		}
	})
}

// No two requests with one product are in flight together, and nothing else is
// while stock is.
func TestPublisher_Run_oneAtATime(t *testing.T) {
	in(t, func(t *testing.T) {
		s := newShop(t, simulator.Config{Latency: 100 * time.Millisecond, ConcurrencyLimit: 5}, nil)
		var ids []domain.ProductID
		for p := range 30 {
			id := fmt.Sprintf("f%02d", p)
			ids = append(ids, domain.ProductID(id))
			for v := range 7 {
				s.save(item{id: fmt.Sprintf("%s-%d", id, v), product: id, sku: fmt.Sprintf("%s-%d", id, v), options: size(fmt.Sprint(v)), stock: "3"})
			}
		}
		s.link(ids...)
		n := len(s.sim.Requests())
		s.run()
		s.idle()
		s.agree(ids...)
		type span struct {
			start, end time.Time
			stock      bool
			products   map[int64]bool
		}
		var spans []span
		for _, r := range s.sim.Requests()[n:] {
			if r.Actor != "api" {
				continue
			}
			sp := span{r.At, r.At.Add(100 * time.Millisecond), strings.HasPrefix(r.Path, "/inventory"), map[int64]bool{}}
			for _, e := range r.Effects {
				sp.products[e.Product] = true
			}
			for _, other := range spans {
				if !other.end.After(sp.start) || !sp.end.After(other.start) {
					continue
				}
				if other.stock || sp.stock {
					t.Errorf("a stock request overlaps another one at %s", sp.start)
				}
				for id := range sp.products {
					if other.products[id] {
						t.Errorf("product %d is in two requests at %s", id, sp.start)
					}
				}
			}
			spans = append(spans, sp)
		}
		// 30 products, 210 variants, 210 levels.
		if got, want := len(spans), publish.Bound(30, 210, 210); got != want {
			t.Errorf("%d requests, want %d", got, want)
		}
	})
}
