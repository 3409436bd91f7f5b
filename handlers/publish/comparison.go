package publish

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/bigcommerce"
)

// comparison is the state of one [Desired.Compare].
type comparison struct {
	was    *Shown
	will   *bigcommerce.Product // the twin when its variants agree with what is listed
	before *domain.Link
	d      *Desired // linked to will
	found  []Difference
}

// add enters a difference, if it is one. Text overwrites where it leaves nothing of
// something.
func (c *comparison) add(ch Difference) {
	if ch.Old != ch.New {
		c.found = append(c.found, ch)
	}
}

func (c *comparison) addText(ch Difference) {
	ch.Overwrites = ch.Old != "" && ch.New == ""
	c.add(ch)
}

// addMoney compares amounts as BigCommerce keeps them. One of 0 is none.
func (c *comparison) addMoney(ch Difference, was *bigcommerce.Number, will bigcommerce.Number) {
	ch.New = amount(will)
	if was != nil {
		ch.Old = amount(*was)
		ch.Overwrites = !was.IsZero() && will.IsZero()
	}
	c.add(ch)
}

func amount(n bigcommerce.Number) string { return n.Round(domain.PriceScale).Trim(0).String() }

// removed are variants of the twin that are gone afterwards.
func (c *comparison) removed() {
	if c.was.Twin.Simple() {
		return // the base variant is replaced by what becomes of it
	}
	for i := range c.was.Twin.Variants {
		w := &c.was.Twin.Variants[i]
		if variantOf(c.will, w.ID) != nil {
			continue
		}
		gone := Difference{Field: FieldVariant, Variant: w.ID, Old: cmp.Or(w.SKU, describe(optionsOf(w)), fmt.Sprint(w.ID)), Overwrites: true}
		for _, v := range c.before.Variants {
			if v.BigCommerceID == int64(w.ID) {
				gone.Item = v.Item
			}
		}
		c.add(gone)
	}
}

func (c *comparison) product() {
	twin, u := &c.was.Twin, c.d.update(true)
	c.addText(Difference{Field: FieldName, Old: twin.Name, New: u.Name})
	if u.SKU != nil { // of a simple product it is sent where it differs
		c.addText(Difference{Field: FieldSKU, Old: twin.SKU, New: *u.SKU})
	} else { // of another it is taken away where a variant is to have it
		c.add(Difference{Field: FieldSKU, Old: twin.SKU, New: c.will.SKU})
	}
	c.addText(Difference{Field: FieldDescription, Old: twin.Description, New: u.Description})
	c.addMoney(Difference{Field: FieldPrice}, &twin.Price, u.Price)
	c.addMoney(Difference{Field: FieldCostPrice}, &twin.CostPrice, u.CostPrice)
	if !bigcommerce.SameBrand(c.was.Brand, u.Brand) {
		c.addText(Difference{Field: FieldBrand, Old: string(c.was.Brand), New: string(u.Brand)})
	}
	c.add(Difference{Field: FieldVisible, Old: strconv.FormatBool(twin.Visible), New: strconv.FormatBool(u.Visible)})
	if !c.d.Listing.StockLeft {
		c.add(Difference{Field: FieldTracking, Old: string(twin.InventoryTracking), New: string(u.InventoryTracking)})
	}
}

// variants are what a push changes and sends of linked variants.
func (c *comparison) variants() {
	for _, row := range variantRows(c.d) {
		u, _ := c.d.variantUpdate(row.Item)
		will, was := variantOf(c.will, u.ID), variantOf(&c.was.Twin, u.ID)
		if will == nil {
			continue
		}
		ch := Difference{Item: row.Item}
		with := func(f Field, from, to string) Difference {
			ch.Field, ch.Old, ch.New = f, from, to
			return ch
		}
		if was == nil {
			was = &bigcommerce.Variant{}
			c.add(with(FieldVariant, "", will.SKU))
		} else {
			ch.Variant = was.ID
			c.add(with(FieldSKU, was.SKU, will.SKU))
		}
		if describe(optionsOf(was)) != describe(optionsOf(will)) {
			c.add(with(FieldOptions, describe(optionsOf(was)), describe(optionsOf(will))))
		}
		c.addMoney(with(FieldPrice, "", ""), was.Price, u.Price)
		c.addMoney(with(FieldCostPrice, "", ""), was.CostPrice, u.CostPrice)
	}
}

// stock is the stock of linked variants. BigCommerce shows none of a product whose
// stock it does not keep, and none of a variant that is yet to be created.
func (c *comparison) stock() {
	twin := &c.was.Twin
	for _, row := range stockRows(c.d) {
		level, _ := c.d.stockLevel(row.Item, row.Location)
		ch := Difference{Field: FieldStock, Item: row.Item, Location: level.Location, New: strconv.FormatInt(level.Quantity, 10)}
		shownAs := c.base()
		if level.Product == 0 && variantOf(twin, level.Variant) != nil {
			shownAs, ch.Variant = level.Variant, level.Variant
		} else if level.Product == 0 {
			shownAs = 0
		}
		if shownAs != 0 && twin.InventoryTracking != bigcommerce.TrackNone {
			ch.Old = strconv.FormatInt(c.was.Stock[Level{shownAs, level.Location}], 10)
		}
		c.add(ch)
	}
}

// base is the variant under which BigCommerce shows what is in stock of a product as
// a whole; 0 when it does not yet.
func (c *comparison) base() bigcommerce.VariantID {
	twin := &c.was.Twin
	switch {
	case twin.Simple():
		return *twin.BaseVariantID
	case !c.will.Simple() && len(twin.Variants) > 0: // the merchant gave it options
		return twin.Variants[0].ID
	}
	return 0
}

// describe writes options for people.
func describe(options []domain.Option) string {
	words := make([]string, len(options))
	for i, o := range options {
		words[i] = o.Name + " " + o.Value
	}
	return strings.Join(words, ", ")
}
