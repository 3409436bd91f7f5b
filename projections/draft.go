package projections

import (
	"cmp"
	"context"
	"fmt"
	"runtime"
	"sync"

	"github.com/tillstream/tillstream/domain"
)

// DefaultDraftBytes is how many bytes of states a draft holds, besides those that are
// being stored: those of some two million simple products.
const DefaultDraftBytes = 1 << 30

// Draft says that nobody goes by what c stores before all that is folded is stored, and
// that what is there of it after a crash is begun anew. So c may store in any order and
// in pages: the value of a product shares a write with others. It holds as many bytes of
// states as most, 0 for [DefaultDraftBytes]: so many that are changed are stored, and of
// those that are stored it forgets what is too many. [Catalog.Adopt] ends it. Call it
// before anything is folded; a draft stays one when it is called again.
func (c *Catalog) Draft(most int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.draft {
		c.whole = c.size() == 0
	}
	c.draft, c.most = true, cmp.Or(most, DefaultDraftBytes)
}

// Drafting reports whether c is a draft.
func (c *Catalog) Drafting() bool {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.draft
}

// Enough reports whether so much is changed that it should be stored: as many products as
// the caller says or, of a draft, as much as memory is to hold. The fewer writes, the
// more of what happened to a product becomes one.
func (c *Catalog) Enough(products int) bool {
	c.mu.RLock()
	draft, heavy := c.draft, c.heavy >= c.most
	c.mu.RUnlock()
	if draft {
		return heavy
	}
	return c.Unsealed() >= products
}

// piece is how much of a draft one goroutine encodes and puts at a time, in bytes of packed
// states: so much that the disk, which is waited for behind each, is not what takes the time.
const piece = 4 << 20

// writeDraft is [Batch.Write] of a draft, on as many processors as there are. The first
// checkpoint says that the bucket is not to be used until the second.
func (b *Batch) writeDraft(ctx context.Context) error {
	c := b.catalog
	c.mu.RLock()
	open := c.stored
	done := c.marked && c.stored.Position >= b.behind.Position
	c.mu.RUnlock()
	if done && len(b.steps) == 0 {
		return nil
	}
	open.Format, open.Modes, open.Open = b.behind.Format, b.behind.Modes, true
	if err := c.bucket.PutAll(ctx, []domain.Entry{open.entry()}); err != nil {
		return fmt.Errorf("write the checkpoint before %d: %w", b.behind.Position, err)
	}
	for len(b.steps) > 0 {
		s := &b.steps[0]
		if err := c.bucket.PutAll(ctx, s.gone); err != nil {
			return fmt.Errorf("write %d stretches: %w", len(s.gone), err)
		}
		s.gone = nil
		if err := b.putPieces(ctx, s); err != nil {
			return err
		}
		b.steps = b.steps[1:]
	}
	if err := c.bucket.PutAll(ctx, []domain.Entry{b.behind.entry()}); err != nil {
		return fmt.Errorf("write the checkpoint at position %d: %w", b.behind.Position, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mark(b.behind)
	return nil
}

// putPieces stores a step, and leaves in it what could not be stored.
func (b *Batch) putPieces(ctx context.Context, s *step) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var mu sync.Mutex // guards left and next
	var left step
	next := 0
	take := func() (from, to int) {
		mu.Lock()
		defer mu.Unlock()
		from = next
		for size := 0; next < len(s.rows) && size < piece; next++ {
			size += len(s.states[next])
		}
		return from, next
	}
	var working sync.WaitGroup
	for range runtime.GOMAXPROCS(0) + 1 { // one may wait for the disk
		working.Go(func() {
			var values encoder
			for from, to := take(); from < to; from, to = take() {
				err := context.Cause(ctx)
				if err == nil {
					err = b.putPiece(ctx, &values, s.rows[from:to], s.states[from:to])
				}
				if err != nil {
					cancel(err)
					mu.Lock()
					left.rows, left.states = append(left.rows, s.rows[from:to]...), append(left.states, s.states[from:to]...)
					mu.Unlock()
				}
			}
		})
	}
	working.Wait()
	*s = left
	return context.Cause(ctx)
}

// putPiece stores some products: in pages, if they have no value in the bucket that lies
// by itself.
func (b *Batch) putPiece(ctx context.Context, values *encoder, rows []*row, states []domain.Packed) error {
	entries, hashes, err := values.encode(rows, states)
	if err != nil {
		return err
	}
	paged, alone := b.catalog.pagedOrAlone(rows)
	if err := putSome(ctx, b.catalog.bucket.PutPages, entries, paged); err != nil {
		return err
	}
	if err := putSome(ctx, b.catalog.bucket.PutAll, entries, alone); err != nil {
		return err
	}
	b.stored(rows, entries, hashes)
	return nil
}

// mostInPages is how many values a draft lays in pages at most for each product. All but
// the newest stay there for nothing until the epoch goes.
const mostInPages = 4

// pagedOrAlone says which rows' values go into pages, by their numbers, and which by themselves:
// those that lie so, and all when there is too much in pages that was written again since.
func (c *Catalog) pagedOrAlone(rows []*row) (paged, alone []int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	full := c.inPages+len(rows) > mostInPages*c.size()
	for i, r := range rows {
		if r.hash == (Hash{}) || r.paged && !full {
			paged = append(paged, i)
		} else {
			alone = append(alone, i)
		}
	}
	c.inPages += len(paged)
	return paged, alone
}

// putSome puts the entries with the given numbers.
func putSome(ctx context.Context, put func(context.Context, []domain.Entry) error, entries []domain.Entry, chosen []int) error {
	if len(chosen) == 0 {
		return nil
	}
	some := entries
	if len(chosen) < len(entries) {
		some = make([]domain.Entry, len(chosen))
		for i, n := range chosen {
			some[i] = entries[n]
		}
	}
	if err := put(ctx, some); err != nil {
		return fmt.Errorf("write %d snapshots: %w", len(some), err)
	}
	if len(chosen) < len(entries) {
		for i, n := range chosen {
			entries[n] = some[i]
		}
	}
	return nil
}
