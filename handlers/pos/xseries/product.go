package xseries

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/tillstream/tillstream/domain"
)

// describe takes what a product record says of an item.
func (a *Account) describe(r record, d *domain.Description) (err error) {
	d.SKU, d.Name = domain.SKU(r.id("sku")), r.id("name")
	if family := r.id("family_id", "variant_parent_id"); family != "" {
		product := domain.ProductID(family)
		d.Product = &product
	}
	description := r.text("description")
	brand := r.below("brand").id("name")
	d.Description, d.Brand = &description, &brand
	d.Options = options(r)
	if d.RetailPrice, err = a.price(r); err != nil {
		return err
	}
	if d.SupplyPrice, err = r.money("supply_price"); err != nil {
		return err
	}
	d.Active, d.TrackInventory = r.flag("active", "is_active"), r.flag("has_inventory")
	d.Images = images(r)
	a.keep(r, d)
	return nil
}

// price is what a customer is shown. A product without it is refused rather than
// sold for the other price or for nothing.
func (a *Account) price(r record) (*domain.Money, error) {
	name := "price_including_tax"
	if a.Prices == Exclusive {
		name = "price_excluding_tax"
	}
	m, err := r.money(name)
	if err == nil && m == nil {
		err = &domain.InvalidError{Path: name, Reason: fmt.Sprintf("is required, since the store shows prices that are %s of tax", a.Prices)}
	}
	return m, err
}

// options are the values that tell a variant from its siblings. An option that
// stands there twice with one value is one option; with another value it is told
// from the first by a number, because BigCommerce takes a name once.
func options(r record) *[]domain.Option {
	out := []domain.Option{}
	for _, raw := range r.list("variant_options") {
		o := recordOf(raw)
		name, value := o.id("name"), o.id("value")
		if value == "" {
			continue
		}
		if name == "" {
			name = "Option"
		}
		if slices.ContainsFunc(out, func(p domain.Option) bool { return strings.EqualFold(p.Name, name) && p.Value == value }) {
			continue
		}
		wanted := name
		for n := 2; slices.ContainsFunc(out, func(p domain.Option) bool { return strings.EqualFold(p.Name, name) }); n++ {
			name = fmt.Sprintf("%s (%d)", wanted, n)
		}
		out = append(out, domain.Option{Name: name, Value: value})
	}
	return &out
}

// mostImages is how many an event takes.
const mostImages = 100

// images are the pictures of the family, then those of the variant. A placeholder
// is none, and so is what has no address on the web.
func images(r record) *[]string {
	out := []string{}
	for _, list := range []string{"images", "skuImages", "sku_images"} {
		for _, raw := range r.list(list) {
			address := recordOf(raw).id("url")
			if strings.HasPrefix(address, "//") {
				address = "https:" + address
			}
			u, err := url.Parse(address)
			if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" ||
				strings.Contains(u.Path, "/images/placeholder/") || slices.Contains(out, address) || len(out) == mostImages {
				continue
			}
			out = append(out, address)
		}
	}
	return &out
}

// What an event takes of lists that are kept and never pushed.
const (
	mostTags  = 250
	mostCodes = 100
)

// keep takes what is kept and never pushed.
func (a *Account) keep(r record, d *domain.Description) {
	if s := r.label("handle"); s != "" {
		d.Handle = &s
	}
	if s := category(r); s != "" {
		d.Category = &s
	}
	if suppliers := r.list("product_suppliers"); len(suppliers) > 0 {
		s := recordOf(suppliers[0]).label("supplier_name")
		d.Supplier = &s
	} else if s := r.below("supplier").label("name"); s != "" {
		d.Supplier = &s
	}
	var tags []string
	for _, raw := range r.list("categories") {
		if s := recordOf(raw).label("name"); s != "" && len(tags) < mostTags {
			tags = append(tags, s)
		}
	}
	if tags != nil {
		d.Tags = &tags
	}
	var codes []domain.Code
	for _, raw := range r.list("product_codes") {
		c := recordOf(raw)
		kind, code := strings.ToUpper(c.label("type")), c.label("code")
		if kind != "" && code != "" && len(codes) < mostCodes {
			codes = append(codes, domain.Code{Type: kind, Code: code})
		}
	}
	if codes != nil {
		d.Codes = &codes
	}
}

// category is the path of the product's category.
func category(r record) string {
	for _, name := range []string{"product_category", "type", "product_type"} {
		c := r.below(name)
		var path []string
		for _, raw := range c.list("category_path") {
			if s := recordOf(raw).label("name"); s != "" {
				path = append(path, s)
			}
		}
		if len(path) > 0 {
			return cut(strings.Join(path, " / "))
		}
		if s := c.label("name"); s != "" {
			return s
		}
	}
	return ""
}
