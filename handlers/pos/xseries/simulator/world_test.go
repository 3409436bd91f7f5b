package simulator_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tillstream/tillstream/handlers/pos/xseries/simulator"
)

var monday = time.Date(2026, 11, 16, 0, 0, 0, 0, time.UTC)

// clock is a clock of the test's own, which moves when it is told to.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// never is a clock's After of which nobody waits for the end.
func never(time.Duration) <-chan time.Time { return nil }

// world is an account, its clock, and who calls it.
type world struct {
	t       *testing.T
	account *simulator.Account
	clock   *clock
	token   string
}

func newWorld(t *testing.T, cfg simulator.Config) *world {
	t.Helper()
	c := &clock{now: time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)}
	cfg.Now, cfg.After = c.Now, never
	return &world{t: t, account: simulator.New(cfg), clock: c, token: "demo-personal"}
}

// small is an account of which the tests know every product.
func small(t *testing.T, cfg simulator.Config) *world {
	cfg.Items = 12
	if cfg.Quirks == 0 {
		cfg.Quirks = -1
	}
	return newWorld(t, cfg)
}

// answer is a reply.
type answer struct {
	status int
	header http.Header
	body   string
}

func (w *world) do(method, path, body string, header ...string) answer {
	w.t.Helper()
	r, err := http.NewRequestWithContext(w.t.Context(), method, "https://demo.retail.example"+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+w.token)
	r.Header.Set("User-Agent", "test")
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	got, err := w.account.Client().Do(r)
	if err != nil {
		return answer{body: err.Error()}
	}
	raw, err := io.ReadAll(got.Body)
	if err != nil {
		return answer{got.StatusCode, got.Header, string(raw) + " " + err.Error()}
	}
	return answer{got.StatusCode, got.Header, string(raw)}
}

// ok makes a request that must answer below 300, and reads the reply.
func (w *world) ok(method, path, body string) any {
	w.t.Helper()
	got := w.do(method, path, body)
	if got.status < 200 || got.status > 299 {
		w.t.Fatalf("%s %s: %d %s", method, path, got.status, got.body)
	}
	decoder := json.NewDecoder(strings.NewReader(got.body))
	decoder.UseNumber()
	var v any
	if err := decoder.Decode(&v); err != nil {
		w.t.Fatalf("%s %s: %v in %s", method, path, err, got.body)
	}
	return v
}

// rows are the data of a list.
func (w *world) rows(path string) []map[string]any {
	w.t.Helper()
	return objects(at(w.ok("GET", path, ""), "data"))
}

// every reads a list to its end by its cursor.
func (w *world) every(path string) []map[string]any { return w.after(path, "0") }

func (w *world) after(path, after string) []map[string]any {
	w.t.Helper()
	join := "?"
	if strings.Contains(path, "?") {
		join = "&"
	}
	var all []map[string]any
	for {
		page := w.ok("GET", path+join+"after="+after, "")
		rows := objects(at(page, "data"))
		if len(rows) == 0 {
			return all
		}
		all = append(all, rows...)
		after = text(at(page, "version", "max"))
	}
}

// at follows keys into a document; nil is what is not there.
func at(v any, keys ...string) any {
	for _, key := range keys {
		m, _ := v.(map[string]any)
		v = m[key]
	}
	return v
}

func objects(v any) []map[string]any {
	list, _ := v.([]any)
	out := make([]map[string]any, len(list))
	for i, one := range list {
		out[i], _ = one.(map[string]any)
	}
	return out
}

// text is a string, or a number or anything else as it was written.
func text(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case nil:
		return "null"
	case json.Number:
		return v.String()
	}
	raw, _ := json.Marshal(v)
	return string(raw)
}

// number is a version; 0 is none.
func number(v any) int64 {
	n, _ := strconv.ParseInt(text(v), 10, 64)
	return n
}

func amount(t *testing.T, v any) simulator.Amount {
	t.Helper()
	n, err := simulator.ParseAmount(text(v))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// must is for what cannot fail in a test.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// product is one of the account, by its SKU.
func (w *world) product(sku string) map[string]any {
	w.t.Helper()
	rows := w.rows("/api/2026-07/products?sku=" + url.QueryEscape(sku))
	if len(rows) != 1 {
		w.t.Fatalf("%d products of SKU %s", len(rows), sku)
	}
	return rows[0]
}

// stock is what the API says there is of a product at an outlet.
func (w *world) stock(id, outlet string) string {
	w.t.Helper()
	for _, row := range objects(w.ok("GET", "/api/2026-07/inventory/"+id, "")) {
		if row["outlet_id"] == w.outlet(outlet) {
			return text(row["current_inventory_level"])
		}
	}
	return "none"
}

func (w *world) outlet(name string) string {
	for _, o := range w.account.Outlets() {
		if o.Name == name {
			return o.ID
		}
	}
	w.t.Fatalf("no outlet %s", name)
	return ""
}

// add makes a simple product with some in stock at Quayside.
func (w *world) add(sku string, stock int) string {
	w.t.Helper()
	id := must(w.account.Add("Thing "+sku, sku, simulator.Of(12), ""))
	if stock > 0 {
		must(w.account.Adjust(simulator.Adjustment{Product: id, Outlet: "Quayside", Quantity: simulator.Of(stock), Reason: "STOCK_FOUND"}))
	}
	return id
}

// call is one call of a receiver.
type call struct {
	at     time.Time
	path   string
	header http.Header
	raw    string
	form   url.Values
	entity map[string]any
}

// receiver takes hooks without a network.
type receiver struct {
	mu     sync.Mutex
	clock  *clock
	calls  []call
	answer func(*http.Request) (int, error)
}

func (r *receiver) RoundTrip(q *http.Request) (*http.Response, error) {
	raw, err := io.ReadAll(q.Body)
	if err != nil {
		return nil, err
	}
	got := call{at: r.clock.Now(), path: q.URL.Path, header: q.Header, raw: string(raw)}
	if got.form, err = url.ParseQuery(got.raw); err != nil {
		return nil, err
	}
	decoder := json.NewDecoder(strings.NewReader(got.form.Get("payload")))
	decoder.UseNumber()
	if err := decoder.Decode(&got.entity); err != nil {
		return nil, fmt.Errorf("payload: %w", err)
	}
	r.mu.Lock()
	r.calls = append(r.calls, got)
	answer := r.answer
	r.mu.Unlock()
	status := http.StatusNoContent
	if answer != nil {
		if status, err = answer(q); err != nil {
			return nil, err
		}
	}
	return &http.Response{StatusCode: status, Status: http.StatusText(status), Body: io.NopCloser(bytes.NewReader(nil)), Request: q}, nil
}

// hooked is a small account with a receiver that the app has subscribed to some types, at /TYPE.
func hooked(t *testing.T, cfg simulator.Config, types ...simulator.HookType) (*world, *receiver) {
	t.Helper()
	r := &receiver{}
	cfg.HookClient = &http.Client{Transport: r}
	w := small(t, cfg)
	r.clock = w.clock
	for _, kind := range types {
		if err := w.account.Subscribe(kind, "https://receiver.example/"+string(kind)); err != nil {
			t.Fatal(err)
		}
	}
	return w, r
}

// deliver moves the clock along until no hook waits, and returns what was received.
func (w *world) deliver(r *receiver) []call {
	w.t.Helper()
	for {
		next, ok := w.account.NextDelivery()
		if !ok {
			break
		}
		w.clock.move(max(0, next.Sub(w.clock.Now())))
		w.account.Deliver(w.t.Context())
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	calls := r.calls
	r.calls = nil
	return calls
}
