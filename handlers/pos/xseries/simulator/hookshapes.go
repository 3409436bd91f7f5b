package simulator

import (
	"strconv"
	"time"
)

// What hooks carry are the shapes of API 1.0, which are not those that the API of today answers with: money is a string
// of five decimals at most, times come in three formats, and much is absent.

type object = map[string]any

// The three formats of a time.
func timeZ(t time.Time) string      { return t.UTC().Format("2006-01-02T15:04:05Z") }
func timeOffset(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05+00:00") }
func timeSpace(t time.Time) string  { return t.UTC().Format("2006-01-02 15:04:05") }

// when is null for no time.
func when(t time.Time, format func(time.Time) string) any {
	if t.IsZero() {
		return nil
	}
	return format(t)
}

// numeral is a number, or, in an odd record, the string of it.
func (a *Account) numeral(n Amount, of string) any {
	if a.odd(of) {
		return n.fixed()
	}
	return n
}

// trimmed is what both product.update and inventory.update say of a product.
func (a *Account) trimmed(p *product) object {
	o := object{
		"id": p.id, "active": p.family.active, "deleted_at": when(p.deleted, timeSpace), "handle": p.family.handle, "sku": p.sku, "name": p.label(),
		"base_name": p.family.name, "variant_parent_id": nil, "variant_options": a.options(p), "supply_price": p.supply.String(),
	}
	if p.parent != nil {
		o["variant_parent_id"] = p.parent.id
	}
	return o
}

func (a *Account) options(p *product) []object {
	out := []object{}
	for _, o := range p.options {
		out = append(out, object{"id": a.thing(&a.attributes, o.Name).id, "name": o.Name, "value": o.Value})
	}
	return out
}

// hookProduct has, of odd records, the stock that was before the last change, as the vendor warns that it may.
func (a *Account) hookProduct(p *product) any {
	f := p.family
	without, _, _ := a.prices(p, a.outlets[0])
	o := a.trimmed(p)
	o["retailer_id"], o["description"], o["source"], o["source_id"], o["source_variant_id"] = retailerID, f.html, "USER", nil, nil
	o["attributed_cost"], o["button_order"], o["version"] = nil, 1, p.version
	o["brand"], o["supplier"], o["product_type"] = nil, nil, nil
	if t := a.thing(&a.brands, f.brand); t != nil {
		o["brand"] = object{"id": t.id, "name": t.name}
	}
	if t := a.thing(&a.suppliers, f.supplier); t != nil {
		o["supplier"] = object{"id": t.id, "name": t.name, "description": "", "source": ""}
	}
	if t := a.thing(&a.categories, f.category); t != nil {
		o["product_type"] = object{"id": t.id, "name": t.name}
	}
	o["categories"] = a.tagged(f)
	o["price_book_entries"] = []object{{
		"id": a.sibling(kindPrice, p.id), "product_id": p.id, "customer_group_id": groupID, "customer_group_name": "All Customers", "type": "BASE",
		"price": without.String(), "min_units": nil, "max_units": nil, "valid_from": nil, "valid_to": nil,
	}}
	taxes, stock := []object{}, []object{}
	for _, at := range a.outlets {
		taxes = append(taxes, object{"outlet_id": at.id, "tax_id": a.taxOf(p, at).id})
	}
	for _, l := range p.levels {
		count := l.onHand
		if a.odd(l.id) {
			count = l.stale
		}
		stock = append(stock, object{
			"id": l.id, "product_id": p.id, "outlet_id": l.outlet.id, "count": count, "reorder_point": "0", "restock_level": "0", "attributed_cost": p.supply.String(),
		})
	}
	o["taxes"], o["inventory"] = taxes, stock
	return o
}

func (a *Account) tagged(f *family) []object {
	out := []object{}
	for _, name := range f.tags {
		if t := a.thing(&a.tags, name); t != nil {
			out = append(out, object{"id": t.id, "name": t.name, "version": t.version})
		}
	}
	return out
}

func (a *Account) hookLevel(l *level) any {
	return object{
		"id": l.id, "product_id": l.product.id, "outlet_id": l.outlet.id, "count": a.numeral(l.onHand, l.id), "reorder_point": "0", "restock_level": "0",
		"attributed_cost": l.product.supply.String(), "version": l.version, "product": a.trimmed(l.product),
		"outlet": object{"id": l.outlet.id, "name": l.outlet.name, "tax_id": l.outlet.tax.id, "time_zone": timeZone},
	}
}

// hookConsigned has neither a version nor an outlet nor what kind of consignment it is of.
func (a *Account) hookConsigned(c *consignment, l *consignmentLine, t HookType) any {
	o := object{
		"id": l.id, "consignment_id": c.id, "product_id": l.product.id, "count": l.count.fixed(), "received": nil, "cost": l.cost, "sequence_number": l.sequence,
	}
	if t == ConsignmentReceive && l.received != nil {
		o["received"] = l.received.fixed()
	}
	return o
}

// hookSale has no outlet, and three formats of time.
func (a *Account) hookSale(s *sale) any {
	lines, payments := []object{}, []object{}
	var total, tax, paid Amount
	for _, l := range s.lines {
		price, taxed := l.price.times(l.quantity), l.tax.times(l.quantity)
		total, tax = total+price, tax+taxed
		lines = append(lines, object{
			"id": l.id, "product_id": l.product.id, "quantity": a.numeral(l.quantity, l.id), "price": l.price.fixed(), "price_total": price.fixed(), "discount": "0.00000",
			"tax": l.tax.fixed(), "tax_total": taxed.fixed(), "tax_id": a.taxOf(l.product, s.register.outlet).id, "loyalty_value": "0.00000", "price_set": false,
		})
	}
	for _, p := range s.payments {
		paid += p.amount
		payments = append(payments, object{
			"id": p.id, "amount": p.amount, "payment_date": timeZ(p.at), "payment_type_id": 1, "retailer_payment_type_id": serialID(kindPayment, 0),
			"payment_type": object{"id": 1, "name": "Cash"}, "retailer_payment_type": object{"id": serialID(kindPayment, 0), "name": "Cash"},
		})
	}
	o := object{
		"id": s.id, "status": s.status, "source": "USER", "source_id": nil, "register_id": s.register.id, "user_id": userID, "user": object{"id": userID, "name": "Ines"},
		"customer_id": nil, "customer": object{}, "invoice_number": strconv.Itoa(s.number), "short_code": s.code, "note": "", "sale_date": timeZ(s.date),
		"created_at": timeSpace(s.created), "updated_at": timeOffset(s.updated), "deleted_at": nil, "register_sale_products": lines,
		"register_sale_payments": payments, "taxes": []object{}, "version": s.version,
		"totals": object{
			"total_price": total.fixed(), "total_tax": tax.fixed(), "total_loyalty": "0.00000", "total_payment": paid.fixed(),
			"total_to_pay": (s.total() - paid).fixed(),
		},
	}
	if s.customer != "" {
		o["customer_id"], o["customer"] = s.customer, object{"id": s.customer}
	}
	if a.cfg.ReturnForInHooks && s.of != nil {
		o["return_for"] = s.of.id
	}
	return o
}

// closeRegister tells of the end of a day at a till, and greet of somebody who became a customer: neither is of use to
// who follows the catalogue.
func (a *Account) closeRegister(r *register) {
	a.touch(&r.stamped)
	a.announce(RegisterClosure, r.version, func() any {
		return object{"id": a.id(kindClosure), "register_id": r.id, "register_close_time": timeSpace(a.now()), "status": "closed"}
	})
}

func (a *Account) greet() {
	version := a.bump()
	a.announce(CustomerUpdate, version, func() any {
		id := a.id(kindCustomer)
		return object{"id": id, "name": "A Customer", "version": version, "updated_at": timeSpace(a.now()), "deleted_at": nil}
	})
}
