package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
)

// TestSimulateBigCommerce: the simulator serves what its flags say, tells a shell
// how to reach it, and ends when it is asked to.
func TestSimulateBigCommerce(t *testing.T) {
	t.Parallel()
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	out, stdout := io.Pipe()
	var stderr bytes.Buffer
	ended := make(chan int, 1)
	go func() {
		code := run(ctx, []string{
			"simulate", "bigcommerce", "--addr", "127.0.0.1:0", "--store-hash", "h4sh", "--token", "t0ken", "--seed-catalog", "3", "--quota", "150",
			"--fault", `{"match":"GET /catalog/brands","kind":"status","status":503}`,
		}, nil, strings.NewReader(""), stdout, &stderr)
		stdout.Close()
		ended <- code
	}()
	exported := map[string]string{}
	lines := bufio.NewScanner(out)
	for len(exported) < 3 && lines.Scan() {
		name, value, _ := strings.Cut(strings.TrimPrefix(lines.Text(), "export TILLSTREAM_BIGCOMMERCE_"), "=")
		exported[name] = value
	}
	if exported["STORE_HASH"] != "h4sh" || exported["TOKEN"] != "t0ken" {
		t.Fatalf("exported %v", exported)
	}
	get := func(path string) *http.Response {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, exported["API"]+"/stores/h4sh/v3"+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("X-Auth-Token", "t0ken")
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { answer.Body.Close() })
		return answer
	}
	products := get("/catalog/products")
	body, err := io.ReadAll(products.Body)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Count(string(body), `"sku":"SIM-`); products.StatusCode != http.StatusOK || got < 3 {
		t.Errorf("products: %s with %d SKUs, want 3 or more", products.Status, got)
	}
	if got := products.Header.Get("X-Rate-Limit-Requests-Quota"); got != "150" {
		t.Errorf("the quota is %q, want 150", got)
	}
	if got := get("/catalog/brands").StatusCode; got != http.StatusServiceUnavailable {
		t.Errorf("brands: %d, want the fault's 503", got)
	}
	interrupt()
	if code := <-ended; code != exitDone {
		t.Errorf("exit code %d, want 0; it said:\n%s", code, &stderr)
	}
}

func TestSimulateBigCommerce_ErrMisuse(t *testing.T) {
	t.Parallel()
	for _, flags := range [][]string{
		{"--fault", "503"}, {"--fault", `{"kind":"status"}`}, {"--quota", "-1"}, {"--window", "0s"}, {"surplus"},
	} {
		var stderr bytes.Buffer
		args := append([]string{"simulate", "bigcommerce", "--addr", "127.0.0.1:0"}, flags...)
		if code := run(t.Context(), args, nil, strings.NewReader(""), io.Discard, &stderr); code != exitMisuse || !strings.Contains(stderr.String(), "tillstream: ") {
			t.Errorf("%v: exit code %d, want 2; it said:\n%s", flags, code, &stderr)
		}
	}
}
