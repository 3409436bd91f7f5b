package publish_test

import (
	"context"
	"errors"
	"testing"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/bigcommerce/simulator"
	"github.com/tillstream/tillstream/handlers/publish"
	"github.com/tillstream/tillstream/streams/streamstest"
)

// What became of a push is in the SYNC log of a real broker.
func TestPublisher_Run_realLog(t *testing.T) {
	t.Parallel()
	conn := streamstest.Start(t)
	s := newShop(t, simulator.Config{Quota: 150}, func(c *publish.Config) { c.Log = conn.Sync() })
	ids := s.saveMany(25)
	s.link(ids...)
	s.run()
	s.idle()
	s.agree(ids...)
	last, err := conn.Sync().Last(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	// A link by hand, its new SKU, and the confirmation; and what all that cost.
	if want := domain.Position(3*len(ids) + 1); last != want || s.pubs.Position() != want {
		t.Errorf("the log ends at %d, the publications at %d, want %d", last, s.pubs.Position(), want)
	}
	for _, id := range ids {
		p := s.publication(id)
		l := s.listing(id)
		if p.Confirmed.Digest != l.Digest() {
			t.Errorf("product %s: digest %q confirmed, want %q", id, p.Confirmed.Digest, l.Digest())
		}
	}
	_ = s.stop()
}

func TestWaker(t *testing.T) {
	t.Parallel()
	s := newShop(t, simulator.Config{}, nil)
	s.save(item{id: "i1", sku: "A", stock: "1"})
	s.link("i1")
	s.run()
	s.idle()
	s.fold(counted("i1", "9")) // which wakes nobody
	entries := func(m *message.Message) ([]domain.Entry, error) {
		if len(m.Payload) == 0 {
			return nil, errors.New("no key")
		}
		key := domain.Key{Store: store, ID: string(m.Payload)}
		if m.UUID == "positions" {
			key.Stretch = 1
		}
		return []domain.Entry{{}, {Key: key}}, nil
	}
	wake := publish.Waker(entries, func(id domain.StoreID) *publish.Publisher {
		if id != store {
			return nil
		}
		return s.Publisher
	})
	before := s.publication("i1").Confirmed.Position
	if err := wake(message.NewMessage("positions", []byte("i1"))); err != nil {
		t.Fatal(err)
	}
	s.idle()
	if at := s.publication("i1").Confirmed.Position; at != before {
		t.Errorf("confirmed at position %d by what is no state, want %d", at, before)
	}
	if err := wake(message.NewMessage("1", []byte("i1"))); err != nil {
		t.Fatal(err)
	}
	s.idle()
	s.agree("i1")
	if err := wake(message.NewMessage("2", nil)); err == nil {
		t.Error("a message without a key wakes, want an error")
	}
	_ = s.stop()
}

func TestNew(t *testing.T) {
	t.Parallel()
	if _, err := publish.New(publish.Config{Store: "Not a store"}); err == nil {
		t.Error("a publisher for an impossible store id, want an error")
	}
	if _, err := publish.New(publish.Config{Store: store}); err == nil {
		t.Error("a publisher without a client, want an error")
	}
}

// Waiting ends with the context, and says for what it waited.
func TestPublisher_Push_cancelled(t *testing.T) {
	t.Parallel()
	s := newShop(t, simulator.Config{}, nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Push(ctx, []domain.ProductID{"i1"}); !errors.Is(err, context.Canceled) {
		t.Errorf("push without Run: %v, want %v", err, context.Canceled)
	}
	if err := s.Idle(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("idle without Run: %v, want %v", err, context.Canceled)
	}
}
