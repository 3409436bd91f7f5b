package projections

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/tillstream/tillstream/domain"
)

// Hash is a SHA-256 sum. As text it is hexadecimal.
type Hash [sha256.Size]byte

func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// MarshalText writes the hash in hexadecimal.
func (h Hash) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, h[:]), nil }

// UnmarshalText undoes [Hash.MarshalText].
func (h *Hash) UnmarshalText(text []byte) error {
	if hex.DecodedLen(len(text)) != len(h) {
		return fmt.Errorf("hash %.80q: must be %d hexadecimal digits", text, hex.EncodedLen(len(h)))
	}
	if _, err := hex.Decode(h[:], text); err != nil {
		return fmt.Errorf("hash %.80q: %w", text, err)
	}
	return nil
}

// Tree is the digest of every snapshot of a catalog at one position, in a form in
// which the differences between two are found by looking only at what differs.
//
// It is made of nothing but the keys and values of the snapshots, so it is the same
// on every machine, however they came to be:
//
//   - a snapshot's hash is SHA-256 over a zero byte, its store, a zero byte, its
//     product, a zero byte and its value as it is stored;
//   - its place is the first three hexadecimal digits of SHA-256 over its store, a
//     zero byte and its product: the node of the last level with this path;
//   - a node of the last level is SHA-256 over a one byte and the hashes of its
//     snapshots, by store and product; any other is SHA-256 over a two byte and the
//     digests of its sixteen children in their order. A node that holds no snapshot
//     is 32 zero bytes.
type Tree struct {
	Position domain.Position
	adopted  int // that of the catalog
	leaves   []leaf
	last     [treeWidth]span // of the last level, into leaves
	digests  map[string]Hash // by path, of the nodes that hold a snapshot
}

const (
	treeDepth = 3
	treeWidth = 1 << (4 * treeDepth)
)

// leaf is one snapshot of a tree.
type leaf struct {
	store domain.StoreID
	id    domain.ProductID
	hash  Hash
}

type span struct{ from, to int }

// TreeNode is one node of a [Tree] with what is below it.
type TreeNode struct {
	Path     string `json:"node"` // hexadecimal digits; empty for the root
	Digest   Hash   `json:"digest"`
	Products int    `json:"products"`
	// Children are the nodes below, by path, without those that hold no snapshot.
	Children []TreeNode `json:"children,omitempty"`
	// Snapshots are those of a node of the last level, by store and product.
	Snapshots []SnapshotHash `json:"snapshots,omitempty"`
}

// SnapshotHash is one snapshot of a tree.
type SnapshotHash struct {
	Store   domain.StoreID   `json:"store"`
	Product domain.ProductID `json:"product"`
	Digest  Hash             `json:"digest"`
}

func hashSnapshot(store domain.StoreID, id domain.ProductID, value []byte) Hash {
	h := sha256.New()
	var prefix [256]byte
	b := append(prefix[:0], 0)
	b = append(append(b, store...), 0)
	b = append(append(b, id...), 0)
	h.Write(b)
	h.Write(value)
	var out Hash
	h.Sum(out[:0])
	return out
}

// place is the number of the node of the last level that holds a snapshot.
func (l *leaf) place() int {
	var room [256]byte
	sum := sha256.Sum256(append(append(append(room[:0], l.store...), 0), l.id...))
	return int(sum[0])<<4 | int(sum[1])>>4
}

// Tree returns the digest of all products as they are folded up to the catalog's
// position, whether stored or not. Of a catalog that another process folds the error
// is [domain.ErrConflict] while that process is writing.
func (c *Catalog) Tree() (*Tree, error) {
	t, unhashed, err := c.leaves()
	if err != nil {
		return nil, err
	}
	for i, state := range unhashed {
		p := state.Unpack(t.leaves[i].store, t.leaves[i].id)
		value, err := encodeSnapshot(p)
		if err != nil {
			return nil, err
		}
		t.leaves[i].hash = hashSnapshot(p.Store, p.ID, value)
	}
	t.grow()
	return t, nil
}

// Current reports whether a tree of c is of what c holds now.
func (c *Catalog) Current(t *Tree) bool {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return t.Position == c.position && t.adopted == c.adopted
}

// leaves lists all products at one position, and the states of those that have been
// changed since they were stored last, by their places in the list.
func (c *Catalog) leaves() (*Tree, map[int]domain.Packed, error) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	t := &Tree{Position: c.position, adopted: c.adopted, leaves: make([]leaf, 0, c.size())}
	unhashed := map[int]domain.Packed{}
	for _, s := range c.shelves {
		for n := range s.arena.count {
			r := s.arena.at(uint32(n))
			if r.position > c.position {
				return nil, nil, fmt.Errorf("digest: product %s/%s is at position %d and the catalog at %d, because another process is writing it: ask again in a moment: %w", r.shelf.store, r.id, r.position, c.position, domain.ErrConflict)
			}
			if r.dirty || r.sealed > 0 {
				unhashed[len(t.leaves)] = r.state
			}
			t.leaves = append(t.leaves, leaf{r.shelf.store, r.id, r.hash})
		}
	}
	return t, unhashed, nil
}

// grow puts the leaves in order and makes the nodes above them.
func (t *Tree) grow() {
	var counts [treeWidth + 1]int
	places := make([]uint16, len(t.leaves))
	for i := range t.leaves {
		n := t.leaves[i].place()
		places[i] = uint16(n)
		counts[n+1]++
	}
	for n := range treeWidth {
		counts[n+1] += counts[n]
		t.last[n] = span{counts[n], counts[n+1]}
	}
	ordered, next := make([]leaf, len(t.leaves)), counts
	for i, n := range places {
		ordered[next[n]] = t.leaves[i]
		next[n]++
	}
	t.leaves = ordered
	t.digests = map[string]Hash{}
	for n, s := range t.last {
		if s.from < s.to {
			t.digests[pathOf(n, treeDepth)] = digestOf(t.leaves[s.from:s.to])
		}
	}
	for level := treeDepth - 1; level >= 0; level-- {
		for n := range 1 << (4 * level) {
			t.join(pathOf(n, level))
		}
	}
}

// digestOf sorts the leaves of one node of the last level and returns its digest.
func digestOf(leaves []leaf) (out Hash) {
	slices.SortFunc(leaves, func(a, b leaf) int {
		if c := strings.Compare(string(a.store), string(b.store)); c != 0 {
			return c
		}
		return strings.Compare(string(a.id), string(b.id))
	})
	h := sha256.New()
	h.Write([]byte{1})
	for i := range leaves {
		h.Write(leaves[i].hash[:])
	}
	h.Sum(out[:0])
	return out
}

// join makes a node of its children.
func (t *Tree) join(path string) {
	h, any := sha256.New(), false
	h.Write([]byte{2})
	for _, digit := range hexDigits {
		child, held := t.digests[path+string(digit)]
		h.Write(child[:])
		any = any || held
	}
	if any {
		t.digests[path] = Hash(h.Sum(nil))
	}
}

const hexDigits = "0123456789abcdef"

func pathOf(n, level int) string {
	if level == 0 {
		return ""
	}
	return fmt.Sprintf("%0*x", level, n)
}

// Digest is that of the root: equal snapshots, equal digests.
func (t *Tree) Digest() Hash { return t.digests[""] }

// Node returns a node with what is below it. The error is [*domain.InvalidError] for
// what is no path of a tree.
func (t *Tree) Node(_ context.Context, path string) (TreeNode, error) {
	if len(path) > treeDepth || strings.Trim(path, hexDigits) != "" {
		return TreeNode{}, &domain.InvalidError{Path: "node", Value: path, Reason: fmt.Sprintf("must be at most %d hexadecimal digits, in lower case", treeDepth)}
	}
	node := t.bare(path)
	if len(path) == treeDepth {
		for _, l := range t.below(path) {
			node.Snapshots = append(node.Snapshots, SnapshotHash{l.store, l.id, l.hash})
		}
		return node, nil
	}
	for _, digit := range hexDigits {
		if child := t.bare(path + string(digit)); child.Products > 0 {
			node.Children = append(node.Children, child)
		}
	}
	return node, nil
}

func (t *Tree) bare(path string) TreeNode {
	return TreeNode{Path: path, Digest: t.digests[path], Products: len(t.below(path))}
}

// below are the snapshots of a node.
func (t *Tree) below(path string) []leaf {
	first := 0
	for i := range treeDepth {
		digit := 0
		if i < len(path) {
			digit = strings.IndexByte(hexDigits, path[i])
		}
		first = first<<4 | digit
	}
	width := 1 << (4 * (treeDepth - len(path)))
	return t.leaves[t.last[first].from:t.last[first+width-1].to]
}

// TreeReader is a [Tree], wherever it is.
type TreeReader interface {
	Node(ctx context.Context, path string) (TreeNode, error)
}

// Differing is one product of which two trees hold different snapshots.
type Differing struct {
	Store   domain.StoreID   `json:"store"`
	Product domain.ProductID `json:"product"`
	Ours    *Hash            `json:"ours"`   // nil: there is none
	Theirs  *Hash            `json:"theirs"` // nil: there is none
}

// DifferingProducts returns up to most products that differ between two trees, in
// the order of the trees. It looks only into nodes that differ.
func DifferingProducts(ctx context.Context, ours, theirs TreeReader, most int) ([]Differing, error) {
	var out []Differing
	paths := []string{""}
	for len(paths) > 0 && len(out) < most {
		path := paths[0]
		paths = paths[1:]
		a, err := ours.Node(ctx, path)
		if err != nil {
			return out, err
		}
		b, err := theirs.Node(ctx, path)
		if err != nil {
			return out, err
		}
		if a.Digest == b.Digest {
			continue
		}
		out = append(out, differingSnapshots(a.Snapshots, b.Snapshots)...)
		paths = append(differingChildren(a.Children, b.Children), paths...)
	}
	return out[:min(most, len(out))], nil
}

func differingChildren(ours, theirs []TreeNode) (paths []string) {
	digests := map[string][2]Hash{}
	for side, nodes := range [][]TreeNode{ours, theirs} {
		for _, n := range nodes {
			d := digests[n.Path]
			d[side] = n.Digest
			digests[n.Path] = d
		}
	}
	for path, d := range digests {
		if d[0] != d[1] {
			paths = append(paths, path)
		}
	}
	slices.Sort(paths)
	return paths
}

func differingSnapshots(ours, theirs []SnapshotHash) (out []Differing) {
	for len(ours) > 0 || len(theirs) > 0 {
		switch order := compareSnapshots(ours, theirs); {
		case order < 0:
			out = append(out, Differing{ours[0].Store, ours[0].Product, &ours[0].Digest, nil})
			ours = ours[1:]
		case order > 0:
			out = append(out, Differing{theirs[0].Store, theirs[0].Product, nil, &theirs[0].Digest})
			theirs = theirs[1:]
		default:
			if !bytes.Equal(ours[0].Digest[:], theirs[0].Digest[:]) {
				out = append(out, Differing{ours[0].Store, ours[0].Product, &ours[0].Digest, &theirs[0].Digest})
			}
			ours, theirs = ours[1:], theirs[1:]
		}
	}
	return out
}

// compareSnapshots orders the first of two lists, of which one may have ended.
func compareSnapshots(ours, theirs []SnapshotHash) int {
	switch {
	case len(theirs) == 0:
		return -1
	case len(ours) == 0:
		return 1
	}
	if c := strings.Compare(string(ours[0].Store), string(theirs[0].Store)); c != 0 {
		return c
	}
	return strings.Compare(string(ours[0].Product), string(theirs[0].Product))
}

// encodeSnapshot is the value that a bucket holds of a product.
func encodeSnapshot(p *domain.Product) ([]byte, error) {
	value, err := p.AppendJSON(nil)
	if err != nil {
		return nil, fmt.Errorf("encode the snapshot of %s/%s: %w", p.Store, p.ID, err)
	}
	return value, nil
}
