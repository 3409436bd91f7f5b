package publish

import (
	"context"
	"time"

	"github.com/tillstream/tillstream/domain"
)

// finish records what became of the round and gives back what is not done.
func (r *round) finish(ctx context.Context) error {
	now := r.p.cfg.Now()
	end, err := r.p.turn(ctx)
	if err != nil {
		return err
	}
	defer end()
	var notes []note
	for _, t := range r.tasks {
		if t.need == needsPush && !r.p.linked(t) {
			t.notes = nil // what it has to say is of no link any more
			t.leave(true)
			continue
		}
		switch {
		case t.left:
		case t.odd && !t.wasDoubted():
			t.doubt()
		case t.pushed():
			t.confirm(now)
			t.sayOffered(now)
		}
		notes = append(notes, t.notes...)
	}
	if err := r.p.record(ctx, notes); err != nil {
		return err
	}
	for _, t := range r.tasks {
		switch {
		case t.pushed():
			r.p.headway.confirmed(t.product, t.position)
		case t.outcome.Kind != Held: // of what is held, stock may have gone ahead, and is not to go each time
			r.p.headway.doubt(t.product) // the next push may be long after
		}
	}
	r.p.mu.Lock()
	defer r.p.mu.Unlock()
	for _, t := range r.tasks {
		if t.pushed() {
			delete(r.p.unsure, t.product)
		}
	}
	r.p.working, r.p.trying = nil, nil
	var waited []domain.ProductID
	for _, t := range r.tasks {
		waited = append(waited, t.freed...)
		if t.again {
			r.p.agenda.put(t.errand, now)
			continue
		}
		deliver(t.waiters, t.outcome)
		if _, more := r.p.woken[t.product]; !more {
			waited = append(waited, r.p.precedence.done(t.product)...)
		}
	}
	for _, id := range waited {
		if e := r.p.agenda.waiting[id]; e != nil {
			e.rest = time.Time{}
			r.p.agenda.put(e, now)
		}
	}
	return nil
}

// linked reports whether a task's product is linked to the twin that was pushed.
func (p *Publisher) linked(t *task) bool {
	link := p.cfg.Publications.Publication(p.cfg.Store, t.product).Link
	return link != nil && link.BigCommerceID == t.desired.Link.BigCommerceID
}
