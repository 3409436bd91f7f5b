package streams_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/nats-io/nats.go"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/projections"
	"github.com/tillstream/tillstream/streams"
	"github.com/tillstream/tillstream/streams/streamstest"
)

// What is read of a log by its position, or by when it was recorded, is what reading it
// from end to end finds.
func TestEvents_Sought(t *testing.T) {
	t.Parallel()
	c := streamstest.Start(t)
	var _ projections.Sought = c.POS().Events()
	for n := range 600 {
		item := fmt.Sprintf("i-%d", n%7)
		if _, err := c.POS().Append(t.Context(), "demo", []domain.Envelope{benchEvent(item, fmt.Sprint("e-", n))}); err != nil {
			t.Fatal(err)
		}
	}
	events := c.POS().Events()
	var all []domain.Recorded
	collect := func(into *[]domain.Recorded) func(domain.Recorded, error) error {
		return func(rec domain.Recorded, err error) error {
			*into = append(*into, rec)
			return err
		}
	}
	if err := events.Read(t.Context(), "demo", "i-3", 0, 0, collect(&all)); err != nil {
		t.Fatal(err)
	}
	n, err := events.Count(t.Context(), "demo", "i-3")
	if err != nil || int(n) != len(all) {
		t.Errorf("%d messages are counted, %v; want %d", n, err, len(all))
	}
	if n, err := events.Count(t.Context(), "demo", "i-33"); err != nil || n != 0 {
		t.Errorf("%d messages of an item are counted that has none, %v", n, err)
	}
	at, err := events.Places(t.Context(), "demo", "i-3", 300)
	if err != nil {
		t.Fatal(err)
	}
	var some []domain.Recorded
	if err := events.ReadAt(t.Context(), at, collect(&some)); err != nil {
		t.Fatal(err)
	}
	same := func(a, b domain.Recorded) bool {
		return a.Position == b.Position && a.ID == b.ID && a.RecordedAt.Equal(b.RecordedAt) && string(a.Data) == string(b.Data)
	}
	if want := slices.DeleteFunc(slices.Clone(all), func(r domain.Recorded) bool { return r.Position > 300 }); !slices.EqualFunc(some, want, same) {
		t.Errorf("read %d messages by their positions, want the %d up to there", len(some), len(want))
	}
	if err := events.ReadAt(t.Context(), []domain.Position{1, 9999}, collect(&some)); err == nil {
		t.Error("a position behind the end was read")
	}

	for _, rec := range all[:20] {
		for _, moment := range []time.Time{rec.RecordedAt, rec.RecordedAt.Add(1), rec.RecordedAt.Add(-1)} {
			want, err := projections.PositionAt(t.Context(), readOnly{events}, moment)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := events.After(t.Context(), moment); err != nil || got != want {
				t.Errorf("first behind %s: %d, %v; want %d", moment, got, err, want)
			}
		}
	}
	for at, want := range map[time.Time]domain.Position{
		time.Now().Add(time.Hour): 601, time.Date(2999, 1, 1, 0, 0, 0, 0, time.UTC): 601,
		time.Date(1, 1, 1, 0, 0, 0, 1, time.UTC): 1, time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC): 1,
	} {
		if got, err := events.After(t.Context(), at); err != nil || got != want {
			t.Errorf("first behind %s: %d, %v; want %d", at, got, err, want)
		}
	}
	if got, err := c.Sync().Events().After(t.Context(), time.Now()); err != nil || got != 1 {
		t.Errorf("in an empty log: %d, %v; want 1", got, err)
	}
}

// readOnly hides what a log can do beyond being read.
type readOnly struct{ projections.Log }

func TestDeadLetters_Of(t *testing.T) {
	t.Parallel()
	c := streamstest.Start(t)
	put := func(item string) domain.Position {
		got, err := c.POS().Append(t.Context(), "demo", []domain.Envelope{benchEvent(item, "of-"+item)})
		if err != nil {
			t.Fatal(err)
		}
		m, err := c.POS().At(t.Context(), got[0].Position)
		if err != nil {
			t.Fatal(err)
		}
		id, err := c.DeadLetters().Put(t.Context(), m, streams.Invalid, "no good", "test")
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	first := put("i-1")
	put("i-2")
	if err := c.DeadLetters().Resolve(context.WithoutCancel(t.Context()), first, streams.Dropped, "for good"); err != nil {
		t.Fatal(err)
	}
	for item, want := range map[string][]domain.Position{"i-1": {1}, "i-2": {2}, "i-3": nil} {
		if got, err := c.DeadLetters().Of(t.Context(), c.POS(), "demo", item); err != nil || !slices.Equal(got, want) {
			t.Errorf("letters of %s: %v, %v; want %v", item, got, err, want)
		}
	}
	if got, err := c.DeadLetters().Of(t.Context(), c.Sync(), "demo", "i-1"); err != nil || got != nil {
		t.Errorf("letters of another log: %v, %v", got, err)
	}
}

// A message that is read by its position is the one that a reader finds there, to the last
// header, whatever headers it has: anybody may publish those that the server adds to its
// answers.
func TestLog_ReadAt_headers(t *testing.T) {
	t.Parallel()
	c := streamstest.Start(t)
	c.Impatient(50 * time.Millisecond)
	for _, h := range []nats.Header{
		nil,
		{"ce-id": {"1"}},
		{"Nats-Sequence": {"7"}, "Nats-Subject": {"pos.demo.other"}, "Nats-Stream": {"SYNC"}, "Nats-Time-Stamp": {"never"}},
		{"Nats-Sequence": {"x", "y"}, "nats-sequence": {"z"}},
		{"Status": {"404"}, "Description": {"No Messages"}},
		{"Status": {"503"}},
	} {
		if _, err := c.JetStream().PublishMsg(t.Context(), &nats.Msg{Subject: "pos.demo.i-1", Header: h}); err != nil {
			t.Fatal(err)
		}
	}
	var want, got []streams.Message
	read := func(q streams.Query) {
		t.Helper()
		if err := c.POS().Read(t.Context(), q, func(m streams.Message) error { want = append(want, m); return nil }); err != nil {
			t.Fatal(err)
		}
	}
	read(streams.Query{})
	var at []domain.Position
	for _, m := range want {
		at = append(at, m.Position)
	}
	if err := c.POS().ReadAt(t.Context(), at, func(m streams.Message) error { got = append(got, m); return nil }); err != nil {
		t.Fatal(err)
	}
	alike := cmp.Options{cmpopts.IgnoreFields(streams.Message{}, "Pending"), cmpopts.IgnoreUnexported(streams.Message{}), cmpopts.EquateEmpty()}
	if diff := cmp.Diff(want, got, alike); diff != "" || len(got) != 6 {
		t.Errorf("%d messages (-read +read by position):\n%s", len(got), diff)
	}
	all := want
	want = nil
	for _, position := range at {
		read(streams.Query{From: position, To: position})
	}
	if diff := cmp.Diff(all, want, alike); diff != "" {
		t.Errorf("one by one (-all +one by one):\n%s", diff)
	}
	want = nil
	read(streams.Query{From: 2, To: 2, Attributes: true})
	if len(want) != 1 || want[0].Data != nil || len(want[0].Header) != 1 {
		t.Errorf("the attributes of one: %+v", want)
	}
	if _, err := c.POS().At(t.Context(), 7); !errors.Is(err, domain.ErrNotFound) {
		t.Errorf("behind the end: %v", err)
	}
}

// A message is read although the client takes it for a word of the server: by who follows
// the log, who reads it to its end, and who reads attributes only.
func TestReader_masked(t *testing.T) {
	t.Parallel()
	c := streamstest.Start(t)
	c.Impatient(50 * time.Millisecond)
	for n, h := range []nats.Header{
		{"ce-id": {"1"}},
		{"Status": {"404"}, "Description": {"No Messages"}},
		{"Status": {"409"}, "Description": {"Consumer Deleted"}},
		{"Status": {"100"}},
		{"ce-id": {"5"}},
		{"Status": {"with data"}},
		{"Status": {"503"}},
	} {
		m := &nats.Msg{Subject: fmt.Sprint("pos.demo.i-", n%2), Header: h}
		if h.Get("Status") == "with data" {
			m.Data = []byte("{}")
		}
		if _, err := c.JetStream().PublishMsg(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	check := func(t *testing.T, got []streams.Message, want ...domain.Position) {
		t.Helper()
		var at []domain.Position
		for i, m := range got {
			at = append(at, m.Position)
			if i > 0 && m.Pending >= got[i-1].Pending {
				t.Errorf("behind position %d are %d, and behind the one before %d", m.Position, m.Pending, got[i-1].Pending)
			}
		}
		if !slices.Equal(at, want) {
			t.Errorf("read %d, want %d", at, want)
		}
	}
	for name, tt := range map[string]struct {
		query streams.Query
		want  []domain.Position
	}{
		"all":        {streams.Query{}, []domain.Position{1, 2, 3, 4, 5, 6, 7}},
		"attributes": {streams.Query{Attributes: true}, []domain.Position{1, 2, 3, 4, 5, 6, 7}},
		"an item":    {streams.Query{Store: "demo", Key: "i-0"}, []domain.Position{1, 3, 5, 7}},
		"a part":     {streams.Query{From: 3, To: 5}, []domain.Position{3, 4, 5}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []streams.Message
			if err := c.POS().Read(t.Context(), tt.query, func(m streams.Message) error { got = append(got, m); return nil }); err != nil {
				t.Fatal(err)
			}
			check(t, got, tt.want...)
			for _, m := range got {
				if has := len(m.Data) > 0; has != (m.Position == 6 && !tt.query.Attributes) {
					t.Errorf("position %d has the data %q", m.Position, m.Data)
				}
			}
		})
	}
	t.Run("following", func(t *testing.T) {
		t.Parallel()
		r, err := c.POS().Follow(t.Context(), 0)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		var got []streams.Message
		for range 7 {
			m, err := r.Next(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, m)
		}
		check(t, got, 1, 2, 3, 4, 5, 6, 7)
	})
	t.Run("subscribing", func(t *testing.T) {
		t.Parallel()
		s, err := c.NewSubscriber(streams.StartAll, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		messages, err := s.Subscribe(t.Context(), c.POS().Topic())
		if err != nil {
			t.Fatal(err)
		}
		for want := 1; want <= 7; want++ {
			m := <-messages
			if got := m.Metadata.Get(streams.MetadataPosition); got != fmt.Sprint(want) {
				t.Errorf("position %s came, want %d", got, want)
			}
			m.Ack()
		}
	})
}

// Headers that cannot be read are none, for who reads the log and for who reads the message
// by its position.
func TestLog_ReadAt_brokenHeaders(t *testing.T) {
	t.Parallel()
	c := streamstest.Start(t, streamstest.WithConfig(func(cfg *streams.Config) { cfg.Adapters = []domain.StoreID{"demo"} }))
	password, err := os.ReadFile(c.PasswordFile(streams.AdapterUser("demo")))
	if err != nil {
		t.Fatal(err)
	}
	at, err := url.Parse(c.ClientURL())
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", at.Host)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	const header, data = "NATS/1.0\r\nbroken\r\n\r\n", "{}"
	fmt.Fprintf(conn, "CONNECT {\"user\":%q,\"pass\":%q,\"headers\":true,\"verbose\":false}\r\n", streams.AdapterUser("demo"), strings.TrimSpace(string(password)))
	fmt.Fprintf(conn, "HPUB pos.demo.i-1 %d %d\r\n%s%s\r\nPING\r\n", len(header), len(header)+len(data), header, data)
	for lines := bufio.NewScanner(conn); lines.Scan() && lines.Text() != "PONG"; {
		if strings.HasPrefix(lines.Text(), "-ERR") {
			t.Fatal(lines.Text())
		}
	}
	mustAppend(t, c.POS(), sold("i-1", 1))
	read := func(q streams.Query) (got []streams.Message) {
		t.Helper()
		if err := c.POS().Read(t.Context(), q, func(m streams.Message) error { got = append(got, m); return nil }); err != nil {
			t.Fatal(err)
		}
		return got
	}
	all := read(streams.Query{})
	one := read(streams.Query{From: 1, To: 1})
	if len(all) != 2 || len(one) != 1 {
		t.Fatalf("read %d messages, and %d by position", len(all), len(one))
	}
	for _, m := range []streams.Message{all[0], one[0]} {
		if len(m.Header) != 0 || string(m.Data) != data || m.Position != 1 || m.Key != "i-1" {
			t.Errorf("read %+v", m)
		}
	}
}

// What is known to be of some keys is read, and what is of others refused; but the end of a
// quarantine concerns a product that it does not name.
func TestLog_ReadKnown(t *testing.T) {
	t.Parallel()
	c := streamstest.Start(t)
	mustAppend(t, c.POS(), sold("a", 1), sold("b", 1), sold("a", 2))
	event := func(e domain.Event, id domain.EventID) domain.Envelope {
		made, err := domain.NewEnvelope(id, "/test", time.Date(2026, 11, 1, 10, 0, 0, 0, time.UTC), e)
		if err != nil {
			t.Fatal(err)
		}
		return made
	}
	mustAppend(t, c.Sync(),
		event(&domain.ItemQuarantined{Product: "old", Item: "a", Position: 9, Reason: "bad"}, "1"),
		event(&domain.ItemReleased{Product: "new", Item: "a", Position: 9, Reason: "good"}, "2"),
		event(&domain.ItemQuarantined{Product: "new", Item: "a", Position: 10, Reason: "bad"}, "3"))
	for name, tt := range map[string]struct {
		log   *streams.Log
		store domain.StoreID
		key   string
		at    []domain.Position
		want  []domain.Position
		fails bool
	}{
		"an item":          {c.POS(), "demo", "a", []domain.Position{1, 3}, []domain.Position{1, 3}, false},
		"another item":     {c.POS(), "demo", "a", []domain.Position{1, 2}, []domain.Position{1}, true},
		"another store":    {c.POS(), "mill", "a", []domain.Position{1}, nil, true},
		"a release":        {c.Sync(), "demo", "old", []domain.Position{1, 2}, []domain.Position{1}, false},
		"its own":          {c.Sync(), "demo", "new", []domain.Position{2, 3}, []domain.Position{2, 3}, false},
		"another product":  {c.Sync(), "demo", "old", []domain.Position{1, 3}, []domain.Position{1}, true},
		"of another store": {c.Sync(), "mill", "old", []domain.Position{2}, nil, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []domain.Position
			err := tt.log.ReadKnown(t.Context(), tt.store, map[string]bool{tt.key: true}, tt.at, func(m streams.Message) error {
				got = append(got, m.Position)
				return nil
			})
			if (err != nil) != tt.fails || tt.fails && !strings.Contains(err.Error(), "run `tillstream rebuild`") || !slices.Equal(got, tt.want) {
				t.Errorf("%v, %v, want %v and an error: %v", got, err, tt.want, tt.fails)
			}
		})
	}
}
