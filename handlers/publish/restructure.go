package publish

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/bigcommerce"
)

// mostSteps bounds how often a twin is read and changed for one push. A twin that
// needs more changes back by itself.
const mostSteps = 24

// restructure brings the variants of twins into agreement, before anything else is
// sent of these products.
func (r *round) restructure(ctx context.Context) error {
	var requests [][]Row
	for _, t := range r.tasks {
		if !t.left && t.toPush() && t.reshapes() {
			requests = append(requests, []Row{{Product: t.product}})
		}
	}
	ph := r.phase(r.reshape)
	r.refuseIn(ph, r.doubt)
	return ph.run(ctx, requests, r.p.cfg.Concurrency)
}

// reshape makes the changes that one twin needs and records its link. It begins
// with what BigCommerce has, so it may be begun again after any failure.
func (r *round) reshape(ctx context.Context, _ *phase, rows []Row) error {
	t := r.byID[rows[0].Product]
	ok, err := r.renew(ctx, t)
	if err != nil {
		return err
	}
	if !ok {
		return errNothing
	}
	id := bigcommerce.ProductID(t.desired.Link.BigCommerceID)
	for range mostSteps {
		twin, err := r.p.cfg.Client.Product(ctx, id)
		if bigcommerce.IsNotFound(err) {
			r.lose(t)
			return nil
		}
		if err != nil {
			return r.failed(ctx, t, err)
		}
		t.grown = nil
		b := blueprint{&t.desired.Listing, &t.desired.Link, &twin, t.release, t.desired.Made}
		changes, refusal := b.plan()
		link := b.known()
		if len(changes) == 0 {
			link = b.tie()
		}
		relinked := refusal == nil && !sameLink(&link, &t.desired.Link)
		if relinked {
			t.desired.Link = link
			changes, refusal = b.plan() // whose values they are may have changed
		}
		done := refusal == nil && len(changes) == 0
		if done {
			t.verify = false
		}
		if done && len(t.desired.Made) > 0 && !t.desired.Listing.Deleted { // then it is yet to be seen what is to stay
			t.desired.Made, relinked = nil, true
		}
		if relinked {
			t.relink(link)
		}
		if refusal != nil {
			t.refuse(*refusal, r.p.cfg.Now())
			return nil
		}
		if len(t.release) > 0 && len(b.releases()) == 0 {
			t.freed = append(t.freed, r.p.precedence.gaveUp(t.product, t.release)...)
			t.release = nil
		}
		if relinked {
			if err := r.recordLink(ctx, t); err != nil || t.left {
				return err
			}
		}
		if done {
			return nil
		}
		if err := r.announce(ctx, t, changes); err != nil {
			return err
		}
		for _, c := range changes {
			if err := r.apply(ctx, t, c); err != nil {
				return r.failed(ctx, t, err)
			}
		}
	}
	t.refuse(Refusal{Reason: fmt.Sprintf("the variants of BigCommerce product %d do not stay as they are set", id), Field: "variants"}, r.p.cfg.Now())
	return nil
}

// announce records that a twin's variants are about to be others, as before a product
// is created: whatever fails then, its link is known to be out of date, and what it
// has got under these SKUs to be ours.
func (r *round) announce(ctx context.Context, t *task, changes []change) error {
	others := slices.ContainsFunc(changes, func(c change) bool {
		return c.createOption != nil || c.deleteOption != 0 || c.createVariant != nil
	})
	e := t.creating()
	if !others || !slices.ContainsFunc(e.SKUs, func(sku string) bool { return !contains(t.desired.Made, sku) }) {
		return nil
	}
	t.desired.Made = most(append(t.desired.Made, e.SKUs...))
	e.SKUs = t.desired.Made
	return r.p.record(ctx, []note{{event: e}})
}

// failed returns what a change of structure has ended with, having recorded the variants
// that were created since the twin was read last: a merchant may give them other SKUs until
// it is read again.
func (r *round) failed(ctx context.Context, t *task, why error) error {
	if len(t.grown) == 0 {
		return why
	}
	link := t.desired.Link
	link.Variants = slices.DeleteFunc(slices.Clone(link.Variants), func(v domain.VariantLink) bool {
		return slices.ContainsFunc(t.grown, func(born domain.VariantLink) bool { return born.Item == v.Item })
	})
	link.Variants, t.grown = append(link.Variants, t.grown...), nil
	sortLinks(link.Variants)
	t.relink(link)
	if err := r.recordLink(ctx, t); err != nil {
		return errors.Join(why, err)
	}
	return why
}

// plan returns what to change next, or why nothing may be.
func (b *blueprint) plan() ([]change, *Refusal) {
	if released := b.releases(); len(released) > 0 {
		return released, nil
	}
	if b.listing.Deleted || b.listing.Simple() && b.twin.Simple() {
		return nil, nil
	}
	w, foreign := b.foreign()
	switch {
	case b.listing.Simple() && b.link.Simple && len(b.made) == 0:
		return nil, &Refusal{Field: "variants", Reason: fmt.Sprintf(
			"BigCommerce product %d has got options, the product in the POS has none: remove them there, or add them in the POS", b.twin.ID)}
	case b.listing.Simple() && foreign:
		return nil, &Refusal{Field: "variants", Reason: fmt.Sprintf(
			"the product in the POS has no options any more, but BigCommerce product %d has variant %q that the POS does not know: delete it there", b.twin.ID, w.SKU)}
	case len(b.extraOptions()) > 0 && foreign:
		return nil, &Refusal{Field: "option_values", Reason: fmt.Sprintf(
			"an option of BigCommerce product %d is not in the POS, and variant %q that the POS does not know has it: delete that variant there", b.twin.ID, w.SKU)}
	}
	return b.steps(), nil
}

// recordLink records the changed link, unless the product was linked elsewhere
// meanwhile.
func (r *round) recordLink(ctx context.Context, t *task) error {
	end, err := r.p.turn(ctx)
	if err != nil {
		return err
	}
	defer end()
	notes := t.notes
	if !r.p.linked(t) {
		notes = nil
		t.leave(true)
	}
	t.notes = nil
	return r.p.record(ctx, notes)
}

func (r *round) apply(ctx context.Context, t *task, c change) error {
	client, id := r.p.cfg.Client, bigcommerce.ProductID(t.desired.Link.BigCommerceID)
	var err error
	switch {
	case c.clearSKU:
		u := t.desired.update(false)
		u.SKU = new(string)
		if !t.desired.Listing.Deleted {
			u.InventoryTracking = tracking(&t.desired.Listing, t.desired.Listing.Simple())
		}
		_, err = client.UpdateProducts(ctx, []bigcommerce.ProductUpdate{u})
	case c.renameValue != nil:
		_, err = client.RenameOptionValue(ctx, id, c.renameValue.option, bigcommerce.OptionValue{ID: c.renameValue.value, Label: c.renameValue.label, SortOrder: c.renameValue.sortOrder})
	case c.deleteOption != 0:
		err = client.DeleteOption(ctx, id, c.deleteOption)
	case c.createOption != nil:
		_, err = client.CreateOption(ctx, id, c.createOption.name, c.createOption.labels)
	case c.createValue != nil:
		_, err = client.CreateOptionValue(ctx, id, c.createValue.option, c.createValue.label, c.createValue.sortOrder)
	case c.deleteVariant != 0:
		err = client.DeleteVariant(ctx, id, c.deleteVariant)
	case c.deleteValue != nil:
		err = client.DeleteOptionValue(ctx, id, c.deleteValue.option, c.deleteValue.value)
	case c.renameVariant != nil:
		_, err = client.UpdateVariantSKU(ctx, id, c.renameVariant.variant, c.renameVariant.sku)
	case c.createVariant != nil:
		var made bigcommerce.Variant
		if made, err = client.CreateVariant(ctx, id, *c.createVariant); err == nil {
			t.grown = append(t.grown, domain.VariantLink{Item: c.item, BigCommerceID: int64(made.ID), SKU: domain.SKU(made.SKU)})
		}
	}
	return err
}
