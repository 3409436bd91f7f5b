package projections

import (
	"slices"

	"github.com/tillstream/tillstream/domain"
)

// skuIndex says which items have a SKU, folded, in the order in which they came. Mostly
// that is one, so only the others have a list.
type skuIndex struct {
	first map[string]domain.ItemID
	more  map[string][]domain.ItemID
}

// newSKUIndex makes one that is empty, with room for some items.
func newSKUIndex(items int) skuIndex {
	return skuIndex{first: make(map[string]domain.ItemID, items), more: map[string][]domain.ItemID{}}
}

// add enters an item that may be there.
func (x *skuIndex) add(sku string, item domain.ItemID) {
	first, is := x.first[sku]
	switch {
	case !is:
		x.first[sku] = item
	case first != item && !slices.Contains(x.more[sku], item):
		x.more[sku] = append(x.more[sku], item)
	}
}

// remove takes an item out that need not be there.
func (x *skuIndex) remove(sku string, item domain.ItemID) {
	first, is := x.first[sku]
	if !is {
		return
	}
	left := slices.DeleteFunc(slices.Clone(x.more[sku]), func(other domain.ItemID) bool { return other == item })
	switch {
	case first != item:
	case len(left) == 0:
		delete(x.first, sku)
	default:
		x.first[sku], left = left[0], left[1:]
	}
	if len(left) == 0 {
		delete(x.more, sku)
	} else {
		x.more[sku] = left
	}
}

// of lists the items that have a SKU.
func (x *skuIndex) of(sku string) []domain.ItemID {
	first, is := x.first[sku]
	if !is {
		return nil
	}
	return append([]domain.ItemID{first}, x.more[sku]...)
}
