package publish

import (
	"context"
	"fmt"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/bigcommerce"
)

// round takes some errands through the phases.
type round struct {
	p     *Publisher
	tasks []*task
	byID  map[domain.ProductID]*task
	lost  map[domain.ProductID][]string // see [Publisher.lostCreations]; nil until somebody asks
}

func newRound(p *Publisher) *round { return &round{p: p, byID: map[domain.ProductID]*task{}} }

// admit takes an errand into the round with its state as it is now. It returns nil
// when there is nothing to do any more, or nothing that may be sent.
func (r *round) admit(ctx context.Context, e *errand) (*task, error) {
	p := r.p
	n, why := p.need(e.product, e.ask)
	if n == needsNothing {
		deliver(e.waiters, p.nothing(e.product, why))
		return nil, nil
	}
	t := &task{errand: e, need: n}
	if err := r.read(ctx, t); err != nil {
		return nil, err
	}
	if t.desired.Listing.Name == "" {
		deliver(e.waiters, Outcome{Product: e.product, Kind: Nothing, Reason: "no snapshot has described it yet", At: p.cfg.Now()})
		return nil, nil
	}
	if p.shown(t) {
		deliver(e.waiters, p.nothing(e.product, "BigCommerce shows it already"))
		return nil, nil
	}
	r.tasks = append(r.tasks, t)
	r.byID[e.product] = t
	if refusal := check(&t.desired.Listing); refusal != nil {
		t.refuse(*refusal, p.cfg.Now())
	}
	return t, nil
}

// shown reports whether BigCommerce has confirmed the very state that a rebuild wants
// pushed: where this process does not fold, it may hear of the wish before it has the
// state.
func (p *Publisher) shown(t *task) bool {
	pub := p.cfg.Publications.Publication(p.cfg.Store, t.product)
	s, _ := p.cfg.Catalog.Summary(p.cfg.Store, t.product)
	return t.need == needsPush && !t.force && !pub.Approved && pub.Wanted != nil &&
		s.Due <= pub.Confirmed.Position && pub.Confirmed.Digest == t.desired.Listing.Digest()
}

// withdraw gives back the task that was admitted last.
func (r *round) withdraw(t *task) {
	r.tasks = r.tasks[:len(r.tasks)-1]
	delete(r.byID, t.product)
}

// read takes the newest state and link.
func (r *round) read(ctx context.Context, t *task) error {
	desired, state, err := r.p.desired(ctx, t.product)
	if err != nil {
		return err
	}
	t.desired, t.state, t.images = desired, state.Position, state.Family.Images
	return nil
}

// desired is what BigCommerce is to show of a product now, and the state that says
// so.
func (p *Publisher) desired(ctx context.Context, id domain.ProductID) (Desired, domain.Product, error) {
	state, err := p.cfg.Catalog.Product(ctx, p.cfg.Store, id)
	if err != nil {
		return Desired{}, state, fmt.Errorf("read the state of product %s: %w", id, err)
	}
	d := Desired{Product: id, Listing: state.Listing(p.cfg.Rules), Locations: p.locations}
	if pub := p.cfg.Publications.Publication(p.cfg.Store, id); pub.Link != nil {
		d.Link, d.Made = *pub.Link, making(&pub)
	}
	return d, state, nil
}

// renew reads the newest state right before it is sent, and reports whether it may
// be sent.
func (r *round) renew(ctx context.Context, t *task) (bool, error) {
	if t == nil || t.left {
		return false, nil
	}
	twin := t.desired.Link.BigCommerceID
	if err := r.read(ctx, t); err != nil {
		return false, err
	}
	n, _ := r.p.need(t.product, ask{force: true, create: t.need == needsTwin, gone: t.gone, held: t.held})
	if t.desired.Link.BigCommerceID != twin {
		t.notes = nil // what they say is of the link that was
		t.leave(true)
		return false, nil
	}
	if n != t.need {
		t.leave(true) // quarantined, or linked, meanwhile
		return false, nil
	}
	if r.worse(t) {
		t.leave(true) // to be judged anew
		return false, nil
	}
	if check(&t.desired.Listing) != nil {
		t.leave(true) // to be refused by the next round, unless it is better by then
		return false, nil
	}
	if until := r.p.quietUntil(t.product, t.desired.Listing.Digest()); !until.IsZero() {
		t.keepQuiet(until)
		t.leave(true)
		return false, nil
	}
	return true, nil
}

// run takes the round through its phases and records what became of it. The error
// is the end of ctx, or that of the projections.
func (r *round) run(ctx context.Context) error {
	before := r.spent()
	err := r.phases(ctx)
	if err != nil {
		if over(ctx) {
			return context.Cause(ctx)
		}
		return err
	}
	if err := r.finish(ctx); err != nil {
		return err
	}
	r.account(r.spent() - before)
	return nil
}

// spent is how many requests were made by all but the lane, which counts its own.
func (r *round) spent() uint64 {
	q := r.p.cfg.Client.Quota().Snapshot()
	return q.Requests - q.Urgent
}

func (r *round) phases(ctx context.Context) error {
	p := r.p
	if err := r.guard(ctx); err != nil {
		return err
	}
	if err := r.create(ctx); err != nil {
		return err
	}
	if err := r.remove(ctx); err != nil {
		return err
	}
	if err := r.restructure(ctx); err != nil {
		return err
	}
	products := r.phase(r.sendProducts)
	r.refuseIn(products, r.reject)
	if err := products.run(ctx, r.plan(planProducts, (*task).toPush), p.cfg.Concurrency); err != nil {
		return err
	}
	variants := r.phase(r.sendVariants)
	r.refuseIn(variants, r.doubt)
	if err := variants.run(ctx, r.plan(planVariants, (*task).updated), p.cfg.Concurrency); err != nil {
		return err
	}
	stock := r.phase(r.sendStock)
	stock.lane = bigcommerce.BulkStock
	r.refuseIn(stock, r.doubt)
	if err := r.newest(ctx); err != nil {
		return err
	}
	if err := stock.run(ctx, r.plan(planStock, r.stockLeft), 1); err != nil {
		return err
	}
	return r.offerAgain(ctx)
}

// newest reads again what the lane may have carried meanwhile.
func (r *round) newest(ctx context.Context) error {
	for _, t := range r.tasks {
		if t.pushed() && !t.left {
			_, err := r.renew(ctx, t)
			if over(ctx) {
				return context.Cause(ctx)
			}
			if err != nil { // one that cannot be read keeps nobody else waiting
				t.putOff(r.p.cfg.Now())
				t.misfit = err
			}
		}
	}
	return nil
}

// stockLeft are those whose stock did not go ahead.
func (r *round) stockLeft(t *task) bool {
	return t.pushed() && (t.force || !r.p.headway.has(&t.desired))
}

// plan plans the requests of a phase. Products that were put off before are not
// mixed with others.
func (r *round) plan(plan func([]Desired) [][]Row, which func(*task) bool) [][]Row {
	var calm []Desired
	var requests [][]Row
	for _, t := range r.tasks {
		switch {
		case t.left || !which(t):
		case t.tries > 0:
			requests = append(requests, plan([]Desired{t.desired})...)
		default:
			calm = append(calm, t.desired)
		}
	}
	return append(plan(calm), requests...)
}

// phase prepares a phase whose weary products rest.
func (r *round) phase(send func(context.Context, *phase, []Row) error) *phase {
	ph := &phase{publisher: r.p}
	ph.send = func(ctx context.Context, rows []Row) error { return r.remember(rows, send(ctx, ph, rows)) }
	ph.suspected = func(id domain.ProductID) bool { return r.byID[id].tries > 0 }
	ph.tire = func(id domain.ProductID, err error) {
		t := r.byID[id]
		if blame(err) == setting {
			t.misfit = err
			t.rest = r.p.cfg.Now().Add(mostPause)
			t.leave(true)
			return
		}
		t.putOff(r.p.cfg.Now())
	}
	return ph
}

// refuseIn lets a phase decide what becomes of a product at fault. One of which
// only a secondary part was not saved gets some more tries.
func (r *round) refuseIn(ph *phase, refuse func(context.Context, *task, error)) {
	ph.refuse = func(ctx context.Context, id domain.ProductID, err error) {
		t := r.byID[id]
		if bigcommerce.IsPartial(err) && t.tries < patienceOfUnit {
			t.putOff(r.p.cfg.Now())
			return
		}
		refuse(ctx, t, err)
	}
}

// doubt treats a refused variant or stock level as a sign that the twin has other
// variants than the link says, once; then as the product's fault.
func (r *round) doubt(ctx context.Context, t *task, err error) {
	if !t.wasDoubted() && !bigcommerce.IsPartial(err) {
		t.doubt()
		return
	}
	r.reject(ctx, t, err)
}
