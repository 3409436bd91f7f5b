package domain

import (
	"strings"
	"time"

	"pgregory.net/rapid"
)

// filler is a visitor that fills an event with random values that keep to the
// rules.
type filler struct{ t *rapid.T }

var someText = rapid.RuneFrom([]rune("abcdefgXYZ0123456789-_./:;,<>&\"\\ \n\t\u00e9\u6f22\U0001f600\u2028\ufffd"))

func randomEvent(t *rapid.T, types []Type) Event {
	e := newEvent(rapid.SampledFrom(types).Draw(t, "type"))
	e.fields(filler{t})
	return e
}

func (f filler) present(name string, r rule) bool {
	return r.required || rapid.Bool().Draw(f.t, name+" is there")
}

func (f filler) textOf(name string, r rule) string {
	switch {
	case len(r.oneOf) > 0:
		return rapid.SampledFrom(r.oneOf).Draw(f.t, name)
	case r.format == formatURL:
		return "https://img.example/" + rapid.StringMatching(`[a-z0-9/?=%.]{0,12}`).Draw(f.t, name)
	}
	return rapid.StringOfN(someText, r.min, min(r.max, 12), -1).Draw(f.t, name)
}

func (f filler) text(name string, p **string, r rule) {
	if f.present(name, r) {
		s := f.textOf(name, r)
		*p = &s
	}
}

func (f filler) flag(name string, p **bool, r rule) {
	if f.present(name, r) {
		b := rapid.Bool().Draw(f.t, name)
		*p = &b
	}
}

func (f filler) integer(name string, p **int64, r rule) {
	if f.present(name, r) {
		n := rapid.Int64Range(r.low, 1<<62).Draw(f.t, name)
		*p = &n
	}
}

func (f filler) money(name string, p **Money, r rule) {
	if f.present(name, r) {
		m := MustMoney(rapid.StringMatching(`[0-9]{1,12}(\.[0-9]{1,6})?`).Draw(f.t, name))
		*p = &m
	}
}

func (f filler) quantity(name string, p **Quantity, r rule) {
	if f.present(name, r) {
		form := `-?[0-9]{1,6}(\.[0-9]{1,5})?`
		if r.positive {
			form = `[1-9][0-9]{0,5}(\.[0-9]{1,5})?`
		}
		q := MustQuantity(rapid.StringMatching(form).Draw(f.t, name))
		*p = &q
	}
}

func (f filler) texts(name string, p **[]string, r rule) {
	if f.present(name, r) {
		list := make([]string, rapid.IntRange(0, 3).Draw(f.t, name+" entries"))
		for i := range list {
			list[i] = f.textOf(name, r.entry())
		}
		*p = &list
	}
}

func (f filler) object(name string, r rule, fields func(fieldVisitor)) {
	if f.present(name, r) {
		fields(f)
	}
}

func (f filler) objects(name string, l objectList, r rule) {
	if f.present(name, r) {
		n := rapid.IntRange(0, 3).Draw(f.t, name+" entries")
		l.make(n)
		for i := range n {
			l.visit(i, f)
		}
	}
}

var epoch = time.Date(2026, 11, 1, 8, 0, 0, 0, time.UTC)

// randomPOSEvent is an event of one of a few items, products and outlets, so that
// events meet.
func randomPOSEvent(t *rapid.T) Event {
	e := randomEvent(t, POSTypes())
	item := rapid.SampledFrom([]ItemID{"i-1", "i-2", "i-3"}).Draw(t, "item")
	outlet := func() OutletID {
		return rapid.SampledFrom([]OutletID{"Quayside", "Mill Lane"}).Draw(t, "outlet")
	}
	family := func(d *Description) {
		if d.Product != nil {
			p := rapid.SampledFrom([]ProductID{"", "p-1", "p-2", "i-1"}).Draw(t, "product")
			d.Product = &p
		}
		d.SKU = SKU(strings.ToUpper(string(item)))
	}
	switch e := e.(type) {
	case *ProductSaved:
		e.Item = item
		family(&e.Description)
	case *ProductImported:
		e.Item = item
		family(&e.Description)
	case *ProductDeleted:
		e.Item = item
	case *ItemSold:
		e.Item, e.Outlet = item, outlet()
	case *ItemRefunded:
		e.Item, e.Outlet = item, outlet()
	case *ItemExchanged:
		e.Item, e.Outlet = item, outlet()
	case *StockCounted:
		e.Item, e.Outlet = item, outlet()
	case *StockOrderReceived:
		e.Item, e.Outlet = item, outlet()
	case *StockTransferred:
		e.Item, e.From, e.To = item, outlet(), outlet()
	case *StockAdjusted:
		e.Item, e.Outlet = item, outlet()
	case *StockLevelReported:
		e.Item, e.Outlet = item, outlet()
	}
	return e
}
