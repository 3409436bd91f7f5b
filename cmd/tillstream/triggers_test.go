package main

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/bigcommerce/simulator"
)

// trigger is something in the POS that pushes: as the event of an item, or, where
// there is none, as a product file with the item's id and SKU.
type trigger struct {
	name  string
	event func(domain.ItemID, domain.SKU) domain.Event
	file  string
	shows string // the stock that is pushed
}

func triggers(t *testing.T) []trigger {
	const outlet = domain.OutletID("Quayside")
	one, stock := quantity(t, "1"), func(s string) *domain.Quantity { q := quantity(t, s); return &q }
	save := func(item domain.ItemID, sku domain.SKU) domain.Event { return theJacket(t, item, sku) }
	return []trigger{
		{name: "saved", event: save, shows: "0"},
		{name: "saved with no change", event: save, shows: "0"},
		{name: "counted", shows: "7", event: func(i domain.ItemID, _ domain.SKU) domain.Event {
			return &domain.StockCounted{Item: i, Outlet: outlet, OnHand: quantity(t, "7"), Count: "c-1"}
		}},
		{name: "sold", shows: "6", event: func(i domain.ItemID, _ domain.SKU) domain.Event {
			return &domain.ItemSold{Item: i, Outlet: outlet, Quantity: one, Sale: "s-1", Line: "1", OnHand: stock("6")}
		}},
		{name: "refunded", shows: "7", event: func(i domain.ItemID, _ domain.SKU) domain.Event {
			return &domain.ItemRefunded{Item: i, Outlet: outlet, Quantity: one, Sale: "s-2", Line: "1", OfSale: "s-1", OnHand: stock("7")}
		}},
		{name: "exchanged", shows: "8", event: func(i domain.ItemID, _ domain.SKU) domain.Event {
			return &domain.ItemExchanged{Item: i, Outlet: outlet, Quantity: one, Sale: "s-3", Line: "1", OnHand: stock("8")}
		}},
		{name: "exchanged without a level", shows: "8", event: func(i domain.ItemID, _ domain.SKU) domain.Event {
			return &domain.ItemExchanged{Item: i, Outlet: outlet, Quantity: quantity(t, "-1"), Sale: "s-3", Line: "2"}
		}},
		{name: "received", shows: "20", event: func(i domain.ItemID, _ domain.SKU) domain.Event {
			return &domain.StockOrderReceived{Item: i, Outlet: outlet, Quantity: quantity(t, "12"), Order: "o-1", OnHand: stock("20")}
		}},
		{name: "transferred", shows: "20", event: func(i domain.ItemID, _ domain.SKU) domain.Event {
			return &domain.StockTransferred{Item: i, From: outlet, To: "Mill Lane", Quantity: one, Transfer: "t-1", OnHandFrom: stock("19"), OnHandTo: stock("1")}
		}},
		{name: "adjusted", shows: "17", event: func(i domain.ItemID, _ domain.SKU) domain.Event {
			return &domain.StockAdjusted{Item: i, Outlet: outlet, Quantity: quantity(t, "-3"), Adjustment: "a-1", Reason: "damaged", OnHand: stock("16")}
		}},
		// Later than all events by its time, so it comes last.
		{name: "imported", shows: "5", file: "id,sku,name,inventory_Quayside\nITEM,SKU,Kona jacket,4\n"},
		{name: "imported with no change", shows: "5", file: "id,sku,name,inventory_Quayside\nITEM,SKU,Kona jacket,4\n"},
	}
}

func quantity(t *testing.T, s string) domain.Quantity {
	t.Helper()
	q, err := domain.ParseQuantity(s)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// theJacket is a save without a description.
func theJacket(t *testing.T, item domain.ItemID, sku domain.SKU) *domain.ProductSaved {
	t.Helper()
	price, err := domain.ParseMoney("59.00")
	if err != nil {
		t.Fatal(err)
	}
	cost, err := domain.ParseMoney("20.5")
	if err != nil {
		t.Fatal(err)
	}
	brand := "Kona"
	return &domain.ProductSaved{Item: item, Description: domain.Description{SKU: sku, Name: "Kona jacket", Brand: &brand, RetailPrice: &price, SupplyPrice: &cost}}
}

// Every trigger, through the command line and over HTTP, is one push of the
// linked product's full state, and none of a product that is not linked.
func TestTriggers(t *testing.T) {
	t.Parallel()
	for name, bringIn := range map[string]func(in *installation, kind, body string){"CLI": byCommand, "HTTP": overHTTP} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := install(t, simulator.Config{}, nil)
			twin := simulator.NewProduct("old name", "KK-1", 1)
			twin.Description, twin.Weight = "<b>formatted</b>", 2.5
			if err := in.shop.Seed(twin); err != nil {
				t.Fatal(err)
			}
			in.happen(theJacket(t, "i-1", "KK-1"), theJacket(t, "i-2", "KK-2"))
			in.call(http.MethodPost, "/v1/stores/"+testStore+"/links", map[string]any{"auto": true}, nil)
			in.settle()
			twin, _ = in.shop.ProductBySKU("KK-1")
			for _, tr := range triggers(t) {
				before := in.newest()
				in.bring(tr, bringIn, "i-2", "KK-2")
				if got := in.requests(before); len(got) > 0 {
					t.Errorf("%s: a product that is not linked causes %+v", tr.name, got)
				}
				in.bring(tr, bringIn, "i-1", "KK-1")
				var got []string
				for _, r := range in.requests(before) {
					got = append(got, r.Method+" "+r.Path+" "+string(r.Body))
				}
				slices.Sort(got)
				id := jsonText(t, twin.ID)
				want := []string{
					`PUT /catalog/products [{"id":` + id + `,"name":"Kona jacket","description":"","price":59,"cost_price":20.5,"is_visible":true,"inventory_tracking":"product","brand_name":"Kona"}]`,
					`PUT /inventory/adjustments/absolute {"reason":"stock in the POS","items":[{"location_id":1,"product_id":` + id + `,"quantity":` + tr.shows + `}]}`,
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s: requests to BigCommerce (-want +got):\n%s", tr.name, diff)
				}
			}
			if p, _ := in.shop.ProductBySKU("KK-1"); p.Description != "" || p.Weight != 2.5 {
				t.Errorf("the shop shows the description %q and the weight %g, want an empty one and its own", p.Description, p.Weight)
			}
		})
	}
}

// bring lets a trigger happen and waits until all that follows has.
func (in *installation) bring(tr trigger, bringIn func(in *installation, kind, body string), item domain.ItemID, sku domain.SKU) {
	in.t.Helper()
	if tr.event == nil {
		bringIn(in, "imports", strings.NewReplacer("ITEM", string(item), "SKU", string(sku)).Replace(tr.file))
	} else {
		bringIn(in, "events", jsonText(in.t, in.envelope(tr.event(item, sku))))
	}
	in.settle()
}

func jsonText(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func byCommand(in *installation, kind, body string) {
	in.t.Helper()
	command := map[string]string{"events": "append", "imports": "import"}[kind]
	file := filepath.Join(in.t.TempDir(), kind)
	if err := os.WriteFile(file, []byte(body), 0o600); err != nil {
		in.t.Fatal(err)
	}
	var said strings.Builder
	environ := []string{"TILLSTREAM_SERVER=" + in.base, "TILLSTREAM_TOKEN=" + in.app.token}
	if code := run(in.t.Context(), []string{command, file}, environ, strings.NewReader(""), &said, &said); code != exitDone {
		in.t.Fatalf("%s ends with %d: %s", command, code, &said)
	}
}

func overHTTP(in *installation, kind, body string) {
	in.t.Helper()
	media := map[string]string{"events": "application/cloudevents+json", "imports": "text/csv"}[kind]
	if answer, text := in.ask(http.MethodPost, "/v1/stores/"+testStore+"/"+kind, media, strings.NewReader(body)); answer.StatusCode != http.StatusOK || strings.Contains(text, `"error"`) {
		in.t.Fatalf("%s are answered %s: %s", kind, answer.Status, text)
	}
}
