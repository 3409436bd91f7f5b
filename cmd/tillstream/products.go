package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/console"
	"github.com/tillstream/tillstream/projections/search"
)

// productStates are the places where a product can stand.
func productStates() []string {
	return []string{"confirmed", "pending", "held", "discarded", "refused", "broken", "unlinked", "quarantined"}
}

func (c *cli) productsCommand() *cobra.Command {
	p := productQuery{cli: c}
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
  quarantined  an event of it could not be folded; show ITEM says which

--search finds words in names, brands, SKUs, option values, codes, categories, tags,
suppliers, handles and ids, without regard to case and accents. All of them must be
found, each by its beginning; no character has a meaning of its own. A RANGE is
` + search.RangeForms + `. Stock is that of all variants at all outlets; a price is one
of any variant. ` + momentHelp + `

A filter is answered from the search index, or from all snapshots where the index is
behind; the answer is the same, and says up to which position of the log it holds
everything.`,
		Example: `  tillstream products
  tillstream products --state refused
  tillstream products --search 'enamel mug' --stock ..3 --sort stock
  tillstream products --price 100.. --changed 2h --sort changed --reverse -n 20
  tillstream products --json | jq -r '.products[].skus[]'`,
		Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := p.check(cmd); err != nil {
				return withHint(err, cmd.CommandPath()+" --help")
			}
			return c.sessionOfStore(cmd, needReads, func(ctx context.Context, to *storeClient) error {
				return p.list(ctx, to)
			})
		},
	}
	p.flags(cmd)
	return c.talksOfStore(c.reads(cmd))
}

// productQuery is one run of the command.
type productQuery struct {
	*cli
	state, search, brand, stock, price, changed, sort string
	reverse                                           bool
	limit                                             int
}

func (p *productQuery) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&p.search, "search", "", "only products in which these `WORDS` are found")
	f.StringVar(&p.brand, "brand", "", "only products of this `BRAND`")
	f.StringVar(&p.state, "state", "", "only products that are `STATE`")
	f.StringVar(&p.stock, "stock", "", "only products of which so much is on hand, a `RANGE`")
	f.StringVar(&p.price, "price", "", "only products with a variant at such a price, a `RANGE`")
	f.StringVar(&p.changed, "changed", "", "only products that an event has concerned since this `MOMENT`")
	f.StringVar(&p.sort, "sort", "product", "order by `product`, which is the id, name, stock, price or changed")
	f.BoolVar(&p.reverse, "reverse", false, "the last first")
	f.IntVarP(&p.limit, "limit", "n", 0, "at most so many; 0 for all")
	for name, words := range map[string][]string{"state": productStates(), "sort": search.Sorts()} {
		// Completing a flag cannot fail but for a flag that is not there.
		_ = cmd.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp))
	}
}

// check refuses what cannot be meant.
func (p *productQuery) check(cmd *cobra.Command) error {
	if p.limit < 0 {
		return misuse("--limit %d: must be 0, for all, or more", p.limit)
	}
	for _, f := range []struct {
		name, value string
		read        func(string) error
	}{
		{"state", p.state, func(s string) error {
			if slices.Contains(productStates(), s) {
				return nil
			}
			return fmt.Errorf("must be %s", either(productStates()))
		}},
		{"search", p.search, func(s string) error { _, err := search.ParseText(s); return err }},
		{"brand", p.brand, func(s string) error { _, err := search.Brand(s); return err }},
		{"stock", p.stock, func(s string) error { _, err := search.ParseStock(s); return err }},
		{"price", p.price, func(s string) error { _, err := search.ParsePrice(s); return err }},
		{"sort", p.sort, func(s string) error { _, err := search.ParseSort(s); return err }},
	} {
		if !cmd.Flags().Changed(f.name) {
			continue
		}
		if err := f.read(f.value); err != nil {
			return misuse("--%s %q: %s", f.name, f.value, err)
		}
	}
	return p.checkMoment("--changed", p.changed)
}

// query is what is asked for as the API takes it.
func (p *productQuery) query() url.Values {
	q := url.Values{}
	for name, value := range map[string]string{"search": p.search, "brand": p.brand, "state": p.state, "stock": p.stock, "price": p.price, "changed": p.changed} {
		if value != "" {
			q.Set(name, value)
		}
	}
	if p.sort != "product" {
		q.Set("sort", p.sort)
	}
	if p.reverse {
		q.Set("reverse", "true")
	}
	return q
}

// productList is one page of products, the lines as they came beside what is read
// of them.
type productList struct {
	Products []json.RawMessage `json:"products"`
	Next     string            `json:"next"`
	Position domain.Position   `json:"position"`
	From     string            `json:"from"`
}

// mostOfPage is the largest page that the API gives.
const mostOfPage = 1000

// eachPage reads products page by page, up to limit of them, 0 meaning all, and
// returns the last page, whose next is empty when there are no more. Its position is that
// of the first: up to there every page holds everything.
func (c *storeClient) eachPage(ctx context.Context, query url.Values, limit int, do func([]json.RawMessage) error) (last productList, err error) {
	at := domain.Position(0)
	for {
		size := mostOfPage
		if limit > 0 {
			size = min(limit, mostOfPage)
		}
		query.Set("limit", strconv.Itoa(size))
		var page productList
		if err := c.get(ctx, c.path("products"), query, &page); err != nil {
			return page, err
		}
		if at = cmp.Or(at, page.Position); page.Position > at {
			page.Position = at
		}
		if err := do(page.Products); err != nil {
			return page, err
		}
		if limit > 0 {
			if limit -= len(page.Products); limit == 0 {
				return page, nil
			}
		}
		if page.Next == "" {
			return page, nil
		}
		query.Set("after", page.Next)
	}
}

func (p *productQuery) list(ctx context.Context, to *storeClient) error {
	total := 0
	if p.json {
		fmt.Fprint(p.stdout, `{"products":[`)
	}
	last, err := to.eachPage(ctx, p.query(), p.limit, func(page []json.RawMessage) error {
		if p.json {
			for _, raw := range page {
				separator := ",\n"
				if total == 0 {
					separator = "\n"
				}
				fmt.Fprint(p.stdout, separator, string(raw))
				total++
			}
			return nil
		}
		rows := make([][]string, len(page))
		for i, raw := range page {
			var line console.ProductLine
			if err := json.Unmarshal(raw, &line); err != nil {
				return fmt.Errorf("the answer %s: %w", raw, err)
			}
			rows[i] = p.productRow(line)
		}
		if len(rows) > 0 {
			p.stdout.table([]string{"PRODUCT", "NAME", "SKU", "STATE", "BIGCOMMERCE", "WHY"}, rows)
		}
		total += len(rows)
		return nil
	})
	if p.json {
		if err == nil {
			fmt.Fprintf(p.stdout, "\n],\"position\":%d,\"from\":%q}\n", last.Position, last.From)
		} else {
			fmt.Fprintln(p.stdout, "\n]}")
		}
		return err
	}
	switch {
	case err != nil:
		return err
	case last.Next != "":
		p.stderr.line("the first %s at position %d; -n 0 lists all", count(total, "product"), last.Position)
	default:
		p.stderr.line("%s at position %d", count(total, "product"), last.Position)
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
