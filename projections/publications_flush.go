package projections

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/tillstream/tillstream/domain"
)

// Flush stores what has changed and then the checkpoint. After an error it may be
// called again. Into a bucket that holds nothing it stores pages, which a start reads in
// a fraction of the time.
func (p *Publications) Flush(ctx context.Context) error {
	empty := !p.marked
	if empty {
		if err := p.checkpoint(ctx, checkpoint{Format: PublicationFormat}); err != nil {
			return err
		}
	}
	p.mu.Lock()
	keys, gone := p.order, p.gone
	next := checkpoint{Format: PublicationFormat, Position: p.position, Snapshots: p.snapshots}
	entries := make([]domain.Entry, len(keys))
	pubs := make([]packedPublication, len(keys))
	for i, key := range keys {
		entries[i].Key = key
		pubs[i] = p.stores[key.Store][domain.ProductID(key.ID)]
	}
	p.order, p.gone, p.dirty = nil, nil, map[domain.Key]bool{}
	p.mu.Unlock()

	err := p.bucket.PutAll(ctx, gone)
	if err == nil {
		err = p.write(ctx, entries, pubs, next, empty)
	}
	if err == nil {
		p.mu.Lock()
		p.unhinted += len(entries)
		p.mu.Unlock()
		return p.checkpoint(ctx, next)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	since := p.order
	p.gone = append(gone, p.gone...)
	p.order, p.dirty = nil, map[domain.Key]bool{}
	for _, key := range append(keys, since...) {
		p.change(key)
	}
	return err
}

// write stores publications, and behind the last of them the checkpoint: what is stored
// together costs the disk one wait. In pages they are stored without it.
func (p *Publications) write(ctx context.Context, entries []domain.Entry, pubs []packedPublication, next checkpoint, pages bool) error {
	put := p.bucket.PutAll
	if pages {
		put = p.bucket.PutPages
	}
	for from := 0; from < len(entries); from += chunk {
		part := entries[from:min(from+chunk, len(entries))]
		for i := range part {
			value, err := json.Marshal(pubs[from+i].unpack())
			if err != nil {
				return fmt.Errorf("encode the publication of %s/%s: %w", part[i].Key.Store, part[i].Key.ID, err)
			}
			part[i].Value = value
		}
		last := !pages && from+chunk >= len(entries) && p.stored.Position < next.Position
		if last {
			part = append(part, next.entry())
		}
		if err := put(ctx, part); err != nil {
			return fmt.Errorf("write %d publications: %w", len(part), err)
		}
		if last {
			p.stored = next
		}
	}
	return nil
}

func (p *Publications) checkpoint(ctx context.Context, next checkpoint) error {
	if p.marked && p.stored.Position >= next.Position {
		return nil
	}
	if err := p.bucket.PutAll(ctx, []domain.Entry{next.entry()}); err != nil {
		return fmt.Errorf("write the checkpoint at position %d: %w", next.Position, err)
	}
	p.stored, p.marked = next, true
	return nil
}
