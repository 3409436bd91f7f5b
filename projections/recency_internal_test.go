package projections

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/tillstream/tillstream/domain"
)

// TestRecency holds the list of states that may be forgotten to a slice.
func TestRecency(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		rows := make([]row, 5)
		l := newRecency()
		var model []*row // newest last
		remove := func(r *row) {
			l.remove(r)
			model = slices.DeleteFunc(model, func(other *row) bool { return other == r })
		}
		draw := rapid.IntRange(0, len(rows)-1)
		t.Repeat(map[string]func(*rapid.T){
			"use": func(t *rapid.T) {
				r := &rows[draw.Draw(t, "row")]
				if !r.listed() {
					r.state = domain.Packed(rapid.String().Draw(t, "state"))
				}
				l.use(r)
				model = append(slices.DeleteFunc(model, func(other *row) bool { return other == r }), r)
			},
			"remove": func(t *rapid.T) { remove(&rows[draw.Draw(t, "row")]) },
			"forget": func(*rapid.T) {
				if l.count > 0 {
					if r := l.last(); r != model[0] {
						t.Fatal("the last is not the one that was not used for longest")
					}
					remove(l.last())
				}
			},
			"": func(t *rapid.T) {
				bytes := 0
				for i := range rows {
					r := &rows[i]
					if r.listed() != slices.Contains(model, r) {
						t.Fatalf("row %d is listed: %v", i, r.listed())
					}
					if r.listed() {
						bytes += len(r.state)
					}
				}
				if l.count != len(model) || l.bytes != bytes {
					t.Fatalf("%d rows of %d bytes, not %d of %d", l.count, l.bytes, len(model), bytes)
				}
			},
		})
	})
}
