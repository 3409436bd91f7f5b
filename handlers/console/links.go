package console

import (
	"context"
	"errors"
	"iter"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/bigcommerce"
	"github.com/tillstream/tillstream/handlers/problem"
	"github.com/tillstream/tillstream/handlers/publish"
	"github.com/tillstream/tillstream/projections"
)

// Publisher is what pushes for one store, as the console asks it; see
// [publish.Publisher].
type Publisher interface {
	LinkAuto(ctx context.Context, dryRun bool) (publish.Report, error)
	Link(ctx context.Context, id domain.ProductID, bigCommerceID int64, dryRun bool) (domain.Link, error)
	Unlink(ctx context.Context, id domain.ProductID, reason string) error
	Push(ctx context.Context, ids []domain.ProductID) ([]publish.Outcome, error)
	Create(ctx context.Context, ids []domain.ProductID) ([]publish.Outcome, error)
	Needless(id domain.ProductID, create bool) string
	Approve(ctx context.Context, ids []domain.ProductID) ([]publish.Outcome, error)
	Discard(ctx context.Context, ids []domain.ProductID) ([]publish.Outcome, error)
	Preview(ctx context.Context, ids []domain.ProductID) iter.Seq2[publish.Preview, error]
	Status() publish.Status
	Efficiency() projections.Efficiency
}

var _ Publisher = (*publish.Publisher)(nil)

// LinkLine is one product and its twin.
type LinkLine struct {
	Product       domain.ProductID        `json:"product"`
	Name          string                  `json:"name"`
	SKUs          []domain.SKU            `json:"skus,omitempty"`
	State         projections.State       `json:"state,omitempty"`
	BigCommerceID int64                   `json:"bigcommerce_id,omitempty"`
	Variants      map[domain.ItemID]int64 `json:"variants,omitempty"`
	Missing       int                     `json:"missing,omitempty"` // variants that the push will create
	Error         string                  `json:"error,omitempty"`   // why BigCommerce refused the newest state, or a guard holds it
}

// AmbiguousLine is a product for which no twin could be chosen.
type AmbiguousLine struct {
	Product    domain.ProductID `json:"product"`
	Name       string           `json:"name"`
	Reason     string           `json:"reason"`
	Candidates []int64          `json:"candidates"`
}

// LinkReport is what a search for twins has found, or one link that was made.
type LinkReport struct {
	Linked      []LinkLine      `json:"linked"`
	Ambiguous   []AmbiguousLine `json:"ambiguous"`
	WithoutTwin []LinkLine      `json:"without_twin"`
	Already     int             `json:"already"`
	DryRun      bool            `json:"dry_run"`
}

func (c *Console) mountLinks(api huma.API) {
	register(c, api, http.MethodGet, "/v1/stores/{store}/links", "List links", c.listLinks)
	register(c, api, http.MethodPost, "/v1/stores/{store}/links", "Find twins by SKU and link them, or link one product", c.link)
	register(c, api, http.MethodDelete, "/v1/stores/{store}/links/{ref}", "End a link; BigCommerce's product stays", c.unlink)
}

type linksInput struct {
	Store string `path:"store"`
	State string `query:"state" enum:"confirmed,pending,held,discarded,refused,broken,quarantined"`
}

type linkList struct {
	Links    []LinkLine `json:"links"`
	Linked   int        `json:"linked"`
	Unlinked int        `json:"unlinked"`
}

func (c *Console) listLinks(ctx context.Context, in *linksInput) (*body[linkList], error) {
	store, err := c.Store(in.Store)
	if err != nil {
		return nil, err
	}
	out := linkList{Links: []LinkLine{}}
	for id, pub := range c.Publications.All(store.ID) {
		summary, ok := c.Catalog.Summary(store.ID, id)
		if pub.Link == nil || !ok {
			continue
		}
		out.Linked++
		state := c.state(store.ID, summary)
		if in.State != "" && !state.Among(projections.State(in.State)) {
			continue
		}
		_, name, err := c.name(ctx, store.ID, id)
		if err != nil {
			return nil, err
		}
		line := linkLine(id, name, state, pub.Link)
		line.Error = why(state, &pub)
		out.Links = append(out.Links, line)
	}
	out.Unlinked = c.Catalog.Size(store.ID) - out.Linked
	return &body[linkList]{out}, nil
}

func linkLine(id domain.ProductID, name string, state projections.State, link *domain.Link) LinkLine {
	line := LinkLine{Product: id, Name: name, State: state, BigCommerceID: link.BigCommerceID, Variants: map[domain.ItemID]int64{}}
	for _, v := range link.Variants {
		line.Variants[v.Item] = v.BigCommerceID
	}
	return line
}

type linkInput struct {
	Store  string `path:"store"`
	DryRun bool   `query:"dry_run"`
	Body   struct {
		Auto          bool   `json:"auto,omitempty" doc:"find the twins of all products that have none, by SKU"`
		Item          string `json:"item,omitempty" doc:"a SKU, a POS item id or a product id"`
		BigCommerceID int64  `json:"bigcommerce_id,omitempty" doc:"the twin of item"`
	}
}

func (c *Console) link(ctx context.Context, in *linkInput) (*body[LinkReport], error) {
	store, err := c.Store(in.Store)
	if err != nil {
		return nil, err
	}
	publisher, err := store.publisher()
	if err != nil {
		return nil, err
	}
	switch {
	case in.Body.Auto && in.Body.Item == "":
		return c.linkAuto(ctx, store, publisher, in.DryRun)
	case in.Body.Auto || in.Body.Item == "" || in.Body.BigCommerceID < 1:
		return nil, problem.New(http.StatusUnprocessableEntity, `the body must have either "auto": true, or "item" and "bigcommerce_id"`)
	}
	m, err := c.findOne(store.ID, in.Body.Item)
	if err != nil {
		return nil, err
	}
	report := LinkReport{Linked: []LinkLine{}, Ambiguous: []AmbiguousLine{}, WithoutTwin: []LinkLine{}, DryRun: in.DryRun}
	_, name, err := c.name(ctx, store.ID, m.Product)
	if err != nil {
		return nil, err
	}
	link, err := publisher.Link(ctx, m.Product, in.Body.BigCommerceID, in.DryRun)
	if err != nil {
		return nil, asRefusal(err)
	}
	report.Linked = append(report.Linked, linkLine(m.Product, name, "", &link))
	return &body[LinkReport]{report}, nil
}

func (c *Console) linkAuto(ctx context.Context, store *Store, publisher Publisher, dryRun bool) (*body[LinkReport], error) {
	found, err := publisher.LinkAuto(ctx, dryRun)
	if err != nil {
		return nil, asRefusal(err)
	}
	report := LinkReport{Linked: []LinkLine{}, Ambiguous: []AmbiguousLine{}, WithoutTwin: []LinkLine{}, Already: found.Already, DryRun: dryRun}
	for _, f := range found.Linked {
		skus, err := c.skus(ctx, store.ID, f.Product)
		if err != nil {
			return nil, err
		}
		report.Linked = append(report.Linked, LinkLine{Product: f.Product, Name: f.Name, SKUs: skus, BigCommerceID: f.BigCommerceID, Missing: f.Missing})
	}
	for _, a := range found.Ambiguous {
		report.Ambiguous = append(report.Ambiguous, AmbiguousLine{a.Product, a.Name, a.Reason, a.Twins})
	}
	for _, id := range found.Without {
		_, name, err := c.name(ctx, store.ID, id)
		if err != nil {
			return nil, err
		}
		skus, err := c.skus(ctx, store.ID, id)
		if err != nil {
			return nil, err
		}
		report.WithoutTwin = append(report.WithoutTwin, LinkLine{Product: id, Name: name, SKUs: skus})
	}
	return &body[LinkReport]{report}, nil
}

func (c *Console) skus(ctx context.Context, store domain.StoreID, id domain.ProductID) ([]domain.SKU, error) {
	p, err := c.Catalog.Product(ctx, store, id)
	if err != nil {
		return nil, err
	}
	skus := []domain.SKU{}
	for _, v := range p.Variants() {
		skus = append(skus, v.SKU)
	}
	return skus, nil
}

// asRefusal makes a conflict of an error that is neither missing things nor the
// broker's: what was asked for cannot be done as things are, and the error says
// why in words for people. One of BigCommerce, a request that took too long included,
// is said to be that.
func asRefusal(err error) error {
	if _, theirs := errors.AsType[*bigcommerce.Error](err); theirs && !errors.Is(err, domain.ErrNotFound) {
		return problem.New(http.StatusBadGateway, err.Error()).WithHint("tillstream status")
	}
	if errors.Is(err, context.Canceled) || problem.From(err).Status != http.StatusInternalServerError {
		return err
	}
	return problem.New(http.StatusConflict, err.Error())
}

type unlinkInput struct {
	RefInput
	DryRun bool `query:"dry_run"`
}

func (c *Console) unlink(ctx context.Context, in *unlinkInput) (*body[LinkLine], error) {
	store, err := c.Store(in.Store)
	if err != nil {
		return nil, err
	}
	publisher, err := store.publisher()
	if err != nil {
		return nil, err
	}
	m, err := c.findOne(store.ID, in.Ref)
	if err != nil {
		return nil, err
	}
	_, name, err := c.name(ctx, store.ID, m.Product)
	if err != nil {
		return nil, err
	}
	pub := c.Publications.Publication(store.ID, m.Product)
	if pub.Link == nil {
		return nil, problem.Newf(http.StatusConflict, "%s (product %s) has no link", name, m.Product)
	}
	line := LinkLine{Product: m.Product, Name: name, BigCommerceID: pub.Link.BigCommerceID}
	if in.DryRun {
		return &body[LinkLine]{line}, nil
	}
	if err := publisher.Unlink(ctx, m.Product, "asked for by an operator"); err != nil {
		return nil, err
	}
	return &body[LinkLine]{line}, nil
}
