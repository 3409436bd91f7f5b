package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/tillstream/tillstream/handlers/bigcommerce/simulator"
	"github.com/tillstream/tillstream/streams/streamstest"
)

// node is one process of several on a broker.
type node struct {
	t    *testing.T
	app  *app
	stop context.CancelFunc
	done chan error
}

func startNode(t *testing.T, cfg Config) *node {
	t.Helper()
	cfg.Data = t.TempDir()
	a, err := openApp(t.Context(), cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	n := &node{t: t, app: a, stop: stop, done: make(chan error, 1)}
	go func() { n.done <- errors.Join(a.run(ctx, rolesOf(allRoles())), a.close()) }()
	t.Cleanup(n.end)
	return n
}

// end stops the node, once.
func (n *node) end() {
	n.stop()
	if n.done == nil {
		return
	}
	if err := <-n.done; err != nil {
		n.t.Errorf("a node ended with: %v", err)
	}
	n.done = nil
}

func (n *node) request(method, path, body string) (int, string) {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+n.app.token)
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	n.app.handler().ServeHTTP(w, r)
	b, err := io.ReadAll(w.Result().Body)
	if err != nil {
		n.t.Fatal(err)
	}
	return w.Code, string(b)
}

// epoch is the one that the node reads.
func (n *node) epoch() uint64 {
	h := &n.app.engine.Load().hearing
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.epoch
}

func (n *node) owns() bool {
	e := n.app.engine.Load()
	return e != nil && e.roles.has(rolePublish) && e.ready.Load()
}

// until polls what other goroutines will bring about.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(2 * time.Minute); !ok(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within two minutes", what)
		}
	}
}

// rebuildOn runs the command against a broker, and returns what it prints, its exit
// code and what it says.
func rebuildOn(t *testing.T, cfg Config, wait string) (string, int, string) {
	t.Helper()
	var out, said strings.Builder
	code := run(t.Context(), []string{"rebuild", "--wait", wait, "--data", t.TempDir()}, []string{
		"TILLSTREAM_NATS=" + cfg.NATS.URL.Reveal(), "TILLSTREAM_NATS_USER=" + cfg.NATS.User, "TILLSTREAM_NATS_PASSWORD=" + cfg.NATS.Password.Reveal(),
		"TILLSTREAM_STORE=" + cfg.Stores[0].ID,
	}, strings.NewReader(""), &out, &said)
	return out.String(), code, said.String()
}

// Of two processes on one broker one projects and pushes. The other takes events
// in, shows the same state, and takes over when the first one ends.
func TestStandBy(t *testing.T) {
	t.Parallel()
	broker := streamstest.Start(t)
	password, err := os.ReadFile(broker.PasswordFile("app"))
	if err != nil {
		t.Fatal(err)
	}
	shop := simulator.New(simulator.Config{})
	bigcommerce := httptest.NewServer(shop)
	t.Cleanup(bigcommerce.Close)
	cfg := defaultConfig()
	cfg.NATS.URL, cfg.NATS.User, cfg.NATS.Password = Secret(broker.ClientURL()), "app", Secret(strings.TrimSpace(string(password)))
	store := defaultStore()
	store.ID, store.Publish = "harbour", "all"
	store.BigCommerce.API, store.BigCommerce.StoreHash, store.BigCommerce.Token = bigcommerce.URL, "demo", "demo"
	cfg.Stores = []Store{store}

	first := startNode(t, cfg)
	until(t, "the first owns", first.owns)
	if _, code, said := rebuildOn(t, cfg, "100ms"); code != exitFailed || !strings.Contains(said, "project by ") || !strings.Contains(said, "publish by ") {
		t.Errorf("a rebuild while another process owns ends with %d and says %s", code, said)
	}
	second := startNode(t, cfg)
	until(t, "the second stands by", func() bool { e := second.app.engine.Load(); return e != nil && e.ready.Load() })
	if second.owns() {
		t.Fatal("both own")
	}

	if code, body := second.request("POST", "/v1/stores/harbour/events", `{"specversion":"1.0","id":"s-1","source":"/pos","type":"pos.product.saved.v1","time":"2026-11-01T10:00:00Z","data":{"item":"i-1","sku":"A-1","name":"Kite"}}`); code != http.StatusOK {
		t.Fatalf("the one that stands by answers an event with %d %s", code, body)
	}
	until(t, "the owner pushes what the other took in", func() bool { _, ok := shop.ProductBySKU("A-1"); return ok })
	until(t, "the other sees that it is confirmed", func() bool {
		_, body := second.request("GET", "/v1/stores/harbour/products/A-1", "")
		return strings.Contains(body, `"state":"confirmed"`)
	})
	if code, body := second.request("POST", "/v1/stores/harbour/push", `{"items":["A-1"]}`); code != http.StatusServiceUnavailable || !strings.Contains(body, "stands by") {
		t.Errorf("a push through the one that stands by: %d %s, want it refused", code, body)
	}

	// The owner switches to another epoch, and the other hears of it and reads that one.
	if code, body := second.request("POST", "/v1/rebuild", `{}`); code != http.StatusOK || !strings.Contains(body, "does not project") {
		t.Errorf("a rebuild through the one that stands by: %d %s, want it refused", code, body)
	}
	if code, body := first.request("POST", "/v1/rebuild", `{}`); code != http.StatusOK || !strings.Contains(body, `"switched":true`) {
		t.Errorf("a rebuild by the owner: %d %s", code, body)
	}
	until(t, "the other has switched", func() bool { return second.epoch() == 2 })
	if code, body := first.request("POST", "/v1/stores/harbour/events", `{"specversion":"1.0","id":"s-1b","source":"/pos","type":"pos.product.saved.v1","time":"2026-11-01T10:30:00Z","data":{"item":"i-1","sku":"A-1","name":"Box kite"}}`); code != http.StatusOK {
		t.Fatalf("the owner answers an event with %d %s", code, body)
	}
	until(t, "the other sees what is folded into the new epoch", func() bool {
		_, body := second.request("GET", "/v1/stores/harbour/products/A-1", "")
		return strings.Contains(body, "Box kite")
	})

	first.end()
	until(t, "the second owns", second.owns)
	if code, body := second.request("POST", "/v1/stores/harbour/events", `{"specversion":"1.0","id":"s-2","source":"/pos","type":"pos.product.saved.v1","time":"2026-11-01T11:00:00Z","data":{"item":"i-1","sku":"A-1","name":"Stunt kite"}}`); code != http.StatusOK {
		t.Fatalf("the new owner answers an event with %d %s", code, body)
	}
	until(t, "the new owner pushes", func() bool { p, _ := shop.ProductBySKU("A-1"); return p.Name == "Stunt kite" })
	if n := len(shop.Products()); n != 1 {
		t.Errorf("BigCommerce has %d products, want 1", n)
	}

	second.end()
	if out, code, said := rebuildOn(t, cfg, "1m"); code != exitDone || !strings.HasPrefix(out, "3 events read, 3 folded, 1 product in ") {
		t.Errorf("a rebuild when nobody owns ends with %d and says %s%s", code, out, said)
	}
	third := startNode(t, cfg)
	until(t, "the third owns what was given back", third.owns)
}
