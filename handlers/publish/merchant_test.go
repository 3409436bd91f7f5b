package publish_test

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/bigcommerce/simulator"
)

// merchant works in BigCommerce's control panel.
type merchant struct {
	s     *shop
	owned map[int64][]byte // what is not the POS's of a product, as he left it
}

func newMerchant(s *shop) *merchant { return &merchant{s, map[int64][]byte{}} }

// twin is the BigCommerce product that a product is linked to, if it is there.
func (m *merchant) twin(id domain.ProductID) int64 {
	if link := m.s.publication(id).Link; link != nil {
		if _, there := m.s.sim.Product(link.BigCommerceID); there {
			return link.BigCommerceID
		}
	}
	return 0
}

// own edits what the POS has no word in.
func (m *merchant) own(id domain.ProductID, d step) {
	twin, n := m.twin(id), float64(d.Value)
	if twin == 0 {
		return
	}
	err := m.s.sim.MerchantEdit(twin, func(p *simulator.Product) {
		p.Weight, p.Width, p.Height, p.Depth = n, n+1, n+2, n+3
		p.RetailPrice, p.SalePrice, p.TaxClassID, p.ProductTaxCode = n+100, float64(d.Item), int64(d.Item), "T"
		p.PageTitle, p.MetaDescription, p.SearchKeywords = fmt.Sprint(n), "meta", "words"
		p.CustomURL = simulator.CustomURL{URL: fmt.Sprintf("/%s-%v/", id, n), IsCustomized: true}
		p.UPC, p.GTIN, p.Categories = "4006", "4007", []int64{int64(n)}
		p.CustomFields = []simulator.CustomField{{Name: "Made in", Value: fmt.Sprint(n)}}
		p.Modifiers = []simulator.Modifier{{ID: 77, DisplayName: "Engraving", Type: "text"}}
		p.Images = append(p.Images, simulator.Image{ID: int64(1000 + d.Value), ImageURL: "https://x.test/later.jpg"})
		for i := range p.Variants {
			v := &p.Variants[i]
			v.Weight, v.RetailPrice, v.SalePrice, v.UPC = &n, &n, &n, fmt.Sprint(d.Value)
		}
	})
	if err != nil {
		m.s.t.Fatal(err)
	}
	m.owned[twin] = m.s.sim.OwnedFields(twin)
}

// recorded reports whether a variant is known to be one of a product's items.
func (m *merchant) recorded(id domain.ProductID, variant int64) bool {
	return slices.ContainsFunc(m.s.publication(id).Link.Variants, func(v domain.VariantLink) bool { return v.BigCommerceID == variant })
}

// drift edits what the POS has the say in. What BigCommerce refuses does not happen.
func (m *merchant) drift(id domain.ProductID, d step) {
	twin := m.twin(id)
	if twin == 0 {
		return
	}
	sim, price := m.s.sim, float64(d.Value)+0.5
	_ = sim.MerchantEdit(twin, func(p *simulator.Product) {
		if len(p.Variants) == 0 {
			return // its options are about to be changed
		}
		v := &p.Variants[d.Item%len(p.Variants)]
		sku := []string{"DRIFT-" + string(id), string(rune('A' + d.Item)), "Z" + tillItems[d.Item]}[d.Value/8%3]
		switch d.Value % 8 {
		case 0:
			p.Name, p.Description, p.Price, p.CostPrice = "Drift "+string(id), "<b>by hand</b>", price, price
		case 1:
			p.IsVisible, p.BrandID = !p.IsVisible, 0
		case 2:
			switch {
			case p.BaseVariantID != nil:
				p.SKU = sku
			case m.recorded(id, v.ID): // he would make a stranger of any other, as the package doc says
				v.SKU = sku
			}
		case 3:
			v.Price, v.CostPrice = &price, nil
		case 4:
			if p.BaseVariantID == nil && len(p.Variants) > 1 {
				p.Variants = slices.DeleteFunc(p.Variants, func(w simulator.Variant) bool { return w.ID == v.ID })
			}
		case 5:
			if len(p.Options) > 0 {
				m.relabel(p, d.Item, fmt.Sprintf("drift %d", d.Value))
			}
		case 6:
			p.InventoryTracking = []string{"none", "product", "variant"}[d.Value%3]
			p.InventoryLevel, v.InventoryLevel = int64(d.Value), int64(d.Value)
		}
	})
	switch {
	case d.Value%8 == 7 && d.Value%3 == 0:
		_ = sim.MerchantDelete(twin)
	case d.Value%8 == 7 && d.Value%3 == 1:
		_, _ = sim.MerchantRecreate(twin)
	}
}

// relabel renames a value of an option.
func (m *merchant) relabel(p *simulator.Product, which int, label string) {
	o := &p.Options[which%len(p.Options)]
	if len(o.Values) == 0 {
		return
	}
	o.Values = slices.Clone(o.Values)
	value := &o.Values[which%len(o.Values)]
	value.Label = label
	for i := range p.Variants {
		picks := slices.Clone(p.Variants[i].OptionValues)
		for j := range picks {
			if picks[j].ID == value.ID {
				picks[j].Label = label
			}
		}
		p.Variants[i].OptionValues = picks
	}
}

// made reports whether a product is the merchant's own.
func (m *merchant) made(id int64) bool {
	for _, r := range m.s.sim.Requests() {
		for _, e := range r.Effects {
			if r.Actor == "merchant" && e.Kind == "product" && e.Verb == simulator.Created && e.Product == id {
				return true
			}
		}
	}
	return false
}

// makesRoom takes away what the merchant has made and the POS's products find in
// their way, since no link tells it from what is his own: products of a name or SKU
// of theirs, and variants of a linked product that he has made anew. Where two of ours
// have each other's names, as when he has made both anew, he gives one another name.
func (m *merchant) makesRoom() (any bool) {
	linked := map[int64]bool{}
	refused := false
	for _, id := range tillProducts {
		twin := m.twin(id)
		linked[twin] = true
		refused = refused || m.s.publication(id).Refused != nil
		if m.exchanged(id) {
			any = true
			if err := m.s.sim.MerchantEdit(twin, func(p *simulator.Product) { p.Name = "Aside of " + string(id) }); err != nil {
				m.s.t.Fatal(err)
			}
		}
		if m.made(twin) && !m.s.listing(id).Deleted {
			any = m.removesOwn(id) || any
		}
	}
	for _, p := range m.s.sim.Products() {
		if !refused || !m.made(p.ID) {
			continue
		}
		any = true // it may have been in somebody's way before it was linked
		if !linked[p.ID] {
			_ = m.s.sim.MerchantDelete(p.ID)
		}
	}
	return any
}

// exchanged reports whether the twins of a product and of another one have each other's
// names.
func (m *merchant) exchanged(id domain.ProductID) bool {
	shown := func(id domain.ProductID) string {
		p, _ := m.s.sim.Product(m.twin(id))
		return p.Name
	}
	return shown(id) != "" && slices.ContainsFunc(tillProducts, func(other domain.ProductID) bool {
		return other != id && shown(other) == m.s.listing(id).Name && shown(id) == m.s.listing(other).Name
	})
}

// removesOwn deletes the variants of a product that he has made, and that are not
// linked.
func (m *merchant) removesOwn(id domain.ProductID) (any bool) {
	link := m.s.publication(id).Link
	err := m.s.sim.MerchantEdit(link.BigCommerceID, func(p *simulator.Product) {
		p.Variants = slices.DeleteFunc(slices.Clone(p.Variants), func(w simulator.Variant) bool {
			own := !slices.ContainsFunc(link.Variants, func(v domain.VariantLink) bool { return v.BigCommerceID == w.ID })
			any = any || own
			return own
		})
	})
	if err != nil {
		m.s.t.Fatal(err)
	}
	return any
}

// complaints lists what was altered that is not the POS's.
func (m *merchant) complaints() (wrong []string) {
	for _, v := range m.s.sim.Violations() {
		wrong = append(wrong, v.String())
	}
	for twin, owned := range m.owned {
		if now := m.s.sim.OwnedFields(twin); now != nil {
			wrong = append(wrong, touched(twin, owned, now)...)
		}
	}
	return wrong
}

// touched lists what the merchant owned of a product and its variants and is other
// than it was. Variants that are gone, or new, have nothing to compare.
func touched(twin int64, before, after []byte) (wrong []string) {
	type fields = map[string]json.RawMessage
	split := func(doc []byte) (fields, map[string]string) {
		var all fields
		var variants []fields
		if err := json.Unmarshal(doc, &all); err != nil {
			return nil, nil
		}
		_ = json.Unmarshal(all["variants"], &variants)
		delete(all, "variants")
		byID := map[string]string{}
		for _, v := range variants {
			whole, _ := json.Marshal(v)
			byID[string(v["id"])] = string(whole)
		}
		return all, byID
	}
	was, wasVariants := split(before)
	is, isVariants := split(after)
	if len(was) == 0 || len(is) == 0 {
		return []string{fmt.Sprintf("%d: the merchant's fields cannot be read", twin)}
	}
	for name := range was {
		if string(was[name]) != string(is[name]) {
			wrong = append(wrong, fmt.Sprintf("%s of %d was %s and is %s", name, twin, was[name], is[name]))
		}
	}
	for variant, whole := range wasVariants {
		if now, ok := isVariants[variant]; ok && now != whole {
			wrong = append(wrong, fmt.Sprintf("variant %s of %d was %s and is %s", variant, twin, whole, now))
		}
	}
	return wrong
}
