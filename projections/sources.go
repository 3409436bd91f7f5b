package projections

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/tillstream/tillstream/domain"
)

// Sources is when each source of events was heard of, and when it usually is: what
// tells a source that is silent from one that has nothing to say. It is folded from
// the POS log in order, in the time of the log, and is safe for concurrent use.
type Sources struct {
	mu       sync.Mutex
	position domain.Position
	stores   map[domain.StoreID]map[domain.SourceID]*source
}

// MostSources is how many sources of one store are kept; those that come after are
// not watched.
const MostSources = 200

// hoursPerWeek is the round in which the hours of a shop repeat.
const hoursPerWeek = 7 * 24

// source is what is kept of one source.
type source struct {
	Events   uint64          `json:"events"`
	Position domain.Position `json:"position"` // of the newest
	Recorded time.Time       `json:"recorded"` // when the log got it
	Happened time.Time       `json:"happened"` // when it says that it happened

	// First is the hour of the first event, in hours since 1970; Hour that of the
	// newest. Speaks is, for each hour of the week, the share of weeks in which the
	// source spoke in it, in 255ths; the newest four weeks count.
	First  int64  `json:"first"`
	Hour   int64  `json:"hour"`
	Speaks []byte `json:"speaks,omitempty"`

	// Version is the highest that the source has given; Steps is how often it gave a
	// higher one than before, Dense how often the next one. Missing are versions that
	// were passed over by a source that passes over none.
	Version uint64 `json:"version,omitzero"`
	Steps   uint64 `json:"steps,omitzero"`
	Dense   uint64 `json:"dense,omitzero"`
	Missing []Gap  `json:"missing,omitempty"`
}

// Gap is versions of a source that were not received, both ends included.
type Gap struct {
	From  uint64    `json:"from"`
	To    uint64    `json:"to"`
	Since time.Time `json:"since"` // when a later one was
}

// What makes gaps in a source's versions worth telling: it has given so many, and
// hardly ever passed one over. An account of X-Series numbers all its records
// together, and passes over most.
const (
	fewSteps   = 50
	mostlyNext = 0.95
	mostGaps   = 20
	patientGap = time.Minute // for events that overtake each other
)

// NewSources returns one that has heard of nobody.
func NewSources() *Sources {
	return &Sources{stores: map[domain.StoreID]map[domain.SourceID]*source{}}
}

// Position is that of the newest event taken.
func (s *Sources) Position() domain.Position {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.position
}

// Apply takes an event, by its attributes alone. One that is not newer than what was
// taken changes nothing.
func (s *Sources) Apply(rec *domain.Recorded) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if rec.Position <= s.position {
		return
	}
	s.position = rec.Position
	of := s.stores[rec.Store]
	if of == nil {
		of = map[domain.SourceID]*source{}
		s.stores[rec.Store] = of
	}
	src := of[rec.Source]
	if src == nil {
		if len(of) >= MostSources {
			return
		}
		src = &source{First: hourOf(rec.RecordedAt), Hour: hourOf(rec.RecordedAt)}
		of[rec.Source] = src
	}
	src.apply(rec)
}

// Adopt goes on with what another has taken, in the place of its own. Nobody uses the other
// afterwards.
func (s *Sources) Adopt(other *Sources) {
	other.mu.Lock()
	defer other.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.position, s.stores = other.position, other.stores
}

func hourOf(t time.Time) int64 { return t.Unix() / 3600 }

func (s *source) apply(rec *domain.Recorded) {
	s.speak(hourOf(rec.RecordedAt))
	s.Events++
	s.Position, s.Recorded, s.Happened = rec.Position, rec.RecordedAt.UTC(), rec.Time.UTC()
	s.number(rec.SourceVersion, rec.RecordedAt.UTC())
}

// speak notes that the source spoke in an hour, and did not in those since the last
// one in which it did.
func (s *source) speak(hour int64) {
	if s.Speaks == nil {
		s.Speaks = make([]byte, hoursPerWeek)
		s.hear(s.Hour, 1)
	}
	if hour <= s.Hour {
		return // the same hour, or a clock that was put back
	}
	const longest = 5 * hoursPerWeek // after so long a silence nothing of before is left
	for h := max(s.Hour+1, hour-longest); h < hour; h++ {
		s.hear(h, 0)
	}
	s.hear(hour, 1)
	s.Hour = hour
}

// hear takes one hour into its share, in which the last four weeks count.
func (s *source) hear(hour int64, spoke float64) {
	weeks := min((hour-s.First)/hoursPerWeek+1, 4)
	slot := &s.Speaks[hour%hoursPerWeek]
	share := float64(*slot) / whole
	*slot = byte(math.Round((share + (spoke-share)/float64(weeks)) * whole))
}

const whole = 255

// number takes the version of an event.
func (s *source) number(v uint64, at time.Time) {
	switch {
	case v == 0:
	case s.Version == 0:
		s.Version = v
	case v > s.Version:
		s.Steps++
		if v == s.Version+1 {
			s.Dense++
		} else if s.dense() {
			s.Missing = append(s.Missing, Gap{s.Version + 1, v - 1, at})
			if len(s.Missing) > mostGaps {
				s.Missing = s.Missing[1:]
			}
		}
		s.Version = v
	default:
		s.fill(v)
	}
}

func (s *source) dense() bool {
	return s.Steps >= fewSteps && float64(s.Dense) >= mostlyNext*float64(s.Steps)
}

// fill takes a version out of the gaps.
func (s *source) fill(v uint64) {
	for i, g := range s.Missing {
		if v < g.From || v > g.To {
			continue
		}
		rest := []Gap{}
		if g.From < v {
			rest = append(rest, Gap{g.From, v - 1, g.Since})
		}
		if v < g.To {
			rest = append(rest, Gap{v + 1, g.To, g.Since})
		}
		s.Missing = slices.Replace(s.Missing, i, i+1, rest...)
		return
	}
}

// SourceStatus is one source of a store, for people.
type SourceStatus struct {
	Source domain.SourceID `json:"source"`
	Events uint64          `json:"events"`
	// The newest event: where it is, when the log got it, and when it happened.
	Position   domain.Position `json:"position"`
	RecordedAt time.Time       `json:"recorded_at"`
	HappenedAt time.Time       `json:"happened_at"`
	// ExpectedBy is when the next one is overdue, going by the same hours of the weeks
	// before; absent while no week is known.
	ExpectedBy time.Time `json:"expected_by,omitzero"`
	Silent     bool      `json:"silent,omitempty"` // it is overdue
	Missing    []Gap     `json:"missing,omitempty"`
	// Problem says in a sentence what is wrong; empty when nothing is.
	Problem string `json:"problem,omitempty"`
}

// Of lists the sources of a store as they are at a time, by their names.
func (s *Sources) Of(store domain.StoreID, now time.Time) []SourceStatus {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []SourceStatus
	for id, src := range s.stores[store] {
		out = append(out, src.status(id, now))
	}
	slices.SortFunc(out, func(a, b SourceStatus) int { return cmp.Compare(a.Source, b.Source) })
	return out
}

func (s *source) status(id domain.SourceID, now time.Time) SourceStatus {
	st := SourceStatus{Source: id, Events: s.Events, Position: s.Position, RecordedAt: s.Recorded, HappenedAt: s.Happened, ExpectedBy: s.expected()}
	for _, g := range s.Missing {
		if now.Sub(g.Since) >= patientGap {
			st.Missing = append(st.Missing, g)
		}
	}
	st.Silent = !st.ExpectedBy.IsZero() && now.After(st.ExpectedBy)
	switch {
	case st.Silent:
		st.Problem = fmt.Sprintf("%s has been silent since %s, and was expected by %s: see whether it runs and reaches this address",
			id, s.Recorded.Format(time.RFC3339), st.ExpectedBy.Format(time.RFC3339))
	case len(st.Missing) > 0:
		g := st.Missing[0]
		what := fmt.Sprintf("version %d", g.From)
		if g.To > g.From {
			what = fmt.Sprintf("versions %d to %d", g.From, g.To)
		}
		st.Problem = fmt.Sprintf("%s of %s never came, though later ones did", what, id)
	}
	return st
}

// doubt is how unlikely a silence has to be before it is told: one in a thousand,
// by the shares of the hours that it has lasted.
var doubt = math.Log(1000)

// expected is the end of the hour in which a further silence is no chance any more;
// zero while the source is known for less than a week, or speaks too seldom for
// that.
func (s *source) expected() time.Time {
	if s.Hour-s.First < hoursPerWeek {
		return time.Time{}
	}
	const surest = 0.95 // four weeks are not enough to be surer
	sum := 0.0
	for h := s.Hour + 1; h <= s.Hour+4*hoursPerWeek; h++ {
		sum -= math.Log(1 - min(float64(s.Speaks[h%hoursPerWeek])/whole, surest))
		if sum > doubt {
			return time.Unix((h+1)*3600, 0).UTC()
		}
	}
	return time.Time{}
}

// sourcesFormat is that of what [Sources.MarshalJSON] writes.
const sourcesFormat = 1

type sourcesDoc struct {
	Format   int                                            `json:"format"`
	Position domain.Position                                `json:"position"`
	Stores   map[domain.StoreID]map[domain.SourceID]*source `json:"stores"`
}

// MarshalJSON writes everything.
func (s *Sources) MarshalJSON() ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return json.Marshal(sourcesDoc{sourcesFormat, s.position, s.stores})
}

// UnmarshalJSON reads what MarshalJSON wrote. What another version of the program
// wrote is forgotten, and heard of again.
func (s *Sources) UnmarshalJSON(b []byte) error {
	var d sourcesDoc
	if err := json.Unmarshal(b, &d); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.position, s.stores = 0, map[domain.StoreID]map[domain.SourceID]*source{}
	if d.Format != sourcesFormat {
		return nil
	}
	for store, of := range d.Stores {
		kept := map[domain.SourceID]*source{}
		for id, src := range of {
			if src != nil && (len(src.Speaks) == hoursPerWeek || len(src.Speaks) == 0) && src.Hour >= 0 && src.First <= src.Hour {
				kept[id] = src
			}
		}
		s.stores[store] = kept
	}
	s.position = d.Position
	return nil
}
