package search

import (
	"context"
	"errors"
	"slices"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/projections"
)

// Source is where rows are made of.
type Source struct {
	Catalog      *projections.Catalog
	Publications *projections.Publications
}

// Row makes the row of a product as it is now, and false when there is none.
func (s Source) Row(ctx context.Context, store domain.StoreID, id domain.ProductID) (Row, bool, error) {
	p, err := s.Catalog.Product(ctx, store, id)
	if errors.Is(err, domain.ErrNotFound) {
		return Row{}, false, nil
	}
	if err != nil {
		return Row{}, false, err
	}
	items := make([]domain.ItemID, len(p.Items))
	for i, it := range p.Items {
		items[i] = it.ID
	}
	row, is := RowOf(&p, s.Publications.Publication(store, id), s.Publications.Quarantined(store, items...))
	return row, is, nil
}

// together is how many products are listed at a time.
const together = 1000

// Scan answers a filter from the snapshots: the places of the first products of a
// store that it takes, limit of them at most. Its cost grows with the store.
func Scan(ctx context.Context, from Source, store domain.StoreID, f *Filter, limit int) (Found, error) {
	found := Found{Position: from.Catalog.Position()}
	best := ranking{filter: f, most: limit + 1}
	after := domain.ProductID("")
	inOrder := f.Sort == ByProduct && !f.Descending
	if inOrder && f.After != nil {
		after = f.After.Product
	}
	for {
		page := from.Catalog.Products(store, after, together)
		for _, s := range page {
			after = s.ID
			pub := from.Publications.Publication(store, s.ID)
			if projections.Gone(s, pub) || !f.takesState(projections.StateOf(s.Due, pub, from.Publications.Quarantined(store, s.Items...))) || s.Position < f.Since {
				continue
			}
			place := Place{Product: s.ID}
			if !f.OnlyState() {
				row, is, err := from.Row(ctx, store, s.ID)
				if err != nil {
					return found, err
				}
				if !is || !f.Takes(&row) {
					continue
				}
				place = f.PlaceOf(&row)
			}
			best.add(place)
		}
		if len(page) < together || inOrder && len(best.places) >= best.most {
			break
		}
	}
	found.Places = best.sorted()
	if found.More = len(found.Places) > limit; found.More {
		found.Places = found.Places[:limit]
	}
	return found, nil
}

// ranking keeps the first places of an order.
type ranking struct {
	filter *Filter
	most   int
	places []Place
}

func (r *ranking) add(p Place) {
	if after := r.filter.After; after != nil && r.filter.Compare(p, *after) <= 0 {
		return
	}
	if r.places = append(r.places, p); len(r.places) >= 2*r.most+together {
		r.places = r.sorted()
	}
}

func (r *ranking) sorted() []Place {
	slices.SortFunc(r.places, r.filter.Compare)
	return slices.Clip(r.places[:min(len(r.places), r.most)])
}
