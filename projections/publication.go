package projections

import (
	"slices"
	"time"

	"github.com/tillstream/tillstream/domain"
)

// Publication is what the SYNC log says of one product: its twin in BigCommerce
// and what became of the last push. Only [FoldPublication] makes new ones; what a
// Publication refers to is never changed in place.
type Publication struct {
	Link      *domain.Link `json:"link,omitempty"`     // nil: no twin
	Creating  *Creating    `json:"creating,omitempty"` // asked for, not yet known to exist
	Confirmed Confirmed    `json:"confirmed,omitzero"` // by the present twin
	// Refused is the last push, when BigCommerce would not take it.
	Refused *Refused `json:"refused,omitempty"`
	// Unoffered is set while the twin is in BigCommerce and the store's channels do not
	// offer it. Pushes go on.
	Unoffered *Unoffered `json:"unoffered,omitempty"`
	// Held is the newest push, when a guard keeps it from BigCommerce. Nothing of the
	// product is pushed then.
	Held *Hold `json:"held,omitempty"`
	// Approved means that somebody has said of a held push that it is right: it is due,
	// and no guard has a say in it. That holds until its outcome is recorded.
	Approved bool `json:"approved,omitempty"`
	// Discarded is the position in the POS log up to which somebody wants nothing
	// pushed; 0 for none.
	Discarded domain.Position `json:"discarded,omitempty"`
	// Wanted is a state that a rebuild has made of events that were pushed before; nil
	// when BigCommerce has taken it, or none.
	Wanted      *Wanted      `json:"wanted,omitempty"`
	Quarantined []Quarantine `json:"quarantined,omitempty"` // in the order of the SYNC log
	// Sync is the position in the SYNC log of the newest event folded.
	Sync domain.Position `json:"sync"`
	// Trail is where the events folded lie in the SYNC log.
	Trail domain.Trail `json:"trail,omitempty"`
}

// Creating is a twin that BigCommerce was asked to create.
type Creating struct {
	Name string    `json:"name"`
	SKUs []string  `json:"skus"`
	At   time.Time `json:"at"`
}

// Confirmed is the newest state that BigCommerce has taken.
type Confirmed struct {
	Position      domain.Position `json:"position"` // in the POS log; 0 for none
	BigCommerceID int64           `json:"bigcommerce_id"`
	Digest        string          `json:"digest"`
	At            time.Time       `json:"at"`
	RequestID     string          `json:"request,omitempty"`
	Offer         *domain.Offer   `json:"offer,omitempty"` // nil when version 1 of the event said it
}

// Refused is a state that BigCommerce would not take.
type Refused struct {
	Position domain.Position `json:"position"` // in the POS log
	Status   int             `json:"status,omitempty"`
	Reason   string          `json:"reason"`
	Field    string          `json:"field,omitempty"`
	At       time.Time       `json:"at"`
}

// Unoffered is why the store's channels do not offer a twin.
type Unoffered struct {
	Status int       `json:"status,omitempty"` // BigCommerce's
	Reason string    `json:"reason"`
	At     time.Time `json:"at"`
}

// Hold is a state that a guard keeps from BigCommerce.
type Hold struct {
	Position domain.Position `json:"position"` // in the POS log
	Guard    domain.Guard    `json:"guard"`
	Reason   string          `json:"reason"`
	At       time.Time       `json:"at"`
}

// Wanted is a state that is to be pushed although no newer event asks for it.
type Wanted struct {
	Position domain.Position `json:"position"` // in the POS log
	Digest   string          `json:"digest"`
	Was      string          `json:"was"` // what was to be shown before
	Reason   string          `json:"reason"`
	At       time.Time       `json:"at"`
}

// Quarantine is an event that could not be folded, so that its item's state may
// be wrong.
type Quarantine struct {
	Item     domain.ItemID   `json:"item"`
	Position domain.Position `json:"position"` // of the event, in the POS log
	Reason   string          `json:"reason"`
}

// mostTrail is how long the trail of a publication gets at most, in bytes. All of them
// are in memory.
const mostTrail = 192

// FoldPublication folds one event of the SYNC log, and returns what the trail has let go
// of. An event at or below p's position is in p already and changes nothing; nor does an
// event of the POS.
func FoldPublication(p Publication, rec domain.Recorded, event domain.Event) (Publication, domain.Stretch) {
	if rec.Position <= p.Sync {
		return p, domain.Stretch{}
	}
	var stretch domain.Stretch
	p.Sync = rec.Position
	p.Trail, stretch = p.Trail.With(rec.Position, mostTrail)
	switch e := event.(type) {
	case *domain.ProductLinked:
		link := e.Link
		if p.Link == nil || p.Link.BigCommerceID != link.BigCommerceID {
			p.Held, p.Approved, p.Discarded, p.Wanted, p.Unoffered = nil, false, 0, nil, nil // what was said was about another twin
		}
		p.Link, p.Creating = &link, nil
		if p.Confirmed.BigCommerceID != link.BigCommerceID {
			p.Confirmed = Confirmed{} // the new twin has taken nothing yet
		}
		p.Refused = nil // what was wrong may have been the link
	case *domain.ProductUnlinked:
		p.Link, p.Creating, p.Confirmed, p.Refused = nil, nil, Confirmed{}, nil
		p.Held, p.Approved, p.Discarded, p.Wanted, p.Unoffered = nil, false, 0, nil, nil
	case *domain.ProductCreating:
		p.Creating = &Creating{Name: e.Name, SKUs: e.SKUs, At: rec.Time}
	case *domain.PushConfirmed:
		if p.Link != nil && p.Link.BigCommerceID != e.BigCommerceID {
			break // it was about an earlier twin
		}
		if e.Position >= p.Confirmed.Position {
			p.Confirmed = Confirmed{e.Position, e.BigCommerceID, e.Digest, rec.Time, e.RequestID, e.Offer}
		}
		p.settleGuards(e.Position)
		p.settleWanted(e.Position, e.Digest)
		if p.Refused != nil && p.Refused.Position <= e.Position {
			p.Refused = nil
		}
	case *domain.PushRefused:
		if e.Position >= p.Confirmed.Position {
			p.Refused = &Refused{e.Position, e.Status, e.Reason, e.Field, rec.Time}
		}
		p.settleGuards(e.Position)
		p.settleWanted(e.Position, "")
	case *domain.ProductOffered:
		switch {
		case p.Link == nil || p.Link.BigCommerceID != e.BigCommerceID: // it was about an earlier twin
		case e.Error == "":
			p.Unoffered = nil
		default:
			p.Unoffered = &Unoffered{e.Status, e.Error, rec.Time}
		}
	case *domain.PushHeld:
		if p.Link == nil {
			break // it was about an earlier twin
		}
		p.Held, p.Approved = &Hold{e.Position, e.Guard, e.Reason, rec.Time}, false
		if p.Refused != nil && p.Refused.Position <= e.Position {
			p.Refused = nil
		}
	case *domain.PushReleased:
		if p.Held == nil {
			break // it was released, or let through, before
		}
		p.Held = nil
		switch e.Release {
		case domain.Approved:
			p.Approved = true
		case domain.Discarded:
			p.Discarded = max(p.Discarded, e.Position)
		}
	case *domain.PushWanted:
		if p.Link == nil {
			break // there is nothing that BigCommerce could show otherwise
		}
		p.Wanted = &Wanted{e.Position, e.Digest, e.Was, e.Reason, rec.Time}
		if p.Confirmed.Position >= e.Position && p.Confirmed.Digest == e.Digest {
			p.Wanted = nil // as after going back and forth
		}
		if p.Refused != nil && !p.Broken() {
			p.Refused = nil // what was wrong may have been what is mended now
		}
	case *domain.ItemQuarantined:
		if !slices.ContainsFunc(p.Quarantined, func(q Quarantine) bool { return q.Position == e.Position }) {
			p.Quarantined = append(slices.Clone(p.Quarantined), Quarantine{e.Item, e.Position, e.Reason})
		}
	case *domain.ItemReleased:
		p.Quarantined = slices.DeleteFunc(slices.Clone(p.Quarantined), func(q Quarantine) bool { return q.Position == e.Position })
		if len(p.Quarantined) == 0 {
			p.Quarantined = nil
		}
	}
	return p, stretch
}

// settleGuards ends what guards and people have said of states up to one that the
// guards have let through.
func (p *Publication) settleGuards(at domain.Position) {
	p.Approved = false
	if p.Held != nil && p.Held.Position <= at {
		p.Held = nil
	}
}

// settleWanted ends the wish for a state that BigCommerce has taken or refused, or for
// an older one. A push of what was shown before may still be on its way when the wish
// is recorded, and does not fulfil it.
func (p *Publication) settleWanted(at domain.Position, digest string) {
	if w := p.Wanted; w != nil && (at > w.Position || at == w.Position && digest != w.Was) {
		p.Wanted = nil
	}
}

// State is where a product stands.
type State string

// The states, in the order in which they are looked for: a product is in the
// first that fits.
const (
	Broken      State = "broken"      // its twin is gone from BigCommerce, so nothing is pushed
	Refusing    State = "refused"     // BigCommerce will not take the newest state; or it has, and no channel offers the product
	Unlinked    State = "unlinked"    // it has no twin, so nothing is pushed
	Quarantined State = "quarantined" // an event of an item could not be folded, so nothing is pushed
	Held        State = "held"        // a guard keeps the newest state from BigCommerce
	Pending     State = "pending"     // the newest state is not confirmed yet
	Discarded   State = "discarded"   // the newest state is not wanted in BigCommerce
	Synced      State = "confirmed"   // BigCommerce has the newest state
)

var states = [...]State{Broken, Refusing, Unlinked, Quarantined, Held, Pending, Discarded, Synced}

// States are all of them, in that order.
func States() []State { return slices.Clone(states[:]) }

// What a refusal says when BigCommerce has no longer the product that the link
// names: not found, and the name of the link's id in the SYNC log.
const (
	BrokenStatus = 404
	BrokenField  = "bigcommerce_id"
)

// Broken reports whether the link names a product that BigCommerce has no longer.
// That stays so until the product is linked anew, whatever happens in the POS.
func (p *Publication) Broken() bool {
	return p.Link != nil && p.Refused != nil && p.Refused.Status == BrokenStatus && p.Refused.Field == BrokenField
}

// StateOf says where a product stands whose newest event that asks for a push is
// at due, given what was recorded of it and whether any of its items is
// quarantined.
func StateOf(due domain.Position, p Publication, quarantined bool) State {
	switch {
	case p.Broken():
		return Broken
	case p.Refused != nil && p.Refused.Position >= due:
		return Refusing
	case p.Link == nil:
		return Unlinked
	case quarantined:
		return Quarantined
	case p.Held != nil:
		return Held
	case p.NeedsPush(due):
		return Pending
	case due > p.Confirmed.Position:
		return Discarded
	case p.Unoffered != nil:
		return Refusing
	}
	return Synced
}

// Refusal returns why, and since when, BigCommerce does not have a product whose state is
// among [Refusing] as it is to be; for any other, what it has refused last, or "".
func (p *Publication) Refusal() (reason string, at time.Time) {
	switch {
	case p.Refused != nil:
		return p.Refused.Reason, p.Refused.At
	case p.Unoffered != nil:
		return p.Unoffered.Reason, p.Unoffered.At
	}
	return "", time.Time{}
}

// Among reports whether products in state s are among those that are asked for by a
// state: a broken link is a refusal too.
func (s State) Among(asked State) bool { return s == asked || s == Broken && asked == Refusing }

// NeedsPush reports whether no state at or after due was confirmed by the present
// twin, or discarded, or a rebuild has made another state of it, or somebody has
// approved a push. A product that no event asks
// to push, at due 0, never needs one.
func (p *Publication) NeedsPush(due domain.Position) bool {
	return due > 0 && (p.Approved || due > max(p.Confirmed.Position, p.Discarded) || p.Wanted != nil && due > p.Discarded)
}
