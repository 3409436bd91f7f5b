package simulator

import (
	"fmt"
	"strings"
)

// few is how many lines there are of anything but an order.
func (t *Trader) few() int { return 2 + t.rand.IntN(5) }

// lines draws at most so many products that suit, and how much of each.
func (t *Trader) lines(most int, suits func(*product) bool, quantity func(*product) Amount) []Line {
	all := t.chosen(func(p *product) bool { return p.tracked() && suits(p) })
	t.rand.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	var out []Line
	for _, p := range all[:min(len(all), most)] {
		out = append(out, Line{p.id, quantity(p)})
	}
	return out
}

func (t *Trader) begin(what string, c Consignment) (string, error) {
	if len(c.Lines) == 0 {
		return idle("begins " + what)
	}
	made, err := t.account.consign(c)
	if err != nil {
		return "", err
	}
	t.open = append(t.open, made)
	return fmt.Sprintf("%s begins: %d lines at %s", what, len(c.Lines), made.outlet.name), nil
}

func (t *Trader) order() (string, error) {
	o := t.outlet()
	// As much as is sold, or the shop would be empty after some weeks.
	lines := t.lines(10+t.rand.IntN(10), func(p *product) bool { return p.onHand(o) < Of(4) }, func(*product) Amount { return Of(12 + t.rand.IntN(13)) })
	return t.begin("a stock order", Consignment{Type: StockOrder, Outlet: o.id, Supplier: "Harbour Mills", Lines: lines})
}

func (t *Trader) transfer() (string, error) {
	if len(t.account.outlets) < 2 {
		return idle("moves anything")
	}
	from := t.outlet()
	to := t.account.outlets[(from.index+1+t.rand.IntN(len(t.account.outlets)-1))%len(t.account.outlets)]
	lines := t.lines(t.few(), func(p *product) bool { return p.onHand(from) >= Of(2) }, func(*product) Amount { return Of(1 + t.rand.IntN(2)) })
	return t.begin("a transfer", Consignment{Type: StockTransfer, Outlet: to.id, Source: from.id, Lines: lines})
}

func (t *Trader) sendBack() (string, error) {
	o := t.outlet()
	lines := t.lines(t.few(), func(p *product) bool { return p.onHand(o) >= Of(3) }, func(*product) Amount { return unit })
	return t.begin("a return to the supplier", Consignment{Type: SupplierReturn, Outlet: o.id, Supplier: "Harbour Mills", Lines: lines})
}

func (t *Trader) stocktake() (string, error) {
	o := t.outlet()
	return t.begin("a count", Consignment{Type: Stocktake, Outlet: o.id, Lines: t.lines(t.few(), func(*product) bool { return true }, func(*product) Amount { return 0 })})
}

// advance takes the consignment that has waited longest one step further.
func (t *Trader) advance() (string, error) {
	if len(t.open) == 0 {
		return idle("unpacks anything")
	}
	c := t.open[0]
	t.open = t.open[1:]
	status, lines := t.next(c)
	if err := t.account.advance(c, status, lines); err != nil {
		return "", err
	}
	from := c.status
	if from == unknownConsignment {
		from = c.known
	}
	if len(consignmentSteps[c.kind][from]) > 0 {
		t.open = append(t.open, c)
	}
	return fmt.Sprintf("%s is %s", c.name, strings.ToLower(status)), nil
}

// next is what comes next of a consignment: mostly what should.
func (t *Trader) next(c *consignment) (string, []Line) {
	from := c.status
	switch {
	case from == unknownConsignment:
		from = c.known
	case t.account.odd(c.id) && c.known == "":
		return unknownConsignment, nil
	case t.rand.IntN(12) == 0 && from != "STOCKTAKE_IN_PROGRESS_PROCESSED":
		return "CANCELLED", nil
	}
	switch from {
	case "OPEN":
		return "SENT", nil
	case "SENT":
		if c.kind == StockOrder && t.rand.IntN(2) == 0 {
			return "DISPATCHED", t.some(c)
		}
		if c.kind == StockTransfer && t.rand.IntN(4) == 0 {
			return "RECEIVED", t.some(c) // the rest got lost
		}
		return "RECEIVED", nil
	case "DISPATCHED":
		return "RECEIVED", nil
	case "STOCKTAKE_SCHEDULED":
		return "STOCKTAKE_IN_PROGRESS", t.counted(c)
	case "STOCKTAKE_IN_PROGRESS":
		return "STOCKTAKE_IN_PROGRESS_PROCESSED", nil
	}
	return "STOCKTAKE_COMPLETE", nil
}

// some is a part of what is to come.
func (t *Trader) some(c *consignment) []Line {
	var out []Line
	for i, l := range c.lines {
		if i == 0 || t.rand.IntN(2) == 0 {
			out = append(out, Line{l.product.id, max(unit, (l.count / 2).floor())})
		}
	}
	return out
}

// counted is what is on the shelf: mostly what it should be.
func (t *Trader) counted(c *consignment) []Line {
	var out []Line
	for _, l := range c.lines {
		n := max(0, l.product.onHand(c.outlet))
		switch t.rand.IntN(4) {
		case 0:
			n = max(0, n-unit)
		case 1:
			n += unit
		}
		out = append(out, Line{l.product.id, n})
	}
	return out
}

func (t *Trader) adjust() (string, error) {
	o := t.outlet()
	p, ok := draw(t, t.chosen(func(p *product) bool { return p.tracked() && p.onHand(o) >= unit }))
	if !ok {
		return idle("adjusts")
	}
	negative := []string{"DAMAGE", "EXPIRY", "INTERNAL_USE", "THEFT", "DONATION"}
	given := Adjustment{Product: p.id, Outlet: o.id, Quantity: -unit, Reason: negative[t.rand.IntN(len(negative))]}
	switch t.rand.IntN(4) {
	case 0:
		given.Quantity, given.Reason = unit, "STOCK_FOUND"
	case 1:
		given.Quantity, given.Reason, given.Custom = -unit/4, "CUSTOM", serialID(kindAdjustment, 0)
	}
	_, err := t.account.adjust([]Adjustment{given})
	return fmt.Sprintf("%s of %s at %s: %s", given.Quantity, p.label(), o.name, strings.ToLower(given.Reason)), err
}
