package bigcommerce

// BigCommerce numbers products, variants, options and option values independently of each other, so that the same
// number often names one of each. Separate types keep them from being exchanged by accident.
type (
	// ProductID names a product.
	ProductID int64
	// VariantID names a variant, over the whole store.
	VariantID int64
	// OptionID names an option (such as Size) of one product.
	OptionID int64
	// ValueID names a value (such as Large) of one option.
	ValueID int64
	// LocationID names an inventory location; a store's default location is 1.
	LocationID int64
	// ChannelID names a sales channel; a store's first storefront is 1.
	ChannelID int64
	// ImageID names an image of one product.
	ImageID int64
)

// Tracking says at which level BigCommerce keeps stock. A stock level must name its item at the same level.
type Tracking string

// The three levels of [Tracking].
const (
	TrackNone    Tracking = "none"
	TrackProduct Tracking = "product"
	TrackVariant Tracking = "variant"
)

// Product is what BigCommerce answers about a product, as far as the sync reads it. Fields that a call did not ask
// for are zero.
type Product struct {
	ID                ProductID `json:"id"`
	Name              string    `json:"name"`
	SKU               string    `json:"sku"`
	Description       string    `json:"description"`
	Price             Number    `json:"price"`
	CostPrice         Number    `json:"cost_price"`
	BrandID           int64     `json:"brand_id"` // 0: no brand
	Visible           bool      `json:"is_visible"`
	InventoryTracking Tracking  `json:"inventory_tracking"`
	InventoryLevel    int64     `json:"inventory_level"`
	// BaseVariantID is nil for a product with options.
	BaseVariantID *VariantID `json:"base_variant_id"`
	// Variants holds the one base variant of a simple product, or every variant of a product with options.
	Variants []Variant `json:"variants"`
	Options  []Option  `json:"options"`
}

// Simple says whether the product has no options, so that its only variant is the base variant.
func (p Product) Simple() bool { return p.BaseVariantID != nil }

// Variant is one purchasable thing.
type Variant struct {
	ID        VariantID `json:"id"`
	ProductID ProductID `json:"product_id"`
	SKU       string    `json:"sku"`
	// Price and CostPrice are nil when the variant inherits the product's.
	Price          *Number         `json:"price"`
	CostPrice      *Number         `json:"cost_price"`
	InventoryLevel int64           `json:"inventory_level"`
	OptionValues   []VariantOption `json:"option_values"`
}

// VariantOption is one choice that makes a variant what it is: Size = Large.
type VariantOption struct {
	OptionID OptionID `json:"option_id"`
	ValueID  ValueID  `json:"id"`
	Option   string   `json:"option_display_name"`
	Label    string   `json:"label"`
}

// VariantRef is the part of a variant that linking needs.
type VariantRef struct {
	ID        VariantID `json:"id"`
	ProductID ProductID `json:"product_id"`
	SKU       string    `json:"sku"`
}

// Option is one dimension in which the variants of a product differ.
type Option struct {
	ID     OptionID      `json:"id"`
	Name   string        `json:"display_name"`
	Type   string        `json:"type"`
	Values []OptionValue `json:"option_values"`
}

// OptionValue is one choice of an option.
type OptionValue struct {
	ID        ValueID `json:"id"`
	Label     string  `json:"label"`
	SortOrder int     `json:"sort_order"`
}

// Image is an image of a product.
type Image struct {
	ID        ImageID   `json:"id"`
	ProductID ProductID `json:"product_id"`
}
