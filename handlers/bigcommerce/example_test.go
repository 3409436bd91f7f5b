package bigcommerce_test

import (
	"context"
	"fmt"

	"github.com/tillstream/tillstream/handlers/bigcommerce"
	"github.com/tillstream/tillstream/handlers/bigcommerce/simulator"
)

// A full-state update overwrites what the point of sale owns and leaves the rest; a creation whose reply was lost is
// found again by its SKU instead of being made twice.
func Example() {
	store := simulator.New(simulator.Config{})
	client, err := bigcommerce.New(bigcommerce.Config{StoreHash: "demo", Token: "demo", HTTPClient: store.Client()})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()

	if err := store.Fail(simulator.Fault{Match: "POST /catalog/products", Kind: simulator.CloseAfterCommit, Count: 1}); err != nil {
		fmt.Println(err)
		return
	}
	bowl := bigcommerce.ProductCreate{Name: "Cedar Bowl", SKU: "CB-1", InventoryTracking: bigcommerce.TrackProduct}
	_, err = client.CreateProduct(ctx, bowl)
	fmt.Println("the creation is", bigcommerce.VerdictOf(err))
	_, err = client.CreateProduct(ctx, bowl)
	fmt.Println("another one meets its SKU or name:", bigcommerce.IsDuplicateSKU(err) || bigcommerce.IsDuplicateName(err))

	found, err := client.ProductsBySKU(ctx, []string{"cb-1"})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := store.MerchantEdit(int64(found[0].ID), func(p *simulator.Product) { p.Weight = 1.5 }); err != nil {
		fmt.Println(err)
		return
	}
	_, err = client.UpdateProducts(ctx, []bigcommerce.ProductUpdate{{ID: found[0].ID, Name: "Cedar Bowl, large", InventoryTracking: bigcommerce.TrackProduct}})
	p, _ := store.Product(int64(found[0].ID))
	fmt.Println(p.Name, p.Weight, err)
	// Output:
	// the creation is ambiguous
	// another one meets its SKU or name: true
	// Cedar Bowl, large 1.5 <nil>
}
