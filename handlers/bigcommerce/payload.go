package bigcommerce

import "encoding/json"

// Limits that BigCommerce sets on one call. The client refuses more without sending anything.
const (
	MaxProducts = 10   // products in one UpdateProducts
	MaxVariants = 50   // variants in one UpdateVariants
	MaxStock    = 2000 // levels in one SetStock
	MaxDeletes  = 250  // products in one DeleteProducts
)

// Brand is a brand by its name. BigCommerce finds the brand of that name, whatever its case, or makes it. The empty
// Brand means that the product has none.
type Brand string

// brandKeys are the two keys of which exactly one is sent: a name, or the id 0 that stands for no brand.
type brandKeys struct {
	Name *Brand `json:"brand_name,omitempty"`
	None *int   `json:"brand_id,omitempty"`
}

func (b Brand) keys() brandKeys {
	if b == "" {
		return brandKeys{None: new(int)}
	}
	return brandKeys{Name: &b}
}

// ProductUpdate is the full state that the POS owns of a product that exists in BigCommerce. It has no field for
// anything that BigCommerce owns, and an update is partial: what it does not name stays as the merchant left it.
type ProductUpdate struct {
	ID   ProductID `json:"id"`
	Name string    `json:"name"` // 1 to 250 characters, unique in the store
	// SKU is sent when it is not nil, which should be when it changed: BigCommerce checks a SKU for uniqueness each
	// time it is sent. Pointing at "" removes the SKU of a product with options.
	SKU *string `json:"sku,omitempty"`
	// Description is HTML and always sent: an empty one empties BigCommerce's.
	Description       string   `json:"description"`
	Price             Number   `json:"price"`      // the selling price, not below 0
	CostPrice         Number   `json:"cost_price"` // 0: none
	Brand             Brand    `json:"-"`
	Visible           bool     `json:"is_visible"`
	InventoryTracking Tracking `json:"inventory_tracking,omitempty"` // empty: stays as it is
}

// MarshalJSON adds the one brand key that applies.
func (u ProductUpdate) MarshalJSON() ([]byte, error) {
	type plain ProductUpdate
	return json.Marshal(struct {
		plain
		brandKeys
	}{plain(u), u.Brand.keys()})
}

// ProductCreate is a new product. Besides what the POS owns it carries the few values that BigCommerce demands at
// birth and owns from then on.
type ProductCreate struct {
	Name string `json:"name"`
	// SKU is the code of a simple product; leave it empty when Variants carry their own.
	SKU               string   `json:"sku,omitempty"`
	Description       string   `json:"description"`
	Price             Number   `json:"price"`
	CostPrice         Number   `json:"cost_price"`
	Brand             Brand    `json:"-"`
	Visible           bool     `json:"is_visible"`
	InventoryTracking Tracking `json:"inventory_tracking,omitempty"` // empty: BigCommerce's default, none

	Type       string  `json:"type"`   // "physical" or "digital"; empty means physical
	Weight     Number  `json:"weight"` // required by BigCommerce; 0 is legal
	Categories []int64 `json:"categories,omitempty"`
	// Variants, when there are any, make BigCommerce create the options and values that their labels name.
	Variants []VariantCreate `json:"variants,omitempty"`
}

// MarshalJSON adds the one brand key that applies (none for no brand: a new product has none) and the default type.
func (p ProductCreate) MarshalJSON() ([]byte, error) {
	type plain ProductCreate
	if p.Type == "" {
		p.Type = "physical"
	}
	keys := p.Brand.keys()
	keys.None = nil
	return json.Marshal(struct {
		plain
		brandKeys
	}{plain(p), keys})
}

// VariantCreate is a variant born with its product; its options are named by their labels.
type VariantCreate struct {
	SKU          string        `json:"sku"` // never empty
	Price        Number        `json:"price"`
	CostPrice    Number        `json:"cost_price"`
	OptionValues []OptionLabel `json:"option_values"`
}

// OptionLabel names an option and one of its values, such as Size and Large.
type OptionLabel struct {
	Option string `json:"option_display_name"`
	Label  string `json:"label"`
}

// VariantAdd is a variant added to a product that exists; its options are named by their ids.
type VariantAdd struct {
	SKU          string           `json:"sku"` // never empty
	Price        Number           `json:"price"`
	CostPrice    Number           `json:"cost_price"`
	OptionValues []OptionValueRef `json:"option_values"`
}

// OptionValueRef names a value of an option by id.
type OptionValueRef struct {
	Value  ValueID  `json:"id"`
	Option OptionID `json:"option_id"`
}

// VariantUpdate is the state that the POS owns of a variant, except its SKU, which only
// [Client.UpdateVariantSKU] can change, and its option values, which nothing can change.
type VariantUpdate struct {
	ID        VariantID `json:"id"`
	Price     Number    `json:"price"`
	CostPrice Number    `json:"cost_price"`
}

// StockLevel is the stock of one item at one location. Exactly one of Product and Variant is set, and it must match
// the product's [Tracking]: BigCommerce refuses the whole call when one level names its item at the wrong level.
type StockLevel struct {
	Location LocationID `json:"location_id"`
	Product  ProductID  `json:"product_id,omitzero"`
	Variant  VariantID  `json:"variant_id,omitzero"`
	Quantity int64      `json:"quantity"` // 0 to 2,147,483,647
}

// ChannelAssignment offers a product in a sales channel.
type ChannelAssignment struct {
	Product ProductID `json:"product_id"`
	Channel ChannelID `json:"channel_id"`
}
