package simulator

import (
	"fmt"
	"strconv"
	"time"

	"github.com/tillstream/tillstream/domain"
)

// Opens and Closes are the shop's hours, since midnight.
const (
	Opens  = 9 * time.Hour
	Closes = 17*time.Hour + 30*time.Minute
)

// Step is one thing that somebody did in the POS. Its events belong together: they
// share a correlation id, and go into the log as one group or not at all.
type Step struct {
	Number  int           // from 1
	At      time.Duration // since [Opens]; grows from step to step
	Caption string        // one line, for people

	source      domain.SourceID
	actor       string
	correlation string
	seed        uint64
	notices     []notice
}

// notice is one event with the version that the POS gave it.
type notice struct {
	version uint64
	event   domain.Event
}

// Clock is the time of the step in the shop: "09:42".
func (s *Step) Clock() string {
	minutes := int((Opens + s.At) / time.Minute)
	return fmt.Sprintf("%02d:%02d", minutes/60, minutes%60)
}

// Envelopes returns the events of the step as the POS sends them when the step
// happens at a time: the hour of [Step.At] on some day, or the present for a day
// that is played faster than it was. The times of a day's steps must not go back,
// nor lie before the import of the export, since an imported price list is ordered
// by them. The error is a [*domain.InvalidError], for a time that no event can
// have.
func (s *Step) Envelopes(at time.Time) ([]domain.Envelope, error) {
	out := make([]domain.Envelope, 0, len(s.notices))
	for _, n := range s.notices {
		id := domain.DeriveEventID(s.source, "day", strconv.FormatUint(s.seed, 10), strconv.FormatUint(n.version, 10))
		e, err := domain.NewEnvelope(id, s.source, at, n.event)
		if err != nil {
			return nil, err
		}
		e.CorrelationID, e.Actor = s.correlation, s.actor
		if n.event.Type() != domain.TypeProductImported {
			e.SourceVersion = n.version // a file has none
		}
		out = append(out, e)
	}
	return out, nil
}
