package publish_test

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/bigcommerce/simulator"
	"github.com/tillstream/tillstream/handlers/publish"
)

// Items that move between products take their SKUs with them, which BigCommerce wants
// once; whichever of the products is pushed first.
func TestPublisher_Run_moved(t *testing.T) {
	t.Parallel()
	cap := func(id, sku, value string) item {
		return item{id: id, product: "cap", name: "Cap", sku: sku, options: size(value), stock: "7"}
	}
	tests := []struct {
		name   string
		change func(*shop) // tee has items s and m, cap has c, bowl is b alone
		ids    []domain.ProductID
	}{
		{"OK from one family to another", func(s *shop) { s.save(cap("m", "T-M", "M")) }, []domain.ProductID{"tee", "cap", "bowl"}},
		{"OK there and back", func(s *shop) {
			s.save(cap("m", "T-M", "M"))
			s.idle()
			s.agree("tee", "cap")
			s.save(tee("m", "T-M", "M"))
		}, []domain.ProductID{"tee", "cap", "bowl"}},
		{"OK two change places", func(s *shop) { s.save(cap("m", "T-M", "M"), tee("c", "C-S", "S2")) }, []domain.ProductID{"tee", "cap", "bowl"}},
		{"OK a simple product into a family", func(s *shop) { s.save(cap("b", "B", "L")) }, []domain.ProductID{"tee", "cap", "bowl"}},
		{"OK out of a family, as a product of its own", func(s *shop) { s.save(item{id: "m", product: "new", sku: "T-M", stock: "3"}) }, []domain.ProductID{"tee", "cap", "bowl", "new"}},
		{"OK a whole family into another", func(s *shop) { s.save(cap("s", "T-S", "S2"), cap("m", "T-M", "M2")) }, []domain.ProductID{"tee", "cap", "bowl"}},
		{"OK round and round", func(s *shop) {
			s.save(cap("m", "T-M", "M"), item{id: "c", product: "bowl", name: "Bowl", sku: "C-S", stock: "2"}, tee("b", "B", "B"))
		}, []domain.ProductID{"tee", "cap", "bowl"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in(t, func(t *testing.T) {
				s := newShop(t, simulator.Config{Latency: 50 * time.Millisecond}, func(c *publish.Config) { c.CreateAll = true })
				s.save(tee("s", "T-S", "S"), tee("m", "T-M", "M"), cap("c", "C-S", "S"), item{id: "b", product: "bowl", name: "Bowl", sku: "B", stock: "1"})
				s.run()
				s.idle()
				s.agree("tee", "cap", "bowl")
				tt.change(s)
				pass(15 * time.Minute)
				s.agree(tt.ids...)
				if refused := recorded[*domain.PushRefused](s.log); len(refused) != 0 {
					t.Errorf("refused: %+v", refused[0])
				}
				if got := len(s.sim.Products()); got != len(tt.ids) {
					t.Errorf("BigCommerce has %d products, want %d", got, len(tt.ids))
				}
			})
		})
	}
}

// A product that takes the place of one that is deleted in the POS, under the same
// SKU, gets its twin, with all that the merchant has set on it.
func TestPublisher_Run_takesOver(t *testing.T) {
	in(t, func(t *testing.T) {
		s := newShop(t, simulator.Config{}, func(c *publish.Config) { c.CreateAll = true })
		s.save(item{id: "old", sku: "A", name: "Bowl", stock: "1"})
		s.run()
		s.idle()
		twin := s.twin("old").ID
		if err := s.sim.MerchantEdit(twin, func(p *simulator.Product) { p.Weight, p.PageTitle = 3, "Bowls" }); err != nil {
			t.Fatal(err)
		}
		owned := s.sim.OwnedFields(twin)
		s.delete("old")
		s.idle()
		s.save(item{id: "new", sku: "a", name: "Bowl", stock: "2"})
		s.idle()
		s.agree("new")
		if got := s.twin("new").ID; got != twin || s.publication("old").Link != nil {
			t.Errorf("the new product has twin %d, and the old one link %v, want %d and none", got, s.publication("old").Link, twin)
		}
		if now := s.sim.OwnedFields(twin); string(now) != string(owned) {
			t.Errorf("the merchant's fields are %s, want %s", now, owned)
		}
	})
}

// What is ours of a twin that another product takes over is known by what the link says it
// is, whatever SKU it has by then.
func TestPublisher_Run_takesOver_otherSKU(t *testing.T) {
	in(t, func(t *testing.T) {
		s := newShop(t, simulator.Config{}, func(c *publish.Config) { c.CreateAll = true })
		s.save(tee("s", "T-S", "S"), tee("m", "T-M", "M"))
		s.run()
		s.idle()
		twin := s.twin("tee")
		s.merchant("tee", func(p *simulator.Product) {
			p.Variants[slices.IndexFunc(p.Variants, func(v simulator.Variant) bool { return v.SKU == "T-M" })].SKU = "MINE"
		})
		s.delete("s")
		s.delete("m")
		s.save(item{id: "n", product: "new", name: "New", sku: "T-S", options: size("S"), stock: "3"})
		pass(10 * time.Minute)
		s.agree("new")
		if got := s.twin("new"); got.ID != twin.ID || len(got.Variants) != 1 {
			t.Errorf("its twin is %d with %d variants, want %d with the one", got.ID, len(got.Variants), twin.ID)
		}
	})
}

// A change of structure that stops after any of its requests, and what is wanted then,
// be it the same, nothing at all or something else: what was made is known to be ours,
// also to another process.
func TestPublisher_Run_structureHalfway(t *testing.T) {
	t.Parallel()
	simple := item{id: "s", product: "tee", name: "Tee", sku: "T-S", stock: "4"}
	small, medium := tee("s", "T-S", "S"), tee("m", "T-M", "M")
	taille := func(it item) item {
		it.options = []domain.Option{{Name: "Taille", Value: it.options[0].Value}}
		return it
	}
	changes := map[string]struct{ before, to []item }{
		"options come":   {[]item{simple}, []item{small, medium}},
		"options go":     {[]item{small}, []item{simple}},
		"options change": {[]item{small, medium}, []item{taille(small), taille(medium)}},
	}
	thens := map[string]func(*shop){
		"the same":            func(*shop) {},
		"no options":          func(s *shop) { s.delete("m"); s.save(simple) },
		"other options":       func(s *shop) { s.delete("m"); s.save(taille(small)) },
		"deleted":             func(s *shop) { s.delete("s"); s.delete("m") },
		"deleted and another": func(s *shop) { s.delete("s"); s.delete("m"); pass(time.Minute); s.save(taille(tee("l", "T-L", "L"))) },
		"moved elsewhere": func(s *shop) {
			s.save(item{id: "s", product: "tank", name: "Tank", sku: "T-S", stock: "5"})
			s.delete("m")
		},
	}
	for name, change := range changes {
		for then, next := range thens {
			t.Run(fmt.Sprintf("OK %s, then %s", name, then), func(t *testing.T) {
				t.Parallel()
				for n := range 12 {
					for _, restarts := range []bool{false, true} {
						for _, kind := range []simulator.Fault{{Kind: simulator.Status, Status: 503}, {Kind: simulator.CloseAfterCommit}} {
							synctest.Test(t, func(t *testing.T) {
								s := newShop(t, simulator.Config{}, func(c *publish.Config) { c.CreateAll = true })
								s.save(change.before...)
								s.run()
								s.idle()
								kind.Skip = n
								if err := s.sim.Fail(kind); err != nil {
									t.Fatal(err)
								}
								s.save(change.to...)
								pass(5 * time.Second)
								if restarts {
									_ = s.stop()
									s.open()
									s.run()
								}
								next(s)
								pass(5 * time.Second)
								s.sim.Heal()
								pass(20 * time.Minute)
								if s.publication("tee").Link != nil || then != "moved elsewhere" {
									s.agree("tee") // whose twin may be the other's now
								}
								if refused := recorded[*domain.PushRefused](s.log); len(refused) != 0 {
									t.Errorf("refused: %+v", refused[0])
								}
								if t.Failed() {
									t.Fatalf("stopped after %d requests with %s, another process: %t", n, kind.Kind, restarts)
								}
								_ = s.stop()
							})
						}
					}
				}
			})
		}
	}
}

// A variant was created, and what was to come next failed. A merchant who gives it another
// SKU meanwhile makes no stranger of it, whatever the POS wants then.
func TestPublisher_Run_structureRenamed(t *testing.T) {
	t.Parallel()
	read := simulator.Fault{Match: "GET /catalog/products/*", Skip: 3}
	fails := map[string][]simulator.Fault{
		"the read":                            {read},
		"the next variant, and then the read": {{Match: "POST /catalog/products/*/variants", Skip: 1}, read},
	}
	for what, faults := range fails {
		for who, restarts := range map[string]bool{"the same process": false, "another process": true} {
			t.Run(fmt.Sprintf("OK %s failed, %s", what, who), func(t *testing.T) {
				in(t, func(t *testing.T) {
					s := newShop(t, simulator.Config{}, func(c *publish.Config) { c.CreateAll = true })
					s.save(item{id: "s", product: "tee", name: "Tee", sku: "T-S", stock: "4"})
					s.run()
					s.idle()
					for _, fault := range faults {
						fault.Kind, fault.Status, fault.Count = simulator.Status, 503, 100
						if err := s.sim.Fail(fault); err != nil {
							t.Fatal(err)
						}
					}
					s.save(tee("s", "T-S", "S"), tee("m", "T-M", "M"))
					pass(5 * time.Second)
					made := s.twin("tee").Variants
					if len(made) == 0 || len(made[0].OptionValues) == 0 {
						t.Fatalf("the test stops at another place: %+v", made)
					}
					if err := s.sim.MerchantEdit(s.twin("tee").ID, func(p *simulator.Product) { p.Variants[0].SKU = "MINE" }); err != nil {
						t.Fatal(err)
					}
					if restarts {
						_ = s.stop()
						s.open()
						s.run()
					}
					large := tee("s", "T-S", "L")
					large.options = append(large.options, domain.Option{Name: "Colour", Value: "Red"})
					s.delete("m")
					s.save(large)
					s.sim.Heal()
					pass(20 * time.Minute)
					s.agree("tee")
				})
			})
		}
	}
}

// Two products were created, and the process died before it could record that. Whatever
// becomes of their SKUs until the next one looks for them, each gets what was created
// for it.
func TestPublisher_Run_bornUnrecorded(t *testing.T) {
	t.Parallel()
	changes := map[string]func(*shop){
		"OK SKUs exchanged":           func(s *shop) { s.save(item{id: "a", sku: "B", name: "Bowl"}, item{id: "b", sku: "A", name: "Cup"}) },
		"OK SKUs and names exchanged": func(s *shop) { s.save(item{id: "a", sku: "B", name: "Mug"}, item{id: "b", sku: "A", name: "Jar"}) },
		"OK one moved into the other": func(s *shop) {
			s.save(item{id: "a", sku: "A", product: "b", name: "Cup", options: size("S")}, item{id: "b", sku: "B", name: "Cup", options: size("M")})
		},
		"OK deleted and its SKU given": func(s *shop) { s.delete("a"); s.save(item{id: "b", sku: "A", name: "Cup"}) },
	}
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			in(t, func(t *testing.T) {
				s := newShop(t, simulator.Config{Latency: time.Second}, func(c *publish.Config) { c.CreateAll, c.Concurrency = true, 1 })
				s.save(item{id: "a", sku: "A", name: "Bowl"}, item{id: "b", sku: "B", name: "Cup"})
				s.log.mu.Lock()
				s.log.stop = func(events []domain.Envelope) bool { return events[0].Type == domain.TypeProductLinked }
				s.log.mu.Unlock()
				s.run()
				pass(time.Minute)
				if got := len(s.sim.Products()); got != 2 {
					t.Fatalf("%d products created, want 2", got)
				}
				_ = s.stop()
				s.log.stop = nil
				change(s)
				s.open()
				s.run()
				pass(20 * time.Minute)
				if refused := recorded[*domain.PushRefused](s.log); len(refused) != 0 {
					t.Errorf("refused: %+v", refused[0])
				}
				s.agree("b")
				if s.publication("a").Link != nil {
					s.agree("a")
				}
				if got := len(s.sim.Products()); got != 2 {
					t.Errorf("%d products, want the two", got)
				}
			})
		})
	}
}
