package simulator_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tillstream/tillstream/handlers/bigcommerce/simulator"
)

// TestFault_Kinds: what each fault answers, and whether the request had its effect. Over a network and without one they
// look the same to the client, and so they do however the fault came to be.
func TestFault_Kinds(t *testing.T) {
	t.Parallel()
	tests := []struct {
		fault  string
		status int // 0: no reply
		body   string
		cut    bool // the body breaks off
		acted  bool
	}{
		{`{"kind":"status","status":500}`, 500, `"status":500`, false, false},
		{`{"kind":"status","status":429}`, 429, `"title":"Too many requests"`, false, false},
		{`{"kind":"html","status":502}`, 502, "<html>", false, false},
		{`{"kind":"revoked"}`, 401, "Unauthorized", false, false},
		{`{"kind":"connect","delay":"1ms"}`, 0, "", false, false},
		{`{"kind":"hang","delay":"1ms"}`, 0, "", false, false},
		{`{"kind":"closeBeforeCommit"}`, 0, "", false, false},
		{`{"kind":"closeAfterCommit"}`, 0, "", false, true},
		{`{"kind":"commitLater","delay":"1ns"}`, 0, "", false, true},
		{`{"kind":"late","delay":"1ms"}`, 200, `{"data":{"id":`, false, true},
		{`{"kind":"dribble","delay":"1us","size":100}`, 200, `"meta":{}}`, false, true},
		{`{"kind":"truncate"}`, 200, `{"data":{"id":`, true, true},
		{`{"kind":"huge","size":5000}`, 200, strings.Repeat("x", 5000) + `","data":{"id":`, false, true},
		{`{"kind":"invalidUTF8"}`, 200, "\"name\":\"\xff\xfeBowl\"", false, true},
		{`{"kind":"stringIDs"}`, 200, `{"data":{"id":"1000001"`, false, true},
		{`{"kind":"partial"}`, 207, `"errors":{"errors":{"inventory_level"`, false, true},
		{`{"kind":"slow","delay":"1ms"}`, 200, `{"data":{"id":`, false, true},
		{`{"kind":"productDeleted"}`, 404, `"status":404`, false, false},
		{`{"kind":"productRecreated"}`, 404, `"status":404`, false, false},
		{`{"kind":"nameTaken"}`, 409, `"name":"The product name is a duplicate"`, false, false},
		{`{"kind":"quota","quota":7,"window":"10s"}`, 200, `{"data":{"id":`, false, true},
	}
	for _, tt := range tests {
		for _, way := range []string{"config", "control", "network"} {
			t.Run(tt.fault+"/"+way, func(t *testing.T) {
				t.Parallel()
				text := `{"match":"PUT /catalog/products/*","count":1,` + tt.fault[1:]
				var fault simulator.Fault
				if err := json.Unmarshal([]byte(text), &fault); err != nil {
					t.Fatal(err)
				}
				cfg := simulator.Config{Quota: 150}
				if way == "config" {
					cfg.Faults = []simulator.Fault{fault}
				}
				s, products := seeded(t, cfg)
				if way != "config" {
					if got := send(t, s, "POST", "/control/faults", text); got.Status != 200 {
						t.Fatal(got)
					}
				}
				client, base := s.Client(), "http://shop"
				if way == "network" {
					server := httptest.NewServer(s)
					defer server.Close()
					client, base = server.Client(), server.URL
				}
				put := func() (int, string, error) {
					r, err := http.NewRequest("PUT", fmt.Sprintf("%s/stores/demo/v3/catalog/products/%d", base, products[0].ID), strings.NewReader(`{"name":"Bowl","price":99}`))
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
				if status != tt.status || !strings.Contains(body, tt.body) || errors.Is(err, io.ErrUnexpectedEOF) != tt.cut {
					t.Errorf("got %d %q (%v), want %d %q, cut off: %t", status, body, err, tt.status, tt.body, tt.cut)
				}
				if p, _ := s.Product(products[0].ID); (p.Price == 99) != tt.acted {
					t.Errorf("the price is %v; had an effect: want %t", p.Price, tt.acted)
				}
				log := s.Requests()
				if log[0].Fault != fault.Kind || (len(log[0].Effects) > 0) != tt.acted {
					t.Errorf("the log says fault %q and effects %v", log[0].Fault, log[0].Effects)
				}
				if left := s.Faults(); len(left) != 0 {
					t.Errorf("after its one time the fault still stands: %+v", left)
				}
				if len(log) == 1 { // the merchant has left the product as it was
					if status, _, err := put(); status != 200 || err != nil {
						t.Errorf("after its one time the fault is met again: %d (%v)", status, err)
					}
				}
			})
		}
	}
	covered := map[simulator.Kind]bool{}
	for _, tt := range tests {
		var f simulator.Fault
		if err := json.Unmarshal([]byte(tt.fault), &f); err != nil {
			t.Fatal(err)
		}
		covered[f.Kind] = true
	}
	err := simulator.New(simulator.Config{}).Fail(simulator.Fault{Kind: "?"})
	for _, quoted := range regexp.MustCompile(`"\w+"`).FindAllString(err.Error(), -1) {
		if kind := simulator.Kind(strings.Trim(quoted, `"`)); !covered[kind] {
			t.Errorf("no test of kind %q", kind)
		}
	}
}

// TestFault_Connect: no connection is a timeout of the dial, after which nothing can have happened.
func TestFault_Connect(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, _ := seeded(t, simulator.Config{Faults: []simulator.Fault{{Kind: simulator.Connect, Delay: 30 * time.Second}}})
		wrote := false
		ctx := httptrace.WithClientTrace(context.Background(), &httptrace.ClientTrace{WroteHeaders: func() { wrote = true }})
		r, err := http.NewRequestWithContext(ctx, "PUT", "http://shop/stores/demo/v3/catalog/products", strings.NewReader("[]"))
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		_, err = s.Client().Do(r)
		dial, ok := errors.AsType[*net.OpError](err)
		if !ok || dial.Op != "dial" || !dial.Timeout() || wrote || time.Since(start) != 30*time.Second {
			t.Errorf("got %v after %v, and headers written: %t; want a timeout of the dial after 30 s, and none", err, time.Since(start), wrote)
		}
		s.Heal()
		if r, err = http.NewRequestWithContext(ctx, "GET", "http://shop/stores/demo/v3/catalog/products", nil); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Client().Do(r); err != nil || !wrote {
			t.Errorf("healed: got %v, and headers written: %t", err, wrote)
		}
	})
}

// TestFault_Dribble: the reply comes a byte at a time, for as long as the client has patience.
func TestFault_Dribble(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, _ := seeded(t, simulator.Config{Faults: []simulator.Fault{{Kind: simulator.Dribble, Delay: time.Second}}})
		start := time.Now()
		got := send(t, s, "GET", "/catalog/products?include_fields=name&limit=1", "")
		if took, want := time.Since(start), time.Duration(len(got.Body)+1)*time.Second; took != want {
			t.Errorf("%d bytes took %v, want %v", len(got.Body), took, want)
		}
		ctx, cancel := context.WithTimeout(context.Background(), 5500*time.Millisecond)
		defer cancel()
		r, err := http.NewRequestWithContext(ctx, "GET", "http://shop/stores/demo/v3/catalog/products", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("X-Auth-Token", "demo")
		response, err := s.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		if read, err := io.ReadAll(response.Body); len(read) != 5 || err == nil {
			t.Errorf("after 5.5 s the client has read %q (%v), want five bytes and an error", read, err)
		}
	})
}

// TestFault_Huge: the reply is made as it is read, so that a client that stops reading costs nothing.
func TestFault_Huge(t *testing.T) {
	t.Parallel()
	s, _ := seeded(t, simulator.Config{Faults: []simulator.Fault{{Kind: simulator.Huge}}})
	r, err := http.NewRequest("GET", "http://shop/stores/demo/v3/catalog/products", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Auth-Token", "demo")
	response, err := s.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	n, err := io.Copy(io.Discard, response.Body)
	if n < 100<<20 || err != nil {
		t.Errorf("read %d bytes (%v), want 100 MB or more", n, err)
	}
}

// TestFault_Merchant: what the merchant of a fault does is in the log, and in the store.
func TestFault_Merchant(t *testing.T) {
	t.Parallel()
	t.Run("Recreated", func(t *testing.T) {
		t.Parallel()
		s, products := seeded(t, simulator.Config{Faults: []simulator.Fault{{Match: "PUT /catalog/variants", Kind: simulator.ProductRecreated, Count: 1}}})
		got := send(t, s, "PUT", "/catalog/variants", fillIn(products, `[{"id":{v},"price":1}]`))
		if got.Status != 422 || !strings.Contains(got.Body, `"code":22001`) {
			t.Errorf("got %d %s, want a variant that is not found", got.Status, got.Body)
		}
		p, ok := s.ProductBySKU("T-S")
		if !ok || p.ID <= products[2].ID || len(p.Variants) != 2 || p.Variants[0].ID <= products[2].Variants[1].ID || p.Options[0].ID <= products[2].Options[0].ID {
			t.Errorf("the shirt is %+v, want another of the same SKUs and other ids", p)
		}
	})
	t.Run("NameTaken", func(t *testing.T) {
		t.Parallel()
		s, products := seeded(t, simulator.Config{Faults: []simulator.Fault{{Match: "PUT /catalog/products", Kind: simulator.NameTaken, Count: 1}}})
		got := send(t, s, "PUT", "/catalog/products", fillIn(products, `[{"id":{1},"name":"Spoon"},{"id":{0},"name":"Bowl"}]`))
		if got.Status != 409 || !strings.Contains(got.Body, `"name":`) {
			t.Errorf("got %d %s, want a name that is taken", got.Status, got.Body)
		}
		all := s.Products()
		if len(all) != 4 || all[3].Name != "Spoon" || all[1].Name == "Spoon" {
			t.Errorf("the store has %s, want a new Spoon and the old one renamed", dump(t, all))
		}
	})
	t.Run("OthersAreNotConcerned", func(t *testing.T) {
		t.Parallel()
		s, products := seeded(t, simulator.Config{Faults: []simulator.Fault{{Kind: simulator.ProductDeleted, Count: 1}}})
		send(t, s, "GET", fmt.Sprintf("/catalog/products/%d", products[0].ID), "")
		send(t, s, "POST", "/catalog/products", `{"name":"Cup","type":"physical","weight":0,"price":1}`)
		if got := len(s.Products()); got != 4 {
			t.Errorf("a read and a create met a fault of updates: %d products, want 4", got)
		}
		send(t, s, "PUT", "/inventory/adjustments/absolute", fillIn(products, `{"items":[{"location_id":1,"product_id":{0},"quantity":1}]}`))
		log := s.Requests()
		if got := len(s.Products()); got != 3 || log[len(log)-1].Actor != "merchant" || log[len(log)-1].Method != "DELETE" {
			t.Errorf("%d products, and the log ends with %+v; want the merchant to have deleted one", got, log[len(log)-1])
		}
	})
}

// TestFault_Extent: when a fault begins and ends, and how often it is met.
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
		<-time.After(time.Minute) // of the bubble
		if got := met(3); got != 0 {
			t.Errorf("after its end the fault was met %d times", got)
		}
		fail(simulator.Fault{After: time.Minute, For: time.Hour})
		if got := met(3); got != 0 {
			t.Errorf("before its beginning the fault was met %d times", got)
		}
		<-time.After(time.Minute)
		if got := met(3); got != 3 {
			t.Errorf("from its beginning the fault was met %d times of 3", got)
		}
		<-time.After(time.Hour)
		if got := met(3); got != 0 || len(s.Faults()) != 1 {
			t.Errorf("after its time the fault was met %d times, and %d faults stand, want the first alone", got, len(s.Faults()))
		}
		fail(simulator.Fault{Skip: 2, Count: 3})
		if got := []int{met(2), met(3), met(3)}; got[0] != 0 || got[1] != 3 || got[2] != 0 {
			t.Errorf("a fault of three requests after two was met %v times", got)
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
		"ErrLate": {Kind: simulator.Late}, "ErrQuota": {Kind: simulator.QuotaChange}, "ErrProbability": {Kind: simulator.Hang, Probability: 2},
		"ErrCount": {Kind: simulator.Hang, Count: -1}, "ErrTwoEnds": {Kind: simulator.Hang, For: 1, Until: time.Now()},
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

// FuzzStore: no request body or query makes the store panic, answer 5xx, or answer in JSON that does not parse.
func FuzzStore(f *testing.F) {
	f.Add("PUT", "/catalog/products", "", `[{"id":1000001,"name":null,"custom_url":{"url":1}}]`)
	f.Add("POST", "/catalog/products", "include_fields=id,,x", `{"name":"a","type":"physical","weight":1e308,"price":0.00005,"variants":[{}],"images":[{}]}`)
	f.Add("PUT", "/catalog/variants", "", `[{"id":"x"},{"product_id":1000003,"sku":"a","option_values":[{}]},null]`)
	f.Add("PUT", "/inventory/adjustments/absolute", "", `{"items":[{"sku":"T-S","location_id":1,"quantity":1},{}]}`)
	f.Add("GET", "/catalog/products", "page=99999999999&limit=0&id:in=,&sort=x&date_modified:min=y", ``)
	f.Add("DELETE", "/catalog/products", "id:min=-1", ``)
	f.Add("POST", "/hooks", "", `{"scope":"store//","destination":"https://[::1","headers":{"a b":"c"}}`)
	f.Add("PUT", "/inventory/locations/1/items", "", `{"settings":[{"identity":{},"safety_stock":-1},null]}`)
	f.Add("PUT", "/catalog/products/1000003/options/60000001", "", `{"display_name":""}`)
	f.Fuzz(func(t *testing.T, method, path, query, body string) {
		s, _ := seeded(t, simulator.Config{Faults: []simulator.Fault{{Kind: simulator.NameTaken, Count: 1}}})
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
