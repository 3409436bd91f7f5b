package simulator

import (
	"net/http"
	"slices"
)

// placeholder is what the vendor shows in place of an image that is not there.
const placeholder = "https://secure.retail.example/images/placeholder/product/no-image-white-"

func listProducts(a *Account, x *exchange) (reply, error) {
	query := x.request.URL.Query()
	// These disable all other parameters.
	if sku := query.Get("sku"); sku != "" {
		return list(x, a.productsThat(func(p *product) bool { return p.sku == sku }), a.showProduct(x)), nil
	}
	for _, key := range []string{"name", "family_name"} {
		if name := query.Get(key); name != "" {
			return list(x, a.productsThat(func(p *product) bool { return p.family.name == name }), a.showProduct(x)), nil
		}
	}
	s, err := a.span(x, a.cfg.PageSize, 0)
	if err != nil {
		return reply{}, err
	}
	deleted, err := x.flag("deleted")
	if err != nil {
		return reply{}, err
	}
	return list(x, a.products.page(s, func(p *product) bool { return deleted || !p.gone() }), a.showProduct(x)), nil
}

func (a *Account) productsThat(suits func(*product) bool) []*product {
	return slices.DeleteFunc(a.products.all(), func(p *product) bool { return p.gone() || !suits(p) })
}

func readProduct(a *Account, x *exchange) (reply, error) {
	return found(&a.products, x, "product", a.showProduct(x))
}

func deleteProduct(a *Account, x *exchange) (reply, error) { return a.deletion(x, false) }

func deleteFamily(a *Account, x *exchange) (reply, error) { return a.deletion(x, true) }

func (a *Account) deletion(x *exchange, whole bool) (reply, error) {
	p, ok := a.products.find(x.request.PathValue("id"))
	if !ok || p.gone() {
		return reply{}, refused(http.StatusNotFound, "there is no product of the id %q", x.request.PathValue("id"))
	}
	a.remove(p, whole)
	return replyJSON(http.StatusOK, object{}), nil
}

// nothing is how a product shows that it has no brand, supplier or category: {} in the vendor's examples, null by its
// schema.
func (a *Account) nothing(p *product) any {
	if a.odd(p.id) {
		return nil
	}
	return object{}
}

func (a *Account) showProduct(x *exchange) func(*product) any {
	withImages := x.request.URL.Query().Get("include_images") != "false"
	return func(p *product) any {
		f := p.family
		o := object{
			"id": p.id, "handle": f.handle, "sku": p.sku, "name": f.name, "variant_name": p.label(), "description": f.html, "active": f.active, "is_active": f.active,
			"has_inventory": f.tracked, "has_variants": p.parent == nil && len(f.alive()) > 1 && !p.gone(), "is_composite": p.composite(),
			"variant_parent_id": nil, "variant_options": a.options(p), "supply_price": a.numeral(p.supply, p.id), "source": "USER", "source_id": nil,
			"source_variant_id": nil, "created_at": timeOffset(p.created), "updated_at": timeOffset(p.updated), "deleted_at": when(p.deleted, timeOffset),
			"version": p.version, "button_order": 0, "account_code": nil, "account_code_purchase": nil, "attributes": []object{},
			"categories": a.tagged(f),
		}
		if p.parent != nil {
			o["variant_parent_id"] = p.parent.id // also when the parent is deleted
		}
		a.showRelations(o, p)
		a.showPrices(o, p)
		if p.composite() {
			bom := object{}
			for _, part := range p.bom {
				bom[part.product.id] = part.quantity
			}
			o["composite_bom"] = bom
		}
		if withImages {
			showImages(o, p)
		}
		if x.api == v2607 {
			o["family_id"], o["packaging"], o["customizations"], o["loyalty_amount"] = f.id, object{}, []object{}, nil
		}
		return o
	}
}

func (a *Account) showRelations(o object, p *product) {
	f := p.family
	o["brand"], o["brand_id"] = a.nothing(p), nil
	o["supplier"], o["supplier_id"], o["supplier_code"] = a.nothing(p), nil, nil
	o["type"], o["product_type_id"], o["product_category"] = a.nothing(p), nil, nil
	if t := a.thing(&a.brands, f.brand); t != nil {
		o["brand"], o["brand_id"] = object{"id": t.id, "name": t.name, "version": t.version, "deleted_at": nil}, t.id
	}
	suppliers := []object{}
	if t := a.thing(&a.suppliers, f.supplier); t != nil {
		o["supplier"], o["supplier_id"] = object{"id": t.id, "name": t.name, "description": "", "source": "", "version": t.version}, t.id
		suppliers = append(suppliers, object{
			"id": a.sibling(kindSupply, p.id), "product_id": p.id, "supplier_id": t.id, "supplier_name": t.name, "code": "", "price": p.supply,
		})
	}
	o["product_suppliers"] = suppliers
	if t := a.thing(&a.categories, f.category); t != nil {
		path := []object{{"id": t.id, "name": t.name}}
		o["type"], o["product_type_id"] = object{"id": t.id, "name": t.name, "version": t.version, "category_path": path, "leaf_category": true}, t.id
		o["product_category"] = object{"id": t.id, "name": t.name, "category_path": path}
	}
	tags := []string{}
	for _, name := range f.tags {
		if t := a.thing(&a.tags, name); t != nil {
			tags = append(tags, t.id)
		}
	}
	o["tag_ids"] = tags
	codes := []object{}
	if a.odd(p.id) { // the examples have these in lower case
		codes = append(codes, object{"id": a.sibling(kindOwnCode, p.id), "type": "custom", "code": p.sku})
	}
	o["product_codes"] = append(codes, object{"id": p.code.id, "type": "EAN", "code": p.ean})
}

func (a *Account) showPrices(o object, p *product) {
	without, with, even := a.prices(p, a.outlets[0])
	o["price_excluding_tax"] = a.numeral(without, p.id)
	o["price_including_tax"] = a.numeral(with, p.id)
	if !even {
		o["price_including_tax"] = nil
		taxes := []object{}
		for _, at := range a.outlets {
			taxes = append(taxes, object{"outlet_id": at.id, "tax_id": a.taxOf(p, at).id})
		}
		o["outlet_taxes"] = taxes
	}
}

func showImages(o object, p *product) {
	o["image_url"], o["image_thumbnail_url"] = placeholder+"standard.png", placeholder+"thumb.png"
	shown := func(images []image) []object {
		out := []object{}
		for _, i := range images {
			out = append(out, object{"id": i.id, "url": i.url, "version": i.version, "sizes": object{"original": i.url, "thumb": i.url + "?w=160"}})
		}
		return out
	}
	o["images"], o["skuImages"] = shown(p.family.images), shown(p.images)
	if len(p.family.images) > 0 {
		o["image_url"], o["image_thumbnail_url"] = p.family.images[0].url, p.family.images[0].url+"?w=160"
	}
}
