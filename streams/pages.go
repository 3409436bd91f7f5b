package streams

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/google/uuid"
	"github.com/klauspost/compress/s2"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tillstream/tillstream/domain"
)

// A page is one message with the values of many keys of one store, compressed. It makes
// the first values of a bucket with a million keys cost the server a sixtieth of what as
// many messages would. A page is never written again: what replaces a value lies behind
// it, under the key's own subject or in another page, and the page stays until the bucket
// goes.
const (
	pageEntries = 64
	// pageBytes bounds a page before it is compressed. A value that is larger lies by
	// itself.
	pageBytes = 128 << 10
	// pageMark begins the last token of a page's subject. No key does.
	pageMark = "~"
	// pageVersion is the first byte of a page.
	pageVersion = 1
)

// PutPages stores values of keys, many in a message, and returns when all are stored. It
// says in each entry which page it lies in, see [Bucket.FromPage]; 0 is none, but a message
// of its own. No key may have a value under its own subject, because [Bucket.Get] would
// go on to return that. After an error any of them may be stored; the same call again is
// safe.
func (b *Bucket) PutPages(ctx context.Context, entries []Entry) error {
	var alone, pages [][]Entry
	for rest := entries; len(rest) > 0; {
		n := pageOf(rest)
		if n == 0 {
			alone, rest = append(alone, rest[:1]), rest[1:]
			continue
		}
		pages, rest = append(pages, rest[:n]), rest[n:]
	}
	for _, large := range alone {
		if _, err := b.Put(ctx, large[0].Key, large[0].Value, nil); err != nil {
			return err
		}
	}
	for len(pages) > 0 {
		msgs, size := []*nats.Msg{}, 0
		for _, page := range pages {
			msg := &nats.Msg{Subject: b.pageSubject(page[0].Key), Header: nats.Header{}, Data: encodePage(page)}
			if size += messageSize(msg) + recordOverhead; len(msgs) == maxBatch || len(msgs) > 0 && size > maxBatchBytes {
				break
			}
			msgs = append(msgs, msg)
		}
		last, err := b.putMessages(ctx, msgs)
		if err != nil {
			return err
		}
		for i, page := range pages[:len(msgs)] {
			for j := range page {
				page[j].Page = last - uint64(len(msgs)-1-i)
			}
		}
		pages = pages[len(msgs):]
	}
	return nil
}

// pageOf is how many of the entries make the next page; 0 when the first is too large
// for any.
func pageOf(entries []Entry) int {
	store, size := storeOf(entries[0].Key), 0
	for i, e := range entries {
		size += len(e.Key) + len(e.Value) + 2*binary.MaxVarintLen32
		if i == pageEntries || size > pageBytes || storeOf(e.Key) != store {
			return i
		}
	}
	return len(entries)
}

func storeOf(k Key) string {
	store, _, _ := strings.Cut(string(k), ".")
	return store
}

func (b *Bucket) pageSubject(first Key) string {
	return b.prefix + "." + storeOf(first) + "." + pageMark + uuid.NewString()
}

// FromPage reads the values of keys out of a page, in the order of the keys. The error is
// [domain.ErrNotFound] when one is not there. Newer ones may lie elsewhere.
func (b *Bucket) FromPage(ctx context.Context, page uint64, keys ...Key) ([]Entry, error) {
	msg, err := b.conn.messageAt(ctx, b.stream, page)
	if err != nil {
		return nil, fmt.Errorf("get %s from page %d of %s: %w", keys, page, b.stream, err)
	}
	there := map[Key]Entry{}
	err = b.entries(msg.Subject, msg.Data, page, func(e Entry) error {
		there[e.Key] = e
		return nil
	})
	if err != nil {
		return nil, err
	}
	found := make([]Entry, len(keys))
	for i, k := range keys {
		var is bool
		if found[i], is = there[k]; !is {
			return nil, fmt.Errorf("get %s from page %d of %s: %w", k, page, b.stream, domain.ErrNotFound)
		}
	}
	return found, nil
}

// entries calls each with what one message of the bucket holds.
func (b *Bucket) entries(subject string, data []byte, revision uint64, each func(Entry) error) error {
	key, ok := strings.CutPrefix(subject, b.prefix+".")
	if !ok {
		return fmt.Errorf("read %s: subject %q is not of this bucket", b.stream, subject)
	}
	store, last, _ := strings.Cut(key, ".")
	if !strings.HasPrefix(last, pageMark) {
		return each(Entry{Key: Key(key), Value: data, Revision: revision})
	}
	all, err := decodePage(data)
	if err != nil {
		return fmt.Errorf("read page %d of %s: %w", revision, b.stream, err)
	}
	for _, e := range all {
		if storeOf(e.Key) != store {
			return fmt.Errorf("read page %d of %s: key %q is not of store %s", revision, b.stream, e.Key, store)
		}
		e.Revision, e.Page = revision, revision
		if err := each(e); err != nil {
			return err
		}
	}
	return nil
}

// encodePage writes, behind the version, the compressed form of every key and value in
// turn, each behind its length.
func encodePage(entries []Entry) []byte {
	room := pageRooms.Get().(*pageRoom)
	defer pageRooms.Put(room)
	plain := room.plain[:0]
	for _, e := range entries {
		plain = append(binary.AppendUvarint(plain, uint64(len(e.Key))), e.Key...)
		plain = append(binary.AppendUvarint(plain, uint64(len(e.Value))), e.Value...)
	}
	room.plain = plain
	room.packed = s2.Encode(room.packed[:cap(room.packed)], plain)
	return append([]byte{pageVersion}, room.packed...)
}

// pageRoom is where a page is encoded.
type pageRoom struct{ plain, packed []byte }

var pageRooms = sync.Pool{New: func() any { return new(pageRoom) }}

// decodePage undoes [encodePage]. The values do not overlap.
func decodePage(data []byte) ([]Entry, error) {
	if len(data) == 0 || data[0] != pageVersion {
		return nil, errors.New("it is of another version of tillstream")
	}
	if n, err := s2.DecodedLen(data[1:]); err == nil && n > pageBytes {
		return nil, fmt.Errorf("it would be %d bytes, of at most %d", n, pageBytes)
	}
	plain, err := s2.Decode(nil, data[1:])
	if err != nil {
		return nil, err
	}
	var out []Entry
	for len(plain) > 0 {
		var key, value []byte
		if key, plain, err = cutPart(plain); err == nil {
			value, plain, err = cutPart(plain)
		}
		if err != nil {
			return nil, err
		}
		out = append(out, Entry{Key: Key(key), Value: value})
	}
	return out, nil
}

// cutPart cuts off what stands behind its length.
func cutPart(b []byte) (part, rest []byte, err error) {
	n, width := binary.Uvarint(b)
	if width <= 0 || n > uint64(len(b)-width) {
		return nil, nil, errors.New("it is cut off")
	}
	end := width + int(n)
	return b[width:end:end], b[end:], nil
}

// putMessages stores messages, all of them or a part, and returns the sequence number of
// the last; those of the others are in front of it without a gap.
func (b *Bucket) putMessages(ctx context.Context, msgs []*nats.Msg) (last uint64, err error) {
	if len(msgs) >= 2 {
		return b.putBatch(ctx, msgs)
	}
	ack, err := b.conn.js.PublishMsg(ctx, msgs[0], jetstream.WithExpectStream(b.stream))
	if err != nil {
		return 0, fmt.Errorf("put a page into %s: %w", b.stream, b.conn.translate(err))
	}
	return ack.Sequence, nil
}
