package streams

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tillstream/tillstream/domain"
)

// Forwarded is what became of events that were sent to somebody else's log.
type Forwarded struct {
	Stored     int // from the first on; they are there now
	Duplicates int // of these: they were there before
}

// forwardTries is how often events are sent that nobody answers for.
const forwardTries = 3

// Forward is [Log.Append] to a log of another installation, of which the user of this
// connection needs no right but to publish to it. An id that the log knows is taken for
// the same event. The events are stored in their order: all or none where the log takes
// atomic batches, else one after the other up to the first that is refused.
func (l *Log) Forward(ctx context.Context, store domain.StoreID, events []domain.Envelope) (Forwarded, error) {
	g, places, err := l.prepare(ctx, store, events)
	if err != nil {
		return Forwarded{}, err
	}
	for _, e := range g.entries {
		e.msg.Header.Set(jetstream.ExpectedStreamHeader, l.stream)
	}
	for attempt := 1; ; attempt++ {
		missing := unstored([]*group{g})
		if len(missing) == 0 {
			return forwarded(g, places), nil
		}
		err := l.publishBatch(missing)
		switch apiCode(err) {
		case codeDuplicateInBatch:
			err = l.findStored(missing)
			attempt-- // it was answered
		case codeBatchNotEnabled:
			err = l.publishInTurn(ctx, missing)
		}
		if err == nil {
			continue
		}
		if final := l.refusal(err); final != nil || attempt == forwardTries || ctx.Err() != nil {
			if final == nil {
				final = l.conn.translate(err)
			}
			return forwarded(g, places), errors.Join(ctx.Err(), final)
		}
		l.pause([]*group{g}, attempt)
	}
}

func forwarded(g *group, places []int) (f Forwarded) {
	for _, place := range places {
		e := g.entries[place]
		if !e.stored() {
			return f
		}
		f.Stored++
		if e.duplicate {
			f.Duplicates++
		}
	}
	return f
}

// publishInTurn publishes each event when the one before it is stored.
func (l *Log) publishInTurn(ctx context.Context, entries []*entry) error {
	for _, e := range entries {
		stripBatch(e.msg.Header)
		e.msg.Reply = ""
		asking, cancel := context.WithTimeout(ctx, ackWait)
		ack, err := l.conn.js.PublishMsg(asking, e.msg)
		cancel()
		if err != nil {
			return err
		}
		e.position, e.duplicate = domain.Position(ack.Sequence), ack.Duplicate
	}
	return nil
}

// refusal says why another try is of no use, nil when it may be.
func (l *Log) refusal(err error) error {
	if denied := l.conn.denied(); denied != nil {
		return denied
	}
	switch {
	case apiCode(err) == codeOtherStream:
		return fmt.Errorf("the subjects %s go into another stream there than %s", subjectsOfLog(l.prefix), l.stream)
	case errors.Is(err, nats.ErrNoResponders), errors.Is(err, jetstream.ErrNoStreamResponse):
		return &UnavailableError{Reason: fmt.Sprintf("nobody takes the subjects %s there: there is no stream %s, or its servers are not up", subjectsOfLog(l.prefix), l.stream),
			Hint: "start tillstream against it once, which makes its streams", RetryAfter: 5 * time.Second, Err: err}
	case apiCode(err) != 0:
		return l.conn.translate(err)
	}
	return nil
}

// denied is what the server has refused the user of the writing connection, nil for
// nothing. It answers no such request.
func (c *Conn) denied() error {
	for _, nc := range []*nats.Conn{c.nc, c.askNC} {
		if err := nc.LastError(); errors.Is(err, nats.ErrPermissionViolation) {
			return fmt.Errorf("the user may not do that there: %w", err)
		}
	}
	return nil
}

// Newest returns the newest message of a store, or [domain.ErrNotFound].
func (l *Log) Newest(ctx context.Context, store domain.StoreID) (Message, error) {
	ctx, cancel := context.WithTimeout(ctx, ackWait)
	defer cancel()
	raw, err := l.conn.lastMessage(ctx, l.stream, filterOf(l.prefix, store, ""))
	if err != nil {
		if denied := l.conn.denied(); denied != nil {
			err = denied
		}
		return Message{}, fmt.Errorf("read %s: %w", l.stream, err)
	}
	return newMessage(l.stream, l.prefix, raw.Subject, raw.Header, raw.Data, raw.Sequence, raw.Time), nil
}
