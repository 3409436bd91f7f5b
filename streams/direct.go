package streams

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// What the server adds to the headers of a message that is asked for by its sequence
// number (ADR-31, Direct Get), behind the message's own.
var directHeaders = []string{jetstream.StreamHeader, jetstream.SubjectHeader, jetstream.SequenceHeader, jetstream.TimeStampHeaer}

// directAsk asks for the message of a sequence number, or for the first of some subjects
// from there on.
type directAsk struct {
	Seq  uint64 `json:"seq"`
	Next string `json:"next_by_subj,omitempty"`
}

// send asks by one of the server's ways.
func (what directAsk) send(ctx context.Context, nc *nats.Conn, way, stream string) (*nats.Msg, error) {
	ask, err := json.Marshal(what)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, ackWait)
	defer cancel()
	return nc.RequestWithContext(ctx, jetstream.DefaultAPIPrefix+way+stream, ask)
}

// directGet reads one message, exactly as it was stored. The client's own function leaves
// what the server adds among the headers, and takes a message's own headers of these names
// for it, which anybody may publish. The error is [jetstream.ErrMsgNotFound] when there is
// none.
func directGet(ctx context.Context, nc *nats.Conn, stream string, what directAsk) (*jetstream.RawStreamMsg, error) {
	answer, err := what.send(ctx, nc, "DIRECT.GET.", stream)
	if err != nil {
		return nil, err
	}
	h := answer.Header
	added := map[string]string{}
	for _, name := range directHeaders {
		values := h[name]
		if len(values) == 0 {
			return nil, directProblem(h)
		}
		added[name] = values[len(values)-1]
		if h[name] = values[:len(values)-1]; len(values) == 1 {
			delete(h, name)
		}
	}
	msg := &jetstream.RawStreamMsg{Subject: added[jetstream.SubjectHeader], Header: h, Data: answer.Data}
	var badSequence, badTime error
	msg.Sequence, badSequence = strconv.ParseUint(added[jetstream.SequenceHeader], 10, 64)
	msg.Time, badTime = time.Parse(time.RFC3339Nano, added[jetstream.TimeStampHeaer])
	return msg, errors.Join(badSequence, badTime)
}

// errUnclear says that an answer cannot be told from a message.
var errUnclear = errors.New("the answer has no headers that can be read")

// directProblem is an answer that bears no message, or one whose headers are none.
func directProblem(h nats.Header) error {
	const notFound = "404"
	switch status := h.Get(statusHeader); status {
	case "":
		return errUnclear
	case notFound:
		return jetstream.ErrMsgNotFound
	default:
		return fmt.Errorf("the server answers %q: %s", status, h.Get("Description"))
	}
}

// apiGet is directGet by way of the server's API, which answers one request after the
// other, and where a message's own headers cannot be taken for the server's: to the client
// an answer without data and with the header Status 503 is that nobody answers.
func apiGet(ctx context.Context, nc *nats.Conn, stream string, what directAsk) (*jetstream.RawStreamMsg, error) {
	answer, err := what.send(ctx, nc, "STREAM.MSG.GET.", stream)
	if err != nil {
		return nil, err
	}
	var said struct {
		Error   *jetstream.APIError `json:"error"`
		Message struct {
			Subject  string    `json:"subject"`
			Sequence uint64    `json:"seq"`
			Header   []byte    `json:"hdrs"`
			Data     []byte    `json:"data"`
			Time     time.Time `json:"time"`
		} `json:"message"`
	}
	if err := json.Unmarshal(answer.Data, &said); err != nil {
		return nil, err
	}
	if said.Error != nil {
		if said.Error.ErrorCode == jetstream.JSErrCodeMessageNotFound {
			return nil, jetstream.ErrMsgNotFound
		}
		return nil, said.Error
	}
	m := &said.Message
	msg := &jetstream.RawStreamMsg{Subject: m.Subject, Sequence: m.Sequence, Data: m.Data, Time: m.Time}
	if len(m.Header) > 0 {
		if msg.Header, err = nats.DecodeHeadersMsg(m.Header); err != nil {
			msg.Header = nil // as it is delivered
		}
	}
	return msg, nil
}
