package simulator

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"time"
)

// MerchantEdit lets edit change any field of a product but its ids, as the merchant does in the control panel: no
// request is counted and no quota is spent, and the log shows it with the actor "merchant". It is refused, and nothing
// changed, when the result has a name, SKU or URL that another product has. The edit must not keep the product, nor call
// the store.
func (s *Store) MerchantEdit(id int64, edit func(*Product)) error {
	defer s.tell()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settleStock()
	return s.merchantEdit(id, edit)
}

// MerchantEditVariant is [Store.MerchantEdit] for one variant.
func (s *Store) MerchantEditVariant(id int64, edit func(*Variant)) error {
	defer s.tell()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settleStock()
	product, ok := s.variants[id]
	if !ok {
		return fmt.Errorf("variant %d is not in the store", id)
	}
	return s.merchantEdit(product, func(p *Product) { edit(&p.Variants[p.variant(id)]) })
}

// MerchantCreate adds a product as the merchant does in the control panel, and returns its id. [NewProduct] makes one.
func (s *Store) MerchantCreate(p Product) (int64, error) {
	defer s.tell()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settleStock()
	return s.merchantCreate(p)
}

// MerchantDelete removes a product as the merchant does in the control panel.
func (s *Store) MerchantDelete(id int64) error {
	defer s.tell()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settleStock()
	return s.merchantDelete(id)
}

// MerchantRecreate deletes a product and makes it again, with the same SKUs and other ids, and returns its new id.
func (s *Store) MerchantRecreate(id int64) (int64, error) {
	defer s.tell()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settleStock()
	return s.merchantRecreate(id)
}

func (s *Store) merchantEdit(id int64, edit func(*Product)) error {
	before := s.products[id]
	if before == nil {
		return fmt.Errorf("product %d is not in the store", id)
	}
	p := before.deepCopy()
	edit(p)
	p.ID = id
	p.DateModified = s.cfg.Now().UTC().Format(time.RFC3339)
	t := &tx{store: s}
	if refusal := t.put(p, s.differing(before, p)); refusal != nil {
		return fmt.Errorf("product %d: %s", id, refusal.title)
	}
	t.stockAsShown(p)
	t.effects = append(t.effects, s.variantEffects(before, p)...)
	s.record(s.merchantRequest("PUT", id), t.effects)
	return nil
}

func (s *Store) merchantCreate(p Product) (int64, error) {
	t := &tx{store: s}
	made, err := t.plant(p, s.product.keys())
	if err != nil {
		return 0, err
	}
	s.record(s.merchantRequest("POST", 0), t.effects)
	return made.ID, nil
}

func (s *Store) merchantDelete(id int64) error {
	if s.products[id] == nil {
		return fmt.Errorf("product %d is not in the store", id)
	}
	t := &tx{store: s}
	t.delete(id)
	s.record(s.merchantRequest("DELETE", id), t.effects)
	return nil
}

func (s *Store) merchantRecreate(id int64) (int64, error) {
	old := s.products[id]
	if old == nil {
		return 0, fmt.Errorf("product %d is not in the store", id)
	}
	p := old.deepCopy()
	p.ID, p.BaseVariantID, p.Options = 0, nil, nil
	if old.BaseVariantID != nil {
		p.Variants = nil
	}
	for i := range p.Variants {
		v := &p.Variants[i]
		v.ID, v.SKUID = 0, nil
		for j := range v.OptionValues {
			v.OptionValues[j].ID = 0 // its label makes it anew
		}
	}
	for i := range p.CustomFields {
		p.CustomFields[i].ID = 0
	}
	for i := range p.Modifiers {
		p.Modifiers[i].ID = 0
	}
	for i := range p.Images {
		p.Images[i].ID = 0
	}
	t := &tx{store: s}
	t.delete(id)
	made, err := t.plant(*p, s.product.keys())
	if err != nil {
		return 0, err
	}
	s.record(s.merchantRequest("DELETE", id), t.effects[:1])
	s.record(s.merchantRequest("POST", 0), t.effects[1:])
	return made.ID, nil
}

// merchantInterferes is the merchant of a fault. What he cannot do, such as take a name that is taken, does not happen.
func (s *Store) merchantInterferes(k Kind, p *Product, name string) {
	switch {
	case k == ProductDeleted && p != nil:
		_ = s.merchantDelete(p.ID)
	case k == ProductRecreated && p != nil:
		_, _ = s.merchantRecreate(p.ID)
	case k == NameTaken && name != "":
		if p != nil && fold(p.Name) == fold(name) {
			_ = s.merchantEdit(p.ID, func(p *Product) { p.Name = fmt.Sprintf("%.200s (renamed %d)", p.Name, s.log.seq) })
		}
		_, _ = s.merchantCreate(NewProduct(name, "", 1))
	}
}

// merchantRequest logs what the merchant did as if it had been a request; without an id, to the products as a whole.
func (s *Store) merchantRequest(method string, id int64) *Request {
	r := &Request{At: s.cfg.Now(), Actor: "merchant", Method: method, Path: "/catalog/products", Status: 200}
	if id != 0 {
		r.Path = fmt.Sprintf("/catalog/products/%d", id)
	}
	s.log.add(r)
	return r
}

// merchantFields writes fields by their JSON keys to a product or, when that is 0, to a variant: by the rules of the
// API, and modifiers and images as well, whose lists are replaced.
func (s *Store) merchantFields(product, variant int64, body fields) error {
	var wrong map[string]string
	var written []string
	edit := func(p *Product) {
		c := p.clone()
		if written, wrong = s.product.apply(c, body); wrong == nil {
			written = append(written, decodeParts(c, body)...)
			*p = *c
		}
	}
	var err error
	if variant != 0 {
		err = s.MerchantEditVariant(variant, func(v *Variant) {
			c := *v
			if written, wrong = s.variant.apply(&c, body); wrong == nil {
				*v = c
			}
		})
	} else {
		err = s.MerchantEdit(product, edit)
	}
	switch {
	case wrong != nil:
		return fmt.Errorf("fields %v cannot be so", wrong)
	case err == nil && len(written) != len(body):
		return errors.New("some of the fields are unknown or read-only, and were left out")
	}
	return err
}

// differing returns the keys of the fields that differ, except those of the variants.
func (s *Store) differing(before, after *Product) []string {
	return slices.DeleteFunc(slices.Clone(s.product.order), func(key string) bool {
		return key == "date_modified" || key == "variants" || bytes.Equal(encoded(s.product.field(before, key)), encoded(s.product.field(after, key)))
	})
}

// variantEffects are what an edit of a whole product did to its variants. What a base variant only repeats of its
// product is the product's.
func (s *Store) variantEffects(before, after *Product) []Effect {
	keys := append(s.variant.keys(), "sku", "option_values")
	if after.BaseVariantID != nil {
		keys = slices.DeleteFunc(keys, func(key string) bool { return key == "sku" || key == "inventory_level" })
	}
	var effects []Effect
	for i := range after.Variants {
		v := &after.Variants[i]
		at := before.variant(v.ID)
		if at < 0 {
			effects = append(effects, variantEffect(Created, v, changes(s.variant, (*Variant)(nil), v, keys)))
			continue
		}
		fields := slices.DeleteFunc(changes(s.variant, &before.Variants[at], v, keys), func(c FieldChange) bool { return !c.Changed() })
		if len(fields) > 0 {
			effects = append(effects, variantEffect(Updated, v, fields))
		}
	}
	for i := range before.Variants {
		if v := &before.Variants[i]; after.variant(v.ID) < 0 {
			effects = append(effects, variantEffect(Deleted, v, nil))
		}
	}
	return effects
}
