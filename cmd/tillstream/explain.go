package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tillstream/tillstream/handlers/console"
)

func (c *cli) explainCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "explain ITEM [FIELD]",
		Short: "Show why BigCommerce shows a value, or why it does not",
		Long: `explain traces a value that BigCommerce shows back to its cause: the event that made it
what it is in the POS, the rules by which it became what is pushed (sums of outlets,
safety stock, rounding), and the push that carried it there; or it says why BigCommerce
does not show it: because the push is pending, held, refused or discarded, the product
is not linked, or the field is BigCommerce's own. Without FIELD each has a line.

FIELD is one of ` + strings.Join(console.ExplainedFields(), ", ") + `.`,
		Example: `  tillstream explain CK-121 stock
  tillstream explain CK-121
  tillstream explain CK-121 price --json | jq '.fields[].event.position'`,
		Args: args(cobra.RangeArgs(1, 2)),
		ValidArgsFunction: func(cmd *cobra.Command, given []string, prefix string) ([]string, cobra.ShellCompDirective) {
			if len(given) == 1 {
				return startingWith(console.ExplainedFields(), prefix), cobra.ShellCompDirectiveNoFileComp
			}
			return c.completeItem(cmd, given, prefix)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			query := url.Values{}
			if len(args) == 2 {
				field := console.ExplainedField(args[1])
				if field == "" {
					return misuse("FIELD %q: must be one of %s", args[1], strings.Join(console.ExplainedFields(), ", "))
				}
				query.Set("field", field)
			}
			return c.sessionOfStore(cmd, needReads, func(ctx context.Context, to *storeClient) error {
				var raw json.RawMessage
				if err := to.get(ctx, to.path("products", args[0], "explain"), query, &raw); err != nil {
					return aboutItem(err)
				}
				if c.json {
					return c.stdout.document(raw)
				}
				var page console.ExplainPage
				if err := json.Unmarshal(raw, &page); err != nil {
					return fmt.Errorf("the answer about %s: %w", args[0], err)
				}
				c.explain(&page, len(args) == 2)
				return nil
			})
		},
	}
	return c.talksOfStore(c.reads(cmd))
}

func (c *cli) explain(p *console.ExplainPage, whole bool) {
	out := c.stdout
	twin := "not linked"
	if p.BigCommerceID != 0 {
		twin = "BigCommerce " + strconv.FormatInt(p.BigCommerceID, 10)
	}
	out.line("%s  product %s, %s", out.paint(bold, oneLine(p.Name)), oneLine(string(p.Product)), twin)
	if whole {
		for i := range p.Fields {
			c.explanation(&p.Fields[i])
		}
		return
	}
	rows := make([][]string, len(p.Fields))
	for i := range p.Fields {
		x := &p.Fields[i]
		event, push := "", ""
		if x.Event != nil {
			event = strconv.FormatUint(uint64(x.Event.Position), 10)
		}
		if x.Push != nil {
			push = strconv.FormatUint(uint64(x.Push.Position), 10)
		}
		rows[i] = []string{fieldOf(x), quoted(x.POS), quoted(x.Shows), out.state(explained(x.State)), event, push, brief(x.Reason)}
	}
	out.table([]string{"FIELD", "POS", "PUSHED", "STATE", "EVENT", "PUSH", "WHY"}, rows)
}

// explained is the state of a field in the colours of one of a product.
func explained(state string) string {
	return cmp.Or(map[string]string{"shown": "confirmed"}[state], state)
}

// fieldOf names a field with whose it is.
func fieldOf(x *console.Explanation) string {
	name := x.Field
	if x.Item != "" {
		name += " of " + oneLine(string(x.Item))
	}
	if x.Location != 0 {
		name += " at location " + strconv.FormatInt(x.Location, 10)
	}
	return name
}

// explanation shows one field whole.
func (c *cli) explanation(x *console.Explanation) {
	out := c.stdout
	out.line("\n%s  %s", out.paint(bold, fieldOf(x)), out.state(explained(x.State)))
	if x.POS != "" || x.Shows != "" {
		out.line("    in the POS   %s", quoted(x.POS))
	}
	if e := x.Event; e != nil {
		by := oneLine(string(e.Source))
		if e.Actor != "" {
			by += " by " + oneLine(e.Actor)
		}
		out.line("    by event     %d  %s  %s  %s  %s", e.Position, moment(e.Time), e.Type, by, oneLine(string(e.ID)))
	}
	for _, rule := range x.Rules {
		out.line("    rule         %s", oneLine(rule))
	}
	switch {
	case x.Push != nil:
		out.line("    pushed       %s", quoted(x.Shows))
	case x.Shows != "":
		out.line("    would push   %s", quoted(x.Shows))
	}
	if p := x.Push; p != nil {
		request := ""
		if p.Request != "" {
			request = ", BigCommerce's request " + oneLine(p.Request)
		}
		out.line("    by push      SYNC %d  %s, with the state of position %d%s", p.Position, moment(p.At), p.State, request)
	}
	if x.Reason != "" {
		out.line("    because      %s", oneLine(x.Reason))
	}
}
