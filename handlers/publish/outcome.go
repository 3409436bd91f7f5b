package publish

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/streams"
)

// Kind says what became of a product.
type Kind string

// The kinds of outcome.
const (
	Confirmed Kind = "confirmed" // BigCommerce has taken the full state
	Refused   Kind = "refused"   // BigCommerce will not take it, or we do not send it
	Held      Kind = "held"      // a guard keeps the newest state from BigCommerce
	Approved  Kind = "approved"  // it is to be pushed all the same
	Discarded Kind = "discarded" // it is not to be pushed
	Linked    Kind = "linked"    // a twin was found
	Created   Kind = "created"   // a twin was created
	Unlinked  Kind = "unlinked"  // the link has ended
	Nothing   Kind = "nothing"   // nothing was to be done; Reason says why
)

// Outcome is what became of one product.
type Outcome struct {
	Product       domain.ProductID `json:"product"`
	Kind          Kind             `json:"kind"`
	Position      domain.Position  `json:"position,omitzero"` // of the state, in the POS log
	BigCommerceID int64            `json:"bigcommerce_id,omitzero"`
	Digest        string           `json:"digest,omitempty"`
	Guard         domain.Guard     `json:"guard,omitempty"` // that holds the push, or held it
	Status        int              `json:"status,omitzero"` // BigCommerce's, of a refusal
	Reason        string           `json:"reason,omitempty"`
	Field         string           `json:"field,omitempty"`
	At            time.Time        `json:"at"`
}

func deliver(waiters []chan<- Outcome, o Outcome) {
	for _, w := range waiters {
		w <- o // has room: each waiter is told once
	}
}

// note is an event to be recorded and the outcome that it tells of, if any.
type note struct {
	event   domain.Event
	outcome *Outcome
}

// record appends events to the SYNC log and applies them to the publications, in
// groups. It tries until ctx ends: what BigCommerce has taken must not be
// forgotten. Outcomes are told when their group is recorded.
func (p *Publisher) record(ctx context.Context, notes []note) error {
	for part := range slices.Chunk(notes, streams.MaxGroup) {
		if err := p.recordGroup(ctx, part); err != nil {
			return err
		}
		for _, n := range part {
			if n.outcome != nil {
				p.cfg.OnOutcome(*n.outcome)
			}
		}
	}
	return nil
}

func (p *Publisher) recordGroup(ctx context.Context, notes []note) error {
	now := p.cfg.Now().UTC()
	envelopes := make([]domain.Envelope, len(notes))
	for i, n := range notes {
		// Time and number make a forced push of an unchanged state an event of its own; a
		// repeated append has the same id.
		data, err := domain.EncodeEvent(n.event)
		if err != nil {
			return err
		}
		id := domain.DeriveEventID(Source, string(p.cfg.Store), string(n.event.Type()), now.Format(time.RFC3339Nano), strconv.FormatUint(p.recorded.Add(1), 10), string(data))
		e, err := domain.NewEnvelope(id, Source, now, n.event)
		if err != nil {
			return fmt.Errorf("record %s of product %s: %w", n.event.Type(), n.event.Subject(), err)
		}
		envelopes[i] = e
	}
	for {
		pass, err := p.recording.enter(ctx)
		if err != nil {
			return err
		}
		at, err := p.cfg.Log.Append(ctx, p.cfg.Store, envelopes)
		if over(ctx) && err != nil {
			pass.unused()
			return context.Cause(ctx)
		}
		if _, wrong := errors.AsType[*domain.InvalidError](err); wrong {
			pass.unused()
			return fmt.Errorf("record: %w", err)
		}
		if err != nil {
			pass.failed(err, time.Time{})
			continue
		}
		pass.succeeded()
		var last domain.Position
		for i := range envelopes {
			rec := domain.Recorded{Envelope: envelopes[i], Store: p.cfg.Store, Position: at[i].Position, RecordedAt: now}
			p.cfg.Publications.Apply(rec, notes[i].event)
			last = max(last, at[i].Position)
		}
		return p.cfg.Publications.Await(ctx, last)
	}
}

// Limits of what an event can hold, in characters.
const (
	mostReason = 4000
	mostField  = 255
)

func shorten(s string, most int) string {
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	return string([]rune(s)[:most])
}
