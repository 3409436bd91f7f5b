package poll_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// account is an account's API at its barest: lists of records by version, answered
// as the documents say. A test changes its records, and may fail its requests.
type account struct {
	t *testing.T

	mu      sync.Mutex
	version uint64
	lists   map[string]map[string]map[string]any // records by list and id
	lines   map[string][]map[string]any
	mostPer int                                           // records per page at most
	fail    func(http.ResponseWriter, *http.Request) bool // answers itself when it returns true
	asked   []string
}

func newAccount(t *testing.T) (*account, string) {
	a := &account{t: t, version: 90_000_000, lists: map[string]map[string]map[string]any{}, lines: map[string][]map[string]any{}, mostPer: 200}
	server := httptest.NewServer(a)
	t.Cleanup(server.Close)
	for _, o := range []struct{ id, name string }{{"outlet-1", "Quayside"}, {"outlet-2", "Mill Lane"}} {
		a.put("outlets", map[string]any{"id": o.id, "name": o.name})
	}
	a.put("registers", map[string]any{"id": "register-1", "outlet_id": "outlet-1"})
	return a, server.URL
}

// put writes a record under its id with the next version, and returns that.
func (a *account) put(list string, r map[string]any) uint64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.version += 3
	if a.lists[list] == nil {
		a.lists[list] = map[string]map[string]any{}
	}
	stored := map[string]any{"version": a.version}
	for k, v := range r {
		stored[k] = v
	}
	id := fmt.Sprint(r["id"])
	if list == "inventory" {
		id = fmt.Sprint(r["product_id"], r["outlet_id"])
		stored["id"] = id
	}
	a.lists[list][id] = stored
	return stored["version"].(uint64)
}

func (a *account) product(id string, more map[string]any) uint64 {
	r := map[string]any{"id": id, "sku": "SKU-" + id, "name": "Thing " + id, "price_including_tax": 12.5, "price_excluding_tax": 10, "supply_price": "4", "active": true, "has_inventory": true}
	for k, v := range more {
		r[k] = v
	}
	return a.put("products", r)
}

func (a *account) level(item, outlet string, n any) uint64 {
	return a.put("inventory", map[string]any{"product_id": item, "outlet_id": outlet, "current_inventory_level": n})
}

func (a *account) sale(id, item string, quantity int, date string) uint64 {
	return a.put("sales", map[string]any{"id": id, "state": "closed", "outlet_id": "outlet-1", "date": date,
		"line_items": []any{map[string]any{"id": id + "-1", "product": map[string]any{"id": item}, "quantity": quantity}}})
}

func (a *account) failing(fail func(http.ResponseWriter, *http.Request) bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.fail = fail
}

func (a *account) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	a.asked = append(a.asked, r.Method+" "+r.URL.String())
	fail := a.fail
	a.mu.Unlock()
	if fail != nil && fail(w, r) {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	w.Header().Set("X-RateLimit-Limit", "1000000")
	if r.Header.Get("Authorization") != "Bearer personal" || r.Header.Get("User-Agent") == "" {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	path := strings.TrimPrefix(r.URL.Path, "/api/2026-07/")
	after, _ := strconv.ParseUint(r.URL.Query().Get("after"), 10, 64)
	size, _ := strconv.Atoi(r.URL.Query().Get("page_size"))
	if path == "inventory" {
		var body struct {
			After uint64
			Size  int
			Sort  string `json:"sort_direction"`
		}
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil || body.Sort != "asc" {
			w.WriteHeader(http.StatusUnprocessableEntity)
			return
		}
		after, size = body.After, body.Size
	}
	if path == "retailer" {
		fmt.Fprint(w, `{"data":{"tax_exclusive":false,"currency":{"code":"GBP"}}}`)
		return
	}
	var records []map[string]any
	if id, ok := strings.CutSuffix(strings.TrimPrefix(path, "consignments/"), "/products"); ok {
		for _, l := range a.lines[id] {
			if l["version"].(uint64) > after {
				records = append(records, l)
			}
		}
	} else {
		for _, rec := range a.lists[path] {
			deleted := rec["deleted_at"] != nil
			if rec["version"].(uint64) > after && (path != "products" || deleted == (r.URL.Query().Get("deleted") == "true")) {
				records = append(records, rec)
			}
		}
	}
	slices.SortFunc(records, func(x, y map[string]any) int { return cmp.Compare(x["version"].(uint64), y["version"].(uint64)) })
	records = records[:min(len(records), size, a.mostPer)]
	if records == nil {
		records = []map[string]any{}
	}
	var answer any = records
	if path != "inventory" {
		versions := map[string]any{"min": nil, "max": nil}
		if n := len(records); n > 0 {
			versions = map[string]any{"min": records[0]["version"], "max": records[n-1]["version"]}
		}
		answer = map[string]any{"data": records, "version": versions}
	}
	if err := json.NewEncoder(w).Encode(answer); err != nil {
		a.t.Errorf("answer %s: %v", r.URL, err)
	}
}
