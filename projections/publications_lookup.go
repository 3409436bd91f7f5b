package projections

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/tillstream/tillstream/domain"
)

// Publication returns what was recorded of a product: nothing, for one that the
// SYNC log does not name.
func (p *Publications) Publication(store domain.StoreID, id domain.ProductID) Publication {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.stores[store][id].unpack()
}

// Twin returns the product that is linked to a BigCommerce product, or false.
func (p *Publications) Twin(store domain.StoreID, bigCommerceID int64) (domain.ProductID, bool) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	id, ok := p.twins[store][bigCommerceID]
	return id, ok
}

// Quarantined reports whether any of some items is quarantined.
func (p *Publications) Quarantined(store domain.StoreID, items ...domain.ItemID) bool {
	p.mu.RLock()
	defer p.mu.RUnlock()
	held := p.quarantined[store]
	return len(held) > 0 && slices.ContainsFunc(items, func(id domain.ItemID) bool { return len(held[id]) > 0 })
}

// Quarantines returns every quarantine of a store, by position.
func (p *Publications) Quarantines(store domain.StoreID) []QuarantinedItem {
	p.mu.RLock()
	defer p.mu.RUnlock()
	var out []QuarantinedItem
	for _, held := range p.quarantined[store] {
		out = append(out, held...)
	}
	slices.SortFunc(out, func(a, b QuarantinedItem) int { return int(a.Position) - int(b.Position) })
	return out
}

// HeldPush is a push that a guard keeps from BigCommerce.
type HeldPush struct {
	Product domain.ProductID
	Hold
}

// HeldPushes returns the pushes of a store that are held, by product. It costs
// nothing for a store that has none.
func (p *Publications) HeldPushes(store domain.StoreID) []HeldPush {
	p.mu.RLock()
	defer p.mu.RUnlock()
	var out []HeldPush
	for id := range p.held[store] {
		out = append(out, HeldPush{id, *p.stores[store][id].unpack().Held})
	}
	slices.SortFunc(out, func(a, b HeldPush) int { return strings.Compare(string(a.Product), string(b.Product)) })
	return out
}

// Linked returns how many products of a store are linked.
func (p *Publications) Linked(store domain.StoreID) int {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.linked[store]
}

// All yields every product of a store that the SYNC log names, in the order of
// their ids, as it is when its turn comes. No lock is held while the loop runs.
func (p *Publications) All(store domain.StoreID) iter.Seq2[domain.ProductID, Publication] {
	return func(yield func(domain.ProductID, Publication) bool) {
		p.mu.RLock()
		ids := make([]domain.ProductID, 0, len(p.stores[store]))
		for id := range p.stores[store] {
			ids = append(ids, id)
		}
		p.mu.RUnlock()
		slices.Sort(ids)
		for _, id := range ids {
			if !yield(id, p.Publication(store, id)) {
				return
			}
		}
	}
}

// Outlines yields every product of a store that the SYNC log names, in no order, as all are
// when the loop begins: of each publication what [StateOf], [Publication.NeedsPush] and
// [Publication.Broken] go by, which costs a fraction of all of it. No lock is held while
// the loop runs.
func (p *Publications) Outlines(store domain.StoreID) iter.Seq2[domain.ProductID, Publication] {
	type one struct {
		id  domain.ProductID
		pub packedPublication
	}
	return func(yield func(domain.ProductID, Publication) bool) {
		p.mu.RLock()
		all := make([]one, 0, len(p.stores[store]))
		for id, pub := range p.stores[store] {
			all = append(all, one{id, pub})
		}
		p.mu.RUnlock()
		for _, o := range all {
			if !yield(o.id, o.pub.outline()) {
				return
			}
		}
	}
}

// outline is what Outlines yields of one product, and whether the SYNC log names it.
func (p *Publications) outline(store domain.StoreID, id domain.ProductID) (Publication, bool) {
	p.mu.RLock()
	pub, named := p.stores[store][id]
	p.mu.RUnlock()
	return pub.outline(), named
}

// Position returns the position up to which the SYNC log is folded here.
func (p *Publications) Position() domain.Position {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.position
}

// Await returns when every event up to a position is folded, or when ctx ends.
func (p *Publications) Await(ctx context.Context, at domain.Position) error {
	for {
		p.mu.RLock()
		done, reached := p.position >= at, p.reached
		p.mu.RUnlock()
		if done {
			return nil
		}
		select {
		case <-reached:
		case <-ctx.Done():
			return fmt.Errorf("wait for position %d of the SYNC log: %w", at, context.Cause(ctx))
		}
	}
}
