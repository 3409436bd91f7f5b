package simulator

import (
	"fmt"
	"slices"
)

// SetSaleStatus makes a sale what its next status is, such as CLOSED for one that was SAVED.
func (a *Account) SetSaleStatus(id, status string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	s, ok := a.sales.find(id)
	if !ok {
		return fmt.Errorf("sale %q: the account has none of that id", id)
	}
	return a.setSaleStatus(s, status)
}

func (a *Account) setSaleStatus(s *sale, status string) error {
	if !slices.Contains(saleSteps[s.status], status) {
		return fmt.Errorf("sale %s: status %q cannot follow %s: want one of %q", s.id, status, s.status, saleSteps[s.status])
	}
	if status == "VOIDED" && slices.ContainsFunc(s.returns, func(r *sale) bool { return r.status != "VOIDED" }) {
		return fmt.Errorf("sale %s: what came back from it would be voided as well", s.id)
	}
	if of := s.of; of != nil && !s.moved && takesStock(status) {
		for _, l := range s.lines { // another return may have been closed meanwhile
			if l.back && -l.quantity > of.left(l.product) {
				return fmt.Errorf("sale %s: sale %s has not as many %s left to bring back", s.id, of.id, l.product.sku)
			}
		}
	}
	a.become(s, status)
	return nil
}

// left is how much of a product may still come back from a sale.
func (s *sale) left(p *product) Amount {
	var n Amount
	for _, l := range s.lines {
		if l.product == p && !l.back {
			n += l.quantity - l.returned
		}
	}
	return n
}

// Return brings back what was sold, all of it without lines, in a sale of its own that is SAVED until it is paid back
// and closed; with close, it is at once. Its quantities are given above 0.
func (a *Account) Return(id string, closed bool, lines ...Line) (string, error) {
	return a.Exchange(id, closed, lines, nil)
}

// Exchange brings back some of what was sold, and sells something else in the same sale.
func (a *Account) Exchange(id string, closed bool, back, out []Line) (string, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	of, ok := a.sales.find(id)
	if !ok {
		return "", fmt.Errorf("sale %q: the account has none of that id", id)
	}
	s, err := a.bringBack(of, back, out)
	if err != nil {
		return "", err
	}
	if closed {
		err = a.setSaleStatus(s, "CLOSED")
	}
	return s.id, err
}

func (a *Account) bringBack(of *sale, back, out []Line) (*sale, error) {
	if state, _ := stateOf(of.status); state != "closed" {
		return nil, fmt.Errorf("sale %s is %s: only a closed sale can be returned", of.id, of.status)
	}
	if len(back) == 0 && len(out) == 0 {
		for _, l := range of.lines {
			if left := l.quantity - l.returned; !l.back && left > 0 && !l.product.gone() {
				back = append(back, Line{l.product.id, left})
			}
		}
		if len(back) == 0 {
			return nil, fmt.Errorf("sale %s has nothing left to bring back", of.id)
		}
	}
	var lines []Line
	for _, l := range back {
		lines = append(lines, Line{l.Product, -l.Quantity})
	}
	return a.sell(of.register.outlet, "SAVED", of, append(lines, out...))
}
