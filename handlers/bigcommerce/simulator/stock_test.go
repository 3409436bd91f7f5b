package simulator_test

import (
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tillstream/tillstream/handlers/bigcommerce/simulator"
)

// TestStock_Lag: a level is accepted first and seen later, by the catalog too.
func TestStock_Lag(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	var told []simulator.Change
	s, products := seeded(t, simulator.Config{InventoryLag: 5 * time.Second, Now: func() time.Time { return now }, OnChange: func(c simulator.Change) { told = append(told, c) }})
	bowl := products[0].ID
	body := `{"items":[{"location_id":1,"product_id":%d,"quantity":%d}]}`
	for _, n := range []int{4, 7} {
		if got := send(t, s, "PUT", "/inventory/adjustments/absolute", fmt.Sprintf(body, bowl, n)); got.Status != 200 {
			t.Fatal(got)
		}
	}
	if got := s.Stock(1, bowl, 0); got != 0 || len(told) != 0 {
		t.Errorf("before the lag is over the stock is %d, and %d changes were told", got, len(told))
	}
	now = now.Add(5 * time.Second)
	if p, _ := s.Product(bowl); p.InventoryLevel != 7 || p.Variants[0].InventoryLevel != 7 || s.Stock(1, bowl, 0) != 7 {
		t.Errorf("after it the catalog shows %d, want 7: one request after the other keep their order", p.InventoryLevel)
	}
	if len(told) != 2 || string(told[1].Fields[0].Before) != "4" || string(told[1].Fields[0].After) != "7" || told[0].Seq != 1 || told[1].Seq != 2 {
		t.Errorf("told %+v, want the levels 4 and 7 of requests 1 and 2", told)
	}
}

// TestStock_Overlap: absolute levels in flight together may end in either order.
func TestStock_Overlap(t *testing.T) {
	t.Parallel()
	ends := map[int64]int{}
	for seed := range uint64(20) {
		synctest.Test(t, func(t *testing.T) {
			s, products := seeded(t, simulator.Config{Seed: seed, Latency: time.Second, InventoryLag: time.Second})
			var wg sync.WaitGroup
			for n := range 2 {
				wg.Go(func() {
					send(t, s, "PUT", "/inventory/adjustments/absolute", fmt.Sprintf(`{"items":[{"location_id":1,"product_id":%d,"quantity":%d}]}`, products[0].ID, n+1))
				})
				synctest.Wait() // the first has arrived before the second is sent
			}
			wg.Wait()
			<-time.After(2 * time.Second) // of the bubble
			ends[s.Stock(1, products[0].ID, 0)]++
		})
	}
	if ends[1] == 0 || ends[2] == 0 || ends[1]+ends[2] != 20 {
		t.Errorf("the level ended as %v over 20 seeds, want some of each", ends)
	}
}

// TestStock_ShorterLag: levels keep their order when the lag becomes shorter while one is under way.
func TestStock_ShorterLag(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	s, products := seeded(t, simulator.Config{InventoryLag: 10 * time.Second, Now: func() time.Time { return now }})
	level := func(n int) {
		send(t, s, "PUT", "/inventory/adjustments/absolute", fmt.Sprintf(`{"items":[{"location_id":1,"product_id":%d,"quantity":%d}]}`, products[0].ID, n))
	}
	level(4)
	if err := s.Change(func(c *simulator.Config) { c.InventoryLag = time.Second }); err != nil {
		t.Fatal(err)
	}
	level(5)
	if err := s.Change(func(c *simulator.Config) { c.InventoryLag = 0 }); err != nil {
		t.Fatal(err)
	}
	level(6)
	now = now.Add(5 * time.Second)
	if got := s.Stock(1, products[0].ID, 0); got != 0 {
		t.Errorf("before the first is due the stock is %d, want 0", got)
	}
	now = now.Add(5 * time.Second)
	if got := s.Stock(1, products[0].ID, 0); got != 6 {
		t.Errorf("in the end the stock is %d, want 6", got)
	}
}
