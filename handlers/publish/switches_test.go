package publish_test

import (
	"strings"
	"testing"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/bigcommerce/simulator"
	"github.com/tillstream/tillstream/handlers/publish"
	"github.com/tillstream/tillstream/projections"
)

// A store that is synced by hand gets what is asked for, and nothing else.
func TestPublisher_manual(t *testing.T) {
	in(t, func(t *testing.T) {
		s := newShop(t, simulator.Config{Quota: 150}, func(c *publish.Config) {
			c.Manual, c.CreateAll, c.OnMissing = true, true, publish.MissingRecreates
		})
		ids := s.saveMany(3)
		s.save(item{id: "new", sku: "NEW"})
		s.link(ids...)
		linking := len(s.requests())
		s.run()
		s.count(string(ids[0]), "41")
		s.idle()
		if got := s.requests()[linking:]; len(got) != 0 {
			t.Errorf("requests %v without being asked, want none", got)
		}
		if got := projections.Count(s.catalog, s.cfg.Publications, store); got.Pending != 3 || got.Unlinked != 1 {
			t.Errorf("%+v, want three pending", got)
		}
		outcomes, err := s.Push(t.Context(), ids[:1])
		if err != nil || outcomes[0].Kind != publish.Confirmed {
			t.Fatalf("push: %+v, %v", outcomes, err)
		}
		s.agree(ids[0])
		if outcomes, err = s.Create(t.Context(), []domain.ProductID{"new"}); err != nil || outcomes[0].Kind != publish.Confirmed {
			t.Fatalf("create: %+v, %v", outcomes, err)
		}
		s.agree("new")
		before := len(s.requests())
		s.save(item{id: "new", sku: "NEW", name: "Renamed"})
		_ = s.stop()
		s.open()
		s.run()
		s.idle()
		if got := s.requests()[before:]; len(got) != 0 {
			t.Errorf("requests %v after a restart, want none", got)
		}
		if got := projections.Count(s.catalog, s.cfg.Publications, store); got.Pending != 3 || got.Confirmed != 1 {
			t.Errorf("%+v, want the renamed one and two others pending", got)
		}
	})
}

// Where stock is left to BigCommerce, everything else is pushed.
func TestPublisher_leavesStock(t *testing.T) {
	in(t, func(t *testing.T) {
		s := newShop(t, simulator.Config{Quota: 150}, func(c *publish.Config) { c.Rules.LeaveStock = true })
		seed := simulator.NewProduct("The merchant's", "A", 1)
		seed.InventoryTracking, seed.InventoryLevel = "product", 77
		if err := s.sim.Seed(seed); err != nil {
			t.Fatal(err)
		}
		s.save(item{id: "a", sku: "A", name: "Ours", stock: "5"}, item{id: "b", sku: "B", stock: "5"})
		if r, err := s.LinkAuto(t.Context(), false); err != nil || len(r.Linked) != 1 {
			t.Fatalf("linked %+v, %v", r, err)
		}
		s.run()
		s.idle()
		s.count("a", "3")
		s.idle()
		if _, err := s.Create(t.Context(), []domain.ProductID{"b"}); err != nil {
			t.Fatal(err)
		}
		a, b := s.twin("a"), s.twin("b")
		if a.Name != "Ours" || a.InventoryTracking != "product" || s.sim.Stock(1, a.ID, 0) != 77 {
			t.Errorf("%q, tracking %s, stock %d; want our name, and 77 kept by product", a.Name, a.InventoryTracking, s.sim.Stock(1, a.ID, 0))
		}
		if b.InventoryTracking != "none" {
			t.Errorf("the created product has tracking %s, want BigCommerce's default", b.InventoryTracking)
		}
		for _, r := range s.requests() {
			if strings.Contains(r, "/inventory/") && strings.HasPrefix(r, "PUT") {
				t.Errorf("%s, want no stock to be written", r)
			}
		}
		for one, err := range s.Preview(t.Context(), []domain.ProductID{"a", "b"}) {
			if err != nil || one.Prospect != publish.ProspectAgrees {
				t.Errorf("preview of %s: %+v, %v, want it to agree", one.Product, one, err)
			}
		}
		if got := projections.Count(s.catalog, s.cfg.Publications, store); got.Confirmed != 2 {
			t.Errorf("%+v, want both confirmed", got)
		}
	})
}

func TestPublisher_noImages(t *testing.T) {
	in(t, func(t *testing.T) {
		s := newShop(t, simulator.Config{}, func(c *publish.Config) { c.NoImages = true })
		s.save(item{id: "a", sku: "A", images: []string{"https://example.com/a.jpg"}})
		s.run()
		if _, err := s.Create(t.Context(), []domain.ProductID{"a"}); err != nil {
			t.Fatal(err)
		}
		s.idle()
		if got := s.twin("a").Images; len(got) != 0 {
			t.Errorf("images %v, want none", got)
		}
	})
}
