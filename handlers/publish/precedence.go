package publish

import (
	"context"
	"slices"
	"sync"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/projections"
)

// mostPressed bounds how often a product asks another one to make way that does not get
// its turn.
const mostPressed = 3

// precedence is which products wait for which others to be pushed first. Waiting is
// no promise: who waits too long is tried all the same.
type precedence struct {
	mu    sync.Mutex
	after map[domain.ProductID]waiting
}

// waiting is what a product waits for.
type waiting struct {
	first domain.ProductID
	skus  []string // that it is to have; none when it waits for a name
}

// wait lets one product wait for another, and reports whether that one, or who it
// waits for, waits for it.
func (w *precedence) wait(id, first domain.ProductID, skus []string) (circle bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	next := first
	for range len(w.after) + 1 { // those in a circle may be met by others
		if next == id {
			circle = true
		}
		next = w.after[next].first
	}
	w.after[id] = waiting{first, skus}
	return circle
}

// waits reports whether a product still waits for another one, which has not had its turn
// since.
func (w *precedence) waits(id, first domain.ProductID) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.after[id].first == first
}

// leave says that a product waits no more.
func (w *precedence) leave(id domain.ProductID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.after, id)
}

// done says that it is known what becomes of a product, and returns those that waited for
// it.
func (w *precedence) done(id domain.ProductID) []domain.ProductID {
	w.leave(id)
	return w.end(id, func(waiting) bool { return true })
}

// gaveUp says that a product has given up some SKUs, and returns those that waited for
// these. Who waits for another one, which it was asked for meanwhile, waits on, and so does
// who waits for a name, which is given up with the last of a push; and so does the product,
// for what it is to have itself.
func (w *precedence) gaveUp(id domain.ProductID, skus []string) []domain.ProductID {
	return w.end(id, func(other waiting) bool {
		return len(other.skus) > 0 && !slices.ContainsFunc(other.skus, func(sku string) bool { return !contains(skus, sku) })
	})
}

// end ends the waiting of those for a product whose waiting is over.
func (w *precedence) end(id domain.ProductID, over func(waiting) bool) (waited []domain.ProductID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for other, what := range w.after {
		if what.first == id && over(what) {
			waited = append(waited, other)
			delete(w.after, other)
		}
	}
	return waited
}

// claims are what a product is to have and another one has: a name, or SKUs.
type claims struct {
	name string
	skus []string
}

// wanted reports whether a product that has what is claimed is to keep it. One that
// is deleted in the POS keeps its name, by which the merchant knows it, but no SKU.
func (c *claims) wanted(l *domain.Listing) bool {
	if c.name != "" {
		return foldLabel(l.Name) == foldLabel(c.name)
	}
	return !l.Deleted && slices.ContainsFunc(l.Variants, func(v domain.ListedVariant) bool {
		return slices.ContainsFunc(c.skus, func(sku string) bool { return domain.SKU(sku).Fold() == v.SKU.Fold() })
	})
}

// makesWay lets a task wait for another product of ours whose twin has what it
// claims but is not to have it, and sees to it that this one is pushed. Where they
// wait for each other, the other gives up its SKUs before it has its new ones; a name
// is not given up, since customers would see it. It is false when the other is to
// keep what is claimed, or was asked before and has had its turn to no avail.
func (r *round) makesWay(ctx context.Context, owner domain.ProductID, t *task, c claims) bool {
	p := r.p
	s, known := p.cfg.Catalog.Summary(p.cfg.Store, owner)
	if owner == "" || owner == t.product || !known {
		return false
	}
	state, err := p.cfg.Catalog.Product(ctx, p.cfg.Store, owner)
	if err != nil {
		return false
	}
	l := state.Listing(p.cfg.Rules)
	if c.wanted(&l) {
		return false
	}
	pub := p.cfg.Publications.Publication(p.cfg.Store, owner)
	comes := projections.StateOf(s.Due, pub, p.cfg.Publications.Quarantined(p.cfg.Store, s.Items...)) == projections.Pending
	inVain := t.pressed[owner] == mostPressed || t.pressed[owner] > 0 && !p.precedence.waits(t.product, owner)
	circle := p.precedence.wait(t.product, owner, c.skus)
	press := !comes || l.Deleted || circle
	if press && inVain || circle && c.name != "" {
		p.precedence.leave(t.product)
		return false
	}
	if press {
		if t.pressed == nil {
			t.pressed = map[domain.ProductID]int{}
		}
		t.pressed[owner]++
		a := ask{force: true, release: c.skus}
		if l.Deleted && pub.Link == nil {
			a.release = nil // it gives way with all of its twin, once it knows it
		}
		p.want(owner, a)
	}
	t.rest = p.cfg.Now().Add(mostRest)
	t.leave(true)
	return true
}
