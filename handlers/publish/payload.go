package publish

import (
	"maps"
	"slices"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/bigcommerce"
)

// update is the full state of a product itself. withSKU sends the SKU of a simple
// product, which is otherwise left out: BigCommerce checks a SKU for uniqueness
// each time it is sent. One that is deleted in the POS may have lost its own to
// another product.
func (d *Desired) update(withSKU bool) bigcommerce.ProductUpdate {
	lead := d.lead()
	u := bigcommerce.ProductUpdate{
		ID:          bigcommerce.ProductID(d.Link.BigCommerceID),
		Name:        d.Listing.Name,
		Description: d.Listing.Description,
		Price:       number(lead.Price),
		CostPrice:   number(lead.Cost),
		Brand:       bigcommerce.Brand(d.Listing.Brand),
		// Without any variant, all of them having moved to other products, there is no
		// price either. Nothing is shown at no price.
		Visible:           d.Listing.Visible && len(d.Listing.Variants) > 0,
		InventoryTracking: tracking(&d.Listing, d.Link.Simple),
	}
	if withSKU && d.Link.Simple && !d.Listing.Deleted {
		sku := string(lead.SKU)
		u.SKU = &sku
	}
	return u
}

// lead is the variant that speaks for the product: the one that is linked of a
// simple product, and the first of one with options.
func (d *Desired) lead() domain.ListedVariant {
	if d.Link.Simple && len(d.Link.Variants) > 0 {
		if v, ok := d.variant(d.Link.Variants[0].Item); ok {
			return v
		}
	}
	if len(d.Listing.Variants) > 0 {
		return d.Listing.Variants[0]
	}
	return domain.ListedVariant{}
}

func (d *Desired) variant(item domain.ItemID) (domain.ListedVariant, bool) {
	for _, v := range d.Listing.Variants {
		if v.Item == item {
			return v, true
		}
	}
	return domain.ListedVariant{}, false
}

// variantUpdate is the state of one variant, or false when it is no longer listed
// or linked.
func (d *Desired) variantUpdate(item domain.ItemID) (bigcommerce.VariantUpdate, bool) {
	v, listed := d.variant(item)
	link, linked := d.Link.Variant(item)
	return bigcommerce.VariantUpdate{
		ID:        bigcommerce.VariantID(link.BigCommerceID),
		Price:     number(v.Price),
		CostPrice: number(v.Cost),
	}, listed && linked && !d.Link.Simple
}

// stockLevel is the stock of one variant at one location, or false when there is
// none to tell.
func (d *Desired) stockLevel(item domain.ItemID, location int64) (bigcommerce.StockLevel, bool) {
	v, listed := d.variant(item)
	link, linked := d.Link.Variant(item)
	if !linked || !d.Listing.Tracked {
		return bigcommerce.StockLevel{}, false
	}
	if !listed && d.Listing.Deleted {
		v.Stock = []domain.LocationStock{{Location: location}}
	}
	for _, s := range v.Stock {
		if s.Location != location {
			continue
		}
		level := bigcommerce.StockLevel{Location: bigcommerce.LocationID(location), Quantity: s.Quantity}
		if d.Link.Simple {
			level.Product = bigcommerce.ProductID(d.Link.BigCommerceID)
		} else {
			level.Variant = bigcommerce.VariantID(link.BigCommerceID)
		}
		return level, true
	}
	return bigcommerce.StockLevel{}, false
}

// locations are those at which a store shows stock.
func locations(r domain.Rules) []int64 {
	if len(r.Locations) == 0 {
		return []int64{domain.DefaultLocation}
	}
	return slices.Compact(slices.Sorted(maps.Values(r.Locations)))
}

// newProduct is the body of a creation.
func newProduct(l *domain.Listing, weight bigcommerce.Number, categories []int64) bigcommerce.ProductCreate {
	lead := l.Variants[0]
	c := bigcommerce.ProductCreate{
		Name:              l.Name,
		Description:       l.Description,
		Price:             number(lead.Price),
		CostPrice:         number(lead.Cost),
		Brand:             bigcommerce.Brand(l.Brand),
		Visible:           l.Visible,
		InventoryTracking: tracking(l, l.Simple()),
		Weight:            weight,
		Categories:        categories,
	}
	if l.Simple() {
		c.SKU = string(lead.SKU)
		return c
	}
	for _, v := range l.Variants {
		born := bigcommerce.VariantCreate{SKU: string(v.SKU), Price: number(v.Price), CostPrice: number(v.Cost)}
		for _, o := range v.Options {
			born.OptionValues = append(born.OptionValues, bigcommerce.OptionLabel{Option: o.Name, Label: o.Value})
		}
		c.Variants = append(c.Variants, born)
	}
	return c
}

func tracking(l *domain.Listing, simple bool) bigcommerce.Tracking {
	switch {
	case l.StockLeft:
		return ""
	case !l.Tracked:
		return bigcommerce.TrackNone
	case simple:
		return bigcommerce.TrackProduct
	}
	return bigcommerce.TrackVariant
}

func number(m domain.Money) bigcommerce.Number { return bigcommerce.Number{Decimal: m.Decimal()} }
