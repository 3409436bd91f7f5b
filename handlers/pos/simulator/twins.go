package simulator

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tillstream/tillstream/domain"
)

// Twins lists what the online shop holds before it is linked: about seven tenths
// of the products, as they were some seasons ago and with what somebody has added
// by hand, and a few products of its own. No two have a name or, in whatever case,
// a SKU in common.
func Twins() []Twin {
	var out []Twin
	s := newShop()
	for i, d := range catalogue() {
		for _, f := range s.families {
			if f.category == d.category {
				out = append(out, s.twinsOf(f, int64(21+i))...)
			}
		}
	}
	return append(out, onlineOnly()...)
}

// twinsOf decides what the online shop made of a product.
func (s *shop) twinsOf(f *family, category int64) []Twin {
	switch f.handle {
	case "tideline-polo": // somebody gave one colour its own page
		most, rest := oldTwin(f, f.items[:8], category), oldTwin(f, f.items[8:], category)
		rest.Name += " in Ochre"
		return []Twin{most, rest}
	case "signal-whistle": // somebody made two products one
		return []Twin{whistles(f, s.family("signal-whistle-pair"), category)}
	case "signal-whistle-pair":
		return nil
	case "pontoon-deck-shoe", "cargo-duffel": // the newest size is missing
		return []Twin{oldTwin(f, f.items[:len(f.items)-1], category)}
	}
	if !twinned(f) {
		return nil
	}
	return []Twin{oldTwin(f, f.items, category)}
}

// twinned reports whether the online shop has the product: it has what is bought most.
func twinned(f *family) bool {
	return slices.Contains(f.tags, "bestseller") || len(f.items) > 6 || hash("twin "+f.handle)%100 < 66
}

// oldTwin is a product as the online shop knows it: an older name and price, words
// of its own, SKUs as somebody typed them.
func oldTwin(f *family, items []*item, category int64) Twin {
	h := hash(f.handle)
	first := items[0]
	t := Twin{
		Of:    []domain.ProductID{domain.ProductID(f.handle)},
		Name:  f.name,
		Brand: f.brand,
		Description: fmt.Sprintf("<div class=\"kk-story\"><h2>%s</h2><p>Picked, tried and packed by the crew at Kite &amp; Keel. "+
			"<a href=\"/size-guide\">Size guide</a> · <a href=\"/returns\">Returns</a></p></div>", f.name),
		Price:     (first.retail * 19 / 20 / 5 * 5).money(),
		CostPrice: (first.supply * 9 / 10).money(),
		Visible:   h%13 != 0,
		Tracked:   f.tracked,
	}
	switch h % 5 {
	case 0:
		t.Name = f.name + " by " + f.brand
	case 1:
		t.Name = "The " + f.name
	}
	if len(first.options) == 0 {
		t.SKU, t.Stock, t.GTIN = typed(first.sku), oldStock(first), first.ean
	}
	for i, it := range items {
		if len(it.options) > 0 {
			v := TwinVariant{SKU: typed(it.sku), Options: it.options, Stock: oldStock(it)}
			if i == len(items)-1 {
				v.Weight = float64(90+h%900) / 1000
			}
			t.Variants = append(t.Variants, v)
		}
	}
	t.addByHand(f, first, category)
	return t
}

// addByHand is the work of the people of the online shop.
func (t *Twin) addByHand(f *family, first *item, category int64) {
	h := hash("by hand " + f.handle)
	t.Weight = float64(60+h%2400) / 1000
	t.Width, t.Height, t.Depth = float64(8+h%30), float64(4+h/30%40), float64(2+h/1200%12)
	t.PageTitle = t.Name + " | Kite & Keel, harbour outfitters"
	t.MetaDescription = fmt.Sprintf("%s from %s, chosen by people who use it. Posted from Quayside the same day.", f.name, f.brand)
	t.SearchKeywords = strings.ToLower(strings.Join(append(strings.Fields(f.name), f.tags...), ", "))
	t.Categories = []int64{category}
	t.CustomFields = []CustomField{{"Made by", f.brand}}
	if h%4 == 0 {
		t.CustomFields = append(t.CustomFields, CustomField{"Good for", f.category})
	}
	if h%4 == 1 {
		t.SalePrice = (first.retail * 7 / 10).money()
	}
	if h%3 == 0 {
		t.MSRP = (first.retail * 23 / 20).money()
	}
	switch {
	case slices.Contains(f.tags, "kids"):
		t.TaxCode = "CHILDRENSWEAR"
	case slices.Contains(f.tags, "paper"):
		t.TaxCode = "PRINTED"
	}
	if slices.Contains(f.tags, "gift") && h%2 == 0 {
		t.Modifiers = []string{"Gift message"}
	}
}

// typed is a SKU as somebody copied it by hand.
func typed(sku string) string {
	switch hash("typed "+sku) % 4 {
	case 0:
		return strings.ToLower(sku)
	case 1:
		return sku[:1] + strings.ToLower(sku[1:])
	}
	return sku
}

// oldStock is what was there when somebody last typed it in.
func oldStock(it *item) int64 {
	return max(0, int64((it.stock[quayside]+it.stock[millLane])/one)+int64(hash("stock "+it.sku)%7)-3)
}

// whistles is one product with the SKUs of two.
func whistles(single, pair *family, category int64) Twin {
	t := oldTwin(single, single.items, category)
	t.Of = append(t.Of, domain.ProductID(pair.handle))
	t.SKU, t.GTIN, t.Stock = "", "", 0
	for _, choice := range []struct {
		pack string
		item *item
	}{{"Single", single.items[0]}, {"Pair", pair.items[0]}} {
		t.Variants = append(t.Variants, TwinVariant{
			SKU: choice.item.sku, Options: []domain.Option{{Name: "Pack", Value: choice.pack}}, Stock: oldStock(choice.item),
		})
	}
	return t
}

// onlineOnly are products that the POS has never heard of and no push may touch.
func onlineOnly() []Twin {
	var out []Twin
	for i, p := range []struct {
		name, sku, html string
		price           hundredths
	}{
		{"Gift Wrapping", "WEB-WRAP", "<p>Brown paper, tarred twine, a tag.</p>", 3_50},
		{"Carbon-Neutral Delivery", "WEB-CND", "<p>We plant seagrass.</p>", 1_00},
		{"Mystery Box: Afloat", "WEB-BOX-A", "<p>Five surprises for the boat.</p>", 45_00},
		{"Mystery Box: Ashore", "WEB-BOX-B", "<p>Five surprises for the tent.</p>", 45_00},
		{"Knots Evening, Online", "WEB-KNOTS", "<p>Ninety minutes, one cord, live from the loft.</p>", 12_00},
		{"Print: Harbour at Low Water", "WEB-PRINT-1", "<p>Giclée, 40 x 50 cm, printed to order.</p>", 38_00},
	} {
		out = append(out, Twin{
			Name: p.name, SKU: p.sku, Description: p.html, Price: p.price.money(), Visible: true, Weight: float64(i) / 10,
			PageTitle: p.name + " | Kite & Keel online", MetaDescription: "Only online.", Categories: []int64{99},
		})
	}
	return out
}
