package streams

import (
	"context"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// The client (nats.go 1.55.0, checkMsg in jetstream/message.go) takes a delivered message
// without data for a word of the server if one of its headers is Status, and hands it to
// nobody. Anybody may publish such a message, and who reads attributes gets every message
// without its data. It would be asked for again and again, and what lies behind it never be
// read. So a reader to whom nothing comes looks for itself what lies next, and when it is
// such a message hands it out and goes on behind it.

// How long nothing comes before a reader looks. For the next message of a single subject
// the server itself looks long in a long stream.
const (
	stillFor    = 5 * time.Second
	stillForOne = time.Minute
)

const statusHeader = "Status"

// patience is a context for waiting until it is time to look. It is made anew when it has
// ended, and not for every message.
type patience struct {
	of     context.Context
	wait   context.Context
	cancel context.CancelFunc
}

// within returns a context that ends with ctx, and after a time d at the latest.
func (p *patience) within(ctx context.Context, d time.Duration) context.Context {
	if p.of != ctx || p.wait.Err() != nil {
		p.end()
		p.of = ctx
		p.wait, p.cancel = context.WithTimeout(ctx, d)
	}
	return p.wait
}

func (p *patience) end() {
	if p.cancel != nil {
		p.cancel()
	}
}

// still is how long nothing comes before the reader looks.
func (r *Reader) still() time.Duration {
	if !strings.Contains(r.subject, "*") {
		return r.conn.stillForOne
	}
	return r.conn.stillFor
}

// masked returns the next message if the client does not hand it out, and has the reader go
// on behind it. It returns nil when there is none, or none of these.
func (r *Reader) masked(ctx context.Context) (*maskedMsg, error) {
	if r.cfg.DeliverPolicy == jetstream.DeliverLastPerSubjectPolicy {
		return nil, nil // of a bucket, which only we write
	}
	raw, err := apiGet(ctx, r.conn.askNC, r.stream, directAsk{Seq: r.at + 1, Next: r.subject})
	if err != nil || raw.Header.Get(statusHeader) == "" || len(raw.Data) > 0 && !r.cfg.HeadersOnly {
		return nil, nil // whoever waits goes on waiting, or is told of an error of its own
	}
	if r.cfg.HeadersOnly {
		raw.Data = nil
	}
	cfg := r.cfg
	cfg.DeliverPolicy, cfg.OptStartSeq = jetstream.DeliverByStartSequencePolicy, raw.Sequence+1
	behind, err := r.conn.openReader(ctx, r.stream, r.prefix, r.subject, cfg, r.ahead)
	if err != nil {
		return nil, err
	}
	behind.unlink()
	r.leave()
	r.consumer, r.messages, r.at, r.pending = behind.consumer, behind.messages, raw.Sequence, behind.pending
	r.unlink = context.AfterFunc(r.ctx, r.messages.Stop)
	return &maskedMsg{raw: raw, pending: r.pending}, nil
}

// maskedMsg is a message that was read by itself. It can only be read.
type maskedMsg struct {
	jetstream.Msg
	raw     *jetstream.RawStreamMsg
	pending uint64
}

func (m *maskedMsg) Subject() string      { return m.raw.Subject }
func (m *maskedMsg) Headers() nats.Header { return m.raw.Header }
func (m *maskedMsg) Data() []byte         { return m.raw.Data }
func (m *maskedMsg) meta() *jetstream.MsgMetadata {
	return &jetstream.MsgMetadata{
		Sequence:   jetstream.SequencePair{Stream: m.raw.Sequence},
		NumPending: m.pending, Timestamp: m.raw.Time,
	}
}
