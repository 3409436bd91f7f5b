package main

import (
	"net/http"
	"strings"
	"testing"

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
