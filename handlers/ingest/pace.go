package ingest

import (
	"context"
	"sync/atomic"
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

// DefaultMostAhead is the [Service.MostAhead] of a new Service. The log takes
// events faster than they are projected, and both keep their order, so a sale waits
// behind all that was appended before it. Measured by BenchmarkSaleDuringImport.
const DefaultMostAhead = 4096

// pacer keeps a request from appending far more than is projected. A request that
// appends little never waits.
type pacer struct {
	projection Projection // nil: nothing is waited for
	most       domain.Position
	patience   time.Duration

	last    atomic.Uint64   // the newest position that was answered
	stalled domain.Position // of the checkpoint when waiting for it was given up
	gaveUp  bool
}

// appended tells where an event has come to lie, which for a duplicate is long ago.
func (p *pacer) appended(at domain.Position) {
	if at := uint64(at); at > p.last.Load() {
		p.last.Store(at)
	}
}

// wait returns when no more than most events wait to be projected before the newest
// one that was answered, or when ctx ends. Where projecting stands still for as long
// as patience, nobody's sale is helped by waiting: it returns as well, and does not
// wait again until projecting goes on.
func (p *pacer) wait(ctx context.Context) error {
	last := domain.Position(p.last.Load())
	if p.projection == nil || last <= p.most {
		return nil
	}
	for {
		stored := p.projection.Checkpoint()
		if stored >= last-p.most || p.gaveUp && stored == p.stalled {
			return nil
		}
		p.gaveUp = false
		waiting, cancel := context.WithTimeout(ctx, p.patience)
		err := p.projection.Await(waiting, last-p.most)
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
