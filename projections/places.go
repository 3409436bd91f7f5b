package projections

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/tillstream/tillstream/domain"
)

// Places is where the events of some items lie in the POS log.
type Places struct {
	Items []string          // in the order of their ids
	At    []domain.Position // in order
}

// Places returns where the events lie, up to a position, that have had a say in what some
// products are, and those of some items besides. Which items have been in the products,
// the catalog says. Where their events lie, it says too, and whether these are all, the
// log's own count; whoever reads them finds out whether they are of these items. With
// anew only the log is asked, which costs as much as to read it from the first to the
// last of them.
func (p *Past) Places(ctx context.Context, store domain.StoreID, products []domain.ProductID, items []domain.ItemID, to domain.Position, anew bool) (Places, error) {
	log, is := p.POS.(Sought)
	if !is {
		return Places{}, errors.New("the log does not say where the events of an item lie")
	}
	trails, _, err := p.kin(ctx, store, products...)
	if err != nil {
		return Places{}, err
	}
	for _, item := range items {
		if _, known := trails[string(item)]; !known {
			trails[string(item)] = ""
		}
	}
	out := Places{Items: slices.Sorted(maps.Keys(trails))}
	from := p.strands(store, trails)
	for _, item := range out.Items {
		var at []domain.Position
		all := false
		if !anew {
			if at, all, err = from.places(ctx, log, item); err != nil {
				return Places{}, err
			}
		}
		if !all {
			if at, err = log.Places(ctx, store, item, to); err != nil {
				return Places{}, err
			}
		}
		out.At = append(out.At, at...)
	}
	slices.Sort(out.At)
	out.At = slices.Compact(out.At)
	out.At = out.At[:len(out.At)-len(beyond(out.At, to))]
	return out, nil
}

// OfItems returns where the messages of some items lie in the POS log, in order, from a
// position to another, 0 for the log's end. It returns false where not all of them are
// known, or to fetch them one by one takes longer than to read the log. Whoever reads them
// finds out whether they are of these items.
func (p *Past) OfItems(ctx context.Context, store domain.StoreID, items []domain.ItemID, from, to domain.Position) ([]domain.Position, bool, error) {
	trails := map[string]domain.Trail{}
	for _, id := range items {
		it, err := p.item(ctx, store, id)
		if err != nil && !errors.Is(err, domain.ErrNotFound) { // which is when no event of it could be folded
			return nil, false, err
		}
		trails[string(id)] = it.Trail
	}
	of := p.strands(store, trails)
	return of.known(ctx, from, to)
}

// OfProduct is OfItems for the messages of a product in the SYNC log. Among them may be ends
// of quarantines that name another product.
func (p *Past) OfProduct(ctx context.Context, store domain.StoreID, product domain.ProductID, from, to domain.Position) ([]domain.Position, bool, error) {
	end, err := p.Sync.Last(ctx)
	if err != nil {
		return nil, false, err
	}
	of, err := p.published(ctx, store, product, end)
	if err != nil {
		return nil, false, err
	}
	return of.known(ctx, from, to)
}
