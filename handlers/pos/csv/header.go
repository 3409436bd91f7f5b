package csv

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/tillstream/tillstream/domain"
)

// columns says where in a row each thing stands; -1 is nowhere.
type columns struct {
	id, handle, sku, name, description, category, tags int
	supplyPrice, retailPrice, brand, supplier          int
	active, trackInventory                             int
	compositeName, compositeSKU, compositeQuantity     int
	options                                            [3]optionColumns
	stock                                              []stockColumn
	titles                                             []string // as written, blanks around them removed
	ignored                                            []string
	used                                               []int // places of the columns that are read
}

type optionColumns struct{ name, value int }

type stockColumn struct {
	at     int
	outlet domain.OutletID
}

var optionNumbers = [3]string{"one", "two", "three"}

// optionColumn names the column of the option with the index that a path such as
// "data.options[1].name" has behind its bracket.
func optionColumn(index string) string {
	for i, number := range optionNumbers {
		if strings.HasPrefix(index, fmt.Sprint(i)) {
			if strings.HasSuffix(index, ".name") {
				return "variant_option_" + number + "_name"
			}
			return "variant_option_" + number + "_value"
		}
	}
	return ""
}

const inventoryPrefix = "inventory_"

// readHeader understands both tax layouts and those of old exports: columns stand
// in any order, under titles in any case.
func readHeader(titles []string, outlets map[string]domain.OutletID) (columns, error) {
	var c columns
	places := c.places()
	for _, at := range places {
		*at = -1
	}
	seen := map[string]bool{}
	for i, title := range titles {
		if !utf8.ValidString(title) {
			return c, &HeaderError{Reason: fmt.Sprintf("column %d: %.40q %s", i+1, title, notUTF8(title))}
		}
		title = strings.TrimSpace(title)
		c.titles = append(c.titles, title)
		key := strings.ToLower(title)
		if key != "" && seen[key] {
			return c, &HeaderError{Reason: fmt.Sprintf("column %q stands there twice: remove one", title)}
		}
		seen[key] = true
		if at, ok := places[key]; ok {
			if *at >= 0 {
				return c, &HeaderError{Reason: fmt.Sprintf("columns %q and %q are the same: remove one", c.titles[*at], title)}
			}
			*at = i
			c.used = append(c.used, i)
			continue
		}
		if len(key) > len(inventoryPrefix) && strings.HasPrefix(key, inventoryPrefix) {
			outlet := outletOf(title[len(inventoryPrefix):], outlets)
			if slices.ContainsFunc(c.stock, func(s stockColumn) bool { return s.outlet == outlet }) {
				return c, &HeaderError{Reason: fmt.Sprintf("column %q: outlet %q has an inventory column already", title, outlet)}
			}
			c.stock = append(c.stock, stockColumn{i, outlet})
			c.used = append(c.used, i)
			continue
		}
		if title != "" {
			c.ignored = append(c.ignored, title)
		}
	}
	return c, c.check()
}

func (c *columns) check() error {
	if len(c.titles) == 1 && strings.ContainsAny(c.titles[0], ";\t") {
		return &HeaderError{Reason: "columns must be separated by commas: save the file as CSV with commas"}
	}
	var missing []string
	if c.sku < 0 {
		missing = append(missing, "sku")
	}
	if c.name < 0 {
		missing = append(missing, "name")
	}
	if len(missing) > 0 {
		return &HeaderError{Missing: missing}
	}
	for i, o := range c.options {
		if (o.name < 0) != (o.value < 0) {
			prefix := "variant_option_" + optionNumbers[i]
			return &HeaderError{Reason: fmt.Sprintf("columns %s_name and %s_value must both be there, or neither", prefix, prefix)}
		}
	}
	return nil
}

// places maps titles to where their position is kept.
func (c *columns) places() map[string]*int {
	places := map[string]*int{
		"id": &c.id, "handle": &c.handle, "sku": &c.sku, "name": &c.name, "description": &c.description,
		"product_category": &c.category, "type": &c.category, // before categories had paths
		"tags": &c.tags, "supply_price": &c.supplyPrice, "retail_price": &c.retailPrice,
		"brand_name": &c.brand, "supplier_name": &c.supplier, "active": &c.active, "track_inventory": &c.trackInventory,
		"composite_name": &c.compositeName, "composite_handle": &c.compositeName, // of old exports
		"composite_sku": &c.compositeSKU, "composite_quantity": &c.compositeQuantity,
	}
	for i, number := range optionNumbers {
		places["variant_option_"+number+"_name"] = &c.options[i].name
		places["variant_option_"+number+"_value"] = &c.options[i].value
	}
	return places
}

// outletOf undoes what the POS does to an outlet's name in a title: it writes _
// for a space. A name that has _ itself needs an entry in [Options.Outlets].
func outletOf(suffix string, outlets map[string]domain.OutletID) domain.OutletID {
	name := strings.ReplaceAll(suffix, "_", " ")
	for _, known := range slices.Sorted(maps.Keys(outlets)) {
		if strings.EqualFold(known, suffix) || strings.EqualFold(known, name) {
			return outlets[known]
		}
	}
	return domain.OutletID(name)
}
