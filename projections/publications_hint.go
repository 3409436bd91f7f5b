package projections

import (
	"context"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/domain/pack"
)

// WriteHint leaves a hint for the next start, unless it would save it little, or not
// everything that is folded is stored, or somebody else has written to the bucket. Nobody
// calls Flush meanwhile.
func (p *Publications) WriteHint(ctx context.Context, hint *Hint) error {
	p.mu.RLock()
	due := hint.due(p.unhinted) && p.marked
	p.mu.RUnlock()
	if !due {
		return nil
	}
	extent, covered, err := hint.covered(ctx, p.bucket, p.stored)
	if err != nil || !covered {
		return err
	}
	return p.writeHint(ctx, hint, extent)
}

// writeHint writes a hint that covers what was in the bucket when it had some extent.
func (p *Publications) writeHint(ctx context.Context, hint *Hint, extent domain.Extent) error {
	p.mu.RLock()
	n := p.unhinted
	if !hint.due(n) || p.partial || !p.marked || len(p.order) > 0 {
		p.mu.RUnlock()
		return nil
	}
	head := hintHeader{Format: PublicationFormat, Bucket: extent, Checkpoint: p.stored}
	for id, products := range p.stores {
		head.Stores = append(head.Stores, hintStore{Store: id, Values: len(products)})
	}
	err := hint.write(ctx, head, func(w *hintWriter) error {
		for id, products := range p.stores {
			if err := writePublications(w, id, products); err != nil {
				return err
			}
		}
		return nil
	})
	p.mu.RUnlock()
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.unhinted -= n
	return nil
}

// writePublications writes the packed publications of a store, in whatever order.
func writePublications(w *hintWriter, store domain.StoreID, products map[domain.ProductID]packedPublication) error {
	var room []byte
	texts, n := pack.Writer(nil), uint64(0)
	end := func() error {
		numbers := pack.Packer{}
		pack.Number(&numbers, &n)
		err := w.part(&numbers, &texts)
		room, n = texts.Bytes(), 0
		return err
	}
	for id, pub := range products {
		if n == 0 {
			texts = pack.Writer(room[:0])
			pack.Text(&texts, &store)
		}
		pack.Text(&texts, &id)
		pack.Text(&texts, &pub)
		if n++; n == hintRows {
			if err := end(); err != nil {
				return err
			}
		}
	}
	if n > 0 {
		return end()
	}
	return nil
}

// readHint takes what a hint says of the bucket, and returns up to which revision that is
// all.
func (p *Publications) readHint(ctx context.Context, hint *Hint, extent domain.Extent) (after uint64) {
	head := hint.read(ctx, extent, PublicationFormat, func(head *hintHeader) {
		for _, s := range head.Stores {
			values, _ := s.room()
			p.shelve(s.Store, values)
		}
	}, p.readPart)
	if head == nil {
		p.reset()
		return 0
	}
	p.stored, p.marked = head.Checkpoint, true
	return head.Bucket.Revision
}

// readPart takes a part of a hint. What is taken are pieces of it, so that it stays in
// memory as long as one of its publications is as it was: twice the room at most.
func (p *Publications) readPart(numbers, texts *pack.Packer) error {
	var store domain.StoreID
	var n uint64
	pack.Text(texts, &store)
	pack.Number(numbers, &n)
	products := p.stores[store]
	if products == nil {
		return errHint
	}
	for range n {
		var id domain.ProductID
		var pub packedPublication
		pack.Text(texts, &id)
		pack.Text(texts, &pub)
		_, twice := products[id]
		if texts.Broken() || twice || pub == "" {
			return errHint
		}
		if err := p.putPacked(store, products, id, pub); err != nil {
			return err
		}
	}
	return nil
}

// putPacked takes a publication of a product that has none yet. Which product each twin
// belongs to is for [Publications.pair].
func (p *Publications) putPacked(store domain.StoreID, products map[domain.ProductID]packedPublication, id domain.ProductID, pub packedPublication) error {
	whole := pack.Reader(string(pub))
	var head publicationHead
	head.pack(&whole)
	if head.held || head.quarantined {
		var rest Publication
		rest.packRest(&whole)
		if whole.Broken() {
			return errHint
		}
		rest.Sync = head.sync
		p.put(store, id, &rest)
		return nil
	}
	products[id] = pub
	p.snapshots++
	if head.linked {
		p.linked[store]++
	}
	return nil
}
