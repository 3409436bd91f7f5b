package simulator

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/tillstream/tillstream/domain"
)

// stocked lists the items that are for sale, counted by the piece, and that suit.
func (d *diary) stocked(suits func(*item) bool) []*item {
	var out []*item
	for _, it := range d.shop.items {
		if f := it.family; !it.deleted && f.active && f.tracked && !f.metre && suits(it) {
			out = append(out, it)
		}
	}
	return out
}

// receive completes a stock order: of one product a dozen for each variant that
// the outlet lacks, and six each of what the supplier's goods are lowest of.
func (d *diary) receive(from string, o outlet, handle string) {
	order := d.next("order")
	wanted := d.shop.family(handle)
	var lines []line
	for _, it := range wanted.items {
		if it.stock[o] < one {
			lines = append(lines, line{it, 12 * one})
		}
	}
	low := d.stocked(func(it *item) bool { return it.family.supplier == from && it.family != wanted })
	slices.SortStableFunc(low, func(a, b *item) int { return cmp.Compare(a.stock[o], b.stock[o]) })
	for _, it := range low[:min(5, len(low))] {
		lines = append(lines, line{it, 6 * one})
	}
	var events []domain.Event
	for _, l := range lines {
		events = append(events, &domain.StockOrderReceived{
			Item: l.item.id, Outlet: o.id(), Quantity: l.quantity.quantity(), Order: order, OnHand: d.move(l.item, o, l.quantity),
		})
	}
	d.write(bo, order, fmt.Sprintf("%s received an order from %s at %s: %s and %d more items", bo, from, o.id(), lines[0], len(lines)-1), events...)
}

// transfer completes a transfer of two pieces each of what one outlet has most of
// and the other little.
func (d *diary) transfer(from, to outlet) {
	transfer := d.next("transfer")
	plenty := d.stocked(func(it *item) bool { return it.stock[from] >= 2*one })
	slices.SortStableFunc(plenty, func(a, b *item) int {
		return cmp.Compare(b.stock[from]-b.stock[to], a.stock[from]-a.stock[to])
	})
	var events []domain.Event
	for _, it := range plenty[:4] {
		events = append(events, &domain.StockTransferred{
			Item: it.id, From: from.id(), To: to.id(), Quantity: (2 * one).quantity(), Transfer: transfer,
			OnHandFrom: d.move(it, from, -2*one), OnHandTo: d.move(it, to, 2*one),
		})
	}
	d.write(bo, transfer, fmt.Sprintf("%s moved %s and %d more items from %s to %s",
		bo, line{plenty[0], 2 * one}, len(events)-1, from.id(), to.id()), events...)
}

// count completes a count of five items of a department, of which one or more are
// not as many as the POS thought.
func (d *diary) count(category string, o outlet) {
	count := d.next("count")
	shelf := d.stocked(func(it *item) bool { return it.family.category == category && it.stock[o] >= 0 })
	d.rand.Shuffle(len(shelf), func(i, j int) { shelf[i], shelf[j] = shelf[j], shelf[i] })
	shelf = shelf[:min(5, len(shelf))]
	thought := shelf[0].stock[o]
	var events []domain.Event
	for i, it := range shelf {
		switch {
		case i == 0 && it.stock[o] >= one:
			d.move(it, o, -one)
		case i == 0 || d.rand.IntN(4) == 0:
			d.move(it, o, one)
		}
		events = append(events, &domain.StockCounted{Item: it.id, Outlet: o.id(), OnHand: it.stock[o].quantity(), Count: count})
	}
	d.write(bo, count, fmt.Sprintf("%s counted %s at %s: %s is %s, not %s, and %d more items",
		bo, category, o.id(), shelf[0].label(), shelf[0].stock[o], thought, len(shelf)-1), events...)
}

// adjust corrects the stock of a simple product by hand. What is taken away may
// have been sold meanwhile: then there is nothing to take, and it is found instead.
func (d *diary) adjust(handle string, o outlet, quantity hundredths, reason string) {
	it := d.shop.family(handle).items[0]
	if it.stock[o]+quantity < 0 {
		quantity, reason = -quantity, "stock found"
	}
	did, amount := "wrote off", -quantity
	if quantity > 0 {
		did, amount = "put back", quantity
	}
	d.write(bo, d.next("adjustment"), fmt.Sprintf("%s %s %s at %s (%s)", bo, did, line{it, amount}, o.id(), reason), &domain.StockAdjusted{
		Item: it.id, Outlet: o.id(), Quantity: quantity.quantity(), Adjustment: d.next("adjustment"), Reason: reason,
		OnHand: d.move(it, o, quantity),
	})
}
