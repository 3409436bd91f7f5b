package streams

import (
	"cmp"
	"context"
	"errors"
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
//
// The client also drops messages for which it has no room, when the processor is busy, and
// takes notice with the next one that comes. So where a message like any other lies next,
// and still does not come, the reader begins anew at it.

// How long nothing comes before a reader looks: one to whom the server has said that more
// follows, one of a whole stream who waits for what is new, and one of a part, for whose
// next message the server itself looks through all that lies between.
const (
	stillBehind  = 250 * time.Millisecond
	stillAtEnd   = 2 * time.Second
	stillInStore = time.Second
	stillInPart  = time.Minute
)

// still is how long nothing comes before the reader looks.
func (r *Reader) still() time.Duration {
	whole := len(r.cfg.FilterSubjects) == 0
	switch {
	case r.conn.impatient > 0:
		return r.conn.impatient
	case whole && r.pending > 0:
		return stillBehind
	case whole:
		return stillAtEnd
	case r.pending > 0 && strings.Contains(r.subject, "*"):
		return stillInStore
	}
	return stillInPart
}

// lostAfter is how long a message lies there that the client should hand out before the
// reader begins anew at it, and twice as long each time that this does not help: a server
// may be slow.
const lostAfter = 4 * time.Second

// silence is since when looks have found such a message.
type silence struct {
	at    uint64 // where the reader was
	since time.Time
	most  time.Duration
}

// tooLong reports whether it is time to begin anew, given how long the reader has waited
// already when it looks for the first time.
func (s *silence) tooLong(at uint64, waited, most time.Duration) bool {
	if s.at != at || s.most == 0 {
		*s = silence{at: at, since: time.Now().Add(-waited), most: most}
	}
	if time.Since(s.since) < s.most {
		return false
	}
	s.since, s.most = time.Now(), 2*s.most
	return true
}

const statusHeader = "Status"

// patience is a context for waiting until it is time to look. It is made anew when it has
// ended, and not for every message.
type patience struct {
	of     context.Context
	wait   context.Context
	cancel context.CancelFunc
	at     uint64 // where the reader was when it began
}

// within returns a context that ends with ctx, and after a time d at the latest.
func (p *patience) within(ctx context.Context, at uint64, d time.Duration) context.Context {
	if p.of != ctx || p.wait.Err() != nil {
		p.end()
		p.of, p.at = ctx, at
		p.wait, p.cancel = context.WithTimeout(ctx, d)
	}
	return p.wait
}

func (p *patience) end() {
	if p.cancel != nil {
		p.cancel()
	}
}

// masked returns the next message if the client does not hand it out, and nil when there is
// none, or none of these. Whoever waits goes on waiting then, or is told of an error of its
// own. Where the client seems to have lost the next one, the reader gives its place back.
func (r *Reader) masked(ctx context.Context) *maskedMsg {
	if r.cfg.DeliverPolicy == jetstream.DeliverLastPerSubjectPolicy {
		return nil // of a bucket, which only we write
	}
	raw, err := apiGet(ctx, r.conn.askNC, r.stream, directAsk{Seq: r.at + 1, Next: r.subject})
	if err != nil {
		return nil
	}
	if raw.Header.Get(statusHeader) == "" || len(raw.Data) > 0 && !r.cfg.HeadersOnly {
		if !r.hidden && r.silence.tooLong(r.at, r.still(), cmp.Or(r.conn.impatient, lostAfter)) {
			r.hide()
		}
		return nil
	}
	if r.cfg.HeadersOnly {
		raw.Data = nil
	}
	if !r.hidden {
		r.hide()
	}
	r.at, r.pending = raw.Sequence, max(r.pending, 1)-1
	return &maskedMsg{raw: raw, pending: r.pending}
}

// hide gives the reader's place back until it has another one.
func (r *Reader) hide() {
	r.leave()
	r.hidden = true
}

// behindMasked returns the next message if it is another one of these, and has the reader
// go on with the next if not.
func (r *Reader) behindMasked(ctx context.Context) (*maskedMsg, error) {
	if another := r.masked(ctx); another != nil {
		return another, nil
	}
	cfg := r.cfg
	cfg.DeliverPolicy, cfg.OptStartSeq = jetstream.DeliverByStartSequencePolicy, r.at+1
	behind, err := r.again(ctx, cfg)
	if err != nil {
		return nil, err
	}
	behind.unlink()
	r.consumer, r.messages, r.pending, r.hidden = behind.consumer, behind.messages, behind.pending, false
	r.unlink = context.AfterFunc(r.ctx, r.messages.Stop)
	return nil, nil
}

// again opens a reader in the place of one that had a place before: it waits for a server
// that does not answer.
func (r *Reader) again(ctx context.Context, cfg jetstream.OrderedConsumerConfig) (*Reader, error) {
	for {
		another, err := r.conn.openReader(ctx, r.stream, r.prefix, r.subject, cfg, r.ahead)
		var unavailable *UnavailableError
		if !errors.As(err, &unavailable) || r.conn.readNC.IsClosed() {
			return another, err
		}
		select {
		case <-time.After(r.still()):
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-r.ctx.Done():
			return nil, r.ctx.Err()
		}
	}
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
