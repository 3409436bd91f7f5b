package simulator

import (
	"fmt"
	"slices"
	"strings"

	shop "github.com/tillstream/tillstream/handlers/pos/simulator"
)

// sellAs is a sale that begins with a status.
func sellAs(status string) func(*Trader) (string, error) {
	return func(t *Trader) (string, error) {
		o := t.outlet()
		lines, told := t.basket(o)
		if len(lines) == 0 {
			return idle("buys")
		}
		s, err := t.account.sell(o, status, nil, lines)
		if err != nil {
			return "", err
		}
		t.keep(s)
		return fmt.Sprintf("%s: %s at %s", strings.ToLower(status), told, o.name), nil
	}
}

// keep remembers a sale for what may follow it.
func (t *Trader) keep(s *sale) {
	if state, _ := stateOf(s.status); state == "closed" {
		if t.sold = append(t.sold, s); len(t.sold) > 400 {
			t.sold = slices.Delete(t.sold, 0, 100)
		}
		return
	}
	t.waiting = append(t.waiting, s)
}

// basket draws what somebody buys at an outlet: what is there, and now and then what is not.
func (t *Trader) basket(o *outlet) ([]Line, string) {
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
		told = append(told, quantity.String()+" × "+p.label())
	}
	return lines, strings.Join(told, ", ")
}

// back draws a sale of which something may come back, and what.
func (t *Trader) back() (*sale, Line, bool) {
	t.sold = slices.DeleteFunc(t.sold, func(s *sale) bool { state, _ := stateOf(s.status); return state != "closed" })
	for range 10 {
		s, ok := draw(t, t.sold)
		if !ok {
			break
		}
		for _, l := range s.lines {
			if left := s.left(l.product); !l.back && left >= unit && !l.product.gone() {
				return s, Line{l.product.id, unit}, true
			}
		}
	}
	return nil, Line{}, false
}

func (t *Trader) refund() (string, error) {
	s, l, ok := t.back()
	if !ok {
		return idle("brings something back")
	}
	r, err := t.account.bringBack(s, []Line{l}, nil)
	if err != nil {
		return "", err
	}
	if t.rand.IntN(4) == 0 {
		t.waiting = append(t.waiting, r) // the money is paid back later
		return "a return begins", nil
	}
	return "a return", t.account.setSaleStatus(r, "CLOSED")
}

func (t *Trader) exchange() (string, error) {
	s, l, ok := t.back()
	if !ok {
		return idle("exchanges")
	}
	instead, _ := draw(t, t.chosen(func(p *product) bool {
		return p.family.active && p.id != l.Product && p.tracked() && p.onHand(s.register.outlet) >= unit
	}))
	if instead == nil {
		return idle("exchanges")
	}
	x, err := t.account.bringBack(s, []Line{l}, []Line{{instead.id, unit}})
	if err != nil {
		return "", err
	}
	if err := t.account.setSaleStatus(x, "CLOSED"); err != nil {
		return "", err
	}
	return "an exchange for " + instead.label(), nil
}

func (t *Trader) refundWithoutReceipt() (string, error) {
	p, ok := draw(t, t.chosen((*product).tracked))
	if !ok {
		return idle("brings something back")
	}
	_, err := t.account.sell(t.outlet(), "CLOSED", nil, []Line{{p.id, -unit}})
	return "a return without a receipt: " + p.label(), err
}

func (t *Trader) void() (string, error) {
	s, ok := draw(t, slices.DeleteFunc(slices.Clone(t.sold), func(s *sale) bool { return s.status != "CLOSED" || len(s.returns) > 0 }))
	if !ok {
		return idle("voids a sale")
	}
	return "sale " + s.invoice() + " is voided", t.account.setSaleStatus(s, "VOIDED")
}

// settle closes a sale that was waiting, or gives it up.
func (t *Trader) settle() (string, error) {
	if len(t.waiting) == 0 {
		return idle("collects anything")
	}
	s := t.waiting[0]
	t.waiting = t.waiting[1:]
	next := saleSteps[s.status][0]
	if s.status == unknownSale || s.status == "SAVED" {
		next = "CLOSED"
	}
	if t.rand.IntN(8) == 0 || s.of != nil && s.short() {
		next = "VOIDED"
	}
	if err := t.account.setSaleStatus(s, next); err != nil {
		return "", err
	}
	t.keepClosed(s)
	return fmt.Sprintf("sale %s is %s", s.invoice(), strings.ToLower(next)), nil
}

func (t *Trader) keepClosed(s *sale) {
	if state, _ := stateOf(s.status); state == "closed" {
		t.keep(s)
	}
}

// short says that less is left to bring back than a return was begun with.
func (s *sale) short() bool {
	return slices.ContainsFunc(s.lines, func(l *saleLine) bool { return l.back && -l.quantity > s.of.left(l.product) })
}
