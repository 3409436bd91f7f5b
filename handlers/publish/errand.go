package publish

import (
	"maps"
	"slices"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/tillstream/tillstream/domain"
)

// ask is what somebody wants of a product beyond what its state says.
type ask struct {
	force  bool  // push although nothing is due, or although it was refused
	create bool  // find its twin, or create one
	gone   int64 // the BigCommerce product of its link, when BigCommerce has it no more
	held   bool  // whatever a guard holds
	// release are SKUs that other products are to have: the twin gives them up before
	// it is pushed, except those that it is to have itself.
	release []string
	waiters []chan<- Outcome
}

func (a *ask) join(b ask) {
	a.force = a.force || b.force
	a.create = a.create || b.create
	a.gone = max(a.gone, b.gone)
	a.held = a.held || b.held
	a.release = append(a.release, b.release...)
	a.waiters = append(a.waiters, b.waiters...)
}

// errand is a product that needs something of BigCommerce.
type errand struct {
	product domain.ProductID
	ask
	// verify asks to compare the twin's variants with ours before anything is sent;
	// doubted is the digest of the state for which that was asked last, so that it is
	// not done for ever.
	verify  bool
	doubted string

	// unsent says that the creation that was recorded last was not tried, so that there
	// is nothing to wait for: one that was tried before it has had its time.
	unsent bool

	// pressed are the products that were asked to make way for this one, and how often.
	pressed map[domain.ProductID]int

	rest   time.Time // not before
	quiet  bool      // it rests because what was sent before may still take effect
	misfit error     // that it waits for, where other products would meet the same
	tries  int       // how often it was put off in a row
	pace   *backoff.ExponentialBackOff
}

// keepQuiet lets the product rest until what was sent before can take effect no more.
func (e *errand) keepQuiet(until time.Time) { e.rest, e.quiet = until, true }

// putOff lets the product rest for a while, longer each time.
func (e *errand) putOff(now time.Time) {
	if e.pace == nil {
		e.pace = newPace()
		e.pace.MaxInterval = mostRest
	}
	e.tries++
	e.rest = now.Add(e.pace.NextBackOff())
}

// need is what a product needs of BigCommerce.
type need int

const (
	needsNothing need = iota
	needsTwin
	needsPush
)

// need decides it from the projections alone. why says for people what stands in
// the way of something that was asked for.
func (p *Publisher) need(id domain.ProductID, a ask) (n need, why string) {
	s, ok := p.cfg.Catalog.Summary(p.cfg.Store, id)
	if !ok || s.Due == 0 {
		return needsNothing, "nothing is known of it yet"
	}
	pub := p.cfg.Publications.Publication(p.cfg.Store, id)
	refused := pub.Refused != nil && pub.Refused.Position >= s.Due
	gone := p.seeksOther(&pub, s.Due, a)
	switch {
	case p.cfg.Publications.Quarantined(p.cfg.Store, s.Items...):
		return needsNothing, "an event of it could not be folded: see `tillstream deadletters list`"
	case p.cfg.Manual && !a.force && !a.create && a.gone == 0 && !pub.Approved:
		return needsNothing, "its store is synced by hand: run `tillstream push`"
	case gone && !s.Deleted:
		return needsTwin, ""
	case pub.Held != nil && pub.Held.Position >= s.Due && !a.held:
		return needsNothing, undecided(pub.Held)
	case pub.Link != nil && (a.force || pub.NeedsPush(s.Due) && !refused && (!pub.Broken() || s.Deleted)):
		return needsPush, ""
	case pub.Broken():
		return needsNothing, pub.Refused.Reason
	case pub.Link != nil:
		return needsNothing, "it is linked and up to date"
	case !a.create && !p.cfg.CreateAll:
		return needsNothing, "it is not linked: run `tillstream link` or `tillstream publish`"
	case s.Deleted && pub.Creating == nil:
		return needsNothing, "it is deleted in the POS"
	case refused && !a.create && !a.force:
		return needsNothing, "it was refused: " + pub.Refused.Reason
	}
	return needsTwin, ""
}

// Needless says why [Publisher.Push], or [Publisher.Create] if create, would do nothing
// for a product as things are; "" where it would do something.
func (p *Publisher) Needless(id domain.ProductID, create bool) string {
	_, why := p.need(id, ask{force: true, create: create})
	return why
}

// nothing is the outcome for those who asked for a product that needs nothing.
func (p *Publisher) nothing(id domain.ProductID, why string) Outcome {
	o := Outcome{Product: id, Kind: Nothing, Reason: why, At: p.cfg.Now()}
	pub := p.cfg.Publications.Publication(p.cfg.Store, id)
	if held := pub.Held; held != nil && why == undecided(held) {
		o.Kind, o.Guard, o.Position, o.BigCommerceID = Held, held.Guard, held.Position, pub.Link.BigCommerceID
	}
	return o
}

// agenda is the errands that wait. Its owner locks.
type agenda struct {
	waiting map[domain.ProductID]*errand
	ready   []domain.ProductID // in the order in which they came; may name some that are gone
	resting map[domain.ProductID]*errand
	misfits map[domain.ProductID]error // of those that wait
}

func newAgenda() agenda {
	return agenda{waiting: map[domain.ProductID]*errand{}, resting: map[domain.ProductID]*errand{}, misfits: map[domain.ProductID]error{}}
}

func (a *agenda) put(e *errand, now time.Time) {
	_, known := a.waiting[e.product]
	a.waiting[e.product] = e
	if e.misfit != nil {
		a.misfits[e.product] = e.misfit
	}
	if e.rest.After(now) {
		a.resting[e.product] = e
		return
	}
	if _, rested := a.resting[e.product]; !known || rested {
		delete(a.resting, e.product)
		a.ready = append(a.ready, e.product)
	}
}

// wake makes the errands ready that have rested, and returns when the next one
// will have; zero for none.
func (a *agenda) wake(now time.Time) (next time.Time) {
	for id, e := range a.resting {
		if e.rest.After(now) {
			if next.IsZero() || e.rest.Before(next) {
				next = e.rest
			}
			continue
		}
		delete(a.resting, id)
		a.ready = append(a.ready, id)
	}
	return next
}

// quiet returns how many errands rest because what was sent before may still take
// effect, and until when the first of them does.
func (a *agenda) quiet() (n int, until time.Time) {
	for _, e := range a.resting {
		if e.quiet {
			n++
			if n == 1 || e.rest.Before(until) {
				until = e.rest
			}
		}
	}
	return n, until
}

// misfit returns that of the first product, by its id, which waits for one, or nil.
func (a *agenda) misfit() error {
	if len(a.misfits) == 0 {
		return nil
	}
	return a.misfits[slices.Min(slices.Collect(maps.Keys(a.misfits)))]
}

// pop takes the errand that has been ready for longest, or returns nil.
func (a *agenda) pop() *errand {
	for len(a.ready) > 0 {
		id := a.ready[0]
		a.ready = a.ready[1:]
		if e := a.waiting[id]; e != nil && a.resting[id] == nil {
			delete(a.waiting, id)
			delete(a.misfits, id)
			e.quiet = false
			return e
		}
	}
	return nil
}
