package publish

import (
	"slices"

	"github.com/tillstream/tillstream/domain"
)

// fits reports whether the link has a BigCommerce variant for each variant that is
// listed and for no other, under its SKU. The SKU of a simple product is part of
// the product's own update, so another one there is no change of structure.
func fits(l *domain.Listing, link *domain.Link) bool {
	if l.Deleted {
		return true
	}
	if l.Simple() != link.Simple || len(l.Variants) != len(link.Variants) {
		return false
	}
	for _, v := range l.Variants {
		linked, ok := link.Variant(v.Item)
		if !ok || !link.Simple && linked.SKU != v.SKU {
			return false
		}
	}
	return true
}

// renamed reports whether a simple product has another SKU than its link says. One
// that is deleted in the POS may have lost its own to another product.
func (d *Desired) renamed() bool {
	if !d.Link.Simple || d.Listing.Deleted || len(d.Link.Variants) == 0 {
		return false
	}
	return d.Link.Variants[0].SKU != d.lead().SKU
}

// relinked is the link of a simple product whose SKU was pushed.
func (d *Desired) relinked() domain.Link {
	link := d.Link
	link.Variants = slices.Clone(link.Variants)
	link.Variants[0].SKU = d.lead().SKU
	return link
}
