package domain

import (
	"testing"
	"time"
)

func TestStamp_advance(t *testing.T) {
	t.Parallel()
	at := func(mark Mark, version uint64, hour int) moment {
		return newMoment(version, epoch.Add(time.Duration(hour)*time.Hour), mark)
	}
	for name, steps := range map[string][]struct {
		moment
		want Outcome
	}{
		"versions decide, whatever the time": {
			{at("a", 2, 5), Folded}, {at("b", 1, 9), Superseded}, {at("c", 3, 1), Folded}, {at("a", 2, 5), Superseded},
		},
		"times decide without versions": {
			{at("a", 0, 2), Folded}, {at("b", 0, 1), Superseded}, {at("c", 0, 3), Folded}, {at("a", 0, 2), Superseded},
		},
		"one version, several events": {
			{at("a", 2, 1), Folded}, {at("b", 2, 1), Folded}, {at("a", 2, 1), Duplicate}, {at("b", 2, 7), Duplicate},
		},
		"one time, several events": {
			{at("a", 0, 1), Folded}, {at("b", 0, 1), Folded}, {at("a", 0, 1), Duplicate}, {at("c", 0, 2), Folded}, {at("b", 0, 1), Superseded},
		},
		"an import between versions": {
			{at("a", 5, 1), Folded}, {at("import", 0, 2), Folded}, {at("a", 5, 1), Duplicate}, {at("b", 6, 3), Folded}, {at("import", 0, 2), Superseded},
		},
		"an import at the time of a version": {
			{at("a", 5, 2), Folded}, {at("import", 0, 2), Folded}, {at("b", 6, 2), Folded}, {at("import", 0, 2), Duplicate},
		},
		// By version b is after a, by time the import is after b, and a after the import.
		"a circle": {
			{at("a", 5, 9), Folded}, {at("b", 6, 3), Folded}, {at("import", 0, 5), Superseded}, {at("late", 0, 10), Folded},
			{at("a", 5, 9), Superseded}, {at("b", 6, 3), Duplicate}, {at("import", 0, 5), Superseded}, {at("late", 0, 10), Duplicate},
		},
	} {
		var s Stamp
		for i, step := range steps {
			next, got := s.advance(step.moment)
			if got != step.want {
				t.Errorf("%s: step %d: got %s, want %s", name, i+1, got, step.want)
			}
			s = next
		}
	}
}

func TestStamp_covers(t *testing.T) {
	t.Parallel()
	hour := func(n int) time.Time { return epoch.Add(time.Duration(n) * time.Hour) }
	for _, tt := range []struct {
		stamp Stamp
		moment
		want bool
	}{
		{Stamp{}, moment{time: hour(1)}, false},
		{Stamp{Time: hour(2)}, moment{time: hour(1)}, true},
		{Stamp{Time: hour(2)}, moment{time: hour(2)}, false},
		{Stamp{Version: 5, Time: hour(2)}, moment{version: 6, time: hour(1)}, false},
		{Stamp{Version: 5, Time: hour(2)}, moment{version: 4, time: hour(3)}, true},
		{Stamp{Version: 5, Time: hour(2)}, moment{time: hour(1)}, true},
		{Stamp{Time: hour(2)}, moment{version: 6, time: hour(1)}, true},
	} {
		if got := tt.stamp.covers(tt.moment); got != tt.want {
			t.Errorf("%+v covers %+v: got %v", tt.stamp, tt.moment, got)
		}
	}
}
