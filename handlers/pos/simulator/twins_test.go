package simulator

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tillstream/tillstream/domain"
)

func TestTwins(t *testing.T) {
	t.Parallel()
	c := imported(t, domain.StockLevels)
	twins := Twins()
	if diff := cmp.Diff(twins, Twins(), cmp.Comparer(domain.Money.Equal)); diff != "" {
		t.Errorf("not the same twice:\n%s", diff)
	}

	// BigCommerce refuses a second name or SKU, in whatever case.
	names, skus := map[string]bool{}, map[string]bool{}
	bySKU := map[string]domain.ProductID{}
	for id, p := range c.products {
		for _, it := range p.Items {
			bySKU[it.SKU.Fold()] = id
		}
	}
	twinsOf := map[domain.ProductID]int{}
	var retyped, sale, msrp, lacking, ofTwo, alone int
	for _, w := range twins {
		if key := strings.ToLower(w.Name); names[key] {
			t.Errorf("two twins are named %q", w.Name)
		} else {
			names[key] = true
		}
		var of []domain.ProductID
		for _, sku := range w.skus() {
			folded := domain.SKU(sku).Fold()
			if sku == "" || skus[folded] {
				t.Errorf("%s: SKU %q is empty or another's", w.Name, sku)
			}
			skus[folded] = true
			id, ok := bySKU[folded]
			if ok && !slices.Contains(of, id) {
				of = append(of, id)
			}
			if sku != strings.ToUpper(sku) {
				retyped++
			}
		}
		slices.Sort(of)
		want := slices.Sorted(slices.Values(w.Of))
		if !slices.Equal(of, want) {
			t.Errorf("%s: says it is of %q, its SKUs are of %q", w.Name, want, of)
		}
		for _, id := range of {
			twinsOf[id]++
		}
		if w.Weight < 0 || w.PageTitle == "" || w.MetaDescription == "" || len(w.Categories) == 0 {
			t.Errorf("%s: nobody worked on it: %+v", w.Name, w)
		}
		if w.SalePrice.Decimal().Cmp(w.Price.Decimal()) >= 0 {
			t.Errorf("%s: sale price %s is no less than %s", w.Name, w.SalePrice, w.Price)
		}
		switch len(of) {
		case 0:
			alone++
			continue
		case 2:
			ofTwo++
			continue
		}
		if !w.SalePrice.IsZero() {
			sale++
		}
		if !w.MSRP.IsZero() {
			msrp++
		}
		p := c.products[of[0]]
		if (len(w.Variants) == 0) != (len(p.Items[0].Options) == 0) {
			t.Errorf("%s: has %d variants, the POS has %d items", w.Name, len(w.Variants), len(p.Items))
		}
		if len(w.Variants) > 0 && len(w.Variants) < len(p.Items) && len(w.Variants) != 8 && len(w.Variants) != 4 {
			lacking++
		}
		if w.Price.Equal(p.Items[0].RetailPrice) || w.Description == p.Family.Description {
			t.Errorf("%s: is as the POS has it, so that no push can be seen", w.Name)
		}
	}
	split := 0
	for _, n := range twinsOf {
		if n > 1 {
			split++
		}
	}
	if share := len(twinsOf) * 100 / len(c.products); share < 65 || share > 78 {
		t.Errorf("got twins for %d%% of the products, want about 70%%", share)
	}
	if retyped < 50 || sale < 10 || msrp < 20 || lacking != 2 || ofTwo != 1 || split != 1 || alone < 4 {
		t.Errorf("got %d retyped SKUs, %d sale prices, %d MSRPs, %d twins that lack a variant, %d twins of two products, %d products of two twins, %d of none",
			retyped, sale, msrp, lacking, ofTwo, split, alone)
	}
}

func (w *Twin) skus() []string {
	if len(w.Variants) == 0 {
		return []string{w.SKU}
	}
	var out []string
	for _, v := range w.Variants {
		out = append(out, v.SKU)
	}
	return out
}
