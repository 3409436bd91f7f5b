package domain

// fieldVisitor is told every field of an event's data, in the order of the
// documentation. Decoding, encoding and the JSON Schema are three visitors, so the
// three cannot disagree. A nil pointer behind p is an absent field.
type fieldVisitor interface {
	text(name string, p **string, r rule)
	flag(name string, p **bool, r rule)
	integer(name string, p **int64, r rule)
	money(name string, p **Money, r rule)
	quantity(name string, p **Quantity, r rule)
	texts(name string, p **[]string, r rule)
	object(name string, r rule, fields func(fieldVisitor))
	objects(name string, l objectList, r rule)
}

// rule is what a field's value must keep to.
type rule struct {
	doc      string
	required bool
	min, max int    // characters of a text, entries of a list
	positive bool   // of a quantity: above 0
	low      int64  // of an integer
	format   string // of a list's texts: [formatURL] or nothing
	oneOf    []string
}

const formatURL = "url" // an http or https URL

// entry is the rule of each text of a list.
func (r rule) entry() rule {
	each := rule{min: 1, max: maxLabel, format: r.format}
	if r.format == formatURL {
		each.max = maxURL
	}
	return each
}

// objectList is a list of objects behind one pointer, grown by the decoder and
// walked by the encoder.
type objectList interface {
	len() (n int, present bool)
	make(n int)
	visit(i int, v fieldVisitor) // the fields of one
}

func listOf[T any](p **[]T, fields func(*T, fieldVisitor)) objectList { return &list[T]{p, fields} }

type list[T any] struct {
	p      **[]T
	fields func(*T, fieldVisitor)
}

func (l *list[T]) len() (int, bool) {
	if *l.p == nil {
		return 0, false
	}
	return len(**l.p), true
}

func (l *list[T]) make(n int) { s := make([]T, n); *l.p = &s }

func (l *list[T]) visit(i int, v fieldVisitor) { l.fields(&(**l.p)[i], v) }

// Limits of texts in characters and of lists in entries.
const (
	maxSKU         = 255
	maxName        = 1000
	maxDescription = 200_000
	maxLabel       = 255
	maxURL         = 2048
	maxReason      = 4000
	maxOptions     = 10
	maxImages      = 100
	maxTags        = 250
	maxCodes       = 100
	maxVariants    = 1000
)

// text visits a field whose zero value means absent. A decoder, which meets most of
// them, needs no pointers for it.
func text[T ~string](v fieldVisitor, name string, p *T, r rule) {
	if d, ok := v.(*decoder); ok {
		if said, ok := d.said(name, &r); ok {
			*p = T(said)
		}
		return
	}
	var s *string
	if *p != "" {
		t := string(*p)
		s = &t
	}
	v.text(name, &s, r)
	if s != nil && string(*p) != *s { // who encodes only reads
		*p = T(*s)
	}
}

// optionalText visits a field in which absent and empty differ.
func optionalText[T ~string](v fieldVisitor, name string, p **T, r rule) {
	if d, ok := v.(*decoder); ok {
		if said, ok := d.said(name, &r); ok {
			t := T(said)
			*p = &t
		}
		return
	}
	var s *string
	if *p != nil {
		t := string(**p)
		s = &t
	}
	v.text(name, &s, r)
	if s != nil && (*p == nil || string(**p) != *s) {
		t := T(*s)
		*p = &t
	}
}

func integer[T ~int | ~int64 | ~uint64](v fieldVisitor, name string, p *T, r rule) {
	n := int64(*p)
	q := &n
	if n == 0 && !r.required {
		q = nil
	}
	v.integer(name, &q, r)
	if q != nil && int64(*p) != *q {
		*p = T(*q)
	}
}

func flag(v fieldVisitor, name string, p *bool, r rule) {
	q := p
	v.flag(name, &q, r)
	if q != nil && q != p {
		*p = *q
	}
}

func quantity(v fieldVisitor, name string, p *Quantity, r rule) {
	if d, ok := v.(*decoder); ok {
		if q, ok := d.number(name, &r); ok {
			*p = q
		}
		return
	}
	q := p
	v.quantity(name, &q, r)
	if q != nil && q != p {
		*p = *q
	}
}

func idRule(doc string) rule {
	return rule{doc: doc, required: true, min: 1, max: MaxIDLength}
}

func optionalIDRule(doc string) rule { return rule{doc: doc, max: MaxIDLength} }

func (d *Description) fields(v fieldVisitor) {
	text(v, "sku", &d.SKU, rule{doc: "the merchant's code of the item", required: true, min: 1, max: maxSKU})
	text(v, "name", &d.Name, rule{doc: "the name of the product, without option values", required: true, min: 1, max: maxName})
	optionalText(v, "product", &d.Product, optionalIDRule("the family id; empty means the item itself"))
	v.text("description", &d.Description, rule{doc: "HTML, as the merchant wrote it", max: maxDescription})
	v.text("brand", &d.Brand, rule{doc: "the brand's name", max: maxLabel})
	v.objects("options", listOf(&d.Options, func(o *Option, v fieldVisitor) {
		text(v, "name", &o.Name, rule{doc: "such as Size", required: true, min: 1, max: maxLabel})
		text(v, "value", &o.Value, rule{doc: "such as M", required: true, min: 1, max: maxLabel})
	}), rule{doc: "the option values that tell this variant from the others of its product", max: maxOptions})
	v.money("retail_price", &d.RetailPrice, rule{doc: "what a customer pays; becomes BigCommerce's price"})
	v.money("supply_price", &d.SupplyPrice, rule{doc: "what the merchant pays; becomes BigCommerce's cost price"})
	v.flag("active", &d.Active, rule{doc: "whether the product is for sale; becomes BigCommerce's visibility"})
	v.flag("track_inventory", &d.TrackInventory, rule{doc: "whether stock is kept"})
	v.texts("images", &d.Images, rule{doc: "URLs, the main image first", max: maxImages, format: formatURL})
	v.text("handle", &d.Handle, rule{doc: "kept, never pushed", max: maxLabel})
	v.text("category", &d.Category, rule{doc: "kept, never pushed", max: maxName})
	v.texts("tags", &d.Tags, rule{doc: "kept, never pushed", max: maxTags})
	v.text("supplier", &d.Supplier, rule{doc: "kept, never pushed", max: maxLabel})
	v.objects("codes", listOf(&d.Codes, func(c *Code, v fieldVisitor) {
		text(v, "type", &c.Type, rule{doc: "such as EAN", required: true, min: 1, max: maxLabel})
		text(v, "code", &c.Code, rule{doc: "the code", required: true, min: 1, max: maxLabel})
	}), rule{doc: "kept, never pushed", max: maxCodes})
}

func (e *ProductSaved) fields(v fieldVisitor) {
	text(v, "item", &e.Item, idRule("the item"))
	e.Description.fields(v)
}

func (e *ProductImported) fields(v fieldVisitor) {
	text(v, "item", &e.Item, idRule("the item"))
	e.Description.fields(v)
	v.object("import", rule{doc: "where the row came from"}, func(v fieldVisitor) {
		text(v, "id", &e.Import.ID, optionalIDRule("the import"))
		text(v, "file", &e.Import.File, optionalIDRule("the file's name"))
		integer(v, "row", &e.Import.Row, rule{doc: "the row in the file; the header is row 1", low: 1})
	})
}

func (e *ProductDeleted) fields(v fieldVisitor) { text(v, "item", &e.Item, idRule("the item")) }

func (e *ItemSold) fields(v fieldVisitor) {
	text(v, "item", &e.Item, idRule("the item"))
	text(v, "outlet", &e.Outlet, idRule("where it was sold"))
	quantity(v, "quantity", &e.Quantity, rule{doc: "what left, above 0", required: true, positive: true})
	text(v, "sale", &e.Sale, idRule("the sale"))
	text(v, "line", &e.Line, idRule("the line of the sale"))
	v.quantity("on_hand", &e.OnHand, onHandRule)
}

func (e *ItemRefunded) fields(v fieldVisitor) {
	text(v, "item", &e.Item, idRule("the item"))
	text(v, "outlet", &e.Outlet, idRule("where it came back"))
	quantity(v, "quantity", &e.Quantity, rule{doc: "what came back, above 0", required: true, positive: true})
	text(v, "sale", &e.Sale, idRule("the refund"))
	text(v, "line", &e.Line, idRule("the line of the refund"))
	text(v, "of_sale", &e.OfSale, optionalIDRule("the sale that is refunded"))
	v.quantity("on_hand", &e.OnHand, onHandRule)
}

func (e *ItemExchanged) fields(v fieldVisitor) {
	text(v, "item", &e.Item, idRule("the item"))
	text(v, "outlet", &e.Outlet, idRule("where it was exchanged"))
	quantity(v, "quantity", &e.Quantity, rule{doc: "above 0 came back, below 0 left", required: true})
	text(v, "sale", &e.Sale, idRule("the exchange"))
	text(v, "line", &e.Line, idRule("the line of the exchange"))
	text(v, "of_sale", &e.OfSale, optionalIDRule("the sale whose goods came back"))
	v.quantity("on_hand", &e.OnHand, onHandRule)
}

func (e *StockCounted) fields(v fieldVisitor) {
	text(v, "item", &e.Item, idRule("the item"))
	text(v, "outlet", &e.Outlet, idRule("where it was counted"))
	quantity(v, "on_hand", &e.OnHand, rule{doc: "the counted stock", required: true})
	text(v, "count", &e.Count, idRule("the inventory count"))
}

func (e *StockOrderReceived) fields(v fieldVisitor) {
	text(v, "item", &e.Item, idRule("the item"))
	text(v, "outlet", &e.Outlet, idRule("where it arrived"))
	quantity(v, "quantity", &e.Quantity, rule{doc: "what arrived, above 0", required: true, positive: true})
	text(v, "order", &e.Order, idRule("the stock order"))
	v.quantity("on_hand", &e.OnHand, onHandRule)
}

func (e *StockTransferred) fields(v fieldVisitor) {
	text(v, "item", &e.Item, idRule("the item"))
	text(v, "from", &e.From, idRule("the outlet that sent it"))
	text(v, "to", &e.To, idRule("the outlet that received it"))
	quantity(v, "quantity", &e.Quantity, rule{doc: "what moved, above 0", required: true, positive: true})
	text(v, "transfer", &e.Transfer, idRule("the transfer"))
	v.quantity("on_hand_from", &e.OnHandFrom, rule{doc: "the stock at the sender afterwards"})
	v.quantity("on_hand_to", &e.OnHandTo, rule{doc: "the stock at the receiver afterwards"})
}

func (e *StockAdjusted) fields(v fieldVisitor) {
	text(v, "item", &e.Item, idRule("the item"))
	text(v, "outlet", &e.Outlet, idRule("where it was adjusted"))
	quantity(v, "quantity", &e.Quantity, rule{doc: "what was added, or below 0 taken away", required: true})
	text(v, "adjustment", &e.Adjustment, idRule("the adjustment"))
	text(v, "reason", &e.Reason, rule{doc: "why", max: maxReason})
	v.quantity("on_hand", &e.OnHand, onHandRule)
}

func (e *StockLevelReported) fields(v fieldVisitor) {
	text(v, "item", &e.Item, idRule("the item"))
	text(v, "outlet", &e.Outlet, idRule("the outlet"))
	quantity(v, "on_hand", &e.OnHand, rule{doc: "the stock at the outlet", required: true})
}

var onHandRule = rule{doc: "the stock at the outlet afterwards"}

func (e *ProductLinked) fields(v fieldVisitor) {
	text(v, "product", &e.Product, idRule("the product"))
	integer(v, "bigcommerce_id", &e.Link.BigCommerceID, rule{doc: "BigCommerce's product id", required: true, low: 1})
	variants := &e.Link.Variants
	v.objects("variants", listOf(&variants, func(l *VariantLink, v fieldVisitor) {
		text(v, "item", &l.Item, idRule("the item"))
		integer(v, "bigcommerce_id", &l.BigCommerceID, rule{doc: "BigCommerce's variant id", required: true, low: 1})
		text(v, "sku", &l.SKU, rule{doc: "the SKU that BigCommerce has", max: maxSKU})
	}), rule{doc: "item by item", required: true, max: maxVariants})
	if variants != nil {
		e.Link.Variants = *variants
	}
	flag(v, "simple", &e.Link.Simple, rule{doc: "whether BigCommerce keeps it without options"})
	text(v, "by", &e.By, rule{doc: "how the link came to be", required: true, min: 1, max: maxLabel,
		oneOf: []string{string(LinkedBySKU), string(LinkedByOperator), string(LinkedByCreation), string(LinkedByPush)}})
}

func (e *ProductUnlinked) fields(v fieldVisitor) {
	text(v, "product", &e.Product, idRule("the product"))
	text(v, "reason", &e.Reason, rule{doc: "why", max: maxReason})
}

func (e *ProductCreating) fields(v fieldVisitor) {
	text(v, "product", &e.Product, idRule("the product"))
	text(v, "name", &e.Name, rule{doc: "the name it is created under", required: true, min: 1, max: maxName})
	skus := &e.SKUs
	v.texts("skus", &skus, rule{doc: "the SKUs it is created under", required: true, max: maxVariants})
	if skus != nil {
		e.SKUs = *skus
	}
}

func (e *pushConfirmedV1) fields(v fieldVisitor) {
	text(v, "product", &e.Product, idRule("the product"))
	integer(v, "position", &e.Position, positionRule)
	integer(v, "bigcommerce_id", &e.BigCommerceID, rule{doc: "BigCommerce's product id", required: true, low: 1})
	text(v, "digest", &e.Digest, rule{doc: "of what was pushed", max: maxLabel})
	text(v, "request", &e.RequestID, rule{doc: "BigCommerce's id of the request", max: maxLabel})
}

func (e *PushConfirmed) fields(v fieldVisitor) {
	v1 := pushConfirmedV1{*e}
	v1.fields(v)
	*e = v1.PushConfirmed
	e.Offer = visitOffer(v, e.Offer)
}

// visitOffer visits an offer that may be absent.
func visitOffer(v fieldVisitor, o *Offer) *Offer {
	var visible, inStock, described, branded *bool
	var low, high *Money
	if o != nil {
		visible, inStock, described, branded, low, high = &o.Visible, &o.InStock, &o.Described, &o.Branded, &o.LowPrice, &o.HighPrice
	}
	v.object("offer", rule{doc: "the gist of what was pushed"}, func(v fieldVisitor) {
		v.flag("visible", &visible, rule{doc: "whether the product was shown", required: true})
		v.flag("in_stock", &inStock, rule{doc: "whether any of it was in stock, or stock not kept", required: true})
		v.flag("described", &described, rule{doc: "whether it had a description", required: true})
		v.flag("branded", &branded, rule{doc: "whether it had a brand", required: true})
		v.money("low_price", &low, rule{doc: "the lowest price of its variants", required: true})
		v.money("high_price", &high, rule{doc: "the highest price of its variants", required: true})
	})
	if visible == nil || inStock == nil || described == nil || branded == nil || low == nil || high == nil {
		return nil
	}
	return &Offer{*visible, *inStock, *described, *branded, *low, *high}
}

func (e *PushRefused) fields(v fieldVisitor) {
	text(v, "product", &e.Product, idRule("the product"))
	integer(v, "position", &e.Position, positionRule)
	integer(v, "status", &e.Status, rule{doc: "BigCommerce's HTTP status; absent when the push was never sent"})
	text(v, "reason", &e.Reason, rule{doc: "why", required: true, min: 1, max: maxReason})
	text(v, "field", &e.Field, rule{doc: "the field that BigCommerce named", max: maxLabel})
}

func (e *PushHeld) fields(v fieldVisitor) {
	text(v, "product", &e.Product, idRule("the product"))
	integer(v, "position", &e.Position, positionRule)
	text(v, "guard", &e.Guard, rule{doc: "which guard holds it, such as empties or breaker", required: true, min: 1, max: maxLabel})
	text(v, "reason", &e.Reason, rule{doc: "what it has against the push", required: true, min: 1, max: maxReason})
}

func (e *PushReleased) fields(v fieldVisitor) {
	text(v, "product", &e.Product, idRule("the product"))
	integer(v, "position", &e.Position, positionRule)
	text(v, "release", &e.Release, rule{doc: "whether the state is to be pushed or not", required: true, min: 1, max: maxLabel,
		oneOf: []string{string(Approved), string(Discarded)}})
}

func (e *PushWanted) fields(v fieldVisitor) {
	text(v, "product", &e.Product, idRule("the product"))
	integer(v, "position", &e.Position, positionRule)
	text(v, "digest", &e.Digest, rule{doc: "identifies what is to be pushed", required: true, min: 1, max: maxLabel})
	text(v, "was", &e.Was, rule{doc: "identifies what was to be shown before", required: true, min: 1, max: maxLabel})
	text(v, "reason", &e.Reason, rule{doc: "why", required: true, min: 1, max: maxReason})
}

func (e *ItemQuarantined) fields(v fieldVisitor) {
	text(v, "product", &e.Product, idRule("the product"))
	text(v, "item", &e.Item, idRule("the item"))
	integer(v, "position", &e.Position, positionRule)
	text(v, "reason", &e.Reason, rule{doc: "why the event could not be folded", required: true, min: 1, max: maxReason})
}

func (e *ItemReleased) fields(v fieldVisitor) {
	text(v, "product", &e.Product, idRule("the product"))
	text(v, "item", &e.Item, idRule("the item"))
	integer(v, "position", &e.Position, positionRule)
	text(v, "reason", &e.Reason, rule{doc: "why it is trusted again", max: maxReason})
}

func (e *DriftFound) fields(v fieldVisitor) {
	text(v, "product", &e.Product, idRule("the product"))
	text(v, "item", &e.Item, optionalIDRule("the item, for a field of a variant"))
	text(v, "field", &e.Field, rule{doc: "BigCommerce's name of the field", required: true, min: 1, max: maxLabel})
	text(v, "want", &e.Want, rule{doc: "what was pushed", max: maxDescription})
	text(v, "got", &e.Got, rule{doc: "what BigCommerce has", max: maxDescription})
}

func (e *ImageSent) fields(v fieldVisitor) {
	text(v, "product", &e.Product, idRule("the product"))
	integer(v, "bigcommerce_id", &e.BigCommerceID, rule{doc: "BigCommerce's product id", required: true, low: 1})
	text(v, "url", &e.URL, rule{doc: "the image's address in the POS", required: true, min: 1, max: maxURL})
	text(v, "error", &e.Error, rule{doc: "why BigCommerce has not taken it, or may not have; absent when it has", max: maxReason})
}

func (e *ProductOffered) fields(v fieldVisitor) {
	text(v, "product", &e.Product, idRule("the product"))
	integer(v, "bigcommerce_id", &e.BigCommerceID, rule{doc: "BigCommerce's product id", required: true, low: 1})
	integer(v, "status", &e.Status, rule{doc: "BigCommerce's HTTP status; absent when it is offered"})
	text(v, "error", &e.Error, rule{doc: "why the store's channels do not offer it, and what to do; absent when they do", max: maxReason})
}

func (e *PublishingMeasured) fields(v fieldVisitor) {
	text(v, "store", &e.Store, idRule("the store"))
	integer(v, "seconds", &e.Seconds, rule{doc: "how long it is about, up to the time of the event", required: true})
	integer(v, "busy_seconds", &e.Busy, rule{doc: "of these, how long some product waited for BigCommerce", required: true})
	integer(v, "requests", &e.Requests, rule{doc: "sent, reads and repetitions included", required: true})
	integer(v, "bound", &e.Bound, rule{doc: "the fewest requests that what was confirmed needs", required: true})
	integer(v, "throttled", &e.Throttled, rule{doc: "requests answered with 429", required: true})
	integer(v, "confirmed", &e.Confirmed, rule{doc: "pushes that BigCommerce confirmed", required: true})
	integer(v, "waiting", &e.Waiting, rule{doc: "products that still waited at the end", required: true})
	integer(v, "quota", &e.Quota, rule{doc: "requests of a quota window, as BigCommerce said last"})
	integer(v, "window_ms", &e.Window, rule{doc: "length of that window, in milliseconds"})
}

var positionRule = rule{doc: "a position in the POS log", required: true, low: 1}
