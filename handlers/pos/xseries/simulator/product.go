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
	for i, o := range p.options {
		if i == 0 || o != p.options[i-1] { // one that is repeated is said once
			parts = append(parts, o.Value)
		}
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
	a.names[f.name] = f
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
	a.skus[p.sku] = p
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
		a.book.levels.add(p.id, o.id, 0)
	}
}

// save gives a product a new version, whether anything about it changed or not, and tells of it.
func (a *Account) save(p *product) {
	a.touch(&p.stamped)
	a.products.put(p)
	why := TriggerSave
	if a.importing {
		why = TriggerImport
	}
	a.occur(why, p, nil, "", p.version)
	a.announce(ProductUpdate, p.version, func() any { return a.hookProduct(p) })
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

// bySKU is the product of a SKU that is not deleted; nil for none.
func (a *Account) bySKU(sku string) *product { return a.skus[sku] }

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

// Items is how many items there are that are not deleted.
func (a *Account) Items() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	n := 0
	for _, p := range a.order {
		if !p.gone() {
			n++
		}
	}
	return n
}
