package simulator

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tillstream/tillstream/domain"
)

// TestStep_Caption compares every caption with the folded state before and after
// its events, of which the captions know nothing.
func TestStep_Caption(t *testing.T) {
	t.Parallel()
	opening := imported(t, domain.StockLevels)
	for seed := range uint64(manyDays) {
		c := opening.clone()
		for _, s := range newDay(t, seed).Steps() {
			events := envelopes(t, s)
			id := domain.ItemID(events[0].Subject)
			before := c.products[c.holders[id]]
			item, _ := before.Item(id)
			var wants []string
			for i, e := range events {
				event := c.append(e)
				wants = append(wants, mustSay(c, event)...)
				if i == 0 {
					wants = append(wants, mustSayOnce(c, event, len(events), before.Family, item)...)
				}
			}
			for _, want := range wants {
				if !strings.Contains(s.Caption, want) {
					t.Fatalf("%q does not say %q", s.Caption, want)
				}
			}
		}
	}
}

// mustSay is what a caption says of each event.
func mustSay(c *catalog, event domain.Event) []string {
	amount := func(id domain.ItemID, q domain.Quantity) string {
		if p, _ := c.item(id); strings.Contains(strings.Join(p.Family.Tags, ";"), "by the metre") {
			return q.String() + " m of " + c.label(id)
		}
		return q.String() + " × " + c.label(id)
	}
	switch e := event.(type) {
	case *domain.ItemSold:
		return []string{" sold ", amount(e.Item, e.Quantity), " at " + string(e.Outlet)}
	case *domain.ItemRefunded:
		return []string{" refunded ", amount(e.Item, e.Quantity), " at " + string(e.Outlet)}
	case *domain.ItemExchanged:
		if e.Quantity.Sign() > 0 {
			return []string{" exchanged " + c.label(e.Item) + " for ", " at " + string(e.Outlet)}
		}
		return []string{" for " + c.label(e.Item) + " at " + string(e.Outlet)}
	case *domain.StockAdjusted:
		if e.Quantity.Sign() < 0 {
			return []string{" wrote off " + amount(e.Item, e.Quantity.Neg()) + " at " + string(e.Outlet), e.Reason}
		}
		return []string{" put back " + amount(e.Item, e.Quantity) + " at " + string(e.Outlet), e.Reason}
	case *domain.ProductSaved:
		return []string{e.Name}
	}
	return nil
}

// mustSayOnce is what a caption says of a step of n events by its first, given
// the family and the item as they were before.
func mustSayOnce(c *catalog, event domain.Event, n int, family domain.Family, item domain.Item) []string {
	more := fmt.Sprintf(" and %d more ", n-1)
	price := func(m domain.Money) string { return fmt.Sprintf("%.2f", m.Decimal()) }
	switch e := event.(type) {
	case *domain.StockCounted:
		for _, level := range item.Stock {
			if level.Outlet == e.Outlet {
				return []string{family.Category + " at " + string(e.Outlet), c.label(e.Item) + " is " + e.OnHand.String() + ", not " + level.OnHand.String(), more}
			}
		}
		return []string{"a count of what was never there"}
	case *domain.StockOrderReceived:
		p, _ := c.item(e.Item)
		return []string{" from " + p.Family.Supplier + " at " + string(e.Outlet), e.Quantity.String() + " × " + c.label(e.Item), more}
	case *domain.StockTransferred:
		return []string{e.Quantity.String() + " × " + c.label(e.Item), more, " from " + string(e.From) + " to " + string(e.To)}
	case *domain.ProductImported:
		return []string{e.Import.File, c.label(e.Item) + " from " + price(item.RetailPrice) + " to " + price(*e.RetailPrice), more}
	case *domain.ProductDeleted:
		return []string{" deleted " + c.label(e.Item)}
	case *domain.ProductSaved:
		after, it := c.item(e.Item)
		switch {
		case !item.Described:
			return []string{" added " + c.label(e.Item)}
		case !item.RetailPrice.Equal(it.RetailPrice):
			return []string{" changed the price of ", " from " + price(item.RetailPrice) + " to " + price(it.RetailPrice)}
		case family.Description == "" && after.Family.Description != "":
			return []string{" wrote the description of "}
		case family.Description != "" && after.Family.Description == "":
			return []string{" emptied the description of "}
		case family.Active && !after.Family.Active:
			return []string{" took ", " off sale"}
		}
		return []string{" saved ", " and changed nothing"}
	}
	return nil
}
