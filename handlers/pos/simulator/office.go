package simulator

import (
	"fmt"
	"strings"

	"github.com/tillstream/tillstream/domain"
)

// saved is the whole snapshot that the edit page sends: what is empty is absent.
func saved(it *item) *domain.ProductSaved {
	f := it.family
	product, retail, supply := domain.ProductID(f.handle), it.retail.money(), it.supply.money()
	active, tracked, tags := f.active, f.tracked, f.tags
	codes := []domain.Code{{Type: "EAN", Code: it.ean}}
	e := &domain.ProductSaved{Item: it.id, Description: domain.Description{
		SKU: domain.SKU(it.sku), Name: f.name, Product: &product, Description: text(f.html), Brand: text(f.brand),
		RetailPrice: &retail, SupplyPrice: &supply, Active: &active, TrackInventory: &tracked,
		Handle: text(f.handle), Category: text(f.category), Supplier: text(f.supplier), Codes: &codes,
	}}
	if len(tags) > 0 {
		e.Tags = &tags
	}
	if len(it.options) > 0 {
		options := it.options
		e.Options = &options
	}
	return e
}

func text(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// save writes a step with a snapshot of each item of a family, as its edit page
// shows them all.
func (d *diary) save(f *family, caption string) {
	var events []domain.Event
	for _, it := range f.items {
		if !it.deleted {
			events = append(events, saved(it))
		}
	}
	d.write(maren, d.next("save"), caption, events...)
}

func (d *diary) reprice(handle string, to hundredths) {
	f := d.shop.family(handle)
	from := f.items[0].retail
	for _, it := range f.items {
		it.retail = to
	}
	d.save(f, fmt.Sprintf("%s changed the price of %s from %s to %s", maren, f.name, from.price(), to.price()))
}

func (d *diary) redescribe(handle, html string) {
	f := d.shop.family(handle)
	did := "rewrote"
	switch {
	case html == "":
		did = "emptied"
	case f.html == "":
		did = "wrote"
	}
	f.html = html
	d.save(f, fmt.Sprintf("%s %s the description of %s", maren, did, f.name))
}

func (d *diary) resave(handle string) {
	f := d.shop.family(handle)
	d.save(f, fmt.Sprintf("%s saved %s and changed nothing", maren, f.name))
}

func (d *diary) deactivate(handle string) {
	f := d.shop.family(handle)
	f.active = false
	d.save(f, fmt.Sprintf("%s took %s off sale", maren, f.name))
}

func (d *diary) newProduct(g good, category string) {
	f := &family{
		handle: slug(g.name), name: g.name, html: g.html, brand: g.brand, category: category, supplier: supplier(g.brand),
		code: g.code, tags: strings.Split(g.tags, ";"), active: true, tracked: true,
	}
	d.shop.families = append(d.shop.families, f)
	d.popular = append([]*item{d.shop.add(f, nil, g.supply, g.retail)}, d.popular...)
	d.save(f, fmt.Sprintf("%s added %s", maren, f.name))
}

// newVariant adds a value of the only option that a family has.
func (d *diary) newVariant(handle, value string) {
	f := d.shop.family(handle)
	like := f.items[0]
	it := d.shop.add(f, []domain.Option{{Name: like.options[0].Name, Value: value}}, like.supply, like.retail)
	d.popular = append([]*item{it}, d.popular...)
	d.write(maren, d.next("save"), fmt.Sprintf("%s added %s", maren, it.label()), saved(it))
}

func (d *diary) remove(handle string) { d.delete(d.shop.family(handle).items...) }

// removeLast deletes one variant of a family that has more.
func (d *diary) removeLast(handle string) {
	f := d.shop.family(handle)
	d.delete(f.items[len(f.items)-1])
}

func (d *diary) delete(items ...*item) {
	var events []domain.Event
	for _, it := range items {
		it.deleted = true
		events = append(events, &domain.ProductDeleted{Item: it.id})
	}
	d.write(maren, d.next("delete"), fmt.Sprintf("%s deleted %s", maren, items[0].label()), events...)
}

// importPrices imports a file with the columns id, sku, name and retail_price, so
// that everything else stays as it is.
func (d *diary) importPrices(file string, prices []price) {
	id := d.next("import")
	var events []domain.Event
	var first string
	for i, p := range prices {
		it := d.shop.family(p.handle).items[0]
		if i == 0 {
			first = fmt.Sprintf("%s from %s to %s", it.label(), it.retail.price(), p.retail.price())
		}
		it.retail = p.retail
		retail := p.retail.money()
		events = append(events, &domain.ProductImported{
			Item:        it.id,
			Description: domain.Description{SKU: domain.SKU(it.sku), Name: it.family.name, RetailPrice: &retail},
			Import:      domain.Import{ID: id, File: file, Row: i + 2},
		})
	}
	d.write(maren, id, fmt.Sprintf("%s imported %s: %s and %d more prices", maren, file, first, len(prices)-1), events...)
}
