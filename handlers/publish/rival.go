package publish

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/bigcommerce"
	"github.com/tillstream/tillstream/projections"
)

const (
	// patienceWithNobody is how often a product is tried again that BigCommerce finds
	// in conflict with nobody.
	patienceWithNobody = 3
	// mostClaimed bounds the SKUs that a rival is looked for under: one request.
	mostClaimed = 50
	// mostQuoted bounds a name or SKU in a reason, in characters.
	mostQuoted = 80
)

// rival is the BigCommerce product that has the name or a SKU that a product of
// ours is to have.
type rival struct {
	claim string // what both are to have, in words: `the name "Cedar Bowl"`
	twin  bigcommerce.Product
	sku   string           // of the twin, or of the variant that has the claimed one
	owner domain.ProductID // the product of ours that is linked to it; empty for none
	// yields says that the owner is to be pushed, and then has the name or SKU no more.
	yields bool
}

// reject ends the push of a product at fault. A conflict is reported with the other
// product, unless that is one of ours that is about to give up what this one wants,
// or none has it any more: then this one is tried again. Of several that wait for
// each other in a circle, one is refused, and then the next.
func (r *round) reject(ctx context.Context, t *task, err error) {
	now := r.p.cfg.Now()
	refused := refusal(err)
	other, known := r.rival(ctx, t, err)
	switch {
	case known && other == nil && t.tries < patienceWithNobody:
		t.putOff(now)
		return
	case other != nil && other.yields && r.p.precedence.wait(t.product, other.owner):
		t.rest = now.Add(mostRest)
		t.leave(true)
		return
	case other != nil:
		refused.Reason = other.explain(refused.Reason, t)
	}
	t.refuse(refused, now)
}

// explain words a conflict with both sides.
func (o *rival) explain(said string, t *task) string {
	lead := t.desired.lead()
	linked := "which no product of the POS is linked to"
	if o.owner != "" {
		linked = "which is linked to product " + string(o.owner)
	}
	return fmt.Sprintf("%s: product %s (SKU %q) is to have %s, and BigCommerce product %d %q (SKU %q) has it, %s: change one of them, then run `tillstream push %s`",
		strings.TrimRight(said, "."), t.product, quoted(string(lead.SKU)), o.claim, o.twin.ID, quoted(o.twin.Name), quoted(o.sku), linked, t.product)
}

func quoted(s string) string {
	if cut := shorten(s, mostQuoted); cut != s {
		return cut + "…"
	}
	return s
}

// rival looks for the other side of a conflict: with one read if it is a name or the
// SKU of a product, two more if it is that of a variant. known says that it could be
// looked for; then nil means that there is none.
func (r *round) rival(ctx context.Context, t *task, err error) (other *rival, known bool) {
	client := r.p.cfg.Client
	var claim string
	var found []bigcommerce.Product
	var has func(bigcommerce.Product) (string, bool)
	var read func(context.Context) error
	switch {
	case bigcommerce.IsDuplicateName(err):
		name := t.desired.Listing.Name
		claim = fmt.Sprintf("the name %q", quoted(name))
		has = func(p bigcommerce.Product) (string, bool) { return p.SKU, foldLabel(p.Name) == foldLabel(name) }
		read = func(ctx context.Context) (err error) {
			found, err = client.ProductsByName(ctx, name)
			return err
		}
	case bigcommerce.IsDuplicateSKU(err):
		skus := t.claimed(err)
		has = func(p bigcommerce.Product) (string, bool) { return holds(p, skus) }
		read = func(ctx context.Context) (err error) {
			if found, err = client.ProductsBySKU(ctx, skus); err != nil || slices.ContainsFunc(found, t.isOther) {
				return err
			}
			found, err = r.p.ofVariants(ctx, skus)
			return err
		}
	default:
		return nil, false
	}
	if r.p.ask(ctx, read) != nil {
		return nil, false // the refusal stands without it
	}
	for _, p := range found {
		sku, is := has(p)
		if !is || !t.isOther(p) {
			continue
		}
		if claim == "" {
			claim = fmt.Sprintf("the SKU %q", quoted(sku))
		}
		o := &rival{claim: claim, twin: p, sku: sku}
		o.owner, _ = r.p.twin(int64(p.ID))
		o.yields = o.owner != "" && r.yields(ctx, o.owner, t, sku, bigcommerce.IsDuplicateName(err))
		return o, true
	}
	return nil, true
}

// precedence is which products wait for which others to be pushed first. Waiting is
// no promise: who waits too long is tried all the same.
type precedence struct {
	mu    sync.Mutex
	after map[domain.ProductID]domain.ProductID
}

// wait lets one product wait for another, unless that one waits for it.
func (w *precedence) wait(id, first domain.ProductID) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for next, waits := first, true; waits; next, waits = w.after[next] {
		if next == id {
			return false
		}
	}
	w.after[id] = first
	return true
}

// done says that it is known what becomes of a product, and returns those that
// waited for it.
func (w *precedence) done(id domain.ProductID) (waited []domain.ProductID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.after, id)
	for other, first := range w.after {
		if first == id {
			waited = append(waited, other)
			delete(w.after, other)
		}
	}
	return waited
}

func (t *task) isOther(p bigcommerce.Product) bool {
	return int64(p.ID) != t.desired.Link.BigCommerceID
}

// claimed are the SKUs that a product is to have and does not have already: the one
// that BigCommerce names, if it does.
func (t *task) claimed(err error) []string {
	var out []string
	var entries []entry
	for _, v := range t.desired.Listing.Variants {
		if l, ok := t.desired.Link.Variant(v.Item); ok && l.SKU.Fold() == v.SKU.Fold() && !t.withSKU {
			continue
		}
		out = append(out, string(v.SKU))
		entries = append(entries, entry{sku: v.SKU})
	}
	if named := mentionedSKUs(err.Error(), entries); len(named) > 0 {
		return named
	}
	return out[:min(len(out), mostClaimed)]
}

// holds returns the first SKU of a product or its variants that is among some.
func holds(p bigcommerce.Product, skus []string) (string, bool) {
	all := []string{p.SKU}
	for _, v := range p.Variants {
		all = append(all, v.SKU)
	}
	for _, sku := range all {
		if slices.ContainsFunc(skus, func(s string) bool { return domain.SKU(s).Fold() == domain.SKU(sku).Fold() }) {
			return sku, true
		}
	}
	return "", false
}

// yields reports whether a product of ours is waiting to be pushed without the name,
// or the SKU, that its twin still has.
func (r *round) yields(ctx context.Context, owner domain.ProductID, t *task, sku string, name bool) bool {
	p := r.p
	s, known := p.cfg.Catalog.Summary(p.cfg.Store, owner)
	pub := p.cfg.Publications.Publication(p.cfg.Store, owner)
	if !known || projections.StateOf(s.Due, pub, p.cfg.Publications.Quarantined(p.cfg.Store, s.Items...)) != projections.Pending {
		return false
	}
	state, err := p.cfg.Catalog.Product(ctx, p.cfg.Store, owner)
	if err != nil {
		return false
	}
	l := state.Listing(p.cfg.Rules)
	if name {
		return foldLabel(l.Name) != foldLabel(t.desired.Listing.Name)
	}
	return !slices.ContainsFunc(l.Variants, func(v domain.ListedVariant) bool { return v.SKU.Fold() == domain.SKU(sku).Fold() })
}
