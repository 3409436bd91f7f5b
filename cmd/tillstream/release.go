package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/spf13/cobra"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/console"
)

func (c *cli) approveCommand() *cobra.Command {
	return c.releaseCommand(release{verb: "approve", done: "approved"}, &cobra.Command{
		Use:   "approve ITEM… | approve --all",
		Short: "Push what a guard holds",
		Long: `approve says of pushes that a guard holds that they are right: the newest state of
each product is pushed, and no guard has a say in it. tillstream preview shows what
that would change. The exit code is 1 when one of the ITEMs is not held.`,
		Example: `  tillstream products --state held
  tillstream preview CK-121
  tillstream approve CK-121
  tillstream approve --all --guard breaker`,
	})
}

func (c *cli) discardCommand() *cobra.Command {
	return c.releaseCommand(release{verb: "discard", done: "discarded"}, &cobra.Command{
		Use:   "discard ITEM… | discard --all",
		Short: "Leave BigCommerce as it is where a guard holds a push",
		Long: `discard drops pushes that a guard holds: BigCommerce shows what it shows until the
product's next event in the POS. Then its whole state is pushed, what was discarded
included, unless a guard holds it again; so what is wrong in the POS has to be put
right there, which pushes it without a word from here. The POS's events stay in the
log in any case, and what was pushed before the guard held anything stays pushed.
The exit code is 1 when one of the ITEMs is not held.`,
		Example: `  tillstream products --state held
  tillstream discard CK-121
  tillstream discard --all --guard breaker`,
	})
}

// release is one decision about pushes that are held.
type release struct {
	verb, done string
	all        bool
	guard      string
}

// guards are what can hold a push.
func guards() []string { return []string{string(domain.GuardEmpties), string(domain.GuardBreaker)} }

func (c *cli) releaseCommand(r release, cmd *cobra.Command) *cobra.Command {
	cmd.ValidArgsFunction = c.completeHeld
	cmd.Args = func(cmd *cobra.Command, given []string) error {
		if r.all {
			return args(cobra.NoArgs)(cmd, given)
		}
		return args(cobra.MinimumNArgs(1))(cmd, given)
	}
	cmd.RunE = func(cmd *cobra.Command, items []string) error {
		body := map[string]any{"items": items}
		if r.all {
			body = map[string]any{"all": true}
		}
		switch {
		case r.guard == "":
		case !r.all:
			return withHint(misuse("--guard is of use with --all only"), cmd.CommandPath()+" --help")
		case r.guard != string(domain.GuardEmpties) && r.guard != string(domain.GuardBreaker):
			return withHint(misuse("--guard %q: must be %s", r.guard, either(guards())), cmd.CommandPath()+" --help")
		default:
			body["guard"] = r.guard
		}
		return c.sessionOfStore(cmd, needWrites, func(ctx context.Context, to *storeClient) error {
			return r.run(ctx, c, to, body)
		})
	}
	cmd.Flags().BoolVar(&r.all, "all", false, "everything that is held")
	cmd.Flags().StringVar(&r.guard, "guard", "", "with --all: only what this `GUARD` holds: "+either(guards()))
	cmd.Flags().BoolVar(&c.json, "json", false, "print JSON, with keys that stay as they are")
	_ = cmd.RegisterFlagCompletionFunc("guard", cobra.FixedCompletions(guards(), cobra.ShellCompDirectiveNoFileComp))
	return c.talksOfStore(c.writes(cmd))
}

func (r *release) run(ctx context.Context, c *cli, to *storeClient, body any) error {
	var raw json.RawMessage
	if err := to.exchange(ctx, http.MethodPost, to.path(r.verb), c.dry(), body, &raw); err != nil {
		return aboutItem(err)
	}
	var a console.ReleaseReport
	if err := json.Unmarshal(raw, &a); err != nil {
		return fmt.Errorf("the answer to %s: %w", r.verb, err)
	}
	if c.json {
		if err := c.stdout.document(raw); err != nil {
			return err
		}
	}
	released := 0
	for i := range a.Products {
		line := &a.Products[i]
		if line.State != "nothing" {
			released++
		}
		if !c.json {
			c.released(line)
		}
	}
	left := len(a.Products) - released
	if released > 0 || left == 0 {
		c.stderr.line("%s", r.summary(c, to, released))
	}
	if left > 0 {
		return withHint(fmt.Errorf("%s not held by a guard", are(left, "product")), "tillstream products --state held")
	}
	return nil
}

func (c *cli) released(line *console.ReleaseLine) {
	twin, why := "", oneLine(line.Reason)
	if line.BigCommerceID != 0 {
		twin = fmt.Sprintf("  BigCommerce %d", line.BigCommerceID)
	}
	if line.Guard != "" {
		why = "was held by " + string(line.Guard) + ": " + why
	}
	if line.Guard != "" && c.dryRun {
		why = "is held by " + string(line.Guard) + ": " + oneLine(line.Reason)
	}
	c.stdout.line("%s  %s  %s%s: %s", c.stdout.state(line.State), oneLine(string(line.Product)), oneLine(line.Name), twin, why)
}

// summary says how many there were and what becomes of them.
func (r *release) summary(c *cli, to *storeClient, n int) string {
	switch {
	case n == 0:
		return "nothing is held"
	case c.dryRun:
		return fmt.Sprintf("%s would be %s, nothing done", count(n, "product"), r.done)
	case r.verb == "discard":
		return fmt.Sprintf("%s discarded; BigCommerce stays as it is until they change in the POS", count(n, "product"))
	case to.own:
		return fmt.Sprintf("%s approved; the next tillstream up pushes them", count(n, "product"))
	}
	return fmt.Sprintf("%s approved; they are pushed now (tillstream pushes)", count(n, "product"))
}
