package simulator

import (
	"encoding/json"
	"net/url"
	"time"

	"github.com/tillstream/tillstream/handlers/standin"
)

// What is known of BigCommerce's delivery of events.
const (
	leastDelay      = 3 * time.Second // from a change to its event
	mostDelay       = 4 * time.Second
	mostLate        = 10 * time.Second // more, for an event that is overtaken
	duplicateAfter  = 455 * time.Millisecond
	receiverTimeout = 10 * time.Second

	blockWindow   = 2 * time.Minute // in which calls to a domain are counted
	blockRequests = 100             // from which on they count
	blockRatio    = 0.9             // of them that must succeed
	blockTime     = 3 * time.Minute
)

// retries are how long after a try that failed the next one comes. When the last one fails, the webhook is deactivated.
var retries = [...]time.Duration{
	60 * time.Second, 180 * time.Second, 300 * time.Second, 600 * time.Second, 900 * time.Second, 1800 * time.Second,
	3600 * time.Second, 7200 * time.Second, 21600 * time.Second, 50400 * time.Second, 86400 * time.Second,
}

// Delivery is one try to tell a receiver of an event.
type Delivery struct {
	At      time.Time       `json:"at"`
	Hook    int64           `json:"hook"`
	Scope   string          `json:"scope"`
	Hash    string          `json:"hash"` // the event's, the same for each try and each copy
	Try     int             `json:"try"`  // from 1
	Status  int             `json:"status,omitzero"`
	Failure string          `json:"failure,omitempty"` // why it counts as failed, if it does
	Body    json.RawMessage `json:"body"`
}

// outbox holds what is to be delivered, and what is known of the receivers.
type outbox struct {
	queue   standin.Queue[Delivery]
	latest  time.Time // of the events that keep their order
	tried   standin.Recent[Delivery]
	domains map[domain]*calls
}

// domain is the host of receivers, which BigCommerce judges for each client on its own.
type domain struct{ client, host string }

// calls is how calls to a domain went of late.
type calls struct {
	since               time.Time
	requests, successes int
	blockedUntil        time.Time
}

// schedule queues an event. Events keep their order, except for the part that is late.
func (s *Store) schedule(d Delivery, now time.Time) {
	delay := s.cfg.WebhookDelay
	if delay == 0 {
		delay = leastDelay + time.Duration(s.rand.Int64N(int64(mostDelay-leastDelay)))
	}
	at := now.Add(s.real(delay))
	if earliest := s.outbox.latest.Add(100 * time.Microsecond); at.Before(earliest) {
		at = earliest
	}
	if chance := s.cfg.WebhookReordering; chance > 0 && s.rand.Float64() < chance {
		at = at.Add(s.real(time.Duration(s.rand.Int64N(int64(mostLate)))))
	} else {
		s.outbox.latest = at
	}
	s.outbox.queue.Push(d, at)
	if chance := s.cfg.WebhookDuplicates; chance > 0 && s.rand.Float64() < chance {
		s.outbox.queue.Push(d, at.Add(s.real(duplicateAfter)))
	}
}

// nextDue takes what is due, or says when something may be; the zero time is never.
func (s *Store) nextDue() (next Delivery, found bool, later time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settleStock()
	now := s.cfg.Now()
	for {
		next, due := s.outbox.queue.Pop(now)
		if !due {
			return Delivery{}, false, s.nextTime()
		}
		h := s.hooks[next.Hook]
		if h == nil || !h.IsActive {
			continue
		}
		next.Try++
		if now.Before(s.judge(h).blockedUntil) {
			s.failed(next, "the domain is blocked")
			continue
		}
		return next, true, time.Time{}
	}
}

// nextTime is when the next event may be due, or the next stock level, of which there may be one.
func (s *Store) nextTime() time.Time {
	at := s.outbox.queue.Next()
	if len(s.hooks) > 0 && len(s.lagging) > 0 && (at.IsZero() || s.lagging[0].due.Before(at)) {
		at = s.lagging[0].due
	}
	return at
}

// NextDelivery is when [Store.Deliver] has something to do next, and false when it has nothing.
func (s *Store) NextDelivery() (time.Time, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settleStock()
	at := s.nextTime()
	return at, !at.IsZero()
}

// judge returns how calls to a hook's receiver went in the present window of counting.
func (s *Store) judge(h *hook) *calls {
	key := domain{h.ClientID, h.Destination}
	if u, err := url.Parse(h.Destination); err == nil {
		key.host = u.Hostname()
	}
	d := s.outbox.domains[key]
	if d == nil {
		d = &calls{}
		s.outbox.domains[key] = d
	}
	if now := s.cfg.Now(); now.Sub(d.since) >= s.real(blockWindow) {
		d.since, d.requests, d.successes = now, 0, 0
	}
	return d
}

// blockedDomains shows which of a client's receivers are not called, and for how many seconds yet.
func (s *Store) blockedDomains(client string) []map[string]any {
	blocked := []map[string]any{}
	for key, d := range s.outbox.domains {
		if left := d.blockedUntil.Sub(s.cfg.Now()); key.client == client && left > 0 {
			blocked = append(blocked, map[string]any{"destination": key.host, "time_left": int64(left.Seconds()), "reasons": []any{}})
		}
	}
	return blocked
}

// settle notes how a try ended and what follows: nothing, another try, or no webhook any more.
func (s *Store) settle(d Delivery, status int, failure string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d.Status = status
	h := s.hooks[d.Hook]
	if h != nil {
		to := s.judge(h)
		to.requests++
		if failure == "" {
			to.successes++
		}
		if to.requests >= blockRequests && float64(to.successes) < blockRatio*float64(to.requests) {
			now := s.cfg.Now()
			*to = calls{since: now, blockedUntil: now.Add(s.real(blockTime))}
		}
	}
	if failure != "" {
		s.failed(d, failure)
		return
	}
	s.outbox.tried.Add(d)
}

// failed notes a try that failed and queues the next, or deactivates the webhook after the last.
func (s *Store) failed(d Delivery, failure string) {
	now := s.cfg.Now()
	if d.At.IsZero() {
		d.At = now
	}
	d.Failure = failure
	s.outbox.tried.Add(d)
	if d.Try > len(retries) {
		if h := s.hooks[d.Hook]; h != nil {
			h.deactivate(now)
		}
		return
	}
	again := d
	again.At, again.Status, again.Failure = time.Time{}, 0, ""
	s.outbox.queue.Push(again, now.Add(s.real(retries[d.Try-1])))
}

// Deliveries returns the remembered tries to deliver events, in the order in which they ended.
func (s *Store) Deliveries() []Delivery {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Delivery(nil), s.outbox.tried.Newest()...)
}
