package simulator

import (
	"encoding/json"
	"strings"
)

// Product is a product as BigCommerce shows it: the field names are the wire's, and money and sizes have at most four
// decimals. A Product handed out by a [Store] is the reader's own copy of its own fields; its slices must not be changed.
type Product struct {
	ID          int64  `json:"id"`
	Name        string `json:"name"`
	Type        string `json:"type"`
	SKU         string `json:"sku"`
	Description string `json:"description"`

	Weight float64 `json:"weight"`
	Width  float64 `json:"width"`
	Depth  float64 `json:"depth"`
	Height float64 `json:"height"`

	Price           float64 `json:"price"`
	CostPrice       float64 `json:"cost_price"`
	RetailPrice     float64 `json:"retail_price"` // MSRP
	SalePrice       float64 `json:"sale_price"`
	MapPrice        float64 `json:"map_price"`
	CalculatedPrice float64 `json:"calculated_price"`
	TaxClassID      int64   `json:"tax_class_id"`
	ProductTaxCode  string  `json:"product_tax_code"`

	Categories       []int64 `json:"categories"`
	BrandID          int64   `json:"brand_id"`
	OptionSetID      *int64  `json:"option_set_id"`
	OptionSetDisplay string  `json:"option_set_display"`

	InventoryLevel        int64  `json:"inventory_level"`
	InventoryWarningLevel int64  `json:"inventory_warning_level"`
	InventoryTracking     string `json:"inventory_tracking"`
	ReviewsRatingSum      int64  `json:"reviews_rating_sum"`
	ReviewsCount          int64  `json:"reviews_count"`
	TotalSold             int64  `json:"total_sold"`

	FixedCostShippingPrice float64 `json:"fixed_cost_shipping_price"`
	IsFreeShipping         bool    `json:"is_free_shipping"`
	IsVisible              bool    `json:"is_visible"`
	IsFeatured             bool    `json:"is_featured"`
	RelatedProducts        []int64 `json:"related_products"`
	Warranty               string  `json:"warranty"`
	BinPickingNumber       string  `json:"bin_picking_number"`
	LayoutFile             string  `json:"layout_file"`
	UPC                    string  `json:"upc"`
	MPN                    string  `json:"mpn"`
	GTIN                   string  `json:"gtin"`
	SearchKeywords         string  `json:"search_keywords"`

	Availability            string  `json:"availability"`
	AvailabilityDescription string  `json:"availability_description"`
	GiftWrappingOptionsType string  `json:"gift_wrapping_options_type"`
	GiftWrappingOptionsList []int64 `json:"gift_wrapping_options_list"`
	SortOrder               int64   `json:"sort_order"`
	Condition               string  `json:"condition"`
	IsConditionShown        bool    `json:"is_condition_shown"`
	OrderQuantityMinimum    int64   `json:"order_quantity_minimum"`
	OrderQuantityMaximum    int64   `json:"order_quantity_maximum"`

	PageTitle       string   `json:"page_title"`
	MetaKeywords    []string `json:"meta_keywords"`
	MetaDescription string   `json:"meta_description"`
	DateCreated     string   `json:"date_created"`
	DateModified    string   `json:"date_modified"`
	ViewCount       int64    `json:"view_count"`

	PreorderReleaseDate *string `json:"preorder_release_date"`
	PreorderMessage     string  `json:"preorder_message"`
	IsPreorderOnly      bool    `json:"is_preorder_only"`
	IsPriceHidden       bool    `json:"is_price_hidden"`
	PriceHiddenLabel    string  `json:"price_hidden_label"`

	CustomURL     CustomURL `json:"custom_url"`
	BaseVariantID *int64    `json:"base_variant_id"`

	OpenGraphType               string `json:"open_graph_type"`
	OpenGraphTitle              string `json:"open_graph_title"`
	OpenGraphDescription        string `json:"open_graph_description"`
	OpenGraphUseMetaDescription bool   `json:"open_graph_use_meta_description"`
	OpenGraphUseProductName     bool   `json:"open_graph_use_product_name"`
	OpenGraphUseImage           bool   `json:"open_graph_use_image"`

	// The parts below are shown on request only ("include").
	Variants     []Variant     `json:"variants,omitzero"`
	Options      []Option      `json:"options,omitzero"`
	Modifiers    []Modifier    `json:"modifiers,omitzero"`
	Images       []Image       `json:"images,omitzero"`
	CustomFields []CustomField `json:"custom_fields,omitzero"`
}

// CustomURL is a product's address in the shop. One that the merchant did not customize is made of the name at birth.
type CustomURL struct {
	URL          string `json:"url"`
	IsCustomized bool   `json:"is_customized"`
}

// Variant is one purchasable thing. A nil price, weight or size is the product's.
type Variant struct {
	ID        int64  `json:"id"`
	ProductID int64  `json:"product_id"`
	SKU       string `json:"sku"`
	SKUID     *int64 `json:"sku_id"` // nil for a base variant

	Price           *float64 `json:"price"`
	CalculatedPrice float64  `json:"calculated_price"`
	SalePrice       *float64 `json:"sale_price"`
	RetailPrice     *float64 `json:"retail_price"`
	MapPrice        *float64 `json:"map_price"`
	CostPrice       *float64 `json:"cost_price"`

	Weight *float64 `json:"weight"`
	Width  *float64 `json:"width"`
	Height *float64 `json:"height"`
	Depth  *float64 `json:"depth"`

	FixedCostShippingPrice    *float64      `json:"fixed_cost_shipping_price"`
	IsFreeShipping            bool          `json:"is_free_shipping"`
	PurchasingDisabled        bool          `json:"purchasing_disabled"`
	PurchasingDisabledMessage string        `json:"purchasing_disabled_message"`
	ImageURL                  string        `json:"image_url"`
	UPC                       string        `json:"upc"`
	MPN                       string        `json:"mpn"`
	GTIN                      string        `json:"gtin"`
	InventoryLevel            int64         `json:"inventory_level"`
	InventoryWarningLevel     int64         `json:"inventory_warning_level"`
	BinPickingNumber          string        `json:"bin_picking_number"`
	OptionValues              []VariantPick `json:"option_values"`
}

// VariantPick is the value that a variant has of one option.
type VariantPick struct {
	ID       int64  `json:"id"`
	Label    string `json:"label"`
	OptionID int64  `json:"option_id"`
	Option   string `json:"option_display_name"`
}

// Option is a dimension in which the variants of a product differ.
type Option struct {
	ID          int64         `json:"id"`
	ProductID   int64         `json:"product_id"`
	DisplayName string        `json:"display_name"`
	Name        string        `json:"name"`
	Type        string        `json:"type"`
	SortOrder   int64         `json:"sort_order"`
	Values      []OptionValue `json:"option_values"`
}

// OptionValue is one choice of an option.
type OptionValue struct {
	ID        int64  `json:"id"`
	Label     string `json:"label"`
	SortOrder int64  `json:"sort_order"`
	IsDefault bool   `json:"is_default"`
}

// Modifier is a customization the merchant made; the sync never touches one.
type Modifier struct {
	ID          int64  `json:"id"`
	ProductID   int64  `json:"product_id"`
	DisplayName string `json:"display_name"`
	Type        string `json:"type"`
	Required    bool   `json:"required"`
}

// Image is a picture of a product.
type Image struct {
	ID          int64  `json:"id"`
	ProductID   int64  `json:"product_id"`
	ImageURL    string `json:"image_url"`
	ImageFile   string `json:"image_file"`
	URLStandard string `json:"url_standard"`
	Description string `json:"description"`
	IsThumbnail bool   `json:"is_thumbnail"`
	SortOrder   int64  `json:"sort_order"`
}

// CustomField is a name and value that the merchant shows with a product.
type CustomField struct {
	ID    int64  `json:"id"`
	Name  string `json:"name"`
	Value string `json:"value"`
}

// NewProduct returns a visible, untracked product with BigCommerce's defaults, to be completed and given to
// [Store.Seed].
func NewProduct(name, sku string, price float64) Product {
	return Product{
		Name: name, SKU: sku, Price: price, Type: "physical", IsVisible: true,
		Categories: []int64{}, OptionSetDisplay: "right", InventoryTracking: "none", RelatedProducts: []int64{-1},
		Availability: "available", GiftWrappingOptionsType: "any", GiftWrappingOptionsList: []int64{}, Condition: "New",
		MetaKeywords: []string{}, OpenGraphType: "product",
		OpenGraphUseMetaDescription: true, OpenGraphUseProductName: true, OpenGraphUseImage: true,
	}
}

// decodeParts reads the lists that no rule knows, because the sync has no way to write them, and returns their keys.
func decodeParts(p *Product, body fields) (keys []string) {
	var given struct {
		Modifiers []Modifier
		Images    []Image
	}
	if raw, ok := body["modifiers"]; ok && json.Unmarshal(raw, &given.Modifiers) == nil {
		p.Modifiers, keys = given.Modifiers, append(keys, "modifiers")
	}
	if raw, ok := body["images"]; ok && json.Unmarshal(raw, &given.Images) == nil {
		p.Images, keys = given.Images, append(keys, "images")
	}
	return keys
}

// finish computes what follows from the other fields.
func (p *Product) finish() {
	p.CalculatedPrice = p.Price
	if p.SalePrice > 0 {
		p.CalculatedPrice = p.SalePrice
	}
	total := int64(0)
	for i := range p.Variants {
		v := &p.Variants[i]
		v.ProductID = p.ID
		v.CalculatedPrice = p.CalculatedPrice
		if v.Price != nil {
			v.CalculatedPrice = *v.Price
		}
		if v.SalePrice != nil && *v.SalePrice > 0 {
			v.CalculatedPrice = *v.SalePrice
		}
		if p.BaseVariantID != nil {
			v.SKU = p.SKU
			if p.InventoryTracking == "product" {
				v.InventoryLevel = p.InventoryLevel
			}
		}
		total += v.InventoryLevel
	}
	if p.InventoryTracking == "variant" {
		p.InventoryLevel = total
	}
}

// variant returns the index of a variant, or -1.
func (p *Product) variant(id int64) int {
	for i := range p.Variants {
		if p.Variants[i].ID == id {
			return i
		}
	}
	return -1
}

// skuID returns the sku_id of a variant, or 0.
func (p *Product) skuID(variant int64) int64 {
	if at := p.variant(variant); at >= 0 && p.Variants[at].SKUID != nil {
		return *p.Variants[at].SKUID
	}
	return 0
}

// option returns the index of an option, or -1.
func (p *Product) option(id int64) int {
	for i := range p.Options {
		if p.Options[i].ID == id {
			return i
		}
	}
	return -1
}

// fold is how the store compares names, SKUs, URLs and brands: whatever their case.
func fold(s string) string { return strings.ToLower(strings.TrimSpace(s)) }

// slug makes the last part of a product's address from its name.
func slug(name string) string {
	var b strings.Builder
	dash := false
	for _, r := range strings.ToLower(name) {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			if dash && b.Len() > 0 {
				b.WriteByte('-')
			}
			dash = false
			b.WriteRune(r)
			continue
		}
		dash = true
	}
	return b.String()
}
