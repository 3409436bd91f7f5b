package publish

import (
	"errors"
	"io"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/bigcommerce"
)

func TestAccuse(t *testing.T) {
	t.Parallel()
	products := []entry{{product: "a", twin: 10, sku: "CB-1"}, {product: "b", twin: 106, sku: "CB-1-XL"}, {product: "c", twin: 3, sku: "T M"}}
	variants := []entry{{product: "a", twin: 10, variant: 106, sku: "A"}, {product: "a", twin: 10, variant: 107, sku: "B"}, {product: "b", twin: 11, variant: 108, sku: "C"}}
	type fields = map[string]string
	refused := func(status int, title string, f fields) error {
		return &bigcommerce.Error{Status: status, Title: title, Fields: f}
	}
	batch := func(rows ...bigcommerce.BatchError) error { return &bigcommerce.Error{Status: 422, Batch: rows} }
	tests := []struct {
		name    string
		err     error
		entries []entry
		want    map[domain.ProductID]bool // whether it is sure
	}{
		{"OK an index", refused(422, "invalid", fields{"1.name": "x"}), products, map[domain.ProductID]bool{"b": true}},
		{"OK two indexes", refused(422, "invalid", fields{"0.name": "x", "2.custom_url.url": "x"}), products, map[domain.ProductID]bool{"a": true, "c": true}},
		{"OK a conflict by its index", refused(409, "duplicate", fields{"1.name": "x"}), products, map[domain.ProductID]bool{"b": false}},
		{"Err an index that is not there", refused(422, "invalid", fields{"3.name": "x"}), products, nil},
		{"Err a list of errors", refused(422, "invalid", fields{"0": "x"}), products, nil},
		{"Err a nested field", refused(422, "invalid", fields{"variants.0.sku": "x"}), products, nil},
		{"Err a field alone", refused(409, "The product name is a duplicate", fields{"name": "The product name is a duplicate"}), products, nil},
		{"OK an id", refused(422, "A product was not found with an id of 106", nil), products, map[domain.ProductID]bool{"b": true}},
		{"OK ids of locations are no products", refused(422, "Location not found, identities: [3,2]", nil), products, nil},
		{"OK identities", refused(422, "Items not found, identities: [3, 10]", nil), products, map[domain.ProductID]bool{"a": true, "c": true}},
		{"Err a number that is no id", refused(422, "The maximum items allowed in the array is 10.", nil), products, nil},
		{"OK the longest SKU", refused(422, "Sku CB-1-XL is not unique", nil), products, map[domain.ProductID]bool{"b": false}},
		{"OK a SKU with a space", refused(422, `the sku "t m" cannot be`, nil), products, map[domain.ProductID]bool{"c": false}},
		{"Err a SKU of another", refused(422, "Sku CB-1-XXL is not unique", nil), products, nil},
		{"OK a variant's id", refused(422, "[Item with variant_id 108 is tracked by product, please update stock by product id]", nil), variants, map[domain.ProductID]bool{"b": true}},
		{"OK a product's id among variants", refused(422, "[Item with product_id 10 is tracked by variant]", nil), variants, map[domain.ProductID]bool{"a": true}},
		{"OK an id among variants", refused(422, "No item with id 10 and none with id 108", nil), variants, map[domain.ProductID]bool{"b": true}},
		{"OK rows of a batch", batch(bigcommerce.BatchError{Status: 404, Title: "No variants with id 107 found for product id 10"},
			bigcommerce.BatchError{Status: 422, Title: "odd", Fields: fields{"id": "variant id 108 is odd"}}), variants, map[domain.ProductID]bool{"a": true, "b": true}},
		{"OK a conflict in a row", batch(bigcommerce.BatchError{Status: 409, Title: "Sku C is not unique"}), variants, map[domain.ProductID]bool{"b": false}},
		{"OK a partial save", &bigcommerce.Error{Status: 207, Verdict: bigcommerce.Retry, Fields: fields{"2.inventory_level": "x"}}, products, map[domain.ProductID]bool{"c": true}},
		{"Err the store", &bigcommerce.Error{Status: 500, Verdict: bigcommerce.Ambiguous, Title: "id 10"}, products, nil},
		{"Err not an answer", io.EOF, products, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			err := accuse(tt.err, tt.entries)
			var got map[domain.ProductID]bool
			for id, c := range accused(err) {
				if got == nil {
					got = map[domain.ProductID]bool{}
				}
				got[id] = c.sure
				if c.err.Status == 0 || len(c.err.Batch) != 0 {
					t.Errorf("%s: %+v, want what was said of it alone", id, c.err)
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("accused (-want +got):\n%s", diff)
			}
			if !errors.Is(err, tt.err) || blame(err) != blame(tt.err) {
				t.Errorf("%v is blamed on %v, want it to stay %v", err, blame(err), tt.err)
			}
		})
	}
}
