package bigcommerce

import "time"

const (
	// stockShare is the part of a window, one in so many requests, that is kept for urgent requests at its begin.
	stockShare = 10
	// releasedBy is the part of a window, in percent, after which nothing is kept for urgent requests any more, so that
	// bulk work can still use it.
	releasedBy = 80
	// releases is how often in a window somebody who waits for the reserve to shrink looks again.
	releases = 100
)

// reserve is what a window's bulk requests leave to others. For urgent requests it is a tenth of the quota, shrinking
// evenly until four fifths of the window are over. For the other apps of the store it is what they were seen to use in
// the windows before, half of the quota at most, less what they have used of this one, shrinking evenly until the window ends; urgent requests
// leave them that, too. Without it, the last requests of each window would be a race that the client loses as often as
// it wins, and an app that needs little would find the quota spent.
type reserve struct {
	ours   int  // requests sent in this window
	others int  // requests that others were seen to make in it, at least
	before int  // how many had been made when the first reply of the first window came: by whom is not known
	seen   bool // a reply of this window has come
	past   bool // a window has begun under our eyes

	expected             int // requests of others in one window
	lastOurs, lastOthers int
}

// kept is how many of the requests left a lane must not use when the window goes on for rest.
func (r *reserve) kept(limit int, window, rest time.Duration, lane Lane) int {
	if window <= 0 {
		return 0
	}
	rest = min(max(rest, 0), window)
	kept := 0
	if due := min(r.expected, limit/2) - r.others; due > 0 {
		// One more than is to be expected, since they come at their own times.
		kept = 1 + int(int64(due)*int64(rest)/int64(window))
	}
	if lane == Bulk {
		until := rest - window*(100-releasedBy)/100
		if until > 0 {
			kept += int(int64(limit/stockShare) * int64(until) / int64(window*releasedBy/100))
		}
	}
	return kept
}

// saw learns from a reply of this window that so many of its requests are used. What is not ours is somebody else's;
// requests of ours that are under way make it look less, never more.
func (r *reserve) saw(used int) {
	if !r.seen && !r.past {
		r.before = max(used-r.ours, 0)
	}
	r.seen = true
	r.others = max(r.others, used-r.ours-r.before)
}

// turn begins a window, in which requests of ours that are under way may be counted. A habit of others is believed at
// once and forgotten by halves.
func (r *reserve) turn(underWay int) {
	if r.seen {
		r.expected = max(r.others, (r.expected+r.others)/2)
		r.lastOurs, r.lastOthers = r.ours, r.others
	}
	r.ours, r.others, r.before, r.seen, r.past = underWay, 0, 0, false, true
}
