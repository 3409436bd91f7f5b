package simulator_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tillstream/tillstream/handlers/bigcommerce/simulator"
)

// TestControl drives a store by its control API alone.
func TestControl(t *testing.T) {
	t.Parallel()
	s, products := seeded(t, simulator.Config{Quota: 10})
	id := products[0].ID
	steps := []struct {
		method, path, body string
		status             int
		want               string
	}{
		{"POST", "/control/faults", `{"match":"GET /catalog/products","kind":"status","status":503,"count":1}`, 200, `"ok":true`},
		{"GET", "/catalog/products", ``, 503, ``},
		{"POST", "/control/faults", `{"kind":"hang"}`, 200, ``},
		{"DELETE", "/control/faults", ``, 200, ``},
		{"POST", "/control/faults", `{"kind":"sick"}`, 400, `sick`},
		{"POST", "/control/faults", `{"kind":"hang","wen":1}`, 400, `field \"wen\" is unknown: want some of after, count`},
		{"POST", "/control/faults", `{"kind":"slow","delay":"soon"}`, 400, `field \"delay\"`},
		{"POST", "/control/faults", `{"kind":"slow","delay":"1h","match":"* /catalog/brands","count":2}`, 200, ``},
		{"GET", "/control/faults", ``, 200, `[{"count":2,"delay":"1h0m0s","kind":"slow","match":"* /catalog/brands"}]`},
		{"DELETE", "/control/faults", ``, 200, ``},
		{"GET", "/control/faults", ``, 200, `[]`},
		{"GET", "/control/settings", ``, 200, `"window":"30s"`},
		{"POST", "/control/settings", `{"quota":20,"window":"1h","other_app_share":0.5}`, 200, `"quota":20,`},
		{"POST", "/control/settings", `{"other_app_share":2}`, 400, `other_app_share 2: want 0 to 1`},
		{"POST", "/control/settings", `{"token":"x"}`, 400, `field \"token\" is unknown`},
		{"POST", "/control/settings", `{"quota":3,"window":1.5}`, 400, `window`},
		{"GET", "/control/settings", ``, 200, `"quota":20,"save_good_rows":false,"webhook_delay":"0s","webhook_duplicates":0,"webhook_loopback":false,"webhook_reordering":0,"window":"1h0m0s"`},
		{"POST", "/control/merchant-create", `{"name":"Fork","sku":"F-1","price":3}`, 200, `"id":1000004`},
		{"POST", "/control/merchant-create", `{"name":"fork"}`, 400, `duplicate`},
		{"POST", "/control/merchant-create", `{}`, 400, `at least a name`},
		{"POST", "/control/merchant-recreate", `{"id":1000004}`, 200, `"id":1000006`},
		{"POST", "/control/merchant-delete", `{"id":1000004}`, 400, `product 1000004`},
		{"POST", "/control/merchant-delete", `{"id":1000006}`, 200, `"ok":true`},
		{"GET", "/control/violations", ``, 200, `[]`},
		{"GET", "/control/deliveries", ``, 200, `[]`},
		{"GET", "/control", ``, 200, `"POST /control/merchant-edit"`},
		{"POST", "/control/merchant_edit", ``, 404, `the control API has no POST /control/merchant_edit; it has DELETE /control/faults, GET`},
		{"POST", "/control/merchant-edit", `{"fields":{"weight":2.5}}`, 400, `want the id`},
		{"POST", "/control/faults", `{`, 400, `body`},
		{"POST", "/control/merchant-edit", fmt.Sprintf(`{"id":%d,"fields":{"weight":2.5}}`, id), 200, ``},
		{"POST", "/control/merchant-edit", fmt.Sprintf(`{"id":%d,"fields":{"weight":-1}}`, id), 400, `weight`},
		{"POST", "/control/merchant-edit", fmt.Sprintf(`{"id":%d,"fields":{"wait":1}}`, id), 400, `unknown`},
		{"POST", "/control/merchant-edit", `{"id":7,"fields":{}}`, 400, `product 7`},
		{"GET", fmt.Sprintf("/control/products/%d", id), ``, 200, `"weight":2.5`},
		{"GET", "/control/products/7", ``, 400, `product 7`},
		{"GET", "/control/products", ``, 200, `"name":"Spoon"`},
		{"POST", "/control/down", `{"down":true}`, 200, ``},
		{"GET", "/catalog/products", ``, 503, ``},
		{"POST", "/control/down", `{"down":false}`, 200, ``},
		{"POST", "/control/token", `{"revoked":true}`, 200, ``},
		{"GET", "/catalog/products", ``, 401, ``},
		{"POST", "/control/token", `{"revoked":false}`, 200, ``},
		{"POST", "/control/spend", `{"requests":100}`, 200, ``},
		{"GET", "/catalog/products", ``, 429, ``},
		{"GET", "/control/requests?after=2", ``, 200, `"actor":"merchant"`},
		{"GET", "/control/requests?after=x", ``, 400, `after`},
	}
	for _, step := range steps {
		if got := send(t, s, step.method, step.path, step.body); got.Status != step.status || !strings.Contains(got.Body, step.want) {
			t.Errorf("%s %s %s: got %d %s, want %d with %s", step.method, step.path, step.body, got.Status, got.Body, step.status, step.want)
		}
	}
	if got := send(t, s, "DELETE", "/control/faults", "", "X-Auth-Token", "other"); got.Status != 401 {
		t.Errorf("with another token: got %d, want 401", got.Status)
	}
}
