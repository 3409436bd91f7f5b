package simulator

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"strings"
	"time"

	shop "github.com/tillstream/tillstream/handlers/pos/simulator"
	"github.com/tillstream/tillstream/handlers/standin"
)

var outletNames = [...]string{"Quayside", "Mill Lane", "Harbour Kiosk", "Fell Road", "Warehouse", "Ferry Pier", "Market Hall", "Old Customs House"}

// mostItems bounds what an account begins with.
const mostItems = 200_000

// open makes the account as it is before anything happens: its outlets, taxes and goods, and what is in stock. The goods
// are those of the shop that handlers/pos/simulator invents, taken from its export.
func (a *Account) open() {
	a.moment = a.cfg.Opened
	defer func() { a.moment = time.Time{} }()
	a.openPlaces()
	rows := exportRows()
	column := map[string]int{}
	for i, title := range rows[0] {
		column[title] = i
	}
	wanted := a.cfg.Items
	if wanted == 0 {
		wanted = len(rows) - 1
	}
	for season := 1; a.products.live < wanted; season++ {
		a.openSeason(rows[1:], column, season, wanted)
	}
	a.openComposites(wanted)
	a.hooks = nil // nobody is told of how the account began
	a.diary, a.occurred, a.times = standin.Recent[Occurrence]{Limit: a.cfg.LogLimit}, 0, map[Trigger]int{}
}

func (a *Account) openPlaces() {
	vat := &tax{stamped: stamped{id: a.id(kindTax)}, name: "VAT", rate: 20_000, first: true}
	none := &tax{stamped: stamped{id: a.id(kindTax)}, name: "No Tax"}
	reduced := &tax{stamped: stamped{id: a.id(kindTax)}, name: "Reduced", rate: 5_000}
	a.taxes = []*tax{vat, none, reduced}
	for _, t := range a.taxes {
		a.touch(&t.stamped)
	}
	for i := range a.cfg.Outlets {
		o := &outlet{stamped: stamped{id: a.id(kindOutlet)}, index: i, name: outletNames[i], tax: vat}
		a.touch(&o.stamped)
		a.outlets = append(a.outlets, o)
		r := &register{stamped: stamped{id: a.id(kindRegister)}, outlet: o, name: "Till " + fmt.Sprint(i+1), invoice: 2200}
		a.touch(&r.stamped)
		a.registers = append(a.registers, r)
	}
}

// exportRows are those of the shop's export, the titles first.
func exportRows() [][]string {
	var file bytes.Buffer
	if err := shop.Export(&file); err != nil {
		panic(fmt.Sprintf("simulator: the shop's export: %v", err)) // into memory nothing fails
	}
	rows, err := csv.NewReader(&file).ReadAll()
	if err != nil {
		panic(fmt.Sprintf("simulator: the shop's export: %v", err))
	}
	return rows
}

// openSeason adds the families of the export until there are as many items as wanted, those of later seasons with names
// and SKUs of their own.
func (a *Account) openSeason(rows [][]string, column map[string]int, season, wanted int) {
	cell := func(row []string, title string) string { return row[column[title]] }
	var f *family
	for _, row := range rows {
		handle, name, sku := cell(row, "handle"), cell(row, "name"), cell(row, "sku")
		if season > 1 {
			handle, name, sku = fmt.Sprintf("%s-s%d", handle, season), fmt.Sprintf("%s, season %d", name, season), fmt.Sprintf("%s-S%d", sku, season)
		}
		if f == nil || f.handle != handle {
			if a.products.live >= wanted {
				return
			}
			f = &family{
				handle: handle, name: name, html: cell(row, "description"), brand: cell(row, "brand_name"), supplier: cell(row, "supplier_name"),
				category: cell(row, "product_category"), active: cell(row, "active") == "1", tracked: cell(row, "track_inventory") == "1",
			}
			if tags := cell(row, "tags"); tags != "" {
				f.tags = strings.Split(tags, ";")
			}
			a.found(f)
		}
		p := &product{sku: sku, options: rowOptions(row, column), supply: mustAmount(cell(row, "supply_price")), price: mustAmount(cell(row, "retail_price"))}
		if f.doubled && len(p.options) > 0 {
			p.options = append(p.options, p.options[len(p.options)-1])
		}
		a.join(f, p)
		if !f.tracked {
			continue
		}
		for _, o := range a.outlets {
			opening := Of(int(hash(p.sku+o.name, 0) % 12))
			if at, ok := column["inventory_"+strings.ReplaceAll(o.name, " ", "_")]; ok {
				opening = mustAmount(row[at])
			}
			a.move(p, o, opening, CauseOpening, "")
		}
	}
}

func rowOptions(row []string, column map[string]int) []Option {
	var options []Option
	for _, ordinal := range []string{"one", "two", "three"} {
		if name := row[column["variant_option_"+ordinal+"_name"]]; name != "" {
			options = append(options, Option{name, row[column["variant_option_"+ordinal+"_value"]]})
		}
	}
	return options
}

// mustAmount reads what the shop's export has, which a test of it reads as well.
func mustAmount(text string) Amount {
	n, err := ParseAmount(text)
	if err != nil {
		panic("simulator: the shop's export: " + err.Error())
	}
	return n
}

// openComposites adds two sets that are made of other items, unless the account is so small that nothing is to be set
// together.
func (a *Account) openComposites(wanted int) {
	var single []*product
	for _, p := range a.products.all() {
		if p.tracked() && len(p.family.members) == 1 && p.family.active {
			single = append(single, p)
		}
	}
	if wanted < 20 || len(single) < 5 {
		return
	}
	for i, name := range []string{"Galley Starter Set", "Rainy Weekend Set"} {
		f := &family{handle: slug(name), name: name, brand: "Kite & Keel", category: "Sets", active: true, tracked: true}
		a.found(f)
		parts := []component{{single[2*i], Of(2)}, {single[2*i+1], unit}}
		a.join(f, &product{sku: fmt.Sprintf("SET-%d", i+1), supply: Of(10), price: Of(25), bom: parts})
	}
}
