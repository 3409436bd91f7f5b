package publish_test

import (
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/bigcommerce/simulator"
	"github.com/tillstream/tillstream/handlers/publish"
	"github.com/tillstream/tillstream/projections"
)

// What is created in the place of a twin that is gone may find its SKU at another one of
// ours, which has it for itself, and not for a variant: that gives it up.
func TestPublisher_Run_conflictAnew(t *testing.T) {
	in(t, func(t *testing.T) {
		s := newShop(t, simulator.Config{}, func(c *publish.Config) { c.OnMissing = publish.MissingRecreates })
		s.save(item{id: "bowl", sku: "BOWL"}, tee("s", "T-S", "S"))
		s.link("bowl", "tee")
		s.run()
		s.idle()
		if err := s.sim.MerchantDelete(s.twin("bowl").ID); err != nil {
			t.Fatal(err)
		}
		s.merchant("tee", func(p *simulator.Product) { p.SKU = "BOWL" })
		s.save(item{id: "bowl", sku: "BOWL", stock: "3"})
		pass(15 * time.Minute)
		s.agree("bowl", "tee")
	})
}

// Two that were refused and have to exchange SKUs are pushed together: who is tried again
// before the other one has had its turn waits on.
func TestPublisher_Push_exchanged(t *testing.T) {
	for _, concurrency := range []int{1, 2, 3} {
		t.Run(fmt.Sprint(concurrency), func(t *testing.T) {
			in(t, func(t *testing.T) {
				s := newShop(t, simulator.Config{Latency: 50 * time.Millisecond}, func(c *publish.Config) { c.Concurrency = concurrency })
				bowl := func(sku string) item { return item{id: "b", product: "bowl", sku: sku, options: size("S")} }
				s.save(bowl("B"), tee("s", "T-S", "S"), tee("m", "T-M", "M"))
				s.link("bowl", "tee")
				s.run()
				s.idle()
				if err := s.sim.Fail(simulator.Fault{Match: "PUT /catalog/products/*/variants/*", Kind: simulator.Status, Status: 422}); err != nil {
					t.Fatal(err)
				}
				s.save(bowl("T-S"), tee("s", "B", "S"))
				pass(30 * time.Minute)
				for _, id := range []domain.ProductID{"bowl", "tee"} {
					if s.state(id) != projections.Refusing {
						t.Fatalf("%s is %s, want it refused", id, s.state(id))
					}
				}
				s.sim.Heal()
				got, err := s.Push(t.Context(), []domain.ProductID{"bowl", "tee"})
				if err != nil || got[0].Kind != publish.Confirmed || got[1].Kind != publish.Confirmed {
					t.Errorf("pushed: %+v, %v, want both confirmed", got, err)
				}
				s.agree("bowl", "tee")
			})
		})
	}
}

// A conflict is reported with both products, found with the fewest reads.
func TestPublisher_Run_conflict(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		change func(*shop) // products bowl, cup and tee are linked and pushed
		bad    domain.ProductID
		field  string
		want   []string // in the reason
		reads  int
	}{
		{"Err a name of a product of nobody's", func(s *shop) {
			s.seed("Saucer")
			s.save(item{id: "bowl", sku: "BOWL", name: "saucer"})
		}, "bowl", "name", []string{`product bowl (SKU "BOWL") is to have the name "saucer"`, `BigCommerce product 1000004 "Saucer" (SKU "Saucer")`, "no product of the POS"}, 1},
		{"Err a name of a linked product's", func(s *shop) {
			s.save(item{id: "bowl", sku: "BOWL", name: "PRODUCT CUP"})
		}, "bowl", "name", []string{`"Product cup" (SKU "CUP")`, "linked to product cup"}, 1},
		{"Err a SKU of a product's", func(s *shop) {
			s.seed("SAUCER")
			s.save(item{id: "bowl", sku: "saucer"})
		}, "bowl", "sku", []string{`the SKU "SAUCER"`, `BigCommerce product 1000004 "SAUCER"`}, 1},
		{"Err a SKU of a linked product's", func(s *shop) {
			s.save(item{id: "bowl", sku: "CUP"})
		}, "bowl", "sku", []string{`"Product cup" (SKU "CUP")`, "linked to product cup"}, 1},
		{"Err a SKU of a variant's", func(s *shop) {
			s.save(item{id: "bowl", sku: "T-S"})
		}, "bowl", "sku", []string{`the SKU "T-S"`, `"Tee" (SKU "T-S")`, "linked to product tee"}, 3},
		{"Err a new variant's SKU", func(s *shop) {
			s.seed("T-L")
			s.save(tee("l", "T-L", "L"))
		}, "tee", "sku", []string{`product tee (SKU "T-S")`, `BigCommerce product 1000004 "T-L"`}, 1},
		{"Err another SKU for a variant", func(s *shop) {
			s.save(tee("m", "CUP", "M"))
		}, "tee", "sku", []string{`the SKU "CUP"`, "linked to product cup"}, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in(t, func(t *testing.T) {
				s := newShop(t, simulator.Config{}, nil)
				s.save(item{id: "bowl", sku: "BOWL"}, item{id: "cup", sku: "CUP"}, tee("s", "T-S", "S"), tee("m", "T-M", "M"))
				s.link("bowl", "cup", "tee")
				s.run()
				s.idle()
				before := len(s.requests())
				tt.change(s)
				s.idle()
				got := s.publication(tt.bad).Refused
				if got == nil || got.Status != 409 || got.Field != tt.field {
					t.Fatalf("refused %+v, want it for %s", got, tt.field)
				}
				for _, want := range tt.want {
					if !strings.Contains(got.Reason, want) {
						t.Errorf("reason %q, want it to contain %q", got.Reason, want)
					}
				}
				reads := 0
				for _, r := range s.requests()[before:] {
					if r == "GET /catalog/products" || r == "GET /catalog/variants" {
						reads++
					}
				}
				if reads != tt.reads {
					t.Errorf("%d reads, want %d", reads, tt.reads)
				}
			})
		})
	}

	t.Run("Err at creation, with names of any length", func(t *testing.T) {
		in(t, func(t *testing.T) {
			s := newShop(t, simulator.Config{}, nil)
			name := strings.Repeat("ü", 250)
			if err := s.sim.Seed(simulator.NewProduct(name, strings.Repeat("é", 255), 1)); err != nil {
				t.Fatal(err)
			}
			s.save(item{id: "bowl", sku: strings.Repeat("B", 255), name: name})
			s.run()
			got, err := s.Create(t.Context(), []domain.ProductID{"bowl"})
			if err != nil || got[0].Kind != publish.Refused || !strings.Contains(got[0].Reason, "BigCommerce product 1000001") {
				t.Fatalf("outcome %+v, %v, want it refused with the other named", got, err)
			}
			if n := utf8.RuneCountInString(got[0].Reason); n > 700 {
				t.Errorf("a reason of %d characters, want at most 700", n)
			}
		})
	})
}

// A conflict with what another product of ours is about to give up is none: the one
// waits for the other, whatever the order in which they are sent.
func TestPublisher_Run_conflictPasses(t *testing.T) {
	t.Parallel()

	for _, backwards := range []bool{false, true} {
		t.Run(fmt.Sprintf("OK names moved along, backwards %v", backwards), func(t *testing.T) {
			in(t, func(t *testing.T) {
				const n = 25
				s := newShop(t, simulator.Config{Latency: 50 * time.Millisecond}, nil)
				ids := s.saveMany(n)
				s.link(ids...)
				s.run()
				s.idle()
				_ = s.stop()
				for i := range n {
					if backwards {
						i = n - 1 - i
					}
					s.save(item{id: string(ids[i]), sku: "SKU-" + string(ids[i]), name: fmt.Sprintf("Product p%05d", i+1), stock: "5"})
				}
				s.open()
				s.run()
				pass(10 * time.Minute)
				s.agree(ids...)
				if got := recorded[*domain.PushRefused](s.log); len(got) != 0 {
					t.Errorf("refused: %+v", got[0])
				}
			})
		})
	}

	t.Run("OK a SKU moved to another product", func(t *testing.T) {
		in(t, func(t *testing.T) {
			s := newShop(t, simulator.Config{Latency: 50 * time.Millisecond}, nil)
			s.save(item{id: "a", sku: "A", stock: "1"}, item{id: "b", sku: "B", stock: "1"}, tee("s", "T-S", "S"), tee("m", "T-M", "M"))
			s.link("a", "b", "tee")
			s.run()
			s.idle()
			_ = s.stop()
			// a gets b's, b gets a variant's, and the variant a new one.
			s.save(item{id: "a", sku: "B", stock: "2"}, item{id: "b", sku: "T-M", stock: "2"}, tee("m", "T-MED", "M"))
			s.open()
			s.run()
			pass(10 * time.Minute)
			s.agree("a", "b", "tee")
			if got := recorded[*domain.PushRefused](s.log); len(got) != 0 {
				t.Errorf("refused: %+v", got[0])
			}
		})
	})

	t.Run("OK SKUs exchanged between products", func(t *testing.T) {
		in(t, func(t *testing.T) {
			s := newShop(t, simulator.Config{Latency: 50 * time.Millisecond}, nil)
			s.save(item{id: "a", sku: "A", stock: "1"}, item{id: "b", sku: "B", stock: "1"}, tee("s", "T-S", "S"), tee("m", "T-M", "M"))
			s.link("a", "b", "tee")
			s.run()
			s.idle()
			s.save(item{id: "a", sku: "B", stock: "2"}, item{id: "b", sku: "T-M", stock: "2"}, tee("m", "A", "M"))
			pass(10 * time.Minute)
			s.agree("a", "b", "tee")
			if got := recorded[*domain.PushRefused](s.log); len(got) != 0 {
				t.Errorf("refused: %+v", got[0])
			}
		})
	})

	t.Run("OK a SKU of a product that is deleted in the POS", func(t *testing.T) {
		in(t, func(t *testing.T) {
			s := newShop(t, simulator.Config{}, nil)
			s.save(item{id: "a", sku: "A", stock: "1"}, item{id: "b", sku: "B", stock: "1"}, tee("s", "T-S", "S"), tee("m", "T-M", "M"))
			s.link("a", "b", "tee")
			s.run()
			s.idle()
			// One moves into the family, the other's SKU is given to a variant.
			s.save(item{id: "a", product: "tee", name: "Tee", sku: "A", options: size("L"), stock: "2"})
			s.delete("b")
			s.save(tee("m", "B", "M"))
			pass(10 * time.Minute)
			s.agree("tee", "a", "b")
			for _, id := range []domain.ProductID{"a", "b"} {
				if got := s.twin(id); got.IsVisible || got.SKU != "" {
					t.Errorf("the twin of %s: visible %v, SKU %q, want it hidden and without one", id, got.IsVisible, got.SKU)
				}
			}
			// Back again, under another SKU.
			s.save(item{id: "b", sku: "B-2", stock: "3"})
			s.idle()
			s.agree("b")
		})
	})

	t.Run("OK what the merchant has given to another", func(t *testing.T) {
		in(t, func(t *testing.T) {
			s := newShop(t, simulator.Config{}, nil)
			s.save(item{id: "cup", sku: "CUP"}, item{id: "bowl", sku: "BOWL"})
			s.link("cup", "bowl")
			s.run()
			s.idle()
			rename := func(id domain.ProductID, name string) {
				if err := s.sim.MerchantEdit(s.twin(id).ID, func(p *simulator.Product) { p.Name = name }); err != nil {
					t.Fatal(err)
				}
			}
			rename("cup", "Mine")
			rename("bowl", "Product cup")
			s.save(item{id: "cup", sku: "CUP"})
			pass(time.Minute)
			s.agree("cup", "bowl")
		})
	})

	t.Run("Err names exchanged are refused in the end", func(t *testing.T) {
		in(t, func(t *testing.T) {
			s := newShop(t, simulator.Config{}, nil)
			s.save(item{id: "a", sku: "A", name: "One"}, item{id: "b", sku: "B", name: "Two"})
			s.link("a", "b")
			s.run()
			s.idle()
			s.save(item{id: "a", sku: "A", name: "Two"}, item{id: "b", sku: "B", name: "One"})
			pass(time.Hour)
			for _, id := range []domain.ProductID{"a", "b"} {
				if got := s.publication(id).Refused; s.state(id) != projections.Refusing || !strings.Contains(got.Reason, "linked to product") {
					t.Errorf("%s is %s because %+v, want it refused because of the other", id, s.state(id), got)
				}
			}
		})
	})
}
