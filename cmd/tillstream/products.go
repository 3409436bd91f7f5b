package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/tillstream/tillstream/handlers/console"
)

// productStates are the places where a product can stand.
func productStates() []string {
	return []string{"confirmed", "pending", "held", "discarded", "refused", "broken", "unlinked", "quarantined"}
}

func (c *cli) productsCommand() *cobra.Command {
	var state string
	var limit int
	cmd := &cobra.Command{
		Use:   "products",
		Short: "List products and where they stand",
		Long: `products lists what the POS sells, and where each product stands:

  confirmed    BigCommerce has confirmed its newest state
  pending      its newest state is not confirmed yet
  held         a guard keeps its newest state back until approve or discard
  discarded    its newest state was held and is not wanted in BigCommerce
  refused      BigCommerce refuses its newest state
  broken       BigCommerce refuses it because its twin there is gone
  unlinked     it has no twin in BigCommerce, so nothing is pushed
  quarantined  an event of it could not be folded; show ITEM says which`,
		Example: `  tillstream products
  tillstream products --state refused
  tillstream products --json | jq -r '.products[].skus[]'`,
		Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if state != "" && !slices.Contains(productStates(), state) {
				return withHint(misuse("--state %q: must be %s", state, either(productStates())), cmd.CommandPath()+" --help")
			}
			if limit < 0 {
				return misuse("--limit %d: must be 0, for all, or more", limit)
			}
			return c.sessionOfStore(cmd, needReads, func(ctx context.Context, to *storeClient) error {
				return c.products(ctx, to, state, limit)
			})
		},
	}
	cmd.Flags().StringVar(&state, "state", "", "only products that are `STATE`")
	cmd.Flags().IntVarP(&limit, "limit", "n", 0, "at most so many; 0 for all")
	_ = cmd.RegisterFlagCompletionFunc("state", cobra.FixedCompletions(productStates(), cobra.ShellCompDirectiveNoFileComp))
	return c.talksOfStore(c.reads(cmd))
}

// productList is one page of products, the lines as they came beside what is read
// of them.
type productList struct {
	Products []json.RawMessage `json:"products"`
	Next     string            `json:"next"`
}

// mostOfPage is the largest page that the API gives.
const mostOfPage = 1000

// eachPage reads products page by page, up to limit of them, 0 meaning all, and
// reports whether there are more.
func (c *storeClient) eachPage(ctx context.Context, state string, limit int, do func([]json.RawMessage) error) (more bool, err error) {
	for query := (url.Values{}); ; {
		size := mostOfPage
		if limit > 0 {
			size = min(limit, mostOfPage)
		}
		query.Set("limit", strconv.Itoa(size))
		if state != "" {
			query.Set("state", state)
		}
		var page productList
		if err := c.get(ctx, c.path("products"), query, &page); err != nil {
			return false, err
		}
		if err := do(page.Products); err != nil {
			return false, err
		}
		if limit -= len(page.Products); page.Next == "" || limit == 0 {
			return page.Next != "", nil
		}
		query.Set("after", page.Next)
	}
}

func (c *cli) products(ctx context.Context, to *storeClient, state string, limit int) error {
	total := 0
	if c.json {
		fmt.Fprint(c.stdout, `{"products":[`)
	}
	more, err := to.eachPage(ctx, state, limit, func(page []json.RawMessage) error {
		if c.json {
			for _, raw := range page {
				separator := ",\n"
				if total == 0 {
					separator = "\n"
				}
				fmt.Fprint(c.stdout, separator, string(raw))
				total++
			}
			return nil
		}
		rows := make([][]string, len(page))
		for i, raw := range page {
			var p console.ProductLine
			if err := json.Unmarshal(raw, &p); err != nil {
				return fmt.Errorf("the answer %s: %w", raw, err)
			}
			rows[i] = c.productRow(p)
		}
		if len(rows) > 0 {
			c.stdout.table([]string{"PRODUCT", "NAME", "SKU", "STATE", "BIGCOMMERCE", "WHY"}, rows)
		}
		total += len(rows)
		return nil
	})
	if c.json {
		fmt.Fprintln(c.stdout, "\n]}")
		return err
	}
	switch {
	case err != nil:
		return err
	case more:
		c.stderr.line("the first %s; -n 0 lists all", count(total, "product"))
	default:
		c.stderr.line("%s", count(total, "product"))
	}
	return nil
}

func (c *cli) productRow(p console.ProductLine) []string {
	shown := skus(p.SKUs)
	if more := p.Variants - len(p.SKUs); more > 0 {
		shown += fmt.Sprintf(", %d more", more)
	}
	name := oneLine(p.Name)
	if p.Deleted {
		name += " (deleted)"
	}
	twin := ""
	if p.BigCommerceID != nil {
		twin = strconv.FormatInt(*p.BigCommerceID, 10)
	}
	return []string{oneLine(string(p.Product)), name, shown, c.stdout.state(string(p.State)), twin, brief(p.Error)}
}
