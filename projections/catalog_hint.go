package projections

import (
	"context"
	"slices"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/domain/pack"
)

// WriteHint leaves a hint for the next start, unless it would save it little, or not
// everything that is folded is stored, or somebody else has written to the bucket. Nobody
// folds meanwhile.
func (c *Catalog) WriteHint(ctx context.Context, hint *Hint) error {
	c.mu.RLock()
	due, stored := hint.due(c.unhinted) && c.marked, c.stored
	c.mu.RUnlock()
	if !due {
		return nil
	}
	extent, covered, err := hint.covered(ctx, c.bucket, stored)
	if err != nil || !covered {
		return err
	}
	return c.writeHint(ctx, hint, extent)
}

// writeHint writes a hint, if that is due, that covers what was in the bucket when it had
// some extent.
func (c *Catalog) writeHint(ctx context.Context, hint *Hint, extent domain.Extent) error {
	c.mu.Lock()
	n := c.unhinted
	if hint.due(n) {
		for _, s := range c.shelves {
			s.sort()
		}
	}
	c.mu.Unlock()
	c.mu.RLock()
	if !hint.due(n) || c.partial || !c.marked || c.stored.Open || c.position != c.stored.Position || c.changed() {
		c.mu.RUnlock()
		return nil
	}
	head := hintHeader{Format: c.folding.Format, Bucket: extent, Checkpoint: c.stored}
	for id, s := range c.shelves {
		head.Stores = append(head.Stores, hintStore{id, s.ids.size, s.skus.size})
	}
	err := hint.write(ctx, head, func(w *hintWriter) error {
		for _, s := range c.shelves {
			if err := s.writeHint(w); err != nil {
				return err
			}
		}
		return nil
	})
	c.mu.RUnlock()
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.unhinted -= n
	return nil
}

// changed reports whether any state is not stored. The caller holds mu.
func (c *Catalog) changed() bool {
	for _, s := range c.shelves {
		if slices.ContainsFunc(s.sorted, func(n uint32) bool { r := s.arena.at(n); return r.dirty || r.sealed > 0 }) {
			return true
		}
	}
	return len(c.steps) > 0
}

// writeHint writes the rows in the order of their ids.
func (s *shelf) writeHint(w *hintWriter) error {
	var rooms [2][]byte
	for from := 0; from < len(s.sorted); from += hintRows {
		some := s.sorted[from:min(from+hintRows, len(s.sorted))]
		size := hintSize{rows: uint64(len(some))}
		for _, n := range some {
			r := s.arena.at(n)
			size.items += uint64(len(r.items))
		}
		numbers, texts := pack.Writer(rooms[0][:0]), pack.Writer(rooms[1][:0])
		pack.Text(&texts, &s.store)
		size.pack(&numbers)
		for _, n := range some {
			r := s.arena.at(n)
			r.packHint(&numbers, &texts, nil)
		}
		if err := w.part(&numbers, &texts); err != nil {
			return err
		}
		rooms = [2][]byte{numbers.Bytes(), texts.Bytes()}
	}
	return nil
}

// hintSize is how much a part of a hint holds.
type hintSize struct{ rows, items uint64 }

func (h *hintSize) pack(numbers *pack.Packer) {
	pack.Number(numbers, &h.rows)
	pack.Number(numbers, &h.items)
}

// packHint goes over what a hint says of a row. What is read has room for its items at the
// end of places.
func (r *row) packHint(numbers, texts *pack.Packer, places []place) []place {
	pack.Text(texts, &r.id)
	pack.Number(numbers, &r.position)
	pack.Number(numbers, &r.due)
	pack.Number(numbers, &r.stockDue)
	pack.Number(numbers, &r.tally.Folded)
	pack.Number(numbers, &r.tally.Superseded)
	pack.Number(numbers, &r.tally.Duplicate)
	pack.Number(numbers, &r.revision)
	pack.Flags(numbers, &r.deleted, &r.paged)
	pack.Raw(numbers, r.hash[:])
	n := uint64(len(r.items))
	pack.Number(numbers, &n)
	if numbers.Reading() {
		n = min(n, uint64(len(places)))
		r.items, places = places[:n:n], places[n:]
	}
	for i := range r.items {
		it := &r.items[i]
		own := string(it.item) == string(r.id)
		pack.Flags(numbers, &own)
		switch {
		case !own:
			pack.Text(texts, &it.item)
		case numbers.Reading():
			it.item = domain.ItemID(r.id)
		}
		pack.Text(texts, &it.sku)
	}
	return places
}

// readHint takes what a hint says of the bucket, and returns up to which revision that is
// all.
func (c *Catalog) readHint(ctx context.Context, hint *Hint, extent domain.Extent) (after uint64) {
	head := hint.read(ctx, extent, c.folding.Format, func(head *hintHeader) {
		for _, s := range head.Stores {
			ids, skus := s.room()
			c.shelves[s.Store] = newShelf(s.Store, c.bucket, ids, skus)
		}
	}, c.readPart)
	if head == nil {
		clear(c.shelves)
		return 0
	}
	c.mark(head.Checkpoint)
	c.position = head.Checkpoint.Position
	return head.Bucket.Revision
}

// leastHintRow is how many bytes a row takes at least among the numbers.
const leastHintRow = len(Hash{})

// readPart takes a part of a hint. The items of a part lie together in memory: a million
// objects less for the garbage collector to look at.
func (c *Catalog) readPart(numbers, texts *pack.Packer) error {
	var store domain.StoreID
	var size hintSize
	pack.Text(texts, &store)
	size.pack(numbers)
	s := c.shelves[store]
	if left := uint64(len(numbers.Rest())); s == nil || size.rows > left/uint64(leastHintRow) || size.items > left {
		return errHint
	}
	places := make([]place, size.items)
	for range size.rows {
		r := s.arena.row()
		places = r.packHint(numbers, texts, places)
		if numbers.Broken() || texts.Broken() || s.product(r.id) != nil {
			return errHint
		}
		s.enter(r, r.id)
		s.sorted = append(s.sorted, r.number)
		s.tally.Folded += r.tally.Folded
		s.tally.Superseded += r.tally.Superseded
		s.tally.Duplicate += r.tally.Duplicate
		s.weigh(r)
		for i, it := range r.items {
			if other := s.holder(it.item); other != nil && other != r || r.at(it.item) < i {
				return errHint
			}
			s.remember(r, it)
		}
	}
	if len(places) > 0 {
		return errHint
	}
	return nil
}
