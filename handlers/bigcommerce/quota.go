package bigcommerce

import (
	"context"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cenkalti/backoff/v5"
)

const (
	// DefaultConcurrency is how many requests are in flight at most. BigCommerce documents no figure for products;
	// three was the rule until 2023, and four was never seen refused.
	DefaultConcurrency = 4

	// resetMargin is waited beyond the announced reset, because the header counts whole milliseconds.
	resetMargin = 20 * time.Millisecond

	// regrowAfter replies without a refusal, one place in flight that a refusal took away is given back.
	regrowAfter = 50
)

// Quota keeps a client inside the request quota that BigCommerce reports with every reply. The quota belongs to the
// store and is shared with every other app on it, so what the headers say is believed over what was counted here.
//
// It promises that no request is sent while the requests left, minus those in flight, are none; that the first request
// of all goes alone, to learn the quota; and that after a refusal without a quota to wait for, the whole client pauses
// for an exponentially growing, jittered while, with fewer requests in flight after it. It does not promise that no
// request is refused: other apps spend the same quota unseen.
type Quota struct {
	now   func() time.Time
	after func(time.Duration) <-chan time.Time
	max   int

	mu       sync.Mutex
	changed  chan struct{} // closed and replaced whenever a waiter may go on
	inflight int
	slots    int // places in flight now, 1 to max
	calm     int // replies without refusal since slots changed
	learned  bool
	limited  bool // the store reports a quota
	limit    int
	left     int
	window   time.Duration
	resetAt  time.Time
	era      int // counts windows, so that a late reply of an earlier one is told apart
	pause    time.Time
	pauses   int
	backoff  *backoff.ExponentialBackOff

	requests  uint64
	throttled uint64
}

// QuotaSnapshot is the quota at one moment, for status.
type QuotaSnapshot struct {
	Quota     int       // requests per window; 0 when unknown or unlimited
	Left      int       // as last reported
	ResetAt   time.Time // when the window ends; zero when unknown
	Requests  uint64    // sent since start
	Throttled uint64    // refused with 429 since start
}

func newQuota(concurrency int, now func() time.Time, after func(time.Duration) <-chan time.Time) *Quota {
	b := backoff.NewExponentialBackOff()
	b.InitialInterval = time.Second
	b.MaxInterval = time.Minute
	return &Quota{now: now, after: after, max: concurrency, slots: concurrency, changed: make(chan struct{}), backoff: b}
}

// Snapshot returns what is known now.
func (q *Quota) Snapshot() QuotaSnapshot {
	q.mu.Lock()
	defer q.mu.Unlock()
	return QuotaSnapshot{Quota: q.limit, Left: q.left, ResetAt: q.resetAt, Requests: q.requests, Throttled: q.throttled}
}

// Acquire reserves the right to send one request, waiting for quota and for a place in flight. The first call of this
// quota's client that is made with the returned context uses the reservation instead of waiting itself, so that a
// caller can put a request together at the last moment. Release must be called when the work is done; it gives back a
// reservation that was not used. The error is that of ctx.
func (q *Quota) Acquire(ctx context.Context) (reserved context.Context, release func(), err error) {
	p, err := q.acquire(ctx)
	if err != nil {
		return ctx, func() {}, err
	}
	r := &reservation{permit: p}
	return context.WithValue(ctx, reservationKey{q}, r), func() {
		if r.take() {
			p.abandon()
		}
	}, nil
}

type reservationKey struct{ quota *Quota }

type reservation struct {
	permit permit
	used   atomic.Bool
}

// take reports whether the caller is the one who may use or give back the reservation.
func (r *reservation) take() bool { return r.used.CompareAndSwap(false, true) }

// permit is the right to send one request. Exactly one of its settle and abandon methods is called.
type permit struct {
	quota  *Quota
	era    int
	pauses int
}

// claim returns the permit reserved in ctx, or acquires one.
func (q *Quota) claim(ctx context.Context) (permit, error) {
	if r, ok := ctx.Value(reservationKey{q}).(*reservation); ok && r.take() {
		return r.permit, nil
	}
	return q.acquire(ctx)
}

// acquire waits until a request may be sent, or for the end of ctx.
func (q *Quota) acquire(ctx context.Context) (permit, error) {
	for {
		if err := ctx.Err(); err != nil {
			return permit{}, err
		}
		q.mu.Lock()
		wait, free := q.gate(q.now())
		if free {
			q.inflight++
			p := permit{quota: q, era: q.era, pauses: q.pauses}
			q.mu.Unlock()
			return p, nil
		}
		changed := q.changed
		q.mu.Unlock()

		var timer <-chan time.Time
		if wait > 0 {
			timer = q.after(wait)
		}
		select {
		case <-ctx.Done():
		case <-changed:
		case <-timer:
		}
	}
}

// gate says whether a request may go now, and otherwise after which time to look again; 0 means when something changes.
func (q *Quota) gate(now time.Time) (wait time.Duration, free bool) {
	if now.Before(q.pause) {
		return q.pause.Sub(now), false
	}
	if q.limited && !now.Before(q.resetAt) && !q.resetAt.IsZero() {
		// The window is over. What is left of the new one is reported by the first reply to come.
		q.left, q.resetAt = q.limit, time.Time{}
		q.era++
	}
	slots := q.slots
	if !q.learned {
		slots = 1
	}
	if q.inflight >= slots {
		return 0, false
	}
	if q.limited && q.left-q.inflight <= 0 {
		if q.resetAt.IsZero() {
			return 0, false
		}
		return q.resetAt.Sub(now), false
	}
	return 0, true
}

// sending counts the request that the permit is about to be used for.
func (p permit) sending() {
	p.quota.mu.Lock()
	defer p.quota.mu.Unlock()
	p.quota.requests++
}

// abandon gives the place back after no request, or one that brought no reply.
func (p permit) abandon() {
	p.quota.mu.Lock()
	defer p.quota.mu.Unlock()
	p.quota.finish()
}

// settle gives the place back and learns from the reply. It returns when another try makes sense after a 429.
func (p permit) settle(status int, header http.Header) (notBefore time.Time) {
	q := p.quota
	q.mu.Lock()
	defer q.mu.Unlock()
	defer q.finish()

	now := q.now()
	r, known := readRate(header)
	if known {
		q.adopt(p.era, r, now)
	}
	if status != http.StatusTooManyRequests {
		q.learned = q.learned || known || status < 300
		q.relax()
		return time.Time{}
	}
	q.throttled++
	if known && r.left <= 0 {
		return now.Add(r.reset + resetMargin)
	}
	// Quota is left, or unknown: the platform is under load or too many requests were in flight. Replies to requests
	// sent before the present pause say nothing new.
	if p.pauses == q.pauses {
		q.pauses++
		q.pause = now.Add(q.backoff.NextBackOff())
		q.slots, q.calm = max(1, q.slots/2), 0
	}
	return q.pause
}

func (q *Quota) finish() {
	q.inflight--
	close(q.changed)
	q.changed = make(chan struct{})
}

func (q *Quota) relax() {
	q.backoff.Reset()
	if q.slots == q.max {
		return
	}
	if q.calm++; q.calm >= regrowAfter {
		q.slots, q.calm = q.slots+1, 0
	}
}

// rate is what the four headers say.
type rate struct {
	limit, left   int
	window, reset time.Duration
}

// readRate reads the headers; without a usable quota, remainder and reset there is nothing to learn.
func readRate(h http.Header) (rate, bool) {
	number := func(name string) (int, bool) {
		n, err := strconv.Atoi(h.Get(name))
		return n, err == nil && n >= 0
	}
	limit, ok1 := number("X-Rate-Limit-Requests-Quota")
	left, ok2 := number("X-Rate-Limit-Requests-Left")
	reset, ok3 := number("X-Rate-Limit-Time-Reset-Ms")
	window, ok4 := number("X-Rate-Limit-Time-Window-Ms")
	if !ok4 || window == 0 {
		window = 30_000
	}
	const day = 24 * 60 * 60 * 1000
	if !ok1 || !ok2 || !ok3 || limit == 0 || reset > day || window > day {
		return rate{}, false
	}
	return rate{limit, left, time.Duration(window) * time.Millisecond, time.Duration(reset) * time.Millisecond}, true
}

// adopt takes over what a reply says. Replies overtake each other: within one window the smallest remainder is the
// newest, and the earliest reset the most exact, since a reply's way only ever makes it look later.
func (q *Quota) adopt(era int, r rate, now time.Time) {
	q.limit, q.window, q.limited = r.limit, r.window, true
	resetAt := now.Add(r.reset + resetMargin)
	switch {
	case era < q.era:
		// Sent in an earlier window; where it was counted is unknown, and a newer reply will tell.
	case q.resetAt.IsZero():
		q.left, q.resetAt = r.left, resetAt
	case resetAt.After(q.resetAt.Add(r.window / 2)):
		// The next window began before this side expected it.
		q.left, q.resetAt = r.left, resetAt
		q.era++
	default:
		q.left = min(q.left, r.left)
		if resetAt.Before(q.resetAt) {
			q.resetAt = resetAt
		}
	}
}
