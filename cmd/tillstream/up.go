package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/lmittmann/tint"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/tillstream/tillstream/handlers/console"
)

func (c *cli) upCommand() *cobra.Command {
	demo := demoFlags{}
	rebuilds := false
	cmd := &cobra.Command{
		Use:   "up",
		Short: "Run: take events in, fold them, push to BigCommerce",
		Long: `Runs everything in one process until it is interrupted: the HTTP API, the broker
(unless --nats names one), folding, and pushing to BigCommerce.

One store needs no file: TILLSTREAM_STORE, TILLSTREAM_BIGCOMMERCE_STORE_HASH and
TILLSTREAM_BIGCOMMERCE_TOKEN (or _TOKEN_FILE) are enough. With --demo nothing is
needed: the account of an invented shop is simulated, read, linked against a
simulated BigCommerce, and a trading day is played in it.`,
		Example: `  tillstream up --demo
  tillstream up --config tillstream.yaml
  tillstream up --only ingest --nats tls://broker:4222`,
		Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if demo.play {
				return c.demo(cmd, demo)
			}
			cfg, err := LoadConfig(cmd.Flags(), c.environ)
			if err != nil {
				return &misuseError{err}
			}
			if err := cfg.Validate(cfg.Roles()); err != nil {
				return err
			}
			if isDemo(cfg.Data) {
				return withHint(fmt.Errorf("the data folder %s is that of the demo, and holds nothing else", cfg.Data), "rm -r "+cfg.Data+", or another folder with --data")
			}
			log := c.logger(cfg.Log)
			a, err := openApp(cmd.Context(), cfg, log)
			if err != nil {
				return err
			}
			a.rebuilds = rebuilds
			return a.serve(cmd.Context(), rolesOf(cfg.Roles()), func(s served) {
				log.Info("tillstream is up", "http", "http://"+s.http, "broker", s.broker, "data", cfg.Data, "stores", storeNames(cfg.Stores))
			})
		},
	}
	configFlags(cmd, "http", "only", "listen", "nats", "log.level", "log.format")
	cmd.Flags().BoolVar(&rebuilds, "rebuild-on-start", false, "when another version has folded the product states, fold them anew instead of refusing them")
	// Completing a flag cannot fail but for a flag that is not there.
	_ = cmd.RegisterFlagCompletionFunc("only", cobra.FixedCompletions(allRoles(), cobra.ShellCompDirectiveNoFileComp))
	demo.register(cmd.Flags())
	return cmd
}

func storeNames(stores []Store) []string {
	names := make([]string, len(stores))
	for i, s := range stores {
		names[i] = s.ID
	}
	return names
}

// logger writes to standard error: for people on a terminal, as lines of keys and
// values or JSON elsewhere.
func (c *cli) logger(cfg Log) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(cfg.Level)); err != nil {
		level = slog.LevelInfo // Validate has refused what cannot be read
	}
	switch {
	case cfg.Format == "json":
		return slog.New(slog.NewJSONHandler(c.stderr, &slog.HandlerOptions{Level: level}))
	case c.stderr.terminal:
		return slog.New(tint.NewTextHandler(c.stderr, &tint.Options{Level: level, TimeFormat: time.TimeOnly, NoColor: !c.stderr.colours}))
	}
	return slog.New(slog.NewTextHandler(c.stderr, &slog.HandlerOptions{Level: level}))
}

// served says where a running program is found.
type served struct{ http, broker string }

// Limits of the HTTP server. Bodies and answers may take long; a client that has
// begun a request has to finish its header.
const (
	headerTimeout = 10 * time.Second
	idleTimeout   = 2 * time.Minute
	maxHeader     = 64 << 10
	goodbye       = 5 * time.Second // for requests in progress at the end
)

// serve runs the app with its HTTP server until ctx ends, and closes it. Announce
// is called when both can be reached.
func (a *app) serve(ctx context.Context, roles roleSet, announce func(served)) (err error) {
	defer func() { err = errors.Join(err, a.close()) }()
	listener, err := net.Listen("tcp", a.cfg.HTTP)
	if err != nil {
		return withHint(fmt.Errorf("HTTP: %w", err), "another address with --http, such as 127.0.0.1:0 for a free port")
	}
	address := listener.Addr().(*net.TCPAddr)
	if err := a.lock.Describe(reachable(address)); err != nil {
		return errors.Join(err, listener.Close())
	}
	handler := a.handler()
	if address.IP.IsLoopback() {
		handler = console.LoopbackOnly(handler)
	}
	server := &http.Server{
		Handler: handler, ReadHeaderTimeout: headerTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeader,
		ErrorLog: slog.NewLogLogger(a.log.Handler(), slog.LevelWarn),
	}
	server.RegisterOnShutdown(func() { close(a.ending) })
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("HTTP: %w", err)
		}
		return nil
	})
	working, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	g.Go(func() error {
		// Requests first, then what they ask for.
		<-ctx.Done()
		defer stop()
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), goodbye)
		defer cancel()
		if err := server.Shutdown(end); err != nil {
			return server.Close()
		}
		return nil
	})
	g.Go(func() error { return a.run(working, roles) })
	announce(served{http: reachable(address), broker: a.conn.ClientURL()})
	return g.Wait()
}

// reachable is where this machine reaches a listener.
func reachable(a *net.TCPAddr) string {
	if a.IP.IsUnspecified() {
		return fmt.Sprintf("127.0.0.1:%d", a.Port)
	}
	return a.String()
}
