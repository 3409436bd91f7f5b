package console

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/problem"
	"github.com/tillstream/tillstream/handlers/publish"
	"github.com/tillstream/tillstream/projections"
)

// ReleaseLine is one product whose push was to be released.
type ReleaseLine struct {
	Product       domain.ProductID `json:"product"`
	Name          string           `json:"name"`
	State         string           `json:"state"` // approved, discarded, or nothing: no guard held it; of a dry run, held
	BigCommerceID int64            `json:"bigcommerce_id,omitempty"`
	Guard         domain.Guard     `json:"guard,omitempty"`
	Reason        string           `json:"reason"` // why it was held, or why nothing was done
}

// ReleaseReport is what became of the pushes that were to be released.
type ReleaseReport struct {
	Products []ReleaseLine `json:"products"`
	DryRun   bool          `json:"dry_run"`
}

// HoldPage is why a guard keeps a product's newest state from BigCommerce.
type HoldPage struct {
	Guard    domain.Guard    `json:"guard"`
	Reason   string          `json:"reason"`
	Position domain.Position `json:"position"` // of the state that was held
	At       time.Time       `json:"at"`
}

func (c *Console) mountReleases(api huma.API) {
	register(c, api, http.MethodPost, "/v1/stores/{store}/approve", "Push what a guard holds", func(ctx context.Context, in *releaseInput) (*body[ReleaseReport], error) {
		return c.release(ctx, in, Publisher.Approve)
	})
	register(c, api, http.MethodPost, "/v1/stores/{store}/discard", "Leave BigCommerce as it is where a guard holds a push", func(ctx context.Context, in *releaseInput) (*body[ReleaseReport], error) {
		return c.release(ctx, in, Publisher.Discard)
	})
}

type decision func(Publisher, context.Context, []domain.ProductID) ([]publish.Outcome, error)

type releaseInput struct {
	Store  string `path:"store"`
	DryRun bool   `query:"dry_run"`
	Body   struct {
		Items []string     `json:"items,omitempty" doc:"SKUs, POS item ids or product ids"`
		All   bool         `json:"all,omitempty" doc:"every product that is held"`
		Guard domain.Guard `json:"guard,omitempty" enum:"empties,breaker" doc:"with all: only what this guard holds"`
	}
}

func (c *Console) release(ctx context.Context, in *releaseInput, do decision) (*body[ReleaseReport], error) {
	store, err := c.Store(in.Store)
	if err != nil {
		return nil, err
	}
	publisher, err := store.publisher()
	if err != nil {
		return nil, err
	}
	ids, err := c.toRelease(store.ID, in)
	if err != nil {
		return nil, err
	}
	report := ReleaseReport{Products: make([]ReleaseLine, len(ids)), DryRun: in.DryRun}
	for i, id := range ids {
		_, name, err := c.name(ctx, store.ID, id)
		if err != nil {
			return nil, err
		}
		report.Products[i] = releaseLine(id, name, c.Publications.Publication(store.ID, id))
	}
	if in.DryRun {
		return &body[ReleaseReport]{report}, nil
	}
	outcomes, err := do(publisher, ctx, ids)
	if err != nil {
		return nil, err
	}
	for i, o := range outcomes {
		line := &report.Products[i]
		line.State, line.Guard, line.Reason = string(o.Kind), o.Guard, o.Reason
	}
	return &body[ReleaseReport]{report}, nil
}

// toRelease are the products that a request names.
func (c *Console) toRelease(store domain.StoreID, in *releaseInput) ([]domain.ProductID, error) {
	switch {
	case in.Body.All && len(in.Body.Items) > 0 || in.Body.Guard != "" && !in.Body.All:
		return nil, problem.New(http.StatusUnprocessableEntity, `the body must have either "items", or "all": true and perhaps "guard"`)
	case !in.Body.All:
		return c.findAll(store, in.Body.Items)
	}
	var ids []domain.ProductID
	for _, h := range c.Publications.HeldPushes(store) {
		if in.Body.Guard == "" || in.Body.Guard == h.Guard {
			ids = append(ids, h.Product)
		}
	}
	return ids, nil
}

// releaseLine is a product before anything is done.
func releaseLine(id domain.ProductID, name string, pub projections.Publication) ReleaseLine {
	line := ReleaseLine{Product: id, Name: name, State: string(publish.Nothing), Reason: publish.NotHeld}
	if pub.Link != nil {
		line.BigCommerceID = pub.Link.BigCommerceID
	}
	if pub.Held != nil {
		line.State, line.Guard, line.Reason = string(publish.Held), pub.Held.Guard, pub.Held.Reason
	}
	return line
}
