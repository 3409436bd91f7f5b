package simulator

import (
	"net/http"
	"slices"
)

func listConsignments(a *Account, x *exchange) (reply, error) {
	s, err := a.span(x, a.cfg.PageSize, 0)
	if err != nil {
		return reply{}, err
	}
	query := x.request.URL.Query()
	types := []string{StockOrder, StockTransfer, SupplierReturn, Stocktake}
	if kind := query.Get("type"); kind != "" && !slices.Contains(types, kind) {
		return reply{}, refused(http.StatusBadRequest, "type=%q: want one of %q", kind, types)
	}
	suits := func(c *consignment) bool {
		kind, status, outlet := query.Get("type"), query.Get("status"), query.Get("outlet_id")
		return (kind == "" || c.kind == kind) && (status == "" || c.status == status) && (outlet == "" || c.outlet.id == outlet || c.source != nil && c.source.id == outlet)
	}
	return list(x, a.consigned.page(s, suits), a.showConsignment), nil
}

func readConsignment(a *Account, x *exchange) (reply, error) {
	return found(&a.consigned, x, "consignment", a.showConsignment)
}

func (a *Account) showConsignment(c *consignment) any {
	o := object{
		"id": c.id, "type": c.kind, "status": c.status, "name": c.name, "outlet_id": c.outlet.id, "source_outlet_id": nil, "supplier_id": nil, "reference": nil,
		"consignment_date": timeOffset(c.created), "due_at": nil, "received_at": when(c.received, timeOffset), "supplier_invoice": nil, "filters": []object{},
		"show_inactive": true, "created_at": timeOffset(c.created), "updated_at": timeOffset(c.updated), "deleted_at": nil, "version": c.version,
	}
	if c.source != nil {
		o["source_outlet_id"] = c.source.id
	}
	if t := a.thing(&a.suppliers, c.supplier); t != nil {
		o["supplier_id"] = t.id
	}
	return o
}

func listConsigned(a *Account, x *exchange) (reply, error) {
	c, ok := a.consigned.find(x.request.PathValue("id"))
	if !ok {
		return reply{}, refused(http.StatusNotFound, "there is no consignment of the id %q", x.request.PathValue("id"))
	}
	s, err := a.span(x, a.cfg.PageSize, 0)
	if err != nil {
		return reply{}, err
	}
	return list(x, c.list.page(s, func(*consignmentLine) bool { return true }), a.showConsigned), nil
}

func (a *Account) showConsigned(l *consignmentLine) any {
	o := object{
		"product_id": l.product.id, "product_sku": l.product.sku, "count": l.count.fixed(), "received": nil, "cost": l.cost.fixed(), "status": l.status,
		"is_included": !a.odd(l.id), "created_at": timeOffset(l.created), "updated_at": timeOffset(l.updated), "deleted_at": nil, "version": l.version,
	}
	if l.received != nil {
		o["received"] = l.received.fixed()
	}
	return o
}
