package projections_test

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/projections"
)

// census is one that is asked again and again, and what it is of.
type census struct {
	*projections.Census
	catalog      *projections.Catalog
	publications *projections.Publications
}

func newCensus(t *rapid.T, c *projections.Catalog, p *projections.Publications) census {
	n := census{projections.NewCensus(c, p), c, p}
	n.TakeNote(rapid.SampledFrom([]int{3, 1000}).Draw(t, "noted"))
	return n
}

// agrees wants the census to say what looking at everything does.
func (n census) agrees(r *rapid.T, t testing.TB, who string) {
	for _, store := range []domain.StoreID{"levels", "movements"} {
		text := func(c projections.Counts) string { return fmt.Sprintf("%s, left %d", jsonOf(t, c), c.Left()) }
		if got, want := text(n.Count(store)), text(projections.Count(n.catalog, n.publications, store)); got != want {
			r.Fatalf("%s counts in %s\n%s, want\n%s", who, store, got, want)
		}
	}
}

// outcomes draws what becomes of the products that randomLog makes, each at another time.
func outcomes(r *rapid.T, t testing.TB) log {
	var l log
	for n := range rapid.IntRange(0, 40).Draw(r, "outcomes") {
		id := rapid.SampledFrom([]domain.ProductID{"a", "b", "p", "q", "r"}).Draw(r, "product")
		at := domain.Position(rapid.IntRange(1, 40).Draw(r, "position"))
		twin := int64(rapid.IntRange(1, 3).Draw(r, "twin"))
		item := rapid.SampledFrom([]domain.ItemID{"a", "b", "c", "p"}).Draw(r, "item")
		event := rapid.SampledFrom([]domain.Event{
			linked(id, twin), linked(id, twin), &domain.ProductUnlinked{Product: id}, confirmed(id, at, twin), confirmed(id, at, twin),
			refused(id, at), broken(id, at), held(id, at), decided(id, at, domain.Approved), decided(id, at, domain.Discarded),
			quarantined(id, item, at), released(id, item, at),
		}).Draw(r, "event")
		l.record(t, rapid.SampledFrom([]domain.StoreID{"levels", "levels", "movements"}).Draw(r, "store"), fmt.Sprintf("s-%d", n+1), 0, start.Add(time.Duration(n)*time.Second), event)
	}
	return l
}

// TestCensus: whatever happens, and whenever it is asked, a census counts what looking at
// everything counts: in the process that folds, in one that reads what it stores, and
// behind the switch to another epoch.
func TestCensus(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		whole, recorded := randomLog(r), outcomes(r, t)
		history := whole
		b := newBucket()
		c := openRandom(r, b)
		folder := newCensus(r, c, openPublications(t, newBucket(), log{}))
		reader := newCensus(r, openRandom(r, newBucket()), openPublications(t, newBucket(), log{}))
		for len(history) > 0 || len(recorded) > 0 {
			switch rapid.IntRange(0, 9).Draw(r, "then") {
			default:
				if len(history) > 0 {
					foldRandom(r, c, history[:1])
					history = history[1:]
				}
			case 0, 1, 2, 3:
				if len(recorded) > 0 {
					event, err := recorded[0].Event()
					if err != nil {
						r.Fatal(err)
					}
					folder.publications.Apply(recorded[0], event)
					reader.publications.Apply(recorded[0], event)
					recorded = recorded[1:]
				}
			case 4:
				if err := c.Flush(t.Context()); err != nil {
					r.Fatal(err)
				}
				for _, e := range stored(r, b) {
					if err := reader.catalog.Observe(e); err != nil {
						r.Fatal(err)
					}
					reader.agrees(r, t, "who reads")
				}
			case 5:
				b = newBucket()
				further := openRandom(r, b)
				foldRandom(r, further, whole[:rapid.IntRange(int(c.Position()), len(whole)).Draw(r, "to")])
				if err := further.Flush(t.Context()); err != nil {
					r.Fatal(err)
				}
				c.Adopt(further)
			}
			if rapid.Bool().Draw(r, "ask") {
				folder.agrees(r, t, "who folds")
				reader.agrees(r, t, "who reads")
			}
		}
		folder.agrees(r, t, "who folds")
		reader.agrees(r, t, "who reads")
	})
}

// stored is what a bucket holds, in whatever order.
func stored(r *rapid.T, b *bucket) (all []domain.Entry) {
	err := b.Scan(r.Context(), "", 0, func(e domain.Entry) error { all = append(all, e); return nil })
	if err != nil {
		r.Fatal(err)
	}
	if len(all) == 0 {
		return nil
	}
	return rapid.Permutation(all).Draw(r, "order")
}
