package streams

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tillstream/tillstream/domain"
)

// Kind says in one word why a message could not be used. Programs may rely on it;
// the reason is for people.
type Kind string

// The kinds of dead letters.
const (
	Undecodable Kind = "undecodable"  // no event at all
	Invalid     Kind = "invalid"      // an event whose content breaks a rule
	UnknownType Kind = "unknown_type" // an event that a newer program may know
	Unfoldable  Kind = "unfoldable"   // contradicts the state it applies to
	TooOld      Kind = "too_old"      // cannot be told from a repetition any more
	Oversized   Kind = "oversized"    // larger than any event may be
	Failed      Kind = "failed"       // a handler gave it up
)

// Resolution is what became of a letter.
type Resolution string

// A letter is open until somebody resolves it.
const (
	Open     Resolution = ""
	Requeued Resolution = "requeued" // its message was appended to its log again
	Dropped  Resolution = "dropped"  // it stays unused, by decision
)

// Letter is a message that could not be used, whole, and why.
type Letter struct {
	ID      domain.Position // its position in the log of dead letters
	Kind    Kind
	Reason  string
	Handler string    // who could not use it
	At      time.Time // when, by the clock of the program

	// Original is the message as it lay, or lies, at its own position of its own
	// stream. A letter whose message is too large to be kept twice is read from
	// there.
	Original Message

	Resolution Resolution
	Why        string // why it was resolved so
	ResolvedAt time.Time
}

// The headers that a letter adds to its message's own.
const (
	deadHeader         = "Dead-"
	deadKind           = deadHeader + "Kind"
	deadReason         = deadHeader + "Reason"
	deadHandler        = deadHeader + "Handler"
	deadTime           = deadHeader + "Time"
	deadStream         = deadHeader + "Stream"
	deadSubject        = deadHeader + "Subject"
	deadPosition       = deadHeader + "Position"
	deadRecordedAt     = deadHeader + "Recorded-At"
	deadElsewhere      = deadHeader + "Elsewhere" // headers and data are in the stream only
	deadResolves       = deadHeader + "Resolves"
	deadResolution     = deadHeader + "Resolution"
	deadOriginalHeader = deadHeader + "Original-" // before names that the server or we give a meaning
)

// maxReason cuts what other programs say, in bytes.
const maxReason = 2 << 10

// encodeLetter makes the message of a letter.
func encodeLetter(l Letter, maxSize int) *nats.Msg {
	o := l.Original
	h := nats.Header{
		deadKind:              {escapeHeader(string(l.Kind))},
		deadReason:            {escapeHeader(cut(l.Reason, maxReason))},
		deadHandler:           {escapeHeader(l.Handler)},
		deadTime:              {l.At.UTC().Format(time.RFC3339Nano)},
		deadStream:            {o.Stream},
		deadSubject:           {escapeHeader(o.Subject)},
		deadPosition:          {strconv.FormatUint(uint64(o.Position), 10)},
		deadRecordedAt:        {o.RecordedAt.UTC().Format(time.RFC3339Nano)},
		jetstream.MsgIDHeader: {"dead." + o.Stream + "." + strconv.FormatUint(uint64(o.Position), 10)},
	}
	subject := deadPrefix + "." + systemStore + "." + token(o.Subject)
	if o.Store != "" {
		subject = subjectOf(deadPrefix, o.Store, o.Key)
	}
	const ours = 12 << 10 // more than our own headers can have
	headers := headerSize(o.Header) + len(o.Header)*len(deadOriginalHeader)
	if headers+ours > maxHeader || headers+ours+len(o.Data) > maxSize {
		h[deadElsewhere] = []string{"true"}
		return &nats.Msg{Subject: subject, Header: h}
	}
	for name, values := range o.Header {
		if reserved(name) {
			name = deadOriginalHeader + name
		}
		h[name] = values
	}
	return &nats.Msg{Subject: subject, Header: h, Data: o.Data}
}

// reserved names mean something to the server, its client or us and are set aside.
func reserved(name string) bool {
	name = strings.ToLower(name)
	return name == strings.ToLower(statusHeader) || strings.HasPrefix(name, "nats-") || strings.HasPrefix(name, strings.ToLower(deadHeader))
}

// decodeLetter undoes [encodeLetter]. elsewhere says that the original's headers
// and data have to be read from its own stream.
func decodeLetter(m Message) (l Letter, elsewhere bool, err error) {
	h := nats.Header(m.Header)
	text := func(name string) string {
		v, e := unescapeHeader(h.Get(name))
		if e != nil && err == nil {
			err = fmt.Errorf("dead letter %d: header %s: %w", m.Position, name, e)
		}
		return v
	}
	number := func(name string) uint64 {
		n, e := strconv.ParseUint(h.Get(name), 10, 64)
		if e != nil && err == nil {
			err = fmt.Errorf("dead letter %d: header %s: %w", m.Position, name, e)
		}
		return n
	}
	at := func(name string) time.Time {
		t, e := time.Parse(time.RFC3339Nano, h.Get(name))
		if e != nil && err == nil {
			err = fmt.Errorf("dead letter %d: header %s: %w", m.Position, name, e)
		}
		return t
	}
	l = Letter{
		ID: m.Position, Kind: Kind(text(deadKind)), Reason: text(deadReason), Handler: text(deadHandler), At: at(deadTime),
	}
	original := make(map[string][]string)
	for name, values := range m.Header {
		if kept, ok := strings.CutPrefix(name, deadOriginalHeader); ok {
			original[kept] = values
		} else if !reserved(name) {
			original[name] = values
		}
	}
	stream := h.Get(deadStream)
	l.Original = newMessage(stream, prefixOf(stream), text(deadSubject), original, m.Data, number(deadPosition), at(deadRecordedAt))
	return l, h.Get(deadElsewhere) != "", err
}

// cut shortens s to at most n bytes at a character's edge.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "…"
}
