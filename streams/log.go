package streams

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tillstream/tillstream/domain"
)

// MaxGroup is how many events one [Log.Append] takes: the server's largest atomic
// batch.
const MaxGroup = 1000

// Log is an append-only stream of events. It is safe for concurrent use.
type Log struct {
	conn           *Conn
	stream, prefix string

	mu       sync.Mutex
	queue    []*group  // waiting, in the order in which they arrived
	bulk     []*group  // likewise, and in no hurry
	bulkNext bool      // the last commit was of the queue, and bulk waits
	urgent   bool      // the last commit was of the queue
	asked    time.Time // when somebody waited last, or was answered
	running  bool      // a committer takes from the queues
	closed   bool

	leaderless leaderless // the committer's
}

// Appended is where an event lies.
type Appended struct {
	Position domain.Position
	// Duplicate says that the event was there before this append, or stands twice
	// in its group.
	Duplicate bool
}

func newLog(c *Conn, stream, prefix string) *Log {
	return &Log{conn: c, stream: stream, prefix: prefix}
}

// Name is the name of the log's stream.
func (l *Log) Name() string { return l.stream }

// Append stores a group of 1 to [MaxGroup] events of one store, all or none, and
// returns one answer for each, in order. It returns when the server has
// acknowledged the whole group; until then it tries as long as ctx lasts, which is
// safe because the events' ids are known to the server. Groups of concurrent
// callers share commits.
//
// Errors, none of which leaves a part of the group behind:
//
//   - [*domain.InvalidError]: an envelope is not valid or is too large; its path
//     begins with "events[i]" when the group has several.
//   - [*domain.ReusedIDError]: an id is that of a different event in the log.
//   - [*UnavailableError]: the log cannot take events now.
//   - [*UnknownOutcomeError], wrapping the context's error: ctx ended first.
func (l *Log) Append(ctx context.Context, store domain.StoreID, events []domain.Envelope) ([]Appended, error) {
	return l.Submit(ctx, store, events)(ctx)
}

// Submit is [Log.Append] in two halves, for a caller with more to append: it queues
// the group behind all that was submitted so before, and the returned function waits
// for the answer, until its own context ends or the one of Submit does. It is to be
// called once.
func (l *Log) Submit(ctx context.Context, store domain.StoreID, events []domain.Envelope) func(context.Context) ([]Appended, error) {
	return l.submit(ctx, store, events, &l.queue)
}

// SubmitBulk is [Log.Submit] for events that are many and in no hurry, such as those
// of a file. They keep their order among themselves, and let others pass: what
// somebody waits for goes into the next commit, by itself, however much of them waits.
// They go on, too: no two commits in a row leave them out, only that a commit takes few
// of them as long as others come.
func (l *Log) SubmitBulk(ctx context.Context, store domain.StoreID, events []domain.Envelope) func(context.Context) ([]Appended, error) {
	return l.submit(ctx, store, events, &l.bulk)
}

func (l *Log) submit(ctx context.Context, store domain.StoreID, events []domain.Envelope, queue *[]*group) func(context.Context) ([]Appended, error) {
	g, places, err := l.prepare(ctx, store, events)
	if err == nil {
		err = l.enqueue(g, queue)
	}
	if err != nil {
		return func(context.Context) ([]Appended, error) { return nil, err }
	}
	return func(ctx context.Context) ([]Appended, error) {
		if err := g.wait(ctx); err != nil {
			return nil, err
		}
		out := make([]Appended, len(events))
		answered := make([]bool, len(g.entries))
		for i, place := range places {
			e := g.entries[place]
			out[i] = Appended{Position: e.position, Duplicate: e.duplicate || answered[place]}
			answered[place] = true
		}
		return out, nil
	}
}

// prepare checks a group and encodes it. places says which entry each event is: an
// event that stands twice has one.
func (l *Log) prepare(ctx context.Context, store domain.StoreID, events []domain.Envelope) (g *group, places []int, err error) {
	if len(events) < 1 || len(events) > MaxGroup {
		return nil, nil, &domain.InvalidError{Path: "events", Value: fmt.Sprint(len(events)), Reason: fmt.Sprintf("must be 1 to %d in one group", MaxGroup)}
	}
	if _, err := domain.ParseStoreID(string(store)); err != nil {
		return nil, nil, err
	}
	g = &group{ctx: ctx, done: make(chan struct{})}
	first := make(map[string]int, len(events)) // message id to its place in g.entries
	places = make([]int, len(events))
	for i := range events {
		msg, err := encodeEnvelope(l.prefix, store, &events[i])
		if err == nil {
			err = l.fits(msg)
		}
		if err != nil {
			return nil, nil, inGroup(i, len(events), err)
		}
		id := msg.Header.Get(jetstream.MsgIDHeader)
		place, twice := first[id]
		if !twice {
			place = len(g.entries)
			first[id] = place
			g.entries = append(g.entries, &entry{id: id, msg: msg})
		} else if !sameEvent(g.entries[place].msg, msg.Subject, msg.Header, msg.Data) {
			return nil, nil, inGroup(i, len(events), &domain.InvalidError{Path: "id", Value: id, Reason: "stands twice in the group, for different events"})
		}
		places[i] = place
	}
	return g, places, nil
}

// fits refuses a message that the server would close the connection for.
func (l *Log) fits(msg *nats.Msg) error {
	size := messageSize(msg)
	const brokerHeaders = 512 // batch id, sequence and the header's first line
	if most := int(l.conn.nc.MaxPayload()) - brokerHeaders; size > most {
		return &domain.InvalidError{Path: "event", Value: fmt.Sprintf("%d bytes", size), Reason: fmt.Sprintf("must be at most %d bytes with its attributes", most)}
	}
	return nil
}

func messageSize(msg *nats.Msg) int {
	return len(msg.Subject) + headerSize(msg.Header) + len(msg.Data)
}

func inGroup(i, n int, err error) error {
	var invalid *domain.InvalidError
	if n > 1 && errors.As(err, &invalid) {
		at := *invalid
		at.Path = fmt.Sprintf("events[%d].%s", i, at.Path)
		return &at
	}
	return err
}

// Last is the position of the newest event, 0 when there is none.
func (l *Log) Last(ctx context.Context) (domain.Position, error) {
	info, err := l.conn.info(ctx, l.stream)
	if err != nil {
		return 0, err
	}
	return domain.Position(info.State.LastSeq), nil
}

// At reads the message at one position. The error is [domain.ErrNotFound] when the
// log does not reach that far.
func (l *Log) At(ctx context.Context, at domain.Position) (Message, error) {
	raw, err := l.conn.messageAt(ctx, l.stream, uint64(at))
	if err != nil {
		return Message{}, fmt.Errorf("read %s at position %d: %w", l.stream, at, err)
	}
	return newMessage(l.stream, l.prefix, raw.Subject, raw.Header, raw.Data, raw.Sequence, raw.Time), nil
}

// sameEvent reports whether two messages are the same event: what it is about, who
// says so, what kind it is and what it says. Time, actor and the like may differ
// between two tellings.
func sameEvent(a *nats.Msg, subject string, header map[string][]string, data []byte) bool {
	if a.Subject != subject {
		return false
	}
	ea, errA := decodeEnvelope(a.Header, a.Data)
	eb, errB := decodeEnvelope(header, data)
	if errA != nil || errB != nil {
		return false
	}
	return ea.Source == eb.Source && ea.Type == eb.Type && sameJSON(ea.Data, eb.Data)
}
