package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/console"
	"github.com/tillstream/tillstream/handlers/project"
	"github.com/tillstream/tillstream/projections"
)

// rebuildAlone rebuilds while no tillstream projects or publishes: its caller has the
// data folder, or the leases of the cluster. It also folds the publications anew.
func (a *app) rebuildAlone(ctx context.Context, wish console.RebuildWish, tell func(console.RebuildProgress)) (report console.RebuildReport, err error) {
	if wish.Forget {
		return a.forget(ctx, wish.DryRun)
	}
	b := &epochBuild{app: a, wish: wish, tell: tell, hears: true}
	last, err := a.conn.POS().Last(ctx)
	if err != nil {
		return report, err
	}
	if wish.At > last {
		return report, misuse("--at %d: the log ends at position %d", wish.At, last)
	}
	if b.publications, err = a.publicationsAnew(ctx, b.looks()); err != nil {
		return report, err
	}
	defer func() {
		if b.looks() {
			err = errors.Join(err, b.discard(ctx))
		}
	}()
	if err := b.begin(ctx); err != nil {
		return b.report, err
	}
	if err := b.foldFirst(ctx, last); err != nil {
		return b.report, err
	}
	current, to, err := b.opponent(ctx, last)
	if err != nil {
		return b.report, err
	}
	if current != nil {
		if b.report.Resumed && b.catalog.Position() > current.Position() {
			// What was found to differ is lost with the process that found it.
			if err := b.restart(ctx); err != nil {
				return b.report, err
			}
		}
		if err := b.fold(ctx, current.Position()); err != nil {
			return b.report, err
		}
		if err := b.compare(ctx, current); err != nil {
			return b.report, err
		}
	}
	if err := errors.Join(b.fold(ctx, to), b.sum()); err != nil || b.looks() {
		return b.report, err
	}
	if b.heard != nil {
		if err := project.KeepSources(ctx, a.conn, b.heard); err != nil {
			return b.report, err
		}
	}
	if err := b.switchOver(ctx); err != nil {
		return b.report, err
	}
	err = errors.Join(b.settle(ctx), b.publications.Flush(ctx))
	if err == nil {
		a.leaveHints(ctx, b.catalog, b.publications)
	}
	if !a.rebuilds { // else the engine that starts sees to it, without keeping anybody waiting
		b.report.Index = a.reindexAlone(ctx, b.epoch, b.catalog, b.publications, tell)
	}
	return b.report, err
}

// foldFirst folds as far as the current epoch is stored, before that is in memory, too: each
// takes as much as the other, and the garbage collector goes through both.
func (b *epochBuild) foldFirst(ctx context.Context, last domain.Position) error {
	there, err := b.app.conn.ProductsEpochs(ctx)
	if err != nil || !slices.Contains(there, b.record.Current) {
		return err
	}
	at, err := projections.StoredPosition(ctx, b.app.conn.Products(b.record.Current).Snapshots())
	if err != nil {
		return nil // it cannot be read, which opponent finds out
	}
	if b.wish.At > 0 {
		last = b.wish.At
	}
	return b.fold(ctx, min(at, last))
}

// opponent is the current epoch as far as it can be compared with, nil for not at all,
// and how far the new one is to be folded.
func (b *epochBuild) opponent(ctx context.Context, last domain.Position) (*projections.Catalog, domain.Position, error) {
	current, why, err := b.app.currentCatalog(ctx, b.record.Current, last)
	if err == nil && current != nil && b.wish.Rollback && current.Position() < b.catalog.Position() {
		// A rollback that was interrupted has folded the other one, which cannot be taken
		// back to where this is.
		h := b.app.newHandler(current)
		if err = h.Build(ctx, b.catalog.Position(), project.BuildOptions{Workers: b.app.workers}); err == nil {
			err = h.Settle(ctx, h.Owed())
		}
	}
	if err != nil {
		return nil, 0, err
	}
	to := last
	switch {
	case current == nil:
	case b.wish.At > 0 && current.Position() != b.wish.At:
		current, why = nil, fmt.Sprintf("the current epoch is at position %d", current.Position())
	case b.wish.DryRun:
		to = current.Position()
	}
	if b.wish.At > 0 {
		to = b.wish.At
	}
	b.report.NotCompared = why
	return current, to, nil
}

// currentCatalog opens the current epoch to compare with it, where it is: to fold it to
// the end of the log would take longer than the rebuild when much is left. It returns nil
// when it cannot be read, and why.
func (a *app) currentCatalog(ctx context.Context, epoch uint64, last domain.Position) (*projections.Catalog, string, error) {
	there, err := a.conn.ProductsEpochs(ctx)
	if err != nil {
		return nil, "", err
	}
	if !slices.Contains(there, epoch) {
		return nil, "there is no epoch before it", nil
	}
	if err := a.conn.EnsureProducts(ctx, epoch); err != nil {
		return nil, err.Error(), nil
	}
	c, err := a.openCatalog(ctx, a.folding, epoch, nil)
	otherwise := projections.IsOtherFolding(err)
	if otherwise {
		c, err = a.openAsFolded(ctx, epoch, err)
	}
	switch {
	case ctx.Err() != nil:
		return nil, "", ctx.Err()
	case err != nil:
		return nil, fmt.Sprintf("epoch %d cannot be read: %v", epoch, err), nil
	case c.Position() > last:
		return nil, fmt.Sprintf("epoch %d is at position %d, and the log ends at %d", epoch, c.Position(), last), nil
	case otherwise:
		if _, err := c.Tree(); err != nil {
			return nil, fmt.Sprintf("epoch %d was left unfinished by another version of tillstream", epoch), nil
		}
	}
	return c, "", nil
}

// openAsFolded opens an epoch that was folded otherwise than this program would, to look
// at it. The error says how.
func (a *app) openAsFolded(ctx context.Context, epoch uint64, how error) (c *projections.Catalog, err error) {
	folding, modes := a.folding, a.stockModes()
	for err = how; projections.IsOtherFolding(err); {
		if other, is := errors.AsType[*projections.FormatError](err); is {
			folding = projections.Folding{Format: other.Stored, Fold: a.folding.Fold}
		}
		if other, is := errors.AsType[*projections.ModesError](err); is {
			maps.Copy(modes, other.Stored)
		}
		c, err = a.openCatalogBy(ctx, folding, modes, epoch, nil)
	}
	return c, err
}

// publicationsAnew folds the publications from the SYNC log. What is only for looking
// leaves their bucket alone.
func (a *app) publicationsAnew(ctx context.Context, looks bool) (*projections.Publications, error) {
	if looks {
		p, err := projections.OpenPublications(ctx, a.conn.Publications().Snapshots(), a.conn.Sync().Events(), nil)
		if err == nil || ctx.Err() != nil {
			return p, err
		}
		return projections.OpenPublications(ctx, noBucket{}, a.conn.Sync().Events(), nil)
	}
	if err := a.conn.DropPublications(ctx); err != nil {
		return nil, err
	}
	if err := a.conn.Ensure(ctx); err != nil {
		return nil, err
	}
	p, err := projections.OpenPublications(ctx, a.conn.Publications().Snapshots(), a.conn.Sync().Events(), nil)
	if err == nil {
		err = p.Flush(ctx) // what is yet to be stored costs memory, and the rebuild takes long
	}
	return p, err
}

// noBucket holds nothing and keeps nothing.
type noBucket struct{}

func (noBucket) Get(context.Context, domain.Key) (domain.Entry, error) {
	return domain.Entry{}, domain.ErrNotFound
}
func (noBucket) FromPage(context.Context, uint64, ...domain.Key) ([]domain.Entry, error) {
	return nil, domain.ErrNotFound
}
func (noBucket) PutAll(context.Context, []domain.Entry) error   { return nil }
func (noBucket) PutPages(context.Context, []domain.Entry) error { return nil }
func (noBucket) Extent(context.Context) (domain.Extent, error)  { return domain.Extent{}, nil }
func (noBucket) Scan(context.Context, domain.StoreID, uint64, func(domain.Entry) error) error {
	return nil
}
