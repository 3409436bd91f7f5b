package audit

import (
	"context"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/audit/tree"
	"github.com/tillstream/tillstream/projections/search/sqlite"
	"github.com/tillstream/tillstream/streams"
)

// Copies are what the search index keeps of the messages of the logs, to answer from.
type Copies interface {
	// Tile is the tile of leaves that the copies of a log's messages make, whatever they
	// are. It is false where there are not so many. The error is a [*sqlite.DamagedError]
	// where they cannot be read, so that nobody is answered from them, or says why the
	// index cannot.
	Tile(ctx context.Context, log string, n int64) (t *tree.Tile, copied bool, err error)
}

// NoCopies are copies that cannot be read at all, and why.
type NoCopies struct{ Err error }

// Tile returns the reason.
func (n NoCopies) Tile(context.Context, string, int64) (*tree.Tile, bool, error) {
	return nil, false, n.Err
}

// copyCheck compares the copies of one log with the log, tile by tile.
type copyCheck struct {
	log     string
	last    func(context.Context) (domain.Position, error) // of the log, now
	copies  Copies
	hasher  tree.Hasher
	tile    tree.Tile       // of the messages that were read
	next    domain.Position // of the one that comes next
	agreed  uint64          // messages that have a copy which is right
	damaged few             // tiles that cannot be read
	none    bool            // nor are there any further on
	ended   *Result         // what was found, when there is no need to go on
}

func newCopyCheck(log *streams.Log, copies Copies) *copyCheck {
	return &copyCheck{log: log.Name(), last: log.Last, copies: copies, next: 1, none: copies == nil}
}

// done reports whether there is nothing more to compare.
func (c *copyCheck) done() bool { return c.none || c.ended != nil }

func (c *copyCheck) take(ctx context.Context, m *streams.Message) error {
	if err := c.pass(ctx, m.Position-1); err != nil || c.done() {
		return err
	}
	c.tile.Hashes[(c.next-1)%tree.TileWidth] = c.hasher.Leaf(message(m))
	c.next++
	return c.compare(ctx)
}

// pass goes over positions without a message, up to one of them.
func (c *copyCheck) pass(ctx context.Context, to domain.Position) error {
	for c.next <= to && !c.done() {
		c.tile.Hashes[(c.next-1)%tree.TileWidth] = c.hasher.Absent(c.log, c.next)
		c.next++
		if err := c.compare(ctx); err != nil {
			return err
		}
	}
	return nil
}

// compare compares the tile that is whole with the last position, if one is.
func (c *copyCheck) compare(ctx context.Context) error {
	if (c.next-1)%tree.TileWidth != 0 {
		return nil
	}
	first := c.next - tree.TileWidth
	kept, copied, err := c.copies.Tile(ctx, c.log, int64(first-1)/tree.TileWidth)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case sqlite.IsDamaged(err):
		c.damaged.add("from position %d to %d: %v", first, c.next-1, err)
	case err != nil:
		c.end(Skip, "the copies that questions are answered from cannot be compared from position %d on: %v", first, err)
	case !copied:
		c.none = true
	case !c.differs(kept, first):
		c.agreed += tree.TileWidth
	}
	return nil
}

// differs looks for the first message of the tile from a position on, as far as it was read,
// of which there is another copy.
func (c *copyCheck) differs(kept *tree.Tile, first domain.Position) bool {
	for at := first; at < c.next; at++ {
		if kept.Hashes[at-first] != c.tile.Hashes[at-first] {
			c.end(Fail, "the search index's copy of position %d is not what the log has. Which of the two is as it was recorded the check tree says: where that passes, tillstream rebuild --index makes the copies anew", at).Position = at
			return true
		}
	}
	return false
}

func (c *copyCheck) end(s State, format string, args ...any) *Result {
	r := Result{Code: Copied, Log: c.log}.is(s, format, args...)
	c.ended = &r
	return c.ended
}

// result says what was found of a log that was read to its end, or that is not there.
func (c *copyCheck) result(ctx context.Context, extent streams.Extent, there bool) (Result, error) {
	if err := c.pass(ctx, domain.Position(extent.Last)); err != nil {
		return Result{}, err
	}
	if !c.done() && there {
		if err := c.beyond(ctx, domain.Position(extent.Last)); err != nil {
			return Result{}, err
		}
	}
	switch {
	case c.damaged.n > 0 && (c.ended == nil || c.ended.State == Skip):
		c.end(Warn, "%s of the copies that questions are answered from cannot be read, and so are not answered from; tillstream rebuild --index makes them anew: %s", number(c.damaged.n, "sheet"), &c.damaged)
	case c.ended != nil:
	case c.copies == nil:
		c.end(Pass, "there is no search index; questions are answered from the log itself")
	case !there:
		c.end(Skip, "the log is missing")
	case c.agreed == 0:
		c.end(Pass, "the search index has no copies of its messages; questions are answered from the log itself")
	default:
		c.end(Pass, "%s agree with the copies that questions are answered from", number(c.agreed, "message"))
	}
	return *c.ended, nil
}

// beyond looks for copies of what the log has not.
func (c *copyCheck) beyond(ctx context.Context, last domain.Position) error {
	first := (c.next-1)/tree.TileWidth*tree.TileWidth + 1
	kept, copied, err := c.copies.Tile(ctx, c.log, int64(first-1)/tree.TileWidth)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case sqlite.IsDamaged(err):
		c.damaged.add("from position %d on: %v", first, err)
	case err != nil && c.agreed == 0:
		c.end(Skip, "the copies that questions are answered from cannot be compared: %v", err)
	case err == nil && copied && !c.differs(kept, first):
		// They are copies of what has come since the reading began, if there is any.
		now, err := c.last(ctx)
		if err == nil && now < first+tree.TileWidth-1 {
			c.end(Fail, "the log ends at position %d, and the search index has copies of others behind it", last).Position = c.next
		}
		return err
	}
	return nil
}
