package publish

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/bigcommerce"
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
	claims
}

// reject ends the push of a product at fault. A conflict is reported with the other
// product, unless that is one of ours that makes way, or none has it any more: then
// this one is tried again.
func (r *round) reject(ctx context.Context, t *task, err error) {
	now := r.p.cfg.Now()
	refused := refusal(err)
	other, known := r.rival(ctx, t, err)
	switch {
	case known && other == nil && t.tries < patienceWithNobody:
		t.putOff(now)
		return
	case other != nil && r.makesWay(ctx, other.owner, t, other.claims):
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
	var made claims
	var found []bigcommerce.Product
	var has func(bigcommerce.Product) (string, bool)
	var read func(context.Context) error
	switch {
	case bigcommerce.IsDuplicateName(err):
		name := t.desired.Listing.Name
		made.name = name
		claim = fmt.Sprintf("the name %q", quoted(name))
		has = func(p bigcommerce.Product) (string, bool) { return p.SKU, foldLabel(p.Name) == foldLabel(name) }
		read = func(ctx context.Context) (err error) {
			found, err = client.ProductsByName(ctx, name)
			return err
		}
	case bigcommerce.IsDuplicateSKU(err):
		skus := t.claimed(err)
		made.skus = skus
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
		o := &rival{claim: claim, twin: p, sku: sku, claims: made}
		o.owner, _ = r.p.twin(int64(p.ID))
		return o, true
	}
	return nil, true
}

func (t *task) isOther(p bigcommerce.Product) bool {
	return int64(p.ID) != t.desired.Link.BigCommerceID
}

// claimed are the SKUs that a product is to have and does not have already, which is all of
// them where its twin is gone: the one that BigCommerce names, if it does.
func (t *task) claimed(err error) []string {
	var out []string
	var entries []entry
	for _, v := range t.desired.Listing.Variants {
		if l, ok := t.desired.Link.Variant(v.Item); ok && l.SKU.Fold() == v.SKU.Fold() && !t.withSKU && t.need == needsPush {
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
