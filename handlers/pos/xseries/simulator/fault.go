package simulator

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/tillstream/tillstream/handlers/standin"
)

// Kind is what goes wrong.
type Kind string

const (
	// Status answers with [Fault.Status] and the vendor's error object, without doing what was asked.
	Status Kind = "status"
	// HTML answers with [Fault.Status] and a page of HTML, as a gateway does.
	HTML Kind = "html"
	// Hang does not answer until the client gives up or the account is healed.
	Hang Kind = "hang"
	// CloseBeforeCommit closes the connection without doing what was asked, and CloseAfterCommit after it was done: a
	// refresh token is then used up, and its successor lost.
	CloseBeforeCommit Kind = "closeBeforeCommit"
	CloseAfterCommit  Kind = "closeAfterCommit"
	// Slow waits for [Fault.Delay] before it does what was asked.
	Slow Kind = "slow"
	// Truncate closes the connection in the middle of the reply.
	Truncate Kind = "truncate"
	// NotJSON replies with something that is no JSON, with status 200.
	NotJSON Kind = "notJSON"
)

// Fault makes matching requests go wrong: after the first Skip of them, Count of them if that is set, each with
// Probability if that is set, until [Account.Heal]. In JSON a duration is text such as "30s", or nanoseconds.
type Fault struct {
	// Match is "METHOD PATTERN", such as "GET /products" or "* /consignments/*/products": a method or "*", and a pattern of
	// path.Match for the path below /api/{version}; that of a token request is /token. Empty matches every request.
	Match       string        `json:"match"`
	Kind        Kind          `json:"kind"`
	Status      int           `json:"status,omitzero"` // for the kinds Status and HTML
	Delay       time.Duration `json:"delay,omitzero"`  // for the kind Slow
	Skip        int           `json:"skip,omitzero"`
	Count       int           `json:"count,omitzero"`
	Probability float64       `json:"probability,omitzero"`
}

// UnmarshalJSON refuses fields that a fault does not have.
func (f *Fault) UnmarshalJSON(raw []byte) error {
	type plain Fault
	return standin.ReadObject(raw, (*plain)(f))
}

func kinds() []Kind {
	return []Kind{Status, HTML, Hang, CloseBeforeCommit, CloseAfterCommit, Slow, Truncate, NotJSON}
}

func (f Fault) validate() error {
	if _, _, ok := strings.Cut(f.Match, " "); !ok && f.Match != "" {
		return fmt.Errorf("match %q: want METHOD PATTERN, such as GET /products", f.Match)
	}
	if _, err := path.Match(f.Match, ""); err != nil {
		return fmt.Errorf("match %q: %w", f.Match, err)
	}
	switch {
	case !slices.Contains(kinds(), f.Kind):
		return fmt.Errorf("kind %q is unknown: want one of %q", f.Kind, kinds())
	case (f.Kind == Status || f.Kind == HTML) && (f.Status < 400 || f.Status > 599):
		return fmt.Errorf("status %d: want 400 to 599 for kind %q", f.Status, f.Kind)
	case f.Kind == Slow && f.Delay <= 0:
		return fmt.Errorf("delay %v: want one above 0 for kind %q", f.Delay, f.Kind)
	case !part(f.Probability):
		return fmt.Errorf("probability %v: want 0 to 1", f.Probability)
	case f.Skip < 0 || f.Count < 0 || f.Delay < 0:
		return errors.New("skip, count and delay cannot be negative")
	}
	return nil
}

// standing is a fault and how often it was met.
type standing struct {
	Fault
	seen, met int
}

// Fail adds a fault, Heal ends them all and lets go of what hangs, and Faults lists those that stand.
func (a *Account) Fail(f Fault) error {
	if err := f.validate(); err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.stand(f)
	return nil
}

func (a *Account) stand(f Fault) { a.faults = append(a.faults, &standing{Fault: f}) }

// Heal ends all faults and lets go of what hangs.
func (a *Account) Heal() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.faults = nil
	close(a.released)
	a.released = make(chan struct{})
}

// Faults lists the faults that stand.
func (a *Account) Faults() []Fault {
	a.mu.Lock()
	defer a.mu.Unlock()
	var out []Fault
	for _, f := range a.faults {
		out = append(out, f.Fault)
	}
	return out
}

// Down makes the account answer everything but the control API with 503, or ends that.
func (a *Account) Down(down bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.down = down
}

// meet finds the fault that a request meets, if any.
func (a *Account) meet(method, below string) Fault {
	for i, f := range a.faults {
		wanted, pattern, _ := strings.Cut(f.Match, " ")
		if ok, _ := path.Match(pattern, below); f.Match != "" && (!ok || wanted != "*" && !strings.EqualFold(wanted, method)) {
			continue
		}
		f.seen++
		if f.seen <= f.Skip || f.Probability > 0 && !a.chance(f.Probability) {
			continue
		}
		f.met++
		if f.Count > 0 && f.met >= f.Count {
			a.faults = slices.Delete(a.faults, i, i+1)
		}
		return f.Fault
	}
	return Fault{}
}

// spoil makes of a reply what a fault makes of it.
func (f Fault) spoil(w http.ResponseWriter, r reply) {
	switch f.Kind {
	case NotJSON:
		r.body = []byte("<!doctype html><title>Sign in</title>")
		r.ctype, r.status = "text/html", http.StatusOK
	case Truncate:
		r.body = r.body[:len(r.body)/2]
		r.send(w)
		if flusher, ok := w.(http.Flusher); ok {
			flusher.Flush()
		}
		panic(http.ErrAbortHandler)
	}
	r.send(w)
}

// reply is what a request is answered with.
type reply struct {
	status int
	ctype  string // default application/json
	body   []byte
}

func (r reply) send(w http.ResponseWriter) {
	if r.ctype == "" {
		r.ctype = "application/json"
	}
	w.Header().Set("Content-Type", r.ctype)
	w.WriteHeader(r.status)
	_, _ = w.Write(r.body) // a client that is gone has no use for an error
}

func replyJSON(status int, v any) reply {
	var raw json.RawMessage
	if v != nil {
		raw = mustJSON(v)
	}
	return reply{status: status, body: raw}
}
