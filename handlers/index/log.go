package index

import (
	"bytes"
	"context"
	"errors"
	"slices"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/projections/search"
	"github.com/tillstream/tillstream/projections/search/sqlite"
	"github.com/tillstream/tillstream/streams"
)

// Log is a log of which single messages are read from the index's copies, as far as it has
// them, and from the log itself otherwise. Whatever else is asked of it the log answers.
type Log struct {
	streams.Events
	index *Handler
	log   *streams.Log
	name  string
}

// Logs are the POS and the SYNC log with the copies that the index has of them.
func (h *Handler) Logs() (pos, sync Log) {
	return Log{h.POS.Events(), h, h.POS, search.POS}, Log{h.Sync.Events(), h, h.Sync, search.Sync}
}

// readAtOnce bounds the memory of what is read together.
const readAtOnce = 256

// ReadAt is [streams.Events.ReadAt].
func (l Log) ReadAt(ctx context.Context, at []domain.Position, each func(domain.Recorded, error) error) error {
	for some := range slices.Chunk(at, readAtOnce) {
		if err := l.readSome(ctx, some, each); err != nil {
			return err
		}
	}
	return nil
}

// said is a message as [streams.Events] says it.
type said struct {
	rec domain.Recorded
	err error
}

func (l Log) readSome(ctx context.Context, at []domain.Position, each func(domain.Recorded, error) error) error {
	copies := l.copies(ctx, at)
	if len(copies) == 0 {
		return l.Events.ReadAt(ctx, at, each)
	}
	var rest []domain.Position
	for _, p := range at {
		if _, is := copies[p]; !is {
			rest = append(rest, p)
		}
	}
	err := l.Events.ReadAt(ctx, rest, func(rec domain.Recorded, err error) error {
		copies[rec.Position] = said{rec, err}
		return nil
	})
	if err != nil {
		return err
	}
	for _, p := range at {
		if err := each(copies[p].rec, copies[p].err); err != nil {
			return err
		}
	}
	return nil
}

// copies are the messages at some positions, in order, of which the index has copies.
func (l Log) copies(ctx context.Context, at []domain.Position) map[domain.Position]said {
	found := map[domain.Position]said{}
	ok := l.index.Messages(ctx, func(v *sqlite.View) error {
		r := sheetReader{log: l.log.Name()}
		sheet := sqlite.Sheet{N: -1}
		for _, p := range at {
			if n := sheetOf(p); n != sheet.N {
				var err error
				if sheet, err = v.Sheet(ctx, l.name, n); errors.Is(err, domain.ErrNotFound) {
					return nil // nor are there any behind it
				}
				if err == nil {
					err = r.open(&sheet)
				}
				if err == nil {
					err = r.check(&sheet)
				}
				if err != nil {
					return err
				}
			}
			m, copied, err := r.message(&sheet, p)
			if err != nil {
				return err
			}
			if copied {
				rec, err := l.Copied(p, m.Subject, m.RecordedAt, m.Header, bytes.Clone(m.Data))
				found[p] = said{rec, err}
			}
		}
		return nil
	})
	if !ok {
		return nil
	}
	return found
}
