package simulator_test

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

	"github.com/tillstream/tillstream/handlers/bigcommerce/simulator"
)

// TestFault_Kinds: what each fault answers, and whether the request had its effect. Over a network and without one they
// look the same to the client.
func TestFault_Kinds(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		fault  simulator.Fault
		status int // 0: no reply
		body   string
		cut    bool // the body breaks off
		acted  bool
	}{
		{"Status", simulator.Fault{Kind: simulator.Status, Status: 500}, 500, `"status":500`, false, false},
		{"HTML", simulator.Fault{Kind: simulator.HTML, Status: 502}, 502, "<html>", false, false},
		{"Partial", simulator.Fault{Kind: simulator.Partial}, 207, `"errors":{"errors":{"inventory_level"`, false, true},
		{"CloseBeforeCommit", simulator.Fault{Kind: simulator.CloseBeforeCommit}, 0, "", false, false},
		{"CloseAfterCommit", simulator.Fault{Kind: simulator.CloseAfterCommit}, 0, "", false, true},
		{"Truncate", simulator.Fault{Kind: simulator.Truncate}, 200, `{"data":`, true, true},
		{"Slow", simulator.Fault{Kind: simulator.Slow, Delay: time.Millisecond}, 200, `{"data":`, false, true},
	}
	for _, tt := range tests {
		for _, network := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/network=%t", tt.name, network), func(t *testing.T) {
				t.Parallel()
				s, products := seeded(t, simulator.Config{})
				client, base := s.Client(), "http://shop"
				if network {
					server := httptest.NewServer(s)
					defer server.Close()
					client, base = server.Client(), server.URL
				}
				fault := tt.fault
				fault.Match, fault.Count = "PUT /catalog/products/*", 1
				if err := s.Fail(fault); err != nil {
					t.Fatal(err)
				}
				put := func() (int, string, error) {
					r, err := http.NewRequest("PUT", fmt.Sprintf("%s/stores/demo/v3/catalog/products/%d", base, products[0].ID), strings.NewReader(`{"price":99}`))
					if err != nil {
						t.Fatal(err)
					}
					r.Header.Set("X-Auth-Token", "demo")
					r.Header.Set("Content-Type", "application/json")
					response, err := client.Do(r)
					if err != nil {
						return 0, "", nil
					}
					defer response.Body.Close()
					raw, err := io.ReadAll(response.Body)
					return response.StatusCode, string(raw), err
				}
				status, body, err := put()
				if status != tt.status || !strings.HasPrefix(body, strings.SplitN(tt.body, `"status"`, 2)[0]) && !strings.Contains(body, tt.body) || errors.Is(err, io.ErrUnexpectedEOF) != tt.cut {
					t.Errorf("got %d %q (%v), want %d %q, cut off: %t", status, body, err, tt.status, tt.body, tt.cut)
				}
				if p, _ := s.Product(products[0].ID); (p.Price == 99) != tt.acted {
					t.Errorf("the price is %v; had an effect: want %t", p.Price, tt.acted)
				}
				log := s.Requests()
				if log[0].Fault != fault.Kind || (len(log[0].Effects) > 0) != tt.acted {
					t.Errorf("the log says fault %q and effects %v", log[0].Fault, log[0].Effects)
				}
				if status, _, err := put(); status != 200 || err != nil {
					t.Errorf("after its one time the fault is met again: %d (%v)", status, err)
				}
			})
		}
	}
}

// TestFault_Until and its siblings decide how often a fault is met.
func TestFault_Extent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, _ := seeded(t, simulator.Config{Seed: 7})
		met := func(n int) (count int) {
			for range n {
				if send(t, s, "GET", "/catalog/products", "").Status == 500 {
					count++
				}
			}
			return count
		}
		fail := func(f simulator.Fault) {
			t.Helper()
			f.Kind, f.Status = simulator.Status, 500
			if err := s.Fail(f); err != nil {
				t.Fatal(err)
			}
		}
		fail(simulator.Fault{Match: "* /inventory/*"})
		if got := met(5); got != 0 {
			t.Errorf("a fault of other requests was met %d times", got)
		}
		fail(simulator.Fault{Until: time.Now().Add(time.Minute)})
		if got := met(3); got != 3 {
			t.Errorf("before its end the fault was met %d times of 3", got)
		}
		time.Sleep(time.Minute) // of the bubble
		if got := met(3); got != 0 {
			t.Errorf("after its end the fault was met %d times", got)
		}
		fail(simulator.Fault{Probability: 0.3})
		if got := met(1000); got < 250 || got > 350 {
			t.Errorf("with probability 0.3 the fault was met %d times of 1000", got)
		}
		s.Heal()
		if got := met(50); got != 0 {
			t.Errorf("healed, the fault was met %d times", got)
		}
	})
	for name, f := range map[string]simulator.Fault{
		"ErrKind": {Kind: "sick"}, "ErrStatus": {Kind: simulator.Status, Status: 200}, "ErrDelay": {Kind: simulator.Slow},
		"ErrMatch": {Kind: simulator.Hang, Match: "/catalog"}, "ErrPattern": {Kind: simulator.Hang, Match: "GET /["},
	} {
		if err := simulator.New(simulator.Config{}).Fail(f); err == nil {
			t.Errorf("%s: the fault was taken", name)
		}
	}
}

// TestFault_Hang: a request hangs until its client leaves, or until the store is healed.
func TestFault_Hang(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, _ := seeded(t, simulator.Config{})
		if err := s.Fail(simulator.Fault{Kind: simulator.Hang}); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
		defer cancel()
		r, err := http.NewRequestWithContext(ctx, "GET", "http://shop/stores/demo/v3/catalog/products", nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Client().Do(r); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want the deadline", err)
		}
		done := make(chan error)
		go func() {
			_, err := try(s, "GET", "/catalog/products", "")
			done <- err
		}()
		synctest.Wait()
		s.Heal()
		if err := <-done; err == nil {
			t.Error("a request that hung was answered when the store was healed, want its connection closed")
		}
	})
}

// TestWindow: the quota is the store's, whoever spends it, and comes back with the next window.
func TestWindow(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	s := simulator.New(simulator.Config{Quota: 3, Now: func() time.Time { return now }})
	ask := func(status int, left, reset string) {
		t.Helper()
		got := send(t, s, "GET", "/catalog/products", "")
		if got.Status != status || got.Header.Get("X-Rate-Limit-Requests-Left") != left || got.Header.Get("X-Rate-Limit-Time-Reset-Ms") != reset {
			t.Errorf("got %d with %v, want %d with %s left and a reset in %s ms", got.Status, got.Header, status, left, reset)
		}
	}
	ask(200, "2", "30000")
	now = now.Add(10 * time.Second)
	s.Spend(1)
	ask(200, "0", "20000")
	ask(429, "0", "20000")
	now = now.Add(20 * time.Second)
	ask(200, "2", "30000")
	now = now.Add(100 * time.Second) // three windows and a third later
	ask(200, "2", "20000")
	if err := s.Fail(simulator.Fault{Kind: simulator.Status, Status: 429, Count: 1}); err != nil {
		t.Fatal(err)
	}
	ask(429, "", "")
	if err := s.Fail(simulator.Fault{Kind: simulator.Status, Status: 429, Spent: true, Count: 1}); err != nil {
		t.Fatal(err)
	}
	ask(429, "0", "20000")
}

// TestStock_Lag: a level is accepted first and seen later, by the catalog too.
func TestStock_Lag(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	var told []simulator.Change
	s, products := seeded(t, simulator.Config{InventoryLag: 5 * time.Second, Now: func() time.Time { return now }, OnChange: func(c simulator.Change) { told = append(told, c) }})
	bowl := products[0].ID
	body := `{"items":[{"location_id":1,"product_id":%d,"quantity":%d}]}`
	for _, n := range []int{4, 7} {
		if got := send(t, s, "PUT", "/inventory/adjustments/absolute", fmt.Sprintf(body, bowl, n)); got.Status != 200 {
			t.Fatal(got)
		}
	}
	if got := s.Stock(1, bowl, 0); got != 0 || len(told) != 0 {
		t.Errorf("before the lag is over the stock is %d, and %d changes were told", got, len(told))
	}
	now = now.Add(5 * time.Second)
	if p, _ := s.Product(bowl); p.InventoryLevel != 7 || p.Variants[0].InventoryLevel != 7 || s.Stock(1, bowl, 0) != 7 {
		t.Errorf("after it the catalog shows %d, want 7: one request after the other keep their order", p.InventoryLevel)
	}
	if len(told) != 2 || string(told[1].Fields[0].Before) != "4" || string(told[1].Fields[0].After) != "7" || told[0].Seq != 1 || told[1].Seq != 2 {
		t.Errorf("told %+v, want the levels 4 and 7 of requests 1 and 2", told)
	}
}

// TestStock_Overlap: absolute levels in flight together may end in either order.
func TestStock_Overlap(t *testing.T) {
	t.Parallel()
	ends := map[int64]int{}
	for seed := range uint64(20) {
		synctest.Test(t, func(t *testing.T) {
			s, products := seeded(t, simulator.Config{Seed: seed, Latency: time.Second, InventoryLag: time.Second})
			var wg sync.WaitGroup
			for n := range 2 {
				wg.Go(func() {
					send(t, s, "PUT", "/inventory/adjustments/absolute", fmt.Sprintf(`{"items":[{"location_id":1,"product_id":%d,"quantity":%d}]}`, products[0].ID, n+1))
				})
				synctest.Wait() // the first has arrived before the second is sent
			}
			wg.Wait()
			time.Sleep(2 * time.Second) // of the bubble
			ends[s.Stock(1, products[0].ID, 0)]++
		})
	}
	if ends[1] == 0 || ends[2] == 0 || ends[1]+ends[2] != 20 {
		t.Errorf("the level ended as %v over 20 seeds, want some of each", ends)
	}
}

// TestControl drives a store by its control API alone.
func TestControl(t *testing.T) {
	t.Parallel()
	s, products := seeded(t, simulator.Config{Quota: 10})
	id := products[0].ID
	steps := []struct {
		method, path, body string
		status             int
		want               string
	}{
		{"POST", "/control/faults", `{"match":"GET /catalog/products","kind":"status","status":503,"count":1}`, 200, `"ok":true`},
		{"GET", "/catalog/products", ``, 503, ``},
		{"POST", "/control/faults", `{"kind":"hang"}`, 200, ``},
		{"DELETE", "/control/faults", ``, 200, ``},
		{"POST", "/control/faults", `{"kind":"sick"}`, 400, `sick`},
		{"POST", "/control/faults", `{`, 400, `body`},
		{"POST", "/control/merchant-edit", fmt.Sprintf(`{"id":%d,"fields":{"weight":2.5}}`, id), 200, ``},
		{"POST", "/control/merchant-edit", fmt.Sprintf(`{"id":%d,"fields":{"weight":-1}}`, id), 400, `weight`},
		{"POST", "/control/merchant-edit", fmt.Sprintf(`{"id":%d,"fields":{"wait":1}}`, id), 400, `unknown`},
		{"POST", "/control/merchant-edit", `{"id":7,"fields":{}}`, 400, `product 7`},
		{"GET", fmt.Sprintf("/control/products/%d", id), ``, 200, `"weight":2.5`},
		{"GET", "/control/products/7", ``, 400, `product 7`},
		{"GET", "/control/products", ``, 200, `"name":"Spoon"`},
		{"POST", "/control/down", `{"down":true}`, 200, ``},
		{"GET", "/catalog/products", ``, 503, ``},
		{"POST", "/control/down", `{"down":false}`, 200, ``},
		{"POST", "/control/token", `{"revoked":true}`, 200, ``},
		{"GET", "/catalog/products", ``, 401, ``},
		{"POST", "/control/token", `{"revoked":false}`, 200, ``},
		{"POST", "/control/spend", `{"requests":100}`, 200, ``},
		{"GET", "/catalog/products", ``, 429, ``},
		{"GET", "/control/requests?after=2", ``, 200, `"actor":"merchant"`},
		{"GET", "/control/requests?after=x", ``, 400, `after`},
	}
	for _, step := range steps {
		if got := send(t, s, step.method, step.path, step.body); got.Status != step.status || !strings.Contains(got.Body, step.want) {
			t.Errorf("%s %s %s: got %d %s, want %d with %s", step.method, step.path, step.body, got.Status, got.Body, step.status, step.want)
		}
	}
	if got := send(t, s, "DELETE", "/control/faults", "", "X-Auth-Token", "other"); got.Status != 401 {
		t.Errorf("with another token: got %d, want 401", got.Status)
	}
}

// TestStore_LogLimit keeps the newest requests.
func TestStore_LogLimit(t *testing.T) {
	t.Parallel()
	s := simulator.New(simulator.Config{LogLimit: 3})
	for range 20 {
		send(t, s, "GET", "/catalog/products", "")
	}
	if got := s.Requests(); len(got) != 3 || got[0].Seq != 18 || got[2].Seq != 20 {
		t.Errorf("got %+v, want requests 18 to 20", got)
	}
}

// TestStore_Concurrent: many writers and readers, and OnChange that reads the store; every update is told once.
func TestStore_Concurrent(t *testing.T) {
	t.Parallel()
	var (
		s    *simulator.Store
		told int
	)
	s, products := seeded(t, simulator.Config{OnChange: func(c simulator.Change) {
		if _, ok := s.Product(c.Product); !ok && c.Verb != simulator.Deleted {
			t.Errorf("told of product %d, which is not there", c.Product)
		}
		if c.Verb == simulator.Updated {
			told++
		}
	}})
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 25 {
				send(t, s, "PUT", fmt.Sprintf("/catalog/products/%d", products[g%3].ID), fmt.Sprintf(`{"price":%d}`, i))
				send(t, s, "GET", "/catalog/products?include=variants", "")
				s.Requests()
			}
		})
	}
	wg.Wait()
	if told != 200 {
		t.Errorf("%d updates were told, want 200", told)
	}
}

// FuzzStore: no request body or query makes the store panic, answer 5xx, or answer in JSON that does not parse.
func FuzzStore(f *testing.F) {
	f.Add("PUT", "/catalog/products", "", `[{"id":1000001,"name":null,"custom_url":{"url":1}}]`)
	f.Add("POST", "/catalog/products", "include_fields=id,,x", `{"name":"a","type":"physical","weight":1e308,"price":0.00005,"variants":[{}],"images":[{}]}`)
	f.Add("PUT", "/catalog/variants", "", `[{"id":"x"},{"product_id":1000003,"sku":"a","option_values":[{}]},null]`)
	f.Add("PUT", "/inventory/adjustments/absolute", "", `{"items":[{"sku":"T-S","location_id":1,"quantity":1},{}]}`)
	f.Add("GET", "/catalog/products", "page=99999999999&limit=0&id:in=,&sort=x&date_modified:min=y", ``)
	f.Add("DELETE", "/catalog/products", "id:min=-1", ``)
	f.Fuzz(func(t *testing.T, method, path, query, body string) {
		s, _ := seeded(t, simulator.Config{})
		w := httptest.NewRecorder()
		r, err := http.NewRequest(method, "http://shop/", strings.NewReader(body))
		if err != nil {
			return
		}
		r.URL.Path, r.URL.RawQuery = "/stores/demo/v3"+path, query
		r.Header.Set("X-Auth-Token", "demo")
		r.Header.Set("Content-Type", "application/json")
		s.ServeHTTP(w, r)
		if w.Code >= 500 {
			t.Errorf("%d: %s", w.Code, w.Body)
		}
		if strings.HasSuffix(w.Header().Get("Content-Type"), "json") && !json.Valid(w.Body.Bytes()) {
			t.Errorf("not JSON: %s", w.Body)
		}
	})
}
