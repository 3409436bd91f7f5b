package projections_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/projections"
)

// till is a source that speaks when a test says so.
type till struct {
	sources  *projections.Sources
	position domain.Position
}

func (t *till) speak(at time.Time, version uint64) {
	t.position++
	t.sources.Apply(&domain.Recorded{Store: "harbour", Position: t.position, RecordedAt: at,
		Envelope: domain.Envelope{Source: "/pos/harbour/till-1", Time: at.Add(-time.Second), SourceVersion: version}})
}

func (t *till) status(at time.Time) projections.SourceStatus {
	return t.sources.Of("harbour", at)[0]
}

var monday = time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)

// open speaks every ten minutes of a shop's hours, 9 to 17 but on Sundays.
func (t *till) open(from time.Time, days int) time.Time {
	var last time.Time
	for d := range days {
		day := from.AddDate(0, 0, d)
		if day.Weekday() == time.Sunday {
			continue
		}
		for at := day.Add(9 * time.Hour); at.Before(day.Add(17 * time.Hour)); at = at.Add(10 * time.Minute) {
			t.speak(at, 0)
			last = at
		}
	}
	return last
}

func TestSources_silence(t *testing.T) {
	t.Parallel()
	of := &till{sources: projections.NewSources()}
	of.open(monday, 3)
	if s := of.status(monday.AddDate(0, 0, 30)); s.Silent || !s.ExpectedBy.IsZero() {
		t.Errorf("a source that is known for three days has a rhythm: %+v", s)
	}
	last := of.open(monday.AddDate(0, 0, 3), 24) // to the Saturday of the fourth week
	s := of.status(last.Add(time.Minute))
	if s.Events != 24*48 || !s.RecordedAt.Equal(last) {
		t.Errorf("after four weeks: %+v", s)
	}
	for name, tt := range map[string]struct {
		at     time.Time
		silent bool
	}{
		"the evening":                    {monday.AddDate(0, 0, 26).Add(20 * time.Hour), false},
		"Sunday":                         {monday.AddDate(0, 0, 27).Add(15 * time.Hour), false},
		"Monday before the shop opens":   {monday.AddDate(0, 0, 28).Add(8 * time.Hour), false},
		"an hour after it should":        {monday.AddDate(0, 0, 28).Add(10 * time.Hour), false},
		"noon, and not a word all day":   {monday.AddDate(0, 0, 28).Add(12*time.Hour + time.Minute), true},
		"a week later and still nothing": {monday.AddDate(0, 0, 35), true},
	} {
		if s := of.status(tt.at); s.Silent != tt.silent || (s.Problem != "") != tt.silent {
			t.Errorf("%s: silent %v, want %v; expected by %s: %s", name, s.Silent, tt.silent, s.ExpectedBy, s.Problem)
		}
	}
	of.speak(monday.AddDate(0, 0, 28).Add(12*time.Hour), 0)
	if s := of.status(monday.AddDate(0, 0, 28).Add(12*time.Hour + 5*time.Minute)); s.Silent {
		t.Errorf("it has spoken again: %s", s.Problem)
	}
}

// TestSources_holiday: a source that was away for long is not expected as before.
func TestSources_holiday(t *testing.T) {
	t.Parallel()
	of := &till{sources: projections.NewSources()}
	of.open(monday, 21)
	back := monday.AddDate(0, 0, 21+70).Add(10 * time.Hour)
	of.speak(back, 0)
	if s := of.status(back.Add(48 * time.Hour)); s.Silent {
		t.Errorf("ten weeks of silence are forgotten at once: %s", s.Problem)
	}
}

func TestSources_gaps(t *testing.T) {
	t.Parallel()
	of := &till{sources: projections.NewSources()}
	at := monday
	for v := uint64(1); v <= 60; v++ {
		of.speak(at, v)
	}
	of.speak(at, 66)
	of.speak(at, 70)
	if s := of.status(at); len(s.Missing) > 0 {
		t.Errorf("what may still come is missed at once: %+v", s.Missing)
	}
	of.speak(at, 63)
	of.speak(at, 67)
	of.speak(at, 69)
	of.speak(at, 68)
	s := of.status(at.Add(time.Minute))
	want := []projections.Gap{{From: 61, To: 62, Since: at}, {From: 64, To: 65, Since: at}}
	if diff := cmp.Diff(want, s.Missing); diff != "" || !strings.HasPrefix(s.Problem, "versions 61 to 62 of /pos/harbour/till-1 never came") {
		t.Errorf("%s, -want +got:\n%s", s.Problem, diff)
	}
	// Numbers that all records of an account share are passed over all the time.
	sparse := &till{sources: projections.NewSources()}
	for v := uint64(1); v <= 200; v++ {
		sparse.speak(at, v*3)
	}
	if s := sparse.status(at.Add(time.Hour)); len(s.Missing) > 0 {
		t.Errorf("gaps are normal there: %+v", s.Missing)
	}
}

// TestSources_kept: what is written goes on where it was, and takes nothing twice.
func TestSources_kept(t *testing.T) {
	t.Parallel()
	of := &till{sources: projections.NewSources()}
	of.open(monday, 10)
	b, err := json.Marshal(of.sources)
	if err != nil {
		t.Fatal(err)
	}
	again := &till{sources: projections.NewSources()}
	if err := json.Unmarshal(b, again.sources); err != nil {
		t.Fatal(err)
	}
	again.open(monday, 12) // the first ten days are known already
	of.open(monday.AddDate(0, 0, 10), 2)
	at := monday.AddDate(0, 0, 20)
	if diff := cmp.Diff(of.sources.Of("harbour", at), again.sources.Of("harbour", at)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	for _, odd := range []string{`{"format":9,"position":5,"stores":{"harbour":{"x":{}}}}`, `{"format":1,"stores":{"harbour":{"x":{"speaks":"AA=="},"y":null}}}`} {
		s := projections.NewSources()
		if err := json.Unmarshal([]byte(odd), s); err != nil || len(s.Of("harbour", at)) > 0 || s.Position() > 0 {
			t.Errorf("%s: %v", odd, err)
		}
	}
}

// TestSources_Adopt: what another has taken is gone on with, and nothing of one's own.
func TestSources_Adopt(t *testing.T) {
	t.Parallel()
	of := &till{sources: projections.NewSources()}
	of.open(monday, 10)
	at := monday.AddDate(0, 0, 20)
	want, position := of.sources.Of("harbour", at), of.sources.Position()
	s := projections.NewSources()
	s.Apply(&domain.Recorded{Store: "harbour", Position: position + 5, RecordedAt: monday, Envelope: domain.Envelope{Source: "/own", Time: monday}})
	s.Adopt(of.sources)
	if diff := cmp.Diff(want, s.Of("harbour", at)); diff != "" || s.Position() != position {
		t.Errorf("up to %d (-want +got):\n%s", s.Position(), diff)
	}
}

// TestSources_bounded: whoever makes up sources fills no memory.
func TestSources_bounded(t *testing.T) {
	t.Parallel()
	s := projections.NewSources()
	for n := range 3 * projections.MostSources {
		s.Apply(&domain.Recorded{Store: "harbour", Position: domain.Position(n + 1), RecordedAt: monday, Envelope: domain.Envelope{Source: domain.SourceID(fmt.Sprint("/", n)), Time: monday}})
	}
	if n := len(s.Of("harbour", monday)); n != projections.MostSources {
		t.Errorf("%d sources are kept", n)
	}
	b, err := json.Marshal(s)
	if err != nil || len(b) > 128<<10 {
		t.Errorf("they take %d bytes, %v", len(b), err)
	}
}
