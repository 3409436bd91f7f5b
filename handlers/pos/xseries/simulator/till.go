package simulator

import (
	"fmt"
	"slices"
	"time"

	shop "github.com/tillstream/tillstream/handlers/pos/simulator"
)

// sellAs is a sale that begins with a status.
func sellAs(status string) func(*Trader) (string, error) {
	said := map[string]string{
		"CLOSED": "%s sells %s", "SAVED": "%s parks a sale of %s", "ONACCOUNT": "%s sells %s on account", "LAYBY": "%s lays by %s",
		"AWAITING_PICKUP": "%s keeps %s to be picked up", "AWAITING_DISPATCH": "%s keeps %s to be sent", "SERVICE": "%s takes an order for work on %s",
		unknownSale: "%s makes an offer of %s",
	}[status]
	return func(t *Trader) (string, error) {
		o := t.outlet()
		lines, told := t.basket(o)
		if len(lines) == 0 {
			return idle()
		}
		s, err := t.account.sell(o, status, nil, lines)
		if err != nil {
			return "", err
		}
		t.keep(s)
		return fmt.Sprintf(said, o.name, and(told)), nil
	}
}

// keep remembers a sale for what may follow it, and makes an errand of what must.
func (t *Trader) keep(s *sale) {
	if state, _ := stateOf(s.status); state == "closed" {
		if t.sold = append(t.sold, s); len(t.sold) > 400 {
			t.sold = slices.Delete(t.sold, 0, 100)
		}
		return
	}
	t.later(30*time.Minute, 4*time.Hour, func(t *Trader) (string, error) { return t.settle(s) })
}

// basket draws what somebody buys at an outlet: what is there, and now and then what is not.
func (t *Trader) basket(o *outlet) ([]Line, []string) {
	oversell := t.rand.IntN(50) == 0
	there := t.chosen(func(p *product) bool {
		return p.family.active && (!p.family.tracked || oversell || p.onHand(o) >= unit)
	})
	var lines []Line
	var told []string
	for range shop.Basket(t.rand) {
		p, ok := draw(t, there)
		if !ok || slices.ContainsFunc(lines, func(l Line) bool { return l.Product == p.id }) {
			continue
		}
		quantity := Of(1 + t.rand.IntN(10)/8)
		if p.tracked() && p.onHand(o)%unit != 0 {
			quantity = Amount(25_000 * (2 + t.rand.IntN(20))) // what is sold by the metre
		}
		if p.family.tracked && !oversell {
			quantity = min(quantity, p.onHand(o))
		}
		lines = append(lines, Line{p.id, quantity})
		told = append(told, some(quantity, p))
	}
	return lines, told
}

// back draws a sale of which something may come back, and one of what.
func (t *Trader) back() (*sale, *product, bool) {
	t.sold = slices.DeleteFunc(t.sold, func(s *sale) bool { state, _ := stateOf(s.status); return state != "closed" })
	for range 10 {
		s, ok := draw(t, t.sold)
		if !ok {
			break
		}
		for _, l := range s.lines {
			if left := s.left(l.product); !l.back && left >= unit && !l.product.gone() {
				return s, l.product, true
			}
		}
	}
	return nil, nil, false
}

func (t *Trader) refund() (string, error) {
	s, p, ok := t.back()
	if !ok {
		return idle()
	}
	r, err := t.account.bringBack(s, []Line{{p.id, unit}}, nil)
	if err != nil {
		return "", err
	}
	told := fmt.Sprintf("%s takes back %s of sale %s", s.register.outlet.name, some(unit, p), s.invoice())
	if t.happened(TriggerRefund) && t.rand.IntN(4) == 0 {
		t.keep(r)
		return told + ", to be paid back later", nil
	}
	return told, t.account.setSaleStatus(r, "CLOSED")
}

func (t *Trader) exchange() (string, error) {
	s, p, ok := t.back()
	if !ok {
		return idle()
	}
	o := s.register.outlet
	instead, _ := draw(t, t.chosen(func(q *product) bool { return q.family.active && q != p && q.tracked() && q.onHand(o) >= unit }))
	if instead == nil {
		return idle()
	}
	x, err := t.account.bringBack(s, []Line{{p.id, unit}}, []Line{{instead.id, unit}})
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s exchanges %s for %s", o.name, some(unit, p), some(unit, instead)), t.account.setSaleStatus(x, "CLOSED")
}

func (t *Trader) refundWithoutReceipt() (string, error) {
	p, ok := draw(t, t.chosen((*product).tracked))
	if !ok {
		return idle()
	}
	o := t.outlet()
	_, err := t.account.sell(o, "CLOSED", nil, []Line{{p.id, -unit}})
	return fmt.Sprintf("%s takes back %s without a receipt", o.name, some(unit, p)), err
}

func (t *Trader) void() (string, error) {
	s, ok := draw(t, slices.DeleteFunc(slices.Clone(t.sold), func(s *sale) bool { return s.status != "CLOSED" || len(s.returns) > 0 }))
	if !ok {
		return idle()
	}
	return fmt.Sprintf("Sale %s of %s is voided", s.invoice(), s.register.outlet.name), t.account.setSaleStatus(s, "VOIDED")
}

// settle closes a sale that was waiting, or gives it up.
func (t *Trader) settle(s *sale) (string, error) {
	next := saleSteps[s.status][0]
	if t.rand.IntN(8) == 0 || s.of != nil && s.short() {
		next = "VOIDED"
	}
	if err := t.account.setSaleStatus(s, next); err != nil {
		return "", err
	}
	if next == "VOIDED" {
		return fmt.Sprintf("Sale %s of %s is given up", s.invoice(), s.register.outlet.name), nil
	}
	t.keep(s)
	return fmt.Sprintf("Sale %s of %s is closed", s.invoice(), s.register.outlet.name), nil
}

// short says that less is left to bring back than a return was begun with.
func (s *sale) short() bool {
	return slices.ContainsFunc(s.lines, func(l *saleLine) bool { return l.back && -l.quantity > s.of.left(l.product) })
}
