package projections

import (
	"context"
	"sort"
	"time"

	"github.com/tillstream/tillstream/domain"
)

// PositionAt returns the first position of a log that was recorded at a time or
// later, and the one behind the last when there is none. It reads as many single
// messages as the log's length has binary digits.
func PositionAt(ctx context.Context, log Log, at time.Time) (domain.Position, error) {
	last, err := log.Last(ctx)
	if err != nil {
		return 0, err
	}
	n := sort.Search(int(last), func(i int) bool {
		later := false
		if err == nil {
			position := domain.Position(i + 1)
			err = log.Read(ctx, "", "", position, position, func(rec domain.Recorded, _ error) error {
				later = !rec.RecordedAt.Before(at)
				return nil
			})
		}
		return later
	})
	return domain.Position(n + 1), err
}
