package streams

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"
	"time"

	"github.com/klauspost/compress/s2"
	"github.com/nats-io/nats-server/v2/server/archive"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tillstream/tillstream/domain"
)

// Whole reads every message of one of the streams that [Kept] names, or of a log, up to
// a position, as it lies there.
func (c *Conn) Whole(ctx context.Context, stream string, to domain.Position, do func(Message) error) error {
	l := &Log{conn: c, stream: stream, prefix: prefixOf(stream)}
	if stream == streamHeads {
		return c.readAll(ctx, stream, headsPrefix+".*", jetstream.OrderedConsumerConfig{}, func(msg jetstream.Msg, meta *jetstream.MsgMetadata) error {
			if domain.Position(meta.Sequence.Stream) > to {
				return nil
			}
			return do(newMessage(stream, headsPrefix, msg.Subject(), msg.Headers(), msg.Data(), meta.Sequence.Stream, meta.Timestamp))
		})
	}
	if to == 0 {
		return nil
	}
	return l.Read(ctx, Query{To: to}, do)
}

// NotEmptyError says that a log has had messages, so that nothing can be restored into
// it.
type NotEmptyError struct {
	Stream string
	Last   domain.Position
}

func (e *NotEmptyError) Error() string {
	return fmt.Sprintf("the log %s is not empty: it has come to position %d", e.Stream, e.Last)
}

// Restored says what a log is to be filled with.
type Restored struct {
	Stream string
	Last   domain.Position
	Bytes  int64 // about what the messages take
	// Messages are in the order of their positions, up to Last.
	Messages iter.Seq2[Message, error]
}

// chunkSize is what one message of a restore holds, and chunkWait how long the server
// may take for it.
const (
	chunkSize = 256 << 10
	chunkWait = time.Minute
)

// Restore makes a log and fills it with messages at the positions and with the recorded
// times that they had elsewhere. An empty log that is there already is removed first,
// for which the user needs the right; to one that is not empty nothing is done, and the
// error is a [*NotEmptyError]. It needs a server of version 2.15 or newer, and knows the
// ids of the messages as duplicates from that server's next start on.
//
// After any other error the log may be there with a part of the messages.
func (c *Conn) Restore(ctx context.Context, r Restored) error {
	cfg, err := c.declared(r.Stream)
	if err != nil {
		return err
	}
	if err := c.clear(ctx, r.Stream); err != nil {
		return err
	}
	to, err := c.beginRestore(ctx, cfg, r)
	if err == nil {
		err = c.sendRestore(ctx, to, r)
	}
	if err != nil {
		return fmt.Errorf("restore %s: %w", r.Stream, c.translate(err))
	}
	return nil
}

func (c *Conn) declared(stream string) (jetstream.StreamConfig, error) {
	for _, cfg := range c.topology() {
		if cfg.Name == stream {
			return cfg, nil
		}
	}
	return jetstream.StreamConfig{}, fmt.Errorf("restore %s: there is no such log", stream)
}

// clear removes a log that never had a message.
func (c *Conn) clear(ctx context.Context, stream string) error {
	extent, err := c.Extent(ctx, stream)
	var missing *MissingError
	switch {
	case errors.As(err, &missing):
		return nil
	case err != nil:
		return err
	case extent.Last > 0:
		return &NotEmptyError{stream, domain.Position(extent.Last)}
	}
	// What is not permitted the server does not answer.
	excess, err := c.Excess(ctx)
	if err != nil {
		return err
	}
	if !slices.Contains(excess, "$JS.API.STREAM.DELETE."+stream) {
		return fmt.Errorf("the log %s is there, empty, and the user %q may not remove it: remove it with `nats stream rm %s` as a user who may, or restore as one", stream, c.cfg.User, stream)
	}
	return c.drop(ctx, stream)
}

// beginRestore tells the server what is coming, and returns where to send it.
func (c *Conn) beginRestore(ctx context.Context, cfg jetstream.StreamConfig, r Restored) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, chunkWait)
	defer cancel()
	body, err := json.Marshal(map[string]any{"config": cfg, "state": stateOf(r)})
	if err != nil {
		return "", err
	}
	msg, err := c.askNC.RequestWithContext(ctx, "$JS.API.STREAM.RESTORE."+r.Stream, body)
	if err != nil {
		return "", err
	}
	var answer struct {
		Error          *jetstream.APIError `json:"error"`
		DeliverSubject string              `json:"deliver_subject"`
	}
	if err := json.Unmarshal(msg.Data, &answer); err != nil {
		return "", err
	}
	if answer.Error != nil {
		return "", answer.Error
	}
	return answer.DeliverSubject, nil
}

func stateOf(r Restored) map[string]any {
	first := 0
	if r.Last > 0 {
		first = 1
	}
	return map[string]any{"messages": r.Last, "bytes": r.Bytes, "first_seq": first, "last_seq": r.Last, "consumer_count": 0}
}

// sendRestore sends the messages in the form of the server's own backups.
func (c *Conn) sendRestore(ctx context.Context, to string, r Restored) error {
	out := &chunks{ctx: ctx, nc: c.askNC, to: to}
	buffered := bufio.NewWriterSize(out, chunkSize)
	compressed := s2.NewWriter(buffered, s2.WriterConcurrency(1))
	if err := writeArchive(archive.NewWriter(compressed), r); err != nil {
		return err
	}
	if err := errors.Join(compressed.Close(), buffered.Flush()); err != nil {
		return err
	}
	return out.end()
}

func writeArchive(w *archive.Writer, r Restored) error {
	state, err := json.Marshal(stateOf(r))
	if err != nil {
		return err
	}
	entry := func(h archive.Header, parts ...[]byte) error {
		if err := w.WriteHeader(&h); err != nil {
			return err
		}
		for _, p := range parts {
			if _, err := w.Write(p); err != nil {
				return err
			}
		}
		return nil
	}
	if err := entry(archive.Header{Name: "state.json", PayloadSize: int64(len(state))}, state); err != nil {
		return err
	}
	var header []byte
	for m, err := range r.Messages {
		if err != nil {
			return err
		}
		header = appendHeader(header[:0], m.Header)
		h := archive.Header{
			Name: m.Subject, Sequence: uint64(m.Position), Timestamp: m.RecordedAt.UnixNano(),
			HeaderSize: int64(len(header)), PayloadSize: int64(len(m.Data)),
		}
		if err := entry(h, header, m.Data); err != nil {
			return err
		}
	}
	// The end is said, so that a cut cannot be taken for it.
	return errors.Join(entry(archive.Header{}), w.Close())
}

// appendHeader writes headers as they go over the wire; none when there are none.
func appendHeader(b []byte, header map[string][]string) []byte {
	if len(header) == 0 {
		return b
	}
	b = append(b, "NATS/1.0\r\n"...)
	for _, name := range slices.Sorted(maps.Keys(header)) {
		for _, value := range header[name] {
			b = append(append(append(append(b, name...), ": "...), value...), "\r\n"...)
		}
	}
	return append(b, "\r\n"...)
}

// chunks sends what is written to it to the server, one piece after the other.
type chunks struct {
	ctx context.Context
	nc  *nats.Conn
	to  string
}

var _ io.Writer = (*chunks)(nil)

func (c *chunks) Write(p []byte) (int, error) {
	for sent := 0; sent < len(p); {
		n := min(len(p)-sent, chunkSize)
		if _, err := c.send(p[sent : sent+n]); err != nil {
			return sent, err
		}
		sent += n
	}
	return len(p), nil
}

// end sends the empty piece, to which the server answers what became of it all.
func (c *chunks) end() error {
	answer, err := c.send(nil)
	if err == nil && len(answer) == 0 {
		err = errors.New("the server did not say what became of it")
	}
	return err
}

func (c *chunks) send(p []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(c.ctx, chunkWait)
	defer cancel()
	msg, err := c.nc.RequestWithContext(ctx, c.to, p)
	if err != nil {
		return nil, err
	}
	var answer struct {
		Error *jetstream.APIError `json:"error"`
	}
	if len(msg.Data) > 0 {
		if err := json.Unmarshal(msg.Data, &answer); err != nil {
			return nil, err
		}
	}
	if answer.Error != nil {
		return nil, answer.Error
	}
	return msg.Data, nil
}
