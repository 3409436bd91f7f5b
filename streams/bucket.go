package streams

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/synadia-io/orbit.go/jetstreamext"

	"github.com/tillstream/tillstream/domain"
)

// Bucket keeps the newest value of each key. It is safe for concurrent use.
//
// A revision is the entry's place in the order of all writes to the bucket: it
// grows with every write, to whichever key. What was put lies on disk when the put
// returns, like an event in a [Log].
type Bucket struct {
	conn           *Conn
	stream, prefix string
}

// Entry is a key's value and, when it was read, its revision.
type Entry struct {
	Key      Key
	Value    []byte
	Revision uint64
	Page     uint64 // the revision of the page that it lies in; 0 for a message of its own
}

func newBucket(c *Conn, stream, prefix string) *Bucket {
	return &Bucket{conn: c, stream: stream, prefix: prefix}
}

// Name is the name of the bucket's stream.
func (b *Bucket) Name() string { return b.stream }

func (b *Bucket) subject(k Key) string { return b.prefix + "." + string(k) }

// Get reads the newest value of a key. The error is [domain.ErrNotFound] when it
// has none.
func (b *Bucket) Get(ctx context.Context, k Key) (Entry, error) {
	msg, err := b.conn.lastMessage(ctx, b.stream, b.subject(k))
	if err != nil {
		return Entry{}, fmt.Errorf("get %s from %s: %w", k, b.stream, err)
	}
	return Entry{Key: k, Value: msg.Data, Revision: msg.Sequence}, nil
}

// Put writes a value and returns its revision. With expect, it writes only when the
// key's revision is *expect, 0 standing for a key without a value; otherwise the
// error is [domain.ErrConflict].
func (b *Bucket) Put(ctx context.Context, k Key, value []byte, expect *uint64) (uint64, error) {
	msg := &nats.Msg{Subject: b.subject(k), Data: value}
	if expect != nil {
		msg.Header = nats.Header{jetstream.ExpectedLastSubjSeqHeader: {strconv.FormatUint(*expect, 10)}}
	}
	ack, err := b.conn.js.PublishMsg(ctx, msg)
	switch {
	case err == nil:
		return ack.Sequence, nil
	case lostRace(err):
		return 0, fmt.Errorf("put %s into %s: %w", k, b.stream, domain.ErrConflict)
	case ctx.Err() != nil:
		return 0, fmt.Errorf("put %s into %s: %w", k, b.stream, ctx.Err())
	}
	return 0, fmt.Errorf("put %s into %s: %w", k, b.stream, b.conn.translate(err))
}

// PutAll writes entries in the order given and returns when all are stored. The
// last one is there only when all others are, so that a checkpoint given last is
// never there without what it covers. After an error any part of the others may be
// stored; the same call again is safe as long as nobody else writes these keys.
func (b *Bucket) PutAll(ctx context.Context, entries []Entry) error {
	if len(entries) < plainBelow {
		for _, e := range entries {
			if _, err := b.Put(ctx, e.Key, e.Value, nil); err != nil {
				return err
			}
		}
		return nil
	}
	for len(entries) > 0 {
		n := b.batchOf(entries)
		if err := b.putEntries(ctx, entries[:n]); err != nil {
			return err
		}
		entries = entries[n:]
	}
	return nil
}

// batchOf is how many of the entries go into the next atomic batch.
func (b *Bucket) batchOf(entries []Entry) int {
	size := 0
	for i, e := range entries {
		size += len(e.Value)
		if i == maxBatch || i > 0 && size > maxBatchBytes {
			return i
		}
	}
	return len(entries)
}

// putEntries writes entries all or none.
func (b *Bucket) putEntries(ctx context.Context, entries []Entry) error {
	msgs := make([]*nats.Msg, len(entries))
	for i, e := range entries {
		msgs[i] = &nats.Msg{Subject: b.subject(e.Key), Header: nats.Header{}, Data: e.Value}
	}
	_, err := b.putBatch(ctx, msgs)
	return err
}

// putBatch writes messages all or none, and returns the revision of the last; those of
// the others are the ones in front of it.
func (b *Bucket) putBatch(ctx context.Context, msgs []*nats.Msg) (uint64, error) {
	size := 0
	for _, msg := range msgs {
		size += messageSize(msg) + recordOverhead
	}
	if err := b.conn.hasRoom(size); err != nil {
		return 0, fmt.Errorf("put %d entries into %s: %w", len(msgs), b.stream, err)
	}
	ctx, cancel := context.WithTimeout(ctx, ackWait)
	defer cancel()
	ack, err := jetstreamext.PublishMsgBatch(ctx, b.conn.js, msgs)
	if err != nil {
		return 0, fmt.Errorf("put %d entries into %s: %w", len(msgs), b.stream, b.conn.translate(err))
	}
	return ack.Sequence, nil
}

// Scan calls do for the current value of every key, of one store or, when it is
// empty, of all and of the system keys, that was written after a revision, 0 for all, in
// the order of their revisions. A key
// that is written meanwhile may be seen twice, the newer value later, and so may one
// that has a value in a page. It returns the first error of do as it is.
func (b *Bucket) Scan(ctx context.Context, store domain.StoreID, after uint64, do func(Entry) error) error {
	return b.conn.readAll(ctx, b.stream, filterOf(b.prefix, store, ""), jetstream.OrderedConsumerConfig{OptStartSeq: after + 1}, func(msg jetstream.Msg, meta *jetstream.MsgMetadata) error {
		return b.entries(msg.Subject(), msg.Data(), meta.Sequence.Stream, do)
	})
}

// Stores lists the stores that have a key, in their order; none when the bucket does
// not exist.
func (b *Bucket) Stores(ctx context.Context) ([]domain.StoreID, error) {
	_, err := b.conn.askJS.Stream(ctx, b.stream)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the keys of %s: %w", b.stream, b.conn.translate(err))
	}
	// The server can list its subjects, too, but not a million of them in time.
	stores := map[domain.StoreID]bool{}
	err = b.conn.readAll(ctx, b.stream, subjectsOfLog(b.prefix), jetstream.OrderedConsumerConfig{HeadersOnly: true}, func(msg jetstream.Msg, _ *jetstream.MsgMetadata) error {
		if store := storeOf(Key(strings.TrimPrefix(msg.Subject(), b.prefix+"."))); store != systemStore {
			stores[domain.StoreID(store)] = true
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return slices.Sorted(maps.Keys(stores)), nil
}

// Extent says how far the bucket has come.
func (b *Bucket) Extent(ctx context.Context) (domain.Extent, error) {
	info, err := b.conn.info(ctx, b.stream)
	if err != nil {
		return domain.Extent{}, err
	}
	return domain.Extent{Created: info.Created, Revision: info.State.LastSeq, Messages: info.State.Msgs}, nil
}

// Len is the number of messages: that of keys with a value where none lies in a page.
func (b *Bucket) Len(ctx context.Context) (uint64, error) {
	info, err := b.conn.info(ctx, b.stream)
	if err != nil {
		return 0, err
	}
	return info.State.Msgs, nil
}
