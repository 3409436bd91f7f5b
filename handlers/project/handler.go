package project

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/projections"
	"github.com/tillstream/tillstream/streams"
)

// Defaults of a [Handler].
const (
	DefaultGroup   = 1 << 16
	DefaultMaxAge  = 100 * time.Millisecond
	DefaultBacklog = 50_000
	DefaultDrain   = 5 * time.Second
)

// source says in the SYNC log that a quarantine is ours.
const source domain.SourceID = "/tillstream/project"

// handlerName is who could not use the message of a dead letter.
const handlerName = "project"

// UnknownStore is the kind of a letter whose message is of a store that is not
// configured. It concerns no product, so nothing is quarantined for it.
const UnknownStore streams.Kind = "unknown_store"

// Handler projects the POS log into a catalog. Make one with [New], change the
// exported fields before [Handler.Run]. It may be run again when it has ended.
type Handler struct {
	// Group is how many changed products are stored at a time at most.
	Group int
	// MaxAge is how long a folded event waits for others before it is stored.
	MaxAge time.Duration
	// Backlog is how many messages must wait for MaxAge not to count, so that the
	// many events of one product in a long history become one write.
	Backlog uint64
	// Drain is how long Run may go on storing after its context has ended.
	Drain time.Duration
	// Applied, when set, is told what was appended to the SYNC log.
	Applied func(domain.Recorded, domain.Event)
	// Seen, when set, is told of every message that is an event, in order, whatever
	// becomes of it. After a restart it may be told again.
	Seen func(*domain.Recorded)
	// Now is the clock of what an operator does.
	Now func() time.Time

	catalog *projections.Catalog
	log     *streams.Log
	sync    *streams.Log
	letters *streams.DeadLetters
	known   func(domain.StoreID) bool

	mu   sync.Mutex
	open map[about][]openLetter

	build     *build             // nil but in [Handler.Build]
	unwritten *projections.Batch // failed, and to be written before any other
	problem   atomic.Pointer[string]
	counters  counters
}

// New returns a handler that folds into catalog. known says whether a store is
// configured.
func New(catalog *projections.Catalog, conn *streams.Conn, known func(domain.StoreID) bool) *Handler {
	return &Handler{
		Group: DefaultGroup, MaxAge: DefaultMaxAge, Backlog: DefaultBacklog, Drain: DefaultDrain,
		Now:     time.Now,
		catalog: catalog, log: conn.POS(), sync: conn.Sync(), letters: conn.DeadLetters(), known: known,
		open: map[about][]openLetter{},
	}
}

// Run projects until ctx ends; then it stores what it has folded and returns nil,
// or what kept it from storing that. Any other error is no hiccup of the broker
// and needs a person.
func (h *Handler) Run(ctx context.Context) error {
	err := h.persist(ctx, func() error { return h.follow(ctx) })
	if ctx.Err() != nil {
		return h.drain(ctx)
	}
	return err
}

// persist does something again as long as it fails by hiccups of the broker. When ctx
// ends, the error is that of what was being done.
func (h *Handler) persist(ctx context.Context, do func() error) error {
	pauses := backoff.NewExponentialBackOff()
	pauses.InitialInterval, pauses.MaxInterval = 100*time.Millisecond, 10*time.Second
	pauses.Reset()
	for {
		before := h.catalog.Position()
		err := do()
		if err == nil || ctx.Err() != nil {
			return err
		}
		if !isHiccup(err) {
			return fmt.Errorf("project from position %d: %w", h.catalog.Position()+1, err)
		}
		if h.catalog.Position() > before {
			pauses.Reset()
		}
		pause := pauses.NextBackOff()
		problem := fmt.Sprintf("projecting waits at position %d and tries again: %v", h.catalog.Position(), err)
		h.problem.Store(&problem)
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// isHiccup reports whether the same may succeed later without anybody's help.
func isHiccup(err error) bool {
	var unavailable *streams.UnavailableError
	var unknown *streams.UnknownOutcomeError
	return errors.As(err, &unavailable) || errors.As(err, &unknown) ||
		errors.Is(err, domain.ErrConflict) || // a replica is behind
		errors.Is(err, context.DeadlineExceeded) // a request's own; the caller's is looked at first
}

// drain stores what is folded when the caller's context has ended.
func (h *Handler) drain(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), h.Drain)
	defer cancel()
	if err := h.write(ctx, h.unwritten); err != nil {
		return fmt.Errorf("store the last snapshots: %w; the next start folds their events again", err)
	}
	if err := h.write(ctx, h.catalog.Seal()); err != nil {
		return fmt.Errorf("store the last snapshots: %w; the next start folds their events again", err)
	}
	return nil
}

func (h *Handler) write(ctx context.Context, b *projections.Batch) error {
	if b == nil {
		return nil
	}
	return b.Write(ctx)
}

// Problem says in a sentence what keeps the handler from going on, or nothing.
func (h *Handler) Problem() string {
	if p := h.problem.Load(); p != nil {
		return *p
	}
	return ""
}

// counters are what Stats reads while Run writes.
type counters struct {
	folded, superseded, duplicate, letters, pending atomic.Uint64
}

func (c *counters) count(o domain.Outcome) {
	switch o {
	case domain.Folded:
		c.folded.Add(1)
	case domain.Superseded:
		c.superseded.Add(1)
	case domain.Duplicate:
		c.duplicate.Add(1)
	}
}

// Stats is what the handler has done since it was made, and where it is.
type Stats struct {
	Tally       domain.Tally    // events by what became of them
	DeadLetters uint64          // messages that were put aside
	Position    domain.Position // folded
	Stored      domain.Position // checkpointed
	Lag         uint64          // messages that waited behind the last one when it was sent
}

// Stats may be called at any time.
func (h *Handler) Stats() Stats {
	return Stats{
		Tally: domain.Tally{
			Folded: h.counters.folded.Load(), Superseded: h.counters.superseded.Load(), Duplicate: h.counters.duplicate.Load(),
		},
		DeadLetters: h.counters.letters.Load(),
		Position:    h.catalog.Position(),
		Stored:      h.catalog.Checkpoint(),
		Lag:         h.counters.pending.Load(),
	}
}
