package console

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/problem"
	"github.com/tillstream/tillstream/projections"
)

// ExplainPage says why BigCommerce shows what it shows of an item or a product.
type ExplainPage struct {
	Store         domain.StoreID   `json:"store"`
	Product       domain.ProductID `json:"product"`
	Item          domain.ItemID    `json:"item,omitempty"` // empty for a whole product
	Name          string           `json:"name"`
	BigCommerceID int64            `json:"bigcommerce_id,omitempty"`
	Fields        []Explanation    `json:"fields"`
}

// Explanation is about one field, of the product or of one item, and of stock at one
// location.
type Explanation struct {
	Field    string        `json:"field"`
	Item     domain.ItemID `json:"item,omitempty"`
	Location int64         `json:"location,omitempty"`
	POS      string        `json:"pos"`    // the value in the POS; empty for none
	Shows    string        `json:"pushed"` // the value that a push carries; empty for none
	Rules    []string      `json:"rules"`  // by which one became the other
	Event    *EventRef     `json:"event"`  // the newest that made the value what it is; null when none is known
	Push     *PushRef      `json:"push"`   // the first that carried the value to the present twin; null for none
	State    string        `json:"state" enum:"shown,pending,held,refused,broken,unlinked,quarantined,discarded,kept,bigcommerce,off"`
	Reason   string        `json:"reason,omitempty"` // why BigCommerce does not show it, or whose it is
}

// PushRef is one confirmed push.
type PushRef struct {
	Position domain.Position `json:"position"` // in the SYNC log
	At       time.Time       `json:"at"`
	State    domain.Position `json:"state_position"` // of the state that it carried, in the POS log
	Request  string          `json:"request,omitempty"`
}

// Fields that can be asked for. Those of the POS that are pushed bear BigCommerce's names,
// and may be asked for under the POS's.
var (
	pushedFields = []string{"name", "description", "brand", "is_visible", "inventory_tracking", "sku", "options", "price", "cost_price", "stock"}
	keptFields   = []string{"handle", "category", "tags", "supplier", "codes"}
	ownedFields  = []string{"weight", "sizing", "msrp", "sale_price", "tax_code", "customizations", "seo", "custom_fields", "upc", "categories", "images"}
	otherNames   = map[string]string{
		"active": "is_visible", "visible": "is_visible", "track_inventory": "inventory_tracking", "tracking": "inventory_tracking",
		"retail_price": "price", "supply_price": "cost_price", "cost": "cost_price", "width": "sizing", "height": "sizing", "depth": "sizing",
		"modifiers": "customizations", "gtin": "upc", "image": "images",
	}
)

// ExplainedFields are the names under which a field can be asked for.
func ExplainedFields() []string { return slices.Concat(pushedFields, keptFields, ownedFields) }

// ExplainedField is a field by its own name, given one of its names, or "".
func ExplainedField(name string) string {
	name = strings.ToLower(name)
	name = cmp.Or(otherNames[name], name)
	if slices.Contains(ExplainedFields(), name) {
		return name
	}
	return ""
}

func (c *Console) mountExplain(api huma.API) {
	register(c, api, http.MethodGet, "/v1/stores/{store}/products/{ref}/explain", "Why BigCommerce shows what it shows of one item or product, or why it does not", c.explainProduct)
}

type explainInput struct {
	RefInput
	Field string `query:"field" doc:"only this field; all by default"`
}

func (c *Console) explainProduct(ctx context.Context, in *explainInput) (*body[ExplainPage], error) {
	store, err := c.Store(in.Store)
	if err != nil {
		return nil, err
	}
	field := ExplainedField(in.Field)
	if field == "" && in.Field != "" {
		return nil, problem.Newf(http.StatusUnprocessableEntity, "field: %q: must be one of %s", problem.Shown(in.Field), strings.Join(ExplainedFields(), ", "))
	}
	m, err := c.find(store.ID, in.Ref)
	if err != nil {
		return nil, err
	}
	e, err := c.explainer(ctx, store, m)
	if err != nil {
		return nil, err
	}
	for _, name := range ExplainedFields() {
		if field == "" || name == field {
			e.explain(name)
		}
	}
	return &body[ExplainPage]{e.page}, nil
}

// explainer knows what there is to know of one product.
type explainer struct {
	store    *Store
	match    projections.Match
	product  domain.Product
	listing  domain.Listing
	pub      projections.Publication
	state    projections.State
	held     []QuarantinedItem
	origins  projections.Origins
	confirms []PushRef // of the present twin, in the order of the SYNC log
	page     ExplainPage
}

func (c *Console) explainer(ctx context.Context, store *Store, m projections.Match) (*explainer, error) {
	e := &explainer{store: store, match: m}
	var err error
	if e.origins, err = c.Past.Origins(ctx, store.ID, m.Product, 0); err != nil {
		return nil, err
	}
	if e.product, err = c.Catalog.Product(ctx, store.ID, m.Product); err != nil {
		return nil, err
	}
	e.listing = e.product.Listing(store.Rules)
	e.pub = c.Publications.Publication(store.ID, m.Product)
	var items []domain.ItemID
	for _, it := range e.product.Items {
		items = append(items, it.ID)
	}
	e.held = c.quarantines(store.ID, items)
	e.state = projections.StateOf(e.product.Due, e.pub, len(e.held) > 0)
	err = c.Past.SyncOf(ctx, store.ID, m.Product, 0, func(rec domain.Recorded, event domain.Event) error {
		switch event := event.(type) {
		case *domain.PushConfirmed:
			if e.pub.Link != nil && event.BigCommerceID == e.pub.Link.BigCommerceID {
				e.confirms = append(e.confirms, PushRef{rec.Position, rec.Time, event.Position, event.RequestID})
			}
		case *domain.ProductUnlinked:
			e.confirms = nil
		}
		return nil
	})
	e.page = ExplainPage{Store: store.ID, Product: m.Product, Item: m.Item, Name: cmp.Or(e.product.Family.Name, string(m.Product)), Fields: []Explanation{}}
	if e.pub.Link != nil {
		e.page.BigCommerceID = e.pub.Link.BigCommerceID
	}
	return e, err
}

func (e *explainer) explain(field string) {
	f := &e.product.Family
	switch field {
	case "name":
		e.pushed(Explanation{Field: field, POS: f.Name, Shows: e.listing.Name}, "family.name")
	case "description":
		e.text(field, f.Description, e.listing.Description)
	case "brand":
		e.text(field, f.Brand, e.listing.Brand)
	case "is_visible":
		e.visible()
	case "inventory_tracking":
		x := Explanation{Field: field, POS: strconv.FormatBool(f.TrackInventory), Shows: strconv.FormatBool(e.listing.Tracked)}
		if e.listing.StockLeft {
			e.off(x, "inventory: leave is set for the store, so that BigCommerce keeps stock itself")
			return
		}
		e.pushed(x, "family.track_inventory")
	case "sku", "options", "price", "cost_price", "stock":
		for _, it := range e.product.Items {
			if e.match.Item == "" || e.match.Item == it.ID {
				e.item(field, it)
			}
		}
	case "handle", "category", "tags", "supplier":
		value := map[string]string{"handle": f.Handle, "category": f.Category, "tags": strings.Join(f.Tags, ", "), "supplier": f.Supplier}[field]
		e.add(Explanation{Field: field, POS: value, State: "kept", Reason: "it is kept and never pushed"}, "family."+field)
	case "codes":
		for _, it := range e.product.Items {
			if e.match.Item == "" || e.match.Item == it.ID {
				var words []string
				for _, code := range it.Codes {
					words = append(words, code.Type+" "+code.Code)
				}
				e.add(Explanation{Field: field, Item: it.ID, POS: strings.Join(words, ", "), State: "kept", Reason: "they are kept and never pushed"}, "items."+string(it.ID)+".codes")
			}
		}
	case "images":
		x := Explanation{Field: field, POS: strings.Join(f.Images, ", "), State: "bigcommerce", Reason: "it gets the images of the POS when tillstream creates the product, and they are its own from then on"}
		if e.store.NoImages {
			x.State, x.Reason = "off", "images: none is set for the store, so that a product is created without any, and they are BigCommerce's own"
		}
		e.add(x, "family.images")
	default:
		e.add(Explanation{Field: field, State: "bigcommerce", Reason: "it belongs to BigCommerce: no push carries it, and what a merchant sets there stays"})
	}
}

// add enters an explanation, with the newest event behind some fields of the POS.
func (e *explainer) add(x Explanation, sources ...string) {
	if x.Rules == nil {
		x.Rules = []string{}
	}
	if rec, known := e.origins.Newest(sources...); known {
		x.Event = eventRef(rec)
	}
	e.page.Fields = append(e.page.Fields, x)
}

func (e *explainer) off(x Explanation, reason string) {
	x.State, x.Reason = "off", reason
	e.add(x)
}

// pushed enters what a push carries, and whether one has.
func (e *explainer) pushed(x Explanation, sources ...string) {
	since := e.product.Position
	if rec, known := e.origins.Newest(sources...); known {
		since = rec.Position
	}
	for i := range e.confirms {
		if e.confirms[i].State >= since {
			x.Push = &e.confirms[i]
			break
		}
	}
	switch {
	case e.pub.Broken():
		x.State, x.Reason = "broken", "the product that it is linked to is gone from BigCommerce"
	case e.pub.Link == nil:
		x.State, x.Reason = "unlinked", "the product is not linked: nothing is pushed"
	case x.Push != nil && e.pub.Confirmed.Position >= since:
		x.State = "shown"
		if q, is := e.heldOf(x.Item); is { // what the POS has may be another value
			x.State, x.Reason = string(projections.Quarantined), notFolded(q)
		}
	default:
		x.State, x.Reason = string(e.state), e.why()
		if e.state == projections.Synced { // what happened last asks for no push
			x.State, x.Reason = string(projections.Pending), "it goes with the next push; what changed it asks for none"
		}
	}
	e.add(x, sources...)
}

// why is why BigCommerce has not got the newest state.
func (e *explainer) why() string {
	switch e.state {
	case projections.Refusing:
		r := e.pub.Refused
		if r == nil {
			return e.pub.Unoffered.Reason
		}
		why := "BigCommerce refuses the state of position " + strconv.FormatUint(uint64(r.Position), 10) + ": "
		if r.Status != 0 {
			why += strconv.Itoa(r.Status) + " "
		}
		why += r.Reason
		if r.Field != "" {
			why += " (" + r.Field + ")"
		}
		return why
	case projections.Quarantined:
		return notFolded(e.held[0])
	case projections.Held:
		return fmt.Sprintf("the guard %s holds the push since %s: %s", e.pub.Held.Guard, e.pub.Held.At.UTC().Format(time.RFC3339), e.pub.Held.Reason)
	case projections.Discarded:
		return fmt.Sprintf("somebody has discarded the push of everything up to position %d", e.pub.Discarded)
	case projections.Pending:
		return "no push has carried it yet"
	}
	return ""
}

// heldOf is the event of an item, or of any for "", that could not be folded.
func (e *explainer) heldOf(item domain.ItemID) (QuarantinedItem, bool) {
	for _, q := range e.held {
		if item == "" || q.Item == item {
			return q, true
		}
	}
	return QuarantinedItem{}, false
}

func notFolded(q QuarantinedItem) string {
	return fmt.Sprintf("an event of item %s could not be folded, at position %d: %s", q.Item, q.Position, q.Reason)
}

func (e *explainer) text(field, pos, shows string) {
	x := Explanation{Field: field, POS: pos, Shows: shows}
	if pos == "" {
		x.Rules = append(x.Rules, "it is empty in the POS, and a push empties it in BigCommerce")
	}
	e.pushed(x, "family."+field)
}

func (e *explainer) visible() {
	p := &e.product
	x := Explanation{Field: "is_visible", POS: strconv.FormatBool(p.Family.Active), Shows: strconv.FormatBool(e.listing.Visible && len(e.listing.Variants) > 0)}
	sources := []string{"family.active"}
	switch {
	case e.listing.Deleted:
		x.Rules = append(x.Rules, "all its items are deleted in the POS; on_delete is "+string(cmp.Or(e.store.Rules.OnDelete, domain.DeleteHides)))
		for _, it := range p.Items {
			sources = append(sources, "items."+string(it.ID)+".deleted")
		}
	case len(e.listing.Variants) == 0:
		x.Rules = append(x.Rules, "it has no item that is for sale, and nothing is shown without a price")
	}
	e.pushed(x, sources...)
}

func (e *explainer) item(field string, it domain.Item) {
	of := "items." + string(it.ID) + "."
	i := slices.IndexFunc(e.listing.Variants, func(v domain.ListedVariant) bool { return v.Item == it.ID })
	if i < 0 {
		reason := "the POS has not described the item yet"
		if it.Deleted {
			reason = "the item is deleted in the POS, so that its variant is removed"
		}
		e.add(Explanation{Field: field, Item: it.ID, State: "kept", Reason: reason}, of+"deleted")
		return
	}
	v := e.listing.Variants[i]
	x := Explanation{Field: field, Item: it.ID}
	switch field {
	case "sku":
		x.POS, x.Shows = string(it.SKU), string(v.SKU)
		e.pushed(x, of+"sku")
	case "options":
		x.POS, x.Shows = optionWords(it.Options), optionWords(v.Options)
		e.pushed(x, of+"options", of+"product")
	case "price":
		e.money(x, it.RetailPrice, v.Price, of+"retail_price")
	case "cost_price":
		e.money(x, it.SupplyPrice, v.Cost, of+"supply_price")
	case "stock":
		e.stock(it, v)
	}
}

func optionWords(options []domain.Option) string {
	words := make([]string, len(options))
	for i, o := range options {
		words[i] = o.Name + " " + o.Value
	}
	return strings.Join(words, ", ")
}

func (e *explainer) money(x Explanation, pos, shows domain.Money, source string) {
	x.POS, x.Shows = pos.String(), shows.String()
	if x.Field == "price" {
		switch e.store.Prices {
		case "inclusive", "exclusive":
			x.Rules = append(x.Rules, "the price was read from the POS account "+e.store.Prices+" of tax; a push neither adds nor takes off any")
		default:
			x.Rules = append(x.Rules, "the price is the one that the POS has recorded; a push neither adds nor takes off tax")
		}
	}
	if !pos.Equal(shows) {
		x.Rules = append(x.Rules, fmt.Sprintf("BigCommerce keeps %d decimals; halves are rounded to the even neighbour", domain.PriceScale))
	}
	e.pushed(x, source)
}

// stock explains what is shown of an item at each location.
func (e *explainer) stock(it domain.Item, v domain.ListedVariant) {
	x := Explanation{Field: "stock", Item: it.ID}
	for i, level := range it.Stock {
		if i > 0 {
			x.POS += ", "
		}
		x.POS += string(level.Outlet) + " " + level.OnHand.String()
	}
	switch {
	case e.listing.StockLeft:
		e.off(x, "inventory: leave is set for the store, so that stock is BigCommerce's own")
		return
	case !e.listing.Tracked:
		x.Rules = append(x.Rules, "the POS does not keep its stock, so that none is pushed")
		e.pushed(x, "family.track_inventory")
		return
	}
	for _, shown := range v.Stock {
		at := x
		at.Location, at.Shows = shown.Location, strconv.FormatInt(shown.Quantity, 10)
		rules, sources := e.stockRules(it, shown)
		at.Rules = rules
		e.pushed(at, sources...)
	}
}

func (e *explainer) stockRules(it domain.Item, shown domain.LocationStock) (rules, sources []string) {
	var parts, unmapped []string
	of := "items." + string(it.ID)
	sources = []string{of, of + ".deleted"}
	sum, sums := domain.Quantity{}, true
	for _, level := range it.Stock {
		at, mapped := e.store.Rules.Location(level.Outlet)
		switch {
		case !mapped:
			unmapped = append(unmapped, string(level.Outlet))
		case at == shown.Location:
			parts = append(parts, string(level.Outlet)+" "+level.OnHand.String())
			sources = append(sources, of+".stock."+string(level.Outlet))
			next, err := sum.Add(level.OnHand)
			if sums = sums && err == nil; sums {
				sum = next
			}
		}
	}
	switch {
	case len(parts) == 0:
		rules = append(rules, fmt.Sprintf("no outlet of location %d has any", shown.Location))
	case sums:
		rules = append(rules, fmt.Sprintf("location %d is %s: %s", shown.Location, strings.Join(parts, " + "), sum))
	default:
		rules = append(rules, fmt.Sprintf("location %d is %s, which is more than BigCommerce takes", shown.Location, strings.Join(parts, " + ")))
	}
	if len(unmapped) > 0 {
		rules = append(rules, "not for sale online, by outlets: "+strings.Join(unmapped, ", "))
	}
	if n := e.store.Rules.SafetyStock; n > 0 {
		rules = append(rules, fmt.Sprintf("less the safety stock of %d", n))
	}
	if strings.Contains(sum.String(), ".") {
		rules = append(rules, "whole units only")
	}
	if e.listing.Deleted {
		rules = append(rules, "the product is deleted in the POS, so that it is out of stock")
	} else if shown.Quantity == 0 && sum.Sign() != 0 {
		rules = append(rules, "never below 0")
	} else if shown.Quantity == domain.MostStock {
		rules = append(rules, fmt.Sprintf("BigCommerce takes %d at most", domain.MostStock))
	}
	return rules, sources
}
