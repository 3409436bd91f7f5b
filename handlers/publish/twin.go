package publish

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/bigcommerce"
)

// Shop is BigCommerce's side of a search for twins, indexed by SKU.
type Shop struct {
	products map[bigcommerce.ProductID]bigcommerce.Product
	bySKU    map[string][]bigcommerce.ProductID // folded; ascending, each once
}

// NewShop indexes products that were read with their variants.
func NewShop(products []bigcommerce.Product) *Shop {
	s := &Shop{products: map[bigcommerce.ProductID]bigcommerce.Product{}, bySKU: map[string][]bigcommerce.ProductID{}}
	s.add(products)
	return s
}

func (s *Shop) add(products []bigcommerce.Product) {
	for _, p := range products {
		s.products[p.ID] = p
		s.enter(p.SKU, p.ID)
		for _, v := range p.Variants {
			s.enter(v.SKU, p.ID)
		}
	}
}

func (s *Shop) enter(sku string, id bigcommerce.ProductID) {
	folded := domain.SKU(sku).Fold()
	if folded == "" {
		return
	}
	if at, found := slices.BinarySearch(s.bySKU[folded], id); !found {
		s.bySKU[folded] = slices.Insert(s.bySKU[folded], at, id)
	}
}

// Candidate is a product that looks for its twin.
type Candidate struct {
	Product domain.ProductID
	Listing domain.Listing
	// Also are SKUs, and As the name, under which it may have been created earlier.
	Also []domain.SKU
	As   string
}

// skus are all that its twin is to have.
func (c *Candidate) skus() []domain.SKU {
	var out []domain.SKU
	if c.Listing.Deleted {
		return nil
	}
	for _, v := range c.Listing.Variants {
		out = append(out, v.SKU)
	}
	return out
}

// Match is the answer for one candidate: a link, or a reason why there is none, or
// neither when no SKU of it is known to the shop.
type Match struct {
	Product domain.ProductID
	Link    *domain.Link
	Reason  string  // why it is ambiguous
	Twins   []int64 // BigCommerce products that have a SKU of it
	// Rival is another product that has, or wants, the one it could be.
	Rival domain.ProductID
	// variants are those of the twin.
	variants []bigcommerce.Variant
	// created says that the twin was recognised by what it was created with.
	created bool
}

// Matches finds the twins of the candidates, in their order. linked says which
// BigCommerce products other products are linked to, and yields which of those give
// theirs to a candidate that has its SKU. A BigCommerce product that two candidates
// want goes to neither.
func (s *Shop) Matches(candidates []Candidate, linked func(bigcommerceID int64) (domain.ProductID, bool), yields func(domain.ProductID) bool) []Match {
	born := map[int64]domain.ProductID{}
	for i := range candidates {
		if id, is := s.born(&candidates[i], linked); is {
			born[id] = candidates[i].Product
		}
	}
	owner := func(id int64) (domain.ProductID, bool) {
		if p, is := born[id]; is {
			return p, true
		}
		return linked(id)
	}
	out := make([]Match, len(candidates))
	wanted := map[int64][]int{}
	for i := range candidates {
		out[i] = s.match(&candidates[i], owner, yields)
		for _, twin := range out[i].Twins {
			wanted[twin] = append(wanted[twin], i)
		}
	}
	for twin, by := range wanted {
		for _, i := range by {
			// Two want it; who it was created for has it.
			other := slices.IndexFunc(by, func(j int) bool { return j != i && (out[j].created || !out[i].created) })
			if other < 0 || out[i].Link == nil && out[i].Reason != "" {
				continue
			}
			rival := candidates[by[other]].Product
			out[i].Link, out[i].Rival, out[i].Reason = nil, rival, fmt.Sprintf("product %s has a SKU of BigCommerce product %d too", rival, twin)
		}
	}
	return out
}

// born returns the BigCommerce product that was created for a candidate, under one of
// the SKUs and the name that were recorded before, if it is nobody's yet.
func (s *Shop) born(c *Candidate, linked func(int64) (domain.ProductID, bool)) (int64, bool) {
	for _, sku := range c.Also {
		for _, id := range s.bySKU[sku.Fold()] {
			if _, is := linked(int64(id)); !is && foldLabel(s.products[id].Name) == foldLabel(c.As) {
				return int64(id), true
			}
		}
	}
	return 0, false
}

func (s *Shop) match(c *Candidate, linked func(int64) (domain.ProductID, bool), yields func(domain.ProductID) bool) Match {
	m := Match{Product: c.Product}
	ambiguous := func(format string, args ...any) Match {
		m.Reason = fmt.Sprintf(format, args...)
		return m
	}
	find := func(skus []domain.SKU, counts func(int64) bool) {
		for _, sku := range skus {
			for _, id := range s.bySKU[sku.Fold()] {
				if !slices.Contains(m.Twins, int64(id)) && counts(int64(id)) {
					m.Twins = append(m.Twins, int64(id))
				}
			}
		}
	}
	// The SKUs of the one that was created for it may be other products' by now, and it
	// may have got variants, or none any more, since. The merchant may have renamed it.
	find(c.Also, func(id int64) bool { other, is := linked(id); return is && other == c.Product })
	if len(m.Twins) == 0 {
		find(c.Also, func(id int64) bool { _, is := linked(id); return !is })
	}
	if m.created = len(m.Twins) == 1; !m.created {
		find(c.skus(), func(int64) bool { return true })
	}
	slices.Sort(m.Twins)
	switch {
	case len(m.Twins) == 0:
		return m
	case len(m.Twins) > 1:
		return ambiguous("its SKUs are spread over BigCommerce products %s", list(m.Twins))
	}
	if other, is := linked(m.Twins[0]); is && other != c.Product && !yields(other) {
		m.Rival = other
		return ambiguous("BigCommerce product %d is linked to product %s", m.Twins[0], other)
	}
	twin := s.products[bigcommerce.ProductID(m.Twins[0])]
	switch {
	case m.created:
	case c.Listing.Simple() && !twin.Simple():
		return ambiguous("BigCommerce product %d has variants, product %s has none", twin.ID, c.Product)
	case !c.Listing.Simple() && twin.Simple():
		return ambiguous("BigCommerce product %d has no variants, product %s has", twin.ID, c.Product)
	}
	link := linkTo(&c.Listing, &twin)
	m.Link, m.variants = &link, twin.Variants
	return m
}

// linkTo ties a listing to a BigCommerce product, variant by variant: by SKU, and
// what is left by equal option values. Variants without a counterpart stay
// unlinked until a push creates them.
func linkTo(l *domain.Listing, twin *bigcommerce.Product) domain.Link {
	link := domain.Link{BigCommerceID: int64(twin.ID), Simple: twin.Simple(), Variants: []domain.VariantLink{}}
	if twin.Simple() {
		if at := simpleCounterpart(l, twin); at >= 0 {
			link.Variants = append(link.Variants, domain.VariantLink{
				Item: l.Variants[at].Item, BigCommerceID: int64(*twin.BaseVariantID), SKU: domain.SKU(twin.SKU)})
		}
		return link
	}
	used := map[bigcommerce.VariantID]bool{}
	linked := map[domain.ItemID]bool{}
	tie := func(same func(*domain.ListedVariant, *bigcommerce.Variant) bool) {
		for i := range l.Variants {
			v := &l.Variants[i]
			for j := range twin.Variants {
				w := &twin.Variants[j]
				if !linked[v.Item] && !used[w.ID] && same(v, w) {
					linked[v.Item], used[w.ID] = true, true
					link.Variants = append(link.Variants, domain.VariantLink{Item: v.Item, BigCommerceID: int64(w.ID), SKU: domain.SKU(w.SKU)})
				}
			}
		}
	}
	tie(func(v *domain.ListedVariant, w *bigcommerce.Variant) bool {
		return v.SKU.Fold() != "" && v.SKU.Fold() == domain.SKU(w.SKU).Fold()
	})
	tie(func(v *domain.ListedVariant, w *bigcommerce.Variant) bool {
		return combination(v.Options) == combination(optionsOf(w))
	})
	sortLinks(link.Variants)
	return link
}

// simpleCounterpart is the variant that a BigCommerce product without options
// stands for: the one of its SKU, or the only one there is.
func simpleCounterpart(l *domain.Listing, twin *bigcommerce.Product) int {
	at := slices.IndexFunc(l.Variants, func(v domain.ListedVariant) bool { return v.SKU.Fold() == domain.SKU(twin.SKU).Fold() })
	if at < 0 && len(l.Variants) == 1 {
		return 0
	}
	return at
}

func sortLinks(links []domain.VariantLink) {
	slices.SortFunc(links, func(a, b domain.VariantLink) int { return strings.Compare(string(a.Item), string(b.Item)) })
}

func optionsOf(v *bigcommerce.Variant) []domain.Option {
	out := make([]domain.Option, len(v.OptionValues))
	for i, o := range v.OptionValues {
		out[i] = domain.Option{Name: o.Option, Value: o.Label}
	}
	return out
}

func list(ids []int64) string {
	texts := make([]string, len(ids))
	for i, id := range ids {
		texts[i] = fmt.Sprint(id)
	}
	return strings.Join(texts, ", ")
}
