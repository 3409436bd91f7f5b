package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
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
  tillstream link KK-2201-NVY-M 1000017`,
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

// linkAnswer says what was linked and what was not.
type linkAnswer struct {
	Linked []struct {
		Product       string   `json:"product"`
		Name          string   `json:"name"`
		SKUs          []string `json:"skus"`
		BigCommerceID int64    `json:"bigcommerce_id"`
	} `json:"linked"`
	Ambiguous []struct {
		Product    string  `json:"product"`
		Name       string  `json:"name"`
		Reason     string  `json:"reason"`
		Candidates []int64 `json:"candidates"`
	} `json:"ambiguous"`
	WithoutTwin []struct {
		Product string   `json:"product"`
		Name    string   `json:"name"`
		SKUs    []string `json:"skus"`
	} `json:"without_twin"`
	Already int `json:"already"`
}

func (c *cli) link(ctx context.Context, to *storeClient, body any) error {
	var raw json.RawMessage
	if err := to.exchange(ctx, http.MethodPost, to.path("links"), c.dry(), body, &raw); err != nil {
		return err
	}
	if c.json {
		return c.stdout.document(raw)
	}
	var a linkAnswer
	if err := json.Unmarshal(raw, &a); err != nil {
		return fmt.Errorf("the answer to link: %w", err)
	}
	out := c.stdout
	for _, l := range a.Linked {
		out.line("%s  %s  %s  BigCommerce %d", out.state("linked"), oneLine(l.Product), oneLine(l.Name), l.BigCommerceID)
	}
	for _, l := range a.Ambiguous {
		candidates := make([]string, len(l.Candidates))
		for i, id := range l.Candidates {
			candidates[i] = strconv.FormatInt(id, 10)
		}
		out.line("%s  %s  %s  %s: %s", out.paint(yellow, "in doubt"), oneLine(l.Product), oneLine(l.Name), oneLine(l.Reason), strings.Join(candidates, ", "))
	}
	for _, l := range a.WithoutTwin {
		out.line("%s  %s  %s  %s", out.paint(faint, "no twin"), oneLine(l.Product), oneLine(l.Name), oneLine(strings.Join(l.SKUs, ", ")))
	}
	verb := "linked"
	if c.dryRun {
		verb = "would be linked"
	}
	c.stderr.line("%s", sentence(fmt.Sprintf("%s %s", count(len(a.Linked), "product"), verb), some(a.Already, "linked already"),
		some(len(a.Ambiguous), "in doubt (tillstream link ITEM BIGCOMMERCE_ID)"), some(len(a.WithoutTwin), "without a twin (tillstream publish ITEM)")))
	return nil
}

func (c *cli) unlinkCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:               "unlink ITEM",
		Short:             "Let go of a product's twin: nothing is pushed to it any more",
		Example:           "  tillstream unlink KK-2201-NVY-M",
		Args:              args(cobra.ExactArgs(1)),
		ValidArgsFunction: c.completeItem,
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.sessionOfStore(cmd, needWrites, func(ctx context.Context, to *storeClient) error {
				var raw json.RawMessage
				if err := to.exchange(ctx, http.MethodDelete, to.path("links", args[0]), c.dry(), nil, &raw); err != nil {
					return err
				}
				if c.json {
					return c.stdout.document(raw)
				}
				var a struct {
					Product       string
					BigCommerceID int64 `json:"bigcommerce_id"`
				}
				if err := json.Unmarshal(raw, &a); err != nil {
					return fmt.Errorf("the answer to unlink: %w", err)
				}
				verb := "unlinked"
				if c.dryRun {
					verb = "would be unlinked"
				}
				c.stdout.line("%s  BigCommerce %d %s", oneLine(a.Product), a.BigCommerceID, verb)
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
		Example: `  tillstream links
  tillstream links --state unlinked`,
		Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			query := url.Values{}
			if state != "" {
				query.Set("state", state)
			}
			return c.sessionOfStore(cmd, needReads, func(ctx context.Context, to *storeClient) error {
				return c.links(ctx, to, query)
			})
		},
	}
	cmd.Flags().StringVar(&state, "state", "", "only products that are `STATE`: "+either(productStates()))
	_ = cmd.RegisterFlagCompletionFunc("state", cobra.FixedCompletions(productStates(), cobra.ShellCompDirectiveNoFileComp))
	return c.talksOfStore(c.reads(cmd))
}

// linkList is every product with its twin.
type linkList struct {
	Links []struct {
		Product       string           `json:"product"`
		Name          string           `json:"name"`
		State         string           `json:"state"`
		BigCommerceID *int64           `json:"bigcommerce_id"`
		Variants      map[string]int64 `json:"variants"`
		By            string           `json:"by"`
	} `json:"links"`
	Linked   int `json:"linked"`
	Unlinked int `json:"unlinked"`
}

func (c *cli) links(ctx context.Context, to *storeClient, query url.Values) error {
	var raw json.RawMessage
	if err := to.get(ctx, to.path("links"), query, &raw); err != nil {
		return err
	}
	if c.json {
		return c.stdout.document(raw)
	}
	var list linkList
	if err := json.Unmarshal(raw, &list); err != nil {
		return fmt.Errorf("the answer to links: %w", err)
	}
	rows := make([][]string, len(list.Links))
	for i, l := range list.Links {
		twin := ""
		if l.BigCommerceID != nil {
			twin = strconv.FormatInt(*l.BigCommerceID, 10)
		}
		rows[i] = []string{oneLine(l.Product), oneLine(l.Name), c.stdout.state(l.State), twin, some(len(l.Variants), ""), oneLine(l.By)}
	}
	if len(rows) > 0 {
		c.stdout.table([]string{"PRODUCT", "NAME", "STATE", "BIGCOMMERCE", "VARIANTS", "BY"}, rows)
	}
	c.stderr.line("%d linked, %d not", list.Linked, list.Unlinked)
	return nil
}
