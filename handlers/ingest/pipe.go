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
// largest batches while one is being stored, few enough that others get in, too. An
// import has fewer, because all that it has on its way a sale may find before it.
const (
	MostGroupsInFlight       = 2048
	MostEventsInFlight       = 2 * streams.MaxGroup
	MostImportEventsInFlight = 600
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

	answers []streams.Appended
	err     error
}

// submitter is how units get into the log, see [Log].
type submitter func(context.Context, domain.StoreID, []domain.Envelope) func(context.Context) ([]streams.Appended, error)

// wayIn is how the units of a request get into the log.
type wayIn struct {
	submit   submitter           // nil: nothing is recorded
	inFlight int64               // events on their way at most
	queue    *semaphore.Weighted // what they take of meanwhile, if anything
}

// pipe appends the units that next yields until it returns io.EOF, in their
// order, and calls done for each in the same order; idle is called whenever no further
// answer is on its way.
//
// It does not run further ahead of projecting than [Service.MostAhead].
func (s *Service) pipe(ctx context.Context, store domain.StoreID, in wayIn, next func() (unit, error), done func(unit, []streams.Appended, error) error, idle func() error) error {
	submitted := make(chan inFlight, MostGroupsInFlight)
	events := semaphore.NewWeighted(in.inFlight)
	waiting, queued := share{of: s.waiting}, share{of: in.queue}
	defer waiting.giveBack()
	defer queued.giveBack()
	pace := pacer{projection: s.Projection, most: s.MostAhead, patience: s.Patience, now: s.now}
	var unread error // why next ended, which concerns nothing that it yielded before
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		defer close(submitted)
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
			if u.refuse == nil && len(u.group) > 0 && in.submit != nil {
				f.events, f.bytes = sizeOf(u.group, in.inFlight)
				if err := admit(ctx, &pace, events, &queued, &waiting, f); err != nil {
					return err
				}
				f.wait = in.submit(ctx, store, u.group)
			}
			select {
			case submitted <- f:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	})
	// What is shared is given back when the log has answered, however slowly the caller
	// reads: there is room here for all that a request may have on its way.
	answered := make(chan inFlight, MostGroupsInFlight)
	g.Go(func() error {
		defer close(answered)
		for f := range submitted {
			f.err = f.unit.refuse
			if f.wait != nil {
				f.answers, f.err = s.await(ctx, f.wait)
				queued.release(f.events)
				waiting.release(f.bytes)
			}
			if unknown, ok := errors.AsType[*streams.UnknownOutcomeError](f.err); ok {
				return unknown // what is behind it would wait as long, one after the other
			}
			for _, a := range f.answers {
				pace.appended(a.Position)
			}
			select {
			case answered <- f:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return nil
	})
	g.Go(func() error {
		for f := range answered {
			if f.wait != nil {
				events.Release(f.events)
			}
			if err := done(f.unit, f.answers, f.err); err != nil {
				return err
			}
			if len(answered) == 0 && len(submitted) == 0 {
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
func admit(ctx context.Context, pace *pacer, events *semaphore.Weighted, queued, waiting *share, f inFlight) error {
	if err := pace.wait(ctx); err != nil {
		return err
	}
	if err := events.Acquire(ctx, f.events); err != nil {
		return err
	}
	if err := queued.acquire(ctx, f.events); err != nil {
		return err
	}
	return waiting.acquire(ctx, f.bytes)
}

// sizeOf is what a group takes of the bounds, at most all of them.
func sizeOf(group []domain.Envelope, inFlight int64) (events, bytes int64) {
	for i := range group {
		bytes += int64(len(group[i].Data))
	}
	return min(int64(len(group)), inFlight), min(bytes, MostWaiting)
}
