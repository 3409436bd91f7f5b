package publish

import (
	"fmt"
	"slices"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/bigcommerce"
)

// rehearsal makes the changes of structure that a push would make on a copy of the
// twin, by what is known of BigCommerce: an option that is created or deleted takes
// all variants with it that its coming or going makes meaningless, a value that is
// deleted those that have it. What comes into being has an id below zero.
type rehearsal struct {
	twin bigcommerce.Product
	made int64
}

// rehearse returns the twin and the link as they are to be when its variants agree
// with what is listed, or why nothing may be sent.
func rehearse(d *Desired, twin *bigcommerce.Product) (bigcommerce.Product, domain.Link, *Refusal) {
	if !reshapes(d, twin) {
		return *twin, d.Link, nil
	}
	r := rehearsal{twin: *twin}
	r.twin.Variants = slices.Clone(twin.Variants)
	r.twin.Options = slices.Clone(twin.Options)
	for range mostSteps {
		b := blueprint{listing: &d.Listing, link: &d.Link, twin: &r.twin, made: d.Made}
		changes, refusal := b.plan()
		if refusal != nil {
			return r.twin, d.Link, refusal
		}
		if len(changes) == 0 {
			return r.twin, b.tie(), nil
		}
		for _, c := range changes {
			r.make(c)
		}
	}
	return r.twin, d.Link, &Refusal{Field: "variants", Reason: fmt.Sprintf("the variants of BigCommerce product %d need more than %d changes in a row", twin.ID, mostSteps)}
}

// reshapes reports whether a push changes the twin's variants before, or after, it
// has sent their state: they are not those that are listed, or not as the link says.
func reshapes(d *Desired, twin *bigcommerce.Product) bool {
	if !fits(&d.Listing, &d.Link) || len(d.Made) > 0 {
		return true
	}
	for _, row := range variantRows(d) {
		link, _ := d.Link.Variant(row.Item)
		v, _ := d.variant(row.Item)
		w := variantOf(twin, bigcommerce.VariantID(link.BigCommerceID))
		// The twin of a deleted product is only sent what it still can be.
		if w == nil || odd(&d.Listing, w, &v) && !d.Listing.Deleted {
			return true
		}
	}
	return false
}

// odd reports whether a BigCommerce variant is another one than its listed
// counterpart.
func odd(l *domain.Listing, w *bigcommerce.Variant, v *domain.ListedVariant) bool {
	return w.SKU != string(v.SKU) || !sameOptions(l, v.Options, optionsOf(w))
}

func variantOf(twin *bigcommerce.Product, id bigcommerce.VariantID) *bigcommerce.Variant {
	at := slices.IndexFunc(twin.Variants, func(w bigcommerce.Variant) bool { return w.ID == id })
	if at < 0 {
		return nil
	}
	return &twin.Variants[at]
}

func (r *rehearsal) next() int64 {
	r.made--
	return r.made
}

func (r *rehearsal) make(c change) {
	switch {
	case c.clearSKU:
		r.twin.SKU = ""
	case c.renameValue != nil:
		r.rename(c.renameValue)
	case c.deleteOption != 0:
		r.twin.Options = slices.DeleteFunc(r.twin.Options, func(o bigcommerce.Option) bool { return o.ID == c.deleteOption })
		r.twin.Variants = nil
		if len(r.twin.Options) == 0 {
			base := bigcommerce.VariantID(r.next())
			r.twin.BaseVariantID = &base
			r.twin.Variants = []bigcommerce.Variant{{ID: base, ProductID: r.twin.ID, SKU: r.twin.SKU}}
		}
	case c.createOption != nil:
		if r.twin.Simple() {
			r.twin.BaseVariantID, r.twin.Variants = nil, nil
		}
		o := bigcommerce.Option{ID: bigcommerce.OptionID(r.next()), Name: c.createOption.name}
		for _, label := range c.createOption.labels {
			o.Values = append(o.Values, bigcommerce.OptionValue{ID: bigcommerce.ValueID(r.next()), Label: label})
		}
		r.twin.Options = append(r.twin.Options, o)
	case c.createValue != nil:
		if o := r.option(c.createValue.option); o != nil {
			o.Values = append(slices.Clone(o.Values), bigcommerce.OptionValue{ID: bigcommerce.ValueID(r.next()), Label: c.createValue.label, SortOrder: c.createValue.sortOrder})
		}
	case c.deleteVariant != 0:
		r.drop(func(w *bigcommerce.Variant) bool { return w.ID == c.deleteVariant })
	case c.deleteValue != nil:
		if o := r.option(c.deleteValue.option); o != nil {
			o.Values = slices.DeleteFunc(slices.Clone(o.Values), func(v bigcommerce.OptionValue) bool { return v.ID == c.deleteValue.value })
		}
		r.drop(func(w *bigcommerce.Variant) bool {
			return slices.ContainsFunc(w.OptionValues, func(o bigcommerce.VariantOption) bool { return o.ValueID == c.deleteValue.value })
		})
	case c.renameVariant != nil:
		if w := variantOf(&r.twin, c.renameVariant.variant); w != nil {
			w.SKU = c.renameVariant.sku
		}
	case c.createVariant != nil:
		r.add(c.createVariant)
	}
}

func (r *rehearsal) option(id bigcommerce.OptionID) *bigcommerce.Option {
	at := slices.IndexFunc(r.twin.Options, func(o bigcommerce.Option) bool { return o.ID == id })
	if at < 0 {
		return nil
	}
	return &r.twin.Options[at]
}

func (r *rehearsal) drop(gone func(*bigcommerce.Variant) bool) {
	r.twin.Variants = slices.DeleteFunc(r.twin.Variants, func(w bigcommerce.Variant) bool { return gone(&w) })
}

// rename gives a value its label, in the option and in the variants that have it.
func (r *rehearsal) rename(to *valueChange) {
	if o := r.option(to.option); o != nil {
		o.Values = slices.Clone(o.Values)
		for i := range o.Values {
			if o.Values[i].ID == to.value {
				o.Values[i].Label = to.label
			}
		}
	}
	for i := range r.twin.Variants {
		w := &r.twin.Variants[i]
		w.OptionValues = slices.Clone(w.OptionValues)
		for j := range w.OptionValues {
			if w.OptionValues[j].ValueID == to.value {
				w.OptionValues[j].Label = to.label
			}
		}
	}
}

func (r *rehearsal) add(v *bigcommerce.VariantAdd) {
	w := bigcommerce.Variant{ID: bigcommerce.VariantID(r.next()), ProductID: r.twin.ID, SKU: v.SKU, Price: &v.Price, CostPrice: &v.CostPrice}
	for _, ref := range v.OptionValues {
		o := r.option(ref.Option)
		if o == nil {
			continue
		}
		at := slices.IndexFunc(o.Values, func(value bigcommerce.OptionValue) bool { return value.ID == ref.Value })
		if at >= 0 {
			w.OptionValues = append(w.OptionValues, bigcommerce.VariantOption{OptionID: o.ID, ValueID: ref.Value, Option: o.Name, Label: o.Values[at].Label})
		}
	}
	r.twin.Variants = append(r.twin.Variants, w)
}
