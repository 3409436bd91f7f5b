package bigcommerce

import (
	"context"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

const (
	pageLimit = "250" // the most that catalog lists return at a time

	// A list of filter values is cut into requests of at most so many values and so many bytes, since the whole list
	// travels in the URL.
	maxListed      = 50
	maxListedBytes = 2000
)

// Products returns one page of all products, with their variants, and how many pages there are. Pages count from 1.
func (c *Client) Products(ctx context.Context, page int) (products []Product, pages int, err error) {
	return survey[Product](ctx, c, "list products", "/catalog/products", page, url.Values{"include": {"variants"}, "limit": {pageLimit}})
}

// Product returns one product with its variants and options; [IsNotFound] when there is none.
func (c *Client) Product(ctx context.Context, id ProductID) (Product, error) {
	call := call{op: "read product", method: http.MethodGet, path: productPath(id), ids: []int64{int64(id)},
		query: url.Values{"include": {"variants,options"}}}
	r, err := do[Product](ctx, c, call)
	if err == nil && r.Data.ID != id {
		return Product{}, call.unexpected("is about product %d", r.Data.ID)
	}
	return r.Data, err
}

// ProductsByID returns those of the products that exist, with their variants, in no particular order.
func (c *Client) ProductsByID(ctx context.Context, ids []ProductID) ([]Product, error) {
	return listed[Product](ctx, c, "read products", "/catalog/products", "id", texts(ids), url.Values{"include": {"variants"}, "include_fields": {productFields}})
}

// ExistingProducts returns those of the ids that name a product, in no particular order.
func (c *Client) ExistingProducts(ctx context.Context, ids []ProductID) ([]ProductID, error) {
	// An id always comes back; it cannot be asked for alone.
	found, err := listed[Product](ctx, c, "read which products exist", "/catalog/products", "id", texts(ids), url.Values{"include_fields": {"name"}})
	there := make([]ProductID, len(found))
	for i, p := range found {
		there[i] = p.ID
	}
	return there, err
}

// ProductsBySKU returns the products whose own SKU is one of those given, with their variants, in no particular order.
// BigCommerce compares SKUs whatever their case. The SKUs of variants other than the base variant are found by
// [Client.VariantsBySKU].
func (c *Client) ProductsBySKU(ctx context.Context, skus []string) ([]Product, error) {
	return listed[Product](ctx, c, "find products by SKU", "/catalog/products", "sku", skus, url.Values{"include": {"variants"}})
}

// ProductsByName returns the product of that name, if there is one, with its variants.
func (c *Client) ProductsByName(ctx context.Context, name string) ([]Product, error) {
	r, err := do[[]Product](ctx, c, call{op: "find products by name", method: http.MethodGet, path: "/catalog/products",
		query: url.Values{"name": {name}, "include": {"variants"}, "limit": {pageLimit}}})
	return r.Data, err
}

// CreateProduct makes one product, with its variants if it has any, and returns it with their ids. After
// [Ambiguous] it may exist: look for its SKUs before trying again. [IsDuplicateSKU] and [IsDuplicateName] tell
// what stands in its way.
func (c *Client) CreateProduct(ctx context.Context, p ProductCreate) (Product, error) {
	call := call{op: fmt.Sprintf("create product %q", bounded(p.Name)), method: http.MethodPost, path: "/catalog/products", body: p}
	r, err := do[Product](ctx, c, call)
	if err == nil && r.Data.ID == 0 {
		return Product{}, call.unexpected("does not name the product")
	}
	return r.Data, err
}

// UpdateProducts writes the full state of up to [MaxProducts] products in one request and returns what was stored of
// id, name and SKU. When one product is at fault (404, 409, 422) nothing of the batch was stored, and BigCommerce does
// not always say which it was: split the batch. On [IsPartial] the rows were stored.
func (c *Client) UpdateProducts(ctx context.Context, updates []ProductUpdate) ([]Product, error) {
	call := call{op: "update products", method: http.MethodPut, path: "/catalog/products", body: updates,
		query: url.Values{"include_fields": {"name,sku"}}}
	for _, u := range updates {
		call.ids = append(call.ids, int64(u.ID))
	}
	if err := call.bounded(MaxProducts); err != nil {
		return nil, err
	}
	r, err := do[[]Product](ctx, c, call)
	return r.Data, err
}

// DeleteProducts removes up to [MaxDeletes] products. What BigCommerce answers about ids that do not exist is not
// documented.
func (c *Client) DeleteProducts(ctx context.Context, ids []ProductID) error {
	call := call{op: "delete products", method: http.MethodDelete, path: "/catalog/products", ids: numbers(ids),
		query: url.Values{"id:in": {strings.Join(texts(ids), ",")}}}
	if err := call.bounded(MaxDeletes); err != nil {
		return err
	}
	_, err := do[any](ctx, c, call)
	return err
}

// CreateImage gives a product an image that BigCommerce fetches from address, at most 255 characters. BigCommerce has
// no key that makes this idempotent: a second call adds a second image.
func (c *Client) CreateImage(ctx context.Context, product ProductID, address string) (Image, error) {
	r, err := do[Image](ctx, c, call{op: "create image of product", method: http.MethodPost, path: productPath(product) + "/images", ids: []int64{int64(product)},
		body: map[string]string{"image_url": address}})
	return r.Data, err
}

// AssignChannels offers products in channels. Doing so again changes nothing. BigCommerce asks not to run it in
// parallel for the same products.
func (c *Client) AssignChannels(ctx context.Context, assignments []ChannelAssignment) error {
	call := call{op: "assign channels to products", method: http.MethodPut, path: "/catalog/products/channel-assignments", body: assignments}
	for _, a := range assignments {
		call.ids = append(call.ids, int64(a.Product))
	}
	_, err := do[any](ctx, c, call)
	return err
}

// bounded refuses an empty batch and one of more than most rows.
func (c call) bounded(most int) error {
	if n := len(c.ids); n == 0 || n > most {
		return c.refuse("%d in one request: send 1 to %d", n, most)
	}
	return nil
}

// listed reads everything that matches one of the values, in as few requests as the URL's length allows. A value with
// a comma cannot be part of a list and gets a request of its own.
func listed[T any](ctx context.Context, c *Client, op, path, filter string, values []string, query url.Values) ([]T, error) {
	var all []T
	for key, value := range filters(filter, values) {
		query.Set(key, value)
		if !query.Has("limit") {
			query.Set("limit", pageLimit)
		}
		for page := 1; ; page++ {
			query.Set("page", strconv.Itoa(page))
			r, err := do[[]T](ctx, c, call{op: op, method: http.MethodGet, path: path, query: query})
			if err != nil {
				return nil, err
			}
			all = append(all, r.Data...)
			if !r.Meta.more(page, len(r.Data)) {
				break
			}
		}
		query.Del(key)
	}
	return all, nil
}

// filters yields the filters that together cover the values: "sku:in" with a list, or "sku" with one value. Empty
// values, which would match everything, are left out.
func filters(name string, values []string) iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		var list []string
		size := 0
		for _, v := range values {
			cost := len(url.QueryEscape(v)) + len("%2C")
			switch {
			case v == "":
				continue
			case strings.Contains(v, ","):
				if !yield(name, v) {
					return
				}
				continue
			case len(list) == maxListed || size+cost > maxListedBytes && len(list) > 0:
				if !yield(name+":in", strings.Join(list, ",")) {
					return
				}
				list, size = nil, 0
			}
			list, size = append(list, v), size+cost
		}
		if len(list) > 0 {
			yield(name+":in", strings.Join(list, ","))
		}
	}
}

func productPath(id ProductID) string { return "/catalog/products/" + strconv.FormatInt(int64(id), 10) }

func texts[ID ~int64](ids []ID) []string {
	out := make([]string, len(ids))
	for i, id := range ids {
		out[i] = strconv.FormatInt(int64(id), 10)
	}
	return out
}

func numbers[ID ~int64](ids []ID) []int64 {
	out := make([]int64, len(ids))
	for i, id := range ids {
		out[i] = int64(id)
	}
	return out
}
