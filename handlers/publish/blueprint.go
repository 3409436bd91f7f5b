package publish

import (
	"slices"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/bigcommerce"
)

// change is one request that brings a twin's variants nearer to what is listed.
// Exactly one of its parts is set, but for the item of a variant.
type change struct {
	clearSKU      bool // of the product, because a variant, or another product, is to have it
	renameValue   *valueChange
	deleteOption  bigcommerce.OptionID
	createOption  *optionChange
	createValue   *valueChange
	deleteVariant bigcommerce.VariantID
	renameVariant *variantChange
	createVariant *bigcommerce.VariantAdd
	item          domain.ItemID // whose variant is created
	deleteValue   *valueChange
}

type optionChange struct {
	name   string
	labels []string
}

type valueChange struct {
	option    bigcommerce.OptionID
	value     bigcommerce.ValueID
	label     string
	sortOrder int
}

type variantChange struct {
	variant bigcommerce.VariantID
	sku     string
}

// blueprint compares a twin with options, or one that is to get some, with what is
// listed. Changes are found in steps, because BigCommerce's ids and variants are
// other ones after each: the caller makes the changes of one step, reads the twin
// and asks again, until there are none.
type blueprint struct {
	listing *domain.Listing
	link    *domain.Link
	twin    *bigcommerce.Product
	release []string // SKUs that other products are to have
	made    []string // SKUs under which variants were created, whose ids are not known
}

// foreign returns a variant of the twin that is not linked and is none that is
// listed: the merchant's own.
func (b *blueprint) foreign() (bigcommerce.Variant, bool) {
	if b.twin.Simple() {
		return bigcommerce.Variant{}, false
	}
	for _, w := range b.twin.Variants {
		if !b.ours(&w) && b.counterpart(&w) == nil {
			return w, true
		}
	}
	return bigcommerce.Variant{}, false
}

func (b *blueprint) linked(id bigcommerce.VariantID) bool {
	return slices.ContainsFunc(b.link.Variants, func(v domain.VariantLink) bool { return v.BigCommerceID == int64(id) })
}

// ours reports whether a variant is not the merchant's own.
func (b *blueprint) ours(w *bigcommerce.Variant) bool {
	return b.linked(w.ID) || contains(b.made, w.SKU)
}

// contains reports whether a SKU is among some, whatever its case; the empty one
// never is.
func contains(skus []string, sku string) bool {
	folded := domain.SKU(sku).Fold()
	return folded != "" && slices.ContainsFunc(skus, func(s string) bool { return domain.SKU(s).Fold() == folded })
}

func (b *blueprint) listed(item domain.ItemID) *domain.ListedVariant {
	at := slices.IndexFunc(b.listing.Variants, func(v domain.ListedVariant) bool { return v.Item == item })
	if at < 0 {
		return nil
	}
	return &b.listing.Variants[at]
}

// counterpart is the listed variant with the options of a BigCommerce one.
func (b *blueprint) counterpart(w *bigcommerce.Variant) *domain.ListedVariant {
	c := combination(optionsOf(w))
	for i := range b.listing.Variants {
		if combination(b.listing.Variants[i].Options) == c {
			return &b.listing.Variants[i]
		}
	}
	return nil
}

// steps returns the changes of the first step that has any.
func (b *blueprint) steps() []change {
	for _, step := range []func() []change{
		b.clearing, b.renamedValues, b.extraOptions, b.missingOptions, b.missingValues, b.extraVariants, b.renames, b.missingVariants,
	} {
		if changes := step(); len(changes) > 0 {
			return changes
		}
	}
	return nil
}

// renamedValues are values that all their variants want to be called otherwise.
// Renaming keeps the variants and what the merchant has set on them.
func (b *blueprint) renamedValues() []change {
	var out []change
	for _, o := range b.twin.Options {
		given := map[string]bool{} // two values may become one: then only the first is renamed
		for _, value := range o.Values {
			label, ok := b.wantedLabel(&o, value.ID)
			if !ok || label == value.Label {
				continue
			}
			taken := func(v bigcommerce.OptionValue) bool {
				return v.ID != value.ID && foldLabel(v.Label) == foldLabel(label)
			}
			if !given[foldLabel(label)] && !slices.ContainsFunc(o.Values, taken) {
				given[foldLabel(label)] = true
				out = append(out, change{renameValue: &valueChange{option: o.ID, value: value.ID, label: label, sortOrder: value.SortOrder}})
			}
		}
	}
	return out
}

// wantedLabel is what every variant with a value wants it to be called, if they
// agree and are all ours.
func (b *blueprint) wantedLabel(o *bigcommerce.Option, value bigcommerce.ValueID) (label string, ok bool) {
	for i := range b.twin.Variants {
		w := &b.twin.Variants[i]
		if !slices.ContainsFunc(w.OptionValues, func(v bigcommerce.VariantOption) bool { return v.ValueID == value }) {
			continue
		}
		var v *domain.ListedVariant
		if at := slices.IndexFunc(b.link.Variants, func(v domain.VariantLink) bool { return v.BigCommerceID == int64(w.ID) }); at >= 0 {
			v = b.listed(b.link.Variants[at].Item)
		}
		if v == nil {
			v = b.counterpart(w)
		}
		if v == nil {
			return "", false
		}
		is := slices.IndexFunc(v.Options, func(w domain.Option) bool { return foldLabel(w.Name) == foldLabel(o.Name) })
		if is < 0 || ok && foldLabel(v.Options[is].Value) != foldLabel(label) {
			return "", false
		}
		label, ok = spelling(b.listing, v.Options[is]), true
	}
	return label, ok
}

// spelling is the value of an option as the first variant that has it writes it:
// two that differ in case are one value in BigCommerce.
func spelling(l *domain.Listing, o domain.Option) string {
	for i := range l.Variants {
		for _, p := range l.Variants[i].Options {
			if foldLabel(p.Name) == foldLabel(o.Name) && foldLabel(p.Value) == foldLabel(o.Value) {
				return p.Value
			}
		}
	}
	return o.Value
}

// extraOptions are those that no listed variant has. All variants go with them.
func (b *blueprint) extraOptions() []change {
	var out []change
	for _, o := range b.twin.Options {
		if b.labels(o.Name) == nil {
			out = append(out, change{deleteOption: o.ID})
		}
	}
	return out
}

func (b *blueprint) missingOptions() []change {
	var out []change
	if len(b.listing.Variants) == 0 {
		return nil
	}
	for _, o := range b.listing.Variants[0].Options { // all have the same, see checkOptions
		if b.option(o.Name) == nil {
			out = append(out, change{createOption: &optionChange{o.Name, b.labels(o.Name)}})
		}
	}
	return out
}

func (b *blueprint) missingValues() []change {
	var out []change
	for _, o := range b.twin.Options {
		for i, label := range b.labels(o.Name) {
			if valueOf(&o, label) == 0 {
				out = append(out, change{createValue: &valueChange{option: o.ID, label: label, sortOrder: i}})
			}
		}
	}
	return out
}

// extraVariants are variants of ours, and others with a SKU that is needed, whose
// options are not listed. A variant's options cannot be changed, so one that has
// other options now is deleted here and created below. So are values that only
// they had, because the shop would go on to offer them.
func (b *blueprint) extraVariants() []change {
	var out []change
	gone := map[bigcommerce.VariantID]bool{}
	for i := range b.twin.Variants {
		w := &b.twin.Variants[i]
		if b.counterpart(w) != nil {
			continue
		}
		needed := slices.ContainsFunc(b.listing.Variants, func(v domain.ListedVariant) bool { return v.SKU.Fold() == domain.SKU(w.SKU).Fold() })
		if b.ours(w) || needed {
			gone[w.ID] = true
			out = append(out, change{deleteVariant: w.ID})
		}
	}
	for _, o := range b.twin.Options {
		wanted := b.labels(o.Name)
		for _, value := range o.Values {
			used, freed := false, false
			for i := range b.twin.Variants {
				w := &b.twin.Variants[i]
				if slices.ContainsFunc(w.OptionValues, func(v bigcommerce.VariantOption) bool { return v.ValueID == value.ID }) {
					freed = freed || gone[w.ID]
					used = used || !gone[w.ID]
				}
			}
			listed := slices.ContainsFunc(wanted, func(l string) bool { return foldLabel(l) == foldLabel(value.Label) })
			if freed && !used && !listed {
				out = append(out, change{deleteValue: &valueChange{option: o.ID, value: value.ID}})
			}
		}
	}
	return out
}

func (b *blueprint) missingVariants() []change {
	var out []change
	for _, v := range b.listing.Variants {
		c := combination(v.Options)
		if slices.ContainsFunc(b.twin.Variants, func(w bigcommerce.Variant) bool { return combination(optionsOf(&w)) == c }) {
			continue
		}
		add := bigcommerce.VariantAdd{SKU: string(v.SKU), Price: number(v.Price), CostPrice: number(v.Cost)}
		for _, o := range v.Options {
			if option := b.option(o.Name); option != nil {
				add.OptionValues = append(add.OptionValues, bigcommerce.OptionValueRef{Option: option.ID, Value: valueOf(option, o.Value)})
			}
		}
		out = append(out, change{createVariant: &add, item: v.Item})
	}
	return out
}

// labels are the listed values of an option, in the order in which they come; nil
// when no variant has the option.
func (b *blueprint) labels(option string) []string {
	var out []string
	seen := map[string]bool{}
	for _, v := range b.listing.Variants {
		for _, o := range v.Options {
			if foldLabel(o.Name) == foldLabel(option) && !seen[foldLabel(o.Value)] {
				seen[foldLabel(o.Value)] = true
				out = append(out, o.Value)
			}
		}
	}
	return out
}

func (b *blueprint) option(name string) *bigcommerce.Option {
	at := slices.IndexFunc(b.twin.Options, func(o bigcommerce.Option) bool { return foldLabel(o.Name) == foldLabel(name) })
	if at < 0 {
		return nil
	}
	return &b.twin.Options[at]
}

func valueOf(o *bigcommerce.Option, label string) bigcommerce.ValueID {
	for _, v := range o.Values {
		if foldLabel(v.Label) == foldLabel(label) {
			return v.ID
		}
	}
	return 0
}
