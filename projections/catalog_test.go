package projections_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/projections"
)

// moving is a history in which items change their products in all ways.
func moving(t testing.TB) log {
	t.Helper()
	var l log
	saved := func(item, product string) {
		l.add(t, domain.TypeProductSaved, `{"item":%q,"sku":%q,"name":"Shirt","product":%q}`, item, "SKU-"+item, product)
	}
	level := func(item, n string) {
		l.add(t, domain.TypeStockLevelReported, `{"item":%q,"outlet":"Quayside","on_hand":%q}`, item, n)
	}
	level("i-1", "3") // before any snapshot
	saved("i-1", "p-1")
	saved("i-2", "p-1")
	level("i-2", "5")
	saved("i-3", "p-2")
	saved("i-1", "p-2") // to one that exists
	level("i-1", "4")
	saved("i-2", "p-3") // to a new one, which leaves p-1 empty
	saved("i-1", "p-1") // back
	l.add(t, domain.TypeProductDeleted, `{"item":"i-3"}`)
	saved("i-2", "p-1")
	saved("i-3", "p-1")
	level("i-3", "1")
	return l
}

func TestCatalog_Flush(t *testing.T) {
	t.Parallel()
	history := moving(t)
	want := newBucket()
	whole := want.folded(t, history, len(history))

	t.Run("OKAfterACrashAtAnyWrite", func(t *testing.T) {
		t.Parallel()
		for every := 1; every <= len(history); every++ {
			live := newBucket()
			live.folded(t, history, every)
			diff(t, fmt.Sprintf("snapshots, flushed every %d", every), live.snapshots(), want.snapshots())
			for n := range len(live.writes) + 1 {
				after := live.cut(n)
				c := open(t, after)
				itemsAreInOneProduct(t, c)
				fold(t, c, history...)
				flush(t, c)
				diff(t, fmt.Sprintf("snapshots, flushed every %d, crashed after write %d", every, n), after.snapshots(), want.snapshots())
				diff(t, "tally", c.Tally("demo"), whole.Tally("demo"))
			}
		}
	})
	t.Run("OKAfterAnErrorAtAnyWrite", func(t *testing.T) {
		t.Parallel()
		for n := range 20 {
			b := newBucket()
			failed := b.failOnce(n)
			c := b.folded(t, history, 1)
			if !*failed {
				t.Errorf("there was no write %d to fail", n)
			}
			diff(t, fmt.Sprintf("snapshots after write %d failed", n), b.snapshots(), want.snapshots())
			if got, want := c.Checkpoint(), domain.Position(len(history)); got != want {
				t.Errorf("checkpoint is %d, want %d", got, want)
			}
		}
	})
	t.Run("OKWhileFoldingGoesOn", func(t *testing.T) {
		t.Parallel()
		b := newBucket()
		c := open(t, b)
		for i, rec := range history {
			fold(t, c, rec)
			batch := c.Seal()
			fold(t, c, history[:min(i+3, len(history))]...)
			if err := batch.Write(t.Context()); err != nil {
				t.Fatal(err)
			}
			if c.Checkpoint() > rec.Position+2 {
				t.Errorf("checkpoint is %d though only %d was sealed", c.Checkpoint(), rec.Position)
			}
		}
		flush(t, c)
		diff(t, "snapshots", b.snapshots(), want.snapshots())
	})
}

// itemsAreInOneProduct reads every product and looks for items that are in two, or
// that the index has elsewhere.
func itemsAreInOneProduct(t testing.TB, c *projections.Catalog) {
	t.Helper()
	in := map[domain.ItemID]domain.ProductID{}
	vacant := 0
	defer func() {
		if got := c.Vacant("demo"); got != vacant {
			t.Errorf("%d products without an item, want %d", got, vacant)
		}
	}()
	for _, s := range c.Products("demo", "", 100) {
		if len(s.Items) == 0 {
			vacant++
		}
		p, err := c.Product(t.Context(), "demo", s.ID)
		if err != nil {
			t.Fatal(err)
		}
		for _, it := range p.Items {
			if other, twice := in[it.ID]; twice {
				t.Errorf("item %s is in %s and in %s", it.ID, other, p.ID)
			}
			in[it.ID] = p.ID
			if holder, _ := c.Holder("demo", it.ID); holder != p.ID {
				t.Errorf("the index has item %s in %q, it is in %q", it.ID, holder, p.ID)
			}
			found := c.Resolve("demo", strings.ToLower(string(it.SKU)))
			if it.SKU != "" && (len(found) != 1 || found[0] != projections.Match{Item: it.ID, Product: p.ID}) {
				t.Errorf("SKU %s resolves to %v", it.SKU, found)
			}
		}
	}
}

func TestOpenCatalog(t *testing.T) {
	t.Parallel()
	history := moving(t)
	b := newBucket()
	c := open(t, b)
	for _, rec := range history {
		fold(t, c, rec)
		flush(t, c)
	}

	t.Run("OKReadsNothingTwice", func(t *testing.T) {
		t.Parallel()
		again := b.cut(len(b.writes))
		c := open(t, again)
		if got, want := c.Position(), domain.Position(len(history)); got != want {
			t.Errorf("position is %d, want %d", got, want)
		}
		flush(t, c)
		if got, want := len(again.writes), len(b.writes); got != want {
			t.Errorf("opening and flushing wrote %d values", got-want)
		}
	})
	t.Run("OKWhileItIsWritten", func(t *testing.T) {
		t.Parallel()
		want := open(t, b).Products("demo", "", 99)
		for seed := range uint64(200) {
			order := rand.New(rand.NewPCG(seed, 0)).Perm(len(b.writes))
			c, err := projections.OpenCatalog(t.Context(), everyWrite{b, order}, levels, 0)
			if err != nil {
				t.Fatal(err)
			}
			itemsAreInOneProduct(t, c)
			diff(t, "summaries", c.Products("demo", "", 99), want)
		}
	})
	for name, tt := range map[string]struct {
		change func(e domain.Entry) (domain.Entry, bool)
		want   string
	}{
		"ErrNoCheckpoint": {func(e domain.Entry) (domain.Entry, bool) { return e, e.Key != domain.Key{} }, "no checkpoint"},
		"ErrOtherFormat": {func(e domain.Entry) (domain.Entry, bool) {
			if (e.Key == domain.Key{}) {
				e.Value = []byte(`{"format":99,"position":3}`)
			}
			return e, true
		}, "format 99"},
		"ErrLostSnapshot":   {func(e domain.Entry) (domain.Entry, bool) { return e, e.Key.ID != "p-2" }, "speaks of 4"},
		"ErrBadSnapshot":    {func(e domain.Entry) (domain.Entry, bool) { e.Value = e.Value[1:]; return e, true }, "cannot be read"},
		"ErrItemTwice":      {func(e domain.Entry) (domain.Entry, bool) { return itemTwice(t, e), true }, "is in it twice"},
		"ErrAnothersValue":  {func(e domain.Entry) (domain.Entry, bool) { e.Key.ID += "x"; return e, e.Key.Store != "" }, "is of product"},
		"ErrAnothersValue2": {func(e domain.Entry) (domain.Entry, bool) { e.Key.Store += "x"; return e, e.Key.ID != "" }, "is of product"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			broken := newBucket()
			for _, e := range b.writes {
				if e, keep := tt.change(e); keep {
					broken.put(e)
				}
			}
			_, err := projections.OpenCatalog(t.Context(), broken, levels, 0)
			if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), "tillstream rebuild") {
				t.Errorf("error is %v, want one about %q that names the command", err, tt.want)
			}
		})
	}
}

// itemTwice is a snapshot as no fold makes it: with its first item once more.
func itemTwice(t *testing.T, e domain.Entry) domain.Entry {
	t.Helper()
	var p domain.Product
	if (e.Key == domain.Key{}) {
		return e
	}
	if err := json.Unmarshal(e.Value, &p); err != nil {
		t.Fatal(err)
	}
	p.Items = append(p.Items, p.Items[:min(1, len(p.Items))]...)
	value, err := p.AppendJSON(nil)
	if err != nil {
		t.Fatal(err)
	}
	e.Value = value
	return e
}

// everyWrite is a bucket whose scan meets every write, as if each came just then,
// in an order that decoding on several processors may give them.
type everyWrite struct {
	*bucket
	order []int
}

func (b everyWrite) Scan(_ context.Context, _ domain.StoreID, _ uint64, each func(domain.Entry) error) error {
	for _, i := range b.order {
		if err := each(b.writes[i]); err != nil {
			return err
		}
	}
	return nil
}

// fifty is a history of fifty products, and then of the stock of each.
func fifty(t testing.TB) log {
	t.Helper()
	var l log
	for i := range 50 {
		l.add(t, domain.TypeProductSaved, `{"item":"i-%d","sku":"s-%d","name":"Shirt"}`, i, i)
	}
	for i := range 50 {
		l.add(t, domain.TypeStockLevelReported, `{"item":"i-%d","outlet":"Quayside","on_hand":"%d"}`, i, i)
	}
	return l
}

func TestCatalog_Fold(t *testing.T) {
	t.Parallel()
	t.Run("OKForgetsCleanStatesOnly", func(t *testing.T) {
		t.Parallel()
		l := fifty(t)
		b := newBucket()
		c, err := projections.OpenCatalog(t.Context(), b, levels, 10)
		if err != nil {
			t.Fatal(err)
		}
		fold(t, c, l[:50]...)
		if got := c.Unsealed(); got != 50 {
			t.Errorf("%d states wait to be stored, want 50", got)
		}
		flush(t, c)
		fold(t, c, l[50:]...)
		if b.gets != 40 {
			t.Errorf("%d states were read again, want the 40 that were forgotten", b.gets)
		}
		flush(t, c)
		for i := range 50 {
			p, err := c.Product(t.Context(), "demo", domain.ProductID(fmt.Sprintf("i-%d", i)))
			if err != nil {
				t.Fatal(err)
			}
			if got := p.Items[0].Stock[0].OnHand.String(); got != fmt.Sprint(i) {
				t.Errorf("stock of item %d is %s", i, got)
			}
		}
	})
	t.Run("OKDraft", func(t *testing.T) {
		t.Parallel()
		l := fifty(t)
		b := newBucket()
		c, err := projections.OpenCatalog(t.Context(), b, levels, 10)
		if err != nil {
			t.Fatal(err)
		}
		c.Draft(0)
		fold(t, c, l[:50]...)
		flush(t, c)
		fold(t, c, l[50:]...)
		if b.gets != 0 {
			t.Errorf("a draft has read %d states again, want none", b.gets)
		}
		flush(t, c)
		for key, i := range b.newest {
			if key != (domain.Key{}) && b.writes[i].Page == 0 {
				t.Errorf("%v lies by itself, want it in a page", key)
			}
		}
		// Whoever opens it reads each page, of two here, once.
		if c, err = projections.OpenCatalog(t.Context(), b, levels, 0); err != nil {
			t.Fatal(err)
		}
		var items []domain.Key
		for _, rec := range l[:50] {
			items = append(items, domain.Key{Store: "demo", ID: rec.Subject})
		}
		if err := c.Warm(t.Context(), items); err != nil {
			t.Fatal(err)
		}
		if b.gets != 25 {
			t.Errorf("50 states were read by %d requests, want 25", b.gets)
		}
	})
	t.Run("OKSkipsWhatItHas", func(t *testing.T) {
		t.Parallel()
		history := moving(t)
		c := open(t, newBucket())
		fold(t, c, history...)
		e, err := history[0].Event()
		if err != nil {
			t.Fatal(err)
		}
		outcome, err := c.Fold(t.Context(), history[0], e)
		if err != nil || outcome != "" {
			t.Errorf("folding position 1 again gave %q, %v", outcome, err)
		}
	})
	t.Run("ErrUnfoldable", func(t *testing.T) {
		t.Parallel()
		var l log
		l.add(t, domain.TypeStockLevelReported, `{"item":"i-1","outlet":"Quayside","on_hand":"999999999999"}`)
		l.add(t, domain.TypeItemRefunded, `{"item":"i-1","outlet":"Quayside","quantity":"1","sale":"s","line":"1"}`)
		b := newBucket()
		c, err := projections.OpenCatalog(t.Context(), b, func(domain.StoreID) domain.StockMode { return domain.StockMovements }, 0)
		if err != nil {
			t.Fatal(err)
		}
		fold(t, c, l[0])
		e, err := l[1].Event()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Fold(t.Context(), l[1], e); !projections.IsUnfoldable(err) {
			t.Errorf("error is %v, want one about the event", err)
		}
		if c.Position() != 1 {
			t.Errorf("position is %d, want 1: the caller passes over the event", c.Position())
		}
	})
	t.Run("ErrSnapshotGone", func(t *testing.T) {
		t.Parallel()
		history := moving(t)
		b := newBucket()
		c := open(t, b)
		fold(t, c, history...)
		flush(t, c)
		cold := open(t, b)
		delete(b.newest, domain.Key{Store: "demo", ID: "p-1"})
		_, err := cold.Product(t.Context(), "demo", "p-1")
		if err == nil || !strings.Contains(err.Error(), "tillstream rebuild") {
			t.Errorf("error for a snapshot that is gone is %v", err)
		}
		if _, err := cold.Product(t.Context(), "demo", "p-9"); !errors.Is(err, domain.ErrNotFound) {
			t.Errorf("error for an unknown product is %v", err)
		}
	})
	t.Run("ErrReplicaBehind", func(t *testing.T) {
		t.Parallel()
		history := moving(t)
		b := newBucket()
		c, err := projections.OpenCatalog(t.Context(), b, levels, 1)
		if err != nil {
			t.Fatal(err)
		}
		fold(t, c, history...)
		flush(t, c)
		for key := range b.newest {
			for i, e := range b.writes {
				if e.Key == key {
					b.newest[key] = i // the oldest
					break
				}
			}
		}
		behind := 0
		for _, s := range c.Products("demo", "", 99) {
			if _, err := c.Product(t.Context(), "demo", s.ID); errors.Is(err, domain.ErrConflict) {
				behind++
			}
		}
		if behind == 0 {
			t.Error("old values were taken for new ones")
		}
	})
}

func TestCatalog_Resolve(t *testing.T) {
	t.Parallel()
	var l log
	l.add(t, domain.TypeProductSaved, `{"item":"i-1","sku":"Red ","name":"Shirt","product":"p-1"}`)
	l.add(t, domain.TypeProductSaved, `{"item":"i-2","sku":"RED","name":"Shirt","product":"p-2"}`)
	l.add(t, domain.TypeProductSaved, `{"item":"i-3","sku":"i-1","name":"Mean"}`)
	l.add(t, domain.TypeStockLevelReported, `{"item":"i-4","outlet":"o","on_hand":"1"}`)
	l.add(t, domain.TypeProductSaved, `{"item":"i-5","sku":"five","name":"Hat"}`)
	l.add(t, domain.TypeProductSaved, `{"item":"i-5","sku":"five","name":"Hat","product":"p-5"}`)
	l.add(t, domain.TypeProductSaved, `{"item":"i-6","sku":"sku:7","name":"Odd"}`)
	l.add(t, domain.TypeProductSaved, `{"item":"i-7","sku":"item:i-4","name":"Mean"}`)
	c := open(t, newBucket())
	fold(t, c, l...)
	for ref, want := range map[string][]projections.Match{
		"red":  {{Item: "i-1", Product: "p-1"}, {Item: "i-2", Product: "p-2"}},
		"i-2":  {{Item: "i-2", Product: "p-2"}},
		"i-1":  {{Item: "i-1", Product: "p-1"}, {Item: "i-3", Product: "i-3"}},
		"p-2":  {{Product: "p-2"}},
		"i-4":  {{Item: "i-4", Product: "i-4"}},
		"":     nil,
		"none": nil,
		// What is meant may be said, and is needed where a product has the id of an item
		// that has left it.
		"i-5":         {{Item: "i-5", Product: "p-5"}},
		"item:i-5":    {{Item: "i-5", Product: "p-5"}},
		"product:i-5": {{Product: "i-5"}},
		"item:i-1":    {{Item: "i-1", Product: "p-1"}},
		"sku:i-1":     {{Item: "i-3", Product: "i-3"}},
		"sku:red":     {{Item: "i-1", Product: "p-1"}, {Item: "i-2", Product: "p-2"}},
		"product:red": nil,
		"item:p-2":    nil,
		"other:i-1":   nil,
		"sku:7":       {{Item: "i-6", Product: "i-6"}}, // whose SKU is that as it stands
		"item:i-4":    {{Item: "i-4", Product: "i-4"}}, // and no other one's SKU
	} {
		diff(t, ref, c.Resolve("demo", ref), want)
	}
	diff(t, "another store", c.Resolve("other", "red"), []projections.Match(nil))
	if _, err := c.Find("demo", "red"); err == nil || !strings.Contains(err.Error(), "item:i-1, item:i-2") {
		t.Errorf("error for an ambiguous SKU is %v", err)
	}
	if _, err := c.Find("demo", "none"); !errors.Is(err, domain.ErrNotFound) {
		t.Errorf("error for an unknown reference is %v", err)
	}
	l.add(t, domain.TypeProductSaved, `{"item":"i-1","sku":"blue","name":"Shirt","product":"p-1"}`)
	fold(t, c, l...)
	diff(t, "after one was renamed", c.Resolve("demo", "RED"), []projections.Match{{Item: "i-2", Product: "p-2"}})
}

func TestCatalog_Products(t *testing.T) {
	t.Parallel()
	var l log
	for _, i := range []int{7, 3, 5, 1} {
		l.add(t, domain.TypeProductSaved, `{"item":"i-%d","sku":"s","name":"n"}`, i)
	}
	c := open(t, newBucket())
	fold(t, c, l...)
	ids := func(after domain.ProductID, limit int) (out []domain.ProductID) {
		for _, s := range c.Products("demo", after, limit) {
			out = append(out, s.ID)
		}
		return out
	}
	diff(t, "first page", ids("", 3), []domain.ProductID{"i-1", "i-3", "i-5"})
	diff(t, "second page", ids("i-5", 3), []domain.ProductID{"i-7"})
	for _, i := range []int{9, 0, 4} {
		l.add(t, domain.TypeProductSaved, `{"item":"i-%d","sku":"s","name":"n"}`, i)
	}
	fold(t, c, l...)
	diff(t, "after more have come", ids("", 9), []domain.ProductID{"i-0", "i-1", "i-3", "i-4", "i-5", "i-7", "i-9"})
	diff(t, "behind an id that is none", ids("i-2", 1), []domain.ProductID{"i-3"})
	diff(t, "of no store", c.Products("other", "", 9), []projections.Summary(nil))
}

func TestCatalog_Observe(t *testing.T) {
	t.Parallel()
	history := moving(t)
	b := newBucket()
	c := open(t, b)
	for _, rec := range history {
		fold(t, c, rec)
		flush(t, c)
	}
	seen := newBucket()
	observer := open(t, seen)
	for _, e := range b.writes {
		seen.put(e)
		for range 2 { // values may come twice
			if err := observer.Observe(e); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, e := range b.writes[:5] { // and late
		if err := observer.Observe(e); err != nil {
			t.Fatal(err)
		}
	}
	if err := observer.Observe(itemTwice(t, b.writes[1])); err == nil || !strings.Contains(err.Error(), "is in it twice") {
		t.Errorf("of a product with an item twice: %v", err)
	}
	itemsAreInOneProduct(t, observer)
	diff(t, "summaries", observer.Products("demo", "", 99), c.Products("demo", "", 99))
	diff(t, "tally", observer.Tally("demo"), c.Tally("demo"))
	diff(t, "position", observer.Position(), c.Position())

	p, err := c.Product(t.Context(), "demo", observer.Products("demo", "", 1)[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	p.Family.Description = "replaced"
	if err := c.Replace(t.Context(), []domain.Product{p}, nil); err != nil {
		t.Fatal(err)
	}
	if err := observer.Observe(b.writes[len(b.writes)-1]); err != nil {
		t.Fatal(err)
	}
	stretch := domain.Entry{Key: domain.Key{Store: "demo", ID: "i-1", Stretch: 1}, Value: []byte("1.2")}
	if err := observer.Observe(stretch); err != nil {
		t.Errorf("a stretch: %v", err)
	}
	ours, err := c.Tree()
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := observer.Tree()
	if err != nil {
		t.Fatal(err)
	}
	diff(t, "digest after a replacement", theirs.Digest(), ours.Digest())
}
