package publish

import (
	"context"
	"slices"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/bigcommerce"
)

// remove deletes the twins of products that are deleted in the POS, where that is
// the store's rule, and ends their links.
func (r *round) remove(ctx context.Context) error {
	if r.p.cfg.Rules.OnDelete != domain.DeleteDeletes {
		return nil
	}
	var rows []Row
	for _, t := range r.tasks {
		if !t.left && t.toPush() && t.desired.Listing.Deleted {
			rows = append(rows, Row{Product: t.product})
		}
	}
	ph := r.phase(r.sendRemovals)
	r.refuseIn(ph, r.reject)
	return ph.run(ctx, slices.Collect(slices.Chunk(rows, bigcommerce.MaxDeletes)), r.p.cfg.Concurrency)
}

func (r *round) sendRemovals(ctx context.Context, _ *phase, rows []Row) error {
	var ids []bigcommerce.ProductID
	var carried []*task
	err := r.each(ctx, rows, func(t *task, _ Row) {
		if !t.desired.Listing.Deleted {
			t.leave(true) // it was brought back
			return
		}
		ids = append(ids, bigcommerce.ProductID(t.desired.Link.BigCommerceID))
		carried = append(carried, t)
	})
	if err != nil {
		return err
	}
	if len(ids) == 0 {
		return errNothing
	}
	if err := r.p.cfg.Client.DeleteProducts(ctx, ids); err != nil {
		return err
	}
	for _, t := range carried {
		const reason = "deleted in the POS, and so in BigCommerce"
		t.leave(false)
		t.note(&domain.ProductUnlinked{Product: t.product, Reason: reason},
			Outcome{Kind: Unlinked, BigCommerceID: t.desired.Link.BigCommerceID, Reason: reason}, r.p.cfg.Now())
	}
	return nil
}
