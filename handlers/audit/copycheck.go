package audit

import (
	"context"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/audit/tree"
	"github.com/tillstream/tillstream/streams"
)

// Copies are what somebody keeps of the messages of the logs to answer from.
type Copies interface {
	// Tile is the tile of leaves that the copies of a log's messages make, whatever they
	// are. It is false where there are none of that number. The error says why they cannot
	// be read.
	Tile(ctx context.Context, log string, n int64) (t *tree.Tile, copied bool, err error)
}

// copyCheck compares the copies of one log with the log, tile by tile.
type copyCheck struct {
	log    string
	copies Copies
	hasher tree.Hasher
	tile   tree.Tile       // of the messages that were read
	next   domain.Position // of the one that comes next
	agreed domain.Position // up to here copies were compared and are right
	none   bool            // nor are there any further on
	ended  *Result         // what was found, when there is no need to go on
}

func newCopyCheck(log string, copies Copies) *copyCheck {
	return &copyCheck{log: log, copies: copies, next: 1, none: copies == nil}
}

func (c *copyCheck) take(ctx context.Context, m *streams.Message) error {
	for ; c.next < m.Position && !c.done(); c.next++ {
		c.tile.Hashes[(c.next-1)%tree.TileWidth] = c.hasher.Absent(c.log, c.next)
		if err := c.compare(ctx); err != nil {
			return err
		}
	}
	if c.done() {
		return nil
	}
	c.tile.Hashes[(m.Position-1)%tree.TileWidth] = c.hasher.Leaf(message(m))
	err := c.compare(ctx)
	c.next++
	return err
}

// done reports whether there is nothing more to compare.
func (c *copyCheck) done() bool { return c.none || c.ended != nil }

// compare compares the tile that ends with the next position.
func (c *copyCheck) compare(ctx context.Context) error {
	if c.next%tree.TileWidth != 0 {
		return nil
	}
	first := c.next - tree.TileWidth + 1
	kept, copied, err := c.copies.Tile(ctx, c.log, int64(first)/tree.TileWidth)
	r := Result{Code: Copied, Log: c.log}
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		r = r.is(Skip, "the copies that questions are answered from cannot be compared from position %d on: %v", first, err)
		c.ended = &r
	case !copied:
		c.none = true
	case kept.Hashes == c.tile.Hashes:
		c.agreed = c.next
	default:
		at := first
		for kept.Hashes[at-first] == c.tile.Hashes[at-first] {
			at++
		}
		r = r.is(Fail, "the search index answers of position %d something else than the log has; tillstream rebuild --index makes its copies anew", at).at(at, 0)
		c.ended = &r
	}
	return nil
}

// end says what was found, when the log has no more.
func (c *copyCheck) end() Result {
	r := Result{Code: Copied, Log: c.log}
	switch {
	case c.ended != nil:
		return *c.ended
	case c.copies == nil:
		return r.is(Pass, "there is no search index; questions are answered from the log itself")
	case c.agreed == 0:
		return r.is(Pass, "the search index has no copies of its messages; questions are answered from the log itself")
	}
	return r.is(Pass, "%s agree with the copies that questions are answered from", number(c.agreed, "message"))
}
