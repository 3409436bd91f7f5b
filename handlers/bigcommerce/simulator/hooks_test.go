package simulator_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/tillstream/tillstream/handlers/bigcommerce/simulator"
)

// received is one call of a receiver.
type received struct {
	At     time.Time
	URL    string
	Header http.Header
	Body   []byte
	Event  struct {
		Producer, Hash, Scope string
		CreatedAt             int64  `json:"created_at"`
		StoreID               string `json:"store_id"`
		Data                  json.RawMessage
	}
}

// receiver takes events without a network, on a clock of the test's own.
type receiver struct {
	mu     sync.Mutex
	now    time.Time
	calls  []received
	answer func(*http.Request) (int, error)
}

func newReceiver() *receiver {
	return &receiver{now: time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC), answer: func(*http.Request) (int, error) { return 204, nil }}
}

func (r *receiver) clock() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.now
}

func (r *receiver) RoundTrip(call *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(call.Body)
	if err != nil {
		return nil, err
	}
	got := received{At: r.clock(), URL: call.URL.String(), Header: call.Header, Body: body}
	if err := json.Unmarshal(body, &got.Event); err != nil {
		return nil, err
	}
	r.mu.Lock()
	r.calls = append(r.calls, got)
	r.mu.Unlock()
	status, err := r.answer(call)
	if err != nil {
		return nil, err
	}
	return &http.Response{StatusCode: status, Status: fmt.Sprint(status), Body: http.NoBody, Header: http.Header{}, Request: call}, nil
}

// config is that of a store which calls the receiver.
func (r *receiver) config() simulator.Config {
	return simulator.Config{ClientSecret: "s3cret", Now: r.clock, WebhookClient: &http.Client{Transport: r}}
}

// drain moves the clock on until nothing is to be delivered any more, and returns what came meanwhile.
func (r *receiver) drain(s *simulator.Store) []received {
	before := len(r.calls)
	for {
		at, more := s.NextDelivery()
		if !more {
			return r.calls[before:]
		}
		r.mu.Lock()
		if at.After(r.now) {
			r.now = at
		}
		r.mu.Unlock()
		s.Deliver(context.Background())
	}
}

// subscribe makes a webhook and returns its id.
func subscribe(t *testing.T, s *simulator.Store, scope string) int64 {
	t.Helper()
	var made struct{ ID int64 }
	got := send(t, s, "POST", "/hooks", fmt.Sprintf(`{"scope":%q,"destination":"https://example.com/%s","headers":{"X-Key":"k"}}`, scope, strings.Trim(scope, "/*")))
	if got.Status != 200 {
		t.Fatal(got)
	}
	got.decode(t, &made)
	return made.ID
}

// TestHooks_Rules: what a webhook may be, and who sees it.
func TestHooks_Rules(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	s := simulator.New(simulator.Config{Accounts: []simulator.Account{{Token: "other", ClientID: "o"}}, Now: func() time.Time { return now }})
	local := simulator.New(simulator.Config{WebhookLoopback: true})
	steps := []struct {
		name               string
		store              *simulator.Store
		token              string
		method, path, body string
		status             int
		want               string
	}{
		{"OK", s, "demo", "POST", "/hooks", `{"scope":"store/product/updated","destination":"https://example.com/a","headers":{"X-Key":"k"}}`, 200, `{"data":{"id":18000001,"client_id":"demo-client","store_hash":"demo","scope":"store/product/updated","destination":"https://example.com/a","headers":{"X-Key":"k"},"is_active":true,"created_at":1793534400,"updated_at":1793534400},"meta":{}}`},
		{"ErrTwice", s, "demo", "POST", "/hooks", `{"scope":"store/product/updated","destination":"https://example.com/a"}`, 422, `"destination":"webhook 18000001 has`},
		{"OKOtherClient", s, "other", "POST", "/hooks", `{"scope":"store/product/updated","destination":"https://example.com/a","is_active":false}`, 200, `"headers":null,"is_active":false`},
		{"OKOtherDestination", s, "demo", "POST", "/hooks", `{"scope":"store/product/updated","destination":"https://example.com:443/b"}`, 200, `"id":18000003`},
		{"ErrNoScope", s, "demo", "POST", "/hooks", `{"destination":"https://example.com/a"}`, 422, `"scope":"error.path.missing"`},
		{"ErrNoDestination", s, "demo", "POST", "/hooks", `{"scope":"store/sku/*"}`, 422, `"destination":"error.path.missing"`},
		{"ErrScope", s, "demo", "POST", "/hooks", `{"scope":"store/product/changed","destination":"https://example.com/a"}`, 422, `"scope":"is not a scope"`},
		{"OKScopeOfOther", s, "demo", "POST", "/hooks", `{"scope":"store/order/created","destination":"https://example.com/a"}`, 200, ``},
		{"ErrHTTP", s, "demo", "POST", "/hooks", `{"scope":"store/sku/*","destination":"http://example.com/a"}`, 422, `want https`},
		{"ErrPort", s, "demo", "POST", "/hooks", `{"scope":"store/sku/*","destination":"https://example.com:8443/a"}`, 422, `want port 443`},
		{"ErrRelative", s, "demo", "POST", "/hooks", `{"scope":"store/sku/*","destination":"/a"}`, 422, `absolute`},
		{"ErrLoopback", s, "demo", "POST", "/hooks", `{"scope":"store/sku/*","destination":"http://127.0.0.1:8080/a"}`, 422, `want https`},
		{"OKLoopback", local, "demo", "POST", "/hooks", `{"scope":"store/sku/*","destination":"http://127.0.0.1:8080/a"}`, 200, ``},
		{"OKLocalhost", local, "demo", "POST", "/hooks", `{"scope":"store/sku/*","destination":"http://localhost:8080/a"}`, 200, ``},
		{"ErrNotLoopback", local, "demo", "POST", "/hooks", `{"scope":"store/sku/*","destination":"http://10.0.0.1:8080/a"}`, 422, `want https`},
		{"ErrHeaders", s, "demo", "POST", "/hooks", `{"scope":"store/sku/*","destination":"https://example.com/a","headers":{"a":1}}`, 422, ``},
		{"OKRead", s, "demo", "GET", "/hooks/18000001", ``, 200, `"id":18000001`},
		{"ErrOthers", s, "demo", "GET", "/hooks/18000002", ``, 404, `"title":"Webhook with id [18000002] not found"`},
		{"ErrOthersDelete", s, "other", "DELETE", "/hooks/18000001", ``, 404, ``},
		{"OKList", s, "demo", "GET", "/hooks?scope=store/product/updated", ``, 200, `"total":2,`},
		{"OKListByDestination", s, "demo", "GET", "/hooks?destination=https://example.com/a", ``, 200, `"total":2,`},
		{"OKListInactive", s, "other", "GET", "/hooks?is_active=false", ``, 200, `"total":1,`},
		{"ErrListFilter", s, "demo", "GET", "/hooks?client=x", ``, 422, `client`},
		{"OKUpdate", s, "demo", "PUT", "/hooks/18000003", `{"is_active":false,"headers":{"a":"b"}}`, 200, `"headers":{"a":"b"},"is_active":false`},
		{"ErrUpdateNothing", s, "demo", "PUT", "/hooks/18000003", `{}`, 422, ``},
		{"ErrUpdateTwice", s, "demo", "PUT", "/hooks/18000003", `{"destination":"https://example.com/a"}`, 422, ``},
		{"OKAdmin", s, "demo", "GET", "/hooks/admin", ``, 200, `"status":"inactive"`},
		{"OKAdminEmails", s, "demo", "PUT", "/hooks/admin", `{"emails":["a@example.com"]}`, 204, ``},
		{"OKAdminAgain", s, "demo", "GET", "/hooks/admin?is_active=true", ``, 200, `"blocked_domains":[],"emails":["a@example.com"],"hooks_list":[{"id":18000001,`},
		{"OKDelete", s, "demo", "DELETE", "/hooks/18000003", ``, 200, `"id":18000003`},
		{"ErrDeleted", s, "demo", "GET", "/hooks/18000003", ``, 404, ``},
	}
	for _, step := range steps {
		got := send(t, step.store, step.method, step.path, step.body, "X-Auth-Token", step.token)
		if got.Status != step.status || !strings.Contains(got.Body, step.want) {
			t.Errorf("%s: got %d %s, want %d with %s", step.name, got.Status, got.Body, step.status, step.want)
		}
	}
	for i := range 11 {
		got := send(t, s, "POST", "/hooks", fmt.Sprintf(`{"scope":"store/sku/created","destination":"https://example.com/%d"}`, i))
		if want := map[bool]int{true: 200, false: 403}[i < 10]; got.Status != want {
			t.Errorf("webhook %d of one scope: got %d %s, want %d", i+1, got.Status, got.Body, want)
		}
	}
	now = now.Add(91 * 24 * time.Hour)
	if got := send(t, s, "GET", "/hooks/18000001", ""); !strings.Contains(got.Body, `"is_active":false`) {
		t.Errorf("after 91 days without an event: %s, want it deactivated", got.Body)
	}
}

// TestHooks_Events: which events an action has, of the sync as of the merchant, and that others have none.
func TestHooks_Events(t *testing.T) {
	t.Parallel()
	product := func(verb, id string) string { return "store/product/" + verb + ` {"type":"product","id":` + id + `}` }
	sku := func(verb, id, product, variant string) string {
		return fmt.Sprintf(`store/sku/%s {"type":"sku","id":%s,"sku":{"product_id":%s,"variant_id":%s}}`, verb, id, product, variant)
	}
	const stock = `store/product/inventory/updated {"type":"product","id":{0},"inventory":{"product_id":{0},"method":"absolute","value":%d}}`
	edit := func(which int, f func(*simulator.Product)) func(*testing.T, *simulator.Store, []simulator.Product) {
		return func(t *testing.T, s *simulator.Store, products []simulator.Product) {
			if err := s.MerchantEdit(products[which].ID, f); err != nil {
				t.Fatal(err)
			}
		}
	}
	call := func(method, path, body string) func(*testing.T, *simulator.Store, []simulator.Product) {
		return func(t *testing.T, s *simulator.Store, products []simulator.Product) {
			if got := send(t, s, method, fillIn(products, path), fillIn(products, body)); got.Status > 299 {
				t.Fatal(got)
			}
		}
	}
	tests := []struct {
		name string
		act  func(*testing.T, *simulator.Store, []simulator.Product)
		want []string
	}{
		{"Create", call("POST", "/catalog/products", `{"name":"Cup","type":"physical","weight":0,"price":1}`), []string{product("created", "1000004")}},
		{"CreateWithVariants", call("POST", "/catalog/products", `{"name":"Cup","type":"physical","weight":0,"price":1,"variants":[{"sku":"C","option_values":[{"option_display_name":"A","label":"1"}]}]}`),
			[]string{product("created", "1000004"), sku("created", "40000003", "1000004", "20000005")}},
		{"EchoOfAnUpdate", call("PUT", "/catalog/products", `[{"id":{0},"price":3},{"id":{1},"price":5}]`), []string{product("updated", "{0}")}},
		{"NoChange", call("PUT", "/catalog/products/{0}", `{"name":"Bowl","price":10,"description":""}`), nil},
		{"Rounded", call("PUT", "/catalog/products/{0}", `{"price":10.00001}`), nil},
		{"Level", call("PUT", "/catalog/products/{0}", `{"inventory_level":4}`), []string{product("updated", "{0}"), fmt.Sprintf(stock, 4)}},
		{"Delete", call("DELETE", "/catalog/products/{0}", ``), []string{product("deleted", "{0}")}},
		{"Image", call("POST", "/catalog/products/{0}/images", `{"image_url":"https://example.com/a.jpg"}`), nil},
		{"Channel", call("PUT", "/catalog/products/channel-assignments", `[{"product_id":{0},"channel_id":1}]`), nil},
		{"Variant", call("PUT", "/catalog/variants", `[{"id":{v},"price":9.5},{"id":{w},"price":null}]`), []string{sku("updated", "40000001", "{2}", "{v}")}},
		{"VariantRenamed", call("PUT", "/catalog/products/{2}/variants/{w}", `{"sku":"T-MM"}`), []string{sku("updated", "40000002", "{2}", "{w}")}},
		{"BaseVariant", call("PUT", "/catalog/variants", `[{"id":20000001,"cost_price":3}]`), []string{product("updated", "{0}")}},
		{"VariantDeleted", call("DELETE", "/catalog/products/{2}/variants/{w}", ``), []string{sku("deleted", "40000002", "{2}", "{w}")}},
		{"Stock", call("PUT", "/inventory/adjustments/absolute", `{"items":[{"location_id":1,"product_id":{0},"quantity":7},{"location_id":1,"variant_id":{v},"quantity":2},{"location_id":2,"product_id":{0},"quantity":5}]}`),
			[]string{product("updated", "{0}"), fmt.Sprintf(stock, 7), `store/sku/inventory/updated {"type":"sku","id":40000001,"inventory":{"product_id":{2},"method":"absolute","value":2,"variant_id":{v}}}`}},
		{"StockSold", func(t *testing.T, s *simulator.Store, products []simulator.Product) {
			for _, n := range []string{"7", "5"} {
				call("PUT", "/inventory/adjustments/absolute", `{"items":[{"location_id":1,"product_id":{0},"quantity":`+n+`}]}`)(t, s, products)
			}
		}, []string{product("updated", "{0}"), fmt.Sprintf(stock, 7), product("updated", "{0}"), fmt.Sprintf(stock, -2)}},
		{"StockUnchanged", call("PUT", "/inventory/adjustments/absolute", `{"items":[{"location_id":1,"product_id":{0},"quantity":0}]}`), nil},
		{"MerchantWeighs", edit(0, func(p *simulator.Product) { p.Weight = 3 }), []string{product("updated", "{0}")}},
		{"MerchantsCustomField", edit(0, func(p *simulator.Product) { p.CustomFields = []simulator.CustomField{{Name: "a", Value: "b"}} }), nil},
		{"MerchantsVariant", edit(2, func(p *simulator.Product) { p.Variants[1].UPC = "1" }), []string{sku("updated", "40000002", "{2}", "{w}")}},
		{"MerchantDeletes", func(t *testing.T, s *simulator.Store, products []simulator.Product) { s.MerchantDelete(products[1].ID) }, []string{product("deleted", "{1}")}},
		{"Refused", func(t *testing.T, s *simulator.Store, products []simulator.Product) {
			send(t, s, "PUT", "/catalog/products", fillIn(products, `[{"id":{0},"price":3},{"id":7}]`))
		}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := newReceiver()
			cfg := r.config()
			cfg.Locations = []int64{1, 2}
			s, products := seeded(t, cfg)
			subscribe(t, s, "store/product/*")
			subscribe(t, s, "store/sku/*")
			tt.act(t, s, products)
			got := []string{}
			for _, c := range r.drain(s) {
				got = append(got, c.Event.Scope+" "+string(c.Event.Data))
			}
			want := each(tt.want, func(event string) string { return fillIn(products, event) })
			if !slices.Equal(got, want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		})
	}
}

// TestHooks_Delivery: an event comes 3 to 4 seconds later, once for each webhook that covers it, in BigCommerce's
// envelope, with the client's headers, and signed with its secret.
func TestHooks_Delivery(t *testing.T) {
	t.Parallel()
	r := newReceiver()
	s, products := seeded(t, r.config())
	subscribe(t, s, "store/product/updated")
	subscribe(t, s, "store/product/*")
	subscribe(t, s, "store/sku/updated")
	began := r.now
	send(t, s, "PUT", fmt.Sprintf("/catalog/products/%d", products[0].ID), `{"price":3}`)
	if n := s.Deliver(t.Context()); n != 0 {
		t.Errorf("%d calls before anything is due", n)
	}
	calls := r.drain(s)
	if len(calls) != 2 || calls[0].URL != "https://example.com/store/product/updated" || calls[1].URL != "https://example.com/store/product" || calls[0].Event.Hash != calls[1].Event.Hash {
		t.Fatalf("got %+v, want one call of each webhook that covers the event", calls)
	}
	c := calls[0]
	if after := c.At.Sub(began); after < 3*time.Second || after > 4*time.Second {
		t.Errorf("the event came after %v, want 3 to 4 s", after)
	}
	want := fmt.Sprintf(`{"producer":"stores/demo","hash":%q,"created_at":%d,"store_id":"1003502318","scope":"store/product/updated","data":{"type":"product","id":%d}}`, c.Event.Hash, began.Unix(), products[0].ID)
	if string(c.Body) != want || len(c.Event.Hash) != 40 {
		t.Errorf("got  %s\nwant %s", c.Body, want)
	}
	if c.Header.Get("X-Key") != "k" || c.Header.Get("User-Agent") != "pekko-http/1.3.0" || c.Header.Get("webhook-id") != c.Event.Hash || c.Header.Get("webhook-timestamp") != fmt.Sprint(c.At.Unix()) {
		t.Errorf("the headers are %v", c.Header)
	}
	for secret, good := range map[string]bool{"s3cret": true, "k": false} {
		verifier, err := standardwebhooks.NewWebhookRaw([]byte(secret))
		if err != nil {
			t.Fatal(err)
		}
		if err := verifier.VerifyIgnoringTimestamp(c.Body, c.Header); (err == nil) != good {
			t.Errorf("verified with %q: %v", secret, err)
		}
	}
	if tries := s.Deliveries(); len(tries) != 2 || tries[0].Status != 204 || tries[0].Failure != "" || tries[0].Hash != c.Event.Hash || tries[0].Try != 1 {
		t.Errorf("the deliveries are %+v", tries)
	}
}

// TestHooks_Retries: a receiver that fails is tried eleven times more, over 48 hours, and then the webhook is deactivated.
func TestHooks_Retries(t *testing.T) {
	t.Parallel()
	r := newReceiver()
	answers := []func() (int, error){func() (int, error) { return 500, nil }, func() (int, error) { return 0, errors.New("no route to host") }, func() (int, error) { return 302, nil }}
	r.answer = func(*http.Request) (int, error) { return answers[len(r.calls)%3]() }
	s, products := seeded(t, r.config())
	id := subscribe(t, s, "store/product/updated")
	price := 0
	change := func() {
		price++
		send(t, s, "PUT", fmt.Sprintf("/catalog/products/%d", products[1].ID), fmt.Sprintf(`{"price":%d}`, price))
	}
	change()
	calls := r.drain(s)
	var waited []float64
	for i := 1; i < len(calls); i++ {
		waited = append(waited, calls[i].At.Sub(calls[i-1].At).Seconds())
		if calls[i].Event.Hash != calls[0].Event.Hash {
			t.Errorf("try %d has another hash", i+1)
		}
	}
	if want := []float64{60, 180, 300, 600, 900, 1800, 3600, 7200, 21600, 50400, 86400}; !slices.Equal(waited, want) {
		t.Errorf("waited %v between the tries, want %v", waited, want)
	}
	if tries := s.Deliveries(); len(tries) != 12 || tries[11].Try != 12 || tries[0].Failure == "" || tries[0].Failure == tries[1].Failure {
		t.Errorf("the deliveries are %+v", tries)
	}
	if got := send(t, s, "GET", "/hooks/admin", ""); !strings.Contains(got.Body, `"is_active":false`) || !strings.Contains(got.Body, `"status":"deactivated"`) {
		t.Errorf("after the last try the webhook is %s, want it deactivated", got.Body)
	}
	change()
	if calls := r.drain(s); len(calls) != 0 {
		t.Errorf("a webhook that is not active was called: %+v", calls)
	}
	r.answer = func(*http.Request) (int, error) { return 200, nil }
	send(t, s, "PUT", fmt.Sprintf("/hooks/%d", id), `{"is_active":true}`)
	change()
	if calls := r.drain(s); len(calls) != 1 {
		t.Errorf("activated again, the webhook was called %d times, want once", len(calls))
	}
	change()
	send(t, s, "DELETE", fmt.Sprintf("/hooks/%d", id), "")
	if calls := r.drain(s); len(calls) != 0 {
		t.Errorf("a webhook that is deleted was called: %+v", calls)
	}
}

// TestHooks_Chance: on the seed, some events come twice with the same hash, and some are overtaken; none is lost.
func TestHooks_Chance(t *testing.T) {
	t.Parallel()
	run := func(cfg func(*simulator.Config)) (ids []string, hashes map[string]int) {
		r := newReceiver()
		c := r.config()
		cfg(&c)
		s := simulator.New(c)
		if err := s.SeedCatalog(200, 0); err != nil {
			t.Fatal(err)
		}
		subscribe(t, s, "store/product/updated")
		for _, p := range s.Products() {
			send(t, s, "PUT", fmt.Sprintf("/catalog/products/%d", p.ID), `{"price":1}`)
		}
		hashes = map[string]int{}
		for _, call := range r.drain(s) {
			if hashes[call.Event.Hash]++; hashes[call.Event.Hash] == 1 {
				ids = append(ids, string(call.Event.Data))
			}
		}
		return ids, hashes
	}
	twice := func(hashes map[string]int) (n int) {
		for _, count := range hashes {
			if count == 2 {
				n++
			}
		}
		return n
	}
	plain, hashes := run(func(*simulator.Config) {})
	if !slices.IsSorted(plain) || len(plain) != 200 || twice(hashes) != 0 {
		t.Errorf("%d events in order %t, %d of them twice; want 200 in order and once", len(plain), slices.IsSorted(plain), twice(hashes))
	}
	some := func(seed uint64) func(*simulator.Config) {
		return func(c *simulator.Config) { c.WebhookDuplicates, c.WebhookReordering, c.Seed = 0.2, 0.2, seed }
	}
	mixed, hashes := run(some(1))
	again, _ := run(some(1))
	if slices.IsSorted(mixed) || len(mixed) != 200 || twice(hashes) < 20 || twice(hashes) > 60 || !slices.Equal(mixed, again) {
		t.Errorf("%d events in order %t, %d of them twice, the same again %t; want all, mixed, about 40 twice, on the seed", len(mixed), slices.IsSorted(mixed), twice(hashes), slices.Equal(mixed, again))
	}
}

// TestHooks_Blocked: a domain that fails too often is left alone for three minutes, and its events wait for a retry.
func TestHooks_Blocked(t *testing.T) {
	t.Parallel()
	r := newReceiver()
	r.answer = func(*http.Request) (int, error) { return 500, nil }
	s := simulator.New(r.config())
	if err := s.SeedCatalog(130, 0); err != nil {
		t.Fatal(err)
	}
	subscribe(t, s, "store/product/updated")
	for _, p := range s.Products() {
		send(t, s, "PUT", fmt.Sprintf("/catalog/products/%d", p.ID), `{"price":1}`)
	}
	r.now = r.now.Add(5 * time.Second)
	if n := s.Deliver(t.Context()); n != 100 {
		t.Errorf("%d calls were made before the domain was blocked, want 100", n)
	}
	if got := send(t, s, "GET", "/hooks/admin", ""); !strings.Contains(got.Body, `"destination":"example.com","reasons":[],"time_left":180`) {
		t.Errorf("the store says %s, want example.com blocked for 180 s", got.Body)
	}
	r.answer = func(*http.Request) (int, error) { return 200, nil }
	r.now = r.now.Add(61 * time.Second)
	if n := s.Deliver(t.Context()); n != 0 {
		t.Errorf("%d calls were made to a blocked domain", n)
	}
	if calls := r.drain(s); len(calls) != 130 {
		t.Errorf("%d of 130 events came in the end", len(calls))
	}
}

// TestStore_Run delivers by itself as time passes: to a receiver that hangs for 10 s and again a minute later, while
// others are not kept waiting; and it ends with its context, leaving nothing behind.
func TestStore_Run(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newReceiver()
		began := time.Now()
		var at []time.Duration
		hung := false
		r.answer = func(call *http.Request) (int, error) {
			r.mu.Lock()
			hang := !hung && strings.HasSuffix(call.URL.Path, "/product/updated")
			hung = hung || hang
			at = append(at, time.Since(began).Round(time.Second))
			r.mu.Unlock()
			if hang {
				<-call.Context().Done()
				return 0, call.Context().Err()
			}
			return 200, nil
		}
		cfg := r.config()
		cfg.Now, cfg.WebhookDelay, cfg.InventoryLag = nil, 3*time.Second, 20*time.Second
		s, products := seeded(t, cfg)
		subscribe(t, s, "store/product/updated")
		subscribe(t, s, "store/sku/updated")
		subscribe(t, s, "store/sku/inventory/updated")
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- s.Run(ctx) }()
		synctest.Wait()
		send(t, s, "PUT", "/catalog/products", fillIn(products, `[{"id":{0},"price":3}]`))
		send(t, s, "PUT", "/catalog/variants", fillIn(products, `[{"id":{v},"price":3}]`))
		send(t, s, "PUT", "/inventory/adjustments/absolute", fillIn(products, `{"items":[{"location_id":1,"variant_id":{v},"quantity":2}]}`))
		<-time.After(10 * time.Minute)
		synctest.Wait()
		if want := []time.Duration{3 * time.Second, 3 * time.Second, 23 * time.Second, 73 * time.Second}; !slices.Equal(at, want) {
			t.Errorf("the receiver was called after %v, want %v", at, want)
		}
		if tries := s.Deliveries(); tries[len(tries)-1].Try != 2 || tries[len(tries)-1].Status != 200 || tries[1].Failure != "no answer in time" {
			t.Errorf("the deliveries are %+v", tries)
		}
		// A stock level that lags wakes Run by itself.
		written := time.Now()
		send(t, s, "PUT", "/inventory/adjustments/absolute", fillIn(products, `{"items":[{"location_id":1,"variant_id":{v},"quantity":3}]}`))
		<-time.After(time.Minute)
		synctest.Wait()
		if tries := s.Deliveries(); tries[len(tries)-1].At.Sub(written) != 23*time.Second {
			t.Errorf("the level's event came %v after it, want 23 s", tries[len(tries)-1].At.Sub(written))
		}
		// A call that the end cuts short is no try.
		hung = false
		send(t, s, "PUT", "/catalog/products", fillIn(products, `[{"id":{0},"price":4}]`))
		<-time.After(5 * time.Second)
		synctest.Wait()
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if n := s.Deliver(t.Context()); n != 1 || s.Deliveries()[len(s.Deliveries())-1].Try != 1 {
			t.Errorf("%d calls after the end, of try %d, want the one that was cut short", n, s.Deliveries()[len(s.Deliveries())-1].Try)
		}
	})
}
