package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/tillstream/tillstream/handlers/console"
)

func (c *cli) historyCommand() *cobra.Command {
	var chosen selection
	var newest, follow, pushes bool
	var limit int
	cmd := &cobra.Command{
		Use:   "history [ITEM]",
		Short: "Show the events of one item or product, or of a store, and what each changed",
		Long: `history prints every event of the item that ITEM names, in the order of the log, each
with what it changed of the item and its family. If ITEM is a product id, the events
are those of all items that are or were in it, while they were. An event that changed
nothing says why: it was older at its source than what was known (superseded), it
had been folded before (duplicate), or it could not be used (dead_letter).
--pushes puts between them what became of the product's pushes.

Without ITEM it prints the events of the whole store that are chosen: what somebody has
done, or what has come from somewhere. What each of them changed is looked up in the
events of its item, so it is for some thousands of them; tillstream replay is for all.

Each event has two times: when it happened in the POS, which is shown, and when it was
recorded, which is in --json. --from and --to are about the latter, or with --time
business about the former.
` + momentHelp,
		Example: `  tillstream history CK-121
  tillstream history CK-121 --newest -n 5
  tillstream history CK-121 --from 2h --type pos.stock --pushes
  tillstream history --actor user-4 --newest -n 20
  tillstream history CK-121 --json | jq -r 'select(.type=="pos.item.sold.v1") | .time'`,
		Args:              args(cobra.MaximumNArgs(1)),
		ValidArgsFunction: c.completeItem,
		RunE: func(cmd *cobra.Command, args []string) error {
			if limit < 0 {
				return misuse("--limit %d: must be 0, for all, or more", limit)
			}
			if follow && (newest || limit > 0 || chosen.to != "") {
				return misuse("--follow goes on for ever: it goes without --newest, --limit and --to")
			}
			if len(args) == 0 && (follow || pushes) {
				return withHint(misuse("--follow and --pushes are about one product: they go with ITEM"), cmd.CommandPath()+" ITEM --help; tillstream pushes -f follows what becomes of pushes")
			}
			if err := c.checkSelection(&chosen); err != nil {
				return err
			}
			query := chosen.query()
			for name, set := range map[string]bool{"newest": newest, "follow": follow, "pushes": pushes} {
				if set {
					query.Set(name, "true")
				}
			}
			if limit > 0 {
				query.Set("limit", strconv.Itoa(limit))
			}
			return c.sessionOfStoreToFollow(cmd, follow, func(ctx context.Context, to *storeClient) error {
				each := c.historyLine
				if c.json {
					each = pass(c.stdout)
				}
				path := to.path("history")
				if len(args) > 0 {
					path = to.path("products", args[0], "history")
				}
				err := to.told(ctx, call{method: http.MethodGet, path: path, query: query}, each)
				if follow && errors.Is(err, context.Canceled) {
					return nil // which is how following ends
				}
				return aboutItem(err)
			})
		},
	}
	cmd.Flags().BoolVar(&newest, "newest", false, "newest first")
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "go on with what is to come")
	cmd.Flags().BoolVar(&pushes, "pushes", false, "what became of pushes too")
	cmd.Flags().IntVarP(&limit, "limit", "n", 0, "at most so many lines; 0 for all")
	chosen.flags(cmd)
	return c.talksOfStore(c.reads(cmd))
}

func (c *cli) historyLine(raw json.RawMessage) error {
	var h console.HistoryLine
	if err := json.Unmarshal(raw, &h); err != nil {
		return fmt.Errorf("the answer %s: %w", raw, err)
	}
	out := c.stdout
	if h.Push != nil {
		why := ""
		if r := reason(h.Push); r != "" {
			why = "  " + r
		}
		out.line("SYNC %d  %s  %s  %s%s", h.Position, moment(h.Time), out.paint(bold, "push"), out.state(h.Outcome), why)
		return nil
	}
	by := oneLine(string(h.Source))
	if h.Actor != "" {
		by += " by " + oneLine(h.Actor)
	}
	out.line("%d  %s  %s  %s  %s  %s", h.Position, moment(h.Time), out.paint(bold, string(h.Type)), oneLine(string(h.Item)), by, out.state(h.Outcome))
	for _, change := range h.Changes {
		out.line("    %s: %s → %s", oneLine(change.Field), quoted(change.Before), quoted(change.After))
	}
	if h.Error != "" {
		out.line("    %s", out.paint(red, oneLine(h.Error)))
	}
	return nil
}

// mostOfField is how much of a value is shown among others.
const mostOfField = 60

// quoted shows a value of a field, shortened, and a dash for none.
func quoted(value string) string {
	value = oneLine(value)
	if value == "" {
		return "–"
	}
	if letters := []rune(value); len(letters) > mostOfField {
		value = string(letters[:mostOfField]) + "…"
	}
	return value
}
