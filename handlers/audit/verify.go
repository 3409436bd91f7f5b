package audit

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/audit/tree"
	"github.com/tillstream/tillstream/projections"
	"github.com/tillstream/tillstream/streams"
)

// Verifier reads an installation and says what it finds. It changes nothing. All fields
// are set once, before [Verifier.Run].
type Verifier struct {
	Conn *streams.Conn
	// Keys are the public keys whose signatures count.
	Keys []tree.Key
	// Stores are those that are configured.
	Stores []Store
	// Products is the bucket of product states in use.
	Products projections.Bucket
	// Heads are signed heads from outside, as text.
	Heads [][]byte
	// Only are the checks to make; empty is all. Of tree and since, heads from outside or
	// the wish for since bring in the other: of what is wrong with a log only the first is
	// told, whichever head contradicts it.
	Only []Code
	// Copies are the search index's; nil when there is none.
	Copies Copies
	// Dir is where files to compare with are made, the system's own when it is empty.
	Dir string
	// Sample is how many products of each store are compared with BigCommerce.
	Sample int
	// Progress, when set, is told how far the reading is.
	Progress func(Progress)
}

// Store is what the checks have to know of a store.
type Store struct {
	ID   domain.StoreID
	Mode domain.StockMode
	// Manual means that what is due waits for somebody to push it.
	Manual bool
	// Compare says how many of some products BigCommerce shows as they are here, and
	// names those that differ. It is nil when the store has no BigCommerce credentials.
	Compare func(ctx context.Context, ids []domain.ProductID) (agree int, differ []string, err error)
}

// Progress is how far a log was read.
type Progress struct {
	Log string          `json:"log"`
	At  domain.Position `json:"at"`
	Of  domain.Position `json:"of"`
}

// DefaultSample is a page of products, which takes few requests of a store's quota.
const DefaultSample = 50

// wants reports whether one of some checks is to be made.
func (v *Verifier) wants(codes ...Code) bool {
	return len(v.Only) == 0 || slices.ContainsFunc(codes, func(c Code) bool { return slices.Contains(v.Only, c) })
}

// Run makes the checks and tells every result as it is there. What is wrong with the
// installation is a result. The error is that of tell, the context's, or that of a
// broker that does not answer.
func (v *Verifier) Run(ctx context.Context, tell func(Result) error) error {
	with := *v
	switch {
	case slices.Contains(v.Only, Since):
		with.Only = append(slices.Clone(v.Only), Tree)
	case slices.Contains(v.Only, Tree) && len(v.Heads) > 0:
		with.Only = append(slices.Clone(v.Only), Since)
	}
	v = &with
	run := &verification{Verifier: v, extents: map[string]streams.Extent{}, tell: func(results ...Result) error {
		for _, r := range results {
			if !v.wants(r.Code) {
				continue
			}
			if err := tell(r); err != nil {
				return err
			}
		}
		return nil
	}}
	return run.all(ctx)
}

// verification is one run.
type verification struct {
	*Verifier
	tell func(...Result) error

	extents map[string]streams.Extent // of the logs that there are
	pos     *foldCheck                // nil unless it is wanted
}

func (v *verification) all(ctx context.Context) error {
	if slices.Contains(v.Only, Since) && len(v.Heads) == 0 {
		if err := v.tell(Result{Code: Since}.is(Skip, "there is no head from outside")); err != nil {
			return err
		}
	}
	for _, step := range []func(context.Context) error{v.topology, v.rights, v.readLogs, v.comparisons} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// topology compares the streams with their declaration.
func (v *verification) topology(ctx context.Context) error {
	r := Result{Code: Topology}
	var broken []Result
	for _, err := range joined(v.Conn.Drift(ctx)) {
		drift, isDrift := errors.AsType[*streams.DriftError](err)
		missing, isMissing := errors.AsType[*streams.MissingError](err)
		switch {
		case isDrift:
			b := r.is(Fail, "%v", err)
			b.Log = drift.Stream
			broken = append(broken, b)
		case isMissing:
			b := r.is(Fail, "%v", err)
			b.Log = missing.Stream
			broken = append(broken, b)
		default:
			return err
		}
	}
	for _, log := range []string{v.Conn.POS().Name(), v.Conn.Sync().Name()} {
		extent, err := v.Conn.Extent(ctx, log)
		if _, missing := errors.AsType[*streams.MissingError](err); missing {
			continue // which is told
		}
		if err != nil {
			return err
		}
		v.extents[log] = extent
	}
	if len(broken) == 0 {
		broken = []Result{r.is(Pass, "all streams are as declared")}
	}
	return v.tell(broken...)
}

// joined takes apart what [errors.Join] has joined.
func joined(err error) []error {
	if err == nil {
		return nil
	}
	many, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []error{err}
	}
	var out []error
	for _, e := range many.Unwrap() {
		out = append(out, joined(e)...)
	}
	return out
}

func (v *verification) rights(ctx context.Context) error {
	r := Result{Code: Rights}
	excess, err := v.Conn.Excess(ctx)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		return v.tell(r.is(Skip, "%v", err))
	case len(excess) > 0:
		var named few
		for _, subject := range excess {
			named.add("%s", subject)
		}
		return v.tell(r.is(Warn, "the program's user may change what a log holds; deny it to publish %s", &named))
	}
	return v.tell(r.is(Pass, "the program's user may not change, purge or remove a log"))
}

// readLogs reads each log once, for all checks that want its messages.
func (v *verification) readLogs(ctx context.Context) error {
	for _, log := range []*streams.Log{v.Conn.POS(), v.Conn.Sync()} {
		extent, there := v.extents[log.Name()]
		if !there {
			extent = streams.Extent{}
		}
		if err := v.readLog(ctx, log, extent, there); err != nil {
			return err
		}
	}
	return nil
}

// A reading hands over so many messages at a time, and may be so many handfuls ahead.
const (
	handful = 1024
	ahead   = 4
)

// reading is one pass over a log and the checks that take its messages, each in a
// goroutine of its own.
type reading struct {
	positions *positionCheck
	takers    []func([]streams.Message) error
}

func (v *verification) readLog(ctx context.Context, log *streams.Log, extent streams.Extent, there bool) error {
	outside, bad := v.outside(log.Name())
	if err := v.tell(bad...); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	p := &reading{positions: &positionCheck{log: log.Name(), extent: extent}}
	var trees *treeCheck
	if v.wants(Tree, Since) {
		var stop func()
		var err error
		if trees, stop, err = newTreeCheck(ctx, v.Conn, log.Name(), v.Keys, outside); err != nil {
			if !streams.Missing(err) {
				return err
			}
			if err := v.tell(Result{Code: Tree, Log: log.Name()}.is(Fail, "what was signed is gone: %v", err)); err != nil {
				return err
			}
		} else {
			defer stop()
			p.takers = append(p.takers, each(trees.take))
		}
	}
	copies := newCopyCheck(log, v.Copies)
	if v.wants(Copied) && v.Copies != nil {
		p.takers = append(p.takers, each(func(m *streams.Message) error { return copies.take(ctx, m) }))
	}
	events, err := v.eventChecks(ctx, log, p)
	if err != nil {
		return err
	}
	defer events.close()
	if there && (len(p.takers) > 0 || v.wants(Positions)) {
		if err := p.run(ctx, log, domain.Position(extent.Last), v.Progress); err != nil {
			return err
		}
	}
	if err := v.tell(p.positions.end()); err != nil {
		return err
	}
	if trees != nil {
		results, err := trees.end()
		if err == nil {
			err = v.tell(results...)
		}
		if err != nil {
			return err
		}
	}
	if v.wants(Copied) {
		r, err := copies.result(ctx, extent, there)
		if err == nil {
			err = v.tell(r)
		}
		if err != nil {
			return err
		}
	}
	return events.end(ctx)
}

// each makes a taker of many messages of one that takes one.
func each(take func(*streams.Message) error) func([]streams.Message) error {
	return func(some []streams.Message) error {
		for i := range some {
			if err := take(&some[i]); err != nil {
				return err
			}
		}
		return nil
	}
}

// run reads up to a position and hands everything to every taker.
func (p *reading) run(ctx context.Context, log *streams.Log, to domain.Position, progress func(Progress)) error {
	if to == 0 {
		return nil
	}
	g, ctx := errgroup.WithContext(ctx)
	feeds := make([]chan []streams.Message, len(p.takers))
	for i, take := range p.takers {
		feed := make(chan []streams.Message, ahead)
		feeds[i] = feed
		g.Go(func() error {
			for some := range feed {
				if err := take(some); err != nil {
					return err
				}
			}
			return nil
		})
	}
	var closing sync.Once
	end := func() {
		closing.Do(func() {
			for _, f := range feeds {
				close(f)
			}
		})
	}
	g.Go(func() error {
		defer end()
		some := make([]streams.Message, 0, handful)
		hand := func() error {
			for _, f := range feeds {
				select {
				case f <- some:
				case <-ctx.Done():
					return ctx.Err()
				}
			}
			if progress != nil && len(some) > 0 {
				progress(Progress{log.Name(), some[len(some)-1].Position, to})
			}
			some = make([]streams.Message, 0, handful)
			return nil
		}
		err := log.Read(ctx, streams.Query{To: to}, func(m streams.Message) error {
			p.positions.take(&m)
			if some = append(some, m); len(some) < handful {
				return nil
			}
			return hand()
		})
		if err != nil {
			return err
		}
		return hand()
	})
	return g.Wait()
}

// outside are the heads from outside that are of one log, in the order of their sizes,
// and what is wrong with the others.
func (v *verification) outside(log string) (heads []judged, bad []Result) {
	for i, text := range v.Heads {
		from := fmt.Sprintf("head %d from outside", i+1)
		h, _, ok := tree.PeekHead(text, tree.Key{})
		switch {
		case !ok && log == v.Conn.POS().Name(): // told once
			bad = append(bad, Result{Code: Since}.is(Fail, "%s: is no signed tree head", from))
			continue
		case !ok || h.Log() != log:
			continue
		}
		h, err := tree.OpenHead(text, log, v.Keys...)
		heads = append(heads, judged{Head: h, from: from, code: Since, err: err})
	}
	slices.SortStableFunc(heads, func(a, b judged) int { return int(min(max(a.Size-b.Size, -1), 1)) })
	return heads, bad
}

// positionCheck looks whether a log has every position.
type positionCheck struct {
	log    string
	extent streams.Extent
	next   domain.Position // 0 before the first
	gaps   few
	first  domain.Position // of the first gap
	last   domain.Position
	lost   uint64
}

func (c *positionCheck) take(m *streams.Message) {
	want := max(c.next, 1)
	if m.Position > want {
		c.gap(want, m.Position-1)
	}
	c.next = m.Position + 1
}

func (c *positionCheck) gap(from, to domain.Position) {
	if c.first == 0 {
		c.first, c.last = from, to
	}
	c.lost += uint64(to - from + 1)
	if from == to {
		c.gaps.add("%d", from)
	} else {
		c.gaps.add("%d to %d", from, to)
	}
}

func (c *positionCheck) end() Result {
	if last := domain.Position(c.extent.Last); max(c.next, 1) <= last {
		c.gap(max(c.next, 1), last)
	}
	r := Result{Code: Positions, Log: c.log}
	if c.lost > 0 {
		return r.is(Fail, "%s missing: %s", number(c.lost, "position"), &c.gaps).at(c.first, c.last)
	}
	if c.extent.Last == 0 {
		return r.is(Pass, "the log is empty")
	}
	return r.is(Pass, "1 to %d without a gap", c.extent.Last)
}
