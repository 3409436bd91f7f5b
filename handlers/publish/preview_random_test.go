package publish_test

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/bigcommerce"
	"github.com/tillstream/tillstream/handlers/bigcommerce/simulator"
	"github.com/tillstream/tillstream/handlers/publish"
)

// deed is one thing that happens: what, to which product, and how.
type deed struct{ What, Product, Variant, Value int }

// Whatever the POS and the merchant have done: what is foreseen is what a push makes
// of it, nothing else changes, nothing is foreseen after it, and looking changes
// nothing.
func TestPublisher_Preview_comesTrue(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		run := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) deed {
			return deed{
				rapid.IntRange(0, 10).Draw(t, "what"), rapid.IntRange(0, 3).Draw(t, "product"),
				rapid.IntRange(0, 2).Draw(t, "variant"), rapid.IntRange(0, 9).Draw(t, "value"),
			}
		}), 1, 30).Draw(rt, "run")
		var wrong []string
		synctest.Test(t, func(t *testing.T) { wrong = comesTrue(t, run) })
		if len(wrong) > 0 {
			rt.Fatalf("%s", strings.Join(wrong, "\n"))
		}
	})
}

func comesTrue(t *testing.T, run []deed) (wrong []string) {
	s := newShop(t, simulator.Config{Latency: 50 * time.Millisecond, InventoryLag: time.Second, Locations: []int64{1, 2}}, func(c *publish.Config) {
		c.Rules.Locations = map[domain.OutletID]int64{"Quayside": 1, "Mill Lane": 2}
	})
	ids := []domain.ProductID{"p0", "p1", "p2", "p3"}
	for i, id := range ids {
		it := item{id: string(id) + "-0", product: string(id), sku: string(id) + "-0", stock: "1"}
		if i >= 2 {
			it.options = size("0")
		}
		s.save(it)
	}
	s.link(ids...)
	for _, d := range run {
		if d.What == 10 {
			s.run()
			s.idle()
			_ = s.stop()
			continue
		}
		s.act(ids[d.Product], d)
	}
	pass(time.Minute) // levels lag
	before := s.shown(ids)
	writes := s.writes()
	foreseen := s.preview(ids...)
	if now := s.writes(); now != writes {
		wrong = append(wrong, fmt.Sprintf("the preview has written %d times", now-writes))
	}
	s.run()
	outcomes, err := s.Push(t.Context(), ids)
	if err != nil {
		return append(wrong, err.Error())
	}
	s.idle()
	_ = s.stop()
	pass(time.Minute)
	after := s.shown(ids)
	for i, id := range ids {
		one := foreseen[id]
		if refused := outcomes[i].Kind == publish.Refused; refused != (one.Prospect == publish.ProspectRefused) {
			wrong = append(wrong, fmt.Sprintf("%s was foreseen as %s (%s), and became %+v", id, one.Prospect, one.Reason, outcomes[i]))
		}
		wrong = append(wrong, cameTrue(one, s.publication(id).Link, before[id], after[id])...)
	}
	for id, one := range s.preview(ids...) {
		if one.Prospect != publish.ProspectAgrees && one.Prospect != publish.ProspectRefused {
			wrong = append(wrong, fmt.Sprintf("%s after the push is foreseen as %s: %v", id, one.Prospect, says(one)))
		}
	}
	return wrong
}

// cameTrue compares what was foreseen with what BigCommerce showed before and shows
// after the push.
func cameTrue(one publish.Preview, link *domain.Link, before, after map[string]string) (wrong []string) {
	if one.Prospect == publish.ProspectRefused {
		return nil
	}
	told := map[string]bool{}
	for _, d := range one.Differences {
		field := string(d.Field)
		if d.Location != 0 {
			field += "@" + strconv.FormatInt(int64(d.Location), 10)
		}
		was, is := field, field
		switch linked, _ := link.Variant(d.Item); {
		case d.Field == publish.FieldVariant && d.New == "":
			if was = name(int64(d.Variant)) + field; before[was] == "" || after[was] != "" {
				wrong = append(wrong, fmt.Sprintf("%s of %s was to go", was, one.Product))
			}
			continue
		case d.Item != "" && link.Simple:
			was, is = "base "+field, "base "+field
		case d.Item != "":
			// A push of a deleted product may let go of the variants in the end.
			was, is = name(int64(d.Variant))+field, name(cmp.Or(linked.BigCommerceID, int64(d.Variant)))+field
		}
		told[is] = true
		if d.Field == publish.FieldVariant {
			told[strings.TrimSuffix(is, "variant")+"sku"] = true // which it is called by
		}
		same := after[is] == d.New || d.Field == publish.FieldBrand && bigcommerce.SameBrand(bigcommerce.Brand(after[is]), bigcommerce.Brand(d.New))
		if !same {
			wrong = append(wrong, fmt.Sprintf("%s of %s was to be %q and is %q", is, one.Product, d.New, after[is]))
		}
		if before[was] != d.Old {
			wrong = append(wrong, fmt.Sprintf("%s of %s was said to be %q and was %q", was, one.Product, d.Old, before[was]))
		}
	}
	for key, value := range after {
		if !told[key] && before[key] != value && !strings.HasSuffix(key, " variant") {
			wrong = append(wrong, fmt.Sprintf("%s of %s was %q, is %q, and nobody has foreseen it", key, one.Product, before[key], value))
		}
	}
	return wrong
}

// name is how values of a variant are named in what is shown.
func name(variant int64) string { return fmt.Sprintf("v%d ", variant) }

// act lets something happen in the POS or in BigCommerce.
func (s *shop) act(id domain.ProductID, d deed) {
	s.t.Helper()
	variant := fmt.Sprintf("%s-%d", id, d.Variant)
	simple := id < "p2"
	if simple {
		variant = string(id) + "-0"
	}
	switch d.What {
	case 0, 1, 2:
		it := item{id: variant, product: string(id), sku: fmt.Sprintf("%s-%d", variant, d.Value%2), name: fmt.Sprintf("%s %d", id, d.Value),
			price: fmt.Sprintf("%d.12345", d.Value), cost: fmt.Sprint(d.Value % 3), hidden: d.Value%4 == 0, untracked: d.Value%5 == 0}
		if d.Value%3 == 0 {
			it.description, it.brand = "<p>d</p>", []string{"Kona", "KONA ", "Northwood", "Kite"}[d.Value/3]
		}
		if simple == (d.Value == 7) { // and sometimes the other way round
			it.options = size(fmt.Sprint(d.Variant + d.Value/5)) // which may collide
		}
		s.save(it)
	case 3:
		s.count(variant, fmt.Sprint(d.Value))
	case 4:
		s.happen(&domain.StockCounted{Item: domain.ItemID(variant), Outlet: "Mill Lane", OnHand: domain.MustQuantity(fmt.Sprint(d.Value)), Count: "c"})
	case 5:
		s.delete(variant)
	default:
		s.edit(id, d)
	}
}

// edit lets the merchant change something. What BigCommerce would not take is not
// changed.
func (s *shop) edit(id domain.ProductID, d deed) {
	twin := s.twin(id).ID
	_ = s.sim.MerchantEdit(twin, func(p *simulator.Product) {
		v := &p.Variants[d.Variant%max(len(p.Variants), 1)]
		price := float64(d.Value) + 0.5
		switch d.What {
		case 6:
			p.Name, p.Description, p.Price, p.CostPrice = fmt.Sprintf("Drift %s", id), "<b>by hand</b>", price, price
			p.IsVisible, p.BrandID = d.Value%2 == 0, p.BrandID*int64(d.Value%2)
		case 7:
			p.InventoryTracking = []string{"none", "product", "variant"}[d.Value%3]
			p.InventoryLevel, v.InventoryLevel = int64(d.Value), int64(d.Value)
		case 8:
			v.Price, v.CostPrice = &price, nil
			if p.BaseVariantID != nil {
				p.SKU = fmt.Sprintf("DRIFT-%s", id)
			} else if d.Value%2 == 0 {
				v.SKU = fmt.Sprintf("DRIFT-%s-%d", id, d.Variant)
			}
		case 9:
			if len(p.Variants) > 1 {
				p.Variants = p.Variants[1:]
			} else if p.BaseVariantID != nil {
				value := simulator.OptionValue{ID: twin + 77_000_000, Label: "Mine"}
				option := simulator.Option{ID: twin + 67_000_000, DisplayName: "Wrapping", Type: "dropdown", Values: []simulator.OptionValue{value}}
				p.BaseVariantID, p.SKU, p.Options = nil, "", []simulator.Option{option}
				p.Variants = []simulator.Variant{{SKU: fmt.Sprintf("MINE-%s", id), OptionValues: []simulator.VariantPick{{ID: value.ID, Label: value.Label, OptionID: option.ID, Option: option.DisplayName}}}}
			}
		}
	})
}

// shown is what BigCommerce shows of products and their variants, by field.
func (s *shop) shown(ids []domain.ProductID) map[domain.ProductID]map[string]string {
	s.t.Helper()
	all := map[domain.ProductID]map[string]string{}
	for _, id := range ids {
		twin := s.twin(id)
		m := map[string]string{
			"name": twin.Name, "sku": twin.SKU, "description": twin.Description, "price": fmt.Sprint(twin.Price), "cost_price": fmt.Sprint(twin.CostPrice),
			"brand": s.sim.Brand(twin.BrandID), "is_visible": fmt.Sprint(twin.IsVisible), "inventory_tracking": twin.InventoryTracking,
		}
		all[id] = m
		stock := func(of string, variant int64) {
			if twin.InventoryTracking != "variant" {
				variant = 0
			}
			for location := int64(1); location <= 2 && twin.InventoryTracking != "none"; location++ {
				m[fmt.Sprintf("%sstock@%d", of, location)] = fmt.Sprint(s.sim.Stock(location, twin.ID, variant))
			}
		}
		if s.publication(id).Link.Simple {
			stock("base ", twin.Variants[0].ID)
			continue
		}
		for _, w := range twin.Variants {
			of := name(w.ID)
			stock(of, w.ID)
			m[of+"variant"], m[of+"sku"], m[of+"options"] = w.SKU, w.SKU, picked(w.OptionValues)
			m[of+"price"], m[of+"cost_price"] = optional(w.Price), optional(w.CostPrice)
		}
	}
	return all
}

func picked(values []simulator.VariantPick) string {
	words := make([]string, len(values))
	for i, v := range values {
		words[i] = v.Option + " " + v.Label
	}
	return strings.Join(words, ", ")
}

func optional(n *float64) string {
	if n == nil {
		return ""
	}
	return fmt.Sprint(*n)
}
