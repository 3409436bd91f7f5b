package simulator

import (
	"slices"
	"strings"
	"time"
)

// productFilters are those of BigCommerce's filters that are simulated.
var productFilters = [...]string{"id", "id:in", "id:min", "name", "sku", "sku:in", "brand_id", "is_visible", "type", "date_modified:min"}

// filterProducts returns the ids of the products that pass every filter, ascending.
func (s *Store) filterProducts(l listing) ([]int64, *problem) {
	found := s.order
	keep := func(pass func(*Product) bool) {
		kept := []int64{}
		for _, id := range found {
			if pass(s.products[id]) {
				kept = append(kept, id)
			}
		}
		found = kept
	}
	// The filters that an index answers come first, and the rest look only at what those leave.
	for name, values := range l.filters {
		switch value := values[0]; name {
		case "id", "id:in":
			wanted, refusal := ids(name, value)
			if refusal != nil {
				return nil, refusal
			}
			found = s.existing(found, wanted)
		case "name":
			found = s.existing(found, []int64{s.names[fold(value)]})
		case "sku", "sku:in":
			skus := []string{value}
			if name == "sku:in" {
				skus = strings.Split(value, ",")
			}
			var owners []int64
			for _, sku := range skus {
				if p := s.products[s.skus[fold(sku)]]; p != nil && fold(p.SKU) == fold(sku) {
					owners = append(owners, p.ID)
				}
			}
			found = s.existing(found, owners)
		}
	}
	for name, values := range l.filters {
		value := values[0]
		switch name {
		case "id:min", "brand_id":
			n, refusal := ids(name, value)
			if refusal != nil {
				return nil, refusal
			}
			keep(func(p *Product) bool {
				return name == "id:min" && p.ID >= n[0] || name == "brand_id" && p.BrandID == n[0]
			})
		case "is_visible":
			keep(func(p *Product) bool { return p.IsVisible == (value == "true" || value == "1") })
		case "type":
			keep(func(p *Product) bool { return p.Type == value })
		case "date_modified:min":
			from, err := time.Parse(time.RFC3339, value)
			if err != nil {
				return nil, invalid(map[string]string{name: "error.expected.date.isoformat"})
			}
			keep(func(p *Product) bool {
				at, err := time.Parse(time.RFC3339, p.DateModified)
				return err == nil && !at.Before(from)
			})
		}
	}
	return found, nil
}

// existing returns those of the wanted ids that are among found, ascending and once each.
func (s *Store) existing(found, wanted []int64) []int64 {
	kept := []int64{}
	for _, id := range wanted {
		if _, ok := slices.BinarySearch(found, id); ok {
			kept = append(kept, id)
		}
	}
	slices.Sort(kept)
	return slices.Compact(kept)
}
