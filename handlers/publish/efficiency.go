package publish

import (
	"context"
	"math"
	"time"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/bigcommerce"
	"github.com/tillstream/tillstream/projections"
)

// measureEvery is how often the SYNC log hears what publishing cost, so that a
// store that sells all day has some hundred such events and not one for each sale.
const measureEvery = 5 * time.Minute

// work is what was sent and what came of it.
type work struct {
	requests  uint64 // reads and repetitions included
	bound     uint64 // the fewest that what was taken needs
	confirmed uint64 // pushes
}

// account adds what a round did, in so many requests. What cannot be batched counts
// as it is: each creation, and stock that the lane took ahead.
func (r *round) account(requests uint64) {
	var created, updated, variants, levels, confirmed int
	for _, t := range r.tasks {
		if !t.pushed() {
			continue
		}
		confirmed++
		if t.made {
			created++
		} else {
			updated++
			variants += len(variantRows(&t.desired))
		}
		if t.stocked {
			levels += len(stockRows(&t.desired))
		}
	}
	r.p.mu.Lock()
	defer r.p.mu.Unlock()
	r.p.work.requests += requests
	r.p.work.bound += uint64(created + ceil(created, mostAssigned) + Bound(updated, variants, levels))
	r.p.work.confirmed += uint64(confirmed)
}

// Efficiency returns what publishing has cost since the start, and what is to come.
func (p *Publisher) Efficiency() projections.Efficiency {
	q := p.cfg.Client.Quota().Snapshot()
	p.mu.Lock()
	done := p.work
	waiting, working := p.waitingProducts(), len(p.working)
	p.mu.Unlock()
	e := projections.Efficiency{
		Requests: done.requests, Bound: done.bound, Score: 1,
		Quota: q.Quota, QuotaLeft: q.Left, WindowMS: q.Window.Milliseconds(),
		Waiting:      len(waiting) + working,
		RequestsLeft: p.requestsFor(waiting, working),
	}
	if done.requests > 0 {
		e.Score = share(float64(done.bound), float64(done.requests))
	}
	e.QuotaShare, e.OthersShare = share(float64(q.Ours), float64(q.Quota)), share(float64(q.Others), float64(q.Quota))
	e.DrainSeconds = math.Round(drain(e.RequestsLeft, q, p.cfg.Now()).Seconds()*10) / 10
	return e
}

// share is a part of a whole with as many digits as mean something.
func share(part, whole float64) float64 {
	if whole == 0 {
		return 0
	}
	return math.Round(part/whole*10000) / 10000
}

// waitingProducts are the products with an errand, and those that were just woken,
// except those that are in work. The caller holds mu.
func (p *Publisher) waitingProducts() []domain.ProductID {
	ids := make([]domain.ProductID, 0, len(p.agenda.waiting)+len(p.woken))
	for id := range p.agenda.waiting {
		ids = append(ids, id)
	}
	for id := range p.woken {
		if p.agenda.waiting[id] == nil && p.working[id] == nil {
			ids = append(ids, id)
		}
	}
	return ids
}

// requestsFor is the fewest requests for some products, besides those that are in
// work now, which count as one variant at one location.
func (p *Publisher) requestsFor(waiting []domain.ProductID, working int) int {
	locations := map[int64]bool{}
	for _, l := range p.cfg.Rules.Locations {
		locations[l] = true
	}
	created, updated, variants, levels := 0, working, 0, working
	for _, id := range waiting {
		s, known := p.cfg.Catalog.Summary(p.cfg.Store, id)
		if n, _ := p.need(id, ask{}); !known || n == needsNothing {
			continue
		}
		levels += len(s.Items) * max(len(locations), 1)
		link := p.cfg.Publications.Publication(p.cfg.Store, id).Link
		switch {
		case link == nil:
			created++
		case link.Simple:
			updated++
		default:
			updated++
			variants += len(s.Items)
		}
	}
	return created + ceil(created, mostAssigned) + Bound(updated, variants, levels)
}

// drain is how long so many requests take at a quota: those for which it has room
// as fast as BigCommerce answers, the others window by window, beside other apps as
// they were in the last one.
func drain(requests int, q bigcommerce.QuotaSnapshot, now time.Time) time.Duration {
	pace := q.Latency / time.Duration(max(q.Concurrency, 1))
	if q.Quota == 0 || q.Window == 0 {
		return time.Duration(requests) * pace
	}
	left, rest := q.Left, q.ResetAt.Sub(now)
	if q.ResetAt.IsZero() || rest < 0 { // a window has begun, or will with the next request
		left, rest = q.Quota, q.Window
	}
	if requests <= left {
		return time.Duration(requests) * pace
	}
	each := max(q.Quota-q.Others, q.Quota/2, 1)
	over := requests - max(left, 0)
	windows := (over - 1) / each // that are used up besides
	return rest + time.Duration(windows)*q.Window + min(time.Duration(over-windows*each)*pace, q.Window)
}

// meter measures in stretches what the SYNC log is to hear. It belongs to Run.
type meter struct {
	since     time.Time // begin of the stretch; zero while nothing was done
	last      time.Time // when a stretch was recorded last
	told      work      // before the stretch
	throttled uint64    // likewise
	busy      time.Duration
	busySince time.Time // zero while nothing waits
}

// working says that something waits, or that nothing does, from now on.
func (m *meter) working(is bool, now time.Time) {
	switch {
	case is && m.busySince.IsZero():
		m.busySince = now
		if m.since.IsZero() {
			m.since = now
		}
	case !is && !m.busySince.IsZero():
		m.busy += now.Sub(m.busySince)
		m.busySince = time.Time{}
	}
}

// due is when the stretch is to be recorded; zero for never.
func (m *meter) due() time.Time {
	switch {
	case m.since.IsZero():
		return time.Time{}
	case m.busySince.IsZero():
		return m.last.Add(measureEvery)
	}
	return m.since.Add(measureEvery)
}

// measure records what a stretch of publishing cost: of all work until nothing
// waits, or of some minutes of it. What is done within measureEvery after that is
// recorded with what follows later; when the process ends before, nobody tells it.
func (p *Publisher) measure(ctx context.Context, waits bool) error {
	m, now := &p.meter, p.cfg.Now()
	m.working(waits, now)
	due := m.due()
	if due.IsZero() || now.Before(due) {
		return nil
	}
	q := p.cfg.Client.Quota().Snapshot()
	p.mu.Lock()
	done, waiting := p.work, p.waiting()
	p.mu.Unlock()
	if !m.busySince.IsZero() {
		m.busy += now.Sub(m.busySince)
		m.busySince = now
	}
	if done.requests == m.told.requests { // woken for nothing, or BigCommerce is left alone
		m.busy, m.since = 0, m.busySince
		return nil
	}
	err := p.record(ctx, []note{{event: &domain.PublishingMeasured{
		Store:   p.cfg.Store,
		Seconds: seconds(now.Sub(m.since)), Busy: seconds(m.busy),
		Requests:  int64(done.requests - m.told.requests),
		Bound:     int64(done.bound - m.told.bound),
		Throttled: int64(q.Throttled - m.throttled),
		Confirmed: int64(done.confirmed - m.told.confirmed),
		Waiting:   int64(waiting),
		Quota:     int64(q.Quota), Window: q.Window.Milliseconds(),
	}}})
	if err != nil {
		return err
	}
	m.last, m.told, m.throttled, m.busy = now, done, q.Throttled, 0
	m.since = m.busySince
	return nil
}

func seconds(d time.Duration) int64 { return int64(math.Ceil(d.Seconds())) }
