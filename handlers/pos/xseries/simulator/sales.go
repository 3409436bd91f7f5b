package simulator

func listSales(a *Account, x *exchange) (reply, error) {
	s, err := a.span(x, a.cfg.PageSize, 0)
	if err != nil {
		return reply{}, err
	}
	return list(x, a.sales.page(s, func(*sale) bool { return true }), a.showSale(x)), nil
}

func readSale(a *Account, x *exchange) (reply, error) {
	return found(&a.sales, x, "sale", a.showSale(x))
}

// returnSale begins the return of a closed sale: a new one, SAVED until it is paid back.
func returnSale(a *Account, x *exchange) (reply, error) {
	if _, err := found(&a.sales, x, "sale", a.showSale(x)); err != nil {
		return reply{}, err
	}
	of, _ := a.sales.find(x.request.PathValue("id"))
	s, err := a.bringBack(of, nil, nil)
	if err != nil {
		return reply{}, err
	}
	return one(a.showSale(x)(s)), nil
}

func (a *Account) showSale(x *exchange) func(*sale) any {
	if x.api == v20 {
		return a.showSale20
	}
	return a.showSale2607
}

// showSale20 is flat: a status besides the state, and the product's id in the line.
func (a *Account) showSale20(s *sale) any {
	state, attributes := stateOf(s.status)
	lines, payments := []object{}, []object{}
	var total, tax Amount
	for i, l := range s.lines {
		price, taxed := l.price.times(l.quantity), l.tax.times(l.quantity)
		total, tax = total+price, tax+taxed
		lines = append(lines, object{
			"id": l.id, "product_id": l.product.id, "quantity": a.numeral(l.quantity, l.id), "price": l.price, "price_total": price, "tax": l.tax, "tax_total": taxed,
			"unit_price": l.price, "unit_tax": l.tax, "total_price": price, "total_tax": taxed, "discount": 0, "discount_total": 0, "tax_id": a.taxOf(l.product, s.register.outlet).id,
			"is_return": l.back, "price_set": false, "sequence": i, "status": s.status,
		})
	}
	for _, p := range s.payments {
		payments = append(payments, object{"id": p.id, "amount": p.amount, "payment_date": timeZ(p.at), "retailer_payment_type_id": serialID(kindPayment, 0), "name": "Cash"})
	}
	o := object{
		"id": s.id, "status": s.status, "state": state, "attributes": attributes, "outlet_id": s.register.outlet.id, "register_id": s.register.id, "user_id": userID,
		"customer_id": nil, "invoice_number": s.invoice(), "receipt_number": s.invoice(), "short_code": s.code, "note": "", "source": "USER", "source_id": nil,
		"return_for": nil, "sale_date": timeOffset(s.date), "created_at": timeOffset(s.created), "updated_at": timeOffset(s.updated), "deleted_at": nil,
		"total_price": total, "total_tax": tax, "total_loyalty": 0, "line_items": lines, "payments": payments, "taxes": []object{}, "version": s.version,
	}
	if s.customer != "" {
		o["customer_id"] = s.customer
	}
	if s.of != nil {
		o["return_for"] = s.of.id
	}
	return o
}

// showSale2607 is nested: where a sale was made is in its source, its version in its metadata, and its status is gone.
func (a *Account) showSale2607(s *sale) any {
	state, attributes := stateOf(s.status)
	lines, payments := []object{}, []object{}
	var total, tax Amount
	for i, l := range s.lines {
		price, taxed := l.price.times(l.quantity), l.tax.times(l.quantity)
		total, tax = total+price, tax+taxed
		returned := object{"is_return": l.back}
		if l.back && s.of != nil {
			returned["reason"] = "Changed their mind"
		}
		lines = append(lines, object{
			"id": l.id, "product": object{"id": l.product.id}, "quantity": a.numeral(l.quantity, l.id), "return": returned, "status": "CONFIRMED",
			"pricing":   object{"price": l.price, "total": price, "discount": 0, "discount_total": 0, "cost": l.product.supply, "cost_total": l.product.supply.times(l.quantity)},
			"tax":       object{"id": a.taxOf(l.product, s.register.outlet).id, "amount": l.tax, "total": taxed},
			"source":    object{"register_id": s.register.id},
			"_metadata": object{"sequence": i, "is_price_override": false},
		})
	}
	for _, p := range s.payments {
		payments = append(payments, object{
			"id": p.id, "amount": p.amount, "date": timeZ(p.at), "type": object{"id": "1", "name": "Cash", "config_id": serialID(kindPayment, 0)},
			"source": object{"outlet_id": s.register.outlet.id, "register_id": s.register.id},
		})
	}
	returned := object{"is_return": s.of != nil}
	if s.of != nil {
		returned["original_sale_id"] = s.of.id
	}
	ids := []string{}
	for _, r := range s.returns {
		ids = append(ids, r.id)
	}
	returned["return_sale_ids"] = ids
	o := object{
		"id": s.id, "state": state, "attributes": attributes, "date": timeZ(s.date), "created_at": timeOffset(s.created), "updated_at": timeOffset(s.updated),
		"deleted_at": nil, "invoice_number": s.invoice(), "receipt_number": s.invoice(), "short_code": s.code, "note": "", "line_items": lines, "payments": payments,
		"taxes": []object{}, "return": returned,
		"source":    object{"type": "USER", "author": object{"id": userID}, "outlet_id": s.register.outlet.id, "register_id": s.register.id},
		"totals":    object{"price": total, "tax": tax, "price_incl_tax": total + tax, "loyalty": 0},
		"_metadata": object{"version": s.version},
	}
	if s.customer != "" {
		o["customer_id"] = s.customer
	}
	return o
}
