package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"github.com/tillstream/tillstream/handlers/bigcommerce/simulator"
)

func (c *cli) simulateCommand() *cobra.Command {
	cmd := group(&cobra.Command{
		Use:   "simulate",
		Short: "Stand in for BigCommerce",
	})
	cmd.AddCommand(c.simulateBigCommerceCommand())
	return cmd
}

func (c *cli) simulateBigCommerceCommand() *cobra.Command {
	s := simulation{cli: c}
	cmd := &cobra.Command{
		Use:   "bigcommerce",
		Short: "Serve a simulated BigCommerce store",
		Long: `simulate bigcommerce serves a BigCommerce store with its rules, quota and faults,
to try tillstream on. It forgets everything when it ends.

A fault is the JSON of its control API, below /control: what to match, what goes
wrong ("status", "html", "partial", "closeBeforeCommit", "closeAfterCommit",
"truncate", "slow", "hang") and how often.`,
		Example: `  tillstream simulate bigcommerce --seed-catalog 100
  tillstream simulate bigcommerce --quota 150 --latency 80ms
  tillstream simulate bigcommerce --fault '{"match":"PUT /catalog/products","kind":"status","status":503,"count":2}'`,
		Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return s.run(cmd.Context()) },
	}
	f := cmd.Flags()
	f.StringVar(&s.addr, "addr", "127.0.0.1:8081", "`address` to serve at; a port of 0 takes a free one")
	f.StringVar(&s.config.StoreHash, "store-hash", "demo", "the store's `hash`")
	f.StringVar(&s.config.Token, "token", "demo", "the `token` that it takes")
	f.IntVar(&s.config.Quota, "quota", 0, "`requests` per window; 0 is without limit; BigCommerce has 150 or 450")
	f.DurationVar(&s.config.Window, "window", simulator.DefaultWindow, "length of the quota's window")
	f.DurationVar(&s.config.Latency, "latency", 0, "before a request takes effect")
	f.DurationVar(&s.config.InventoryLag, "inventory-lag", 0, "from the answer to when a stock level takes effect")
	f.Uint64Var(&s.config.Seed, "seed", 0, "`number` that makes what is left to chance repeatable")
	f.StringArrayVar(&s.faults, "fault", nil, "`JSON` of a fault; may be given several times")
	f.IntVar(&s.catalog, "seed-catalog", 0, "begin with so many `products`, with SKUs SIM-1, SIM-2, …")
	return cmd
}

// simulation is one simulated store being served.
type simulation struct {
	cli     *cli
	config  simulator.Config
	addr    string
	faults  []string
	catalog int
}

// mostRemembered bounds the memory of a simulator that runs for days.
const mostRemembered = 100_000

func (s *simulation) run(ctx context.Context) (err error) {
	store, err := s.store()
	if err != nil {
		return err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", s.addr)
	if err != nil {
		return withHint(err, "another address with --addr")
	}
	server := &http.Server{Handler: store, ReadHeaderTimeout: 10 * time.Second}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	s.introduce(listener.Addr().String())
	select {
	case err = <-served:
	case <-ctx.Done():
		store.Heal() // lets go of requests that hang
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		err = errors.Join(server.Shutdown(end), <-served)
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

func (s *simulation) store() (*simulator.Store, error) {
	if s.config.Quota < 0 || s.catalog < 0 || s.config.Window <= 0 || s.config.Latency < 0 || s.config.InventoryLag < 0 {
		return nil, misuse("--quota, --seed-catalog, --latency and --inventory-lag must be 0 or more, and --window above 0")
	}
	s.config.LogLimit = mostRemembered
	store := simulator.New(s.config)
	for _, text := range s.faults {
		var fault simulator.Fault
		if err := json.Unmarshal([]byte(text), &fault); err != nil {
			return nil, misuse("--fault %s: %w", text, err)
		}
		if err := store.Fail(fault); err != nil {
			return nil, misuse("--fault %s: %w", text, err)
		}
	}
	for i := range s.catalog {
		p := simulator.NewProduct(fmt.Sprintf("Simulated product %d", i+1), fmt.Sprintf("SIM-%d", i+1), float64(i%90+10))
		if err := store.Seed(p); err != nil {
			return nil, err
		}
	}
	return store, nil
}

// introduce says how to use it: on standard output what a shell can read, beside
// it what a person can.
func (s *simulation) introduce(addr string) {
	s.cli.stderr.line("a simulated BigCommerce store with %s; to push to it, set", count(s.catalog, "product"))
	s.cli.stdout.line("export TILLSTREAM_BIGCOMMERCE_API=http://%s", addr)
	s.cli.stdout.line("export TILLSTREAM_BIGCOMMERCE_STORE_HASH=%s", s.config.StoreHash)
	s.cli.stdout.line("export TILLSTREAM_BIGCOMMERCE_TOKEN=%s", s.config.Token)
}
