package main

import (
	"io"
	"net/http"
	"strings"
	"testing"

	bigcommerce "github.com/tillstream/tillstream/handlers/bigcommerce/simulator"
)

// TestTraffic: what is refused is counted, before it comes to any handler.
func TestTraffic(t *testing.T) {
	t.Parallel()
	in := install(t, bigcommerce.Config{}, nil)
	get := func(path string) (int, string) {
		answer, err := http.Get(in.base + path)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		text, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		return answer.StatusCode, string(text)
	}
	if status, text := get("/v1/stores/" + testStore + "/products"); status != http.StatusUnauthorized {
		t.Errorf("without a token: %d %s", status, text)
	}
	if _, text := get("/metrics"); !strings.Contains(text, `tillstream_http_requests_total{code="401",method="get"} 1`) {
		t.Error("the request without a token is not counted")
	}
}
