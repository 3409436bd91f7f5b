package bigcommerce_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"

	"github.com/tillstream/tillstream/handlers/bigcommerce"
	"github.com/tillstream/tillstream/handlers/bigcommerce/simulator"
)

// specsEnv names a folder of BigCommerce's OpenAPI documents as JSON. They carry no licence and are not part of this
// project, so that the check against them runs where somebody has them.
const specsEnv = "TILLSTREAM_SPECS"

// TestContract calls every method of the client against the simulator and checks what the calls did. With the OpenAPI
// documents at hand, each request of the client and each reply of the simulator is held against them as well.
func TestContract(t *testing.T) {
	t.Parallel()
	store := simulator.New(simulator.Config{StoreHash: "abc123", Token: "secret", Quota: 450})
	checked := &checkedTransport{next: store.Client().Transport, routers: loadSpecs(t)}
	client, err := bigcommerce.New(bigcommerce.Config{StoreHash: "abc123", Token: "secret", HTTPClient: &http.Client{Transport: checked}})
	if err != nil {
		t.Fatal(err)
	}

	everyCall(t, client, store)
	everyRefusal(t, client, store)
	everyRoute(t, &http.Client{Transport: checked}, store)

	for _, fault := range checked.faults {
		t.Error(fault)
	}
	requests := len(store.Requests())
	t.Logf("%d requests over %d operations; %d of them held against %d documents", requests, len(checked.operations), checked.matched, len(checked.routers))
	if want := 33; len(checked.operations) < want {
		t.Errorf("the calls covered %d operations, want at least %d: %v", len(checked.operations), want, checked.operations)
	}
	if len(checked.routers) > 0 && checked.matched != requests {
		t.Errorf("%d of %d requests have an operation in the documents", checked.matched, requests)
	}
}

// everyCall walks through a product's life, using each method of the client at least once.
func everyCall(t *testing.T, c *bigcommerce.Client, store *simulator.Store) {
	t.Helper()
	ctx := context.Background()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	bowl, err := c.CreateProduct(ctx, bigcommerce.ProductCreate{Name: "Cedar Bowl", SKU: "CB-1", Price: number("24.5"), CostPrice: number("9.75"),
		Description: "<p>Turned by hand</p>", Brand: "Northwood", Visible: true, InventoryTracking: bigcommerce.TrackProduct})
	must(err)
	shirt, err := c.CreateProduct(ctx, bigcommerce.ProductCreate{Name: "Shirt", Price: number("30"), Visible: true, InventoryTracking: bigcommerce.TrackVariant,
		Variants: []bigcommerce.VariantCreate{
			{SKU: "S,1", Price: number("30"), CostPrice: number("10"), OptionValues: []bigcommerce.OptionLabel{{Option: "Size", Label: "S"}}},
			{SKU: "S-2", Price: number("31"), CostPrice: number("10"), OptionValues: []bigcommerce.OptionLabel{{Option: "Size", Label: "M"}}},
		}})
	must(err)
	if len(shirt.Variants) != 2 || shirt.Simple() || !bowl.Simple() {
		t.Fatalf("created %+v and %+v, want a simple product and one of two variants", bowl, shirt)
	}

	renamed := "CB-2"
	_, err = c.UpdateProducts(ctx, []bigcommerce.ProductUpdate{
		{ID: bowl.ID, Name: "Cedar Bowl L", SKU: &renamed, Price: number("26"), InventoryTracking: bigcommerce.TrackProduct},
		{ID: shirt.ID, Name: "Shirt", Price: number("30"), Brand: "northwood", Visible: true, InventoryTracking: bigcommerce.TrackVariant},
	})
	must(err)
	_, err = c.UpdateVariants(ctx, []bigcommerce.VariantUpdate{{ID: shirt.Variants[0].ID, Price: number("19.99"), CostPrice: number("7.1")}})
	must(err)
	_, err = c.UpdateVariantSKU(ctx, shirt.ID, shirt.Variants[1].ID, "S-3")
	must(err)

	read, err := c.Product(ctx, shirt.ID)
	must(err)
	size := read.Options[0]
	large, err := c.CreateOptionValue(ctx, shirt.ID, size.ID, "L", 2)
	must(err)
	added, err := c.CreateVariant(ctx, shirt.ID, bigcommerce.VariantAdd{SKU: "S-4", Price: number("33"), CostPrice: number("11"),
		OptionValues: []bigcommerce.OptionValueRef{{Value: large.ID, Option: size.ID}}})
	must(err)
	large.Label = "Large"
	_, err = c.RenameOptionValue(ctx, shirt.ID, size.ID, large)
	must(err)
	must(c.SetStock(ctx, "count", []bigcommerce.StockLevel{{Location: 1, Product: bowl.ID, Quantity: 14}, {Location: 1, Variant: added.ID, Quantity: 3}}))
	if got := store.Stock(1, int64(shirt.ID), int64(added.ID)); got != 3 {
		t.Errorf("stock of the added variant is %d, want 3", got)
	}
	_, err = c.CreateImage(ctx, bowl.ID, "https://example.com/bowl.jpg")
	must(err)
	must(c.AssignChannels(ctx, []bigcommerce.ChannelAssignment{{Product: bowl.ID, Channel: 1}}))
	if !store.Assigned(int64(bowl.ID), 1) {
		t.Error("the bowl is not offered in channel 1")
	}

	everyRead(t, c, bowl.ID, shirt.ID)

	must(c.DeleteVariant(ctx, shirt.ID, added.ID))
	must(c.DeleteOptionValue(ctx, shirt.ID, size.ID, large.ID))
	must(c.DeleteOption(ctx, shirt.ID, size.ID))
	_, err = c.CreateOption(ctx, shirt.ID, "Colour", []string{"Red", "Blue"})
	must(err)
	must(c.DeleteProducts(ctx, []bigcommerce.ProductID{shirt.ID}))
	if _, err := c.Product(ctx, shirt.ID); !bigcommerce.IsNotFound(err) {
		t.Errorf("reading a deleted product: %v, want not found", err)
	}

	left := store.Products()
	if len(left) != 1 || left[0].Name != "Cedar Bowl L" || left[0].SKU != "CB-2" || left[0].Description != "" || left[0].BrandID != 0 || left[0].IsVisible || left[0].InventoryLevel != 14 {
		t.Errorf("the store holds %+v, want the bowl as last updated", left)
	}
}

// everyRefusal meets each kind of refusal on record that a sync can meet.
func everyRefusal(t *testing.T, c *bigcommerce.Client, store *simulator.Store) {
	t.Helper()
	ctx := context.Background()
	bowl := bigcommerce.ProductID(store.Products()[0].ID)
	base := bigcommerce.VariantID(store.Products()[0].Variants[0].ID)
	spoon, err := c.CreateProduct(ctx, bigcommerce.ProductCreate{Name: "Spoon", SKU: "SP", InventoryTracking: bigcommerce.TrackNone})
	if err != nil {
		t.Fatal(err)
	}
	update := func(u bigcommerce.ProductUpdate) error {
		u.InventoryTracking = bigcommerce.TrackNone
		_, err := c.UpdateProducts(ctx, []bigcommerce.ProductUpdate{u})
		return err
	}
	taken := "cb-2"
	refusals := map[string]struct {
		err  error
		want func(error) bool
	}{
		"duplicate name":    {update(bigcommerce.ProductUpdate{ID: spoon.ID, Name: "cedar bowl l"}), bigcommerce.IsDuplicateName},
		"duplicate SKU":     {update(bigcommerce.ProductUpdate{ID: spoon.ID, Name: "Spoon", SKU: &taken}), bigcommerce.IsDuplicateSKU},
		"product absent":    {update(bigcommerce.ProductUpdate{ID: 7, Name: "Fork"}), bigcommerce.IsNotFound},
		"wrong stock level": {c.SetStock(ctx, "", []bigcommerce.StockLevel{{Location: 1, Variant: base, Quantity: 1}}), status(422)},
		"unreachable image": {second(c.CreateImage(ctx, bowl, "nowhere")), status(400)},
		"variant absent":    {second(c.UpdateVariants(ctx, []bigcommerce.VariantUpdate{{ID: 7}})), bigcommerce.IsNotFound},
		"option absent":     {second(c.CreateOptionValue(ctx, bowl, 7, "L", 0)), bigcommerce.IsNotFound},
	}
	if err := store.Fail(simulator.Fault{Kind: simulator.Partial, Count: 1}); err != nil {
		t.Fatal(err)
	}
	partial := update(bigcommerce.ProductUpdate{ID: spoon.ID, Name: "Spoon", Price: number("3")})
	if !bigcommerce.IsPartial(partial) || store.Products()[1].Price != 3 {
		t.Errorf("a partial success: got %v and price %v, want a partial error and price 3", partial, store.Products()[1].Price)
	}
	for name, r := range refusals {
		if !r.want(r.err) {
			t.Errorf("%s: got %v", name, r.err)
		}
	}
}

// everyRoute calls what the simulator has beside what the client calls: webhooks, and what else an app may do to a store.
// A {name} in a path or a body is what an earlier reply had in its "data", by the step's name.
func everyRoute(t *testing.T, c *http.Client, store *simulator.Store) {
	t.Helper()
	ids := map[string]string{"bowl": fmt.Sprint(store.Products()[0].ID)}
	for _, step := range []struct {
		name, method, path, body string
		status                   int
	}{
		{"hook", "POST", "/hooks", `{"scope":"store/product/updated","destination":"https://example.com/hooks","is_active":true,"headers":{"X-Key":"k"}}`, 200},
		{"", "POST", "/hooks", `{"scope":"store/product/updated","destination":"https://example.com/hooks"}`, 422},
		{"", "POST", "/hooks", `{"scope":"store/product/updated","destination":"http://example.com/hooks"}`, 422},
		{"", "POST", "/hooks", `{"scope":"store/sku/*","destination":"https://example.com/hooks"}`, 200},
		{"", "GET", "/hooks?is_active=true&scope=store/sku/*", ``, 200},
		{"", "GET", "/hooks/{hook}", ``, 200},
		{"", "PUT", "/hooks/{hook}", `{"is_active":false,"headers":null}`, 200},
		{"", "GET", "/hooks/admin", ``, 200},
		{"", "PUT", "/hooks/admin", `{"emails":["shop@example.com"]}`, 204},
		{"", "DELETE", "/hooks/{hook}", ``, 200},
		{"", "GET", "/hooks/{hook}", ``, 404},
		{"option", "POST", "/catalog/products/{bowl}/options", `{"product_id":{bowl},"display_name":"Wood","type":"dropdown","option_values":[{"label":"Oak","sort_order":0}]}`, 200},
		{"", "PUT", "/catalog/products/{bowl}/options/{option}", `{"product_id":{bowl},"display_name":"Timber","type":"swatch"}`, 200},
		{"", "GET", "/catalog/products/{bowl}/options/{option}", ``, 200},
		{"value", "POST", "/catalog/products/{bowl}/options/{option}/values", `{"label":"Ash","sort_order":1}`, 200},
		{"", "GET", "/catalog/products/{bowl}/options/{option}/values/{value}", ``, 200},
		{"", "GET", "/catalog/products/{bowl}/options/{option}/values", ``, 200},
		{"", "PUT", "/catalog/products/{bowl}", `{"inventory_tracking":"variant","price":3.5}`, 200},
		{"variant", "POST", "/catalog/products/{bowl}/variants", `{"product_id":{bowl},"sku":"ASH","option_values":[{"id":{value},"option_id":{option}}]}`, 200},
		{"", "PUT", "/inventory/adjustments/absolute", `{"items":[{"location_id":1,"variant_id":{variant},"quantity":5}]}`, 200},
		{"", "POST", "/inventory/adjustments/relative", `{"items":[{"location_id":1,"variant_id":{variant},"quantity":-2}]}`, 200},
		{"", "PUT", "/inventory/locations/1/items", `{"settings":[{"identity":{"variant_id":{variant}},"safety_stock":1}]}`, 200},
		{"", "PUT", "/inventory/locations/9/items", `{"settings":[{"identity":{"variant_id":{variant}},"safety_stock":1}]}`, 422},
		{"", "GET", "/inventory/locations/1/items?variant_id:in={variant}", ``, 200},
		{"", "GET", "/inventory/locations/9/items", ``, 404},
		{"", "GET", "/inventory/items?product_id:in={bowl}&location_id:in=1", ``, 200},
		{"", "GET", "/inventory/locations", ``, 200},
		{"", "GET", "/catalog/products/{bowl}?include=variants,options,images,modifiers,custom_fields", ``, 200},
		{"", "DELETE", "/catalog/products/channel-assignments?product_id:in={bowl}", ``, 204},
	} {
		fill := func(text string) string {
			for name, id := range ids {
				text = strings.ReplaceAll(text, "{"+name+"}", id)
			}
			return text
		}
		r, err := http.NewRequest(step.method, "https://api.bigcommerce.com/stores/abc123/v3"+fill(step.path), strings.NewReader(fill(step.body)))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("X-Auth-Token", "secret")
		r.Header.Set("Accept", "application/json")
		if step.body != "" {
			r.Header.Set("Content-Type", "application/json")
		}
		answer, err := c.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := io.ReadAll(answer.Body)
		if err != nil || answer.StatusCode != step.status {
			t.Fatalf("%s %s: got %s %s (%v), want %d", step.method, step.path, answer.Status, raw, err, step.status)
		}
		var made struct{ Data struct{ ID json.Number } }
		if step.name != "" && json.Unmarshal(raw, &made) == nil {
			ids[step.name] = made.Data.ID.String()
		}
	}
}

func status(want int) func(error) bool {
	return func(err error) bool {
		e, ok := errors.AsType[*bigcommerce.Error](err)
		return ok && e.Status == want
	}
}

func second[T any](_ T, err error) error { return err }

// everyRead finds both products in each way there is.
func everyRead(t *testing.T, c *bigcommerce.Client, bowl, shirt bigcommerce.ProductID) {
	t.Helper()
	ctx := context.Background()
	found := func(what string, want []bigcommerce.ProductID, got []bigcommerce.ProductID, err error) {
		t.Helper()
		slices.Sort(got)
		if err != nil || !slices.Equal(slices.Compact(got), want) {
			t.Errorf("%s: got products %v (%v), want %v", what, got, err, want)
		}
	}
	both := []bigcommerce.ProductID{bowl, shirt}
	refs, more, err := c.Variants(ctx, 1)
	found("all variants", both, each(refs, func(v bigcommerce.VariantRef) bigcommerce.ProductID { return v.ProductID }), err)
	if more {
		t.Error("a page of four variants says there are more")
	}
	variants, err := c.VariantsBySKU(ctx, []string{"cb-2", "s,1"})
	found("variants by SKU", both, each(variants, func(v bigcommerce.Variant) bigcommerce.ProductID { return v.ProductID }), err)
	id := func(p bigcommerce.Product) bigcommerce.ProductID { return p.ID }
	products, err := c.ProductsBySKU(ctx, []string{"cb-2", "absent"})
	found("products by SKU", both[:1], each(products, id), err)
	products, err = c.ProductsByName(ctx, "Shirt")
	found("products by name", both[1:], each(products, id), err)
	products, err = c.ProductsByID(ctx, both)
	found("products by id", both, each(products, id), err)
	products, _, err = c.Products(ctx, 1)
	found("all products", both, each(products, id), err)
	everySurvey(t, c, both)
}

// everySurvey reads the same as before, in the ways of one who compares much of it.
func everySurvey(t *testing.T, c *bigcommerce.Client, both []bigcommerce.ProductID) {
	t.Helper()
	ctx := context.Background()
	check := func(what string, ok bool, got any, err error) {
		t.Helper()
		if err != nil || !ok {
			t.Errorf("%s: %+v, %v", what, got, err)
		}
	}
	page, pages, err := c.SurveyProducts(ctx, 1)
	check("a page of products", pages == 1 && len(page) == 2 && len(page[0].Variants) == 1 && page[0].Simple() && page[0].CostPrice == number("0"), page, err)
	whole, err := c.ProductsWithOptions(ctx, both)
	check("products with options", len(whole) == 2 && len(whole[1].Variants) == 3 && len(whole[1].Options) == 1, whole, err)
	for _, read := range []func() ([]bigcommerce.Stock, error){
		func() ([]bigcommerce.Stock, error) {
			stock, pages, err := c.SurveyStock(ctx, 1)
			check("pages of stock", pages == 1, pages, err)
			return stock, err
		},
		func() ([]bigcommerce.Stock, error) { return c.StockByProduct(ctx, both) },
	} {
		stock, err := read()
		check("stock", len(stock) == 4 && stock[0].Product == both[0] && stock[0].Variant == page[0].Variants[0].ID &&
			slices.Equal(stock[0].Levels, []bigcommerce.LocationLevel{{Location: 1, OnHand: 14}}), stock, err)
	}
	brands, pages, err := c.SurveyBrands(ctx, 1)
	check("a page of brands", pages == 1 && len(brands) == 1 && brands[0].Name == "Northwood", brands, err)
	brands, err = c.BrandsByID(ctx, []int64{brands[0].ID, 1})
	check("brands by id", len(brands) == 1 && bigcommerce.SameBrand(bigcommerce.Brand(brands[0].Name), " northWOOD"), brands, err)
}

func each[T, U any](list []T, of func(T) U) []U {
	out := make([]U, len(list))
	for i, v := range list {
		out[i] = of(v)
	}
	return out
}

func number(s string) bigcommerce.Number {
	n, err := bigcommerce.ParseNumber(s)
	if err != nil {
		panic(err)
	}
	return n
}

// checkedTransport holds what passes through it against the documents, and remembers what does not fit.
type checkedTransport struct {
	next    http.RoundTripper
	routers []routers.Router

	mu         sync.Mutex
	operations []string
	matched    int
	faults     []error
}

func (c *checkedTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		body, _ = io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	response, err := c.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	reply, err := io.ReadAll(response.Body)
	response.Body = io.NopCloser(bytes.NewReader(reply))
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if operation := r.Method + " " + generic(r.URL.Path); !slices.Contains(c.operations, operation) {
		c.operations = append(c.operations, operation)
	}
	fresh := r.Clone(context.Background())
	fresh.Body = io.NopCloser(bytes.NewReader(body))
	c.check(fresh, response, reply)
	return response, nil
}

// generic replaces the numbers of a path, so that it names an operation.
func generic(path string) string {
	parts := strings.Split(path, "/")
	for i, p := range parts {
		if p != "" && strings.Trim(p, "0123456789") == "" {
			parts[i] = "{id}"
		}
	}
	return strings.Join(parts, "/")
}

func (c *checkedTransport) check(r *http.Request, response *http.Response, reply []byte) {
	for _, router := range c.routers {
		route, params, err := router.FindRoute(r)
		if err != nil {
			continue
		}
		c.matched++
		fault := func(what string, err error) {
			if err != nil {
				c.faults = append(c.faults, errors.Join(errors.New(what+" of "+r.Method+" "+r.URL.String()), err))
			}
		}
		input := &openapi3filter.RequestValidationInput{Request: r, PathParams: params, Route: route,
			Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, IncludeResponseStatus: false}}
		if r.Method != http.MethodPut || !strings.HasSuffix(r.URL.Path, "/items") { // the document wants exactly one of three identities that overlap
			fault("request", openapi3filter.ValidateRequest(context.Background(), input))
		}
		if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/images") {
			return // the document wants exactly one of two shapes that overlap, which no reply can be
		}
		output := &openapi3filter.ResponseValidationInput{RequestValidationInput: input, Status: response.StatusCode, Header: response.Header, Options: input.Options}
		output.SetBodyBytes(reply)
		if strings.HasSuffix(r.URL.Path, "/inventory/items") {
			// The document says in words that the sku_id of a base variant is null, and in its types that it is not.
			output.SetBodyBytes(bytes.ReplaceAll(reply, []byte(`"sku_id":null`), []byte(`"sku_id":0`)))
		}
		fault("reply", openapi3filter.ValidateResponse(context.Background(), output))
		return
	}
}

// loadSpecs returns a router for each document that has something to say of the simulator, and none when the folder is
// not given.
func loadSpecs(t *testing.T) []routers.Router {
	t.Helper()
	folder := os.Getenv(specsEnv)
	if folder == "" {
		t.Logf("%s is not set: nothing is held against the OpenAPI documents", specsEnv)
		return nil
	}
	var all []routers.Router
	for _, name := range []string{"products_catalog", "product-variants_catalog", "product-variant-options_catalog", "brands_catalog", "inventory", "locations", "webhooks"} {
		doc, err := openapi3.NewLoader().LoadFromFile(filepath.Join(folder, name+".v3.json"))
		if err != nil {
			t.Fatal(err)
		}
		if err := doc.Validate(context.Background(), openapi3.DisableExamplesValidation()); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		router, err := gorillamux.NewRouter(doc)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, router)
	}
	return all
}
