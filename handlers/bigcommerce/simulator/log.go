package simulator

import (
	"bytes"
	"encoding/json"
	"slices"
	"time"

	"github.com/tillstream/tillstream/handlers/standin"
)

// Verb says what happened to a thing.
type Verb string

// What can happen to a thing.
const (
	Created Verb = "created"
	Updated Verb = "updated"
	Deleted Verb = "deleted"
)

// Effect is what one request did to one thing. An update that wrote what was there already is an effect too.
type Effect struct {
	Verb     Verb   `json:"verb"`
	Kind     string `json:"kind"` // product, variant, option, value, image, stock, stockSettings, channel or hook
	Product  int64  `json:"product,omitzero"`
	Variant  int64  `json:"variant,omitzero"`
	Location int64  `json:"location,omitzero"` // of stock
	// ID is that of the option, value, image, channel or hook, and for a variant, or its stock, its sku_id.
	ID     int64         `json:"id,omitzero"`
	Fields []FieldChange `json:"fields,omitempty"`
}

// change returns the field of that name, and whether it was written and differs.
func (e Effect) change(name string) (FieldChange, bool) {
	at := slices.IndexFunc(e.Fields, func(c FieldChange) bool { return c.Name == name })
	if at < 0 || !e.Fields[at].Changed() {
		return FieldChange{}, false
	}
	return e.Fields[at], true
}

// FieldChange is one written field, before and after, as JSON. Before is empty for what was created.
type FieldChange struct {
	Name   string          `json:"name"`
	Before json.RawMessage `json:"before,omitempty"`
	After  json.RawMessage `json:"after,omitempty"`
}

// Changed says whether the write made a difference.
func (c FieldChange) Changed() bool { return !bytes.Equal(c.Before, c.After) }

// Request is one request as the store saw it.
type Request struct {
	Seq     int64           `json:"seq"` // counts from 1, in the order of arrival
	At      time.Time       `json:"at"`
	Actor   string          `json:"actor"`            // "api", or "merchant" for an edit in the control panel
	Client  string          `json:"client,omitempty"` // of whose account the token was
	Method  string          `json:"method"`
	Path    string          `json:"path"` // below /stores/{hash}/v3
	Query   string          `json:"query,omitempty"`
	Body    json.RawMessage `json:"body,omitempty"` // a JSON string when it was not JSON
	Status  int             `json:"status"`         // 0 while in progress, and when the connection was closed without a reply
	ID      string          `json:"id"`
	Fault   Kind            `json:"fault,omitempty"` // the fault it met
	Effects []Effect        `json:"effects,omitempty"`
}

// Change is one effect, as [Config.OnChange] is told.
type Change struct {
	Seq   int64     `json:"seq"` // of the request that caused it
	At    time.Time `json:"at"`
	Actor string    `json:"actor"`
	Effect
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

// Requests returns the remembered requests in the order of their arrival, merchant's edits included. Requests to the
// control API are not among them.
func (s *Store) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	newest := s.log.Newest()
	list := make([]Request, len(newest))
	for i, r := range newest {
		list[i] = *r
	}
	return list
}

// record ties the effects of a request to it, and passes them on to whom they concern.
func (s *Store) record(r *Request, effects []Effect) {
	r.Effects = append(r.Effects, effects...)
	s.watch(r, effects)
	s.announce(effects)
	if s.cfg.OnChange == nil {
		return
	}
	for _, e := range effects {
		s.unshown = append(s.unshown, Change{Seq: r.Seq, At: s.cfg.Now(), Actor: r.Actor, Effect: e})
	}
}

// tell calls OnChange with what is queued. It must be called without the store's lock.
func (s *Store) tell() {
	if s.cfg.OnChange == nil {
		return
	}
	for {
		// OnChange may read the store, which tells too; what that call would tell is told by the one in progress, which
		// looks again after it let go.
		if !s.showing.TryLock() {
			return
		}
		for _, c := range s.takeUnshown() {
			s.cfg.OnChange(c)
		}
		s.showing.Unlock()
		if !s.hasUnshown() {
			return
		}
	}
}

func (s *Store) hasUnshown() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.unshown) > 0
}

func (s *Store) takeUnshown() []Change {
	s.mu.Lock()
	defer s.mu.Unlock()
	queued := s.unshown
	s.unshown = nil
	return queued
}
