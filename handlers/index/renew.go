package index

import (
	"context"
	"errors"
	"time"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/projections/search"
	"github.com/tillstream/tillstream/projections/search/sqlite"
)

// wanted says why the file is not gone on with: somebody wants it to be made anew, or
// whoever asked it has met an error.
func (h *Handler) wanted() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.renewed < h.wishes {
		return errWished
	}
	return h.failed
}

// begun notes that the file was removed.
func (h *Handler) begun() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.renewed, h.standing, h.read = h.wishes, sqlite.Standing{}, 0
	h.change()
}

// tellEvery is how often somebody who waits is told how far it is.
const tellEvery = 200 * time.Millisecond

// Progress is how far a new file is. The products are read first, and then the events.
type Progress struct {
	Products, OfProducts int
	Position, Of         domain.Position // of the POS log
}

// Renew removes the file and returns when a new one holds everything that is folded
// now. It tells how far that is. Run has to be at work; what it cannot do is the error.
func (h *Handler) Renew(ctx context.Context, tell func(Progress)) (search.Renewal, error) {
	began := time.Now()
	h.mu.Lock()
	h.wishes++
	h.awaited++
	wish := h.wishes
	h.problem = ""
	h.mu.Unlock()
	defer func() {
		h.mu.Lock()
		h.awaited--
		h.mu.Unlock()
	}()
	h.hurry()
	pos, sync := h.Catalog.Position(), h.Publications.Position()
	told := Progress{Of: pos}
	for _, store := range h.Catalog.Stores() {
		told.OfProducts += h.Catalog.Size(store)
	}
	tick := time.NewTicker(tellEvery)
	defer tick.Stop()
	for {
		h.mu.Lock()
		at, index, changed := h.standing, h.index, h.changed
		renewed, problem := h.renewed >= wish, h.problem
		is := Progress{h.read, told.OfProducts, at.POS.Position, pos}
		h.mu.Unlock()
		if at.Products.Whole {
			is.Products = is.OfProducts
		}
		switch {
		case problem != "":
			return search.Renewal{}, errors.New(problem)
		case renewed && index != nil && at.Products.Whole && at.POS.Position >= pos && at.Sync.Position >= sync:
			out, err := h.sum(ctx, index)
			out.Seconds = time.Since(began).Seconds()
			return out, err
		}
		select {
		case <-changed:
		case <-tick.C:
			if renewed && is != told {
				told = is
				tell(is)
			}
		case <-ctx.Done():
			return search.Renewal{}, context.Cause(ctx)
		}
	}
}

// Sum says what the index is now.
func (h *Handler) Sum(ctx context.Context) (search.Renewal, error) {
	h.mu.Lock()
	index, problem := h.index, h.problem
	h.mu.Unlock()
	if index == nil {
		return search.Renewal{File: h.Path, Problem: problem}, nil
	}
	return h.sum(ctx, index)
}

func (h *Handler) sum(ctx context.Context, index *sqlite.Index) (search.Renewal, error) {
	out := search.Renewal{File: h.Path}
	err := index.View(ctx, func(v *sqlite.View) (err error) {
		out.Events, out.Position = v.POS.Position+v.Sync.Position, v.POS.Position
		if out.Totals, err = v.Totals(ctx); err == nil {
			out.Digest, err = v.Digest(ctx)
		}
		return err
	})
	return out, err
}

// patience is how long a question waits for the index to hold what is folded. To look at
// all products of a large store takes longer.
const patience = 500 * time.Millisecond

// reach returns the index when it holds all that is folded now, which it waits for a
// little; nil when it does not.
func (h *Handler) reach(ctx context.Context) *sqlite.Index {
	pos, sync := h.Catalog.Position(), h.Publications.Position()
	late := time.NewTimer(patience)
	defer late.Stop()
	for {
		h.mu.Lock()
		at, index, changed := h.standing, h.index, h.changed
		h.mu.Unlock()
		behind := pos > at.POS.Position+domain.Position(h.Group) || sync > at.Sync.Position+domain.Position(h.Group)
		switch {
		case index == nil || !at.Products.Whole || at.Products.Epoch != h.Epoch() || behind:
			return nil
		case at.POS.Position >= pos && at.Sync.Position >= sync:
			return index
		}
		h.hurry()
		select {
		case <-changed:
		case <-late.C:
			return nil
		case <-ctx.Done():
			return nil
		}
	}
}

// Products answers a filter, as [search.Scan] does, and says up to which position of the
// POS log the answer holds everything. It is false when the index cannot say.
func (h *Handler) Products(ctx context.Context, store domain.StoreID, f *search.Filter, limit int) (found search.Found, ok bool) {
	index := h.reach(ctx)
	if index == nil {
		return found, false
	}
	ok = h.view(ctx, index, func(v *sqlite.View) (err error) {
		// The rows of another epoch may have begun since.
		if p := &v.Standing.Products; !p.Whole || p.Epoch != h.Epoch() {
			return errOtherRows
		}
		found.Position = v.POS.Position
		found.Places, found.More, err = v.Products(ctx, store, f, limit)
		return err
	})
	return found, ok
}

// errOtherRows says that the index is no longer the one that was reached.
var errOtherRows = errors.New("the products are read anew")

// Messages lets do ask for messages up to where the index stands. It is false when the
// index cannot say.
func (h *Handler) Messages(ctx context.Context, do func(*sqlite.View) error) (ok bool) {
	h.mu.Lock()
	index := h.index
	h.mu.Unlock()
	return index != nil && h.view(ctx, index, do)
}

// view asks the index, and reports whether it has answered.
func (h *Handler) view(ctx context.Context, index *sqlite.Index, do func(*sqlite.View) error) bool {
	return h.ask(ctx, index, do) == nil
}

// ask asks the index. One that fails is opened again, and made anew if it is damaged.
func (h *Handler) ask(ctx context.Context, index *sqlite.Index, do func(*sqlite.View) error) error {
	err := index.View(ctx, do)
	if sqlite.Failed(err) && ctx.Err() == nil {
		h.mu.Lock()
		if h.index == index {
			h.failed = err
		}
		h.mu.Unlock()
		h.hurry()
	}
	return err
}

// Status is where the index stands.
func (h *Handler) Status() search.Status {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := search.Status{
		File: h.Path, Position: h.standing.POS.Position, SyncPosition: h.standing.Sync.Position,
		Opening:  h.problem == "" && h.index == nil,
		Building: h.problem == "" && (h.index == nil || !h.standing.Products.Whole), Problem: h.problem,
	}
	pos, sync := h.Catalog.Position(), h.Publications.Position()
	s.Lag = uint64(max(pos, s.Position)-s.Position) + uint64(max(sync, s.SyncPosition)-s.SyncPosition)
	if h.index != nil {
		s.Bytes = h.index.Size()
	}
	return s
}
