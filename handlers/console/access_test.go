package console_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/tillstream/tillstream/handlers/console"
	"github.com/tillstream/tillstream/streams/streamstest"
)

func TestGuard(t *testing.T) {
	t.Parallel()
	tokens := console.NewTokens(streamstest.Start(t).Control())
	sent := map[console.Role]string{}
	for _, role := range []console.Role{console.RolePublish, console.RoleRead, console.RoleAdmin} {
		_, token, err := tokens.Make(t.Context(), "a", role, "", time.Now())
		if err != nil {
			t.Fatal(err)
		}
		sent[role] = token
	}
	gone, revoked, err := tokens.Make(t.Context(), "a", console.RoleAdmin, "", time.Now())
	if err == nil {
		_, err = tokens.Revoke(t.Context(), "a", gone.ID, time.Now())
	}
	if err != nil {
		t.Fatal(err)
	}
	publish, read, admin := sent[console.RolePublish], sent[console.RoleRead], sent[console.RoleAdmin]
	reached := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	guard := console.Guard{Master: "secret", Tokens: tokens, Hint: "look into DATA/api-token", Logger: slog.New(slog.DiscardHandler)}
	guarded := guard.Protect(reached)
	for _, tt := range []struct {
		name, method, path, bearer string
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
		{"OK publish events", "POST", "/v1/stores/a/events", "Bearer " + publish, 418},
		{"OK publish imports", "POST", "/v1/stores/a/imports", "Bearer " + publish, 418},
		{"OK read", "GET", "/v1/stores/a/products/x/history", "Bearer " + read, 418},
		{"OK admin reads", "GET", "/v1/stores/a/products", "Bearer " + admin, 418},
		{"OK admin publishes", "POST", "/v1/stores/a/events", "Bearer " + admin, 418},
		{"OK admin pushes", "POST", "/v1/stores/a/push", "Bearer " + admin, 418},
		{"OK admin lists tokens", "GET", "/v1/stores/a/tokens", "Bearer " + admin, 418},

		{"ErrNone", "POST", "/v1/stores/a/events", "", 401},
		{"ErrWrong", "POST", "/v1/stores/a/events", "Bearer Secret", 401},
		{"ErrEmpty", "POST", "/v1/stores/a/events", "Bearer ", 401},
		{"ErrOtherScheme", "POST", "/v1/stores/a/events", "Basic secret", 401},
		{"ErrLonger", "GET", "/v1/stores/a/products", "Bearer secretsecret", 401},
		{"ErrSchemaWrite", "POST", "/v1/schemas", "", 401},
		{"ErrDoubleSlash", "GET", "//v1/stores/a/products", "", 401},
		{"ErrDotsFromOutside", "GET", "/metrics/../v1/stores/a/products", "", 401},
		{"ErrDots", "GET", "/v1/schemas/../stores/a/products", "", 401},
		{"ErrDotsWithinStore", "GET", "/v1/stores/a/../b/products", "Bearer " + read, 401},
		{"ErrRevoked", "GET", "/v1/stores/a/products", "Bearer " + revoked, 401},
		{"ErrCut", "GET", "/v1/stores/a/products", "Bearer " + read[:len(read)-1], 401},
		{"ErrOtherSecret", "GET", "/v1/stores/a/products", "Bearer " + read[:strings.Index(read, ".")] + publish[strings.Index(publish, "."):], 401},
		{"ErrOtherStore", "GET", "/v1/stores/b/products", "Bearer " + read, 401},
		{"ErrOfNoStore", "GET", "/v1/deadletters", "Bearer " + admin, 401},
		{"ErrDigest", "GET", "/v1/digest", "Bearer " + admin, 401},
		{"ErrExport", "GET", "/v1/export", "Bearer " + admin, 401},
		{"ErrVerify", "POST", "/v1/verify", "Bearer " + admin, 401},
		{"ErrRebuild", "POST", "/v1/rebuild", "Bearer " + admin, 401},
		{"OK read replays", "GET", "/v1/stores/a/replay", "Bearer " + read, 418},
		{"ErrReplayOtherStore", "GET", "/v1/stores/b/replay", "Bearer " + admin, 401},
		{"ErrPublishReads", "GET", "/v1/stores/a/products", "Bearer " + publish, 403},
		{"ErrPublishPushes", "POST", "/v1/stores/a/push", "Bearer " + publish, 403},
		{"ErrReadPublishes", "POST", "/v1/stores/a/events", "Bearer " + read, 403},
		{"ErrReadUnlinks", "DELETE", "/v1/stores/a/links/x", "Bearer " + read, 403},
		{"ErrReadListsTokens", "GET", "/v1/stores/a/tokens", "Bearer " + read, 403},
		{"ErrReadRevokes", "DELETE", "/v1/stores/a/tokens/x", "Bearer " + read, 403},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequest(tt.method, tt.path, nil)
			if tt.bearer != "" {
				r.Header.Set("Authorization", tt.bearer)
			}
			w := httptest.NewRecorder()
			guarded.ServeHTTP(w, r)
			if w.Code != tt.want {
				t.Errorf("answered %d, want %d", w.Code, tt.want)
			}
			if (w.Code == 401) != (w.Header().Get("WWW-Authenticate") != "") || strings.Contains(w.Body.String(), "secret") || strings.Contains(w.Body.String(), "till_") {
				t.Errorf("the refusal has the headers %v and says %s", w.Header(), w.Body)
			}
		})
	}
}

// What is kept of a token does not let anybody bear it.
func TestTokens_hashed(t *testing.T) {
	t.Parallel()
	tokens := console.NewTokens(streamstest.Start(t).Control())
	made, sent, err := tokens.Make(t.Context(), "a", console.RoleRead, "till", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	kept, err := tokens.List(t.Context(), "a")
	if err != nil || len(kept) != 1 || kept[0].ID != made.ID || kept[0].Name != "till" {
		t.Fatalf("kept %+v, %v, want the token", kept, err)
	}
	_, secret, _ := strings.Cut(sent, ".")
	if len(secret) < 43 || strings.Contains(string(kept[0].Hash), secret) {
		t.Errorf("the hash %q holds the secret, or the secret %q is short", kept[0].Hash, secret)
	}
	if got, err := tokens.Check(t.Context(), "a", sent); err != nil || got.ID != made.ID {
		t.Errorf("checked as %+v, %v, want the token", got, err)
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

// TestGuard_rate: the bearer of a token that asks too often is told when to come back,
// and nobody else is.
func TestGuard_rate(t *testing.T) {
	t.Parallel()
	tokens := console.NewTokens(streamstest.Start(t).Control())
	var sent []string
	for range 2 {
		_, token, err := tokens.Make(t.Context(), "a", console.RoleRead, "", time.Now())
		if err != nil {
			t.Fatal(err)
		}
		sent = append(sent, token)
	}
	guard := console.Guard{Master: "secret", Tokens: tokens, MostPerSecond: 1, Logger: slog.New(slog.DiscardHandler)}
	guarded := guard.Protect(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }))
	ask := func(bearer string) *httptest.ResponseRecorder {
		w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/v1/stores/a/products", nil)
		r.Header.Set("Authorization", "Bearer "+bearer)
		guarded.ServeHTTP(w, r)
		return w
	}
	refused := 0
	for range 20 { // however slow the machine is, not one a second
		w := ask(sent[0])
		if w.Code == http.StatusTooManyRequests {
			refused++
			if after := w.Header().Get("Retry-After"); after != "1" || !strings.Contains(w.Body.String(), "the token has sent more than 1 requests a second") {
				t.Errorf("Retry-After %q, %s", after, w.Body)
			}
		}
	}
	if refused == 0 {
		t.Error("nothing was refused")
	}
	for _, bearer := range []string{sent[1], "secret", "secret", "secret"} {
		if w := ask(bearer); w.Code != http.StatusTeapot {
			t.Errorf("another: %d %s", w.Code, w.Body)
		}
	}
}
