package publish_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/bigcommerce/simulator"
	"github.com/tillstream/tillstream/handlers/publish"
)

// deed is one thing that happens in a run: what, to which product, and how.
type deed struct{ What, Product, Variant, Value int }

// What can happen.
const (
	saves = iota
	counts
	deletes
	merchantOwn
	merchantDrift
	fails
	passes
	restarts
	deeds
)

// Whatever happens in the POS, in BigCommerce and in between, in the end every
// POS-owned field is as in the POS, and every other byte as the merchant left it.
func TestPublisher_wholeRuns(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		run := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) deed {
			return deed{
				rapid.IntRange(0, deeds-1).Draw(t, "what"), rapid.IntRange(0, 3).Draw(t, "product"),
				rapid.IntRange(0, 3).Draw(t, "variant"), rapid.IntRange(0, 9).Draw(t, "value"),
			}
		}), 1, 60).Draw(rt, "run")
		var wrong []string
		synctest.Test(t, func(t *testing.T) { wrong = wholeRun(t, run) })
		if len(wrong) > 0 {
			rt.Fatalf("%v", wrong)
		}
	})
}

func wholeRun(t *testing.T, run []deed) (wrong []string) {
	s := newShop(t, simulator.Config{Quota: 150, Latency: 50 * time.Millisecond, InventoryLag: time.Second}, nil)
	ids := []domain.ProductID{"p0", "p1", "p2", "p3"}
	for i, id := range ids {
		it := item{id: string(id) + "-0", product: string(id), sku: string(id) + "-0", stock: "1"}
		if i >= 2 {
			it.options = size("0")
		}
		s.save(it)
	}
	s.link(ids...)
	s.run()
	owned := map[domain.ProductID][]byte{}
	for _, id := range ids {
		owned[id] = s.sim.OwnedFields(s.twin(id).ID)
	}
	for _, d := range run {
		id := ids[d.Product]
		variant := fmt.Sprintf("%s-%d", id, d.Variant)
		twin := s.publication(id).Link.BigCommerceID
		switch d.What {
		case saves:
			it := item{id: variant, product: string(id), name: fmt.Sprintf("Name %s %d", id, d.Value), sku: variant, price: fmt.Sprint(d.Value), stock: fmt.Sprint(d.Value)}
			if d.Product >= 2 {
				it.options = size(fmt.Sprint(d.Variant))
			} else {
				it.id = string(id) + "-0"
			}
			if d.Value%3 == 0 {
				it.description, it.brand = "<p>d</p>", "Brand"
			}
			s.save(it)
		case counts:
			s.count(string(id)+"-0", fmt.Sprint(d.Value))
		case deletes:
			if d.Product >= 2 && d.Variant > 0 {
				if p, err := s.catalog.Product(t.Context(), store, id); err == nil {
					if it, ok := p.Item(domain.ItemID(variant)); ok && it.Described {
						s.delete(variant)
					}
				}
			}
		case merchantOwn:
			err := s.sim.MerchantEdit(twin, func(p *simulator.Product) {
				p.Weight, p.RetailPrice, p.SalePrice = float64(d.Value), float64(100+d.Value), float64(d.Variant)
				p.PageTitle, p.UPC, p.Categories = fmt.Sprint(d.Value), "4006", []int64{int64(d.Value)}
				for i := range p.Variants {
					w := float64(d.Value)
					p.Variants[i].Weight = &w
				}
			})
			if err != nil {
				wrong = append(wrong, err.Error())
			}
			owned[id] = s.sim.OwnedFields(twin)
		case merchantDrift:
			_ = s.sim.MerchantEdit(twin, func(p *simulator.Product) {
				p.Name, p.Price, p.IsVisible, p.Description = fmt.Sprintf("Drift %s", id), 99, false, "drift"
				if d.Product < 2 {
					p.SKU = fmt.Sprintf("DRIFT-%s", id)
				} else {
					p.Variants[0].SKU = fmt.Sprintf("DRIFT-%s", id)
				}
			})
		case fails:
			kinds := []simulator.Fault{
				{Kind: simulator.Status, Status: 503, Count: 2}, {Kind: simulator.Status, Status: 429, Count: 1},
				{Kind: simulator.CloseAfterCommit, Count: 1}, {Kind: simulator.CloseBeforeCommit, Count: 1},
				{Kind: simulator.Hang, Count: 1}, {Kind: simulator.Truncate, Count: 1}, {Kind: simulator.HTML, Status: 502, Count: 1},
			}
			if err := s.sim.Fail(kinds[d.Value%len(kinds)]); err != nil {
				wrong = append(wrong, err.Error())
			}
		case passes:
			pass(time.Duration(d.Value) * 100 * time.Millisecond)
		case restarts:
			_ = s.stop()
			s.open()
			s.run()
		}
	}
	s.sim.Heal()
	pass(10 * time.Minute)
	if outcomes, err := s.Push(t.Context(), ids); err != nil || outcomes[0].Kind != publish.Confirmed {
		wrong = append(wrong, fmt.Sprintf("the last push: %+v, %v", outcomes, err))
	}
	s.idle()
	pass(time.Minute) // stock lags
	for _, id := range ids {
		wrong = append(wrong, s.differences(id)...)
		wrong = append(wrong, touched(id, owned[id], s.sim.OwnedFields(s.twin(id).ID))...)
	}
	_ = s.stop()
	return wrong
}

// touched lists what the merchant owned of a product and its variants and is other
// than it was. Variants that are gone, or new, have nothing to compare.
func touched(id domain.ProductID, before, after []byte) (wrong []string) {
	type fields = map[string]json.RawMessage
	split := func(doc []byte) (fields, map[string]string) {
		var all fields
		var variants []fields
		if err := json.Unmarshal(doc, &all); err != nil {
			return nil, nil
		}
		_ = json.Unmarshal(all["variants"], &variants)
		delete(all, "variants")
		byID := map[string]string{}
		for _, v := range variants {
			whole, _ := json.Marshal(v)
			byID[string(v["id"])] = string(whole)
		}
		return all, byID
	}
	was, wasVariants := split(before)
	is, isVariants := split(after)
	if len(was) == 0 || len(is) == 0 {
		return []string{fmt.Sprintf("%s: the merchant's fields cannot be read", id)}
	}
	for name := range was {
		if string(was[name]) != string(is[name]) {
			wrong = append(wrong, fmt.Sprintf("%s of %s was %s and is %s", name, id, was[name], is[name]))
		}
	}
	for variant, whole := range wasVariants {
		if now, ok := isVariants[variant]; ok && now != whole {
			wrong = append(wrong, fmt.Sprintf("variant %s of %s was %s and is %s", variant, id, whole, now))
		}
	}
	return wrong
}
