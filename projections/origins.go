package projections

import (
	"context"

	"github.com/tillstream/tillstream/domain"
)

// Origins are the events behind a product's values: of each field the newest that
// changed it. Fields are named as by [Compare], "family.name" or
// "items.i-1.stock.Quayside". An event that describes the product, or an item, for
// the first time decides each of its described fields, the empty ones too; that of
// an item is also under "items.i-1" alone.
type Origins map[string]domain.Recorded

func (o Origins) decide(prefix string, by domain.Recorded, fields ...string) {
	for _, f := range fields {
		o[prefix+f] = by
	}
}

// Newest returns the newest of the origins of some fields, or false when none is
// known.
func (o Origins) Newest(fields ...string) (domain.Recorded, bool) {
	var newest domain.Recorded
	for _, f := range fields {
		if rec := o[f]; rec.Position > newest.Position {
			newest = rec
		}
	}
	return newest, newest.Position > 0
}

// Origins finds the origins of all values of a product as it was at a position, 0 for
// now, whatever items have been in it. The error is [ErrForgotten] where it is not
// remembered which these are.
func (p *Past) Origins(ctx context.Context, store domain.StoreID, product domain.ProductID, to domain.Position) (Origins, error) {
	to, err := p.reach(ctx, to)
	if err != nil {
		return nil, err
	}
	o := Origins{}
	err = p.replay(ctx, store, Match{Product: product}, to, func(s *scene, rec domain.Recorded, unusable error) error {
		if unusable != nil {
			return nil
		}
		before := s.products[product]
		_, _ = s.fold(&rec) // a dead letter changed nothing
		after := s.products[product]
		if after == before {
			return nil
		}
		for _, c := range Compare(before, after) {
			o[c.Field] = rec
		}
		if after.Described() && (before == nil || !before.Described()) {
			o.decide("family", rec, ".name", ".description", ".brand", ".active", ".track_inventory")
		}
		if it, held := after.Item(domain.ItemID(rec.Subject)); held && it.Described {
			var was domain.Item
			if before != nil {
				was, _ = before.Item(it.ID)
			}
			if !was.Described {
				o.decide("items."+string(it.ID), rec, "", ".sku", ".options", ".retail_price", ".supply_price")
			}
		}
		return nil
	})
	return o, err
}
