package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tillstream/tillstream/handlers/problem"
)

// served returns a client of a handler, over the network and within the process.
func eachWay(t *testing.T, h http.HandlerFunc, test func(t *testing.T, to *client)) {
	t.Helper()
	t.Run("OverTheNetwork", func(t *testing.T) {
		t.Parallel()
		server := httptest.NewServer(h)
		t.Cleanup(server.Close)
		to := newClient(server.URL, "s3cret")
		t.Cleanup(to.http.CloseIdleConnections)
		test(t, to)
	})
	t.Run("InProcess", func(t *testing.T) {
		t.Parallel()
		to, end := inMemory(h, "s3cret")
		test(t, to)
		if err := end(); err != nil {
			t.Errorf("ending: %v", err)
		}
	})
}

func TestClient_Get(t *testing.T) {
	t.Parallel()
	eachWay(t, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `{"token":%q,"path":%q}`, r.Header.Get("Authorization"), r.URL.EscapedPath())
	}, func(t *testing.T, to *client) {
		var got struct{ Token, Path string }
		store := &storeClient{to, "harbour"}
		if err := to.get(t.Context(), store.path("products", "A/1 ?#é"), nil, &got); err != nil {
			t.Fatal(err)
		}
		if want := "/v1/stores/harbour/products/A%2F1%20%3F%23%C3%A9"; got.Token != "Bearer s3cret" || got.Path != want {
			t.Errorf("got %+v, want the token and %s", got, want)
		}
	})
}

// TestClient_Lines: a line is heard as soon as it is sent, while the request's body
// is still being written.
func TestClient_Lines(t *testing.T) {
	t.Parallel()
	eachWay(t, func(w http.ResponseWriter, r *http.Request) {
		control := http.NewResponseController(w)
		_ = control.EnableFullDuplex()
		w.WriteHeader(http.StatusOK)
		_ = control.Flush()
		for b := make([]byte, 1); ; {
			if _, err := io.ReadFull(r.Body, b); err != nil {
				return
			}
			fmt.Fprintf(w, "{\"got\":%q}\n", b)
			_ = control.Flush()
		}
	}, func(t *testing.T, to *client) {
		body, write := io.Pipe()
		next := make(chan string, 1)
		next <- "a"
		go func() {
			for s := range next {
				io.WriteString(write, s)
			}
			write.Close()
		}()
		var got []string
		err := to.lines(t.Context(), call{http.MethodPost, "/", nil, "text/plain", body}, func(line json.RawMessage) error {
			got = append(got, string(line))
			if len(got) < 3 {
				next <- string(rune('a' + len(got))) // only now: the answer before was heard
			} else {
				close(next)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{`{"got":"a"}`, `{"got":"b"}`, `{"got":"c"}`}, got); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	})
}

func TestClient_Errors(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name       string
		answer     http.HandlerFunc
		want, hint string
	}{
		{"ErrProblem", func(w http.ResponseWriter, _ *http.Request) {
			d := problem.New(http.StatusConflict, "the product is busy").WithHint("tillstream status")
			d.Errors = []problem.Field{{Location: "data.sku", Message: "must be there"}}
			problem.Write(w, d)
		}, "the product is busy; data.sku: must be there", "tillstream status"},
		{"ErrSomebodyElse", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "<html>", http.StatusBadGateway) }, "answered 502 Bad Gateway, and not as tillstream does", "--server"},
		{"ErrCutOff", func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprintln(w, `{"id":"1"}`)
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}, "the answer was cut off", "the same command again"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			eachWay(t, tt.answer, func(t *testing.T, to *client) {
				err := to.lines(t.Context(), call{method: http.MethodGet, path: "/"}, func(json.RawMessage) error { return nil })
				if err == nil || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("got %v, want %q", err, tt.want)
				}
				if hint := hintOf(err); !strings.Contains(hint, tt.hint) {
					t.Errorf("the hint is %q, want %q", hint, tt.hint)
				}
			})
		})
	}
	t.Run("ErrNobodyThere", func(t *testing.T) {
		t.Parallel()
		server := httptest.NewServer(http.NotFoundHandler())
		server.Close()
		err := newClient(server.URL, "").get(t.Context(), "/status.json", nil, new(any))
		if err == nil || !strings.Contains(err.Error(), "does not answer") || hintOf(err) == "" {
			t.Errorf("got %v, hint %q; want that it does not answer, and a hint", err, hintOf(err))
		}
	})
	t.Run("ErrInterrupted", func(t *testing.T) {
		t.Parallel()
		eachWay(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, func(t *testing.T, to *client) {
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			if err := to.get(ctx, "/", nil, new(any)); !errors.Is(err, context.Canceled) {
				t.Errorf("got %v, want that it was canceled", err)
			}
		})
	})
}

func TestStoreClient_EachPage(t *testing.T) {
	t.Parallel()
	var asked []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.RawQuery)
		if r.URL.Query().Get("after") == "" {
			fmt.Fprint(w, `{"products":[{"product":"a"},{"product":"b"}],"next":"b"}`)
			return
		}
		fmt.Fprint(w, `{"products":[{"product":"c"}]}`)
	}))
	defer server.Close()
	var got []string
	_, err := (&storeClient{newClient(server.URL, ""), "s"}).eachPage(t.Context(), url.Values{"state": {"pending"}}, 0, func(page []json.RawMessage) error {
		for _, p := range page {
			got = append(got, string(p))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{`{"product":"a"}`, `{"product":"b"}`, `{"product":"c"}`}, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if diff := cmp.Diff([]string{"limit=1000&state=pending", "after=b&limit=1000&state=pending"}, asked); diff != "" {
		t.Errorf("asked, -want +got:\n%s", diff)
	}
}

func TestExplain(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		err  error
		want string
		code int
	}{
		{"Hint", withHint(errors.New("no disk left"), "df -h"), "tillstream: no disk left\ntry: df -h\n", exitFailed},
		{"Misuse", withHint(misuse("unknown flag"), "--help"), "tillstream: unknown flag\ntry: --help\n", exitMisuse},
		{"Settings", &ConfigError{Problems: []Problem{{Where: "--http", Value: `"x"`, Expected: "must be host:port"}}}, "tillstream: settings: --http \"x\": must be host:port\n", exitMisuse},
		{"Interrupted", fmt.Errorf("reading: %w", context.Canceled), "tillstream: interrupted\n", exitFailed},
		{"TerminalSequences", errors.New("name \x1b[31m\x07\u009b"), "tillstream: name �[31m��\n", exitFailed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var b bytes.Buffer
			explain(&b, tt.err)
			if got := b.String(); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			if got := exitCode(tt.err); got != tt.code {
				t.Errorf("exit code %d, want %d", got, tt.code)
			}
		})
	}
}
