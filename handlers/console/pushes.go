package console

import (
	"context"
	"encoding/json"
	"net/http"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/problem"
	"github.com/tillstream/tillstream/handlers/publish"
	"github.com/tillstream/tillstream/projections"
)

// PushLine is what became of one product that was to be pushed or created.
type PushLine struct {
	Product       domain.ProductID `json:"product"`
	Name          string           `json:"name"`
	State         string           `json:"state"` // confirmed, refused, held, pending, created, linked or nothing; in a dry run nothing, or where it stands now
	BigCommerceID int64            `json:"bigcommerce_id,omitempty"`
	Position      domain.Position  `json:"position,omitempty"`
	Error         string           `json:"error,omitempty"`
}

func (c *Console) mountPushes(api huma.API) {
	register(c, api, http.MethodPost, "/v1/stores/{store}/publish", "Create products in BigCommerce and link them", c.publish)
	register(c, api, http.MethodPost, "/v1/stores/{store}/push", "Push linked products, whether or not they have changed", c.push)
}

// longestWait is how long a push may be waited for.
const longestWait = 10 * time.Minute

type pushInput struct {
	Store  string `path:"store"`
	DryRun bool   `query:"dry_run"`
	Wait   string `query:"wait" default:"60s" doc:"how long to wait for the outcome; the push goes on afterwards"`
	Body   struct {
		Items []string `json:"items,omitempty" doc:"SKUs, POS item ids or product ids"`
		All   bool     `json:"all,omitempty" doc:"every linked product"`
		Due   bool     `json:"due,omitempty" doc:"every linked product whose newest state BigCommerce has not confirmed, and does not refuse"`
	}
}

func (c *Console) push(ctx context.Context, in *pushInput) (*huma.StreamResponse, error) {
	store, err := c.Store(in.Store)
	if err != nil {
		return nil, err
	}
	var ids []domain.ProductID
	if in.Body.All || in.Body.Due {
		for id, pub := range c.Publications.All(store.ID) {
			if pub.Link != nil && (in.Body.All || c.due(store.ID, id)) {
				ids = append(ids, id)
			}
		}
	} else if ids, err = c.findAll(store.ID, in.Body.Items); err != nil {
		return nil, err
	}
	return c.carryOut(ctx, store, in, ids, push)
}

// due reports whether a push of a product waits for somebody or something.
func (c *Console) due(store domain.StoreID, id domain.ProductID) bool {
	s, known := c.Catalog.Summary(store, id)
	return known && c.state(store, s) == projections.Pending
}

func (c *Console) publish(ctx context.Context, in *pushInput) (*huma.StreamResponse, error) {
	store, err := c.Store(in.Store)
	if err != nil {
		return nil, err
	}
	ids, err := c.findAll(store.ID, in.Body.Items)
	if err != nil {
		return nil, err
	}
	return c.carryOut(ctx, store, in, ids, create)
}

// verb is one way to have products pushed.
type verb struct {
	do      func(Publisher, context.Context, []domain.ProductID) ([]publish.Outcome, error)
	creates bool // what has no twin
}

var (
	push   = verb{do: Publisher.Push}
	create = verb{do: Publisher.Create, creates: true}
)

// carryOut answers one JSON line per product as its outcome is known.
func (c *Console) carryOut(ctx context.Context, store *Store, in *pushInput, ids []domain.ProductID, v verb) (*huma.StreamResponse, error) {
	publisher, err := store.publisher()
	if err != nil {
		return nil, err
	}
	if !in.DryRun && !c.Running().Pushes {
		return nil, problem.New(http.StatusServiceUnavailable, "this process does not push to BigCommerce: it has not the role, or stands by for the one that does").
			WithHint("the same with --server URL, of the process whose log says that it is the owner")
	}
	wait, err := time.ParseDuration(in.Wait)
	if err != nil || wait <= 0 || wait > longestWait {
		return nil, problem.Newf(http.StatusUnprocessableEntity, "wait: %q: must be a duration above 0 and at most %s, such as 60s", in.Wait, longestWait)
	}
	ctx, cancel := context.WithTimeout(ctx, wait)
	return &huma.StreamResponse{Body: func(out huma.Context) {
		defer cancel()
		out.SetHeader("Content-Type", "application/x-ndjson")
		w := out.BodyWriter()
		enc := json.NewEncoder(w)
		enc.SetEscapeHTML(false)
		for line := range c.outcomes(ctx, store, publisher, in.DryRun, ids, v) {
			if enc.Encode(line) != nil {
				continue // the caller has gone; the push goes on
			}
			if f, ok := w.(http.Flusher); ok {
				f.Flush()
			}
		}
	}}, nil
}

// mostWaiting bounds the goroutines that wait for outcomes of one request.
const mostWaiting = 4096

// outcomes yields a line for each product when it is known, and at the latest when
// ctx ends.
func (c *Console) outcomes(ctx context.Context, store *Store, publisher Publisher, dry bool, ids []domain.ProductID, v verb) <-chan PushLine {
	lines := make(chan PushLine)
	go func() {
		defer close(lines)
		var waiting sync.WaitGroup
		room := make(chan struct{}, mostWaiting)
		for _, id := range ids {
			room <- struct{}{}
			waiting.Go(func() {
				lines <- c.outcome(ctx, store, publisher, dry, id, v)
				<-room
			})
		}
		waiting.Wait()
	}()
	return lines
}

func (c *Console) outcome(ctx context.Context, store *Store, publisher Publisher, dry bool, id domain.ProductID, v verb) PushLine {
	line := PushLine{Product: id}
	p, name, err := c.name(context.WithoutCancel(ctx), store.ID, id)
	if err != nil {
		line.Error = err.Error()
		return line
	}
	line.Name, line.Position = name, p.Position
	if dry {
		summary, _ := c.Catalog.Summary(store.ID, id)
		line.State = string(c.state(store.ID, summary))
		if link := c.Publications.Publication(store.ID, id).Link; link != nil {
			line.BigCommerceID = link.BigCommerceID
		}
		if why := publisher.Needless(id, v.creates); why != "" {
			line.State, line.Error = string(publish.Nothing), why
		}
		return line
	}
	got, err := v.do(publisher, ctx, []domain.ProductID{id})
	if err != nil {
		line.State, line.Error = string(projections.Pending), "not known yet"
		if wrong := publisher.Status().Problem; wrong != "" {
			line.Error += ": " + wrong
		}
		if ctx.Err() == nil {
			line.Error = err.Error()
		}
		return line
	}
	line.State, line.BigCommerceID, line.Error = string(got[0].Kind), got[0].BigCommerceID, got[0].Reason
	if got[0].Position > 0 {
		line.Position = got[0].Position
	}
	return line
}
