package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"github.com/tillstream/tillstream/handlers/console"
)

func (c *cli) pushCommand() *cobra.Command {
	var p pushing
	var all, due bool
	cmd := &cobra.Command{
		Use:   "push ITEM… | push --all | push --due",
		Short: "Push the full state of products to BigCommerce now",
		Long: `push makes BigCommerce agree with the POS about these products, also where nothing
changed in the POS: an edit that somebody made in BigCommerce to a field of the POS
is overwritten. It waits for each product's outcome and prints it; the exit code is
1 when one was not confirmed. In a store with manual syncing nothing else pushes, and
--due pushes what has changed in the POS since.`,
		Example: `  tillstream push CK-121
  tillstream push --due
  tillstream push --all --wait 10m`,
		ValidArgsFunction: c.completeItem,
		Args: func(cmd *cobra.Command, given []string) error {
			if all && due {
				return misuse("--all and --due: name one of them")
			}
			if all || due {
				return args(cobra.NoArgs)(cmd, given)
			}
			return args(cobra.MinimumNArgs(1))(cmd, given)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := p.check(); err != nil {
				return err
			}
			body := map[string]any{"items": args}
			if all || due {
				body = map[string]any{"all": all, "due": due}
			}
			return c.sessionOfStore(cmd, needPushes, func(ctx context.Context, to *storeClient) error {
				return p.run(ctx, c, to, "push", body)
			})
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "every linked product")
	cmd.Flags().BoolVar(&due, "due", false, "every linked product whose newest state BigCommerce has not confirmed, and does not refuse")
	p.flags(c, cmd)
	return c.talksOfStore(c.writes(cmd))
}

// longestWait is how long the API lets a push be waited for.
const longestWait = 10 * time.Minute

// pushing waits for the outcomes of pushes.
type pushing struct {
	wait time.Duration
	done int
	left map[string]int // products that were not confirmed, by state
}

func (p *pushing) flags(c *cli, cmd *cobra.Command) {
	cmd.Flags().DurationVar(&p.wait, "wait", time.Minute, "how long to wait for outcomes; the pushes go on in any case")
	cmd.Flags().BoolVar(&c.json, "json", false, "print JSON lines, with keys that stay as they are")
}

// check holds the flags to what the API takes.
func (p *pushing) check() error {
	if p.wait <= 0 || p.wait > longestWait {
		return misuse("--wait %s: must be above 0 and at most %s", p.wait, longestWait)
	}
	return nil
}

func (p *pushing) run(ctx context.Context, c *cli, to *storeClient, verb string, body any) error {
	b, err := json.Marshal(body)
	if err != nil {
		return err
	}
	query := c.dry()
	query.Set("wait", p.wait.String())
	p.left = map[string]int{}
	err = to.lines(ctx, call{http.MethodPost, to.path(verb), query, "application/json", bytes.NewReader(b)}, func(raw json.RawMessage) error {
		var a console.PushLine
		if err := json.Unmarshal(raw, &a); err != nil {
			return fmt.Errorf("the answer %s: %w", raw, err)
		}
		p.count(a)
		if c.json {
			return pass(c.stdout)(raw)
		}
		if c.dryRun && a.State != "nothing" {
			a.Error = intent(a, verb)
		}
		c.pushed(a)
		return nil
	})
	if err != nil {
		return aboutItem(err)
	}
	if c.dryRun {
		c.stderr.line("%s, nothing done", count(p.done, "product"))
		return nil
	}
	return p.end(c, verb)
}

// intent says what would be done with a product that a dry run is about.
func intent(a console.PushLine, verb string) string {
	if verb == "publish" && a.BigCommerceID == 0 {
		return "would be linked to the product that has its SKU, or else created"
	}
	return "would be pushed"
}

func (p *pushing) count(a console.PushLine) {
	p.done++
	switch a.State {
	case "confirmed", "created", "linked":
	default:
		p.left[a.State]++
	}
}

func (c *cli) pushed(a console.PushLine) {
	out := c.stdout
	twin := ""
	if a.BigCommerceID != 0 {
		twin = fmt.Sprintf("  BigCommerce %d", a.BigCommerceID)
	}
	why := ""
	if a.Error != "" {
		why = ": " + oneLine(a.Error)
	}
	out.line("%s  %s  %s%s%s", out.state(a.State), oneLine(string(a.Product)), oneLine(a.Name), twin, why)
}

func (p *pushing) end(c *cli, verb string) error {
	total := 0
	for _, n := range p.left {
		total += n
	}
	if total == 0 {
		c.stderr.line("%s confirmed", count(p.done, "product"))
		return nil
	}
	err := fmt.Errorf("%s not confirmed of %d: %s", count(total, "product"), p.done,
		sentence(some(p.left["refused"], "refused"), some(p.left["held"], "held by a guard"), some(p.left["pending"], "still pending"), some(p.left["nothing"], "not pushed")))
	switch {
	case p.left["refused"] > 0:
		return withHint(err, "tillstream products --state refused")
	case p.left["held"] > 0:
		return withHint(err, "tillstream approve ITEM to push it, or tillstream discard ITEM to leave BigCommerce as it is")
	case p.left["nothing"] > 0 && verb == "push":
		return withHint(err, "tillstream link --auto, or tillstream publish ITEM")
	}
	return withHint(err, "tillstream status; the pushes go on")
}
