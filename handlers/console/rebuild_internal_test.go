package console

import "testing"

// A wish that means two things, or that cannot be tried, is refused before anything is
// done.
func TestRebuildWish_check(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		wish RebuildWish
		ok   bool
	}{
		"All":            {RebuildWish{}, true},
		"DryRun":         {RebuildWish{DryRun: true}, true},
		"DryRunForget":   {RebuildWish{DryRun: true, Forget: true}, true},
		"ErrTwo":         {RebuildWish{At: 7, Rollback: true}, false},
		"ErrDryCancel":   {RebuildWish{DryRun: true, Cancel: true}, false},
		"ErrDryRollback": {RebuildWish{DryRun: true, Rollback: true}, false},
	} {
		if err := tt.wish.check(); (err == nil) != tt.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}
