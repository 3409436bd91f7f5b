package streams

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tillstream/tillstream/domain"
)

// DeadLetters is the log of messages that could not be used. It never forgets one:
// what became of a letter is a later message that names it. It is safe for
// concurrent use.
type DeadLetters struct {
	conn *Conn
	log  *Log
	out  message.Publisher

	mu     sync.Mutex
	read   domain.Position // the index holds everything up to here
	byID   map[domain.Position]*indexed
	byFrom map[origin]domain.Position
}

// origin is where a letter's message lies. One message has one letter.
type origin struct {
	stream   string
	position uint64
}

// indexed is what is kept in memory of each letter.
type indexed struct {
	store      domain.StoreID
	resolution Resolution
	resolvedBy domain.Position
}

func newDeadLetters(c *Conn) (*DeadLetters, error) {
	out, err := c.newPublisher()
	if err != nil {
		return nil, err
	}
	return &DeadLetters{
		conn: c, log: newLog(c, streamDeadLetters, deadPrefix), out: out,
		byID: make(map[domain.Position]*indexed), byFrom: make(map[origin]domain.Position),
	}, nil
}

// Put records that a message could not be used and returns the letter's id. A
// message that has a letter keeps the one it has, so that reading a log again adds
// nothing; the first reason stays.
func (d *DeadLetters) Put(ctx context.Context, original Message, kind Kind, reason, handler string) (domain.Position, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.catchUp(ctx); err != nil {
		return 0, err
	}
	if id, ok := d.byFrom[origin{original.Stream, uint64(original.Position)}]; ok {
		return id, nil
	}
	letter := Letter{Kind: kind, Reason: reason, Handler: handler, At: d.conn.cfg.Now(), Original: original}
	if err := d.publish(ctx, encodeLetter(letter, int(d.conn.nc.MaxPayload()))); err != nil {
		return 0, fmt.Errorf("put a dead letter for position %d of %s: %w", original.Position, original.Stream, err)
	}
	return d.byFrom[origin{original.Stream, uint64(original.Position)}], nil
}

// Get reads one letter. The error is [domain.ErrNotFound] when id is that of none.
func (d *DeadLetters) Get(ctx context.Context, id domain.Position) (Letter, error) {
	state, err := d.state(ctx, id)
	if err != nil {
		return Letter{}, err
	}
	m, err := d.log.At(ctx, id)
	if err != nil {
		return Letter{}, err
	}
	return d.open(ctx, m, state)
}

// List reads the letters of one store, or of all when it is empty, oldest first;
// of these only the open ones when asked so.
func (d *DeadLetters) List(ctx context.Context, store domain.StoreID, openOnly bool) ([]Letter, error) {
	var out []Letter
	err := d.log.Read(ctx, Query{}, func(m Message) error {
		if nats.Header(m.Header).Get(deadResolves) != "" {
			return nil
		}
		state, err := d.state(ctx, m.Position)
		if err != nil {
			return err
		}
		if store != "" && state.store != store || openOnly && state.resolution != Open {
			return nil
		}
		letter, err := d.open(ctx, m, state)
		if err != nil {
			return err
		}
		out = append(out, letter)
		return nil
	})
	return out, err
}

// Open counts the letters that nobody has resolved, by store. Those whose subject
// names none are under "".
func (d *DeadLetters) Open(ctx context.Context) (map[domain.StoreID]int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.catchUp(ctx); err != nil {
		return nil, err
	}
	n := map[domain.StoreID]int{}
	for _, state := range d.byID {
		if state.resolution == Open {
			n[state.store]++
		}
	}
	return n, nil
}

// Resolve records what became of a letter. It only records: [Log.Requeue] is what
// appends the message again. Resolving it again in the same way does nothing; in
// another way the error is [domain.ErrConflict].
func (d *DeadLetters) Resolve(ctx context.Context, id domain.Position, how Resolution, why string) error {
	if how != Requeued && how != Dropped {
		return &domain.InvalidError{Path: "resolution", Value: string(how), Reason: "must be requeued or dropped"}
	}
	state, err := d.state(ctx, id)
	if err != nil {
		return err
	}
	switch state.resolution {
	case how:
		return nil
	case Open:
	default:
		return fmt.Errorf("dead letter %d is already %s: %w", id, state.resolution, domain.ErrConflict)
	}
	m, err := d.log.At(ctx, id)
	if err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	err = d.publish(ctx, &nats.Msg{Subject: m.Subject, Header: nats.Header{
		deadResolves:          {strconv.FormatUint(uint64(id), 10)},
		deadResolution:        {string(how)},
		deadReason:            {escapeHeader(cut(why, maxReason))},
		jetstream.MsgIDHeader: {fmt.Sprintf("resolve.%d.%s", id, how)},
	}})
	if err != nil {
		return fmt.Errorf("resolve dead letter %d: %w", id, err)
	}
	return nil
}

// Requeue appends a letter's message to its log again, as it was, so that it is
// read anew at the log's end. It keeps its event id. Requeueing a letter twice
// inside the duplicate window appends once; the caller resolves the letter.
func (l *Log) Requeue(ctx context.Context, letter Letter) (Appended, error) {
	if letter.Original.Stream != l.stream {
		return Appended{}, fmt.Errorf("requeue dead letter %d: its message is from %s, not from %s", letter.ID, letter.Original.Stream, l.stream)
	}
	h := nats.Header{jetstream.MsgIDHeader: {fmt.Sprintf("requeue.%d", letter.ID)}}
	for name, values := range letter.Original.Header {
		if !reserved(name) {
			h[name] = values
		}
	}
	ack, err := l.conn.js.PublishMsg(ctx, &nats.Msg{Subject: letter.Original.Subject, Header: h, Data: letter.Original.Data})
	if err != nil {
		return Appended{}, fmt.Errorf("requeue dead letter %d: %w", letter.ID, l.conn.translate(err))
	}
	return Appended{Position: domain.Position(ack.Sequence), Duplicate: ack.Duplicate}, nil
}

// publish appends one message and takes it into the index. The caller holds mu.
func (d *DeadLetters) publish(ctx context.Context, msg *nats.Msg) error {
	if err := d.out.Publish(msg.Subject, toWatermill(msg)); err != nil {
		return d.conn.translate(err)
	}
	return d.catchUp(ctx)
}

// state returns what is known of a letter.
func (d *DeadLetters) state(ctx context.Context, id domain.Position) (indexed, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.catchUp(ctx); err != nil {
		return indexed{}, err
	}
	state, ok := d.byID[id]
	if !ok {
		return indexed{}, fmt.Errorf("dead letter %d: %w", id, domain.ErrNotFound)
	}
	return *state, nil
}

// catchUp brings the index to the log's end. The caller holds mu.
func (d *DeadLetters) catchUp(ctx context.Context) error {
	last, err := d.log.Last(ctx)
	if err != nil || last <= d.read {
		return err
	}
	r, err := d.log.open(ctx, subjectsOfLog(deadPrefix), d.read+1, true)
	if err != nil {
		return err
	}
	defer r.Close()
	for d.read < last {
		m, err := r.Next(ctx)
		if err != nil {
			return err
		}
		d.index(m)
		d.read = m.Position
	}
	return nil
}

func (d *DeadLetters) index(m Message) {
	h := nats.Header(m.Header)
	if id, err := strconv.ParseUint(h.Get(deadResolves), 10, 64); err == nil {
		if state, ok := d.byID[domain.Position(id)]; ok && state.resolution == Open {
			state.resolution, state.resolvedBy = Resolution(h.Get(deadResolution)), m.Position
		}
		return
	}
	position, err := strconv.ParseUint(h.Get(deadPosition), 10, 64)
	if err != nil {
		return // not ours; nobody else may publish here, and it is read as it is by List
	}
	d.byID[m.Position] = &indexed{store: m.Store}
	from := origin{h.Get(deadStream), position}
	if _, ok := d.byFrom[from]; !ok {
		d.byFrom[from] = m.Position
	}
}

// open completes a letter with what lies elsewhere.
func (d *DeadLetters) open(ctx context.Context, m Message, state indexed) (Letter, error) {
	letter, elsewhere, err := decodeLetter(m)
	if err != nil {
		return Letter{}, err
	}
	if elsewhere {
		o := &letter.Original
		raw, err := d.conn.messageAt(ctx, o.Stream, uint64(o.Position))
		if err != nil && !errors.Is(err, domain.ErrNotFound) {
			return Letter{}, fmt.Errorf("dead letter %d: its message at position %d of %s: %w", letter.ID, o.Position, o.Stream, err)
		}
		if err == nil {
			o.Header, o.Data = raw.Header, raw.Data
		}
	}
	if state.resolvedBy == 0 {
		return letter, nil
	}
	resolution, err := d.log.At(ctx, state.resolvedBy)
	if err != nil {
		return Letter{}, err
	}
	letter.Resolution, letter.ResolvedAt = state.resolution, resolution.RecordedAt
	letter.Why, err = unescapeHeader(nats.Header(resolution.Header).Get(deadReason))
	return letter, err
}

// LetterOf returns the id of the letter of one message, or 0 when it has none.
func (d *DeadLetters) LetterOf(ctx context.Context, stream string, position domain.Position) (domain.Position, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if id, ok := d.byFrom[origin{stream, uint64(position)}]; ok {
		return id, nil
	}
	if err := d.catchUp(ctx); err != nil {
		return 0, err
	}
	return d.byFrom[origin{stream, uint64(position)}], nil
}
