package simulator

import "fmt"

// SeedCatalog puts products into the store as [Store.Seed] does, with SKUs SIM-1, SIM-2 and so on. With variants, each
// has so many, of sizes 1, 2 and so on, with SKUs SIM-1-1, SIM-1-2 and so on.
func (s *Store) SeedCatalog(products, variants int) error {
	if products < 0 || variants < 0 || variants > maxValues {
		return fmt.Errorf("a catalog of %d products of %d variants: want 0 or more, and at most %d variants", products, variants, maxValues)
	}
	for n := 1; n <= products; n++ {
		p := NewProduct(fmt.Sprintf("Simulated product %d", n), fmt.Sprintf("SIM-%d", n), float64(n%90+10))
		if variants > 0 {
			p.SKU, p.InventoryTracking = "", "variant"
		}
		for size := 1; size <= variants; size++ {
			p.Variants = append(p.Variants, Variant{SKU: fmt.Sprintf("SIM-%d-%d", n, size), OptionValues: []VariantPick{{Option: "Size", Label: fmt.Sprint(size)}}})
		}
		if err := s.Seed(p); err != nil {
			return err
		}
	}
	return nil
}
