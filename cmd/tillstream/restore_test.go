package main

import (
	"testing"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/audit"
)

// TestToFold: of a long log it says what folds it faster.
func TestToFold(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		pos, sync domain.Position
		want      string
	}{
		{0, 0, "tillstream up"},
		{999_999, 5_000_000, "tillstream up"},
		{1_000_000, 0, "tillstream rebuild, which folds the 1,000,000 events several times faster, and then tillstream up"},
	} {
		m := &audit.Manifest{Logs: []audit.ArchivedLog{{Stream: "POS", Last: tt.pos}, {Stream: "SYNC", Last: tt.sync}}}
		if got := toFold(m); got != tt.want {
			t.Errorf("with %d and %d events: %q, want %q", tt.pos, tt.sync, got, tt.want)
		}
	}
}
