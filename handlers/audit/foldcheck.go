package audit

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/project"
	"github.com/tillstream/tillstream/projections"
	"github.com/tillstream/tillstream/streams"
)

// eventCheck looks at the events of a log: whether they are any, and whether one stands
// twice. Of the POS log it also folds them.
type eventCheck struct {
	v    *verification
	log  *streams.Log
	ids  *ids       // nil unless it is wanted
	fold *foldCheck // nil unless it is wanted, and of the POS log

	events, useless uint64
	unlettered      []useless // and there was no dead letter when it was read
	missing         int       // how many more of them there are
}

// useless is a message that cannot be used.
type useless struct {
	at  domain.Position
	why error
}

// mostUnlettered is how many of them are looked at again.
const mostUnlettered = 1000

// foldCheck is a log folded from zero.
type foldCheck struct {
	scratch *scratch
	catalog *projections.Catalog
	passes  map[domain.Position]bool // see [project.Passed]
	last    domain.Position          // of the log when the check began
	tally   domain.Tally
	letters uint64
	waiting uint64 // cannot be used, and are not folded by the installation itself yet
}

func (v *verification) eventChecks(ctx context.Context, log *streams.Log, p *reading) (*eventCheck, error) {
	c := &eventCheck{v: v, log: log}
	if !v.wants(Events, Duplicates, Fold, Publications, Behind, Twins, Sums, BigCommerce) {
		return c, nil
	}
	var err error
	if v.wants(Duplicates) {
		if c.ids, err = newIDs(v.Dir); err != nil {
			return nil, err
		}
	}
	pos := log.Name() == v.Conn.POS().Name()
	if pos {
		if c.fold, err = v.newFold(ctx); err != nil {
			return nil, errors.Join(err, c.close())
		}
		v.pos, c.fold.last = c.fold, domain.Position(v.extents[log.Name()].Last)
	}
	p.takers = append(p.takers, each(func(m *streams.Message) error { return c.take(ctx, m) }))
	return c, nil
}

func (v *verification) newFold(ctx context.Context) (*foldCheck, error) {
	s, err := newScratch(v.Dir)
	if err != nil {
		return nil, err
	}
	catalog, err := projections.OpenCatalog(ctx, s, func(id domain.StoreID) domain.StockMode {
		store, _ := v.store(id)
		return store.Mode
	}, 0)
	if err != nil {
		return nil, errors.Join(err, s.close())
	}
	catalog.Draft(0) // what is folded for this comparison alone
	passes, err := project.Passed(ctx, v.Conn)
	if err != nil && !streams.Missing(err) { // which is told
		return nil, errors.Join(err, s.close())
	}
	return &foldCheck{scratch: s, catalog: catalog, passes: passes}, nil
}

func (v *verification) store(id domain.StoreID) (Store, bool) {
	i := slices.IndexFunc(v.Stores, func(s Store) bool { return s.ID == id })
	if i < 0 {
		return Store{}, false
	}
	return v.Stores[i], true
}

// close gives the files back that nobody needs any more: the fold's are used further.
func (c *eventCheck) close() error {
	if c.ids != nil {
		return c.ids.close()
	}
	return nil
}

func (c *eventCheck) take(ctx context.Context, m *streams.Message) error {
	c.events++
	if c.fold == nil {
		return c.takeOther(m)
	}
	f := c.fold
	got, err := project.Refold(ctx, f.catalog, func(id domain.StoreID) bool { _, known := c.v.store(id); return known }, f.passes, *m)
	if err != nil {
		return err
	}
	switch got.Outcome {
	case domain.Folded:
		f.tally.Folded++
	case domain.Superseded:
		f.tally.Superseded++
	case domain.Duplicate:
		f.tally.Duplicate++
	default:
		if err := c.aside(ctx, m, got.Reason); err != nil {
			return err
		}
	}
	if c.ids != nil && got.Recorded.ID != "" {
		if err := c.ids.add(&got.Recorded, got.Outcome == domain.Folded); err != nil {
			return err
		}
	}
	if f.catalog.Enough(0) {
		return f.catalog.Flush(ctx)
	}
	return nil
}

// takeOther looks at an event of the SYNC log, which only this program writes.
func (c *eventCheck) takeOther(m *streams.Message) error {
	rec, err := m.Recorded()
	if err == nil {
		_, err = rec.Event()
	}
	if err != nil {
		c.useless++
		c.unused(m.Position, err)
		return nil
	}
	if c.ids == nil {
		return nil
	}
	return c.ids.add(&rec, true)
}

// aside looks for the dead letter of a message that cannot be used.
func (c *eventCheck) aside(ctx context.Context, m *streams.Message, why error) error {
	c.useless++
	id, err := c.v.Conn.DeadLetters().LetterOf(ctx, m.Stream, m.Position)
	if err != nil {
		return err
	}
	if id > 0 {
		c.fold.letters++
		return nil
	}
	if why == nil {
		why = fmt.Errorf("store %q is not configured", m.Store)
	}
	c.unused(m.Position, why)
	return nil
}

func (c *eventCheck) unused(at domain.Position, why error) {
	if len(c.unlettered) == mostUnlettered {
		c.missing++
		return
	}
	c.unlettered = append(c.unlettered, useless{at, why})
}

// settle looks again for the letters that were missing: whoever folds may have come to
// their messages meanwhile. What is behind that is no concern yet.
func (c *eventCheck) settle(ctx context.Context) (missing few, first domain.Position, err error) {
	folded := c.fold.last
	if at, err := projections.StoredPosition(ctx, c.v.Products); err == nil {
		folded = at
	}
	for _, u := range c.unlettered {
		if u.at > folded {
			c.fold.waiting++
			continue
		}
		id, err := c.v.Conn.DeadLetters().LetterOf(ctx, c.log.Name(), u.at)
		if err != nil {
			return missing, first, err
		}
		if id > 0 {
			c.fold.letters++
			continue
		}
		if missing.add("position %d: %v", u.at, u.why); first == 0 {
			first = u.at
		}
	}
	missing.n += c.missing
	return missing, first, nil
}

// end tells what was found among the events.
func (c *eventCheck) end(ctx context.Context) error {
	if c.events == 0 && c.fold == nil {
		return nil
	}
	r := Result{Code: Events, Log: c.log.Name()}
	if c.fold == nil {
		var unread few
		for _, u := range c.unlettered {
			unread.add("position %d: %v", u.at, u.why)
		}
		if unread.n += c.missing; unread.n > 0 {
			r = r.is(Warn, "%s that this version cannot read: %s", number(unread.n, "message"), &unread).at(c.unlettered[0].at, 0)
		} else {
			r = r.is(Pass, "%s, all of which are events", number(c.events, "message"))
		}
	} else {
		missing, first, err := c.settle(ctx)
		switch {
		case err != nil:
			return err
		case missing.n > 0:
			r = r.is(Fail, "%s without a dead letter that cannot be used: %s", number(missing.n, "event"), &missing).at(first, 0)
		case c.fold.waiting > 0:
			r = r.is(Warn, "%s that cannot be used is still to be folded, and has no dead letter until then", number(c.fold.waiting, "event"))
		default:
			r = r.is(Pass, "%s, of which %d cannot be used and have dead letters", number(c.events, "message"), c.useless)
		}
	}
	if err := c.v.tell(r); err != nil {
		return err
	}
	if c.ids == nil {
		return nil
	}
	found, err := c.repeated(ctx)
	if err != nil {
		return err
	}
	return c.v.tell(found)
}

// repeated tells of events that stand in the log more than once.
func (c *eventCheck) repeated(ctx context.Context) (Result, error) {
	r := Result{Code: Duplicates, Log: c.log.Name()}
	var twice few
	again := 0
	err := c.ids.repeated(func(p repetition) error {
		same, err := c.same(ctx, p)
		if err != nil || !same {
			return err
		}
		again++
		if p.both && c.fold != nil {
			twice.add("positions %d and %d", p.first, p.again)
			if r.Position == 0 || p.again < r.Position {
				r.Position = p.again
			}
		}
		return nil
	})
	switch {
	case err != nil:
		return r, err
	case twice.n > 0:
		return r.is(Fail, "%s counted twice: %s", number(twice.n, "event"), &twice), nil
	case again > 0:
		return r.is(Pass, "%s stands there again, and counts once", number(again, "event")), nil
	}
	return r.is(Pass, "no event stands there twice"), nil
}

// same reads both, since two ids may share a hash.
func (c *eventCheck) same(ctx context.Context, p repetition) (bool, error) {
	var recs [2]domain.Recorded
	for i, at := range []domain.Position{p.first, p.again} {
		m, err := c.log.At(ctx, at)
		if err != nil {
			return false, err
		}
		if recs[i], err = m.Recorded(); err != nil {
			return false, nil
		}
	}
	return recs[0].Store == recs[1].Store && recs[0].Source == recs[1].Source && recs[0].ID == recs[1].ID, nil
}
