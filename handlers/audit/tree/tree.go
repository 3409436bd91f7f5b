package tree

import (
	"fmt"
	"slices"

	"golang.org/x/mod/sumdb/tlog"
)

// A tile holds 2^TileHeight hashes.
const (
	TileHeight = 8
	TileWidth  = 1 << TileHeight
)

// Tile is 256 neighbouring hashes of one level. Level 0 are leaves; a hash of level l
// is that of a complete subtree of 256^l leaves, and so of a tile of the level below.
type Tile struct {
	Level  int
	N      int64 // among the tiles of its level, from 0
	Hashes [TileWidth]tlog.Hash
}

// Hash is that of the subtree that a tile spans, which is a hash of the level above.
func (t *Tile) Hash() tlog.Hash {
	level := slices.Clone(t.Hashes[:])
	for n := TileWidth / 2; n > 0; n /= 2 {
		for i := range n {
			level[i] = tlog.NodeHash(level[2*i], level[2*i+1])
		}
	}
	return level[0]
}

// Bytes are the hashes one behind the other.
func (t *Tile) Bytes() []byte {
	b := make([]byte, 0, TileWidth*tlog.HashSize)
	for i := range t.Hashes {
		b = append(b, t.Hashes[i][:]...)
	}
	return b
}

// ParseTile undoes [Tile.Bytes].
func ParseTile(level int, n int64, b []byte) (Tile, error) {
	t := Tile{Level: level, N: n}
	if len(b) != TileWidth*tlog.HashSize {
		return t, fmt.Errorf("tile %d of level %d: has %d bytes, must have %d", n, level, len(b), TileWidth*tlog.HashSize)
	}
	for i := range t.Hashes {
		copy(t.Hashes[i][:], b[i*tlog.HashSize:])
	}
	return t, nil
}

// Tree grows leaf by leaf. It keeps its right edge only: of each level the hashes that
// fill no tile yet. It is for one goroutine; the zero value is the empty tree.
type Tree struct {
	size int64
	edge [][]tlog.Hash
}

// Size is the number of leaves.
func (t *Tree) Size() int64 { return t.size }

// Tail are the leaves that are in no complete tile, until the next is added.
func (t *Tree) Tail() []tlog.Hash {
	if len(t.edge) == 0 {
		return nil
	}
	return t.edge[0]
}

// Clone is the same tree, to grow in another way.
func (t *Tree) Clone() *Tree {
	c := &Tree{size: t.size, edge: make([][]tlog.Hash, len(t.edge))}
	for i, edge := range t.edge {
		c.edge[i] = append(make([]tlog.Hash, 0, TileWidth), edge...)
	}
	return c
}

// CutTail takes back the leaves that are in no complete tile.
func (t *Tree) CutTail() {
	if len(t.edge) > 0 {
		t.size -= int64(len(t.edge[0]))
		t.edge[0] = t.edge[0][:0]
	}
}

// Add takes the next leaf and returns the tiles that it completes, the lowest level
// first: mostly none.
func (t *Tree) Add(leaf tlog.Hash) []Tile {
	t.size++
	return t.enter(0, leaf)
}

// AddTile takes a whole tile of leaves where the next one begins, and returns the tiles
// above it that it completes. Leaves that fill no tile must not have been added.
func (t *Tree) AddTile(leaves *Tile) []Tile {
	if t.size%TileWidth != 0 {
		panic(fmt.Sprintf("tree: a tile added behind %d leaves", t.size))
	}
	t.size += TileWidth
	return t.enter(1, leaves.Hash())
}

func (t *Tree) enter(level int, h tlog.Hash) []Tile {
	var done []Tile
	for ; ; level++ {
		for len(t.edge) <= level {
			t.edge = append(t.edge, make([]tlog.Hash, 0, TileWidth))
		}
		t.edge[level] = append(t.edge[level], h)
		if len(t.edge[level]) < TileWidth {
			return done
		}
		tile := Tile{Level: level, N: t.size>>(TileHeight*(level+1)) - 1, Hashes: [TileWidth]tlog.Hash(t.edge[level])}
		done = append(done, tile)
		t.edge[level] = t.edge[level][:0]
		h = tile.Hash()
	}
}

// Resume is the tree of size leaves, a multiple of [TileWidth], given its complete
// tiles. It reads at most 255 of each level.
func Resume(size int64, tiles func(level int, n int64) (Tile, error)) (*Tree, error) {
	if size%TileWidth != 0 {
		return nil, fmt.Errorf("tree of %d leaves: a tree is taken up at a multiple of %d", size, TileWidth)
	}
	t := &Tree{size: size}
	t.edge = append(t.edge, make([]tlog.Hash, 0, TileWidth))
	for level := 1; size>>(TileHeight*level) > 0; level++ {
		hashes := size >> (TileHeight * level) // of this level
		edge := make([]tlog.Hash, 0, TileWidth)
		for n := hashes &^ (TileWidth - 1); n < hashes; n++ {
			below, err := tiles(level-1, n)
			if err != nil {
				return nil, err
			}
			edge = append(edge, below.Hash())
		}
		t.edge = append(t.edge, edge)
	}
	return t, nil
}

// Hash is that of the whole tree.
func (t *Tree) Hash() tlog.Hash {
	// The tree is perfect subtrees of ever smaller size, from the left to the right; the
	// smallest two are joined first.
	var h tlog.Hash
	joined := false
	for _, edge := range t.edge {
		for n := len(edge); n > 0; {
			width := n & -n // of the rightmost perfect subtree within the edge
			sub := perfect(edge[n-width : n])
			if joined {
				sub = tlog.NodeHash(sub, h)
			}
			h, joined = sub, true
			n -= width
		}
	}
	if !joined {
		empty, err := tlog.TreeHash(0, nil)
		if err != nil {
			panic(fmt.Sprintf("the empty tree has a hash: %v", err))
		}
		return empty
	}
	return h
}

// perfect is the hash over a power of two of hashes.
func perfect(hashes []tlog.Hash) tlog.Hash {
	if len(hashes) == 1 {
		return hashes[0]
	}
	half := len(hashes) / 2
	return tlog.NodeHash(perfect(hashes[:half]), perfect(hashes[half:]))
}

// Reader reads the hashes of the tree as it was at a head, for proofs: complete tiles
// come from tiles, the others from the tree's edge. What it reads is checked against
// the head's root, so that no false proof can come of a damaged tile.
func (t *Tree) Reader(h Head, tiles func(level int, n int64) (Tile, error)) (tlog.HashReader, error) {
	if h.Size > t.size {
		return nil, fmt.Errorf("the head is of %d messages, the log has %d", h.Size, t.size)
	}
	return tlog.TileHashReader(tlog.Tree{N: h.Size, Hash: h.Root}, &tileReader{t, tiles}), nil
}

type tileReader struct {
	tree  *Tree
	tiles func(level int, n int64) (Tile, error)
}

var _ tlog.TileReader = (*tileReader)(nil)

func (r *tileReader) Height() int { return TileHeight }

func (r *tileReader) SaveTiles([]tlog.Tile, [][]byte) {}

func (r *tileReader) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	out := make([][]byte, len(wanted))
	for i, w := range wanted {
		complete := r.tree.size >> (TileHeight * (w.L + 1)) // tiles of its level
		if w.N < complete {
			tile, err := r.tiles(w.L, w.N)
			if err != nil {
				return nil, err
			}
			out[i] = tile.Bytes()[:w.W*tlog.HashSize]
			continue
		}
		if w.N > complete || w.L >= len(r.tree.edge) || len(r.tree.edge[w.L]) < w.W {
			return nil, fmt.Errorf("tile %d of level %d: the tree of %d leaves does not reach so far", w.N, w.L, r.tree.size)
		}
		for _, h := range r.tree.edge[w.L][:w.W] {
			out[i] = append(out[i], h[:]...)
		}
	}
	return out, nil
}
