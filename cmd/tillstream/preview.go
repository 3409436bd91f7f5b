package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/spf13/cobra"

	"github.com/tillstream/tillstream/handlers/console"
)

func (c *cli) previewCommand() *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use:   "preview [ITEM… | --all]",
		Short: "Show what the next push would change in BigCommerce",
		Long: `preview compares the state of the POS with what BigCommerce shows, field by field,
and prints what a push would change: the old value, the new one, and the event that
made it so in the POS. A line with "!" is a value that BigCommerce has and the POS
has not, such as a description that somebody has formatted there: it will be lost.

Without ITEM and --all it looks at the products whose push is pending or held. What a
guard holds, or would hold for a text, is marked as held: it changes when it is approved. It reads
BigCommerce in as few requests as it can, which count against the store's quota, and
changes nothing. The exit code is 3 when something would change, 0 when nothing would.`,
		Example: `  tillstream preview CK-121
  tillstream preview --all
  tillstream preview --all --json | jq '.products[] | select(any(.changes[]; .overwrites)) | .name'`,
		ValidArgsFunction: c.completeItem,
		Args: func(cmd *cobra.Command, given []string) error {
			if all {
				return args(cobra.NoArgs)(cmd, given)
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			query := url.Values{"item": args}
			if all {
				query = url.Values{"all": {"true"}}
			}
			return c.sessionOfStore(cmd, needReads, func(ctx context.Context, to *storeClient) error {
				return c.preview(ctx, to, query)
			})
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "every linked product; the others are named")
	return c.talksOfStore(c.reads(cmd))
}

func (c *cli) preview(ctx context.Context, to *storeClient, query url.Values) error {
	var end console.PreviewEnd
	printed := 0
	if c.json {
		fmt.Fprint(c.stdout, `{"products":[`)
	}
	err := to.lines(ctx, call{method: http.MethodGet, path: to.path("preview"), query: query}, func(raw json.RawMessage) error {
		var p struct {
			console.PreviewLine
			console.PreviewEnd
			console.LastLine
		}
		if err := json.Unmarshal(raw, &p); err != nil {
			return fmt.Errorf("the answer %s: %w", raw, err)
		}
		switch {
		case p.Problem != nil:
			return p.Problem
		case p.Summary != nil:
			end = p.PreviewEnd
		case c.json:
			separator := ",\n"
			if printed == 0 {
				separator = "\n"
			}
			fmt.Fprint(c.stdout, separator, string(raw))
			printed++
		default:
			c.previewLine(&p.PreviewLine)
		}
		return nil
	})
	if err == nil && end.Summary == nil {
		err = errors.New("the answer was cut off before its end")
	}
	if c.json {
		summary, _ := json.Marshal(end.Summary) // of numbers, or null after an error
		fmt.Fprintf(c.stdout, "\n],\"summary\":%s}\n", summary)
	}
	if err != nil {
		return aboutItem(err)
	}
	return c.previewed(end.Summary, query.Has("item"))
}

func (c *cli) previewLine(p *console.PreviewLine) {
	out := c.stdout
	twin, why := "", ""
	if p.BigCommerceID != 0 {
		twin = fmt.Sprintf("  BigCommerce %d", p.BigCommerceID)
	}
	if p.Reason != "" {
		why = ": " + oneLine(p.Reason)
	}
	out.line("%s  %s  %s%s%s", out.state(string(p.State)), oneLine(string(p.Product)), oneLine(p.Name), twin, why)
	for i, change := range p.Changes {
		what := oneLine(string(change.Field))
		if change.Item != "" {
			what = oneLine(string(change.Item)) + " " + what
		}
		if change.Location != 0 {
			what += fmt.Sprintf(" at location %d", change.Location)
		}
		mark, lost := " ", ""
		if change.Overwrites {
			mark, lost = out.paint(red, "!"), out.paint(red, "  will be lost")
		}
		out.line("  %s %s: %s → %s%s", mark, what, quoted(change.Old), quoted(change.New), lost)
		last := i == len(p.Changes)-1
		if change.Event != nil && (last || p.Changes[i+1].Event == nil || p.Changes[i+1].Event.Position != change.Event.Position) {
			out.line("      %s", out.paint(faint, cause(change.Event)))
		}
	}
}

// cause names an event for people.
func cause(e *console.EventRef) string {
	by := oneLine(string(e.Source))
	if e.Actor != "" {
		by += " by " + oneLine(e.Actor)
	}
	return fmt.Sprintf("position %d  %s  %s  %s  %s", e.Position, moment(e.Time), oneLine(string(e.Type)), oneLine(string(e.ID)), by)
}

// previewed says the sum and how the comparison ended.
func (c *cli) previewed(s *console.PreviewSummary, named bool) error {
	if s.Checked == 0 {
		c.stderr.line("no push is pending")
		return nil
	}
	lose := some(s.Overwrite, "of them lose what the POS does not have")
	if s.Overwrite == 1 {
		lose = "1 of them loses what the POS does not have"
	}
	differ := "nothing would change"
	if s.Differ > 0 {
		differ = thousands(s.Differ) + " would change"
	}
	c.stderr.line("%s", sentence(count(s.Checked, "product")+" looked at", differ, lose,
		some(s.Refused, "would be refused"), some(s.Unlinked, "not linked"), some(s.Held, "held back")))
	switch {
	case named && s.Unlinked > 0:
		return withHint(fmt.Errorf("%s not linked, so nothing is pushed", count(s.Unlinked, "product")), "tillstream link --auto, or tillstream publish ITEM")
	case s.Differ > 0 || s.Refused > 0:
		return errDiffers
	}
	return nil
}
