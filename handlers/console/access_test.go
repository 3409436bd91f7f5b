package console_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/tillstream/tillstream/handlers/console"
)

func TestAuthenticate(t *testing.T) {
	t.Parallel()
	reached := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	guarded := console.Authenticate("secret", "look into DATA/api-token", reached)
	for _, tt := range []struct {
		name, method, path, header string
		want                       int
	}{
		{"OK", "POST", "/v1/stores/a/events", "Bearer secret", 418},
		{"OK open status", "GET", "/status.json", "", 418},
		{"OK open schema", "GET", "/v1/schemas/pos.item.sold.v1", "", 418},
		{"OK open webhook", "POST", "/v1/stores/a/hooks/xseries/sale.update", "", 418},
		{"ErrWebhookRead", "GET", "/v1/stores/a/hooks/xseries/sale.update", "", 401},
		{"ErrWebhookDots", "POST", "/v1/stores/a/hooks/xseries/../../events", "", 401},
		{"ErrWebhookDeep", "POST", "/v1/stores/a/hooks/xseries/b/c", "", 401},
		{"ErrWebhookShallow", "POST", "/v1/stores/a/hooks/xseries", "", 401},
		{"ErrNone", "POST", "/v1/stores/a/events", "", 401},
		{"ErrWrong", "POST", "/v1/stores/a/events", "Bearer Secret", 401},
		{"ErrEmpty", "POST", "/v1/stores/a/events", "Bearer ", 401},
		{"ErrOtherScheme", "POST", "/v1/stores/a/events", "Basic secret", 401},
		{"ErrLonger", "GET", "/v1/stores/a/products", "Bearer secretsecret", 401},
		{"ErrSchemaWrite", "POST", "/v1/schemas", "", 401},
		{"ErrDoubleSlash", "GET", "//v1/stores/a/products", "", 401},
		{"ErrDotsFromOutside", "GET", "/metrics/../v1/stores/a/products", "", 401},
		{"ErrDots", "GET", "/v1/schemas/../stores/a/products", "", 401},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequest(tt.method, tt.path, nil)
			if tt.header != "" {
				r.Header.Set("Authorization", tt.header)
			}
			w := httptest.NewRecorder()
			guarded.ServeHTTP(w, r)
			if w.Code != tt.want {
				t.Errorf("answered %d, want %d", w.Code, tt.want)
			}
			if w.Code == 401 && (w.Header().Get("WWW-Authenticate") == "" || strings.Contains(w.Body.String(), "secret")) {
				t.Errorf("the refusal has the headers %v and says %s", w.Header(), w.Body)
			}
		})
	}
}

func TestLoopbackOnly(t *testing.T) {
	t.Parallel()
	guarded := console.LoopbackOnly(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }))
	for host, want := range map[string]int{
		"127.0.0.1:8080": 418, "localhost:8080": 418, "[::1]:8080": 418, "127.0.0.1": 418,
		"evil.example": 421, "evil.example:8080": 421, "10.0.0.1:8080": 421, "127.0.0.1.evil.example": 421,
	} {
		r := httptest.NewRequest("GET", "/status.json", nil)
		r.Host = host
		w := httptest.NewRecorder()
		guarded.ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("host %q: answered %d, want %d", host, w.Code, want)
		}
	}
}
