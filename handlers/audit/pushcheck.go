package audit

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/projections"
)

// comparisons are the checks of what both logs amount to.
func (v *verification) comparisons(ctx context.Context) (err error) {
	if v.pos == nil || !v.wants(Fold, Publications, Behind, Twins, Sums, BigCommerce) {
		return nil
	}
	defer func() { err = errors.Join(err, v.pos.scratch.close()) }()
	if err := v.pos.catalog.Flush(ctx); err != nil {
		return err
	}
	if v.wants(Fold) {
		c := comparison{
			noun: "product", remedy: "tillstream rebuild",
			log: v.Conn.POS(), bucket: v.Products, anew: v.pos.scratch, last: v.pos.last,
		}
		if err := c.tell(ctx, v, Result{Code: Fold}); err != nil {
			return err
		}
	}
	if !v.wants(Publications, Behind, Twins, Sums, BigCommerce) {
		return nil
	}
	anew, err := newScratch(v.Dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, anew.close()) }()
	pubs, err := projections.OpenPublications(ctx, anew, v.Conn.Sync().Events(), nil)
	if err == nil {
		err = pubs.Flush(ctx)
	}
	if err != nil {
		return err
	}
	if v.wants(Publications) {
		c := comparison{
			noun: "publication", remedy: "tillstream rebuild, with no tillstream up beside it,",
			log: v.Conn.Sync(), bucket: v.Conn.Publications().Snapshots(), anew: anew, last: pubs.Position(),
		}
		if err := c.tell(ctx, v, Result{Code: Publications}); err != nil {
			return err
		}
	}
	if err := v.tell(v.eventSum()); err != nil {
		return err
	}
	for i := range v.Stores {
		if err := v.pushes(ctx, &v.Stores[i], pubs); err != nil {
			return err
		}
	}
	return nil
}

// eventSum says what became of every message of the POS log.
func (v *verification) eventSum() Result {
	r, f := Result{Code: Sums, Log: v.Conn.POS().Name()}, v.pos
	sum := f.tally.Folded + f.tally.Superseded + f.tally.Duplicate + f.letters
	ended := fmt.Sprintf("%d folded, %d superseded, %d duplicate, %d dead letters", f.tally.Folded, f.tally.Superseded, f.tally.Duplicate, f.letters)
	if f.waiting > 0 {
		sum += f.waiting
		ended += fmt.Sprintf(", %d to come", f.waiting)
	}
	if total := uint64(f.last); sum != total {
		return r.is(Fail, "of %s only %d have ended: %s", number(total, "event"), sum, ended)
	}
	return r.is(Pass, "%s: %s", number(f.last, "event"), ended)
}

// pushes are the checks of one store's pushes.
func (v *verification) pushes(ctx context.Context, s *Store, pubs *projections.Publications) error {
	r := func(c Code) Result { return Result{Code: c, Store: s.ID} }
	n := projections.Count(v.pos.catalog, pubs, s.ID)
	behind := r(Behind)
	switch {
	case n.Pending == 0:
		behind = behind.is(Pass, "nothing is pending; the newest state of %s is confirmed", number(n.Confirmed, "product"))
	case s.Manual:
		behind = behind.is(Pass, "%s pending, which somebody has to push (syncing is manual)", number(n.Pending, "push"))
	default:
		behind = behind.is(Warn, "%s whose newest state BigCommerce has not confirmed", number(n.Pending, "product"))
	}
	twins, sums, synced := v.linked(s.ID, pubs, n)
	if err := v.tell(behind, twins, sums); err != nil || !v.wants(BigCommerce) {
		return err
	}
	return v.sample(ctx, s, synced)
}

// linked looks at every product of a store that the SYNC log names: whether two share
// one in BigCommerce, and whether each push has ended. It returns the products of which
// BigCommerce should show the newest state.
func (v *verification) linked(store domain.StoreID, pubs *projections.Publications, n projections.Counts) (twins, sums Result, synced []domain.ProductID) {
	owner := map[int64]domain.ProductID{}
	var shared, ahead few
	links := 0
	for id, pub := range pubs.All(store) {
		if told := max(pub.Confirmed.Position, refusedAt(&pub)); told > v.pos.last {
			ahead.add("product %s was pushed at position %d", id, told)
		}
		if pub.Link == nil {
			continue
		}
		links++
		if other, taken := owner[pub.Link.BigCommerceID]; taken {
			shared.add("%s and %s are both linked to %d", other, id, pub.Link.BigCommerceID)
		}
		owner[pub.Link.BigCommerceID] = id
		s, ok := v.pos.catalog.Summary(store, id)
		if ok && projections.StateOf(s.Due, pub, pubs.Quarantined(store, s.Items...)) == projections.Synced {
			synced = append(synced, id)
		}
	}
	twins, sums = Result{Code: Twins, Store: store}, Result{Code: Sums, Store: store}
	if shared.n > 0 {
		twins = twins.is(Fail, "%s", &shared)
	} else {
		twins = twins.is(Pass, "%s, each to a product of its own", number(links, "link"))
	}
	if ahead.n > 0 {
		return twins, sums.is(Fail, "the SYNC log speaks of states that the POS log does not have: %s; the POS log ends at %d", &ahead, v.pos.last).at(v.pos.last+1, 0), synced
	}
	return twins, sums.is(Pass, "the newest pushes of %s: %d confirmed, %d pending, %d refused, %d held, %d discarded; %d quarantined", number(links, "linked product"),
		n.Confirmed, n.Pending, n.Refused, n.Held, n.Discarded, n.Quarantined), synced
}

func refusedAt(p *projections.Publication) domain.Position {
	if p.Refused == nil {
		return 0
	}
	return p.Refused.Position
}

// sample compares some products with what BigCommerce shows.
func (v *verification) sample(ctx context.Context, s *Store, synced []domain.ProductID) error {
	r := Result{Code: BigCommerce, Store: s.ID}
	switch {
	case s.Compare == nil:
		return v.tell(r.is(Skip, "the store has no BigCommerce credentials here"))
	case len(synced) == 0:
		return v.tell(r.is(Skip, "no product is linked whose newest state is confirmed"))
	}
	rand.Shuffle(len(synced), func(i, j int) { synced[i], synced[j] = synced[j], synced[i] })
	synced = synced[:min(len(synced), v.Sample)]
	agree, differ, err := s.Compare(ctx, synced)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		return v.tell(r.is(Skip, "BigCommerce could not be read: %v", err))
	case len(differ) > 0:
		var named few
		for _, d := range differ {
			named.add("%s", d)
		}
		return v.tell(r.is(Warn, "of %s %d shows what it was told; others were edited in BigCommerce, or changed meanwhile: %s (tillstream preview shows how)", number(len(synced), "product"), agree, &named))
	}
	return v.tell(r.is(Pass, "a sample of %s shows what it was told", number(agree, "product")))
}
