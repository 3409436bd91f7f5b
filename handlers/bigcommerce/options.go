package bigcommerce

import (
	"context"
	"net/http"
	"strconv"
)

// valueBody is what is written of an option value.
type valueBody struct {
	Label     string `json:"label"`
	SortOrder int    `json:"sort_order"`
}

// CreateOption gives a product another option with its first values, shown as a dropdown. A product without options
// loses its base variant by this: read its variants again.
func (c *Client) CreateOption(ctx context.Context, product ProductID, name string, labels []string) (Option, error) {
	values := make([]valueBody, len(labels))
	for i, label := range labels {
		values[i] = valueBody{Label: label, SortOrder: i}
	}
	r, err := do[Option](ctx, c, call{op: "create option of product", method: http.MethodPost, path: productPath(product) + "/options", ids: []int64{int64(product)},
		body: struct {
			Product ProductID   `json:"product_id"`
			Name    string      `json:"display_name"`
			Type    string      `json:"type"`
			Values  []valueBody `json:"option_values"`
		}{product, name, "dropdown", values}})
	return r.Data, err
}

// DeleteOption removes an option of a product.
func (c *Client) DeleteOption(ctx context.Context, product ProductID, option OptionID) error {
	_, err := do[any](ctx, c, call{op: "delete option", method: http.MethodDelete, path: optionPath(product, option), ids: []int64{int64(option)}})
	return err
}

// CreateOptionValue adds a value to an option.
func (c *Client) CreateOptionValue(ctx context.Context, product ProductID, option OptionID, label string, sortOrder int) (OptionValue, error) {
	r, err := do[OptionValue](ctx, c, call{op: "create value of option", method: http.MethodPost, path: optionPath(product, option) + "/values", ids: []int64{int64(option)},
		body: valueBody{label, sortOrder}})
	return r.Data, err
}

// RenameOptionValue gives a value another label; the variants that have it keep it, and their ids. The value is the one
// that was read, with its label changed: BigCommerce wants its sort order again.
func (c *Client) RenameOptionValue(ctx context.Context, product ProductID, option OptionID, value OptionValue) (OptionValue, error) {
	r, err := do[OptionValue](ctx, c, call{op: "rename value of option", method: http.MethodPut, path: valuePath(product, option, value.ID), ids: []int64{int64(value.ID)},
		body: valueBody{value.Label, value.SortOrder}})
	return r.Data, err
}

// DeleteOptionValue removes a value of an option.
func (c *Client) DeleteOptionValue(ctx context.Context, product ProductID, option OptionID, value ValueID) error {
	_, err := do[any](ctx, c, call{op: "delete value of option", method: http.MethodDelete, path: valuePath(product, option, value), ids: []int64{int64(value)}})
	return err
}

func optionPath(product ProductID, option OptionID) string {
	return productPath(product) + "/options/" + strconv.FormatInt(int64(option), 10)
}

func valuePath(product ProductID, option OptionID, value ValueID) string {
	return optionPath(product, option) + "/values/" + strconv.FormatInt(int64(value), 10)
}
