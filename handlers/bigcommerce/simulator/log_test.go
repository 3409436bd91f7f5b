package simulator_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/tillstream/tillstream/handlers/bigcommerce/simulator"
)

// TestStore_LogLimit keeps the newest requests.
func TestStore_LogLimit(t *testing.T) {
	t.Parallel()
	s := simulator.New(simulator.Config{LogLimit: 3})
	for range 20 {
		send(t, s, "GET", "/catalog/products", "")
	}
	if got := s.Requests(); len(got) != 3 || got[0].Seq != 18 || got[2].Seq != 20 {
		t.Errorf("got %+v, want requests 18 to 20", got)
	}
}

// TestStore_Concurrent: many writers and readers, and OnChange that reads the store; every update is told once.
func TestStore_Concurrent(t *testing.T) {
	t.Parallel()
	var (
		s    *simulator.Store
		told int
	)
	s, products := seeded(t, simulator.Config{OnChange: func(c simulator.Change) {
		if _, ok := s.Product(c.Product); !ok && c.Verb != simulator.Deleted {
			t.Errorf("told of product %d, which is not there", c.Product)
		}
		if c.Verb == simulator.Updated {
			told++
		}
	}})
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 25 {
				send(t, s, "PUT", fmt.Sprintf("/catalog/products/%d", products[g%3].ID), fmt.Sprintf(`{"price":%d}`, i))
				send(t, s, "GET", "/catalog/products?include=variants", "")
				s.Requests()
			}
		})
	}
	wg.Wait()
	if told != 200 {
		t.Errorf("%d updates were told, want 200", told)
	}
}
