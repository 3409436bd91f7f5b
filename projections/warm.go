package projections

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"github.com/tillstream/tillstream/domain"
)

// warmers is how many messages of the bucket are read at a time. One waits for the
// bucket as long as many do, because their answers come together.
const warmers = 64

// Warm reads the states that events of some items will be folded into, given the
// items' stores and ids, so that [Catalog.Fold] need not wait for each. It is a
// matter of speed only and may be called while another goroutine folds.
func (c *Catalog) Warm(ctx context.Context, items []domain.Key) error {
	cold := c.cold(items)
	if len(cold) == 0 {
		return nil
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	next := make(chan []lying)
	var wg sync.WaitGroup
	for range min(warmers, len(cold)) {
		wg.Go(func() {
			for together := range next {
				if err := c.warm(ctx, together); err != nil {
					cancel(err)
				}
			}
		})
	}
	for _, together := range cold {
		next <- together
	}
	close(next)
	wg.Wait()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

// cold lists the products of items whose states are not in memory: those together that
// lie in one page, which costs as much to read for one as for all.
func (c *Catalog) cold(items []domain.Key) [][]lying {
	c.mu.RLock()
	defer c.mu.RUnlock()
	var out [][]lying
	listed := map[*row]bool{}
	pages := map[inPage]int{} // which of them is of this page
	for _, key := range items {
		s := c.shelves[key.Store]
		if s == nil {
			continue
		}
		r := s.holders[domain.ItemID(key.ID)]
		if r == nil || r.state != "" || listed[r] {
			continue
		}
		listed[r] = true
		at := r.lies()
		if n, is := pages[inPage{s, at.page}]; is {
			out[n] = append(out[n], at)
			continue
		}
		if at.page > 0 {
			pages[inPage{s, at.page}] = len(out)
		}
		out = append(out, []lying{at})
	}
	return out
}

type inPage struct {
	shelf *shelf
	page  uint64
}

func (c *Catalog) warm(ctx context.Context, together []lying) error {
	states, err := readStates(ctx, together...)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, p := range states {
		if r := together[i].row; r.state == "" && r.position == p.Position { // nobody has been faster
			r.state = p.Pack()
			c.keep(r)
		}
	}
	return nil
}

// lying is a product whose state lies in the bucket, and where.
type lying struct {
	row      *row
	position domain.Position // of the state, or one before
	page     uint64          // 0: by itself
}

// lies is where the row's state lies. The caller holds mu.
func (r *row) lies() lying {
	at := lying{row: r, position: r.position}
	if r.paged {
		at.page = r.revision
	}
	return at
}

func (l *lying) key() domain.Key {
	return domain.Key{Store: l.row.shelf.store, ID: string(l.row.id)}
}

// readStates reads the states of products of which one is given, or all lie in the same
// page.
func readStates(ctx context.Context, together ...lying) ([]*domain.Product, error) {
	first := &together[0]
	bucket := first.row.shelf.bucket
	var entries []domain.Entry
	var err error
	if first.page > 0 {
		keys := make([]domain.Key, len(together))
		for i := range together {
			keys[i] = together[i].key()
		}
		entries, err = bucket.FromPage(ctx, first.page, keys...)
	} else {
		entries = make([]domain.Entry, 1)
		entries[0], err = bucket.Get(ctx, first.key())
	}
	key := first.key()
	if errors.Is(err, domain.ErrNotFound) {
		return nil, fmt.Errorf("snapshot %s/%s is gone from the bucket: run `tillstream rebuild`", key.Store, key.ID)
	}
	if err != nil {
		return nil, fmt.Errorf("read the snapshot of %s/%s: %w", key.Store, key.ID, err)
	}
	out := make([]*domain.Product, len(together))
	for i := range together {
		if out[i], err = together[i].decode(entries[i].Value); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// decode decodes the value that was found.
func (l *lying) decode(value []byte) (*domain.Product, error) {
	key, p := l.key(), new(domain.Product)
	if err := json.Unmarshal(value, p); err != nil {
		return nil, badSnapshot(key, err)
	}
	if p.Position < l.position {
		return nil, fmt.Errorf("read the snapshot of %s/%s: got that of position %d, position %d was stored: a replica is behind: %w", key.Store, key.ID, p.Position, l.position, domain.ErrConflict)
	}
	return p, nil
}
