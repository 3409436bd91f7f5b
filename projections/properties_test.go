package projections_test

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/projections"
)

// randomLog draws a history over few stores, items, products and outlets, so that
// everything meets: moves, deletions, repetitions, late events, both stock modes.
func randomLog(t *rapid.T) log {
	var l log
	for n := range rapid.IntRange(1, 40).Draw(t, "events") {
		if len(l) > 0 && rapid.IntRange(0, 9).Draw(t, "repeat") == 0 {
			again := l[rapid.IntRange(0, len(l)-1).Draw(t, "of")]
			again.Position = domain.Position(len(l) + 1)
			l = append(l, again)
			continue
		}
		item := rapid.SampledFrom([]string{"a", "b", "c", "p"}).Draw(t, "item")
		product := rapid.SampledFrom([]string{"", "p", "q", "r", "a"}).Draw(t, "product")
		outlet := rapid.SampledFrom([]string{"x", "y"}).Draw(t, "outlet")
		quantity := rapid.SampledFrom([]string{"1", "2.5", "999999999999"}).Draw(t, "quantity")
		data := map[domain.Type]string{
			domain.TypeProductSaved:       fmt.Sprintf(`{"item":%q,"sku":"S%s","name":"n%d","product":%q,"codes":[{"type":"EAN","code":"%d"}],"options":[{"name":"size","value":"%d"}],"tags":["t%d"]}`, item, item, n, product, n, n, n),
			domain.TypeProductImported:    fmt.Sprintf(`{"item":%q,"sku":"T%s","name":"n%d","import":{"id":"1","file":"f","row":%d}}`, item, item, n, n+1),
			domain.TypeProductDeleted:     fmt.Sprintf(`{"item":%q}`, item),
			domain.TypeItemSold:           fmt.Sprintf(`{"item":%q,"outlet":%q,"quantity":%q,"sale":"s","line":"1"}`, item, outlet, quantity),
			domain.TypeStockTransferred:   fmt.Sprintf(`{"item":%q,"from":"x","to":"y","quantity":%q,"transfer":"t"}`, item, quantity),
			domain.TypeStockLevelReported: fmt.Sprintf(`{"item":%q,"outlet":%q,"on_hand":%q}`, item, outlet, quantity),
		}
		types := []domain.Type{
			domain.TypeProductSaved, domain.TypeProductSaved, domain.TypeProductImported, domain.TypeProductDeleted,
			domain.TypeItemSold, domain.TypeStockTransferred, domain.TypeStockLevelReported,
		}
		typ := rapid.SampledFrom(types).Draw(t, "type")
		e, err := domain.DecodeEvent(typ, []byte(data[typ]))
		if err != nil {
			t.Fatal(err)
		}
		day := rapid.SampledFrom([]int{0, 0, 0, 1, -1, -200}).Draw(t, "late by days")
		at := start.Add(time.Duration(n)*time.Second + time.Duration(day)*24*time.Hour)
		envelope, err := domain.NewEnvelope(domain.EventID(fmt.Sprintf("e-%d", n)), "/test", at, e)
		if err != nil {
			t.Fatal(err)
		}
		if rapid.Bool().Draw(t, "versioned") {
			envelope.SourceVersion = uint64(rapid.IntRange(1, 50).Draw(t, "version"))
		}
		store := rapid.SampledFrom([]domain.StoreID{"levels", "levels", "movements"}).Draw(t, "store")
		l = append(l, domain.Recorded{Envelope: envelope, Store: store, Position: domain.Position(len(l) + 1), RecordedAt: start.Add(time.Duration(n) * time.Second)})
	}
	return l
}

func modes(store domain.StoreID) domain.StockMode { return domain.StockMode(store) }

// foldRandom folds what is behind the catalog's position and returns how many
// events could not be folded.
func foldRandom(t *rapid.T, c *projections.Catalog, events log) (deadLetters int) {
	for _, rec := range events {
		if rec.Position <= c.Position() {
			continue
		}
		e, err := rec.Event()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Fold(t.Context(), rec, e); projections.IsUnfoldable(err) {
			c.Advance(rec.Position)
			deadLetters++
		} else if err != nil {
			t.Fatal(err)
		}
	}
	return deadLetters
}

func openRandom(t *rapid.T, b *bucket) *projections.Catalog {
	c, err := projections.OpenCatalog(t.Context(), b, modes, rapid.IntRange(1, 4).Draw(t, "decoded"))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestCatalog_Fold_roomUsedAgain: a catalog, which uses the room again that it folds in, comes to what
// plain folding comes to.
func TestCatalog_Fold_roomUsedAgain(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		history, b := randomLog(t), newBucket()
		c := openRandom(t, b)
		products, holders := map[domain.Key]domain.Product{}, map[domain.Key]domain.ProductID{}
		for i, rec := range history {
			event, err := rec.Event()
			if err != nil {
				t.Fatal(err)
			}
			item := domain.Key{Store: rec.Store, ID: event.Subject()}
			var holder *domain.Product
			if p, is := products[domain.Key{Store: rec.Store, ID: string(holders[item])}]; is {
				holder = &p
			}
			target := domain.Target(holders[item], event)
			into, is := products[domain.Key{Store: rec.Store, ID: string(target)}]
			if !is {
				into = domain.Product{Store: rec.Store, ID: target}
			}
			if result, err := domain.Fold(modes(rec.Store), rec, event, holder, into); err == nil {
				for p := range result.Products() {
					products[domain.Key{Store: rec.Store, ID: string(p.ID)}] = *p
				}
				holders[item] = result.Product.ID
			}
			foldRandom(t, c, history[:i+1])
		}
		if err := c.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		got := b.snapshots()
		for key, p := range products {
			want, err := p.AppendJSON(nil)
			if err != nil {
				t.Fatal(err)
			}
			if got[key] != string(want) {
				t.Errorf("snapshot %v\n got %s\nwant %s", key, got[key], want)
			}
		}
		if len(got) != len(products) {
			t.Errorf("%d snapshots, want %d", len(got), len(products))
		}
	})
}

// TestCatalog_SameLogSameState: whatever the groups of writes and the crashes, the
// snapshots are those of folding the log from the beginning, and the sums agree.
func TestCatalog_SameLogSameState(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		history := randomLog(t)
		want := newBucket()
		whole := openRandom(t, want)
		deadLetters := foldRandom(t, whole, history)
		if err := whole.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}

		b := newBucket()
		c := openRandom(t, b)
		for i := range history {
			foldRandom(t, c, history[:i+1])
			switch rapid.IntRange(0, 5).Draw(t, "then") {
			case 0:
				if err := c.Flush(t.Context()); err != nil {
					t.Fatal(err)
				}
			case 1: // a crash before, within or after a flush
				if err := c.Flush(t.Context()); err != nil {
					t.Fatal(err)
				}
				b = b.cut(rapid.IntRange(0, len(b.writes)).Draw(t, "writes kept"))
				c = openRandom(t, b)
			}
		}
		foldRandom(t, c, history)
		if err := c.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		for key, got := range b.snapshots() {
			if want := want.snapshots()[key]; got != want {
				t.Errorf("snapshot %v\n got %s\nwant %s", key, got, want)
			}
		}
		if got, want := len(b.snapshots()), len(want.snapshots()); got != want {
			t.Errorf("%d snapshots, want %d", got, want)
		}
		events := 0
		for _, store := range c.Stores() {
			tally := c.Tally(store)
			if other := whole.Tally(store); tally != other {
				t.Errorf("tally of %s is %v, want %v", store, tally, other)
			}
			events += int(tally.Folded + tally.Superseded + tally.Duplicate)
		}
		if events+deadLetters != len(history) {
			t.Errorf("%d events are counted and %d are dead letters, of %d", events, deadLetters, len(history))
		}
	})
}
