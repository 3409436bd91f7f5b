package streams

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tillstream/tillstream/domain"
)

// Bucket keeps the newest value of each key. It is safe for concurrent use.
//
// A revision is the entry's place in the order of all writes to the bucket: it
// grows with every write, to whichever key. On a single server a write is
// acknowledged before fsync; a power cut takes the newest writes, in reverse order.
type Bucket struct {
	conn           *Conn
	stream, prefix string
}

// Entry is a key's value and, when it was read, its revision.
type Entry struct {
	Key      Key
	Value    []byte
	Revision uint64
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

// PutAll writes entries in the order given, without waiting for one before the
// next, and returns when all are acknowledged. The last one is written only when
// all others are acknowledged, so that a checkpoint given last is never there
// without what it covers. After an error any part of the others may be written.
func (b *Bucket) PutAll(ctx context.Context, entries []Entry) error {
	if len(entries) == 0 {
		return nil
	}
	last := len(entries) - 1
	if err := b.putPipelined(ctx, entries[:last]); err != nil {
		return err
	}
	return b.putPipelined(ctx, entries[last:])
}

func (b *Bucket) putPipelined(ctx context.Context, entries []Entry) error {
	futures := make([]jetstream.PubAckFuture, len(entries))
	for i, e := range entries {
		if i >= maxUnacknowledged {
			if err := b.acknowledged(ctx, entries[i-maxUnacknowledged], futures[i-maxUnacknowledged]); err != nil {
				return err
			}
		}
		f, err := b.conn.js.PublishMsgAsync(&nats.Msg{Subject: b.subject(e.Key), Data: e.Value})
		if err != nil {
			return fmt.Errorf("put %s into %s: %w", e.Key, b.stream, b.conn.translate(err))
		}
		futures[i] = f
	}
	for i := max(0, len(entries)-maxUnacknowledged); i < len(entries); i++ {
		if err := b.acknowledged(ctx, entries[i], futures[i]); err != nil {
			return err
		}
	}
	return nil
}

func (b *Bucket) acknowledged(ctx context.Context, e Entry, f jetstream.PubAckFuture) error {
	select {
	case <-f.Ok():
		return nil
	case err := <-f.Err():
		return fmt.Errorf("put %s into %s: %w", e.Key, b.stream, b.conn.translate(err))
	case <-ctx.Done():
		return fmt.Errorf("put %s into %s: %w", e.Key, b.stream, ctx.Err())
	}
}

// Scan calls do for the current value of every key, of one store or, when it is
// empty, of all and of the system keys, in the order of their revisions. A key
// that is written meanwhile may be seen twice, the newer value later. It returns
// the first error of do as it is.
func (b *Bucket) Scan(ctx context.Context, store domain.StoreID, do func(Entry) error) error {
	r, err := b.conn.openReader(ctx, b.stream, b.prefix, jetstream.OrderedConsumerConfig{
		FilterSubjects: []string{filterOf(b.prefix, store, "")},
		DeliverPolicy:  jetstream.DeliverAllPolicy,
	}, readAhead())
	if err != nil {
		return err
	}
	defer r.Close()
	for pending := r.pending; pending > 0; {
		msg, err := r.next(ctx)
		if err != nil {
			return err
		}
		meta, err := msg.Metadata()
		if err != nil {
			return fmt.Errorf("scan %s: %w", b.stream, err)
		}
		key, ok := strings.CutPrefix(msg.Subject(), b.prefix+".")
		if !ok {
			return fmt.Errorf("scan %s: subject %q is not of this bucket", b.stream, msg.Subject())
		}
		if err := do(Entry{Key: Key(key), Value: msg.Data(), Revision: meta.Sequence.Stream}); err != nil {
			return err
		}
		pending = meta.NumPending
	}
	return nil
}

// Len is the number of keys with a value.
func (b *Bucket) Len(ctx context.Context) (uint64, error) {
	info, err := b.conn.info(ctx, b.stream)
	if err != nil {
		return 0, err
	}
	return info.State.Msgs, nil
}
