package bigcommerce

import (
	"context"
	"encoding/json"
	"math"
	"net/http"
)

// SetStock sets up to [MaxStock] absolute stock levels in one request. The reason is free text that BigCommerce keeps
// with the change. Calls of one client run one after the other.
//
// Success means accepted: BigCommerce applies levels later, gives no way to ask, and reads lag behind. One wrong
// level refuses the whole call, naming it at best in [Error.Title].
func (c *Client) SetStock(ctx context.Context, reason string, levels []StockLevel) error {
	call := call{op: "set stock", method: http.MethodPut, path: "/inventory/adjustments/absolute", lane: BulkStock,
		body: struct {
			Reason string       `json:"reason"`
			Items  []StockLevel `json:"items"`
		}{reason, levels}}
	for i, l := range levels {
		if (l.Product == 0) == (l.Variant == 0) {
			return call.refuse("level %d names product %d and variant %d: want exactly one of them", i, l.Product, l.Variant)
		}
		if l.Location <= 0 {
			return call.refuse("level %d names location %d: want one above 0", i, l.Location)
		}
		if l.Quantity < 0 || l.Quantity > math.MaxInt32 {
			return call.refuse("level %d has quantity %d: want 0 to %d", i, l.Quantity, math.MaxInt32)
		}
		call.ids = append(call.ids, max(int64(l.Product), int64(l.Variant)))
	}
	if err := call.bounded(MaxStock); err != nil {
		return err
	}
	_, err := do[json.RawMessage](ctx, c, call)
	return err
}
