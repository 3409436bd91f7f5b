package publish

import (
	"context"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// Pace of tries while something is out of order. There is one Publisher for a
// store, so nobody needs to be kept out of step by chance.
const (
	firstPause = time.Second
	mostPause  = time.Minute
	mostRest   = 5 * time.Minute // of one product
)

func newPace() *backoff.ExponentialBackOff {
	b := backoff.NewExponentialBackOff()
	b.InitialInterval, b.MaxInterval, b.Multiplier, b.RandomizationFactor = firstPause, mostPause, 2, 0
	return b
}

// patience is the gate before everything that needs another machine. While that
// answers, it is open. After a failure one caller at a time goes through, ever
// more slowly, until one succeeds.
type patience struct {
	now   func() time.Time
	after func(time.Duration) <-chan time.Time

	mu      sync.Mutex
	changed chan struct{} // closed and replaced whenever a waiter may go on
	pace    *backoff.ExponentialBackOff
	cause   error     // of the newest failure; nil while all is well
	since   time.Time // of the first failure without a success after it
	until   time.Time
	probing bool
	age     int // counts failures, so that those who entered before one do not count as more
}

func newPatience(now func() time.Time, after func(time.Duration) <-chan time.Time) *patience {
	return &patience{now: now, after: after, changed: make(chan struct{}), pace: newPace()}
}

// pass is the right to make one try. Exactly one of its methods is called.
type pass struct {
	gate   *patience
	age    int
	probes bool // it is the one that goes through while the gate is shut
}

// enter waits until a try may be made. The error is that of ctx.
func (p *patience) enter(ctx context.Context) (pass, error) {
	for {
		if err := context.Cause(ctx); err != nil {
			return pass{}, err
		}
		p.mu.Lock()
		wait := p.until.Sub(p.now())
		if p.cause == nil || wait <= 0 && !p.probing {
			p.probing = p.cause != nil
			t := pass{p, p.age, p.probing}
			p.mu.Unlock()
			return t, nil
		}
		changed := p.changed
		p.mu.Unlock()
		var timer <-chan time.Time
		if wait > 0 {
			timer = p.after(wait)
		}
		select {
		case <-ctx.Done():
		case <-changed:
		case <-timer:
		}
	}
}

// succeeded says that the other side answered.
func (t pass) succeeded() {
	p := t.gate
	p.mu.Lock()
	defer p.mu.Unlock()
	defer t.change()
	if t.age == p.age {
		p.cause, p.since, p.until = nil, time.Time{}, time.Time{}
		p.pace.Reset()
	}
}

// failed says that it did not, and the earliest time to try again if it is known.
func (t pass) failed(err error, notBefore time.Time) {
	p := t.gate
	p.mu.Lock()
	defer p.mu.Unlock()
	defer t.change()
	if t.age != p.age {
		return
	}
	now := p.now()
	if p.cause == nil {
		p.since = now
	}
	p.age++
	p.cause = err
	p.until = now.Add(p.pace.NextBackOff())
	if notBefore.After(now) {
		p.until = notBefore
	}
}

// unused says that no try was made.
func (t pass) unused() {
	t.gate.mu.Lock()
	defer t.gate.mu.Unlock()
	t.change()
}

func (t pass) change() {
	p := t.gate
	if t.probes || p.cause == nil {
		p.probing = false
	}
	close(p.changed)
	p.changed = make(chan struct{})
}

// trouble is what a gate waits for.
type trouble struct {
	cause        error
	since, until time.Time
	probing      bool // somebody tries
}

func (p *patience) trouble() trouble {
	p.mu.Lock()
	defer p.mu.Unlock()
	return trouble{p.cause, p.since, p.until, p.probing}
}
