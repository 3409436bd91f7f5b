package publish_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/bigcommerce/simulator"
	"github.com/tillstream/tillstream/handlers/publish"
)

// seed puts products into BigCommerce and returns their ids in that order. A name
// of the form "Tee: T-S=S, T-M=M" gives variants; else the SKU is the name.
func (s *shop) seed(names ...string) []int64 {
	s.t.Helper()
	var ids []int64
	for _, name := range names {
		p := simulator.NewProduct(name, name, 5)
		if _, variants, ok := strings.Cut(name, ": "); ok {
			p.SKU = ""
			for v := range strings.SplitSeq(variants, ", ") {
				sku, label, _ := strings.Cut(v, "=")
				p.Variants = append(p.Variants, simulator.Variant{SKU: sku, OptionValues: []simulator.VariantPick{{Option: "Size", Label: label}}})
			}
		}
		if err := s.sim.Seed(p); err != nil {
			s.t.Fatalf("seed %s: %v", name, err)
		}
		all := s.sim.Products()
		ids = append(ids, all[len(all)-1].ID)
	}
	return ids
}

func TestPublisher_LinkAuto(t *testing.T) {
	in(t, func(t *testing.T) {
		s := newShop(t, simulator.Config{}, nil)
		ids := s.seed("cb-1", "Tee: t-s=S, T-M=M", "A: X-1=S", "B: X-2=S", "DUP", "Has: OPT=S", "SIMPLE", "LINKED")
		s.save(
			item{id: "bowl", sku: "CB-1"},
			tee("s", "T-S", "S"), tee("m", "T-M", "M"), tee("l", "T-L", "L"),
			item{id: "x1", product: "spread", sku: "X-1", options: size("S")}, item{id: "x2", product: "spread", sku: "X-2", options: size("M")},
			item{id: "dup1", sku: "DUP"}, item{id: "dup2", sku: "dup"},
			item{id: "flat", sku: "OPT"},
			item{id: "opt", product: "deep", sku: "SIMPLE", options: size("S")},
			item{id: "none", sku: "NONE"},
			item{id: "linked", sku: "LINKED"}, item{id: "late", sku: "linked"},
		)
		if _, err := s.Link(t.Context(), "linked", ids[7], false); err != nil {
			t.Fatal(err)
		}
		dry, err := s.LinkAuto(t.Context(), true)
		if err != nil {
			t.Fatal(err)
		}
		if got := len(recorded[*domain.ProductLinked](s.log)); got != 1 {
			t.Errorf("a dry run recorded %d links, want none but the one before", got)
		}
		n := len(s.requests())
		r, err := s.LinkAuto(t.Context(), false)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(dry, r); diff != "" {
			t.Errorf("a dry run reports otherwise (-dry +real):\n%s", diff)
		}
		if got := len(s.requests()) - n; got != 1 {
			t.Errorf("%d requests for eight products, want 1", got)
		}
		want := []publish.LinkFound{{Product: "bowl", Name: "Product bowl", BigCommerceID: ids[0], Variants: 1}, {Product: "tee", Name: "Tee", BigCommerceID: ids[1], Variants: 2, Missing: 1}}
		if diff := cmp.Diff(want, r.Linked); diff != "" {
			t.Errorf("linked (-want +got):\n%s", diff)
		}
		reasons := map[domain.ProductID]string{
			"spread": "spread over", "dup1": "product dup2 has a SKU of", "dup2": "product dup1 has a SKU of",
			"flat": "has variants", "deep": "has no variants", "late": "linked to product linked",
		}
		for _, a := range r.Ambiguous {
			if want, ok := reasons[a.Product]; !ok || !strings.Contains(a.Reason, want) {
				t.Errorf("%s is ambiguous because %q, want %q", a.Product, a.Reason, want)
			}
			delete(reasons, a.Product)
		}
		if len(reasons) != 0 {
			t.Errorf("not reported as ambiguous: %v", reasons)
		}
		if !slices.Equal(r.Without, []domain.ProductID{"none"}) || r.Already != 1 {
			t.Errorf("without a twin %v, already linked %d, want [none] and 1", r.Without, r.Already)
		}
		s.run()
		s.idle()
		s.agree("bowl", "tee", "linked") // a new link is pushed, missing variants included
	})
}

func TestPublisher_Link(t *testing.T) {
	t.Parallel()
	t.Run("OK", func(t *testing.T) {
		in(t, func(t *testing.T) {
			s := newShop(t, simulator.Config{}, nil)
			ids := s.seed("ONE", "TWO")
			s.save(item{id: "i1", sku: "A", stock: "2"})
			s.run()
			for i, twin := range ids {
				if i > 0 { // it has the name that the next one is to get
					if err := s.sim.MerchantDelete(ids[i-1]); err != nil {
						t.Fatal(err)
					}
				}
				if _, err := s.Link(t.Context(), "i1", twin, false); err != nil {
					t.Fatal(err)
				}
				s.idle()
				s.agree("i1")
				if got := s.twin("i1").ID; got != twin {
					t.Errorf("linked to %d, want %d", got, twin)
				}
			}
		})
	})
	t.Run("Err", func(t *testing.T) {
		in(t, func(t *testing.T) {
			s := newShop(t, simulator.Config{}, nil)
			ids := s.seed("ONE", "Tee: T-S=S")
			s.save(item{id: "i1", sku: "A"}, item{id: "i2", sku: "B"})
			if _, err := s.Link(t.Context(), "i1", ids[0], false); err != nil {
				t.Fatal(err)
			}
			for _, tt := range []struct {
				product domain.ProductID
				twin    int64
				is      error
				want    string
			}{
				{"i2", ids[0], nil, "linked to product i1"},
				{"i2", ids[1], nil, "has variants"},
				{"i2", 99, domain.ErrNotFound, "no product 99"},
				{"i3", ids[1], domain.ErrNotFound, "i3"},
			} {
				for _, dryRun := range []bool{false, true} {
					_, err := s.Link(t.Context(), tt.product, tt.twin, dryRun)
					if err == nil || !strings.Contains(err.Error(), tt.want) || tt.is != nil && !errors.Is(err, tt.is) {
						t.Errorf("link %s to %d, dry run %v: %v, want an error with %q", tt.product, tt.twin, dryRun, err, tt.want)
					}
				}
			}
		})
	})
}

func TestPublisher_Unlink(t *testing.T) {
	in(t, func(t *testing.T) {
		s := newShop(t, simulator.Config{}, nil)
		s.save(item{id: "i1", sku: "A", stock: "2"})
		s.link("i1")
		s.run()
		s.idle()
		twin := s.twin("i1")
		if err := s.Unlink(t.Context(), "i1", "sold elsewhere"); err != nil {
			t.Fatal(err)
		}
		s.count("i1", "9")
		s.idle()
		if got := s.sim.Stock(1, twin.ID, 0); got != 2 {
			t.Errorf("stock %d after the link ended, want it as it was", got)
		}
		if err := s.Unlink(t.Context(), "i1", ""); !errors.Is(err, domain.ErrNotFound) {
			t.Errorf("unlink again: %v, want %v", err, domain.ErrNotFound)
		}
		if _, err := s.Link(t.Context(), "i1", twin.ID, false); err != nil {
			t.Fatal(err)
		}
		s.idle()
		s.agree("i1")
	})
}

// Somebody links a product elsewhere while a push of it is in flight.
func TestPublisher_Link_duringPush(t *testing.T) {
	in(t, func(t *testing.T) {
		s := newShop(t, simulator.Config{Latency: 1e9}, nil)
		ids := s.seed("ONE", "TWO")
		s.save(item{id: "i1", sku: "A", stock: "2"})
		if _, err := s.Link(t.Context(), "i1", ids[0], false); err != nil {
			t.Fatal(err)
		}
		s.run()
		synctest.Wait()
		if _, err := s.Link(t.Context(), "i1", ids[1], false); err != nil {
			t.Fatal(err)
		}
		if err := s.sim.MerchantDelete(ids[0]); err != nil {
			t.Fatal(err)
		}
		s.idle()
		s.agree("i1")
		if got := s.publication("i1"); got.Confirmed.BigCommerceID != ids[1] {
			t.Errorf("confirmed by %d, want by the new twin %d", got.Confirmed.BigCommerceID, ids[1])
		}
	})
}
