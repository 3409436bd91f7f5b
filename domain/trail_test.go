package domain

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// A trail and the stretches that it has let go of have all positions, each once and in
// order.
func TestTrail(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		most := rapid.IntRange(24, 200).Draw(t, "most")
		var trail Trail
		var want []Position
		var let []Stretch
		at := Position(0)
		for range rapid.IntRange(0, 60).Draw(t, "events") {
			at += Position(rapid.Uint64Range(1, 1<<40).Draw(t, "gap"))
			want = append(want, at)
			var stretch Stretch
			if trail, stretch = trail.With(at, most); len(trail) > most {
				t.Fatalf("%d bytes, at most %d are allowed: %s", len(trail), most, trail)
			}
			if stretch.Number > 0 {
				let = append(let, stretch)
			}
		}
		var got []Position
		for i, stretch := range let {
			at, gone, valid := stretch.Places.Positions()
			if stretch.Number != uint64(i+1) || len(at) == 0 || gone != 0 || !valid {
				t.Fatalf("stretch %d has the number %d and %v behind %d (valid: %v)", i+1, stretch.Number, at, gone, valid)
			}
			got = append(got, at...)
		}
		left, gone, valid := trail.Positions()
		if (len(left) == 0) != (len(want) == 0) || gone != uint64(len(let)) || !valid {
			t.Fatalf("%s has %v behind %d (valid: %v)", trail, left, gone, valid)
		}
		if got = append(got, left...); !slices.Equal(got, want) {
			t.Errorf("%s and %v have %v, want %v", trail, let, got, want)
		}
	})
	for _, spoilt := range []Trail{"no trail!", "*", "*.7", "*!.7", "*2.", "*2.7.!"} {
		if at, _, valid := spoilt.Positions(); at != nil || valid {
			t.Errorf("%s has %v (valid: %v)", spoilt, at, valid)
		}
	}
}
