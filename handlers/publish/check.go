package publish

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/tillstream/tillstream/domain"
)

// Limits of one BigCommerce product (bigcommerce, sections 2.3 and 3), of texts in
// characters. Others cannot be reached: money is never negative and has at most
// four decimals, and stock is clamped, in a [domain.Listing].
const (
	maxName     = 250
	maxSKU      = 255
	maxBrand    = 255
	maxOption   = 255 // the name of an option, and each of its values
	maxVariants = 600
	maxValues   = 250 // of one option
)

// Refusal says why a product is not taken.
type Refusal struct {
	Status int    // BigCommerce's HTTP status; 0 when the product was never sent
	Reason string // what is wrong, for the merchant
	Field  string // BigCommerce's name of the field, when one is to blame
}

// check finds what BigCommerce is known not to take, before a request is spent on
// it. What it cannot know, such as a name that another product has, BigCommerce
// says itself.
func check(l *domain.Listing) *Refusal {
	if l.Deleted {
		return nil
	}
	if r := checkText("name", "the name", l.Name, maxName); r != nil {
		return r
	}
	if l.Brand != "" {
		if r := checkText("brand_name", "the brand", l.Brand, maxBrand); r != nil {
			return r
		}
	}
	if n := len(l.Variants); n > maxVariants {
		return &Refusal{Reason: fmt.Sprintf("%d variants, BigCommerce takes %d: split the product", n, maxVariants), Field: "variants"}
	}
	skus := map[string]domain.ItemID{}
	for _, v := range l.Variants {
		// BigCommerce takes a simple product without a SKU, but then its twin could not
		// be recognised.
		if r := checkText("sku", "the SKU of item "+string(v.Item), string(v.SKU), maxSKU); r != nil {
			return r
		}
		if other, taken := skus[v.SKU.Fold()]; taken {
			return &Refusal{Reason: fmt.Sprintf("items %s and %s have the same SKU %q: give each its own", other, v.Item, v.SKU), Field: "sku"}
		}
		skus[v.SKU.Fold()] = v.Item
	}
	if l.Simple() || len(l.Variants) == 0 {
		return nil
	}
	return checkOptions(l)
}

// checkText holds a text to what BigCommerce takes: something, and not too much.
func checkText(field, what, s string, most int) *Refusal {
	if n := utf8.RuneCountInString(s); n > most {
		return &Refusal{Reason: fmt.Sprintf("%s has %d characters, BigCommerce takes %d: shorten it", what, n, most), Field: field}
	}
	if strings.TrimSpace(s) == "" {
		return &Refusal{Reason: fmt.Sprintf("%s is blank: fill it in", what), Field: field}
	}
	return nil
}

// checkOptions holds the variants to what makes them variants of one product: the
// same options, each with a value, no two alike.
func checkOptions(l *domain.Listing) *Refusal {
	refuse := func(format string, args ...any) *Refusal {
		return &Refusal{Reason: fmt.Sprintf(format, args...), Field: "option_values"}
	}
	values := map[string]map[string]bool{} // of each option, folded
	combinations := map[string]domain.SKU{}
	var first []string
	for i, v := range l.Variants {
		if len(v.Options) == 0 {
			return refuse("variant %q has no options, its siblings do: give it a value for each", v.SKU)
		}
		names := make([]string, len(v.Options))
		for j, o := range v.Options {
			if r := checkText("option_values", fmt.Sprintf("the name of an option of variant %q", v.SKU), o.Name, maxOption); r != nil {
				return r
			}
			if r := checkText("option_values", fmt.Sprintf("the value of option %q of variant %q", quoted(o.Name), v.SKU), o.Value, maxOption); r != nil {
				return r
			}
			names[j] = foldLabel(o.Name)
			if slices.Contains(names[:j], names[j]) {
				return refuse("variant %q has two values of option %q: keep one", v.SKU, o.Name)
			}
			if values[names[j]] == nil {
				values[names[j]] = map[string]bool{}
			}
			values[names[j]][foldLabel(o.Value)] = true
			if n := len(values[names[j]]); n > maxValues {
				return refuse("option %q has more than the %d values that BigCommerce takes: split the product", o.Name, maxValues)
			}
		}
		slices.Sort(names)
		if i == 0 {
			first = names
		}
		if !slices.Equal(names, first) {
			return refuse("variant %q has the options %s, variant %q has %s: give all variants the same", v.SKU,
				strings.Join(names, ", "), l.Variants[0].SKU, strings.Join(first, ", "))
		}
		c := combination(v.Options)
		if other, taken := combinations[c]; taken {
			return refuse("variants %q and %q have the same options: tell them apart", other, v.SKU)
		}
		combinations[c] = v.SKU
	}
	return nil
}

// combination identifies the option values of a variant, in whatever order and
// case they are written.
func combination(options []domain.Option) string {
	parts := make([]string, len(options))
	for i, o := range options {
		parts[i] = foldLabel(o.Name) + "\x1f" + foldLabel(o.Value)
	}
	slices.Sort(parts)
	return strings.Join(parts, "\x1e")
}

// sameOptions reports whether BigCommerce shows the options of a listed variant, as
// they are spelled. The name of an option is compared whatever its case: it is not
// changed once BigCommerce has it.
func sameOptions(l *domain.Listing, listed, shown []domain.Option) bool {
	if combination(listed) != combination(shown) {
		return false
	}
	for _, o := range shown {
		if spelling(l, o) != o.Value {
			return false
		}
	}
	return true
}

// foldLabel is the form in which BigCommerce compares names and values of options.
func foldLabel(s string) string { return strings.ToLower(strings.TrimSpace(s)) }
