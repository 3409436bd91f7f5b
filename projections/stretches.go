package projections

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sync/errgroup"

	"github.com/tillstream/tillstream/domain"
)

// stretchEntry is a stretch that a trail of an id has let go of, as a bucket keeps it.
func stretchEntry(store domain.StoreID, id string, s domain.Stretch) domain.Entry {
	return domain.Entry{Key: domain.Key{Store: store, ID: id, Stretch: s.Number}, Value: []byte(s.Places)}
}

// stretchesAtOnce is how many stretches are asked for at the same time.
const stretchesAtOnce = 8

// mostStretches bounds what a trail may claim to have let go of before it is believed to
// be spoilt: more positions than a log of ten million events has.
const mostStretches = 1 << 20

// readStretches returns the positions of the first n stretches of an id, in order. The
// error is [domain.ErrNotFound] when one is not there.
func readStretches(ctx context.Context, bucket Bucket, store domain.StoreID, id string, n uint64) ([]domain.Position, error) {
	if n > mostStretches {
		return nil, fmt.Errorf("%d stretches of %q, of at most %d: %w", n, id, mostStretches, domain.ErrNotFound)
	}
	each := make([][]domain.Position, n)
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(stretchesAtOnce)
	for i := range each {
		g.Go(func() error {
			key := domain.Key{Store: store, ID: id, Stretch: uint64(i) + 1}
			e, err := bucket.Get(ctx, key)
			if err != nil {
				return err
			}
			at, gone, valid := domain.Trail(e.Value).Positions()
			if !valid || gone > 0 {
				return fmt.Errorf("stretch %d of %q is spoilt: %w", key.Stretch, id, domain.ErrNotFound)
			}
			each[i] = at
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	var all []domain.Position
	for _, at := range each {
		all = append(all, at...)
	}
	return all, nil
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
