package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/projections/search"
)

// Sheet holds copies of neighbouring messages of a log. What is in it and how it is hashed
// is the business of who writes and reads it.
type Sheet struct {
	Log      string // as in [search.Kind]
	N        int64  // among the sheets of its log, from 0
	Hash     [32]byte
	Messages []byte
}

// Sheet reads one sheet of a log, or returns [domain.ErrNotFound] where the index has not so
// many. One that is missing below that is a [*DamagedError].
func (v *View) Sheet(ctx context.Context, log string, n int64) (Sheet, error) {
	s := Sheet{Log: log, N: n}
	if n >= v.Sheets.of(log) {
		return s, fmt.Errorf("sheet %d of the log %s: %w", n, log, domain.ErrNotFound)
	}
	var hash []byte
	err := v.tx.QueryRowContext(ctx, "SELECT hash, messages FROM sheet WHERE log = ? AND n = ?", log, n).Scan(&hash, &s.Messages)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return s, &DamagedError{fmt.Errorf("sheet %d of the log %s is missing", n, log)}
	case err != nil:
		return s, fmt.Errorf("read the search index: %w", err)
	case len(hash) != len(s.Hash):
		return s, &DamagedError{fmt.Errorf("the hash of sheet %d of the log %s has %d bytes", n, log, len(hash))}
	}
	s.Hash = [32]byte(hash)
	return s, nil
}

// of is how many sheets a log has.
func (s *Sheets) of(log string) int64 {
	switch log {
	case search.POS:
		return s.POS
	case search.Sync:
		return s.Sync
	}
	return 0
}
