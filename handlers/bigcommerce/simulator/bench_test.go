package simulator_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/tillstream/tillstream/handlers/bigcommerce/simulator"
)

// catalog returns n simple products.
func catalog(n int) []simulator.Product {
	products := make([]simulator.Product, n)
	for i := range products {
		products[i] = simulator.NewProduct(fmt.Sprintf("Product %d", i), fmt.Sprintf("SKU-%d", i), 10)
	}
	return products
}

// BenchmarkSimulator_UpdateProducts puts the state of ten products, as a push does, into a store of 10,000: the
// simulator's own cost, and with a connection's.
func BenchmarkSimulator_UpdateProducts(b *testing.B) {
	const products = 10_000
	for _, network := range []bool{false, true} {
		b.Run(fmt.Sprintf("network=%t", network), func(b *testing.B) {
			s := simulator.New(simulator.Config{LogLimit: 100})
			if err := s.Seed(catalog(products)...); err != nil {
				b.Fatal(err)
			}
			client, base := s.Client(), "http://shop"
			if network {
				server := httptest.NewServer(s)
				defer server.Close()
				client, base = server.Client(), server.URL
			}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				var body strings.Builder
				for j := range 10 {
					n := i*10 + j
					fmt.Fprintf(&body, `,{"id":%d,"name":"Product %d","description":"<p>Turned by hand, batch %d</p>","price":%d.25,"cost_price":1,"brand_id":0,"is_visible":true,"inventory_tracking":"product"}`,
						1_000_001+n%products, n%products, i, i%100)
				}
				r, err := http.NewRequest("PUT", base+"/stores/demo/v3/catalog/products?include_fields=sku", strings.NewReader("["+body.String()[1:]+"]"))
				if err != nil {
					b.Fatal(err)
				}
				r.Header.Set("X-Auth-Token", "demo")
				r.Header.Set("Content-Type", "application/json")
				response, err := client.Do(r)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := io.Copy(io.Discard, response.Body); err != nil || response.StatusCode != 200 {
					b.Fatal(response.Status, err)
				}
				response.Body.Close()
			}
		})
	}
}

// BenchmarkSimulator_Seed puts products into an empty store.
func BenchmarkSimulator_Seed(b *testing.B) {
	for _, n := range []int{1_000, 100_000} {
		products := catalog(n)
		b.Run(fmt.Sprintf("products=%d", n), func(b *testing.B) {
			for b.Loop() {
				if err := simulator.New(simulator.Config{}).Seed(products...); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/product")
		})
	}
}
