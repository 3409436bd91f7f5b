package publish

import (
	"context"
	"sync"
	"time"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/bigcommerce"
)

// leastRest is how long others may go between two requests of a [lane] at least, which is enough
// where there is no quota.
const leastRest = 100 * time.Millisecond

// lane sends the stock of what was sold, refunded, exchanged, counted, ordered,
// transferred or adjusted ahead of everything else. It does so once for each such
// change, in as few requests as that takes; the product's full state follows in a
// round, which does not send the same stock again. What fails here for any other
// reason than a spent quota is left to the round.
//
// The breaker counts here too, and keeps stock back that it would hold; who holds it
// on record is the round. A hold for an emptied text keeps no stock back: it is no
// reason to sell what is not there.
//
// A stock request is alone in flight (see [bigcommerce.Lane]), so that a product is
// in one request at a time.
type lane struct {
	p *Publisher

	mu      sync.Mutex
	queue   []domain.ProductID
	queued  map[domain.ProductID]bool
	offered chan struct{} // has room for one
	gone    chan struct{} // not nil while something is to go first; then closed
	resting bool          // others may go

	// Touched by run only.
	failed []domain.ProductID
	retry  <-chan time.Time // not nil while any have failed
}

func newLane(p *Publisher) *lane {
	return &lane{p: p, queued: map[domain.ProductID]bool{}, offered: make(chan struct{}, 1)}
}

// offer takes a product whose stock has changed in a way that cannot wait.
func (l *lane) offer(id domain.ProductID) {
	if !l.urgent(id) {
		return
	}
	l.mu.Lock()
	l.enqueue(id)
	l.claim()
	l.mu.Unlock()
	select {
	case l.offered <- struct{}{}:
	default:
	}
}

// urgent reports whether a product's stock changed after what BigCommerce was told
// of it.
func (l *lane) urgent(id domain.ProductID) bool {
	p := l.p
	s, ok := p.cfg.Catalog.Summary(p.cfg.Store, id)
	if !ok || s.StockDue == 0 || p.cfg.Rules.LeaveStock {
		return false
	}
	// In this order: a confirmation is recorded before headway forgets.
	ahead := p.headway.state(id)
	pub := p.cfg.Publications.Publication(p.cfg.Store, id)
	confirmed := pub.Confirmed.Position
	// A twin that never had a full state may not keep stock as the POS does.
	if confirmed == 0 || s.StockDue <= max(confirmed, ahead) {
		return false
	}
	n, _ := p.need(id, ask{held: pub.Held != nil && pub.Held.Guard == domain.GuardEmpties})
	return n == needsPush
}

// run sends what is offered until ctx ends.
func (l *lane) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-l.offered:
		case <-l.retry:
			failed := l.failed
			l.failed, l.retry = nil, nil
			for _, id := range failed {
				l.offer(id)
			}
		}
		for l.first() {
			began := l.p.cfg.Now()
			l.attempt(ctx)
			l.letGo()
			select {
			case <-ctx.Done():
				return
			case <-l.p.cfg.After(l.rest(l.p.cfg.Now().Sub(began))):
			}
			l.rested()
		}
	}
}

// rest is how long others may go after a stock request that took so long: until those of
// a window, begun at that distance, find the quota that is kept for them.
func (l *lane) rest(took time.Duration) time.Duration {
	if q := l.p.cfg.Client.Quota().Snapshot(); q.Window > 0 {
		return max(leastRest, q.Window/time.Duration(max(1, q.UrgentRoom))-took)
	}
	return leastRest
}

// first reports whether there is something to send.
func (l *lane) first() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.gone != nil
}

// letGo lets others may go for the rest.
func (l *lane) letGo() {
	l.mu.Lock()
	defer l.mu.Unlock()
	close(l.gone)
	l.gone, l.resting = nil, true
}

func (l *lane) rested() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.resting = false
	l.claim()
}

// claim has everybody give way if there is something to send. The caller holds mu.
func (l *lane) claim() {
	if len(l.queue) > 0 && !l.resting && l.gone == nil {
		l.gone = make(chan struct{})
	}
}

// giveWay waits while stock is to go first.
func (l *lane) giveWay(ctx context.Context) error {
	l.mu.Lock()
	gone := l.gone
	l.mu.Unlock()
	if gone == nil {
		return nil
	}
	select {
	case <-gone:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// attempt makes one request with the newest stock of those who wait, when the store
// answers and the quota has room.
func (l *lane) attempt(ctx context.Context) {
	p := l.p
	pass, err := p.patience.enter(ctx)
	if err != nil {
		return
	}
	reserved, release, err := p.cfg.Client.Quota().Acquire(ctx, bigcommerce.UrgentStock)
	if err != nil {
		pass.unused()
		return
	}
	defer release()
	load := l.guard(l.load(ctx))
	if len(load.levels) == 0 {
		pass.unused()
		return
	}
	for i := range load.desired {
		p.headway.doubt(load.desired[i].Product)
	}
	before := l.spent()
	err = p.cfg.Client.SetStock(reserved, "stock in the POS", load.levels)
	p.mu.Lock()
	p.work.requests += l.spent() - before
	p.mu.Unlock()
	switch {
	case over(ctx):
		pass.unused()
		return
	case blame(err) == store:
		pass.failed(err, notBefore(err))
	default:
		pass.succeeded()
	}
	switch {
	case err == nil:
		p.mu.Lock()
		p.work.bound++
		p.mu.Unlock()
		for i := range load.desired {
			p.headway.note(&load.desired[i], load.states[i])
		}
	case lingers(err):
		for i := range load.desired {
			p.linger(load.desired[i].Product, load.desired[i].Listing.Digest())
		}
	case spent(err):
		l.putBack(load)
		return
	}
	if err != nil {
		for _, d := range load.desired {
			l.again(d.Product)
		}
	}
}

// spent is how many requests the lane has made: nobody else makes urgent ones.
func (l *lane) spent() uint64 { return l.p.cfg.Client.Quota().Snapshot().Urgent }

// again has a product offered once more, after [Config.Quiet], whose stock perhaps no
// round sends, because the rest of its push is held, or will be.
func (l *lane) again(id domain.ProductID) {
	p := l.p
	if !p.cfg.Guards.Empties && p.cfg.Publications.Publication(p.cfg.Store, id).Held == nil {
		return
	}
	l.failed = append(l.failed, id)
	if l.retry == nil {
		l.retry = p.cfg.After(p.cfg.Quiet)
	}
}

// load is what one request carries, and of which states.
type load struct {
	desired []Desired
	states  []domain.Position
	levels  []bigcommerce.StockLevel
}

// load takes from the queue what one request can carry, with its newest state. What
// may not be sent now, or does not fit one request, is the round's.
func (l *lane) load(ctx context.Context) (out load) {
	for {
		id, ok := l.next()
		if !ok {
			return out
		}
		d, state, levels := l.read(ctx, id)
		if len(out.levels) > 0 && len(out.levels)+len(levels) > bigcommerce.MaxStock {
			return out
		}
		l.drop()
		if len(levels) == 0 || len(levels) > bigcommerce.MaxStock {
			continue
		}
		out.desired, out.states, out.levels = append(out.desired, d), append(out.states, state), append(out.levels, levels...)
	}
}

// guard takes out of a load what the breaker holds, or would.
func (l *lane) guard(all load) load {
	p := l.p
	if p.cfg.Guards.Breaker.off() {
		return all
	}
	kept := map[domain.ProductID]bool{}
	var changes []domain.ProductID
	for i := range all.desired {
		d := &all.desired[i]
		pub := p.cfg.Publications.Publication(p.cfg.Store, d.Product)
		switch {
		case pub.Approved || p.cfg.Guards.judge(pub.Confirmed.Offer, &d.Listing, p.cfg.Rules).concerns&massChange == 0:
		case pub.Held != nil && pub.Held.Guard == domain.GuardBreaker:
			kept[d.Product] = true
		default:
			changes = append(changes, d.Product)
		}
	}
	if s := p.count(changes); s.trips {
		for _, id := range changes {
			kept[id] = true
			p.look(id, ask{held: true}) // its push may be held already, for a text
		}
	}
	if len(kept) == 0 {
		return all
	}
	var out load
	for i, d := range all.desired {
		if !kept[d.Product] {
			out.desired, out.states, out.levels = append(out.desired, d), append(out.states, all.states[i]), append(out.levels, d.stockLevels()...)
		}
	}
	return out
}

// next is the product that waits longest.
func (l *lane) next() (domain.ProductID, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.queue) == 0 {
		return "", false
	}
	return l.queue[0], true
}

func (l *lane) drop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.queued, l.queue[0])
	l.queue = l.queue[1:]
}

// read returns no levels of a product that the lane must not send.
func (l *lane) read(ctx context.Context, id domain.ProductID) (Desired, domain.Position, []bigcommerce.StockLevel) {
	if !l.urgent(id) {
		return Desired{}, 0, nil
	}
	d, state, err := l.p.desired(ctx, id)
	switch {
	case err != nil || !l.p.quietUntil(id, d.Listing.Digest()).IsZero():
		l.again(id)
		return d, 0, nil
	case check(&d.Listing) != nil:
		return d, 0, nil
	}
	return d, state.Position, d.stockLevels()
}

func (l *lane) putBack(load load) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, d := range load.desired {
		l.enqueue(d.Product)
	}
}

// enqueue puts a product behind those that wait, unless it waits. The caller holds
// mu.
func (l *lane) enqueue(id domain.ProductID) {
	if !l.queued[id] {
		l.queued[id] = true
		l.queue = append(l.queue, id)
	}
}
