package streams_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/streams"
	"github.com/tillstream/tillstream/streams/streamstest"
)

// sold makes an event whose id and content follow from its arguments.
func sold(item string, n int) domain.Envelope {
	return domain.Envelope{
		ID: domain.EventID(fmt.Sprintf("%s-%d", item, n)), Source: "/pos/demo/till-3", Type: domain.TypeItemSold, Subject: item,
		Time: time.Date(2026, 11, 1, 10, 15, 12, 0, time.UTC), SourceVersion: uint64(n + 1), CorrelationID: "sale 2207", Actor: "Zoë \"Z\" 100%",
		Extensions: map[string]string{"custom": "ü"},
		Data:       json.RawMessage(fmt.Sprintf(`{"item":%q,"outlet":"Quayside","quantity":"1","sale":"s-%d","line":"1"}`, item, n)),
	}
}

func sales(item string, from, n int) []domain.Envelope {
	out := make([]domain.Envelope, n)
	for i := range out {
		out[i] = sold(item, from+i)
	}
	return out
}

func appended(first domain.Position, n int, duplicate bool) []streams.Appended {
	out := make([]streams.Appended, n)
	for i := range out {
		out[i] = streams.Appended{Position: first + domain.Position(i), Duplicate: duplicate}
	}
	return out
}

func mustAppend(t *testing.T, l *streams.Log, events ...domain.Envelope) []streams.Appended {
	t.Helper()
	got, err := l.Append(t.Context(), "demo", events)
	if err != nil {
		t.Fatalf("append: %v", err)
	}
	return got
}

func readAll(t *testing.T, l *streams.Log, q streams.Query) []streams.Message {
	t.Helper()
	var out []streams.Message
	if err := l.Read(t.Context(), q, func(m streams.Message) error { out = append(out, m); return nil }); err != nil {
		t.Fatalf("read: %v", err)
	}
	return out
}

func TestLog_Append(t *testing.T) {
	t.Parallel()
	c := streamstest.Start(t)
	log := c.POS()

	t.Run("OK single", func(t *testing.T) {
		want := sold("weird id: a.b*>é", 1)
		got := mustAppend(t, log, want)
		if diff := cmp.Diff(appended(1, 1, false), got); diff != "" {
			t.Fatalf("answers differ (-want +got):\n%s", diff)
		}
		m, err := log.At(t.Context(), 1)
		if err != nil {
			t.Fatal(err)
		}
		r, err := m.Recorded()
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, r.Envelope); diff != "" {
			t.Errorf("the envelope differs (-want +got):\n%s", diff)
		}
		if r.Store != "demo" || r.Position != 1 || r.RecordedAt.IsZero() {
			t.Errorf("got store %q, position %d, recorded at %v", r.Store, r.Position, r.RecordedAt)
		}
	})
	t.Run("OK group", func(t *testing.T) {
		if diff := cmp.Diff(appended(2, 1000, false), mustAppend(t, log, sales("g", 0, 1000)...)); diff != "" {
			t.Fatalf("answers differ (-want +got):\n%s", diff)
		}
	})
	t.Run("OK group again", func(t *testing.T) {
		if diff := cmp.Diff(appended(2, 1000, true), mustAppend(t, log, sales("g", 0, 1000)...)); diff != "" {
			t.Fatalf("answers differ (-want +got):\n%s", diff)
		}
	})
	t.Run("OK group partly known", func(t *testing.T) {
		got := mustAppend(t, log, sold("g", 5), sold("g", 2000), sold("g", 6), sold("g", 2000))
		want := []streams.Appended{{Position: 7, Duplicate: true}, {Position: 1002}, {Position: 8, Duplicate: true}, {Position: 1002, Duplicate: true}}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("answers differ (-want +got):\n%s", diff)
		}
	})
	t.Run("ErrReusedID", func(t *testing.T) {
		other := sold("g", 7)
		other.Data = json.RawMessage(`{"item":"g","outlet":"Elsewhere","quantity":"1","sale":"s","line":"1"}`)
		for name, group := range map[string][]domain.Envelope{"single": {other}, "group": {sold("h", 1), other, sold("h", 2)}} {
			_, err := log.Append(t.Context(), "demo", group)
			var reused *domain.ReusedIDError
			if !errors.As(err, &reused) || reused.Position != 9 || reused.ID != "g-7" {
				t.Errorf("%s: got error %v, want a reused id g-7 at position 9", name, err)
			}
		}
		if last, err := log.Last(t.Context()); err != nil || last != 1002 {
			t.Errorf("got last position %d, %v, want 1002: nothing of a refused group may stay", last, err)
		}
	})
}

func TestLog_Append_Refused(t *testing.T) {
	t.Parallel()
	c := streamstest.Start(t)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	changed := func(change func(*domain.Envelope)) []domain.Envelope {
		e := sold("i", 1)
		change(&e)
		return []domain.Envelope{sold("i", 0), e}
	}
	wide := strings.Repeat("\U0001F600", domain.MaxIDLength)
	for name, tt := range map[string]struct {
		ctx    context.Context
		store  domain.StoreID
		events []domain.Envelope
		want   string
	}{
		"ErrNone":       {t.Context(), "demo", nil, `events: "0": must be 1 to 1000 in one group`},
		"ErrTooMany":    {t.Context(), "demo", sales("i", 0, 1001), `events: "1001": must be 1 to 1000 in one group`},
		"ErrStore":      {t.Context(), "De.mo", sales("i", 0, 1), `store: "De.mo": must be 1 to 32 characters of a-z, 0-9 and '-'`},
		"ErrEnvelope":   {t.Context(), "demo", changed(func(e *domain.Envelope) { e.Subject = "" }), "events[1].subject: is required"},
		"ErrTwice":      {t.Context(), "demo", changed(func(e *domain.Envelope) { e.ID = "i-0" }), `events[1].id: "i-0": stands twice in the group, for different events`},
		"ErrContextEnd": {ended, "demo", sales("i", 0, 1), "append: context canceled before the log answered; whether the events are stored is not known, append them again to find out"},
		"ErrAttributes": {t.Context(), "demo", changed(func(e *domain.Envelope) {
			e.Extensions = map[string]string{}
			for i := range domain.MaxExtensions {
				e.Extensions[fmt.Sprintf("x%d", i)] = wide
			}
			e.ID, e.Actor, e.CorrelationID, e.CausationID = domain.EventID(wide), wide, wide, wide
		}), `events[1].event: "64660 bytes of attributes": must be at most 64511 when percent-encoded`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := c.POS().Append(tt.ctx, tt.store, tt.events)
			if err == nil || err.Error() != tt.want {
				t.Errorf("got error %v, want %s", err, tt.want)
			}
		})
	}
	if last, err := c.POS().Last(t.Context()); err != nil || last != 0 {
		t.Errorf("got last position %d, %v; refused groups must leave nothing", last, err)
	}
	t.Run("ErrClosed", func(t *testing.T) {
		other := streamstest.Start(t)
		if err := other.Close(); err != nil {
			t.Fatal(err)
		}
		_, err := other.POS().Append(t.Context(), "demo", sales("i", 0, 1))
		var unavailable *streams.UnavailableError
		if !errors.As(err, &unavailable) {
			t.Errorf("got error %v, want an unavailable log", err)
		}
	})
}

func TestLog_Append_AfterDuplicateWindow(t *testing.T) {
	t.Parallel()
	c := streamstest.Start(t, streamstest.WithConfig(func(c *streams.Config) { c.DuplicateWindow = 100 * time.Millisecond }))
	if got := mustAppend(t, c.POS(), sold("i", 1)); got[0].Position != 1 {
		t.Fatalf("got %+v, want position 1", got)
	}
	// The server forgets ids some time after the window; what counts is that it is
	// then stored again rather than refused.
	for deadline := time.Now().Add(30 * time.Second); ; {
		got := mustAppend(t, c.POS(), sold("i", 1))[0]
		if !got.Duplicate {
			if got.Position != 2 {
				t.Errorf("got %+v, want position 2", got)
			}
			return
		}
		if got.Position != 1 || time.Now().After(deadline) {
			t.Fatalf("got %+v, want a duplicate of position 1 until the window ends", got)
		}
	}
}

// Positions are unique and without gaps, every caller's events lie in its order,
// groups lie together, and a repetition anywhere is answered with the first position.
func TestLog_Append_Concurrent(t *testing.T) {
	t.Parallel()
	c := streamstest.Start(t)
	round := 0
	rapid.Check(t, func(rt *rapid.T) {
		round++
		log := c.POS()
		before, err := log.Last(t.Context())
		if err != nil {
			rt.Fatal(err)
		}
		plans := rapid.SliceOfN(rapid.SliceOfN(rapid.IntRange(1, 30), 1, 3), 1, 4).Draw(rt, "group sizes of each caller")
		again := rapid.Bool().Draw(rt, "each group is appended by two at once")
		var mu sync.Mutex
		at := map[domain.EventID]domain.Position{}
		var wg sync.WaitGroup
		for caller, sizes := range plans {
			wg.Go(func() {
				n := 0
				for _, size := range sizes {
					group := sales(fmt.Sprintf("r%d-c%d", round, caller), n, size)
					n += size
					var twin sync.WaitGroup
					if again {
						twin.Go(func() {
							if _, err := log.Append(t.Context(), "demo", group); err != nil {
								rt.Errorf("append again: %v", err)
							}
						})
					}
					got, err := log.Append(t.Context(), "demo", group)
					twin.Wait()
					if err != nil {
						rt.Errorf("append: %v", err)
						return
					}
					for i, a := range got {
						if a.Position != got[0].Position+domain.Position(i) {
							rt.Errorf("a group lies at %+v, not together", got)
						}
						mu.Lock()
						at[group[i].ID] = a.Position
						mu.Unlock()
					}
				}
			})
		}
		wg.Wait()
		newest := map[string]int{}
		next := before
		for _, m := range readAll(t, log, streams.Query{From: before + 1}) {
			r, err := m.Recorded()
			if err != nil {
				rt.Fatal(err)
			}
			next++
			if m.Position != next || at[r.ID] != m.Position {
				rt.Errorf("event %s lies at %d, want %d; its caller heard %d", r.ID, m.Position, next, at[r.ID])
			}
			if int(r.SourceVersion) != newest[r.Subject]+1 {
				rt.Errorf("event %s follows version %d of its caller", r.ID, newest[r.Subject])
			}
			newest[r.Subject] = int(r.SourceVersion)
		}
		if int(next-before) != len(at) {
			rt.Errorf("the log took %d events, callers heard of %d", next-before, len(at))
		}
	})
}

func TestLog_Submit(t *testing.T) {
	t.Parallel()
	c := streamstest.Start(t)
	var answers []func(context.Context) ([]streams.Appended, error)
	for i := range 500 {
		answers = append(answers, c.POS().Submit(t.Context(), "demo", []domain.Envelope{sold("i", i)}))
	}
	for i, answer := range answers {
		got, err := answer(t.Context())
		if diff := cmp.Diff(appended(domain.Position(i+1), 1, false), got); err != nil || diff != "" {
			t.Fatalf("group %d: %v (-want +got):\n%s", i, err, diff)
		}
	}
}

// The server has room for a thousand readers of a stream and would keep each for
// minutes after it has gone.
func TestReader_Close(t *testing.T) {
	t.Parallel()
	c := streamstest.Start(t)
	mustAppend(t, c.POS(), sold("a", 1))
	for range 3 {
		readAll(t, c.POS(), streams.Query{Store: "demo", Key: "a"})
	}
	reader, err := c.POS().Follow(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	readers := func() int {
		t.Helper()
		s, err := c.JetStream().Stream(t.Context(), "POS")
		if err != nil {
			t.Fatal(err)
		}
		return s.CachedInfo().State.Consumers
	}
	if got := readers(); got != 1 {
		t.Errorf("the server has %d readers while one follows, want 1", got)
	}
	reader.Close()
	reader.Close()
	if got := readers(); got != 0 {
		t.Errorf("the server has %d readers after the last has gone, want 0", got)
	}
}

// A filter makes the server look at every subject of a log, also when every message
// passes it.
func TestLog_Follow_filter(t *testing.T) {
	t.Parallel()
	c := streamstest.Start(t)
	mustAppend(t, c.POS(), sold("a", 1))
	reader, err := c.POS().Follow(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	s, err := c.JetStream().Stream(t.Context(), "POS")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for info := range s.ListConsumers(t.Context()).Info() {
		if n++; info.Config.FilterSubject != "" || len(info.Config.FilterSubjects) > 0 {
			t.Errorf("the reader of a whole log has the filter %q %q", info.Config.FilterSubject, info.Config.FilterSubjects)
		}
	}
	if n != 1 {
		t.Errorf("the server has %d readers, want 1", n)
	}
}

func TestLog_Read(t *testing.T) {
	t.Parallel()
	c := streamstest.Start(t)
	log := c.POS()
	if got := readAll(t, log, streams.Query{}); len(got) != 0 {
		t.Fatalf("read %d messages of an empty log", len(got))
	}
	for i := range 4 {
		mustAppend(t, log, sold("a", i), sold("b.*", i)) // positions 2i+1 and 2i+2
	}
	if _, err := log.Append(t.Context(), "other", sales("a", 100, 1)); err != nil { // position 9
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		q    streams.Query
		want []domain.Position
	}{
		"OK all":                {streams.Query{}, []domain.Position{1, 2, 3, 4, 5, 6, 7, 8, 9}},
		"OK range":              {streams.Query{From: 3, To: 5}, []domain.Position{3, 4, 5}},
		"OK beyond the end":     {streams.Query{From: 8, To: 100}, []domain.Position{8, 9}},
		"OK store":              {streams.Query{Store: "other"}, []domain.Position{9}},
		"OK item":               {streams.Query{Store: "demo", Key: "b.*"}, []domain.Position{2, 4, 6, 8}},
		"OK item, range":        {streams.Query{Store: "demo", Key: "b.*", From: 3, To: 7}, []domain.Position{4, 6}},
		"OK unknown item":       {streams.Query{Store: "demo", Key: "c"}, nil},
		"OK nothing in a range": {streams.Query{Store: "other", To: 8}, nil},
		"OK empty range":        {streams.Query{From: 5, To: 4}, nil},
		"OK from after the end": {streams.Query{From: 10}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			var got []domain.Position
			for _, m := range readAll(t, log, tt.q) {
				got = append(got, m.Position)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("positions differ (-want +got):\n%s", diff)
			}
		})
	}
	t.Run("ErrKeyWithoutStore", func(t *testing.T) {
		if err := log.Read(t.Context(), streams.Query{Key: "a"}, nil); err == nil {
			t.Error("got no error")
		}
	})
	t.Run("ErrOfCaller", func(t *testing.T) {
		stop := errors.New("stop")
		if err := log.Read(t.Context(), streams.Query{}, func(streams.Message) error { return stop }); err != stop {
			t.Errorf("got error %v, want the caller's own", err)
		}
	})
	t.Run("ErrNotFound", func(t *testing.T) {
		if _, err := log.At(t.Context(), 10); !errors.Is(err, domain.ErrNotFound) {
			t.Errorf("got error %v, want not found", err)
		}
	})
}

func TestLog_Follow(t *testing.T) {
	t.Parallel()
	c := streamstest.Start(t)
	log := c.POS()
	mustAppend(t, log, sales("i", 0, 3)...)
	r, err := log.Follow(t.Context(), 2)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	next := func(want domain.Position) {
		t.Helper()
		if m, err := r.Next(t.Context()); err != nil || m.Position != want {
			t.Fatalf("got position %d, %v; want %d", m.Position, err, want)
		}
	}
	next(2)
	next(3)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := r.Next(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("got error %v, want the context's", err)
	}
	mustAppend(t, log, sold("i", 3))
	next(4)
}
