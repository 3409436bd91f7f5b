package simulator

import (
	"slices"
	"time"

	"github.com/tillstream/tillstream/handlers/standin"
)

// Request is one request to the API as the account saw it.
type Request struct {
	Seq    int64     `json:"seq"` // counts from 1, in the order of arrival
	At     time.Time `json:"at"`
	Client string    `json:"client,omitempty"` // "app" or "personal", by its token
	Method string    `json:"method"`
	Path   string    `json:"path"`
	Query  string    `json:"query,omitempty"`
	Body   string    `json:"body,omitempty"` // without secrets: that of a token request is left out
	Status int       `json:"status"`         // 0 while in progress, and when the connection was closed without a reply
	Fault  Kind      `json:"fault,omitempty"`
}

// Violation is something that a client which only follows an account must not do.
type Violation struct {
	Seq  int64     `json:"seq"` // of the request
	At   time.Time `json:"at"`
	What string    `json:"what"`
}

// requestLog numbers requests and keeps the newest.
type requestLog struct {
	standin.Recent[*Request]
	seq int64
}

func (l *requestLog) add(r *Request) {
	l.seq++
	r.Seq = l.seq
	l.Recent.Add(r)
}

// Requests returns the remembered requests in the order of their arrival. Those to the control API are not among them.
func (a *Account) Requests() []Request {
	a.mu.Lock()
	defer a.mu.Unlock()
	newest := a.log.Newest()
	list := make([]Request, len(newest))
	for i, r := range newest {
		list[i] = *r
	}
	return list
}

// Violations returns what clients did that one which only follows the account must not: a write to anything but
// webhooks, a refresh token that was used before, a request before the time that a 429 named.
func (a *Account) Violations() []Violation {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.violations.Newest())
}

func (a *Account) violated(x *exchange, what string) {
	a.violations.Add(Violation{Seq: x.log.Seq, At: x.log.At, What: what})
}
