package projections_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/projections"
)

// randomOutcome is something that is recorded of one of three products.
func randomOutcome(t *rapid.T) domain.Event {
	id := rapid.SampledFrom([]domain.ProductID{"a", "b", "c"}).Draw(t, "product")
	at := domain.Position(rapid.IntRange(1, 6).Draw(t, "position"))
	twin := int64(rapid.IntRange(1, 2).Draw(t, "twin"))
	switch rapid.IntRange(0, 6).Draw(t, "what") {
	case 0:
		return linked(id, twin)
	case 1:
		return &domain.ProductUnlinked{Product: id}
	case 2:
		return confirmed(id, at, twin)
	case 3:
		return refused(id, at)
	case 4:
		return decided(id, at, domain.Approved)
	case 5:
		return decided(id, at, domain.Discarded)
	}
	return held(id, at)
}

// Whatever is recorded, in whatever order a process learns of it and wherever
// another one begins, the same log says the same of what is held, and what it says
// does not contradict itself.
func TestPublications_sameLogSameHolds(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		events := rapid.SliceOfN(rapid.Custom(randomOutcome), 1, 40).Draw(r, "events")
		l := syncLog(t, events...)
		all := openPublications(t, newBucket(), l)
		b := newBucket()
		first := openPublications(t, b, l[:rapid.IntRange(0, len(l)).Draw(r, "until")])
		if err := first.Flush(t.Context()); err != nil {
			r.Fatal(err)
		}
		again := openPublications(t, b, l)
		mixed := openPublications(t, newBucket(), log{})
		for _, rec := range rapid.Permutation(append(slices.Clone(l), l...)).Draw(r, "order") {
			e, err := rec.Event()
			if err != nil {
				r.Fatal(err)
			}
			mixed.Apply(rec, e)
		}
		var holds []projections.HeldPush
		links := 0
		for id, pub := range all.All("demo") {
			for name, other := range map[string]*projections.Publications{"opened again": again, "told in another order": mixed} {
				if got, want := jsonOf(t, other.Publication("demo", id)), jsonOf(t, pub); got != want {
					r.Errorf("%s, %s is\n%s, want\n%s", name, id, got, want)
				}
			}
			if pub.Held != nil {
				holds = append(holds, projections.HeldPush{Product: id, Hold: *pub.Held})
			}
			if pub.Link != nil {
				links++
			}
			due := domain.Position(rapid.IntRange(1, 6).Draw(r, "due"))
			state := projections.StateOf(due, pub, false)
			switch {
			case pub.Held != nil && pub.Link == nil:
				r.Errorf("%s is held and has no twin: %+v", id, pub)
			case pub.Approved && pub.Held != nil:
				r.Errorf("%s is held and approved: %+v", id, pub)
			case state == projections.Discarded && pub.NeedsPush(due):
				r.Errorf("%s is discarded and due: %+v", id, pub)
			case state == projections.Synced && pub.Confirmed.Position < due:
				r.Errorf("%s counts as confirmed, and is not: %+v", id, pub)
			}
		}
		for name, p := range map[string]*projections.Publications{"at once": all, "opened again": again, "told in another order": mixed} {
			if got, want := jsonOf(t, p.HeldPushes("demo")), jsonOf(t, holds); got != want {
				r.Errorf("%s, held are\n%s, want\n%s", name, got, want)
			}
			if got := p.Linked("demo"); got != links {
				r.Errorf("%s, %d are linked, want %d", name, got, links)
			}
		}
	})
}
