package bigcommerce

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// MaxListed is how many ids one request of a list takes; see [Client.ProductsByID].
const MaxListed = maxListed

// productFields are what a [Product] holds of BigCommerce's many fields. That what is included comes beside chosen
// fields is not documented; [Client.ProductsWithOptions] and [Client.Product] choose none.
const productFields = "name,sku,description,price,cost_price,brand_id,is_visible,inventory_tracking,inventory_level,base_variant_id"

// stockLimit is the most that inventory lists return at a time.
const stockLimit = "1000"

// SurveyProducts returns one page of all products, with their variants, and how many pages there are. Pages count from
// 1. It is [Client.Products] for one who may read some of the products by their ids instead.
func (c *Client) SurveyProducts(ctx context.Context, page int) (products []Product, pages int, err error) {
	return survey[Product](ctx, c, "list products", "/catalog/products", page,
		url.Values{"include": {"variants"}, "include_fields": {productFields}, "limit": {pageLimit}})
}

// ProductsWithOptions is [Client.ProductsByID] with the options, too, of which BigCommerce returns ten products at a time.
func (c *Client) ProductsWithOptions(ctx context.Context, ids []ProductID) ([]Product, error) {
	return listed[Product](ctx, c, "read products with options", "/catalog/products", "id", texts(ids), url.Values{"include": {"variants,options"}})
}

// Stock is what BigCommerce has in stock of one variant; of a simple product that is its base variant.
type Stock struct {
	Product ProductID
	Variant VariantID
	Levels  []LocationLevel
}

// LocationLevel is the stock at one location, what is held back for safety included: what [Client.SetStock] sets.
type LocationLevel struct {
	Location LocationID `json:"location_id"`
	OnHand   int64      `json:"total_inventory_onhand"`
}

// stockBody is how the inventory API shows one item.
type stockBody struct {
	Identity struct {
		Product ProductID `json:"product_id"`
		Variant VariantID `json:"variant_id"`
	} `json:"identity"`
	Locations []LocationLevel `json:"locations"`
}

// SurveyStock returns one page of the stock of the whole store and how many pages there are, 1,000 items to a page.
// Levels that were set just before may not be in it.
func (c *Client) SurveyStock(ctx context.Context, page int) (stock []Stock, pages int, err error) {
	found, pages, err := survey[stockBody](ctx, c, "list stock", "/inventory/items", page, url.Values{"limit": {stockLimit}})
	return stocks(found), pages, err
}

// StockByProduct returns the stock of some products, in no particular order. Products that do not exist are left out.
func (c *Client) StockByProduct(ctx context.Context, ids []ProductID) ([]Stock, error) {
	found, err := listed[stockBody](ctx, c, "read stock", "/inventory/items", "product_id", texts(ids), url.Values{"limit": {stockLimit}})
	return stocks(found), err
}

func stocks(found []stockBody) []Stock {
	out := make([]Stock, len(found))
	for i, b := range found {
		out[i] = Stock{b.Identity.Product, b.Identity.Variant, b.Locations}
	}
	return out
}

// BrandRef is a brand that exists.
type BrandRef struct {
	ID   int64  `json:"id"`
	Name string `json:"name"`
}

// SurveyBrands returns one page of all brands and how many pages there are, 250 to a page.
func (c *Client) SurveyBrands(ctx context.Context, page int) (brands []BrandRef, pages int, err error) {
	return survey[BrandRef](ctx, c, "list brands", "/catalog/brands", page, url.Values{"include_fields": {"name"}, "limit": {pageLimit}})
}

// BrandsByID returns those of the brands that exist, in no particular order.
func (c *Client) BrandsByID(ctx context.Context, ids []int64) ([]BrandRef, error) {
	return listed[BrandRef](ctx, c, "read brands", "/catalog/brands", "id", texts(ids), url.Values{"include_fields": {"name"}})
}

// survey reads one page of everything.
func survey[T any](ctx context.Context, c *Client, op, path string, page int, query url.Values) ([]T, int, error) {
	query.Set("page", strconv.Itoa(page))
	r, err := do[[]T](ctx, c, call{op: op, method: http.MethodGet, path: path, query: query})
	return r.Data, r.Meta.Pagination.TotalPages, err
}

// SameBrand reports whether BigCommerce takes two names for one brand.
func SameBrand(a, b Brand) bool {
	return strings.EqualFold(strings.TrimSpace(string(a)), strings.TrimSpace(string(b)))
}
