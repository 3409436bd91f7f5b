package poll

import (
	"context"
	"time"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/pos/xseries"
	"github.com/tillstream/tillstream/streams"
)

// A hint that arrives at another process than the one that polls goes through the
// control bucket: each is a write of one key, which the poller looks at every
// [ListenEvery]. One that is overwritten before it was seen has said the same.

// ListenEvery is how often a poller looks for hints from other processes.
const ListenEvery = time.Second

func hintKey(store domain.StoreID, h xseries.Hint) streams.Key {
	return streams.MakeKey(store, "xseries-hint-"+string(h))
}

// SendHint leaves a hint for whoever polls the store.
func SendHint(ctx context.Context, control *streams.Bucket, store domain.StoreID, h xseries.Hint) error {
	_, err := control.Put(ctx, hintKey(store, h), []byte("{}"), nil)
	return err
}

// Listen takes the hints of other processes until ctx ends. A broker that does not
// answer is told of by the reading itself.
func (p *Poller) Listen(ctx context.Context) error {
	hints := []xseries.Hint{xseries.HintProducts, xseries.HintMovements}
	seen := map[xseries.Hint]uint64{}
	for first := true; ; first = false {
		for _, h := range hints {
			entry, err := p.Control.Get(ctx, hintKey(p.Store, h))
			if err != nil || entry.Revision == seen[h] {
				continue
			}
			if seen[h] = entry.Revision; !first { // the first reading reads everything
				p.Hint(h)
			}
		}
		select {
		case <-p.After(ListenEvery):
		case <-ctx.Done():
			return nil
		}
	}
}
