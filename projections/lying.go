package projections

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/tillstream/tillstream/domain"
)

// lying is a product whose state lies in the bucket, and where.
type lying struct {
	row      *row
	position domain.Position // of the state, or one before
	page     uint64          // 0: by itself
}

// lies is where the row's state lies. The caller holds mu.
func (r *row) lies() lying {
	at := lying{row: r, position: r.position}
	if r.paged {
		at.page = r.revision
	}
	return at
}

func (l *lying) key() domain.Key {
	return domain.Key{Store: l.row.shelf.store, ID: string(l.row.id)}
}

// readStates reads the states of products of which one is given, or all lie in the same
// page.
func readStates(ctx context.Context, together ...lying) ([]*domain.Product, error) {
	first := &together[0]
	bucket := first.row.shelf.bucket
	var entries []domain.Entry
	var err error
	if first.page > 0 {
		keys := make([]domain.Key, len(together))
		for i := range together {
			keys[i] = together[i].key()
		}
		entries, err = bucket.FromPage(ctx, first.page, keys...)
	} else {
		entries = make([]domain.Entry, 1)
		entries[0], err = bucket.Get(ctx, first.key())
	}
	key := first.key()
	if errors.Is(err, domain.ErrNotFound) {
		return nil, fmt.Errorf("snapshot %s/%s is gone from the bucket: run `tillstream rebuild`", key.Store, key.ID)
	}
	if err != nil {
		return nil, fmt.Errorf("read the snapshot of %s/%s: %w", key.Store, key.ID, err)
	}
	out := make([]*domain.Product, len(together))
	for i := range together {
		if out[i], err = together[i].decode(entries[i].Value); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// decode decodes the value that was found.
func (l *lying) decode(value []byte) (*domain.Product, error) {
	key, p := l.key(), new(domain.Product)
	if err := json.Unmarshal(value, p); err != nil {
		return nil, badSnapshot(key, err)
	}
	if p.Position < l.position {
		return nil, fmt.Errorf("read the snapshot of %s/%s: got that of position %d, position %d was stored: a replica is behind: %w", key.Store, key.ID, p.Position, l.position, domain.ErrConflict)
	}
	return p, nil
}
