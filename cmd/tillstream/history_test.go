package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/bigcommerce/simulator"
)

// The measure of [TestHistory].
const (
	historyProducts = 60 // of which every third is never linked
	historyBatch    = 100
)

// TestHistory lets ten thousand random things happen in the POS while the merchant
// edits what is BigCommerce's own. In the end BigCommerce shows the POS's state of
// every linked product, the merchant's edits are as the merchant left them, to the
// byte, and no request ever named a product that is not linked.
func TestHistory(t *testing.T) {
	t.Parallel()
	for mode, events := range map[string]int{"levels": 10_000, "movements": 3_000} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			seed := uint64(time.Now().UnixNano())
			if s, err := strconv.ParseUint(os.Getenv("TILLSTREAM_TEST_SEED"), 10, 64); err == nil {
				seed = s
			}
			t.Logf("seed %d; the same again: TILLSTREAM_TEST_SEED=%d go test -run TestHistory/%s ./cmd/tillstream", seed, seed, mode)
			randomHistory(t, rand.New(rand.NewPCG(seed, 0)), mode, events)
		})
	}
}

func randomHistory(t *testing.T, rng *rand.Rand, mode string, events int) {
	in := install(t, simulator.Config{}, func(c *Config) { c.Stores[0].Stock = mode })
	var twins []int64
	for n := range historyProducts {
		if n%3 != 2 {
			twins = append(twins, seedTwin(t, in.shop, n))
		}
	}
	for n := range historyProducts {
		in.happen(saved(rng, n))
	}
	in.call("POST", "/v1/stores/"+testStore+"/links", map[string]any{"auto": true}, nil)
	in.settle()

	owned := map[int64][]byte{}
	for _, id := range twins {
		owned[id] = in.shop.OwnedFields(id)
	}
	kinds := map[domain.Type]int{}
	for done := 0; done < events; done += historyBatch {
		batch := make([]domain.Event, historyBatch)
		for i := range batch {
			batch[i] = randomEvent(rng)
			kinds[batch[i].Type()]++
		}
		in.happen(batch...)
		id := twins[rng.IntN(len(twins))]
		if err := in.shop.MerchantEdit(id, func(p *simulator.Product) { editOwned(rng, p) }); err != nil {
			t.Fatal(err)
		}
		owned[id] = in.shop.OwnedFields(id)
	}
	in.settle()

	for _, kind := range domain.POSTypes() {
		if kinds[kind] == 0 {
			t.Errorf("%s never happened", kind)
		}
	}
	engine := in.app.engine.Load()
	linked := 0
	for id, pub := range engine.publications.All(testStore) {
		if pub.Link == nil {
			continue
		}
		linked++
		p, err := engine.catalog.Product(t.Context(), testStore, id)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range differences(in.shop, &p, pub.Link, in.cfg.Stores[0].rules()) {
			t.Error(d)
		}
	}
	if linked != len(twins) || len(in.shop.Products()) != len(twins) {
		t.Errorf("%d products are linked and BigCommerce has %d, want %d", linked, len(in.shop.Products()), len(twins))
	}
	for id, want := range owned {
		if got := in.shop.OwnedFields(id); string(got) != string(want) {
			t.Errorf("BigCommerce product %d: the merchant's own was\n%s\nand is\n%s", id, want, got)
		}
	}
	for _, r := range in.requests(0) {
		if strings.Contains(string(r.Body), "unlinked") {
			t.Errorf("request %d names a product that is not linked: %s", r.Seq, r.Body)
		}
	}
}

func itemName(n int) domain.ItemID { return domain.ItemID(fmt.Sprintf("item-%02d", n)) }

// saved is a random snapshot; every fifth has an empty description.
func saved(rng *rand.Rand, n int) *domain.ProductSaved {
	e := &domain.ProductSaved{Item: itemName(n), Description: randomDescription(rng, n)}
	return e
}

func randomDescription(rng *rand.Rand, n int) domain.Description {
	text, brand := fmt.Sprintf("<p>%d</p>", rng.IntN(1000)), []string{"", "Northwood", "Harbour Mills"}[rng.IntN(3)]
	if rng.IntN(5) == 0 {
		text = ""
	}
	price, cost := domain.MustMoney(fmt.Sprintf("%d.%02d", rng.IntN(200), rng.IntN(100))), domain.MustMoney(strconv.Itoa(rng.IntN(50)))
	active := rng.IntN(8) != 0
	name := fmt.Sprintf("Product %d", n)
	if n%3 == 2 {
		name = fmt.Sprintf("unlinked %d", n)
	}
	return domain.Description{
		SKU: domain.SKU(fmt.Sprintf("sku-%d", n)), Name: fmt.Sprintf("%s, edition %d", name, rng.IntN(3)),
		Description: &text, Brand: &brand, RetailPrice: &price, SupplyPrice: &cost, Active: &active,
	}
}

func randomEvent(rng *rand.Rand) domain.Event {
	n := rng.IntN(historyProducts)
	item, outlet, other := itemName(n), domain.OutletID("Quayside"), domain.OutletID("Mill Lane")
	if rng.IntN(2) == 0 {
		outlet, other = other, outlet
	}
	quantity := domain.MustQuantity(strconv.Itoa(1 + rng.IntN(5)))
	level := domain.MustQuantity(strconv.Itoa(rng.IntN(60) - 5))
	onHand := &level
	if rng.IntN(3) == 0 {
		onHand = nil
	}
	id := strconv.Itoa(rng.IntN(1 << 30))
	switch rng.IntN(11) {
	case 0:
		return saved(rng, n)
	case 1:
		e := &domain.ProductImported{Item: item, Description: randomDescription(rng, n), Import: domain.Import{ID: id, Row: 2}}
		if rng.IntN(2) == 0 {
			e.Description.Description, e.Brand = nil, nil // absent: unchanged
		}
		return e
	case 2:
		if rng.IntN(6) != 0 { // now and then
			return saved(rng, n)
		}
		return &domain.ProductDeleted{Item: item}
	case 3:
		return &domain.ItemSold{Item: item, Outlet: outlet, Quantity: quantity, Sale: id, Line: "1", OnHand: onHand}
	case 4:
		return &domain.ItemRefunded{Item: item, Outlet: outlet, Quantity: quantity, Sale: id, Line: "1", OnHand: onHand}
	case 5:
		return &domain.ItemExchanged{Item: item, Outlet: outlet, Quantity: quantity.Neg(), Sale: id, Line: "1", OnHand: onHand}
	case 6:
		return &domain.StockCounted{Item: item, Outlet: outlet, OnHand: level, Count: id}
	case 7:
		return &domain.StockOrderReceived{Item: item, Outlet: outlet, Quantity: quantity, Order: id, OnHand: onHand}
	case 8:
		return &domain.StockTransferred{Item: item, From: outlet, To: other, Quantity: quantity, Transfer: id, OnHandFrom: onHand, OnHandTo: onHand}
	case 9:
		return &domain.StockAdjusted{Item: item, Outlet: outlet, Quantity: quantity.Neg(), Adjustment: id, OnHand: onHand}
	}
	return &domain.StockLevelReported{Item: item, Outlet: outlet, OnHand: level}
}

// seedTwin puts a twin into the shop and returns its id.
func seedTwin(t *testing.T, shop *simulator.Store, n int) int64 {
	t.Helper()
	sku := fmt.Sprintf("SKU-%d", n) // in another case
	p := simulator.NewProduct(fmt.Sprintf("Old product %d", n), sku, 1)
	p.Weight, p.SalePrice, p.RetailPrice, p.PageTitle, p.GTIN = 1.5, 0.5, 3, "by hand", "4006381333931"
	p.Categories = []int64{23}
	if err := shop.Seed(p); err != nil {
		t.Fatal(err)
	}
	twin, _ := shop.ProductBySKU(sku)
	return twin.ID
}

// editOwned is a merchant at work on what is BigCommerce's own.
func editOwned(rng *rand.Rand, p *simulator.Product) {
	number := float64(1 + rng.IntN(100))
	word := fmt.Sprint("by hand ", rng.IntN(1000))
	switch rng.IntN(9) {
	case 0:
		p.Weight = number
	case 1:
		p.Width, p.Height, p.Depth = number, number+1, number+2
	case 2:
		p.RetailPrice = number
	case 3:
		p.SalePrice = number
	case 4:
		p.ProductTaxCode = word
	case 5:
		p.Modifiers = []simulator.Modifier{{DisplayName: word, Type: "text"}}
	case 6:
		p.PageTitle, p.MetaDescription, p.SearchKeywords = word, word, word
	case 7:
		p.CustomFields = []simulator.CustomField{{Name: "material", Value: word}}
	case 8:
		p.UPC, p.Categories = "123456789012", []int64{int64(number), 23}
		p.Images = []simulator.Image{{ImageURL: "https://example.com/" + word + ".jpg"}}
	}
}

// TestHistory_pushes: between an item's events stand the pushes of the products that it was
// in, while it was in them.
func TestHistory_pushes(t *testing.T) {
	t.Parallel()
	in := install(t, simulator.Config{}, func(c *Config) { c.Stores[0].Publish = "all" })
	pushed := func(events ...domain.Event) {
		in.happen(events...)
		in.settle()
	}
	pushed(describedAs("a", "family", "S", 1))
	pushed(describedAs("b", "b", "", 1))
	pushed(describedAs("a", "family", "S", 2))
	pushed(describedAs("b", "b", "", 2))
	pushed(describedAs("b", "family", "M", 3))
	pushed(describedAs("a", "family", "S", 4))
	last, err := in.app.conn.Sync().Last(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := in.app.engine.Load().publications.Await(t.Context(), last); err != nil {
		t.Fatal(err)
	}
	told := func(query string) (out []string) {
		for _, line := range in.lines("/products/" + query) {
			if line.Push == nil {
				out = append(out, string(line.Item))
			} else if line.Push.Event == "created" || line.Push.Event == "updated" {
				out = append(out, fmt.Sprintf("%s %s at %d", line.Push.Product, line.Push.Event, line.Push.State))
			}
		}
		return out
	}
	want := []string{"b", "b created at 2", "b", "b updated at 4", "b", "family updated at 5", "family updated at 6"}
	if d := cmp.Diff(want, told("item:b/history?pushes=true")); d != "" {
		t.Errorf("of the item that moved (-want +got)\n%s", d)
	}
	if d := cmp.Diff([]string{"b", "family updated at 5", "family updated at 6"}, told("item:b/history?pushes=true&from=5")); d != "" {
		t.Errorf("of the item since it moved (-want +got)\n%s", d)
	}
	if d := cmp.Diff([]string{"a", "family created at 1", "a", "family updated at 3", "family updated at 5", "a", "family updated at 6"}, told("item:a/history?pushes=true")); d != "" {
		t.Errorf("of the item that was there before (-want +got)\n%s", d)
	}
	if d := cmp.Diff([]string{"a", "family created at 1", "a", "family updated at 3", "b", "family updated at 5", "a", "family updated at 6"}, told("product:family/history?pushes=true")); d != "" {
		t.Errorf("of the product (-want +got)\n%s", d)
	}
}
