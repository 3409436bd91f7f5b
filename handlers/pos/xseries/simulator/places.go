package simulator

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
)

func (s *sale) invoice() string { return strconv.Itoa(s.number) }

func readRetailer(a *Account, _ *exchange) (reply, error) {
	return one(object{
		"id": retailerID, "name": "Kite & Keel", "domain_prefix": a.cfg.DomainPrefix, "tax_exclusive": a.cfg.TaxExclusive,
		"currency": object{"code": "GBP", "symbol": "£"}, "timezone": timeZone, "country": "GB", "account_type": "plus", "account_status": "active",
		"sku_sequence": object{"enabled": true, "value": 10_000}, "created_at": timeZ(a.cfg.Opened), "version": strconv.Itoa(firstVersion),
	}), nil
}

func listOutlets(a *Account, x *exchange) (reply, error) {
	return places(a, x, a.outlets, a.showOutlet)
}

func (a *Account) showOutlet(o *outlet) any {
	display := "inclusive"
	if a.cfg.TaxExclusive {
		display = "exclusive"
	}
	return object{
		"id": o.id, "name": o.name, "default_tax_id": o.tax.id, "currency": "GBP", "currency_symbol": "£", "display_prices": display, "time_zone": timeZone,
		"attributes": []object{}, "deleted_at": nil, "version": o.version,
	}
}

func readOutlet(a *Account, x *exchange) (reply, error) {
	return place(a.outlets, x, "outlet", a.showOutlet)
}

// place answers with one of the few.
func place[T record](all []T, x *exchange, what string, show func(T) any) (reply, error) {
	for _, r := range all {
		if r.stamp().id == x.request.PathValue("id") {
			return one(show(r)), nil
		}
	}
	return reply{}, refused(http.StatusNotFound, "there is no %s of the id %q", what, x.request.PathValue("id"))
}

func listRegisters(a *Account, x *exchange) (reply, error) {
	return places(a, x, a.registers, showRegister)
}

func readRegister(a *Account, x *exchange) (reply, error) {
	return place(a.registers, x, "register", showRegister)
}

func showRegister(r *register) any {
	return object{"id": r.id, "name": r.name, "outlet_id": r.outlet.id, "is_open": true, "invoice_sequence": r.invoice, "deleted_at": nil, "version": r.version}
}

func listTaxes(a *Account, x *exchange) (reply, error) {
	return places(a, x, a.taxes, func(t *tax) any {
		return object{
			"id": t.id, "name": t.name, "display_name": t.name, "is_default": t.first, "deleted_at": nil, "version": t.version,
			"rates": []object{{"id": a.sibling(kindEntry, t.id), "name": t.name, "display_name": t.name, "rate": t.rate}},
		}
	})
}

func listBrands(a *Account, x *exchange) (reply, error) {
	s, err := a.span(x, a.cfg.PageSize, 0)
	if err != nil {
		return reply{}, err
	}
	return list(x, a.brands.feed.page(s, func(*thing) bool { return true }), func(t *thing) any {
		return object{"id": t.id, "name": t.name, "deleted_at": nil, "version": t.version}
	}), nil
}

func listHooks(a *Account, _ *exchange) (reply, error) {
	return one(append([]*hook{}, a.hooks...)), nil
}

func readHook(a *Account, x *exchange) (reply, error) {
	h, err := a.hookOf(x)
	return one(h), err
}

func (a *Account) hookOf(x *exchange) (*hook, error) {
	if h := a.hook(x.request.PathValue("id")); h != nil {
		return h, nil
	}
	return nil, refused(http.StatusNotFound, "there is no webhook of the id %q", x.request.PathValue("id"))
}

func createHook(a *Account, x *exchange) (reply, error) {
	var b hookBody
	if err := x.decode(&b); err != nil {
		return reply{}, err
	}
	return a.createdHook(b)
}

func (a *Account) createdHook(b hookBody) (reply, error) {
	h, err := a.addHook(b, false)
	if err == errHookExists {
		return reply{}, refused(http.StatusConflict, "%s", err)
	}
	if err != nil {
		return reply{}, err
	}
	return replyJSON(http.StatusCreated, object{"data": h}), nil
}

// createHookByForm is the old way. The names of its fields are not known; it takes those of the JSON, and a field "data"
// with the JSON itself.
func createHookByForm(a *Account, x *exchange) (reply, error) {
	form, err := url.ParseQuery(string(x.body))
	if err != nil {
		return reply{}, refused(http.StatusBadRequest, "the body is not a form")
	}
	b := hookBody{Type: HookType(form.Get("type")), URL: form.Get("url")}
	if data := form.Get("data"); data != "" {
		if err := json.Unmarshal([]byte(data), &b); err != nil {
			return reply{}, refused(http.StatusBadRequest, "data is malformed: %v", err)
		}
	} else if active, err := strconv.ParseBool(form.Get("active")); err == nil {
		b.Active = &active
	}
	return a.createdHook(b)
}

func updateHook(a *Account, x *exchange) (reply, error) {
	h, err := a.hookOf(x)
	if err != nil {
		return reply{}, err
	}
	var b hookBody
	if err := x.decode(&b); err != nil {
		return reply{}, err
	}
	if err := b.check(); err != nil {
		return reply{}, err
	}
	h.Type, h.URL, h.Active, h.givenUp = b.Type, b.URL, *b.Active, 0
	return one(h), nil
}

func deleteHook(a *Account, x *exchange) (reply, error) {
	h, err := a.hookOf(x)
	if err != nil {
		return reply{}, err
	}
	a.hooks = slices.DeleteFunc(a.hooks, func(other *hook) bool { return other == h })
	return replyJSON(http.StatusOK, object{}), nil
}
