package simulator

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

const maxStockRows = 2000 // in one request

// stockKey is one item at one location; the variant is 0 where stock is kept by product.
type stockKey struct{ location, product, variant int64 }

// lagging is a stock level that was accepted and takes effect when it is due.
type lagging struct {
	key      stockKey
	quantity int64
	relative bool
	due      time.Time
	request  *Request
	began    int64 // requests logged when its request arrived
	accepted int64 // requests logged when it was accepted
}

// stockRow is one item of an adjustment.
type stockRow struct {
	identity
	Location *int64 `json:"location_id"`
	Quantity *int64 `json:"quantity"`
}

// identity names an item by exactly one of its fields.
type identity struct {
	Product int64  `json:"product_id"`
	Variant int64  `json:"variant_id"`
	SKU     string `json:"sku"`
}

func setStock(s *Store, x *exchange) (response, *problem)  { return s.adjust(x, false) }
func moveStock(s *Store, x *exchange) (response, *problem) { return s.adjust(x, true) }

// adjust accepts every level of a request or, when one is wrong, none.
func (s *Store) adjust(x *exchange, relative bool) (response, *problem) {
	var body struct {
		Reason string     `json:"reason"`
		Items  []stockRow `json:"items"`
	}
	if refusal := x.decode(&body); refusal != nil {
		return response{}, refusal
	}
	switch n := len(body.Items); {
	case n == 0:
		return response{}, invalid(missing("items"))
	case n > maxStockRows:
		return response{}, tooMany(maxStockRows)
	}
	accepted := make([]lagging, 0, len(body.Items))
	var unknown []int64
	var wrong []string
	for i, row := range body.Items {
		if row.Location == nil || row.Quantity == nil {
			return response{}, invalid(prefixed(i, missing("location_id or quantity")))
		}
		if !relative && (*row.Quantity < 0 || *row.Quantity > maxStock) {
			return response{}, invalid(prefixed(i, map[string]string{"quantity": fmt.Sprintf("want 0 to %d", int64(maxStock))}))
		}
		if !slices.Contains(s.cfg.Locations, *row.Location) {
			unknown = append(unknown, *row.Location)
			continue
		}
		key, complaint := s.stockItem(*row.Location, row.identity)
		switch level, set := s.stock[key]; {
		case complaint != "":
		case relative && !set:
			complaint = fmt.Sprintf("Item with %s requires absolute adjustment before relative", row.identity)
		case relative && level+*row.Quantity < 0:
			complaint = fmt.Sprintf("Item with %s has insufficient stock", row.identity)
		}
		if complaint != "" {
			wrong = append(wrong, complaint)
			continue
		}
		accepted = append(accepted, lagging{key: key, quantity: *row.Quantity, relative: relative, request: x.log, began: x.began, accepted: s.log.seq})
	}
	if refusal := badItems(unknown, wrong); refusal != nil {
		return response{}, refusal
	}
	s.accept(x, accepted)
	return s.transaction(x), nil
}

// transaction is the reply to what is accepted now and takes effect later.
func (s *Store) transaction(x *exchange) response {
	return response{status: http.StatusOK, body: mustJSON(map[string]string{"transaction_id": fmt.Sprintf("97a73cdd-0000-4000-8000-%012d", x.log.Seq)})}
}

// badItems refuses a whole request for the items in it that cannot be so, which its title lists.
func badItems(locations []int64, complaints []string) *problem {
	title := ""
	switch {
	case locations != nil:
		title = "Location not found, identities: " + string(mustJSON(locations))
	case complaints != nil:
		title = "[" + strings.Join(complaints, ", ") + "]"
	default:
		return nil
	}
	return &problem{status: http.StatusUnprocessableEntity, title: title}
}

func (i identity) String() string {
	switch {
	case i.Product != 0:
		return fmt.Sprintf("product_id %d", i.Product)
	case i.Variant != 0:
		return fmt.Sprintf("variant_id %d", i.Variant)
	}
	return fmt.Sprintf("sku %q", i.SKU)
}

// stockItem finds an item, which must be named at the level at which its product is tracked, or says what is wrong.
// BigCommerce does not document what it does with an untracked item; here it is refused, since nobody should send one.
func (s *Store) stockItem(location int64, i identity) (stockKey, string) {
	named := 0
	for _, is := range []bool{i.Product != 0, i.Variant != 0, i.SKU != ""} {
		if is {
			named++
		}
	}
	if named != 1 {
		return stockKey{}, fmt.Sprintf("Item with %s must have exactly one of product_id, variant_id and sku", i)
	}
	p, variant := s.products[i.Product], i.Variant
	switch {
	case i.Variant != 0:
		p = s.products[s.variants[i.Variant]]
	case i.SKU != "":
		if p = s.products[s.skus[fold(i.SKU)]]; p != nil && p.InventoryTracking == "variant" {
			if at := slices.IndexFunc(p.Variants, func(v Variant) bool { return fold(v.SKU) == fold(i.SKU) }); at >= 0 {
				variant = p.Variants[at].ID
			}
		}
	}
	complaint := ""
	switch {
	case p == nil:
		return stockKey{}, fmt.Sprintf("Item with %s was not found", i)
	case p.InventoryTracking == "none":
		complaint = "is not tracked"
	case p.InventoryTracking == "product" && variant != 0:
		complaint = "is tracked by product, please update stock by product id"
	case p.InventoryTracking == "variant" && variant == 0:
		complaint = "is tracked by variant, please update stock by variant id"
	}
	if complaint != "" {
		return stockKey{}, fmt.Sprintf("Item with %s %s", i, complaint)
	}
	return stockKey{location, p.ID, variant}, ""
}

// accept makes levels take effect, at once or after the lag, and after those that were accepted before, when the lag was
// longer. Levels of one item whose requests were in progress together take effect in an order left to chance.
func (s *Store) accept(x *exchange, levels []lagging) {
	if s.cfg.InventoryLag <= 0 && len(s.lagging) == 0 {
		s.record(x.log, s.setLevels(levels))
		return
	}
	accepted := s.cfg.Now()
	if !x.due.IsZero() {
		accepted = x.due
	}
	due := accepted.Add(s.real(s.cfg.InventoryLag))
	for _, l := range levels {
		l.due = due
		for i := range s.lagging {
			other := &s.lagging[i]
			if other.key == l.key && other.accepted >= l.began && s.rand.IntN(2) == 0 {
				other.quantity, l.quantity = l.quantity, other.quantity
				other.request, l.request = l.request, other.request
				other.relative, l.relative = l.relative, other.relative
			}
		}
		s.lagging = append(s.lagging, l)
	}
	s.outbox.queue.Wake()
}

// settleStock makes the levels, and the requests, that are due take effect. Each call that looks at the store begins with it, so that
// nothing has to run in the background.
func (s *Store) settleStock() {
	s.settlePostponed()
	now := s.cfg.Now()
	n := 0
	for n < len(s.lagging) && !s.lagging[n].due.After(now) {
		n++
	}
	due := s.lagging[:n]
	s.lagging = s.lagging[n:]
	for len(due) > 0 {
		same := 1
		for same < len(due) && due[same].request == due[0].request {
			same++
		}
		s.record(due[0].request, s.setLevels(due[:same]))
		due = due[same:]
	}
}

// setLevels changes the stock, and what the catalog shows of the default location.
func (s *Store) setLevels(levels []lagging) []Effect {
	effects := make([]Effect, 0, len(levels))
	edited := map[int64]*Product{}
	for _, l := range levels {
		current := s.products[l.key.product]
		if current == nil {
			continue // deleted since
		}
		before := s.stock[l.key]
		after := l.quantity
		if l.relative {
			after = max(0, before+l.quantity)
		}
		s.stock[l.key] = after
		effects = append(effects, Effect{Verb: Updated, Kind: "stock", Product: l.key.product, Variant: l.key.variant, Location: l.key.location, ID: current.skuID(l.key.variant),
			Fields: []FieldChange{{Name: "quantity", Before: mustJSON(before), After: mustJSON(after)}}})
		if l.key.location != s.cfg.Locations[0] {
			continue
		}
		p := edited[l.key.product]
		if p == nil {
			p = current.clone()
			edited[p.ID] = p
		}
		if at := p.variant(l.key.variant); at >= 0 {
			p.Variants[at].InventoryLevel = after
		} else if l.key.variant == 0 {
			p.InventoryLevel = after
		}
	}
	for id, p := range edited {
		p.finish()
		s.replace(id, s.products[id], p)
	}
	return effects
}

// Stock returns the quantity of an item at a location: of a variant, or of a product that is tracked as a whole when
// variant is 0. Levels that still lag are not in it.
func (s *Store) Stock(location, product, variant int64) int64 {
	defer s.tell()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settleStock()
	return s.stock[stockKey{location, product, variant}]
}
