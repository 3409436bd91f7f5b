package simulator

import (
	"net/http"
	"strconv"
	"time"
)

// window is the store's quota: a fixed window, shared by every client of the store.
type window struct {
	start  time.Time
	length time.Duration
	quota  int // 0: without limit
	used   int
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

// turn starts a new window if it is time. Windows follow each other without gaps.
func (w *window) turn(now time.Time) {
	if passed := now.Sub(w.start); passed >= w.length {
		w.start = w.start.Add(passed.Truncate(w.length))
		w.used = 0
	}
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

// Spend uses n requests of the present window, as another app of the same store does, or as many as are left.
func (s *Store) Spend(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.cfg.Now()
	s.window.turn(now)
	if s.window.quota > 0 {
		n = min(n, s.window.quota-s.window.used)
	}
	s.window.spend(n, now)
}
