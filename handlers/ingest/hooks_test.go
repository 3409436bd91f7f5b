package ingest_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/ingest"
	"github.com/tillstream/tillstream/handlers/pos/xseries"
	"github.com/tillstream/tillstream/handlers/problem"
	"github.com/tillstream/tillstream/projections"
	"github.com/tillstream/tillstream/streams"
	"github.com/tillstream/tillstream/streams/streamstest"
)

// hooking is a server that takes webhooks of two stores, one with a policy for
// unsigned ones.
type hooking struct {
	conn   *streams.Conn
	url    string
	stores map[domain.StoreID]*ingest.XSeriesHooks

	mu    sync.Mutex
	hints []string
}

func hooks(t *testing.T) *hooking {
	t.Helper()
	h := &hooking{conn: streamstest.Start(t), stores: map[domain.StoreID]*ingest.XSeriesHooks{}}
	for _, id := range []domain.StoreID{"harbour", "mill"} {
		h.stores[id] = &ingest.XSeriesHooks{
			Secret: "secret-of-" + string(id), Encoding: xseries.Hex, AcceptUnsigned: id == "mill", Now: time.Now,
			Account: func(context.Context) (*xseries.Account, error) {
				return &xseries.Account{Store: id, Prices: xseries.Inclusive, Outlets: xseries.Outlets{"outlet-of-" + string(id): "Quayside"}}, nil
			},
			Hint: func(_ context.Context, hint xseries.Hint) error {
				h.mu.Lock()
				defer h.mu.Unlock()
				h.hints = append(h.hints, string(id)+" "+string(hint))
				return nil
			},
		}
	}
	in := ingest.NewHTTP(ingest.New(h.conn.POS(), time.Now), func(name string) (domain.StoreID, error) {
		if name == "harbour" || name == "mill" || name == "csv-only" {
			return domain.StoreID(name), nil
		}
		return "", problem.Newf(http.StatusNotFound, "there is no store %q; configured: harbour, mill", name)
	}, slog.New(slog.DiscardHandler))
	in.XSeries = h.stores
	mux := http.NewServeMux()
	in.Mount(mux)
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	h.url = server.URL
	return h
}

func body(payload string) string {
	return url.Values{"payload": {payload}, "environment": {"prod"}}.Encode()
}

func signature(secret, body string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(body))
	return "signature=" + hex.EncodeToString(mac.Sum(nil)) + ",algorithm=HMAC-SHA256"
}

// send posts a webhook and returns the status and the answer in a line.
func (h *hooking) send(t *testing.T, store, kind, body, signature string) string {
	t.Helper()
	r, err := http.NewRequest(http.MethodPost, h.url+"/v1/stores/"+store+"/hooks/xseries/"+kind, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if signature != "" {
		r.Header.Set("X-Signature", signature)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	b, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%d %s", answer.StatusCode, strings.TrimSpace(string(b)))
}

func (h *hooking) last(t *testing.T) domain.Position {
	t.Helper()
	last, err := h.conn.POS().Last(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return last
}

const (
	levelHook = `{"id":"r-1","product_id":"p-1","outlet_id":"outlet-of-harbour","count":7,"outlet":{"id":"outlet-of-harbour","name":"Quayside"},"product":{},"version":90310077}`
	saleHook  = `{"id":"s-1","status":"CLOSED","register_sale_products":[{"id":"1","product_id":"p-1","quantity":1}],"version":90310078}`
)

func TestHTTP_hooks(t *testing.T) {
	t.Parallel()
	h := hooks(t)
	level, sale := body(levelHook), body(saleHook)
	sign := func(b string) string { return signature("secret-of-harbour", b) }
	for _, tt := range []struct{ name, store, kind, body, signature, want string }{
		{"OK level", "harbour", "inventory.update", level, sign(level), `200 {"position":1}`},
		{"OK replayed", "harbour", "inventory.update", level, sign(level), `200 {"position":1,"duplicate":true}`},
		{"OK the same version, told otherwise", "harbour", "inventory.update", body(strings.Replace(levelHook, `:7`, `:8`, 1)), sign(body(strings.Replace(levelHook, `:7`, `:8`, 1))), `200 {"noted":true}`},
		{"OK a new outlet", "harbour", "inventory.update", body(strings.Replace(levelHook, `"outlet_id":"outlet-of-harbour"`, `"outlet_id":"new"`, 1)), sign(body(strings.Replace(levelHook, `"outlet_id":"outlet-of-harbour"`, `"outlet_id":"new"`, 1))), `200 {"noted":true}`},
		{"OK a level without a version", "harbour", "inventory.update", body(`{"id":"r-1"}`), sign(body(`{"id":"r-1"}`)), `200 {"noted":true}`},
		{"OK sale", "harbour", "sale.update", sale, sign(sale), `200 {"noted":true}`},
		{"OK product", "harbour", "product.update", sale, sign(sale), `200 {"noted":true}`},
		{"OK consignment", "harbour", "consignment.receive", sale, sign(sale), `200 {"noted":true}`},
		{"OK customer", "harbour", "customer.update", sale, sign(sale), `200 {"ignored":true}`},
		{"OK unknown type", "harbour", "moon.full", sale, sign(sale), `200 {"ignored":true}`},
		{"OK unsigned, where that is the policy", "mill", "sale.update", sale, "", `200 {"noted":true}`},
		{"OK unsigned is never believed", "mill", "inventory.update", strings.ReplaceAll(level, "harbour", "mill"), "", `200 {"noted":true}`},
		{"OK of another store, under one app", "mill", "inventory.update", level, signature("secret-of-mill", level), `200 {"noted":true}`},
		{"ErrUnsigned", "harbour", "inventory.update", level, "", `401`},
		{"ErrForged", "harbour", "inventory.update", level, sign(level + "x"), `401`},
		{"ErrForged though unsigned would do", "mill", "sale.update", sale, signature("guess", sale), `401`},
		{"ErrSecret of another store", "harbour", "inventory.update", level, signature("secret-of-mill", level), `401`},
		{"ErrPayload", "harbour", "sale.update", "payload=x", sign("payload=x"), `422`},
		{"ErrNoPayload", "harbour", "sale.update", "a=b", sign("a=b"), `422`},
		{"ErrHuge", "harbour", "sale.update", strings.Repeat("x", ingest.MaxHook+1), "signature=00,algorithm=HMAC-SHA256", `413`},
		{"ErrStore", "nowhere", "sale.update", sale, sign(sale), `404`},
		{"ErrNoAccount", "csv-only", "sale.update", sale, sign(sale), `404`},
	} {
		got := h.send(t, tt.store, tt.kind, tt.body, tt.signature)
		if !strings.HasPrefix(got, tt.want) || strings.HasPrefix(tt.want, "200") && got != tt.want {
			t.Errorf("%s: answered %s, want %s", tt.name, got, tt.want)
		}
		if strings.Contains(got, "secret-of") || strings.Contains(got, "configured") {
			t.Errorf("%s: the answer tells too much: %s", tt.name, got)
		}
	}
	if last := h.last(t); last != 1 {
		t.Errorf("%d events are recorded, want 1", last)
	}
	wantHints := []string{
		"harbour movements", "harbour movements", "harbour movements", "harbour movements", "harbour products", "harbour movements",
		"mill movements", "mill movements", "mill movements",
	}
	if diff := cmp.Diff(wantHints, h.hints); diff != "" {
		t.Errorf("hints, -want +got:\n%s", diff)
	}
	want := projections.WebhookCounts{Received: 10, Recorded: 1, Duplicate: 1, Hints: 6, Other: 2, Refused: 6}
	if diff := cmp.Diff(want, h.stores["harbour"].Counts(), cmpopts.IgnoreFields(want, "Last")); diff != "" {
		t.Errorf("counts of harbour, -want +got:\n%s", diff)
	}
}

// TestHTTP_hooks_zip: a compressed body is refused unread, whatever it would become.
func TestHTTP_hooks_zip(t *testing.T) {
	t.Parallel()
	h := hooks(t)
	r, err := http.NewRequest(http.MethodPost, h.url+"/v1/stores/harbour/hooks/xseries/sale.update", bytes.NewReader([]byte{0x1f, 0x8b, 8}))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Encoding", "gzip")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusUnsupportedMediaType {
		t.Errorf("answered %d", answer.StatusCode)
	}
}

// TestHTTP_hooks_slow: a body that does not arrive is given up well before the
// vendor would be.
func TestHTTP_hooks_slow(t *testing.T) {
	t.Parallel()
	h := hooks(t)
	u, err := url.Parse(h.url)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", u.Host)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	begun := time.Now()
	fmt.Fprintf(conn, "POST /v1/stores/harbour/hooks/xseries/sale.update HTTP/1.1\r\nHost: %s\r\nContent-Length: 1000\r\n\r\npayload=", u.Host)
	if err := conn.SetReadDeadline(begun.Add(4 * time.Second)); err != nil {
		t.Fatal(err)
	}
	var answer [12]byte
	if _, err := io.ReadFull(conn, answer[:]); err != nil || string(answer[:]) != "HTTP/1.1 408" {
		t.Errorf("after %v: %q, %v", time.Since(begun), answer, err)
	}
}

// TestHTTP_hooks_many: more webhooks at once than there are places are put off, and
// the places are free again afterwards.
func TestHTTP_hooks_many(t *testing.T) {
	t.Parallel()
	h := hooks(t)
	held, free := make(chan struct{}, 2*ingest.MostHooks), make(chan struct{})
	hint := h.stores["mill"].Hint
	h.stores["mill"].Hint = func(ctx context.Context, x xseries.Hint) error {
		held <- struct{}{}
		<-free
		return hint(ctx, x)
	}
	sale := body(saleHook)
	answers := make(chan string, 2*ingest.MostHooks)
	for range ingest.MostHooks {
		go func() { answers <- h.send(t, "mill", "sale.update", sale, "") }()
	}
	for range ingest.MostHooks {
		<-held
	}
	if got := h.send(t, "mill", "sale.update", sale, ""); !strings.HasPrefix(got, "503") {
		t.Errorf("one too many: %s", got)
	}
	close(free)
	for range ingest.MostHooks {
		if got := <-answers; !strings.HasPrefix(got, "200") {
			t.Errorf("one of those before: %s", got)
		}
	}
	if got := h.send(t, "mill", "sale.update", sale, ""); !strings.HasPrefix(got, "200") {
		t.Errorf("afterwards: %s", got)
	}
}

// TestHTTP_hooks_down: without a log the vendor is told to send again.
func TestHTTP_hooks_down(t *testing.T) {
	t.Parallel()
	h := hooks(t)
	if err := h.conn.Close(); err != nil {
		t.Fatal(err)
	}
	level := body(levelHook)
	if got := h.send(t, "harbour", "inventory.update", level, signature("secret-of-harbour", level)); !strings.HasPrefix(got, "503") {
		t.Errorf("answered %s", got)
	}
}
