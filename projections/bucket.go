package projections

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/tillstream/tillstream/domain"
)

// Bucket keeps the newest value of each key. One process writes it. A value lies by
// itself, or with others in a page; that of a stretch by itself. What a value to be stored
// is made of is the caller's again when the call returns.
type Bucket interface {
	// Get returns the newest value of a key that lies by itself, or [domain.ErrNotFound].
	Get(ctx context.Context, key domain.Key) (domain.Entry, error)
	// FromPage returns the values of keys that lie in a page, in the order of the keys, or
	// [domain.ErrNotFound].
	FromPage(ctx context.Context, page uint64, keys ...domain.Key) ([]domain.Entry, error)
	// PutAll stores the values in the order given and returns when all are
	// stored. After an error any of them may be stored.
	PutAll(ctx context.Context, entries []domain.Entry) error
	// PutPages stores values of keys of which none lies by itself, and says in each entry
	// in which page it lies, 0 for none. They share messages and are stored in any order.
	// After an error any of them may be stored. Of a key's values in several pages the one
	// in the last is the newest.
	PutPages(ctx context.Context, entries []domain.Entry) error
	// Scan calls each with the newest value of every key of a store, or of all
	// stores and the checkpoint when store is "", that was written after a revision, 0
	// for all, until an error. A value that is
	// replaced meanwhile may be given in both forms, and so may one that lay in a page,
	// the newest last. The values are the caller's.
	Scan(ctx context.Context, store domain.StoreID, after uint64, each func(domain.Entry) error) error
	// Extent says how far the bucket has come.
	Extent(ctx context.Context) (domain.Extent, error)
}

// Log is read; nothing here can write to one.
type Log interface {
	// Read calls each with the events of one store and id, of the whole store when
	// the id is "", or of everything when both are, at the positions from to to inclusive, in their order; a to of
	// 0 means the last there is now. A message that is no event is given with
	// what is known of it, its position at least, and the reason.
	Read(ctx context.Context, store domain.StoreID, id string, from, to domain.Position, each func(domain.Recorded, error) error) error
	// Last returns the position of the newest message, 0 when there is none.
	Last(ctx context.Context) (domain.Position, error)
}

// checkpoint is the value under a bucket's zero key.
type checkpoint struct {
	Format   int             `json:"format"`
	Position domain.Position `json:"position"`
	// Snapshots is how many there were at least when the checkpoint was written.
	Snapshots int `json:"snapshots"`
	// Modes is what moved the stock of each store when its products were folded. An
	// earlier version did not write it.
	Modes map[domain.StoreID]domain.StockMode `json:"modes,omitempty"`
	// Open says that a draft was being stored, see [Catalog.Draft]: some of its snapshots
	// may be newer than others.
	Open bool `json:"open,omitempty"`
}

func (c checkpoint) entry() domain.Entry {
	value, err := json.Marshal(c)
	if err != nil {
		panic(fmt.Sprintf("a checkpoint has no field that JSON cannot hold: %v", err))
	}
	return domain.Entry{Value: value}
}

// readCheckpoint refuses a checkpoint of another format than ours.
func readCheckpoint(value []byte, format int) (checkpoint, error) {
	var c checkpoint
	if err := json.Unmarshal(value, &c); err != nil {
		return c, fmt.Errorf("checkpoint %.80q cannot be read: run `tillstream rebuild`: %w", value, err)
	}
	if c.Format != format {
		return c, &FormatError{Stored: c.Format, Ours: format}
	}
	return c, nil
}

// StoredPosition is the position up to which a bucket of any format has every event; 0 when
// it has no checkpoint.
func StoredPosition(ctx context.Context, bucket Bucket) (domain.Position, error) {
	e, err := bucket.Get(ctx, domain.Key{})
	if errors.Is(err, domain.ErrNotFound) {
		return 0, nil
	}
	var c checkpoint
	if err == nil {
		err = json.Unmarshal(e.Value, &c)
	}
	return c.Position, err
}

// FormatError says that another version of this program has folded what a bucket
// holds. What that version would have made of the events to come is another matter,
// so a state is never mixed of both.
type FormatError struct{ Stored, Ours int }

func (e *FormatError) Error() string {
	if e.Stored > e.Ours {
		return fmt.Sprintf("snapshots have format %d, of a newer version of tillstream, and this one reads and writes %d; use the newer one, or, to have all as this one folds it: run `tillstream rebuild`", e.Stored, e.Ours)
	}
	return fmt.Sprintf("snapshots have format %d, this version of tillstream reads and writes %d: run `tillstream rebuild`", e.Stored, e.Ours)
}

// check refuses a bucket that has lost more than its end.
func (c checkpoint) check(found bool, snapshots int) error {
	switch {
	case c.Open:
		return fmt.Errorf("its build ended while it was being stored: run `tillstream rebuild`")
	case !found && snapshots > 0:
		return fmt.Errorf("the bucket holds %d snapshots but no checkpoint: run `tillstream rebuild`", snapshots)
	case snapshots < c.Snapshots:
		return fmt.Errorf("the bucket holds %d snapshots, its checkpoint at position %d speaks of %d: run `tillstream rebuild`", snapshots, c.Position, c.Snapshots)
	}
	return nil
}

func isCheckpoint(key domain.Key) bool { return key == domain.Key{} }
