package index

import (
	"context"
	"time"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/projections/search/sqlite"
)

// rest waits for so long, or until somebody is in a hurry, which it reports.
func (h *Handler) rest(ctx context.Context, d time.Duration) (hurried bool) {
	select {
	case <-time.After(d):
	case <-h.wake:
		return true
	case <-ctx.Done():
	}
	return false
}

// After a transaction the index pauses for so many times as long as that took, so that it
// has a fifth of one processor while events come or are folded, and takes it in small
// pieces: a sale during an import is not to wait for it. When none have for a while it does
// not pause. Whoever asks ends the pause.
const (
	leisure   = 4
	mostPause = 10 * time.Second
	unhurried = 1_000       // messages in a transaction, at most
	quietFor  = time.Second // without anything that comes or is folded
)

// urgent reports whether somebody waits for the index, or it is a new one that is still
// being made.
func (h *Handler) urgent(at *sqlite.Standing) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.awaited > 0 || !at.Products.Whole
}

// pause reports whether somebody is in a hurry.
func (h *Handler) pause(ctx context.Context, at *sqlite.Standing, took time.Duration, quiet bool) (hurried bool) {
	if quiet || h.urgent(at) {
		return false
	}
	return h.rest(ctx, min(leisure*took, mostPause))
}

// ends are where the POS log ends and where both logs are folded to. They move while
// somebody else has work to do.
type ends struct{ last, folded, synced domain.Position }

func (h *Handler) ends(ctx context.Context) (ends, error) {
	last, err := h.POS.Last(ctx)
	return ends{last, h.Catalog.Position(), h.Publications.Position()}, err
}

// When the folding has much to do the index leaves the processors to it, until it is far
// behind itself: what changes often is then written once, too.
const (
	muchToFold = 5_000   // messages
	farBehind  = 500_000 // messages
	yieldFor   = 250 * time.Millisecond
)

// yields reports whether the folding is to be left alone.
func (h *Handler) yields(now *ends, at *sqlite.Standing) bool {
	return !h.urgent(at) && yields(now.last, h.Catalog.Checkpoint(), at.POS.Position)
}

// yields reports so of where the log ends, up to where it is folded and stored, and up to
// where of that the index is.
func yields(last, stored, indexed domain.Position) bool {
	return last > stored+muchToFold && stored < indexed+farBehind
}
