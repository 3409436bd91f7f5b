package simulator_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/tillstream/tillstream/handlers/bigcommerce/simulator"
)

// TestStore_MerchantGroups: everything that BigCommerce owns of a product can be edited, by a function and by the control
// API, with the same result; the log shows it as the merchant's.
func TestStore_MerchantGroups(t *testing.T) {
	t.Parallel()
	groups := []struct {
		name, fields string
		edit         func(*simulator.Product)
	}{
		{"SEO", `{"page_title":"Best","meta_description":"d","meta_keywords":["k"],"search_keywords":"s","custom_url":{"url":"/best/","is_customized":true},"open_graph_title":"o","open_graph_type":"game"}`,
			func(p *simulator.Product) {
				p.PageTitle, p.MetaDescription, p.MetaKeywords, p.SearchKeywords = "Best", "d", []string{"k"}, "s"
				p.CustomURL, p.OpenGraphTitle, p.OpenGraphType = simulator.CustomURL{URL: "/best/", IsCustomized: true}, "o", "game"
			}},
		{"Weight", `{"weight":2.5}`, func(p *simulator.Product) { p.Weight = 2.5 }},
		{"Sizing", `{"width":1,"height":2,"depth":3}`, func(p *simulator.Product) { p.Width, p.Height, p.Depth = 1, 2, 3 }},
		{"MSRP", `{"retail_price":40}`, func(p *simulator.Product) { p.RetailPrice = 40 }},
		{"SalePrice", `{"sale_price":4.5}`, func(p *simulator.Product) { p.SalePrice = 4.5 }},
		{"Tax", `{"tax_class_id":2,"product_tax_code":"T"}`, func(p *simulator.Product) { p.TaxClassID, p.ProductTaxCode = 2, "T" }},
		{"Customizations", `{"modifiers":[{"display_name":"Engraving","type":"text","required":true}]}`,
			func(p *simulator.Product) {
				p.Modifiers = []simulator.Modifier{{DisplayName: "Engraving", Type: "text", Required: true}}
			}},
		{"CustomFields", `{"custom_fields":[{"name":"Wood","value":"Cedar"}]}`, func(p *simulator.Product) { p.CustomFields = []simulator.CustomField{{Name: "Wood", Value: "Cedar"}} }},
		{"UPC", `{"upc":"0123","gtin":"4567","mpn":"m"}`, func(p *simulator.Product) { p.UPC, p.GTIN, p.MPN = "0123", "4567", "m" }},
		{"Categories", `{"categories":[23,24]}`, func(p *simulator.Product) { p.Categories = []int64{23, 24} }},
		{"Images", `{"images":[{"image_url":"https://example.com/a.jpg","is_thumbnail":true}]}`,
			func(p *simulator.Product) {
				p.Images = []simulator.Image{{ImageURL: "https://example.com/a.jpg", IsThumbnail: true}}
			}},
	}
	for _, g := range groups {
		t.Run(g.name, func(t *testing.T) {
			t.Parallel()
			byFunction, products := seeded(t, simulator.Config{})
			byControl, _ := seeded(t, simulator.Config{})
			id := products[0].ID
			before := byFunction.OwnedFields(id)
			if err := byFunction.MerchantEdit(id, g.edit); err != nil {
				t.Fatal(err)
			}
			if got := send(t, byControl, "POST", "/control/merchant-edit", fmt.Sprintf(`{"id":%d,"fields":%s}`, id, g.fields)); got.Status != 200 {
				t.Fatal(got)
			}
			after, same := byFunction.OwnedFields(id), byControl.OwnedFields(id)
			if bytes.Equal(before, after) || !bytes.Equal(after, same) {
				t.Errorf("from %s\nby a function %s\nby the control API %s", before, after, same)
			}
			for _, s := range []*simulator.Store{byFunction, byControl} {
				log := s.Requests()
				if len(log) != 1 || log[0].Actor != "merchant" || len(log[0].Effects) == 0 || len(s.Violations()) != 0 {
					t.Errorf("the log is %+v with violations %v, want one edit of the merchant's and none", log, s.Violations())
				}
			}
		})
	}
}

// TestStore_MerchantVariant: variants are edited by the same two ways, and logged as variants.
func TestStore_MerchantVariant(t *testing.T) {
	t.Parallel()
	s, products := seeded(t, simulator.Config{})
	small, medium := products[2].Variants[0].ID, products[2].Variants[1].ID
	weight := 0.25
	if err := s.MerchantEditVariant(small, func(v *simulator.Variant) { v.Weight, v.UPC = &weight, "99" }); err != nil {
		t.Fatal(err)
	}
	if got := send(t, s, "POST", "/control/merchant-edit", fmt.Sprintf(`{"variant":%d,"fields":{"sale_price":3.5,"width":null}}`, medium)); got.Status != 200 {
		t.Fatal(got)
	}
	p, _ := s.Product(products[2].ID)
	if *p.Variants[0].Weight != weight || p.Variants[0].UPC != "99" || *p.Variants[1].SalePrice != 3.5 {
		t.Errorf("the variants are %s", dump(t, p.Variants))
	}
	log := s.Requests()
	if e := log[0].Effects; len(e) != 1 || e[0].Kind != "variant" || e[0].Variant != small || e[0].ID != *products[2].Variants[0].SKUID || len(e[0].Fields) != 2 {
		t.Errorf("the first edit is logged as %+v, want two fields of variant %d", e, small)
	}
	if err := s.MerchantEditVariant(7, func(*simulator.Variant) {}); err == nil {
		t.Error("variant 7 was edited")
	}
	if got := send(t, s, "POST", "/control/merchant-edit", fmt.Sprintf(`{"variant":%d,"fields":{"weight":-1}}`, medium)); got.Status != 400 || !strings.Contains(got.Body, "weight") {
		t.Errorf("a negative weight: got %d %s", got.Status, got.Body)
	}
}

// TestStore_MerchantRecreate: a product made again is the same but for its ids.
func TestStore_MerchantRecreate(t *testing.T) {
	t.Parallel()
	s, products := seeded(t, simulator.Config{})
	for _, old := range products {
		id, err := s.MerchantRecreate(old.ID)
		if err != nil {
			t.Fatal(err)
		}
		p, ok := s.Product(id)
		sku := func(v simulator.Variant) string { return v.SKU }
		if !ok || id == old.ID || p.Name != old.Name || p.SKU != old.SKU || p.CustomURL != old.CustomURL || !slices.Equal(each(p.Variants, sku), each(old.Variants, sku)) {
			t.Errorf("product %d was made again as %s", old.ID, dump(t, p))
		}
		if _, ok := s.Product(old.ID); ok || p.Variants[0].ID == old.Variants[0].ID {
			t.Errorf("product %d is still there, or its variants are", old.ID)
		}
	}
	// A value without a name cannot be made again; then the product stays as it was.
	shirt := s.Products()[2]
	if err := s.MerchantEdit(shirt.ID, func(p *simulator.Product) { p.Variants[0].OptionValues[0].Label = "" }); err != nil {
		t.Fatal(err)
	}
	send(t, s, "PUT", "/catalog/products/channel-assignments", fmt.Sprintf(`[{"product_id":%d,"channel_id":1}]`, shirt.ID))
	if _, err := s.MerchantRecreate(shirt.ID); err == nil {
		t.Error("a product with a nameless value was made again")
	}
	if p, ok := s.ProductBySKU("T-M"); !ok || p.ID != shirt.ID || !s.Assigned(shirt.ID, 1) {
		t.Errorf("after that the shirt is %s", dump(t, p))
	}
	if _, err := s.MerchantCreate(simulator.NewProduct("bowl", "", 1)); err == nil {
		t.Error("the merchant could create a second bowl")
	}
}

func each[T, U any](list []T, f func(T) U) []U {
	out := make([]U, len(list))
	for i := range list {
		out[i] = f(list[i])
	}
	return out
}

// TestStore_Violations: a write of an app that alters what is not its own is noted, field by field, and nothing else is.
func TestStore_Violations(t *testing.T) {
	t.Parallel()
	s, products := seeded(t, simulator.Config{})
	err := s.MerchantEdit(products[0].ID, func(p *simulator.Product) { p.Weight, p.SalePrice = 2.5, 8 })
	if err != nil {
		t.Fatal(err)
	}
	for _, call := range [][3]string{
		{"PUT", "/catalog/products", `[{"id":{0},"name":"Bowl L","description":"","price":11,"cost_price":3,"brand_name":"North","is_visible":false,"inventory_tracking":"product","sku":"B-2","inventory_level":4}]`},
		{"PUT", "/catalog/products/{0}", `{"weight":2.5,"sale_price":8}`},
		{"PUT", "/catalog/variants", `[{"id":{v},"price":9.5,"cost_price":4}]`},
		{"PUT", "/catalog/products/{2}/variants/{w}", `{"sku":"T-MM"}`},
		{"PUT", "/inventory/adjustments/absolute", `{"items":[{"location_id":1,"product_id":{0},"quantity":9}]}`},
		{"POST", "/catalog/products", `{"name":"Cup","type":"physical","weight":3,"price":1,"categories":[4]}`},
		{"POST", "/catalog/products/1000004/images", `{"image_url":"https://example.com/a.jpg"}`},
	} {
		if got := send(t, s, call[0], fillIn(products, call[1]), fillIn(products, call[2])); got.Status != 200 {
			t.Fatalf("%v: %v", call, got)
		}
	}
	if got := s.Violations(); len(got) != 0 {
		t.Errorf("writes of what is the point of sale's are violations: %v", got)
	}
	send(t, s, "PUT", "/catalog/products", fillIn(products, `[{"id":{1},"price":3},{"id":{0},"weight":0,"sale_price":8,"is_featured":true}]`))
	send(t, s, "PUT", "/catalog/variants", fillIn(products, `[{"id":{v},"weight":1}]`))
	send(t, s, "POST", fillIn(products, "/catalog/products/{0}/images"), `{"image_url":"https://example.com/a.jpg"}`)
	if err := s.MerchantEdit(1_000_004, func(p *simulator.Product) { p.Images = nil }); err != nil {
		t.Fatal(err)
	}
	send(t, s, "POST", "/catalog/products/1000004/images", `{"image_url":"https://example.com/a.jpg"}`)
	want := []string{
		fillIn(products, "request 9 altered weight of product {0} from 2.5 to 0"),
		fillIn(products, "request 9 altered is_featured of product {0} from false to true"),
		fillIn(products, "request 10 altered weight of product {2} variant {v} from null to 1"),
		fillIn(products, "request 11 altered images of product {0} from nothing to 90000002"),
		"request 13 altered images of product 1000004 from nothing to 90000003",
	}
	if got := each(s.Violations(), simulator.Violation.String); !slices.Equal(got, want) {
		t.Errorf("violations\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if got := send(t, s, "GET", "/control/violations", ""); strings.Count(got.Body, `"field":`) != len(want) || !strings.Contains(got.Body, `"before":2.5`) {
		t.Errorf("the control API says %s", got.Body)
	}
}
