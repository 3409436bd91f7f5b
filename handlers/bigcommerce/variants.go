package bigcommerce

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
)

// Variants returns one page of all variants of the store, base variants included, and whether there are more. Pages
// count from 1. It is the cheapest way to learn every SKU: 250 per request.
func (c *Client) Variants(ctx context.Context, page int) ([]VariantRef, bool, error) {
	r, err := do[[]VariantRef](ctx, c, call{op: "list variants", method: http.MethodGet, path: "/catalog/variants",
		query: url.Values{"include_fields": {"product_id,sku"}, "page": {strconv.Itoa(page)}, "limit": {pageLimit}}})
	return r.Data, r.Meta.more(page, len(r.Data)), err
}

// VariantsBySKU returns the variants, base variants included, whose SKU is one of those given, in no particular order.
// BigCommerce compares SKUs whatever their case.
func (c *Client) VariantsBySKU(ctx context.Context, skus []string) ([]Variant, error) {
	return listed[Variant](ctx, c, "find variants by SKU", "/catalog/variants", "sku", skus, url.Values{})
}

// UpdateVariants writes the prices of up to [MaxVariants] variants, of any products, in one request.
func (c *Client) UpdateVariants(ctx context.Context, updates []VariantUpdate) ([]Variant, error) {
	call := call{op: "update variants", method: http.MethodPut, path: "/catalog/variants", body: updates}
	for _, u := range updates {
		call.ids = append(call.ids, int64(u.ID))
	}
	if err := call.bounded(MaxVariants); err != nil {
		return nil, err
	}
	r, err := do[[]Variant](ctx, c, call)
	return r.Data, err
}

// UpdateVariantSKU gives a variant another SKU, which cannot be empty.
func (c *Client) UpdateVariantSKU(ctx context.Context, product ProductID, variant VariantID, sku string) (Variant, error) {
	r, err := do[Variant](ctx, c, call{op: "change SKU of variant", method: http.MethodPut, path: variantPath(product, variant), ids: []int64{int64(variant)},
		body: map[string]string{"sku": sku}})
	return r.Data, err
}

// CreateVariant adds a variant to a product. Its option values must exist; see [Client.CreateOptionValue].
func (c *Client) CreateVariant(ctx context.Context, product ProductID, v VariantAdd) (Variant, error) {
	r, err := do[Variant](ctx, c, call{op: "create variant of product", method: http.MethodPost, path: productPath(product) + "/variants", ids: []int64{int64(product)}, body: v})
	return r.Data, err
}

// DeleteVariant removes a variant. Its option values stay.
func (c *Client) DeleteVariant(ctx context.Context, product ProductID, variant VariantID) error {
	_, err := do[any](ctx, c, call{op: "delete variant", method: http.MethodDelete, path: variantPath(product, variant), ids: []int64{int64(variant)}})
	return err
}

func variantPath(product ProductID, variant VariantID) string {
	return productPath(product) + "/variants/" + strconv.FormatInt(int64(variant), 10)
}
