package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// simulated is a simulator that runs as a command.
type simulated struct {
	t        *testing.T
	exported map[string]string
	stop     func() (code int, stderr string)
}

// simulate runs the command with more flags, until the test's end.
func simulate(t *testing.T, flags ...string) *simulated {
	t.Helper()
	return simulateWhat(t, "bigcommerce", "BIGCOMMERCE", flags...)
}

// simulateWhat runs a simulator that exports three settings that begin with a
// prefix.
func simulateWhat(t *testing.T, what, prefix string, flags ...string) *simulated {
	t.Helper()
	ctx, interrupt := context.WithCancel(t.Context())
	out, stdout := io.Pipe()
	var stderr bytes.Buffer
	ended := make(chan int, 1)
	go func() {
		args := append([]string{"simulate", what, "--addr", "127.0.0.1:0", "--token", "t0ken"}, flags...)
		code := run(ctx, args, nil, strings.NewReader(""), stdout, &stderr)
		stdout.Close()
		ended <- code
	}()
	s := &simulated{t: t, exported: map[string]string{}}
	lines := bufio.NewScanner(out)
	for len(s.exported) < 3 && lines.Scan() {
		name, value, _ := strings.Cut(strings.TrimPrefix(lines.Text(), "export TILLSTREAM_"+prefix+"_"), "=")
		s.exported[name] = value
	}
	code, stopped := 0, false
	s.stop = func() (int, string) {
		interrupt()
		if !stopped {
			code, stopped = <-ended, true
		}
		return code, stderr.String()
	}
	t.Cleanup(func() { s.stop() })
	if len(s.exported) < 3 {
		_, said := s.stop()
		t.Fatalf("the simulator did not begin:\n%s", said)
	}
	return s
}

// call makes a request, of the control API or of v3, and returns the reply and its body.
func (s *simulated) call(method, path, body string) (*http.Response, string) {
	s.t.Helper()
	if !strings.HasPrefix(path, "/control") {
		path = "/stores/" + s.exported["STORE_HASH"] + "/v3" + path
	}
	r, err := http.NewRequestWithContext(s.t.Context(), method, s.exported["API"]+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("X-Auth-Token", "t0ken")
	r.Header.Set("Content-Type", "application/json")
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

// TestSimulateBigCommerce: the simulator serves what its flags say, tells a shell
// how to reach it, and ends when it is asked to.
func TestSimulateBigCommerce(t *testing.T) {
	t.Parallel()
	s := simulate(t, "--store-hash", "h4sh", "--seed-catalog", "3", "--seed-variants", "2", "--quota", "150", "--scope", "store_v2_products", "--latency", "1ms", "--latency-p99", "2ms",
		"--other-app-share", "0.25", "--endpoint-limit", "PUT /catalog/products=3", "--time-scale", "60", "--locations", "1,4",
		"--fault", `{"match":"GET /catalog/brands","kind":"status","status":503}`)
	if s.exported["STORE_HASH"] != "h4sh" || s.exported["TOKEN"] != "t0ken" {
		t.Fatalf("exported %v", s.exported)
	}
	products, body := s.call("GET", "/catalog/products?include=variants", "")
	if got := strings.Count(body, `"sku":"SIM-`); products.StatusCode != http.StatusOK || got != 6 {
		t.Errorf("products: %s with %d SKUs, want 6", products.Status, got)
	}
	if got := products.Header; got.Get("X-Rate-Limit-Requests-Quota") != "150" || got.Get("X-Rate-Limit-Time-Window-Ms") != "500" {
		t.Errorf("the headers are %v, want a quota of 150 in half a second", got)
	}
	if got, _ := s.call("GET", "/catalog/brands", ""); got.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("brands: %s, want the fault's 503", got.Status)
	}
	if got, _ := s.call("GET", "/inventory/items", ""); got.StatusCode != http.StatusForbidden {
		t.Errorf("inventory: %s, want 403 without its scope", got.Status)
	}
	_, settings := s.call("GET", "/control/settings", "")
	for _, want := range []string{`"other_app_share":0.25`, `"endpoint_limits":{"PUT /catalog/products":3}`, `"latency_p99":"2ms"`} {
		if !strings.Contains(settings, want) {
			t.Errorf("the settings are %s, want %s", settings, want)
		}
	}
	if code, said := s.stop(); code != exitDone {
		t.Errorf("exit code %d, want 0; it said:\n%s", code, said)
	}
}

// TestSimulateBigCommerce_everywhere: what it says to set can be used as it is.
func TestSimulateBigCommerce_everywhere(t *testing.T) {
	t.Parallel()
	if got := simulate(t, "--addr", "0.0.0.0:0").exported["API"]; !strings.HasPrefix(got, "http://127.0.0.1:") {
		t.Errorf("the API is said to be at %s, want this machine", got)
	}
}

// TestSimulateBigCommerce_Faults: every kind of fault can be given as a flag.
func TestSimulateBigCommerce_Faults(t *testing.T) {
	t.Parallel()
	faults := []string{
		`"status","status":429`, `"html","status":503,"after":"1m","for":"1h"`, `"revoked"`, `"connect"`, `"hang"`, `"closeBeforeCommit"`, `"closeAfterCommit"`,
		`"commitLater","delay":"20s"`,
		`"late","delay":"20s"`, `"dribble","delay":"1s"`, `"truncate"`, `"huge"`, `"invalidUTF8"`, `"stringIDs"`, `"partial"`, `"slow","delay":"20s"`,
		`"productDeleted"`, `"productRecreated"`, `"nameTaken"`, `"quota","quota":450,"window":"10s"`,
	}
	var flags []string
	for _, fault := range faults {
		flags = append(flags, "--fault", `{"match":"PUT /catalog/products","kind":`+fault+`}`)
	}
	_, body := simulate(t, flags...).call("GET", "/control/faults", "")
	for _, fault := range faults {
		kind, _, _ := strings.Cut(fault, ",")
		if !strings.Contains(body, `"kind":`+kind) {
			t.Errorf("the fault %s does not stand: %s", kind, body)
		}
	}
}

// TestSimulateBigCommerce_Webhook: the command delivers events, signed with the
// client's secret, to a receiver on this machine if it is allowed to.
func TestSimulateBigCommerce_Webhook(t *testing.T) {
	t.Parallel()
	verifier, err := standardwebhooks.NewWebhookRaw([]byte("s3cret"))
	if err != nil {
		t.Fatal(err)
	}
	events := make(chan string, 10)
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err == nil {
			err = verifier.Verify(body, r.Header)
		}
		events <- fmt.Sprintf("%s %v %s", r.Header.Get("X-Key"), err, body)
	}))
	defer receiver.Close()
	s := simulate(t, "--seed-catalog", "1", "--webhook-loopback", "--client-secret", "s3cret", "--time-scale", "1000")
	if got, body := s.call("POST", "/hooks", fmt.Sprintf(`{"scope":"store/product/*","destination":%q,"headers":{"X-Key":"k"}}`, receiver.URL)); got.StatusCode != http.StatusOK {
		t.Fatal(body)
	}
	s.call("PUT", "/catalog/products", `[{"id":1000001,"price":3}]`)
	if got := <-events; !strings.HasPrefix(got, "k <nil> {") || !strings.Contains(got, `"scope":"store/product/updated","data":{"type":"product","id":1000001}`) {
		t.Errorf("the receiver got %s", got)
	}
}

func TestSimulateBigCommerce_ErrMisuse(t *testing.T) {
	t.Parallel()
	tests := []struct{ flag, value, want string }{
		{"--fault", "503", "--fault 503: want a JSON object"},
		{"--fault", `{"kind":"status"}`, "status 0: want 400 to 599"},
		{"--fault", `{"kind":"hang","untill":1}`, `field "untill" is unknown: want some of`},
		{"--quota", "-1", "--quota -1: want 0 or more"},
		{"--window", "0s", "--window"},
		{"--time-scale", "0", "--time-scale"},
		{"--other-app-share", "2", "--other-app-share 2: want 0 to 1"},
		{"--latency-p99", "1s", "--latency-p99 1s: want more than a latency above 0"},
		{"--endpoint-limit", "PUT /catalog/products", "want METHOD PATTERN=REQUESTS"},
		{"--endpoint-limit", "PUT=3", `--endpoint-limit: match "PUT"`},
		{"--seed-catalog", "-1", "--seed-catalog"},
		{"--seed-variants", "251", "at most 250 variants"},
		{"--seed", "1", "surplus"},
	}
	for _, tt := range tests {
		args := []string{"simulate", "bigcommerce", "--addr", "127.0.0.1:0", tt.flag, tt.value}
		if tt.want == "surplus" {
			args = append(args, tt.want)
		}
		var stderr bytes.Buffer
		if code := run(t.Context(), args, nil, strings.NewReader(""), io.Discard, &stderr); code != exitMisuse || !strings.HasPrefix(stderr.String(), "tillstream: ") || !strings.Contains(stderr.String(), tt.want) {
			t.Errorf("%v: exit code %d, want 2 with %s; it said:\n%s", args, code, tt.want, &stderr)
		}
	}
}
