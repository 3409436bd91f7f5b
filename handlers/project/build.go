package project

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/streams"
)

// BuildOptions say how [Handler.Build] goes about it.
type BuildOptions struct {
	// Workers is how many goroutines decode; 0 is one for every processor. What comes
	// out does not depend on it.
	Workers int
	// Draft says that nobody goes by the catalog's bucket before the build has ended, and
	// that what a crash leaves of it is begun anew, see [projections.Catalog.Draft].
	Draft bool
	// Quiet tells nobody of messages that cannot be used: what is built is for looking.
	Quiet bool
	// Tell, when set, is told how far it is, often.
	Tell func(domain.Position)
}

// build is what a handler knows that builds a catalog anew.
type build struct {
	quiet  bool
	passes map[domain.Position]bool // messages that have their outcome elsewhere, or none
	owed   []settlement
}

// Settlement is a letter whose message a build has folded after all.
type Settlement struct {
	Letter  domain.Position  `json:"letter"`
	At      domain.Position  `json:"at"` // where the message has its outcome
	Product domain.ProductID `json:"product"`
}

// settlement is one whose product is to be found out.
type settlement struct {
	letter openLetter
	at     domain.Position
}

func (b *build) owes(letters []openLetter, r *reading) {
	for _, l := range letters {
		b.owed = append(b.owed, settlement{l, r.message.Position})
	}
}

// buildAge is how often a build stores what it has folded although it is little, so
// that not much is lost when it is interrupted. What a draft stores again stays in the
// bucket twice, so it does not hurry.
const (
	buildAge = 10 * time.Second
	draftAge = 5 * time.Minute
)

// Build folds the log into the handler's catalog up to a position, and returns when
// everything is stored. The catalog is one of its own, beside that of a handler that
// may be at work: what was decided there about single messages holds here, too. A
// message whose letter was dropped is passed over, and so is one that was requeued,
// because it has its outcome where it stands again. What becomes of letters whose
// messages can be folded here waits for [Handler.Settle].
//
// While the broker is away it waits. Interrupted, it leaves a catalog that the next
// call goes on with. Messages are decoded by several goroutines and folded by one, in
// the order of the log: an item may move between any two products, so the order among
// products matters, and decoding is what takes the time.
func (h *Handler) Build(ctx context.Context, to domain.Position, o BuildOptions) error {
	if err := h.beginBuild(ctx); err != nil {
		return err
	}
	h.build.quiet = o.Quiet
	h.MaxAge, h.Backlog = buildAge, math.MaxUint64
	if o.Draft {
		h.catalog.Draft(0)
		h.MaxAge = draftAge
	}
	return h.persist(ctx, func() error { return h.buildOn(ctx, to, o) })
}

// buildOn builds from where the catalog is.
func (h *Handler) buildOn(ctx context.Context, to domain.Position, o BuildOptions) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	handfuls := make(chan []reading)
	failed := make(chan error, 1)
	var reads sync.WaitGroup
	defer reads.Wait()
	defer cancel()
	reads.Go(func() {
		if err := h.readTo(ctx, to, o, handfuls); err != nil {
			failed <- err
			return
		}
		close(handfuls)
	})
	return h.consume(ctx, handfuls, failed)
}

// Owed are the letters whose messages a build has folded.
func (h *Handler) Owed() []Settlement {
	if h.build == nil {
		return nil
	}
	out := make([]Settlement, len(h.build.owed))
	for i, s := range h.build.owed {
		out[i] = Settlement{s.letter.id, s.at, h.productOf(s.letter.about)}
	}
	return out
}

// MayOwe reports whether there is an open letter whose message could be folded, up to a
// position: of a build that another process has begun, nobody knows whether it was.
func (h *Handler) MayOwe(ctx context.Context, upTo domain.Position) (bool, error) {
	letters, err := h.letters.List(ctx, "", true)
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(letters, func(l streams.Letter) bool {
		m := &l.Original
		return h.ours(&l) && m.Position <= upTo && (m.Store == "" || h.known(m.Store)) && decode(*m).err == nil
	}), nil
}

// Settle ends letters, and the quarantines that they stand for. It is for after the
// catalog is in use into which their messages were folded, by whatever process: settling
// again changes nothing.
func (h *Handler) Settle(ctx context.Context, owed []Settlement) error {
	for _, s := range owed {
		letter, err := h.letters.Get(ctx, s.Letter)
		if err != nil {
			return err
		}
		if letter.Resolution != streams.Open {
			continue
		}
		m, err := h.log.At(ctx, s.At)
		if err != nil {
			return err
		}
		if err := h.settle(ctx, openLetterOf(&letter), s.Product, &reading{message: m}); err != nil {
			return err
		}
	}
	return nil
}

// beginBuild reads, once, what was decided about single messages.
func (h *Handler) beginBuild(ctx context.Context) error {
	if h.build != nil {
		return nil
	}
	h.build = &build{passes: map[domain.Position]bool{}}
	err := h.loadDecided(ctx)
	if err != nil {
		h.build = nil
	}
	return err
}

// loadDecided reads what was decided about single messages.
func (h *Handler) loadDecided(ctx context.Context) error {
	letters, err := h.letters.List(ctx, "", false)
	if err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	clear(h.open)
	for _, l := range letters {
		if !h.ours(&l) {
			continue
		}
		if l.Resolution == streams.Open {
			h.remember(openLetterOf(&l))
		}
		h.build.passes[l.Original.Position] = passed(&l)
	}
	return nil
}

// passed reports whether it is decided that a letter's message is not used where it
// stands.
func passed(l *streams.Letter) bool {
	switch l.Resolution {
	case streams.Dropped:
		return true
	case streams.Requeued:
		var at domain.Position
		_, err := fmt.Sscanf(l.Why, readAgain, &at)
		return err != nil || at != l.Original.Position
	}
	return false
}

// order is a handful that is being decoded.
type order struct {
	readings []reading
	decoded  chan struct{}
}

// readTo reads up to a position, has workers decode, and hands over what they have
// decoded in the order of the log.
func (h *Handler) readTo(ctx context.Context, to domain.Position, o BuildOptions, out chan<- []reading) error {
	if h.catalog.Position() >= to {
		return nil
	}
	reader, err := h.log.Follow(ctx, h.catalog.Position()+1)
	if err != nil {
		return err
	}
	defer reader.Close()
	workers := o.Workers
	if workers == 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	var working sync.WaitGroup
	defer working.Wait()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	jobs, inOrder := make(chan *order, workers), make(chan *order, ahead*workers)
	defer close(jobs)
	for range workers {
		working.Go(func() {
			for job := range jobs {
				if err := h.decodeAll(ctx, job); err != nil {
					cancel(err)
				}
			}
		})
	}
	working.Go(func() {
		defer close(inOrder)
		if err := scatter(ctx, reader, to, jobs, inOrder); err != nil {
			cancel(err)
		}
	})
	for job := range inOrder {
		<-job.decoded
		if ctx.Err() != nil {
			break
		}
		if o.Tell != nil {
			o.Tell(job.readings[len(job.readings)-1].message.Position)
		}
		select {
		case out <- job.readings:
		case <-ctx.Done():
		}
	}
	for range inOrder { // until the reader has heard of it
	}
	return context.Cause(ctx)
}

// decodeAll decodes a handful, and gets the states at hand that it will be folded into.
func (h *Handler) decodeAll(ctx context.Context, job *order) error {
	defer close(job.decoded)
	for i := range job.readings {
		job.readings[i].decode()
	}
	return h.catalog.Warm(ctx, itemsOf(job.readings))
}

// scatter reads up to a position and hands every handful both to whoever decodes it
// and to whoever takes it in order.
func scatter(ctx context.Context, reader *streams.Reader, to domain.Position, jobs, inOrder chan<- *order) error {
	for done := false; !done; {
		job := &order{readings: spare(), decoded: make(chan struct{})}
		for len(job.readings) < handful && !done {
			m, err := reader.Next(ctx)
			if err != nil {
				return err
			}
			if m.Position <= to {
				job.readings = append(job.readings, reading{message: m})
			}
			done = m.Position >= to || m.Pending == 0
		}
		if len(job.readings) == 0 {
			return nil
		}
		select {
		case jobs <- job:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		select {
		case inOrder <- job:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}
