package ingest

import (
	"context"
	"sync"
	"time"

	"github.com/tillstream/tillstream/domain"
)

// Projection is how far the POS log is projected, as pacing needs it.
type Projection interface {
	// Checkpoint is the position up to which everything is stored.
	Checkpoint() domain.Position
	// Await returns when everything up to a position is stored, or when ctx ends.
	Await(ctx context.Context, at domain.Position) error
}

// DefaultMostAhead is the [Service.MostAhead] of a new Service. The log takes events
// faster than they are projected, and both keep their order, so a sale waits behind
// all that was appended before it. Measured by BenchmarkSaleDuringImport.
const DefaultMostAhead = 100 * time.Millisecond

// markEvery is how far the marks of a pacer are apart at least.
const markEvery = 5 * time.Millisecond

// pacer keeps a request from appending far more than is projected: what was answered
// longer ago than most must be. That is a bound in time, because what a sale has to
// wait for is time, however fast the machine projects. A request that is answered
// within most never waits.
type pacer struct {
	projection Projection // nil: nothing is waited for
	most       time.Duration
	patience   time.Duration
	now        func() time.Time

	mu    sync.Mutex
	marks []mark // oldest first
	due   domain.Position

	stalled domain.Position // the checkpoint when waiting for it was given up
	gaveUp  bool
}

// mark says up to which position everything was answered at some time.
type mark struct {
	at       time.Time
	position domain.Position
}

// appended tells where an event has come to lie, which for a duplicate is long ago.
func (p *pacer) appended(at domain.Position) {
	if p.projection == nil {
		return
	}
	now := p.now()
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := len(p.marks); n > 0 && now.Sub(p.marks[n-1].at) < markEvery {
		p.marks[n-1].position = max(p.marks[n-1].position, at)
		return
	}
	p.marks = append(p.marks, mark{now, at})
}

// oldest is the newest position that was answered longer ago than most.
func (p *pacer) oldest() domain.Position {
	p.mu.Lock()
	defer p.mu.Unlock()
	before := p.now().Add(-p.most)
	for len(p.marks) > 0 && p.marks[0].at.Before(before) {
		p.due = max(p.due, p.marks[0].position)
		p.marks = p.marks[1:]
	}
	return p.due
}

// wait returns when all that was answered longer ago than most is projected, or
// when ctx ends. Where projecting stands still for as long as patience, nobody's
// sale is helped by waiting: it returns as well, and does not wait again until
// projecting goes on.
func (p *pacer) wait(ctx context.Context) error {
	if p.projection == nil {
		return nil
	}
	due := p.oldest()
	for {
		stored := p.projection.Checkpoint()
		if stored >= due || p.gaveUp && stored == p.stalled {
			return nil
		}
		p.gaveUp = false
		waiting, cancel := context.WithTimeout(ctx, p.patience)
		err := p.projection.Await(waiting, due)
		cancel()
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case p.projection.Checkpoint() == stored:
			p.stalled, p.gaveUp = stored, true
		}
	}
}
