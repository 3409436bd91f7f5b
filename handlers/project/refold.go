package project

import (
	"context"
	"errors"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/projections"
	"github.com/tillstream/tillstream/streams"
)

// Refolded is what becomes of a message when a log is folded anew.
type Refolded struct {
	Recorded domain.Recorded // as far as the message is an event
	Outcome  domain.Outcome  // empty when it cannot be used, or is passed over
	Kind     streams.Kind    // of the dead letter that it is when it cannot be used
	Reason   error
}

// Passed are the positions of the POS log whose messages no fold uses: their dead
// letters were dropped, or requeued, so that they have their outcome elsewhere.
func Passed(ctx context.Context, conn *streams.Conn) (map[domain.Position]bool, error) {
	letters, err := conn.DeadLetters().List(ctx, "", false)
	if err != nil {
		return nil, err
	}
	out := map[domain.Position]bool{}
	for i := range letters {
		if l := &letters[i]; l.Handler == handlerName && l.Original.Stream == conn.POS().Name() && passed(l) {
			out[l.Original.Position] = true
		}
	}
	return out, nil
}

// Refold folds the next message of the POS log into a catalog of the caller's own,
// exactly as [Handler.Build] would, and records nothing. Passes are those of [Passed].
// The error is the catalog's.
func Refold(ctx context.Context, catalog *projections.Catalog, known func(domain.StoreID) bool, passes map[domain.Position]bool, m streams.Message) (Refolded, error) {
	r := decode(m)
	out := Refolded{Recorded: r.rec, Reason: r.err}
	if passes[m.Position] {
		catalog.Advance(m.Position)
		return out, nil
	}
	switch {
	case m.Store != "" && !known(m.Store):
		out.Kind = UnknownStore
	case r.err != nil:
		out.Kind = kindOf(&r)
	}
	if out.Kind != "" {
		catalog.Advance(m.Position)
		return out, nil
	}
	outcome, err := catalog.Fold(ctx, r.rec, r.event)
	switch {
	case errors.Is(err, domain.ErrTooOld):
		out.Kind, out.Reason = streams.TooOld, err
	case projections.IsUnfoldable(err):
		out.Kind, out.Reason = streams.Unfoldable, err
	case err != nil:
		return out, err
	default:
		out.Outcome = outcome
		return out, nil
	}
	catalog.Advance(m.Position)
	return out, nil
}
