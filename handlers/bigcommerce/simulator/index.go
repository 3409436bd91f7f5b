package simulator

import "slices"

// replace puts after in the place of before; nil means none. It keeps every index.
func (s *Store) replace(id int64, before, after *Product) {
	if before == nil || after == nil || !sameKeys(before, after) {
		if before != nil {
			delete(s.names, fold(before.Name))
			delete(s.urls, fold(before.CustomURL.URL))
			for sku := range before.allSKUs() {
				delete(s.skus, sku)
			}
			for i := range before.Variants {
				delete(s.variants, before.Variants[i].ID)
			}
		}
		if after != nil {
			s.names[fold(after.Name)] = id
			s.urls[fold(after.CustomURL.URL)] = id
			for sku := range after.allSKUs() {
				s.skus[sku] = id
			}
			for i := range after.Variants {
				s.variants[after.Variants[i].ID] = id
			}
		}
	}
	switch at, _ := slices.BinarySearch(s.order, id); {
	case before == nil && after != nil:
		s.order = slices.Insert(s.order, at, id)
	case before != nil && after == nil:
		s.order = slices.Delete(s.order, at, at+1)
	}
	if after == nil {
		delete(s.products, id)
		return
	}
	s.products[id] = after
}

// sameKeys says that no index needs to change.
func sameKeys(a, b *Product) bool {
	return a.Name == b.Name && a.SKU == b.SKU && a.CustomURL == b.CustomURL &&
		slices.EqualFunc(a.Variants, b.Variants, func(v, w Variant) bool { return v.ID == w.ID && v.SKU == w.SKU })
}

// allSKUs yields the folded SKUs of the product and its variants, except empty ones.
func (p *Product) allSKUs() func(yield func(string) bool) {
	return func(yield func(string) bool) {
		if sku := fold(p.SKU); sku != "" && !yield(sku) {
			return
		}
		for i := range p.Variants {
			if sku := fold(p.Variants[i].SKU); sku != "" && !yield(sku) {
				return
			}
		}
	}
}

// conflict finds what p may not have because another product, or another part of p, has it.
func (s *Store) conflict(p *Product) *problem {
	if id, taken := s.names[fold(p.Name)]; taken && id != p.ID {
		return duplicate("name", "The product name is a duplicate")
	}
	if id, taken := s.urls[fold(p.CustomURL.URL)]; taken && id != p.ID {
		return duplicate("custom_url", "The product url is a duplicate")
	}
	for sku := range p.allSKUs() {
		if id, taken := s.skus[sku]; taken && id != p.ID {
			return duplicate("sku", "The product sku is a duplicate")
		}
	}
	if p.BaseVariantID != nil {
		return nil
	}
	seen := make(map[string]bool, len(p.Variants)+1)
	for sku := range p.allSKUs() {
		if seen[sku] {
			return duplicate("sku", "The product sku is a duplicate")
		}
		seen[sku] = true
	}
	return nil
}

func duplicate(field, title string) *problem {
	return &problem{status: 409, title: title, fields: map[string]string{field: title}}
}
