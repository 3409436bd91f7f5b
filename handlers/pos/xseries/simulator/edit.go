package simulator

import (
	"fmt"
	"strings"
)

// ProductEdit is what somebody writes on the edit page of a product: what is nil stays as it is. What belongs to the
// family changes for all its variants.
type ProductEdit struct {
	Name           *string   `json:"name"`
	Description    *string   `json:"description"`
	Brand          *string   `json:"brand"`
	Category       *string   `json:"category"`
	Supplier       *string   `json:"supplier"`
	Tags           *[]string `json:"tags"`
	Active         *bool     `json:"active"`
	TrackInventory *bool     `json:"track_inventory"`
	AddImage       bool      `json:"add_image"` // as somebody uploads one
	SKU            *string   `json:"sku"`
	Price          *Amount   `json:"price"`
	SupplyPrice    *Amount   `json:"supply_price"`
}

// Save edits a product, named by its id or SKU, and saves every variant of its family, as its edit page does, also when
// nothing changed.
func (a *Account) Save(product string, edit ProductEdit) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	p, err := a.product(product)
	if err != nil {
		return err
	}
	return a.edit(p, edit)
}

func (a *Account) edit(p *product, e ProductEdit) error {
	if err := a.checkEdit(p, e); err != nil {
		return err
	}
	a.write(p, e)
	a.saveFamily(p.family)
	return nil
}

// amend is an edit that saves the one product only, as a row of an import does; what it changes of the family makes
// newer versions of the other members as well.
func (a *Account) amend(p *product, e ProductEdit) {
	f := p.family
	before := [...]any{f.name, f.html, f.brand, f.category, f.supplier, strings.Join(f.tags, ";"), f.active, f.tracked}
	a.write(p, e)
	if before != [...]any{f.name, f.html, f.brand, f.category, f.supplier, strings.Join(f.tags, ";"), f.active, f.tracked} {
		a.saveFamily(f)
		return
	}
	a.save(p)
}

func (a *Account) write(p *product, e ProductEdit) {
	f := p.family
	delete(a.names, f.name)
	delete(a.skus, p.sku)
	set(&f.name, e.Name)
	set(&f.html, e.Description)
	set(&f.brand, e.Brand)
	set(&f.category, e.Category)
	set(&f.supplier, e.Supplier)
	set(&f.tags, e.Tags)
	set(&f.active, e.Active)
	set(&f.tracked, e.TrackInventory)
	set(&p.sku, e.SKU)
	set(&p.price, e.Price)
	set(&p.supply, e.SupplyPrice)
	a.names[f.name], a.skus[p.sku] = f, p
	a.thing(&a.brands, f.brand)
	a.thing(&a.categories, f.category)
	a.thing(&a.suppliers, f.supplier)
	for _, t := range f.tags {
		a.thing(&a.tags, t)
	}
	if e.AddImage {
		f.images = append(f.images, a.image(f.handle))
	}
}

func set[T any](field *T, value *T) {
	if value != nil {
		*field = *value
	}
}

func (a *Account) saveFamily(f *family) {
	a.touch(&f.stamped)
	a.families.put(f)
	for _, p := range f.alive() {
		if p.tracked() {
			a.count(p)
		}
		a.save(p)
	}
}

func (a *Account) checkEdit(p *product, e ProductEdit) error {
	for _, text := range []*string{e.Name, e.Description, e.Brand, e.Category, e.Supplier, e.SKU} {
		if text != nil && len(*text) > mostSize {
			return fmt.Errorf("product %s: a text of %d bytes: want at most %d", p.sku, len(*text), mostSize)
		}
	}
	switch {
	case e.Name != nil && *e.Name == "":
		return fmt.Errorf("product %s: name is empty: every product has one", p.sku)
	case e.Name != nil && a.nameTaken(*e.Name, p.family):
		return fmt.Errorf("product %s: name %q is another family's: equal names are only possible inside one", p.sku, *e.Name)
	case e.SKU != nil && *e.SKU == "":
		return fmt.Errorf("product %s: sku is empty", p.sku)
	case e.SKU != nil && a.bySKU(*e.SKU) != nil && a.bySKU(*e.SKU) != p:
		return fmt.Errorf("product %s: sku %q is another product's", p.sku, *e.SKU)
	case e.Price != nil && *e.Price < 0, e.SupplyPrice != nil && *e.SupplyPrice < 0:
		return fmt.Errorf("product %s: a price below 0", p.sku)
	}
	return nil
}

func (a *Account) nameTaken(name string, by *family) bool {
	f := a.names[name]
	return f != nil && f != by
}

// Add makes a product: a simple one, or a further variant when like names one whose family has options. It returns its
// id.
func (a *Account) Add(name, sku string, price Amount, like string, options ...Option) (string, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	p := &product{sku: sku, price: price, supply: price.over(Of(2)).rounded(2), options: options}
	if a.bySKU(sku) != nil || sku == "" {
		return "", fmt.Errorf("sku %q: it is empty or another product's", sku)
	}
	if price < 0 {
		return "", fmt.Errorf("price %s: want 0 or more", price)
	}
	if like == "" {
		f := &family{handle: slug(name), name: name, active: true, tracked: true, brand: "Kite & Keel", category: "Gifts"}
		if name == "" || a.nameTaken(name, nil) || len(options) > mostAttributes {
			return "", fmt.Errorf("product %q: its name is empty or another's, or it has more than %d options", name, mostAttributes)
		}
		a.found(f)
		a.join(f, p)
		return p.id, nil
	}
	parent, err := a.product(like)
	switch {
	case err != nil:
		return "", err
	case len(parent.options) == 0 || len(options) != len(parent.options):
		return "", fmt.Errorf("product %s has %d options: a further variant needs as many, and at least one", parent.sku, len(parent.options))
	case len(parent.family.alive()) >= mostVariants:
		return "", fmt.Errorf("product %s has %d variants, which is the most", parent.sku, mostVariants)
	}
	a.join(parent.family, p)
	a.saveFamily(parent.family)
	return p.id, nil
}

// Delete deletes one variant, or the whole family of a product. Tombstones stay.
func (a *Account) Delete(product string, family bool) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	p, err := a.product(product)
	if err != nil {
		return err
	}
	a.remove(p, family)
	return nil
}

func (a *Account) remove(p *product, whole bool) {
	doomed := []*product{p}
	if whole {
		doomed = p.family.alive()
	}
	for _, p := range doomed {
		a.touch(&p.stamped)
		p.deleted = p.updated
		a.occur(Deletion, p, nil, "", p.version)
		a.products.put(p)
		for _, l := range p.levels {
			a.touch(&l.stamped)
			l.deleted = l.updated
			a.levels.put(l)
		}
		delete(a.book.levels, p.id)
		delete(a.skus, p.sku)
		if hash(p.id, a.cfg.Seed+1)%1000 < uint32(a.cfg.DeletionHooks*1000) {
			a.announce(ProductUpdate, p.version, func() any { return a.hookProduct(p) })
		}
	}
	if len(p.family.alive()) == 0 {
		delete(a.names, p.family.name)
	}
	if whole {
		a.touch(&p.family.stamped)
		p.family.deleted = p.family.updated
		a.families.put(p.family)
	}
}
