package publish

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/bigcommerce"
)

// mostSlow bounds how many creations and changes of structure are in one round.
// They cannot be batched, and what became due meanwhile waits for the round.
const mostSlow = 100

// create gives twins to those that need one. The order makes sure that there are
// never two: what is about to be created is recorded first; whoever was recorded
// is looked for before it is created (again); and the link is recorded last, so
// that everything before it is done once more after a crash.
func (r *round) create(ctx context.Context) error {
	var tasks []*task
	for _, t := range r.tasks {
		if !t.left && t.need == needsTwin {
			tasks = append(tasks, t)
		}
	}
	if len(tasks) == 0 {
		return nil
	}
	if err := r.seek(ctx, tasks); err != nil {
		return err
	}
	var orphans []*task
	for _, t := range tasks {
		switch {
		case t.left || t.twin != nil:
			continue
		case t.desired.Listing.Deleted: // it was about to be created, and was not
			const reason = "deleted in the POS before it was created"
			t.leave(false)
			t.note(&domain.ProductUnlinked{Product: t.product, Reason: reason}, Outcome{Kind: Unlinked, Reason: reason}, r.p.cfg.Now())
			continue
		case !r.mayCreate(t):
			t.refuse(Refusal{Reason: "none with its SKU is there"}, r.p.cfg.Now())
			continue
		}
		orphans = append(orphans, t)
	}
	if err := r.recordCreating(ctx, orphans); err != nil {
		return err
	}
	births := r.phase(r.sendCreation)
	r.refuseIn(births, r.reject)
	if err := births.run(ctx, singles(orphans), r.p.cfg.Concurrency); err != nil {
		return err
	}
	if err := r.offerNew(ctx, tasks); err != nil {
		return err
	}
	return r.adopt(ctx, tasks)
}

// recordCreating records what is about to be created, except what somebody has linked by
// hand meanwhile. Nobody links it from then on.
func (r *round) recordCreating(ctx context.Context, tasks []*task) error {
	end, err := r.p.turn(ctx)
	if err != nil {
		return err
	}
	defer end()
	var notes []note
	for _, t := range tasks {
		if link := r.p.cfg.Publications.Publication(r.p.cfg.Store, t.product).Link; link != nil && link.BigCommerceID != t.replaces() {
			t.leave(true)
			continue
		}
		t.unsent = true
		notes = append(notes, note{event: t.creating()})
	}
	return r.p.record(ctx, notes)
}

// creating is what is recorded before a creation.
func (t *task) creating() *domain.ProductCreating {
	e := &domain.ProductCreating{Product: t.product, Name: t.desired.Listing.Name}
	for _, v := range t.desired.Listing.Variants {
		e.SKUs = append(e.SKUs, string(v.SKU))
	}
	return e
}

func singles(tasks []*task) [][]Row {
	out := make([][]Row, len(tasks))
	for i, t := range tasks {
		out[i] = []Row{{Product: t.product}}
	}
	return out
}

func (r *round) sendCreation(ctx context.Context, _ *phase, rows []Row) error {
	t := r.byID[rows[0].Product]
	recorded := t.creating()
	ok, err := r.renew(ctx, t)
	if err != nil {
		return err
	}
	if !ok {
		return errNothing
	}
	if now := t.creating(); now.Name != recorded.Name || !slices.Equal(now.SKUs, recorded.SKUs) {
		t.leave(true) // it must be recorded under its new name first
		return errNothing
	}
	if pub := r.p.cfg.Publications.Publication(r.p.cfg.Store, t.product); pub.Creating == nil || r.p.cfg.Now().Sub(pub.Creating.At) > r.p.cfg.Quiet/2 {
		// It has waited for its turn, and how long it may come true counts from what is recorded.
		if err := r.recordCreating(ctx, []*task{t}); err != nil || t.left {
			return cmp.Or(err, errNothing)
		}
	}
	t.unsent = false
	body := newProduct(&t.desired.Listing, r.p.cfg.Weight, r.p.cfg.Categories)
	made, err := r.p.cfg.Client.CreateProduct(ctx, body)
	switch {
	case bigcommerce.IsPartial(err) && made.ID != 0:
		// It exists; the push that follows makes it whole.
	case bigcommerce.IsDuplicateSKU(err) || bigcommerce.IsDuplicateName(err):
		if adopted, lookErr := r.lookAgain(ctx, t); adopted || lookErr != nil {
			return lookErr
		}
		return err
	case bigcommerce.VerdictOf(err) == bigcommerce.Ambiguous && err != nil:
		t.putOff(r.p.cfg.Now()) // to be looked for first
		return err
	case err != nil:
		return err
	default:
		t.carry()
	}
	link := linkTo(&t.desired.Listing, &made)
	t.twin, t.born, t.made = &link, true, true
	if len(link.Variants) < len(t.desired.Listing.Variants) {
		t.position = 0 // the reply did not show them all
	}
	return nil
}

// adopt records the links. Created products go on with their stock, found ones are
// pushed whole in the next round.
func (r *round) adopt(ctx context.Context, tasks []*task) error {
	end, err := r.p.turn(ctx)
	if err != nil {
		return err
	}
	defer end()
	var notes []note
	now := r.p.cfg.Now()
	given := map[int64]domain.ProductID{} // in this round
	for _, t := range tasks {
		if t.left || t.twin == nil {
			continue
		}
		other, taken := r.p.holder(t.twin.BigCommerceID)
		if !taken {
			other, taken = given[t.twin.BigCommerceID]
		}
		if taken && other != t.product {
			t.refuse(Refusal{Field: "sku", Reason: fmt.Sprintf(
				"BigCommerce product %d has a SKU of it and is linked to product %s: two products have the same SKU, change one of them", t.twin.BigCommerceID, other)}, now)
			continue
		}
		given[t.twin.BigCommerceID] = t.product
		link := r.p.cfg.Publications.Publication(r.p.cfg.Store, t.product).Link
		if link != nil && link.BigCommerceID != t.replaces() {
			t.leave(true) // somebody has linked it by hand meanwhile, and that stands
			continue
		}
		by, kind := domain.LinkedBySKU, Linked
		if t.made {
			by, kind = domain.LinkedByCreation, Created
			r.p.illustrateLater(t)
		}
		notes = append(notes, r.p.linkNotes(t.product, t.desired.Listing.Name, t.twin, t.found, by, kind)...)
		if t.unoffered != nil {
			notes = append(notes, t.refusedByChannel(t.twin.BigCommerceID, now))
		}
		t.outcome = Outcome{Product: t.product, Kind: kind, BigCommerceID: t.twin.BigCommerceID, At: now}
	}
	if err := r.p.record(ctx, notes); err != nil {
		return err
	}
	for _, t := range tasks {
		if t.left || t.twin == nil {
			continue
		}
		t.gone = 0
		switch {
		case t.position > 0:
			t.need, t.desired.Link = needsPush, *t.twin
		default:
			t.force = true
			t.leave(true)
		}
	}
	return nil
}
