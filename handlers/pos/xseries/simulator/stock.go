package simulator

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/tillstream/tillstream/handlers/standin"
)

// level is how much of a product is at an outlet: the inventory record that the API shows.
type level struct {
	stamped
	product *product
	outlet  *outlet
	onHand  Amount
	stale   Amount // before the last change
}

// Cause is why stock moved.
type Cause string

// What moves stock.
const (
	CauseOpening    Cause = "opening"
	CauseSale       Cause = "sale" // with returns, exchanges and what is voided
	CauseOrder      Cause = "order"
	CauseTransfer   Cause = "transfer"
	CauseReturn     Cause = "return" // to a supplier
	CauseStocktake  Cause = "stocktake"
	CauseAdjustment Cause = "adjustment"
	CauseImport     Cause = "import"
)

// Movement is one entry in the books.
type Movement struct {
	Seq     int64     `json:"seq"` // counts from 1
	At      time.Time `json:"at"`
	Product string    `json:"product"`
	Outlet  string    `json:"outlet"`
	By      Amount    `json:"by"`
	Cause   Cause     `json:"cause"`
	Ref     string    `json:"ref,omitempty"` // the sale, consignment or adjustment
}

// Books are the stock by product and outlet, each by its id, as the account's own bookkeeping has it: the sum of all
// movements, kept apart from the inventory records that the API shows. Products that are deleted, composite or not
// tracked are not in them.
type Books map[string]map[string]Amount

// ledger is the account's bookkeeping.
type ledger struct {
	levels Books
	moves  standin.Recent[Movement]
	seq    int64
}

func (l *ledger) enter(m Movement) {
	l.seq++
	m.Seq = l.seq
	l.moves.Add(m)
	l.levels.add(m.Product, m.Outlet, m.By)
}

func (b Books) add(product, outlet string, by Amount) {
	if b[product] == nil {
		b[product] = map[string]Amount{}
	}
	b[product][outlet] += by
}

// Books returns a copy of the books.
func (a *Account) Books() Books {
	a.mu.Lock()
	defer a.mu.Unlock()
	out := Books{}
	for id, by := range a.book.levels {
		if p, ok := a.products.find(id); ok && p.tracked() {
			out[id] = maps.Clone(by)
		}
	}
	return out
}

// Movements returns what moved stock, oldest first, as far as it is remembered.
func (a *Account) Movements() []Movement {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.book.moves.Newest())
}

// move books a quantity at an outlet, and tells of the new level. Of a composite product it is the parts that move; of
// one that is not tracked, nothing.
func (a *Account) move(p *product, o *outlet, by Amount, cause Cause, ref string) {
	for _, part := range p.bom {
		a.move(part.product, o, by.times(part.quantity), cause, ref)
	}
	if !p.tracked() || p.gone() {
		return
	}
	l := p.levels[o.index]
	l.stale = l.onHand
	l.onHand += by
	a.touch(&l.stamped)
	a.levels.put(l)
	a.book.enter(Movement{At: l.updated, Product: p.id, Outlet: o.id, By: by, Cause: cause, Ref: ref})
	a.occur(LevelMoved, p, o, ref, l.version)
	a.announce(InventoryUpdate, l.version, func() any { return a.hookLevel(l) })
}

// setTo books what it takes to make a level what somebody counted.
func (a *Account) setTo(p *product, o *outlet, counted Amount, cause Cause, ref string) {
	if p.tracked() && !p.gone() {
		a.move(p, o, counted-p.levels[o.index].onHand, cause, ref)
	}
}

// onHand is what there is of a product at an outlet: of a composite, as many as its parts are enough for.
func (p *product) onHand(o *outlet) Amount {
	if !p.composite() {
		if p.levels == nil {
			return 0
		}
		return p.levels[o.index].onHand
	}
	enough := p.bom[0].product.onHand(o).over(p.bom[0].quantity)
	for _, part := range p.bom[1:] {
		enough = min(enough, part.product.onHand(o).over(part.quantity))
	}
	return enough.floor()
}

// adjustment is a correction of stock by hand.
type adjustment struct {
	stamped
	product  *product
	outlet   *outlet
	quantity Amount
	reason   string
	custom   string
}

// Adjustment is a correction to be made. Reason is one of the vendor's, and Custom the id of the retailer's own for the
// reason CUSTOM.
type Adjustment struct {
	Product  string `json:"product_id"`
	Outlet   string `json:"outlet_id"`
	Quantity Amount `json:"quantity"`
	Reason   string `json:"reason"`
	Custom   string `json:"custom_inventory_adjustment_reason_id,omitempty"`
}

const mostAdjustments = 1000 // of one request

// reasonSign is the sign that a reason needs; 0 is either.
func reasonSign(reason string) (int, bool) {
	switch reason {
	case "DAMAGE", "EXPIRY", "INTERNAL_USE", "THEFT", "DONATION":
		return -1, true
	case "STOCK_FOUND", "SAMPLE_FOR_SALE":
		return 1, true
	case "CUSTOM":
		return 0, true
	}
	return 0, false
}

// Adjust makes all of some corrections, or none when one of them cannot be, and returns their ids.
func (a *Account) Adjust(all ...Adjustment) ([]string, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	made, err := a.adjust(all)
	ids := make([]string, len(made))
	for i, m := range made {
		ids[i] = m.id
	}
	return ids, err
}

func (a *Account) adjust(all []Adjustment) ([]*adjustment, error) {
	if len(all) == 0 || len(all) > mostAdjustments {
		return nil, fmt.Errorf("%d adjustments: want 1 to %d", len(all), mostAdjustments)
	}
	var made []*adjustment
	for i, given := range all {
		m, err := a.checkAdjustment(given)
		if err != nil {
			return nil, fmt.Errorf("stock_adjustments[%d]: %w", i, err)
		}
		made = append(made, m)
	}
	for _, m := range made {
		m.id = a.id(kindAdjustment)
		a.touch(&m.stamped)
		a.adjustments.put(m)
		a.occur(TriggerAdjustment, m.product, m.outlet, m.id, m.version)
		a.move(m.product, m.outlet, m.quantity, CauseAdjustment, m.id)
	}
	return made, nil
}

func (a *Account) checkAdjustment(given Adjustment) (*adjustment, error) {
	p, err := a.product(given.Product)
	if err != nil {
		return nil, err
	}
	o, err := a.outlet(given.Outlet)
	if err != nil {
		return nil, err
	}
	sign, known := reasonSign(given.Reason)
	switch {
	case !known:
		return nil, fmt.Errorf("reason %q is unknown", given.Reason)
	case given.Quantity == 0, sign < 0 && given.Quantity > 0, sign > 0 && given.Quantity < 0:
		return nil, fmt.Errorf("quantity %s does not go with reason %s", given.Quantity, given.Reason)
	case (given.Reason == "CUSTOM") != (given.Custom != ""):
		return nil, fmt.Errorf("reason %s with custom reason %q: CUSTOM needs one, and the others have none", given.Reason, given.Custom)
	case !p.tracked():
		return nil, fmt.Errorf("product %s has no stock of its own", p.sku)
	}
	return &adjustment{product: p, outlet: o, quantity: given.Quantity, reason: given.Reason, custom: given.Custom}, nil
}
