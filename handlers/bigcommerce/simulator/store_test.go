package simulator_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/tillstream/tillstream/handlers/bigcommerce/simulator"
)

// reply is what a test looks at of an answer.
type reply struct {
	Status int
	Header http.Header
	Body   string
}

// decode reads the "data" of a reply.
func (r reply) decode(t *testing.T, into any) {
	t.Helper()
	var body struct {
		Data json.RawMessage `json:"data"`
	}
	if err := json.Unmarshal([]byte(r.Body), &body); err != nil {
		t.Fatalf("%v in %s", err, r.Body)
	}
	if err := json.Unmarshal(body.Data, into); err != nil {
		t.Fatalf("%v in %s", err, body.Data)
	}
}

// send makes one request below /v3, or of the control API, with the store's token.
func send(t *testing.T, s *simulator.Store, method, path, body string, header ...string) reply {
	t.Helper()
	r, err := try(s, method, path, body, header...)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	return r
}

func try(s *simulator.Store, method, path, body string, header ...string) (reply, error) {
	target := "http://shop/stores/demo/v3" + path
	if strings.HasPrefix(path, "/control") || strings.HasPrefix(path, "/stores") {
		target = "http://shop" + path
	}
	r, err := http.NewRequest(method, target, bytes.NewReader([]byte(body)))
	if err != nil {
		return reply{}, err
	}
	r.Header.Set("x-auth-token", "demo")
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	response, err := s.Client().Do(r)
	if err != nil {
		return reply{}, err
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(response.Body)
	return reply{response.StatusCode, response.Header, string(raw)}, err
}

// seeded returns a store with two simple products and one of two variants, and them.
func seeded(t *testing.T, cfg simulator.Config) (*simulator.Store, []simulator.Product) {
	t.Helper()
	s := simulator.New(cfg)
	bowl, spoon, shirt := simulator.NewProduct("Bowl", "B-1", 10), simulator.NewProduct("Spoon", "S-1", 5), simulator.NewProduct("Shirt", "", 30)
	bowl.InventoryTracking, shirt.InventoryTracking = "product", "variant"
	shirt.Variants = []simulator.Variant{
		{SKU: "T-S", OptionValues: []simulator.VariantPick{{Option: "Size", Label: "S"}}},
		{SKU: "T-M", OptionValues: []simulator.VariantPick{{Option: "Size", Label: "M"}}},
	}
	if err := s.Seed(bowl, spoon, shirt); err != nil {
		t.Fatal(err)
	}
	return s, s.Products()
}

// fillIn replaces {0}, {1}, {2} by the ids of the seeded products, {v} and {w} by those of the third one's variants, and
// {o}, {x} and {y} by those of its option and values.
func fillIn(products []simulator.Product, text string) string {
	shirt := products[2]
	return strings.NewReplacer("{0}", fmt.Sprint(products[0].ID), "{1}", fmt.Sprint(products[1].ID), "{2}", fmt.Sprint(shirt.ID),
		"{v}", fmt.Sprint(shirt.Variants[0].ID), "{w}", fmt.Sprint(shirt.Variants[1].ID),
		"{o}", fmt.Sprint(shirt.Options[0].ID), "{x}", fmt.Sprint(shirt.Options[0].Values[0].ID), "{y}", fmt.Sprint(shirt.Options[0].Values[1].ID)).Replace(text)
}

func rows(n int, row string) string { return "[" + strings.Repeat(row+",", n-1) + row + "]" }

// TestStore_Rules sends one request to a seeded store per rule, and looks at the status and a part of the body. Nothing
// that is refused changes anything.
func TestStore_Rules(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, method, path, body string
		status                   int
		want                     string
	}{
		{"OKCreate", "POST", "/catalog/products", `{"name":"Cup","type":"physical","weight":0,"price":10.99999,"sku":"C-1","brand_name":"North"}`, 200, `"price":11,`},
		{"OKDefaults", "GET", "/catalog/products/{0}", ``, 200, `"availability":"available"`},
		{"OKAddress", "GET", "/catalog/products/{0}", ``, 200, `"custom_url":{"url":"/bowl/","is_customized":false}`},
		{"ErrNoPrice", "POST", "/catalog/products", `{"name":"Cup","type":"physical","weight":0}`, 422, `"price":"error.path.missing"`},
		{"ErrNoWeight", "POST", "/catalog/products", `{"name":"Cup","type":"physical","price":1}`, 422, `"weight":"error.path.missing"`},
		{"ErrNameTaken", "POST", "/catalog/products", `{"name":"BOWL","type":"physical","weight":0,"price":1}`, 409, `"name":"The product name is a duplicate"`},
		{"ErrSKUTaken", "POST", "/catalog/products", `{"name":"Cup","type":"physical","weight":0,"price":1,"sku":"b-1"}`, 409, `"sku":`},
		{"ErrVariantsSKUTaken", "POST", "/catalog/products", `{"name":"Cup","type":"physical","weight":0,"price":1,"sku":"t-s"}`, 409, `"sku":`},
		{"ErrSKUTwice", "POST", "/catalog/products", `{"name":"Cup","type":"physical","weight":0,"price":1,"variants":[{"sku":"Q","option_values":[{"option_display_name":"A","label":"1"}]},{"sku":"q","option_values":[{"option_display_name":"A","label":"2"}]}]}`, 409, `"sku":`},
		{"ErrSameOptions", "POST", "/catalog/products", `{"name":"Cup","type":"physical","weight":0,"price":1,"variants":[{"sku":"Q","option_values":[{"option_display_name":"A","label":"1"}]},{"sku":"R","option_values":[{"option_display_name":"A","label":"1"}]}]}`, 409, `"code":22010`},
		{"ErrEmptyVariantSKU", "POST", "/catalog/products", `{"name":"Cup","type":"physical","weight":0,"price":1,"variants":[{"sku":"","option_values":[{"option_display_name":"A","label":"1"}]}]}`, 422, `"code":22004`},
		{"ErrBadImage", "POST", "/catalog/products", `{"name":"Cup","type":"physical","weight":0,"price":1,"images":[{"image_url":"nowhere"}]}`, 400, `image_url`},
		{"ErrLongName", "PUT", "/catalog/products/{0}", `{"name":"` + strings.Repeat("n", 251) + `"}`, 422, `"name":"error.maximum"`},
		{"OKLongName", "PUT", "/catalog/products/{0}", `{"name":"` + strings.Repeat("ü", 250) + `"}`, 200, `üü`},
		{"ErrNegativePrice", "PUT", "/catalog/products/{0}", `{"price":-1}`, 422, `"price":"error.minimum"`},
		{"ErrPriceIsString", "PUT", "/catalog/products/{0}", `{"price":"1"}`, 422, `"price":"error.expected.jsnumber"`},
		{"ErrNullDescription", "PUT", "/catalog/products/{0}", `{"description":null}`, 422, `"description":`},
		{"ErrLongUPC", "PUT", "/catalog/products/{0}", `{"upc":"123456789012345"}`, 422, `"upc":"error.maximum"`},
		{"ErrTracking", "PUT", "/catalog/products/{0}", `{"inventory_tracking":"sku"}`, 422, `"inventory_tracking":`},
		{"OKClampedLevel", "PUT", "/catalog/products/{0}", `{"inventory_level":-5}`, 200, `"inventory_level":0`},
		{"OKNoBrand", "PUT", "/catalog/products/{0}", `{"brand_id":0}`, 200, `"brand_id":0`},
		{"ErrUnknownBrand", "PUT", "/catalog/products/{0}", `{"brand_id":9999}`, 409, `"brand_id":`},
		{"ErrUnknownProduct", "PUT", "/catalog/products/1", `{}`, 404, `with an id of 1`},
		{"ErrBatchTooLong", "PUT", "/catalog/products", rows(11, `{"id":{0}}`), 413, `is 10.`},
		{"ErrBatchShape", "PUT", "/catalog/products", `[{"id":{0}},{"id":{1},"price":"x"}]`, 422, `"1.price":`},
		{"ErrBatchNoID", "PUT", "/catalog/products", `[{"name":"x"}]`, 422, `"0.id":`},
		{"ErrBatchAbsent", "PUT", "/catalog/products", `[{"id":{0},"price":1},{"id":7}]`, 404, `id of 7`},
		{"ErrBatchConflict", "PUT", "/catalog/products", `[{"id":{0},"name":"New"},{"id":{1},"name":"new"}]`, 409, `"name":`},
		{"ErrFilter", "GET", "/catalog/products?foo=1", ``, 422, `The filter(s): foo are not valid`},
		{"OKBySKU", "GET", "/catalog/products?sku:in=b-1,absent,t-s", ``, 200, `"total":1,`},
		{"OKByID", "GET", "/catalog/products?id:in={0},{2}&include_fields=name", ``, 200, `"data":[{"id":{0},"name":"Bowl"},{"id":{2},"name":"Shirt"}]`},
		{"OKByName", "GET", "/catalog/products?name=Spoon&include=variants,options", ``, 200, `"options":[]`},
		{"OKCap", "GET", "/catalog/products?include=options&limit=250", ``, 200, `"per_page":10,`},
		{"OKPage", "GET", "/catalog/products?limit=2&page=2&include_fields=sku", ``, 200, `"data":[{"id":{2},"sku":""}]`},
		{"OKBeyond", "GET", "/catalog/products?page=9", ``, 200, `"data":[]`},
		{"OKVariants", "GET", "/catalog/variants?limit=1&page=3&include_fields=sku", ``, 200, `"data":[{"id":{v},"sku":"T-S"}]`},
		{"OKVariantBySKU", "GET", "/catalog/variants?sku=t-m", ``, 200, `"total":1,`},
		{"OKVariantPrice", "PUT", "/catalog/variants", `[{"id":{v},"price":9.5,"cost_price":null}]`, 200, `"price":9.5,`},
		{"OKVariantAdded", "POST", "/catalog/products/{2}/options/{o}/values", `{"label":"L","sort_order":2}`, 200, `"label":"L"`},
		{"ErrVariantsTooLong", "PUT", "/catalog/variants", rows(51, `{"id":{v}}`), 413, `is 50.`},
		{"ErrVariantAbsent", "PUT", "/catalog/variants", `[{"id":{v},"price":1},{"id":7}]`, 422, `"batch_errors":[{"code":22001`},
		{"ErrVariantOfOther", "GET", "/catalog/products/{0}/variants/{v}", ``, 404, `"code":22001`},
		{"ErrRenameEmpty", "PUT", "/catalog/products/{2}/variants/{v}", `{"sku":" "}`, 422, `"code":22004`},
		{"ErrRenameTaken", "PUT", "/catalog/products/{2}/variants/{v}", `{"sku":"B-1"}`, 409, `"sku":`},
		{"OKOptionValuesIgnored", "PUT", "/catalog/products/{2}/variants/{v}", `{"option_values":[{"id":{y},"option_id":{o}}]}`, 200, `"label":"S"`},
		{"ErrSameValues", "POST", "/catalog/products/{2}/variants", `{"sku":"N","option_values":[{"id":{x},"option_id":{o}}]}`, 409, `"code":22010`},
		{"ErrForeignValue", "POST", "/catalog/products/{2}/variants", `{"sku":"N","option_values":[{"id":1,"option_id":{o}}]}`, 422, `"option_values":`},
		{"ErrOptionTwice", "POST", "/catalog/products/{2}/options", `{"display_name":"size","type":"dropdown","option_values":[]}`, 422, `has already been used on this product`},
		{"ErrOptionType", "POST", "/catalog/products/{2}/options", `{"display_name":"Hue","type":"colour"}`, 422, `"type":`},
		{"ErrValueTwice", "POST", "/catalog/products/{2}/options/{o}/values", `{"label":"m","sort_order":2}`, 409, `"label":`},
		{"ErrBaseVariant", "DELETE", "/catalog/products/{0}/variants/20000001", ``, 422, `base variant`},
		{"OKStock", "PUT", "/inventory/adjustments/absolute", `{"items":[{"location_id":1,"product_id":{0},"quantity":4},{"location_id":1,"sku":"t-m","quantity":2}]}`, 200, `"transaction_id":`},
		{"ErrStockByVariant", "PUT", "/inventory/adjustments/absolute", `{"items":[{"location_id":1,"variant_id":20000001,"quantity":4}]}`, 422, `is tracked by product, please update stock by product id`},
		{"ErrStockByProduct", "PUT", "/inventory/adjustments/absolute", `{"items":[{"location_id":1,"product_id":{0},"quantity":4},{"location_id":1,"product_id":{2},"quantity":4}]}`, 422, `is tracked by variant`},
		{"ErrStockUntracked", "PUT", "/inventory/adjustments/absolute", `{"items":[{"location_id":1,"product_id":{1},"quantity":4}]}`, 422, `is not tracked`},
		{"ErrStockLocation", "PUT", "/inventory/adjustments/absolute", `{"items":[{"location_id":3,"product_id":{0},"quantity":4}]}`, 422, `Location not found, identities: [3]`},
		{"ErrStockTwoIdentities", "PUT", "/inventory/adjustments/absolute", `{"items":[{"location_id":1,"product_id":{0},"sku":"B-1","quantity":4}]}`, 422, `exactly one of`},
		{"ErrStockNegative", "PUT", "/inventory/adjustments/absolute", `{"items":[{"location_id":1,"product_id":{0},"quantity":-1}]}`, 422, `"0.quantity":`},
		{"ErrStockTooLong", "PUT", "/inventory/adjustments/absolute", `{"items":` + rows(2001, `{"location_id":1,"product_id":{0},"quantity":1}`) + `}`, 413, `is 2000.`},
		{"ErrStockRelativeLow", "POST", "/inventory/adjustments/relative", `{"items":[{"location_id":1,"product_id":{0},"quantity":-1}]}`, 422, `insufficient`},
		{"OKStockRead", "GET", "/inventory/items?sku:in=b-1", ``, 200, `"available_to_sell":0`},
		{"ErrDeleteAll", "DELETE", "/catalog/products", ``, 422, `filter is required`},
		{"OKDelete", "DELETE", "/catalog/products?id:in={0},7", ``, 204, ``},
		{"OKChannel", "PUT", "/catalog/products/channel-assignments", `[{"product_id":{0},"channel_id":1}]`, 204, ``},
		{"ErrChannel", "PUT", "/catalog/products/channel-assignments", `[{"product_id":7,"channel_id":1}]`, 422, `"0.product_id":`},
		{"OKImage", "POST", "/catalog/products/{0}/images", `{"image_url":"https://example.com/a.jpg"}`, 200, `"is_thumbnail":true`},
		{"ErrURLTaken", "POST", "/catalog/products", `{"name":"Cup","type":"physical","weight":0,"price":1,"custom_url":{"url":"/bowl/","is_customized":true}}`, 409, `"custom_url":`},
		{"OKURLTakenLater", "PUT", "/catalog/products/{1}", `{"price":7,"custom_url":{"url":"/bowl/","is_customized":true}}`, 207, `"custom_url":"The product url is a duplicate"`},
		{"OKOptionRenamed", "PUT", "/catalog/products/{2}/options/{o}", `{"display_name":"Girth"}`, 200, `"display_name":"Girth"`},
		{"ErrOptionValues", "PUT", "/catalog/products/{2}/options/{o}", `{"display_name":"Girth","option_values":[]}`, 422, `shared_option_id`},
		{"OKOption", "GET", "/catalog/products/{2}/options/{o}", ``, 200, `"display_name":"Size"`},
		{"OKValue", "GET", "/catalog/products/{2}/options/{o}/values/{y}", ``, 200, `"label":"M"`},
		{"ErrStockAll", "PUT", "/inventory/adjustments/absolute", `{"items":[{"location_id":1,"product_id":{1},"quantity":1},{"location_id":1,"product_id":{0},"quantity":1},{"location_id":1,"variant_id":7,"quantity":1}]}`, 422, `[Item with product_id {1} is not tracked, Item with variant_id 7 was not found]`},
		{"OKSafetyStock", "PUT", "/inventory/locations/1/items", `{"settings":[{"identity":{"sku":"t-m"},"safety_stock":2}]}`, 200, `"transaction_id":`},
		{"ErrSafetyStock", "PUT", "/inventory/locations/1/items", `{"settings":[{"identity":{"sku":"t-m"},"bin_picking_number":"B"}]}`, 422, `"0.safety_stock`},
		{"ErrSafetyLocation", "PUT", "/inventory/locations/9/items", `{"settings":[{"identity":{"sku":"t-m"},"safety_stock":2}]}`, 422, `identities: [9]`},
		{"OKLocationStock", "GET", "/inventory/locations/1/items?variant_id:in={w}", ``, 200, `"identity":{"sku":"T-M","variant_id":{w},"product_id":{2},`},
		{"ErrLocationStock", "GET", "/inventory/locations/9/items", ``, 404, `Location not found`},
		{"OKStockAtNoLocation", "GET", "/inventory/items?product_id:in={0}&location_code:in=LOC-9", ``, 200, `"locations":[]`},
		{"OKTime", "GET", "/stores/demo/v2/time", ``, 200, `{"time":`},
		{"OKStoreInformation", "GET", "/stores/demo/v2/store", ``, 200, `"currency":"USD"`},
		{"ErrOldRoute", "GET", "/stores/demo/v2/products", ``, 404, `[{"message":`},
		{"ErrSyntax", "PUT", "/catalog/products/{0}", `{`, 400, `Input is invalid`},
		{"ErrShape", "PUT", "/catalog/products", `{}`, 422, `JSON data is missing or invalid`},
		{"ErrMethod", "PATCH", "/catalog/products", ``, 405, `"status":405`},
		{"ErrRoute", "GET", "/catalog/nothing", ``, 404, `no route`},
		{"ErrStore", "GET", "/stores/other/v3/catalog/products", ``, 404, `No store with hash other`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s, products := seeded(t, simulator.Config{})
			got := send(t, s, tt.method, fillIn(products, tt.path), fillIn(products, tt.body))
			if want := fillIn(products, tt.want); got.Status != tt.status || !strings.Contains(got.Body, want) {
				t.Errorf("got %d %.600s\nwant %d with %s", got.Status, got.Body, tt.status, want)
			}
			if got.Status < 400 {
				return
			}
			if after := s.Products(); fmt.Sprint(dump(t, after)) != fmt.Sprint(dump(t, products)) {
				t.Errorf("a refused request changed the store\nfrom %s\nto   %s", dump(t, products), dump(t, after))
			}
			if effects := s.Requests()[0].Effects; len(effects) > 0 {
				t.Errorf("a refused request is logged with effects %+v", effects)
			}
		})
	}
}

func dump(t *testing.T, v any) string {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// TestStore_Gateway: what never reaches the catalog.
func TestStore_Gateway(t *testing.T) {
	t.Parallel()
	s, _ := seeded(t, simulator.Config{})
	if got := send(t, s, "GET", "/catalog/products", "", "X-Auth-Token", "wrong"); got.Status != 401 || json.Valid([]byte(got.Body)) {
		t.Errorf("a wrong token: got %d %s, want 401 in plain text", got.Status, got.Body)
	}
	if got := send(t, s, "POST", "/catalog/products", "{}", "Content-Type", "text/plain"); got.Status != 415 || !strings.HasPrefix(got.Body, "<html>") {
		t.Errorf("a wrong content type: got %d %s, want 415 in HTML", got.Status, got.Body)
	}
	s.RevokeToken()
	if got := send(t, s, "GET", "/catalog/products", ""); got.Status != 401 {
		t.Errorf("a revoked token: got %d, want 401", got.Status)
	}
	if got := send(t, s, "GET", "/control/requests?after=1", ""); got.Status != 200 || strings.Contains(got.Body, `"seq":1,`) {
		t.Errorf("the control API with the revoked token: got %d %s, want the requests after the first", got.Status, got.Body)
	}
	s.RestoreToken()
	s.Down(true)
	if got := send(t, s, "GET", "/catalog/products", ""); got.Status != 503 || json.Valid([]byte(got.Body)) {
		t.Errorf("a store that is down: got %d %s, want 503 in HTML", got.Status, got.Body)
	}
	s.Down(false)
	if got := send(t, s, "GET", "/catalog/products", ""); got.Status != 200 {
		t.Errorf("a store that is up again: got %d, want 200", got.Status)
	}
	limited, _ := seeded(t, simulator.Config{Quota: 150, Scopes: []string{"store_v2_products"}})
	for status, call := range map[int][]string{
		200: {"GET", "/catalog/products", ""}, 400: {"PUT", "/catalog/products", "{"}, 401: {"GET", "/catalog/products", "", "X-Auth-Token", "wrong"}, 403: {"GET", "/inventory/items", ""},
		404: {"GET", "/catalog/nothing", ""}, 405: {"PATCH", "/catalog/products", ""}, 409: {"PUT", "/catalog/products", `[{"id":1000001,"name":"Spoon"}]`},
		413: {"PUT", "/catalog/products", rows(11, `{"id":1}`)}, 415: {"PUT", "/catalog/products", "[]", "Content-Type", "text/plain"}, 422: {"GET", "/catalog/products?foo=1", ""},
	} {
		got := send(t, limited, call[0], call[1], call[2], call[3:]...)
		if got.Status != status || got.Header.Get("X-Rate-Limit-Requests-Quota") != "150" || got.Header.Get("X-Request-Id") == "" {
			t.Errorf("got %d with %v, want %d with the rate headers and a request id", got.Status, got.Header, status)
		}
	}
}

// TestStore_Defaults: what a product that was created with the least shows of everything else.
func TestStore_Defaults(t *testing.T) {
	t.Parallel()
	s := simulator.New(simulator.Config{})
	got := send(t, s, "POST", "/catalog/products", `{"name":"Cedar Bowl, Large","type":"physical","weight":0,"price":3}`)
	for _, want := range []string{
		`"sku":""`, `"description":""`, `"width":0`, `"cost_price":0`, `"brand_id":0`, `"categories":[]`, `"availability":"available"`, `"condition":"New"`, `"inventory_tracking":"none"`,
		`"gift_wrapping_options_type":"any"`, `"gift_wrapping_options_list":[]`, `"related_products":[-1]`, `"open_graph_type":"product"`, `"open_graph_use_meta_description":true`,
		`"open_graph_use_product_name":true`, `"open_graph_use_image":true`, `"preorder_release_date":null`, `"option_set_id":null`, `"option_set_display":"right"`, `"meta_keywords":[]`,
		`"custom_url":{"url":"/cedar-bowl-large/","is_customized":false}`, `"is_visible":true`, `"base_variant_id":20000001`,
		`"variants":[{"id":20000001,"product_id":1000001,"sku":"","sku_id":null,"price":null,"calculated_price":3,"sale_price":null,"retail_price":null,"map_price":null,"cost_price":null,"weight":null,"width":null,"height":null,"depth":null,`,
	} {
		if !strings.Contains(got.Body, want) {
			t.Errorf("the product lacks %s: %s", want, got.Body)
		}
	}
}

// TestStore_BaseVariant follows a product from simple to optioned and back: each time its variants are new ones.
func TestStore_BaseVariant(t *testing.T) {
	t.Parallel()
	s, products := seeded(t, simulator.Config{})
	bowl := products[0]
	path := fmt.Sprintf("/catalog/products/%d", bowl.ID)
	if v := bowl.Variants[0]; v.SKUID != nil || v.SKU != "B-1" || v.ID != *bowl.BaseVariantID || len(v.OptionValues) != 0 {
		t.Errorf("the base variant is %+v", v)
	}
	var option simulator.Option
	send(t, s, "POST", path+"/options", `{"display_name":"Size","type":"dropdown","option_values":[{"label":"S","sort_order":0}]}`).decode(t, &option)
	if p, _ := s.Product(bowl.ID); p.BaseVariantID != nil || len(p.Variants) != 0 {
		t.Errorf("with an option the product has base variant %v and variants %v, want none", p.BaseVariantID, p.Variants)
	}
	if got := send(t, s, "GET", fmt.Sprintf("/catalog/variants?id=%d", bowl.Variants[0].ID), ""); !strings.Contains(got.Body, `"total":0`) {
		t.Errorf("the old base variant is still found: %s", got.Body)
	}
	send(t, s, "POST", path+"/variants", fmt.Sprintf(`{"sku":"B-S","option_values":[{"id":%d,"option_id":%d}]}`, option.Values[0].ID, option.ID))
	if p, ok := s.ProductBySKU("b-s"); !ok || p.ID != bowl.ID || p.Variants[0].SKUID == nil {
		t.Errorf("the new variant is not found by its SKU: %+v", p)
	}
	send(t, s, "DELETE", fmt.Sprintf("%s/options/%d", path, option.ID), "")
	p, _ := s.Product(bowl.ID)
	if p.BaseVariantID == nil || len(p.Variants) != 1 || p.Variants[0].ID <= bowl.Variants[0].ID || p.Variants[0].SKU != "B-1" {
		t.Errorf("without options the product is %+v, want a new base variant of SKU B-1", p)
	}
}

// TestStore_PartialUpdate: what an update does not name stays as the merchant left it, byte for byte.
func TestStore_PartialUpdate(t *testing.T) {
	t.Parallel()
	s, products := seeded(t, simulator.Config{})
	id := products[0].ID
	weight := 0.25
	err := s.MerchantEdit(id, func(p *simulator.Product) {
		p.Weight, p.SalePrice, p.RetailPrice, p.PageTitle, p.UPC = 1.5, 8, 12, "Best bowl", "0123"
		p.MetaKeywords, p.Categories = []string{"bowl"}, []int64{23}
		p.CustomFields = []simulator.CustomField{{Name: "Wood", Value: "Cedar"}}
		p.Modifiers = []simulator.Modifier{{DisplayName: "Engraving", Type: "text"}}
		p.Variants[0].Weight = &weight
	})
	if err != nil {
		t.Fatal(err)
	}
	owned := s.OwnedFields(id)
	for _, part := range []string{`"weight":1.5`, `"modifiers":[{"id":97000001`, `"custom_fields":[{"id":95000001`, `"weight":0.25`} {
		if !bytes.Contains(owned, []byte(part)) {
			t.Errorf("the owned fields lack %s: %s", part, owned)
		}
	}
	got := send(t, s, "PUT", "/catalog/products", fmt.Sprintf(`[{"id":%d,"name":"Bowl L","description":"","price":11,"is_visible":false}]`, id))
	if got.Status != 200 {
		t.Fatal(got)
	}
	if after := s.OwnedFields(id); !bytes.Equal(owned, after) {
		t.Errorf("owned fields changed\nfrom %s\nto   %s", owned, after)
	}
	p, _ := s.Product(id)
	if p.Name != "Bowl L" || p.Price != 11 || p.IsVisible || p.SKU != "B-1" || p.CalculatedPrice != 8 {
		t.Errorf("the product is %+v", p)
	}
	log := s.Requests()
	if log[0].Actor != "merchant" || log[1].Actor != "api" {
		t.Errorf("actors %q and %q, want the merchant and then the API", log[0].Actor, log[1].Actor)
	}
	changed := []string{}
	for _, f := range log[1].Effects[0].Fields {
		if f.Changed() {
			changed = append(changed, fmt.Sprintf("%s %s>%s", f.Name, f.Before, f.After))
		}
	}
	if want := []string{`name "Bowl">"Bowl L"`, "price 10>11", "is_visible true>false"}; !slices.Equal(changed, want) {
		t.Errorf("the log says %v changed, want %v", changed, want)
	}
	if err := s.MerchantEdit(id, func(p *simulator.Product) { p.Name = "spoon" }); err == nil {
		t.Error("the merchant could take another product's name")
	}
}

// TestStore_SaveGoodRows is the other thing that BigCommerce may do with a batch.
func TestStore_SaveGoodRows(t *testing.T) {
	t.Parallel()
	s, products := seeded(t, simulator.Config{SaveGoodRows: true})
	got := send(t, s, "PUT", "/catalog/products", fillIn(products, `[{"id":{0},"price":1},{"id":{1},"name":"Bowl"},{"id":{2},"price":3}]`))
	after := s.Products()
	if got.Status != 409 || after[0].Price != 1 || after[1].Name != "Spoon" || after[2].Price != 3 {
		t.Errorf("got %d and prices %v and %v, want 409, 1 and 3", got.Status, after[0].Price, after[2].Price)
	}
}

// TestStore_OptionSet: a product with an option set of the old API keeps its options.
func TestStore_OptionSet(t *testing.T) {
	t.Parallel()
	s, products := seeded(t, simulator.Config{})
	set := int64(4)
	if err := s.MerchantEdit(products[2].ID, func(p *simulator.Product) { p.OptionSetID = &set }); err != nil {
		t.Fatal(err)
	}
	for _, call := range [][3]string{
		{"POST", "/catalog/products/{2}/options", `{"display_name":"Hue","type":"dropdown"}`},
		{"PUT", "/catalog/products/{2}/options/{o}", `{"display_name":"Hue"}`},
		{"DELETE", "/catalog/products/{2}/options/{o}", ``},
		{"POST", "/catalog/products/{2}/options/{o}/values", `{"label":"L","sort_order":1}`},
		{"PUT", "/catalog/products/{2}/options/{o}/values/{x}", `{"label":"L"}`},
		{"DELETE", "/catalog/products/{2}/options/{o}/values/{x}", ``},
	} {
		if got := send(t, s, call[0], fillIn(products, call[1]), call[2]); got.Status != 422 || !strings.Contains(got.Body, "associated with an option set") {
			t.Errorf("%s %s: got %d %s, want 422", call[0], call[1], got.Status, got.Body)
		}
	}
}

// TestStore_Accounts: a token may do what its scopes say, and the log says whose it was.
func TestStore_Accounts(t *testing.T) {
	t.Parallel()
	s, products := seeded(t, simulator.Config{Scopes: []string{"store_v2_products", "store_inventory_read_only"}, Accounts: []simulator.Account{
		{Token: "other", ClientID: "other-client", Scopes: []string{"store_locations_read_only"}},
	}})
	tests := []struct {
		token, method, path, body string
		status                    int
	}{
		{"demo", "PUT", "/catalog/products/{0}", `{"price":3}`, 200},
		{"demo", "GET", "/inventory/items", ``, 200},
		{"demo", "PUT", "/inventory/adjustments/absolute", `{"items":[{"location_id":1,"product_id":{0},"quantity":1}]}`, 403},
		{"demo", "GET", "/inventory/locations", ``, 403},
		{"demo", "GET", "/hooks", ``, 200},
		{"other", "GET", "/inventory/locations", ``, 200},
		{"other", "GET", "/catalog/products", ``, 403},
		{"nobody", "GET", "/catalog/products", ``, 401},
		{"other", "GET", "/control/requests", ``, 401},
	}
	for _, tt := range tests {
		got := send(t, s, tt.method, fillIn(products, tt.path), fillIn(products, tt.body), "X-Auth-Token", tt.token)
		if got.Status != tt.status {
			t.Errorf("%s %s with token %s: got %d %s, want %d", tt.method, tt.path, tt.token, got.Status, got.Body, tt.status)
		}
		if tt.status == 403 && !strings.Contains(got.Body, `"title":"You don't have a required scope to access the endpoint"`) {
			t.Errorf("403 says %s", got.Body)
		}
	}
	log := s.Requests()
	if log[0].Client != "demo-client" || log[5].Client != "other-client" || log[7].Client != "" {
		t.Errorf("the log names the clients %q, %q and %q", log[0].Client, log[5].Client, log[7].Client)
	}
}

// TestStore_SafetyStock is in stock and not for sale.
func TestStore_SafetyStock(t *testing.T) {
	t.Parallel()
	s, products := seeded(t, simulator.Config{Locations: []int64{1, 2}})
	send(t, s, "PUT", "/inventory/adjustments/absolute", fillIn(products, `{"items":[{"location_id":2,"product_id":{0},"quantity":5}]}`))
	if got := send(t, s, "PUT", "/inventory/locations/2/items", fillIn(products, `{"settings":[{"identity":{"product_id":{0}},"safety_stock":2,"warning_level":1}]}`)); got.Status != 200 {
		t.Fatal(got)
	}
	got := send(t, s, "GET", fillIn(products, "/inventory/items?product_id:in={0}&location_id:in=2"), "")
	if want := `"available_to_sell":3,"total_inventory_onhand":5,"settings":{"safety_stock":2,"is_in_stock":true,"warning_level":1,`; !strings.Contains(got.Body, want) || strings.Contains(got.Body, "LOC-1") {
		t.Errorf("got %s\nwant location 2 alone, with %s", got.Body, want)
	}
}

// TestStore_SeedCatalog fills a store with products, simple or of variants.
func TestStore_SeedCatalog(t *testing.T) {
	t.Parallel()
	s := simulator.New(simulator.Config{})
	if err := s.SeedCatalog(3, 0); err != nil {
		t.Fatal(err)
	}
	if p, ok := s.ProductBySKU("sim-3"); !ok || p.BaseVariantID == nil {
		t.Errorf("SIM-3 is %+v", p)
	}
	s = simulator.New(simulator.Config{})
	if err := s.SeedCatalog(2, 250); err != nil {
		t.Fatal(err)
	}
	if p, ok := s.ProductBySKU("SIM-2-250"); !ok || len(p.Variants) != 250 || p.InventoryTracking != "variant" {
		t.Errorf("SIM-2-250 is not one of 250 variants")
	}
	if err := s.SeedCatalog(1, 251); err == nil {
		t.Error("a product of 251 values of one option was seeded")
	}
}

// TestStore_BrandLimit: a store has 30,000 brands, and a name beyond makes none.
func TestStore_BrandLimit(t *testing.T) {
	t.Parallel()
	s, products := seeded(t, simulator.Config{})
	for n := range 30_000 {
		s.AddBrand(fmt.Sprint("Brand ", n))
	}
	for name, status := range map[string]int{"brand 29999": 200, "One more": 403} {
		if got := send(t, s, "PUT", fmt.Sprintf("/catalog/products/%d", products[0].ID), fmt.Sprintf(`{"brand_name":%q}`, name)); got.Status != status {
			t.Errorf("brand %q: got %d %s, want %d", name, got.Status, got.Body, status)
		}
	}
}
