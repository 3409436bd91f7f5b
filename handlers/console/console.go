package console

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"weak"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/audit"
	"github.com/tillstream/tillstream/handlers/problem"
	"github.com/tillstream/tillstream/handlers/project"
	"github.com/tillstream/tillstream/projections"
	"github.com/tillstream/tillstream/streams"
)

// Console serves the API. All fields are set once, before [Console.Mount].
type Console struct {
	Version string
	Stores  []Store // by id
	Logger  *slog.Logger

	Catalog      *projections.Catalog
	Publications *projections.Publications
	Standings    *projections.Standings // of both
	Past         *projections.Past
	Project      *project.Handler
	DeadLetters  *streams.DeadLetters
	POS          projections.Log
	Sync         projections.Log
	Logs         Logs
	Tokens       *Tokens
	Rebuilder    Rebuilder

	// Sources says when each source was heard of.
	Sources func(context.Context) (*projections.Sources, error)
	Now     func() time.Time

	// Running says whether this process folds and pushes, and whether it is ready.
	Running func() Running
	// Index, when set, answers what the snapshots and the logs would answer later.
	Index SearchIndex
	// Evidence, when set, says how far the logs are signed; nil when another process
	// signs.
	Evidence func() *Evidence
	// Verifier is one with everything but the order.
	Verifier  func() audit.Verifier
	verifying sync.Mutex
	// Sign, when set, signs what is recorded now.
	Sign func(context.Context) error
	// Exporter is what copies and proves the logs.
	Exporter func() audit.Exporter
	// Health is the log's: the error says why nothing more can be recorded.
	Health func(context.Context) error
	// Describe, when set, adds to the OpenAPI document what others serve beside it.
	Describe func(*huma.OpenAPI)
	// Traffic, when set, is shown with the metrics.
	Traffic *Traffic
	// Ending, when set, is closed when the process begins to end. Answers that would
	// go on until the caller leaves end then.
	Ending <-chan struct{}

	trees atomic.Pointer[weak.Pointer[projections.Tree]]
}

// Store is one store as the console knows it.
type Store struct {
	ID        domain.StoreID
	Mode      domain.StockMode
	Rules     domain.Rules // how its state is shown in BigCommerce
	NoImages  bool         // a product is created without any
	Prices    string       // inclusive or exclusive of tax, as they are read from the POS account; empty: as events have them
	Publisher Publisher    // nil when the store has no BigCommerce credentials
	// Account says where the store's POS account stands; nil when it has none.
	Account func() projections.AccountStatus
}

// Logs are both logs as they lie in the broker.
type Logs struct{ POS, Sync *streams.Log }

// Running is what only the process knows of itself.
type Running struct {
	Ready    bool
	Pushes   bool // it is the one that pushes
	Problems []string
	Rebuild  *RebuildProgress // nil while none is at work
}

// Store returns the settings of a store. The error is a problem that names those
// there are.
func (c *Console) Store(name string) (*Store, error) {
	names := make([]string, len(c.Stores))
	for i := range c.Stores {
		if string(c.Stores[i].ID) == name {
			return &c.Stores[i], nil
		}
		names[i] = string(c.Stores[i].ID)
	}
	return nil, problem.Newf(http.StatusNotFound, "there is no store %q; configured: %s", name, strings.Join(names, ", "))
}

// publisher returns what pushes for a store, or a problem that says what to set.
func (s *Store) publisher() (Publisher, error) {
	if s.Publisher == nil {
		return nil, problem.Newf(http.StatusConflict, "store %q has no BigCommerce credentials", s.ID).
			WithHint("set TILLSTREAM_BIGCOMMERCE_STORE_HASH and TILLSTREAM_BIGCOMMERCE_TOKEN")
	}
	return s.Publisher, nil
}

// Mount adds every route to mux, the OpenAPI document that describes them at
// /openapi.json, and the AsyncAPI document of the logs at /asyncapi.json.
func (c *Console) Mount(mux *http.ServeMux) {
	config := huma.DefaultConfig("tillstream", c.Version)
	config.DocsPath = ""     // the page would load scripts from elsewhere
	config.CreateHooks = nil // no links to schemas inside the answers
	config.Components.SecuritySchemes = map[string]*huma.SecurityScheme{"token": {Type: "http", Scheme: "bearer"}}
	config.Security = []map[string][]string{{"token": {}}}
	api := humago.New(mux, config)
	if c.Describe != nil {
		c.Describe(api.OpenAPI())
	}
	c.mountProducts(api)
	c.mountHistory(api)
	c.mountAnnals(api)
	c.mountReport(api)
	c.mountDiff(api)
	c.mountExplain(api)
	c.mountReplay(api)
	c.mountLinks(api)
	c.mountPushes(api)
	c.mountPreview(api)
	c.mountFeed(api)
	c.mountReleases(api)
	c.mountDeadLetters(api)
	c.mountDigest(api)
	c.mountRebuild(api)
	c.mountSchemas(api)
	c.mountTokens(api)
	c.mountVerify(api)
	c.mountEvidence(api)
	mux.HandleFunc("GET /asyncapi.json", c.asyncAPI)
}

// body is an answer with a JSON body.
type body[T any] struct{ Body T }

// register adds one operation whose errors become problem details. What the
// caller is not told is kept in the log.
func register[In, Out any](c *Console, api huma.API, method, path, summary string, do func(context.Context, *In) (*Out, error)) {
	op := operation(method, path, summary)
	huma.Register(api, op, handle(c, op, do))
}

func operation(method, path, summary string) huma.Operation {
	return huma.Operation{
		OperationID: operationID(method, path),
		Method:      method, Path: path, Summary: summary,
		Errors: []int{http.StatusUnauthorized, http.StatusNotFound, http.StatusConflict, http.StatusUnprocessableEntity, http.StatusServiceUnavailable},
	}
}

func handle[In, Out any](c *Console, op huma.Operation, do func(context.Context, *In) (*Out, error)) func(context.Context, *In) (*Out, error) {
	return func(ctx context.Context, in *In) (*Out, error) {
		out, err := do(ctx, in)
		if err != nil {
			return nil, c.explain(op.Method+" "+op.Path, err)
		}
		return out, nil
	}
}

func (c *Console) explain(what string, err error) *problem.Details {
	d := problem.From(err)
	if d.Status == http.StatusInternalServerError {
		c.Logger.Error(what, "err", err)
	}
	return d
}

func operationID(method, path string) string {
	clean := strings.NewReplacer("{", "", "}", "", "/", "-", ".", "-").Replace(strings.TrimPrefix(path, "/"))
	return strings.ToLower(method) + "-" + clean
}

// find returns the one product that a reference names.
func (c *Console) find(store domain.StoreID, ref string) (projections.Match, error) {
	m, err := c.Catalog.Find(store, ref)
	if err == nil {
		return m, nil
	}
	if d := problem.From(err); d.Status != http.StatusInternalServerError {
		return m, d
	}
	return m, problem.New(http.StatusConflict, err.Error())
}

// findIn is find for what reads a log: in the POS log there also are items of which no event
// is folded, mostly because none could be used, and which therefore are in no product.
func (c *Console) findIn(ctx context.Context, log *streams.Log, store domain.StoreID, ref string) (projections.Match, error) {
	m, err := c.find(store, ref)
	if err == nil || problem.From(err).Status != http.StatusNotFound || log != c.Logs.POS {
		return m, err
	}
	id := strings.TrimPrefix(ref, "item:")
	switch n, failed := log.Events().Count(ctx, store, id); {
	case failed != nil:
		return m, failed
	case n == 0:
		return m, err
	}
	return projections.Match{Item: domain.ItemID(id)}, nil
}

// findOne is find for what changes something: it refuses the id of an item that was a product
// of its own, is in another one now, and has left behind a link.
func (c *Console) findOne(store domain.StoreID, ref string) (projections.Match, error) {
	m, err := c.find(store, ref)
	former := domain.ProductID(ref)
	if err == nil && string(m.Item) == ref && m.Product != former && c.Publications.Publication(store, former).Link != nil {
		return m, problem.Newf(http.StatusConflict, "%q is an item of product %q, and the product that it has left is still linked", ref, m.Product).
			WithHint(fmt.Sprintf("item:%s, or product:%s for the one that it has left", ref, ref))
	}
	return m, err
}

// findAll is findOne for several references; it names the first that fits nothing.
func (c *Console) findAll(store domain.StoreID, refs []string) ([]domain.ProductID, error) {
	var out []domain.ProductID
	seen := map[domain.ProductID]bool{}
	for _, ref := range refs {
		m, err := c.findOne(store, ref)
		if err != nil {
			return nil, err
		}
		if !seen[m.Product] {
			seen[m.Product] = true
			out = append(out, m.Product)
		}
	}
	if len(out) == 0 {
		return nil, problem.New(http.StatusUnprocessableEntity, `"items" names no product`)
	}
	return out, nil
}

// name returns a product's name for people, or its id while nothing has described
// it.
func (c *Console) name(ctx context.Context, store domain.StoreID, id domain.ProductID) (domain.Product, string, error) {
	p, err := c.Catalog.Product(ctx, store, id)
	if err != nil {
		return p, "", fmt.Errorf("product %s: %w", id, err)
	}
	if p.Described() {
		return p, p.Family.Name, nil
	}
	return p, string(id), nil
}
