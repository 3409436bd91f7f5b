package csv

import (
	"errors"
	"fmt"
	"strings"

	"github.com/tillstream/tillstream/domain"
)

// HeaderError says why no row of a file can be read.
type HeaderError struct {
	Missing []string // columns that every file needs and this one lacks
	Reason  string   // what else is wrong; empty when columns are missing
}

func (e *HeaderError) Error() string {
	if len(e.Missing) > 0 {
		return fmt.Sprintf("header: no column %s: export the products from the POS with all columns", strings.Join(e.Missing, ", "))
	}
	return "header: " + e.Reason
}

// RowError says why a row gives no events.
type RowError struct {
	Row    int    // as [Row.Number]
	Column string // as the header has it; empty when the row as a whole is wrong
	Value  string // what stands there; empty when nothing does
	Reason string // what is expected instead
}

func (e *RowError) Error() string {
	if e.Column == "" {
		return fmt.Sprintf("row %d: %s", e.Row, e.Reason)
	}
	cell := &domain.InvalidError{Path: e.Column, Value: e.Value, Reason: e.Reason}
	return fmt.Sprintf("row %d, %v", e.Row, cell)
}

// columnOf names the column that a field of the event data comes from, or "".
func columnOf(path string) string {
	field, index, _ := strings.Cut(path, "[")
	switch field = strings.TrimPrefix(field, "data."); field {
	case "item", "subject":
		return "id"
	case "sku", "name", "handle", "description", "tags", "retail_price", "supply_price", "active", "track_inventory":
		return field
	case "product":
		return "handle"
	case "brand":
		return "brand_name"
	case "category":
		return "product_category"
	case "supplier":
		return "supplier_name"
	case "options":
		return optionColumn(index)
	}
	return ""
}

// Column names the column that a field of a snapshot comes from, as the file has
// it: "retail_price", "family.name", "stock.Quayside". A field that has none keeps
// its own name.
func (r *Reader) Column(field string) string {
	if outlet, ok := strings.CutPrefix(field, "stock."); ok {
		for _, s := range r.columns.stock {
			if string(s.outlet) == outlet {
				return r.columns.titles[s.at]
			}
		}
	}
	column := columnOf(strings.TrimPrefix(field, "family."))
	if at, ok := r.columns.places()[column]; ok && *at >= 0 {
		return r.columns.titles[*at]
	}
	return strings.TrimPrefix(field, "family.")
}

// rowError turns the refusal of an event into one of a cell.
func (r *Reader) rowError(err error) *RowError {
	var invalid *domain.InvalidError
	if !errors.As(err, &invalid) {
		return &RowError{Row: r.row, Reason: err.Error()}
	}
	column := columnOf(invalid.Path)
	if column == "id" && r.columns.id < 0 {
		column = "sku"
	}
	if column == "" {
		return &RowError{Row: r.row, Reason: err.Error()}
	}
	return &RowError{Row: r.row, Column: column, Value: invalid.Value, Reason: invalid.Reason}
}
