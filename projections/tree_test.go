package projections_test

import (
	"context"
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/projections"
)

func tree(t rapid.TB, c *projections.Catalog) *projections.Tree {
	t.Helper()
	tree, err := c.Tree()
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

// TestCatalog_Tree: the digest is that of the snapshots, whether they are stored,
// still in memory, or read again, and it is another one when any of them is.
func TestCatalog_Tree(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		history := randomLog(t)
		b := newBucket()
		c := openRandom(t, b)
		for i := range history {
			foldRandom(t, c, history[:i+1])
			if rapid.IntRange(0, 3).Draw(t, "store") == 0 {
				if err := c.Flush(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
		}
		inMemory := tree(t, c)
		if err := c.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		stored, again := tree(t, c), tree(t, openRandom(t, b))
		if inMemory.Digest() != stored.Digest() || stored.Digest() != again.Digest() {
			t.Fatalf("the digest is %s in memory, %s stored, %s read again", inMemory.Digest(), stored.Digest(), again.Digest())
		}
		root, err := again.Node(t.Context(), "")
		if err != nil || root.Products != len(b.snapshots()) || again.Position != domain.Position(len(history)) {
			t.Fatalf("%d products at position %d: %v; want %d at %d", root.Products, again.Position, err, len(b.snapshots()), len(history))
		}

		before := openRandom(t, newBucket())
		foldRandom(t, before, history[:len(history)-1])
		changed := before.Position() // whose last event is a dead letter, or changed something
		foldRandom(t, before, history)
		if changed == 0 {
			return
		}
		if got := tree(t, before); got.Digest() != again.Digest() {
			t.Fatalf("folded at once the digest is %s, in pieces %s", got.Digest(), again.Digest())
		}
	})
}

// counted counts the nodes that are looked at.
type counted struct {
	*projections.Tree
	nodes int
}

func (c *counted) Node(ctx context.Context, path string) (projections.TreeNode, error) {
	c.nodes++
	return c.Tree.Node(ctx, path)
}

// TestDifferingProducts: of ten thousand products those are found that differ, are
// missing or are new, and few nodes are looked at for it.
func TestDifferingProducts(t *testing.T) {
	t.Parallel()
	var l log
	for i := range 10_000 {
		l.add(t, domain.TypeProductSaved, `{"item":"i-%d","sku":"s-%d","name":"Shirt %d"}`, i, i, i)
	}
	ours, theirs := open(t, newBucket()), open(t, newBucket())
	fold(t, ours, l...)
	changed := append(log(nil), l...)
	changed[4711].Data = []byte(`{"item":"i-4711","sku":"s-4711","name":"Trousers"}`)
	changed[17].Subject = "i-x"
	changed[17].Data = []byte(`{"item":"i-x","sku":"s-17","name":"Shirt 17"}`)
	fold(t, theirs, changed...)
	a, b := &counted{Tree: tree(t, ours)}, &counted{Tree: tree(t, theirs)}
	got, err := projections.DifferingProducts(t.Context(), a, b, 10)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, d := range got {
		found[fmt.Sprintf("%s here %v there %v", d.Product, d.Ours != nil, d.Theirs != nil)] = true
	}
	diff(t, "found", found, map[string]bool{
		"i-4711 here true there true": true, "i-17 here true there false": true, "i-x here false there true": true,
	})
	if a.nodes > 10 {
		t.Errorf("%d of 4,369 nodes were looked at, want at most 10", a.nodes)
	}
	if one, err := projections.DifferingProducts(t.Context(), a, b, 1); err != nil || len(one) != 1 {
		t.Errorf("asked for one: %v, %v", one, err)
	}
	if same, err := projections.DifferingProducts(t.Context(), a, a, 10); err != nil || len(same) != 0 {
		t.Errorf("a tree differs from itself in %v, %v", same, err)
	}
	for _, path := range []string{"0000", "g", "A", "../"} {
		if _, err := a.Node(t.Context(), path); err == nil {
			t.Errorf("there is a node %q", path)
		}
	}
	if empty := tree(t, open(t, newBucket())); empty.Digest() != (projections.Hash{}) {
		t.Errorf("the digest of nothing is %s", empty.Digest())
	}
}

// TestHash_UnmarshalText refuses what is no hash.
func TestHash_UnmarshalText(t *testing.T) {
	t.Parallel()
	var h projections.Hash
	for _, text := range []string{"", "00", "zz" + fmt.Sprintf("%062d", 0), fmt.Sprintf("%066d", 0)} {
		if err := h.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is taken for a hash", text)
		}
	}
}

// TestCatalog_Current: a tree is that of a catalog until another event is folded, or
// the catalog goes on as another one, at the same position, too.
func TestCatalog_Current(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		history := randomLog(t)
		c, other := openRandom(t, newBucket()), openRandom(t, newBucket())
		foldRandom(t, c, history)
		foldRandom(t, other, history)
		was := tree(t, c)
		if !c.Current(was) {
			t.Error("a tree is not that of its catalog")
		}
		c.Adopt(other)
		if c.Current(was) {
			t.Error("a tree is taken for that of another catalog")
		}
		if !c.Current(tree(t, c)) {
			t.Error("the tree of the other one is not current")
		}
	})
}
