package projections

import (
	"context"
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
	if c.whole {
		return nil
	}
	var out [][]lying
	listed := map[*row]bool{}
	pages := map[inPage]int{} // which of them is of this page
	for _, key := range items {
		s := c.shelves[key.Store]
		if s == nil {
			continue
		}
		r := s.holder(domain.ItemID(key.ID))
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
