package publish

import (
	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/bigcommerce"
)

// Shown is what BigCommerce shows of a linked product.
type Shown struct {
	// Twin has its variants; and its options, where [Desired.Reshapes] it.
	Twin  bigcommerce.Product
	Brand bigcommerce.Brand // of the twin, by its name
	// Stock has the levels of the twin's variants. Of a simple product that is its
	// base variant; what it does not have is 0.
	Stock map[Level]int64
}

// Level names the stock of one variant at one location.
type Level struct {
	Variant  bigcommerce.VariantID
	Location bigcommerce.LocationID
}

// Field names what a [Difference] is about, as BigCommerce does where it has a name.
type Field string

// The fields that a push can change.
const (
	FieldName        Field = "name"
	FieldSKU         Field = "sku"
	FieldDescription Field = "description"
	FieldPrice       Field = "price"
	FieldCostPrice   Field = "cost_price"
	FieldBrand       Field = "brand"
	FieldVisible     Field = "is_visible"
	FieldTracking    Field = "inventory_tracking"
	FieldOptions     Field = "options" // of a variant
	FieldStock       Field = "stock"   // of a variant at a location
	FieldVariant     Field = "variant" // a variant itself, by its SKU, that is created or removed
	FieldProduct     Field = "product" // the product itself, by its name, that is deleted
)

// Difference is one value that a push would make another one in BigCommerce. An empty
// text is an absent value: a variant that is to be created has no old ones, and one
// without a price of its own has the product's.
type Difference struct {
	Field Field
	// Item is whose value it is: empty for a field of the product, and for a variant
	// of no known item.
	Item domain.ItemID
	// Variant is the item's in BigCommerce: 0 for a field of the product or its stock,
	// and for a variant that is to be created.
	Variant  bigcommerce.VariantID
	Location bigcommerce.LocationID // of stock
	Old, New string
	// Overwrites: BigCommerce has something there and the POS has nothing, so that it
	// will be lost.
	Overwrites bool
	// Sources are the fields of the POS that decide the value, as
	// [projections.Origins] names them. [Publisher.Preview] says them.
	Sources []string
}

// Reshapes reports whether a push would change the variants of this twin.
func (d *Desired) Reshapes(twin *bigcommerce.Product) bool { return reshapes(d, twin) }

// Compare returns what a push of the state would change in what is shown, in the
// order in which it is sent, or why it would not be sent. It builds what a push
// sends, and compares that.
func (d *Desired) Compare(s *Shown) ([]Difference, *Refusal) {
	if refusal := check(&d.Listing); refusal != nil {
		return nil, refusal
	}
	twin, link, refusal := rehearse(d, &s.Twin)
	if refusal != nil {
		return nil, refusal
	}
	c := comparison{was: s, will: &twin, before: &d.Link, d: &Desired{Product: d.Product, Listing: d.Listing, Link: link}}
	c.removed()
	c.product()
	c.variants()
	c.stock()
	return c.found, nil
}

// sources are the fields of the POS that decide a value, given the product's state.
func (d *Desired) sources(c *Difference, state *domain.Product, rules domain.Rules) []string {
	item := c.Item
	if item == "" {
		item = d.lead().Item
	}
	of := func(fields ...string) (out []string) {
		for _, f := range fields {
			out = append(out, "items."+string(item)+f)
		}
		return out
	}
	switch c.Field {
	case FieldName:
		return []string{"family.name"}
	case FieldDescription:
		return []string{"family.description"}
	case FieldBrand:
		return []string{"family.brand"}
	case FieldTracking:
		return []string{"family.track_inventory"}
	case FieldVisible, FieldProduct:
		return append(deletions(state), "family.active")
	case FieldSKU:
		return of(".sku")
	case FieldPrice:
		return of(".retail_price")
	case FieldCostPrice:
		return of(".supply_price")
	case FieldOptions:
		return of(".options")
	case FieldVariant:
		return of("", ".deleted", ".product", ".options")
	case FieldStock:
		out := of("", ".deleted")
		it, _ := state.Item(item)
		for _, level := range it.Stock {
			if at, shown := rules.Location(level.Outlet); shown && at == int64(c.Location) {
				out = append(out, of(".stock."+string(level.Outlet))...)
			}
		}
		return out
	}
	return nil
}

// deletions are what says of each item that it is gone, when they all are.
func deletions(p *domain.Product) (out []string) {
	if !p.Deleted() {
		return nil
	}
	for _, it := range p.Items {
		out = append(out, "items."+string(it.ID)+".deleted")
	}
	return out
}
