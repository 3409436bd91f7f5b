package projections_test

import (
	"testing"
	"time"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/projections"
)

func TestPositionAt(t *testing.T) {
	t.Parallel()
	var l log
	for range 5 { // recorded a second apart, the third and the fourth at once
		l.add(t, domain.TypeProductDeleted, `{"item":"i-1"}`)
	}
	l[3].RecordedAt = l[2].RecordedAt
	for _, tt := range []struct {
		at   time.Time
		want domain.Position
	}{
		{start, 1},
		{l[0].RecordedAt, 1},
		{l[0].RecordedAt.Add(time.Nanosecond), 2},
		{l[2].RecordedAt, 3},
		{l[3].RecordedAt.Add(time.Nanosecond), 5},
		{l[4].RecordedAt.Add(time.Hour), 6},
	} {
		if got, err := projections.PositionAt(t.Context(), l, tt.at); err != nil || got != tt.want {
			t.Errorf("at %s: %d, %v; want %d", tt.at, got, err, tt.want)
		}
	}
	if got, err := projections.PositionAt(t.Context(), log(nil), start); err != nil || got != 1 {
		t.Errorf("in an empty log: %d, %v; want 1", got, err)
	}
}
