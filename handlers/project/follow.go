package project

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/projections"
	"github.com/tillstream/tillstream/streams"
)

// handful is how many messages the reader hands over at a time at most, and
// ahead how many handfuls it may be ahead.
const (
	handful = 256
	ahead   = 4
)

// reading is one message as the reader decoded it.
type reading struct {
	message streams.Message
	rec     domain.Recorded
	event   domain.Event
	err     error // why there is no event
}

// spares are handfuls that were folded. They are as large as what is in them, so that a new
// one for each would be a tenth of what a rebuild asks of the garbage collector.
var spares = sync.Pool{New: func() any { return new([]reading) }}

// spare returns an empty handful.
func spare() []reading {
	some := *spares.Get().(*[]reading)
	if some == nil {
		some = make([]reading, 0, handful)
	}
	return some
}

// done gives a handful back. Nobody keeps a pointer into it.
func done(some []reading) {
	clear(some)
	some = some[:0]
	spares.Put(&some)
}

// follow reads, folds and stores until something fails or ctx ends. Three
// goroutines share the work: one reads and decodes ahead, one stores a batch, and
// this one folds.
func (h *Handler) follow(ctx context.Context) error {
	if err := h.loadOpen(ctx); err != nil {
		return err
	}
	reader, err := h.log.Follow(ctx, h.catalog.Position()+1)
	if err != nil {
		return err
	}
	defer reader.Close()
	readCtx, stop := context.WithCancel(ctx)
	handfuls := make(chan []reading, ahead)
	failed := make(chan error, 1)
	var reads sync.WaitGroup
	reads.Go(func() { failed <- h.read(readCtx, reader, handfuls) })
	defer reads.Wait()
	defer stop()
	return h.consume(ctx, handfuls, failed)
}

// consume folds and stores handfuls until something fails, ctx ends, or the channel
// is closed and everything is stored.
func (h *Handler) consume(ctx context.Context, handfuls <-chan []reading, failed <-chan error) error {
	w := &writer{handler: h, done: make(chan error, 1), age: time.NewTimer(0)}
	<-w.age.C
	defer w.finish(ctx)
	w.start(ctx, h.unwritten)
	w.seal(ctx) // what the catalog has mended at its start
	for {
		in := handfuls
		if w.busy && h.catalog.Enough(h.Group) {
			in = nil // as much as may wait waits already
		}
		select {
		case some, more := <-in:
			if !more {
				handfuls = nil
				w.seal(ctx)
				if w.idle() {
					return nil
				}
				continue
			}
			if err := h.foldAll(ctx, some); err != nil {
				return err
			}
			pending := some[len(some)-1].message.Pending
			done(some)
			h.counters.pending.Store(pending)
			w.folded(ctx, pending)
		case err := <-w.done:
			if err := w.written(ctx, err); err != nil {
				return err
			}
			if handfuls == nil {
				w.seal(ctx)
				if w.idle() {
					return nil
				}
			}
		case <-w.age.C:
			w.aged(ctx)
		case err := <-failed:
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// read decodes messages and hands them over in their order, with the states that
// they will be folded into at hand, in handfuls that are not kept waiting for messages that may never come.
func (h *Handler) read(ctx context.Context, reader *streams.Reader, out chan<- []reading) error {
	some := spare()
	for {
		m, err := reader.Next(ctx)
		if err != nil {
			return err
		}
		some = append(some, decode(m))
		if len(some) < handful && m.Pending > 0 {
			continue
		}
		if err := h.catalog.Warm(ctx, itemsOf(some)); err != nil {
			return err
		}
		select {
		case out <- some:
		case <-ctx.Done():
			return ctx.Err()
		}
		some = spare()
	}
}

// itemsOf names the items that some messages are about.
func itemsOf(some []reading) []domain.Key {
	keys := make([]domain.Key, 0, len(some))
	for i := range some {
		if some[i].err == nil {
			keys = append(keys, domain.Key{Store: some[i].rec.Store, ID: some[i].rec.Subject})
		}
	}
	return keys
}

func decode(m streams.Message) reading {
	r := reading{message: m}
	r.decode()
	return r
}

// decode decodes the message in its place, since readings are large.
func (r *reading) decode() {
	if r.rec, r.err = r.message.Recorded(); r.err == nil {
		r.event, r.err = projections.Usable(&r.rec)
	}
}

func (h *Handler) foldAll(ctx context.Context, some []reading) error {
	for i := range some {
		if err := h.fold(ctx, &some[i]); err != nil {
			return err
		}
	}
	if h.unwritten == nil {
		h.problem.Store(nil)
	}
	return nil
}

// fold folds one message, or puts it aside.
func (h *Handler) fold(ctx context.Context, r *reading) error {
	if h.Seen != nil && r.rec.Position > 0 {
		h.Seen(&r.rec)
	}
	if h.build != nil && h.build.passes[r.message.Position] {
		h.counters.letters.Add(1)
		h.catalog.Advance(r.message.Position)
		return nil
	}
	if r.err == nil && !h.catalog.Knows(r.rec.Type) {
		r.err = &domain.UnknownTypeError{Type: r.rec.Type}
	}
	switch {
	case r.message.Store != "" && !h.known(r.message.Store):
		return h.putAside(ctx, r, UnknownStore, errors.New("store "+string(r.message.Store)+" is not configured"))
	case r.err != nil:
		return h.putAside(ctx, r, kindOf(r), r.err)
	}
	letters := h.lettersOf(r)
	outcome, err := h.catalog.Fold(ctx, r.rec, r.event)
	switch {
	case errors.Is(err, domain.ErrTooOld):
		return h.putAside(ctx, r, streams.TooOld, err)
	case projections.IsUnfoldable(err):
		return h.putAside(ctx, r, streams.Unfoldable, err)
	case err != nil:
		return err
	}
	h.counters.count(outcome)
	if h.build != nil {
		h.build.owes(letters, r)
		return nil
	}
	for _, l := range letters {
		if err := h.settle(ctx, l, h.productOf(l.about), r); err != nil {
			return err
		}
	}
	return nil
}

// writer stores one batch at a time and decides when to begin the next.
type writer struct {
	handler *Handler
	busy    bool
	batch   *projections.Batch
	done    chan error
	stop    context.CancelFunc
	age     *time.Timer
	ticking bool
	pending uint64 // messages behind the last one folded
	due     bool   // what is folded should be stored as soon as the writer is free
}

// start begins to store a batch. It goes on when ctx ends, until finish.
func (w *writer) start(ctx context.Context, b *projections.Batch) {
	if b == nil {
		return
	}
	ctx, w.stop = context.WithCancel(context.WithoutCancel(ctx))
	w.busy, w.batch = true, b
	go func() { w.done <- b.Write(ctx) }()
}

// seal begins to store what is folded, if there is anything and the writer is
// free.
func (w *writer) seal(ctx context.Context) {
	c := w.handler.catalog
	if w.busy || w.idle() {
		return
	}
	w.due, w.ticking = false, false
	w.age.Stop()
	w.start(ctx, c.Seal())
}

// idle reports whether everything that is folded is stored.
func (w *writer) idle() bool {
	c := w.handler.catalog
	return !w.busy && c.Position() == c.Checkpoint() && c.Unsealed() == 0
}

// folded is told that messages were folded and how many are behind them.
func (w *writer) folded(ctx context.Context, pending uint64) {
	w.pending = pending
	w.due = w.due || pending == 0 || w.handler.catalog.Enough(w.handler.Group)
	if w.due {
		w.seal(ctx)
		return
	}
	if !w.ticking {
		w.ticking = true
		w.age.Reset(w.handler.MaxAge)
	}
}

// aged is told that something folded has waited for long.
func (w *writer) aged(ctx context.Context) {
	w.ticking = false
	if w.pending <= w.handler.Backlog {
		w.due = true
		w.seal(ctx)
	}
}

// written is told what became of the batch.
func (w *writer) written(ctx context.Context, err error) error {
	w.stop()
	w.busy = false
	w.handler.unwritten = nil
	if err != nil {
		w.handler.unwritten = w.batch
		return err
	}
	w.handler.problem.Store(nil)
	if w.due {
		w.seal(ctx)
	}
	return nil
}

// finish waits for the batch under way; when ctx has ended, no longer than Drain.
func (w *writer) finish(ctx context.Context) {
	w.age.Stop()
	w.due = false
	if !w.busy {
		return
	}
	drain := time.NewTimer(w.handler.Drain)
	defer drain.Stop()
	select {
	case err := <-w.done:
		_ = w.written(context.WithoutCancel(ctx), err) // kept as unwritten
	case <-drain.C:
		w.stop()
		_ = w.written(context.WithoutCancel(ctx), <-w.done)
	}
}
