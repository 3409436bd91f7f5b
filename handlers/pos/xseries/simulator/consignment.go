package simulator

import (
	"fmt"
	"slices"
	"time"
)

// The types of consignments.
const (
	StockOrder     = "SUPPLIER"
	StockTransfer  = "OUTLET"
	SupplierReturn = "RETURN"
	Stocktake      = "STOCKTAKE"
)

// unknownConsignment is a status that the vendor might add one day: its list is declared open-ended.
const unknownConsignment = "AWAITING_REVIEW"

// consignmentSteps are the statuses of each type, and those that may follow.
var consignmentSteps = map[string]map[string][]string{
	StockOrder: {
		"OPEN": {"SENT", "CANCELLED"}, "SENT": {"DISPATCHED", "RECEIVED", "CANCELLED"},
		"DISPATCHED": {"DISPATCHED", "RECEIVED", "CANCELLED"}, "RECEIVED": nil, "CANCELLED": nil,
	},
	StockTransfer:  {"OPEN": {"SENT", "CANCELLED"}, "SENT": {"RECEIVED", "CANCELLED"}, "RECEIVED": nil, "CANCELLED": nil},
	SupplierReturn: {"OPEN": {"SENT", "CANCELLED"}, "SENT": nil, "CANCELLED": nil},
	Stocktake: {
		"STOCKTAKE_SCHEDULED":             {"STOCKTAKE_IN_PROGRESS", "CANCELLED", "CLOSED"},
		"STOCKTAKE_IN_PROGRESS":           {"STOCKTAKE_IN_PROGRESS", "STOCKTAKE_IN_PROGRESS_PROCESSED", "CANCELLED", "CLOSED"},
		"STOCKTAKE_IN_PROGRESS_PROCESSED": {"STOCKTAKE_COMPLETE", "CANCELLED", "CLOSED"},
		"STOCKTAKE_COMPLETE":              nil, "CLOSED": nil, "CANCELLED": nil,
	},
}

// consignment is a stock order, a transfer, a return to a supplier, or a count.
type consignment struct {
	stamped
	kind, status   string
	known          string // the status before one that nobody knows
	name           string
	outlet, source *outlet
	supplier       string
	received       time.Time
	lines          []*consignmentLine
	list           feed[*consignmentLine]
}

type consignmentLine struct {
	stamped
	product  *product
	count    Amount
	received *Amount
	cost     Amount
	sequence int
	status   string
}

// Consignment says what to move: for a transfer, from Source to Outlet; for a return, from Outlet to the supplier; for a
// count, the quantities of the lines mean nothing.
type Consignment struct {
	Type     string `json:"type"`
	Outlet   string `json:"outlet"`
	Source   string `json:"source,omitempty"`
	Supplier string `json:"supplier,omitempty"`
	Name     string `json:"name,omitempty"`
	Lines    []Line `json:"lines"`
}

const mostLines = 500 // that the vendor advises

// Consign begins a consignment, OPEN or STOCKTAKE_SCHEDULED, and returns its id.
func (a *Account) Consign(given Consignment) (string, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	c, err := a.consign(given)
	if err != nil {
		return "", err
	}
	return c.id, nil
}

func (a *Account) consign(given Consignment) (*consignment, error) {
	if consignmentSteps[given.Type] == nil {
		return nil, fmt.Errorf("type %q: want %s, %s, %s or %s", given.Type, StockOrder, StockTransfer, SupplierReturn, Stocktake)
	}
	o, err := a.outlet(given.Outlet)
	if err != nil {
		return nil, err
	}
	c := &consignment{kind: given.Type, status: "OPEN", outlet: o, supplier: given.Supplier, name: given.Name}
	if c.kind == Stocktake {
		c.status = "STOCKTAKE_SCHEDULED"
	}
	if c.kind == StockTransfer {
		if c.source, err = a.outlet(given.Source); err != nil {
			return nil, fmt.Errorf("source: %w", err)
		}
		if c.source == o {
			return nil, fmt.Errorf("a transfer from outlet %s to itself", o.name)
		}
	}
	if len(given.Lines) == 0 || len(given.Lines) > mostLines {
		return nil, fmt.Errorf("%d lines: want 1 to %d", len(given.Lines), mostLines)
	}
	for _, l := range given.Lines {
		p, err := a.product(l.Product)
		switch {
		case err != nil:
			return nil, err
		case !p.tracked():
			return nil, fmt.Errorf("product %s has no stock of its own", p.sku)
		case l.Quantity <= 0 && c.kind != Stocktake:
			return nil, fmt.Errorf("product %s: quantity %s: want one above 0", p.sku, l.Quantity)
		case slices.ContainsFunc(c.lines, func(other *consignmentLine) bool { return other.product == p }):
			return nil, fmt.Errorf("product %s is in two lines", p.sku)
		}
		line := &consignmentLine{product: p, count: l.Quantity, cost: p.supply, sequence: len(c.lines) + 1, status: "PENDING"}
		if c.kind == Stocktake {
			line.count = p.onHand(o)
		}
		c.lines = append(c.lines, line)
	}
	c.id = a.id(kindConsignment)
	if c.name == "" {
		c.name = fmt.Sprintf("%s %d", map[string]string{
			StockOrder: "Order", StockTransfer: "Transfer", SupplierReturn: "Return", Stocktake: "Count",
		}[c.kind], a.serials[kindConsignment])
	}
	for _, l := range c.lines {
		l.id = a.id(kindEntry)
		a.touchLine(c, l)
	}
	a.touch(&c.stamped)
	a.consigned.put(c)
	return c, nil
}

func (a *Account) touchLine(c *consignment, l *consignmentLine) {
	a.touch(&l.stamped)
	c.list.put(l)
}

// Advance gives a consignment its next status. The lines say what arrives with it, besides what did before, or what was
// counted; without lines, an order or a transfer that becomes RECEIVED has all that is outstanding.
func (a *Account) Advance(id, status string, lines ...Line) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	c, ok := a.consigned.find(id)
	if !ok {
		return fmt.Errorf("consignment %q: the account has none of that id", id)
	}
	return a.advance(c, status, lines)
}

func (a *Account) advance(c *consignment, status string, lines []Line) error {
	from := c.status
	if from == unknownConsignment {
		from = c.known
	}
	next := consignmentSteps[c.kind][from]
	if status == unknownConsignment && len(next) > 0 && c.status != unknownConsignment {
		c.known, c.status = c.status, unknownConsignment
		a.touch(&c.stamped)
		a.consigned.put(c)
		return nil
	}
	if !slices.Contains(next, status) {
		return fmt.Errorf("consignment %s (%s): status %q cannot follow %s: want one of %q", c.id, c.kind, status, from, next)
	}
	given, err := a.arrivals(c, status, lines)
	if err != nil {
		return err
	}
	c.status = status
	switch {
	case c.kind == StockTransfer && status == "SENT":
		for _, l := range c.lines {
			a.touchLine(c, l)
			a.announceLine(ConsignmentSend, c, l)
			a.move(l.product, c.source, -l.count, CauseTransfer, c.id)
		}
	case c.kind == StockTransfer && status == "CANCELLED" && from == "SENT":
		for _, l := range c.lines { // what had left is back
			a.move(l.product, c.source, l.count, CauseTransfer, c.id)
		}
	case c.kind == SupplierReturn && status == "SENT":
		for _, l := range c.lines {
			a.move(l.product, c.outlet, -l.count, CauseReturn, c.id)
		}
	case status == "DISPATCHED" || status == "RECEIVED":
		a.receive(c, given)
	case c.kind == Stocktake:
		a.tally(c, given)
	}
	if status == "RECEIVED" || status == "STOCKTAKE_COMPLETE" {
		c.received = a.now()
	}
	a.touch(&c.stamped)
	a.consigned.put(c)
	a.complete(c)
	return nil
}

// complete writes into the diary what has come to its end.
func (a *Account) complete(c *consignment) {
	why := outcomeOf(c.kind)
	if why == "" || c.status != "RECEIVED" && c.status != "STOCKTAKE_COMPLETE" {
		return
	}
	for _, l := range c.lines {
		if l.received != nil && (c.kind == Stocktake || *l.received > 0) {
			a.occur(why, l.product, c.outlet, c.id, c.version)
		}
	}
}

// outcomeOf is what a consignment of a type is once it has come to its end; a return to the supplier is none of the nine.
func outcomeOf(kind string) Trigger {
	switch kind {
	case StockOrder:
		return TriggerOrder
	case StockTransfer:
		return TriggerTransfer
	case Stocktake:
		return TriggerCount
	}
	return ""
}

// arrival is what came of a line, or was counted of it.
type arrival struct {
	line     *consignmentLine
	quantity Amount
}

func (a *Account) arrivals(c *consignment, status string, lines []Line) ([]arrival, error) {
	counting := status == "STOCKTAKE_IN_PROGRESS" || status == "STOCKTAKE_IN_PROGRESS_PROCESSED"
	arriving := status == "DISPATCHED" || status == "RECEIVED"
	var out []arrival
	for _, l := range lines {
		at := slices.IndexFunc(c.lines, func(have *consignmentLine) bool { return have.product.id == l.Product || have.product.sku == l.Product })
		switch {
		case !counting && !arriving:
			return nil, fmt.Errorf("consignment %s: nothing arrives when it becomes %s", c.id, status)
		case at < 0:
			return nil, fmt.Errorf("consignment %s has no line of product %q", c.id, l.Product)
		case l.Quantity < 0:
			return nil, fmt.Errorf("consignment %s: %s of product %q arrived: want 0 or more", c.id, l.Quantity, l.Product)
		}
		out = append(out, arrival{c.lines[at], l.Quantity})
	}
	if len(lines) == 0 && status == "RECEIVED" {
		for _, l := range c.lines {
			out = append(out, arrival{l, max(0, l.count-zero(l.received))})
		}
	}
	if status == "RECEIVED" && !slices.ContainsFunc(c.lines, func(l *consignmentLine) bool { return zero(l.received) > 0 }) &&
		!slices.ContainsFunc(out, func(x arrival) bool { return x.quantity > 0 }) {
		return nil, fmt.Errorf("consignment %s: RECEIVED needs one line of which something arrived", c.id)
	}
	return out, nil
}

// receive books what arrived at once.
func (a *Account) receive(c *consignment, given []arrival) {
	cause := CauseOrder
	if c.kind == StockTransfer {
		cause = CauseTransfer
	}
	for _, x := range given {
		sum := zero(x.line.received) + x.quantity
		x.line.received = &sum
		x.line.status = a.lineStatus(x.line)
		a.touchLine(c, x.line)
		a.announceLine(ConsignmentReceive, c, x.line)
		if x.quantity != 0 {
			a.move(x.line.product, c.outlet, x.quantity, cause, c.id)
		}
	}
}

// tally notes what was counted, and makes it the stock when the count is complete: whatever was sold meanwhile.
func (a *Account) tally(c *consignment, given []arrival) {
	for _, x := range given {
		x.line.received = &x.quantity
		a.touchLine(c, x.line)
	}
	if c.status != "STOCKTAKE_COMPLETE" {
		return
	}
	for _, l := range c.lines {
		if l.received == nil {
			continue
		}
		l.status = a.lineStatus(l)
		a.touchLine(c, l)
		a.announceLine(ConsignmentReceive, c, l)
		a.setTo(l.product, c.outlet, *l.received, CauseStocktake, c.id)
	}
}

// lineStatus is SUCCESS by the schema, and RECEIVE_SUCCESS by the vendor's example.
func (a *Account) lineStatus(l *consignmentLine) string {
	if a.odd(l.id) {
		return "RECEIVE_SUCCESS"
	}
	return "SUCCESS"
}

func (a *Account) announceLine(t HookType, c *consignment, l *consignmentLine) {
	a.announce(t, l.version, func() any { return a.hookConsigned(c, l, t) })
}

func zero(n *Amount) Amount {
	if n == nil {
		return 0
	}
	return *n
}
