package console_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/tillstream/tillstream/handlers/console"
	"github.com/tillstream/tillstream/handlers/ingest"
)

// TestConsole_openAPI: the document is valid, and has what is served beside the
// console.
func TestConsole_openAPI(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	(&console.Console{Version: "1", Logger: slog.New(slog.DiscardHandler), Describe: ingest.Describe}).Mount(mux)
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/openapi.json", nil))
	doc, err := openapi3.NewLoader().LoadFromData(w.Body.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate(t.Context(), openapi3.DisableExamplesValidation()); err != nil {
		t.Error(err)
	}
	for _, path := range []string{"/v1/stores/{store}/events", "/v1/stores/{store}/imports", "/v1/stores/{store}/hooks/xseries/{type}", "/v1/stores/{store}/products"} {
		if doc.Paths.Value(path) == nil {
			t.Errorf("%s is not in it", path)
		}
	}
	if doc.Components.SecuritySchemes["token"] == nil {
		t.Error("it does not say what to send with a request")
	}
}
