package projections

import (
	"context"
	"maps"
	"slices"

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
	err = p.replay(ctx, store, m, end, func(s *scene, rec domain.Recorded, unusable error) error {
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

// Author is who has published events of one kind.
type Author struct {
	Type   domain.Type
	Source domain.SourceID
	Actor  string
}

// Changed is what became of one product between two positions.
type Changed struct {
	Product       domain.ProductID
	Before, After *domain.Product // nil: there was none
	Changes       []ChangeBy      // in the order of the fields' names; none when all is as it was again
	// Events counts those that concerned it. One that took an item from it counts where
	// the item is then, and is none here.
	Events map[Author]int
}

// together is how many products are folded at a time, which bounds the memory.
const together = 20_000

// Changed calls each with every product of a store that an event concerned behind a
// position and up to another. It reads the events in between, and then those of the
// products that they concern.
func (p *Past) Changed(ctx context.Context, store domain.StoreID, from, to domain.Position, each func(Changed) error) error {
	to, err := p.reach(ctx, to)
	if err != nil || from >= to {
		return err
	}
	concerned := map[domain.ProductID]bool{}
	err = p.POS.Read(ctx, store, "", from+1, to, func(rec domain.Recorded, _ error) error {
		if holder, known := p.Catalog.Holder(store, domain.ItemID(rec.Subject)); known {
			concerned[holder] = true
		}
		return nil
	})
	if err != nil {
		return err
	}
	told := map[domain.ProductID]bool{}
	for some := range slices.Chunk(slices.Sorted(maps.Keys(concerned)), together) {
		changed, err := p.changed(ctx, store, some, from, to)
		if err != nil {
			return err
		}
		for _, c := range changed {
			if told[c.Product] {
				continue
			}
			told[c.Product] = true
			if err := each(c); err != nil {
				return err
			}
		}
	}
	return nil
}

// changed is [Past.Changed] of some products and of those that their items came from.
func (p *Past) changed(ctx context.Context, store domain.StoreID, products []domain.ProductID, from, to domain.Position) ([]Changed, error) {
	trails, exact, err := p.kin(ctx, store, products...)
	if err != nil {
		return nil, err
	}
	s := p.Catalog.scene(store)
	out := map[domain.ProductID]*Changed{}
	origins := map[domain.ProductID]map[string]domain.Recorded{}
	err = p.read(ctx, store, trails, to, func(rec domain.Recorded, unusable error) error {
		if unusable != nil {
			return nil
		}
		result, err := s.foldResult(&rec)
		if err != nil || rec.Position <= from {
			return nil // a dead letter changed nothing
		}
		for i, id := range result.ids {
			if !exact[id] {
				continue
			}
			c := out[id]
			if c == nil {
				c = &Changed{Product: id, Before: result.before[id], Events: map[Author]int{}}
				out[id], origins[id] = c, map[string]domain.Recorded{}
			}
			c.After = s.products[id]
			c.Events[Author{rec.Type, rec.Source, rec.Actor}] += 1 - min(i, 1)
			for _, change := range Compare(result.before[id], c.After) {
				origins[id][change.Field] = rec
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	var all []Changed
	for _, id := range slices.Sorted(maps.Keys(out)) {
		c := out[id]
		for _, change := range Compare(c.Before, c.After) {
			c.Changes = append(c.Changes, ChangeBy{change, origins[id][change.Field]})
		}
		all = append(all, *c)
	}
	return all, nil
}
