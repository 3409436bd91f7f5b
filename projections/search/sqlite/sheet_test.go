package sqlite_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/projections/search/sqlite"
)

// TestView_Sheet: sheets come out as they went in, each of its log, and the digest is over
// them too.
func TestView_Sheet(t *testing.T) {
	t.Parallel()
	x, _ := open(t, filepath.Join(t.TempDir(), "index.db"))
	defer x.Close()
	all := []sqlite.Sheet{
		{Log: "POS", N: 0, Hash: [32]byte{1}, Messages: []byte("a\x00b")},
		{Log: "POS", N: 1, Hash: [32]byte{2}, Messages: make([]byte, 20_000)},
		{Log: "SYNC", N: 0, Hash: [32]byte{3}, Messages: []byte("c")},
	}
	empty := digest(t, x)
	apply(t, x, sqlite.Batch{Sheets: all[:1]})
	one := digest(t, x)
	uncounted := x.View(t.Context(), func(v *sqlite.View) error { _, err := v.Sheet(t.Context(), "POS", 0); return err })
	if !errors.Is(uncounted, domain.ErrNotFound) {
		t.Errorf("a sheet that the standing says nothing of: %v", uncounted)
	}
	apply(t, x, sqlite.Batch{Sheets: all[1:], Standing: sqlite.Standing{Sheets: sqlite.Sheets{POS: 2, Sync: 1}}})
	if three := digest(t, x); empty == one || one == three {
		t.Error("the digest says nothing of sheets")
	}
	for _, want := range all {
		got := view(t, x, func(v *sqlite.View) (sqlite.Sheet, error) { return v.Sheet(context.Background(), want.Log, want.N) })
		if d := cmp.Diff(want, got); d != "" {
			t.Error(d)
		}
	}
	if s, err := x.Standing(t.Context()); err != nil || s.Sheets != (sqlite.Sheets{POS: 2, Sync: 1}) {
		t.Errorf("it stands at %+v, %v", s, err)
	}
	err := x.View(t.Context(), func(v *sqlite.View) error { _, err := v.Sheet(t.Context(), "SYNC", 1); return err })
	if !errors.Is(err, domain.ErrNotFound) {
		t.Errorf("a sheet that is not there: %v", err)
	}
	if err := x.Apply(t.Context(), &sqlite.Batch{Sheets: all[2:]}); !sqlite.IsDamaged(err) {
		t.Errorf("a sheet was written twice: %v", err)
	}
	apply(t, x, sqlite.Batch{Standing: sqlite.Standing{Sheets: sqlite.Sheets{POS: 4, Sync: 1}}})
	err = x.View(t.Context(), func(v *sqlite.View) error { _, err := v.Sheet(t.Context(), "POS", 3); return err })
	if !sqlite.IsDamaged(err) {
		t.Errorf("a sheet that ought to be there: %v", err)
	}
}
