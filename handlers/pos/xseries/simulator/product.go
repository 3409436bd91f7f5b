package simulator

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Option is one choice that a variant is: its name, such as Size, and its value.
type Option struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// family is what the catalogue shows as one product: one item, or variants that share its name and handle.
type family struct {
	stamped
	handle, name, html        string
	brand, category, supplier string
	tags                      []string
	active, tracked           bool
	images                    []image
	doubled                   bool       // repeats its last option, as an example of the vendor's spec does
	members                   []*product // the first is the parent of the others, deleted ones included
}

// product is one sellable item of a family.
type product struct {
	stamped
	family  *family
	parent  *product // nil for the parent itself and for a simple product
	sku     string
	code    stamped // of its one product code
	ean     string
	options []Option
	supply  Amount
	price   Amount // as it was entered: with tax, unless the account is tax-exclusive
	images  []image
	bom     []component // what a composite product is made of
	levels  []*level    // by outlet; nil when nobody counts
	uneven  bool        // its tax differs by outlet
}

type image struct {
	stamped
	url string
}

type component struct {
	product  *product
	quantity Amount
}

// Limits of a family.
const (
	mostVariants   = 200
	mostAttributes = 3
	mostSize       = 4000 // bytes of a text, which is the simulator's own bound
)

func (p *product) composite() bool { return len(p.bom) > 0 }

// tracked says whether the product has stock of its own. That of a composite is what its parts are enough for.
func (p *product) tracked() bool { return p.family.tracked && !p.composite() }

// label is what a till shows: "Drizzle Anorak / Navy / M".
func (p *product) label() string {
	parts := []string{p.family.name}
	for _, o := range p.options {
		parts = append(parts, o.Value)
	}
	return strings.Join(parts, " / ")
}

// alive are the members that are not deleted.
func (f *family) alive() []*product {
	return slices.DeleteFunc(slices.Clone(f.members), func(p *product) bool { return p.gone() })
}

// found adds a family without members.
func (a *Account) found(f *family) {
	f.id = a.id(kindFamily)
	f.doubled = a.odd(f.id)
	for _, t := range f.tags {
		a.thing(&a.tags, t)
	}
	a.thing(&a.brands, f.brand)
	a.thing(&a.suppliers, f.supplier)
	a.thing(&a.categories, f.category)
	if hash(f.handle, 7)%3 == 0 {
		f.images = append(f.images, a.image(f.handle))
	}
	a.touch(&f.stamped)
	a.families.put(f)
}

func (a *Account) image(of string) image {
	i := image{stamped: stamped{id: a.id(kindImage)}}
	a.touch(&i.stamped)
	i.url = fmt.Sprintf("https://images.example/%s/%s.jpg", a.cfg.DomainPrefix, of+"-"+i.id[len(i.id)-4:])
	return i
}

// join adds an item to a family, at level 0 wherever it is tracked. The parent becomes one as soon as there is a child.
func (a *Account) join(f *family, p *product) {
	p.id, p.family = a.id(kindProduct), f
	p.code.id, p.ean = a.id(kindCode), ean(a.serials[kindProduct])
	p.uneven = a.cfg.TaxExclusive && hash(f.handle, 3)%7 == 0
	for _, o := range p.options {
		a.thing(&a.attributes, o.Name)
	}
	if len(f.members) > 0 {
		p.parent = f.members[0]
	}
	f.members = append(f.members, p)
	a.order = append(a.order, p)
	if len(p.options) > 0 && hash(p.sku, 5)%8 == 0 {
		p.images = append(p.images, a.image(strings.ToLower(p.sku)))
	}
	a.save(p)
	if p.tracked() {
		a.count(p)
	}
}

// count makes the inventory records of a product that it has none of.
func (a *Account) count(p *product) {
	if p.levels != nil {
		return
	}
	p.levels = make([]*level, len(a.outlets))
	for i, o := range a.outlets {
		l := &level{stamped: stamped{id: a.id(kindLevel)}, product: p, outlet: o}
		a.touch(&l.stamped)
		p.levels[i] = l
		a.levels.put(l)
	}
}

// save gives a product a new version, whether anything about it changed or not, and tells of it.
func (a *Account) save(p *product) {
	a.touch(&p.stamped)
	a.products.put(p)
	a.announce(ProductUpdate, p.version, func() any { return a.hookProduct(p) })
}

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
	for _, f := range a.families.byID {
		if f != by && f.name == name && len(f.alive()) > 0 {
			return true
		}
	}
	return false
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
		a.products.put(p)
		for _, l := range p.levels {
			a.touch(&l.stamped)
			l.deleted = l.updated
			a.levels.put(l)
		}
		delete(a.book.levels, p.id)
		if hash(p.id, a.cfg.Seed+1)%1000 < uint32(a.cfg.DeletionHooks*1000) {
			a.announce(ProductUpdate, p.version, func() any { return a.hookProduct(p) })
		}
	}
	if whole {
		a.touch(&p.family.stamped)
		p.family.deleted = p.family.updated
		a.families.put(p.family)
	}
}

var errNoProduct = errors.New("the account has no such product")

// product finds a product that is not deleted by its id or SKU.
func (a *Account) product(ref string) (*product, error) {
	p, ok := a.products.find(ref)
	if !ok {
		p = a.bySKU(ref)
	}
	if p == nil || p.gone() {
		return nil, fmt.Errorf("product %q: %w", ref, errNoProduct)
	}
	return p, nil
}

func (a *Account) bySKU(sku string) *product {
	for _, p := range a.products.byID {
		if p.sku == sku && !p.gone() {
			return p
		}
	}
	return nil
}

// slug is a handle: lower-case letters and digits, with "-" for all between.
func slug(name string) string {
	words := strings.FieldsFunc(strings.ToLower(name), func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') })
	return strings.Join(words, "-")
}

// ean is an EAN-13 from the range that is left to shops for their own use, so it is nobody's.
func ean(n int) string {
	digits := fmt.Sprintf("20%010d", n)
	sum := 0
	for i, r := range digits {
		sum += int(r-'0') * (1 + i%2*2)
	}
	return fmt.Sprintf("%s%d", digits, (10-sum%10)%10)
}
