package search

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/projections"
)

// Filter says which products are asked for, and in which order. The zero Filter is all
// of them by their ids.
type Filter struct {
	Text  Text
	Brand string            // as [Brand] makes it; empty for any
	State projections.State // empty for any
	Stock *Range            // of all variants together; nil for any
	Price *Range            // of one of the variants; nil for any
	Since domain.Position   // the newest event of it is there or behind; 0 for any

	Sort       Sort
	Descending bool
	After      *Place // the last product that is known; nil for none
}

// Plain reports whether all products are asked for by their ids, which needs no index.
func (f *Filter) Plain() bool { return f.OnlyState() && f.State == "" }

// OnlyState reports whether nothing is asked for that only a snapshot knows.
func (f *Filter) OnlyState() bool {
	return f.Text.phrases == nil && f.Brand == "" && f.Stock == nil && f.Price == nil && f.Since == 0 && f.Sort == ByProduct && !f.Descending
}

// Brand makes of a brand what a row has of it: how it is written does not matter.
func Brand(name string) (string, error) {
	if brand := plain(name); brand != "" {
		return brand, nil
	}
	return "", fmt.Errorf("must have a letter or a digit")
}

// Range is the numbers from one to another, both included, in the units of a [Row].
type Range struct{ From, To int64 }

// has reports whether a number is in the range.
func (r *Range) has(n int64) bool { return r == nil || n >= r.From && n <= r.To }

// RangeForms says in words what a range may look like.
const RangeForms = "a number such as 12.50, or a range of them: 10..20, 10.. or ..20"

// ParseStock reads a range of stock.
func ParseStock(text string) (*Range, error) {
	return parseRange(text, func(s string) (int64, error) {
		q, err := domain.ParseQuantity(s)
		return scaled(q.Decimal(), stockScale), err
	})
}

// ParsePrice reads a range of prices.
func ParsePrice(text string) (*Range, error) {
	return parseRange(text, func(s string) (int64, error) {
		m, err := domain.ParseMoney(s)
		return scaled(m.Decimal(), priceScale), err
	})
}

func parseRange(text string, number func(string) (int64, error)) (*Range, error) {
	from, to, is := strings.Cut(strings.TrimSpace(text), "..")
	if !is {
		to = from
	}
	r := &Range{math.MinInt64, math.MaxInt64}
	if from == "" && to == "" {
		return nil, fmt.Errorf("must be %s", RangeForms)
	}
	for _, end := range []struct {
		text string
		into *int64
	}{{from, &r.From}, {to, &r.To}} {
		if end.text == "" {
			continue
		}
		n, err := number(end.text)
		if err != nil {
			return nil, fmt.Errorf("must be %s; %.40q %w", RangeForms, end.text, err)
		}
		*end.into = n
	}
	if r.From > r.To {
		return nil, fmt.Errorf("must be %s; %s is above %s", RangeForms, from, to)
	}
	return r, nil
}

// Sort is what products are ordered by; those that are equal in it are by their ids.
type Sort string

// The orders.
const (
	ByProduct Sort = ""
	ByName    Sort = "name"
	ByStock   Sort = "stock"
	ByPrice   Sort = "price"   // the lowest of its variants; a product without any comes before all
	ByChanged Sort = "changed" // when the newest event of it was recorded
)

// Sorts are the orders by their names.
func Sorts() []string {
	return []string{"product", string(ByName), string(ByStock), string(ByPrice), string(ByChanged)}
}

// ParseSort reads the name of an order.
func ParseSort(name string) (Sort, error) {
	switch {
	case name == "" || name == "product":
		return ByProduct, nil
	case slices.Contains(Sorts(), name):
		return Sort(name), nil
	}
	return "", fmt.Errorf("must be one of %s", strings.Join(Sorts(), ", "))
}

// Place is where a product stands in an order.
type Place struct {
	Number  int64            `json:"n,omitempty"`
	Text    string           `json:"t,omitempty"`
	Product domain.ProductID `json:"p"`
}

// String is the place as [Filter.ParsePlace] reads it: in the order of the ids, the id.
func (f *Filter) String(p Place) string {
	if f.Sort == ByProduct {
		return string(p.Product)
	}
	raw, err := json.Marshal(p)
	if err != nil {
		panic(fmt.Sprintf("a place has no field that JSON cannot hold: %v", err))
	}
	return base64.RawURLEncoding.EncodeToString(raw)
}

// ParsePlace reads a place in the order of the filter.
func (f *Filter) ParsePlace(text string) (*Place, error) {
	switch {
	case text == "":
		return nil, nil
	case f.Sort == ByProduct:
		return &Place{Product: domain.ProductID(text)}, nil
	}
	p := new(Place)
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err == nil {
		err = json.Unmarshal(raw, p)
	}
	if err != nil || p.Product == "" {
		return nil, fmt.Errorf("must be the next of a page in the same order")
	}
	return p, nil
}

// PlaceOf is where a row stands in the order of the filter.
func (f *Filter) PlaceOf(r *Row) Place {
	p := Place{Product: r.Product}
	switch f.Sort {
	case ByName:
		p.Text = r.Name
	case ByStock:
		p.Number = r.Stock
	case ByPrice:
		p.Number = r.Low()
	case ByChanged:
		p.Number = int64(r.Position)
	}
	return p
}

// Compare orders places as the filter does.
func (f *Filter) Compare(a, b Place) int {
	key := cmp.Or(cmp.Compare(a.Number, b.Number), strings.Compare(a.Text, b.Text))
	if f.Sort == ByProduct {
		key = strings.Compare(string(a.Product), string(b.Product))
	}
	if f.Descending {
		key = -key
	}
	return cmp.Or(key, strings.Compare(string(a.Product), string(b.Product)))
}

// Takes reports whether a product is among those that are asked for, wherever it
// stands.
func (f *Filter) Takes(r *Row) bool {
	return r.Position >= f.Since && f.takesState(r.State) && f.Stock.has(r.Stock) &&
		(f.Brand == "" || f.Brand == r.Brand) &&
		(f.Price == nil || slices.ContainsFunc(r.Prices, f.Price.has)) && f.Text.in(r.Words)
}

func (f *Filter) takesState(s projections.State) bool {
	return f.State == "" || s.Among(f.State)
}

// States are the states that the filter takes; none for any.
func (f *Filter) States() []projections.State {
	if f.State == "" {
		return nil
	}
	var out []projections.State
	for _, s := range projections.States() {
		if s.Among(f.State) {
			out = append(out, s)
		}
	}
	return out
}
