package simulator

import (
	"net/http"
	"strconv"
	"time"
)

// window is the store's quota: a fixed window, shared by every client of the store.
type window struct {
	start  time.Time
	length time.Duration // by the clock
	quota  int           // 0: without limit
	used   int
	other  otherApp
}

// otherApp is another app of the store. It spends evenly as the window passes, which is worked out whenever somebody
// looks at the window, so that nothing has to run in the background.
type otherApp struct {
	perWindow float64
	spent     int // what it has asked for of the present window
}

func newWindow(cfg Config, now time.Time) window {
	w := window{start: now}
	w.change(cfg, now)
	return w
}

// change takes new settings. A window of another length begins now; one of another quota goes on with what was used.
func (w *window) change(cfg Config, now time.Time) {
	w.turn(now)
	if length := cfg.real(cfg.Window); length != w.length {
		w.start, w.length, w.used = now, length, 0
	}
	w.quota = cfg.Quota
	w.other.perWindow = cfg.OtherAppShare*float64(cfg.Quota) + cfg.OtherAppRate*cfg.Window.Seconds()
	w.other.spent = w.other.due(now.Sub(w.start), w.length)
}

// spend takes n from the quota and says whether they were there.
func (w *window) spend(n int, now time.Time) bool {
	w.turn(now)
	if w.quota > 0 && w.used+n > w.quota {
		return false
	}
	w.used += n
	return true
}

// turn starts a new window if it is time, and lets the other app spend what it has in it until now. Windows follow each
// other without gaps.
func (w *window) turn(now time.Time) {
	if passed := now.Sub(w.start); w.length > 0 && passed >= w.length {
		w.start = w.start.Add(passed.Truncate(w.length))
		w.used, w.other.spent = 0, 0
	}
	due := w.other.due(now.Sub(w.start), w.length)
	if asked := due - w.other.spent; asked > 0 {
		w.other.spent = due
		w.take(asked)
	}
}

// due is what the other app has asked for when so much of a window has passed.
func (o otherApp) due(passed, length time.Duration) int {
	if length <= 0 || o.perWindow <= 0 {
		return 0
	}
	return int(o.perWindow * float64(passed) / float64(length))
}

// take uses n, or as many as are left.
func (w *window) take(n int) {
	if w.quota > 0 {
		n = max(0, min(n, w.quota-w.used))
	}
	w.used += n
}

// headers are the four that each reply carries; none without a quota.
func (w *window) headers(h http.Header, now time.Time) {
	if w.quota == 0 {
		return
	}
	w.turn(now)
	left := w.start.Add(w.length).Sub(now)
	milliseconds := (left + time.Millisecond - 1) / time.Millisecond
	h.Set("X-Rate-Limit-Time-Window-Ms", strconv.FormatInt(w.length.Milliseconds(), 10))
	h.Set("X-Rate-Limit-Time-Reset-Ms", strconv.FormatInt(int64(milliseconds), 10))
	h.Set("X-Rate-Limit-Requests-Quota", strconv.Itoa(w.quota))
	h.Set("X-Rate-Limit-Requests-Left", strconv.Itoa(max(0, w.quota-w.used)))
}

// Spend uses n requests of the present window at once, as a burst of another app does, or as many as are left.
// [Config.OtherAppShare] is an app that spends all the time.
func (s *Store) Spend(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.window.turn(s.cfg.Now())
	s.window.take(n)
}
