package publish

import (
	"fmt"
	"slices"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/bigcommerce"
)

// clearing frees a SKU that the product itself has for the variant that is to have
// it: BigCommerce wants each SKU once.
func (b *blueprint) clearing() []change {
	own := domain.SKU(b.twin.SKU).Fold()
	if own != "" && slices.ContainsFunc(b.listing.Variants, func(v domain.ListedVariant) bool { return v.SKU.Fold() == own }) {
		return []change{{clearSKU: true}}
	}
	return nil
}

// renames give variants their listed SKUs, each once the SKU is free. Where
// variants wait for each other, one gets a SKU of its own for the time being.
func (b *blueprint) renames() []change {
	type move struct {
		variant  bigcommerce.VariantID
		from, to string
	}
	var moves []move
	held := map[string]bool{} // folded
	for i := range b.twin.Variants {
		w := &b.twin.Variants[i]
		held[domain.SKU(w.SKU).Fold()] = true
		if v := b.counterpart(w); v != nil && string(v.SKU) != w.SKU {
			moves = append(moves, move{w.ID, w.SKU, string(v.SKU)})
		}
	}
	var out []change
	rename := func(m *move, to string) {
		out = append(out, change{renameVariant: &variantChange{m.variant, to}})
		delete(held, domain.SKU(m.from).Fold())
		held[domain.SKU(to).Fold()] = true
		m.from = to
	}
	for len(moves) > 0 {
		left := slices.DeleteFunc(slices.Clone(moves), func(m move) bool {
			to := domain.SKU(m.to).Fold()
			free := !held[to] || to == domain.SKU(m.from).Fold()
			if free {
				rename(&m, m.to)
			}
			return free
		})
		if len(left) == len(moves) {
			aside := slices.IndexFunc(left, func(m move) bool { return m.from != placeholder(m.variant) })
			if aside < 0 { // what they wait for is no variant that moves
				break
			}
			rename(&left[aside], placeholder(left[aside].variant))
		}
		moves = left
	}
	return out
}

// placeholder is a SKU for a variant that is to give up its own, since a variant
// must have one.
func placeholder(id bigcommerce.VariantID) string { return fmt.Sprintf("moving-%d", id) }

// releases are the changes by which a twin gives up SKUs.
func (b *blueprint) releases() []change {
	released := func(sku string) bool {
		wanted := slices.ContainsFunc(b.listing.Variants, func(v domain.ListedVariant) bool { return v.SKU.Fold() == domain.SKU(sku).Fold() })
		return contains(b.release, sku) && (b.listing.Deleted || !wanted)
	}
	var out []change
	if released(b.twin.SKU) {
		out = append(out, change{clearSKU: true})
	}
	for _, w := range b.twin.Variants {
		switch {
		case b.twin.Simple() || !released(w.SKU):
		case b.linked(w.ID):
			out = append(out, change{renameVariant: &variantChange{w.ID, placeholder(w.ID)}})
		default: // no item of the product is it
			out = append(out, change{deleteVariant: w.ID})
		}
	}
	return out
}
