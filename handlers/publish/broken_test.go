package publish_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/bigcommerce/simulator"
	"github.com/tillstream/tillstream/handlers/publish"
	"github.com/tillstream/tillstream/projections"
)

// vanish deletes the twins of some products in BigCommerce, and returns their ids.
func (s *shop) vanish(ids ...domain.ProductID) (twins []int64) {
	s.t.Helper()
	for _, id := range ids {
		twin := s.publication(id).Link.BigCommerceID
		if err := s.sim.MerchantDelete(twin); err != nil {
			s.t.Fatal(err)
		}
		twins = append(twins, twin)
	}
	return twins
}

// state is where a product stands.
func (s *shop) state(id domain.ProductID) projections.State {
	s.t.Helper()
	sum, _ := s.catalog.Summary(store, id)
	return projections.StateOf(sum.Due, s.publication(id), s.pubs.Quarantined(store, sum.Items...))
}

func missing(m publish.OnMissing) func(*publish.Config) {
	return func(c *publish.Config) { c.OnMissing = m }
}

// A twin that is gone is found out with one read, whatever else is in its batch; its
// link is marked, and nothing is sent for it until somebody decides.
func TestPublisher_Run_brokenReported(t *testing.T) {
	t.Parallel()
	for _, gone := range [][]int{{0}, {3}, {2, 7}, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9}} {
		t.Run(fmt.Sprintf("Err %d of ten", len(gone)), func(t *testing.T) {
			in(t, func(t *testing.T) {
				s := newShop(t, simulator.Config{}, nil)
				ids := s.saveMany(10)
				s.link(ids...)
				var lost, there []domain.ProductID
				for i, id := range ids {
					if slices.Contains(gone, i) {
						lost = append(lost, id)
					} else {
						there = append(there, id)
					}
				}
				twins := s.vanish(lost...)
				before := len(s.requests())
				s.run()
				s.idle()
				s.agree(there...)
				refused := recorded[*domain.PushRefused](s.log)
				if len(refused) != len(lost) {
					t.Fatalf("%d refused, want %d: %+v", len(refused), len(lost), refused)
				}
				for i, id := range lost {
					if got := s.state(id); got != projections.Broken || !strings.Contains(s.publication(id).Refused.Reason, fmt.Sprintf("no product %d any more", twins[i])) {
						t.Errorf("%s is %s because %+v, want it broken and %d named", id, got, s.publication(id).Refused, twins[i])
					}
				}
				// The update, the read, the update of the others, their stock.
				if got := len(s.requests()) - before; got > 4 {
					t.Errorf("%d requests, want at most 4: %v", got, s.requests()[before:])
				}

				before = len(s.requests())
				for _, id := range lost {
					s.count(string(id), "9")
				}
				s.idle()
				if got := len(s.requests()) - before; got != 0 {
					t.Errorf("%d requests for products whose twins are gone, want none", got)
				}
				_ = s.stop()
				s.open()
				s.run()
				s.idle()
				if got := s.state(lost[0]); got != projections.Broken {
					t.Errorf("after a restart it is %s, want broken", got)
				}
				if got := len(s.requests()) - before; got != 0 {
					t.Errorf("%d requests after a restart, want none", got)
				}
			})
		})
	}

	t.Run("Err a family", func(t *testing.T) {
		in(t, func(t *testing.T) {
			s := newShop(t, simulator.Config{}, nil)
			s.save(tee("s", "T-S", "S"), tee("m", "T-M", "M"))
			s.link("tee")
			s.vanish("tee")
			s.save(tee("l", "T-L", "L")) // which it is read for
			s.run()
			s.idle()
			if got := s.state("tee"); got != projections.Broken {
				t.Errorf("it is %s, want broken", got)
			}
		})
	})

	t.Run("OK what is deleted in the POS too is let go", func(t *testing.T) {
		in(t, func(t *testing.T) {
			s := newShop(t, simulator.Config{}, nil)
			s.save(item{id: "i1", sku: "A", stock: "1"}, item{id: "i2", sku: "B", stock: "1"})
			s.link("i1", "i2")
			s.vanish("i1", "i2")
			s.run()
			s.delete("i1")
			s.idle()
			s.delete("i2") // after its link was marked
			s.idle()
			for _, id := range []domain.ProductID{"i1", "i2"} {
				if got := s.publication(id); got.Link != nil || got.Refused != nil {
					t.Errorf("%s: link %+v, refused %+v, want neither", id, got.Link, got.Refused)
				}
			}
		})
	})

	t.Run("OK commands mend it", func(t *testing.T) {
		in(t, func(t *testing.T) {
			s := newShop(t, simulator.Config{}, nil)
			ids := s.saveMany(4)
			s.link(ids...)
			twins := s.vanish(ids...)
			s.run()
			s.idle()
			// A push tries once more.
			got, err := s.Push(t.Context(), ids[:1])
			if err != nil || got[0].Kind != publish.Refused || got[0].Status != 404 {
				t.Errorf("push: %+v, %v, want it refused with 404", got, err)
			}
			if got, err = s.Create(t.Context(), ids[1:2]); err != nil || got[0].Kind != publish.Confirmed || got[0].BigCommerceID == twins[1] {
				t.Errorf("publish: %+v, %v, want it confirmed by a new product", got, err)
			}
			other := s.seed("sku-" + string(ids[2]))
			if r, err := s.LinkAuto(t.Context(), false); err != nil || len(r.Linked) != 1 || r.Linked[0].Product != ids[2] || r.Already != 1 {
				t.Errorf("link --auto: %+v, %v, want %s linked and one already", r, err, ids[2])
			}
			by := s.seed("BY-HAND")
			if _, err := s.Link(t.Context(), ids[3], by[0], false); err != nil {
				t.Error(err)
			}
			s.idle()
			s.agree(ids[1:]...)
			if got := s.twin(ids[2]).ID; got != other[0] {
				t.Errorf("linked to %d, want %d", got, other[0])
			}
			if got := s.state(ids[0]); got != projections.Broken {
				t.Errorf("the one nobody decided about is %s, want broken", got)
			}
		})
	})

	// Where even a list is not found, it is the store that is not there.
	t.Run("OK a 404 that is about the store", func(t *testing.T) {
		in(t, func(t *testing.T) {
			s := newShop(t, simulator.Config{}, missing(publish.MissingRecreates))
			ids := s.saveMany(12)
			s.link(ids...)
			before := len(s.requests())
			if err := s.sim.Fail(simulator.Fault{Kind: simulator.HTML, Status: 404}); err != nil {
				t.Fatal(err)
			}
			s.run()
			pass(10 * time.Minute)
			if got := len(s.requests()) - before; got > 60 {
				t.Errorf("%d requests to a store that is not there in ten minutes, want at most 60", got)
			}
			if got := s.Problem(); !strings.Contains(got, "store hash") {
				t.Errorf("problem %q, want one about the store hash", got)
			}
			s.sim.Heal()
			pass(10 * time.Minute)
			s.agree(ids...)
			if got := recorded[*domain.PushRefused](s.log); len(got) != 0 {
				t.Errorf("refused: %+v", got[0])
			}
		})
	})
}

func TestPublisher_Run_brokenRelinked(t *testing.T) {
	t.Parallel()

	t.Run("OK the one free twin with its SKU", func(t *testing.T) {
		in(t, func(t *testing.T) {
			s := newShop(t, simulator.Config{}, missing(publish.MissingRelinks))
			s.save(item{id: "bowl", sku: "CB-1", stock: "4"}, tee("s", "T-S", "S"), tee("m", "T-M", "M"), item{id: "cup", sku: "CUP", stock: "1"})
			s.link("bowl", "tee", "cup")
			s.vanish("bowl", "tee")
			ids := s.seed("cb-1", "Tee: t-m=M, T-S=S")
			s.run()
			s.idle()
			s.agree("bowl", "tee", "cup")
			if s.twin("bowl").ID != ids[0] || s.twin("tee").ID != ids[1] {
				t.Errorf("linked to %d and %d, want %v", s.twin("bowl").ID, s.twin("tee").ID, ids)
			}
			if got := recorded[*domain.PushRefused](s.log); len(got) != 0 {
				t.Errorf("refused: %+v", got[0])
			}
		})
	})

	t.Run("Err none, or not free, or several", func(t *testing.T) {
		in(t, func(t *testing.T) {
			s := newShop(t, simulator.Config{}, missing(publish.MissingRelinks))
			s.save(item{id: "none", sku: "NONE"}, item{id: "taken", sku: "TAKEN"}, item{id: "other", sku: "OTHER"},
				item{id: "x1", product: "spread", sku: "X-1", options: size("S")}, item{id: "x2", product: "spread", sku: "X-2", options: size("M")})
			s.link("none", "taken", "other", "spread")
			s.run()
			s.idle()
			s.vanish("none", "taken", "spread")
			s.save(item{id: "other", sku: "taken"}) // which is not forbidden in the POS
			s.idle()
			s.seed("A: X-1=S", "B: X-2=S")
			s.count("none", "1")
			s.count("taken", "1")
			s.count("x1", "1")
			s.idle()
			for id, want := range map[domain.ProductID]string{"none": "none with its SKU", "taken": "linked to product other", "spread": "spread over"} {
				if got := s.state(id); got != projections.Broken || !strings.Contains(s.publication(id).Refused.Reason, want) {
					t.Errorf("%s is %s because %+v, want it broken with %q", id, got, s.publication(id).Refused, want)
				}
			}
			if got := s.sent("POST /catalog/products"); got != 0 {
				t.Errorf("%d products created, want none", got)
			}

			// It is looked for again when it changes.
			s.seed("NONE")
			s.count("none", "3")
			s.idle()
			s.agree("none")
		})
	})

	t.Run("OK a setting that is new", func(t *testing.T) {
		in(t, func(t *testing.T) {
			s := newShop(t, simulator.Config{}, nil)
			s.save(item{id: "bowl", sku: "CB-1", stock: "4"})
			s.link("bowl")
			s.vanish("bowl")
			s.run()
			s.idle()
			s.seed("CB-1")
			_ = s.stop()
			s.cfg.OnMissing = publish.MissingRelinks
			s.open()
			s.run()
			s.idle()
			s.agree("bowl")
		})
	})
}

func TestPublisher_Run_brokenRecreated(t *testing.T) {
	t.Parallel()

	t.Run("OK relinked, or else created anew", func(t *testing.T) {
		in(t, func(t *testing.T) {
			s := newShop(t, simulator.Config{}, missing(publish.MissingRecreates))
			ids := s.saveMany(12)
			s.save(tee("s", "T-S", "S"), tee("m", "T-M", "M"))
			s.link(append(ids, "tee")...)
			s.vanish(append(ids[:5:5], "tee")...)
			again := s.seed("sku-" + string(ids[0]))
			s.run()
			s.idle()
			s.agree(append(ids, "tee")...)
			if got := s.twin(ids[0]).ID; got != again[0] {
				t.Errorf("linked to %d, want %d", got, again[0])
			}
			if got := len(s.sim.Products()); got != 13 {
				t.Errorf("%d products in BigCommerce, want 13", got)
			}
			if got := s.sent("POST /catalog/products"); got != 5 {
				t.Errorf("%d created, want 5", got)
			}
			if got, err := s.Push(t.Context(), ids); err != nil || got[3].Kind != publish.Confirmed {
				t.Errorf("push: %+v, %v, want all confirmed", got, err)
			}
		})
	})

	t.Run("Err a name that is taken leaves it broken", func(t *testing.T) {
		in(t, func(t *testing.T) {
			s := newShop(t, simulator.Config{}, missing(publish.MissingRecreates))
			s.save(item{id: "bowl", sku: "CB-1", stock: "4"})
			s.link("bowl")
			s.vanish("bowl")
			if err := s.sim.Seed(simulator.NewProduct("Product bowl", "OTHER", 1)); err != nil {
				t.Fatal(err)
			}
			s.run()
			s.idle()
			if got := s.publication("bowl"); s.state("bowl") != projections.Broken || !strings.Contains(got.Refused.Reason, `"OTHER"`) {
				t.Errorf("it is %s because %+v, want it broken, and the other product named", s.state("bowl"), got.Refused)
			}
			s.save(item{id: "bowl", sku: "CB-1", name: "Bowl", stock: "4"})
			pass(publish.DefaultQuiet + time.Second)
			s.idle()
			s.agree("bowl")
		})
	})

	for _, kind := range []simulator.Kind{simulator.CloseBeforeCommit, simulator.CloseAfterCommit, simulator.Truncate, simulator.Hang} {
		t.Run("OK never two, "+string(kind), func(t *testing.T) {
			in(t, func(t *testing.T) {
				s := newShop(t, simulator.Config{}, missing(publish.MissingRecreates))
				s.save(item{id: "bowl", sku: "CB-1", stock: "4"}, tee("s", "T-S", "S"), tee("m", "T-M", "M"))
				s.link("bowl", "tee")
				s.vanish("bowl", "tee")
				if err := s.sim.Fail(simulator.Fault{Match: "POST /catalog/products", Kind: kind, Count: 2}); err != nil {
					t.Fatal(err)
				}
				s.run()
				pass(10 * time.Minute)
				s.idle()
				s.agree("bowl", "tee")
				if n := len(s.sim.Products()); n != 2 {
					t.Errorf("%d products in BigCommerce, want 2", n)
				}
			})
		})
	}

	for what, stop := range map[string]domain.Type{"before it is asked for": domain.TypeProductCreating, "before the link is recorded": domain.TypeProductLinked} {
		t.Run("OK never two, a crash "+what, func(t *testing.T) {
			in(t, func(t *testing.T) {
				s := newShop(t, simulator.Config{}, missing(publish.MissingRecreates))
				s.save(item{id: "bowl", sku: "CB-1", stock: "4"}, tee("s", "T-S", "S"), tee("m", "T-M", "M"))
				s.link("bowl", "tee")
				s.vanish("bowl", "tee")
				s.log.stop = func(events []domain.Envelope) bool { return events[0].Type == stop }
				s.run()
				pass(time.Second)
				_ = s.stop()
				s.log.stop = nil
				s.save(item{id: "bowl", sku: "NEW", name: "New name", stock: "5"})
				s.open()
				s.run()
				pass(10 * time.Minute)
				s.agree("bowl", "tee")
				if n := len(s.sim.Products()); n != 2 {
					t.Errorf("%d products in BigCommerce, want 2", n)
				}
			})
		})
	}
}

// A variant that is gone is made again, or another one with its options is taken.
func TestPublisher_Run_variantGone(t *testing.T) {
	t.Parallel()
	small, medium, large := tee("s", "T-S", "S"), tee("m", "T-M", "M"), tee("l", "T-L", "L")
	for name, edit := range map[string]func(*simulator.Product){
		"OK deleted":              func(p *simulator.Product) { p.Variants = p.Variants[:2] },
		"OK two deleted":          func(p *simulator.Product) { p.Variants = p.Variants[:1] },
		"OK deleted with a value": func(p *simulator.Product) { p.Variants, p.Options[0].Values = p.Variants[:2], p.Options[0].Values[:2] },
		"OK made anew by hand": func(p *simulator.Product) {
			p.Variants[2].ID, p.Variants[2].SKUID = 0, nil
		},
		"OK made anew by hand under another SKU": func(p *simulator.Product) {
			p.Variants[2].ID, p.Variants[2].SKUID, p.Variants[2].SKU = 0, nil, "OWN"
		},
	} {
		t.Run(name, func(t *testing.T) {
			in(t, func(t *testing.T) {
				s := newShop(t, simulator.Config{}, nil)
				others := s.saveMany(3)
				s.save(small, medium, large)
				s.link(append(others, "tee")...)
				s.run()
				s.idle()
				s.editTwin(edit)
				s.save(small)
				s.count(string(others[1]), "8")
				s.idle()
				s.agree(append(others, "tee")...)
				if got := recorded[*domain.PushRefused](s.log); len(got) != 0 {
					t.Errorf("refused: %+v", got[0])
				}
			})
		})
	}
}
