package publish

import (
	"context"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/bigcommerce"
)

// patienceOfUnit is how often the rows of one request may meet a failure that
// speaks against nobody before they are sent apart, or put off when there is but
// one product left.
const patienceOfUnit = 3

// unit is the rows of one request.
type unit struct {
	rows     []Row
	failures int
}

// phase sends units until each has succeeded or its products have left the round.
// No product is in two requests at a time.
type phase struct {
	publisher *Publisher
	alone     bool // its requests share the road with no other
	// send builds one request of the newest states, and makes it. It returns
	// errNothing when none of the rows has anything to say any more.
	send func(ctx context.Context, rows []Row) error
	// suspected reports whether a product was put off before. What it meets when it is
	// sent alone then speaks against itself rather than against the store.
	suspected func(id domain.ProductID) bool
	// refuse is told of a product that is at fault by itself, tire of one that is to
	// be tried later.
	refuse func(id domain.ProductID, err error)
	tire   func(id domain.ProductID, err error)

	mu       sync.Mutex
	units    []unit
	busy     map[domain.ProductID]bool
	inflight int
	changed  chan struct{}
}

func (ph *phase) run(ctx context.Context, requests [][]Row, workers int) error {
	if len(requests) == 0 {
		return nil
	}
	ph.busy, ph.changed = map[domain.ProductID]bool{}, make(chan struct{})
	for _, rows := range requests {
		ph.units = append(ph.units, unit{rows: rows})
	}
	group, ctx := errgroup.WithContext(ctx)
	for range workers {
		group.Go(func() error { return ph.work(ctx) })
	}
	return group.Wait()
}

func (ph *phase) work(ctx context.Context) error {
	for {
		u, more, ok := ph.take()
		switch {
		case ok:
			err := ph.attempt(ctx, u)
			ph.settle(ctx, u, err)
			if over(ctx) {
				return context.Cause(ctx)
			}
		case more == nil:
			return nil
		default:
			select {
			case <-more:
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
	}
}

// take returns the first unit with no product in flight. Without one it returns
// what to wait for, or nil when nothing is to come.
func (ph *phase) take() (u unit, more <-chan struct{}, ok bool) {
	ph.mu.Lock()
	defer ph.mu.Unlock()
next:
	for i, u := range ph.units {
		ids := products(u.rows)
		for _, id := range ids {
			if ph.busy[id] {
				continue next
			}
		}
		for _, id := range ids {
			ph.busy[id] = true
		}
		ph.units = append(ph.units[:i:i], ph.units[i+1:]...)
		ph.inflight++
		return u, nil, true
	}
	if ph.inflight == 0 {
		return unit{}, nil, false
	}
	return unit{}, ph.changed, false
}

// add puts further rows behind the others.
func (ph *phase) add(rows []Row) {
	ph.mu.Lock()
	defer ph.mu.Unlock()
	ph.units = append(ph.units, unit{rows: rows})
}

// attempt makes the request of one unit when the store answers and the quota has
// room.
func (ph *phase) attempt(ctx context.Context, u unit) error {
	p := ph.publisher
	if err := p.lane.giveWay(ctx); err != nil {
		return err
	}
	pass, err := p.patience.enter(ctx)
	if err != nil {
		return err
	}
	reserved, release, err := p.cfg.Client.Quota().Acquire(ctx, bigcommerce.Bulk)
	if err != nil {
		pass.unused()
		return err
	}
	defer release()
	err = ph.drive(reserved, u.rows)
	switch {
	case over(ctx) || err == errNothing || ph.own(u, err):
		pass.unused()
	case blame(err) == store:
		pass.failed(err, notBefore(err))
	default:
		pass.succeeded()
	}
	return err
}

// drive sends on the road.
func (ph *phase) drive(ctx context.Context, rows []Row) error {
	road, part := ph.publisher.lane.road, int64(1)
	if ph.alone {
		part = wholeRoad
	}
	if err := road.Acquire(ctx, part); err != nil {
		return err
	}
	defer road.Release(part)
	return ph.send(ctx, rows)
}

// own reports whether a failure is the unit's own matter, although BigCommerce
// blames nobody.
func (ph *phase) own(u unit, err error) bool {
	ids := products(u.rows)
	return blame(err) == store && !told(err) && len(ids) == 1 && ph.suspected(ids[0])
}

// settle decides what becomes of a unit.
func (ph *phase) settle(ctx context.Context, u unit, err error) {
	ids := products(u.rows)
	var again []unit
	first := false
	switch {
	case over(ctx):
	case blame(err) == nobody:
	case blame(err) == setting:
		for _, id := range ids {
			ph.tire(id, err)
		}
	case blame(err) == product && len(ids) == 1:
		ph.refuse(ids[0], err)
	case blame(err) == product:
		again, first = ph.apart(u, err), true
	case told(err):
		again = []unit{u}
	case ph.own(u, err):
		ph.tire(ids[0], err)
	case u.failures+1 < patienceOfUnit:
		u.failures++
		again = []unit{u}
	case len(ids) == 1:
		ph.tire(ids[0], err)
	default:
		again = ph.apart(u, err)
	}

	ph.mu.Lock()
	defer ph.mu.Unlock()
	for _, id := range ids {
		delete(ph.busy, id)
	}
	ph.inflight--
	if first {
		ph.units = append(again, ph.units...)
	} else {
		ph.units = append(ph.units, again...)
	}
	close(ph.changed)
	ph.changed = make(chan struct{})
}

// apart splits a unit: at the product that the error names, or else in halves.
func (ph *phase) apart(u unit, err error) []unit {
	if at, named := suspect(err, len(u.rows)); named {
		one, others := isolate(u.rows, u.rows[at].Product)
		if len(others) > 0 {
			return []unit{{rows: one}, {rows: others}}
		}
	}
	a, b, _ := halve(u.rows)
	return []unit{{rows: a}, {rows: b}}
}
