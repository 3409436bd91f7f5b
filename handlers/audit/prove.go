package audit

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/audit/tree"
	"github.com/tillstream/tillstream/streams"
)

// MostProven is how many messages one bundle may hold.
const MostProven = 10_000

// ErrUnsigned says that no head covers what is to be proven yet.
var ErrUnsigned = errors.New("not signed yet")

// Wanted selects messages to prove.
type Wanted struct {
	streams.Query
	// At, when Known, is where all messages of the store and key lie, in order.
	At    []domain.Position
	Known bool
}

// read calls do for every message that is wanted.
func (w *Wanted) read(ctx context.Context, log *streams.Log, do func(streams.Message) error) error {
	if !w.Known {
		return log.Read(ctx, w.Query, do)
	}
	n, _ := slices.BinarySearch(w.At, w.To+1)
	return log.ReadKnown(ctx, w.Store, map[string]bool{w.Key: true}, w.At[:n], do)
}

// Prove makes a bundle of the messages that are wanted, and of an earlier signed
// head that the log has to continue, if one is given. Each query needs bounds that it
// cannot exceed the bundle with.
func Prove(ctx context.Context, conn *streams.Conn, key tree.Key, log *streams.Log, wanted []Wanted, since []byte) (*tree.Bundle, error) {
	signed, err := conn.Heads().Last(ctx, log.Name())
	if errors.Is(err, domain.ErrNotFound) {
		return nil, fmt.Errorf("the log %s: %w", log.Name(), ErrUnsigned)
	}
	if err != nil {
		return nil, err
	}
	head, err := tree.OpenHead(signed.Text, log.Name(), key)
	if err != nil {
		return nil, err
	}
	g := grove{conn, log.Name()}
	grown, err := g.whole(ctx, log, domain.Position(head.Size))
	if err != nil {
		return nil, err
	}
	hashes, err := grown.Reader(head, g.tiles(ctx))
	if err != nil {
		return nil, err
	}
	b := &tree.Bundle{Format: tree.BundleFormat, Log: log.Name(), Key: key.String(), Head: string(signed.Text), Events: []tree.Proven{}}
	for _, w := range wanted {
		if int64(w.From) > head.Size {
			return nil, fmt.Errorf("position %d: %w; the newest head covers the positions 1 to %d", w.From, ErrUnsigned, head.Size)
		}
		if w.To == 0 || int64(w.To) > head.Size {
			w.To = domain.Position(head.Size)
		}
		err := w.read(ctx, log, func(m streams.Message) error {
			if len(b.Events) == MostProven {
				return &domain.InvalidError{Path: "events", Value: fmt.Sprint(MostProven), Reason: "are as many as one bundle holds; ask for single positions"}
			}
			p, err := tree.Prove(message(&m), head, hashes)
			b.Events = append(b.Events, p)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	if since == nil {
		return b, nil
	}
	earlier, err := tree.OpenHead(since, log.Name(), key)
	if err != nil {
		return nil, &domain.InvalidError{Path: "since", Reason: err.Error()}
	}
	if earlier.Size > head.Size {
		return nil, &domain.InvalidError{Path: "since", Reason: fmt.Sprintf("it is of %d messages, and the newest head here of %d", earlier.Size, head.Size)}
	}
	b.Since = string(since)
	if earlier.Size == 0 {
		return b, nil
	}
	b.Continues, err = tlog.ProveTree(head.Size, earlier.Size, hashes)
	return b, err
}
