package simulator

import (
	"container/heap"
	"encoding/json"
	"net/url"
	"time"
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

// due is a delivery to be tried, in the order of its time.
type due struct {
	Delivery
	when time.Time
	seq  int64
}

type dueHeap []due

func (h dueHeap) Len() int { return len(h) }
func (h dueHeap) Less(i, j int) bool {
	return h[i].when.Before(h[j].when) || h[i].when.Equal(h[j].when) && h[i].seq < h[j].seq
}
func (h dueHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *dueHeap) Push(x any)   { *h = append(*h, x.(due)) }
func (h *dueHeap) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}

// outbox holds what is to be delivered, and what is known of the receivers.
type outbox struct {
	queue   dueHeap
	seq     int64
	latest  time.Time // of the events that keep their order
	changed chan struct{}
	tried   recent[Delivery]
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
	s.outbox.push(d, at)
	if chance := s.cfg.WebhookDuplicates; chance > 0 && s.rand.Float64() < chance {
		s.outbox.push(d, at.Add(s.real(duplicateAfter)))
	}
}

func (o *outbox) push(d Delivery, at time.Time) {
	o.seq++
	heap.Push(&o.queue, due{d, at, o.seq})
	o.wake()
}

// wake tells Run to look again.
func (o *outbox) wake() {
	select {
	case o.changed <- struct{}{}:
	default: // whoever waits is told already
	}
}

// nextDue takes what is due, or says when something may be; the zero time is never.
func (s *Store) nextDue() (next due, found bool, later time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settleStock()
	now := s.cfg.Now()
	for len(s.outbox.queue) > 0 && !s.outbox.queue[0].when.After(now) {
		next := heap.Pop(&s.outbox.queue).(due)
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
	return due{}, false, s.nextTime()
}

// nextTime is when the next event may be due, or the next stock level, of which there may be one.
func (s *Store) nextTime() time.Time {
	var at time.Time
	if len(s.outbox.queue) > 0 {
		at = s.outbox.queue[0].when
	}
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
func (s *Store) settle(d due, status int, failure string) {
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
	s.outbox.tried.add(d.Delivery)
}

// failed notes a try that failed and queues the next, or deactivates the webhook after the last.
func (s *Store) failed(d due, failure string) {
	now := s.cfg.Now()
	if d.At.IsZero() {
		d.At = now
	}
	d.Failure = failure
	s.outbox.tried.add(d.Delivery)
	if d.Try > len(retries) {
		if h := s.hooks[d.Hook]; h != nil {
			h.deactivate(now)
		}
		return
	}
	again := d.Delivery
	again.At, again.Status, again.Failure = time.Time{}, 0, ""
	s.outbox.push(again, now.Add(s.real(retries[d.Try-1])))
}

// Deliveries returns the remembered tries to deliver events, in the order in which they ended.
func (s *Store) Deliveries() []Delivery {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Delivery(nil), s.outbox.tried.newest()...)
}
