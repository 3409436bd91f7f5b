package xseries

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tillstream/tillstream/domain"
)

// Sale reads a sale, of any API generation. It says something when the goods have
// changed hands: when it is closed, or on account. Goods that came back without
// others that left are a refund, with others an exchange. One event is one line;
// it is the same however often and in whichever state the sale is read again, as
// long as the line's quantity is.
//
// A sale that is voided, parked, on layby or still to be picked up says nothing:
// what it does to the stock, the levels tell.
func (a *Account) Sale(raw json.RawMessage, seen time.Time) (Change, error) {
	return read("sale", raw, func(r record, head Head) (Change, error) {
		if head.ID == "" {
			return Change{}, &domain.InvalidError{Path: "id", Reason: "is required"}
		}
		done, note := settled(r)
		if !done || head.Deleted {
			return Change{Note: note}, nil
		}
		lines, note, err := saleLines(r)
		if err != nil {
			return Change{}, err
		}
		s := sale{account: a, id: head.ID, version: head.Version, outlet: a.outletOfSale(r),
			of: r.id("return_for"), actor: r.id("user_id"), at: r.when(seen, "sale_date", "date", "updated_at", "created_at")}
		if s.of == "" {
			s.of = r.below("return").id("original_sale_id")
		}
		if s.actor == "" {
			s.actor = r.below("source").below("author").id("id")
		}
		c := Change{Note: note}
		back := slices.ContainsFunc(lines, func(l saleLine) bool { return l.quantity.Sign() < 0 })
		left := slices.ContainsFunc(lines, func(l saleLine) bool { return l.quantity.Sign() > 0 })
		for _, l := range lines {
			e, err := s.line(l, back, left)
			if err != nil {
				return Change{}, err
			}
			c.Envelopes = append(c.Envelopes, e)
		}
		return c, nil
	})
}

// settled reports whether the goods of a sale have changed hands, or says that its
// status is none that is known. The older status is more exact than the state that
// follows it, and goes first.
func settled(r record) (done bool, note string) {
	status := strings.ToUpper(r.id("status"))
	switch status {
	case "SAVED", "OPEN", "LAYBY", "AWAITING_DISPATCH", "AWAITING_PICKUP", "SERVICE", "VOIDED":
		return false, ""
	case "CLOSED", "ONACCOUNT":
		return true, ""
	}
	if strings.HasSuffix(status, "_CLOSED") {
		return true, ""
	}
	state := strings.ToLower(r.id("state"))
	switch state {
	case "closed":
		return true, ""
	case "parked", "voided":
		return false, ""
	case "pending":
		return slices.ContainsFunc(r.list("attributes"), func(raw json.RawMessage) bool {
			return strings.EqualFold(record{"a": raw}.id("a"), "onaccount")
		}), ""
	}
	return false, fmt.Sprintf("sale %s has the status %q and the state %q, which are not known; it is not taken as sold", r.id("id"), status, state)
}

// saleLine is one line. Its quantity is above 0 for what left.
type saleLine struct {
	id, item string
	quantity domain.Quantity
}

// saleLines reads the lines in their order, those without a product or a quantity
// left out.
func saleLines(r record) (lines []saleLine, note string, err error) {
	for i, raw := range r.list("line_items", "register_sale_products") {
		l := recordOf(raw)
		item := l.id("product_id")
		if item == "" {
			item = l.below("product").id("id")
		}
		quantity, err := l.quantity("quantity")
		switch {
		case err != nil:
			return nil, "", inLine(i, err)
		case item == "" || quantity == nil:
			note = fmt.Sprintf("line %d of sale %s names no product or no quantity and is left out", i+1, r.id("id"))
			continue
		case quantity.Sign() == 0:
			continue
		}
		returned := l.flag("is_return")
		if returned == nil {
			returned = l.below("return").flag("is_return")
		}
		if returned != nil && *returned && quantity.Sign() > 0 {
			negative := quantity.Neg()
			quantity = &negative
		}
		id := l.id("id")
		if id == "" {
			id = strconv.Itoa(i + 1)
		}
		lines = append(lines, saleLine{id, item, *quantity})
	}
	return lines, note, nil
}

func inLine(i int, err error) error {
	if invalid, ok := err.(*domain.InvalidError); ok {
		at := *invalid
		at.Path = fmt.Sprintf("line_items[%d].%s", i, at.Path)
		return &at
	}
	return err
}

// sale is what the lines share.
type sale struct {
	account       *Account
	id, of, actor string
	version       uint64
	outlet        domain.OutletID
	at            time.Time
}

func (s *sale) line(l saleLine, back, left bool) (domain.Envelope, error) {
	var event domain.Event
	item := domain.ItemID(l.item)
	switch {
	case back && left:
		event = &domain.ItemExchanged{Item: item, Outlet: s.outlet, Quantity: l.quantity.Neg(), Sale: s.id, Line: l.id, OfSale: s.of}
	case back:
		event = &domain.ItemRefunded{Item: item, Outlet: s.outlet, Quantity: l.quantity.Neg(), Sale: s.id, Line: l.id, OfSale: s.of}
	default:
		event = &domain.ItemSold{Item: item, Outlet: s.outlet, Quantity: l.quantity, Sale: s.id, Line: l.id}
	}
	e, err := s.account.envelope(event, s.version, s.at, "sale", s.id, l.id, string(event.Type()), l.quantity.String())
	e.CorrelationID, e.Actor = s.id, s.actor
	return e, err
}

// outletOfSale is where a sale was made. Stock does not depend on it, since only
// levels move stock, so that what cannot be found out is named for what is known.
func (a *Account) outletOfSale(r record) domain.OutletID {
	source := r.below("source")
	for _, id := range []string{r.id("outlet_id"), source.id("outlet_id"), a.Registers[r.id("register_id")], a.Registers[source.id("register_id")]} {
		if name, ok := a.Outlets[id]; ok {
			return name
		}
	}
	if len(a.Outlets) == 1 {
		for _, name := range a.Outlets {
			return name
		}
	}
	if id := r.id("outlet_id"); id != "" {
		return domain.OutletID(cut(id))
	}
	register := r.id("register_id")
	if register == "" {
		register = source.id("register_id")
	}
	if register == "" {
		return "unknown"
	}
	return domain.OutletID(cut("register " + register))
}
