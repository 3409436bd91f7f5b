package ingest

import (
	"context"
	"errors"
	"io"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/streams"
)

// Log is the POS log as ingest needs it.
type Log interface {
	// Submit queues a group of events behind what was submitted before; the group
	// is recorded whole or not at all. The returned function waits for the answer:
	// one for each event, in order, or the error that kept the group out.
	Submit(ctx context.Context, store domain.StoreID, group []domain.Envelope) func(context.Context) ([]streams.Appended, error)
}

// MostInFlight is how many groups of one request may wait for the log at a time:
// enough to fill its largest batches, few enough to bound memory.
const MostInFlight = 2048

// DefaultPatience is how long an event waits for the log's answer. A broker that is
// away longer is told to the caller, who then sends again.
const DefaultPatience = 15 * time.Second

// Service appends what comes in for any store.
type Service struct {
	// Patience is [DefaultPatience] unless changed before the first use.
	Patience time.Duration

	log Log
	now func() time.Time
}

// New returns a Service that appends to log.
func New(log Log, now func() time.Time) *Service {
	return &Service{Patience: DefaultPatience, log: log, now: now}
}

func (s *Service) await(ctx context.Context, wait func(context.Context) ([]streams.Appended, error)) ([]streams.Appended, error) {
	ctx, cancel := context.WithTimeout(ctx, s.Patience)
	defer cancel()
	return wait(ctx)
}

// unit is what is recorded whole or not at all.
type unit struct {
	group  []domain.Envelope
	refuse error // set when nothing of the unit may be recorded
	about  any   // what the source wants to know again when the answer comes
}

// pipe appends the units that next yields until it returns io.EOF, in their
// order, and calls done for each in the same order; idle is called whenever no
// further answer is on its way. With dry, nothing is recorded.
func (s *Service) pipe(ctx context.Context, store domain.StoreID, dry bool, next func() (unit, error), done func(unit, []streams.Appended, error) error, idle func() error) error {
	type inFlight struct {
		unit unit
		wait func(context.Context) ([]streams.Appended, error)
	}
	queue := make(chan inFlight, MostInFlight)
	var unread error // why next ended, which concerns nothing that it yielded before
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		defer close(queue)
		for {
			u, err := next()
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err != nil {
				unread = err
				return nil
			}
			f := inFlight{unit: u}
			if u.refuse == nil && len(u.group) > 0 && !dry {
				f.wait = s.log.Submit(ctx, store, u.group)
			}
			select {
			case queue <- f:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	})
	g.Go(func() error {
		for f := range queue {
			var answers []streams.Appended
			err := f.unit.refuse
			if f.wait != nil {
				answers, err = s.await(ctx, f.wait)
			}
			if unknown, ok := errors.AsType[*streams.UnknownOutcomeError](err); ok {
				return unknown // what is behind it would wait as long, one after the other
			}
			if err := done(f.unit, answers, err); err != nil {
				return err
			}
			if len(queue) == 0 {
				if err := idle(); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err := g.Wait(); err != nil {
		return err
	}
	return unread
}
