package publish

import (
	"context"
	"fmt"
	"slices"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/bigcommerce"
	"github.com/tillstream/tillstream/projections"
)

// broken words the refusal by which a link is marked as broken, and says what was
// tried and what to do.
func broken(id domain.ProductID, twin int64, tried string) Refusal {
	if tried != "" {
		tried = ", and " + tried
	}
	return Refusal{Status: projections.BrokenStatus, Field: projections.BrokenField, Reason: fmt.Sprintf(
		"BigCommerce has no product %d any more%s: create it anew with `tillstream publish %s`, or link another with `tillstream link %s BIGCOMMERCE_ID`",
		twin, tried, id, id)}
}

// lose decides what becomes of a task whose twin is gone. Where another twin is
// looked for nothing is recorded yet: after a crash the push meets the same again.
func (r *round) lose(t *task) {
	twin, now := t.desired.Link.BigCommerceID, r.p.cfg.Now()
	switch {
	case t.desired.Listing.Deleted:
		const reason = "deleted in the POS, and gone from BigCommerce"
		t.leave(false)
		t.note(&domain.ProductUnlinked{Product: t.product, Reason: reason}, Outcome{Kind: Unlinked, BigCommerceID: twin, Reason: reason}, now)
	case r.p.cfg.OnMissing == MissingReports && !t.create:
		t.refuse(broken(t.product, twin, ""), now)
	default:
		t.gone, t.force = twin, false
		t.leave(true)
	}
}

// seeksOther reports whether a product is to get another twin in the place of one
// that is gone: because a push has just met that, or because its link is marked as
// broken and somebody asks for it, or the product has changed since and the setting
// says so.
func (p *Publisher) seeksOther(pub *projections.Publication, due domain.Position, a ask) bool {
	if pub.Link == nil {
		return false
	}
	changed := p.cfg.OnMissing != MissingReports && pub.Refused != nil && due > pub.Refused.Position
	return a.gone == pub.Link.BigCommerceID || pub.Broken() && (a.create || changed)
}

// mayCreate reports whether a task without a twin may be given a new one.
func (r *round) mayCreate(t *task) bool {
	return t.replaces() == 0 || t.create || r.p.cfg.OnMissing == MissingRecreates
}

// missing finds out, after BigCommerce has answered 404 to an update, which of its
// products are gone: one read, instead of a search. The others are sent again.
func (r *round) missing(ctx context.Context, ph *phase, rows []Row, carried map[bigcommerce.ProductID]*task, answer error) error {
	ids := make([]bigcommerce.ProductID, 0, len(carried))
	for id := range carried {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	there, err := r.p.cfg.Client.ExistingProducts(ctx, ids)
	if err != nil {
		return err
	}
	if len(there) == len(ids) {
		return answer
	}
	for id, t := range carried {
		if !slices.Contains(there, id) {
			r.lose(t)
		}
	}
	ph.add(rows)
	return errAnswered
}
