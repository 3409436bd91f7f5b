package tree

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"slices"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/tillstream/tillstream/domain"
)

// Message is one entry of a log, whole.
type Message struct {
	Log        string // the name of its stream
	Position   domain.Position
	Subject    string
	RecordedAt time.Time // the broker's clock, to the nanosecond
	Header     map[string][]string
	Data       []byte
}

// The first line of a leaf says what follows, so that no two kinds can be taken for
// each other.
const (
	leafLine   = "tillstream leaf v1\n"
	absentLine = "tillstream absent v1\n"
)

// AppendLeaf appends the encoding of a message, version 1. Numbers are big-endian, and
// a text is its length in 4 bytes and its bytes:
//
//	"tillstream leaf v1\n"
//	text log
//	8 bytes position
//	8 bytes recorded time, nanoseconds since 1970
//	text subject
//	4 bytes number of header values
//	for each, in the order of the names' bytes and within a name as they stand:
//	    text name
//	    text value
//	text data
func AppendLeaf(b []byte, m *Message) []byte {
	var h Hasher
	return h.AppendLeaf(b, m)
}

// AppendAbsent appends the leaf of a position at which a log has no message:
//
//	"tillstream absent v1\n"
//	text log
//	8 bytes position
//
// A log that lost a message keeps its numbering, and so must the tree. That it did is
// found elsewhere.
func AppendAbsent(b []byte, log string, at domain.Position) []byte {
	b = append(b, absentLine...)
	b = appendText(b, log)
	return binary.BigEndian.AppendUint64(b, uint64(at))
}

// Hasher makes the hashes of leaves. It keeps its memory from one to the next, and is
// for one goroutine. The zero value is ready.
type Hasher struct {
	leaf  []byte
	names []string
}

// Leaf is the hash of a message's leaf.
func (h *Hasher) Leaf(m *Message) tlog.Hash {
	h.leaf = h.AppendLeaf(append(h.leaf[:0], 0), m) // RFC 6962: leaves are hashed behind a zero byte
	return sha256.Sum256(h.leaf)
}

// Encoded is the hash of a leaf that is there in its encoding.
func (h *Hasher) Encoded(leaf []byte) tlog.Hash {
	h.leaf = append(append(h.leaf[:0], 0), leaf...)
	return sha256.Sum256(h.leaf)
}

// Absent is the hash of the leaf of a position without a message.
func (h *Hasher) Absent(log string, at domain.Position) tlog.Hash {
	h.leaf = AppendAbsent(append(h.leaf[:0], 0), log, at)
	return sha256.Sum256(h.leaf)
}

// AppendLeaf is [AppendLeaf] in the memory that the hasher keeps.
func (h *Hasher) AppendLeaf(b []byte, m *Message) []byte {
	b = append(b, leafLine...)
	b = appendText(b, m.Log)
	b = binary.BigEndian.AppendUint64(b, uint64(m.Position))
	b = binary.BigEndian.AppendUint64(b, uint64(m.RecordedAt.UnixNano()))
	b = appendText(b, m.Subject)
	h.names = h.names[:0]
	values := 0
	for name, v := range m.Header {
		h.names, values = append(h.names, name), values+len(v)
	}
	slices.Sort(h.names)
	b = binary.BigEndian.AppendUint32(b, uint32(values))
	for _, name := range h.names {
		for _, value := range m.Header[name] {
			b = appendText(appendText(b, name), value)
		}
	}
	return appendText(b, m.Data)
}

func appendText[T string | []byte](b []byte, s T) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(len(s)))
	return append(b, s...)
}

// ParseLeaf undoes [AppendLeaf]. It takes no other encoding of a message than that, so
// that what it takes has the leaf's hash.
func ParseLeaf(b []byte) (Message, error) {
	p := leafParser{rest: b}
	p.line(leafLine)
	m := Message{Log: string(p.text()), Position: domain.Position(p.number(8))}
	m.RecordedAt = time.Unix(0, int64(p.number(8))).UTC()
	m.Subject = string(p.text())
	if n := p.number(4); n > 0 && p.err == nil {
		m.Header = map[string][]string{}
		for last := ""; n > 0 && p.err == nil; n-- {
			name, value := string(p.text()), string(p.text())
			if name < last {
				p.fail("its headers are not in the order of their names")
			}
			m.Header[name], last = append(m.Header[name], value), name
		}
	}
	m.Data = p.text()
	if len(p.rest) > 0 {
		p.fail("something follows it")
	}
	return m, p.err
}

// leafParser takes a leaf apart from the front. After an error it yields nothing.
type leafParser struct {
	rest []byte
	err  error
}

func (p *leafParser) fail(why string) {
	if p.err == nil {
		p.err = errors.New("leaf: " + why)
	}
	p.rest = nil
}

func (p *leafParser) take(n uint64) []byte {
	if n > uint64(len(p.rest)) {
		p.fail("it is cut")
		return nil
	}
	b := p.rest[:n:n]
	p.rest = p.rest[n:]
	return b
}

func (p *leafParser) line(want string) {
	if string(p.take(uint64(len(want)))) != want {
		p.fail("it is none of version 1")
	}
}

func (p *leafParser) number(size uint64) uint64 {
	var n uint64
	for _, c := range p.take(size) {
		n = n<<8 | uint64(c)
	}
	return n
}

func (p *leafParser) text() []byte { return p.take(p.number(4)) }
