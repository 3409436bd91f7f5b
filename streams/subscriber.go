package streams

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	wmnats "github.com/ThreeDotsLabs/watermill-nats/v2/pkg/nats"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/nats-io/nats.go"
)

// StartAt says where a [Subscriber] begins.
type StartAt int

const (
	// StartNew delivers what is written from now on.
	StartNew StartAt = iota
	// StartLastPerKey delivers the newest message of every key first.
	StartLastPerKey
	// StartAll delivers everything there is first.
	StartAll
)

// Subscription settings. A handler may keep a message for as long as it waits for
// its own retries, so the server does not count that as a loss; when the process
// ends, its place on the server ends with it after idleAfter.
const (
	ackTimeout = time.Hour
	idleAfter  = 10 * time.Minute
	inFlight   = 256
)

// NewSubscriber makes a Watermill subscriber of changes: of a bucket's writes or a
// log's messages. The topic to subscribe to is [Log.Topic] or [Bucket.Topic].
//
// Every change is delivered at least once, while the subscription lives, in order
// as long as nothing is nacked. A bucket forgets what was overwritten, so that many
// writes of one key in a row may be delivered as one. A subscription leaves no
// trace on the server: who starts anew begins at start and finds out by itself
// what it missed.
//
// The subscriber has a connection of its own, which its Close closes.
func (c *Conn) NewSubscriber(start StartAt, logger *slog.Logger) (message.Subscriber, error) {
	if logger == nil {
		logger = c.cfg.Logger
	}
	nc, err := c.open("tillstream subscriber")
	if err != nil {
		return nil, fmt.Errorf("subscriber: %w", err)
	}
	sub, err := wmnats.NewSubscriberWithNatsConn(nc, wmnats.SubscriberSubscriptionConfig{
		Unmarshaler:    unmarshaler{},
		AckWaitTimeout: ackTimeout,
		CloseTimeout:   closeTimeout,
		JetStream: wmnats.JetStreamConfig{
			AckAsync: true,
			SubscribeOptions: []nats.SubOpt{
				start.option(), nats.AckExplicit(), nats.ManualAck(), nats.AckWait(ackTimeout),
				nats.MaxDeliver(-1), nats.MaxAckPending(inFlight), nats.InactiveThreshold(idleAfter),
			},
		},
	}, watermill.NewSlogLogger(logger))
	if err != nil {
		nc.Close()
		return nil, fmt.Errorf("subscriber: %w", err)
	}
	return subscriber{sub}, nil
}

// subscriber hides what else watermill-nats offers: it would make a stream for each
// topic that somebody subscribes to.
type subscriber struct{ message.Subscriber }

func (s StartAt) option() nats.SubOpt {
	switch s {
	case StartLastPerKey:
		return nats.DeliverLastPerSubject()
	case StartAll:
		return nats.DeliverAll()
	}
	return nats.DeliverNew()
}

// Topic is what to subscribe to for everything in the log.
func (l *Log) Topic() string { return subjectsOfLog(l.prefix) }

// Topic is what to subscribe to for every write to the bucket.
func (b *Bucket) Topic() string { return subjectsOfLog(b.prefix) }

// KeyOf is the key of the entry whose write a Watermill message reports.
func (b *Bucket) KeyOf(msg *message.Message) (Key, error) {
	subject := msg.Metadata.Get(MetadataSubject)
	if len(subject) <= len(b.prefix) || subject[:len(b.prefix)+1] != b.prefix+"." {
		return "", fmt.Errorf("message %s: subject %q is not of %s", msg.UUID, subject, b.stream)
	}
	return Key(subject[len(b.prefix)+1:]), nil
}

// unmarshaler makes a Watermill message of whatever lies in a stream. It never
// fails: the subscriber would log the error and have the message again for ever.
type unmarshaler struct{}

var _ wmnats.Unmarshaler = unmarshaler{}

func (unmarshaler) Unmarshal(m *nats.Msg) (*message.Message, error) {
	id := m.Header.Get(wmnats.WatermillUUIDHdr) // of what Watermill itself published
	metadata := make(message.Metadata, len(m.Header)+5)
	for name, values := range m.Header {
		if len(values) > 0 {
			metadata[name] = values[0]
		}
	}
	if v, err := unescapeHeader(metadata[attributePrefix+"correlationid"]); err == nil && v != "" {
		metadata["correlation_id"] = v // what Watermill's middleware reads
	}
	metadata[MetadataSubject] = m.Subject
	if meta, err := m.Metadata(); err == nil {
		if id == "" {
			id = fmt.Sprintf("%s-%d", meta.Stream, meta.Sequence.Stream)
		}
		metadata[MetadataStream] = meta.Stream
		metadata[MetadataPosition] = fmt.Sprint(meta.Sequence.Stream)
		metadata[MetadataRecordedAt] = meta.Timestamp.UTC().Format(time.RFC3339Nano)
	}
	msg := message.NewMessage(id, m.Data)
	msg.Metadata = metadata
	return msg, nil
}
