package projections

import (
	"context"

	"github.com/tillstream/tillstream/domain"
)

// ChangeBy is a field that is not what it was, and the newest event that changed it in
// between.
type ChangeBy struct {
	Change
	Event domain.Recorded // without a position where none of them alone did
}

// Between is what became of an item or a product between two points.
type Between struct {
	Before, After *domain.Product // that it was, or that the item was in; nil: there was none
	Changes       []ChangeBy      // in the order of the fields' names
	Events        int             // in between, of the product's items
}

// Between compares what an item or a product was at two points. Fields are named as in
// a [Change], for a product as by [Compare]. Before position 0 there was nothing. The
// error is [domain.ErrNotFound] when there was nothing at either point.
func (p *Past) Between(ctx context.Context, store domain.StoreID, m Match, from, to Instant) (Between, error) {
	var out Between
	end, err := p.reach(ctx, to.Position)
	if err != nil {
		return out, err
	}
	was := p.Catalog.scene(store)
	var is *scene
	origins := map[string]domain.Recorded{}
	err = p.replay(ctx, store, m.Product, end, func(s *scene, rec domain.Recorded, unusable error) error {
		is = s
		if unusable != nil {
			return nil
		}
		if old := rec.Position <= from.Position && from.counts(&rec); old {
			_, _ = was.fold(&rec) // a dead letter changed nothing
			_, _ = s.fold(&rec)
			return nil
		}
		if !to.counts(&rec) {
			return nil
		}
		before := s.about(m)
		_, _ = s.fold(&rec)
		if after := s.about(m); after != before {
			out.Events++
			for _, c := range changes(fieldsAbout(before, m), fieldsAbout(after, m)) {
				origins[c.Field] = rec
			}
		}
		return nil
	})
	if err != nil {
		return out, err
	}
	out.Before = was.about(m)
	if is != nil {
		out.After = is.about(m)
	}
	if out.Before == nil && out.After == nil {
		return out, unknownAt(store, m, Instant{end, to.Business})
	}
	for _, c := range changes(fieldsAbout(out.Before, m), fieldsAbout(out.After, m)) {
		out.Changes = append(out.Changes, ChangeBy{c, origins[c.Field]})
	}
	return out, nil
}

// fieldsAbout are the fields of an item with its family, or of a product whole.
func fieldsAbout(p *domain.Product, m Match) map[string]string {
	if m.Item != "" {
		return fieldsOf(p, m.Item)
	}
	return fieldsOfAll(p)
}
