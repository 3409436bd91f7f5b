package simulator

import (
	"fmt"
	"slices"
	"time"
)

// sale is a sale, a return or an exchange.
type sale struct {
	stamped
	status   string // as API 1.0 and 2.0 call it
	register *register
	customer string
	number   int
	code     string
	date     time.Time
	lines    []*saleLine
	payments []payment
	of       *sale   // which this one returns
	returns  []*sale // of this one
	moved    bool    // its lines are booked
	handed   bool    // its goods have changed hands
}

type saleLine struct {
	id       string
	product  *product
	quantity Amount // below 0 for what comes back
	price    Amount // of one, without tax
	tax      Amount // on one
	back     bool
	returned Amount // how much of it came back
}

type payment struct {
	id     string
	amount Amount
	at     time.Time
}

// Line is a product, by its id or SKU, and how much of it.
type Line struct {
	Product  string `json:"product"`
	Quantity Amount `json:"quantity"`
}

// The statuses of a sale, and those that may follow. A status that is not among them is one that nobody knows yet: it is
// parked, moves no stock, and may be closed or voided.
var saleSteps = map[string][]string{
	"":                  {"SAVED", "OPEN", "CLOSED", "ONACCOUNT", "LAYBY", "AWAITING_DISPATCH", "AWAITING_PICKUP", "SERVICE", unknownSale},
	"SAVED":             {"CLOSED", "ONACCOUNT", "LAYBY", "AWAITING_DISPATCH", "AWAITING_PICKUP", "SERVICE", "VOIDED", unknownSale},
	"OPEN":              {"CLOSED", "VOIDED"},
	"CLOSED":            {"VOIDED"},
	"ONACCOUNT":         {"ONACCOUNT_CLOSED", "VOIDED"},
	"ONACCOUNT_CLOSED":  {"VOIDED"},
	"LAYBY":             {"LAYBY_CLOSED", "VOIDED"},
	"LAYBY_CLOSED":      {"VOIDED"},
	"AWAITING_DISPATCH": {"DISPATCHED_CLOSED", "VOIDED"},
	"DISPATCHED_CLOSED": {"VOIDED"},
	"AWAITING_PICKUP":   {"PICKED_UP_CLOSED", "VOIDED"},
	"PICKED_UP_CLOSED":  {"VOIDED"},
	"SERVICE":           {"SERVICE_CLOSED", "VOIDED"},
	"SERVICE_CLOSED":    {"VOIDED"},
	unknownSale:         {"CLOSED", "VOIDED"},
	"VOIDED":            nil,
}

// unknownSale is a status that the vendor might add one day.
const unknownSale = "QUOTED"

// stateOf is what the date versions make of a status: a state, and what else is to be said.
func stateOf(status string) (string, []string) {
	switch status {
	case "CLOSED":
		return "closed", []string{}
	case "VOIDED":
		return "voided", []string{}
	case "OPEN":
		return "pending", []string{}
	case "ONACCOUNT":
		return "pending", []string{"onaccount"}
	case "ONACCOUNT_CLOSED":
		return "closed", []string{"onaccount"}
	case "LAYBY":
		return "pending", []string{"layby"}
	case "LAYBY_CLOSED":
		return "closed", []string{"layby"}
	case "AWAITING_DISPATCH":
		return "pending", []string{"delivery"}
	case "DISPATCHED_CLOSED":
		return "closed", []string{"delivery"}
	case "AWAITING_PICKUP":
		return "pending", []string{"pickup"}
	case "PICKED_UP_CLOSED":
		return "closed", []string{"pickup"}
	case "SERVICE":
		return "pending", []string{"service"}
	case "SERVICE_CLOSED":
		return "closed", []string{"service"}
	}
	return "parked", []string{}
}

// takesStock says whether the lines of a sale with that status are gone from the shop: what is closed and what is on
// account, as the vendor says. It does not say it of laybys, which are laid by here, nor of what is voided, which is
// back here; what is picked up or delivered goes when it is fulfilled.
func takesStock(status string) bool {
	state, _ := stateOf(status)
	return state == "closed" || status == "ONACCOUNT" || status == "LAYBY"
}

// Sell rings up a sale at an outlet with a status, such as CLOSED or SAVED, and returns its id. A quantity below 0 comes
// back without a receipt.
func (a *Account) Sell(outlet, status string, lines ...Line) (string, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	o, err := a.outlet(outlet)
	if err != nil {
		return "", err
	}
	s, err := a.sell(o, status, nil, lines)
	if err != nil {
		return "", err
	}
	return s.id, nil
}

// sell makes a sale. Of is the sale that its negative lines come back from, if any.
func (a *Account) sell(o *outlet, status string, of *sale, lines []Line) (*sale, error) {
	if !slices.Contains(saleSteps[""], status) {
		return nil, fmt.Errorf("status %q: a sale begins with one of %q", status, saleSteps[""])
	}
	if len(lines) == 0 {
		return nil, fmt.Errorf("a sale without lines")
	}
	s := &sale{register: a.registers[o.index], of: of, date: a.now()}
	for _, l := range lines {
		line, err := a.line(s, l)
		if err != nil {
			return nil, err
		}
		s.lines = append(s.lines, line)
	}
	s.id = a.id(kindSale)
	for _, l := range s.lines {
		l.id = a.id(kindLine)
	}
	s.register.invoice++
	s.number = s.register.invoice
	s.code = fmt.Sprintf("%06x", hash(s.id, 0)&0xffffff)
	if hash(s.id, 1)%3 == 0 {
		s.customer = serialID(kindCustomer, 1+int(hash(s.id, 2)%20))
	}
	if of != nil {
		of.returns = append(of.returns, s)
		a.touch(&of.stamped) // it names its returns
		a.sales.put(of)
	}
	a.become(s, status)
	return s, nil
}

// line makes a line of a sale from what is wanted, at the price of now, or of then for what comes back.
func (a *Account) line(s *sale, wanted Line) (*saleLine, error) {
	p, err := a.product(wanted.Product)
	switch {
	case err != nil:
		return nil, err
	case wanted.Quantity == 0 || wanted.Quantity > mostUnits*unit/1000 || wanted.Quantity < -mostUnits*unit/1000:
		return nil, fmt.Errorf("product %s: quantity %s: want one other than 0, up to %d", p.sku, wanted.Quantity, mostUnits/1000)
	}
	without, with, _ := a.prices(p, s.register.outlet)
	l := &saleLine{product: p, quantity: wanted.Quantity, price: without, tax: with - without, back: wanted.Quantity < 0}
	if !l.back || s.of == nil {
		if !p.family.active && !l.back {
			return nil, fmt.Errorf("product %s is not for sale", p.sku)
		}
		return l, nil
	}
	left := -wanted.Quantity
	for _, sold := range s.of.lines {
		if sold.product == p && !sold.back {
			l.price, l.tax = sold.price, sold.tax
			left -= sold.quantity - sold.returned
		}
	}
	if left > 0 {
		return nil, fmt.Errorf("product %s: sale %s has not as many left to bring back: %s too many", p.sku, s.of.id, left)
	}
	return l, nil
}

// become gives a sale its next status, with what follows for the stock and for the sale that it returns.
func (a *Account) become(s *sale, status string) {
	s.status = status
	if takesStock(status) && len(s.payments) == 0 {
		s.payments = []payment{{id: a.id(kindPayment), amount: s.total(), at: a.now()}}
	}
	a.touch(&s.stamped)
	a.sales.put(s)
	if why := s.trigger(); why != "" {
		s.handed = true
		for _, l := range s.lines {
			a.occur(why, l.product, s.register.outlet, s.id, s.version)
		}
	}
	a.announce(SaleUpdate, s.version, func() any { return a.hookSale(s) })
	if takes := takesStock(status); takes != s.moved {
		s.moved = takes
		sign := Amount(-1)
		if !takes {
			sign = 1
		}
		for _, l := range s.lines {
			a.move(l.product, s.register.outlet, sign*l.quantity, CauseSale, s.id)
			if l.back && s.of != nil {
				s.of.take(l.product, sign*l.quantity)
			}
		}
	}
}

// trigger is what has happened when a sale has got a status: its goods have changed hands, or were given back. Goods that
// come back make it a refund, and an exchange when others leave.
func (s *sale) trigger() Trigger {
	switch state, _ := stateOf(s.status); {
	case s.handed && s.status == "VOIDED":
		return Voiding
	case s.handed || state != "closed" && s.status != "ONACCOUNT":
		return ""
	}
	back := slices.ContainsFunc(s.lines, func(l *saleLine) bool { return l.quantity < 0 })
	left := slices.ContainsFunc(s.lines, func(l *saleLine) bool { return l.quantity > 0 })
	switch {
	case back && left:
		return TriggerExchange
	case back:
		return TriggerRefund
	}
	return TriggerSale
}

// take notes how much of a product came back from a sale, or, below 0, that it did not after all.
func (s *sale) take(p *product, quantity Amount) {
	for _, l := range s.lines {
		if l.product != p || l.back {
			continue
		}
		n := min(quantity, l.quantity-l.returned)
		if quantity < 0 {
			n = max(quantity, -l.returned)
		}
		l.returned += n
		quantity -= n
	}
}

// total is what is to be paid, with tax.
func (s *sale) total() Amount {
	var sum Amount
	for _, l := range s.lines {
		sum += (l.price + l.tax).times(l.quantity)
	}
	return sum.rounded(2)
}

// prices are those of a product at an outlet, without and with tax, and whether the price with tax is the same at all of
// them. The one that was entered is exact, the other rounded to five decimals.
func (a *Account) prices(p *product, o *outlet) (without, with Amount, even bool) {
	rate := a.taxOf(p, o).rate
	if a.cfg.TaxExclusive {
		return p.price, p.price.times(unit + rate), !p.uneven
	}
	return p.price.over(unit + rate), p.price, true
}

// taxOf is the tax on a product at an outlet.
func (a *Account) taxOf(p *product, o *outlet) *tax {
	if p.uneven && o.index%2 == 1 {
		return a.taxes[2]
	}
	return o.tax
}
