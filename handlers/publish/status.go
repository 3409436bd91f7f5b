package publish

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/tillstream/tillstream/handlers/bigcommerce"
)

// Status is what a Publisher is doing and what keeps it from going on.
type Status struct {
	Waiting   int    `json:"waiting"` // products that need a push or a twin, as far as it was woken
	Requests  uint64 `json:"requests"`
	Throttled uint64 `json:"throttled"`
	Manual    bool   `json:"manual,omitempty"` // see [Config]
	// NextTry is when the store is tried again; zero while it answers, and while no push
	// waits.
	NextTry time.Time `json:"next_try,omitzero"`
	Problem string    `json:"problem,omitempty"` // see [Publisher.Problem]
}

// Status returns what is known now.
func (p *Publisher) Status() Status {
	q := p.cfg.Client.Quota().Snapshot()
	p.mu.Lock()
	s := Status{
		Waiting:  p.waiting(),
		Requests: q.Requests, Throttled: q.Throttled, Manual: p.cfg.Manual,
	}
	p.mu.Unlock()
	if t := p.patience.trouble(); t.cause != nil && s.Waiting > 0 {
		s.NextTry = t.until
	}
	s.Problem = p.Problem()
	return s
}

// waiting counts the products that are in work or wait for it. It is asked each second, also
// before the first round, when all that are there may have been woken. The caller holds mu.
func (p *Publisher) waiting() int {
	n := len(p.agenda.waiting) + len(p.working)
	if n == 0 {
		return len(p.woken)
	}
	for id := range p.woken {
		if p.agenda.waiting[id] == nil && p.working[id] == nil {
			n++
		}
	}
	return n
}

// slow is how long a request may be without an answer before that is a problem.
const slow = 5 * time.Second

// Problem says in a sentence what keeps the store from being published, or "". Where
// no push waits any more, what was wrong last is told for as long as products rest.
func (p *Publisher) Problem() string {
	p.mu.Lock()
	waiting, misfit := p.waiting(), cmp.Or(p.agenda.misfit(), p.trying)
	quiet, until := p.agenda.quiet()
	p.mu.Unlock()
	now := p.cfg.Now()
	if t := p.recording.trouble(); t.cause != nil {
		return fmt.Sprintf("outcomes cannot be recorded since %s, %s: %v", clock(t.since), t.nextTry(now, time.Time{}), t.cause)
	}
	if t := p.patience.trouble(); t.cause != nil && waiting > 0 {
		return fmt.Sprintf("%s since %s, %s, %s", complaint(t.cause), clock(t.since), t.nextTry(now, until), wait(waiting))
	} else if t.cause != nil && now.Sub(t.until) < mostRest { // who rests is tried so often; without one nobody may ask
		return fmt.Sprintf("%s since %s; no push waits for it", complaint(t.cause), clock(t.since))
	}
	if sent := p.cfg.Client.Quota().Snapshot().Oldest; !sent.IsZero() && now.Sub(sent) >= slow {
		return fmt.Sprintf("BigCommerce has not answered a request since %s, %s", clock(sent), wait(waiting))
	}
	if _, ours := errors.AsType[*bigcommerce.Error](misfit); misfit != nil && !ours {
		return fmt.Sprintf("a product cannot be pushed: %v", misfit)
	}
	if misfit != nil {
		return fmt.Sprintf("%s: check which outlets map to which locations, %s", complaint(misfit), wait(waiting))
	}
	if quiet > 0 {
		its := "their"
		if quiet == 1 {
			its = "its"
		}
		return fmt.Sprintf("what was sent went unanswered and may still take effect, so %s: %s newest state is sent from %s on", wait(quiet), its, clock(until))
	}
	return ""
}

func complaint(err error) string {
	e, ok := errors.AsType[*bigcommerce.Error](err)
	switch {
	case !ok:
		return "publishing is stuck (" + err.Error() + ")"
	case e.Unauthorized:
		return fmt.Sprintf("BigCommerce refuses the token (%d; check that it belongs to this store, is not revoked, and may change products and inventory)", e.Status)
	case e.Status == http.StatusNotFound:
		return "BigCommerce has no such store (404; check the store hash, and the API's address if it is set)"
	case e.Status == 0:
		return fmt.Sprintf("BigCommerce cannot be reached (%v)", e.Cause)
	case e.Status < 300:
		return fmt.Sprintf("BigCommerce answers %d with what cannot be read (%v)", e.Status, e.Cause)
	case strings.HasPrefix(e.Title, strconv.Itoa(e.Status)): // of an HTML page
		return "BigCommerce answers " + e.Title
	case e.Title != "":
		return fmt.Sprintf("BigCommerce answers %d (%s)", e.Status, e.Title)
	}
	return fmt.Sprintf("BigCommerce answers %d", e.Status)
}

func clock(t time.Time) string { return t.UTC().Format("15:04:05") }

// nextTry says when it is tried again. Where nothing may be sent before a time that is
// not zero, it is not tried before.
func (t trouble) nextTry(now, quiet time.Time) string {
	at := t.until
	switch {
	case t.probing:
		return "being tried again now"
	case quiet.After(at):
		at = quiet
	}
	return "next try in " + max(at.Sub(now), 0).Round(time.Second).String()
}

func wait(n int) string {
	if n == 1 {
		return "1 product waits"
	}
	return fmt.Sprintf("%d products wait", n)
}
