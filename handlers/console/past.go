package console

import (
	"context"
	"net/http"
	"slices"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/problem"
	"github.com/tillstream/tillstream/projections"
)

// pageAt is what a product was at a moment, and what BigCommerce was told of it until
// then.
func (c *Console) pageAt(ctx context.Context, store domain.StoreID, m projections.Match, in *AtInput) (ProductPage, error) {
	at, err := c.instant(ctx, "at", in.At, in.Time)
	if err != nil {
		return ProductPage{}, err
	}
	if at.Position == 0 {
		return ProductPage{}, problem.Newf(http.StatusNotFound, "at %s nothing was recorded yet", in.At)
	}
	p, err := c.Past.ProductAt(ctx, store, m, at.Instant)
	if err != nil {
		return ProductPage{}, err
	}
	pub, err := c.publicationAt(ctx, store, p.ID, at.sync)
	if err != nil {
		return ProductPage{}, err
	}
	var quarantined []QuarantinedItem
	for _, q := range pub.Quarantined {
		if slices.ContainsFunc(p.Items, func(it domain.Item) bool { return it.ID == q.Item }) {
			quarantined = append(quarantined, QuarantinedItem{q.Item, q.Position, q.Reason})
		}
	}
	return productPage(&p, pub, quarantined), nil
}

// publicationAt is the publication up to a position of the SYNC log, which may be before
// the first.
func (c *Console) publicationAt(ctx context.Context, store domain.StoreID, id domain.ProductID, to domain.Position) (projections.Publication, error) {
	if to == 0 {
		return projections.Publication{}, nil
	}
	return c.Past.PublicationAt(ctx, store, id, to)
}
