package streams_test

import (
	"context"
	"slices"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/tillstream/tillstream/streams"
	"github.com/tillstream/tillstream/streams/streamstest"
)

// behind is a server of a cluster that never knows of any message that follows.
type behind struct{ jetstream.JetStream }

func (b behind) OrderedConsumer(ctx context.Context, stream string, cfg jetstream.OrderedConsumerConfig) (jetstream.Consumer, error) {
	c, err := b.JetStream.OrderedConsumer(ctx, stream, cfg)
	return behindConsumer{c}, err
}

type behindConsumer struct{ jetstream.Consumer }

func (c behindConsumer) CachedInfo() *jetstream.ConsumerInfo {
	info := *c.Consumer.CachedInfo()
	info.NumPending = 0
	return &info
}

func (c behindConsumer) Messages(opts ...jetstream.PullMessagesOpt) (jetstream.MessagesContext, error) {
	m, err := c.Consumer.Messages(opts...)
	return behindMessages{m}, err
}

type behindMessages struct{ jetstream.MessagesContext }

func (m behindMessages) Next(opts ...jetstream.NextOpt) (jetstream.Msg, error) {
	msg, err := m.MessagesContext.Next(opts...)
	if err != nil {
		return nil, err
	}
	return behindMsg{msg}, nil
}

type behindMsg struct{ jetstream.Msg }

func (m behindMsg) Metadata() (*jetstream.MsgMetadata, error) {
	meta, err := m.Msg.Metadata()
	if err != nil {
		return nil, err
	}
	told := *meta
	told.NumPending = 0
	return &told, nil
}

// In a cluster the server that a reader is placed on can be behind the one that leads the
// stream. What it does not know yet is waited for, and not taken for the end.
func TestRead_serverBehind(t *testing.T) {
	t.Parallel()
	c := streamstest.Start(t)
	mustAppend(t, c.POS(), sold("a", 1), sold("b", 1), sold("a", 2), sold("b", 2))
	c.ReadThrough(func(js jetstream.JetStream) jetstream.JetStream { return behind{js} }, 3)
	tests := map[string]struct {
		query streams.Query
		want  int
	}{
		"all":           {streams.Query{}, 4},
		"a part":        {streams.Query{From: 2, To: 3}, 2},
		"a store":       {streams.Query{Store: "demo"}, 4},
		"another store": {streams.Query{Store: "other"}, 0},
		"an item":       {streams.Query{Store: "demo", Key: "a"}, 2},
		"its end":       {streams.Query{Store: "demo", Key: "a", From: 4}, 0},
		"a part of it":  {streams.Query{Store: "demo", Key: "b", To: 3}, 1},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := 0
			err := c.POS().Read(t.Context(), tt.query, func(streams.Message) error { n++; return nil })
			if n != tt.want || err != nil {
				t.Errorf("%d messages, %v; want %d", n, err, tt.want)
			}
		})
	}
}

// A bucket is scanned to its end, too, of which the last can have been removed: there is
// nothing to wait for then.
func TestScan_serverBehind(t *testing.T) {
	t.Parallel()
	for name, want := range map[string][]streams.Key{"whole": {"demo.a", "demo.b"}, "cut": {"demo.a"}, "empty": nil} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := streamstest.Start(t)
			b := c.Publications()
			if err := b.PutAll(t.Context(), []streams.Entry{{Key: "demo.a", Value: []byte("1")}, {Key: "demo.b", Value: []byte("2")}}); err != nil {
				t.Fatal(err)
			}
			s, err := c.JetStream().Stream(t.Context(), b.Name())
			if err != nil {
				t.Fatal(err)
			}
			for seq := uint64(2); seq > uint64(len(want)); seq-- {
				if err := s.DeleteMsg(t.Context(), seq); err != nil {
					t.Fatal(err)
				}
			}
			c.ReadThrough(func(js jetstream.JetStream) jetstream.JetStream { return behind{js} }, 3)
			var got []streams.Key
			err = b.Scan(t.Context(), "", 0, func(e streams.Entry) error { got = append(got, e.Key); return nil })
			if !slices.Equal(got, want) || err != nil {
				t.Errorf("scanned %q, %v; want %q", got, err, want)
			}
		})
	}
}
