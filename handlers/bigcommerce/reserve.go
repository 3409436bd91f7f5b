package bigcommerce

import (
	"math"
	"time"
)

const (
	// stockShare is the part of a window, one in so many requests, that is kept for urgent requests at its begin.
	stockShare = 10
	// releasedBy is the part of a window, in percent, after which nothing is kept for urgent requests any more, so that
	// bulk work can still use it.
	releasedBy = 80
	// mostUrgent is how many urgent requests a window has room for, if the store's quota is large: in BigCommerce's windows
	// of 30 s three a second.
	mostUrgent = 90
	// urgentShare is the part of the quota, in percent, that they are at most, so that as much is left to bulk work.
	urgentShare = 50
	// urgentMargin is how many times as many as were seen are expected: they do not come evenly.
	urgentMargin = 1.2
	// releases is how often in a window somebody who waits for the reserve to shrink looks again.
	releases = 100
)

// urgent is how many urgent requests a window with that quota has room for.
func urgent(limit int) int { return min(mostUrgent, limit*urgentShare/100) }

// reserve is what a window's requests leave to others. Bulk requests leave a tenth of the quota to urgent ones,
// shrinking evenly until four fifths of the window are over, or what those will use in the rest of the window at the rate
// at which they were made in this window or the one before, as long as that is no more than [urgent]. All requests leave
// the other apps of the store what those will use in the rest of the window at the rate at which they were seen to use
// it, in this window and the one before, as long as they have had less than half of the quota. Without that, an app that
// spreads its requests would find the quota spent, and the last requests of each window would be a race.
type reserve struct {
	ours       int           // requests sent in this window
	others     int           // requests that others were seen to make in it, at least
	before     int           // how many had been made when the first reply of the first window came: by whom is not known
	from       time.Duration // into the window: since when others are counted
	until      time.Duration // into the window: the last look at the count
	urgent     int           // urgent requests sent in this window
	lastUrgent time.Duration // into the window: when the last of them was
	seen       bool          // a reply of this window has come
	past       bool          // a window has begun under our eyes

	expected             float64 // requests of others in one window
	expectedUrgent       float64
	lastOurs, lastOthers int
}

// rate is how many requests others make in a second. What was seen in the window before counts as much as a whole
// window; until there is one, a sixth of a window counts as if they had made none.
func (r *reserve) rate(window time.Duration) float64 {
	known := window
	if !r.past {
		known = window / 6
	}
	return (r.expected*known.Seconds()/window.Seconds() + float64(r.others)) / (known + r.until - r.from).Seconds()
}

// kept is how many of the requests left a lane must not use when the window goes on for rest and a request is under way
// for so long.
func (r *reserve) kept(limit int, window, rest, way time.Duration, lane Lane) int {
	if window <= 0 {
		return 0
	}
	rest = min(max(rest, 0), window)
	kept := 0
	if rate := r.rate(window); rate > 0 {
		// Of what is known to be left they have used some since it was known.
		due := min(rate*(window-r.until).Seconds(), float64(limit/2-r.others))
		// At the end, what they may use unseen while a request of ours is under way.
		kept = int(max(due, rate*min(rest, way).Seconds(), 0)) + 1
	}
	if lane != UrgentStock {
		kept += max(share(limit/stockShare, rest-window*(100-releasedBy)/100, window*releasedBy/100), int(math.Ceil(r.urgentIn(limit, window, rest))))
	}
	return kept
}

// share is the part of n that falls on the rest of a time.
func share(n int, rest, of time.Duration) int {
	return int(int64(n) * int64(max(rest, 0)) / int64(of))
}

// urgentIn is how many urgent requests are expected in the rest of a window: at least as many as if the next one were due
// now. So the very first is taken for the begin of many, which is soon given up when no others follow: bulk requests can
// spend a window in less than a second.
func (r *reserve) urgentIn(limit int, window, rest time.Duration) float64 {
	room := urgent(limit)
	if room == 0 {
		return 0
	}
	expected := r.expectedUrgent
	if r.urgent > 0 {
		pace := window / time.Duration(room)
		expected = max(expected, float64(r.urgent+1)*window.Seconds()/(window-rest+pace).Seconds())
	}
	return min(expected*urgentMargin, float64(room)) * rest.Seconds() / window.Seconds()
}

// saw learns from a reply, at a time of this window, that so many of its requests are used. What is not ours is somebody
// else's; requests of ours that are under way make it look less, never more.
func (r *reserve) saw(used int, now time.Duration) {
	if !r.seen && !r.past {
		r.before, r.from = max(used-r.ours, 0), now
	}
	r.seen, r.until = true, max(r.until, now)
	r.others = max(r.others, used-r.ours-r.before)
}

// turn begins a window. Requests of ours that are under way are taken to be counted in the one before. A habit of others,
// and of who makes urgent requests, is believed at once and forgotten by halves. What others did unseen, after the last
// reply, is taken to be as before.
func (r *reserve) turn(window time.Duration) {
	if r.seen {
		others := float64(r.others)
		if counted := r.until - r.from; counted > window/10 {
			others *= window.Seconds() / counted.Seconds()
		}
		r.expected = max(others, (r.expected+others)/2)
		if r.expected < 1 {
			r.expected = 0
		}
		r.lastOurs, r.lastOthers = r.ours, r.others
	}
	// After the last of them there may have been no quota for more, so that what was made is not what was wanted.
	urgent := float64(r.urgent) * window.Seconds() / (r.lastUrgent + window/30).Seconds()
	r.expectedUrgent = max(urgent, (r.expectedUrgent+urgent)/2)
	if r.expectedUrgent < 1 {
		r.expectedUrgent = 0
	}
	r.urgent, r.lastUrgent = 0, 0
	r.ours, r.others, r.before, r.from, r.until, r.seen, r.past = 0, 0, 0, 0, 0, false, true
}
