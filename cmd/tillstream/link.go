package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/console"
)

func (c *cli) linkCommand() *cobra.Command {
	var auto bool
	cmd := &cobra.Command{
		Use:   "link --auto | link ITEM BIGCOMMERCE_ID",
		Short: "Link products to what BigCommerce has already",
		Long: `link says which BigCommerce product shows a product of the POS. From then on every
change is pushed to it. --auto finds the twins by SKU and links those that are
beyond doubt; it names the others.

What belongs to the merchant survives a push: weight and size, MSRP and sale price,
tax, customizations, SEO and custom fields. Everything else becomes what the POS
says; look at --dry-run first.`,
		Example: `  tillstream link --auto --dry-run
  tillstream link --auto
  tillstream link CK-121 1000017`,
		ValidArgsFunction: c.completeItem,
		Args: func(cmd *cobra.Command, given []string) error {
			want := 2
			if auto {
				want = 0
			}
			return args(cobra.ExactArgs(want))(cmd, given)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			body := map[string]any{"auto": true}
			if !auto {
				id, err := strconv.ParseInt(args[1], 10, 64)
				if err != nil || id < 1 {
					return withHint(misuse("BIGCOMMERCE_ID %q: must be a product's number in BigCommerce", args[1]), cmd.CommandPath()+" --help")
				}
				body = map[string]any{"item": args[0], "bigcommerce_id": id}
			}
			return c.sessionOfStore(cmd, needPushes, func(ctx context.Context, to *storeClient) error {
				return c.link(ctx, to, body)
			})
		},
	}
	cmd.Flags().BoolVar(&auto, "auto", false, "find the twins by SKU")
	cmd.Flags().BoolVar(&c.json, "json", false, "print JSON, with keys that stay as they are")
	return c.talksOfStore(c.writes(cmd))
}

func (c *cli) link(ctx context.Context, to *storeClient, body any) error {
	var raw json.RawMessage
	if err := to.exchange(ctx, http.MethodPost, to.path("links"), c.dry(), body, &raw); err != nil {
		return aboutItem(err)
	}
	if c.json {
		return c.stdout.document(raw)
	}
	var a console.LinkReport
	if err := json.Unmarshal(raw, &a); err != nil {
		return fmt.Errorf("the answer to link: %w", err)
	}
	out := c.stdout
	for _, l := range a.Linked {
		missing := ""
		if l.Missing > 0 {
			missing = fmt.Sprintf(", which lacks %s", count(l.Missing, "variant"))
		}
		out.line("%s  %s  %s  BigCommerce %d%s", out.state("linked"), oneLine(string(l.Product)), oneLine(l.Name), l.BigCommerceID, missing)
	}
	for _, l := range a.Ambiguous {
		candidates := make([]string, len(l.Candidates))
		for i, id := range l.Candidates {
			candidates[i] = strconv.FormatInt(id, 10)
		}
		out.line("%s  %s  %s  %s: %s", out.paint(yellow, "in doubt"), oneLine(string(l.Product)), oneLine(l.Name), oneLine(l.Reason), strings.Join(candidates, ", "))
	}
	for _, l := range a.WithoutTwin {
		out.line("%s  %s  %s  %s", out.paint(faint, "no twin"), oneLine(string(l.Product)), oneLine(l.Name), skus(l.SKUs))
	}
	verb := "linked"
	if c.dryRun {
		verb = "would be linked"
	}
	c.stderr.line("%s", sentence(fmt.Sprintf("%s %s", count(len(a.Linked), "product"), verb), some(a.Already, "linked already"),
		some(len(a.Ambiguous), "in doubt (tillstream link ITEM BIGCOMMERCE_ID)"), some(len(a.WithoutTwin), "without a twin (tillstream publish ITEM)")))
	return nil
}

func skus(list []domain.SKU) string {
	words := make([]string, len(list))
	for i, sku := range list {
		words[i] = oneLine(string(sku))
	}
	return strings.Join(words, ", ")
}

func (c *cli) unlinkCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "unlink ITEM",
		Short: "Let go of a product's twin: nothing is pushed to it any more",
		Long: `unlink ends a link. BigCommerce's product stays as it is, and nothing is pushed to it
any more; link or publish ties the product to one again. In a store that publishes all,
the product's next change does.`,
		Example:           "  tillstream unlink CK-121",
		Args:              args(cobra.ExactArgs(1)),
		ValidArgsFunction: c.completeItem,
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.sessionOfStore(cmd, needPushes, func(ctx context.Context, to *storeClient) error {
				var raw json.RawMessage
				if err := to.exchange(ctx, http.MethodDelete, to.path("links", args[0]), c.dry(), nil, &raw); err != nil {
					return aboutItem(err)
				}
				if c.json {
					return c.stdout.document(raw)
				}
				var a console.LinkLine
				if err := json.Unmarshal(raw, &a); err != nil {
					return fmt.Errorf("the answer to unlink: %w", err)
				}
				verb := "unlinked"
				if c.dryRun {
					verb = "would be unlinked"
				}
				c.stdout.line("%s  %s  %s  BigCommerce %d", verb, oneLine(string(a.Product)), oneLine(a.Name), a.BigCommerceID)
				return nil
			})
		},
	}
	cmd.Flags().BoolVar(&c.json, "json", false, "print JSON, with keys that stay as they are")
	return c.talksOfStore(c.writes(cmd))
}

func (c *cli) linksCommand() *cobra.Command {
	var state string
	cmd := &cobra.Command{
		Use:   "links",
		Short: "List which BigCommerce product shows which product",
		Long: `links lists the products that have a twin in BigCommerce, with the twin's id and how
many of their variants are tied to one of its variants. Those without one are in
tillstream products --state unlinked.`,
		Example: `  tillstream links
  tillstream links --state broken`,
		Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if state != "" && !slices.Contains(linkedStates(), state) {
				return withHint(misuse("--state %q: must be %s", state, either(linkedStates())), cmd.CommandPath()+" --help")
			}
			query := url.Values{}
			if state != "" {
				query.Set("state", state)
			}
			return c.sessionOfStore(cmd, needReads, func(ctx context.Context, to *storeClient) error {
				return c.links(ctx, to, query)
			})
		},
	}
	cmd.Flags().StringVar(&state, "state", "", "only products that are `STATE`: "+either(linkedStates()))
	_ = cmd.RegisterFlagCompletionFunc("state", cobra.FixedCompletions(linkedStates(), cobra.ShellCompDirectiveNoFileComp))
	return c.talksOfStore(c.reads(cmd))
}

// linkedStates are the places where a linked product can stand.
func linkedStates() []string {
	return slices.DeleteFunc(productStates(), func(s string) bool { return s == "unlinked" })
}

func (c *cli) links(ctx context.Context, to *storeClient, query url.Values) error {
	var raw json.RawMessage
	if err := to.get(ctx, to.path("links"), query, &raw); err != nil {
		return err
	}
	if c.json {
		return c.stdout.document(raw)
	}
	var list struct {
		Links            []console.LinkLine
		Linked, Unlinked int
	}
	if err := json.Unmarshal(raw, &list); err != nil {
		return fmt.Errorf("the answer to links: %w", err)
	}
	rows := make([][]string, len(list.Links))
	for i, l := range list.Links {
		rows[i] = []string{
			oneLine(string(l.Product)), oneLine(l.Name), c.stdout.state(string(l.State)), strconv.FormatInt(l.BigCommerceID, 10), strconv.Itoa(len(l.Variants)), brief(l.Error),
		}
	}
	if len(rows) > 0 {
		c.stdout.table([]string{"PRODUCT", "NAME", "STATE", "BIGCOMMERCE", "VARIANTS", "WHY"}, rows)
	}
	c.stderr.line("%d linked, %d not", list.Linked, list.Unlinked)
	return nil
}
