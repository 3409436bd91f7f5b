package projections_test

import (
	"errors"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/projections"
)

// TestCatalog_Draft: a draft comes to the snapshots that folding one by one comes to,
// wherever it is stored and wherever a crash ends it, and so does what is folded on top of
// it. What a crash leaves is either opened as it was at a checkpoint, or refused.
func TestCatalog_Draft(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		history := randomLog(t)
		want := newBucket()
		whole := openRandom(t, want)
		foldRandom(t, whole, history)
		if err := whole.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}

		end := rapid.IntRange(0, len(history)).Draw(t, "end of the draft")
		b := newBucket()
		c := openRandom(t, b)
		most := rapid.SampledFrom([]int{0, 1, 500}).Draw(t, "bytes held")
		c.Draft(most)
		for i := range end {
			foldRandom(t, c, history[:i+1])
			if c.Enough(math.MaxInt) {
				flushRandom(t, c, b)
			}
			switch rapid.IntRange(0, 5).Draw(t, "then") {
			case 0:
				flushRandom(t, c, b)
			case 1:
				flushRandom(t, c, b)
				b = b.cut(rapid.IntRange(0, len(b.writes)).Draw(t, "writes kept"))
				var err error
				if c, err = projections.OpenCatalog(t.Context(), b, modes, 2); err != nil {
					if !strings.Contains(err.Error(), "tillstream rebuild") {
						t.Fatal(err)
					}
					b = newBucket()
					c = openRandom(t, b)
				}
				c.Draft(most)
			}
		}
		foldRandom(t, c, history[:end])
		flushRandom(t, c, b)

		drafted := len(b.writes)
		switch rapid.IntRange(0, 2).Draw(t, "go on") {
		case 0:
			live := openRandom(t, newBucket())
			live.Adopt(c)
			c = live
		case 1:
			c = openRandom(t, b)
		}
		for i := end; i < len(history); i++ {
			foldRandom(t, c, history[:i+1])
			if rapid.Bool().Draw(t, "flush") {
				flushRandom(t, c, b)
			}
			if rapid.IntRange(0, 3).Draw(t, "crash") == 0 && !c.Drafting() {
				b = b.cut(rapid.IntRange(drafted, len(b.writes)).Draw(t, "writes kept"))
				c = openRandom(t, b)
			}
		}
		foldRandom(t, c, history)
		flushRandom(t, c, b)

		for key, got := range b.snapshots() {
			if want := want.snapshots()[key]; got != want {
				t.Errorf("snapshot %v\n got %s\nwant %s", key, got, want)
			}
		}
		for _, c := range []*projections.Catalog{c, openRandom(t, b)} {
			tree, err := c.Tree()
			if err != nil {
				t.Fatal(err)
			}
			wantTree, err := whole.Tree()
			if err != nil {
				t.Fatal(err)
			}
			if tree.Digest() != wantTree.Digest() {
				t.Errorf("digest %s, want %s", tree.Digest(), wantTree.Digest())
			}
			for key, value := range want.snapshots() {
				p, err := c.Product(t.Context(), key.Store, domain.ProductID(key.ID))
				if err != nil {
					t.Fatal(err)
				}
				got, err := p.AppendJSON(nil)
				if err != nil || string(got) != value {
					t.Errorf("product %v, %v\n got %s\nwant %s", key, err, got, value)
				}
				err = c.CompareStored(t.Context(), whole, key.Store, []domain.ProductID{p.ID}, domain.Rules{}, func(d projections.Difference) error {
					t.Errorf("product %v is stored otherwise: %v", key, d.Changes)
					return nil
				})
				if err != nil {
					t.Fatal(err)
				}
			}
		}
		replaceRandom(t, c, b)
	})
}

// replaceRandom replaces a product's snapshot by one of the same position, or of an
// earlier one, as if the first had been wrong, which whoever opens the bucket then finds, also where the first lies in a page.
func replaceRandom(t *rapid.T, c *projections.Catalog, b *bucket) {
	for _, store := range c.Stores() {
		s := rapid.SampledFrom(c.Products(store, "", 1000)).Draw(t, "replaced")
		p, err := c.Product(t.Context(), store, s.ID)
		if err != nil {
			t.Fatal(err)
		}
		p.Family.Description += " as it should be"
		p.Position -= domain.Position(rapid.IntRange(0, int(p.Position)-1).Draw(t, "too far"))
		if err := c.Replace(t.Context(), []domain.Product{p}, nil); err != nil {
			t.Fatal(err)
		}
		for _, c := range []*projections.Catalog{c, openRandom(t, b)} {
			got, err := c.Product(t.Context(), store, s.ID)
			if err != nil || got.Family.Description != p.Family.Description {
				t.Errorf("replaced by %q, and found %q, %v", p.Family.Description, got.Family.Description, err)
			}
		}
	}
}

// flushRandom flushes, perhaps by way of an error at any of the writes.
func flushRandom(t *rapid.T, c *projections.Catalog, b *bucket) {
	if rapid.Bool().Draw(t, "fails") {
		at := len(b.writes) + rapid.IntRange(0, 5).Draw(t, "failing write")
		b.fail = func(write int) error {
			if write == at {
				return errors.New("away")
			}
			return nil
		}
		_ = c.Flush(t.Context()) // the next one makes it good
		b.fail = nil
	}
	if err := c.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if c.Checkpoint() != c.Position() {
		t.Errorf("flushed up to position %d, want %d", c.Checkpoint(), c.Position())
	}
}
