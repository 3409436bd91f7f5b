package simulator

import (
	"fmt"
	"strings"
	"time"
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

// begin begins a consignment of some lines, and sees to it later; nil when there are none.
func (t *Trader) begin(c Consignment) (*consignment, error) {
	if len(c.Lines) == 0 {
		return nil, nil
	}
	made, err := t.account.consign(c)
	if err == nil {
		t.unpack(made)
	}
	return made, err
}

// pack begins one of which it tells what is in it.
func (t *Trader) pack(told string, c Consignment) (string, error) {
	made, err := t.begin(c)
	if made == nil {
		return "", err
	}
	return fmt.Sprintf(told, made.name, goods(made, func(l *consignmentLine) Amount { return l.count })), err
}

// goods are the lines of a consignment, and how much of each.
func goods(c *consignment, quantity func(*consignmentLine) Amount) string {
	var words []string
	for _, l := range c.lines {
		if n := quantity(l); n > 0 {
			words = append(words, some(n, l.product))
		}
	}
	return others(words)
}

// unpack makes an errand of the next step of a consignment.
func (t *Trader) unpack(c *consignment) {
	t.later(10*time.Minute, 50*time.Minute, func(t *Trader) (string, error) { return t.advance(c) })
}

func (t *Trader) order() (string, error) {
	o := t.outlet()
	// As much as is sold, or the shop would be empty after some weeks.
	lines := t.lines(10+t.rand.IntN(10), func(p *product) bool { return p.onHand(o) < Of(4) }, func(*product) Amount { return Of(12 + t.rand.IntN(13)) })
	return t.pack(o.name+" writes %s to Harbour Mills: %s", Consignment{Type: StockOrder, Outlet: o.id, Supplier: "Harbour Mills", Lines: lines})
}

func (t *Trader) transfer() (string, error) {
	if len(t.account.outlets) < 2 {
		return idle()
	}
	from := t.outlet()
	to := t.account.outlets[(from.index+1+t.rand.IntN(len(t.account.outlets)-1))%len(t.account.outlets)]
	lines := t.lines(t.few(), func(p *product) bool { return p.onHand(from) >= Of(2) }, func(*product) Amount { return Of(1 + t.rand.IntN(2)) })
	return t.pack(from.name+" packs %s for "+to.name+": %s", Consignment{Type: StockTransfer, Outlet: to.id, Source: from.id, Lines: lines})
}

func (t *Trader) sendBack() (string, error) {
	o := t.outlet()
	lines := t.lines(t.few(), func(p *product) bool { return p.onHand(o) >= Of(3) }, func(*product) Amount { return unit })
	return t.pack(o.name+" packs %s for Harbour Mills: %s", Consignment{Type: SupplierReturn, Outlet: o.id, Supplier: "Harbour Mills", Lines: lines})
}

func (t *Trader) stocktake() (string, error) {
	o := t.outlet()
	lines := t.lines(t.few(), func(*product) bool { return true }, func(*product) Amount { return 0 })
	made, err := t.begin(Consignment{Type: Stocktake, Outlet: o.id, Lines: lines})
	if made == nil {
		return "", err
	}
	return fmt.Sprintf("%s plans %s, of %d items", o.name, made.name, len(lines)), err
}

// advance takes a consignment one step further.
func (t *Trader) advance(c *consignment) (string, error) {
	status, lines := t.next(c)
	before := map[*consignmentLine]Amount{}
	for _, l := range c.lines {
		before[l] = zero(l.received)
	}
	if err := t.account.advance(c, status, lines); err != nil {
		return "", err
	}
	from := c.status
	if from == unknownConsignment {
		from = c.known
	}
	if len(consignmentSteps[c.kind][from]) > 0 {
		t.unpack(c)
	}
	return c.tell(goods(c, func(l *consignmentLine) Amount { return zero(l.received) - before[l] })), nil
}

// tell says what a consignment has become; arrived is what came with it.
func (c *consignment) tell(arrived string) string {
	switch at := c.outlet.name; c.status {
	case "SENT":
		if c.source != nil {
			at = c.source.name
		}
		if c.kind == StockOrder {
			return fmt.Sprintf("%s of %s is sent to the supplier", c.name, at)
		}
		return fmt.Sprintf("%s leaves %s", c.name, at)
	case "DISPATCHED":
		return fmt.Sprintf("A part of %s comes to %s: %s", c.name, at, arrived)
	case "RECEIVED":
		if arrived == "" {
			return fmt.Sprintf("%s is complete at %s", c.name, at)
		}
		return fmt.Sprintf("%s is received at %s: %s", c.name, at, arrived)
	case "STOCKTAKE_IN_PROGRESS":
		return fmt.Sprintf("%s goes on at %s: the shelves are counted", c.name, at)
	case "STOCKTAKE_IN_PROGRESS_PROCESSED":
		return fmt.Sprintf("%s at %s is looked over", c.name, at)
	case "STOCKTAKE_COMPLETE":
		var found []string
		for _, l := range c.lines {
			if n := zero(l.received); n != l.count {
				found = append(found, fmt.Sprintf("%s, not %s", some(n, l.product), l.count))
			}
		}
		if len(found) == 0 {
			return fmt.Sprintf("%s at %s is complete, and all was as expected", c.name, at)
		}
		return fmt.Sprintf("%s at %s is complete: %s", c.name, at, others(found))
	case "CANCELLED":
		return fmt.Sprintf("%s is cancelled", c.name)
	}
	return fmt.Sprintf("%s becomes %s, a status that is new to everybody", c.name, c.status)
}

// next is what comes next of a consignment: mostly what should.
func (t *Trader) next(c *consignment) (string, []Line) {
	from := c.status
	switch {
	case from == unknownConsignment:
		from = c.known
	case t.account.odd(c.id) && c.known == "":
		return unknownConsignment, nil
	case t.rand.IntN(12) == 0 && from != "STOCKTAKE_IN_PROGRESS_PROCESSED" && t.happened(outcomeOf(c.kind)):
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
		return idle()
	}
	negative := []string{"DAMAGE", "EXPIRY", "INTERNAL_USE", "THEFT", "DONATION"}
	given := Adjustment{Product: p.id, Outlet: o.id, Quantity: -unit, Reason: negative[t.rand.IntN(len(negative))]}
	did := "writes off"
	switch t.rand.IntN(4) {
	case 0:
		given.Quantity, given.Reason, did = unit, "STOCK_FOUND", "has found"
	case 1:
		given.Quantity, given.Reason, given.Custom = -unit/4, "CUSTOM", serialID(kindAdjustment, 0)
	}
	_, err := t.account.adjust([]Adjustment{given})
	reason := strings.ReplaceAll(strings.ToLower(given.Reason), "_", " ")
	return fmt.Sprintf("%s %s %s (%s)", o.name, did, some(max(given.Quantity, -given.Quantity), p), reason), err
}
