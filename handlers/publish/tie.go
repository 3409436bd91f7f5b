package publish

import (
	"slices"

	"github.com/tillstream/tillstream/domain"
)

// tie is the link to a twin that has nothing left to change: variants are tied by
// their options.
func (b *blueprint) tie() domain.Link {
	if b.listing.Deleted {
		return b.retie()
	}
	if b.twin.Simple() {
		return linkTo(b.listing, b.twin)
	}
	link := domain.Link{BigCommerceID: int64(b.twin.ID), Variants: []domain.VariantLink{}}
	for i := range b.twin.Variants {
		w := &b.twin.Variants[i]
		if v := b.counterpart(w); v != nil {
			link.Variants = append(link.Variants, domain.VariantLink{Item: v.Item, BigCommerceID: int64(w.ID), SKU: domain.SKU(w.SKU)})
		}
	}
	sortLinks(link.Variants)
	return link
}

// known is the link as far as the twin has got: without variants that are gone, and
// with those that items without a variant have by now.
func (b *blueprint) known() domain.Link {
	link := b.retie()
	for i := range b.twin.Variants {
		w := &b.twin.Variants[i]
		v := b.counterpart(w)
		if v == nil || b.twin.Simple() {
			continue
		}
		_, has := link.Variant(v.Item)
		if !has && !slices.ContainsFunc(link.Variants, func(l domain.VariantLink) bool { return l.BigCommerceID == int64(w.ID) }) {
			link.Variants = append(link.Variants, domain.VariantLink{Item: v.Item, BigCommerceID: int64(w.ID), SKU: domain.SKU(w.SKU)})
		}
	}
	sortLinks(link.Variants)
	return link
}

// retie is the link of a product that is deleted in the POS, with the SKUs that its
// variants have now.
func (b *blueprint) retie() domain.Link {
	link := domain.Link{BigCommerceID: b.link.BigCommerceID, Simple: b.twin.Simple(), Variants: []domain.VariantLink{}}
	for _, v := range b.link.Variants {
		for _, w := range b.twin.Variants {
			if v.BigCommerceID == int64(w.ID) {
				v.SKU = domain.SKU(w.SKU)
				link.Variants = append(link.Variants, v)
			}
		}
	}
	return link
}

// sameLink reports whether two links say the same.
func sameLink(a, b *domain.Link) bool {
	return a.BigCommerceID == b.BigCommerceID && a.Simple == b.Simple && slices.Equal(a.Variants, b.Variants)
}
