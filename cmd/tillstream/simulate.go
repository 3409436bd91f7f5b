package main

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/sync/errgroup"

	"github.com/tillstream/tillstream/handlers/bigcommerce/simulator"
)

func (c *cli) simulateCommand() *cobra.Command {
	cmd := group(&cobra.Command{
		Use:   "simulate",
		Short: "Stand in for BigCommerce, or for a POS",
	})
	cmd.AddCommand(c.simulateBigCommerceCommand(), c.simulatePOSCommand())
	return cmd
}

func (c *cli) simulateBigCommerceCommand() *cobra.Command {
	s := simulation{cli: c}
	cmd := &cobra.Command{
		Use:   "bigcommerce",
		Short: "Serve a simulated BigCommerce store",
		Long: `simulate bigcommerce serves a BigCommerce store with its rules, quota, webhooks
and faults, to try tillstream on. It forgets everything when it ends.

A fault is JSON: what to match, what goes wrong, and how often. Kinds that come
instead of what was asked: "status" and "html" (with a status), "revoked",
"connect", "hang", "closeBeforeCommit". Kinds that spoil the reply to what was
done: "closeAfterCommit", "commitLater", "late" and "dribble" (with a delay),
"truncate", "huge", "invalidUTF8", "stringIDs", "partial". Kinds that come before it: "slow"
(with a delay), "productDeleted", "productRecreated", "nameTaken", "quota". It
may "skip" requests, meet a "count" of them or some with a "probability", and
begin "after" a time and last "for" one.

While it runs, faults, settings and the merchant's edits are at hand below
/control, with the token in X-Auth-Token; GET /control lists what there is.`,
		Example: `  tillstream simulate bigcommerce --seed-catalog 100
  tillstream simulate bigcommerce --quota 150 --latency 80ms --other-app-share 0.3
  tillstream simulate bigcommerce --fault '{"match":"PUT /catalog/products","kind":"status","status":429,"count":2}'
  tillstream simulate bigcommerce --fault '{"kind":"html","status":503,"after":"5m","for":"1h"}' --time-scale 60`,
		Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return s.run(cmd.Context()) },
	}
	s.register(cmd.Flags())
	return cmd
}

// simulation is one simulated store being served.
type simulation struct {
	cli               *cli
	config            simulator.Config
	addr              string
	endpoints, faults []string
	catalog, variants int
}

func (s *simulation) register(f *pflag.FlagSet) {
	c := &s.config
	f.StringVar(&s.addr, "addr", "127.0.0.1:8081", "`address` to serve at; a port of 0 takes a free one")
	f.StringVar(&c.StoreHash, "store-hash", "demo", "the store's `hash`")
	f.StringVar(&c.Token, "token", "demo", "the `token` that it takes")
	f.StringVar(&c.ClientID, "client-id", "demo-client", "the API account's client `id`")
	f.StringVar(&c.ClientSecret, "client-secret", "demo-secret", "the `secret` that its webhooks are signed with")
	f.StringSliceVar(&c.Scopes, "scope", nil, "`scopes` of the token, such as store_v2_products,store_inventory; without it, all")

	f.IntVar(&c.Quota, "quota", 0, "`requests` per window; 0 is without limit; BigCommerce has 150 or 450")
	f.DurationVar(&c.Window, "window", simulator.DefaultWindow, "length of the quota's window")
	f.Float64Var(&c.OtherAppShare, "other-app-share", 0, "`part` of the quota that another app spends, 0 to 1")
	f.Float64Var(&c.OtherAppRate, "other-app-rate", 0, "`requests` per second that another app sends")
	f.IntVar(&c.ConcurrencyLimit, "concurrency-limit", 0, "`requests` in progress from which on others get 429; 0 is without limit")
	f.StringArrayVar(&s.endpoints, "endpoint-limit", nil, "the same for one endpoint, as `'METHOD PATTERN=REQUESTS'`; may be given several times")

	f.DurationVar(&c.Latency, "latency", 0, "before a request takes effect")
	f.DurationVar(&c.LatencyP99, "latency-p99", 0, "makes --latency the median, and this what one request in a hundred exceeds")
	f.DurationVar(&c.InventoryLag, "inventory-lag", 0, "from the answer to when a stock level takes effect")
	f.BoolVar(&c.SaveGoodRows, "save-good-rows", false, "keep the good rows of a product batch with a bad one")
	f.Int64SliceVar(&c.Locations, "locations", []int64{1}, "`ids` of the locations that have stock, the default one first")

	f.DurationVar(&c.WebhookDelay, "webhook-delay", 0, "from a change to its event; 0 is BigCommerce's 3 to 4 seconds")
	f.Float64Var(&c.WebhookDuplicates, "webhook-duplicates", 0, "`part` of the events that are sent twice, 0 to 1")
	f.Float64Var(&c.WebhookReordering, "webhook-reordering", 0, "`part` of the events that are late and overtaken, 0 to 1")
	f.BoolVar(&c.WebhookLoopback, "webhook-loopback", false, "let webhooks go to this machine, at any port and without TLS")

	f.StringArrayVar(&s.faults, "fault", nil, "`JSON` of a fault; may be given several times")
	f.Uint64Var(&c.Seed, "seed", 0, "`number` that makes what is left to chance repeatable")
	f.Float64Var(&c.TimeScale, "time-scale", 1, "how many `times` faster simulated time passes: every duration is divided by it")
	f.IntVar(&s.catalog, "seed-catalog", 0, "begin with so many `products`, with SKUs SIM-1, SIM-2, …")
	f.IntVar(&s.variants, "seed-variants", 0, "give each of them so many `variants`, with SKUs SIM-1-1, SIM-1-2, …")
}

// mostRemembered bounds the memory of a simulator that runs for days.
const mostRemembered = 10_000

func (s *simulation) run(ctx context.Context) error {
	store, err := s.store()
	if err != nil {
		return err
	}
	return serveSimulator(ctx, s.addr, store, s.introduce, store.Run)
}

// stand is a stand-in that can be served.
type stand interface {
	http.Handler
	// Heal lets go of requests that hang.
	Heal()
}

// serveSimulator serves a stand-in, and what runs beside it, until ctx ends. It
// introduces it once it can be reached.
func serveSimulator(ctx context.Context, addr string, s stand, introduce func(addr string), beside ...func(context.Context) error) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		return withHint(err, "another address with --addr")
	}
	server := &http.Server{Handler: s, ReadHeaderTimeout: headerTimeout}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	introduce(reachable(listener.Addr().(*net.TCPAddr)))
	for _, run := range beside {
		g.Go(func() error { return run(ctx) })
	}
	g.Go(func() error {
		<-ctx.Done()
		s.Heal()
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		return server.Shutdown(end)
	})
	return g.Wait()
}

func (s *simulation) store() (*simulator.Store, error) {
	s.config.LogLimit = mostRemembered
	if s.config.Window <= 0 || s.config.TimeScale <= 0 {
		return nil, misuse("--window and --time-scale must be above 0")
	}
	for _, text := range s.endpoints {
		at := strings.LastIndex(text, "=")
		limit, err := strconv.Atoi(text[at+1:])
		if at < 0 || err != nil {
			return nil, misuse("--endpoint-limit %s: want METHOD PATTERN=REQUESTS, such as 'PUT /catalog/products=3'", text)
		}
		if s.config.EndpointLimits == nil {
			s.config.EndpointLimits = map[string]int{}
		}
		s.config.EndpointLimits[text[:at]] = limit
	}
	for _, text := range s.faults {
		var fault simulator.Fault
		if err := json.Unmarshal([]byte(text), &fault); err != nil {
			return nil, misuse("--fault %s: %w", text, err)
		}
		if err := (simulator.Config{Faults: []simulator.Fault{fault}}).Check(); err != nil {
			return nil, misuse("--fault %s: %w", text, err)
		}
		s.config.Faults = append(s.config.Faults, fault)
	}
	if err := s.config.Check(); err != nil {
		return nil, misuse("--%s", strings.NewReplacer("endpoint_limits", "endpoint-limit", "_", "-", "\n", "; --").Replace(err.Error()))
	}
	store := simulator.New(s.config)
	if err := store.SeedCatalog(s.catalog, s.variants); err != nil {
		return nil, misuse("--seed-catalog and --seed-variants: %w", err)
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
