package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tillstream/tillstream/streams"
)

// need is what a command wants of the program that it talks to.
type need int

const (
	needReads  need = iota // look at what was folded
	needWrites             // append and fold
	needPushes             // also talk to BigCommerce
)

// talks gives a command the flags that say which program it talks to.
func (c *cli) talks(cmd *cobra.Command) *cobra.Command {
	configFlags(cmd, "server", "token_file", "nats")
	return cmd
}

// talksOfStore also lets it say which store it is about.
func (c *cli) talksOfStore(cmd *cobra.Command) *cobra.Command {
	c.talks(cmd)
	cmd.Flags().StringVar(&c.store, "store", "", "`id` of the store; may be left out when there is one ("+envPrefix+"STORE)")
	// Completing a flag cannot fail but for a flag that is not there.
	_ = cmd.RegisterFlagCompletionFunc("store", c.completeStores)
	return cmd
}

// session talks to a program for as long as do takes.
func (c *cli) session(cmd *cobra.Command, n need, do func(context.Context, *client) error) (err error) {
	cfg, err := c.config(cmd)
	if err != nil {
		return err
	}
	ctx := cmd.Context()
	to, end, err := c.connect(ctx, cfg, n)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, end()) }()
	return do(ctx, to)
}

// sessionOfStore does so about the store that is meant.
func (c *cli) sessionOfStore(cmd *cobra.Command, n need, do func(context.Context, *storeClient) error) error {
	return c.session(cmd, n, func(ctx context.Context, to *client) error {
		store, err := c.chooseStore(ctx, to)
		if err != nil {
			return err
		}
		return do(ctx, &storeClient{client: to, store: store})
	})
}

// sessionOfStoreToFollow does so for a read that may follow what is to come, which needs
// a program that goes on.
func (c *cli) sessionOfStoreToFollow(cmd *cobra.Command, follow bool, do func(context.Context, *storeClient) error) error {
	cfg, err := c.config(cmd)
	if err != nil {
		return err
	}
	return c.sessionOfStore(cmd, needReads, func(ctx context.Context, to *storeClient) error {
		if follow && to.own && cfg.NATS.URL == "" {
			return withHint(errors.New("no tillstream runs on this data folder, so there is nothing to follow"), "tillstream up")
		}
		return do(ctx, to)
	})
}

// connect finds the program to talk to: the server that is set, the one that
// holds the data folder, or one in this process. The function that it returns
// ends what it began.
func (c *cli) connect(ctx context.Context, cfg Config, n need) (*client, func() error, error) {
	nothing := func() error { return nil }
	if cfg.Server != "" {
		token := cfg.Token
		if token == "" {
			token, _ = readToken(cfg.Data) // without one, the server says what it lacks
		}
		return newClient(cfg.Server, token), nothing, nil
	}
	if n == needReads {
		if err := noFolder(cfg); err != nil {
			return nil, nil, err
		}
	}
	if len(cfg.Stores) == 0 && runningAt(cfg.Data) == "" {
		return nil, nil, noStore()
	}
	handler, token, end, err := openInProcess(ctx, cfg, n)
	var locked *streams.LockedError
	switch {
	case errors.As(err, &locked) && locked.Holder.Address != "":
		token, err := readToken(cfg.Data)
		if err != nil {
			return nil, nil, err
		}
		return newClient("http://"+locked.Holder.Address, token), nothing, nil
	case errors.As(err, &locked):
		return nil, nil, withHint(err, "the same again in a moment: it is starting, or another command is at work")
	case err != nil:
		return nil, nil, err
	}
	to, stop := inMemory(handler, Secret(token))
	return to, func() error { return errors.Join(stop(), end()) }, nil
}

// noFolder refuses a data folder that is not there, for what has to find something in it.
func noFolder(cfg Config) error {
	if cfg.NATS.URL != "" {
		return nil
	}
	if _, err := os.Stat(cfg.Data); errors.Is(err, fs.ErrNotExist) {
		return withHint(fmt.Errorf("there is no data folder %s", cfg.Data), "tillstream up, or name the folder with --data, or a running program with --server")
	}
	return nil
}

// readToken reads the API token of the program that holds a data folder.
func readToken(data string) (Secret, error) {
	b, err := os.ReadFile(tokenFile(data))
	if err != nil {
		return "", withHint(fmt.Errorf("the API's token: %w", err), "the command as the user who runs tillstream up")
	}
	return Secret(strings.TrimSpace(string(b))), nil
}

// runningAt returns the address of the program that holds a data folder, or held
// it when it was killed; "" when none is known.
func runningAt(data string) string {
	holder, err := streams.ReadHolder(data)
	if err != nil {
		return ""
	}
	return holder.Address
}

func noStore() error {
	return withHint(misuse("no store is set"), "set "+envPrefix+"STORE, or list stores in a file (--config)")
}

// chooseStore returns the store that is named, or the only one there is.
func (c *cli) chooseStore(ctx context.Context, to *client) (string, error) {
	if c.store != "" {
		return c.store, nil
	}
	if store := c.getenv(envPrefix + "STORE"); store != "" {
		return store, nil
	}
	stores, err := to.stores(ctx)
	switch {
	case err != nil:
		return "", err
	case len(stores) == 1:
		return stores[0], nil
	case len(stores) == 0:
		return "", noStore()
	}
	return "", withHint(misuse("there are several stores: %s", strings.Join(stores, ", ")), "--store "+stores[0])
}
