package ingest

import (
	"context"
	"io"
	"testing"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/streams"
)

// TestService_pipe_left: what a caller that goes away had of the memory for all is
// free again, wherever its events were.
func TestService_pipe_left(t *testing.T) {
	t.Parallel()
	const all = 1000
	s := &Service{Patience: time.Minute, now: time.Now, waiting: semaphore.NewWeighted(all), queued: semaphore.NewWeighted(all)}
	units := func(n int) func() (unit, error) {
		return func() (unit, error) {
			if n--; n < 0 {
				return unit{}, io.EOF
			}
			return unit{group: []domain.Envelope{{Data: make([]byte, all/4)}}}, nil
		}
	}
	nothing := func(unit, []streams.Appended, error) error { return nil }
	idle := func() error { return nil }
	ctx, leave := context.WithCancel(t.Context())
	submitted := 0
	silent := func(context.Context, domain.StoreID, []domain.Envelope) func(context.Context) ([]streams.Appended, error) {
		if submitted++; submitted == 4 { // the fifth finds no room
			leave()
		}
		return func(ctx context.Context) ([]streams.Appended, error) {
			<-ctx.Done()
			return nil, &streams.UnknownOutcomeError{Err: ctx.Err()}
		}
	}
	if err := s.pipe(ctx, "harbour", wayIn{silent, MostEventsInFlight, s.queued}, units(5), nothing, idle); err == nil || submitted != 4 {
		t.Errorf("%d units were submitted, %v; want 4, and an end", submitted, err)
	}
	if !s.waiting.TryAcquire(all) || !s.queued.TryAcquire(all) {
		t.Error("something is still taken")
	}
}
