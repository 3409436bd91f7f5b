package projections_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/projections"
)

// asked are standings that are asked again and again, and what they are of.
type asked struct {
	*projections.Standings
	catalog      *projections.Catalog
	publications *projections.Publications
}

func newAsked(c *projections.Catalog, p *projections.Publications) asked {
	return asked{projections.NewStandings(c, p), c, p}
}

// agrees wants them to say what looking at everything does.
func (n asked) agrees(t testing.TB, fatal func(string, ...any), who string) {
	for _, store := range []domain.StoreID{"levels", "movements"} {
		text := func(c projections.Counts) string { return fmt.Sprintf("%s, left %d", jsonOf(t, c), c.Left()) }
		if got, want := text(n.Count(store)), text(projections.Count(n.catalog, n.publications, store)); got != want {
			fatal("%s counts in %s\n%s, want\n%s", who, store, got, want)
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
			refused(id, at), offered(id, twin, ""), offered(id, twin, "no such channel"), broken(id, at), held(id, at), decided(id, at, domain.Approved), decided(id, at, domain.Discarded),
			quarantined(id, item, at%2+1), released(id, item, at%2+1),
		}).Draw(r, "event")
		l.record(t, rapid.SampledFrom([]domain.StoreID{"levels", "levels", "movements"}).Draw(r, "store"), fmt.Sprintf("s-%d", n+1), 0, start.Add(time.Duration(n)*time.Second), event)
	}
	return l
}

// TestStandings: whatever happens, and whenever they are asked, standings count what looking at
// everything counts: in the process that folds, in one that reads what it stores, and
// behind the switch to another epoch.
func TestStandings(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		whole, recorded := randomLog(r), outcomes(r, t)
		history := whole
		b := newBucket()
		c := openRandom(r, b)
		folder := newAsked(c, openPublications(t, newBucket(), log{}))
		reader := newAsked(openRandom(r, newBucket()), openPublications(t, newBucket(), log{}))
		for len(history) > 0 || len(recorded) > 0 {
			switch rapid.IntRange(0, 12).Draw(r, "then") {
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
			case 4, 7, 8:
				if err := c.Flush(t.Context()); err != nil {
					r.Fatal(err)
				}
				for _, e := range stored(r, b) {
					if err := reader.catalog.Observe(e); err != nil {
						r.Fatal(err)
					}
					reader.agrees(t, r.Fatalf, "who reads")
				}
			case 5:
				b = newBucket()
				further := openRandom(r, b)
				foldRandom(r, further, whole[:rapid.IntRange(int(c.Position()), len(whole)).Draw(r, "to")])
				if err := further.Flush(t.Context()); err != nil {
					r.Fatal(err)
				}
				c.Adopt(further)
				reader.catalog.Adopt(openRandom(r, b))
			case 6:
				store, id := rapid.SampledFrom([]domain.StoreID{"levels", "movements"}).Draw(r, "store"), rapid.SampledFrom([]domain.ProductID{"a", "p"}).Draw(r, "id")
				p, err := c.Product(t.Context(), store, id)
				if errors.Is(err, domain.ErrNotFound) {
					break
				}
				p.Due = domain.Position(rapid.IntRange(0, int(p.Position)).Draw(r, "due"))
				if err = errors.Join(err, c.Replace(t.Context(), []domain.Product{p}, nil)); err != nil {
					r.Fatal(err)
				}
			}
			if rapid.Bool().Draw(r, "ask") {
				folder.agrees(t, r.Fatalf, "who folds")
				reader.agrees(t, r.Fatalf, "who reads")
			}
		}
		folder.agrees(t, r.Fatalf, "who folds")
		reader.agrees(t, r.Fatalf, "who reads")
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

// TestStandings_tooMuch: when more is recorded than note is taken of, nothing is missed.
func TestStandings_tooMuch(t *testing.T) {
	t.Parallel()
	var pos log
	pos.record(t, "levels", "e-1", 1, start, event(t, domain.TypeProductSaved, `{"item":"a","sku":"S","name":"n"}`))
	c := open(t, newBucket())
	fold(t, c, pos...)
	p := openPublications(t, newBucket(), log{})
	n := newAsked(c, p)
	n.agrees(t, t.Fatalf, "before")
	apply := func(e domain.Event) {
		p.Apply(domain.Recorded{Store: "levels", Position: p.Position() + 1, RecordedAt: start}, e)
	}
	apply(linked("a", 1))
	for i := range 70_000 {
		apply(&domain.ProductUnlinked{Product: domain.ProductID(fmt.Sprint("other-", i))})
	}
	n.agrees(t, t.Fatalf, "behind all that")
	if got := n.Count("levels"); got.Pending != 1 {
		t.Errorf("%+v, want one pending", got)
	}
	apply(confirmed("a", 1, 1))
	n.agrees(t, t.Fatalf, "behind one more")
}
