package publish

import (
	"context"
	"errors"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/bigcommerce"
)

// phase sends units until each has succeeded or its products have left the round.
// No product is in two requests at a time.
type phase struct {
	publisher *Publisher
	lane      bigcommerce.Lane
	// send builds one request of the newest states, and makes it. It returns
	// errNothing when none of the rows has anything to say any more.
	send func(ctx context.Context, rows []Row) error
	// suspected reports whether a product was put off before. What it meets when it is
	// sent alone then speaks against itself rather than against the store.
	suspected func(id domain.ProductID) bool
	// refuse is told of a product that is at fault by itself, tire of one that is to
	// be tried later.
	refuse func(ctx context.Context, id domain.ProductID, err error)
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
	reserved, release, err := p.cfg.Client.Quota().Acquire(ctx, ph.lane)
	if err != nil {
		pass.unused()
		return err
	}
	defer release()
	err = ph.send(reserved, u.rows)
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
	case errors.Is(err, errNothing):
		again = u.others() // what was at fault may have left
	case blame(err) == nobody:
		again = u.next()
	case blame(err) == setting:
		for _, id := range ids {
			ph.tire(id, err)
		}
		again = u.others()
	case blame(err) == product && len(ids) == 1:
		ph.refuse(ctx, ids[0], err)
		again, first = u.others(), true
	case blame(err) == product:
		again, first = ph.apart(ctx, u, err), true
	case told(err):
		again = []unit{u}
	case ph.own(u, err):
		ph.tire(ids[0], err)
		again = u.others()
	case u.failures+1 < patienceOfUnit:
		u.failures++
		again = []unit{u}
	case len(ids) == 1:
		ph.tire(ids[0], err)
		again = u.others()
	default:
		again = []unit{u.search()}
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

// apart splits a unit with a product at fault. Those that the error names for sure
// are refused at once, others that it names are sent behind the rest. When it names
// none, the product is searched for.
func (ph *phase) apart(ctx context.Context, u unit, err error) []unit {
	named := accused(err)
	if len(named) == 0 {
		return []unit{u.search()}
	}
	var good, doubtful []Row
	for _, row := range u.rows {
		switch c, is := named[row.Product]; {
		case !is && !bigcommerce.IsPartial(err): // where it is, the others were saved
			good = append(good, row)
		case is && !c.sure:
			doubtful = append(doubtful, row)
		}
	}
	for _, id := range products(u.rows) {
		if c, is := named[id]; is && c.sure {
			ph.refuse(ctx, id, c.err)
		}
	}
	good = slices.Concat(good, u.rest, u.aside)
	switch {
	case len(good) > 0:
		return []unit{{rows: good, aside: doubtful}}
	case len(doubtful) > 0:
		return []unit{suspect(doubtful, nil)}
	}
	return nil
}
