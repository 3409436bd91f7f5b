package publish

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/bigcommerce"
	"github.com/tillstream/tillstream/projections"
)

// Creations that have not been heard of, as whoever links products has to mind them.

// unfinished reports whether BigCommerce was asked to create a twin and what became of that
// is not known: a link to another one might make a second twin of what comes true. gone is a
// twin that was found to be gone, 0 for none: not until a push is refused is that on record.
func (p *Publisher) unfinished(pub *projections.Publication, gone int64) bool {
	switch {
	case pub.Creating == nil:
		return false
	case pub.Link == nil:
		return !p.settled(pub, 0)
	case pub.Broken(): // else it is about variants of the twin that is there, or was
		_, inDoubt := p.inDoubt(pub, pub.Link.BigCommerceID)
		return inDoubt || pub.Creating.At.After(pub.Refused.At)
	}
	return pub.Link.BigCommerceID == gone
}

// silentlyGone returns the twin of a product that is to be linked to another one, if it is
// gone, which is not on record: what BigCommerce was asked to create, or is asked by the time
// of the link, may be one in its place. Else it returns 0.
func (p *Publisher) silentlyGone(ctx context.Context, pub *projections.Publication, other int64) (int64, error) {
	if pub.Link == nil || pub.Broken() || pub.Link.BigCommerceID == other {
		return 0, nil
	}
	twin := pub.Link.BigCommerceID
	there, err := p.cfg.Client.ExistingProducts(ctx, []bigcommerce.ProductID{bigcommerce.ProductID(twin)})
	if err != nil || len(there) > 0 {
		return 0, err
	}
	return twin, nil
}

// notHeardOf says what to do about a product whose creation is unfinished; "" when it may be
// linked to a match all the same. What was created for it is for a creation to finish: a
// link would leave out what belongs to that.
func (p *Publisher) notHeardOf(pub *projections.Publication, m *Match) string {
	until := pub.Creating.At.Add(p.cfg.Quiet)
	switch {
	case until.After(p.cfg.Now()):
		return fmt.Sprintf("BigCommerce was asked to create product %s, which may still come true until %s: try again then, or run `tillstream publish %s`", m.Product, clock(until), m.Product)
	case m.created:
		return fmt.Sprintf("BigCommerce product %s has what product %s was created with: run `tillstream publish %s`", list(m.Twins), m.Product, m.Product)
	}
	return ""
}

// creation is one that has not been heard of.
type creation struct {
	owner domain.ProductID
	twin  int64 // that the owner has, or had: it may be about variants of that one; 0 for none
}

// unheardOf are the creations that are unfinished, or about a twin that may be gone, by the
// folded SKUs that were to be created. It looks at all publications.
func (p *Publisher) unheardOf() map[string]creation {
	asked := map[domain.ProductID][]string{}
	for id, pub := range p.cfg.Publications.Outlines(p.cfg.Store) {
		if skus := making(&pub); len(skus) > 0 {
			asked[id] = skus
		}
	}
	unheard := map[string]creation{}
	for _, id := range slices.Sorted(maps.Keys(asked)) {
		pub, c := p.cfg.Publications.Publication(p.cfg.Store, id), creation{owner: id}
		if pub.Link != nil {
			c.twin = pub.Link.BigCommerceID
		}
		if _, inDoubt := p.inDoubt(&pub, c.twin); !inDoubt && !p.unfinished(&pub, 0) {
			continue
		}
		for _, sku := range asked[id] {
			unheard[domain.SKU(sku).Fold()] = c
		}
	}
	return unheard
}

// createdFor returns another product for which a BigCommerce product with some variants may
// have been created.
func createdFor(id domain.ProductID, twin int64, variants []bigcommerce.Variant, unheardOf map[string]creation) (owner domain.ProductID, is bool) {
	for i := range variants {
		if c, is := unheardOf[domain.SKU(variants[i].SKU).Fold()]; is && c.owner != id && c.twin != twin {
			return c.owner, true
		}
	}
	return "", false
}

// takenFrom says what to do about a twin that may have been created for another product.
func takenFrom(owner domain.ProductID, twin int64) string {
	return fmt.Sprintf("BigCommerce product %d may have been created for product %s, which has not heard of it: run `tillstream publish %s` first", twin, owner, owner)
}
