package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/bigcommerce/simulator"
	pos "github.com/tillstream/tillstream/handlers/pos/xseries/simulator"
	"github.com/tillstream/tillstream/projections"
	"github.com/tillstream/tillstream/streams"
)

// check holds the evening against the books: the account's own, the projection, and
// what BigCommerce shows; and tells which trigger led to how many pushes.
func (d *demoRun) check(ctx context.Context) error {
	if err := d.rest(ctx); err != nil {
		return err
	}
	d.heading("The shop is closed: do the books agree?")
	var wrong []string
	for _, part := range []func(context.Context) ([]string, error){d.checkBooks, d.checkShop, d.checkOwned, d.checkTriggers} {
		found, err := part(ctx)
		if err != nil {
			return err
		}
		wrong = append(wrong, found...)
	}
	d.tellTraffic()
	for _, w := range wrong {
		d.say("  %s", d.cli.stdout.paint(red, oneLine(w)))
	}
	if len(wrong) > 0 {
		return fmt.Errorf("demo: %s", count(len(wrong), "difference"))
	}
	return nil
}

// rest waits until nothing is under way: no webhook, nothing to read, no push.
func (d *demoRun) rest(ctx context.Context) error {
	account := d.app.engine.Load().accounts[demoStore]
	if err := d.until(ctx, "the last webhooks", func() bool { return d.pos.account.Undelivered() == 0 }); err != nil {
		return err
	}
	now := time.Now()
	if err := d.until(ctx, "the account is read again", func() bool { return account.status().LastRead.After(now) }); err != nil {
		return err
	}
	if _, err := d.folded(ctx); err != nil {
		return err
	}
	return d.until(ctx, "the last pushes", func() bool { return d.pending() == 0 })
}

// checkBooks compares the stock that is folded with the account's own books.
func (d *demoRun) checkBooks(ctx context.Context) ([]string, error) {
	wrong, levels, err := offBooks(ctx, d.app.engine.Load().catalog, demoStore, d.pos.account)
	if err != nil {
		return nil, err
	}
	d.verdict(len(wrong) == 0, "The projection has the stock of the account's own books: %s compared, item by item and outlet by outlet.", count(levels, "level"))
	return wrong, nil
}

// offBooks says where the stock that is folded is not that of the account's own books,
// and how many levels were compared.
func offBooks(ctx context.Context, catalog *projections.Catalog, store domain.StoreID, account *pos.Account) (wrong []string, levels int, err error) {
	names := outletNames(account)
	for product, outlets := range account.Books() {
		item := domain.ItemID(product)
		id, _ := catalog.Holder(store, item)
		p, err := catalog.Product(ctx, store, id)
		if err != nil {
			return nil, 0, err
		}
		held, _ := p.Item(item)
		for ref, want := range outlets {
			levels++
			outlet, got := names[ref], "nothing"
			for _, level := range held.Stock {
				if level.Outlet == outlet {
					got = level.OnHand.String()
				}
			}
			if got != want.String() {
				wrong = append(wrong, fmt.Sprintf("%s at %s: the account has %s, the projection %s", held.SKU, outlet, want, got))
			}
		}
	}
	return wrong, levels, nil
}

// checkShop compares what BigCommerce shows with what it is to show.
func (d *demoRun) checkShop(ctx context.Context) ([]string, error) {
	engine := d.app.engine.Load()
	var wrong []string
	products, refused := 0, 0
	rules := d.app.cfg.Stores[0].rules()
	for id, pub := range engine.publications.All(demoStore) {
		if pub.Link == nil {
			continue
		}
		p, err := engine.catalog.Product(ctx, demoStore, id)
		if err != nil {
			return nil, err
		}
		if d.state(id) != projections.Synced {
			refused++ // as it was told
			continue
		}
		products++
		wrong = append(wrong, differences(d.shop.store, &p, pub.Link, rules)...)
	}
	told := ""
	if refused > 0 {
		told = fmt.Sprintf(" %d more are refused, as was told.", refused)
	}
	d.verdict(len(wrong) == 0, "BigCommerce shows the newest state of %s.%s", count(products, "linked product"), told)
	return wrong, nil
}

// checkOwned compares what is the merchant's own with what it was.
func (d *demoRun) checkOwned(context.Context) ([]string, error) {
	var wrong []string
	for id, owned := range d.owned {
		if touched := touchedFields(owned, d.shop.store.OwnedFields(id)); len(touched) > 0 {
			wrong = append(wrong, fmt.Sprintf("BigCommerce product %d: what is the merchant's own has changed: %s", id, strings.Join(touched, ", ")))
		}
	}
	d.verdict(len(wrong) == 0, "Weights, sizes, MSRP, sale prices, tax codes, customizations, SEO and custom fields of %s are as they were, to the byte.", count(len(d.owned), "product"))
	return wrong, nil
}

// checkTriggers follows everything that has occurred in the account to the event that
// says so and to the push that carried it.
func (d *demoRun) checkTriggers(ctx context.Context) ([]string, error) {
	pushes, err := confirmedPushes(ctx, d.app.conn, demoStore)
	if err != nil {
		return nil, err
	}
	engine := d.app.engine.Load()
	var wrong []string
	traces := map[pos.Trigger]*trace{}
	for _, t := range pos.Triggers() {
		traces[t] = &trace{pushes: map[domain.Position]bool{}}
	}
	for _, o := range d.pos.account.Occurrences() {
		t := traces[o.Trigger]
		if t == nil {
			continue
		}
		t.items++
		at, ok := d.journal.find(o)
		id, known := engine.catalog.Holder(demoStore, domain.ItemID(o.Product))
		switch {
		case !ok || !known:
			wrong = append(wrong, fmt.Sprintf("a %s of product %s is not in the log", o.Trigger, o.Product))
		case d.state(id) == projections.Unlinked:
			t.unlinked++
		default:
			switch push, ok := pushes.carrying(id, at); {
			case ok:
				t.pushes[push] = true
			case d.state(id) == projections.Synced:
				wrong = append(wrong, fmt.Sprintf("a %s of product %s led to no push", o.Trigger, o.Product))
			}
		}
	}
	d.verdict(len(wrong) == 0, "Whatever happened to a linked product was pushed:")
	rows := [][]string{}
	for _, name := range pos.Triggers() {
		t := traces[name]
		rows = append(rows, []string{"  " + string(name), thousands(d.times[name]), thousands(t.items), thousands(len(t.pushes)), thousands(t.unlinked)})
	}
	d.cli.stdout.table([]string{"  trigger", "times", "items", "pushes that carried them", "items not linked"}, rows)
	return wrong, nil
}

// trace is what one trigger has led to.
type trace struct {
	items, unlinked int
	pushes          map[domain.Position]bool // by their positions in the SYNC log
}

// pushed are the confirmed pushes of each product, in the order of the SYNC log.
type pushed map[domain.ProductID][]push

type push struct {
	carried domain.Position // of the state, in the POS log
	at      domain.Position // of the confirmation, in the SYNC log
}

// carrying returns the first push of a product that carried the state after an event,
// or a later one.
func (p pushed) carrying(id domain.ProductID, event domain.Position) (domain.Position, bool) {
	for _, one := range p[id] {
		if one.carried >= event {
			return one.at, true
		}
	}
	return 0, false
}

// confirmedPushes reads the SYNC log of a store.
func confirmedPushes(ctx context.Context, conn *streams.Conn, store domain.StoreID) (pushed, error) {
	all := pushed{}
	err := conn.Sync().Read(ctx, streams.Query{Store: store}, func(m streams.Message) error {
		rec, err := m.Recorded()
		if err != nil {
			return err
		}
		event, err := rec.Event()
		if err != nil {
			return err
		}
		if e, ok := event.(*domain.PushConfirmed); ok {
			all[e.Product] = append(all[e.Product], push{e.Position, rec.Position})
		}
		return nil
	})
	return all, err
}

// tellTraffic says what the webhooks brought, what polling did, and what it all cost.
func (d *demoRun) tellTraffic() {
	engine := d.app.engine.Load()
	account, status := engine.accounts[demoStore].status(), engine.publishers[demoStore].Status()
	h := d.pos.hooks()
	levels, recorded := d.journal.levels(d.opening), int(account.Webhooks.Recorded)
	d.say("Webhooks: %s sent; %d came, %d of them twice; %d were lost on the way.", thousands(h.sent), h.came, h.twice, h.lost)
	d.say("Stock: %d of %s were recorded from their webhooks, the others were read by polling.", recorded, count(levels, "level"))
	if d.unheard > 0 {
		d.say("Polling alone: %s of which no webhook told.", count(d.unheard, "change"))
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.say("Requests: %s to the account; %s to BigCommerce for %s, of which %d were refused for lack of quota.",
		thousands(int(account.Requests)), thousands(int(status.Requests)), countPushes(d.pushes), status.Throttled)
}

func countPushes(n int) string {
	if n == 1 {
		return "1 push"
	}
	return thousands(n) + " pushes"
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
