package streams

import (
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/tillstream/tillstream/domain"
)

// Message is one entry of a log as it lies there. It may come from anybody who may
// publish, so it need not be an event: [Message.Recorded] finds out, and the raw
// form stays whole for a dead letter.
type Message struct {
	Stream     string // the log it is from
	Subject    string
	Store      domain.StoreID // from the subject; empty when the subject is malformed
	Key        string         // the item or product id, from the subject
	Position   domain.Position
	RecordedAt time.Time // the server's clock when it stored the message
	Pending    uint64    // how many messages of the same read follow, when this one was sent

	// Header and Data are the message's own; the caller may not change them.
	Header map[string][]string
	Data   []byte

	prefix string
}

// Recorded decodes the event: its attributes from the headers, its data unread.
// The subject's id must be the event's subject, because everything that reads one
// item relies on it. The error is an [*domain.InvalidError].
func (m Message) Recorded() (domain.Recorded, error) {
	if m.Store == "" {
		_, _, err := parseSubject(m.prefix, m.Subject)
		return domain.Recorded{}, &domain.InvalidError{Path: "subject", Value: m.Subject, Reason: err.Error()}
	}
	e, err := decodeEnvelope(m.Header, m.Data)
	if err != nil {
		return domain.Recorded{}, err
	}
	if e.Subject != m.Key {
		return domain.Recorded{}, &domain.InvalidError{Path: "subject", Value: e.Subject, Reason: fmt.Sprintf("must be the id in the stream's subject, %q", m.Key)}
	}
	return domain.Recorded{Envelope: e, Store: m.Store, Position: m.Position, RecordedAt: m.RecordedAt}, nil
}

func newMessage(stream, prefix, subject string, header map[string][]string, data []byte, at uint64, recorded time.Time) Message {
	m := Message{
		Stream: stream, Subject: subject, Header: header, Data: data,
		Position: domain.Position(at), RecordedAt: recorded.UTC(), prefix: prefix,
	}
	if store, key, err := parseSubject(prefix, subject); err == nil {
		m.Store, m.Key = store, key
	}
	return m
}

// delivered makes a Message of what a consumer delivers.
func delivered(stream, prefix string, msg jetstream.Msg, meta *jetstream.MsgMetadata) Message {
	m := newMessage(stream, prefix, msg.Subject(), msg.Headers(), msg.Data(), meta.Sequence.Stream, meta.Timestamp)
	m.Pending = meta.NumPending
	return m
}
