package publish

import (
	"context"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/bigcommerce"
	"github.com/tillstream/tillstream/projections"
)

// Guards are checks that a store may put before its pushes. The zero value has
// none: the POS forces BigCommerce to agree.
type Guards struct {
	// Empties holds a push that would empty the description or the brand of a product
	// of which BigCommerce has one.
	Empties bool
	Breaker Breaker
}

// off reports whether there is no guard.
func (g *Guards) off() bool { return !g.Empties && g.Breaker.off() }

// guard takes the pushes out of the round that the store's guards hold. The error
// is the end of ctx.
func (r *round) guard(ctx context.Context) error {
	p := r.p
	if p.cfg.Guards.off() {
		return nil
	}
	var changes, empties []*task
	held := map[*task]*projections.Hold{}
	for _, t := range r.tasks {
		if t.left || t.need != needsPush {
			continue
		}
		pub := p.cfg.Publications.Publication(p.cfg.Store, t.product)
		if pub.Broken() {
			continue // nothing is there to be changed
		}
		if pub.Approved {
			p.wave.forget(t.product)
			continue
		}
		j := r.judge(t, p.told(t.product, pub.Confirmed.Offer))
		c := j.concerns
		t.judged = &j
		still := pub.Held != nil && c&against(pub.Held.Guard) != 0
		if still {
			held[t] = pub.Held
		}
		// A text holds no stock back, which the breaker may have to.
		if c&massChange != 0 && !(still && pub.Held.Guard == domain.GuardBreaker) {
			changes = append(changes, t)
		}
		if c&emptyText != 0 && !still {
			empties = append(empties, t)
		}
	}
	r.guardMass(changes)
	for _, t := range r.tasks {
		if h := held[t]; h != nil && !t.left {
			t.stayHeld(h)
			p.lane.offer(t.product) // which the breaker may have kept back for a while
		}
	}
	return r.guardTexts(ctx, empties)
}

// told is what BigCommerce was told of a product last, given what the last confirmed
// push told it. Where another may have been taken since, any text may be there.
func (p *Publisher) told(id domain.ProductID, confirmed *domain.Offer) *domain.Offer {
	p.mu.Lock()
	defer p.mu.Unlock()
	if confirmed == nil || !p.unsure[id] {
		return confirmed
	}
	perhaps := *confirmed
	perhaps.Described, perhaps.Branded = true, true
	return &perhaps
}

// doubt notes that BigCommerce may take, or have taken, a push of a product that is
// not confirmed. Of pushes that another process made, all that is due at the start
// may be one.
func (p *Publisher) doubt(id domain.ProductID) {
	if !p.cfg.Guards.Empties {
		return // for which alone it makes a difference
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.unsure[id] = true
}

// guardMass holds all of these pushes, or none.
func (r *round) guardMass(tasks []*task) {
	ids := make([]domain.ProductID, len(tasks))
	for i, t := range tasks {
		ids[i] = t.product
	}
	s := r.p.count(ids)
	if !s.trips {
		return
	}
	for _, t := range tasks {
		r.hold(t, domain.GuardBreaker, r.p.cfg.Guards.Breaker.massReason(t.judged, s))
	}
}

// guardTexts holds those of these pushes that would empty a text. It reads their
// twins, which is the only way to know.
func (r *round) guardTexts(ctx context.Context, tasks []*task) error {
	asked := map[bigcommerce.ProductID]*task{}
	var ids []bigcommerce.ProductID
	for _, t := range tasks {
		if id := bigcommerce.ProductID(t.desired.Link.BigCommerceID); !t.left {
			asked[id], ids = t, append(ids, id)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	var twins []bigcommerce.Product
	err := r.p.ask(ctx, func(ctx context.Context) (err error) {
		twins, err = r.p.cfg.Client.ProductsByID(ctx, ids)
		return err
	})
	if over(ctx) {
		return context.Cause(ctx)
	}
	if err != nil {
		for _, t := range asked {
			t.putOff(r.p.cfg.Now())
		}
		return nil
	}
	// A twin that is not among them is gone, which its push will find.
	for i := range twins {
		if t := asked[twins[i].ID]; t != nil {
			if reason := emptyReason(t.judged.concerns, &twins[i]); reason != "" {
				r.hold(t, domain.GuardEmpties, reason)
				r.p.lane.offer(t.product)
			}
		}
	}
	return nil
}

// hold ends the push of this state until somebody decides.
func (r *round) hold(t *task, guard domain.Guard, reason string) {
	position := max(t.state, 1)
	t.leave(false)
	t.note(&domain.PushHeld{Product: t.product, Position: position, Guard: guard, Reason: reason},
		Outcome{Kind: Held, Guard: guard, Position: position, BigCommerceID: t.desired.Link.BigCommerceID, Reason: reason}, r.p.cfg.Now())
}

// stayHeld takes a product out of the round that has changed while it was held, and
// not for the better.
func (t *task) stayHeld(h *projections.Hold) {
	t.leave(false)
	t.outcome = Outcome{Product: t.product, Kind: Held, Guard: h.Guard, Position: h.Position,
		BigCommerceID: t.desired.Link.BigCommerceID, Reason: undecided(h), At: h.At}
}

// undecided says for people that a push is held, and what to do.
func undecided(h *projections.Hold) string {
	return h.Reason + ": run `tillstream approve` to push it, or `tillstream discard` to leave BigCommerce as it is"
}

// worse reports whether a state that was read after the guards have judged its
// product is one that they have to look at anew.
func (r *round) worse(t *task) bool {
	return t.judged != nil && r.judge(t, t.judged.before).concerns&^t.judged.concerns != 0
}

// judge judges the state that a task has read last.
func (r *round) judge(t *task, before *domain.Offer) judgement {
	return r.p.cfg.Guards.judge(before, &t.desired.Listing, r.p.cfg.Rules)
}
