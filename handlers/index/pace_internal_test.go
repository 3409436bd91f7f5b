package index

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/projections/search/sqlite"
)

func TestYields(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		last, folded, indexed domain.Position
		want                  bool
	}{
		"Idle":                   {10, 10, 5, false},
		"LittleToFold":           {10 + muchToFold, 10, 5, false},
		"MuchToFold":             {11 + muchToFold, 10, 5, true},
		"FarBehind":              {2 * farBehind, farBehind + 5, 5, false},
		"NotQuiteFarBehind":      {2 * farBehind, farBehind + 4, 5, true},
		"AheadOfWhatWasRefolded": {2 * farBehind, 10, 100, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := yields(tt.last, tt.folded, tt.indexed); got != tt.want {
				t.Errorf("the log ends at %d, folded to %d, indexed to %d: yields %v, want %v", tt.last, tt.folded, tt.indexed, got, tt.want)
			}
		})
	}
}

// TestHandler_pause: the index takes its time while something comes, and nobody waits.
func TestHandler_pause(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := &Handler{wake: make(chan struct{}, 1)}
		for _, tt := range []struct {
			quiet, whole bool
			awaited      int
			want         time.Duration
		}{{false, true, 0, leisure * time.Second}, {true, true, 0, 0}, {false, false, 0, 0}, {false, true, 1, 0}} {
			h.awaited = tt.awaited
			at := &sqlite.Standing{Products: sqlite.Products{Whole: tt.whole}}
			began := time.Now()
			if h.pause(t.Context(), at, time.Second, tt.quiet); time.Since(began) != tt.want {
				t.Errorf("%+v: it paused %s", tt, time.Since(began))
			}
		}
	})
}
