package simulator

import "github.com/tillstream/tillstream/domain"

// Twin is one product as the online shop holds it before anything is linked: what
// a push is to overwrite, and what it must leave alone.
type Twin struct {
	// Of are the POS products that it shares a SKU with: none for what is sold
	// online only. A twin of two, and two twins of one product, are for a person
	// to decide.
	Of []domain.ProductID

	// What a push overwrites.
	Name        string
	SKU         string // empty when variants have SKUs
	Description string
	Brand       string
	Price       domain.Money
	CostPrice   domain.Money
	Visible     bool
	Tracked     bool
	Stock       int64 // of a simple product
	Variants    []TwinVariant

	// What belongs to the online shop.
	Weight, Width, Height, Depth float64 // kg and cm
	SalePrice                    domain.Money
	MSRP                         domain.Money
	TaxCode                      string
	GTIN                         string
	PageTitle                    string
	MetaDescription              string
	SearchKeywords               string
	Categories                   []int64
	CustomFields                 []CustomField
	Modifiers                    []string // names of text fields that a customer may fill in
}

// TwinVariant is one variant of a twin with options.
type TwinVariant struct {
	SKU     string
	Options []domain.Option
	Stock   int64
	Weight  float64 // 0 means the product's
}

// CustomField is a name and value that the shop shows with a product.
type CustomField struct{ Name, Value string }
