package simulator

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tillstream/tillstream/domain"
)

// What happens at the tills besides sales.
const (
	fewestSales = 104
	moreSales   = 16 // at most so many more
	refunds     = 8
	exchanges   = 5
)

// tillPlan draws the times of what customers do. What they buy is drawn when the
// time has come, from what is there.
func (d *diary) tillPlan() []appointment {
	var plan []appointment
	for range fewestSales + d.rand.IntN(moreSales+1) {
		plan = append(plan, appointment{Arrival(d.rand), (*diary).sale})
	}
	// Returns come once there is something to bring back.
	afternoon := func() time.Duration { return 2*time.Hour + time.Duration(d.rand.IntN(6*3600))*time.Second }
	for range refunds {
		plan = append(plan, appointment{afternoon(), (*diary).refund})
	}
	for range exchanges {
		plan = append(plan, appointment{afternoon(), (*diary).exchange})
	}
	return plan
}

// Arrival draws when a customer comes, since [Opens]: a quiet morning, a rush at
// lunch, a second breath before tea.
func Arrival(r *rand.Rand) time.Duration {
	const slot = 30 * 60                                                    // seconds
	shares := [17]int{2, 3, 4, 5, 6, 7, 11, 12, 10, 7, 5, 5, 6, 6, 5, 4, 2} // of a hundred, by slot
	n := r.IntN(100)
	for i, share := range shares {
		if n < share {
			return time.Duration(i*slot+r.IntN(slot)) * time.Second
		}
		n -= share
	}
	return 0
}

// cashier draws who is at a till of an outlet.
func (d *diary) cashier(o outlet) clerk {
	staff := [outlets][]clerk{{ines, tomas}, {priya, callum}}[o]
	return staff[d.rand.IntN(len(staff))]
}

// line is an item and how much of it.
type line struct {
	item     *item
	quantity hundredths
}

// String is "2 × Enamel Mug", or "3.5 m of Dock Line 12 mm".
func (l line) String() string {
	if l.item.family.metre {
		return l.quantity.String() + " m of " + l.item.label()
	}
	return l.quantity.String() + " × " + l.item.label()
}

// sold is a line that may be brought back, and how much of it is still out.
type sold struct {
	line
	outlet outlet
	sale   string
}

func (d *diary) sale() {
	o := quayside
	if d.rand.IntN(100) < 38 {
		o = millLane
	}
	var lines []line
	for range Basket(d.rand) {
		it := d.drawItem(o, func(it *item) bool {
			return !slices.ContainsFunc(lines, func(l line) bool { return l.item == it })
		})
		lines = append(lines, line{it, d.drawQuantity(it, o)})
	}
	sale := d.next("sale")
	var events []domain.Event
	for i, l := range lines {
		events = append(events, &domain.ItemSold{
			Item: l.item.id, Outlet: o.id(), Quantity: l.quantity.quantity(), Sale: sale, Line: strconv.Itoa(i + 1),
			OnHand: d.move(l.item, o, -l.quantity),
		})
		d.sold = append(d.sold, &sold{l, o, sale})
	}
	who := d.cashier(o)
	d.write(who, sale, fmt.Sprintf("%s sold %s at %s", who, and(lines), o.id()), events...)
}

// Basket draws how many lines a sale has, 1 to 4.
func Basket(r *rand.Rand) int {
	switch n := r.IntN(100); {
	case n < 52:
		return 1
	case n < 80:
		return 2
	case n < 94:
		return 3
	}
	return 4
}

// drawItem draws something that can be sold at an outlet and that suits. There is
// always something: services do not run out.
func (d *diary) drawItem(o outlet, suits func(*item) bool) *item {
	var there []*item
	for _, it := range d.popular {
		if it.forSale(o) && suits(it) {
			there = append(there, it)
		}
	}
	r := d.rand.Float64()
	return there[int(r*r*float64(len(there)))]
}

// forSale reports whether there is at least one at the outlet.
func (it *item) forSale(o outlet) bool {
	return !it.deleted && it.family.active && (!it.family.tracked || it.stock[o] >= one)
}

func (d *diary) drawQuantity(it *item, o outlet) hundredths {
	if it.family.metre {
		return min(hundredths(4+d.rand.IntN(45))*25, it.stock[o])
	}
	n := one
	switch r := d.rand.IntN(100); {
	case r < 4:
		n = 3 * one
	case r < 18:
		n = 2 * one
	}
	if it.family.tracked {
		n = min(n, it.stock[o]/one*one)
	}
	return n
}

// move books a quantity and returns what is there afterwards, nil when nobody
// counts.
func (d *diary) move(it *item, o outlet, by hundredths) *domain.Quantity {
	if !it.family.tracked {
		return nil
	}
	it.stock[o] += by
	return it.stock[o].onHand()
}

// returnable lists what customers may bring back: not rope that was cut for them,
// nor services.
func (d *diary) returnable() []*sold {
	var out []*sold
	for _, s := range d.sold {
		f := s.item.family
		if s.quantity >= one && f.tracked && !f.metre && f.active && !s.item.deleted {
			out = append(out, s)
		}
	}
	return out
}

func (d *diary) refund() {
	back := d.returnable()
	if len(back) == 0 {
		d.sale()
		return
	}
	s := back[d.rand.IntN(len(back))]
	s.quantity -= one
	refund, who := d.next("refund"), d.cashier(s.outlet)
	d.write(who, refund, fmt.Sprintf("%s refunded %s at %s", who, line{s.item, one}, s.outlet.id()), &domain.ItemRefunded{
		Item: s.item.id, Outlet: s.outlet.id(), Quantity: one.quantity(), Sale: refund, Line: "1", OfSale: s.sale,
		OnHand: d.move(s.item, s.outlet, one),
	})
}

// exchange swaps what was bought for another size or colour, or, when there is
// none, for something else.
func (d *diary) exchange() {
	back := d.returnable()
	if len(back) == 0 {
		d.sale()
		return
	}
	d.rand.Shuffle(len(back), func(i, j int) { back[i], back[j] = back[j], back[i] })
	s := back[0]
	instead := d.drawItem(s.outlet, func(it *item) bool { return it != s.item && !it.family.metre })
	for _, t := range back {
		if i := slices.IndexFunc(t.item.family.items, func(it *item) bool { return it != t.item && it.forSale(t.outlet) }); i >= 0 {
			s, instead = t, t.item.family.items[i]
			break
		}
	}
	s.quantity -= one
	id, who := d.next("exchange"), d.cashier(s.outlet)
	d.sold = append(d.sold, &sold{line{instead, one}, s.outlet, id})
	d.write(who, id, fmt.Sprintf("%s exchanged %s for %s at %s", who, s.item.label(), instead.label(), s.outlet.id()),
		&domain.ItemExchanged{
			Item: s.item.id, Outlet: s.outlet.id(), Quantity: one.quantity(), Sale: id, Line: "1", OfSale: s.sale,
			OnHand: d.move(s.item, s.outlet, one),
		},
		&domain.ItemExchanged{
			Item: instead.id, Outlet: s.outlet.id(), Quantity: (-one).quantity(), Sale: id, Line: "2", OfSale: s.sale,
			OnHand: d.move(instead, s.outlet, -one),
		})
}

// and lists lines as a sentence does.
func and(lines []line) string {
	texts := make([]string, len(lines))
	for i, l := range lines {
		texts[i] = l.String()
	}
	last := len(texts) - 1
	if last == 0 {
		return texts[0]
	}
	return strings.Join(texts[:last], ", ") + " and " + texts[last]
}
