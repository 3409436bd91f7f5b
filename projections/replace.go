package projections

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"slices"

	"github.com/tillstream/tillstream/domain"
)

// CompareStored calls each with every product of some whose snapshot in the bucket is
// not, to the byte, what another catalog holds, in the order of their ids. What cannot be
// read is compared as if it were not there. Nobody writes meanwhile.
func (c *Catalog) CompareStored(ctx context.Context, with *Catalog, store domain.StoreID, ids []domain.ProductID, rules domain.Rules, each func(Difference) error) error {
	for _, id := range slices.Sorted(slices.Values(ids)) {
		is, err := productOrNone(ctx, with, store, id)
		if err != nil {
			return err
		}
		var want []byte
		if is != nil {
			if want, err = encodeSnapshot(is); err != nil {
				return err
			}
		}
		e, err := c.newest(ctx, domain.Key{Store: store, ID: string(id)})
		if err != nil && !errors.Is(err, domain.ErrNotFound) {
			return err
		}
		if bytes.Equal(e.Value, want) {
			continue
		}
		was := new(domain.Product)
		if err != nil || json.Unmarshal(e.Value, was) != nil {
			was = nil
		}
		if err := each(differenceOf(store, id, was, is, rules)); err != nil {
			return err
		}
	}
	return nil
}

// newest reads what the bucket holds of a product, whoever has written it.
func (c *Catalog) newest(ctx context.Context, key domain.Key) (domain.Entry, error) {
	e, err := c.bucket.Get(ctx, key)
	if !errors.Is(err, domain.ErrNotFound) {
		return e, err
	}
	page := uint64(0)
	c.mu.RLock()
	if s := c.shelves[key.Store]; s != nil {
		if r := s.product(domain.ProductID(key.ID)); r != nil && r.paged {
			page = r.revision
		}
	}
	c.mu.RUnlock()
	if page == 0 {
		return e, err
	}
	found, err := c.bucket.FromPage(ctx, page, key)
	if err != nil {
		return domain.Entry{}, err
	}
	return found[0], nil
}

// StretchesToMend returns those of some stretches that the bucket does not have as they
// are.
func (c *Catalog) StretchesToMend(ctx context.Context, stretches []domain.Entry) (other []domain.Entry, err error) {
	for _, s := range stretches {
		e, err := c.bucket.Get(ctx, s.Key)
		if err != nil && !errors.Is(err, domain.ErrNotFound) {
			return nil, err
		}
		if err != nil || !bytes.Equal(e.Value, s.Value) {
			other = append(other, s)
		}
	}
	return other, nil
}

// Replace stores states of products, and before them stretches, in the place of those that
// it holds. They are what the log says up to its position. Nobody folds meanwhile. What an
// error has kept from the bucket is stored with the next batch.
//
// A state with an item that it had not before is stored before the one that the item is
// taken from, so that a crash in between leaves the item in both, as a move does.
func (c *Catalog) Replace(ctx context.Context, products []domain.Product, stretches []domain.Entry) error {
	c.mu.Lock()
	for _, s := range stretches {
		c.letGo(s)
	}
	gains := make(map[domain.ProductID]int, len(products))
	for i := range products {
		p := &products[i]
		shelf := c.shelf(p.Store)
		for _, it := range p.Items {
			if r := shelf.holder(it.ID); r == nil || r.id != p.ID {
				gains[p.ID]++
			}
		}
	}
	slices.SortStableFunc(products, func(a, b domain.Product) int { return cmp.Compare(gains[b.ID], gains[a.ID]) })
	for i := range products {
		c.set(&products[i], products[i].Pack())
	}
	c.mu.Unlock()
	return c.Flush(ctx)
}
