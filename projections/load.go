package projections

import (
	"cmp"
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"

	"github.com/tillstream/tillstream/domain"
)

// armful is how many values are decoded at a time while a bucket is scanned.
const armful = 512

// scanAll calls take with all that a bucket holds that was written after a revision, some
// at a time and from several goroutines: decoding takes longer than reading, so all
// processors share it. It returns how much it was, and the last revision of it.
func scanAll(ctx context.Context, bucket Bucket, after uint64, take func(some []domain.Entry) error) (n int, last uint64, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	armfuls := make(chan []domain.Entry)
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for some := range armfuls {
				if err := take(some); err != nil {
					cancel(err)
				}
			}
		})
	}
	some := make([]domain.Entry, 0, armful)
	err = bucket.Scan(ctx, "", after, func(e domain.Entry) error {
		n, last = n+1, max(last, e.Revision)
		if some = append(some, e); len(some) == armful {
			armfuls <- some
			some = make([]domain.Entry, 0, armful)
		}
		return context.Cause(ctx)
	})
	armfuls <- some
	close(armfuls)
	wg.Wait()
	if cause := context.Cause(ctx); cause != nil {
		return n, last, cause
	}
	return n, last, err
}

// scan indexes every snapshot of the bucket that was written after a revision, and returns
// the items that were met in two products. Less than the bucket's extent may have been
// seen: of several servers one may be behind.
func (c *Catalog) scan(ctx context.Context, after uint64, extent domain.Extent) (torn map[conflict]bool, err error) {
	torn = map[conflict]bool{}
	var last uint64
	c.unhinted, last, err = scanAll(ctx, c.bucket, after, func(some []domain.Entry) error { return c.loadAll(some, torn) })
	c.partial = max(after, last) < extent.Revision
	return torn, err
}

// loadAll decodes some snapshots and then indexes them.
func (c *Catalog) loadAll(some []domain.Entry, torn map[conflict]bool) error {
	digests := make([]digest, 0, len(some))
	for _, e := range some {
		if e.Key.Stretch > 0 {
			continue
		}
		if isCheckpoint(e.Key) {
			c.mu.Lock()
			err := c.observeCheckpoint(e.Value)
			c.mu.Unlock()
			if err != nil {
				return err
			}
			continue
		}
		d, err := readDigest(e)
		if err != nil {
			return err
		}
		digests = append(digests, d)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range digests {
		c.load(&digests[i], torn)
	}
	return nil
}

// digest is what the index needs of a product, and of its value in the bucket.
type digest struct {
	domain.Gist
	hash     Hash
	revision uint64
	paged    bool
}

// readDigest decodes one snapshot as far as the index needs it.
func readDigest(e domain.Entry) (digest, error) {
	gist, err := domain.ReadGist(e.Value)
	d := digest{Gist: gist}
	if err != nil {
		return d, badSnapshot(e.Key, err)
	}
	if d.Store != e.Key.Store || string(d.ID) != e.Key.ID {
		return d, badSnapshot(e.Key, fmt.Errorf("it is of product %q of store %q", d.ID, d.Store))
	}
	if err := eachOnce(d.Items, func(it *domain.ItemGist) domain.ItemID { return it.ID }); err != nil {
		return d, badSnapshot(e.Key, err)
	}
	d.hash, d.revision, d.paged = hashSnapshot(d.Store, d.ID, e.Value), e.Revision, e.Page > 0
	return d, nil
}

// eachOnce refuses a product that has an item twice.
func eachOnce[T any](items []T, id func(*T) domain.ItemID) error {
	if len(items) < 2 {
		return nil
	}
	seen := make(map[domain.ItemID]bool, len(items))
	for i := range items {
		if seen[id(&items[i])] {
			return fmt.Errorf("item %q is in it twice", id(&items[i]))
		}
		seen[id(&items[i])] = true
	}
	return nil
}

// load indexes one snapshot, and notes in torn the items that it shares with
// another product. The caller holds mu.
func (c *Catalog) load(d *digest, torn map[conflict]bool) {
	shelf := c.shelf(d.Store)
	r := shelf.row(d.ID)
	// What was written later is what is right, also where it says less: see [Catalog.Replace].
	if r.position > 0 && d.revision <= r.revision {
		return
	}
	items := make([]place, len(d.Items))
	deleted := d.Described
	for i, it := range d.Items {
		items[i] = place{it.ID, foldedSKU(it.SKU, it.Described)}
		deleted = deleted && (!it.Described || it.Deleted)
		if other := shelf.holder(it.ID); other != nil && other != r {
			torn[conflict{it.ID, other, r}] = true
		}
	}
	shelf.put(r, d.Position, d.Due, d.StockDue, d.Tally, deleted, items)
	r.hash, r.revision, r.paged = d.hash, d.revision, d.paged
}

// conflict is an item that was met in two products.
type conflict struct {
	item domain.ItemID
	a, b *row
}

// mend takes every torn item from the product that it was leaving. The products
// are read again, because a process that only reads may have met the two sides of
// a move that went well.
func (c *Catalog) mend(ctx context.Context, torn map[conflict]bool) error {
	inOrder := make([]conflict, 0, len(torn))
	for t := range torn {
		inOrder = append(inOrder, t)
	}
	slices.SortFunc(inOrder, func(s, t conflict) int {
		return cmp.Or(cmp.Compare(s.item, t.item), cmp.Compare(s.a.id, t.a.id), cmp.Compare(s.b.id, t.b.id))
	})
	for _, t := range inOrder {
		a, err := c.state(ctx, t.a)
		if err != nil {
			return err
		}
		b, err := c.state(ctx, t.b)
		if err != nil {
			return err
		}
		inA, okA := a.Item(t.item)
		inB, okB := b.Item(t.item)
		if !okA || !okB { // another process was writing: one of the two was old
			if err := c.reindex(a, b); err != nil {
				return err
			}
			continue
		}
		keeps, loses, since := a, b, inA.Since
		if inB.Since > inA.Since {
			keeps, loses, since = b, a, inB.Since
		}
		left := loses.Moved(t.item, since)
		c.mu.Lock()
		c.set(left, left.Pack())
		c.mu.Unlock()
		if err := c.reindex(keeps); err != nil {
			return err
		}
	}
	return nil
}

// reindex makes the index agree with states as they were read.
func (c *Catalog) reindex(states ...*domain.Product) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range states {
		value, err := encodeSnapshot(p)
		if err != nil {
			return err
		}
		c.index(p).hash = hashSnapshot(p.Store, p.ID, value)
	}
	return nil
}
