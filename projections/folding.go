package projections

import "github.com/tillstream/tillstream/domain"

// Folding is how events become snapshots. [Present] is that of this program; another
// one stands for an earlier or a later version of it.
type Folding struct {
	Format int // see [SnapshotFormat]
	// Knows says of which types it folds events; nil is all that there are.
	Knows func(domain.Type) bool
	Fold  func(domain.StockMode, domain.Recorded, domain.Event, *domain.Product, domain.Product) (domain.Result, error)
}

// Present is the folding of this version of the program.
func Present() Folding { return Folding{Format: SnapshotFormat, Fold: domain.Fold} }

// Adopt makes c go on as other, which is folded from the same log to the same position
// or a later one: whoever holds c reads what other holds from now on, at once and
// whole. Other is not to be used any more. Nobody folds into either or writes a batch
// of either meanwhile.
func (c *Catalog) Adopt(other *Catalog) {
	other.mu.Lock()
	defer other.mu.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.bucket, c.folding, c.modes = other.bucket, other.folding, other.modes
	c.shelves, c.position = other.shelves, other.position
	c.clean, c.dirty, c.steps = other.clean, other.dirty, other.steps
	c.draft, c.heavy = false, other.heavy // what is gone by is no draft
	c.stored, c.marked = other.stored, other.marked
	c.adopted++
	close(c.reached)
	c.reached = make(chan struct{})
}

// Knows reports whether c folds events of a type.
func (c *Catalog) Knows(t domain.Type) bool {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.folding.Knows == nil || c.folding.Knows(t)
}

// Format is that of the snapshots.
func (c *Catalog) Format() int {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.folding.Format
}
