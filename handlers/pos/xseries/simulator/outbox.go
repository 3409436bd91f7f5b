package simulator

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/tillstream/tillstream/handlers/standin"
)

// What is known of the delivery of webhooks: an answer within 5 seconds, and otherwise 20 retries over 48 hours that come
// ever more seldom. The schedule is not published; here each waits half as long again as the one before.
const (
	receiverTimeout = 5 * time.Second
	retries         = 20
	retryGrowth     = 1.5
	retrySpan       = 48 * time.Hour

	leastDelay     = time.Second
	mostDelay      = 3 * time.Second
	mostReordering = 30 * time.Second
	mostLate       = 10 * time.Minute
	duplicateAfter = 700 * time.Millisecond
)

// retryAfter is from a try that failed, counted from 1, to the next.
func retryAfter(try int) time.Duration {
	sum, wait := 0.0, 1.0
	for range retries {
		sum += wait
		wait *= retryGrowth
	}
	first := float64(retrySpan) / sum
	for range try - 1 {
		first *= retryGrowth
	}
	return time.Duration(first)
}

// Delivery is one try to tell a receiver of a change. The receiver is told no id of it; who reads the log is.
type Delivery struct {
	At      time.Time       `json:"at"`
	ID      string          `json:"id"` // the same for each try and each copy
	Hook    string          `json:"hook"`
	Type    HookType        `json:"type"`
	Version int64           `json:"version"`
	Try     int             `json:"try"` // from 1; 0 for one that was lost on purpose
	Status  int             `json:"status,omitzero"`
	Failure string          `json:"failure,omitempty"` // why it counts as failed, if it does
	Payload json.RawMessage `json:"payload"`
}

// outbox holds what is to be delivered.
type outbox struct {
	queue   standin.Queue[Delivery]
	calling int       // in progress
	latest  time.Time // of the hooks that keep their order
	tried   standin.Recent[Delivery]
	told    int // hooks so far
	lost    int // of them, on purpose
}

// schedule queues a hook, or loses it. Hooks keep their order, but for the part that is overtaken.
func (a *Account) schedule(d Delivery) {
	now := a.cfg.Now()
	d.ID = a.id(kindHook)
	a.outbox.told++
	if a.chance(a.cfg.HookLoss) {
		d.At, d.Failure = now, "lost on purpose"
		a.outbox.tried.Add(d)
		a.outbox.lost++
		return
	}
	delay := a.cfg.HookDelay
	if delay == 0 {
		delay = leastDelay + time.Duration(a.rand.Int64N(int64(mostDelay-leastDelay)))
	}
	at := now.Add(a.real(delay))
	if earliest := a.outbox.latest.Add(time.Microsecond); at.Before(earliest) {
		at = earliest
	}
	switch {
	case a.chance(a.cfg.HookLate):
		at = at.Add(a.real(time.Duration(a.rand.Int64N(int64(mostLate)))))
	case a.chance(a.cfg.HookReordering):
		at = at.Add(a.real(time.Duration(a.rand.Int64N(int64(mostReordering)))))
	default:
		a.outbox.latest = at
	}
	a.outbox.queue.Push(d, at)
	if a.chance(a.cfg.HookDuplicates) {
		a.outbox.queue.Push(d, at.Add(a.real(duplicateAfter)))
	}
}

// chance draws only what may come true, so that an account without faults draws nothing.
func (a *Account) chance(part float64) bool { return part > 0 && a.rand.Float64() < part }

// nextDue takes what is due, or says when something is; the zero time is never.
func (a *Account) nextDue() (next Delivery, to hook, found bool, later time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.cfg.Now()
	for {
		next, due := a.outbox.queue.Pop(now)
		if !due {
			return Delivery{}, hook{}, false, a.outbox.queue.Next()
		}
		h := a.hook(next.Hook)
		if h == nil || !h.Active {
			continue
		}
		next.Try++
		next.At = now
		a.outbox.calling++
		return next, *h, true, time.Time{}
	}
}

func (a *Account) hook(id string) *hook {
	at := slices.IndexFunc(a.hooks, func(h *hook) bool { return h.ID == id })
	if at < 0 {
		return nil
	}
	return a.hooks[at]
}

// NextDelivery is when [Account.Deliver] has something to do next, and false when it has nothing.
func (a *Account) NextDelivery() (time.Time, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	at := a.outbox.queue.Next()
	return at, !at.IsZero()
}

// Undelivered is how many hooks wait to be sent, again or at all, or are being sent.
func (a *Account) Undelivered() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.outbox.queue.Len() + a.outbox.calling
}

// settle notes how a try ended and what follows: nothing, another try, or the end of it. A try that the end of the
// program cut short is none.
func (a *Account) settle(d Delivery, status int, failure string, cut bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.outbox.calling--
	if cut {
		d.Try--
		a.outbox.queue.Push(d, a.cfg.Now())
		return
	}
	d.Status, d.Failure = status, failure
	a.outbox.tried.Add(d)
	h := a.hook(d.Hook)
	switch {
	case h == nil:
	case failure == "":
		h.givenUp = 0
	case d.Try <= retries:
		again := d
		again.Status, again.Failure = 0, ""
		a.outbox.queue.Push(again, a.cfg.Now().Add(a.real(retryAfter(d.Try))))
	default:
		h.givenUp++
		if most := a.cfg.HookDisable; most > 0 && h.givenUp >= most {
			h.Active = false
		}
	}
}

// Deliveries returns the remembered tries to tell receivers, in the order in which they ended, and what was lost on
// purpose.
func (a *Account) Deliveries() []Delivery {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.outbox.tried.Newest())
}
