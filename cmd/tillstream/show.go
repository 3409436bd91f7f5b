package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/console"
)

func (c *cli) showCommand() *cobra.Command {
	var at, clock string
	cmd := &cobra.Command{
		Use:   "show ITEM",
		Short: "Show everything about one product, as it is or as it was",
		Long: `show prints the state of the product that ITEM names: what the POS says of it, its
variants with prices and stock, its twin in BigCommerce, and what became of the last
push.

With --at it prints what show would have printed at a moment. A position lasts until
the next one is recorded. --time business takes a time for one of the POS: of what is
recorded by now, everything counts that had happened there by then. ITEM is looked for
among what there is now: an SKU that has changed since is of no use, an id is.
` + momentHelp,
		Example: `  tillstream show CK-121
  tillstream show CK-121 --at 2026-11-01T09:00:00Z
  tillstream show CK-121 --json | jq .publication`,
		Args:              args(cobra.ExactArgs(1)),
		ValidArgsFunction: c.completeItem,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := errors.Join(c.checkMoment("--at", at), checkClock(clock)); err != nil {
				return err
			}
			query := url.Values{}
			if at != "" {
				query.Set("at", at)
				query.Set("time", clock)
			}
			return c.sessionOfStore(cmd, needReads, func(ctx context.Context, to *storeClient) error {
				var raw json.RawMessage
				if err := to.get(ctx, to.path("products", args[0]), query, &raw); err != nil {
					return aboutItem(err)
				}
				if c.json {
					return c.stdout.document(raw)
				}
				var p console.ProductPage
				if err := json.Unmarshal(raw, &p); err != nil {
					return fmt.Errorf("the answer about %s: %w", args[0], err)
				}
				c.show(&p)
				return nil
			})
		},
	}
	cmd.Flags().StringVar(&at, "at", "", "as it was at a `MOMENT`")
	clockFlag(cmd, &clock)
	return c.talksOfStore(c.reads(cmd))
}

func (c *cli) show(p *console.ProductPage) {
	name := p.Name
	if name == "" {
		name = "not described yet"
	}
	out := c.stdout
	out.line("%s  %s", out.paint(bold, oneLine(name)), out.state(string(p.Publication.State)))
	out.line("product %s of store %s, as of position %d", oneLine(string(p.Product)), p.Store, p.Position)
	out.line("%s", facts(p))
	c.showPublication(p)
	if len(p.Variants) > 0 {
		out.line("")
		out.table([]string{"SKU", "ITEM", "OPTIONS", "PRICE", "COST", "STOCK", "BIGCOMMERCE"}, variantRows(p, p.Variants))
	}
	if len(p.Undescribed) > 0 {
		out.line("\nheard of, but not described by the POS yet:")
		out.table([]string{"SKU", "ITEM", "OPTIONS", "PRICE", "COST", "STOCK", "BIGCOMMERCE"}, variantRows(p, p.Undescribed))
	}
	for _, q := range p.Quarantined {
		out.line("\n%s: item %s, position %d: %s", out.paint(red, "quarantined"), oneLine(string(q.Item)), q.Position, oneLine(q.Reason))
	}
	if len(p.Quarantined) > 0 {
		out.line("try: tillstream deadletters list")
	}
	if p.Description != "" {
		out.line("\n%s", printable(strings.TrimSpace(p.Description)))
	}
}

// facts is what a family is, in one line.
func facts(p *console.ProductPage) string {
	brand := "no brand"
	if p.Brand != "" {
		brand = "brand " + oneLine(p.Brand)
	}
	active, tracked := "active", "stock tracked"
	if !p.Active {
		active = "not active"
	}
	if !p.TrackInventory {
		tracked = "stock not tracked"
	}
	deleted := ""
	if p.Deleted {
		deleted = "deleted in the POS"
	}
	return sentence(brand, active, tracked, deleted)
}

func (c *cli) showPublication(p *console.ProductPage) {
	out := c.stdout
	switch {
	case p.Link == nil:
		out.line("not linked: nothing is pushed (tillstream link, or publish)")
		return
	case p.Publication.At != nil:
		out.line("BigCommerce %d, which confirmed position %d on %s", p.Link.BigCommerceID, p.Publication.Position, moment(*p.Publication.At))
	default:
		out.line("BigCommerce %d, which has confirmed nothing yet", p.Link.BigCommerceID)
	}
	if h := p.Publication.Held; h != nil {
		out.line("%s by %s since %s: %s", out.paint(yellow, "held back"), h.Guard, moment(h.At), oneLine(h.Reason))
		out.line("try: tillstream preview %[1]s, then tillstream approve %[1]s, or tillstream discard %[1]s", oneLine(string(p.Product)))
	}
	if p.Publication.Error != "" {
		out.line("%s", out.paint(red, oneLine(p.Publication.Error)))
	}
}

func variantRows(p *console.ProductPage, variants []console.VariantPage) [][]string {
	rows := make([][]string, len(variants))
	for i, v := range variants {
		twin := ""
		if p.Link != nil && p.Link.Variants[v.Item] != 0 {
			twin = strconv.FormatInt(p.Link.Variants[v.Item], 10)
		}
		rows[i] = []string{
			oneLine(string(v.SKU)), oneLine(string(v.Item)), options(v.Options), v.RetailPrice.String(), v.SupplyPrice.String(), stock(v.Stock), twin,
		}
	}
	return rows
}

func options(list []domain.Option) string {
	words := make([]string, len(list))
	for i, o := range list {
		words[i] = oneLine(o.Name + " " + o.Value)
	}
	return strings.Join(words, ", ")
}

func stock(levels map[domain.OutletID]domain.Quantity) string {
	var words []string
	for _, outlet := range slices.Sorted(maps.Keys(levels)) {
		words = append(words, oneLine(string(outlet))+" "+levels[outlet].String())
	}
	return strings.Join(words, ", ")
}
