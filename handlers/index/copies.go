package index

import (
	"context"
	"errors"
	"fmt"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/audit/tree"
	"github.com/tillstream/tillstream/projections/search"
	"github.com/tillstream/tillstream/projections/search/sqlite"
	"github.com/tillstream/tillstream/streams"
)

// Copies are the copies in an index of what the logs have, to be compared with that.
type Copies struct {
	names map[string]string // of the logs in the index
	view  func(context.Context, func(*sqlite.View) error) error
	close func() error
}

// errAway is why an index cannot be asked.
var errAway = errors.New("the search index is not open")

// Copies are those of the index, as long as it is kept.
func (h *Handler) Copies() *Copies {
	return &Copies{names: namesOf(h.POS, h.Sync), close: func() error { return nil }, view: func(ctx context.Context, do func(*sqlite.View) error) error {
		h.mu.Lock()
		index := h.index
		h.mu.Unlock()
		if index == nil {
			return errAway
		}
		return h.ask(ctx, index, do)
	}}
}

// OpenCopies opens the index in a file that nobody keeps. The error is
// [domain.ErrNotFound] where there is none from which a program on these logs would answer.
func OpenCopies(ctx context.Context, path string, conn *streams.Conn) (*Copies, error) {
	x, err := sqlite.OpenExisting(ctx, path)
	if err != nil {
		return nil, err
	}
	at, err := x.Standing(ctx)
	if err == nil {
		err = fits(ctx, conn.POS(), conn.Sync(), &at)
	}
	if err != nil {
		if errors.Is(err, errUseless) || sqlite.IsDamaged(err) {
			err = fmt.Errorf("%w: %w", err, domain.ErrNotFound)
		}
		return nil, errors.Join(err, x.Close())
	}
	return &Copies{names: namesOf(conn.POS(), conn.Sync()), view: x.View, close: x.Close}, nil
}

func namesOf(pos, sync *streams.Log) map[string]string {
	return map[string]string{pos.Name(): search.POS, sync.Name(): search.Sync}
}

// Close ends the use of a file that [OpenCopies] has opened.
func (c *Copies) Close() error { return c.close() }

// Tile is the tile of leaves that the copies of a log's messages make, whatever they are.
// It is false where there are not so many. The error is a [*sqlite.DamagedError] where they
// cannot be read, or says why the index cannot.
func (c *Copies) Tile(ctx context.Context, log string, n int64) (t *tree.Tile, copied bool, err error) {
	name, is := c.names[log]
	if !is {
		return nil, false, fmt.Errorf("there are no copies of a log %s: %w", log, domain.ErrNotFound)
	}
	err = c.view(ctx, func(v *sqlite.View) error {
		sheet, err := v.Sheet(ctx, name, n)
		if errors.Is(err, domain.ErrNotFound) {
			return nil
		}
		r := sheetReader{log: log}
		if err == nil {
			err = r.open(&sheet)
		}
		if err == nil {
			err = r.check(&sheet)
		}
		if err == nil {
			t, copied = r.entries.tile(log, n, &r.hasher), true
		}
		return err
	})
	return t, copied, err
}
