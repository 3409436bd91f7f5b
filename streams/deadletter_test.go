package streams_test

import (
	"bytes"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/nats-io/nats.go"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/streams"
	"github.com/tillstream/tillstream/streams/streamstest"
)

// foreign publishes what an adapter of somebody else might.
func foreign(t *testing.T, c *streams.Conn, subject string, header nats.Header, data []byte) streams.Message {
	t.Helper()
	ack, err := c.JetStream().PublishMsg(t.Context(), &nats.Msg{Subject: subject, Header: header, Data: data})
	if err != nil {
		t.Fatal(err)
	}
	m, err := c.POS().At(t.Context(), domain.Position(ack.Sequence))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func put(t *testing.T, c *streams.Conn, m streams.Message, kind streams.Kind, reason string) domain.Position {
	t.Helper()
	id, err := c.DeadLetters().Put(t.Context(), m, kind, reason, "project")
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func openLetters(t *testing.T, c *streams.Conn) map[domain.StoreID]int {
	t.Helper()
	n, err := c.DeadLetters().Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestDeadLetters(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 2, 3, 4, 5, 6, time.UTC)
	c := streamstest.Start(t, streamstest.WithConfig(func(c *streams.Config) { c.Now = func() time.Time { return now } }))
	strange := foreign(t, c, "pos.demo.=w6k", nats.Header{"Nats-Msg-Id": {"x"}, "Dead-Kind": {"theirs"}, "ce-id": {"e", "f"}, "Other": {"1"}, "Status": {"404"}}, []byte("\x00\xff"))
	lost := foreign(t, c, "pos.DEMO.x", nil, nil)
	large := foreign(t, c, "pos.other.big", nats.Header{"Other": {"1"}}, []byte(strings.Repeat("x", 1<<20-100)))
	wide := foreign(t, c, "pos.other.wide", nats.Header{"Other": {strings.Repeat("x", 60<<10)}}, []byte("y"))
	reason := "ce-id: must be given once\nreally – " + strings.Repeat("é", 5000)
	want := []streams.Letter{
		{ID: put(t, c, strange, streams.Undecodable, reason), Kind: streams.Undecodable, Original: strange},
		{ID: put(t, c, lost, streams.Invalid, "r"), Kind: streams.Invalid, Original: lost},
		{ID: put(t, c, large, streams.Oversized, "r"), Kind: streams.Oversized, Original: large},
		{ID: put(t, c, wide, streams.Oversized, "r"), Kind: streams.Oversized, Original: wide},
	}
	for i := range want {
		want[i].Reason, want[i].Handler, want[i].At = "r", "project", now
	}
	options := []cmp.Option{cmpopts.IgnoreUnexported(streams.Message{}), cmp.Comparer(bytes.Equal),
		cmp.Comparer(func(a, b map[string][]string) bool { return maps.EqualFunc(a, b, slices.Equal[[]string]) })}

	t.Run("OK whole", func(t *testing.T) {
		got, err := c.DeadLetters().Get(t.Context(), want[0].ID)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(got.Reason, "ce-id: must be given once\nreally – é") || len(got.Reason) > 2100 {
			t.Errorf("got reason %.80q of %d bytes", got.Reason, len(got.Reason))
		}
		want[0].Reason = got.Reason
		list, err := c.DeadLetters().List(t.Context(), "", true)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, list, options...); diff != "" {
			t.Errorf("letters differ (-want +got):\n%.2000s", diff)
		}
		if _, err := list[0].Original.Recorded(); err == nil {
			t.Error("an original must be as unreadable as it was")
		}
	})
	t.Run("OK once", func(t *testing.T) {
		again := streamstest.Connect(t, streams.Config{URL: c.ClientURL(), User: "app", Password: password(t, c, "app")}) // as after a restart, with an empty index
		for _, conn := range []*streams.Conn{c, again} {
			if id := put(t, conn, lost, streams.Undecodable, "another reason"); id != want[1].ID {
				t.Errorf("got letter %d, want the first one, %d", id, want[1].ID)
			}
		}
		if diff := cmp.Diff(map[domain.StoreID]int{"demo": 1, "other": 2, "": 1}, openLetters(t, again)); diff != "" {
			t.Errorf("open letters differ (-want +got):\n%s", diff)
		}
	})
	t.Run("OK requeue", func(t *testing.T) {
		letter, err := c.DeadLetters().Get(t.Context(), want[0].ID)
		if err != nil {
			t.Fatal(err)
		}
		for _, duplicate := range []bool{false, true} {
			got, err := c.POS().Requeue(t.Context(), letter)
			if err != nil || got != (streams.Appended{Position: wide.Position + 1, Duplicate: duplicate}) {
				t.Fatalf("got %+v, %v", got, err)
			}
		}
		m, err := c.POS().At(t.Context(), wide.Position+1)
		if err != nil || m.Subject != strange.Subject || string(m.Data) != string(strange.Data) || len(m.Header["ce-id"]) != 2 {
			t.Errorf("got %+v, %v; want the original", m, err)
		}
		if _, err := c.Sync().Requeue(t.Context(), letter); err == nil {
			t.Error("requeued into another log")
		}
	})
	t.Run("OK resolve", func(t *testing.T) {
		for range 2 {
			if err := c.DeadLetters().Resolve(t.Context(), want[0].ID, streams.Requeued, "fixed – the adapter"); err != nil {
				t.Fatal(err)
			}
		}
		got, err := c.DeadLetters().Get(t.Context(), want[0].ID)
		if err != nil || got.Resolution != streams.Requeued || got.Why != "fixed – the adapter" || got.ResolvedAt.IsZero() {
			t.Errorf("got %+v, %v", got, err)
		}
		if n := openLetters(t, c)["demo"]; n != 0 {
			t.Errorf("got %d open letters, want 0", n)
		}
		for openOnly, n := range map[bool]int{true: 0, false: 1} {
			if got, err := c.DeadLetters().List(t.Context(), "demo", openOnly); err != nil || len(got) != n {
				t.Errorf("open only %t: got %d letters, %v; want %d", openOnly, len(got), err, n)
			}
		}
	})
	t.Run("Err", func(t *testing.T) {
		if err := c.DeadLetters().Resolve(t.Context(), want[0].ID, streams.Dropped, ""); !errors.Is(err, domain.ErrConflict) {
			t.Errorf("resolved twice: got error %v, want a conflict", err)
		}
		if err := c.DeadLetters().Resolve(t.Context(), 99, streams.Dropped, ""); !errors.Is(err, domain.ErrNotFound) {
			t.Errorf("no such letter: got error %v, want not found", err)
		}
		if _, err := c.DeadLetters().Get(t.Context(), 5); !errors.Is(err, domain.ErrNotFound) { // a resolution
			t.Errorf("not a letter: got error %v, want not found", err)
		}
		var invalid *domain.InvalidError
		if err := c.DeadLetters().Resolve(t.Context(), want[1].ID, "lost", ""); !errors.As(err, &invalid) {
			t.Errorf("no such resolution: got error %v, want an invalid value", err)
		}
	})
}

// A letter has no header that the client would take for the server's, who reads it without
// its data.
func TestDeadLetters_status(t *testing.T) {
	t.Parallel()
	c := streamstest.Start(t)
	id := put(t, c, foreign(t, c, "pos.demo.x", nats.Header{"Status": {"404"}}, []byte("{}")), streams.Undecodable, "no event")
	m, err := c.DeadLetters().Get(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if got := m.Original.Header["Status"]; len(got) != 1 || got[0] != "404" {
		t.Errorf("the original's status is %q", got)
	}
	s, err := c.JetStream().Stream(t.Context(), "DEADLETTERS")
	if err != nil {
		t.Fatal(err)
	}
	stored, err := s.GetMsg(t.Context(), uint64(id))
	if err != nil || stored.Header.Get("Status") != "" {
		t.Errorf("the letter has the status %q, %v", stored.Header.Get("Status"), err)
	}
}
