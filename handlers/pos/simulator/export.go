package simulator

import (
	"encoding/csv"
	"fmt"
	"io"
	"strings"
)

// ExportFile is the name under which the POS would save the export.
const ExportFile = "kite-and-keel-products.csv"

// Export writes the product file of the shop as X-Series does for a store that
// shows prices with tax: one row per item, one group of columns per outlet. An item
// that is not tracked has blank inventory cells. The error is that of w.
func Export(w io.Writer) error {
	out := csv.NewWriter(w)
	if err := out.Write(exportColumns()); err != nil {
		return fmt.Errorf("write header: %w", err)
	}
	for i, it := range newShop().items {
		if err := out.Write(exportRow(it)); err != nil {
			return fmt.Errorf("write row %d: %w", i+2, err)
		}
	}
	out.Flush()
	return out.Error()
}

// exportColumns are the titles, in the order of a real export.
func exportColumns() []string {
	titles := []string{
		"id", "handle", "sku", "composite_name", "composite_sku", "composite_quantity", "name", "description", "product_category",
		"variant_option_one_name", "variant_option_one_value", "variant_option_two_name", "variant_option_two_value",
		"variant_option_three_name", "variant_option_three_value", "tags", "supply_price", "retail_price",
		"loyalty_value", "loyalty_value_default", "tax_name", "tax_value", "account_code", "account_code_purchase",
		"brand_name", "supplier_name", "supplier_code", "active", "track_inventory",
	}
	for _, id := range Outlets() {
		name := strings.ReplaceAll(string(id), " ", "_")
		titles = append(titles, "inventory_"+name, "reorder_point_"+name, "restock_level_"+name)
	}
	return titles
}

func exportRow(it *item) []string {
	f := it.family
	row := []string{string(it.id), f.handle, it.sku, "", "", "", f.name, f.html, f.category}
	for i := range 3 {
		if i < len(it.options) {
			row = append(row, it.options[i].Name, it.options[i].Value)
		} else {
			row = append(row, "", "")
		}
	}
	row = append(row, strings.Join(f.tags, ";"), it.supply.price(), it.retail.price(),
		"", "1", "VAT", "0.2", "", "", f.brand, f.supplier, "", flag(f.active), flag(f.tracked))
	for o := range outlets {
		if f.tracked {
			row = append(row, it.stock[o].String(), "2", "6")
		} else {
			row = append(row, "", "", "")
		}
	}
	return row
}

func flag(b bool) string {
	if b {
		return "1"
	}
	return "0"
}
