package publish

import (
	"slices"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/bigcommerce"
)

// Desired is one linked product: what BigCommerce is to show, and as what.
type Desired struct {
	Product domain.ProductID
	Listing domain.Listing
	Link    domain.Link
	// Made are SKUs under which its twin may have been given variants that the link
	// does not know, because that failed halfway.
	Made []string
	// Locations are those at which a product shows stock.
	Locations []int64
}

// Row names one entry of a request: a product, one of its variants when Item is
// set, or the stock of one at a location when Location is set too.
type Row struct {
	Product  domain.ProductID
	Item     domain.ItemID
	Location int64
}

// Plan is the fewest requests that carry the full state of some products, each as
// the rows in it. What a row says is read when the request is sent.
type Plan struct {
	Products [][]Row
	Variants [][]Row
	Stock    [][]Row
}

// NewPlan plans the full state of products whose variants are all linked.
func NewPlan(desired []Desired) Plan {
	return Plan{Products: planProducts(desired), Variants: planVariants(desired), Stock: planStock(desired)}
}

// Requests returns how many requests the plan has.
func (p Plan) Requests() int { return len(p.Products) + len(p.Variants) + len(p.Stock) }

// Bound returns the fewest requests in which BigCommerce takes so many products,
// variants of products with options, and stock levels.
func Bound(products, variants, stock int) int {
	return ceil(products, bigcommerce.MaxProducts) + ceil(variants, bigcommerce.MaxVariants) + ceil(stock, bigcommerce.MaxStock)
}

func ceil(n, per int) int { return (n + per - 1) / per }

func planProducts(desired []Desired) [][]Row {
	return pack(desired, productRows, bigcommerce.MaxProducts)
}
func planVariants(desired []Desired) [][]Row {
	return pack(desired, variantRows, bigcommerce.MaxVariants)
}
func planStock(desired []Desired) [][]Row { return pack(desired, stockRows, bigcommerce.MaxStock) }

func pack(desired []Desired, rows func(*Desired) []Row, most int) [][]Row {
	var all []Row
	for i := range desired {
		all = append(all, rows(&desired[i])...)
	}
	return slices.Collect(slices.Chunk(all, most))
}

func productRows(d *Desired) []Row { return []Row{{Product: d.Product}} }

// variantRows are the linked variants of a product with options. The base variant
// of a simple product has no state of its own.
func variantRows(d *Desired) []Row {
	if d.Link.Simple {
		return nil
	}
	var rows []Row
	for _, v := range d.Listing.Variants {
		if _, ok := d.Link.Variant(v.Item); ok {
			rows = append(rows, Row{Product: d.Product, Item: v.Item})
		}
	}
	return rows
}

// stockRows are the levels of every linked variant, if stock is kept. A product
// that is deleted in the POS shows none of the items that have moved elsewhere
// either.
func stockRows(d *Desired) []Row {
	if !d.Listing.Tracked {
		return nil
	}
	var rows []Row
	for _, v := range d.Listing.Variants {
		if _, ok := d.Link.Variant(v.Item); !ok {
			continue
		}
		for _, s := range v.Stock {
			rows = append(rows, Row{Product: d.Product, Item: v.Item, Location: s.Location})
		}
	}
	if !d.Listing.Deleted {
		return rows
	}
	for _, v := range d.Link.Variants {
		if _, listed := d.variant(v.Item); listed {
			continue
		}
		for _, location := range d.Locations {
			rows = append(rows, Row{Product: d.Product, Item: v.Item, Location: location})
		}
	}
	return rows
}

// products returns the products of some rows, each once, in their order.
func products(rows []Row) []domain.ProductID {
	var ids []domain.ProductID
	for _, r := range rows {
		if n := len(ids); n == 0 || ids[n-1] != r.Product {
			ids = append(ids, r.Product)
		}
	}
	return ids
}

// halve splits rows between two products, as near to the middle as it goes. Rows
// of one product are not split.
func halve(rows []Row) (a, b []Row, ok bool) {
	ids := products(rows)
	if len(ids) < 2 {
		return rows, nil, false
	}
	first := ids[len(ids)/2]
	at := slices.IndexFunc(rows, func(r Row) bool { return r.Product == first })
	return rows[:at:at], rows[at:], true
}
