package projections

import (
	"context"
	"sync"

	"github.com/tillstream/tillstream/domain"
)

// warmers is how many snapshots are read at a time. One waits for the bucket as
// long as many do, because their answers come together.
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
	next := make(chan *row)
	var wg sync.WaitGroup
	for range min(warmers, len(cold)) {
		wg.Go(func() {
			for r := range next {
				if err := c.warm(ctx, r); err != nil {
					cancel(err)
				}
			}
		})
	}
	for _, r := range cold {
		next <- r
	}
	close(next)
	wg.Wait()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

// cold lists the products of items whose states are not in memory.
func (c *Catalog) cold(items []domain.Key) []*row {
	c.mu.RLock()
	defer c.mu.RUnlock()
	var out []*row
	listed := map[*row]bool{}
	for _, key := range items {
		s := c.shelves[key.Store]
		if s == nil {
			continue
		}
		r := s.holders[domain.ItemID(key.ID)]
		if r != nil && r.state == "" && !listed[r] {
			listed[r] = true
			out = append(out, r)
		}
	}
	return out
}

func (c *Catalog) warm(ctx context.Context, r *row) error {
	p, err := c.state(ctx, r)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if r.state == "" && r.position == p.Position { // nobody has been faster
		r.state = p.Pack()
		c.keep(r)
	}
	return nil
}
