package problem_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/problem"
	"github.com/tillstream/tillstream/streams"
)

func TestRoutes(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /there/{name}", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.PathValue("name")) })
	for _, tt := range []struct {
		name, method, path string
		status             int
		body               string
	}{
		{"OK", "GET", "/there/x", 200, "x"},
		{"OK redirect", "GET", "/there//x", 307, "<a href=\"/there/x\">Temporary Redirect</a>.\n\n"},
		{"ErrPath", "GET", "/nowhere", 404, `{"type":"about:blank","title":"Not Found","status":404,"detail":"there is nothing at /nowhere","hint":"/openapi.json describes what there is"}` + "\n"},
		{"ErrMethod", "PUT", "/there/x", 405, `{"type":"about:blank","title":"Method Not Allowed","status":405,"detail":"PUT is not possible at /there/x, only GET, HEAD","hint":"/openapi.json describes what there is"}` + "\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := httptest.NewRecorder()
			problem.Routes(mux).ServeHTTP(w, httptest.NewRequest(tt.method, tt.path, nil))
			if w.Code != tt.status || w.Body.String() != tt.body {
				t.Errorf("answered %d %s, want %d %s", w.Code, w.Body, tt.status, tt.body)
			}
			if kind := w.Header().Get("Content-Type"); (kind == problem.ContentType) != (tt.status >= 400) {
				t.Errorf("content type %q", kind)
			}
		})
	}
}

func TestShown(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{
		"12,50":                        "12,50",
		strings.Repeat("x", 200):       strings.Repeat("x", 200),
		strings.Repeat("x", 199) + "é": strings.Repeat("x", 199) + "…",
	} {
		if got := problem.Shown(value); got != want {
			t.Errorf("%q is shown as %q, want %q", value, got, want)
		}
	}
}

func TestFrom(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name       string
		err        error
		status     int
		detail     string
		retryAfter string
	}{
		{"OK its own", fmt.Errorf("deep: %w", problem.New(418, "short and stout")), 418, "short and stout", ""},
		{"ErrInvalid", &domain.InvalidError{Path: "data.sku", Reason: "is required"}, 422, "data.sku: is required", ""},
		{"ErrUnknownType", &domain.UnknownTypeError{Type: "x.v1"}, 422, `type: "x.v1": not an event type of this version of tillstream`, ""},
		{"ErrReusedID", &domain.ReusedIDError{ID: "a", Position: 3}, 409, `id: "a": already used by a different event at position 3; an id belongs to one event for ever`, ""},
		{"ErrConflict", fmt.Errorf("put: %w", domain.ErrConflict), 409, "put: changed meanwhile", ""},
		{"ErrNotFound", fmt.Errorf("item: %w", domain.ErrNotFound), 404, "item: not found", ""},
		{"ErrTooLarge", &http.MaxBytesError{Limit: 10}, 413, "the request body is larger than 10 bytes", ""},
		{"ErrUnavailable", &streams.UnavailableError{Reason: "no leader", Hint: "wait", RetryAfter: 1500 * time.Millisecond}, 503, "no leader; wait", "2"},
		{"ErrFull", &streams.UnavailableError{Reason: "no room", Hint: "free some", RetryAfter: time.Minute, Full: true}, 507, "no room; free some", "60"},
		{"ErrGone", &streams.UnknownOutcomeError{Err: context.Canceled}, 503, "the log did not answer in time, so the outcome is not known", "1"},
		{"ErrInternal", errors.New("password is 1234"), 500, "something went wrong inside tillstream; its log says what", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := httptest.NewRecorder()
			problem.Write(w, problem.From(tt.err))
			if w.Code != tt.status || w.Header().Get("Retry-After") != tt.retryAfter || w.Header().Get("Content-Type") != problem.ContentType {
				t.Errorf("answered %d, Retry-After %q, %q; want %d, %q", w.Code, w.Header().Get("Retry-After"), w.Header().Get("Content-Type"), tt.status, tt.retryAfter)
			}
			if got := problem.From(tt.err).Detail; got != tt.detail {
				t.Errorf("detail %q, want %q", got, tt.detail)
			}
			if strings.Contains(w.Body.String(), "1234") {
				t.Errorf("the answer tells what it should not: %s", w.Body)
			}
		})
	}
}
