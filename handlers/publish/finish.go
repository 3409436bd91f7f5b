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
		case t.odd && !t.doubted:
			t.doubt()
		case t.pushed():
			t.confirm(now)
		}
		notes = append(notes, t.notes...)
	}
	if err := r.p.record(ctx, notes); err != nil {
		return err
	}
	for _, t := range r.tasks {
		if t.pushed() {
			r.p.headway.confirmed(t.product, t.position)
		} else {
			r.p.headway.doubt(t.product) // the next push may be long after
		}
	}
	r.p.mu.Lock()
	defer r.p.mu.Unlock()
	r.p.working = 0
	var done []domain.ProductID
	for _, t := range r.tasks {
		if t.again {
			r.p.agenda.put(t.errand, now)
			continue
		}
		deliver(t.waiters, t.outcome)
		done = append(done, t.product)
	}
	for _, id := range done {
		for _, waited := range r.p.precedence.done(id) {
			if e := r.p.agenda.waiting[waited]; e != nil {
				e.rest = time.Time{}
				r.p.agenda.put(e, now)
			}
		}
	}
	return nil
}

// linked reports whether a task's product is linked to the twin that was pushed.
func (p *Publisher) linked(t *task) bool {
	link := p.cfg.Publications.Publication(p.cfg.Store, t.product).Link
	return link != nil && link.BigCommerceID == t.desired.Link.BigCommerceID
}
