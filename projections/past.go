package projections

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tillstream/tillstream/domain"
)

// Past says from the logs what products were, exactly as the catalog said it at a
// position. It folds the events of all items that were in a product until then, and of
// all that were in the products from which these came. The catalog only says which
// those are and where they lie; that they are all, the log's own count says.
type Past struct {
	Catalog      *Catalog
	Publications *Publications
	POS, Sync    Log
	// Aside, when set, returns the positions in the POS log of an item's dead letters.
	Aside func(ctx context.Context, store domain.StoreID, item domain.ItemID) ([]domain.Position, error)
}

// ErrForgotten says that items and products have had more to do with each other than is
// remembered, so that what they were is not known from their own events.
var ErrForgotten = errors.New("more than are remembered")

// patience is how long a question about the newest positions waits for the catalog.
const patience = 10 * time.Second

// reach returns a position up to which the catalog is folded: the one asked for, the
// log's end if that is before it, or where the catalog is for 0.
func (p *Past) reach(ctx context.Context, to domain.Position) (domain.Position, error) {
	now := p.Catalog.Position()
	if to == 0 {
		return now, nil
	}
	if to <= now {
		return to, nil
	}
	last, err := p.POS.Last(ctx)
	if err != nil {
		return 0, err
	}
	if to = min(to, last); to <= now {
		return to, nil
	}
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("not within %s", patience))
	defer cancel()
	return to, p.Catalog.Await(ctx, to)
}

// kin returns the items that have had a say in what some products were, and the products
// that they were in together with these.
func (p *Past) kin(ctx context.Context, store domain.StoreID, products ...domain.ProductID) (map[string]domain.Trail, map[domain.ProductID]bool, error) {
	trails := map[string]domain.Trail{}
	seen := map[domain.ProductID]bool{}
	queue := products
	for len(queue) > 0 {
		id := queue[0]
		queue = queue[1:]
		if seen[id] {
			continue
		}
		seen[id] = true
		s, err := p.Catalog.Product(ctx, store, id)
		if err != nil {
			return nil, nil, err
		}
		if len(s.Former) >= domain.MostKin {
			return nil, nil, fmt.Errorf("product %q: %d items and perhaps more have left it: %w", id, len(s.Former), ErrForgotten)
		}
		items := s.Items
		for _, former := range s.Former {
			it, err := p.item(ctx, store, former)
			if err != nil {
				return nil, nil, err
			}
			items = append(items[:len(items):len(items)], it)
		}
		for _, it := range items {
			if len(it.Earlier) >= domain.MostKin {
				return nil, nil, fmt.Errorf("item %q: it has left %d products and perhaps more: %w", it.ID, len(it.Earlier), ErrForgotten)
			}
			trails[string(it.ID)] = it.Trail
			queue = append(queue[:len(queue):len(queue)], it.Earlier...)
		}
	}
	return trails, seen, nil
}

// item returns the present state of an item, which may move while it is looked for.
func (p *Past) item(ctx context.Context, store domain.StoreID, id domain.ItemID) (domain.Item, error) {
	for range 10 {
		holder, err := p.Catalog.holder(ctx, store, id)
		if err != nil {
			return domain.Item{}, err
		}
		if holder == nil {
			break
		}
		if it, held := holder.Item(id); held {
			return it, nil
		}
	}
	return domain.Item{}, fmt.Errorf("item %q of store %q: %w", id, store, domain.ErrNotFound)
}

// replay folds what has had a say in a product up to a position: it calls each with
// every message, to be folded. An item that is in none has nothing but messages that could
// not be used.
func (p *Past) replay(ctx context.Context, store domain.StoreID, m Match, to domain.Position, each func(s *scene, rec domain.Recorded, unusable error) error) error {
	trails := map[string]domain.Trail{string(m.Item): ""}
	if m.Product != "" {
		var err error
		if trails, _, err = p.kin(ctx, store, m.Product); err != nil {
			return err
		}
	}
	s := p.Catalog.scene(store)
	return p.read(ctx, store, trails, to, func(rec domain.Recorded, err error) error { return each(s, rec, err) })
}

// read calls each with the events of some items up to a position, in the order of the
// log, and with the reason for one that was not folded.
func (p *Past) read(ctx context.Context, store domain.StoreID, trails map[string]domain.Trail, to domain.Position, each func(rec domain.Recorded, unusable error) error) error {
	from := p.strands(store, trails)
	folded := map[domain.Position]bool{}
	whole := map[string]bool{} // the items of which all that were folded are known
	for item := range trails {
		strand, err := from.strand(ctx, item)
		if err != nil {
			return err
		}
		whole[item] = strand.whole
		for _, position := range strand.at {
			folded[position] = true
		}
	}
	return from.read(ctx, to, func(rec domain.Recorded, err error) error {
		if err == nil && whole[rec.Subject] && !folded[rec.Position] {
			if _, err = Usable(&rec); err == nil {
				aside, failed := from.putAside(ctx, &rec)
				if failed != nil {
					return failed
				}
				if aside {
					err = errPutAside
				}
			}
		}
		return each(rec, err)
	})
}

// strands are the events of some items, wherever they lie.
func (p *Past) strands(store domain.StoreID, trails map[string]domain.Trail) strands {
	s := strands{log: p.POS, store: store, trails: trails, stretches: p.Catalog.Stretches}
	s.concerns = func(rec *domain.Recorded) bool { _, ours := trails[rec.Subject]; return ours }
	if p.Aside != nil {
		s.aside = func(ctx context.Context, item string) ([]domain.Position, error) {
			return p.Aside(ctx, store, domain.ItemID(item))
		}
	}
	return s
}

// errPutAside is why an event changed nothing that this program could fold.
var errPutAside = errors.New("it is a dead letter: tillstream deadletters list says why")

// Instant is a point of the past. Of the two, Business asks for what happened in the
// POS until then, as it is known at the position; the position alone for what was known.
type Instant struct {
	Position domain.Position // the last that counts; 0 for all that is folded
	Business time.Time       // of the last event that counts; zero for all
}

func (i *Instant) counts(rec *domain.Recorded) bool {
	return i.Business.IsZero() || !rec.Time.After(i.Business)
}

// ProductAt returns what a product was, or the one that an item was in, or
// [domain.ErrNotFound] when there was none.
func (p *Past) ProductAt(ctx context.Context, store domain.StoreID, m Match, at Instant) (domain.Product, error) {
	to, err := p.reach(ctx, at.Position)
	if err != nil {
		return domain.Product{}, err
	}
	var last *scene
	err = p.replay(ctx, store, m, to, func(s *scene, rec domain.Recorded, err error) error {
		last = s
		if err == nil && at.counts(&rec) {
			_, _ = s.fold(&rec) // a dead letter changed nothing
		}
		return nil
	})
	if err != nil {
		return domain.Product{}, err
	}
	if last != nil {
		if now := last.about(m); now != nil {
			return *now, nil
		}
	}
	return domain.Product{}, unknownAt(store, m, Instant{to, at.Business})
}

func unknownAt(store domain.StoreID, m Match, at Instant) error {
	what := fmt.Sprintf("item %q", m.Item)
	if m.Item == "" {
		what = fmt.Sprintf("product %q", m.Product)
	}
	when := fmt.Sprintf("at position %d", at.Position)
	if !at.Business.IsZero() {
		when = "at " + at.Business.UTC().Format(time.RFC3339)
	}
	return fmt.Errorf("%s of store %q was not known %s: %w", what, store, when, domain.ErrNotFound)
}

// about is the product that is asked for, or that has the item asked for.
func (s *scene) about(m Match) *domain.Product {
	if m.Item != "" {
		return s.holder(m.Item)
	}
	return s.products[m.Product]
}

// PublicationAt returns what the SYNC log said of a product up to a position.
func (p *Past) PublicationAt(ctx context.Context, store domain.StoreID, product domain.ProductID, to domain.Position) (Publication, error) {
	var pub Publication
	err := p.SyncOf(ctx, store, product, to, func(rec domain.Recorded, event domain.Event) error {
		pub, _ = FoldPublication(pub, rec, event)
		return nil
	})
	return pub, err
}

// SyncOf calls each with the events of the SYNC log about a product, up to a position,
// oldest first; 0 is all there are.
func (p *Past) SyncOf(ctx context.Context, store domain.StoreID, product domain.ProductID, to domain.Position, each func(domain.Recorded, domain.Event) error) error {
	if to == 0 {
		var err error
		if to, err = p.Sync.Last(ctx); err != nil {
			return err
		}
	}
	of, err := p.published(ctx, store, product, to)
	if err != nil {
		return err
	}
	return of.read(ctx, to, func(rec domain.Recorded, err error) error {
		if err == nil {
			var event domain.Event
			if event, err = rec.Event(); err == nil {
				return each(rec, event)
			}
		}
		return nil // of a newer version, or no event: it says nothing to us
	})
}

// published are the events of the SYNC log about a product up to a position, wherever they
// lie. The end of a quarantine is among them although it names another product: the one
// that the item has moved to.
func (p *Past) published(ctx context.Context, store domain.StoreID, product domain.ProductID, to domain.Position) (*strands, error) {
	// The log's own count is of the events that name the product, and so does not say for
	// sure that the trail is behind.
	waiting, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := p.Publications.Await(waiting, to); err != nil && ctx.Err() != nil {
		return nil, err
	}
	trail := p.Publications.Publication(store, product).Trail
	return &strands{
		log: p.Sync, store: store, trails: map[string]domain.Trail{string(product): trail}, stretches: p.Publications.Stretches,
		concerns: func(rec *domain.Recorded) bool {
			return rec.Subject == string(product) || rec.Type == domain.TypeItemReleased
		},
	}, nil
}
