package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/bigcommerce/simulator"
	"github.com/tillstream/tillstream/projections"
)

// check holds the evening against the books: the POS's own stock, the projection,
// and what BigCommerce shows.
func (d *demoRun) check(ctx context.Context) error {
	engine := d.app.engine.Load()
	if err := d.until(ctx, func() bool { return d.pending() == 0 }); err != nil {
		return err
	}
	d.heading("17:30, the shop closes: do the books agree?")
	var wrong []string
	levels := 0
	for item, outlets := range d.day.Books(len(d.day.Steps())) {
		id, _ := engine.catalog.Holder(demoStore, item)
		p, err := engine.catalog.Product(ctx, demoStore, id)
		if err != nil {
			return err
		}
		held, _ := p.Item(item)
		for outlet, want := range outlets {
			levels++
			got := domain.Quantity{}
			for _, level := range held.Stock {
				if level.Outlet == outlet {
					got = level.OnHand
				}
			}
			if !got.Equal(want) {
				wrong = append(wrong, fmt.Sprintf("%s at %s: the POS has %s, the projection %s", item, outlet, want, got))
			}
		}
	}
	d.verdict(len(wrong) == 0, "The projection has the POS's stock: %s compared.", count(levels, "level"))

	products, before := 0, len(wrong)
	rules := d.app.cfg.Stores[0].rules()
	for id, pub := range engine.publications.All(demoStore) {
		if pub.Link == nil {
			continue
		}
		p, err := engine.catalog.Product(ctx, demoStore, id)
		if err != nil {
			return err
		}
		summary, _ := engine.catalog.Summary(demoStore, id)
		if projections.StateOf(summary.Due, pub, false) != projections.Synced {
			continue // refused, as it was told
		}
		products++
		wrong = append(wrong, differences(d.shop.store, &p, pub.Link, rules)...)
	}
	d.verdict(len(wrong) == before, "BigCommerce shows the newest state of all %s that are linked.", count(products, "product"))

	before = len(wrong)
	for id, owned := range d.owned {
		if touched := touchedFields(owned, d.shop.store.OwnedFields(id)); len(touched) > 0 {
			wrong = append(wrong, fmt.Sprintf("BigCommerce product %d: what is the merchant's own has changed: %s", id, strings.Join(touched, ", ")))
		}
	}
	d.verdict(len(wrong) == before, "Weights, sizes, MSRP, sale prices, tax codes, customizations, SEO and custom fields of %s are as they were, to the byte.", count(len(d.owned), "product"))
	status := engine.publishers[demoStore].Status()
	d.mu.Lock()
	pushes := d.pushes
	d.mu.Unlock()
	d.say("%d pushes were confirmed with %s to BigCommerce, of which %d were refused for lack of quota.", pushes, count(int(status.Requests), "request"), status.Throttled)
	for _, w := range wrong {
		d.say("  %s", d.cli.stdout.paint(red, oneLine(w)))
	}
	if len(wrong) > 0 {
		return fmt.Errorf("demo: %s", count(len(wrong), "difference"))
	}
	return nil
}

// touchedFields names what differs between two readings of what the merchant owns of
// a product. Variants that came or went with those of the POS have no other side to
// be compared with.
func touchedFields(before, after []byte) []string {
	type owned map[string]json.RawMessage
	read := func(doc []byte) (product owned, variants map[string]owned) {
		variants = map[string]owned{}
		var list []owned
		if json.Unmarshal(doc, &product) != nil || json.Unmarshal(product["variants"], &list) != nil {
			return owned{"everything": doc}, variants
		}
		delete(product, "variants")
		for _, v := range list {
			variants[string(v["id"])] = v
		}
		return product, variants
	}
	var touched []string
	compare := func(of string, before, after owned) {
		for _, name := range slices.Sorted(maps.Keys(before)) {
			if !bytes.Equal(before[name], after[name]) {
				touched = append(touched, of+name)
			}
		}
	}
	productBefore, variantsBefore := read(before)
	productAfter, variantsAfter := read(after)
	compare("", productBefore, productAfter)
	for id, v := range variantsBefore {
		if w, ok := variantsAfter[id]; ok {
			compare("variant "+id+" ", v, w)
		}
	}
	return touched
}

func (d *demoRun) verdict(ok bool, format string, args ...any) {
	mark := d.cli.stdout.paint(green, "✓")
	if !ok {
		mark = d.cli.stdout.paint(red, "✗")
	}
	d.say("%s %s", mark, fmt.Sprintf(format, args...))
}

// differences compares what BigCommerce shows of a product with what it is to
// show.
func differences(store *simulator.Store, p *domain.Product, link *domain.Link, rules domain.Rules) []string {
	twin, ok := store.Product(link.BigCommerceID)
	if !ok {
		return []string{fmt.Sprintf("%s: BigCommerce has no product %d", p.Family.Name, link.BigCommerceID)}
	}
	want := p.Listing(rules)
	var out []string
	differ := func(what string, want, got any) {
		if want != got {
			out = append(out, fmt.Sprintf("%s, %s: %v in BigCommerce, %v in the POS", p.Family.Name, what, got, want))
		}
	}
	differ("name", want.Name, twin.Name)
	differ("description", want.Description, twin.Description)
	differ("brand", want.Brand, store.Brand(twin.BrandID))
	differ("visible", want.Visible, twin.IsVisible)
	for _, v := range want.Variants {
		linked, ok := link.Variant(v.Item)
		if !ok {
			out = append(out, fmt.Sprintf("%s: %s has no variant in BigCommerce", p.Family.Name, v.SKU))
			continue
		}
		price, cost, stock := twin.Price, twin.CostPrice, int64(0)
		for _, tv := range twin.Variants {
			if tv.ID != linked.BigCommerceID {
				continue
			}
			if tv.Price != nil {
				price = *tv.Price
			}
			if tv.CostPrice != nil {
				cost = *tv.CostPrice
			}
		}
		differ("price of "+string(v.SKU), amount(v.Price), price)
		differ("cost of "+string(v.SKU), amount(v.Cost), cost)
		for _, level := range v.Stock {
			variant := linked.BigCommerceID
			if link.Simple {
				variant = 0
			}
			stock = store.Stock(level.Location, twin.ID, variant)
			differ("stock of "+string(v.SKU), level.Quantity, stock)
		}
	}
	return out
}
