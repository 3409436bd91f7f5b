package streams_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	wmnats "github.com/ThreeDotsLabs/watermill-nats/v2/pkg/nats"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/pubsub/tests"
	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/streams"
	"github.com/tillstream/tillstream/streams/streamstest"
)

// The subscriber passes Watermill's own conformance suite, on the log SYNC and from
// its beginning. Left out are two of its tests: consumer groups, because one process
// at a time reacts, by lease; and reconnecting, which restarts a broker with a
// command of the system's. The publisher is watermill-nats's own, since this
// package's publishers are [streams.Log] and [streams.Bucket].
func TestSubscriber_Conformance(t *testing.T) {
	t.Parallel()
	c := streamstest.Start(t)
	features := tests.Features{
		GuaranteedOrder: true, Persistent: true, NewSubscriberReceivesOldMessages: true, ForceShort: true,
		GenerateTopicFunc: func(tc tests.TestContext) string { return "sync.demo." + string(tc.TestID) },
	}
	pubSub := func(t *testing.T) (message.Publisher, message.Subscriber) {
		nc, err := nats.Connect("", nats.InProcessServer(c.Server()), nats.UserInfo("app", password(t, c, "app")))
		if err != nil {
			t.Fatal(err)
		}
		pub, err := wmnats.NewPublisherWithNatsConn(nc, wmnats.PublisherPublishConfig{Marshaler: &wmnats.NATSMarshaler{}, SubjectCalculator: wmnats.DefaultSubjectCalculator}, nil)
		if err != nil {
			t.Fatal(err)
		}
		sub, err := c.NewSubscriber(streams.StartAll, nil)
		if err != nil {
			t.Fatal(err)
		}
		return pub, sub
	}
	for _, test := range []func(*testing.T, tests.TestContext, tests.PubSubConstructor){
		tests.TestPublishSubscribe, tests.TestConcurrentSubscribe, tests.TestConcurrentSubscribeMultipleTopics, tests.TestResendOnError,
		tests.TestNoAck, tests.TestContinueAfterSubscribeClose, tests.TestConcurrentClose, tests.TestContinueAfterErrors,
		tests.TestPublishSubscribeInOrder, tests.TestPublisherClose, tests.TestTopic, tests.TestMessageCtx, tests.TestSubscribeCtx,
		tests.TestNewSubscriberReceivesOldMessages,
	} {
		name := runtime.FuncForPC(reflect.ValueOf(test).Pointer()).Name()
		t.Run(name[strings.LastIndex(name, ".")+1:], func(t *testing.T) {
			t.Parallel()
			test(t, tests.TestContext{TestID: tests.NewTestID(), Features: features}, pubSub)
		})
	}
}

// subscribe starts a subscription and ends it with the test.
func subscribe(t *testing.T, c *streams.Conn, start streams.StartAt, topic string) <-chan *message.Message {
	t.Helper()
	sub, err := c.NewSubscriber(start, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := sub.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	messages, err := sub.Subscribe(t.Context(), topic)
	if err != nil {
		t.Fatal(err)
	}
	return messages
}

func TestSubscriber_Bucket(t *testing.T) {
	t.Parallel()
	c := streamstest.Start(t)
	b := c.Products(1)
	if err := c.EnsureProducts(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	key := func(i int) streams.Key { return streams.MakeKey("demo", fmt.Sprint("p.", i)) }
	var entries []streams.Entry
	for i := range 30 {
		entries = append(entries, streams.Entry{Key: key(i % 3), Value: fmt.Append(nil, i)})
	}
	if err := b.PutAll(t.Context(), entries); err != nil {
		t.Fatal(err)
	}
	receive := func(from <-chan *message.Message) string {
		t.Helper()
		msg := <-from
		defer msg.Ack()
		k, err := b.KeyOf(msg)
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprintf("%s %s=%s", msg.UUID, k, msg.Payload)
	}
	t.Run("OK coalesced", func(t *testing.T) {
		from := subscribe(t, c, streams.StartLastPerKey, b.Topic())
		for i := range 3 {
			if got, want := receive(from), fmt.Sprintf("PRODUCTS_1-%d %s=%d", 28+i, key(i), 27+i); got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		}
	})
	t.Run("OK new", func(t *testing.T) {
		from := subscribe(t, c, streams.StartNew, b.Topic())
		if _, err := b.Put(t.Context(), key(7), []byte("new"), nil); err != nil {
			t.Fatal(err)
		}
		if got, want := receive(from), "PRODUCTS_1-31 "+string(key(7))+"=new"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	})
	t.Run("ErrKeyOf", func(t *testing.T) {
		msg := message.NewMessage("x", nil)
		msg.Metadata.Set(streams.MetadataSubject, "products.11.demo.p")
		if k, err := b.KeyOf(msg); err == nil {
			t.Errorf("got key %s of another bucket", k)
		}
	})
}

func TestRouter_Verdict(t *testing.T) {
	t.Parallel()
	c := streamstest.Start(t)
	sub, err := c.NewSubscriber(streams.StartAll, nil)
	if err != nil {
		t.Fatal(err)
	}
	router, err := c.NewRouter(slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var calls []string
	finished := make(chan struct{})
	router.AddConsumerHandler("react", c.POS().Topic(), sub, func(msg *message.Message) error {
		mu.Lock()
		defer mu.Unlock()
		subject := msg.Metadata.Get(streams.MetadataSubject)
		calls = append(calls, subject)
		first := len(calls) < 2 || calls[len(calls)-2] != subject
		switch subject {
		case "pos.demo.panics":
			if first {
				panic("once")
			}
		case "pos.demo.later":
			if first {
				return streams.RetryAfter(errors.New("busy"), time.Millisecond)
			}
		case "pos.demo.never":
			return fmt.Errorf("react: %w", streams.Permanent(errors.New("no hope")))
		case "pos.demo.last":
			close(finished)
		}
		return nil
	})
	mustAppend(t, c.POS(), sold("fine", 1), sold("panics", 1), sold("later", 1), sold("never", 1), sold("last", 1))
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- router.Run(ctx) }()
	<-finished
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	want := []string{"pos.demo.fine", "pos.demo.panics", "pos.demo.panics", "pos.demo.later", "pos.demo.later", "pos.demo.never", "pos.demo.last"}
	if diff := cmp.Diff(want, calls); diff != "" {
		t.Errorf("calls differ (-want +got):\n%s", diff)
	}
	letters, err := c.DeadLetters().List(t.Context(), "demo", true)
	if err != nil || len(letters) != 1 {
		t.Fatalf("got %d dead letters, %v; want 1", len(letters), err)
	}
	l := letters[0]
	if l.Kind != streams.Failed || l.Reason != "react: no hope" || l.Handler != "react" || l.Original.Stream != "POS" || l.Original.Position != 4 {
		t.Errorf("got %+v", l)
	}
	if r, err := l.Original.Recorded(); err != nil || r.ID != domain.EventID("never-1") || r.Actor != sold("never", 1).Actor {
		t.Errorf("got %+v, %v; want the event", r, err)
	}
}

func TestVerdict(t *testing.T) {
	t.Parallel()
	cause := errors.New("cause")
	if streams.Permanent(nil) != nil || streams.RetryAfter(nil, time.Second) != nil {
		t.Error("no error must stay none")
	}
	if err := fmt.Errorf("outer: %w", streams.Permanent(cause)); !streams.IsPermanent(err) || !errors.Is(err, cause) || err.Error() != "outer: cause" {
		t.Errorf("got %v", err)
	}
	if err := streams.RetryAfter(cause, time.Second); streams.IsPermanent(err) || !errors.Is(err, cause) || err.Error() != "cause (again in 1s)" {
		t.Errorf("got %v", err)
	}
}
