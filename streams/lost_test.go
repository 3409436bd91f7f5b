package streams_test

import (
	"context"
	"slices"
	"testing"
	"time"

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
