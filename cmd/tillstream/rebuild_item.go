package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/console"
	"github.com/tillstream/tillstream/handlers/problem"
	"github.com/tillstream/tillstream/handlers/project"
	"github.com/tillstream/tillstream/projections"
	"github.com/tillstream/tillstream/streams"
)

// itemBuild is a rebuild of one item or product: whatever has had a say in it is folded
// anew from its own events, apart from the epoch in use and from what is stored.
type itemBuild struct {
	engine   *engine
	store    domain.StoreID
	products []domain.ProductID // that are folded anew, as far as they are known
	items    []domain.ItemID    // asked for that are in no product
	past     *projections.Past
	anew     bool // what the states say of where events lie is wrong

	places    projections.Places
	catalog   *projections.Catalog // apart
	stretches *onlyStretches       // what it lets go of
	handler   *project.Handler
}

// onlyStretches is a bucket that keeps the stretches of what is folded into it.
type onlyStretches struct {
	noBucket
	all []domain.Entry
}

func (b *onlyStretches) PutAll(_ context.Context, entries []domain.Entry) error {
	for _, e := range entries {
		if e.Key.Stretch > 0 {
			e.Value = slices.Clone(e.Value)
			b.all = append(b.all, e)
		}
	}
	return nil
}

// rebuildItem folds one item or product anew while everything goes on, compares it with
// what is stored, and replaces what differs.
func (e *engine) rebuildItem(ctx context.Context, wish console.RebuildWish, tell func(console.RebuildProgress)) (report console.RebuildReport, err error) {
	began := time.Now()
	b, err := e.itemBuild(ctx, wish)
	if err != nil {
		return report, err
	}
	epochs, err := e.app.conn.Epochs(ctx)
	if err != nil {
		return report, err
	}
	report.Epoch, report.Was = epochs.Current, epochs.Current
	at := e.catalog.Position()
	tell(console.RebuildProgress{Phase: "folding", Of: at})
	// Folding pauses only for what comes meanwhile.
	if err := b.fold(ctx, at); err != nil {
		return report, err
	}
	err = e.pause(ctx, func() error {
		report.Position = e.catalog.Position()
		if err := b.fold(ctx, report.Position); err != nil {
			return err
		}
		tell(console.RebuildProgress{Phase: "comparing", Position: report.Position, Of: report.Position})
		c := newComparing(e.publications, report.Position)
		var differ []domain.ProductID
		err := e.catalog.CompareStored(ctx, b.catalog, b.store, b.all(), e.app.rulesOf()(b.store), func(d projections.Difference) error {
			differ = append(differ, d.Product)
			return c.take(d)
		})
		report.Compared = c.found
		if err == nil {
			err = b.catalog.Flush(ctx)
		}
		if err != nil {
			return err
		}
		mended, err := e.catalog.StretchesToMend(ctx, b.stretches.all)
		report.Stretches = len(mended)
		if err != nil || wish.DryRun || len(differ)+len(mended) == 0 {
			return err
		}
		tell(console.RebuildProgress{Phase: "replacing", Position: report.Position, Of: report.Position})
		if err := b.replace(ctx, differ, mended, c.owed); err != nil {
			return err
		}
		report.Replaced = len(differ)
		return nil
	})
	s := b.handler.Stats()
	report.Events, report.DeadLetters, report.Products = s.Tally, s.DeadLetters, len(b.all())
	if err == nil && !wish.DryRun {
		settling, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleWithin)
		defer cancel()
		err = b.handler.Settle(settling, b.handler.Owed())
	}
	report.Seconds = time.Since(began).Seconds()
	if report.Replaced > 0 {
		e.app.log.Info("snapshots were replaced by what their events amount to", "store", b.store, "of", wish.Item, "products", report.Replaced)
	}
	return report, err
}

// itemBuild finds out what is asked for. An item that is in no product may have events
// nevertheless, which could not be used when they came.
func (e *engine) itemBuild(ctx context.Context, wish console.RebuildWish) (*itemBuild, error) {
	store, err := e.console.Store(string(wish.Store))
	if err != nil {
		return nil, err
	}
	b := &itemBuild{engine: e, store: store.ID, past: e.past()}
	m, err := e.catalog.Find(store.ID, wish.Item)
	switch {
	case err == nil:
		b.products = []domain.ProductID{m.Product}
		return b, nil
	case !errors.Is(err, domain.ErrNotFound):
		return nil, problem.New(http.StatusConflict, err.Error())
	}
	if n, countErr := e.app.conn.POS().Events().Count(ctx, store.ID, wish.Item); countErr != nil || n == 0 {
		return nil, errors.Join(countErr, err)
	}
	b.items = []domain.ItemID{domain.ItemID(wish.Item)}
	return b, nil
}

// fold folds, up to a position, what has had a say in the products, and in those that are
// found to have something to do with them. It may be called again for a later one.
func (b *itemBuild) fold(ctx context.Context, to domain.Position) error {
	for {
		places, err := b.past.Places(ctx, b.store, b.products, b.items, to, b.anew)
		if err != nil {
			return withHint(err, "tillstream rebuild, of everything")
		}
		if b.catalog == nil || !slices.Equal(places.Items, b.places.Items) {
			if err := b.begin(ctx); err != nil {
				return err
			}
		}
		b.places = places
		err = b.handler.BuildItems(ctx, b.store, places)
		if elsewhere, is := errors.AsType[*project.ElsewhereError](err); is && !b.anew {
			b.engine.app.log.Warn("a state says wrongly where its events lie", "store", b.store, "err", elsewhere)
			b.anew, b.catalog = true, nil
			continue
		}
		if err != nil {
			return err
		}
		if !b.widen() {
			b.catalog.Advance(to)
			return nil
		}
	}
}

// begin folds from nothing.
func (b *itemBuild) begin(ctx context.Context) error {
	a := b.engine.app
	modes := a.stockModes()
	var err error
	b.stretches = &onlyStretches{}
	b.catalog, err = a.folding.OpenCatalog(ctx, b.stretches, func(s domain.StoreID) domain.StockMode { return modes[s] }, 0, nil)
	if err == nil {
		b.handler = a.newHandler(b.catalog)
		b.handler.Applied = b.engine.publications.Apply
	}
	return err
}

// widen takes in products that the events speak of, and reports whether there is one of
// which the catalog knows items.
func (b *itemBuild) widen() bool {
	wider := false
	for _, id := range b.folded() {
		if slices.Contains(b.products, id) {
			continue
		}
		if _, known := b.engine.catalog.Summary(b.store, id); known {
			b.products, wider = append(b.products, id), true
		}
	}
	return wider
}

// folded are the products that have come out.
func (b *itemBuild) folded() []domain.ProductID {
	var out []domain.ProductID
	for _, s := range b.catalog.Products(b.store, "", b.catalog.Size(b.store)) {
		out = append(out, s.ID)
	}
	return out
}

// all are the products that have come out, and those that should have.
func (b *itemBuild) all() []domain.ProductID {
	all := slices.Concat(b.folded(), b.products)
	slices.Sort(all)
	return slices.Compact(all)
}

// replace stores what has come out, and records before what BigCommerce is to be told of
// it: whoever dies in between leaves a wish that waits for the state.
func (b *itemBuild) replace(ctx context.Context, differ []domain.ProductID, stretches []domain.Entry, owed []owedPush) error {
	states := make([]domain.Product, len(differ))
	for i, id := range differ {
		p, err := b.catalog.Product(ctx, b.store, id)
		if errors.Is(err, domain.ErrNotFound) {
			return problem.Newf(http.StatusConflict, "product %s of store %s is stored, and no event has made it", id, b.store).WithHint("tillstream rebuild, of everything")
		}
		if err != nil {
			return err
		}
		states[i] = p
	}
	e := b.engine
	why := urge{"its snapshot was not what its events amount to", "item", time.Now().UTC()}
	for some := range slices.Chunk(owed, streams.MaxGroup) {
		if err := e.app.want(ctx, why, b.store, some, e.publications); err != nil {
			return err
		}
	}
	if err := e.catalog.Replace(context.WithoutCancel(ctx), states, stretches); err != nil {
		return fmt.Errorf("replace %d snapshots: %w", len(states), err)
	}
	if e.index != nil {
		e.index.Look(b.store, differ...)
	}
	for _, id := range differ {
		e.wake(b.store, id)
	}
	return nil
}
