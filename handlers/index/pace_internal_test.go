package index

import (
	"testing"

	"github.com/tillstream/tillstream/domain"
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
