package projections_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/projections"
)

// pastOf is the past of a log, all of which is folded.
func pastOf(t testing.TB, l log) *projections.Past {
	t.Helper()
	c := open(t, newBucket())
	for _, rec := range l {
		if rec.Type == "" {
			c.Advance(rec.Position)
			continue
		}
		fold(t, c, rec)
	}
	flush(t, c)
	return &projections.Past{Catalog: c, POS: l}
}

// sought is a log in memory that can also be read by position.
type sought struct {
	log
	fetched *int
}

var _ projections.Sought = sought{}

func (l sought) Count(_ context.Context, store domain.StoreID, id string) (n uint64, err error) {
	for _, rec := range l.log {
		if rec.Store == store && rec.Subject == id {
			n++
		}
	}
	return n, nil
}

func (l sought) Places(ctx context.Context, store domain.StoreID, id string, to domain.Position) (at []domain.Position, err error) {
	err = l.Read(ctx, store, id, 0, to, func(rec domain.Recorded, _ error) error {
		at = append(at, rec.Position)
		return nil
	})
	return at, err
}

func (l sought) ReadAt(ctx context.Context, at []domain.Position, each func(domain.Recorded, error) error) error {
	for _, position := range at {
		*l.fetched++
		if err := l.Read(ctx, "", "", position, position, each); err != nil {
			return err
		}
	}
	return nil
}

func (l sought) After(ctx context.Context, at time.Time) (domain.Position, error) {
	return projections.PositionAt(ctx, l.log, at)
}

// far is a log behind others, so that it is worth to seek in it.
func far(l log) log {
	for i := range l {
		l[i].Position += 10_000
	}
	return l
}

// What the past says of a product, or of the one that an item was in, is what a catalog
// has that is folded up to there, to the byte, wherever items have come from and gone to
// before and since.
func TestPast_ProductAt(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		history := far(randomLog(t))
		whole := openRandom(t, newBucket())
		foldRandom(t, whole, history)
		if err := whole.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		var read projections.Log = history
		if rapid.Bool().Draw(t, "sought") {
			read = sought{history, new(int)}
		}
		past := projections.Past{Catalog: whole, POS: read}
		n := rapid.IntRange(1, len(history)).Draw(t, "at")
		at := history[n-1].Position
		then := openRandom(t, newBucket())
		foldRandom(t, then, history[:n])
		for _, store := range whole.Stores() {
			for _, s := range whole.Products(store, "", 100) {
				want, wantErr := then.Product(t.Context(), store, s.ID)
				compareStates(t, past, store, projections.Match{Product: s.ID}, at, want, wantErr)
				for _, item := range s.Items {
					want, wantErr := domain.Product{}, error(domain.ErrNotFound)
					if holder, known := then.Holder(store, item); known {
						want, wantErr = then.Product(t.Context(), store, holder)
					}
					compareStates(t, past, store, projections.Match{Item: item, Product: s.ID}, at, want, wantErr)
				}
			}
		}
	})
}

func compareStates(t *rapid.T, past projections.Past, store domain.StoreID, m projections.Match, at domain.Position, want domain.Product, wantErr error) {
	got, err := past.ProductAt(t.Context(), store, m, projections.Instant{Position: at})
	if wantErr != nil || err != nil {
		if !errors.Is(err, domain.ErrNotFound) || !errors.Is(wantErr, domain.ErrNotFound) {
			t.Errorf("%+v at %d: %v, want %v", m, at, err, wantErr)
		}
		return
	}
	if got, want := asJSON(t, got), asJSON(t, want); got != want {
		t.Errorf("%+v at %d\n got %s\nwant %s", m, at, got, want)
	}
}

// What has changed between two positions is what two catalogs that are folded up to them
// have otherwise, product by product, and every event counts once.
func TestPast_Changed(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		history := far(randomLog(t))
		whole := openRandom(t, newBucket())
		foldRandom(t, whole, history)
		if err := whole.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		from := rapid.IntRange(0, len(history)-1).Draw(t, "from")
		to := rapid.IntRange(from+1, len(history)).Draw(t, "to")
		before, after := openRandom(t, newBucket()), openRandom(t, newBucket())
		foldRandom(t, before, history[:from])
		foldRandom(t, after, history[:to])
		past := projections.Past{Catalog: whole, POS: history}
		for _, store := range whole.Stores() {
			got := map[domain.ProductID][]projections.Change{}
			events := 0
			position := history[0].Position - 1 + domain.Position(from)
			err := past.Changed(t.Context(), store, position, history[to-1].Position, func(c projections.Changed) error {
				if _, twice := got[c.Product]; twice {
					t.Errorf("%s is told of twice", c.Product)
				}
				got[c.Product] = nil
				for _, change := range c.Changes {
					got[c.Product] = append(got[c.Product], change.Change)
					if by := change.Event.Position; by <= position || by > history[to-1].Position {
						t.Errorf("%s of %s was changed at %d", change.Field, c.Product, by)
					}
				}
				for _, n := range c.Events {
					events += n
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range after.Products(store, "", 100) {
				is, err := after.Product(t.Context(), store, s.ID)
				if err != nil {
					t.Fatal(err)
				}
				var was *domain.Product
				if p, err := before.Product(t.Context(), store, s.ID); err == nil {
					was = &p
				}
				if want := projections.Compare(was, &is); !slices.Equal(got[s.ID], want) {
					t.Errorf("%s from %d to %d\n got %v\nwant %v", s.ID, from, to, got[s.ID], want)
				}
				if _, told := got[s.ID]; told != (was == nil || was.Position != is.Position) {
					t.Errorf("%s is told of: %v", s.ID, told)
				}
			}
			sum := func(c *projections.Catalog) int {
				n := c.Tally(store)
				return int(n.Folded + n.Superseded + n.Duplicate)
			}
			if want := sum(after) - sum(before); events != want {
				t.Errorf("%d events, want %d", events, want)
			}
		}
	})
}

func asJSON(t interface{ Fatal(...any) }, v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// A message of which no trail knows is found by the log's own count.
func TestPast_deadLetters(t *testing.T) {
	t.Parallel()
	var l log
	l.add(t, domain.TypeProductSaved, `{"item":"i-1","sku":"s","name":"Shirt"}`)
	l = append(l, domain.Recorded{Envelope: domain.Envelope{Subject: "i-1"}, Store: "demo", Position: 2})
	l.add(t, domain.TypeStockLevelReported, `{"item":"i-1","outlet":"Quayside","on_hand":"3"}`)
	l = append(l, domain.Recorded{Envelope: domain.Envelope{Subject: "i-1"}, Store: "demo", Position: 4})
	for name, aside := range map[string][]domain.Position{"known": {10_002, 10_004}, "unknown": nil, "one known": {10_002}, "the last known": {10_004}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := far(slices.Clone(l))
			p := pastOf(t, l)
			fetched := 0
			p.POS = sought{l, &fetched}
			p.Aside = func(context.Context, domain.StoreID, domain.ItemID) ([]domain.Position, error) { return aside, nil }
			var got []string
			err := p.History(t.Context(), "demo", projections.Match{Item: "i-1", Product: "i-1"}, 0, func(s projections.Step) error {
				got = append(got, fmt.Sprintf("%d %s", s.Event.Position-10_000, s.Outcome))
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			diff(t, "history", got, []string{"1 folded", "2 ", "3 folded", "4 "})
			if plainly := aside == nil || aside[0] == 10_004; (fetched == 0) != plainly {
				t.Errorf("%d messages were fetched", fetched)
			}
		})
	}
}

// Where the messages of items lie is known exactly, or not at all.
func TestPast_OfItems(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		history := far(randomLog(t))
		whole := openRandom(t, newBucket())
		letters := foldRandom(t, whole, history)
		if err := whole.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		past := projections.Past{Catalog: whole, POS: sought{history, new(int)}}
		store := history[0].Store
		of := map[domain.ItemID]bool{}
		for _, rec := range history {
			if rec.Store == store && rapid.Bool().Draw(t, "asked for") {
				of[domain.ItemID(rec.Subject)] = true
			}
		}
		of["unknown"] = true
		from := rapid.SampledFrom([]domain.Position{0, 1, history[len(history)/2].Position}).Draw(t, "from")
		to := rapid.SampledFrom([]domain.Position{0, history[len(history)/2].Position, history[len(history)-1].Position + 5}).Draw(t, "to")
		var want []domain.Position
		for _, rec := range history {
			if at := rec.Position; rec.Store == store && of[domain.ItemID(rec.Subject)] && at >= from && (to == 0 || at <= to) {
				want = append(want, at)
			}
		}
		got, known, err := past.OfItems(t.Context(), store, slices.Collect(maps.Keys(of)), from, to)
		if err != nil {
			t.Fatal(err)
		}
		if known && !slices.Equal(got, want) {
			t.Errorf("from %d to %d: %v, want %v", from, to, got, want)
		}
		if !known && letters == 0 && from <= 1 { // nobody says here where dead letters lie
			t.Errorf("%d messages from %d to %d are not known", len(want), from, to)
		}
	})
}
