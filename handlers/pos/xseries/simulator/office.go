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

// change edits something, as the edit page does.
func (t *Trader) change(what string, edit func(*product) ProductEdit) (string, error) {
	p, ok := t.anything()
	if !ok {
		return idle("edits")
	}
	return what + ": " + p.label(), t.account.edit(p, edit(p))
}

func (t *Trader) reprice() (string, error) {
	return t.change("a new price", func(p *product) ProductEdit {
		price := max(unit/2, p.price+Amount(t.rand.IntN(41)-20)*unit/4)
		return ProductEdit{Price: &price}
	})
}

func (t *Trader) redescribe() (string, error) {
	return t.change("a new description", func(p *product) ProductEdit {
		text := ""
		if n := t.rand.IntN(100); n >= 20 {
			text = fmt.Sprintf("<p>%s, <em>as good as ever</em>: edition %d.</p>", p.family.name, n)
		}
		return ProductEdit{Description: &text}
	})
}

// resave saves what is there: nothing changes, and everybody is told.
func (t *Trader) resave() (string, error) {
	return t.change("saved as it is", func(*product) ProductEdit { return ProductEdit{} })
}

func (t *Trader) toggle() (string, error) {
	return t.change("on or off sale", func(p *product) ProductEdit {
		active := !p.family.active
		return ProductEdit{Active: &active}
	})
}

func (t *Trader) picture() (string, error) {
	return t.change("a picture", func(*product) ProductEdit { return ProductEdit{AddImage: true} })
}

func (t *Trader) retag() (string, error) {
	return t.change("other tags", func(*product) ProductEdit {
		tags := []string{"rain", "new"}[:t.rand.IntN(3)]
		return ProductEdit{Tags: &tags}
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
	return "a new product: " + name, nil
}

func (t *Trader) newVariant() (string, error) {
	like, ok := draw(t, t.chosen(func(p *product) bool { return len(p.options) > 0 && len(p.family.alive()) < mostVariants }))
	if !ok {
		return idle("adds a variant")
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
	return "a new variant: " + p.label(), nil
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
		return idle("deletes a variant")
	}
	p := all[t.rand.IntN(len(all))]
	t.account.remove(p, false)
	return "deleted: " + p.label(), nil
}

func (t *Trader) deleteFamily() (string, error) {
	all := t.deletable(func(p *product) bool { return len(p.family.alive()) <= 2 })
	if len(all) == 0 {
		return idle("deletes a product")
	}
	p := all[t.rand.IntN(len(all))]
	for _, m := range p.family.alive() {
		for _, other := range t.account.order {
			for _, part := range other.bom {
				if part.product == m && !other.gone() {
					return idle("deletes a product")
				}
			}
		}
	}
	t.account.remove(p, true)
	return "deleted with all variants: " + p.family.name, nil
}

// importPrices imports a file of prices, and of the stock of a few.
func (t *Trader) importPrices() (string, error) {
	a := t.account
	var file strings.Builder
	out := csv.NewWriter(&file)
	rows := [][]string{{"id", "sku", "name", "retail_price", "inventory_" + strings.ReplaceAll(a.outlets[0].name, " ", "_")}}
	for range 8 {
		p, ok := t.anything()
		if !ok {
			return idle("imports")
		}
		stock := ""
		if p.tracked() && t.rand.IntN(4) == 0 {
			stock = max(0, p.onHand(a.outlets[0])+unit).String()
		}
		price := max(unit/2, p.price+Amount(t.rand.IntN(9)-4)*unit/2)
		rows = append(rows, []string{p.id, p.sku, p.family.name, price.String(), stock})
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
	return fmt.Sprintf("an import of %d prices", done.Saved), nil
}
