package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/streams"
)

// leaseWait is how long a rebuild waits for the leases unless told otherwise: long
// enough to follow an owner that died.
const leaseWait = streams.DefaultLeaseTTL + 5*time.Second

func (c *cli) rebuildCommand() *cobra.Command {
	var wait time.Duration
	cmd := &cobra.Command{
		Use:   "rebuild",
		Short: "Fold the logs anew into what every product is",
		Long: `rebuild removes the current product states and publications, and folds them anew
from the logs, which it does not touch. It mends a projection that is refused at the
start, because it is damaged or of another version of tillstream. Nothing is pushed
for it: BigCommerce has what the same events came to before.

No tillstream may run on the data folder meanwhile, nor own a store on the cluster.
When it is interrupted, the next start folds the rest.`,
		Example: `  tillstream rebuild --dry-run
  tillstream rebuild`,
		Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if wait <= 0 {
				return misuse("--wait %s: must be above 0", wait)
			}
			cfg, err := c.config(cmd, roleProject)
			if err != nil {
				return err
			}
			if isDemo(cfg.Data) {
				return withHint(fmt.Errorf("the data folder %s is that of the demo, which begins it anew each time", cfg.Data), "tillstream up --demo, or another folder with --data")
			}
			return c.rebuild(cmd.Context(), cfg, wait)
		},
	}
	configFlags(cmd, "nats", "log.level", "log.format")
	cmd.Flags().DurationVar(&wait, "wait", leaseWait, "on a cluster, how long to wait for the owner to end")
	return c.writes(cmd)
}

func (c *cli) rebuild(ctx context.Context, cfg Config, wait time.Duration) (err error) {
	a, err := openChecked(ctx, cfg, c.logger(cfg.Log), (*streams.Conn).EnsureLogs)
	if locked, ok := errors.AsType[*streams.LockedError](err); ok {
		return withHint(locked, "stop it, and then tillstream rebuild again")
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.close()) }()
	if err := a.knowsAll(ctx); err != nil {
		return err
	}
	events, err := a.conn.POS().Last(ctx)
	if err != nil {
		return err
	}
	if c.dryRun {
		c.stdout.line("would fold %s of the POS log anew; nothing done", count(int(events), "event"))
		return nil
	}
	if !a.embedded() {
		own, err := a.ownWithin(ctx, wait)
		if err != nil {
			return err
		}
		defer own.release(context.WithoutCancel(ctx), a.log)
		ctx = own.ctx
	}
	began := c.now()
	bar := c.newProgress("rebuild", 0)
	e, err := a.rebuild(ctx, func(at domain.Position) {
		bar.step("%s of %s", thousands(int(at)), count(int(events), "event"))
	})
	if err != nil {
		return withHint(fmt.Errorf("rebuild: %w", err), "tillstream rebuild again; the next start of tillstream up would fold the rest, too")
	}
	s := e.project.Stats()
	products := 0
	for _, store := range cfg.Stores {
		products += e.catalog.Size(domain.StoreID(store.ID))
	}
	c.stdout.line("%s in %.1f seconds", sentence(
		count(int(s.Position), "event")+" read",
		thousands(int(s.Tally.Folded))+" folded", some(int(s.Tally.Superseded), "superseded"), some(int(s.Tally.Duplicate), "duplicate"), some(int(s.DeadLetters), "of no use (tillstream deadletters list)"),
		count(products, "product")), c.now().Sub(began).Seconds())
	return nil
}

// knowsAll refuses when what is there to be removed is of a store that is not
// configured: its events could not be folded again.
func (a *app) knowsAll(ctx context.Context) error {
	stores, err := a.conn.Products(productsEpoch).Stores(ctx)
	if err != nil {
		return err
	}
	for _, id := range stores {
		if !slices.ContainsFunc(a.cfg.Stores, func(s Store) bool { return domain.StoreID(s.ID) == id }) {
			return withHint(misuse("there are products of store %q, which is not configured, and would be lost to a rebuild", id),
				"configure it as it was, under stores in a file (--config); it needs no BigCommerce credentials for this")
		}
	}
	return nil
}

// ownWithin takes the leases of a cluster, or says who has them.
func (a *app) ownWithin(ctx context.Context, wait time.Duration) (ownership, error) {
	roles := rolesOf([]string{roleProject, rolePublish})
	working, end := context.WithCancel(ctx)
	late := time.AfterFunc(wait, end)
	own, err := a.own(working, roles)
	own.end = end
	inTime := late.Stop()
	if inTime && err == nil {
		return own, nil
	}
	own.release(context.WithoutCancel(ctx), a.log)
	if inTime || ctx.Err() != nil {
		return ownership{}, err
	}
	var holders []string
	for _, role := range []string{roleProject, rolePublish} {
		if holder, err := a.conn.LeaseHolder(ctx, role); err == nil && holder != "" {
			holders = append(holders, fmt.Sprintf("%s by %s", role, holder))
		}
	}
	return ownership{}, withHint(fmt.Errorf("the leases are still held after %s: %s", wait, sentence(holders...)),
		"stop every tillstream that projects or publishes, and then tillstream rebuild again")
}

// rebuild drops the projections and folds the logs into new ones. Tell is called
// with how far it is. When ctx ends, what is folded is stored, and so is how far.
func (a *app) rebuild(ctx context.Context, tell func(domain.Position)) (*engine, error) {
	if err := errors.Join(a.conn.DropProducts(ctx, productsEpoch), a.conn.DropPublications(ctx)); err != nil {
		return nil, err
	}
	if err := a.conn.Ensure(ctx); err != nil {
		return nil, err
	}
	e, err := newEngine(ctx, a, roleSet{})
	if err != nil {
		return nil, err
	}
	g, working := errgroup.WithContext(ctx)
	folding, stop := context.WithCancel(working)
	g.Go(func() error { return e.project.Run(folding) })
	g.Go(func() error {
		defer stop()
		if !e.caughtUp(working, tell) {
			return context.Cause(working)
		}
		return nil
	})
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return e, e.publications.Flush(ctx)
}
