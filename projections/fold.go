package projections

import (
	"context"
	"fmt"
	"slices"

	"github.com/tillstream/tillstream/domain"
)

// step is a set of states that must all be stored before the next step is begun, and the
// stretches that are stored before them.
type step struct {
	gone   []domain.Entry
	rows   []*row
	states []domain.Packed
}

// Batch is what was changed between two calls of [Catalog.Seal].
type Batch struct {
	catalog *Catalog
	steps   []step
	behind  checkpoint // to be written when the steps are
	draft   bool       // see [Catalog.Draft]
	values  encoder    // of one that is no draft
}

// foldRoom is what [Catalog.Fold] uses again for every event. Of what is in it only the
// packed form outlives the fold.
type foldRoom struct {
	holder, target domain.Product
	items          []domain.Item // of the target, to be written over
	result         domain.Result
}

// into returns the target with another list of the same items, for the result. In the list
// that was unpacked the result may not be: what is unpacked there next would write over what
// the result shares with the event, and among its stamps.
func (f *foldRoom) into(target *domain.Product) domain.Product {
	f.items = slices.Grow(append(f.items[:0], target.Items...), 1)
	into := *target
	into.Items = f.items
	return into
}

// Fold folds one event of the POS log in memory, and returns what became of it. Events
// come in the order of their positions; one at or below [Catalog.Position] does nothing and
// has no outcome.
//
// An [*domain.InvalidError] or [domain.ErrTooOld] says that the event cannot be
// folded: nothing has changed, and the caller goes on with Advance. Any other
// error is the bucket's; the same event may be tried again.
func (c *Catalog) Fold(ctx context.Context, rec domain.Recorded, event domain.Event) (domain.Outcome, error) {
	c.mu.Lock()
	if rec.Position <= c.position {
		c.mu.Unlock()
		return "", nil
	}
	shelf := c.shelf(rec.Store)
	holderRow := shelf.holder(domain.ItemID(event.Subject()))
	var holderID domain.ProductID
	if holderRow != nil {
		holderID = holderRow.id
	}
	targetID := domain.Target(holderID, event)
	targetRow := holderRow
	if targetRow == nil || targetID != holderID {
		targetRow = shelf.product(targetID)
	}
	c.mu.Unlock()

	var holder *domain.Product
	var target *domain.Product
	var err error
	if holderRow != nil {
		if holder, err = c.stateInto(ctx, holderRow, &c.room.holder); err != nil {
			return "", err
		}
	}
	switch {
	case targetRow == nil:
		target = &c.room.target
		*target = domain.Product{Store: rec.Store, ID: targetID}
	case targetRow == holderRow:
		target = holder
	default:
		if target, err = c.stateInto(ctx, targetRow, &c.room.target); err != nil {
			return "", err
		}
	}
	result := &c.room.result
	if *result, err = c.folding.Fold(c.modes(rec.Store), rec, event, holder, c.room.into(target)); err != nil {
		return "", err
	}
	state, left := result.Product.Pack(), domain.Packed("")
	if result.Left != nil {
		left = result.Left.Pack()
	}

	c.mu.Lock()
	defer c.mu.Unlock()
	c.position = rec.Position
	if result.Stretch.Number > 0 {
		c.letGo(stretchEntry(rec.Store, event.Subject(), result.Stretch))
	}
	switch {
	case result.Outcome == "":
		// A snapshot that was stored ahead of the checkpoint holds it already.
	case result.Product.ID == targetID && result.Left == nil:
		if targetRow == nil {
			targetRow = shelf.open(targetID)
		}
		c.indexAs(targetRow, &result.Product)
		c.change(targetRow, state)
	case result.Left == nil:
		c.set(&result.Product, state)
	case c.draft:
		c.set(&result.Product, state)
		c.set(result.Left, left)
	default:
		c.move(&result.Product, state, result.Left, left)
	}
	return result.Outcome, nil
}

// set takes a new state of a product.
func (c *Catalog) set(p *domain.Product, state domain.Packed) {
	c.change(c.index(p), state)
}

// change takes a new state of a row's product.
func (c *Catalog) change(r *row, state domain.Packed) {
	c.clean.remove(r)
	if r.dirty {
		c.heavy -= len(r.state)
	} else {
		r.dirty = true
		c.dirty = append(c.dirty, r)
	}
	r.state = state
	c.heavy += len(state)
	c.trim()
}

// letGo takes a stretch. The caller holds mu.
func (c *Catalog) letGo(stretch domain.Entry) {
	c.gone = append(c.gone, stretch)
	c.heavy += len(stretch.Value)
}

// move takes the states of two products between which an item has moved. Three
// steps keep a crash from losing it: all that was changed before is stored first,
// so that no snapshot lacks an event that happened to the item on the way; then
// the product that has the item now; then the one that no longer has it. Between
// the last two the item is in both, which the next start mends.
func (c *Catalog) move(to *domain.Product, toState domain.Packed, from *domain.Product, fromState domain.Packed) {
	c.sealDirty()
	c.step(to, toState)
	c.step(from, fromState)
}

// step makes a step of a product.
func (c *Catalog) step(p *domain.Product, state domain.Packed) {
	r := c.index(p)
	c.clean.remove(r)
	r.state = state
	r.sealed++
	c.steps = append(c.steps, step{rows: []*row{r}, states: []domain.Packed{state}})
}

// sealDirty makes a step of the dirty products as they are now.
func (c *Catalog) sealDirty() {
	if len(c.dirty) == 0 && len(c.gone) == 0 {
		return
	}
	states := make([]domain.Packed, len(c.dirty))
	for i, r := range c.dirty {
		states[i] = r.state
		r.dirty = false
		r.sealed++
	}
	c.steps = append(c.steps, step{c.gone, c.dirty, states})
	c.gone, c.dirty, c.heavy = nil, nil, 0
}

// Advance passes over positions that change no product: dead letters.
func (c *Catalog) Advance(to domain.Position) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.position = max(c.position, to)
}

// Unsealed returns how many values the next batch will hold.
func (c *Catalog) Unsealed() int {
	c.mu.RLock()
	defer c.mu.RUnlock()
	n := len(c.dirty) + len(c.gone)
	for _, s := range c.steps {
		n += len(s.rows) + len(s.gone)
	}
	return n
}

// Seal hands over what was changed since the last call, to be stored while
// folding goes on. A batch is written before the next one is, by one goroutine at
// a time.
func (c *Catalog) Seal() *Batch {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sealDirty()
	b := &Batch{
		catalog: c,
		steps:   c.steps,
		behind:  checkpoint{Format: c.folding.Format, Position: c.position, Snapshots: c.size(), Modes: c.modesNow()},
		draft:   c.draft,
	}
	c.steps = nil
	return b
}

// Flush is Seal and Write: everything folded so far is stored when it returns
// without an error. After an error it may be called again.
func (c *Catalog) Flush(ctx context.Context) error {
	b := c.Seal()
	err := b.Write(ctx)
	if err != nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.steps = append(b.steps, c.steps...)
	}
	return err
}

// chunk is how many snapshots are encoded and put at a time, which bounds what
// a batch costs in memory.
const chunk = 4096

// Write stores the batch and then the checkpoint. After an error it may be called
// again and goes on where it stopped.
func (b *Batch) Write(ctx context.Context) error {
	if b.draft {
		return b.writeDraft(ctx)
	}
	if err := b.mark(ctx); err != nil {
		return err
	}
	for len(b.steps) > 0 {
		s := &b.steps[0]
		n := min(chunk, len(s.rows))
		last := len(b.steps) == 1 && n == len(s.rows)
		if err := b.put(ctx, step{s.gone, s.rows[:n], s.states[:n]}, last); err != nil {
			return err
		}
		s.gone, s.rows, s.states = nil, s.rows[n:], s.states[n:]
		if len(s.rows) == 0 {
			b.steps = b.steps[1:]
		}
	}
	return b.checkpoint(ctx, b.behind)
}

// mark gives a bucket that has no checkpoint its first one, so that snapshots
// without one are always a loss.
func (b *Batch) mark(ctx context.Context) error {
	c := b.catalog
	c.mu.RLock()
	marked := c.marked
	c.mu.RUnlock()
	if marked {
		return nil
	}
	return b.checkpoint(ctx, checkpoint{Format: c.folding.Format, Modes: b.behind.Modes})
}

// put stores some states, and behind the last of the batch its checkpoint: what is stored
// together costs the disk one wait.
func (b *Batch) put(ctx context.Context, s step, last bool) error {
	states, hashes, err := b.values.encode(s.rows, s.states)
	if err != nil {
		return err
	}
	entries := append(s.gone[:len(s.gone):len(s.gone)], states...)
	last = last && b.ahead(b.behind)
	if last {
		entries = append(entries, b.behind.entry())
	}
	if err := b.catalog.bucket.PutAll(ctx, entries); err != nil {
		return fmt.Errorf("write %d snapshots: %w", len(s.rows), err)
	}
	b.stored(s.rows, states, hashes)
	if last {
		b.marked(b.behind)
	}
	return nil
}

// stored is told that the bucket has some values.
func (b *Batch) stored(rows []*row, entries []domain.Entry, hashes []Hash) {
	c := b.catalog
	c.mu.Lock()
	defer c.mu.Unlock()
	c.unhinted += len(rows)
	for i, r := range rows {
		r.sealed--
		r.hash, r.revision, r.paged = hashes[i], entries[i].Page, entries[i].Page > 0
		c.keep(r)
	}
}

// checkpoint stores next, unless the bucket has it already.
func (b *Batch) checkpoint(ctx context.Context, next checkpoint) error {
	if !b.ahead(next) {
		return nil
	}
	if err := b.catalog.bucket.PutAll(ctx, []domain.Entry{next.entry()}); err != nil {
		return fmt.Errorf("write the checkpoint at position %d: %w", next.Position, err)
	}
	b.marked(next)
	return nil
}

// ahead reports whether the bucket has not got as far as next.
func (b *Batch) ahead(next checkpoint) bool {
	c := b.catalog
	c.mu.RLock()
	defer c.mu.RUnlock()
	return !c.marked || c.stored.Position < next.Position
}

// marked is told that the bucket has a checkpoint.
func (b *Batch) marked(next checkpoint) {
	c := b.catalog
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mark(next)
}
