package streams

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// What the server adds to the headers of a message that is asked for by its sequence
// number (ADR-31, Direct Get), behind the message's own.
var directHeaders = []string{jetstream.StreamHeader, jetstream.SubjectHeader, jetstream.SequenceHeader, jetstream.TimeStampHeaer}

// directGet reads one message by its sequence number, exactly as it was stored. The
// client's own function leaves what the server adds among the headers, and takes a
// message's own headers of these names for it, which anybody may publish. The error is
// [jetstream.ErrMsgNotFound] when there is none.
func directGet(ctx context.Context, nc *nats.Conn, stream string, at uint64) (*jetstream.RawStreamMsg, error) {
	ask, err := json.Marshal(struct {
		Seq uint64 `json:"seq"`
	}{at})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, ackWait)
	defer cancel()
	answer, err := nc.RequestWithContext(ctx, jetstream.DefaultAPIPrefix+"DIRECT.GET."+stream, ask)
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
	msg := &jetstream.RawStreamMsg{Subject: added[jetstream.SubjectHeader], Sequence: at, Header: h, Data: answer.Data}
	msg.Time, err = time.Parse(time.RFC3339Nano, added[jetstream.TimeStampHeaer])
	return msg, err
}

// directProblem is an answer that bears no message.
func directProblem(h nats.Header) error {
	const notFound = "404"
	if status := h.Get("Status"); status != notFound {
		return fmt.Errorf("the server answers %q: %s", status, h.Get("Description"))
	}
	return jetstream.ErrMsgNotFound
}
