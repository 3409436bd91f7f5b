package simulator

import "slices"

// postponed is a request whose connection is closed, and that is done all the same when it is due: it lay in a gateway.
type postponed struct {
	x *exchange
	h handler
}

func (s *Store) postpone(x *exchange, h handler) {
	s.mu.Lock()
	defer s.mu.Unlock()
	x.account = s.account(x.request)
	x.due = s.cfg.Now().Add(s.real(x.fault.Delay))
	s.postponed = append(s.postponed, postponed{x, h})
	slices.SortStableFunc(s.postponed, func(a, b postponed) int { return a.x.due.Compare(b.x.due) })
}

// settlePostponed does what is due.
func (s *Store) settlePostponed() {
	now := s.cfg.Now()
	for len(s.postponed) > 0 && !s.postponed[0].x.due.After(now) {
		next := s.postponed[0]
		s.postponed = s.postponed[1:]
		s.act(next.x, next.h)
	}
}
