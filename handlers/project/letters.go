package project

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/streams"
)

// about is the item that a letter's message is about.
type about struct {
	store domain.StoreID
	item  string
}

// openLetter is what is kept in memory of each letter that nobody has resolved.
type openLetter struct {
	about
	id       domain.Position
	position domain.Position // of the message, in the POS log
	event    domain.EventID  // empty when the message has none
	kind     streams.Kind
}

// quarantines reports whether a message of a kind may have changed its item.
func quarantines(kind streams.Kind) bool {
	return kind != streams.TooOld && kind != UnknownStore
}

// kindOf says why a message could not be decoded.
func kindOf(r *reading) streams.Kind {
	var unknown *domain.UnknownTypeError
	switch {
	case errors.As(r.err, &unknown):
		return streams.UnknownType
	case r.rec.ID == "":
		return streams.Undecodable
	}
	return streams.Invalid
}

// loadOpen reads which of our letters are open.
func (h *Handler) loadOpen(ctx context.Context) error {
	letters, err := h.letters.List(ctx, "", true)
	if err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	clear(h.open)
	for _, l := range letters {
		if h.ours(&l) {
			h.remember(openLetterOf(&l))
		}
	}
	return nil
}

func (h *Handler) ours(l *streams.Letter) bool {
	return l.Handler == handlerName && l.Original.Stream == h.log.Name()
}

func openLetterOf(l *streams.Letter) openLetter {
	o := openLetter{about{l.Original.Store, l.Original.Key}, l.ID, l.Original.Position, "", l.Kind}
	if rec, err := l.Original.Recorded(); err == nil {
		o.event = rec.ID
	}
	return o
}

// remember keeps an open letter. The caller holds mu.
func (h *Handler) remember(l openLetter) {
	if !slices.ContainsFunc(h.open[l.about], func(o openLetter) bool { return o.id == l.id }) {
		h.open[l.about] = append(h.open[l.about], l)
	}
}

func (h *Handler) forget(l openLetter) {
	h.mu.Lock()
	defer h.mu.Unlock()
	left := slices.DeleteFunc(slices.Clone(h.open[l.about]), func(o openLetter) bool { return o.id == l.id })
	if len(left) == 0 {
		delete(h.open, l.about)
	} else {
		h.open[l.about] = left
	}
}

// lettersOf returns the open letters whose message is r's, here or at another
// position.
func (h *Handler) lettersOf(r *reading) []openLetter {
	h.mu.Lock()
	defer h.mu.Unlock()
	var out []openLetter
	for _, l := range h.open[about{r.message.Store, r.message.Key}] {
		if l.position == r.message.Position || r.rec.ID != "" && l.event == r.rec.ID {
			out = append(out, l)
		}
	}
	return out
}

// putAside records that a message cannot be used, and quarantines its item if the
// message may have changed it. Each part is stored when it returns, and doing it
// again after a crash changes nothing.
func (h *Handler) putAside(ctx context.Context, r *reading, kind streams.Kind, why error) error {
	if h.build != nil && h.build.quiet {
		h.counters.letters.Add(1)
		h.catalog.Advance(r.message.Position)
		return nil
	}
	id, err := h.letters.Put(ctx, r.message, kind, why.Error(), handlerName)
	if err != nil {
		return err
	}
	letter, err := h.letters.Get(ctx, id)
	if err != nil {
		return err
	}
	if letter.Resolution == streams.Open {
		l := openLetterOf(&letter)
		if err := h.quarantine(ctx, r, l, why); err != nil {
			return err
		}
		earlier := h.lettersOf(r)
		h.mu.Lock()
		h.remember(l)
		h.mu.Unlock()
		for _, e := range earlier {
			if e.id != id && h.build == nil { // requeued, and failed again: the newer letter stands for it
				if err := h.settle(ctx, e, h.productOf(e.about), r); err != nil {
					return err
				}
			}
		}
	}
	h.counters.letters.Add(1)
	h.catalog.Advance(r.message.Position)
	return nil
}

func (h *Handler) quarantine(ctx context.Context, r *reading, l openLetter, why error) error {
	if l.store == "" || !quarantines(l.kind) {
		return nil
	}
	event := &domain.ItemQuarantined{Product: h.productOf(l.about), Item: domain.ItemID(l.item), Position: l.position, Reason: sentence(why.Error())}
	return h.tell(ctx, l, "quarantined", r.message.RecordedAt, event)
}

// release ends the quarantine that a letter stands for.
func (h *Handler) release(ctx context.Context, l openLetter, product domain.ProductID, at time.Time, reason string) error {
	if l.store == "" || !quarantines(l.kind) {
		return nil
	}
	event := &domain.ItemReleased{Product: product, Item: domain.ItemID(l.item), Position: l.position, Reason: sentence(reason)}
	return h.tell(ctx, l, "released", at, event)
}

// readAgain says why a letter is resolved, and where its message has its outcome.
const readAgain = "read again at position %d"

// settle resolves a letter whose message was read again and has its own outcome
// now. The release comes first, so that a crash in between is mended by reading
// the message once more.
func (h *Handler) settle(ctx context.Context, l openLetter, product domain.ProductID, r *reading) error {
	reason := fmt.Sprintf(readAgain, r.message.Position)
	if err := h.release(ctx, l, product, r.message.RecordedAt, reason); err != nil {
		return err
	}
	err := h.letters.Resolve(ctx, l.id, streams.Requeued, reason)
	if err != nil && !errors.Is(err, domain.ErrConflict) { // somebody has dropped it meanwhile
		return err
	}
	h.forget(l)
	return nil
}

func (h *Handler) productOf(a about) domain.ProductID {
	if id, ok := h.catalog.Holder(a.store, domain.ItemID(a.item)); ok {
		return id
	}
	return domain.ProductID(a.item)
}

// tell appends an event to the SYNC log whose id is that of the position and what
// is said of it, so that saying it twice is saying it once.
func (h *Handler) tell(ctx context.Context, l openLetter, what string, at time.Time, event domain.Event) error {
	id := domain.DeriveEventID(source, what, string(l.store), strconv.FormatUint(uint64(l.position), 10))
	e, err := domain.NewEnvelope(id, source, at, event)
	var invalid *domain.InvalidError
	if errors.As(err, &invalid) {
		return nil // the subject holds an id that no event can have, so it is no item's
	}
	if err != nil {
		return err
	}
	appended, err := h.sync.Append(ctx, l.store, []domain.Envelope{e})
	var reused *domain.ReusedIDError
	if errors.As(err, &reused) {
		return nil // said before, in the words of that time
	}
	if err != nil {
		return err
	}
	if h.Applied != nil {
		h.Applied(domain.Recorded{Envelope: e, Store: l.store, Position: appended[0].Position}, event)
	}
	return nil
}

// sentence makes any text fit for an event.
func sentence(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
	const most = 1000
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	if s == "" {
		return "no reason was given"
	}
	return s
}

// Requeue appends the message of an open letter to the POS log again and returns
// its new position. The letter is resolved, and a quarantine ended, when the
// message is folded there; until then it stays open, so nothing is lost by a crash.
//
// It refuses a letter that is resolved, with [domain.ErrConflict], and a message
// that still is no event, with the reason.
func (h *Handler) Requeue(ctx context.Context, id domain.Position) (domain.Position, error) {
	letter, err := h.Requeueable(ctx, id)
	if err != nil {
		return 0, err
	}
	appended, err := h.log.Requeue(ctx, letter)
	if err != nil {
		return 0, err
	}
	return appended.Position, nil
}

// Requeueable returns a letter that [Handler.Requeue] would not refuse, or the error
// with which it would.
func (h *Handler) Requeueable(ctx context.Context, id domain.Position) (streams.Letter, error) {
	letter, err := h.openLetter(ctx, id)
	if err != nil {
		return letter, err
	}
	if letter.Original.Store != "" && !h.known(letter.Original.Store) {
		return letter, fmt.Errorf("requeue dead letter %d: %w", id,
			&domain.InvalidError{Path: "store", Value: string(letter.Original.Store), Reason: "is not configured; configure it, or drop the letter"})
	}
	if r := decode(letter.Original); r.err != nil {
		return letter, fmt.Errorf("requeue dead letter %d: its message still cannot be read: %w; let the source send a corrected event and drop the letter, or use a newer tillstream", id, r.err)
	}
	return letter, nil
}

// Drop resolves an open letter without using its message, and ends the quarantine
// that it caused: from now on the item's state is trusted as it is. It refuses a
// letter that is resolved, with [domain.ErrConflict].
func (h *Handler) Drop(ctx context.Context, id domain.Position, reason string) error {
	letter, err := h.openLetter(ctx, id)
	if err != nil {
		return err
	}
	l := openLetterOf(&letter)
	if err := h.release(ctx, l, h.productOf(l.about), h.Now(), "dropped: "+reason); err != nil {
		return err
	}
	if err := h.letters.Resolve(ctx, id, streams.Dropped, reason); err != nil {
		return err
	}
	h.forget(l)
	return nil
}

func (h *Handler) openLetter(ctx context.Context, id domain.Position) (streams.Letter, error) {
	letter, err := h.letters.Get(ctx, id)
	if err != nil {
		return letter, err
	}
	if !h.ours(&letter) {
		return letter, conflictError(fmt.Sprintf("dead letter %d is from the handler %q and cannot be handled here", id, letter.Handler))
	}
	if letter.Resolution != streams.Open {
		return letter, conflictError(fmt.Sprintf("dead letter %d is already %s", id, letter.Resolution))
	}
	return letter, nil
}

// conflictError is a [domain.ErrConflict] in its own words.
type conflictError string

func (e conflictError) Error() string { return string(e) }

func (conflictError) Is(target error) bool { return target == domain.ErrConflict }
