package projections

import (
	"context"
	"fmt"
	"slices"

	"github.com/tillstream/tillstream/domain"
)

// Rehearsal is what events of an item would do.
type Rehearsal struct {
	New     bool     // no snapshot has described the item yet
	Changes []Change // to the item and its product, in the order of the fields' names
}

// behind is a position behind everything that a log will ever hold.
const behind domain.Position = 1 << 62

// Rehearse says what events of one item, in their order, would change if they were
// recorded now. Nothing is changed. The error is that of an event that cannot be
// folded, see [IsUnfoldable], or the bucket's.
func (c *Catalog) Rehearse(ctx context.Context, store domain.StoreID, events []domain.Envelope) (Rehearsal, error) {
	var before, now *domain.Product
	var item domain.ItemID
	for i, e := range events {
		event, err := e.Event()
		if err != nil {
			return Rehearsal{}, err
		}
		if i == 0 {
			item = domain.ItemID(event.Subject())
			if before, err = c.holder(ctx, store, item); err != nil {
				return Rehearsal{}, err
			}
			now = before
		}
		rec := domain.Recorded{Envelope: e, Store: store, Position: behind + domain.Position(i), RecordedAt: e.Time}
		if now, err = c.foldApart(ctx, rec, event, now); err != nil {
			return Rehearsal{}, err
		}
	}
	r := Rehearsal{New: true, Changes: changes(fieldsOf(before, item), fieldsOf(now, item))}
	if before != nil {
		held, _ := before.Item(item)
		r.New = !held.Described
	}
	return r, nil
}

// holder is the product that an item is in, nil for none.
func (c *Catalog) holder(ctx context.Context, store domain.StoreID, item domain.ItemID) (*domain.Product, error) {
	id, ok := c.Holder(store, item)
	if !ok {
		return nil, nil
	}
	p, err := c.Product(ctx, store, id)
	if err != nil {
		return nil, fmt.Errorf("read the product of item %q: %w", item, err)
	}
	return &p, nil
}

// foldApart folds an event into copies and returns the product that then has the
// item.
func (c *Catalog) foldApart(ctx context.Context, rec domain.Recorded, event domain.Event, holder *domain.Product) (*domain.Product, error) {
	var holderID domain.ProductID
	if holder != nil {
		holderID = holder.ID
	}
	target := domain.Product{Store: rec.Store, ID: domain.Target(holderID, event)}
	if holderID == target.ID && holder != nil {
		target = *holder
		target.Items = slices.Clone(target.Items)
	} else if _, there := c.Summary(rec.Store, target.ID); there {
		var err error
		if target, err = c.Product(ctx, rec.Store, target.ID); err != nil {
			return nil, err
		}
	}
	s := c.scene(rec.Store)
	result, err := s.folding.Fold(s.mode, rec, event, holder, target)
	if err != nil {
		return nil, err
	}
	return &result.Product, nil
}
