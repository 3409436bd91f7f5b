package console

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/tillstream/tillstream/handlers/problem"
)

// An answer of lines says at its end what broke it off, and nothing where it was
// whole or the caller was sent away.
func TestConsole_lines(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		err  error
		want string
	}{
		"OK":            {nil, `{"id":"a"}` + "\n"},
		"OKSentAway":    {context.Canceled, `{"id":"a"}` + "\n"},
		"ErrOfAProblem": {problem.New(http.StatusConflict, "BigCommerce is away"), `{"id":"a"}` + "\n" + `{"problem":{"type":"about:blank","title":"Conflict","status":409,"detail":"BigCommerce is away"}}` + "\n"},
		"ErrOfOurOwn": {errors.New("secret"), `{"id":"a"}` + "\n" + `{"problem":{"type":"about:blank","title":"Internal Server Error","status":500,` +
			`"detail":"something went wrong inside tillstream; its log says what","hint":"look at the output of tillstream up"}}` + "\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := &Console{Logger: slog.New(slog.DiscardHandler)}
			mux := http.NewServeMux()
			api := humago.New(mux, huma.DefaultConfig("test", "1"))
			registerLines(c, api, "/letters", "Letters", "One a line.", schemaOf[requeued](api), func(context.Context, *struct{}) (*huma.StreamResponse, error) {
				return c.lines("letters", func(write func(any) error) error {
					if err := write(map[string]string{"id": "a"}); err != nil {
						t.Error(err)
					}
					return tt.err
				}), nil
			})
			w := httptest.NewRecorder()
			mux.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/letters", nil))
			if got := w.Body.String(); w.Code != http.StatusOK || w.Header().Get("Content-Type") != ndjson || got != tt.want {
				t.Errorf("%d %s:\n%s\nwant:\n%s", w.Code, w.Header().Get("Content-Type"), got, tt.want)
			}
			w = httptest.NewRecorder()
			mux.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/openapi.json", nil))
			if !strings.Contains(w.Body.String(), `"application/x-ndjson":{"schema":{"$ref":"#/components/schemas/Requeued"}}`) {
				t.Errorf("the document does not describe the lines: %s", w.Body)
			}
		})
	}
}
