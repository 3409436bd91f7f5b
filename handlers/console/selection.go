package console

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/problem"
	"github.com/tillstream/tillstream/projections"
	"github.com/tillstream/tillstream/projections/search"
)

// SelectionInput says which events are asked for. It is exported for huma, which reads
// embedded structs only then.
type SelectionInput struct {
	From   string   `query:"from" doc:"a position, a time (RFC 3339), a day, or how long ago (2h, 3d)"`
	To     string   `query:"to" doc:"likewise; what is at it counts"`
	Time   string   `query:"time" enum:"recorded,business" default:"recorded" doc:"whether times are of the recording or of the happening in the POS"`
	Type   []string `query:"type,explode" doc:"event types, with or without their version, or the beginning of one up to a dot"`
	Source string   `query:"source" doc:"the source, or what it is below"`
	Actor  string   `query:"actor"`
}

// selection is what a [SelectionInput] means for a log.
type selection struct {
	from, to     domain.Position // 0 is no bound
	since, until time.Time       // of the events' own times
	nothing      bool            // it ends before the first position
	dated        [2]time.Time    // what the bounds are in recorded time, for another log
	types        []string
	source       string
	actor        string
}

// selection reads the bounds of what is asked for in a log with these types of events.
func (c *Console) selection(ctx context.Context, in *SelectionInput, log projections.Log, types []domain.Type) (selection, error) {
	s := selection{types: in.Type, source: strings.TrimSuffix(in.Source, "/"), actor: in.Actor}
	if err := checkTypes(in.Type, types); err != nil {
		return s, err
	}
	from, err := c.moment("from", in.From)
	if err != nil {
		return s, err
	}
	to, err := c.moment("to", in.To)
	if err != nil {
		return s, err
	}
	if in.Time == business {
		s.from, s.since, s.to, s.until = from.Position, from.Time, to.Position, to.Time
		s.nothing = in.To != "" && s.to == 0 && s.until.IsZero()
	} else {
		s.dated = [2]time.Time{from.Time, to.Time}
		if s.from, err = from.From(ctx, log); err != nil {
			return s, err
		}
		if s.to, err = to.To(ctx, log); err != nil {
			return s, err
		}
		s.nothing = in.To != "" && s.to == 0
	}
	if in.From != "" && in.To != "" && (s.to > 0 && s.from > s.to+1 || !to.Time.IsZero() && from.Time.After(to.Time)) {
		return s, problem.Newf(http.StatusUnprocessableEntity, "from %s is behind to %s", in.From, in.To)
	}
	return s, nil
}

// checkTypes refuses what is no type of a log, nor the beginning of one.
func checkTypes(asked []string, types []domain.Type) error {
	for _, t := range asked {
		if !slices.ContainsFunc(types, func(known domain.Type) bool { return search.Within(string(known), t, ".") }) {
			return problem.Newf(http.StatusUnprocessableEntity, "type: %q: no event type of this log begins like that", t).WithHint("tillstream schema lists the types")
		}
	}
	return nil
}

// business is the time at which something happened in the POS.
const business = "business"

// moment reads one bound; it is the zero moment for none.
func (c *Console) moment(name, text string) (projections.Moment, error) {
	if text == "" {
		return projections.Moment{}, nil
	}
	m, err := projections.ParseMoment(text, c.Now())
	if err != nil {
		return m, problem.Newf(http.StatusUnprocessableEntity, "%s: %q: must be %s", name, problem.Shown(text), projections.MomentForms)
	}
	return m, nil
}

// takes reports whether an event is among those selected. One that could not be decoded
// is by its position only: nothing says when it happened, so that it is never among those
// of a business time.
func (s *selection) takes(rec *domain.Recorded) bool {
	switch timed := !s.since.IsZero() || !s.until.IsZero(); {
	case s.nothing, timed && rec.Time.IsZero():
	case rec.Position < s.from, s.to > 0 && rec.Position > s.to:
	case !s.since.IsZero() && rec.Time.Before(s.since), !s.until.IsZero() && rec.Time.After(s.until):
	case s.actor != "" && rec.Actor != s.actor:
	case s.source != "" && !search.Within(string(rec.Source), s.source, "/"):
	case len(s.types) > 0 && !slices.ContainsFunc(s.types, func(t string) bool { return search.Within(string(rec.Type), t, ".") }):
	default:
		return true
	}
	return false
}

// datePositions finds out when the positions were recorded that bound the selection.
func (s *selection) datePositions(ctx context.Context, log projections.Log) error {
	for i, at := range []domain.Position{s.from, s.to} {
		if at == 0 || !s.dated[i].IsZero() {
			continue
		}
		err := log.Read(ctx, "", "", at, at, func(rec domain.Recorded, _ error) error {
			s.dated[i] = rec.RecordedAt
			return nil
		})
		if err != nil {
			return fmt.Errorf("read position %d: %w", at, err)
		}
	}
	return nil
}

// covers reports whether an event of another log is of the selected time.
func (s *selection) covers(rec *domain.Recorded) bool {
	from, to := s.dated[0], s.dated[1]
	return !s.nothing && (from.IsZero() || !rec.RecordedAt.Before(from)) && (to.IsZero() || !rec.RecordedAt.After(to)) &&
		(s.since.IsZero() || !rec.Time.Before(s.since)) && (s.until.IsZero() || !rec.Time.After(s.until))
}

// AtInput says at which moment something is asked for. It is exported for huma.
type AtInput struct {
	At   string `query:"at" doc:"a position of the POS log, a time (RFC 3339), a day, or how long ago (2h, 3d); now by default"`
	Time string `query:"time" enum:"recorded,business" default:"recorded" doc:"whether a time is of the recording or of the happening in the POS"`
}

// instant is a moment in both logs.
type instant struct {
	projections.Instant
	sync domain.Position
}

// instant reads a moment of the POS log, and finds it in the SYNC log. A position lasts
// until the next one is recorded.
func (c *Console) instant(ctx context.Context, name, text, clock string) (instant, error) {
	at, err := c.moment(name, text)
	if err != nil {
		return instant{}, err
	}
	last, err := c.POS.Last(ctx)
	if err != nil {
		return instant{}, err
	}
	now := instant{Instant: projections.Instant{Position: last}}
	until := at.Time
	switch {
	case !at.Time.IsZero() && clock == business:
		now.Business = at.Time
	case !at.Time.IsZero():
		if now.Position, err = at.To(ctx, c.POS); err != nil {
			return instant{}, err
		}
	case at.Position > last:
		return instant{}, problem.Newf(http.StatusUnprocessableEntity, "%s: %d: the log ends at position %d", name, at.Position, last)
	case at.Position < last:
		now.Position = at.Position
		err := c.POS.Read(ctx, "", "", at.Position+1, at.Position+1, func(next domain.Recorded, _ error) error {
			until = next.RecordedAt.Add(-1)
			return nil
		})
		if err != nil {
			return instant{}, fmt.Errorf("read position %d: %w", at.Position+1, err)
		}
	}
	if until.IsZero() {
		now.sync, err = c.Sync.Last(ctx)
	} else {
		now.sync, err = projections.Moment{Time: until}.To(ctx, c.Sync)
	}
	return now, err
}
