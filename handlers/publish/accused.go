package publish

import (
	"errors"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/bigcommerce"
)

// entry is one row of a request, in its place, as BigCommerce knows it. What is not
// known is empty.
type entry struct {
	product domain.ProductID
	twin    bigcommerce.ProductID
	variant bigcommerce.VariantID // of a row about a variant
	sku     domain.SKU
}

// accusation is the error of a request that says which of its products are at
// fault.
type accusation struct {
	error
	of map[domain.ProductID]charge
}

func (a *accusation) Unwrap() error { return a.error }

// charge is what an error says of one product. One that is not sure has to be seen
// again with the product alone: another one of the request may be the cause of a
// conflict, and a SKU in a text may be the beginning of another.
type charge struct {
	err  *bigcommerce.Error
	sure bool
}

// accused returns the products that an error names.
func accused(err error) map[domain.ProductID]charge {
	if a, ok := errors.AsType[*accusation](err); ok {
		return a.of
	}
	return nil
}

// accuse adds to a failed request's error the products that it names: by the index
// of a row ("3.name"), or by an id or a SKU in the text. BigCommerce names them in
// some errors and not in others; one that cannot be made out is searched for.
func accuse(err error, entries []entry) error {
	e, ok := errors.AsType[*bigcommerce.Error](err)
	if !ok || blame(err) != product {
		return err
	}
	of := map[domain.ProductID]charge{}
	bring := func(id domain.ProductID, sure bool, said bigcommerce.BatchError) {
		c, known := of[id]
		if !known {
			one := *e
			one.Status, one.Title, one.Fields, one.Batch = said.Status, said.Title, map[string]string{}, nil
			c = charge{&one, true}
		}
		c.sure = c.sure && sure && said.Status != http.StatusConflict
		maps.Copy(c.err.Fields, said.Fields)
		of[id] = c
	}
	whole := bigcommerce.BatchError{Status: e.Status, Title: e.Title, Fields: e.Fields}
	for field, message := range e.Fields {
		index, rest, _ := strings.Cut(field, ".")
		if i, err := strconv.Atoi(index); err == nil && rest != "" && i >= 0 && i < len(entries) {
			bring(entries[i].product, true, bigcommerce.BatchError{Status: e.Status, Title: e.Title, Fields: map[string]string{rest: message}})
		}
	}
	said := e.Batch
	if len(of) == 0 {
		said = append([]bigcommerce.BatchError{whole}, said...)
	}
	for _, row := range said {
		byID, bySKU := mentioned(row, entries)
		for _, id := range byID {
			bring(id, true, row)
		}
		for _, id := range bySKU {
			bring(id, slices.Contains(byID, id), row)
		}
	}
	if len(of) == 0 {
		return err
	}
	return &accusation{err, of}
}

// idWords are the ways in which BigCommerce's texts introduce ids: "product_id 106",
// "an id of 512", "identities: [3,2]".
var idWords = regexp.MustCompile(`(?i)\b(?:(product|variant)[ _])?(?:ids?|identities)\b(?: of)?[:=]? *\[?((?:\d+(?:, *)?)+)`)

// mentioned returns the products of the entries that a text names by an id, and
// those that it names by a SKU.
func mentioned(said bigcommerce.BatchError, entries []entry) (byID, bySKU []domain.ProductID) {
	for _, text := range append(slices.Sorted(maps.Values(said.Fields)), said.Title) {
		for _, match := range idWords.FindAllStringSubmatch(text, -1) {
			kind := strings.ToLower(match[1])
			for digits := range strings.FieldsFuncSeq(match[2], func(r rune) bool { return !unicode.IsDigit(r) }) {
				id, err := strconv.ParseInt(digits, 10, 64)
				for _, e := range entries {
					same := e.variant == bigcommerce.VariantID(id)
					if kind == "product" || kind == "" && e.variant == 0 {
						same = e.twin == bigcommerce.ProductID(id)
					}
					if err == nil && same {
						byID = append(byID, e.product)
					}
				}
			}
		}
		for _, sku := range mentionedSKUs(text, entries) {
			for _, e := range entries {
				if e.sku.Fold() == sku {
					bySKU = append(bySKU, e.product)
				}
			}
		}
	}
	return byID, bySKU
}

// mentionedSKUs returns, folded, the SKUs of the entries that follow the word SKU in
// a text. Of several that fit at one place it is the longest, since a SKU may begin
// with another.
func mentionedSKUs(text string, entries []entry) []string {
	var out []string
	for rest := strings.ToLower(text); ; {
		_, after, found := strings.Cut(rest, "sku")
		if !found {
			return out
		}
		rest = after
		candidate, longest := strings.TrimLeft(after, ` :="'`), ""
		for _, e := range entries {
			sku := e.sku.Fold()
			behind, fits := strings.CutPrefix(candidate, sku)
			if fits && len(sku) > len(longest) && (behind == "" || strings.ContainsRune(` "',;)]`, rune(behind[0]))) {
				longest = sku
			}
		}
		if longest != "" {
			out = append(out, longest)
		}
	}
}
