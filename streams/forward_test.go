package streams_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/streams"
)

// elsewhere is a broker that is not ours, with a stream for what a till says.
func elsewhere(t *testing.T, cfg *jetstream.StreamConfig) (*streams.Conn, jetstream.JetStream) {
	t.Helper()
	c, err := streams.Connect(t.Context(), streams.Config{DataDir: t.TempDir(), User: "operator", WithoutSync: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	js := as(t, c, "operator")
	if cfg != nil {
		if _, err := js.CreateStream(t.Context(), *cfg); err != nil {
			t.Fatal(err)
		}
	}
	return c, js
}

func TestLog_Forward(t *testing.T) {
	t.Parallel()
	events := sales("a", 0, 30)
	for name, test := range map[string]struct {
		cfg    *jetstream.StreamConfig
		stored int
		want   string
	}{
		"in batches":      {&jetstream.StreamConfig{Name: "POS", Subjects: []string{"pos.>"}, AllowAtomicPublish: true}, 30, ""},
		"one by one":      {&jetstream.StreamConfig{Name: "POS", Subjects: []string{"pos.>"}}, 30, ""},
		"full at last":    {&jetstream.StreamConfig{Name: "POS", Subjects: []string{"pos.>"}, MaxMsgs: 20, Discard: jetstream.DiscardNew}, 20, "maximum messages exceeded"},
		"no stream":       {nil, 0, "there is no stream POS"},
		"another's":       {&jetstream.StreamConfig{Name: "TILLS", Subjects: []string{"pos.>"}, AllowAtomicPublish: true}, 0, "go into another stream there than POS"},
		"other subjects":  {&jetstream.StreamConfig{Name: "POS", Subjects: []string{"tills.>"}}, 0, "nobody takes the subjects pos."},
		"too large there": {&jetstream.StreamConfig{Name: "POS", Subjects: []string{"pos.>"}, MaxMsgSize: 10}, 0, "is too large for the log"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, js := elsewhere(t, test.cfg)
			done, err := c.POS().Forward(t.Context(), "demo", events)
			if done.Stored != test.stored || done.Duplicates != 0 || (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
				t.Fatalf("%+v, %v", done, err)
			}
			if test.want != "" {
				return
			}
			// Once more, with some new ones between the old.
			more := append(sales("b", 0, 1), append(sales("a", 0, 10), sales("b", 1, 1)...)...)
			if done, err = c.POS().Forward(t.Context(), "demo", more); err != nil || done != (streams.Forwarded{Stored: 12, Duplicates: 10}) {
				t.Fatalf("again: %+v, %v", done, err)
			}
			s, err := js.Stream(t.Context(), "POS")
			if err != nil || s.CachedInfo().State.Msgs != 32 {
				t.Fatalf("%+v, %v", s, err)
			}
			m, err := c.POS().Newest(t.Context(), "demo")
			if rec, recErr := m.Recorded(); err != nil || recErr != nil || rec.ID != more[11].ID {
				t.Errorf("the newest is %+v, %v, %v", rec, err, recErr)
			}
			if _, err := c.POS().Newest(t.Context(), "mill"); !errors.Is(err, domain.ErrNotFound) {
				t.Errorf("of a store without events: %v", err)
			}
		})
	}
}
