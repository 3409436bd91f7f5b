package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tillstream/tillstream/domain"
	bigcommerce "github.com/tillstream/tillstream/handlers/bigcommerce/simulator"
	pos "github.com/tillstream/tillstream/handlers/pos/xseries/simulator"
)

// TestAccount_triggers: each of the nine triggers of an account is a push by itself.
// Here none has left a level other than it was, so that nothing else asks for one.
func TestAccount_triggers(t *testing.T) {
	t.Parallel()
	account, x := shopAccount(t, pos.Config{Items: 12})
	in := install(t, bigcommerce.Config{}, func(c *Config) {
		c.Stores[0].Publish, c.Stores[0].POS.XSeries = "all", x
	})
	c := counter{t, account, account.Outlets()[0].Name, account.Outlets()[1].Name}
	for _, sku := range []string{"SAVE", "IMPORT", "COUNT", "ORDER", "TRANSFER", "ADJUST"} {
		c.add(sku, true)
	}
	for _, sku := range []string{"SALE", "REFUND", "EXCHANGE", "INSTEAD"} {
		c.add(sku, false)
	}
	sold, swapped := c.sell("CLOSED", "REFUND", 1), c.sell("CLOSED", "EXCHANGE", 1)
	moved, adjusted := c.sell("LAYBY", "TRANSFER", 1), c.sell("LAYBY", "ADJUST", 1)
	in.loaded()
	in.settle()
	books, before := account.Books(), account.Occurrences()

	// Nobody sees anything before all is done.
	account.Down(true)
	c.done(account.Save("SAVE", pos.ProductEdit{}))
	_, err := account.Import(strings.NewReader("sku,retail_price\nIMPORT,20\n"))
	c.done(err)
	c.sell("CLOSED", "SALE", 1)
	c.made(account.Return(sold, true))
	c.made(account.Exchange(swapped, true, []pos.Line{{Product: "EXCHANGE", Quantity: pos.Of(1)}}, []pos.Line{{Product: "INSTEAD", Quantity: pos.Of(1)}}))
	c.consign(pos.Consignment{Type: pos.Stocktake, Outlet: c.here, Lines: []pos.Line{{Product: "COUNT"}}},
		"STOCKTAKE_IN_PROGRESS", "STOCKTAKE_IN_PROGRESS_PROCESSED", "STOCKTAKE_COMPLETE")
	// What comes is laid by, and what goes was.
	c.consign(pos.Consignment{Type: pos.StockOrder, Outlet: c.here, Supplier: "Harbour Mills", Lines: []pos.Line{{Product: "ORDER", Quantity: pos.Of(5)}}}, "SENT", "RECEIVED")
	c.sell("LAYBY", "ORDER", 5)
	c.consign(pos.Consignment{Type: pos.StockTransfer, Source: c.here, Outlet: c.there, Lines: []pos.Line{{Product: "TRANSFER", Quantity: pos.Of(1)}}}, "SENT", "RECEIVED")
	c.done(account.SetSaleStatus(moved, "VOIDED"))
	_, err = account.Sell(c.there, "LAYBY", pos.Line{Product: "TRANSFER", Quantity: pos.Of(1)})
	c.done(err)
	_, err = account.Adjust(pos.Adjustment{Product: "ADJUST", Outlet: c.here, Quantity: pos.Of(-1), Reason: "DAMAGE"})
	c.done(err)
	c.done(account.SetSaleStatus(adjusted, "VOIDED"))
	if diff := cmp.Diff(books, account.Books()); diff != "" {
		t.Fatalf("the levels are not what they were:\n%s", diff)
	}
	account.Down(false)

	occurred := account.Occurrences()[len(before):]
	log := newJournal(account)
	in.await("all is in the log", func() bool {
		log = newJournal(account)
		for _, rec := range in.log() {
			log.note(&rec)
		}
		for _, o := range occurred {
			if _, ok := log.find(o); !ok && o.Trigger.Pushes() {
				return false
			}
		}
		return true
	})
	in.settle()
	engine := in.app.engine.Load()
	pushes, err := confirmedPushes(t.Context(), in.app.conn, testStore)
	c.done(err)
	seen := map[pos.Trigger]int{}
	for _, o := range occurred {
		if !o.Trigger.Pushes() {
			continue
		}
		seen[o.Trigger]++
		event, _ := log.find(o)
		id, _ := engine.catalog.Holder(testStore, domain.ItemID(o.Product))
		if _, ok := pushes.carrying(id, event); !ok {
			t.Errorf("%s: no push: it is at position %d, and the pushes are %v", o.Trigger, event, pushes[id])
		}
	}
	for _, trigger := range pos.Triggers() {
		if seen[trigger] == 0 {
			t.Errorf("there was no %s", trigger)
		}
	}
}

// counter is who works in an account, without mistakes.
type counter struct {
	t           *testing.T
	account     *pos.Account
	here, there string
}

func (c counter) done(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

func (c counter) made(id string, err error) string {
	c.t.Helper()
	c.done(err)
	return id
}

// add makes a product, with some at both outlets if anybody counts them.
func (c counter) add(sku string, counted bool) {
	c.t.Helper()
	c.made(c.account.Add("Thing "+sku, sku, pos.Of(20), ""))
	c.done(c.account.Save(sku, pos.ProductEdit{TrackInventory: &counted}))
	for _, outlet := range []string{c.here, c.there} {
		if counted {
			_, err := c.account.Adjust(pos.Adjustment{Product: sku, Outlet: outlet, Quantity: pos.Of(9), Reason: "STOCK_FOUND"})
			c.done(err)
		}
	}
}

func (c counter) sell(status, sku string, n int) string {
	c.t.Helper()
	return c.made(c.account.Sell(c.here, status, pos.Line{Product: sku, Quantity: pos.Of(n)}))
}

// consign takes a consignment through its statuses. What is counted is what is there.
func (c counter) consign(like pos.Consignment, statuses ...string) {
	c.t.Helper()
	id := c.made(c.account.Consign(like))
	for _, status := range statuses {
		var lines []pos.Line
		if status == "STOCKTAKE_IN_PROGRESS" {
			lines = []pos.Line{{Product: like.Lines[0].Product, Quantity: pos.Of(9)}}
		}
		c.done(c.account.Advance(id, status, lines...))
	}
}
