package publish_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/bigcommerce/simulator"
	"github.com/tillstream/tillstream/handlers/publish"
)

// A sale's stock goes first, and the full state follows without sending it again.
func TestLane_alone(t *testing.T) {
	in(t, func(t *testing.T) {
		s := newShop(t, simulator.Config{Quota: 150, Latency: 100 * time.Millisecond}, nil)
		ids := s.saveMany(3)
		s.link(ids...)
		linking := len(s.requests())
		s.run()
		s.idle()
		before := len(s.requests())
		s.count(string(ids[0]), "41")
		s.idle()
		want := []string{"PUT /inventory/adjustments/absolute", "PUT /catalog/products"}
		if got := s.requests()[before:]; !slices.Equal(got, want) {
			t.Errorf("requests %v, want %v", got, want)
		}
		s.agree(ids...)
		if got := s.Efficiency(); got.Score != 1 || got.Requests != uint64(len(s.requests())-linking) {
			t.Errorf("%+v, want all %d requests to be needed", got, len(s.requests())-linking)
		}
	})
}

// While thousands of products wait for a spent quota, a sale's stock is in
// BigCommerce within a second; the import is none the later.
func TestLane_duringImport(t *testing.T) {
	in(t, func(t *testing.T) {
		s := newShop(t, simulator.Config{Quota: 150, Latency: 250 * time.Millisecond}, nil)
		const n, sold = 3000, 15
		bulk(s, n)
		var ids []domain.ProductID
		for _, p := range s.catalog.Products(store, "", n) {
			ids = append(ids, p.ID)
		}
		for i := range n {
			s.save(item{id: string(ids[i]), sku: "SKU-" + string(ids[i]), name: "Renamed " + string(ids[i])})
		}
		var waits []time.Duration
		for i := range sold {
			pass(3 * time.Second) // so that the sales fall everywhere in the windows
			id, level := ids[n-1-i], int64(1000+i)
			start, twin := time.Now(), s.twin(id).ID
			s.count(string(id), fmt.Sprint(level))
			for s.sim.Stock(1, twin, 0) != level {
				pass(50 * time.Millisecond)
			}
			waits = append(waits, time.Since(start))
		}
		slices.Sort(waits)
		t.Logf("stock of %d sales was in BigCommerce after %s to %s, %s at the median", sold, waits[0], waits[sold-1], waits[sold/2])
		if waits[sold-1] > time.Second {
			t.Errorf("the stock of a sale took longer than a second: %s", waits)
		}
		s.idle()
		s.agree(ids[0], ids[n-1])
		if got := s.Status().Throttled; got != 0 {
			t.Errorf("%d requests refused with 429, want none", got)
		}
		if got := len(recorded[*domain.PushConfirmed](s.log)); got < 2*n {
			t.Errorf("%d confirmed, want %d at least", got, 2*n)
		}
	})
}

// A product with more stock levels than one request carries has all of them sent,
// also when the first part has been taken before the second is sent.
func TestLane_largeProduct(t *testing.T) {
	in(t, func(t *testing.T) {
		locations := []int64{1, 2, 3, 4, 5}
		s := newShop(t, simulator.Config{Locations: locations}, func(c *publish.Config) {
			c.Rules.Locations = map[domain.OutletID]int64{"Quayside": 1, "B": 2, "C": 3, "D": 4, "E": 5}
		})
		const variants = 401 // times five locations
		var items []item
		for v := range variants {
			items = append(items, item{id: fmt.Sprintf("i%d", v), product: "p", sku: fmt.Sprintf("S-%d", v), options: []domain.Option{
				{Name: "Size", Value: fmt.Sprint(v % 20)}, {Name: "Colour", Value: fmt.Sprint(v / 20)}}, stock: "7"})
		}
		s.save(items...)
		s.link("p")
		s.run()
		s.idle()
		s.agree("p")
		s.count("i0", "8")
		s.count("i400", "9")
		s.idle()
		s.agree("p")
	})
}

// What BigCommerce took once is not taken for granted after a later stock request
// whose fate is unknown.
func TestLane_replyLost(t *testing.T) {
	in(t, func(t *testing.T) {
		s := newShop(t, simulator.Config{}, nil)
		ids := s.saveMany(1)
		id := string(ids[0])
		s.link(ids...)
		s.run()
		s.idle()
		if err := s.sim.Fail(simulator.Fault{Match: "PUT /catalog/products", Kind: simulator.Status, Status: 503}); err != nil {
			t.Fatal(err) // so that no push is confirmed
		}
		s.count(id, "41")
		pass(time.Minute)
		if err := s.sim.Fail(simulator.Fault{Match: "PUT /inventory/adjustments/absolute", Kind: simulator.CloseAfterCommit, Count: 1}); err != nil {
			t.Fatal(err)
		}
		s.count(id, "42")
		for s.sim.Stock(1, s.twin(ids[0]).ID, 0) != 42 {
			pass(time.Second)
		}
		s.count(id, "41")
		s.sim.Heal()
		pass(10 * time.Minute)
		s.idle()
		s.agree(ids...)
	})
}
