package project_test

import (
	"context"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/projections"
	"github.com/tillstream/tillstream/streams"
)

// products makes a bucket of streams one of projections.
type products struct{ b *streams.Bucket }

var _ projections.Bucket = products{}

func keyOf(k domain.Key) streams.Key {
	if (k == domain.Key{}) {
		return streams.CheckpointKey()
	}
	return streams.MakeKey(k.Store, k.ID)
}

func entryOf(e streams.Entry) (domain.Entry, error) {
	out := domain.Entry{Value: e.Value, Revision: e.Revision}
	if e.Key == streams.CheckpointKey() {
		return out, nil
	}
	var err error
	out.Key.Store, out.Key.ID, err = e.Key.Parts()
	return out, err
}

func (p products) Get(ctx context.Context, k domain.Key) (domain.Entry, error) {
	e, err := p.b.Get(ctx, keyOf(k))
	if err != nil {
		return domain.Entry{}, err
	}
	return entryOf(e)
}

func (p products) PutAll(ctx context.Context, entries []domain.Entry) error {
	out := make([]streams.Entry, len(entries))
	for i, e := range entries {
		out[i] = streams.Entry{Key: keyOf(e.Key), Value: e.Value}
	}
	return p.b.PutAll(ctx, out)
}

func (p products) Scan(ctx context.Context, store domain.StoreID, each func(domain.Entry) error) error {
	return p.b.Scan(ctx, store, func(e streams.Entry) error {
		entry, err := entryOf(e)
		if err != nil {
			return err
		}
		return each(entry)
	})
}
