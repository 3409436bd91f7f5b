package projections

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tillstream/tillstream/domain"
)

// Folding is how events become snapshots. [Present] is that of this program; another
// one stands for an earlier or a later version of it.
type Folding struct {
	Format int // see [SnapshotFormat]
	// Knows says of which types it folds events; nil is all that there are.
	Knows func(domain.Type) bool
	// Fold is like [domain.FoldInto], which may write over the target's list of items.
	Fold func(domain.StockMode, domain.Recorded, domain.Event, *domain.Product, domain.Product) (domain.Result, error)
}

// Present is the folding of this version of the program.
func Present() Folding { return Folding{Format: SnapshotFormat, Fold: domain.FoldInto} }

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
	c.clean, c.dirty, c.gone, c.steps = other.clean, other.dirty, other.gone, other.steps
	c.draft, c.whole, c.heavy = false, false, other.heavy // what is gone by is no draft
	c.trim()
	c.stored, c.marked, c.unhinted, c.partial = other.stored, other.marked, other.unhinted, other.partial
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

// ModesError says that the stock of stores was folded by another mode than is set now.
type ModesError struct {
	Stored map[domain.StoreID]domain.StockMode // of the stores that differ
	Set    map[domain.StoreID]domain.StockMode // of the same
}

func (e *ModesError) Error() string {
	var each []string
	for _, store := range slices.Sorted(maps.Keys(e.Stored)) {
		each = append(each, fmt.Sprintf("the stock of store %q was folded by %s, and %s are set now", store, e.Stored[store], e.Set[store]))
	}
	return strings.Join(each, "; ") + ": set it back, or, to have all folded by what is set: run `tillstream rebuild`"
}

// IsOtherFolding reports whether an error is that what is stored was folded otherwise
// than this program, as it is set, would: a [*FormatError] or a [*ModesError].
func IsOtherFolding(err error) bool {
	var format *FormatError
	var modes *ModesError
	return errors.As(err, &format) || errors.As(err, &modes)
}

// modesNow is what moves the stock of the stores that have products. What is not set any
// more stays as it was. The caller holds mu.
func (c *Catalog) modesNow() map[domain.StoreID]domain.StockMode {
	out := maps.Clone(c.stored.Modes)
	for store, s := range c.shelves {
		if mode := c.modes(store); mode != "" && s.arena.count > 0 {
			if out == nil {
				out = map[domain.StoreID]domain.StockMode{}
			}
			out[store] = mode
		}
	}
	return out
}

// checkModes refuses states that were folded by other modes than are set.
func (c *Catalog) checkModes() error {
	e := &ModesError{map[domain.StoreID]domain.StockMode{}, map[domain.StoreID]domain.StockMode{}}
	for store, stored := range c.stored.Modes {
		if set := c.modes(store); set != "" && set != stored {
			e.Stored[store], e.Set[store] = stored, set
		}
	}
	if len(e.Stored) > 0 {
		return e
	}
	return nil
}
