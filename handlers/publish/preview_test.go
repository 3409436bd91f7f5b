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
)

// preview is what the publisher foresees, by product.
func (s *shop) preview(ids ...domain.ProductID) map[domain.ProductID]publish.Preview {
	s.t.Helper()
	out := map[domain.ProductID]publish.Preview{}
	for one, err := range s.Preview(s.t.Context(), ids) {
		if err != nil {
			s.t.Fatalf("preview: %v", err)
		}
		out[one.Product] = one
	}
	return out
}

// merchant edits the twin of a product in the control panel.
func (s *shop) merchant(id domain.ProductID, edit func(*simulator.Product)) {
	s.t.Helper()
	if err := s.sim.MerchantEdit(s.twin(id).ID, edit); err != nil {
		s.t.Fatalf("edit %s: %v", id, err)
	}
}

// writes counts the requests of the program that could change anything, and what
// they did.
func (s *shop) writes() int {
	n := 0
	for _, r := range s.sim.Requests() {
		if r.Actor == "api" {
			n += len(r.Effects)
			if r.Method != "GET" {
				n++
			}
		}
	}
	return n
}

// says writes differences as "item field@location: old -> new", "!" for those that
// overwrite.
func says(one publish.Preview) []string {
	var out []string
	for _, d := range one.Differences {
		text := string(d.Field)
		if d.Item != "" {
			text = string(d.Item) + " " + text
		}
		if d.Location != 0 {
			text += fmt.Sprintf("@%d", d.Location)
		}
		text += fmt.Sprintf(": %s -> %s", d.Old, d.New)
		if d.Overwrites {
			text += " !"
		}
		out = append(out, text)
	}
	return out
}

func TestPublisher_Preview(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		before func(s *shop) // what is pushed
		then   func(s *shop)
		want   []string
	}{
		{"OK nothing", func(s *shop) {
			s.save(item{id: "i", product: "p", sku: "A", brand: "Kona", description: "<p>d</p>", cost: "4", stock: "3"})
		}, func(*shop) {}, nil},
		{"OK an edit of everything", func(s *shop) {
			s.save(item{id: "i", product: "p", sku: "A", brand: "Kona", cost: "4", stock: "3"})
		}, func(s *shop) {
			s.merchant("p", func(p *simulator.Product) {
				p.Name, p.SKU, p.Description, p.BrandID, p.IsVisible, p.Price, p.CostPrice = "Other", "B", "<b>by hand</b>", 0, false, 12.5, 0
				p.InventoryLevel = 7
				p.Weight, p.SalePrice, p.PageTitle = 3, 2, "the merchant's own"
			})
		}, []string{
			"name: Other -> Product p", "sku: B -> A", "description: <b>by hand</b> ->  !", "price: 12.5 -> 10", "cost_price: 0 -> 4",
			"brand:  -> Kona", "is_visible: false -> true", "i stock@1: 7 -> 3",
		}},
		{"OK what the POS has no longer", func(s *shop) {
			s.save(item{id: "i", product: "p", sku: "A", brand: "Kona", description: "<p>d</p>", cost: "4", stock: "3"})
		}, func(s *shop) {
			s.save(item{id: "i", product: "p", sku: "A", cost: "0", untracked: true})
		}, []string{
			"description: <p>d</p> ->  !", "cost_price: 4 -> 0 !", "brand: Kona ->  !", "inventory_tracking: product -> none",
		}},
		{"OK stock is kept again", func(s *shop) {
			s.save(item{id: "i", product: "p", sku: "A", stock: "3", untracked: true})
		}, func(s *shop) {
			s.save(item{id: "i", product: "p", sku: "A"})
		}, []string{"inventory_tracking: none -> product", "i stock@1:  -> 3"}},
		{"OK a variant comes, one goes, one is called otherwise", func(s *shop) {
			s.save(item{id: "i", product: "p", sku: "A", options: size("S"), stock: "1"}, item{id: "j", product: "p", sku: "B", options: size("M"), stock: "2"},
				item{id: "k", product: "p", sku: "C", options: size("L"), stock: "3"})
		}, func(s *shop) {
			s.save(item{id: "i", product: "p", sku: "A", options: size("Small")}, item{id: "l", product: "p", sku: "D", options: size("XL"), price: "11", stock: "4"})
			s.delete("j")
			s.save(item{id: "k", product: "p", sku: "C2", options: size("L")})
		}, []string{
			"j variant: B ->  !", "i options: Size S -> Size Small", "k sku: C -> C2",
			"l variant:  -> D", "l options:  -> Size XL", "l price:  -> 11", "l cost_price:  -> 10", "l stock@1:  -> 4",
		}},
		{"OK a simple product gets options", func(s *shop) {
			s.save(item{id: "i", product: "p", sku: "A", stock: "1"})
		}, func(s *shop) {
			s.save(item{id: "i", product: "p", sku: "A", options: size("S"), stock: "1"})
		}, []string{
			"sku: A -> ", "inventory_tracking: product -> variant",
			"i variant:  -> A", "i options:  -> Size S", "i price:  -> 10", "i cost_price:  -> 10", "i stock@1:  -> 1",
		}},
		{"OK and loses them", func(s *shop) {
			s.save(item{id: "i", product: "p", sku: "A", options: size("S"), stock: "1"})
		}, func(s *shop) {
			s.save(item{id: "i", product: "p", sku: "A", stock: "1"})
		}, []string{"i variant: A ->  !", "sku:  -> A", "inventory_tracking: variant -> product", "i stock@1:  -> 1"}},
		{"OK a variant's price is the product's", func(s *shop) {
			s.save(item{id: "i", product: "p", sku: "A", options: size("S"), stock: "1"})
		}, func(s *shop) {
			s.merchant("p", func(p *simulator.Product) { p.Variants[0].Price = nil })
		}, []string{"i price:  -> 10"}},
		{"OK deleted in the POS", func(s *shop) {
			s.save(item{id: "i", product: "p", sku: "A", stock: "1"})
		}, func(s *shop) {
			s.delete("i")
		}, []string{"is_visible: true -> false", "i stock@1: 1 -> 0"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in(t, func(t *testing.T) {
				s := newShop(t, simulator.Config{}, nil)
				tt.before(s)
				s.link("p")
				s.run()
				s.idle()
				_ = s.stop()
				tt.then(s)
				writes := s.writes()
				got := s.preview("p")["p"]
				if now := s.writes(); now != writes {
					t.Errorf("the preview has written %d times", now-writes)
				}
				if texts := says(got); !slices.Equal(texts, tt.want) {
					t.Errorf("foreseen:\n%s\nwant:\n%s", strings.Join(texts, "\n"), strings.Join(tt.want, "\n"))
				}
				want := publish.ProspectDiffers
				if tt.want == nil {
					want = publish.ProspectAgrees
				}
				if got.Prospect != want || got.BigCommerceID != s.twin("p").ID {
					t.Errorf("%s of BigCommerce %d, want %s of %d", got.Prospect, got.BigCommerceID, want, s.twin("p").ID)
				}
				for _, d := range got.Differences {
					if len(d.Sources) == 0 {
						t.Errorf("%s has no source", d.Field)
					}
				}
			})
		})
	}
}

// Products that would not be pushed are named with the reason.
func TestPublisher_Preview_prospects(t *testing.T) {
	in(t, func(t *testing.T) {
		s := newShop(t, simulator.Config{}, nil)
		s.save(item{id: "good", sku: "A"}, item{id: "long", sku: "B"}, item{id: "gone", sku: "C"}, item{id: "alone", sku: "D"}, item{id: "foreign", sku: "E", options: size("S")})
		s.link("good", "long", "gone", "foreign")
		s.run()
		s.idle()
		_ = s.stop()
		s.save(item{id: "long", sku: "B", name: strings.Repeat("x", 251)}, item{id: "foreign", sku: "E"})
		s.merchant("foreign", func(p *simulator.Product) {
			pick := p.Variants[0].OptionValues[0]
			p.Options[0].Values = append(p.Options[0].Values, simulator.OptionValue{ID: 77_000_000, Label: "Mine"})
			p.Variants = append(p.Variants, simulator.Variant{SKU: "MINE", OptionValues: []simulator.VariantPick{{ID: 77_000_000, Label: "Mine", OptionID: pick.OptionID, Option: pick.Option}}})
		})
		if err := s.sim.MerchantDelete(s.twin("gone").ID); err != nil {
			t.Fatal(err)
		}
		s.fold(counted("unheard", "1"))
		got := s.preview("good", "long", "gone", "alone", "foreign", "unheard", "good")
		for id, want := range map[domain.ProductID]publish.Prospect{
			"good": publish.ProspectAgrees, "long": publish.ProspectRefused, "gone": publish.ProspectBroken, "alone": publish.ProspectUnlinked,
			"foreign": publish.ProspectRefused, "unheard": publish.ProspectUndescribed,
		} {
			if one := got[id]; one.Prospect != want || (one.Reason == "") != (want == publish.ProspectAgrees) || len(one.Differences) > 0 {
				t.Errorf("%s is foreseen as %+v, want %s", id, one, want)
			}
		}
	})
}

// A preview that cannot be made says why, and one that nobody wants the rest of asks
// for nothing more.
func TestPublisher_Preview_ends(t *testing.T) {
	in(t, func(t *testing.T) {
		s := newShop(t, simulator.Config{Latency: time.Second}, nil)
		ids := s.saveMany(120)
		s.link(ids...)
		before := len(s.requests())
		for range s.Preview(t.Context(), ids) {
			break
		}
		// A page of stock and one of products: all there is.
		if got := len(s.requests()) - before; got != 2 {
			t.Errorf("%d requests for the first of %d products, want 2", got, len(ids))
		}
		s.sim.RevokeToken()
		previews, failures := 0, []error{}
		for _, err := range s.Preview(t.Context(), ids) {
			if err != nil {
				failures = append(failures, err)
			} else {
				previews++
			}
		}
		if previews > 0 || len(failures) != 1 || !strings.Contains(failures[0].Error(), "401") {
			t.Errorf("%d previews and the errors %v of a store that refuses the token, want one error", previews, failures)
		}
	})
}

// Ten thousand linked products are looked at in the fewest requests: 250 products
// and 1,000 levels to a page, and the brands.
func TestPublisher_Preview_tenThousand(t *testing.T) {
	in(t, func(t *testing.T) {
		s := newShop(t, simulator.Config{Quota: 150, Latency: 250 * time.Millisecond}, nil)
		const n = 10_000
		ids := s.saveMany(n)
		for _, id := range ids {
			if err := s.sim.Seed(simulator.NewProduct("Product "+string(id), "SKU-"+string(id), 1)); err != nil {
				t.Fatal(err)
			}
		}
		if r, err := s.LinkAuto(t.Context(), false); err != nil || len(r.Linked) != n {
			t.Fatalf("linked %d: %v", len(r.Linked), err)
		}
		pass(simulator.DefaultWindow)
		before, start := len(s.requests()), time.Now()
		got := s.preview(ids...)
		requests, took := len(s.requests())-before, time.Since(start)
		t.Logf("%d requests, %s", requests, took)
		if bound := n/250 + n/1000; requests > bound {
			t.Errorf("%d requests, want %d", requests, bound)
		}
		if len(got) != n || got["p00007"].Prospect != publish.ProspectDiffers {
			t.Errorf("%d previews, one is %+v", len(got), got["p00007"])
		}
		before = len(s.requests())
		s.preview(ids[:120]...)
		if got, want := len(s.requests())-before, 8; got != want { // a first page of each shows that lists are cheaper
			t.Errorf("%d requests for 120 products of 10,000, want %d", got, want)
		}
	})
}

// A preview shows what a guard holds, or would, and why; to look costs nothing more.
func TestPublisher_Preview_held(t *testing.T) {
	in(t, func(t *testing.T) {
		s := described(t, empties)
		s.save(item{id: "i1", sku: "A", name: "Renamed"})
		s.idle()
		_ = s.stop()
		s.save(item{id: "i2", sku: "B"})
		before := len(s.requests())
		got := s.preview("i1", "i2")
		if n := len(s.requests()) - before; n != 3 {
			t.Errorf("%d requests, want 3: stock, products and a brand", n)
		}
		one := got["i1"]
		want := []string{"name: Product i1 -> Renamed", "description: <p>x</p> ->  !", "brand: B ->  !"}
		if one.Prospect != publish.ProspectHeld || !strings.Contains(one.Reason, "tillstream approve") || !slices.Equal(says(one), want) {
			t.Errorf("of what is held: %s (%s) %q, want held and %q", one.Prospect, one.Reason, says(one), want)
		}
		two := got["i2"]
		if want := []string{"description: <p>y</p> ->  !"}; two.Prospect != publish.ProspectHeld || two.Reason != "it would empty the description of BigCommerce product 1000002" || !slices.Equal(says(two), want) {
			t.Errorf("of what would be held: %s (%s) %q, want held and %q", two.Prospect, two.Reason, says(two), want)
		}
		s.release(publish.Approved, "i1")
		if one := s.preview("i1")["i1"]; one.Prospect != publish.ProspectDiffers || one.Reason != "" {
			t.Errorf("of what is approved: %s (%s), want differs", one.Prospect, one.Reason)
		}
	})
}
