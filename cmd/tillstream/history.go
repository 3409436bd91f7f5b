package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/tillstream/tillstream/handlers/console"
)

func (c *cli) historyCommand() *cobra.Command {
	var newest bool
	var limit int
	cmd := &cobra.Command{
		Use:   "history ITEM",
		Short: "Show the events of one item or product, and what each changed",
		Long: `history prints every event of the item that ITEM names, or of all items of the
product, in the order of the log, each with what it changed. An event that changed
nothing says why: it was older at its source than what was known (superseded), it
had been folded before (duplicate), or it could not be used (dead_letter).`,
		Example: `  tillstream history CK-121
  tillstream history CK-121 --newest -n 5
  tillstream history CK-121 --json | jq -r 'select(.type=="pos.item.sold.v1") | .time'`,
		Args:              args(cobra.ExactArgs(1)),
		ValidArgsFunction: c.completeItem,
		RunE: func(cmd *cobra.Command, args []string) error {
			if limit < 0 {
				return misuse("--limit %d: must be 0, for all, or more", limit)
			}
			query := url.Values{}
			if newest {
				query.Set("newest", "true")
			}
			if limit > 0 {
				query.Set("limit", strconv.Itoa(limit))
			}
			return c.sessionOfStore(cmd, needReads, func(ctx context.Context, to *storeClient) error {
				each := c.historyLine
				if c.json {
					each = pass(c.stdout)
				}
				return aboutItem(to.lines(ctx, call{method: http.MethodGet, path: to.path("products", args[0], "history"), query: query}, each))
			})
		},
	}
	cmd.Flags().BoolVar(&newest, "newest", false, "newest first")
	cmd.Flags().IntVarP(&limit, "limit", "n", 0, "at most so many events; 0 for all")
	return c.talksOfStore(c.reads(cmd))
}

func (c *cli) historyLine(raw json.RawMessage) error {
	var h console.HistoryLine
	if err := json.Unmarshal(raw, &h); err != nil {
		return fmt.Errorf("the answer %s: %w", raw, err)
	}
	out := c.stdout
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
