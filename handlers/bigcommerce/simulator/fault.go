package simulator

import (
	"fmt"
	"net/http"
	"path"
	"strings"
	"time"
)

// Kind is what goes wrong.
type Kind string

const (
	// Status answers with [Fault.Status] and a JSON error instead of doing anything.
	Status Kind = "status"
	// HTML does so with a page of HTML, as a gateway does.
	HTML Kind = "html"
	// Partial does what was asked and answers 207 with an error beside the data. It needs a write that answers 200.
	Partial Kind = "partial"
	// CloseBeforeCommit closes the connection without doing anything.
	CloseBeforeCommit Kind = "closeBeforeCommit"
	// CloseAfterCommit does what was asked and closes the connection without a reply.
	CloseAfterCommit Kind = "closeAfterCommit"
	// Truncate does what was asked and closes the connection in the middle of the reply.
	Truncate Kind = "truncate"
	// Slow waits for [Fault.Delay] and goes on.
	Slow Kind = "slow"
	// Hang neither acts nor answers until the client gives up or the store is healed.
	Hang Kind = "hang"
)

// Fault makes matching requests go wrong: Count of them if that is set, each with Probability if that is set, until
// Until if that is set, and else until [Store.Heal].
type Fault struct {
	// Match is "METHOD PATTERN", such as "PUT /catalog/products" or "* /catalog/products/*": a method or "*", and a
	// pattern of path.Match for the path below /stores/{hash}/v3. Empty matches every request.
	Match string `json:"match"`
	Kind  Kind   `json:"kind"`
	// Status is needed by the kinds Status and HTML.
	Status int `json:"status,omitzero"`
	// Spent makes a 429 say that no quota is left; without it a 429 has no rate headers, as under platform load.
	Spent       bool          `json:"spent,omitzero"`
	Delay       time.Duration `json:"delay,omitzero"` // nanoseconds; for Slow
	Count       int           `json:"count,omitzero"`
	Probability float64       `json:"probability,omitzero"`
	Until       time.Time     `json:"until,omitzero"`
}

func (f Fault) validate() error {
	if _, _, ok := strings.Cut(f.Match, " "); !ok && f.Match != "" {
		return fmt.Errorf("match %q: want METHOD PATTERN, such as PUT /catalog/products", f.Match)
	}
	if _, err := path.Match(f.Match, ""); err != nil {
		return fmt.Errorf("match %q: %w", f.Match, err)
	}
	switch f.Kind {
	case Status, HTML:
		if f.Status < 400 || f.Status > 599 {
			return fmt.Errorf("status %d: want 400 to 599 for kind %q", f.Status, f.Kind)
		}
	case Slow:
		if f.Delay <= 0 {
			return fmt.Errorf("delay %v: want one above 0 for kind %q", f.Delay, f.Kind)
		}
	case Partial, CloseBeforeCommit, CloseAfterCommit, Truncate, Hang:
	default:
		return fmt.Errorf("kind %q is unknown", f.Kind)
	}
	return nil
}

func (f Fault) matches(method, below string) bool {
	if f.Match == "" {
		return true
	}
	wantMethod, pattern, _ := strings.Cut(f.Match, " ")
	ok, _ := path.Match(pattern, below)
	return ok && (wantMethod == "*" || strings.EqualFold(wantMethod, method))
}

type faults struct{ list []*Fault }

// Fail adds a fault. Of several that match a request, the one added first is met.
func (s *Store) Fail(f Fault) error {
	if err := f.validate(); err != nil {
		return fmt.Errorf("fault: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if f.Count == 0 {
		f.Count = -1
	}
	s.faults.list = append(s.faults.list, &f)
	return nil
}

// Heal removes every fault and lets go of requests that hang. It does not end [Store.Down] or [Store.RevokeToken].
func (s *Store) Heal() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults.list = nil
	close(s.released)
	s.released = make(chan struct{})
}

// Down makes the store answer everything with 503, or ends that.
func (s *Store) Down(down bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down = down
}

// RevokeToken makes the store refuse its token, except for the control API.
func (s *Store) RevokeToken() { s.setRevoked(true) }

// RestoreToken makes the store take its token again.
func (s *Store) RestoreToken() { s.setRevoked(false) }

func (s *Store) setRevoked(revoked bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.revoked = revoked
}

// meet returns the fault that a request meets, if any, and uses it up.
func (s *Store) meet(r *http.Request, below string) (Fault, bool) {
	now := s.cfg.Now()
	for _, f := range s.faults.list {
		if f.Count == 0 || !f.Until.IsZero() && !now.Before(f.Until) || !f.matches(r.Method, below) {
			continue
		}
		if f.Probability > 0 && s.rand.Float64() >= f.Probability {
			continue
		}
		if f.Count > 0 {
			f.Count--
		}
		return *f, true
	}
	return Fault{}, false
}
