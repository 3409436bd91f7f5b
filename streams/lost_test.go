package streams_test

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/streams"
	"github.com/tillstream/tillstream/streams/streamstest"
)

// lossy is a client that loses what comes behind the first messages of each reader.
type lossy struct {
	jetstream.JetStream
	keeps int
}

func (l lossy) OrderedConsumer(ctx context.Context, stream string, cfg jetstream.OrderedConsumerConfig) (jetstream.Consumer, error) {
	c, err := l.JetStream.OrderedConsumer(ctx, stream, cfg)
	return lossyConsumer{c, l.keeps}, err
}

type lossyConsumer struct {
	jetstream.Consumer
	keeps int
}

func (c lossyConsumer) Messages(opts ...jetstream.PullMessagesOpt) (jetstream.MessagesContext, error) {
	m, err := c.Consumer.Messages(opts...)
	return &lossyMessages{m, c.keeps}, err
}

type lossyMessages struct {
	jetstream.MessagesContext
	keeps int
}

func (m *lossyMessages) Next(opts ...jetstream.NextOpt) (jetstream.Msg, error) {
	for {
		msg, err := m.MessagesContext.Next(opts...)
		if err != nil {
			return nil, err
		}
		if m.keeps > 0 {
			m.keeps--
			return msg, nil
		}
	}
}

// deaf is a lossy client to which the server does not answer at times: it opens the first
// reader, and then refuses as often as it has refusals.
type deaf struct {
	lossy
	opened   *atomic.Int32
	refusals *atomic.Int32
}

func (d deaf) OrderedConsumer(ctx context.Context, stream string, cfg jetstream.OrderedConsumerConfig) (jetstream.Consumer, error) {
	if d.opened.Add(1) > 1 && d.refusals.Add(-1) >= 0 {
		return nil, nats.ErrTimeout
	}
	return d.lossy.OrderedConsumer(ctx, stream, cfg)
}

// A reader whose client has lost messages, and is told of no other, begins anew where it
// was, as often as it takes.
func TestReader_lost(t *testing.T) {
	t.Parallel()
	for name, query := range map[string]streams.Query{
		"all": {}, "attributes": {Attributes: true}, "a store": {Store: "demo"}, "an item": {Store: "demo", Key: "a"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := streamstest.Start(t)
			mustAppend(t, c.POS(), sold("a", 1), sold("a", 2), sold("a", 3), sold("a", 4), sold("a", 5))
			c.Impatient(5 * time.Millisecond)
			c.ReadThrough(func(js jetstream.JetStream) jetstream.JetStream { return lossy{js, 2} }, 1)
			var at []domain.Position
			if err := c.POS().Read(t.Context(), query, func(m streams.Message) error { at = append(at, m.Position); return nil }); err != nil {
				t.Fatal(err)
			}
			if want := []domain.Position{1, 2, 3, 4, 5}; !slices.Equal(at, want) {
				t.Errorf("read %d, want %d", at, want)
			}
		})
	}
	t.Run("no answer", func(t *testing.T) {
		t.Parallel()
		c := streamstest.Start(t)
		mustAppend(t, c.POS(), sold("a", 1), sold("a", 2), sold("a", 3))
		c.Impatient(5 * time.Millisecond)
		var opened, refusals atomic.Int32
		refusals.Store(3)
		c.ReadThrough(func(js jetstream.JetStream) jetstream.JetStream { return deaf{lossy{js, 2}, &opened, &refusals} }, 1)
		var at []domain.Position
		err := c.POS().Read(t.Context(), streams.Query{}, func(m streams.Message) error { at = append(at, m.Position); return nil })
		if want := []domain.Position{1, 2, 3}; err != nil || !slices.Equal(at, want) || opened.Load() < 5 {
			t.Errorf("read %d, asked for a place %d times: %v; want %d, at least 5 times", at, opened.Load(), err, want)
		}
	})
	t.Run("who follows", func(t *testing.T) {
		t.Parallel()
		c := streamstest.Start(t)
		c.Impatient(5 * time.Millisecond)
		c.ReadThrough(func(js jetstream.JetStream) jetstream.JetStream { return lossy{js, 2} }, 1)
		r, err := c.POS().Follow(t.Context(), 1)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		for n := range domain.Position(7) {
			mustAppend(t, c.POS(), sold("a", int(n)))
			if m, err := r.Next(t.Context()); err != nil || m.Position != n+1 {
				t.Fatalf("position %d, %v, want %d", m.Position, err, n+1)
			}
		}
	})
}
