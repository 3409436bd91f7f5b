package bigcommerce

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// Lane says with whom a request may be in flight, and whether it may use the last of a quota window.
type Lane int

const (
	// Bulk is everything but stock. It leaves a reserve, which shrinks to nothing before the window ends.
	Bulk Lane = iota
	// BulkStock leaves the reserve, too, and is alone in flight: BigCommerce asks that inventory and catalog are not written
	// together, and two levels of one item in flight could end in either order. While it waits for those in flight, no
	// other request begins.
	BulkStock
	// UrgentStock is alone like BulkStock and may use the reserve.
	UrgentStock
)

func (l Lane) alone() bool { return l != Bulk }

// Quota keeps a client inside the request quota that BigCommerce reports with every reply. The quota belongs to the
// store and is shared with every other app on it, so what the headers say is believed over what was counted here.
//
// It promises that no request is sent while the requests left, minus those in flight and those that are kept, are none;
// that the first request of all goes alone, to learn the quota; and that after a refusal without a quota to wait for, the
// whole client pauses for an exponentially growing, jittered while, with fewer requests in flight after it. What is kept
// is explained at [reserve]; how many requests are in flight, at [concurrency]. It does not promise that no request is
// refused: other apps spend the same quota unseen.
type Quota struct {
	now   func() time.Time
	after func(time.Duration) <-chan time.Time

	mu          sync.Mutex
	changed     chan struct{} // closed and replaced whenever a waiter may go on
	inflight    int
	flying      map[*permit]struct{} // of those in flight, the ones whose request has left
	alone       bool                 // the one in flight wants no other beside it
	claims      int                  // of those that wait to be alone and could otherwise go
	concurrency concurrency
	learned     bool
	limited     bool // the store reports a quota
	limit       int
	left        int
	window      time.Duration
	resetAt     time.Time // zero at the begin of a window, until a reply of it tells
	era         int       // counts windows, so that a late reply of an earlier one is told apart
	reserve     reserve
	pause       time.Time
	pauses      int
	backoff     *backoff.ExponentialBackOff

	requests  uint64
	urgent    uint64 // of them
	throttled uint64
}

// QuotaSnapshot is the quota at one moment, for status.
type QuotaSnapshot struct {
	Quota       int           // requests per window; 0 when unknown or unlimited
	UrgentRoom  int           // of them, urgent ones that there is room for
	Left        int           // as last reported
	Window      time.Duration // 0 when unknown or unlimited
	ResetAt     time.Time     // when the window ends; zero when unknown
	Requests    uint64        // sent since start
	Urgent      uint64        // of them, urgent ones
	Throttled   uint64        // refused with 429 since start
	Ours        int           // requests sent in the last window that is over
	Others      int           // requests that other apps were seen to make in it, at least
	Oldest      time.Time     // when the request left that has been without an answer for longest; zero for none
	Concurrency int           // requests that may be in flight now
	Latency     time.Duration // of an answer, of late; 0 before the first
}

func newQuota(most int, now func() time.Time, after func(time.Duration) <-chan time.Time) *Quota {
	b := backoff.NewExponentialBackOff()
	b.InitialInterval = time.Second
	b.MaxInterval = time.Minute
	return &Quota{
		now: now, after: after, concurrency: newConcurrency(most), changed: make(chan struct{}), backoff: b,
		flying: map[*permit]struct{}{},
	}
}

// Snapshot returns what is known now.
func (q *Quota) Snapshot() QuotaSnapshot {
	q.mu.Lock()
	defer q.mu.Unlock()
	return QuotaSnapshot{
		Quota: q.limit, UrgentRoom: urgent(q.limit), Urgent: q.urgent, Left: q.left, Window: q.window, ResetAt: q.resetAt, Requests: q.requests, Throttled: q.throttled,
		Ours: q.reserve.lastOurs, Others: q.reserve.lastOthers, Concurrency: q.concurrency.slots,
		Latency: q.concurrency.latency, Oldest: q.oldest(),
	}
}

func (q *Quota) oldest() (sent time.Time) {
	for p := range q.flying {
		if sent.IsZero() || p.sent.Before(sent) {
			sent = p.sent
		}
	}
	return sent
}

// Acquire reserves the right to send one request, waiting for quota and for a place in flight. The first call of this
// quota's client that is made with the returned context uses the reservation instead of waiting itself, so that a
// caller can put a request together at the last moment. Release must be called when the work is done; it gives back a
// reservation that was not used. The error is that of ctx.
func (q *Quota) Acquire(ctx context.Context, lane Lane) (reserved context.Context, release func(), err error) {
	p, err := q.acquire(ctx, lane)
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
	permit *permit
	used   atomic.Bool
}

// take reports whether the caller is the one who may use or give back the reservation.
func (r *reservation) take() bool { return r.used.CompareAndSwap(false, true) }

// permit is the right to send one request. Exactly one of its settle and abandon methods is called.
type permit struct {
	quota  *Quota
	lane   Lane
	era    int
	pauses int
	sent   time.Time // zero until the request is about to leave
}

// claim returns the permit reserved in ctx, or acquires one. A reservation beside others is of no use to who has to be
// alone.
func (q *Quota) claim(ctx context.Context, lane Lane) (*permit, error) {
	if r, ok := ctx.Value(reservationKey{q}).(*reservation); ok && r.take() {
		if r.permit.lane.alone() || !lane.alone() {
			return r.permit, nil
		}
		r.permit.abandon()
	}
	return q.acquire(ctx, lane)
}

// acquire waits until a request may be sent, or for the end of ctx.
func (q *Quota) acquire(ctx context.Context, lane Lane) (*permit, error) {
	claimed := false
	for {
		q.mu.Lock()
		wait, room := q.room(q.now(), lane)
		ended := ctx.Err()
		if claim := room && lane.alone() && q.inflight > 0 && ended == nil; claim != claimed {
			claimed = claim
			q.hold(claim)
		}
		if ended != nil {
			q.mu.Unlock()
			return nil, ended
		}
		if room && q.free(lane) {
			q.inflight++
			q.alone = lane.alone()
			p := &permit{quota: q, lane: lane, era: q.era, pauses: q.pauses}
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

// hold keeps others from beginning while somebody waits to be alone, or ends that.
func (q *Quota) hold(on bool) {
	if on {
		q.claims++
		return
	}
	q.claims--
	q.tell()
}

// free reports whether those in flight leave a place.
func (q *Quota) free(lane Lane) bool {
	switch {
	case lane.alone():
		return q.inflight == 0
	case q.alone || q.claims > 0:
		return false
	case !q.learned:
		return q.inflight == 0
	}
	return q.inflight < q.concurrency.slots
}

// room reports whether the quota has room for a request, and otherwise after which time to look again; 0 means when
// something changes.
func (q *Quota) room(now time.Time, lane Lane) (wait time.Duration, room bool) {
	if now.Before(q.pause) {
		return q.pause.Sub(now), false
	}
	if q.limited && !now.Before(q.resetAt) && !q.resetAt.IsZero() {
		// The window is over. What is left of the new one is reported by the first reply to come.
		q.left, q.resetAt = q.limit, time.Time{}
		q.turn()
	}
	if !q.limited {
		return 0, true
	}
	rest := q.rest(now)
	kept := q.reserve.kept(q.limit, q.window, rest, q.concurrency.latency, lane)
	switch {
	case q.left-q.inflight > kept:
		return 0, true
	case q.resetAt.IsZero():
		return 0, q.inflight == 0 // only a reply tells, so one request asks
	case kept > 0:
		return min(rest, q.window/releases), false
	}
	return rest, false
}

// rest is how long the window goes on, all of it before a reply tells.
func (q *Quota) rest(now time.Time) time.Duration {
	if q.resetAt.IsZero() {
		return q.window
	}
	return min(max(q.resetAt.Sub(now), 0), q.window)
}

// turn begins a window.
func (q *Quota) turn() {
	q.era++
	q.reserve.turn(q.window)
}

// sending counts the request that the permit is about to be used for.
func (p *permit) sending() {
	q := p.quota
	q.mu.Lock()
	defer q.mu.Unlock()
	p.sent = q.now()
	q.flying[p] = struct{}{}
	q.requests++
	q.reserve.ours++
	if p.lane == UrgentStock {
		q.urgent++
		q.reserve.urgent++
		q.reserve.lastUrgent = q.window - q.rest(p.sent)
	}
}

// abandon gives the place back after no request, or one that brought no reply.
func (p *permit) abandon() {
	q := p.quota
	q.mu.Lock()
	defer q.mu.Unlock()
	if !p.sent.IsZero() && p.era == q.era {
		q.left-- // it may have been counted there
	}
	q.finish(p)
}

// settle gives the place back and learns from the reply to a request of that name. It returns when another try makes
// sense after a 429.
func (p *permit) settle(op string, status int, header http.Header) (notBefore time.Time) {
	q := p.quota
	q.mu.Lock()
	defer q.mu.Unlock()
	defer q.finish(p)

	now := q.now()
	r, known := readRate(header)
	if known {
		q.adopt(p.era, r, now)
	}
	if status != http.StatusTooManyRequests {
		q.learned = q.learned || known || status < 300
		q.backoff.Reset()
		q.concurrency.answered(op, now.Sub(p.sent), q.inflight)
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
		q.concurrency.refused()
	}
	return q.pause
}

// finish gives a permit's place back.
func (q *Quota) finish(p *permit) {
	delete(q.flying, p)
	q.inflight--
	q.alone = false
	q.tell()
}

// tell has those who wait look again.
func (q *Quota) tell() {
	close(q.changed)
	q.changed = make(chan struct{})
}
