package simulator

import (
	"encoding/csv"
	"fmt"
	"strings"
)

func (t *Trader) anything() (*product, bool) {
	all := t.chosen(func(*product) bool { return true })
	if len(all) == 0 {
		return nil, false
	}
	return all[t.rand.IntN(len(all))], true
}

// change edits something, as the edit page does, and tells of it.
func (t *Trader) change(edit func(*product) (ProductEdit, string)) (string, error) {
	p, ok := t.anything()
	if !ok {
		return idle()
	}
	e, told := edit(p)
	return "The office " + told, t.account.edit(p, e)
}

func (t *Trader) reprice() (string, error) {
	return t.change(func(p *product) (ProductEdit, string) {
		to := max(unit/2, p.price+Amount(1+t.rand.IntN(20))*unit/4)
		if t.rand.IntN(2) == 0 {
			to = max(unit/2, p.price-Amount(1+t.rand.IntN(20))*unit/4)
		}
		return ProductEdit{Price: &to}, fmt.Sprintf("changes the price of %s from %s to %s", p.label(), price(p.price), price(to))
	})
}

func (t *Trader) redescribe() (string, error) {
	return t.change(func(p *product) (ProductEdit, string) {
		text, did := "", "empties"
		if n := t.rand.IntN(100); n >= 20 {
			text, did = fmt.Sprintf("<p>%s, <em>as good as ever</em>: edition %d.</p>", p.family.name, n), "rewrites"
		}
		return ProductEdit{Description: &text}, did + " the description of " + p.family.name
	})
}

// resave saves what is there: nothing changes, and everybody is told.
func (t *Trader) resave() (string, error) {
	return t.change(func(p *product) (ProductEdit, string) {
		return ProductEdit{}, "saves " + p.family.name + " and changes nothing"
	})
}

func (t *Trader) toggle() (string, error) {
	return t.change(func(p *product) (ProductEdit, string) {
		active, where := !p.family.active, "off"
		if active {
			where = "on"
		}
		return ProductEdit{Active: &active}, "puts " + p.family.name + " " + where + " sale"
	})
}

func (t *Trader) picture() (string, error) {
	return t.change(func(p *product) (ProductEdit, string) {
		return ProductEdit{AddImage: true}, "adds a picture of " + p.family.name
	})
}

func (t *Trader) retag() (string, error) {
	return t.change(func(p *product) (ProductEdit, string) {
		tags := []string{"rain", "new"}[:t.rand.IntN(3)]
		if len(tags) == 0 {
			return ProductEdit{Tags: &tags}, "takes all tags off " + p.family.name
		}
		return ProductEdit{Tags: &tags}, "tags " + p.family.name + " with " + and(tags)
	})
}

func (t *Trader) newProduct() (string, error) {
	a := t.account
	n := len(a.order) + 1
	name := fmt.Sprintf("Harbour Novelty No. %d", n)
	f := &family{handle: slug(name), name: name, html: "<p>Nobody needs it.</p>", brand: "Kite & Keel", supplier: "Harbour Mills", category: "Gifts", active: true, tracked: true}
	if t.rand.IntN(3) == 0 {
		f.brand, f.supplier = "", ""
	}
	a.found(f)
	a.join(f, &product{sku: fmt.Sprintf("NOV-%d", n), supply: Of(3), price: Of(9)})
	return "The office adds a product, " + name, nil
}

func (t *Trader) newVariant() (string, error) {
	like, ok := draw(t, t.chosen(func(p *product) bool { return len(p.options) > 0 && len(p.family.alive()) < mostVariants }))
	if !ok {
		return idle()
	}
	options := append([]Option{}, like.options...)
	value := fmt.Sprintf("Edition %d", len(t.account.order)+1)
	for i := range options { // a repeated option repeats its value
		if options[i].Name == options[0].Name {
			options[i].Value = value
		}
	}
	p := &product{sku: fmt.Sprintf("%s-E%d", like.sku, len(t.account.order)), options: options, supply: like.supply, price: like.price}
	t.account.join(like.family, p)
	t.account.saveFamily(like.family)
	return "The office adds a variant, " + p.label(), nil
}

// deletable leaves alone what composites are made of, and lets half of the shop live.
func (t *Trader) deletable(suits func(*product) bool) []*product {
	inUse := map[*product]bool{}
	alive := 0
	for _, p := range t.account.order {
		if p.gone() {
			continue
		}
		alive++
		for _, part := range p.bom {
			inUse[part.product] = true
		}
	}
	if alive*2 < len(t.account.order) {
		return nil
	}
	return t.chosen(func(p *product) bool { return !inUse[p] && suits(p) })
}

// deleteVariant deletes one of several, a parent as well.
func (t *Trader) deleteVariant() (string, error) {
	all := t.deletable(func(p *product) bool { return len(p.family.alive()) > 2 })
	if len(all) == 0 {
		return idle()
	}
	p := all[t.rand.IntN(len(all))]
	t.account.remove(p, false)
	return "The office deletes the variant " + p.label(), nil
}

func (t *Trader) deleteFamily() (string, error) {
	all := t.deletable(func(p *product) bool { return len(p.family.alive()) <= 2 })
	if len(all) == 0 {
		return idle()
	}
	p := all[t.rand.IntN(len(all))]
	for _, m := range p.family.alive() {
		for _, other := range t.account.order {
			for _, part := range other.bom {
				if part.product == m && !other.gone() {
					return idle()
				}
			}
		}
	}
	t.account.remove(p, true)
	return "The office deletes " + p.family.name, nil
}

// importPrices imports a file of prices, and of the stock of a few.
func (t *Trader) importPrices() (string, error) {
	a := t.account
	var file strings.Builder
	out := csv.NewWriter(&file)
	rows := [][]string{{"id", "sku", "name", "retail_price", "inventory_" + strings.ReplaceAll(a.outlets[0].name, " ", "_")}}
	var told []string
	for range 8 {
		p, ok := t.anything()
		if !ok {
			return idle()
		}
		stock := ""
		if p.tracked() && t.rand.IntN(4) == 0 {
			stock = max(0, p.onHand(a.outlets[0])+unit).String()
		}
		to := max(unit/2, p.price+Amount(t.rand.IntN(9)-4)*unit/2)
		rows = append(rows, []string{p.id, p.sku, p.family.name, to.String(), stock})
		told = append(told, p.label())
	}
	if err := out.WriteAll(rows); err != nil {
		return "", err
	}
	cells, column, err := readFile(strings.NewReader(file.String()))
	if err != nil {
		return "", err
	}
	done := a.take(cells, column)
	if len(done.Refused) > 0 {
		return "", fmt.Errorf("an import of prices: %s", strings.Join(done.Refused, "; "))
	}
	return fmt.Sprintf("The office imports a file of %d prices: %s", done.Saved, others(told)), nil
}
