package simulator_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/tillstream/tillstream/handlers/pos/xseries/simulator"
)

// TestProducts_Fields: a product of 2026-07 has every field that its schema requires.
func TestProducts_Fields(t *testing.T) {
	t.Parallel()
	w := newWorld(t, simulator.Config{})
	required := strings.Fields(`id handle name sku active is_composite has_inventory has_variants version variant_options categories tag_ids images skuImages
		attributes product_codes product_suppliers packaging customizations price_including_tax price_excluding_tax`)
	for _, p := range w.every("/api/2026-07/products") {
		for _, field := range required {
			if _, has := p[field]; !has {
				t.Fatalf("product %s has no %s", p["sku"], field)
			}
		}
		if strings.Contains(text(p["image_url"]), "/images/placeholder/product/no-image-white-") != (len(objects(p["images"])) == 0) {
			t.Fatalf("product %s has %d images and the image_url %s", p["sku"], len(objects(p["images"])), p["image_url"])
		}
	}
	if bare := w.rows("/api/2026-07/products?include_images=false")[0]; bare["images"] != nil || bare["image_url"] != nil {
		t.Error("there are images though none were asked for")
	}
}

// TestProducts_Families: a family shares its name, handle and family_id; its parent is one of its variants and the others
// name it; a simple product has neither parent nor variants.
func TestProducts_Families(t *testing.T) {
	t.Parallel()
	w := newWorld(t, simulator.Config{})
	families := map[string][]map[string]any{}
	for _, p := range w.every("/api/2026-07/products") {
		families[text(p["family_id"])] = append(families[text(p["family_id"])], p)
	}
	var simple, several int
	for id, members := range families {
		var parents []string
		for _, p := range members {
			if p["name"] != members[0]["name"] || p["handle"] != members[0]["handle"] {
				t.Errorf("family %s has members %v and %v", id, p["name"], members[0]["name"])
			}
			if p["variant_parent_id"] == nil {
				parents = append(parents, text(p["id"]))
				if p["has_variants"] != (len(members) > 1) {
					t.Errorf("family %s of %d: its parent has_variants %v", id, len(members), p["has_variants"])
				}
			} else if p["has_variants"] != false {
				t.Errorf("variant %s has variants", p["sku"])
			}
		}
		if len(parents) != 1 || len(members) > 200 {
			t.Errorf("family %s of %d has %d parents", id, len(members), len(parents))
		}
		for _, p := range members {
			if parent := p["variant_parent_id"]; parent != nil && parent != parents[0] {
				t.Errorf("variant %s names %v, not its parent", p["sku"], parent)
			}
		}
		if len(members) == 1 {
			simple++
		} else {
			several++
		}
		if name := text(members[0]["name"]); len(w.rowsOf("name", name)) != len(members) {
			t.Errorf("asked for by its name %q, the family has another size", name)
		}
	}
	if simple < 20 || several < 20 {
		t.Errorf("%d simple products and %d families", simple, several)
	}
}

func (w *world) rowsOf(parameter, value string) []map[string]any {
	w.t.Helper()
	return w.rows("/api/2026-07/products?" + parameter + "=" + strings.ReplaceAll(strings.ReplaceAll(value, "&", "%26"), " ", "%20"))
}

// TestProducts_Deleted: a deleted product is a tombstone that only those see who ask; its inventory goes with it; a
// variant names its parent after that is deleted.
func TestProducts_Deleted(t *testing.T) {
	t.Parallel()
	w := small(t, simulator.Config{})
	all := w.every("/api/2026-07/products")
	parent := all[slices.IndexFunc(all, func(p map[string]any) bool { return p["has_variants"] == true })]
	id := text(parent["id"])
	if got := w.do("DELETE", "/api/2026-07/products/"+id, ""); got.status != 200 {
		t.Fatal(got)
	}
	find := func(rows []map[string]any) map[string]any {
		if at := slices.IndexFunc(rows, func(p map[string]any) bool { return p["id"] == id }); at >= 0 {
			return rows[at]
		}
		return nil
	}
	if p := find(w.every("/api/2026-07/products")); p != nil {
		t.Error("a deleted product is listed")
	}
	stone := find(w.every("/api/2026-07/products?deleted=true"))
	if stone == nil || stone["deleted_at"] == nil || number(stone["version"]) <= number(parent["version"]) {
		t.Errorf("the tombstone is %v", stone)
	}
	if one := w.ok("GET", "/api/2026-07/products/"+id, ""); at(one, "data", "deleted_at") == nil {
		t.Error("asked for by its id, it is not deleted")
	}
	rest := w.rowsOf("name", text(parent["name"]))
	if len(rest) == 0 || rest[0]["variant_parent_id"] != id {
		t.Fatalf("its variants are %v", rest)
	}
	about := `{"product_id":"` + id + `"`
	if left := objects(w.ok("POST", "/api/2026-07/inventory", about+`}`)); len(left) != 0 {
		t.Errorf("its inventory is %v", left)
	}
	if gone := objects(w.ok("POST", "/api/2026-07/inventory", about+`,"include_deleted":true}`)); len(gone) != 2 || gone[0]["deleted_at"] == nil {
		t.Errorf("its deleted inventory is %v", gone)
	}
	if w.account.Books()[id] != nil {
		t.Error("it is in the books")
	}
	if got := w.do("DELETE", "/api/2026-07/products/"+id, ""); got.status != 404 {
		t.Errorf("deleted again: %d", got.status)
	}
	if got := w.do("DELETE", "/api/2026-07/products/"+text(rest[0]["id"])+"/all", ""); got.status != 200 {
		t.Errorf("the family: %d %s", got.status, got.body)
	}
	if rest := w.rowsOf("name", text(parent["name"])); len(rest) != 0 {
		t.Errorf("of a deleted family %d are left", len(rest))
	}
}

// TestProducts_Prices: in a store that shows prices with tax that one is exact, and the other has five decimals; in the
// other kind it is the other way about, and a product with taxes by outlet has no price with tax.
func TestProducts_Prices(t *testing.T) {
	t.Parallel()
	inclusive := small(t, simulator.Config{})
	id := must(inclusive.account.Add("Bowl", "B-1", simulator.Of(100), ""))
	p := inclusive.product("B-1")
	if text(p["price_including_tax"]) != "100" || text(p["price_excluding_tax"]) != "83.33333" || p["outlet_taxes"] != nil {
		t.Errorf("%s: %v with tax, %v without", id, p["price_including_tax"], p["price_excluding_tax"])
	}
	exclusive := newWorld(t, simulator.Config{TaxExclusive: true, Quirks: -1})
	var even, uneven int
	for _, p := range exclusive.every("/api/2026-07/products") {
		without := amount(t, p["price_excluding_tax"])
		if p["price_including_tax"] == nil {
			uneven++
			if taxes := objects(p["outlet_taxes"]); len(taxes) != 2 || taxes[0]["tax_id"] == taxes[1]["tax_id"] {
				t.Errorf("product %s has the taxes %v", p["sku"], taxes)
			}
			continue
		}
		even++
		if with := amount(t, p["price_including_tax"]); with*5 != without*6 {
			t.Errorf("product %s: %s without tax, %s with", p["sku"], without, with)
		}
	}
	if even < 50 || uneven < 10 {
		t.Errorf("%d products with a price with tax, %d without", even, uneven)
	}
	for w, want := range map[*world]bool{inclusive: false, exclusive: true} {
		retailer := w.ok("GET", "/api/2.0/retailer", "")
		if at(retailer, "data", "tax_exclusive") != want || at(retailer, "data", "currency", "code") != "GBP" || at(retailer, "data", "timezone") == nil || at(retailer, "data", "sku_sequence") == nil {
			t.Errorf("the retailer is %v", retailer)
		}
	}
}

// TestProducts_Save: what belongs to the family is saved for every variant; a save without a change is a change.
func TestProducts_Save(t *testing.T) {
	t.Parallel()
	w := small(t, simulator.Config{})
	family := w.rowsOf("name", text(w.rows("/api/2026-07/products")[0]["name"]))
	before := len(family)
	if before < 2 {
		t.Fatal("the first family has no variants")
	}
	id, last := text(family[0]["id"]), text(family[before-1]["version"])
	if err := w.account.Save(id, simulator.ProductEdit{}); err != nil {
		t.Fatal(err)
	}
	if again := w.after("/api/2026-07/products", last); len(again) < before {
		t.Errorf("%d of %d variants have new versions", len(again), before)
	}
	price, empty := simulator.Of(7), ""
	if err := w.account.Save(id, simulator.ProductEdit{Price: &price, Description: &empty, Brand: &empty}); err != nil {
		t.Fatal(err)
	}
	for _, p := range w.rowsOf("name", text(family[0]["name"])) {
		if p["description"] != "" || len(p["brand"].(map[string]any)) != 0 || (text(p["price_including_tax"]) == "7") != (p["id"] == id) {
			t.Errorf("variant %s: description %q, brand %v, price %v", p["sku"], p["description"], p["brand"], p["price_including_tax"])
		}
	}
	name, sku, negative := "Thing T-1", "T-1", simulator.Of(-1)
	w.add("T-1", 0)
	for what, edit := range map[string]simulator.ProductEdit{
		"an empty name": {Name: &empty}, "an empty SKU": {SKU: &empty}, "another's name": {Name: &name}, "another's SKU": {SKU: &sku}, "a price below 0": {Price: &negative},
	} {
		if err := w.account.Save(id, edit); err == nil {
			t.Errorf("%s was saved", what)
		}
	}
}

// TestProducts_Composite: a composite has no inventory records; the aggregated view derives its level from its parts, and
// selling it sells them.
func TestProducts_Composite(t *testing.T) {
	t.Parallel()
	w := newWorld(t, simulator.Config{Quirks: -1})
	set := w.product("SET-1")
	id := text(set["id"])
	bom, _ := set["composite_bom"].(map[string]any)
	if set["is_composite"] != true || len(bom) != 2 {
		t.Fatalf("the set is %v", set)
	}
	if got := objects(w.ok("GET", "/api/2026-07/inventory/"+id, "")); len(got) != 0 {
		t.Errorf("it has the records %v", got)
	}
	levels := func(more string) []map[string]any {
		return objects(w.ok("POST", "/api/2026-07/inventory_levels", `{"product_ids":["`+id+`"]`+more+`}`))
	}
	if got := levels(""); len(got) != 0 {
		t.Errorf("without asking for composites there are %v", got)
	}
	if got := levels(`,"include_composites":true`); len(got) != 2 {
		t.Errorf("its levels are %v", got)
	}
	before := map[string]string{}
	for part := range bom {
		before[part] = w.stock(part, "Quayside")
	}
	must(w.account.Sell("Quayside", "CLOSED", simulator.Line{Product: id, Quantity: simulator.Of(2)}))
	for part, each := range bom {
		had, has, takes := amount(t, before[part]), amount(t, w.stock(part, "Quayside")), amount(t, each)
		if had-has != 2*takes {
			t.Errorf("of part %s there were %s and are %s; two sets take %s each", part, had, has, takes)
		}
	}
}

// TestQuirks: of an account with quirks some records are shown in an unusual form, always the same ones; of one without
// none are.
func TestQuirks(t *testing.T) {
	t.Parallel()
	forms := func(w *world) map[string]int {
		seen := map[string]int{}
		for _, p := range w.every("/api/2026-07/products") {
			if _, is := p["supply_price"].(string); is {
				seen["a number as a string"]++
			}
			if supplier, has := p["brand"]; has && supplier == nil {
				seen["null for no brand"]++
			}
			if m, is := p["brand"].(map[string]any); is && len(m) == 0 {
				seen["{} for no brand"]++
			}
			names := map[string]bool{}
			for _, o := range objects(p["variant_options"]) {
				if names[text(o["name"])] {
					seen["a repeated option"]++
				}
				names[text(o["name"])] = true
			}
			for _, c := range objects(p["product_codes"]) {
				if c["type"] == "custom" {
					seen["a code type in lower case"]++
				}
			}
		}
		return seen
	}
	odd := newWorld(t, simulator.Config{Seed: 4, Quirks: 0.4})
	empty := ""
	for _, sku := range []string{"SET-1", "SET-2", "CK-121", "CK-122", "CK-140"} {
		_ = odd.account.Save(sku, simulator.ProductEdit{Brand: &empty})
	}
	for i := range 20 {
		id := odd.add("Q-"+string(rune('A'+i)), 1)
		if err := odd.account.Save(id, simulator.ProductEdit{Brand: &empty}); err != nil {
			t.Fatal(err)
		}
	}
	seen := forms(odd)
	for _, form := range []string{"a number as a string", "null for no brand", "{} for no brand", "a repeated option", "a code type in lower case"} {
		if seen[form] == 0 {
			t.Errorf("there is no record with %s", form)
		}
	}
	if again := forms(odd); again["a number as a string"] != seen["a number as a string"] {
		t.Errorf("asked again, %v and then %v", seen, again)
	}
	if seen := forms(newWorld(t, simulator.Config{Quirks: -1})); seen["a number as a string"]+seen["null for no brand"]+seen["a repeated option"]+seen["a code type in lower case"] > 0 {
		t.Errorf("an account without quirks has %v", seen)
	}
}
