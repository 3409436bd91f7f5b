package projections

import (
	"fmt"
	"slices"
	"time"

	"github.com/tillstream/tillstream/domain"
)

// Status is what an operator is told, as JSON, as text and on the console alike.
type Status struct {
	Ready    bool          `json:"ready"`
	Stores   []StoreStatus `json:"stores"` // in the order of their ids
	Problems []string      `json:"problems,omitempty"`
}

// StoreStatus is the part of one store.
type StoreStatus struct {
	Store      domain.StoreID   `json:"store"`
	Log        LogStatus        `json:"log"`
	Projection ProjectionStatus `json:"projection"`
	Publishing PublishingStatus `json:"publishing"`
	// DeadLetters is how many wait for somebody to requeue or drop them.
	DeadLetters int `json:"dead_letters"`
	// Sources are who has published events of the store, by name.
	Sources []SourceStatus `json:"sources,omitempty"`
	// Account is the POS account that the store is connected to; nil for none.
	Account *AccountStatus `json:"account,omitempty"`
	Paused  bool           `json:"paused,omitempty"`
	Problem string         `json:"problem,omitempty"` // what keeps it from going on, and what to do
	Alarm   string         `json:"alarm,omitempty"`   // what the breaker holds, and what to do; see [Alarm]
}

// LogStatus is about the POS log, which all stores share.
type LogStatus struct {
	LastPosition domain.Position `json:"last_position"`
}

// ProjectionStatus says how far the catalog is.
type ProjectionStatus struct {
	Position domain.Position `json:"position"`
	Lag      uint64          `json:"lag"` // events of the log that are not folded yet
	Products int             `json:"products"`
	Tally    domain.Tally    `json:"events"`
}

// PublishingStatus counts the products of a store by where they stand. Requests
// and Throttled are of this process.
type PublishingStatus struct {
	Counts
	Requests  uint64 `json:"requests"`
	Throttled uint64 `json:"throttled"`
	// Manual says that what is pending waits for somebody to push it.
	Manual bool `json:"manual,omitempty"`
	// Efficiency is nil in a process that does not publish.
	Efficiency *Efficiency `json:"efficiency,omitempty"`
}

// Counts is how many products are in each [State]. Pending also counts the
// quarantined products whose newest state is not confirmed, so that it is 0
// exactly when BigCommerce has confirmed the newest state of every linked product
// that is not refused, held or discarded.
type Counts struct {
	Pending     int `json:"pending"`
	Confirmed   int `json:"confirmed"`
	Refused     int `json:"refused"`
	Broken      int `json:"broken"` // of the refused
	Unlinked    int `json:"unlinked"`
	Quarantined int `json:"quarantined"`
	Held        int `json:"held"`
	Discarded   int `json:"discarded"`
	// LastRefusal is the newest of the refused; nil for none.
	LastRefusal *Refusal `json:"last_refusal,omitempty"`

	left int // products that all items have left and that have a twin
}

// Refusal is a product that BigCommerce refuses, and why.
type Refusal struct {
	Product domain.ProductID `json:"product"`
	Reason  string           `json:"reason"`
	At      time.Time        `json:"at"`
}

// Count counts the products of a store. It looks at what the SYNC log names only,
// so it costs nothing for products that were never linked. Whoever asks again and again
// has [Standings].
func Count(c *Catalog, p *Publications, store domain.StoreID) Counts {
	var counts Counts
	var newest Refusal
	for id, pub := range p.Outlines(store) {
		s := standingOf(c, p, store, id, pub)
		counts.add(s, 1)
		if s.state().Among(Refusing) {
			reason, at := pub.Refusal()
			if refusal := (Refusal{id, reason, at}); refusal.newer(&newest) {
				newest = refusal
			}
		}
	}
	return counts.whole(c, store, newest)
}

// newer reports whether r is to be told rather than another one. Of two of the same time it
// is that with the greater id.
func (r *Refusal) newer(other *Refusal) bool {
	return r.At.After(other.At) || r.At.Equal(other.At) && r.Product > other.Product
}

// standing is what one product that the SYNC log names is counted as; the zero one is not
// counted.
type standing struct {
	in      uint8 // one more than the place of its state in [States]
	pending bool  // in another state, and its newest state is not confirmed
	left    bool  // by all of its items
}

// standingOf says what a product is counted as. That is nothing when it has gone, when no
// event could be folded of it, and when it is still to be folded.
func standingOf(c *Catalog, p *Publications, store domain.StoreID, id domain.ProductID, pub Publication) standing {
	s, folded := c.Summary(store, id)
	if !folded || Gone(s, pub) {
		return standing{}
	}
	state := StateOf(s.Due, pub, p.Quarantined(store, s.Items...))
	return standing{
		in:      uint8(slices.Index(states[:], state) + 1),
		pending: state == Quarantined && pub.Held == nil && pub.NeedsPush(s.Due),
		left:    len(s.Items) == 0,
	}
}

// state is empty for the zero standing.
func (s standing) state() State {
	if s.in == 0 {
		return ""
	}
	return states[s.in-1]
}

// add counts n products more that stand alike. [Counts.whole] takes all products with items
// for unlinked, so here each of these is one less that is.
func (c *Counts) add(s standing, n int) {
	if s == (standing{}) {
		return
	}
	if s.left {
		c.left += n
	} else {
		c.Unlinked -= n
	}
	if s.pending {
		c.Pending += n
	}
	switch s.state() {
	case Broken:
		c.Broken += n
		c.Refused += n
	case Refusing:
		c.Refused += n
	case Unlinked:
		c.Unlinked += n
	case Quarantined:
		c.Quarantined += n
	case Held:
		c.Held += n
	case Discarded:
		c.Discarded += n
	case Pending:
		c.Pending += n
	case Synced:
		c.Confirmed += n
	}
}

// whole makes the counts of products that the SYNC log names those of all products of the
// store. A product that was folded in between may be missing.
func (c Counts) whole(catalog *Catalog, store domain.StoreID, newest Refusal) Counts {
	c.Unlinked = max(c.Unlinked+catalog.Size(store)-catalog.Vacant(store), 0)
	if newest != (Refusal{}) {
		c.LastRefusal = &newest
	}
	return c
}

// Gone reports whether a product is none any more: it has no item, and no twin either.
func Gone(s Summary, pub Publication) bool {
	return len(s.Items) == 0 && pub.Link == nil && pub.Creating == nil
}

// Alarm says in a sentence that the breaker of a store has tripped, as long as it
// holds any of these pushes; else "".
func Alarm(held []HeldPush) string {
	n := 0
	var since time.Time
	var newest HeldPush
	for _, h := range held {
		if h.Guard != domain.GuardBreaker {
			continue
		}
		if n++; n == 1 || h.At.Before(since) {
			since = h.At
		}
		if n == 1 || h.At.After(newest.At) {
			newest = h
		}
	}
	at := since.UTC().Format(time.RFC3339)
	switch n {
	case 0:
		return ""
	case 1:
		return fmt.Sprintf("the breaker holds product %s back since %s: %s: %s", newest.Product, at, newest.Reason, release)
	}
	return fmt.Sprintf("the breaker holds %d products back since %s, %s for one: %s: %s", n, at, newest.Product, newest.Reason, release)
}

const release = "run `tillstream approve --all --guard breaker` if that is right, else `tillstream discard --all --guard breaker`"

// NewStoreStatus puts together what the projections know of a store, given the
// last position of the POS log and the open dead letters of the store.
func NewStoreStatus(store domain.StoreID, last domain.Position, n *Standings, deadLetters int) StoreStatus {
	c, p := n.catalog, n.publications
	position := c.Position()
	s := StoreStatus{
		Store:       store,
		Log:         LogStatus{LastPosition: max(last, position)},
		Projection:  ProjectionStatus{Position: position, Tally: c.Tally(store)},
		Publishing:  PublishingStatus{Counts: n.Count(store)},
		DeadLetters: deadLetters,
		Alarm:       Alarm(p.HeldPushes(store)),
	}
	s.Projection.Products = c.Size(store) - c.Vacant(store) + s.Publishing.left
	s.Projection.Lag = uint64(s.Log.LastPosition - position)
	return s
}
