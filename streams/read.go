package streams

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tillstream/tillstream/domain"
)

// What a reader asks for at once. Both bound its memory.
const (
	pullMessages = 5000
	pullBytes    = 16 << 20
)

// Query selects messages of a log.
type Query struct {
	// From and To bound the positions, both included; 0 is the beginning and the
	// end as it is when the read begins.
	From, To domain.Position
	Store    domain.StoreID // empty is every store
	Key      string         // item or product id; empty is all. It needs a Store.

	// Attributes leaves the data of the messages out.
	Attributes bool
}

// Read calls do for every selected message in order and returns when there are no
// more, or with the first error of do as it is.
func (l *Log) Read(ctx context.Context, q Query, do func(Message) error) error {
	if q.Key != "" && q.Store == "" {
		return fmt.Errorf("read %s: a key needs its store", l.stream)
	}
	last, err := l.Last(ctx)
	if err != nil {
		return err
	}
	if q.To == 0 || q.To > last {
		q.To = last
	}
	q.From = max(q.From, 1)
	if q.From > q.To {
		return nil
	}
	if q.From == q.To && q.Store == "" {
		return l.readOne(ctx, q, do)
	}
	r, err := l.open(ctx, filterOf(l.prefix, q.Store, q.Key), q.From, q.Attributes)
	if err != nil {
		return err
	}
	defer r.Close()
	for {
		raw, meta, err := r.upcoming(ctx)
		if err != nil || raw == nil || meta.Sequence.Stream > uint64(q.To) {
			return err
		}
		if err := do(delivered(l.stream, l.prefix, raw, meta)); err != nil {
			return err
		}
		if meta.Sequence.Stream == uint64(q.To) {
			return nil
		}
	}
}

// readOne is Read of a single position, of any store: it needs no reader.
func (l *Log) readOne(ctx context.Context, q Query, do func(Message) error) error {
	m, err := l.At(ctx, q.From)
	if errors.Is(err, domain.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if q.Attributes {
		m.Data = nil
	}
	return do(m)
}

// Follow reads every message from a position on and waits for those to come; from
// 0 is from the beginning. The reader lives until ctx ends or the caller closes it.
func (l *Log) Follow(ctx context.Context, from domain.Position) (*Reader, error) {
	return l.open(ctx, subjectsOfLog(l.prefix), max(from, 1), false)
}

// Reader hands out a log's messages in order, each once. It is for one goroutine.
// A lost connection is taken up again where it was.
type Reader struct {
	conn           *Conn
	stream, prefix string
	subject        string // what it reads
	cfg            jetstream.OrderedConsumerConfig
	ahead          jetstream.PullMessagesOpt
	ctx            context.Context // it ends with this
	consumer       jetstream.Consumer
	messages       jetstream.MessagesContext
	unlink         func() bool
	patience       patience
	hidden         bool // see masked.go: it has no place at the server
	silence        silence

	at, pending uint64 // the last that was read, and how many its server said follow
}

func (l *Log) open(ctx context.Context, filter string, from domain.Position, headersOnly bool) (*Reader, error) {
	return l.conn.openReader(ctx, l.stream, l.prefix, filter, jetstream.OrderedConsumerConfig{
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy,
		OptStartSeq:   uint64(from),
		HeadersOnly:   headersOnly,
	}, readAhead())
}

// readAhead is for those who read much and forget it at once.
func readAhead() jetstream.PullMessagesOpt {
	return jetstream.PullMaxMessagesWithBytesLimit(pullMessages, pullBytes)
}

// signOfLife is how often the server says that there is nothing to say. A reader
// that misses two of them begins anew where it was: when the one server of a cluster
// is gone that kept its place, nothing else tells it.
const signOfLife = 2 * time.Second

// openReader opens a reader of some subjects that ends with ctx.
func (c *Conn) openReader(ctx context.Context, stream, prefix, subject string, cfg jetstream.OrderedConsumerConfig, ahead jetstream.PullMessagesOpt) (*Reader, error) {
	// With a filter, although every message passes it, the server looks at every subject
	// that there is, for seconds when there are a million, and answers nobody meanwhile.
	if cfg.DeliverPolicy == jetstream.DeliverLastPerSubjectPolicy || subject != subjectsOfLog(prefixOf(stream)) {
		cfg.FilterSubjects = []string{subject}
	}
	consumer, err := c.readJS.OrderedConsumer(ctx, stream, cfg)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", stream, c.translate(err))
	}
	messages, err := consumer.Messages(ahead, jetstream.PullHeartbeat(signOfLife))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", stream, c.translate(err))
	}
	r := &Reader{
		conn: c, stream: stream, prefix: prefix, subject: subject, cfg: cfg, ahead: ahead, ctx: ctx, consumer: consumer, messages: messages,
		at: max(cfg.OptStartSeq, 1) - 1, pending: consumer.CachedInfo().NumPending,
	}
	// A reader that takes its place up again waits for the server, and only Stop
	// ends that wait.
	r.unlink = context.AfterFunc(ctx, messages.Stop)
	return r, nil
}

// readAll calls do for every message of some subjects that there is now, from the first on
// or from the sequence number that cfg says.
func (c *Conn) readAll(ctx context.Context, stream, subject string, cfg jetstream.OrderedConsumerConfig, do func(jetstream.Msg, *jetstream.MsgMetadata) error) error {
	cfg.DeliverPolicy, cfg.OptStartSeq = jetstream.DeliverByStartSequencePolicy, max(cfg.OptStartSeq, 1)
	r, err := c.openReader(ctx, stream, "", subject, cfg, readAhead())
	if err != nil {
		return err
	}
	defer r.Close()
	for {
		msg, meta, err := r.upcoming(ctx)
		if err != nil || msg == nil {
			return err
		}
		if err := do(msg, meta); err != nil {
			return err
		}
	}
}

// Next waits for the next message. It returns the context's error when that ends
// first; the reader can then still be used.
func (r *Reader) Next(ctx context.Context) (Message, error) {
	raw, meta, err := r.next(ctx)
	if err != nil {
		return Message{}, err
	}
	return delivered(r.stream, r.prefix, raw, meta), nil
}

func (r *Reader) next(ctx context.Context) (jetstream.Msg, *jetstream.MsgMetadata, error) {
	for {
		if r.hidden {
			masked, err := r.behindMasked(ctx)
			if err != nil {
				return nil, nil, cmp.Or(ctx.Err(), err)
			}
			if masked != nil {
				return masked, masked.meta(), nil
			}
		}
		msg, err := r.messages.Next(jetstream.NextContext(r.patience.within(ctx, r.at, r.still())))
		if err == nil {
			meta, err := msg.Metadata()
			if err != nil {
				return nil, nil, fmt.Errorf("read %s: %w", r.stream, err)
			}
			r.at, r.pending = meta.Sequence.Stream, meta.NumPending
			return msg, meta, nil
		}
		if ctx.Err() != nil {
			return nil, nil, ctx.Err()
		}
		if errors.Is(err, jetstream.ErrMsgIteratorClosed) {
			return nil, nil, fmt.Errorf("read %s: %w", r.stream, r.conn.translate(nats.ErrConnectionClosed))
		}
		late := errors.Is(err, context.DeadlineExceeded)
		if late && r.at != r.patience.at {
			continue // something has come since
		}
		if masked := r.masked(ctx); masked != nil {
			return masked, masked.meta(), nil
		}
		if !late {
			return nil, nil, fmt.Errorf("read %s: %w", r.stream, r.conn.translate(err))
		}
	}
}

// upcoming is the next message of those that there are, and nil when all were read.
func (r *Reader) upcoming(ctx context.Context) (jetstream.Msg, *jetstream.MsgMetadata, error) {
	for {
		wait, cancel := ctx, context.CancelFunc(func() {})
		if r.pending == 0 {
			if more, err := r.more(ctx); err != nil || !more {
				return nil, nil, err
			}
			// It is asked again, because what is to come can be removed meanwhile.
			wait, cancel = context.WithTimeout(ctx, signOfLife)
		}
		msg, meta, err := r.next(wait)
		cancel()
		if wait == ctx || ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded) {
			return msg, meta, err
		}
		if masked := r.masked(ctx); masked != nil {
			return masked, masked.meta(), nil
		}
	}
}

// more says whether anything follows for a reader whose server has no more. In a cluster
// that server can be behind the one that leads the stream, who knows.
func (r *Reader) more(ctx context.Context) (bool, error) {
	if r.conn.cfg.Replicas == 1 {
		return false, nil
	}
	last, err := r.conn.lastMessage(ctx, r.stream, r.subject)
	if errors.Is(err, domain.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read %s: %w", r.stream, err)
	}
	return last.Sequence > r.at, nil
}

// dismissWait bounds how long a closing reader waits for the server.
const dismissWait = time.Second

// Close gives the reader's place on the server back. It may be called twice.
func (r *Reader) Close() {
	r.patience.end()
	r.leave()
}

// leave gives the place back that the reader has now.
func (r *Reader) leave() {
	r.unlink()
	r.messages.Stop()
	// The server would keep the place for five minutes, and has a thousand of them.
	// Where it does not answer it will do just that.
	ctx, cancel := context.WithTimeout(context.Background(), dismissWait)
	defer cancel()
	if info := r.consumer.CachedInfo(); info != nil {
		_ = r.conn.askJS.DeleteConsumer(ctx, r.stream, info.Name)
	}
}

// messageAt reads one message by its sequence number, as it was stored.
func (c *Conn) messageAt(ctx context.Context, stream string, at uint64) (*jetstream.RawStreamMsg, error) {
	return c.messageBy(ctx, c.askNC, stream, at)
}

// messageBy is messageAt by way of one of the connections.
func (c *Conn) messageBy(ctx context.Context, nc *nats.Conn, stream string, at uint64) (msg *jetstream.RawStreamMsg, err error) {
	err = nats.ErrNoResponders
	if c.directReads() {
		msg, err = directGet(ctx, nc, stream, directAsk{Seq: at})
	}
	if errors.Is(err, nats.ErrNoResponders) || errors.Is(err, errUnclear) {
		msg, err = apiGet(ctx, nc, stream, directAsk{Seq: at})
	}
	return msg, c.foundOr(err)
}

// lastMessage reads the newest message of a subject.
func (c *Conn) lastMessage(ctx context.Context, stream, subject string) (*jetstream.RawStreamMsg, error) {
	s, err := c.stream(ctx, stream)
	if err != nil {
		return nil, err
	}
	msg, err := s.GetLastMsgForSubject(ctx, subject)
	return msg, c.foundOr(err)
}

func (c *Conn) foundOr(err error) error {
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return domain.ErrNotFound
	}
	return c.translate(err)
}

// stream returns the client's handle of a stream. Handles are kept, because making
// one costs a request.
func (c *Conn) stream(ctx context.Context, name string) (jetstream.Stream, error) {
	if s, ok := c.handles.Load(name); ok {
		return s.(jetstream.Stream), nil
	}
	s, err := c.askJS.Stream(ctx, name)
	if err != nil {
		return nil, c.translate(err)
	}
	c.handles.Store(name, s)
	return s, nil
}

// info asks the server for a stream's state as it is now.
func (c *Conn) info(ctx context.Context, name string) (*jetstream.StreamInfo, error) {
	s, err := c.askJS.Stream(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, c.translate(err))
	}
	return s.CachedInfo(), nil
}
