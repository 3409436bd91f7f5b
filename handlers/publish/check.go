package publish

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/tillstream/tillstream/domain"
)

// Limits of one BigCommerce product (bigcommerce, section 2.3).
const (
	maxName     = 250
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
	if n := utf8.RuneCountInString(l.Name); n > maxName {
		return &Refusal{Reason: fmt.Sprintf("the name has %d characters, BigCommerce takes %d: shorten it", n, maxName), Field: "name"}
	}
	if n := len(l.Variants); n > maxVariants {
		return &Refusal{Reason: fmt.Sprintf("%d variants, BigCommerce takes %d: split the product", n, maxVariants), Field: "variants"}
	}
	skus := map[string]domain.ItemID{}
	for _, v := range l.Variants {
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

// foldLabel is the form in which BigCommerce compares names and values of options.
func foldLabel(s string) string { return strings.ToLower(strings.TrimSpace(s)) }
