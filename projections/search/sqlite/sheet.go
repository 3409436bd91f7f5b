package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/tillstream/tillstream/domain"
)

// Sheet holds copies of neighbouring messages of a log. What is in it and how it is hashed
// is the business of who writes and reads it.
type Sheet struct {
	Log      string // as in [search.Kind]
	N        int64  // among the sheets of its log, from 0
	Hash     [32]byte
	Messages []byte
}

// Sheet reads one sheet of a log, or returns [domain.ErrNotFound].
func (v *View) Sheet(ctx context.Context, log string, n int64) (Sheet, error) {
	s := Sheet{Log: log, N: n}
	var hash []byte
	err := v.tx.QueryRowContext(ctx, "SELECT hash, messages FROM sheet WHERE log = ? AND n = ?", log, n).Scan(&hash, &s.Messages)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return s, fmt.Errorf("sheet %d of the log %s: %w", n, log, domain.ErrNotFound)
	case err != nil:
		return s, fmt.Errorf("read the search index: %w", err)
	case len(hash) != len(s.Hash):
		return s, &DamagedError{fmt.Errorf("the hash of sheet %d of the log %s has %d bytes", n, log, len(hash))}
	}
	s.Hash = [32]byte(hash)
	return s, nil
}
