package simulator

import (
	"net/http"
	"time"
)

// wait waits on the store's clock, and gives the request up when its client does.
func (s *Store) wait(r *http.Request, d time.Duration) {
	if !s.waited(r, d) {
		panic(http.ErrAbortHandler)
	}
}

// waited waits and says whether the client is still there.
func (s *Store) waited(r *http.Request, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	select {
	case <-s.cfg.After(s.real(d)):
		return true
	case <-r.Context().Done():
		return false
	}
}

// hang waits until the store is healed, the client gives up, or the longest time is over, if there is one.
func (s *Store) hang(r *http.Request, longest time.Duration) {
	s.mu.Lock()
	released := s.released
	s.mu.Unlock()
	var over <-chan time.Time
	if longest > 0 {
		over = s.cfg.After(s.real(longest))
	}
	select {
	case <-released:
	case <-over:
	case <-r.Context().Done():
	}
}
