package bigcommerce

import (
	"net/http"
	"strconv"
	"time"
)

// resetMargin is waited beyond the announced reset, because the header counts whole milliseconds.
const resetMargin = 20 * time.Millisecond

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
		return
	case q.resetAt.IsZero():
		q.left, q.resetAt = r.left, resetAt
	case resetAt.After(q.resetAt.Add(r.window / 2)):
		// The next window began before this side expected it.
		q.left, q.resetAt = r.left, resetAt
		q.turn()
	default:
		q.left = min(q.left, r.left)
		if resetAt.Before(q.resetAt) {
			q.resetAt = resetAt
		}
	}
	q.reserve.saw(r.limit-r.left, r.window-min(r.reset, r.window))
}
