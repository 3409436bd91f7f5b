package streams

import (
	"context"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/tillstream/tillstream/domain"
)

// Snapshots is a [Bucket] in the words of projections: keyed by store and id, the
// zero key being the checkpoint.
type Snapshots struct{ bucket *Bucket }

// Snapshots returns the bucket in the words of projections.
func (b *Bucket) Snapshots() Snapshots { return Snapshots{b} }

// Get returns the newest value of a key, or [domain.ErrNotFound].
func (s Snapshots) Get(ctx context.Context, k domain.Key) (domain.Entry, error) {
	e, err := s.bucket.Get(ctx, keyOf(k))
	if err != nil {
		return domain.Entry{}, err
	}
	return domain.Entry{Key: k, Value: e.Value, Revision: e.Revision}, nil
}

// FromPage is [Bucket.FromPage].
func (s Snapshots) FromPage(ctx context.Context, page uint64, keys ...domain.Key) ([]domain.Entry, error) {
	asked := make([]Key, len(keys))
	for i, k := range keys {
		asked[i] = keyOf(k)
	}
	found, err := s.bucket.FromPage(ctx, page, asked...)
	if err != nil {
		return nil, err
	}
	out := make([]domain.Entry, len(keys))
	for i, e := range found {
		out[i] = domain.Entry{Key: keys[i], Value: e.Value, Revision: e.Revision, Page: e.Page}
	}
	return out, nil
}

// PutAll is [Bucket.PutAll].
func (s Snapshots) PutAll(ctx context.Context, entries []domain.Entry) error {
	return s.bucket.PutAll(ctx, entriesOf(entries))
}

// PutPages is [Bucket.PutPages].
func (s Snapshots) PutPages(ctx context.Context, entries []domain.Entry) error {
	all := entriesOf(entries)
	if err := s.bucket.PutPages(ctx, all); err != nil {
		return err
	}
	for i := range all {
		entries[i].Page = all[i].Page
	}
	return nil
}

func entriesOf(entries []domain.Entry) []Entry {
	all := make([]Entry, len(entries))
	for i, e := range entries {
		all[i] = Entry{Key: keyOf(e.Key), Value: e.Value}
	}
	return all
}

// Scan is [Bucket.Scan].
func (s Snapshots) Scan(ctx context.Context, store domain.StoreID, after uint64, each func(domain.Entry) error) error {
	return s.bucket.Scan(ctx, store, after, func(e Entry) error {
		one, err := domainEntry(e)
		if err != nil {
			return err
		}
		return each(one)
	})
}

// Extent is [Bucket.Extent].
func (s Snapshots) Extent(ctx context.Context) (domain.Extent, error) { return s.bucket.Extent(ctx) }

func domainEntry(e Entry) (domain.Entry, error) {
	k, err := domainKey(e.Key)
	return domain.Entry{Key: k, Value: e.Value, Revision: e.Revision, Page: e.Page}, err
}

// Topic is [Bucket.Topic].
func (s Snapshots) Topic() string { return s.bucket.Topic() }

// EntriesOf is [Bucket.EntriesOf].
func (s Snapshots) EntriesOf(m *message.Message) ([]domain.Entry, error) {
	all, err := s.bucket.EntriesOf(m)
	if err != nil {
		return nil, err
	}
	out := make([]domain.Entry, len(all))
	for i, e := range all {
		if out[i], err = domainEntry(e); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func keyOf(k domain.Key) Key {
	if (k == domain.Key{}) {
		return CheckpointKey()
	}
	if k.Stretch > 0 {
		return StretchKey(k.Store, k.ID, k.Stretch)
	}
	return MakeKey(k.Store, k.ID)
}

func domainKey(k Key) (domain.Key, error) {
	if k == CheckpointKey() {
		return domain.Key{}, nil
	}
	if stretch, is, err := k.stretch(); is {
		return stretch, err
	}
	store, id, err := k.Parts()
	return domain.Key{Store: store, ID: id}, err
}

// Events is a [Log] in the words of projections, which read and cannot append.
type Events struct{ log *Log }

// Events returns the log in the words of projections.
func (l *Log) Events() Events { return Events{l} }

// Read calls each with the selected events in order; to 0 is the end as it is now.
// A message that is no event comes with the error that says why, and with what is
// known of it: its store, position and time, and the bytes of its data.
func (e Events) Read(ctx context.Context, store domain.StoreID, id string, from, to domain.Position, each func(domain.Recorded, error) error) error {
	return e.log.Read(ctx, Query{From: from, To: to, Store: store, Key: id}, func(m Message) error {
		return each(recordedOr(m))
	})
}

// recordedOr is [Message.Recorded], with what is known of a message that is no event.
func recordedOr(m Message) (domain.Recorded, error) {
	rec, err := m.Recorded()
	if err != nil {
		rec = domain.Recorded{Store: m.Store, Position: m.Position, RecordedAt: m.RecordedAt}
		rec.Envelope.Subject, rec.Envelope.Data = m.Key, m.Data
	}
	return rec, err
}

// Last is [Log.Last].
func (e Events) Last(ctx context.Context) (domain.Position, error) { return e.log.Last(ctx) }
