package tree_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"testing"

	"golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"

	"github.com/tillstream/tillstream/handlers/audit/tree"
)

func leafOf(i int64) tlog.Hash { return tlog.RecordHash([]byte(fmt.Sprint("leaf ", i))) }

// shelf keeps the tiles that a tree hands out.
type shelf map[[2]int64]tree.Tile

func (s shelf) put(tiles []tree.Tile) {
	for _, t := range tiles {
		s[[2]int64{int64(t.Level), t.N}] = t
	}
}

func (s shelf) get(level int, n int64) (tree.Tile, error) {
	t, ok := s[[2]int64{int64(level), n}]
	if !ok {
		return t, errors.New("no such tile")
	}
	return t, nil
}

// stored is Go's own implementation of the same tree.
type stored []tlog.Hash

func (s *stored) add(t testing.TB, i int64) {
	hashes, err := tlog.StoredHashesForRecordHash(i, leafOf(i), s)
	if err != nil {
		t.Fatal(err)
	}
	*s = append(*s, hashes...)
}

func (s *stored) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, x := range indexes {
		out[i] = (*s)[x]
	}
	return out, nil
}

// At every size the tree has the hash that Go's own tree has, a tree taken up from its
// tiles goes on as if it had never stopped, and every leaf and every earlier size can be
// proven by the tiles.
func TestTree(t *testing.T) {
	t.Parallel()
	const size = 256*256 + 300
	grown, tiles := &tree.Tree{}, shelf{}
	var want stored
	roots := []tlog.Hash{grown.Hash()}
	if roots[0] != sha256.Sum256(nil) {
		t.Errorf("the empty tree has the hash %s", roots[0])
	}
	for i := range int64(size) {
		want.add(t, i)
		tiles.put(grown.Add(leafOf(i)))
		if i < 1500 || i > size-600 {
			root, err := tlog.TreeHash(i+1, &want)
			if err != nil || grown.Hash() != root {
				t.Fatalf("%d leaves have the hash %s, want %s, %v", i+1, grown.Hash(), root, err)
			}
		}
		roots = append(roots, tlog.Hash{})
		if i%97 == 0 || i > size-300 {
			roots[i+1] = grown.Hash()
		}
	}
	if len(tiles) != 256+1+1 {
		t.Errorf("%d tiles came of %d leaves", len(tiles), size)
	}
	again, err := tree.Resume(size/256*256, tiles.get)
	if err != nil {
		t.Fatal(err)
	}
	for i := again.Size(); i < size; i++ {
		again.Add(leafOf(i))
	}
	if again.Hash() != grown.Hash() {
		t.Error("a tree taken up from its tiles goes on differently")
	}
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Int64Range(1, size).Filter(func(n int64) bool { return roots[n] != tlog.Hash{} }).Draw(t, "size")
		h := tree.Head{Origin: "x/POS", Size: n, Root: roots[n]}
		r, err := grown.Reader(h, tiles.get)
		if err != nil {
			t.Fatal(err)
		}
		leaf := rapid.Int64Range(0, n-1).Draw(t, "leaf")
		proof, err := tlog.ProveRecord(n, leaf, r)
		if err != nil {
			t.Fatal(err)
		}
		if err := tlog.CheckRecord(proof, n, h.Root, leaf, leafOf(leaf)); err != nil {
			t.Fatalf("leaf %d of %d: %v", leaf, n, err)
		}
		if err := tlog.CheckRecord(proof, n, h.Root, leaf, leafOf(leaf+1)); err == nil {
			t.Fatal("another leaf is proven, too")
		}
		earlier := rapid.Int64Range(1, n).Draw(t, "earlier")
		between, err := tlog.ProveTree(n, earlier, r)
		if err != nil {
			t.Fatal(err)
		}
		root, err := tlog.TreeHash(earlier, &want)
		if err != nil {
			t.Fatal(err)
		}
		if err := tree.Continues(tree.Head{Origin: "x/POS", Size: earlier, Root: root}, h, between); err != nil {
			t.Fatalf("%d continues %d: %v", n, earlier, err)
		}
	})
	if _, err := grown.Reader(tree.Head{Size: size + 1}, tiles.get); err == nil {
		t.Error("a head beyond the tree can be read")
	}
	// A damaged tile makes no false proof.
	bad := tiles[[2]int64{0, 7}]
	bad.Hashes[3][0] ^= 1
	tiles[[2]int64{0, 7}] = bad
	r, err := grown.Reader(tree.Head{Size: size, Root: grown.Hash()}, tiles.get)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tlog.ProveRecord(size, 7*256+9, r); err == nil {
		t.Error("a proof was made with a damaged tile")
	}
}

func TestParseTile(t *testing.T) {
	t.Parallel()
	tile := tree.Tile{Level: 2, N: 9}
	for i := range tile.Hashes {
		tile.Hashes[i] = leafOf(int64(i))
	}
	got, err := tree.ParseTile(2, 9, tile.Bytes())
	if err != nil || got != tile {
		t.Errorf("got another tile, %v", err)
	}
	if _, err := tree.ParseTile(2, 9, tile.Bytes()[1:]); err == nil {
		t.Error("a tile that is cut was taken")
	}
}
