package projections

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/tillstream/tillstream/domain"
)

// stretchEntry is a stretch that a trail of an id has let go of, as a bucket keeps it.
func stretchEntry(store domain.StoreID, id string, s domain.Stretch) domain.Entry {
	return domain.Entry{Key: domain.Key{Store: store, ID: id, Stretch: s.Number}, Value: []byte(s.Places)}
}

// mostStretches bounds how many stretches are read for one question: those of some forty
// million events of one item. Of one that claims more the log is read.
const mostStretches = 1 << 20

// readStretches returns the positions of the first n stretches of an id, in order. The
// error is [domain.ErrNotFound] when one is not there.
func readStretches(ctx context.Context, bucket Bucket, store domain.StoreID, id string, n uint64) ([]domain.Position, error) {
	if n > mostStretches {
		return nil, fmt.Errorf("%d stretches of %q, of at most %d: %w", n, id, mostStretches, domain.ErrNotFound)
	}
	each := make([][]domain.Position, n)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	next := make(chan int)
	var wg sync.WaitGroup
	for range min(warmers, len(each)) {
		wg.Go(func() {
			for i := range next {
				var err error
				if each[i], err = readStretch(ctx, bucket, domain.Key{Store: store, ID: id, Stretch: uint64(i) + 1}); err != nil {
					cancel(err)
				}
			}
		})
	}
	for i := range each {
		if ctx.Err() != nil {
			break
		}
		next <- i
	}
	close(next)
	wg.Wait()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	var all []domain.Position
	for _, at := range each {
		all = append(all, at...)
	}
	return all, nil
}

func readStretch(ctx context.Context, bucket Bucket, key domain.Key) ([]domain.Position, error) {
	e, err := bucket.Get(ctx, key)
	if err != nil {
		return nil, err
	}
	at, gone, valid := domain.Trail(e.Value).Positions()
	if !valid || gone > 0 || len(e.Value) > domain.MostTrail {
		return nil, fmt.Errorf("stretch %d of %q is spoilt: %w", key.Stretch, key.ID, domain.ErrNotFound)
	}
	return at, nil
}

// Stretches returns the positions in the POS log that the trail of an item has let go of:
// its first n stretches. It waits for what is folded to be stored. The error is
// [domain.ErrNotFound] when they are not there all the same.
func (c *Catalog) Stretches(ctx context.Context, store domain.StoreID, item string, n uint64) ([]domain.Position, error) {
	at, err := readStretches(ctx, c.inUse(), store, item, n)
	if !errors.Is(err, domain.ErrNotFound) {
		return at, err
	}
	waiting, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := c.Await(waiting, c.Position()); err != nil && ctx.Err() != nil {
		return nil, err
	}
	return readStretches(ctx, c.inUse(), store, item, n)
}

// inUse is the bucket of the epoch that the catalog is of now.
func (c *Catalog) inUse() Bucket {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.bucket
}

// Stretches returns the positions in the SYNC log that the trail of a product has let go
// of: its first n stretches. The error is [domain.ErrNotFound] when they are not there, as
// in the moment before they are stored.
func (p *Publications) Stretches(ctx context.Context, store domain.StoreID, product string, n uint64) ([]domain.Position, error) {
	return readStretches(ctx, p.bucket, store, product, n)
}

// Renounce forgets the stretches that are not stored yet: another process stores them.
func (p *Publications) Renounce() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.gone = nil
}
