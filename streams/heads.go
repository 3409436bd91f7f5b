package streams

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tillstream/tillstream/domain"
)

// Heads is the log of what was signed about the other logs: the heads of the trees over
// them. What a head says is not looked at here. It is safe for concurrent use.
type Heads struct{ conn *Conn }

// SignedHead is one entry.
type SignedHead struct {
	Position   domain.Position // among the heads of all logs
	Log        string          // the log that it is about
	RecordedAt time.Time
	Text       []byte
	// Leaves are the hashes of the newest messages that it covers, as many as were new
	// and are in no tile yet, one behind the other.
	Leaves []byte
}

// leavesHeader holds a head's leaves in base64.
const leavesHeader = "Tillstream-Leaves"

// headsConfig is a log with one subject for each log that is signed.
func (c *Conn) headsConfig() jetstream.StreamConfig {
	cfg := c.logConfig(streamHeads, headsPrefix, "signed tree heads, by log")
	cfg.Subjects = []string{headsPrefix + ".*"}
	cfg.Duplicates = bucketDuplicateWindow // they have no message ids
	return cfg
}

// Append keeps a signed head of a log, with its leaves, and returns where it lies.
func (h *Heads) Append(ctx context.Context, log string, signed, leaves []byte) (domain.Position, error) {
	msg := &nats.Msg{Subject: headsPrefix + "." + log, Data: signed}
	if len(leaves) > 0 {
		msg.Header = nats.Header{leavesHeader: {base64.StdEncoding.EncodeToString(leaves)}}
	}
	ack, err := h.conn.js.PublishMsg(ctx, msg)
	if err != nil {
		return 0, fmt.Errorf("keep a tree head of %s: %w", log, h.conn.translate(err))
	}
	return domain.Position(ack.Sequence), nil
}

// Last is the newest head of a log. The error is [domain.ErrNotFound] when there is
// none.
func (h *Heads) Last(ctx context.Context, log string) (SignedHead, error) {
	raw, err := h.conn.lastMessage(ctx, streamHeads, headsPrefix+"."+log)
	if err != nil {
		return SignedHead{}, fmt.Errorf("read the last tree head of %s: %w", log, err)
	}
	return signedHead(log, raw.Sequence, raw.Time, raw.Header, raw.Data), nil
}

// Read calls do for every head of a log, or of all when it is empty, oldest first.
func (h *Heads) Read(ctx context.Context, log string, do func(SignedHead) error) error {
	subject := headsPrefix + ".*"
	if log != "" {
		subject = headsPrefix + "." + log
	}
	return h.conn.readAll(ctx, streamHeads, subject, jetstream.OrderedConsumerConfig{}, func(msg jetstream.Msg, meta *jetstream.MsgMetadata) error {
		return do(signedHead(msg.Subject()[len(headsPrefix)+1:], meta.Sequence.Stream, meta.Timestamp, msg.Headers(), msg.Data()))
	})
}

func signedHead(log string, at uint64, recorded time.Time, header nats.Header, text []byte) SignedHead {
	// Leaves that cannot be read are none: they only help to name a position.
	leaves, _ := base64.StdEncoding.DecodeString(header.Get(leavesHeader))
	return SignedHead{domain.Position(at), log, recorded.UTC(), text, leaves}
}

// Missing reports whether err says that there is no such stream at all.
func Missing(err error) bool { return errors.Is(err, jetstream.ErrStreamNotFound) }
