package domain

// Description is what a product snapshot may say of an item. A nil field was
// absent: in [ProductSaved] that means empty, in [ProductImported] unchanged.
type Description struct {
	SKU            SKU
	Name           string
	Product        *ProductID // the family; the item itself when absent or empty
	Description    *string    // HTML, as the merchant wrote it
	Brand          *string
	Options        *[]Option // the values that tell this variant from its siblings
	RetailPrice    *Money    // what a customer pays: BigCommerce's price, not its retail_price
	SupplyPrice    *Money
	Active         *bool
	TrackInventory *bool
	Images         *[]string // URLs, first is the main one

	// Kept, never pushed.
	Handle   *string
	Category *string
	Tags     *[]string
	Supplier *string
	Codes    *[]Code
}

// Option is one option value of a variant: Size, M.
type Option struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Code is one further code of an item: EAN, 4006381333931.
type Code struct {
	Type string `json:"type"`
	Code string `json:"code"`
}

// Import says which file and row an imported snapshot came from.
type Import struct {
	ID   string
	File string
	Row  int // the header is row 1
}

// ProductSaved is a whole snapshot of one item, saved on the POS's edit page.
type ProductSaved struct {
	Item ItemID
	Description
}

// ProductImported is a snapshot of one item from a product file.
type ProductImported struct {
	Item ItemID
	Description
	Import Import
}

// ProductDeleted says that an item is no longer sold. A later snapshot brings it
// back.
type ProductDeleted struct{ Item ItemID }

// ItemSold is one line of a sale.
type ItemSold struct {
	Item     ItemID
	Outlet   OutletID
	Quantity Quantity // above 0: what left
	Sale     string
	Line     string
	OnHand   *Quantity // after the sale, at the outlet
}

// ItemRefunded is one line of a refund: goods that came back for money.
type ItemRefunded struct {
	Item     ItemID
	Outlet   OutletID
	Quantity Quantity // above 0: what came back
	Sale     string   // the refund's own id
	Line     string
	OfSale   string // the sale that is refunded
	OnHand   *Quantity
}

// ItemExchanged is one line of an exchange.
type ItemExchanged struct {
	Item     ItemID
	Outlet   OutletID
	Quantity Quantity // above 0 came back, below 0 left
	Sale     string
	Line     string
	OfSale   string
	OnHand   *Quantity
}

// StockCounted is one line of a completed inventory count.
type StockCounted struct {
	Item   ItemID
	Outlet OutletID
	OnHand Quantity
	Count  string
}

// StockOrderReceived is one received line of a stock order.
type StockOrderReceived struct {
	Item     ItemID
	Outlet   OutletID
	Quantity Quantity // above 0
	Order    string
	OnHand   *Quantity
}

// StockTransferred is one line of a completed transfer between two outlets.
type StockTransferred struct {
	Item       ItemID
	From, To   OutletID
	Quantity   Quantity // above 0
	Transfer   string
	OnHandFrom *Quantity
	OnHandTo   *Quantity
}

// StockAdjusted is a stock correction by hand.
type StockAdjusted struct {
	Item       ItemID
	Outlet     OutletID
	Quantity   Quantity // signed
	Adjustment string
	Reason     string
	OnHand     *Quantity
}

// StockLevelReported is a reading without a cause. It pushes only when it changes
// the stock.
type StockLevelReported struct {
	Item   ItemID
	Outlet OutletID
	OnHand Quantity
}

func (e *ProductSaved) Type() Type       { return TypeProductSaved }
func (e *ProductImported) Type() Type    { return TypeProductImported }
func (e *ProductDeleted) Type() Type     { return TypeProductDeleted }
func (e *ItemSold) Type() Type           { return TypeItemSold }
func (e *ItemRefunded) Type() Type       { return TypeItemRefunded }
func (e *ItemExchanged) Type() Type      { return TypeItemExchanged }
func (e *StockCounted) Type() Type       { return TypeStockCounted }
func (e *StockOrderReceived) Type() Type { return TypeStockOrderReceived }
func (e *StockTransferred) Type() Type   { return TypeStockTransferred }
func (e *StockAdjusted) Type() Type      { return TypeStockAdjusted }
func (e *StockLevelReported) Type() Type { return TypeStockLevelReported }

func (e *ProductSaved) Subject() string       { return string(e.Item) }
func (e *ProductImported) Subject() string    { return string(e.Item) }
func (e *ProductDeleted) Subject() string     { return string(e.Item) }
func (e *ItemSold) Subject() string           { return string(e.Item) }
func (e *ItemRefunded) Subject() string       { return string(e.Item) }
func (e *ItemExchanged) Subject() string      { return string(e.Item) }
func (e *StockCounted) Subject() string       { return string(e.Item) }
func (e *StockOrderReceived) Subject() string { return string(e.Item) }
func (e *StockTransferred) Subject() string   { return string(e.Item) }
func (e *StockAdjusted) Subject() string      { return string(e.Item) }
func (e *StockLevelReported) Subject() string { return string(e.Item) }
