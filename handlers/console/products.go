package console

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/projections"
	"github.com/tillstream/tillstream/projections/search"
)

// ProductLine is one product in a list.
type ProductLine struct {
	Product       domain.ProductID  `json:"product"`
	Name          string            `json:"name"`
	Variants      int               `json:"variants"`
	SKUs          []domain.SKU      `json:"skus"` // the first three
	Position      domain.Position   `json:"position"`
	Deleted       bool              `json:"deleted"`
	State         projections.State `json:"state"`
	BigCommerceID *int64            `json:"bigcommerce_id"`
	Error         string            `json:"error,omitempty"` // why BigCommerce refused the newest state, a guard holds it, or the product is quarantined
}

// ProductPage is one product whole, as `tillstream show --json` prints it.
type ProductPage struct {
	Store          domain.StoreID    `json:"store"`
	Product        domain.ProductID  `json:"product"`
	Position       domain.Position   `json:"position"`
	Name           string            `json:"name"`
	Description    string            `json:"description"`
	Brand          string            `json:"brand"`
	Active         bool              `json:"active"`
	TrackInventory bool              `json:"track_inventory"`
	Deleted        bool              `json:"deleted"`
	Variants       []VariantPage     `json:"variants"`
	Undescribed    []VariantPage     `json:"undescribed,omitempty"` // items whose snapshot has not come yet
	Quarantined    []QuarantinedItem `json:"quarantined,omitempty"`
	Link           *LinkPage         `json:"link"`
	Publication    PublicationPage   `json:"publication"`
}

// VariantPage is one item of a product.
type VariantPage struct {
	Item        domain.ItemID                       `json:"item"`
	SKU         domain.SKU                          `json:"sku"`
	Options     []domain.Option                     `json:"options"`
	RetailPrice domain.Money                        `json:"retail_price"`
	SupplyPrice domain.Money                        `json:"supply_price"`
	Stock       map[domain.OutletID]domain.Quantity `json:"stock"`
}

// QuarantinedItem is an event for which a product is not pushed.
type QuarantinedItem struct {
	Item     domain.ItemID   `json:"item"`
	Position domain.Position `json:"position"`
	Reason   string          `json:"reason"`
}

// LinkPage is a product's twin.
type LinkPage struct {
	BigCommerceID int64                   `json:"bigcommerce_id"`
	Variants      map[domain.ItemID]int64 `json:"variants"`
}

// PublicationPage is what became of the last push.
type PublicationPage struct {
	State    projections.State `json:"state"`
	Position domain.Position   `json:"position"` // of the state that BigCommerce has confirmed; 0 for none
	At       *time.Time        `json:"at"`
	Held     *HoldPage         `json:"held,omitempty"` // why a guard keeps the newest state back
	Error    string            `json:"error"`          // why BigCommerce refused the newest state; empty when it did not
}

func (c *Console) mountProducts(api huma.API) {
	register(c, api, http.MethodGet, "/v1/stores/{store}/products", "List products", c.listProducts)
	register(c, api, http.MethodGet, "/v1/stores/{store}/products/{ref}", "Show one product", c.showProduct)
}

const mostListed = 1000

type listInput struct {
	Store   string `path:"store"`
	Search  string `query:"search" doc:"only products in which all of these words are found: in names, brands, SKUs, options, codes, categories, tags, suppliers, handles or ids, the last word of each by its beginning"`
	Brand   string `query:"brand" doc:"only products of this brand"`
	Stock   string `query:"stock" doc:"only products of which this much is on hand, all variants and outlets together: 0, ..5, 10..20"`
	Price   string `query:"price" doc:"only products with a variant at such a price: 10..20, 99.."`
	Changed string `query:"changed" doc:"only products that an event has concerned since this moment: a position, a time (RFC 3339), a day, or how long ago (2h, 3d)"`
	Sort    string `query:"sort" enum:"product,name,stock,price,changed" default:"product"`
	Reverse bool   `query:"reverse" doc:"the last first"`
	State   string `query:"state" enum:"confirmed,pending,held,discarded,refused,broken,unlinked,quarantined" doc:"only products in this state"`
	Limit   int    `query:"limit" minimum:"1" maximum:"1000" default:"1000"`
	After   string `query:"after" doc:"the next of the page before, in the same order"`
}

type productList struct {
	Products []ProductLine `json:"products"`
	Next     string        `json:"next,omitempty"` // to be given as after; empty when there are no more
	// Position is the one in the POS log up to which every event is in the answer.
	Position domain.Position `json:"position"`
	// From says what has chosen the products: the search index, or all snapshots.
	From string `json:"from" enum:"index,snapshots"`
}

func (c *Console) listProducts(ctx context.Context, in *listInput) (*body[productList], error) {
	store, err := c.Store(in.Store)
	if err != nil {
		return nil, err
	}
	f, err := c.filter(ctx, in)
	if err != nil {
		return nil, err
	}
	out := productList{Products: []ProductLine{}, From: "index"}
	found, ok := c.search(ctx, store.ID, &f, in.Limit)
	if !ok {
		out.From = "snapshots"
		if found, err = search.Scan(ctx, c.source(), store.ID, &f, in.Limit); err != nil {
			return nil, err
		}
	}
	out.Position = found.Position
	for _, place := range found.Places {
		line, is, err := c.foundLine(ctx, store.ID, place.Product, &f)
		if err != nil {
			return nil, err
		}
		if is {
			out.Products = append(out.Products, line)
		}
	}
	if found.More {
		out.Next = f.String(found.Places[len(found.Places)-1])
	}
	return &body[productList]{out}, nil
}

// foundLine is a product that was found, as it is now, and false when it is none of
// those that are asked for any more.
func (c *Console) foundLine(ctx context.Context, store domain.StoreID, id domain.ProductID, f *search.Filter) (ProductLine, bool, error) {
	s, known := c.Catalog.Summary(store, id)
	if !known || projections.Gone(s, c.Publications.Publication(store, id)) {
		return ProductLine{}, false, nil
	}
	if !f.Plain() {
		row, is, err := c.source().Row(ctx, store, id)
		if err != nil || !is || !f.Takes(&row) {
			return ProductLine{}, false, err
		}
	}
	line, err := c.productLine(ctx, store, s, c.state(store, s))
	return line, err == nil, err
}

func (c *Console) state(store domain.StoreID, s projections.Summary) projections.State {
	return projections.StateOf(s.Due, c.Publications.Publication(store, s.ID), c.Publications.Quarantined(store, s.Items...))
}

func (c *Console) productLine(ctx context.Context, store domain.StoreID, s projections.Summary, state projections.State) (ProductLine, error) {
	p, name, err := c.name(ctx, store, s.ID)
	if err != nil {
		return ProductLine{}, err
	}
	line := ProductLine{Product: s.ID, Name: name, Position: s.Position, Deleted: s.Deleted, State: state, SKUs: []domain.SKU{}}
	variants := p.Variants()
	line.Variants = len(variants)
	for _, v := range variants[:min(3, len(variants))] {
		line.SKUs = append(line.SKUs, v.SKU)
	}
	pub := c.Publications.Publication(store, s.ID)
	if pub.Link != nil {
		line.BigCommerceID = &pub.Link.BigCommerceID
	}
	line.Error = why(state, &pub)
	if held := c.quarantines(store, s.Items); state == projections.Quarantined && len(held) > 0 {
		line.Error = fmt.Sprintf("item %s, position %d: %s", held[0].Item, held[0].Position, held[0].Reason)
	}
	return line, nil
}

// why says of a product in a list why BigCommerce does not have its newest state,
// where that is somebody's word.
func why(state projections.State, pub *projections.Publication) string {
	switch {
	case state.Among(projections.Refusing):
		reason, _ := pub.Refusal()
		return reason
	case state == projections.Held && pub.Held != nil:
		return pub.Held.Reason
	}
	return ""
}

// RefInput names one product of one store. It is exported for huma, which reads
// embedded structs only then.
type RefInput struct {
	Store string `path:"store"`
	Ref   string `path:"ref" doc:"a SKU, a POS item id or a product id"`
}

type showInput struct {
	RefInput
	AtInput
}

func (c *Console) showProduct(ctx context.Context, in *showInput) (*body[ProductPage], error) {
	store, err := c.Store(in.Store)
	if err != nil {
		return nil, err
	}
	m, err := c.find(store.ID, in.Ref)
	if err != nil {
		return nil, err
	}
	if in.At != "" {
		page, err := c.pageAt(ctx, store.ID, m, &in.AtInput)
		return &body[ProductPage]{page}, err
	}
	p, err := c.Catalog.Product(ctx, store.ID, m.Product)
	if err != nil {
		return nil, err
	}
	var items []domain.ItemID
	for _, it := range p.Items {
		items = append(items, it.ID)
	}
	return &body[ProductPage]{productPage(&p, c.Publications.Publication(p.Store, p.ID), c.quarantines(p.Store, items))}, nil
}

func productPage(p *domain.Product, pub projections.Publication, quarantined []QuarantinedItem) ProductPage {
	page := ProductPage{
		Store: p.Store, Product: p.ID, Position: p.Position,
		Name: p.Family.Name, Description: p.Family.Description, Brand: p.Family.Brand,
		Active: p.Family.Active, TrackInventory: p.Family.TrackInventory,
		Deleted: p.Deleted(), Variants: []VariantPage{},
	}
	for _, it := range p.Items {
		switch {
		case !it.Described:
			page.Undescribed = append(page.Undescribed, variantPage(it))
		case !it.Deleted:
			page.Variants = append(page.Variants, variantPage(it))
		}
	}
	if pub.Link != nil {
		page.Link = &LinkPage{BigCommerceID: pub.Link.BigCommerceID, Variants: map[domain.ItemID]int64{}}
		for _, v := range pub.Link.Variants {
			page.Link.Variants[v.Item] = v.BigCommerceID
		}
	}
	page.Quarantined = quarantined
	page.Publication = publicationPage(projections.StateOf(p.Due, pub, len(page.Quarantined) > 0), pub)
	return page
}

// quarantines returns the events for which any of some items is quarantined, by position.
func (c *Console) quarantines(store domain.StoreID, items []domain.ItemID) []QuarantinedItem {
	if !c.Publications.Quarantined(store, items...) {
		return nil
	}
	var out []QuarantinedItem
	for _, held := range c.Publications.Quarantines(store) {
		if slices.Contains(items, held.Item) {
			out = append(out, QuarantinedItem{held.Item, held.Position, held.Reason})
		}
	}
	return out
}

func publicationPage(state projections.State, pub projections.Publication) PublicationPage {
	page := PublicationPage{State: state, Position: pub.Confirmed.Position}
	if !pub.Confirmed.At.IsZero() {
		page.At = &pub.Confirmed.At
	}
	if h := pub.Held; h != nil {
		page.Held = &HoldPage{h.Guard, h.Reason, h.Position, h.At}
	}
	page.Error, _ = pub.Refusal()
	return page
}

func variantPage(it domain.Item) VariantPage {
	v := VariantPage{
		Item: it.ID, SKU: it.SKU, Options: it.Options, RetailPrice: it.RetailPrice, SupplyPrice: it.SupplyPrice,
		Stock: map[domain.OutletID]domain.Quantity{},
	}
	if v.Options == nil {
		v.Options = []domain.Option{}
	}
	for _, level := range it.Stock {
		v.Stock[level.Outlet] = level.OnHand
	}
	return v
}
