package api

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
)

// Version is a version of the API, as it stands in its paths.
type Version string

// The versions that are taken.
const (
	V2      Version = "2.0"
	V202607 Version = "2026-07"
)

// Versions lists the versions that are taken, the newest last.
func Versions() []Version { return []Version{V2, V202607} }

// Resource is a list of records.
type Resource string

// The lists.
const (
	Products     Resource = "products"
	Tombstones   Resource = "deleted products" // may hold living ones as well
	Inventory    Resource = "inventory"
	Sales        Resource = "sales"
	Consignments Resource = "consignments"
	Adjustments  Resource = "stock adjustments"
	Outlets      Resource = "outlets"
	Registers    Resource = "registers"
)

// pageSizes are what is asked for. Most lists do not say what they give at most;
// 200 is what the oldest API did.
var pageSizes = map[Resource]int{Products: 200, Tombstones: 200, Inventory: 1000, Sales: 200, Consignments: 200, Adjustments: 1000, Outlets: 200, Registers: 200}

// PageSize is how many records a page is asked for.
func (v Version) PageSize(r Resource) int {
	if r == Inventory && v != V2 {
		return 5000
	}
	return pageSizes[r]
}

// Has reports whether the version has a list. What it lacks is not read.
func (v Version) Has(r Resource) bool { return r != Adjustments || v != V2 }

// page makes the request for the records after a version.
func (v Version) page(r Resource, after uint64, size int) request {
	query := url.Values{"page_size": {strconv.Itoa(size)}, "after": {strconv.FormatUint(after, 10)}}
	path := string(r)
	switch r {
	case Tombstones:
		path = "products"
		query.Set("deleted", "true")
	case Adjustments:
		path = "stock_adjustments"
	case Inventory:
		if v != V2 {
			// The order is descending unless it is asked for otherwise.
			body := fmt.Sprintf(`{"after":%d,"size":%d,"sort_direction":"asc","include_deleted":true}`, after, size)
			return request{method: http.MethodPost, path: v.path("inventory"), body: body}
		}
	}
	return request{method: http.MethodGet, path: v.path(path), query: query}
}

// lines makes the request for the lines of a consignment.
func (v Version) lines(consignment string, after uint64) request {
	query := url.Values{"page_size": {"500"}, "after": {strconv.FormatUint(after, 10)}}
	return request{method: http.MethodGet, path: v.path("consignments/" + url.PathEscape(consignment) + "/products"), query: query}
}

func (v Version) path(rest string) string { return "/api/" + string(v) + "/" + rest }
