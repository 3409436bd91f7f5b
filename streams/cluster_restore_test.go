package streams_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/tillstream/tillstream/streams"
	"github.com/tillstream/tillstream/streams/streamstest"
)

// What one server had is restored into three: every one has it, and it goes on there.
func TestCluster_Restore(t *testing.T) {
	t.Parallel()
	from := streamstest.Start(t)
	mustAppend(t, from.POS(), sales("i", 0, 500)...)
	var urls []string
	for _, s := range startCluster(t) {
		urls = append(urls, fmt.Sprintf("nats://127.0.0.1:%d", s.Port))
	}
	var c *streams.Conn
	eventually(t, "the cluster is reached", func() (err error) {
		c, err = streams.Connect(t.Context(), streams.Config{URL: strings.Join(urls, ","), Replicas: 3})
		return err
	})
	t.Cleanup(func() { _ = c.Close() }) // its servers may be gone before
	eventually(t, "the cluster answers", func() error {
		_, err := c.Extent(t.Context(), "POS")
		if missing, ok := errors.AsType[*streams.MissingError](err); ok && missing.Stream == "POS" {
			return nil
		}
		return err
	})
	messages := func(yield func(streams.Message, error) bool) {
		stopped := errors.New("stopped")
		err := from.Whole(t.Context(), "POS", 500, func(m streams.Message) error {
			if !yield(m, nil) {
				return stopped
			}
			return nil
		})
		if err != nil && !errors.Is(err, stopped) {
			yield(streams.Message{}, err)
		}
	}
	eventually(t, "it is restored", func() error {
		return c.Restore(t.Context(), streams.Restored{Stream: "POS", Last: 500, Bytes: 1 << 20, Messages: messages})
	})
	eventually(t, "every server has it", func() error { return current(t, c) })
	eventually(t, "the others are there", func() error { return c.Ensure(t.Context()) })
	want, got := map[uint64]string{}, map[uint64]string{}
	for conn, into := range map[*streams.Conn]map[uint64]string{from: want, c: got} {
		err := conn.Whole(t.Context(), "POS", 500, func(m streams.Message) error {
			into[uint64(m.Position)] = fmt.Sprint(m.RecordedAt, m.Subject, len(m.Header), m.Header["Nats-Msg-Id"], string(m.Data))
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for at, m := range want {
		if got[at] != m {
			t.Errorf("position %d is %s, want %s", at, got[at], m)
		}
	}
	if next, err := c.POS().Append(t.Context(), "demo", sales("i", 500, 1)); err != nil || next[0].Position != 501 {
		t.Errorf("the next event: %+v, %v", next, err)
	}
}
