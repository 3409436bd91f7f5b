package main

import (
	"context"
	"encoding/json"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tillstream/tillstream/handlers/console"
)

// mostPatience is how long the shell waits for a completion, and mostCompleted
// how many products are looked at for one.
const (
	mostPatience  = 500 * time.Millisecond
	mostCompleted = mostOfPage
)

// completeItem completes ITEM with SKUs, asking a running program only: opening a
// data folder is too much for a press of a key.
func (c *cli) completeItem(cmd *cobra.Command, given []string, prefix string) ([]string, cobra.ShellCompDirective) {
	return c.completeState(cmd, "", given, prefix)
}

// completeHeld completes ITEM with what a guard holds.
func (c *cli) completeHeld(cmd *cobra.Command, given []string, prefix string) ([]string, cobra.ShellCompDirective) {
	return c.completeState(cmd, "held", given, prefix)
}

func (c *cli) completeState(cmd *cobra.Command, state string, given []string, prefix string) ([]string, cobra.ShellCompDirective) {
	var found []string
	c.ask(cmd, func(ctx context.Context, to *client) error {
		store, err := c.chooseStore(ctx, to)
		if err != nil {
			return err
		}
		_, err = (&storeClient{to, store}).eachPage(ctx, url.Values{"state": {state}}, mostCompleted, func(page []json.RawMessage) error {
			for _, raw := range page {
				var p console.ProductLine
				if err := json.Unmarshal(raw, &p); err != nil {
					return err
				}
				for _, sku := range p.SKUs {
					if !slices.Contains(given, string(sku)) {
						found = append(found, string(sku)+"\t"+oneLine(p.Name))
					}
				}
			}
			return nil
		})
		return err
	})
	return startingWith(found, prefix), cobra.ShellCompDirectiveNoFileComp
}

// completeLetters completes ID with the dead letters that are open.
func (c *cli) completeLetters(cmd *cobra.Command, given []string, prefix string) ([]string, cobra.ShellCompDirective) {
	var found []string
	c.ask(cmd, func(ctx context.Context, to *client) error {
		var list letterList
		if err := to.get(ctx, endpoint("v1", "deadletters"), nil, &list); err != nil {
			return err
		}
		for _, l := range list.DeadLetters {
			if id := strconv.FormatUint(uint64(l.ID), 10); !slices.Contains(given, id) {
				found = append(found, id+"\t"+brief(l.Reason))
			}
		}
		return nil
	})
	return startingWith(found, prefix), cobra.ShellCompDirectiveNoFileComp
}

// completeTokens completes ID with the tokens that are not revoked.
func (c *cli) completeTokens(cmd *cobra.Command, given []string, prefix string) ([]string, cobra.ShellCompDirective) {
	var found []string
	c.ask(cmd, func(ctx context.Context, to *client) error {
		store, err := c.chooseStore(ctx, to)
		if err != nil {
			return err
		}
		var list tokenList
		if err := to.get(ctx, (&storeClient{to, store}).path("tokens"), nil, &list); err != nil {
			return err
		}
		for _, t := range list.Tokens {
			if t.RevokedAt.IsZero() && !slices.Contains(given, t.ID) {
				found = append(found, t.ID+"\t"+oneLine(string(t.Role)+" "+t.Name))
			}
		}
		return nil
	})
	return startingWith(found, prefix), cobra.ShellCompDirectiveNoFileComp
}

func (c *cli) completeStores(cmd *cobra.Command, _ []string, prefix string) ([]string, cobra.ShellCompDirective) {
	var found []string
	c.ask(cmd, func(ctx context.Context, to *client) (err error) {
		found, err = to.stores(ctx)
		return err
	})
	return startingWith(found, prefix), cobra.ShellCompDirectiveNoFileComp
}

// ask asks the running program, if there is one. A completion that fails completes
// nothing; there is no place for a word about it.
func (c *cli) ask(cmd *cobra.Command, do func(context.Context, *client) error) {
	cfg, err := LoadConfig(cmd.Flags(), c.environ)
	if err != nil {
		return
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), mostPatience)
	defer cancel()
	server, token := cfg.Server, cfg.Token
	if server == "" {
		address := runningAt(cfg.Data)
		if address == "" {
			return
		}
		server = "http://" + address
	}
	if token == "" {
		token, _ = readToken(cfg.Data)
	}
	_ = do(ctx, newClient(server, token))
}

func startingWith(words []string, prefix string) []string {
	return slices.DeleteFunc(words, func(w string) bool { return !strings.HasPrefix(w, prefix) })
}
