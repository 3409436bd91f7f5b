package main

import (
	"encoding/json"
	"strconv"
	"testing"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/bigcommerce/simulator"
)

// shown is what a shop shows of one item, POS-owned fields only.
type shown struct {
	Name, Description, Price, Cost string
	Visible                        bool
	Stock                          int64
}

// checkShop: the simulated BigCommerce shows exactly the folded products, each
// once.
func checkShop(t *testing.T, shop *simulator.Store, products map[domain.ProductID]domain.Product) {
	t.Helper()
	twins := map[string]int64{} // by SKU
	bySKU := map[string]shown{}
	for _, p := range shop.Products() {
		for _, v := range p.Variants {
			sku := v.SKU
			price, cost, stock := p.Price, p.CostPrice, shop.Stock(1, p.ID, v.ID)
			if p.BaseVariantID != nil {
				sku, stock = p.SKU, shop.Stock(1, p.ID, 0)
			}
			if v.Price != nil {
				price = *v.Price
			}
			if v.CostPrice != nil {
				cost = *v.CostPrice
			}
			if twin, ok := twins[sku]; ok {
				t.Errorf("%s is in BigCommerce as %d and as %d", sku, twin, p.ID)
			}
			twins[sku] = p.ID
			bySKU[sku] = shown{p.Name, p.Description, decimalText(price), decimalText(cost), p.IsVisible, stock}
		}
	}
	variants := 0
	for _, p := range products {
		listing := p.Listing(domain.Rules{})
		for _, v := range listing.Variants {
			variants++
			want := shown{listing.Name, listing.Description, v.Price.String(), v.Cost.String(), listing.Visible, v.Stock[0].Quantity}
			if got := bySKU[string(v.SKU)]; got != want {
				t.Errorf("%s: BigCommerce shows %+v, the projection %+v", v.SKU, got, want)
			}
		}
	}
	if len(twins) != variants || len(shop.Products()) != len(products) {
		t.Errorf("BigCommerce has %d products with %d variants, want %d with %d", len(shop.Products()), len(twins), len(products), variants)
	}
}

func decimalText(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

// checkOrder: no request ever put an older state behind a newer one. It holds for
// histories in which the description names its revision, and stock and prices
// only grow. At least so many written numbers have to be seen.
func checkOrder(t *testing.T, shop *simulator.Store, least int) {
	t.Helper()
	checked := 0
	for _, r := range shop.Requests() {
		for _, e := range r.Effects {
			if e.Verb != simulator.Updated {
				continue
			}
			for _, f := range e.Fields {
				if e.Kind == "stock" || f.Name == "price" || f.Name == "inventory_level" {
					before, after := growing(t, f.Before), growing(t, f.After)
					if after < before {
						t.Errorf("request %d, %s %s: %s of product %d, variant %d went from %v back to %v",
							r.Seq, r.Method, r.Path, f.Name, e.Product, e.Variant, before, after)
					}
					checked++
				}
			}
		}
	}
	if checked < least {
		t.Errorf("only %d written numbers were seen in the request log: the check looked at the wrong thing", checked)
	}
}

func growing(t *testing.T, raw json.RawMessage) float64 {
	t.Helper()
	var n *float64
	if err := json.Unmarshal(raw, &n); len(raw) > 0 && err != nil {
		t.Fatal(err)
	}
	if n == nil {
		return 0
	}
	return *n
}
