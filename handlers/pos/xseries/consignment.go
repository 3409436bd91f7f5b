package xseries

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/tillstream/tillstream/domain"
)

// movement is what kind of movement a completed consignment is.
type movement string

const (
	none     movement = ""
	order    movement = "order"
	transfer movement = "transfer"
	giveBack movement = "return"
	count    movement = "count"
)

// kindOf says what a consignment that has come to its end is; none while it has
// not, and a note when its type or status is not known.
func kindOf(r record) (movement, string) {
	kind, status := strings.ToUpper(r.id("type")), strings.ToUpper(r.id("status"))
	if r.deleted() || status == "CANCELLED" || status == "OPEN" {
		return none, ""
	}
	switch kind + " " + status {
	case "SUPPLIER RECEIVED":
		return order, ""
	case "OUTLET RECEIVED":
		return transfer, ""
	case "RETURN SENT":
		return giveBack, ""
	case "STOCKTAKE STOCKTAKE_COMPLETE", "STOCKTAKE CLOSED":
		return count, ""
	case "SUPPLIER SENT", "SUPPLIER DISPATCHED", "OUTLET SENT", "OUTLET DISPATCHED",
		"STOCKTAKE STOCKTAKE", "STOCKTAKE STOCKTAKE_SCHEDULED", "STOCKTAKE STOCKTAKE_IN_PROGRESS", "STOCKTAKE STOCKTAKE_IN_PROGRESS_PROCESSED":
		return none, ""
	}
	return none, fmt.Sprintf("consignment %s has the type %q and the status %q, which are not known together; it is not taken as completed", r.id("id"), kind, status)
}

// Completed reports whether a consignment has come to its end, so that
// [Account.Consignment] needs its lines.
func Completed(raw json.RawMessage) bool {
	kind, _ := kindOf(recordOf(raw))
	return kind != none
}

// Consignment reads a consignment with its lines: a stock order that was received,
// a transfer that was, a return to the supplier that was sent, a count that is
// complete. Before that it says nothing: what is under way, the levels tell. The
// lines of one product are one event.
//
// What a count found is not what is there any more when something was sold
// meanwhile, and whether the account's level follows the figure to the unit is not
// documented. So the event of a count carries the level that the account itself
// reports ([Account.Held]), under the version of that report: it pushes, and can
// never move the stock away from the account's own.
func (a *Account) Consignment(raw json.RawMessage, lines []json.RawMessage, seen time.Time) (Change, error) {
	return read("consignment", raw, func(r record, head Head) (Change, error) {
		kind, note := kindOf(r)
		if kind == none {
			return Change{Note: note}, nil
		}
		if head.ID == "" {
			return Change{}, &domain.InvalidError{Path: "id", Reason: "is required"}
		}
		c := consignment{account: a, kind: kind, id: head.ID, version: head.Version,
			complete: strings.EqualFold(r.id("status"), "STOCKTAKE_COMPLETE"),
			at:       r.when(seen, "received_at", "updated_at", "consignment_date", "created_at")}
		if kind != order && kind != transfer {
			c.at = r.when(seen, "updated_at", "consignment_date", "created_at")
		}
		if err := c.outlets(r); err != nil {
			return Change{}, err
		}
		sums, err := sumLines(lines)
		if err != nil {
			return Change{}, err
		}
		var out Change
		for _, l := range sums {
			e, ok, err := c.line(l)
			if err != nil {
				return Change{}, err
			}
			if ok {
				e.CorrelationID = c.id
				out.Envelopes = append(out.Envelopes, e)
			}
		}
		return out, nil
	})
}

// consignmentLine is what the lines of one product say together.
type consignmentLine struct {
	item            string
	count, received *domain.Quantity // expected, and observed; nil when not said
	version         uint64
}

// sumLines adds up the lines of each product, in the order of their first ones.
func sumLines(lines []json.RawMessage) ([]consignmentLine, error) {
	at := map[string]int{}
	var out []consignmentLine
	for i, raw := range lines {
		r := recordOf(raw)
		item := r.id("product_id")
		if item == "" || r.deleted() {
			continue
		}
		n, ok := at[item]
		if !ok {
			n, at[item] = len(out), len(out)
			out = append(out, consignmentLine{item: item})
		}
		l := &out[n]
		l.version = max(l.version, r.version())
		for _, f := range []struct {
			name string
			into **domain.Quantity
		}{{"count", &l.count}, {"received", &l.received}} {
			q, err := r.quantity(f.name)
			if err == nil && q != nil {
				err = add(f.into, *q)
			}
			if err != nil {
				return nil, inLine(i, err)
			}
		}
	}
	return out, nil
}

func add(into **domain.Quantity, q domain.Quantity) error {
	if *into != nil {
		sum, err := (*into).Add(q)
		if err != nil {
			return err
		}
		q = sum
	}
	*into = &q
	return nil
}

// consignment is what the lines share.
type consignment struct {
	account  *Account
	kind     movement
	id       string
	version  uint64
	complete bool // of a count: its own status says so
	at       time.Time
	from, to domain.OutletID
}

// outlets finds where the goods come from and go to. Which of its two outlets a
// return names is not documented: the source, when there is one.
func (c *consignment) outlets(r record) (err error) {
	names := c.account.Outlets
	source, own := r.id("source_outlet_id"), r.id("outlet_id")
	switch c.kind {
	case transfer:
		if c.from, err = names.name(source); err == nil {
			c.to, err = names.name(own)
		}
	case giveBack:
		if source == "" {
			source = own
		}
		c.from, err = names.name(source)
	default:
		c.to, err = names.name(own)
	}
	return err
}

// line makes the event of one product, or none when nothing of it moved.
func (c *consignment) line(l consignmentLine) (domain.Envelope, bool, error) {
	item := domain.ItemID(l.item)
	if c.kind == count {
		return c.counted(item, l)
	}
	moved := l.received
	if c.kind == giveBack || moved == nil {
		moved = l.count
	}
	if moved == nil || moved.Sign() <= 0 {
		return domain.Envelope{}, false, nil
	}
	var event domain.Event
	switch c.kind {
	case order:
		event = &domain.StockOrderReceived{Item: item, Outlet: c.to, Quantity: *moved, Order: c.id}
	case transfer:
		event = &domain.StockTransferred{Item: item, From: c.from, To: c.to, Quantity: *moved, Transfer: c.id}
	default:
		event = &domain.StockAdjusted{Item: item, Outlet: c.from, Quantity: moved.Neg(), Adjustment: c.id, Reason: "return to supplier"}
	}
	e, err := c.account.envelope(event, c.version, c.at, "consignment", c.id, l.item, string(c.kind), moved.String())
	return e, true, err
}

// counted is the event of a counted product. Where no level was ever reported, the
// figure of the count is the best there is, under the version of its line, which
// any report of a level after it outdates.
func (c *consignment) counted(item domain.ItemID, l consignmentLine) (domain.Envelope, bool, error) {
	if l.received == nil {
		return domain.Envelope{}, false, nil // not counted
	}
	onHand, version := *l.received, l.version
	known := false
	if c.account.Held != nil {
		if q, v, ok := c.account.Held(item, c.to); ok && v > 0 {
			onHand, version, known = q, v, true
		}
	}
	if !known && !c.complete {
		return domain.Envelope{}, false, nil // closed, and perhaps never applied
	}
	event := &domain.StockCounted{Item: item, Outlet: c.to, OnHand: onHand, Count: c.id}
	e, err := c.account.envelope(event, version, c.at, "consignment", c.id, l.item, string(count))
	return e, true, err
}
