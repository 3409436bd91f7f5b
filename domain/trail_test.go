package domain

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// A trail has the newest positions that it has room for, and says whether these are
// all.
func TestTrail(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		most := rapid.IntRange(20, 200).Draw(t, "most")
		var trail Trail
		var want []Position
		at := Position(0)
		for range rapid.IntRange(0, 60).Draw(t, "events") {
			at += Position(rapid.Uint64Range(1, 1<<40).Draw(t, "gap"))
			want = append(want, at)
			if trail = trail.With(at, most); len(trail) > most {
				t.Fatalf("%d bytes, at most %d are allowed: %s", len(trail), most, trail)
			}
		}
		got, all := trail.Positions()
		if len(want) > 0 && len(got) == 0 {
			t.Fatalf("%s has no position", trail)
		}
		if all != (len(got) == len(want)) || !slices.Equal(got, want[len(want)-len(got):]) {
			t.Errorf("%s has %v (all: %v), want the newest of %v", trail, got, all, want)
		}
	})
	if got, all := Trail("no trail!").Positions(); got != nil || all {
		t.Errorf("a spoilt trail has %v (all: %v)", got, all)
	}
}
