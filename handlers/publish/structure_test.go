package publish_test

import (
	"strings"
	"testing"
	"time"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/bigcommerce/simulator"
	"github.com/tillstream/tillstream/handlers/publish"
	"github.com/tillstream/tillstream/projections"
)

func tee(id, sku, value string) item {
	return item{id: id, product: "tee", name: "Tee", sku: sku, options: size(value), stock: "4"}
}

// Changes of what the variants of a linked product are reach BigCommerce, and
// variants that stay keep what the merchant has set on them.
func TestPublisher_Run_structure(t *testing.T) {
	t.Parallel()
	colour := func(size, colour string) []domain.Option {
		return []domain.Option{{Name: "Size", Value: size}, {Name: "Colour", Value: colour}}
	}
	small, medium := tee("s", "T-S", "S"), tee("m", "T-M", "M")
	tests := []struct {
		name   string
		before []item
		change func(*shop)
		kept   []string // items whose variants stay the same ones
	}{
		{"OK a variant more", []item{small, medium}, func(s *shop) { s.save(tee("l", "T-L", "L")) }, []string{"s", "m"}},
		{"OK a variant less", []item{small, medium}, func(s *shop) { s.delete("m") }, []string{"s"}},
		{"OK another SKU", []item{small, medium}, func(s *shop) { s.save(tee("m", "T-MED", "M")) }, []string{"s", "m"}},
		{"OK another case of a SKU", []item{small, medium}, func(s *shop) { s.save(tee("m", "t-m", "M")) }, []string{"s", "m"}},
		{"OK exchanged SKUs", []item{small, medium}, func(s *shop) {
			s.save(tee("m", "T-S", "M"), tee("s", "T-M", "S"))
		}, []string{"s", "m"}},
		{"OK SKUs moved along", []item{small, medium, tee("l", "T-L", "L")}, func(s *shop) {
			s.save(tee("l", "T-XL", "L"), tee("m", "T-L", "M"), tee("s", "T-M", "S"))
		}, []string{"s", "m", "l"}},
		{"OK a value renamed", []item{small, medium}, func(s *shop) { s.save(tee("m", "T-M", "Medium")) }, []string{"s", "m"}},
		{"OK a variant that becomes another", []item{small, medium}, func(s *shop) {
			s.save(tee("l", "T-L", "L"), tee("m", "T-M", "XXL"))
			s.delete("s")
		}, []string{"m"}},
		{"OK exchanged values", []item{small, medium}, func(s *shop) {
			s.save(tee("s", "T-S", "M"), tee("m", "T-M", "S"))
		}, nil},
		{"OK an option more", []item{small, medium}, func(s *shop) {
			a, b := small, medium
			a.options, b.options = colour("S", "Red"), colour("M", "Red")
			s.save(a, b)
		}, nil},
		{"OK an option less", []item{
			{id: "s", product: "tee", name: "Tee", sku: "T-S", options: colour("S", "Red"), stock: "1"},
			{id: "m", product: "tee", name: "Tee", sku: "T-M", options: colour("M", "Red"), stock: "1"},
		}, func(s *shop) { s.save(small, medium) }, nil},
		{"OK another option", []item{small, medium}, func(s *shop) {
			a, b := small, medium
			a.options, b.options = []domain.Option{{Name: "Taille", Value: "P"}}, []domain.Option{{Name: "Taille", Value: "M"}}
			s.save(a, b)
		}, nil},
		{"OK a simple product gets options", []item{{id: "s", product: "tee", name: "Tee", sku: "T-S", stock: "1"}}, func(s *shop) {
			s.save(small, medium)
		}, nil},
		{"OK a product loses its options", []item{small}, func(s *shop) {
			s.save(item{id: "s", product: "tee", name: "Tee", sku: "T-S", stock: "8"})
		}, nil},
		{"OK a simple product gets options and loses them", []item{{id: "s", product: "tee", name: "Tee", sku: "T-S", stock: "1"}}, func(s *shop) {
			s.save(small)
			s.idle()
			s.agree("tee")
			s.save(item{id: "s", product: "tee", name: "Tee", sku: "T-S", stock: "8"})
		}, nil},
		{"OK another case of a value", []item{small, medium}, func(s *shop) { s.save(tee("m", "T-M", "m")) }, []string{"s", "m"}},
		{"OK two values become one", []item{
			{id: "s", product: "tee", name: "Tee", sku: "T-S", options: colour("S", "Red"), stock: "1"},
			{id: "m", product: "tee", name: "Tee", sku: "T-M", options: colour("M", "Blue"), stock: "1"},
		}, func(s *shop) {
			s.save(item{id: "s", product: "tee", name: "Tee", sku: "T-S", options: colour("One", "Red"), stock: "2"},
				item{id: "m", product: "tee", name: "Tee", sku: "T-M", options: colour("One", "Blue"), stock: "2"})
		}, []string{"s"}},
		{"OK a simple product becomes another item", []item{{id: "s", product: "tee", name: "Tee", sku: "T-S", stock: "1"}}, func(s *shop) {
			s.save(item{id: "new", product: "tee", name: "Tee", sku: "T-S2", stock: "3"})
			s.delete("s")
		}, nil},
		{"OK a variant deleted in BigCommerce comes back", []item{small, medium}, func(s *shop) {
			s.editTwin(func(p *simulator.Product) { p.Variants = p.Variants[:1] })
			s.save(small)
		}, []string{"s"}},
		{"OK a SKU changed in BigCommerce is changed back", []item{small, medium}, func(s *shop) {
			s.editTwin(func(p *simulator.Product) { p.Variants[1].SKU = "DRIFT" })
			s.save(small)
		}, []string{"s", "m"}},
		{"OK a value renamed in BigCommerce is renamed back", []item{small, medium}, func(s *shop) {
			s.editTwin(func(p *simulator.Product) {
				p.Options[0].Values[1].Label = "Drift"
				p.Variants[1].OptionValues[0].Label = "Drift"
			})
			s.save(small)
		}, []string{"s", "m"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in(t, func(t *testing.T) {
				s := newShop(t, simulator.Config{}, nil)
				s.save(tt.before...)
				s.link("tee")
				s.run()
				s.idle()
				s.agree("tee")
				if t.Failed() {
					t.FailNow()
				}
				before := s.publication("tee").Link
				tt.change(s)
				s.idle()
				s.agree("tee")
				if refused := recorded[*domain.PushRefused](s.log); len(refused) != 0 {
					t.Errorf("refused: %+v", refused[0])
				}
				for _, id := range tt.kept {
					was, _ := before.Variant(domain.ItemID(id))
					if is, _ := s.publication("tee").Link.Variant(domain.ItemID(id)); is.BigCommerceID != was.BigCommerceID {
						t.Errorf("item %s has variant %d, want the same as before, %d", id, is.BigCommerceID, was.BigCommerceID)
					}
				}
			})
		})
	}
}

// editTwin lets the merchant edit the twin of product tee.
func (s *shop) editTwin(edit func(*simulator.Product)) {
	s.t.Helper()
	if err := s.sim.MerchantEdit(s.twin("tee").ID, edit); err != nil {
		s.t.Fatalf("merchant's edit: %v", err)
	}
}

func TestPublisher_Run_structureRefused(t *testing.T) {
	t.Parallel()
	small := tee("s", "T-S", "S")
	tests := []struct {
		name  string
		items []item
		want  string
	}{
		{"Err the same options twice", []item{small, tee("m", "T-M", "s")}, `variants "T-S" and "T-M" have the same options`},
		{"Err no options among siblings", []item{small, {id: "m", product: "tee", name: "Tee", sku: "T-M"}}, `variant "T-M" has no options`},
		{"Err an option twice", []item{small, {id: "m", product: "tee", name: "Tee", sku: "T-M", options: append(size("M"), size("L")...)}}, `two values of option "Size"`},
		{"Err different options", []item{small, {id: "m", product: "tee", name: "Tee", sku: "T-M", options: []domain.Option{{Name: "Colour", Value: "Red"}}}}, "give all variants the same"},
		{"Err the same SKU twice", []item{small, tee("m", "t-s", "M")}, "have the same SKU"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in(t, func(t *testing.T) {
				s := newShop(t, simulator.Config{}, nil)
				s.save(small)
				s.link("tee")
				s.save(tt.items...)
				n := len(s.requests())
				s.run()
				s.idle()
				refused := recorded[*domain.PushRefused](s.log)
				if len(refused) != 1 || refused[0].Status != 0 || !strings.Contains(refused[0].Reason, tt.want) {
					t.Errorf("refused %+v, want it for %q", refused, tt.want)
				}
				if got := len(s.requests()) - n; got != 0 {
					t.Errorf("%d requests, want none", got)
				}
			})
		})
	}

	t.Run("Err variants that the POS does not know are in the way", func(t *testing.T) {
		in(t, func(t *testing.T) {
			s := newShop(t, simulator.Config{}, nil)
			s.save(small)
			s.link("tee")
			s.run()
			s.idle()
			s.editTwin(func(p *simulator.Product) {
				p.Options[0].Values = append(p.Options[0].Values, simulator.OptionValue{ID: 5, Label: "Own"})
				p.Variants = append(p.Variants, simulator.Variant{ID: 6, SKU: "OWN", OptionValues: []simulator.VariantPick{
					{ID: 5, Label: "Own", OptionID: p.Options[0].ID, Option: "Size"}}})
			})
			s.save(item{id: "s", product: "tee", name: "Tee", sku: "T-S"})
			s.idle()
			refused := recorded[*domain.PushRefused](s.log)
			if len(refused) != 1 || !strings.Contains(refused[0].Reason, `variant "OWN"`) {
				t.Errorf("refused %+v, want it for variant OWN", refused)
			}
			if got := len(s.twin("tee").Variants); got != 2 {
				t.Errorf("%d variants left, want both", got)
			}
		})
	})
}

// One product that BigCommerce cannot take at all holds up nobody.
func TestPublisher_Run_poison(t *testing.T) {
	in(t, func(t *testing.T) {
		s := newShop(t, simulator.Config{}, nil)
		ids := s.saveMany(5)
		s.save(tee("s", "T-S", "S"))
		s.link(append(ids, "tee")...)
		s.save(tee("m", "T-M", "M"))
		if err := s.sim.Fail(simulator.Fault{Match: "GET /catalog/products/*", Kind: simulator.Status, Status: 500}); err != nil {
			t.Fatal(err)
		}
		s.run()
		pass(time.Minute)
		s.agree(ids...)
		s.count(string(ids[0]), "77")
		pass(time.Minute)
		s.agree(ids...)
		if got := s.Status().Waiting; got != 1 {
			t.Errorf("%d products wait, want the one", got)
		}
		s.sim.Heal()
		pass(10 * time.Minute)
		s.agree("tee")
	})
}

func TestPublisher_Run_onDelete(t *testing.T) {
	t.Parallel()
	for rule, gone := range map[domain.OnDelete]bool{domain.DeleteHides: false, domain.DeleteKeeps: false, domain.DeleteDeletes: true} {
		t.Run("OK "+string(rule), func(t *testing.T) {
			in(t, func(t *testing.T) {
				s := newShop(t, simulator.Config{}, func(c *publish.Config) { c.Rules.OnDelete = rule })
				s.save(item{id: "i1", sku: "A", stock: "5"}, tee("s", "T-S", "S"), tee("m", "T-M", "M"))
				s.link("i1", "tee")
				s.run()
				s.idle()
				s.delete("i1")
				s.delete("s")
				s.delete("m")
				s.idle()
				if gone {
					if got := len(s.sim.Products()); got != 0 {
						t.Errorf("%d products left in BigCommerce, want none", got)
					}
					if s.publication("i1").Link != nil {
						t.Error("still linked")
					}
					return
				}
				s.agree("i1", "tee")
				if got, want := s.twin("i1").IsVisible, rule == domain.DeleteKeeps; got != want {
					t.Errorf("visible %v, want %v", got, want)
				}
				s.save(item{id: "i1", sku: "A", stock: "2"})
				s.idle()
				s.agree("i1")
			})
		})
	}
}

// A state that was read anew in the middle of a round, and cannot be, is not acted on:
// here one in which two variants have one SKU, because half of an exchange was saved.
func TestPublisher_Run_halfSaved(t *testing.T) {
	in(t, func(t *testing.T) {
		s := newShop(t, simulator.Config{Latency: time.Second}, func(c *publish.Config) { c.CreateAll = true })
		s.save(tee("s", "T-S", "S"), tee("m", "T-M", "M"))
		s.run()
		s.idle()
		s.save(item{id: "new", sku: "N"}, tee("l", "T-L", "L"))
		pass(1500 * time.Millisecond) // the round has begun, with what is new
		s.save(tee("m", "T-S", "M"))
		pass(time.Minute)
		if got := s.state("tee"); got != projections.Refusing {
			t.Errorf("tee is %s, want refusing", got)
		}
		s.save(tee("s", "T-M", "S"))
		pass(time.Minute)
		s.agree("tee", "new")
	})
}
