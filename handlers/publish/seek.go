package publish

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/bigcommerce"
	"github.com/tillstream/tillstream/projections"
)

// seek looks for the twins of some tasks under their SKUs, and for those that may
// have been created before under the SKUs and the name they were given then.
func (r *round) seek(ctx context.Context, tasks []*task) error {
	candidates := make([]Candidate, len(tasks))
	for i, t := range tasks {
		candidates[i] = r.p.candidate(t.product, t.desired.Listing)
	}
	var shop *Shop
	err := r.p.ask(ctx, func(ctx context.Context) (err error) {
		shop, err = r.p.shop(ctx, candidates)
		return err
	})
	if over(ctx) {
		return context.Cause(ctx)
	}
	if err != nil {
		for _, t := range tasks {
			t.putOff(r.p.cfg.Now())
		}
		return nil
	}
	for i, m := range shop.Matches(candidates, r.p.twin, r.p.yields) {
		t := tasks[i]
		pub := r.p.cfg.Publications.Publication(r.p.cfg.Store, t.product)
		until, inDoubt := r.p.inDoubt(&pub, t.replaces())
		switch {
		case inDoubt && !t.unsent && !m.created: // another that has one of the SKUs would not be the only twin
			t.keepQuiet(until)
			t.leave(true)
		case m.Link != nil && m.Link.BigCommerceID == t.replaces():
			t.gone = 0 // it is there after all
			t.putOff(r.p.cfg.Now())
		case m.Link != nil && !m.created && r.makeWayLost(ctx, t):
		case m.Link != nil:
			t.twin, t.found, t.born = m.Link, m.variants, pub.Creating != nil
		case m.Reason != "" && r.makeWay(ctx, m, t):
		case m.Reason != "":
			t.refuse(Refusal{Field: "sku", Reason: "no twin can be chosen: " + m.Reason}, r.p.cfg.Now())
		}
	}
	return nil
}

// makeWay lets a task wait for a product of ours that makes way for it: the rival of
// its match, or one that is linked to one of the BigCommerce products it could be.
func (r *round) makeWay(ctx context.Context, m Match, t *task) bool {
	c := claimsOf(t)
	return r.makeWayLost(ctx, t) || r.makesWay(ctx, m.Rival, t, c) || slices.ContainsFunc(m.Twins, func(twin int64) bool {
		owner, _ := r.p.twin(twin)
		return r.makesWay(ctx, owner, t, c)
	})
}

// makeWayLost lets a task wait for a product of ours for which something with its SKUs was
// created, and which has not heard of that yet: it knows what of its twin is ours.
func (r *round) makeWayLost(ctx context.Context, t *task) bool {
	c := claimsOf(t)
	if r.lost == nil { // a round looks for them once: there may be a million publications
		r.lost = r.p.lostCreations()
	}
	lost := r.lost
	for _, id := range slices.Sorted(maps.Keys(lost)) {
		ours := slices.ContainsFunc(lost[id], func(sku string) bool { return contains(c.skus, sku) })
		if ours && r.makesWay(ctx, id, t, c) {
			return true
		}
	}
	return false
}

// lostCreations are the SKUs of what BigCommerce was asked to create for products without a
// twin. It looks at all publications.
func (p *Publisher) lostCreations() map[domain.ProductID][]string {
	lost := map[domain.ProductID][]string{}
	for id, pub := range p.cfg.Publications.Outlines(p.cfg.Store) {
		if skus := making(&pub); pub.Link == nil && len(skus) > 0 {
			lost[id] = skus
		}
	}
	return lost
}

// claimsOf are the SKUs that a task is to have.
func claimsOf(t *task) (c claims) {
	for _, v := range t.desired.Listing.Variants {
		c.skus = append(c.skus, string(v.SKU))
	}
	return c
}

// inDoubt reports whether the creation of a twin that is on record may still come true, if
// it was sent at all, and until when. replaces is the twin that is gone, of a product that
// had one, and 0 for any other.
func (p *Publisher) inDoubt(pub *projections.Publication, replaces int64) (until time.Time, is bool) {
	if pub.Creating == nil || p.settled(pub, replaces) {
		return time.Time{}, false
	}
	until = pub.Creating.At.Add(p.cfg.Quiet)
	return until, until.After(p.cfg.Now())
}

// settled reports whether BigCommerce has refused the last try to create, or we have refused
// the product when that could come true no more. Of a product whose twin is gone that is
// not told apart from the twin's being gone.
func (p *Publisher) settled(pub *projections.Publication, replaces int64) bool {
	at := pub.Creating.At
	if refused := pub.Refused; refused != nil && refused.Status == 0 {
		at = at.Add(p.cfg.Quiet)
	}
	return replaces == 0 && pub.Refused != nil && !pub.Refused.At.Before(at)
}

// candidate is a product as the search for its twin sees it.
func (p *Publisher) candidate(id domain.ProductID, listing domain.Listing) Candidate {
	c := Candidate{Product: id, Listing: listing}
	if made := p.cfg.Publications.Publication(p.cfg.Store, id).Creating; made != nil {
		c.As = made.Name
		for _, sku := range made.SKUs {
			c.Also = append(c.Also, domain.SKU(sku))
		}
	}
	return c
}

// shop reads the BigCommerce products that have any of the candidates' SKUs.
func (p *Publisher) shop(ctx context.Context, candidates []Candidate) (*Shop, error) {
	found, err := p.ofVariants(ctx, skusOf(candidates))
	return NewShop(found), err
}

// skusOf returns the SKUs under which some products look for their twins, each once.
func skusOf(candidates []Candidate) []string {
	var skus []string
	for _, c := range candidates {
		for _, sku := range append(c.skus(), c.Also...) {
			skus = append(skus, string(sku))
		}
	}
	slices.Sort(skus)
	return slices.Compact(skus)
}

// ofVariants reads the BigCommerce products that have a variant, the base variant
// included, of one of some SKUs.
func (p *Publisher) ofVariants(ctx context.Context, skus []string) ([]bigcommerce.Product, error) {
	variants, err := p.cfg.Client.VariantsBySKU(ctx, skus)
	if err != nil || len(variants) == 0 {
		return nil, err
	}
	ids := make([]bigcommerce.ProductID, len(variants))
	for i, v := range variants {
		ids[i] = v.ProductID
	}
	slices.Sort(ids)
	return p.cfg.Client.ProductsByID(ctx, slices.Compact(ids))
}

// lookAgain looks for the twin of a product that BigCommerce says it has already.
func (r *round) lookAgain(ctx context.Context, t *task) (bool, error) {
	c := []Candidate{r.p.candidate(t.product, t.desired.Listing)}
	shop, err := r.p.shop(ctx, c)
	if err != nil {
		return false, err
	}
	m := shop.Matches(c, r.p.twin, r.p.yields)[0]
	t.twin, t.found, t.born = m.Link, m.variants, true
	return t.twin != nil, nil
}
