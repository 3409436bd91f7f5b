package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/audit"
	"github.com/tillstream/tillstream/handlers/bigcommerce"
	"github.com/tillstream/tillstream/handlers/console"
	"github.com/tillstream/tillstream/handlers/index"
	"github.com/tillstream/tillstream/handlers/ingest"
	"github.com/tillstream/tillstream/handlers/problem"
	"github.com/tillstream/tillstream/handlers/project"
	"github.com/tillstream/tillstream/handlers/publish"
	"github.com/tillstream/tillstream/projections"
	"github.com/tillstream/tillstream/projections/search"
	"github.com/tillstream/tillstream/streams"
)

// engine is everything that works on one view of the projections, wired as follows. The
// tree over both logs and the search index, which nothing here waits for, are kept by the
// audit handler and the index handler.
//
//	X-Series ─► poll ─┐
//	HTTP ─► ingest ─► POS log ─► project ─► catalog ─► PRODUCTS bucket
//	  │                                        │             │ wake
//	  └───► console ◄── catalog, publications ─┘             ▼
//	                         ▲                            publish ─► BigCommerce
//	                         └──── sync follower ◄─ SYNC log ◄─┘
//
// A process that does not project reads the catalog from the bucket instead.
type engine struct {
	app   *app
	roles roleSet

	catalog      *projections.Catalog
	publications *projections.Publications
	project      *project.Handler
	publishers   map[domain.StoreID]*publish.Publisher
	accounts     map[domain.StoreID]*account
	sources      *project.SourceKeeper // nil: another process projects
	index        *index.Handler        // nil: there is no search index
	keeper       *audit.Keeper         // nil: another process signs
	console      *console.Console
	handler      http.Handler

	rebuilds rebuilds
	building atomic.Pointer[project.Handler] // of the rebuild at work; nil for none
	pauses   chan pausing
	hearing  hearing

	goal  domain.Position // what the log held at the start: ready is who has folded it
	ready atomic.Bool
}

func newEngine(ctx context.Context, a *app, roles roleSet) (*engine, error) {
	e := &engine{app: a, roles: roles, publishers: map[domain.StoreID]*publish.Publisher{}, accounts: map[domain.StoreID]*account{}, pauses: make(chan pausing)}
	epochs, err := a.conn.Epochs(ctx)
	if err != nil {
		return nil, err
	}
	if err := a.conn.EnsureProducts(ctx, epochs.Current); err != nil {
		return nil, err
	}
	e.hearing.epoch = epochs.Current
	e.goal, err = a.conn.POS().Last(ctx)
	if err != nil {
		return nil, err
	}
	// Each takes seconds with a million products, in part of the disk's and the broker's.
	var unopened error
	var opening sync.WaitGroup
	opening.Go(func() {
		e.publications, unopened = projections.OpenPublications(ctx, a.conn.Publications().Snapshots(), a.conn.Sync().Events(), a.publicationsHint())
	})
	e.catalog, err = a.openCatalog(ctx, a.folding, epochs.Current, a.productsHint())
	opening.Wait()
	if err == nil {
		err = unopened
	}
	if err != nil {
		return nil, err
	}
	e.project = a.newHandler(e.catalog)
	e.project.Applied = e.publications.Apply
	if roles.has(roleProject) {
		if _, err := a.settleSwitch(ctx, epochs, e.publications); err != nil {
			return nil, err
		}
		if e.sources, err = project.OpenSources(ctx, a.conn, e.catalog.Position()); err != nil {
			return nil, err
		}
		e.project.Seen = func(rec *domain.Recorded) {
			e.sources.Sources.Apply(rec)
			a.heard(rec)
		}
	}
	if file := a.cfg.indexFile(); file != "" && roles.has(roleConsole) {
		e.index = index.New(file, search.Source{Catalog: e.catalog, Publications: e.publications}, a.conn, e.hearing.current)
		e.index.Own, e.index.Log = a.cfg.Index == "", a.log
	}
	if roles.has(roleAudit) {
		if e.keeper, err = a.newKeeper(ctx); err == nil {
			err = e.keeper.Look(ctx)
		}
		if err != nil {
			return nil, err
		}
	}
	for _, s := range a.cfg.Stores {
		if err := errors.Join(e.addPublisher(s), e.addAccount(s)); err != nil {
			return nil, err
		}
	}
	e.serve()
	return e, nil
}

// addPublisher makes what pushes for a store, unless the store has no BigCommerce
// side.
func (e *engine) addPublisher(s Store) error {
	token := s.BigCommerce.Token.Reveal()
	if token == "" || s.BigCommerce.StoreHash == "" {
		return nil
	}
	client, err := bigcommerce.New(bigcommerce.Config{
		BaseURL: s.BigCommerce.API, StoreHash: s.BigCommerce.StoreHash, Token: bigcommerce.Token(token),
		UserAgent: "tillstream/" + version(),
		Timeout:   e.app.pace.timeout, Now: e.app.pace.now, After: e.app.pace.after,
	})
	if err != nil {
		return fmt.Errorf("store %s: %w", s.ID, err)
	}
	weight, err := bigcommerce.ParseNumber(s.BigCommerce.Weight)
	if err != nil {
		return fmt.Errorf("store %s: weight: %w", s.ID, err)
	}
	cfg := publish.Config{
		Store: domain.StoreID(s.ID), Rules: s.rules(), Client: client,
		Catalog: e.catalog, Publications: e.publications, Log: e.app.conn.Sync(),
		CreateAll: s.Publish == "all", Manual: s.Syncing == "manual", NoImages: s.Images == "none", OnMissing: publish.OnMissing(s.OnMissing), Weight: weight, Categories: s.BigCommerce.Categories,
		Quiet:     s.BigCommerce.Quiet,
		Guards:    s.guards(),
		OnOutcome: e.tellOutcome, Now: e.app.pace.now, After: e.app.pace.after,
	}
	for _, id := range s.BigCommerce.Channels {
		cfg.Channels = append(cfg.Channels, bigcommerce.ChannelID(id))
	}
	p, err := publish.New(cfg)
	if err != nil {
		return fmt.Errorf("store %s: %w", s.ID, err)
	}
	e.publishers[cfg.Store] = p
	return nil
}

// rules are how the store's state is shown in BigCommerce.
func (s *Store) rules() domain.Rules {
	r := domain.Rules{Locations: map[domain.OutletID]int64{}, SafetyStock: s.SafetyStock, OnDelete: domain.OnDelete(s.OnDelete), LeaveStock: s.Inventory == "leave"}
	for outlet, location := range s.Outlets {
		r.Locations[domain.OutletID(outlet)] = location
	}
	return r
}

// guards are what may hold a push.
func (s *Store) guards() publish.Guards {
	b := s.Breaker
	return publish.Guards{Empties: s.Empties == "hold", Breaker: publish.Breaker{Share: b.Share, Price: b.Price, Window: b.Window, Least: b.Least}}
}

// serve builds the HTTP API of the roles.
func (e *engine) serve() {
	e.console = &console.Console{
		Version: version(), Logger: e.app.log,
		Catalog: e.catalog, Publications: e.publications, Standings: projections.NewStandings(e.catalog, e.publications), Past: e.recalled(), Project: e.project,
		Logs:        console.Logs{POS: e.app.conn.POS(), Sync: e.app.conn.Sync()},
		DeadLetters: e.app.conn.DeadLetters(), POS: e.app.conn.POS().Events(), Sync: e.app.conn.Sync().Events(),
		Sources: e.heardSources, Now: time.Now,
		Tokens:   console.NewTokens(e.app.conn.Control()),
		Evidence: e.evidence, Verifier: e.verifier, Exporter: e.app.exporter, Rebuilder: e,
		Running: e.running, Health: e.app.conn.Health, Ending: e.app.ending, Traffic: e.app.traffic,
	}
	if e.keeper != nil {
		e.console.Sign = e.keeper.Sign
	}
	if e.index != nil {
		e.console.Index = e.index
	}
	for _, s := range e.app.cfg.Stores {
		id := domain.StoreID(s.ID)
		store := console.Store{ID: id, Mode: domain.StockMode(s.Stock), Rules: s.rules(), NoImages: s.Images == "none"}
		if p := e.publishers[id]; p != nil {
			store.Publisher = p
		}
		if a := e.accounts[id]; a != nil {
			store.Account = a.status
			store.Prices = s.POS.XSeries.Prices
		}
		e.console.Stores = append(e.console.Stores, store)
	}
	slices.SortFunc(e.console.Stores, func(a, b console.Store) int { return strings.Compare(string(a.ID), string(b.ID)) })
	mux := http.NewServeMux()
	if e.roles.has(roleIngest) {
		in := ingest.NewHTTP(e.ingest(), func(name string) (domain.StoreID, error) {
			s, err := e.console.Store(name)
			if err != nil {
				return "", err
			}
			return s.ID, nil
		}, e.app.log)
		in.XSeries = map[domain.StoreID]*ingest.XSeriesHooks{}
		for id, a := range e.accounts {
			in.XSeries[id] = a.hooks
		}
		in.Mount(mux)
		e.console.Describe = ingest.Describe
	}
	if e.roles.has(roleConsole) {
		e.console.Mount(mux)
	}
	e.console.MountStatus(mux)
	e.handler = problem.Routes(mux)
}

// past reads from the logs what was.
func (e *engine) past() *projections.Past {
	conn := e.app.conn
	return &projections.Past{
		Catalog: e.catalog, Publications: e.publications, POS: conn.POS().Events(), Sync: conn.Sync().Events(),
		Aside: func(ctx context.Context, store domain.StoreID, item domain.ItemID) ([]domain.Position, error) {
			return conn.DeadLetters().Of(ctx, conn.POS(), store, string(item))
		},
	}
}

// recalled is past for people who ask: from the index's copies of the logs, as far as
// there are any.
func (e *engine) recalled() *projections.Past {
	p := e.past()
	if e.index != nil {
		p.POS, p.Sync = e.index.Logs()
	}
	return p
}

// ingest makes what takes events and files in. A catalog that another process
// writes is observed here, so that an import keeps to its pace.
func (e *engine) ingest() *ingest.Service {
	s := ingest.New(e.app.conn.POS(), time.Now)
	s.Projection, s.Products, s.Notes = e.catalog, e.catalog, e.app.conn.Control()
	s.Spool = filepath.Join(e.app.cfg.Data, "spool")
	return s
}

// heardSources is when each source was heard of.
func (e *engine) heardSources(ctx context.Context) (*projections.Sources, error) {
	if e.sources != nil {
		return e.sources.Sources, nil
	}
	return project.ReadSources(ctx, e.app.conn.Control())
}

// running is what the console cannot know of the process.
func (e *engine) running() console.Running {
	r := console.Running{Ready: e.ready.Load(), Pushes: e.roles.has(rolePublish), Rebuild: e.rebuilds.progress()}
	if problem := e.foldingProblem(); problem != "" {
		r.Problems = append(r.Problems, problem)
	}
	return r
}

// foldingProblem says what keeps events from being folded, into what is in use or by the
// rebuild at work, or "".
func (e *engine) foldingProblem() string {
	problem := e.project.Problem()
	if h := e.building.Load(); problem == "" && h != nil {
		problem = h.Problem()
	}
	return problem
}

// run works until ctx ends, or something fails that needs a person. What is known then
// is left for the next start.
func (e *engine) run(ctx context.Context) error {
	err := e.keep(ctx)
	if err != nil || errors.Is(context.Cause(ctx), streams.ErrLeaseLost) {
		return err
	}
	// What another process writes, this one only reads.
	catalog, publications := e.catalog, e.publications
	if !e.roles.has(roleProject) {
		catalog = nil
	}
	if !e.roles.has(rolePublish) {
		publications = nil
	}
	e.app.leaveHints(context.WithoutCancel(ctx), catalog, publications)
	return nil
}

// keep is the work, and the signing of what was recorded until it ends.
func (e *engine) keep(ctx context.Context) error {
	if e.keeper == nil {
		return e.work(ctx)
	}
	keeping, stop := context.WithCancelCause(context.WithoutCancel(ctx))
	disowned := context.AfterFunc(ctx, func() {
		if cause := context.Cause(ctx); errors.Is(cause, streams.ErrLeaseLost) {
			stop(cause)
		}
	})
	defer disowned()
	kept := make(chan error, 1)
	go func() { kept <- e.keeper.Run(keeping) }()
	err := e.work(ctx)
	stop(context.Cause(ctx))
	return errors.Join(err, <-kept)
}

// work is everything but the signing.
func (e *engine) work(ctx context.Context) error {
	projects, publishes := e.roles.has(roleProject), e.roles.has(rolePublish)
	router, err := e.router(ctx)
	if err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	e.rebuilds.open(ctx)
	g.Go(func() error { e.rebuilds.run(ctx); return nil })
	g.Go(func() error {
		select {
		case err := <-e.hearing.unfit:
			return err
		case <-ctx.Done():
			return nil
		}
	})
	follower := project.NewSyncFollower(e.app.conn.Sync(), e.publications)
	follower.Store = publishes
	follower.Changed = e.wake
	g.Go(func() error { return follower.Run(ctx) })
	begun := make(chan struct{}) // closed when nothing is left to fold at once
	if !projects {
		close(begun)
	} else {
		g.Go(func() error {
			if err := e.foldAtOnce(ctx, router.Running()); err != nil {
				return err
			}
			close(begun)
			return e.projecting(ctx)
		})
		g.Go(func() error { return e.sources.Run(ctx) })
	}
	g.Go(func() error { return errors.Join(router.Run(ctx), e.hearing.close()) })
	g.Go(func() error { e.tellProblems(ctx); return nil })
	if e.index != nil {
		g.Go(func() error { e.index.Run(ctx); return nil })
	}
	g.Go(func() error {
		// A snapshot that is written before the router listens wakes nobody: the
		// publishers look at everything after that. And what a product was in the
		// middle of its history is no state to push.
		select {
		case <-router.Running():
		case <-ctx.Done():
			return nil
		}
		select {
		case <-begun:
		case <-ctx.Done():
			return nil
		}
		if !e.caughtUp(ctx, func(domain.Position) {}) {
			return nil
		}
		e.ready.Store(true)
		e.app.once.Do(func() { close(e.app.readied) })
		if e.roles.has(rolePoll) {
			e.poll(ctx, g)
		}
		for _, p := range e.publishers {
			if publishes {
				g.Go(func() error { return ended(ctx, p.Run(ctx)) })
			}
		}
		return nil
	})
	return ended(ctx, g.Wait())
}

// tellOutcome logs a refusal, for whoever only reads the log.
func (e *engine) tellOutcome(o publish.Outcome) {
	if o.Kind == publish.Refused {
		e.app.log.Warn("a product is refused; tillstream push tries again", "product", o.Product, "reason", o.Reason)
	}
	e.app.watch(o)
}

// tellProblems logs where a problem begins and where it ends, and events that
// cannot be used, until ctx ends. What it is at any moment, the status says.
func (e *engine) tellProblems(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	told := map[string]bool{}
	letters := e.project.Stats().DeadLetters
	for {
		now := map[string]string{"projecting": e.foldingProblem()}
		for id, p := range e.publishers {
			now["publishing of "+string(id)] = p.Problem()
			now["guarding of "+string(id)] = projections.Alarm(e.publications.HeldPushes(id))
		}
		for id, a := range e.accounts {
			now["the POS account of "+string(id)] = a.status().Problem
		}
		if e.keeper != nil {
			for _, s := range e.keeper.Status() {
				now["the tree over "+s.Log] = s.Problem
			}
		}
		if e.index != nil {
			now["the search index"] = e.index.Status().Problem
		}
		if e.sources != nil {
			for _, s := range e.app.cfg.Stores {
				for _, src := range e.sources.Sources.Of(domain.StoreID(s.ID), time.Now()) {
					now["source "+string(src.Source)+" of "+s.ID] = src.Problem
				}
			}
		}
		for what, problem := range now {
			switch {
			case problem != "" && !told[what]:
				e.app.log.Warn(problem, "of", what)
			case problem == "" && told[what]:
				e.app.log.Info("works again", "of", what)
			}
			told[what] = problem != ""
		}
		if n := e.project.Stats().DeadLetters; n > letters {
			e.tellLetters(n - letters)
			letters = n
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

func (e *engine) tellLetters(n uint64) {
	if n > 0 {
		e.app.log.Warn("events cannot be used; tillstream deadletters list shows them", "new", n)
	}
}

// ended makes no error of the end that was asked for.
func ended(ctx context.Context, err error) error {
	if ctx.Err() != nil && (errors.Is(err, context.Canceled) || errors.Is(err, context.Cause(ctx))) {
		return nil
	}
	return err
}

// caughtUp waits until what the log held at the start is folded, and tells how far
// it is meanwhile.
func (e *engine) caughtUp(ctx context.Context, tell func(domain.Position)) bool {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for e.catalog.Position() < e.goal {
		select {
		case <-tick.C:
			tell(e.catalog.Position())
		case <-ctx.Done():
			return false
		}
	}
	return true
}

// wake lets a store's publisher look at a product.
func (e *engine) wake(store domain.StoreID, id domain.ProductID) {
	if p := e.publishers[store]; p != nil {
		p.Wake(id)
	}
}

// roleSet is the roles of a process.
type roleSet map[string]bool

func rolesOf(names []string) roleSet {
	r := roleSet{}
	for _, name := range names {
		r[name] = true
	}
	return r
}

func (r roleSet) has(role string) bool { return r[role] }

func (r roleSet) without(roles ...string) roleSet {
	left := maps.Clone(r)
	for _, role := range roles {
		delete(left, role)
	}
	return left
}

func (r roleSet) String() string {
	return strings.Join(slices.Sorted(maps.Keys(r)), ", ")
}
