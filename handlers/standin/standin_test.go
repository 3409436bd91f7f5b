package standin_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tillstream/tillstream/handlers/standin"
)

// A handler that is called without a network shows what one on a network would.
func TestClient(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	mux.HandleFunc("/whole", func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, r.Body) })
	mux.HandleFunc("/closed", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "never leaves")
		panic(http.ErrAbortHandler)
	})
	mux.HandleFunc("/cut", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "half")
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	})
	mux.HandleFunc("/streamed", func(w http.ResponseWriter, _ *http.Request) { standin.Stream(w, strings.NewReader("piece by piece")) })
	mux.HandleFunc("/unreached", func(w http.ResponseWriter, _ *http.Request) {
		standin.Reach(w, false)
		panic(http.ErrAbortHandler)
	})
	mux.HandleFunc("/reached", func(w http.ResponseWriter, _ *http.Request) { standin.Reach(w, true) })
	client := standin.Client(mux)
	for _, tt := range []struct {
		path, body    string
		fails, cut    bool
		headersLeft   bool
		errorContains string
	}{
		{path: "whole", body: "sent"},
		{path: "closed", fails: true, errorContains: "connection closed"},
		{path: "cut", body: "half", cut: true},
		{path: "streamed", body: "piece by piece"},
		{path: "unreached", fails: true, errorContains: "dial"},
		{path: "reached", headersLeft: true},
	} {
		t.Run(tt.path, func(t *testing.T) {
			t.Parallel()
			left := false
			ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{WroteHeaders: func() { left = true }})
			r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://anywhere/"+tt.path, strings.NewReader("sent"))
			if err != nil {
				t.Fatal(err)
			}
			answer, err := client.Do(r)
			if (err != nil) != tt.fails || err != nil && !strings.Contains(err.Error(), tt.errorContains) {
				t.Fatalf("the request ends with %v, want an error: %v", err, tt.fails)
			}
			if left != tt.headersLeft {
				t.Errorf("headers left: %v, want %v", left, tt.headersLeft)
			}
			if err != nil {
				return
			}
			defer answer.Body.Close()
			body, err := io.ReadAll(answer.Body)
			if string(body) != tt.body || (err != nil) != tt.cut {
				t.Errorf("the body is %q, %v, want %q, cut off: %v", body, err, tt.body, tt.cut)
			}
		})
	}
}

func TestClient_cancelled(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	client := standin.Client(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		cancel()
		panic(http.ErrAbortHandler)
	}))
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://anywhere/", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.Do(r); !errors.Is(err, context.Canceled) {
		t.Errorf("a request whose caller has gone ends with %v", err)
	}
}

func TestQueue(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 11, 1, 9, 0, 0, 0, time.UTC)
	q := standin.NewQueue[string]()
	if _, ok := q.Pop(start); ok || !q.Next().IsZero() {
		t.Error("something is due in an empty queue")
	}
	for i, what := range []string{"late", "first", "second", "early"} {
		q.Push(what, start.Add([]time.Duration{3, 2, 2, 1}[i]*time.Second))
	}
	select {
	case <-q.Changed():
	default:
		t.Error("nobody is told of what was pushed")
	}
	if _, ok := q.Pop(start); ok || !q.Next().Equal(start.Add(time.Second)) || q.Len() != 4 {
		t.Errorf("next is due at %s of %d, want the first of 4 in a second", q.Next(), q.Len())
	}
	var got []string
	for what, ok := q.Pop(start.Add(2 * time.Second)); ok; what, ok = q.Pop(start.Add(2 * time.Second)) {
		got = append(got, what)
	}
	if want := []string{"early", "first", "second"}; !slices.Equal(got, want) {
		t.Errorf("due are %v, want %v", got, want)
	}
}

func TestRecent(t *testing.T) {
	t.Parallel()
	for limit, want := range map[int][]int{0: {1, 2, 3, 4, 5, 6, 7}, 2: {6, 7}} {
		r := standin.Recent[int]{Limit: limit}
		for i := range 7 {
			r.Add(i + 1)
		}
		if got := r.Newest(); !slices.Equal(got, want) {
			t.Errorf("of at most %d are kept %v, want %v", limit, got, want)
		}
	}
}

func TestClock_Within(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		clock := standin.Clock{Now: time.Now, After: time.After}
		if status, err := clock.Within(t.Context(), time.Second, func(context.Context) (int, error) { return 200, nil }); status != 200 || err != nil {
			t.Errorf("a quick call ends with %d, %v", status, err)
		}
		begin := time.Now()
		_, err := clock.Within(t.Context(), time.Second, func(ctx context.Context) (int, error) {
			<-ctx.Done()
			return 0, ctx.Err()
		})
		if took := time.Since(begin); !errors.Is(err, standin.ErrTimeout) || took != time.Second {
			t.Errorf("a call that hangs ends with %v after %s, want a timeout after 1s", err, took)
		}
	})
}

func TestReadObject(t *testing.T) {
	t.Parallel()
	type settings struct {
		Wait time.Duration `json:"wait"`
		Name string        `json:"name,omitzero"`
		Own  int           `json:"-"`
	}
	for body, want := range map[string]struct {
		got settings
		err string
	}{
		`{"wait":"30s"}`:          {got: settings{Wait: 30 * time.Second, Name: "kept", Own: 1}},
		`{"wait":5,"name":"new"}`: {got: settings{Wait: 5, Name: "new", Own: 1}},
		`{"wiat":"30s"}`:          {err: `field "wiat" is unknown: want some of name, wait`},
		`{"wait":"soon"}`:         {err: `field "wait": `},
		`{"Own":7}`:               {err: `field "Own" is unknown`},
		`[]`:                      {err: "want a JSON object"},
	} {
		got := settings{Wait: time.Hour, Name: "kept", Own: 1}
		err := standin.ReadObject([]byte(body), &got)
		if want.err != "" {
			if err == nil || !strings.Contains(err.Error(), want.err) {
				t.Errorf("%s: %v, want %q", body, err, want.err)
			}
			continue
		}
		if err != nil || got != want.got {
			t.Errorf("%s: %+v, %v, want %+v", body, got, err, want.got)
		}
	}
	shown := standin.ShowObject(settings{Wait: time.Minute})
	if shown["wait"] != "1m0s" || len(shown) != 1 {
		t.Errorf("shown as %v, want the wait alone, as text", shown)
	}
}
