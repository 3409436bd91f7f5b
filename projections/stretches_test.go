package projections_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/projections"
)

// busy is a history in which an item has more events than its trail has room for, at
// positions that take much of it, and moves to and fro.
func busy(t testing.TB) log {
	t.Helper()
	var l log
	for n := range 70 {
		product := fmt.Sprintf("p-%d", n/9%3)
		switch {
		case n%9 == 0:
			l.add(t, domain.TypeProductSaved, `{"item":"i-1","sku":"S-1","name":"Shirt","product":%q}`, product)
		case n%9 == 4:
			l.add(t, domain.TypeProductSaved, `{"item":"i-2","sku":"S-2","name":"Shirt","product":"p-0"}`)
		default:
			l.add(t, domain.TypeStockLevelReported, `{"item":"i-1","outlet":"Quayside","on_hand":"%d"}`, n)
		}
	}
	l = append(l, l[len(l)-1]) // a duplicate
	for i := range l {
		l[i].Position = 1<<60 + domain.Position(i)
	}
	return l
}

// placesOf are the positions that a state and its stretches have of an item.
func placesOf(t testing.TB, b *bucket, c *projections.Catalog, item domain.ItemID) []domain.Position {
	t.Helper()
	id, _ := c.Holder("demo", item)
	p, err := c.Product(t.Context(), "demo", id)
	if err != nil {
		t.Fatal(err)
	}
	it, _ := p.Item(item)
	at, gone, _ := it.Trail.Positions()
	for n := gone; n > 0; n-- {
		e, err := b.Get(t.Context(), domain.Key{Store: "demo", ID: string(item), Stretch: n})
		if err != nil {
			t.Fatal(err)
		}
		before, _, _ := domain.Trail(e.Value).Positions()
		at = append(before, at...)
	}
	return at
}

func (l log) of(item string) (at []domain.Position) {
	for _, rec := range l {
		if rec.Subject == item {
			at = append(at, rec.Position)
		}
	}
	return at
}

// last is one more message of an item, behind all others.
func (l log) last(item string) domain.Recorded {
	rec := l[len(l)-1]
	rec.Position++
	rec.Subject = item
	return rec
}

// What a trail has let go of is stored before the state that has, whenever a crash or an
// error comes.
func TestCatalog_stretches(t *testing.T) {
	t.Parallel()
	history := busy(t)
	want := newBucket()
	whole := want.folded(t, history, len(history))
	diff(t, "places", placesOf(t, want, whole, "i-1"), history.of("i-1"))
	if n := len(want.stretches()); n < 2 {
		t.Fatalf("%d stretches, of at least 2", n)
	}
	for _, every := range []int{1, 7, 30, 100} {
		live := newBucket()
		live.folded(t, history, every)
		for n := range len(live.writes) + 1 {
			after := live.cut(n)
			after.folded(t, history, len(history))
			what := fmt.Sprintf("flushed every %d, crashed after write %d", every, n)
			diff(t, "stretches, "+what, after.stretches(), want.stretches())
			diff(t, "snapshots, "+what, after.snapshots(), want.snapshots())
		}
		for n := range len(live.writes) {
			b := newBucket()
			failed := b.failOnce(n)
			b.folded(t, history, every)
			if !*failed {
				t.Errorf("flushed every %d, there was no write %d to fail", every, n)
			}
			diff(t, fmt.Sprintf("stretches, flushed every %d, write %d failed", every, n), b.stretches(), want.stretches())
		}
	}
	b := newBucket()
	draft := open(t, b)
	draft.Draft(0)
	fold(t, draft, history...)
	live := open(t, newBucket())
	live.Adopt(draft)
	flush(t, live)
	diff(t, "stretches of a draft that another goes on as", b.stretches(), want.stretches())
}

// So it is whichever event moves the item, also the one that finds no room.
func TestCatalog_stretches_moves(t *testing.T) {
	t.Parallel()
	for at := range 40 {
		var history log
		for n := range 40 {
			if n == at {
				history.add(t, domain.TypeProductSaved, `{"item":"i-1","sku":"S-1","name":"Shirt","product":"p-2"}`)
				continue
			}
			history.add(t, domain.TypeStockLevelReported, `{"item":"i-1","outlet":"Quayside","on_hand":"%d"}`, n)
		}
		for i := range history {
			history[i].Position = 1<<60 + domain.Position(i)
		}
		want := newBucket()
		whole := want.folded(t, history, len(history))
		diff(t, "places", placesOf(t, want, whole, "i-1"), history.of("i-1"))
		live := newBucket()
		live.folded(t, history, 1)
		for n := range len(live.writes) + 1 {
			after := live.cut(n)
			after.folded(t, history, len(history))
			diff(t, fmt.Sprintf("stretches, moved at %d, crashed after write %d", at, n), after.stretches(), want.stretches())
		}
	}
}

// The past of an item is read at the positions that its trail and stretches have, and
// comes out the same where some of them are lost.
func TestPast_stretches(t *testing.T) {
	t.Parallel()
	history := busy(t)
	steps := func(t testing.TB, b *bucket, log projections.Log) (out []string) {
		t.Helper()
		past := projections.Past{Catalog: open(t, b), POS: log}
		past.Aside = func(context.Context, domain.StoreID, domain.ItemID) ([]domain.Position, error) { return nil, nil }
		id, _ := past.Catalog.Holder("demo", "i-1")
		err := past.History(t.Context(), "demo", projections.Match{Item: "i-1", Product: id}, 0, func(s projections.Step) error {
			out = append(out, fmt.Sprintf("%d %s %v", s.Event.Position, s.Outcome, s.Changes))
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	stored := newBucket()
	stored.folded(t, history, len(history))
	want := steps(t, stored, history)
	if of := history.of("i-1"); len(want) != len(of) {
		t.Fatalf("%d steps, want %d", len(want), len(of))
	}
	fetched := 0
	diff(t, "history", steps(t, stored, sought{history, &fetched}), want)
	if fetched != len(history) { // the other item has been together with it
		t.Errorf("%d messages were fetched, want %d", fetched, len(history))
	}
	long := "1"
	for n := 2; len(long) <= domain.MostTrail; n++ {
		long += fmt.Sprint(".", n)
	}
	for key := range stored.stretches() {
		for name, value := range map[string]string{"lost": "", "spoilt": "no trail!", "cut": "*1.2", "of less": "1", "long": long, "repeated": repeated(stored.stretches()[key])} {
			damaged := newBucket(stored.writes...)
			damaged.put(domain.Entry{Key: key, Value: []byte(value)})
			if name == "lost" {
				delete(damaged.newest, key)
			}
			diff(t, fmt.Sprintf("history, stretch %d is %s", key.Stretch, name), steps(t, damaged, sought{history, new(int)}), want)
		}
	}
}

// repeated has the first position of a stretch in the place of all.
func repeated(stretch string) string {
	first, _, _ := strings.Cut(stretch, ".")
	return strings.Join(slices.Repeat([]string{first}, strings.Count(stretch, ".")+1), ".")
}

// Who asks for what is folded and not stored yet waits until it is.
func TestCatalog_Stretches_waits(t *testing.T) {
	t.Parallel()
	history := busy(t)
	synctest.Test(t, func(t *testing.T) {
		b := newBucket()
		c := open(t, b)
		fold(t, c, history[0])
		flush(t, c)
		fold(t, c, history[1:]...)
		var at []domain.Position
		var err error
		answered := make(chan struct{})
		go func() {
			at, err = c.Stretches(t.Context(), "demo", "i-1", 1)
			close(answered)
		}()
		synctest.Wait()
		select {
		case <-answered:
			t.Fatalf("%v, %v before anything is stored", at, err)
		default:
		}
		flush(t, c)
		<-answered
		if of := history.of("i-1"); err != nil || len(at) == 0 || !slices.Equal(at, of[:len(at)]) {
			t.Errorf("%v, %v, want the first of %v", at, err, of)
		}
		for _, n := range []uint64{99, 1 << 50} {
			if _, err := c.Stretches(t.Context(), "demo", "i-1", n); !errors.Is(err, domain.ErrNotFound) {
				t.Errorf("%d, which are more than there are: %v", n, err)
			}
		}
	})
}

// The same holds of what the SYNC log says of a product.
func TestPublications_stretches(t *testing.T) {
	t.Parallel()
	events := []domain.Event{linked("p-1", 11), linked("p-2", 12)}
	for n := range 200 {
		events = append(events, confirmed("p-1", domain.Position(n+1), 11))
	}
	history := syncLog(t, events...)
	want := newBucket()
	whole := openPublications(t, want, history)
	flushPublications(t, whole)
	if n := len(want.stretches()); n < 2 {
		t.Fatalf("%d stretches, of at least 2", n)
	}
	_, gone, _ := whole.Publication("demo", "p-1").Trail.Positions()
	if at, err := whole.Stretches(t.Context(), "demo", "p-1", gone); err != nil || at[0] != 1 || at[len(at)-1] != domain.Position(len(at)+1) {
		t.Errorf("the stretches have %v, %v", at, err)
	}
	live := newBucket()
	for n := range history {
		flushPublications(t, openPublications(t, live, history[:n+1]))
	}
	for n := range len(live.writes) + 1 {
		after := live.cut(n)
		flushPublications(t, openPublications(t, after, history))
		diff(t, fmt.Sprintf("stretches, crashed after write %d", n), after.stretches(), want.stretches())
		diff(t, fmt.Sprintf("publications, crashed after write %d", n), after.snapshots(), want.snapshots())
	}
	failing := newBucket()
	p := openPublications(t, failing, history)
	failing.fail = func(write int) error {
		if write >= 2 {
			return errors.New("away")
		}
		return nil
	}
	if err := p.Flush(t.Context()); err == nil {
		t.Fatal("it did not fail")
	}
	failing.fail = nil
	flushPublications(t, p)
	diff(t, "stretches after an error", failing.stretches(), want.stretches())
	renounced := newBucket()
	p = openPublications(t, renounced, history)
	p.Renounce()
	flushPublications(t, p)
	diff(t, "stretches that another process stores", renounced.stretches(), map[domain.Key]string{})
}

// publicationNow reads from a SYNC log what a product is at its end, which is what was folded,
// and says how many messages that took.
func publicationNow(t testing.TB, history log, product domain.ProductID) (got projections.Publication, fetched int) {
	t.Helper()
	p := openPublications(t, newBucket(), history)
	flushPublications(t, p)
	past := projections.Past{Publications: p, Sync: sought{history, &fetched}}
	got, err := past.PublicationAt(t.Context(), "demo", product, 0)
	if err != nil {
		t.Fatal(err)
	}
	diff(t, "publication", jsonOf(t, got), jsonOf(t, p.Publication("demo", product)))
	return got, fetched
}

// What the SYNC log has said of a product is read at its positions.
func TestPast_PublicationAt_stretches(t *testing.T) {
	t.Parallel()
	var events []domain.Event
	for n := range 6000 {
		events = append(events, confirmed(domain.ProductID(fmt.Sprintf("p-%d", n%50)), domain.Position(n+1), 11))
	}
	got, fetched := publicationNow(t, syncLog(t, events...), "p-7")
	if _, gone, _ := got.Trail.Positions(); gone == 0 || fetched != 120 {
		t.Errorf("%d messages were fetched behind %d stretches", fetched, gone)
	}
}

// The end of a quarantine is among what was said of a product although it names the one to
// which the item has moved.
func TestPast_PublicationAt_moved(t *testing.T) {
	t.Parallel()
	events := []domain.Event{quarantined("p-old", "i-1", 9)}
	for n := range 200 {
		events = append(events, confirmed("p-other", domain.Position(n+1), 11))
	}
	events = append(events, released("p-new", "i-1", 9), confirmed("p-old", 300, 12))
	got, fetched := publicationNow(t, syncLog(t, events...), "p-old")
	if len(got.Quarantined) != 0 || fetched != 3 {
		t.Errorf("%+v, and %d messages were fetched", got, fetched)
	}
}

// A stretch that names messages of other items is refused.
func TestPast_stretchOfAnother(t *testing.T) {
	t.Parallel()
	history := busy(t)
	b := newBucket()
	c := b.folded(t, history, len(history))
	at, _, _ := domain.Trail(b.stretches()[domain.Key{Store: "demo", ID: "i-1", Stretch: 1}]).Positions()
	history[at[0]-history[0].Position].Subject = "i-3"
	past := projections.Past{Catalog: c, POS: sought{append(history, history.last("i-1")), new(int)}}
	id, _ := c.Holder("demo", "i-1")
	_, err := past.ProductAt(t.Context(), "demo", projections.Match{Item: "i-1", Product: id}, projections.Instant{})
	if err == nil || !strings.Contains(err.Error(), "tillstream rebuild") {
		t.Errorf("error is %v, want one that names the command", err)
	}
}

func flushPublications(t testing.TB, p *projections.Publications) {
	t.Helper()
	if err := p.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
}
