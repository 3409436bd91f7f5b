package publish_test

import (
	"fmt"
	"maps"
	"slices"
	"testing/synctest"
	"time"

	"github.com/tillstream/tillstream/domain"
)

// till is a POS of seven items in at most three products. Whatever is done at it,
// what it says is a catalog that a shop can have, except while a change of several
// items is half said.
type till struct {
	s        *shop
	items    map[string]*placed
	families map[string]*family
	woken    map[domain.ProductID]bool
	// shown are all states that the products ever had. What is in stock anywhere is
	// the position of the event that says so, so that of two levels the larger one
	// is the newer.
	shown []moment
}

type placed struct {
	sku     string
	product string // empty: not described yet, or deleted
	value   int    // which of the nine combinations of options it is
	price   int
}

type family struct {
	options             []string
	capitals            bool // how the values are written
	name, text, brand   string
	inactive, nevermind bool // hidden, and without stock
}

// moment is a state and the event that made it.
type moment struct {
	at      domain.Position
	product domain.ProductID
	listing domain.Listing
}

var (
	tillItems    = []string{"i0", "i1", "i2", "i3", "i4", "i5", "i6"}
	tillProducts = []domain.ProductID{"p0", "p1", "p2"}
	tillOptions  = [][]string{{}, {"Size"}, {"Colour"}, {"Size", "Colour"}, {"Colour", "Size"}}
	tillOutlets  = map[domain.OutletID]int64{"Quayside": 1, "Mill Lane": 2}
)

// newTill opens a till with a simple product and one with two variants.
func newTill(s *shop) *till {
	t := &till{s: s, items: map[string]*placed{}, families: map[string]*family{}, woken: map[domain.ProductID]bool{}}
	for i, id := range tillItems {
		t.items[id] = &placed{sku: string(rune('A' + i))}
	}
	for _, p := range tillProducts {
		t.families[string(p)] = &family{name: "Name of " + string(p)}
	}
	t.items["i0"].product = "p0"
	t.items["i1"].product, t.items["i2"].product, t.items["i2"].value = "p1", "p1", 1
	t.families["p1"].options = tillOptions[1]
	t.describe(0, "i0", "i1", "i2")
	return t
}

// say folds an event.
func (t *till) say(e domain.Event) {
	for _, id := range t.s.fold(e) {
		t.shown = append(t.shown, moment{t.s.position, id, t.s.listing(id)})
		t.woken[id] = true
	}
}

// hush lets the publisher know what was said.
func (t *till) hush() {
	for _, id := range slices.Sorted(maps.Keys(t.woken)) {
		t.s.Wake(id)
	}
	clear(t.woken)
}

// describe saves items, the first of them by how, each after its stock, so that what
// a variant has in stock is newer than what another item had in its place. Sometimes
// the publisher hears half of it.
func (t *till) describe(how int, ids ...string) {
	for i := range ids {
		id := ids[(i+how)%len(ids)]
		it, f := t.items[id], t.families[t.items[id].product]
		t.stock(id, how)
		t.stock(id, 5) // at both outlets
		product, price, cost := domain.ProductID(it.product), domain.MustMoney(fmt.Sprint(it.price)), domain.MustMoney(fmt.Sprintf("%d.5", it.price/2))
		active, tracked, options := !f.inactive, !f.nevermind, t.choice(it)
		t.say(&domain.ProductSaved{Item: domain.ItemID(id), Description: domain.Description{
			SKU: domain.SKU(it.sku), Name: f.name, Product: &product, Description: &f.text, Brand: &f.brand,
			Options: &options, RetailPrice: &price, SupplyPrice: &cost, Active: &active, TrackInventory: &tracked,
		}})
		if how%4 == 3 {
			t.hush()
			synctest.Wait()
			pass(time.Duration(how) * 10 * time.Millisecond)
		}
	}
}

// choice is what tells an item from its siblings.
func (t *till) choice(it *placed) []domain.Option {
	f, out := t.families[it.product], []domain.Option{}
	for j, name := range f.options {
		v := it.value
		if len(f.options) == 2 {
			v = []int{v / 3, v % 3}[j]
		}
		label := fmt.Sprintf("v%d", v)
		if f.capitals {
			label = fmt.Sprintf("V%d", v)
		}
		out = append(out, domain.Option{Name: name, Value: label})
	}
	return out
}

// of lists the items of a product.
func (t *till) of(product string) (ids []string) {
	for _, id := range tillItems {
		if t.items[id].product == product {
			ids = append(ids, id)
		}
	}
	return ids
}

// stock records something that moves stock, of any kind.
func (t *till) stock(id string, kind int) {
	outlet, other := domain.OutletID("Quayside"), domain.OutletID("Mill Lane")
	if kind%3 == 0 {
		outlet, other = other, outlet
	}
	item, one := domain.ItemID(id), domain.MustQuantity("1")
	level := domain.MustQuantity(fmt.Sprint(t.s.position + 1))
	t.say([]domain.Event{
		&domain.StockCounted{Item: item, Outlet: outlet, OnHand: level, Count: "c"},
		&domain.ItemSold{Item: item, Outlet: outlet, Quantity: one, Sale: "s", Line: "1", OnHand: &level},
		&domain.ItemRefunded{Item: item, Outlet: outlet, Quantity: one, Sale: "r", Line: "1", OnHand: &level},
		&domain.ItemExchanged{Item: item, Outlet: outlet, Quantity: one, Sale: "x", Line: "1", OnHand: &level},
		&domain.StockOrderReceived{Item: item, Outlet: outlet, Quantity: one, Order: "o", OnHand: &level},
		&domain.StockTransferred{Item: item, From: outlet, To: other, Quantity: one, Transfer: "t", OnHandFrom: &level, OnHandTo: &level},
		&domain.StockAdjusted{Item: item, Outlet: outlet, Quantity: one, Adjustment: "a", OnHand: &level},
		&domain.StockLevelReported{Item: item, Outlet: outlet, OnHand: level},
	}[kind%8])
}

// act does one thing at the till.
func (t *till) act(what int, product, id string, value int) {
	it, f := t.items[id], t.families[product]
	switch what {
	case saves:
		if it.product == "" {
			return
		}
		f = t.families[it.product]
		it.price = value
		switch value % 6 {
		case 0:
			f.name = fmt.Sprintf("Name %d of %s", value, it.product)
		case 1:
			f.text = fmt.Sprintf("<p>%d</p>", t.s.position)
		case 2:
			f.text, f.brand = "", ""
		case 3:
			f.brand = []string{"Kona", "KONA", "Northwood"}[value%3]
		case 4:
			f.inactive = !f.inactive
		case 5:
			f.nevermind = !f.nevermind
		}
		t.describe(value, id)
	case imports:
		if it.product != "" {
			t.imports(id, value)
		}
	case moves:
		t.move(id, product, value)
	case reoptions:
		ids := t.of(product)
		if options := tillOptions[value%5]; len(ids) > 0 && (len(options) > 0 || len(ids) == 1) {
			f.options = options
			t.describe(value, ids...)
		}
	case revalues:
		ids := t.of(product)
		if len(ids) == 0 {
			return
		}
		f.capitals = value%2 == 0
		for i, id := range ids {
			t.items[id].value = (i*(1+value%2) + value) % 9 // 2 and 9 have nothing in common
		}
		t.describe(value, ids...)
	case resells:
		t.resell(id, value)
	case deletes:
		if it.product != "" {
			it.product = ""
			t.say(&domain.ProductDeleted{Item: domain.ItemID(id)})
		}
	case sells:
		t.stock(id, value)
	}
	t.hush()
}

// imports says of an item that only what an import has a column for has changed.
func (t *till) imports(id string, value int) {
	it := t.items[id]
	f := t.families[it.product]
	t.stock(id, value)
	d := domain.Description{SKU: domain.SKU(it.sku), Name: f.name}
	if value%2 == 0 {
		f.text = fmt.Sprintf("<b>%d</b>", t.s.position)
		d.Description = &f.text
	} else {
		it.price = value
		price := domain.MustMoney(fmt.Sprint(value))
		d.RetailPrice = &price
	}
	t.say(&domain.ProductImported{Item: domain.ItemID(id), Description: d, Import: domain.Import{ID: "f", File: "f.csv", Row: 2}})
}

// move puts an item into a product, from another one or from nowhere.
func (t *till) move(id, product string, value int) {
	it, f, there := t.items[id], t.families[product], t.of(product)
	if it.product == product {
		return
	}
	switch {
	case len(there) == 0:
		f.options = tillOptions[value%5]
	case len(f.options) == 0:
		f.options = tillOptions[1+value%4]
	}
	if t.sold(id, it.sku) {
		it.sku = fmt.Sprintf("%s-%d", id, t.s.position)
	}
	it.product = product
	for it.value = value % 9; slices.ContainsFunc(there, func(other string) bool { return t.items[other].value == it.value }); {
		it.value = (it.value + 1) % 9
	}
	t.describe(value, append(there, id)...)
}

// sold reports whether another item than one has a SKU.
func (t *till) sold(id, sku string) bool {
	return slices.ContainsFunc(tillItems, func(other string) bool {
		return other != id && t.items[other].product != "" && domain.SKU(t.items[other].sku).Fold() == domain.SKU(sku).Fold()
	})
}

// resell gives an item the SKU of another one, which gets its own, or a new one.
func (t *till) resell(id string, value int) {
	it := t.items[id]
	other := t.items[tillItems[value%len(tillItems)]]
	switch {
	case it.product == "":
		return
	case value%3 == 0:
		it.sku = []string{"a", "A", "Z" + id, "z" + id}[value%4]
		if t.sold(id, it.sku) {
			it.sku = fmt.Sprintf("%s-%d", id, t.s.position)
		}
	case other.product == "" && t.sold(id, other.sku):
		return
	default:
		it.sku, other.sku = other.sku, it.sku
	}
	if other.product != "" && other != it {
		t.describe(value, id, tillItems[value%len(tillItems)])
		return
	}
	t.describe(value, id)
}
