package projections

import (
	"slices"

	"github.com/tillstream/tillstream/domain"
)

// Usable returns the event of a message of the POS log, or why it cannot be folded
// whatever the state is.
func Usable(rec *domain.Recorded) (domain.Event, error) {
	event, err := rec.Event()
	if err != nil {
		return nil, err
	}
	if err := rec.CheckTime(rec.RecordedAt); err != nil {
		return nil, err
	}
	if !rec.Type.OfPOS() {
		return nil, &domain.InvalidError{Path: "type", Value: string(rec.Type), Reason: "does not belong into the POS log"}
	}
	return event, nil
}

// scene is some products of a store as the events make them that were folded so far,
// apart from the catalog.
type scene struct {
	store    domain.StoreID
	mode     domain.StockMode
	folding  Folding
	products map[domain.ProductID]*domain.Product
	holders  map[domain.ItemID]domain.ProductID
}

// scene returns an empty one, to be folded into as the catalog is.
func (c *Catalog) scene(store domain.StoreID) *scene {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return &scene{store, c.modes(store), c.folding, map[domain.ProductID]*domain.Product{}, map[domain.ItemID]domain.ProductID{}}
}

// holder is the product that an item is in, nil for none.
func (s *scene) holder(item domain.ItemID) *domain.Product {
	return s.products[s.holders[item]]
}

// fold folds one event, as [Catalog.Fold] does.
func (s *scene) fold(rec *domain.Recorded) (domain.Outcome, error) {
	done, err := s.foldResult(rec)
	return done.outcome, err
}

// done is what folding one event has done.
type done struct {
	outcome domain.Outcome
	ids     []domain.ProductID                   // of the products that it concerned
	before  map[domain.ProductID]*domain.Product // what they were, nil for nothing
}

func (s *scene) foldResult(rec *domain.Recorded) (done, error) {
	event, err := Usable(rec)
	if err != nil {
		return done{}, err
	}
	item := domain.ItemID(event.Subject())
	holder := s.holder(item)
	id := domain.Target(s.holders[item], event)
	target := s.products[id]
	if target == nil {
		target = &domain.Product{Store: s.store, ID: id}
	}
	into := *target
	into.Items = slices.Clone(into.Items) // what was before is told from it
	result, err := s.folding.Fold(s.mode, *rec, event, holder, into)
	if err != nil {
		return done{}, err
	}
	out := done{outcome: result.Outcome, before: map[domain.ProductID]*domain.Product{}}
	for p := range result.Products() {
		out.ids = append(out.ids, p.ID)
		out.before[p.ID] = s.products[p.ID]
		s.products[p.ID] = p
	}
	if _, holds := result.Product.Item(item); holds {
		s.holders[item] = result.Product.ID
	}
	return out, nil
}
