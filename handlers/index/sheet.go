package index

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/klauspost/compress/s2"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/audit/tree"
	"github.com/tillstream/tillstream/projections/search/sqlite"
	"github.com/tillstream/tillstream/streams"
)

// A sheet holds copies of the messages at [tree.TileWidth] neighbouring positions of a log,
// those of one tile of leaves of the log's tree, compressed together. It has an entry for
// each, behind its length: the message's leaf (package tree), only the hash of that where
// the message is large, or nothing where the log has none. Its hash is the tile's, so that
// what is signed of the log proves the sheet.
//
// It is there because the broker reads and looks through four megabytes for one message of
// a log that it has not looked at lately, and the events of an item lie each in another
// four.

// mostCopied is the size of the largest leaf that is copied. It bounds the memory that a
// sheet takes, and most events are a fiftieth of it.
const mostCopied = 16 << 10

// mostOfSheet is what the largest sheet holds before it is compressed.
const mostOfSheet = tree.TileWidth * (mostCopied + binary.MaxVarintLen32)

// sheetOf is the number of the sheet that a position is in.
func sheetOf(at domain.Position) int64 { return int64(at-1) / tree.TileWidth }

// entries are those of one sheet.
type entries [tree.TileWidth][]byte

// parse takes apart what a sheet holds.
func (e *entries) parse(plain []byte) error {
	for i := range e {
		size, n := binary.Uvarint(plain)
		if n <= 0 || size > uint64(len(plain)-n) {
			return fmt.Errorf("its message %d is cut off", i+1)
		}
		e[i], plain = plain[n:n+int(size)], plain[n+int(size):]
	}
	if len(plain) > 0 {
		return errors.New("something follows its last message")
	}
	return nil
}

// tile is the one that the messages of a log's sheet make.
func (e *entries) tile(log string, n int64, h *tree.Hasher) *tree.Tile {
	t := &tree.Tile{N: n}
	for i, entry := range e {
		switch len(entry) {
		case 0:
			t.Hashes[i] = h.Absent(log, domain.Position(n*tree.TileWidth+int64(i)+1))
		case tlog.HashSize: // no leaf is so short
			t.Hashes[i] = tlog.Hash(entry)
		default:
			t.Hashes[i] = h.Encoded(entry)
		}
	}
	return t
}

// sheetReader reads sheets of one log, each in the memory of the one before.
type sheetReader struct {
	log     string
	plain   []byte
	entries entries
	hasher  tree.Hasher
}

// open unpacks a sheet. The error is a [*sqlite.DamagedError].
func (r *sheetReader) open(s *sqlite.Sheet) error {
	n, err := s2.DecodedLen(s.Messages)
	if err == nil && n > mostOfSheet {
		err = fmt.Errorf("it would be %d bytes, of at most %d", n, mostOfSheet)
	}
	if err == nil {
		r.plain, err = s2.Decode(r.plain[:cap(r.plain)], s.Messages)
	}
	if err == nil {
		err = r.entries.parse(r.plain)
	}
	return r.damaged(s, err)
}

// check refuses a sheet, the one that is open, which is not what was written.
func (r *sheetReader) check(s *sqlite.Sheet) error {
	if r.entries.tile(r.log, s.N, &r.hasher).Hash() != s.Hash {
		return r.damaged(s, errors.New("it is not what was written"))
	}
	return nil
}

func (r *sheetReader) damaged(s *sqlite.Sheet, err error) error {
	if err == nil {
		return nil
	}
	return &sqlite.DamagedError{Err: fmt.Errorf("sheet %d of the log %s: %w", s.N, s.Log, err)}
}

// message is the one at a position of the sheet that is open, or false when there is no
// copy of it.
func (r *sheetReader) message(s *sqlite.Sheet, at domain.Position) (m tree.Message, copied bool, err error) {
	entry := r.entries[(at-1)%tree.TileWidth]
	if len(entry) <= tlog.HashSize {
		return m, false, nil
	}
	m, err = tree.ParseLeaf(entry)
	if err == nil && (m.Log != r.log || m.Position != at) {
		err = fmt.Errorf("position %d of %s lies in the place of position %d", m.Position, m.Log, at)
	}
	return m, err == nil, r.damaged(s, err)
}

// copyist gathers the messages of a log, as they are read, into sheets. It is for one
// goroutine.
type copyist struct {
	name    string          // of the log in the index
	log     string          // its own
	next    domain.Position // of the message that is copied next
	plain   []byte          // the sheet that it goes to, as far as that is written
	leaf    []byte
	hasher  tree.Hasher
	entries entries
}

// newCopyist goes on where the index has so many sheets of a log and has read it up to a
// position. What lies behind the last sheet is read again; an index that has read more
// whole sheets of it is of no use.
func newCopyist(ctx context.Context, name string, log *streams.Log, sheets int64, read domain.Position) (*copyist, error) {
	c := &copyist{name: name, log: log.Name(), next: domain.Position(sheets*tree.TileWidth + 1)}
	if read < c.next {
		return c, nil
	}
	return c, log.Read(ctx, streams.Query{From: c.next, To: read}, func(m streams.Message) error {
		if whole := c.add(nil, &m); len(whole) > 0 { // which ought to have been written
			return errUseless
		}
		return nil
	})
}

// sheets is how many are whole.
func (c *copyist) sheets() int64 { return sheetOf(c.next) }

// add copies the next message. It appends the sheets that are whole with it to others.
func (c *copyist) add(whole []sqlite.Sheet, m *streams.Message) []sqlite.Sheet {
	for c.next < m.Position {
		whole = c.write(whole, nil)
	}
	c.leaf = c.hasher.AppendLeaf(c.leaf[:0], &tree.Message{
		Log: m.Stream, Position: m.Position, Subject: m.Subject, RecordedAt: m.RecordedAt, Header: m.Header, Data: m.Data,
	})
	if len(c.leaf) > mostCopied {
		hash := c.hasher.Encoded(c.leaf)
		return c.write(whole, hash[:])
	}
	return c.write(whole, c.leaf)
}

func (c *copyist) write(whole []sqlite.Sheet, entry []byte) []sqlite.Sheet {
	c.plain = append(binary.AppendUvarint(c.plain, uint64(len(entry))), entry...)
	if c.next++; sheetOf(c.next) == sheetOf(c.next-1) {
		return whole
	}
	s := sqlite.Sheet{Log: c.name, N: sheetOf(c.next - 1), Messages: s2.Encode(nil, c.plain)}
	if err := c.entries.parse(c.plain); err != nil {
		panic(fmt.Sprintf("a sheet that was just written can be read: %v", err))
	}
	s.Hash = c.entries.tile(c.log, s.N, &c.hasher).Hash()
	c.plain = c.plain[:0]
	return append(whole, s)
}
