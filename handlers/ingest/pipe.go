package ingest

import (
	"context"
	"errors"
	"io"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/streams"
)

// Bounds of what one request may have on its way into the log: enough to fill its
// largest batches while one is being stored, few enough that others get in, too.
const (
	MostGroupsInFlight = 2048
	MostEventsInFlight = 2 * streams.MaxGroup
)

// unit is what is recorded whole or not at all.
type unit struct {
	group  []domain.Envelope
	refuse error // set when nothing of the unit may be recorded
	about  any   // what the source wants to know again when the answer comes
}

// inFlight is a unit on its way into the log, and what it takes of the bounds.
type inFlight struct {
	unit          unit
	wait          func(context.Context) ([]streams.Appended, error)
	events, bytes int64
}

// submitter is how units get into the log, see [Log].
type submitter func(context.Context, domain.StoreID, []domain.Envelope) func(context.Context) ([]streams.Appended, error)

// pipe appends the units that next yields until it returns io.EOF, in their
// order, by submit, and calls done for each in the same order; idle is called
// whenever no further answer is on its way. Without submit, nothing is recorded.
//
// It does not run further ahead of projecting than [Service.MostAhead].
func (s *Service) pipe(ctx context.Context, store domain.StoreID, submit submitter, next func() (unit, error), done func(unit, []streams.Appended, error) error, idle func() error) error {
	queue := make(chan inFlight, MostGroupsInFlight)
	events := semaphore.NewWeighted(MostEventsInFlight)
	waiting := share{of: s.waiting}
	defer waiting.giveBack()
	pace := pacer{projection: s.Projection, most: s.MostAhead, patience: s.Patience, now: s.now}
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
			if u.refuse == nil && len(u.group) > 0 && submit != nil {
				f.events, f.bytes = sizeOf(u.group)
				if err := admit(ctx, &pace, events, &waiting, f); err != nil {
					return err
				}
				f.wait = submit(ctx, store, u.group)
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
				events.Release(f.events)
				waiting.release(f.bytes)
			}
			if unknown, ok := errors.AsType[*streams.UnknownOutcomeError](err); ok {
				return unknown // what is behind it would wait as long, one after the other
			}
			for _, a := range answers {
				pace.appended(a.Position)
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

// admit waits until a unit may be on its way. It waits for the pace first: what it has
// taken of memory is given back by an answer of the log, and by nothing else.
func admit(ctx context.Context, pace *pacer, events *semaphore.Weighted, waiting *share, f inFlight) error {
	if err := pace.wait(ctx); err != nil {
		return err
	}
	if err := events.Acquire(ctx, f.events); err != nil {
		return err
	}
	return waiting.acquire(ctx, f.bytes)
}

// sizeOf is what a group takes of the bounds, at most all of them.
func sizeOf(group []domain.Envelope) (events, bytes int64) {
	for i := range group {
		bytes += int64(len(group[i].Data))
	}
	return min(int64(len(group)), MostEventsInFlight), min(bytes, MostWaiting)
}
