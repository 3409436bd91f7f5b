package audit

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/audit/tree"
	"github.com/tillstream/tillstream/streams"
)

// Empty says whether nothing was ever recorded on a broker. The error is a
// [*streams.NotEmptyError] when something was; hashes that are left of other logs are
// something, too: they would contradict those that are restored.
func Empty(ctx context.Context, conn *streams.Conn) error {
	for _, stream := range append(streams.Kept(), conn.Tiles().Name()) {
		extent, err := conn.Extent(ctx, stream)
		var missing *streams.MissingError
		switch {
		case errors.As(err, &missing):
		case err != nil:
			return err
		case extent.Last > 0:
			return &streams.NotEmptyError{Stream: stream, Last: domain.Position(extent.Last)}
		}
	}
	return nil
}

// Restore fills an empty broker with the logs of an archive that was checked before, and
// reads back what has arrived. open begins to read the archive anew. After an error, or
// when the process dies, the broker may hold a part of it, and knows that, see
// [streams.Conn.Restoring].
func Restore(ctx context.Context, conn *streams.Conn, checked Checked, open func() (io.ReadCloser, error), progress func(Progress)) error {
	if err := Empty(ctx, conn); err != nil {
		return err
	}
	if err := conn.BeginRestoring(ctx); err != nil {
		return err
	}
	file, err := open()
	if err != nil {
		return err
	}
	defer file.Close()
	a, err := openArchive(file)
	if err != nil {
		return err
	}
	defer a.close()
	next, stop := iter.Pull2(func(yield func(tree.Message, error) bool) {
		err := a.messages(func(m tree.Message) error {
			if !yield(m, nil) {
				return errEnough
			}
			return nil
		})
		if err != nil && !errors.Is(err, errEnough) {
			yield(tree.Message{}, err)
		}
	})
	defer stop()
	m, err, more := next()
	for _, l := range checked.Manifest.Logs {
		messages := func(yield func(streams.Message, error) bool) {
			for ; more && (err != nil || m.Log == l.Stream); m, err, more = next() {
				if !yield(streams.Message{Subject: m.Subject, Header: m.Header, Data: m.Data, Position: m.Position, RecordedAt: m.RecordedAt}, err) || err != nil {
					return
				}
				if progress != nil && m.Position%10_000 == 0 {
					progress(Progress{l.Stream, m.Position, l.Last})
				}
			}
		}
		if err := conn.Restore(ctx, streams.Restored{Stream: l.Stream, Last: l.Last, Bytes: int64(l.Bytes), Messages: messages}); err != nil {
			return err
		}
	}
	if err != nil {
		return err
	}
	if err := conn.Ensure(ctx); err != nil {
		return err
	}
	for _, k := range a.control {
		if _, err := conn.Control().Put(ctx, k.Key, k.Value, nil); err != nil {
			return err
		}
	}
	if err := arrived(ctx, conn, checked, progress); err != nil {
		return err
	}
	return conn.EndRestoring(ctx)
}

// arrived compares what the broker has with what was checked.
func arrived(ctx context.Context, conn *streams.Conn, checked Checked, progress func(Progress)) error {
	for _, l := range checked.Manifest.Logs {
		root, size, err := rootOf(ctx, conn, l, progress)
		if err != nil {
			return err
		}
		if root != checked.roots[l.Stream] || size != int64(l.Last) {
			return fmt.Errorf("what has arrived of %s is not what the archive holds: %d messages, root %s instead of %s", l.Stream, size, root, checked.roots[l.Stream])
		}
	}
	return nil
}

func rootOf(ctx context.Context, conn *streams.Conn, l ArchivedLog, progress func(Progress)) (tlog.Hash, int64, error) {
	var t tree.Tree
	var hasher tree.Hasher
	absent := func(to domain.Position) {
		for at := t.Size() + 1; at <= int64(to); at++ {
			t.Add(hasher.Absent(l.Stream, domain.Position(at)))
		}
	}
	err := conn.Whole(ctx, l.Stream, l.Last, func(m streams.Message) error {
		absent(m.Position - 1)
		t.Add(hasher.Leaf(message(&m)))
		if progress != nil && m.Position%10_000 == 0 {
			progress(Progress{l.Stream, m.Position, l.Last})
		}
		return nil
	})
	absent(l.Last)
	return t.Hash(), t.Size(), err
}
