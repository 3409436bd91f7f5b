package audit

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/audit/tree"
	"github.com/tillstream/tillstream/streams"
)

// grove is where the tree of one log is kept.
type grove struct {
	conn *streams.Conn
	log  string
}

// open is the tree up to its last complete tile of leaves. Where tiles are missing it
// is the empty tree, which grows again.
func (g grove) open(ctx context.Context) (*tree.Tree, error) {
	n, err := g.conn.Tiles().Count(ctx, g.log, 0)
	if err != nil {
		return nil, err
	}
	t, err := tree.Resume(n*tree.TileWidth, g.tiles(ctx))
	if errors.Is(err, domain.ErrNotFound) {
		return &tree.Tree{}, nil
	}
	return t, err
}

// whole is the tree up to a position: what the tiles lack is read from the log.
func (g grove) whole(ctx context.Context, log *streams.Log, to domain.Position) (*tree.Tree, error) {
	t, err := g.open(ctx)
	if err != nil {
		return nil, err
	}
	var hasher tree.Hasher
	if int64(to) <= t.Size() {
		return t, nil
	}
	err = log.Read(ctx, streams.Query{From: domain.Position(t.Size() + 1), To: to}, func(m streams.Message) error {
		for at := t.Size() + 1; at < int64(m.Position); at++ {
			t.Add(hasher.Absent(g.log, domain.Position(at)))
		}
		t.Add(hasher.Leaf(message(&m)))
		return nil
	})
	return t, err
}

// tiles reads kept tiles.
func (g grove) tiles(ctx context.Context) func(level int, n int64) (tree.Tile, error) {
	return func(level int, n int64) (tree.Tile, error) {
		b, err := g.conn.Tiles().Get(ctx, g.log, level, n)
		if err != nil {
			return tree.Tile{}, err
		}
		return tree.ParseTile(level, n, b)
	}
}

func (g grove) put(ctx context.Context, tile *tree.Tile) error {
	err := g.conn.Tiles().Put(ctx, g.log, tile.Level, tile.N, tile.Bytes())
	if errors.Is(err, domain.ErrConflict) {
		width := int64(1) << (tree.TileHeight * (tile.Level + 1))
		return &ContradictionError{g.log, domain.Position(tile.N*width + 1), domain.Position((tile.N + 1) * width), err.Error()}
	}
	return err
}

// matches compares the tree with a head that it has passed.
func (g grove) matches(ctx context.Context, t *tree.Tree, h tree.Head) error {
	var unread error
	read := g.tiles(ctx)
	reader, err := t.Reader(h, func(level int, n int64) (tree.Tile, error) {
		tile, err := read(level, n)
		if err != nil {
			unread = err
		}
		return tile, err
	})
	if err != nil {
		return err
	}
	// The reader itself refuses tiles that do not amount to the head's root.
	root, err := tlog.TreeHash(h.Size, reader)
	switch {
	case unread != nil:
		return unread
	case err != nil || root != h.Root:
		return &ContradictionError{g.log, 1, domain.Position(h.Size), fmt.Sprintf("the hashes that are kept do not amount to the head that is signed for %d messages", h.Size)}
	}
	return nil
}
