package simulator_test

import (
	"fmt"
	"net/http"
	"slices"
	"testing"

	"github.com/tillstream/tillstream/handlers/pos/xseries/simulator"
)

// TestVersions: a date version that expired is answered by the oldest that lives, one that is yet to come is not there,
// and each version has its own resources.
func TestVersions(t *testing.T) {
	t.Parallel()
	w := small(t, simulator.Config{})
	for _, tt := range []struct {
		method, path string
		want         int
	}{
		{"GET", "/api/2.0/products", 200}, {"GET", "/api/2026-07/products", 200}, {"GET", "/api/2025-01/products", 200},
		{"GET", "/api/2026-10/products", 404}, {"GET", "/api/2.1/products", 404}, {"GET", "/api/0.9/products", 404}, {"GET", "/api/2026-13/products", 404},
		{"GET", "/api/2.0/inventory", 200}, {"POST", "/api/2.0/inventory", 404}, {"POST", "/api/2026-07/inventory", 200}, {"GET", "/api/2026-07/inventory", 404},
		{"GET", "/api/2.0/stock_adjustments", 404}, {"GET", "/api/2026-07/stock_adjustments", 200}, {"POST", "/api/2026-07/inventory_levels", 200},
		{"GET", "/api/2.0/webhooks", 404}, {"GET", "/api/2026-07/webhooks", 200}, {"GET", "/api/2.0/nothing", 404}, {"GET", "/", 404},
		{"GET", "/api/2.0/retailer", 200}, {"GET", "/api/2026-07/outlets", 200}, {"GET", "/api/2026-07/registers", 200}, {"GET", "/api/2026-07/taxes", 200},
		{"GET", "/api/2026-07/brands", 200}, {"GET", "/api/2026-07/sales", 200}, {"GET", "/api/2.0/consignments", 200},
	} {
		if got := w.do(tt.method, tt.path, ""); got.status != tt.want {
			t.Errorf("%s %s: %d %s, want %d", tt.method, tt.path, got.status, got.body, tt.want)
		}
	}
	expired := objects(at(w.ok("GET", "/api/2025-01/products", ""), "data"))
	if expired[0]["family_id"] == nil {
		t.Error("an expired version is not answered as 2026-07")
	}
	if old := w.rows("/api/2.0/products"); old[0]["family_id"] != nil {
		t.Error("2.0 has a family_id")
	}
}

// TestCursor: a list ascends by one sequence of versions, after and before exclude their bounds, and reading on from the
// highest version of a page finds everything once.
func TestCursor(t *testing.T) {
	t.Parallel()
	w := newWorld(t, simulator.Config{PageSize: 50})
	for _, api := range []string{"2.0", "2026-07"} {
		whole := w.every("/api/" + api + "/products")
		seen := map[string]bool{}
		last := int64(0)
		for _, p := range whole {
			v := number(p["version"])
			if v <= last || seen[text(p["id"])] {
				t.Fatalf("%s: version %d of %s after %d, seen before: %v", api, v, p["id"], last, seen[text(p["id"])])
			}
			last, seen[text(p["id"])] = v, true
		}
		if len(whole) < 300 {
			t.Errorf("%s: %d products", api, len(whole))
		}
		low, high := text(whole[3]["version"]), text(whole[9]["version"])
		between := w.ok("GET", "/api/"+api+"/products?after="+low+"&before="+high, "")
		rows := objects(at(between, "data"))
		if len(rows) != 5 || text(rows[0]["id"]) != text(whole[4]["id"]) {
			t.Errorf("%s: %d products between the 4th and the 10th, want 5", api, len(rows))
		}
		if least, most := at(between, "version", "min"), at(between, "version", "max"); text(least) != text(whole[4]["version"]) || text(most) != text(whole[8]["version"]) {
			t.Errorf("%s: the envelope says %v to %v", api, least, most)
		}
		if got := len(w.rows("/api/" + api + "/products?page_size=7")); got != 7 {
			t.Errorf("%s: a page of 7 has %d", api, got)
		}
		if got := len(w.rows("/api/" + api + "/products?page_size=100000")); got != 50 {
			t.Errorf("%s: a page has %d, want the most", api, got)
		}
	}
}

// TestCursor_Moving: a record that is touched while somebody reads moves to the end and is seen again.
func TestCursor_Moving(t *testing.T) {
	t.Parallel()
	w := small(t, simulator.Config{PageSize: 4})
	first := w.ok("GET", "/api/2026-07/products", "")
	id := text(objects(at(first, "data"))[1]["id"])
	if err := w.account.Save(id, simulator.ProductEdit{}); err != nil {
		t.Fatal(err)
	}
	rest := w.after("/api/2026-07/products", text(at(first, "version", "max")))
	again := slices.ContainsFunc(rest, func(p map[string]any) bool { return p["id"] == id })
	if !again {
		t.Error("a product that was saved meanwhile is not seen again")
	}
}

func TestCursor_Empty(t *testing.T) {
	t.Parallel()
	w := small(t, simulator.Config{})
	for path, want := range map[string]string{
		"/api/2026-07/sales": `{"data":[],"version":{"max":null,"min":null}}`,
		"/api/2.0/sales":     `{"data":[],"version":{"max":0,"min":0}}`,
	} {
		if got := w.do("GET", path, ""); got.body != want {
			t.Errorf("%s: %s, want %s", path, got.body, want)
		}
	}
}

func TestCursor_ErrBad(t *testing.T) {
	t.Parallel()
	w := small(t, simulator.Config{})
	for _, path := range []string{
		"products?after=x", "products?after=-1", "products?before=1.5", "products?page_size=0", "products?page_size=-3", "products?deleted=maybe",
		"products?after=99999999999999999999", "stock_adjustments?page_size=1001", "inventory/x?page_size=5001", "consignments?type=OTHER",
	} {
		if got := w.do("GET", "/api/2026-07/"+path, ""); got.status != http.StatusBadRequest {
			t.Errorf("%s: %d %s, want 400", path, got.status, got.body)
		}
	}
}

// TestInventory: 2026-07 answers a bare array that descends unless it is told not to; 2.0 an envelope that ascends.
func TestInventory(t *testing.T) {
	t.Parallel()
	w := small(t, simulator.Config{})
	versions := func(rows []map[string]any) []int64 {
		var out []int64
		for _, r := range rows {
			out = append(out, number(r["version"]))
		}
		return out
	}
	down := versions(objects(w.ok("POST", "/api/2026-07/inventory", "")))
	up := versions(objects(w.ok("POST", "/api/2026-07/inventory", `{"sort_direction":"asc"}`)))
	old := versions(w.rows("/api/2.0/inventory"))
	if len(down) < 20 || !slices.IsSorted(up) || !slices.Equal(up, old) {
		t.Fatalf("%d records; ascending %v, 2.0 %v", len(down), up, old)
	}
	slices.Reverse(down)
	if !slices.Equal(up, down) {
		t.Errorf("descending by default it is %v, want the reverse of %v", down, up)
	}
	page := versions(objects(w.ok("POST", "/api/2026-07/inventory", fmt.Sprintf(`{"after":%d,"before":%d,"size":2,"sort_direction":"asc"}`, up[2], up[9]))))
	if !slices.Equal(page, up[3:5]) {
		t.Errorf("a page is %v, want %v", page, up[3:5])
	}
	for _, body := range []string{`{"size":5001}`, `{"size":0}`, `{"after":-1}`, `{"sort_direction":"up"}`, `[]`, `{"after":"x"}`, `{`} {
		if got := w.do("POST", "/api/2026-07/inventory", body); got.status != http.StatusBadRequest {
			t.Errorf("%s: %d %s, want 400", body, got.status, got.body)
		}
	}
	parent := w.rows("/api/2026-07/products")[0]
	family := objects(w.ok("GET", "/api/2026-07/inventory/"+text(parent["id"])+"?variants=true", ""))
	alone := objects(w.ok("GET", "/api/2026-07/inventory/"+text(parent["id"]), ""))
	if len(alone) != 2 || len(family) <= 2 || !slices.IsSorted(versions(alone)) {
		t.Errorf("%d records of a product and %d of its family, want 2 and more, ascending", len(alone), len(family))
	}
}
