package api_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tillstream/tillstream/handlers/pos/xseries/api"
)

// network answers without one, so that a test can be in a bubble of its own time.
type network func(*http.Request) *http.Response

func (n network) RoundTrip(r *http.Request) (*http.Response, error) { return n(r), r.Context().Err() }

func answer(status int, body string, headers ...string) *http.Response {
	h := http.Header{}
	for i := 0; i < len(headers); i += 2 {
		h.Set(headers[i], headers[i+1])
	}
	return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(body))}
}

func client(t *testing.T, v api.Version, token api.TokenSource, n network) *api.Client {
	t.Helper()
	c, err := api.New(api.Config{BaseURL: api.BaseURL("kiteandkeel"), Version: v, Token: token, UserAgent: "test", HTTP: &http.Client{Transport: n}})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestClient_requests is what each list is asked by, in each version.
func TestClient_requests(t *testing.T) {
	t.Parallel()
	for _, v := range api.Versions() {
		var got []string
		c := client(t, v, api.Personal("s3cret"), func(r *http.Request) *http.Response {
			b, err := io.ReadAll(r.Body)
			if err != nil {
				t.Error(err)
			}
			got = append(got, strings.TrimSpace(r.Method+" "+r.URL.String()+" "+string(b)))
			if r.Header.Get("Authorization") != "Bearer s3cret" || r.Header.Get("User-Agent") != "test" {
				t.Errorf("headers %v", r.Header)
			}
			return answer(200, "[]", "X-RateLimit-Limit", "100000")
		})
		for _, r := range []api.Resource{api.Products, api.Tombstones, api.Inventory, api.Sales, api.Consignments, api.Adjustments, api.Outlets, api.Registers} {
			if !v.Has(r) {
				continue
			}
			if _, err := c.Page(t.Context(), r, 12, 0); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := c.Lines(t.Context(), "c/1", 5); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Retailer(t.Context()); err != nil {
			t.Fatal(err)
		}
		base := "https://kiteandkeel.retail.lightspeed.app/api/" + string(v)
		inventory, adjustments := "POST "+base+`/inventory {"after":12,"size":5000,"sort_direction":"asc","include_deleted":true}`, []string{"GET " + base + "/stock_adjustments?after=12&page_size=1000"}
		if v == api.V2 {
			inventory, adjustments = "GET "+base+"/inventory?after=12&page_size=1000", nil
		}
		want := append([]string{"GET " + base + "/products?after=12&page_size=200", "GET " + base + "/products?after=12&deleted=true&page_size=200",
			inventory, "GET " + base + "/sales?after=12&page_size=200", "GET " + base + "/consignments?after=12&page_size=200"}, adjustments...)
		want = append(want, "GET "+base+"/outlets?after=12&page_size=200", "GET "+base+"/registers?after=12&page_size=200",
			"GET "+base+"/consignments/c%2F1/products?after=5&page_size=500", "GET "+base+"/retailer")
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: -want +got:\n%s", v, diff)
		}
	}
}

// TestClient_limit: no window of five minutes has more requests than it may.
func TestClient_limit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var sent []time.Time
		c := client(t, api.V202607, api.Personal("x"), func(*http.Request) *http.Response {
			sent = append(sent, time.Now())
			return answer(200, "[]", "X-RateLimit-Limit", "650")
		})
		for range 2000 {
			if _, err := c.Page(t.Context(), api.Sales, 0, 0); err != nil {
				t.Fatal(err)
			}
		}
		for i := range sent {
			n := 0
			for _, at := range sent[i:] {
				if at.Sub(sent[i]) < 5*time.Minute {
					n++
				}
			}
			if n > 650 {
				t.Fatalf("%d requests in five minutes", n)
			}
		}
		if took := sent[len(sent)-1].Sub(sent[0]); took > 17*time.Minute {
			t.Errorf("2,000 requests at 650 in five minutes took %v", took)
		}
	})
}

// TestClient_throttled: after a 429 nothing is sent before the date that it names,
// by the account's own clock.
func TestClient_throttled(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		headers []string
		want    time.Duration
	}{
		"OK a date, the clocks apart": {[]string{"Date", "Wed, 04 Mar 2026 10:00:00 GMT", "Retry-After", "Wed, 04 Mar 2026 10:01:30 GMT"}, 90 * time.Second},
		"OK seconds":                  {[]string{"Retry-After", "7"}, 7 * time.Second},
		"OK nothing":                  {nil, 30 * time.Second},
		"OK nonsense":                 {[]string{"Retry-After", "soon"}, 30 * time.Second},
		"OK in the past":              {[]string{"Date", "Wed, 04 Mar 2026 10:00:00 GMT", "Retry-After", "Wed, 04 Mar 2026 09:00:00 GMT"}, time.Second},
		"OK far too late":             {[]string{"Date", "Wed, 04 Mar 2026 10:00:00 GMT", "Retry-After", "Wed, 04 Mar 2027 09:00:00 GMT"}, api.LongestWait},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				first := true
				begun := time.Now()
				c := client(t, api.V202607, api.Personal("x"), func(*http.Request) *http.Response {
					if first {
						first = false
						return answer(429, `{"error":"Too Many Requests","message":"Rate limiting enforced"}`, tt.headers...)
					}
					return answer(200, "[]")
				})
				if _, err := c.Page(t.Context(), api.Sales, 0, 0); err != nil {
					t.Fatal(err)
				}
				if took := time.Since(begun); took < tt.want || took > tt.want+time.Second {
					t.Errorf("it took %v, want %v", took, tt.want)
				}
				if sent, throttled := c.Requests(); sent != 2 || throttled != 1 {
					t.Errorf("%d requests, %d throttled", sent, throttled)
				}
			})
		})
	}
}

// TestClient_waitEnds: a wait ends with its context.
func TestClient_waitEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := client(t, api.V202607, api.Personal("x"), func(*http.Request) *http.Response { return answer(429, "") })
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := c.Page(ctx, api.Sales, 0, 0); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the error is %v", err)
		}
	})
}

func TestClient_errors(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		status int
		body   string
		want   string
	}{
		{404, `{"error":"not found","message":"no such thing"}`, "GET /api/2026-07/sales was answered with 404 Not Found: no such thing"},
		{422, `{"error":{"code":3}}`, `GET /api/2026-07/sales was answered with 422 Unprocessable Entity: {"error":{"code":3}}`},
		{403, "<html>", "GET /api/2026-07/sales was answered with 403 Forbidden; the token lacks the scope for this list"},
		{401, "", "GET /api/2026-07/sales was answered with 401 Unauthorized; the token is not taken: make a new one, or authorise the app again"},
		{302, "", "GET /api/2026-07/sales was answered with 302 Found"},
	} {
		c := client(t, api.V202607, api.Personal("s3cret"), func(*http.Request) *http.Response { return answer(tt.status, tt.body, "Location", "http://elsewhere/") })
		if _, err := c.Page(t.Context(), api.Sales, 0, 0); err == nil || err.Error() != tt.want {
			t.Errorf("%d: %v, want %s", tt.status, err, tt.want)
		}
	}
	for _, cfg := range []api.Config{{Token: api.Personal("x")}, {BaseURL: "https://a.example"}, {BaseURL: "::", Token: api.Personal("x")}} {
		if _, err := api.New(cfg); err == nil {
			t.Errorf("%+v was taken", cfg)
		}
	}
}

// drawer keeps tokens in memory, or refuses to.
type drawer struct {
	mu     sync.Mutex
	sealed []byte
	locked error
}

func (d *drawer) Load(context.Context) ([]byte, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.sealed, nil
}

func (d *drawer) Store(_ context.Context, b []byte) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.locked == nil {
		d.sealed = b
	}
	return d.locked
}

// authority hands out tokens, each refresh token for one use.
type authority struct {
	t       *testing.T
	refresh string
	n       int
	used    []string
}

func (a *authority) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/api/1.0/token" {
		if r.Header.Get("Authorization") != fmt.Sprintf("Bearer access-%d", a.n) {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		fmt.Fprint(w, "[]")
		return
	}
	if err := r.ParseForm(); err != nil || r.URL.RawQuery != "" || r.PostForm.Get("client_id") != "our-app" || r.PostForm.Get("client_secret") != "hush" || r.PostForm.Get("grant_type") != "refresh_token" {
		a.t.Errorf("the token request is %v, %v", r.PostForm, err)
	}
	given := r.PostForm.Get("refresh_token")
	a.used = append(a.used, given)
	if given != a.refresh {
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprint(w, `{"error":"invalid_grant","refresh_token":"`+given+`"}`)
		return
	}
	a.n++
	a.refresh = fmt.Sprintf("refresh-%d", a.n)
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(map[string]any{"access_token": fmt.Sprintf("access-%d", a.n), "refresh_token": a.refresh, "expires_in": 86400, "token_type": "Bearer"}); err != nil {
		a.t.Error(err)
	}
}

func TestTokens(t *testing.T) {
	t.Parallel()
	a := &authority{t: t, refresh: "first"}
	server := httptest.NewServer(a)
	t.Cleanup(server.Close)
	kept, now := &drawer{}, time.Now()
	process := func(first string) *api.Client {
		tokens := &api.Tokens{ClientID: "our-app", ClientSecret: "hush", First: first, BaseURL: server.URL, Keep: kept, Now: func() time.Time { return now }}
		c, err := api.New(api.Config{BaseURL: server.URL, Version: api.V202607, Token: tokens, UserAgent: "test"})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	read := func(c *api.Client) error {
		_, err := c.Page(t.Context(), api.Sales, 0, 0)
		return err
	}
	c := process("first")
	if err := errors.Join(read(c), read(c)); err != nil || a.n != 1 {
		t.Fatalf("at first: %v after %d refreshs", err, a.n)
	}
	if s := string(kept.sealed); strings.Contains(s, "refresh-1") || strings.Contains(s, "access-1") {
		t.Errorf("what is kept can be read: %s", s)
	}
	// A restart goes on with what is kept, and the end of the access token brings
	// the next ones.
	c = process("first")
	now = now.Add(24 * time.Hour)
	if err := read(c); err != nil || a.n != 2 || a.used[1] != "refresh-1" {
		t.Fatalf("after a day: %v, with %v", err, a.used)
	}
	// The account takes the access token back before its time: the authority takes
	// the one only that has the newest number.
	a.n++
	if err := read(c); err != nil || a.n != 4 {
		t.Errorf("after a refusal: %v, %d", err, a.n)
	}
	// What cannot be kept is not used, and is kept before anything else is asked.
	kept.locked = errors.New("disk full")
	now = now.Add(48 * time.Hour)
	if err := read(c); err == nil || !strings.Contains(err.Error(), "not used before") {
		t.Errorf("without a place to keep them: %v", err)
	}
	n := a.n
	if err := read(c); err == nil || a.n != n {
		t.Errorf("asked again for tokens that it has: %d, %v", a.n, err)
	}
	kept.locked = nil
	if err := read(c); err != nil || a.n != n {
		t.Errorf("kept at last: %v", err)
	}
	// A new authorisation takes the place of the old one.
	a.refresh = "second"
	c = process("second")
	if err := read(c); err != nil || a.used[len(a.used)-1] != "second" {
		t.Errorf("authorised again: %v with %v", err, a.used)
	}
	// A void one is told, without the token.
	a.refresh = "another"
	c = process("refresh-x")
	if err := read(c); err == nil || !strings.Contains(err.Error(), "authorise the app again") || strings.Contains(err.Error(), "refresh-") {
		t.Errorf("void: %v", err)
	}
}
