package simulator_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tillstream/tillstream/handlers/pos/xseries/simulator"
)

// TestGateway_ErrRefused: without a token, a User-Agent or a scope nothing is answered, in the vendor's envelope.
func TestGateway_ErrRefused(t *testing.T) {
	t.Parallel()
	w := small(t, simulator.Config{Scopes: []string{"products:read"}})
	for _, tt := range []struct {
		path   string
		header []string
		want   int
		title  string
	}{
		{"/api/2.0/products", nil, 200, ""},
		{"/api/2.0/products", []string{"Authorization", "Bearer other"}, 401, "Unauthorized"},
		{"/api/2.0/products", []string{"Authorization", "demo-personal"}, 401, "Unauthorized"},
		{"/api/2.0/products", []string{"User-Agent", ""}, 403, "Forbidden"},
		{"/api/2.0/sales", nil, 403, "Forbidden"},
		{"/api/2.0/products/x", nil, 404, "Not Found"},
		{"/api/2.0/products?after=x", nil, 400, "Bad Request"},
	} {
		got := w.do("GET", tt.path, "", tt.header...)
		var envelope struct{ Error, Message string }
		if tt.want != 200 {
			if err := json.Unmarshal([]byte(got.body), &envelope); err != nil {
				t.Fatalf("%s: %v", got.body, err)
			}
		}
		if got.status != tt.want || envelope.Error != tt.title || (envelope.Message == "") != (tt.want == 200) {
			t.Errorf("%s with %v: %d %s, want %d", tt.path, tt.header, got.status, got.body, tt.want)
		}
	}
}

// refresh trades a refresh token.
func (w *world) refresh(token string) (answer, map[string]any) {
	w.t.Helper()
	return w.trade(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}, "client_id": {"demo-client"}, "client_secret": {"demo-secret"}})
}

func (w *world) trade(form url.Values) (answer, map[string]any) {
	w.t.Helper()
	got := w.do("POST", "/api/1.0/token", form.Encode(), "Authorization", "")
	var pair map[string]any
	if err := json.Unmarshal([]byte(got.body), &pair); err != nil {
		w.t.Fatalf("%s: %v", got.body, err)
	}
	return got, pair
}

func (w *world) as(token string) int {
	w.token = token
	defer func() { w.token = "demo-personal" }()
	return w.do("GET", "/api/2.0/retailer", "").status
}

// TestToken_Refresh: a refresh token is good for one use; with the next pair the access token before is void.
func TestToken_Refresh(t *testing.T) {
	t.Parallel()
	w := small(t, simulator.Config{})
	if got := w.as("demo-access"); got != 200 {
		t.Fatal(got)
	}
	w.clock.move(24*time.Hour - time.Second)
	if got := w.as("demo-access"); got != 200 {
		t.Errorf("a second before its end: %d", got)
	}
	w.clock.move(time.Second)
	if got := w.as("demo-access"); got != 401 {
		t.Errorf("after a day: %d", got)
	}
	got, pair := w.refresh("demo-refresh")
	if got.status != 200 || pair["token_type"] != "Bearer" || pair["expires_in"] != 86400.0 || pair["domain_prefix"] != "demo" || pair["refresh_token"] == "demo-refresh" {
		t.Fatalf("%d %s", got.status, got.body)
	}
	if got := w.as(text(pair["access_token"])); got != 200 {
		t.Errorf("the new access token: %d", got)
	}
	if got, _ := w.refresh("demo-refresh"); got.status != 400 {
		t.Errorf("the refresh token a second time: %d %s", got.status, got.body)
	}
	if v := w.account.Violations(); len(v) != 1 || !strings.Contains(v[0].What, "second time") {
		t.Errorf("violations %v", v)
	}
	if got := w.as(text(pair["access_token"])); got != 200 {
		t.Errorf("the new access token after that: %d", got)
	}
	_, next := w.refresh(text(pair["refresh_token"]))
	if got := w.as(text(pair["access_token"])); got != 401 {
		t.Errorf("the access token of the pair before: %d", got)
	}
	if got := w.as(text(next["access_token"])); got != 200 {
		t.Errorf("the newest access token: %d", got)
	}
	for _, request := range w.account.Requests() {
		if strings.Contains(request.Body, "demo-secret") {
			t.Error("a secret is in the log")
		}
	}
}

// TestToken_Lost: a refresh whose answer is lost has used the token up; only a new authorisation helps, and a code is
// good for one use within ten minutes.
func TestToken_Lost(t *testing.T) {
	t.Parallel()
	w := small(t, simulator.Config{Faults: []simulator.Fault{{Match: "POST /token", Kind: simulator.CloseAfterCommit, Count: 1}}})
	form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {"demo-refresh"}, "client_id": {"demo-client"}, "client_secret": {"demo-secret"}}
	if got := w.do("POST", "/api/1.0/token", form.Encode()); got.status != 0 {
		t.Fatalf("%d %s", got.status, got.body)
	}
	if got, _ := w.refresh("demo-refresh"); got.status != 400 {
		t.Errorf("the token that was used up: %d", got.status)
	}
	code := w.account.Authorize()
	grant := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "client_id": {"demo-client"}, "client_secret": {"demo-secret"}}
	got, pair := w.trade(grant)
	if got.status != 200 || w.as(text(pair["access_token"])) != 200 {
		t.Errorf("a code: %d %s", got.status, got.body)
	}
	if got, _ := w.trade(grant); got.status != 400 {
		t.Errorf("a code a second time: %d", got.status)
	}
	grant.Set("code", w.account.Authorize())
	w.clock.move(10*time.Minute + time.Second)
	if got, _ := w.trade(grant); got.status != 400 {
		t.Errorf("a code after ten minutes: %d", got.status)
	}
	grant.Set("client_secret", "other")
	if got, _ := w.trade(grant); got.status != 401 {
		t.Errorf("a wrong secret: %d", got.status)
	}
	grant.Set("client_secret", "demo-secret")
	grant.Set("grant_type", "password")
	if got, _ := w.trade(grant); got.status != 400 {
		t.Errorf("another grant: %d", got.status)
	}
}

// TestRate: 300 requests a register and 50 in five minutes, for the app and for people each; then 429 with a date.
func TestRate(t *testing.T) {
	t.Parallel()
	w := small(t, simulator.Config{Outlets: 1})
	ask := func() answer { return w.do("GET", "/api/2.0/retailer", "") }
	for i := range 350 {
		got := ask()
		if got.status != 200 || got.header.Get("X-RateLimit-Limit") != "350" || got.header.Get("X-RateLimit-Remaining") != fmt.Sprint(349-i) {
			t.Fatalf("request %d: %d %v", i+1, got.status, got.header)
		}
		w.clock.move(100 * time.Millisecond)
	}
	got := ask()
	if got.status != 429 || got.body != `{"error":"Too Many Requests","message":"Rate limiting enforced"}` {
		t.Fatalf("%d %s", got.status, got.body)
	}
	until, err := time.Parse(time.RFC1123, got.header.Get("Retry-After"))
	if err != nil {
		t.Fatal(err)
	}
	if left := until.Sub(w.clock.Now()); left != 5*time.Minute-35*time.Second {
		t.Errorf("it says to wait until %v, which is %v away", until, left)
	}
	if got := w.as("demo-access"); got != 200 {
		t.Errorf("the app has a window of its own: %d", got)
	}
	w.clock.move(until.Sub(w.clock.Now()) - time.Second)
	if got := ask(); got.status != 429 {
		t.Errorf("a second before: %d", got.status)
	}
	w.clock.move(time.Second)
	if got := ask(); got.status != 200 {
		t.Errorf("at the date: %d", got.status)
	}
	if v := w.account.Violations(); len(v) != 1 || !strings.Contains(v[0].What, "Retry-After") {
		t.Errorf("violations %v", v)
	}
}

// TestFaults: each kind of fault does what it says, as often as it says.
func TestFaults(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		fault string
		want  func(answer) bool
	}{
		{`{"kind":"status","status":502,"count":1}`, func(a answer) bool { return a.status == 502 && strings.Contains(a.body, `"message"`) }},
		{`{"kind":"html","status":503,"count":1}`, func(a answer) bool { return a.status == 503 && strings.HasPrefix(a.body, "<html>") }},
		{`{"kind":"closeBeforeCommit","count":1}`, func(a answer) bool { return a.status == 0 }},
		{`{"kind":"closeAfterCommit","count":1}`, func(a answer) bool { return a.status == 0 }},
		{`{"kind":"truncate","count":1}`, func(a answer) bool { return a.status == 200 && strings.HasSuffix(a.body, "unexpected EOF") }},
		{`{"kind":"notJSON","count":1}`, func(a answer) bool { return a.status == 200 && strings.HasPrefix(a.body, "<!doctype") }},
		{`{"match":"GET /retailer","kind":"status","status":500,"count":1}`, func(a answer) bool { return a.status == 500 }},
		{`{"match":"* /retail*","kind":"status","status":500,"count":1}`, func(a answer) bool { return a.status == 500 }},
		{`{"match":"GET /products","kind":"status","status":500,"count":1}`, func(a answer) bool { return a.status == 200 }},
		{`{"match":"POST /retailer","kind":"status","status":500,"count":1}`, func(a answer) bool { return a.status == 200 }},
		{`{"kind":"status","status":500,"skip":1,"count":1}`, func(a answer) bool { return a.status == 200 }},
	} {
		w := small(t, simulator.Config{})
		if got := w.do("POST", "/control/faults", tt.fault); got.status != 200 {
			t.Fatalf("%s: %s", tt.fault, got.body)
		}
		if got := w.do("GET", "/api/2.0/retailer", ""); !tt.want(got) {
			t.Errorf("%s: %d %s", tt.fault, got.status, got.body)
		}
		w.account.Heal()
		if got := w.do("GET", "/api/2.0/retailer", ""); got.status != 200 {
			t.Errorf("%s, healed: %d %s", tt.fault, got.status, got.body)
		}
	}
	for _, bad := range []string{`{"kind":"other"}`, `{"kind":"status"}`, `{"kind":"slow"}`, `{"kind":"hang","match":"GET"}`, `{"kind":"hang","match":"GET /["}`, `{"kind":"hang","probability":2}`, `{"kind":"hang","count":-1}`, `{"kind":"hang","untill":1}`, `503`} {
		w := small(t, simulator.Config{})
		if got := w.do("POST", "/control/faults", bad); got.status != 400 {
			t.Errorf("%s: %d %s", bad, got.status, got.body)
		}
	}
}

// TestFaults_Waiting: what hangs is let go of when the account is healed, and what is slow takes effect later.
func TestFaults_Waiting(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := simulator.New(simulator.Config{Items: 12, Faults: []simulator.Fault{
			{Kind: simulator.Slow, Delay: 20 * time.Second, Count: 1}, {Kind: simulator.Hang},
		}})
		ask := func() (int, time.Duration) {
			began := time.Now()
			r, err := http.NewRequestWithContext(t.Context(), "GET", "https://demo.retail.example/api/2.0/retailer", nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Authorization", "Bearer demo-personal")
			r.Header.Set("User-Agent", "test")
			got, err := a.Client().Do(r)
			if err != nil {
				return 0, time.Since(began)
			}
			return got.StatusCode, time.Since(began)
		}
		if status, took := ask(); status != 200 || took != 20*time.Second {
			t.Errorf("a slow request: %d after %v", status, took)
		}
		time.AfterFunc(time.Hour, a.Heal)
		if status, took := ask(); status != 0 || took != time.Hour {
			t.Errorf("a request that hangs: %d after %v", status, took)
		}
		a.Down(true)
		if status, _ := ask(); status != 503 {
			t.Errorf("an account that is down: %d", status)
		}
	})
}

// TestWrites: an app that writes is noticed, whatever it writes but webhooks.
func TestWrites(t *testing.T) {
	t.Parallel()
	w := small(t, simulator.Config{})
	w.do("POST", "/api/2026-07/inventory", "")
	w.do("POST", "/api/2026-07/inventory_levels", "")
	w.do("POST", "/api/2026-07/webhooks", `{"active":true,"type":"sale.update","url":"https://receiver.example/"}`)
	if v := w.account.Violations(); len(v) != 0 {
		t.Errorf("reading is noted: %v", v)
	}
	w.do("POST", "/api/2026-07/stock_adjustments", "")
	w.do("DELETE", "/api/2026-07/products/"+w.add("W-1", 0), "")
	if v := w.account.Violations(); len(v) != 2 {
		t.Errorf("violations %v, want 2", v)
	}
}
