package search

import (
	"math"
	"slices"
	"strings"

	"github.com/govalues/decimal"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/projections"
)

// Row is what the index holds of one product: what it can be chosen and ordered by.
// Equal snapshots and publications make equal rows.
type Row struct {
	Store    domain.StoreID
	Product  domain.ProductID
	Position domain.Position // in the POS log, of the newest event that concerned it
	State    projections.State
	Name     string // as words
	Brand    string // as words
	Stock    int64  // on hand of all its variants at all outlets, in hundred-thousandths
	// Prices are what its variants cost, in millionths, each once, the lowest first.
	Prices []int64
	Words  string // of everything that it is found by
}

// Units of what a row holds of decimals.
const (
	stockScale = domain.QuantityScale
	priceScale = domain.MoneyScale
)

// Low is the lowest price of a row, and -1 for none.
func (r *Row) Low() int64 {
	if len(r.Prices) == 0 {
		return -1
	}
	return r.Prices[0]
}

// RowOf is what the index holds of a product, and false when it is none any more.
func RowOf(p *domain.Product, pub projections.Publication, quarantined bool) (Row, bool) {
	ids := make([]domain.ItemID, len(p.Items))
	for i, it := range p.Items {
		ids[i] = it.ID
	}
	if projections.Gone(projections.Summary{Items: ids}, pub) {
		return Row{}, false
	}
	r := Row{
		Store: p.Store, Product: p.ID, Position: p.Position, State: projections.StateOf(p.Due, pub, quarantined),
		Name: plain(p.Family.Name), Brand: plain(p.Family.Brand),
	}
	if r.Name == "" {
		r.Name = plain(string(p.ID)) // which is what lists show
	}
	f := &p.Family
	found := []string{f.Name, f.Brand, f.Category, f.Supplier, f.Handle, string(p.ID)}
	found = append(found, f.Tags...)
	for _, it := range p.Items {
		found = append(found, string(it.ID))
		if !it.Described || it.Deleted {
			continue
		}
		found = append(found, string(it.SKU))
		for _, o := range it.Options {
			found = append(found, o.Value)
		}
		for _, c := range it.Codes {
			found = append(found, c.Code)
		}
		r.Prices = append(r.Prices, scaled(it.RetailPrice.Decimal(), priceScale))
		for _, level := range it.Stock {
			r.Stock = sum(r.Stock, scaled(level.OnHand.Decimal(), stockScale))
		}
	}
	slices.Sort(r.Prices)
	r.Prices = slices.Compact(r.Prices)
	r.Words = wordsOf(found)
	return r, true
}

// wordsOf joins the words of fields, each text once.
func wordsOf(fields []string) string {
	var out strings.Builder
	seen := map[string]bool{"": true}
	for _, field := range fields {
		text := plain(field)
		if seen[text] {
			continue
		}
		seen[text] = true
		if out.Len() > 0 {
			out.WriteString(" " + barrier + " ")
		}
		out.WriteString(text)
	}
	return out.String()
}

// scaled is a decimal as a whole number of its smallest units. Those of domain fit.
func scaled(d decimal.Decimal, scale int) int64 {
	whole, fraction, ok := d.Int64(scale)
	if !ok {
		return 0
	}
	unit := int64(math.Pow10(scale))
	return whole*unit + fraction
}

// sum stops at the largest number there is.
func sum(a, b int64) int64 {
	switch {
	case b > 0 && a > math.MaxInt64-b:
		return math.MaxInt64
	case b < 0 && a < math.MinInt64-b:
		return math.MinInt64
	}
	return a + b
}
