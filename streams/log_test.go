package streams_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

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
