package publish

import (
	"fmt"
	"maps"
	"slices"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/bigcommerce"
	"github.com/tillstream/tillstream/projections"
)

// Creations that have not been heard of, as whoever links products has to mind them.

// unfinished reports whether BigCommerce was asked to create a twin and what became of that
// is not known: a link to another one might make a second twin of what comes true.
func (p *Publisher) unfinished(pub *projections.Publication) bool {
	switch {
	case pub.Creating == nil:
		return false
	case pub.Link == nil:
		return !p.settled(pub, 0)
	case pub.Broken(): // else it is about variants of the twin that is there, or was
		_, inDoubt := p.inDoubt(pub, pub.Link.BigCommerceID)
		return inDoubt || pub.Creating.At.After(pub.Refused.At)
	}
	return false
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

// unheardOf are the products whose creation is unfinished and that have no twin, by the
// folded SKUs that they were to be created with.
func (p *Publisher) unheardOf() map[string]domain.ProductID {
	owners := map[string]domain.ProductID{}
	lost := p.lostCreations()
	for _, id := range slices.Sorted(maps.Keys(lost)) {
		if pub := p.cfg.Publications.Publication(p.cfg.Store, id); !p.unfinished(&pub) {
			continue
		}
		for _, sku := range lost[id] {
			owners[domain.SKU(sku).Fold()] = id
		}
	}
	return owners
}

// createdFor returns another product for which a twin with some variants may have been
// created.
func createdFor(id domain.ProductID, variants []bigcommerce.Variant, unheardOf map[string]domain.ProductID) (owner domain.ProductID, is bool) {
	for i := range variants {
		if owner, is := unheardOf[domain.SKU(variants[i].SKU).Fold()]; is && owner != id {
			return owner, true
		}
	}
	return "", false
}

// takenFrom says what to do about a twin that may have been created for another product.
func takenFrom(owner domain.ProductID, twin int64) string {
	return fmt.Sprintf("BigCommerce product %d may have been created for product %s, which has not heard of it: run `tillstream publish %s` first", twin, owner, owner)
}
