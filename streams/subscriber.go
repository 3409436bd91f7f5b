package streams

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tillstream/tillstream/domain"
)

// StartAt says where a subscription begins.
type StartAt int

const (
	// StartNew delivers what is written from now on.
	StartNew StartAt = iota
	// StartLastPerKey delivers the newest message of every key first.
	StartLastPerKey
	// StartAll delivers everything there is first.
	StartAll
)

// prefetch is how many messages a subscription asks for at once. A bucket's values
// that wait here can no longer be overwritten by newer ones, so it is small.
const prefetch = 256

// Subscriber is a Watermill subscriber of changes: of a log's messages or a bucket's
// writes. The topic to subscribe to is [Log.Topic] or [Bucket.Topic].
//
// A subscription delivers every message at least once and in order. The next one is
// delivered when the one before is acknowledged; a nacked one is delivered again at
// once. A bucket forgets what was overwritten, so that many writes of one key in a
// row may be delivered as one. A subscription leaves no trace on the server: who
// starts anew begins at its start and finds out by itself what it missed.
//
// It is not the one of watermill-nats v2.1.3, which passes the same conformance
// suite but closes its output while it may still be sending to it: the race
// detector reports it, and the loser of that race panics.
type Subscriber struct {
	conn   *Conn
	start  StartAt
	logger *slog.Logger

	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	mu     sync.Mutex // orders Subscribe and Close
	open   sync.WaitGroup
}

var _ message.Subscriber = (*Subscriber)(nil)

// NewSubscriber makes a subscriber whose subscriptions begin at start. The caller, or
// the router it is given to, closes it. A nil logger is the connection's.
func (c *Conn) NewSubscriber(start StartAt, logger *slog.Logger) (*Subscriber, error) {
	if start < StartNew || start > StartAll {
		return nil, fmt.Errorf("subscriber: start %d: must be StartNew, StartLastPerKey or StartAll", start)
	}
	if logger == nil {
		logger = c.cfg.Logger
	}
	s := &Subscriber{conn: c, start: start, logger: logger}
	s.ctx, s.cancel = context.WithCancel(c.ctx)
	return s, nil
}

// Subscribe delivers a topic's messages until ctx ends or the subscriber is closed;
// then it closes the channel.
func (s *Subscriber) Subscribe(ctx context.Context, topic string) (<-chan *message.Message, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ctx.Err() != nil {
		return nil, errors.New("subscribe: the subscriber is closed")
	}
	ctx, cancel := context.WithCancel(ctx)
	unlink := context.AfterFunc(s.ctx, cancel)
	r, err := s.reader(ctx, topic)
	if err != nil {
		cancel()
		return nil, fmt.Errorf("subscribe to %s: %w", topic, err)
	}
	out := make(chan *message.Message)
	s.open.Go(func() {
		defer cancel()
		defer unlink()
		defer close(out)
		defer r.Close()
		s.deliver(ctx, r, out)
	})
	return out, nil
}

// Close ends all subscriptions and waits until they have. It may be called twice.
func (s *Subscriber) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cancel()
	s.open.Wait()
	return nil
}

// reader opens the stream that holds a topic.
func (s *Subscriber) reader(ctx context.Context, topic string) (*Reader, error) {
	stream, err := s.conn.js.StreamNameBySubject(ctx, topic)
	if err != nil {
		return nil, s.conn.translate(err)
	}
	var cfg jetstream.OrderedConsumerConfig
	switch s.start {
	case StartAll:
		cfg.DeliverPolicy = jetstream.DeliverAllPolicy
	case StartLastPerKey:
		cfg.DeliverPolicy = jetstream.DeliverLastPerSubjectPolicy
	case StartNew:
		// The policy for new messages would begin anew, and lose some, when the
		// connection is lost before the first one.
		info, err := s.conn.info(ctx, stream)
		if err != nil {
			return nil, err
		}
		cfg.DeliverPolicy, cfg.OptStartSeq = jetstream.DeliverByStartSequencePolicy, info.State.LastSeq+1
	}
	return s.conn.openReader(ctx, stream, prefixOf(stream), topic, cfg, jetstream.PullMaxMessages(prefetch))
}

// deliver hands out messages, one at a time, until ctx ends.
func (s *Subscriber) deliver(ctx context.Context, r *Reader, out chan<- *message.Message) {
	for attempt := 0; ctx.Err() == nil; {
		m, err := r.Next(ctx)
		if err != nil {
			if ctx.Err() == nil {
				delay := retryDelay(err, attempt)
				s.logger.Warn("a subscription is interrupted", "stream", r.stream, "again_in", delay, "error", err)
				_ = wait(ctx, delay) // the loop looks at ctx
				attempt++
			}
			continue
		}
		attempt = 0
		for !handled(ctx, m, out) && ctx.Err() == nil {
		}
	}
}

// handled hands out a message once and reports whether it was acknowledged.
func handled(ctx context.Context, m Message, out chan<- *message.Message) bool {
	ctx, cancel := context.WithCancel(ctx) // ends with the acknowledgement, as Watermill asks
	defer cancel()
	msg := watermillMessage(m)
	msg.SetContext(ctx)
	select {
	case out <- msg:
	case <-ctx.Done():
		return false
	}
	select {
	case <-msg.Acked():
		return true
	case <-msg.Nacked():
		return false
	case <-ctx.Done():
		return false
	}
}

// watermillUUID is the header in which Watermill's own publishers carry their id.
const watermillUUID = "_watermill_message_uuid"

// watermillMessage makes a Watermill message of whatever lies in a stream.
func watermillMessage(m Message) *message.Message {
	metadata := make(message.Metadata, len(m.Header)+5)
	for name, values := range m.Header {
		if len(values) > 0 {
			metadata[name] = values[0]
		}
	}
	if v, err := unescapeHeader(metadata[attributePrefix+"correlationid"]); err == nil && v != "" {
		metadata["correlation_id"] = v // what Watermill's middleware reads
	}
	metadata[MetadataStream] = m.Stream
	metadata[MetadataSubject] = m.Subject
	metadata[MetadataPosition] = fmt.Sprint(uint64(m.Position))
	metadata[MetadataRecordedAt] = m.RecordedAt.Format(time.RFC3339Nano)
	id := metadata[watermillUUID]
	if id == "" {
		id = fmt.Sprintf("%s-%d", m.Stream, m.Position)
	}
	msg := message.NewMessage(id, m.Data)
	msg.Metadata = metadata
	return msg
}

// Topic is what to subscribe to for everything in the log.
func (l *Log) Topic() string { return subjectsOfLog(l.prefix) }

// TopicOf is what to subscribe to for one store's part of the log.
func (l *Log) TopicOf(store domain.StoreID) string { return filterOf(l.prefix, store, "") }

// Topic is what to subscribe to for every write to the bucket.
func (b *Bucket) Topic() string { return subjectsOfLog(b.prefix) }

// EntriesOf are the entries whose write a Watermill message reports: one, or those of a
// page.
func (b *Bucket) EntriesOf(msg *message.Message) ([]Entry, error) {
	revision, err := strconv.ParseUint(msg.Metadata.Get(MetadataPosition), 10, 64)
	if err != nil {
		return nil, fmt.Errorf("message %s: position %q: must be a number", msg.UUID, msg.Metadata.Get(MetadataPosition))
	}
	var out []Entry
	err = b.entries(msg.Metadata.Get(MetadataSubject), msg.Payload, revision, func(e Entry) error {
		out = append(out, e)
		return nil
	})
	return out, err
}

// KeyOf is the key of the entry whose write a Watermill message reports.
func (b *Bucket) KeyOf(msg *message.Message) (Key, error) {
	subject := msg.Metadata.Get(MetadataSubject)
	key, ok := strings.CutPrefix(subject, b.prefix+".")
	if !ok {
		return "", fmt.Errorf("message %s: subject %q is not of %s", msg.UUID, subject, b.stream)
	}
	return Key(key), nil
}
