package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/tillstream/tillstream/handlers/console"
)

func (c *cli) deadLettersCommand() *cobra.Command {
	cmd := group(&cobra.Command{
		Use:   "deadletters",
		Short: "Events that could not be used: list, show, requeue, drop",
		Long: `A dead letter is an event that could not be decoded or folded, kept whole, with
the reason. While one of a product's events is a dead letter, its item is
quarantined: the product is not pushed, because its state may be wrong.

Mend the cause and requeue it, or decide that it stays unused and drop it.`,
		Example: `  tillstream deadletters list
  tillstream deadletters show 3
  tillstream deadletters drop 3 --reason 'sent twice by till 4'`,
	})
	cmd.AddCommand(c.listDeadLettersCommand(), c.showDeadLetterCommand(), c.requeueCommand(), c.dropCommand())
	return cmd
}

func (c *cli) listDeadLettersCommand() *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List events that could not be used",
		Args:  args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			query := url.Values{}
			if all {
				query.Set("all", "true")
			}
			if c.store != "" {
				query.Set("store", c.store)
			}
			return c.session(cmd, needReads, func(ctx context.Context, to *client) error {
				var raw json.RawMessage
				if err := to.get(ctx, "/v1/deadletters", query, &raw); err != nil {
					return err
				}
				if c.json {
					return c.stdout.document(raw)
				}
				return c.deadLetters(raw)
			})
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "those that were requeued or dropped, too")
	return c.talksOfStore(c.reads(cmd))
}

type letterList struct {
	DeadLetters []console.DeadLetterLine `json:"deadletters"`
}

func (c *cli) deadLetters(raw json.RawMessage) error {
	var list letterList
	if err := json.Unmarshal(raw, &list); err != nil {
		return fmt.Errorf("the answer of deadletters: %w", err)
	}
	rows := make([][]string, len(list.DeadLetters))
	for i, l := range list.DeadLetters {
		rows[i] = []string{
			fmt.Sprint(l.ID), oneLine(string(l.Store)), oneLine(l.Item), fmt.Sprint(l.Position), l.State, moment(l.At), oneLine(string(l.Kind)), oneLine(l.Reason),
		}
	}
	if len(rows) > 0 {
		c.stdout.table([]string{"ID", "STORE", "ITEM", "POSITION", "STATE", "AT", "KIND", "REASON"}, rows)
	}
	c.stderr.line("%s", count(len(rows), "dead letter"))
	return nil
}

// letterPath is the path of the dead letter that an argument names.
func letterPath(arg string, more ...string) (string, error) {
	if id, err := strconv.ParseUint(arg, 10, 64); err != nil || id == 0 {
		return "", withHint(misuse("%q is no dead letter's id", arg), "tillstream deadletters list")
	}
	return endpoint(append([]string{"v1", "deadletters", arg}, more...)...), nil
}

func (c *cli) showDeadLetterCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "show ID",
		Short: "Show one such event whole, as it was sent",
		Args:  args(cobra.ExactArgs(1)), ValidArgsFunction: c.completeLetters,
		RunE: func(cmd *cobra.Command, args []string) error {
			path, err := letterPath(args[0])
			if err != nil {
				return err
			}
			return c.session(cmd, needReads, func(ctx context.Context, to *client) error {
				var raw json.RawMessage
				if err := to.get(ctx, path, nil, &raw); err != nil {
					return whenMissing(err, "tillstream deadletters list")
				}
				if c.json {
					return c.stdout.document(raw)
				}
				var l console.DeadLetterPage
				if err := json.Unmarshal(raw, &l); err != nil {
					return fmt.Errorf("the answer about dead letter %s: %w", args[0], err)
				}
				c.deadLetter(&l)
				return nil
			})
		},
	}
	return c.talks(c.reads(cmd))
}

func (c *cli) deadLetter(l *console.DeadLetterPage) {
	out := c.stdout
	out.line("dead letter %d of store %s, %s: %s", l.ID, oneLine(string(l.Store)), l.State, out.paint(red, oneLine(l.Reason)))
	if l.Why != "" {
		out.line("%s because: %s", l.State, oneLine(l.Why))
	}
	out.line("item %s, %s position %d, since %s\n", oneLine(l.Item), oneLine(l.Stream), l.Position, moment(l.At))
	for _, name := range slices.Sorted(maps.Keys(l.Headers)) {
		for _, value := range l.Headers[name] {
			out.line("%s: %s", oneLine(name), oneLine(value))
		}
	}
	if l.Data != "" {
		out.line("\n%s", printable(l.Data))
	} else {
		out.line("\n%s that are not text; --json has them in base64", count(len(l.DataBase64), "byte"))
	}
}

func (c *cli) requeueCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "requeue ID…",
		Short: "Record such events again, once their cause is mended",
		Args:  args(cobra.MinimumNArgs(1)), ValidArgsFunction: c.completeLetters,
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.resolve(cmd, args, "requeue", "requeued", nil)
		},
	}
	return c.talks(c.writes(cmd))
}

func (c *cli) dropCommand() *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use:     "drop ID…",
		Short:   "Decide that such events stay unused",
		Example: "  tillstream deadletters drop 3 --reason 'sent twice by till 4'",
		Args:    args(cobra.MinimumNArgs(1)), ValidArgsFunction: c.completeLetters,
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.resolve(cmd, args, "drop", "dropped", map[string]string{"reason": reason})
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why, for whoever asks later")
	return c.talks(c.writes(cmd))
}

// resolve does the same to several dead letters, in order, and stops at the first
// that fails.
func (c *cli) resolve(cmd *cobra.Command, letters []string, verb, done string, body any) error {
	var paths []string
	for _, arg := range letters {
		path, err := letterPath(arg, verb)
		if err != nil {
			return err
		}
		paths = append(paths, path)
	}
	return c.session(cmd, needWrites, func(ctx context.Context, to *client) error {
		for i, path := range paths {
			var a struct{ Position uint64 }
			if err := to.exchange(ctx, http.MethodPost, path, c.dry(), body, &a); err != nil {
				return whenMissing(err, "tillstream deadletters list")
			}
			switch {
			case c.dryRun:
				c.stdout.line("dead letter %s would be %s", letters[i], done)
			case a.Position != 0:
				c.stdout.line("dead letter %s %s, now position %d", letters[i], done, a.Position)
			default:
				c.stdout.line("dead letter %s %s", letters[i], done)
			}
		}
		return nil
	})
}
