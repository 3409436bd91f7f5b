package main

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// account makes a request of a simulated account, and returns the reply and its body.
func (s *simulated) account(method, path, body string) (*http.Response, string) {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), method, s.exported["API"]+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+s.exported["TOKEN"])
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer answer.Body.Close()
	raw, err := io.ReadAll(answer.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return answer, string(raw)
}

// TestSimulatePOS: the account is what its flags say, tells a shell how to reach
// it, and ends when it is asked to.
func TestSimulatePOS(t *testing.T) {
	t.Parallel()
	s := simulateWhat(t, "pos", "XSERIES", "--items", "40", "--outlets", "3", "--tax-exclusive", "--rate", "0", "--rate-limit", "20", "--page-size", "5", "--quirks", "0",
		"--scope", "products:read,retailer:read,inventory:read", "--client-secret", "s3cret", "--seed", "4", "--hook-loss", "0.25",
		"--fault", `{"match":"GET /outlets","kind":"status","status":502}`)
	if s.exported["TOKEN"] != "t0ken" || s.exported["CLIENT_SECRET"] != "s3cret" {
		t.Fatalf("exported %v", s.exported)
	}
	answer, body := s.account("GET", "/api/2026-07/products", "")
	if got := strings.Count(body, `"variant_parent_id"`); answer.StatusCode != http.StatusOK || got != 5 || answer.Header.Get("X-RateLimit-Limit") != "20" {
		t.Errorf("%s with %d products on a page: %v", answer.Status, got, answer.Header)
	}
	if _, body := s.account("GET", "/api/2.0/retailer", ""); !strings.Contains(body, `"tax_exclusive":true`) {
		t.Errorf("the retailer is %s", body)
	}
	for path, want := range map[string]int{"/api/2.0/sales": http.StatusForbidden, "/api/2.0/outlets": http.StatusBadGateway} {
		if got, _ := s.account("GET", path, ""); got.StatusCode != want {
			t.Errorf("%s: %s, want %d", path, got.Status, want)
		}
	}
	if _, body := s.account("GET", "/control/settings", ""); !strings.Contains(body, `"hook_loss":0.25`) || !strings.Contains(body, `"quirks":0,`) {
		t.Errorf("the settings are %s", body)
	}
	if _, body := s.account("GET", "/control/outlets", ""); !strings.Contains(body, "Harbour Kiosk") {
		t.Errorf("the outlets are %s", body)
	}
	code, said := s.stop()
	if code != exitDone || !strings.Contains(said, "at Quayside, Mill Lane, Harbour Kiosk") {
		t.Errorf("exit code %d, want 0; it said:\n%s", code, said)
	}
}

// TestSimulatePOS_Week: a week is played with the dates of the week before, its
// hooks come signed below the URL that was given, and the books are what the API
// shows in the end.
func TestSimulatePOS_Week(t *testing.T) {
	t.Parallel()
	types := make(chan string, 10_000)
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		raw, err := io.ReadAll(r.Body)
		mac := hmac.New(sha256.New, []byte("s3cret"))
		mac.Write(raw)
		if err != nil || !strings.Contains(r.Header.Get("X-Signature"), hex.EncodeToString(mac.Sum(nil))) {
			t.Errorf("a hook is signed %s: %v", r.Header.Get("X-Signature"), err)
		}
		types <- strings.TrimPrefix(r.URL.Path, "/hooks/xseries/")
	}))
	defer receiver.Close()
	s := simulateWhat(t, "pos", "XSERIES", "--items", "150", "--week", "500ms", "--client-secret", "s3cret", "--hook-url", receiver.URL+"/hooks/xseries",
		"--time-scale", "1000", "--rate-limit", "100000", "--page-size", "10000", "--tell")
	seen := map[string]int{}
	for seen["register_closure.create"] < 7*2 { // both registers, each day: nothing moves stock after the last
		seen[<-types]++
	}
	for _, kind := range []string{"sale.update", "inventory.update", "product.update", "consignment.send", "consignment.receive", "customer.update"} {
		if seen[kind] == 0 {
			t.Errorf("there was no %s", kind)
		}
	}
	var books map[string]map[string]json.Number
	if _, body := s.account("GET", "/control/books", ""); json.Unmarshal([]byte(body), &books) != nil {
		t.Fatal(body)
	}
	var levels []struct {
		Product string      `json:"product_id"`
		Outlet  string      `json:"outlet_id"`
		Level   json.Number `json:"current_inventory_level"` // a number or a string that holds one
	}
	if _, body := s.account("POST", "/api/2026-07/inventory", `{"size":5000}`); json.Unmarshal([]byte(body), &levels) != nil {
		t.Fatal(body)
	}
	for _, l := range levels {
		if want, got := plainNumber(books[l.Product][l.Outlet]), plainNumber(l.Level); want != got {
			t.Errorf("product %s at %s: %s in the books, %s in the inventory", l.Product, l.Outlet, want, got)
		}
	}
	sunday := lastWeek(time.Now()).AddDate(0, 0, 6).Format(time.DateOnly)
	if _, body := s.account("GET", "/api/2.0/sales", ""); len(levels) < 80 || strings.Count(body, `"return_for"`) < 700 || !strings.Contains(body, sunday) {
		t.Errorf("%d levels and %d sales", len(levels), strings.Count(body, `"return_for"`))
	}
	if _, said := s.stop(); !strings.Contains(said, "Mon 09:") || !strings.Contains(said, "The shop closes") {
		t.Errorf("it said:\n%s", said)
	}
}

func plainNumber(n json.Number) string {
	text := n.String()
	if strings.Contains(text, ".") {
		text = strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
	}
	return text
}

// TestSimulatePOS_Rate: at a rate, things keep happening, with the time of now.
func TestSimulatePOS_Rate(t *testing.T) {
	t.Parallel()
	hooks := make(chan string, 10_000)
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Signature") != "" {
			t.Error("a hook of a webhook that was made by hand is signed")
		}
		if err := r.ParseForm(); err != nil {
			t.Error(err)
		}
		if strings.HasSuffix(r.URL.Path, "/sale.update") {
			hooks <- r.PostForm.Get("payload")
		}
	}))
	defer receiver.Close()
	began := time.Now()
	simulateWhat(t, "pos", "XSERIES", "--items", "40", "--rate", "6000", "--hook-by-hand", "--hook-url", receiver.URL, "--time-scale", "1000")
	for range 20 {
		var sale struct {
			At time.Time `json:"updated_at"`
		}
		if payload := <-hooks; json.Unmarshal([]byte(payload), &sale) != nil || sale.At.Before(began.Truncate(time.Second)) || sale.At.After(time.Now()) {
			t.Fatalf("a sale at %v: %s", sale.At, payload)
		}
	}
}

func TestSimulatePOS_ErrMisuse(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ flag, value, want string }{
		{"--fault", "503", "--fault 503: want a JSON object"},
		{"--fault", `{"kind":"status"}`, "status 0: want 400 to 599"},
		{"--items", "-1", "--items -1: want 0 to"},
		{"--outlets", "0", "--outlets must be above 0"},
		{"--outlets", "99", "--outlets 99: want 0 to 8"},
		{"--rate", "-1", "--rate, --week"},
		{"--quirks", "2", "--quirks 2: want 0 to 1"},
		{"--hook-loss", "1.5", "--hook-loss 1.5: want 0 to 1"},
		{"--hook-signature", "md5", "--hook-signature md5: want hex, base64 or none"},
		{"--hook-url", "nowhere", "--hook-url nowhere"},
		{"--time-scale", "0", "--time-scale"},
		{"--seed", "1", "surplus"},
	} {
		args := []string{"simulate", "pos", "--addr", "127.0.0.1:0", tt.flag, tt.value}
		if tt.want == "surplus" {
			args = append(args, tt.want)
		}
		var stderr bytes.Buffer
		if code := run(t.Context(), args, nil, strings.NewReader(""), io.Discard, &stderr); code != exitMisuse || !strings.HasPrefix(stderr.String(), "tillstream: ") || !strings.Contains(stderr.String(), tt.want) {
			t.Errorf("%v: exit code %d, want 2 with %s; it said:\n%s", args, code, tt.want, &stderr)
		}
	}
}
