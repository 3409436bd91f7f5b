package main

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/audit/tree"
	"github.com/tillstream/tillstream/handlers/bigcommerce/simulator"
	"github.com/tillstream/tillstream/handlers/console"
)

// TestProve_otherStore: whoever may ask about one store is shown no message of another
// one, although all stores share a log.
func TestProve_otherStore(t *testing.T) {
	t.Parallel()
	in := install(t, simulator.Config{}, func(c *Config) {
		pier := c.Stores[0]
		pier.ID, pier.BigCommerce.StoreHash = "pier", "pier"
		c.Stores = append(c.Stores, pier)
	})
	saved := &domain.ProductSaved{Item: "i-1"}
	saved.SKU, saved.Name = "KK-1", "Kona jacket"
	in.happen(saved)
	var own tree.Bundle
	in.call(http.MethodPost, "/v1/stores/"+testStore+"/proof", console.ProofOrder{Item: "1"}, &own)
	if len(own.Events) != 1 || !strings.Contains(string(own.Events[0].Data), "Kona jacket") {
		t.Errorf("the store's own: %+v", own.Events)
	}
	answer, text := in.ask(http.MethodPost, "/v1/stores/pier/proof", "application/json", strings.NewReader(`{"item":"1"}`))
	if answer.StatusCode != http.StatusNotFound || strings.Contains(text, "Kona") || strings.Contains(text, testStore) {
		t.Errorf("of another store: %s\n%s", answer.Status, text)
	}
}

// TestProve_what: of an item or product it is all that is recorded, the newest event and those
// of items that have left it as well; a position is one only where nothing bears the number,
// or where that is said.
func TestProve_what(t *testing.T) {
	t.Parallel()
	in := install(t, simulator.Config{}, nil)
	saved := func(item domain.ItemID, sku domain.SKU, product domain.ProductID) *domain.ProductSaved {
		e := &domain.ProductSaved{Item: item}
		e.SKU, e.Name, e.Product = sku, "Shirt", &product
		return e
	}
	proven := func(ref string) (at []domain.Position) {
		t.Helper()
		var b tree.Bundle
		in.call(http.MethodPost, "/v1/stores/"+testStore+"/proof", console.ProofOrder{Item: ref}, &b)
		for _, e := range b.Events {
			at = append(at, e.Position)
		}
		slices.Sort(at)
		return at
	}
	in.happen(saved("i-1", "S-1", "p-1"), saved("i-2", "S-2", "p-1"), saved("i-1", "S-1", "p-2"), saved("1", "S-3", ""), saved("5", "2", ""), saved("2", "S-5", ""))
	in.happen(counted("i-2", 5))
	for ref, want := range map[string][]domain.Position{
		"S-2":        {2, 7},
		"p-1":        {1, 2, 3, 7},
		"p-2":        {1, 3},
		"1":          {4},
		"position:1": {1},
		"3":          {3},
	} {
		if diff := cmp.Diff(want, proven(ref)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", ref, diff)
		}
	}
	// A number that names two things is none of them, nor a position.
	if answer, text := in.ask(http.MethodPost, "/v1/stores/"+testStore+"/proof", "application/json", strings.NewReader(`{"item":"2"}`)); answer.StatusCode != http.StatusConflict || !strings.Contains(text, "use one of item:2, item:5") {
		t.Errorf("of an ambiguous one: %s\n%s", answer.Status, text)
	}
}
