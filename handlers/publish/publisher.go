package publish

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/bigcommerce"
)

// Publisher pushes the products of one store. One at a time may run for a store.
// Its methods may be called by anybody at any time.
type Publisher struct {
	cfg       Config
	patience  *patience     // towards BigCommerce
	recording *patience     // towards the SYNC log
	recorded  atomic.Uint64 // events, since the start

	mu      sync.Mutex
	woken   map[domain.ProductID]ask
	agenda  agenda
	working map[domain.ProductID]*task // in the present round
	trying  error                      // the misfit of one of them, which may be none any more
	wake    chan struct{}              // has room for one
	idle    chan struct{}              // closed and replaced when nothing is left to do now
	work    work
	images  []image                   // touched by Run only
	meter   meter                     // likewise
	wave    wave                      // what the breaker counts
	unsure  map[domain.ProductID]bool // what BigCommerce was told last, beyond what is confirmed

	lane    *lane
	headway *headway

	lingerMu  sync.Mutex
	lingering map[domain.ProductID]lingering

	precedence precedence
	locations  []int64 // of the store

	// linking has one place: the turn to record what becomes of links, so that the
	// outcome of a push is not recorded against a link that it was not about.
	linking chan struct{}
}

// New returns a Publisher, or says which setting is unusable. It starts nothing.
func New(cfg Config) (*Publisher, error) {
	cfg, err := cfg.complete()
	if err != nil {
		return nil, err
	}
	p := &Publisher{
		cfg:        cfg,
		patience:   newPatience(cfg.Now, cfg.After),
		recording:  newPatience(cfg.Now, cfg.After),
		woken:      map[domain.ProductID]ask{},
		agenda:     newAgenda(),
		wake:       make(chan struct{}, 1),
		idle:       make(chan struct{}),
		lingering:  map[domain.ProductID]lingering{},
		unsure:     map[domain.ProductID]bool{},
		wave:       wave{seen: map[domain.ProductID]time.Time{}},
		linking:    make(chan struct{}, 1),
		locations:  locations(cfg.Rules),
		precedence: precedence{after: map[domain.ProductID]waiting{}},
	}
	p.lane, p.headway = newLane(p), newHeadway(cfg.Now)
	return p, nil
}

// turn waits for the turn to record links. The error is that of ctx.
func (p *Publisher) turn(ctx context.Context) (end func(), err error) {
	select {
	case p.linking <- struct{}{}:
		return func() { <-p.linking }, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// Wake says that a product, its link or its quarantine may have changed. Waking a
// product that needs nothing costs nothing.
func (p *Publisher) Wake(id domain.ProductID) { p.want(id, ask{}) }

func (p *Publisher) want(id domain.ProductID, a ask) {
	p.note(id, a)
	p.lane.offer(id)
	p.nudge()
}

// look has a round look at a product, and the lane not.
func (p *Publisher) look(id domain.ProductID, a ask) {
	p.note(id, a)
	p.nudge()
}

func (p *Publisher) note(id domain.ProductID, a ask) {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := p.woken[id]
	all.join(a)
	p.woken[id] = all
}

func (p *Publisher) nudge() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// Run pushes what is due until ctx ends, and returns its cause. No request is in
// flight when it has returned. Any other error means that an outcome was made that
// the SYNC log cannot hold, which is a defect.
func (p *Publisher) Run(ctx context.Context) error {
	p.survey() // before the lane runs, so that all that is urgent at start shares its first request
	ctx, cancel := context.WithCancel(ctx)
	var lane sync.WaitGroup
	lane.Go(func() { p.lane.run(ctx) })
	defer lane.Wait()
	defer cancel()
	for {
		p.admit()
		r, next, err := p.gather(ctx)
		if err != nil {
			return err
		}
		if r != nil {
			p.meter.working(true, p.cfg.Now())
			if err := r.run(ctx); err != nil {
				return err
			}
		}
		if err := p.illustrate(ctx); err != nil {
			return err
		}
		busy := r != nil || len(p.images) > 0
		if err := p.measure(ctx, busy || !next.IsZero()); err != nil {
			return err
		}
		if busy {
			continue
		}
		p.rest()
		var timer <-chan time.Time
		if !next.IsZero() {
			timer = p.cfg.After(max(next.Sub(p.cfg.Now()), time.Millisecond))
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-p.wake:
		case <-timer:
		}
	}
}

// rest tells who waits for it that nothing is left to do now.
func (p *Publisher) rest() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.woken) == 0 {
		close(p.idle)
		p.idle = make(chan struct{})
	}
}

// survey finds what is due from the projections, as at start.
func (p *Publisher) survey() {
	p.wave.recall(p.cfg.Publications.HeldPushes(p.cfg.Store))
	for id, pub := range p.cfg.Publications.Outlines(p.cfg.Store) {
		switch {
		case pub.Broken() && p.cfg.OnMissing != MissingReports && !p.cfg.Manual:
			p.want(id, ask{gone: pub.Link.BigCommerceID}) // the setting may be new
		case pub.Link != nil || pub.Creating != nil:
			p.wakeIfDue(id)
		}
	}
	if !p.cfg.CreateAll {
		return
	}
	const page = 1000
	for after := domain.ProductID(""); ; {
		summaries := p.cfg.Catalog.Products(p.cfg.Store, after, page)
		for _, s := range summaries {
			p.wakeIfDue(s.ID)
			after = s.ID
		}
		if len(summaries) < page {
			return
		}
	}
}

// wakeIfDue spares the memory for those of a million products that need nothing.
func (p *Publisher) wakeIfDue(id domain.ProductID) {
	s, _ := p.cfg.Catalog.Summary(p.cfg.Store, id)
	if confirmed := p.cfg.Publications.Publication(p.cfg.Store, id).Confirmed; confirmed.Offer != nil && s.Due > confirmed.Position {
		p.doubt(id)
	}
	if n, _ := p.need(id, ask{}); n != needsNothing {
		p.Wake(id)
		return
	}
	p.lane.offer(id) // whose push is held, and its stock not
}

// admit turns those who were woken and need something into errands.
func (p *Publisher) admit() {
	p.mu.Lock()
	woken := p.woken
	p.woken = map[domain.ProductID]ask{}
	p.mu.Unlock()
	for _, id := range slices.Sorted(maps.Keys(woken)) { // so that the same wakes make the same rounds
		a := woken[id]
		n, why := p.need(id, a)
		if n == needsNothing {
			deliver(a.waiters, p.nothing(id, why))
			continue
		}
		p.mu.Lock()
		e := p.agenda.waiting[id]
		if e == nil {
			e = &errand{product: id}
		}
		e.join(a)
		if a.force || a.create {
			e.rest = time.Time{} // somebody is waiting
		}
		p.agenda.put(e, p.cfg.Now())
		p.mu.Unlock()
	}
}

// gather makes a round of what is due: at most what one stock request carries, so
// that confirmations flow while much is due. Without anything to do it returns
// when the next errand has rested.
func (p *Publisher) gather(ctx context.Context) (*round, time.Time, error) {
	r := newRound(p)
	levels, slow := 0, 0
	for len(r.tasks) < bigcommerce.MaxStock && slow < mostSlow {
		p.mu.Lock()
		next := p.agenda.wake(p.cfg.Now())
		e := p.agenda.pop()
		if e == nil {
			p.working = r.byID
			if len(r.tasks) == 0 {
				p.trying = nil
			}
			p.mu.Unlock()
			if len(r.tasks) == 0 {
				return nil, next, nil
			}
			return r, time.Time{}, nil
		}
		if e.misfit != nil {
			p.trying, e.misfit = e.misfit, nil
		}
		p.mu.Unlock()
		t, err := r.admit(ctx, e)
		switch {
		case over(ctx):
			return nil, time.Time{}, context.Cause(ctx)
		case err != nil: // one that cannot be read keeps nobody else waiting
			p.mu.Lock()
			e.putOff(p.cfg.Now())
			e.misfit = err
			p.agenda.put(e, p.cfg.Now())
			p.mu.Unlock()
			continue
		case t == nil:
			continue
		}
		if t.slow() {
			slow++
		}
		if levels += len(stockRows(&t.desired)); levels > bigcommerce.MaxStock && len(r.tasks) > 1 {
			r.withdraw(t)
			p.mu.Lock()
			p.agenda.waiting[e.product] = e
			p.agenda.ready = append([]domain.ProductID{e.product}, p.agenda.ready...)
			p.mu.Unlock()
			break
		}
	}
	p.mu.Lock()
	p.working = r.byID
	p.mu.Unlock()
	return r, time.Time{}, nil
}

// Push pushes products although nothing is due, refused ones included, and returns
// what became of each, in their order. What a guard holds stays held; that is for
// [Publisher.Approve]. It needs Run to be running, and waits as
// long as BigCommerce does not answer; after an error, which is that of ctx, the
// push goes on.
func (p *Publisher) Push(ctx context.Context, ids []domain.ProductID) ([]Outcome, error) {
	return p.await(ctx, ids, ask{force: true})
}

// Create gives products a twin: the one that has their SKUs, or else a new one. It
// pushes those that have a twin already. Otherwise it is like [Publisher.Push].
func (p *Publisher) Create(ctx context.Context, ids []domain.ProductID) ([]Outcome, error) {
	return p.await(ctx, ids, ask{force: true, create: true})
}

func (p *Publisher) await(ctx context.Context, ids []domain.ProductID, a ask) ([]Outcome, error) {
	waiters := make([]chan Outcome, len(ids))
	for i, id := range ids {
		waiters[i] = make(chan Outcome, 1)
		a.waiters = []chan<- Outcome{waiters[i]}
		p.want(id, a)
	}
	out := make([]Outcome, len(ids))
	for i := range ids {
		select {
		case out[i] = <-waiters[i]:
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for product %s: %w", ids[i], context.Cause(ctx))
		}
	}
	return out, nil
}

// Idle returns when, at some moment, nothing was left that could be done then:
// every product that needs a push has been pushed, was refused, or rests until a
// later try. It needs Run to be running.
func (p *Publisher) Idle(ctx context.Context) error {
	p.mu.Lock()
	idle := p.idle
	p.mu.Unlock()
	p.nudge()
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
