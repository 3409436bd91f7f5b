package index

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/projections/search"
	"github.com/tillstream/tillstream/projections/search/sqlite"
	"github.com/tillstream/tillstream/streams"
)

// Defaults of a [Handler].
const (
	DefaultGroup  = 50_000
	DefaultPage   = 5_000
	DefaultLinger = 200 * time.Millisecond
	DefaultBytes  = 16 << 20
)

// Handler keeps one index. All exported fields are set before [Handler.Run]. The other
// methods may be called by anybody at any time.
type Handler struct {
	Path string // of the file
	Own  bool   // whatever has that name is ours
	search.Source
	POS, Sync   *streams.Log
	DeadLetters *streams.DeadLetters
	// Epoch is the one that the product states are of now.
	Epoch func() uint64
	// Group is how many messages one transaction holds at most.
	Group int
	// Bytes is how many bytes of copies of a log one transaction writes at most, about: fewer
	// messages than Group only where these are uncommonly large.
	Bytes int
	// Page is how many products one transaction reads at most when all are read.
	Page int
	// Log is told why a file is made anew.
	Log *slog.Logger
	// Linger is how long news waits for more of it, so that what changes often is
	// written seldom.
	Linger time.Duration

	mu       sync.Mutex
	index    *sqlite.Index // nil while there is none that can be asked
	standing sqlite.Standing
	problem  string
	failed   error         // what a question has met; Run tries with the file opened anew
	looks    []domain.Key  // products to look at although no message is about them
	read     int           // of the products that are all read
	wishes   uint64        // for a new file
	renewed  uint64        // of these, those that were fulfilled
	awaited  int           // who waits for a new file
	changed  chan struct{} // closed, and replaced, with every change of these
	wake     chan struct{}

	// Of Run alone.
	copyPOS, copySync *copyist // who copies the messages of the logs
}

// New returns a handler that has not begun.
func New(path string, source search.Source, conn *streams.Conn, epoch func() uint64) *Handler {
	return &Handler{
		Path: path, Source: source, POS: conn.POS(), Sync: conn.Sync(), DeadLetters: conn.DeadLetters(), Epoch: epoch,
		Group: DefaultGroup, Bytes: DefaultBytes, Page: DefaultPage, Linger: DefaultLinger, Log: slog.New(slog.DiscardHandler),
		changed: make(chan struct{}), wake: make(chan struct{}, 1),
	}
}

// Why the file is removed and begun anew: it is of no use, or somebody wants it.
var (
	errUseless = errors.New("the search index does not fit the log")
	errWished  = errors.New("the search index is made anew")
)

// Run keeps the index until ctx ends. Whatever fails is tried again: nothing depends on
// it.
func (h *Handler) Run(ctx context.Context) {
	pauses := backoff.NewExponentialBackOff()
	pauses.InitialInterval, pauses.MaxInterval = 100*time.Millisecond, time.Minute
	for {
		began := time.Now()
		err := h.keep(ctx)
		if ctx.Err() != nil {
			return
		}
		if errors.Is(err, errWished) {
			continue
		}
		if time.Since(began) > pauses.MaxInterval {
			pauses.Reset()
		}
		h.mu.Lock()
		h.problem = "the search index waits and tries again, and questions take longer: " + err.Error()
		h.change()
		h.mu.Unlock()
		select {
		case <-time.After(pauses.NextBackOff()):
		case <-h.wake:
		case <-ctx.Done():
			return
		}
	}
}

// keep opens the file and follows until something fails or ctx ends.
func (h *Handler) keep(ctx context.Context) error {
	x, anew, err := sqlite.Open(ctx, h.Path, h.Own)
	if err != nil {
		return err
	}
	if anew != "" && anew != sqlite.Missing {
		h.Log.Warn("the search index is made anew", "file", h.Path, "because", anew)
	}
	err = h.follow(ctx, x)
	h.mu.Lock()
	h.index, h.failed = nil, nil
	h.mu.Unlock()
	if ctx.Err() != nil || !errors.Is(err, errWished) && !errors.Is(err, errUseless) && !sqlite.IsDamaged(err) {
		return errors.Join(err, x.Close())
	}
	if err := x.Remove(); err != nil {
		return err
	}
	h.begun()
	return err
}

// follow writes what there is and what comes until something fails or ctx ends.
func (h *Handler) follow(ctx context.Context, x *sqlite.Index) (err error) {
	at, err := x.Standing(ctx)
	if err != nil {
		return err
	}
	if err := fits(ctx, h.POS, h.Sync, &at); err != nil {
		return err
	}
	if h.copyPOS, err = newCopyist(ctx, search.POS, h.POS, at.Sheets.POS, at.POS.Position); err != nil {
		return err
	}
	if h.copySync, err = newCopyist(ctx, search.Sync, h.Sync, at.Sheets.Sync, at.Sync.Position); err != nil {
		return err
	}
	defer func() {
		if ctx.Err() != nil {
			err = errors.Join(err, h.lastLooks(ctx, x, at))
		}
	}()
	h.publish(x, at)
	var before ends
	var moved time.Time
	for ctx.Err() == nil {
		if err := h.wanted(); err != nil {
			return err
		}
		now, err := h.ends(ctx)
		if err != nil {
			return err
		}
		if now != before {
			before, moved = now, time.Now()
		}
		if h.yields(&now, &at) {
			h.rest(ctx, yieldFor)
			continue
		}
		var done bool
		began := time.Now()
		quiet := began.Sub(moved) > quietFor
		if at, done, err = h.advance(ctx, x, at); err != nil {
			return err
		}
		took := time.Since(began)
		h.publish(x, at)
		if hurried := h.pause(ctx, &at, took, quiet); done && !hurried {
			h.wait(ctx, &at)
		}
	}
	return ctx.Err()
}

// lastLooks writes the products that somebody has had looked at, before the process ends:
// no message tells the next one of them. It writes nothing else, for what was read last may
// not have been written.
func (h *Handler) lastLooks(ctx context.Context, x *sqlite.Index, at sqlite.Standing) error {
	looks := h.looked()
	if len(looks) == 0 || at.Products.Epoch != h.Epoch() {
		return nil // or all are read anew
	}
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), endWithin)
	defer cancel()
	b := &sqlite.Batch{Standing: at}
	if err := newTouched(h, looks).rows(ending, b); err != nil {
		return err
	}
	return x.Apply(ending, b)
}

// fits refuses an index that speaks of another log than there is, or has sheets of more
// than it has read.
func fits(ctx context.Context, pos, sync *streams.Log, at *sqlite.Standing) error {
	for _, l := range []struct {
		log    *streams.Log
		at     sqlite.Reached
		sheets int64
	}{{pos, at.POS, at.Sheets.POS}, {sync, at.Sync, at.Sheets.Sync}} {
		if l.sheets > sheetOf(l.at.Position+1) {
			return errUseless
		}
		if l.at.Position == 0 {
			continue
		}
		last, err := l.log.Last(ctx)
		if err != nil {
			return err
		}
		if last < l.at.Position {
			return errUseless
		}
		m, err := l.log.At(ctx, l.at.Position)
		if err != nil && !errors.Is(err, domain.ErrNotFound) {
			return err
		}
		if err != nil || markOf(&m) != l.at.Mark {
			return errUseless
		}
	}
	return nil
}

// markOf tells a message from any other that could lie in its place.
func markOf(m *streams.Message) string {
	id := ""
	if ids := m.Header["Nats-Msg-Id"]; len(ids) > 0 {
		id = ids[0]
	}
	return fmt.Sprintf("%s %s %d", m.Subject, id, m.RecordedAt.UnixNano())
}

// publish lets the index be asked as it stands.
func (h *Handler) publish(x *sqlite.Index, at sqlite.Standing) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.index, h.standing, h.problem = x, at, ""
	h.change()
}

// change tells whoever waits. The caller holds mu.
func (h *Handler) change() {
	close(h.changed)
	h.changed = make(chan struct{})
}

// Look has products looked at of which no message says that they have changed. They are
// written before Run ends. A kill before is made good by the next message about them.
func (h *Handler) Look(store domain.StoreID, ids ...domain.ProductID) {
	keys := make([]domain.Key, len(ids))
	for i, id := range ids {
		keys[i] = domain.Key{Store: store, ID: string(id)}
	}
	h.look(keys)
	h.hurry()
}

func (h *Handler) look(keys []domain.Key) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.looks = append(h.looks, keys...)
}

// looked takes the products that are to be looked at.
func (h *Handler) looked() []domain.Key {
	h.mu.Lock()
	defer h.mu.Unlock()
	keys := h.looks
	h.looks = nil
	return keys
}

// endWithin is how long the end of Run may take for what was not written yet.
const endWithin = 5 * time.Second

// idleFor is how long it waits for news before it looks by itself, for what nobody tells
// of: dead letters, and another epoch.
const idleFor = time.Second

// wait returns when there may be something to write.
func (h *Handler) wait(ctx context.Context, at *sqlite.Standing) {
	waiting, cancel := context.WithTimeout(ctx, idleFor)
	news := make(chan error, 2)
	go func() { news <- h.Catalog.Await(waiting, at.POS.Position+1) }()
	go func() { news <- h.Publications.Await(waiting, at.Sync.Position+1) }()
	left := 2
	select {
	case err := <-news:
		if left--; err == nil {
			h.rest(ctx, h.Linger)
		}
	case <-h.wake:
	}
	cancel()
	for range left {
		<-news
	}
}

// hurry ends a wait.
func (h *Handler) hurry() {
	select {
	case h.wake <- struct{}{}:
	default:
	}
}
