package streams

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sort"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/synadia-io/orbit.go/jetstreamext"

	"github.com/tillstream/tillstream/domain"
)

// The server keeps of a subject how many messages it has and in which block of the
// stream the first and the last of them are. To read one subject from end to end it has
// to look into every block in between, which in a log of ten million events are some
// eight hundred, each read from disk and indexed for it. A message whose position is
// known costs one block.

// Count returns how many messages of one store and id there are. The server knows.
func (e Events) Count(ctx context.Context, store domain.StoreID, id string) (uint64, error) {
	s, err := e.log.conn.stream(ctx, e.log.stream)
	if err != nil {
		return 0, fmt.Errorf("read %s: %w", e.log.stream, err)
	}
	subject := subjectOf(e.log.prefix, store, id)
	info, err := s.Info(ctx, jetstream.WithSubjectFilter(subject))
	if err != nil {
		return 0, fmt.Errorf("read %s: %w", e.log.stream, e.log.conn.translate(err))
	}
	return info.State.Subjects[subject], nil
}

// Places returns where the messages of one store and id lie, up to a position.
func (e Events) Places(ctx context.Context, store domain.StoreID, id string, to domain.Position) (at []domain.Position, err error) {
	err = e.log.Read(ctx, Query{Store: store, Key: id, To: to, Attributes: true}, func(m Message) error {
		at = append(at, m.Position)
		return nil
	})
	return at, err
}

// ReadAt is [Events.Read] of the messages at some positions, in their order.
func (e Events) ReadAt(ctx context.Context, at []domain.Position, each func(domain.Recorded, error) error) error {
	return e.log.ReadAt(ctx, at, func(m Message) error { return each(recordedOr(m)) })
}

// Copied is what [Events.Read] says of a message, given all that the log holds of it.
func (e Events) Copied(at domain.Position, subject string, recorded time.Time, header map[string][]string, data []byte) (domain.Recorded, error) {
	return recordedOr(newMessage(e.log.stream, e.log.prefix, subject, header, data, uint64(at), recorded))
}

// ReadAt is [Log.Read] of the messages at some positions, in their order.
func (l *Log) ReadAt(ctx context.Context, at []domain.Position, do func(Message) error) error {
	for len(at) > 0 {
		some := at[:min(len(at), fetchedAtOnce)]
		at = at[len(some):]
		messages, err := l.fetch(ctx, some)
		if err != nil {
			return err
		}
		for _, m := range messages {
			if err := do(m); err != nil {
				return err
			}
		}
	}
	return nil
}

// ReadKnown is ReadAt of messages of which a state says that they are of a store and of
// some keys. It refuses one that is not, but for the end of a quarantine, which is about
// the product that has it, too, and passes over that.
func (l *Log) ReadKnown(ctx context.Context, store domain.StoreID, keys map[string]bool, at []domain.Position, do func(Message) error) error {
	return l.ReadAt(ctx, at, func(m Message) error {
		switch {
		case m.Store == store && keys[m.Key]:
			return do(m)
		case m.Store == store && l.prefix == syncPrefix && nats.Header(m.Header).Get(attributePrefix+"type") == string(domain.TypeItemReleased):
			return nil
		}
		return fmt.Errorf("position %d of the log %s is of %q, and a state says that it is of one of %q: run `tillstream rebuild`", m.Position, l.stream, m.Subject, slices.Sorted(maps.Keys(keys)))
	})
}

// What is fetched at once bounds the memory, and the connections how many blocks the
// server reads at the same time: it answers one request of a connection after the other.
const (
	fetchedAtOnce = 256
	fetchersEach  = 2
)

// fetch reads some messages at the same time.
func (l *Log) fetch(ctx context.Context, at []domain.Position) ([]Message, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	out := make([]Message, len(at))
	next := make(chan int)
	var fetchers sync.WaitGroup
	end := sync.OnceFunc(func() { close(next); fetchers.Wait() })
	defer end()
	for _, nc := range []*nats.Conn{l.conn.askNC, l.conn.readNC} {
		for range fetchersEach {
			fetchers.Go(func() {
				for i := range next {
					raw, err := l.conn.messageBy(ctx, nc, l.stream, uint64(at[i]))
					if err != nil {
						cancel(fmt.Errorf("read %s at position %d: %w", l.stream, at[i], err))
						continue
					}
					out[i] = newMessage(l.stream, l.prefix, raw.Subject, raw.Header, raw.Data, raw.Sequence, raw.Time)
				}
			})
		}
	}
	for i := range at {
		if ctx.Err() != nil {
			break
		}
		next <- i
	}
	end()
	return out, context.Cause(ctx)
}

// After returns the first position that was recorded at a time or later, and the one
// behind the last when there is none.
func (e Events) After(ctx context.Context, at time.Time) (domain.Position, error) {
	return e.log.after(ctx, at)
}

func (l *Log) after(ctx context.Context, at time.Time) (domain.Position, error) {
	last, err := l.Last(ctx)
	if err != nil || last == 0 {
		return last + 1, err
	}
	// The server counts nanoseconds in 64 bits and does not look for what overflows.
	switch {
	case at.Year() >= 2262:
		return last + 1, nil
	case at.Year() < 1970:
		return 1, nil
	case !l.conn.directReads():
		return l.search(ctx, at, last)
	}
	found, err := jetstreamext.GetBatch(ctx, l.conn.askJS, l.stream, 1, jetstreamext.GetBatchStartTime(at))
	if err != nil {
		return 0, fmt.Errorf("read %s from %s: %w", l.stream, at.Format(time.RFC3339Nano), l.conn.translate(err))
	}
	for msg, err := range found {
		if errors.Is(err, jetstreamext.ErrNoMessages) {
			return last + 1, nil
		}
		if err != nil {
			return 0, fmt.Errorf("read %s from %s: %w", l.stream, at.Format(time.RFC3339Nano), l.conn.translate(err))
		}
		return domain.Position(msg.Sequence), nil
	}
	return last + 1, nil
}

// search is after where the server does not seek: it reads as many messages as the
// log's length has binary digits.
func (l *Log) search(ctx context.Context, at time.Time, last domain.Position) (domain.Position, error) {
	var err error
	n := sort.Search(int(last), func(i int) bool {
		if err != nil {
			return true
		}
		var m Message
		m, err = l.At(ctx, domain.Position(i+1))
		return err == nil && !m.RecordedAt.Before(at)
	})
	return domain.Position(n + 1), err
}

// Of returns the positions in a log of the messages of one store and key that have a
// letter, whatever became of it.
func (d *DeadLetters) Of(ctx context.Context, log *Log, store domain.StoreID, key string) (at []domain.Position, err error) {
	err = d.log.Read(ctx, Query{Store: store, Key: key, Attributes: true}, func(m Message) error {
		h := nats.Header(m.Header)
		if h.Get(deadStream) != log.stream {
			return nil // it resolves another, or is of another log
		}
		n, err := strconv.ParseUint(h.Get(deadPosition), 10, 64)
		if err == nil {
			at = append(at, domain.Position(n))
		}
		return nil
	})
	return at, err
}
