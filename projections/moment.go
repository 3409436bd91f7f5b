package projections

import (
	"context"
	"regexp"
	"sort"
	"strconv"
	"time"

	"github.com/tillstream/tillstream/domain"
)

// PositionAt returns the first position of a log that was recorded at a time or
// later, and the one behind the last when there is none. Of a log that is not [Sought]
// it reads as many single messages as the log's length has binary digits.
func PositionAt(ctx context.Context, log Log, at time.Time) (domain.Position, error) {
	if sought, is := log.(Sought); is {
		return sought.After(ctx, at)
	}
	last, err := log.Last(ctx)
	if err != nil {
		return 0, err
	}
	n := sort.Search(int(last), func(i int) bool {
		later := false
		if err == nil {
			position := domain.Position(i + 1)
			err = log.Read(ctx, "", "", position, position, func(rec domain.Recorded, _ error) error {
				later = !rec.RecordedAt.Before(at)
				return nil
			})
		}
		return later
	})
	return domain.Position(n + 1), err
}

// Moment is how people say which point of a log they mean: a position, or a time. One
// of the two is set, unless it is a position of 0.
type Moment struct {
	Position domain.Position
	Time     time.Time
}

// MomentForms says for people what [ParseMoment] takes.
const MomentForms = "a position, a time such as 2026-11-01T09:00:00Z, a day such as 2026-11-01 (it begins at 00:00 UTC), or how long ago, such as 90m, 2h or 3d"

// ago is a duration in words that [time.ParseDuration] takes, or in days or weeks.
var ago = regexp.MustCompile(`^([0-9]+)([dw])$`)

// ParseMoment reads what somebody has written at a time.
func ParseMoment(text string, now time.Time) (Moment, error) {
	if n, err := strconv.ParseUint(text, 10, 63); err == nil {
		return Moment{Position: domain.Position(n)}, nil
	}
	for _, layout := range []string{time.RFC3339Nano, time.DateOnly} {
		if at, err := time.Parse(layout, text); err == nil {
			return Moment{Time: at.UTC()}, nil
		}
	}
	if m := ago.FindStringSubmatch(text); m != nil {
		days, err := strconv.Atoi(m[1])
		if m[2] == "w" {
			days *= 7
		}
		if err == nil && days < 100*366 {
			return Moment{Time: now.UTC().AddDate(0, 0, -days)}, nil
		}
	}
	if d, err := time.ParseDuration(text); err == nil && d >= 0 {
		return Moment{Time: now.UTC().Add(-d)}, nil
	}
	return Moment{}, &domain.InvalidError{Path: "moment", Value: text, Reason: "must be " + MomentForms}
}

// From returns the first position of a log that is at a moment or later.
func (m Moment) From(ctx context.Context, log Log) (domain.Position, error) {
	if m.Time.IsZero() {
		return m.Position, nil
	}
	return PositionAt(ctx, log, m.Time)
}

// To returns the last position of a log that is at a moment or before.
func (m Moment) To(ctx context.Context, log Log) (domain.Position, error) {
	if m.Time.IsZero() {
		return m.Position, nil
	}
	behind, err := PositionAt(ctx, log, m.Time.Add(1))
	return behind - min(behind, 1), err
}
