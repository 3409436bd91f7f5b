package index

import (
	"context"
	"errors"
	"fmt"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/projections/search"
	"github.com/tillstream/tillstream/projections/search/sqlite"
	"github.com/tillstream/tillstream/streams"
)

// advance writes the next transaction, and reports whether there is nothing more.
func (h *Handler) advance(ctx context.Context, x *sqlite.Index, at sqlite.Standing) (sqlite.Standing, bool, error) {
	b := &sqlite.Batch{Events: map[search.Kind][]domain.Position{}, Standing: at}
	var looks []domain.Key
	more, err := h.products(ctx, b)
	if err == nil && !more {
		looks = h.looked()
		more, err = h.messages(ctx, b, looks)
	}
	if err == nil && (b.Standing != at || len(b.Rows)+len(b.Gone) > 0) {
		err = x.Apply(ctx, b)
	}
	if err != nil {
		h.look(looks)
		return at, false, err
	}
	return b.Standing, !more, nil
}

// products reads the next products when all are to be read, which is so in the beginning
// and when the states are of another epoch. It reports whether that is not at its end.
func (h *Handler) products(ctx context.Context, b *sqlite.Batch) (more bool, err error) {
	p := &b.Standing.Products
	if epoch := h.Epoch(); p.Epoch != epoch {
		// Whatever is folded before the first product is read is in every row.
		*p = sqlite.Products{Epoch: epoch, FromPOS: h.Catalog.Position(), FromSync: h.Publications.Position()}
		b.Afresh = true
		h.count(0)
	}
	if p.Whole {
		return false, nil
	}
	// After a kill the states may be behind those of which the first rows were made.
	if h.Catalog.Position() < p.FromPOS || h.Publications.Position() < p.FromSync {
		return false, nil
	}
	left := h.Page
	for _, store := range h.Catalog.Stores() {
		if store < p.Read.Store {
			continue
		}
		after := domain.ProductID("")
		if store == p.Read.Store {
			after = domain.ProductID(p.Read.ID)
		}
		page := h.Catalog.Products(store, after, left)
		var items []domain.Key
		for _, s := range page {
			if len(s.Items) > 0 {
				items = append(items, domain.Key{Store: store, ID: string(s.Items[0])})
			}
		}
		if err := h.Catalog.Warm(ctx, items); err != nil {
			return false, err
		}
		for _, s := range page {
			row, is, err := h.Row(ctx, store, s.ID)
			if err != nil {
				return false, err
			}
			if is {
				b.Rows = append(b.Rows, row)
			}
			p.Read = domain.Key{Store: store, ID: string(s.ID)}
		}
		if left -= len(page); left == 0 {
			h.count(h.read + h.Page)
			return true, nil
		}
	}
	p.Whole, p.Read = true, domain.Key{}
	return true, nil
}

// count notes how many products are read.
func (h *Handler) count(read int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.read = read
}

// messages reads what the logs have that is folded and not in the index, and the
// products that it is about. It reports whether there is more of it.
func (h *Handler) messages(ctx context.Context, b *sqlite.Batch, looks []domain.Key) (more bool, err error) {
	t := newTouched(h, looks)
	s := &b.Standing
	pos, sync := h.Catalog.Position(), h.Publications.Position()
	group := domain.Position(h.Group)
	if !h.urgent(s) {
		group = min(group, unhurried)
	}
	if to := min(pos, s.POS.Position+group); to > s.POS.Position {
		s.POS, err = h.copied(ctx, b, h.POS, h.copyPOS, s.POS, to, func(m *streams.Message) {
			note(b, search.POS, m)
			if m.Position > s.Products.FromPOS {
				t.item(m.Store, domain.ItemID(m.Key))
			}
		})
		if err != nil {
			return false, err
		}
		s.Sheets.POS = h.copyPOS.sheets()
	}
	if to := min(sync, s.Sync.Position+group); to > s.Sync.Position {
		s.Sync, err = h.copied(ctx, b, h.Sync, h.copySync, s.Sync, to, func(m *streams.Message) {
			rec := note(b, search.Sync, m)
			if m.Position > s.Products.FromSync {
				t.product(m.Store, domain.ProductID(m.Key))
				t.quarantine(rec)
			}
		})
		if err != nil {
			return false, err
		}
		s.Sheets.Sync = h.copySync.sheets()
	}
	more = s.POS.Position < pos || s.Sync.Position < sync
	s.Letters, err = h.DeadLetters.Notes(ctx, s.Letters, func(n streams.LetterNote) {
		if n.Now == streams.Open {
			b.Letters = append(b.Letters, LetterOf(n))
		} else {
			b.Resolved = append(b.Resolved, search.Resolution{ID: n.ID, State: string(n.Now)})
		}
	})
	if err != nil {
		return false, fmt.Errorf("read the dead letters: %w", err)
	}
	return more, t.rows(ctx, b)
}

// errFull says that a transaction holds enough.
var errFull = errors.New("the transaction is full")

// copied reads a log from behind where it was read to, up to a position or to where the
// transaction is full, calls each with every message, and copies it.
func (h *Handler) copied(ctx context.Context, b *sqlite.Batch, log *streams.Log, c *copyist, from sqlite.Reached, to domain.Position, each func(*streams.Message)) (sqlite.Reached, error) {
	if c.next > from.Position+1 { // what it has copied last was not written
		return from, fmt.Errorf("the copies of %s are at position %d, and the index at %d", log.Name(), c.next, from.Position)
	}
	now, size := from, 0
	err := log.Read(ctx, streams.Query{From: from.Position + 1, To: to}, func(m streams.Message) error {
		each(&m)
		now = sqlite.Reached{Position: m.Position, Mark: markOf(&m)}
		whole := len(b.Sheets)
		b.Sheets = c.add(b.Sheets, &m)
		for _, s := range b.Sheets[whole:] {
			size += len(s.Messages)
		}
		if size >= h.Bytes {
			return errFull
		}
		return nil
	})
	switch {
	case errors.Is(err, errFull):
		return now, nil
	case err != nil:
		return from, err
	}
	now.Position = to // where there may be no message
	return now, nil
}

// LetterOf is what the index holds of a dead letter.
func LetterOf(n streams.LetterNote) search.Letter {
	return search.Letter{ID: n.ID, Store: n.Store, Kind: string(n.Kind), Day: search.DayOf(n.At), State: search.OpenLetter}
}

// note counts a message, and returns the event that it is, as far as it is one.
func note(b *sqlite.Batch, log string, m *streams.Message) *domain.Recorded {
	rec, err := m.Recorded()
	if err != nil {
		rec = domain.Recorded{Store: m.Store, Position: m.Position, RecordedAt: m.RecordedAt}
	}
	k := search.KindOf(log, &rec, err)
	b.Events[k] = append(b.Events[k], m.Position)
	return &rec
}

// touched are the products that messages are about.
type touched struct {
	handler *Handler
	keys    map[domain.Key]bool
	items   map[domain.Key]bool
}

func newTouched(h *Handler, looks []domain.Key) *touched {
	t := &touched{handler: h, keys: map[domain.Key]bool{}, items: map[domain.Key]bool{}}
	for _, key := range looks {
		t.keys[key] = true
	}
	return t
}

func (t *touched) product(store domain.StoreID, id domain.ProductID) {
	t.keys[domain.Key{Store: store, ID: string(id)}] = true
}

// item notes an item; the products that it is and was in are found when all are known.
func (t *touched) item(store domain.StoreID, id domain.ItemID) {
	t.items[domain.Key{Store: store, ID: string(id)}] = true
}

// quarantine notes the item whose quarantine begins or ends: it may be in another
// product than the one under which the log has it.
func (t *touched) quarantine(rec *domain.Recorded) {
	switch rec.Type {
	case domain.TypeItemQuarantined, domain.TypeItemReleased:
	default:
		return
	}
	event, err := rec.Event()
	if err != nil {
		return // of a newer version, and folded by nobody here
	}
	switch e := event.(type) {
	case *domain.ItemQuarantined:
		t.item(rec.Store, e.Item)
	case *domain.ItemReleased:
		t.item(rec.Store, e.Item)
	}
}

// rows reads the products as they are now.
func (t *touched) rows(ctx context.Context, b *sqlite.Batch) error {
	h := t.handler
	warm := make([]domain.Key, 0, len(t.items))
	for item := range t.items {
		warm = append(warm, item)
	}
	if err := h.Catalog.Warm(ctx, warm); err != nil {
		return err
	}
	for item := range t.items {
		if err := t.holders(ctx, item); err != nil {
			return err
		}
	}
	for key := range t.keys {
		row, is, err := h.Row(ctx, key.Store, domain.ProductID(key.ID))
		switch {
		case err != nil:
			return err
		case is:
			b.Rows = append(b.Rows, row)
		default:
			b.Gone = append(b.Gone, key)
		}
	}
	return nil
}

// holders notes the product that an item is in, and those that it was in.
func (t *touched) holders(ctx context.Context, item domain.Key) error {
	catalog := t.handler.Catalog
	id, known := catalog.Holder(item.Store, domain.ItemID(item.ID))
	if !known {
		return nil
	}
	t.product(item.Store, id)
	p, err := catalog.Product(ctx, item.Store, id)
	if err != nil {
		return err
	}
	if it, is := p.Item(domain.ItemID(item.ID)); is {
		for _, earlier := range it.Earlier {
			t.product(item.Store, earlier)
		}
		return nil
	}
	// It has moved since: what it moves to is noted with the message that says so.
	return nil
}
