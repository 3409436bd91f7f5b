package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/sync/errgroup"
)

// demoStore is the store of the demo.
const demoStore = "demo"

// demoDay is how long the demo's trading day takes unless told otherwise.
const demoDay = 2 * time.Minute

// demoSeed is a day without long pauses in which each trigger meets a linked product.
const demoSeed = 27

type demoFlags struct {
	play bool
	day  time.Duration
	exit bool
	seed uint64
}

func (d *demoFlags) register(flags *pflag.FlagSet) {
	flags.BoolVar(&d.play, "demo", false, "play a trading day between a simulated X-Series account and a simulated BigCommerce")
	flags.DurationVar(&d.day, "day", demoDay, "how long the demo's trading day takes")
	flags.BoolVar(&d.exit, "exit", false, "end when the demo's day is over")
	flags.Uint64Var(&d.seed, "seed", demoSeed, "`number` that chooses what happens in the demo")
}

// The demo's folder is begun anew each time, since the simulated BigCommerce
// forgets. A file marks it, so that nobody's own data is taken for it.
func demoMark(data string) string { return filepath.Join(data, "demo") }

func isDemo(data string) bool {
	_, err := os.Stat(demoMark(data))
	return err == nil
}

// freshDemoFolder makes an empty, marked folder, and refuses one with anything
// else in it.
func freshDemoFolder(data string) error {
	entries, err := os.ReadDir(data)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return fmt.Errorf("data folder: %w", err)
	case len(entries) > 0 && !isDemo(data):
		return withHint(fmt.Errorf("the data folder %s holds something that is not the demo's", data), "tillstream up --demo --data .tillstream-demo")
	}
	if err := os.RemoveAll(data); err != nil {
		return fmt.Errorf("data folder: %w", err)
	}
	if err := os.MkdirAll(data, 0o700); err != nil {
		return fmt.Errorf("data folder: %w", err)
	}
	return os.WriteFile(demoMark(data), []byte("tillstream up --demo begins this folder anew each time\n"), 0o600)
}

// demo plays the trading day.
func (c *cli) demo(cmd *cobra.Command, flags demoFlags) error {
	if flags.day <= 0 {
		return misuse("--day %s: must be above 0, such as 2m", flags.day)
	}
	cfg, err := LoadConfig(cmd.Flags(), []string{})
	if err != nil {
		return &misuseError{err}
	}
	if set := c.getenv(envPrefix + "DATA"); set != "" && !cmd.Flags().Changed("data") {
		cfg.Data = set
	}
	if set := c.getenv(envPrefix + "HTTP"); set != "" && !cmd.Flags().Changed("http") {
		cfg.HTTP = set
	}
	if !cmd.Flags().Changed("log-level") {
		cfg.Log.Level = "warn" // the demo tells its own story
	}
	shop, err := openDemoShop(flags.day)
	if err != nil {
		return err
	}
	defer shop.close()
	account, err := openDemoAccount(flags)
	if err != nil {
		return err
	}
	defer account.close()
	store := defaultStore()
	store.ID, store.Outlets = demoStore, map[string]int64{}
	store.BigCommerce.API, store.BigCommerce.StoreHash, store.BigCommerce.Token = shop.url, demoStore, Secret(shop.token)
	account.connect(&store)
	cfg.Stores = []Store{store}
	if err := cfg.Validate(allRoles()); err != nil {
		return err
	}
	return c.playDemo(cmd.Context(), cfg, newDemoRun(c, shop, account, flags))
}

// playDemo runs the program and the demo side by side, until the day is over or,
// as it is by default, until it is interrupted after that.
func (c *cli) playDemo(ctx context.Context, cfg Config, demo *demoRun) error {
	if holder := runningAt(cfg.Data); holder != "" {
		// Taking the lock tells a living holder from a dead one.
		a, err := openApp(ctx, cfg, c.logger(cfg.Log))
		if err != nil {
			return err
		}
		if err := a.close(); err != nil {
			return err
		}
	}
	if err := freshDemoFolder(cfg.Data); err != nil {
		return err
	}
	a, err := openApp(ctx, cfg, c.logger(cfg.Log))
	if err != nil {
		return err
	}
	demo.app = a
	a.watch, a.heard = demo.outcome, demo.journal.note
	ctx, over := context.WithCancel(ctx)
	defer over()
	g, ctx := errgroup.WithContext(ctx)
	at := make(chan served, 1)
	g.Go(func() error { return a.serve(ctx, rolesOf(allRoles()), func(s served) { at <- s }) })
	g.Go(func() error { return demo.pos.account.Run(ctx) })
	g.Go(func() error {
		select {
		case <-ctx.Done():
			return nil
		case demo.at = <-at:
		}
		err := demo.play(ctx)
		if demo.flags.exit || err != nil {
			over()
		}
		return ended(ctx, err)
	})
	return g.Wait()
}
