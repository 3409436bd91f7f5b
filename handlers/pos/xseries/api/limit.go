package api

import (
	"context"
	"net/http"
	"strconv"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// The account's limit is a number of requests in five minutes: 300 for each
// register and 50 besides. What is known before the first answer is that there is
// at least one register.
const (
	window       = 5 * time.Minute
	leastAllowed = 350
	// LongestWait bounds what a 429 may ask for.
	LongestWait = 10 * time.Minute
	// A 429 without a time is put off by so much.
	usualWait = 30 * time.Second
)

// limit spaces requests so that no window has more than its share of them: a tenth
// of the window's requests may go at once, the others come back evenly.
type limit struct {
	now   func() time.Time
	after func(time.Duration) <-chan time.Time

	mu      sync.Mutex
	bucket  *rate.Limiter
	allowed int
	until   time.Time // no request before
}

func newLimit(now func() time.Time, after func(time.Duration) <-chan time.Time) *limit {
	l := &limit{now: now, after: after}
	l.bucket = rate.NewLimiter(shareOf(leastAllowed))
	l.allowed = leastAllowed
	return l
}

// shareOf is how many requests come back a second, and how many may go at once.
func shareOf(allowed int) (rate.Limit, int) {
	burst := max(allowed/10, 1)
	return rate.Limit(float64(max(allowed-burst, 1)) / window.Seconds()), burst
}

// wait returns when a request may be sent.
func (l *limit) wait(ctx context.Context) error {
	for {
		l.mu.Lock()
		now := l.now()
		delay := l.until.Sub(now)
		if delay <= 0 {
			delay = l.bucket.ReserveN(now, 1).DelayFrom(now)
			l.mu.Unlock()
			return l.pause(ctx, delay)
		}
		l.mu.Unlock()
		if err := l.pause(ctx, delay); err != nil {
			return err
		}
	}
}

func (l *limit) pause(ctx context.Context, delay time.Duration) error {
	if delay <= 0 {
		return ctx.Err()
	}
	select {
	case <-l.after(delay):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// observe learns from an answer what is allowed, and when to go on after a 429.
func (l *limit) observe(answer *http.Response) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	if n, err := strconv.Atoi(answer.Header.Get("X-RateLimit-Limit")); err == nil && n > 0 && n != l.allowed {
		l.allowed = n
		perSecond, burst := shareOf(n)
		l.bucket.SetLimitAt(now, perSecond)
		l.bucket.SetBurstAt(now, burst)
	}
	if answer.StatusCode == http.StatusTooManyRequests {
		l.until = now.Add(waitOf(answer.Header, now))
	}
}

// waitOf reads how long a 429 asks to wait. Retry-After is a date here, compared
// with the answer's own Date, so that no two clocks are; seconds are understood too.
func waitOf(h http.Header, now time.Time) time.Duration {
	wait := usualWait
	asked := h.Get("Retry-After")
	if at, err := http.ParseTime(asked); err == nil {
		if theirs, err := http.ParseTime(h.Get("Date")); err == nil {
			now = theirs
		}
		wait = at.Sub(now)
	} else if n, err := strconv.Atoi(asked); err == nil {
		wait = time.Duration(n) * time.Second
	}
	return min(max(wait, time.Second), LongestWait)
}
