package publish_test

import (
	"strings"
	"testing"
	"time"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/bigcommerce"
	"github.com/tillstream/tillstream/handlers/bigcommerce/simulator"
	"github.com/tillstream/tillstream/handlers/publish"
	"github.com/tillstream/tillstream/projections"
)

// A product that BigCommerce will not offer in a channel is there, with all that the POS
// has, and says so until it is offered.
func TestPublisher_Create_channels(t *testing.T) {
	t.Parallel()
	assignments := simulator.Fault{Match: "PUT /catalog/products/channel-assignments", Kind: simulator.Status, Status: 422}
	refuses := func(t *testing.T, change func(*publish.Config)) *shop {
		s := newShop(t, simulator.Config{}, func(c *publish.Config) {
			c.CreateAll, c.Channels = true, []bigcommerce.ChannelID{1, 7}
			if change != nil {
				change(c)
			}
		})
		if err := s.sim.Fail(assignments); err != nil {
			t.Fatal(err)
		}
		return s
	}
	unoffered := func(t *testing.T, s *shop, ids ...domain.ProductID) {
		t.Helper()
		for _, id := range ids {
			pub := s.publication(id)
			if u := pub.Unoffered; s.state(id) != projections.Refusing || u == nil || u.Status != 422 || !strings.Contains(u.Reason, "is not offered in channels 1, 7: ") ||
				!strings.HasSuffix(u.Reason, "check bigcommerce.channels, then run `tillstream push "+string(id)+"`") {
				t.Errorf("%s is %s, %+v, want it refused for the channels", id, s.state(id), pub)
			}
			if diff := s.differences(id); len(diff) > 0 {
				t.Errorf("it differs from the POS: %v", diff)
			}
		}
	}
	offered := func(t *testing.T, s *shop, ids ...domain.ProductID) {
		t.Helper()
		s.agree(ids...)
		for _, id := range ids {
			if twin := s.twin(id); !s.sim.Assigned(twin.ID, 1) || !s.sim.Assigned(twin.ID, 7) {
				t.Errorf("%s is not offered in both channels", id)
			}
		}
	}

	t.Run("OK several", func(t *testing.T) {
		in(t, func(t *testing.T) {
			s := refuses(t, nil)
			s.sim.Heal()
			ids := s.saveMany(60) // more than one request has room for
			s.run()
			pass(5 * time.Minute)
			offered(t, s, ids...)
		})
	})
	t.Run("Err refused, until somebody has it pushed", func(t *testing.T) {
		in(t, func(t *testing.T) {
			s := refuses(t, nil)
			ids := s.saveMany(3)
			s.run()
			pass(time.Minute)
			unoffered(t, s, ids...)
			if got := len(recorded[*domain.ProductOffered](s.log)); got != len(ids) {
				t.Errorf("recorded %d times, want once of each", got)
			}
			if got := s.Problem(); got != "" {
				t.Errorf("problem %q: it is the products' own, and said of each", got)
			}
			got, err := s.Push(t.Context(), ids[:1])
			if err != nil || got[0].Kind != publish.Refused || got[0].Field != "channel" || got[0].BigCommerceID != s.twin(ids[0]).ID {
				t.Errorf("pushed to no avail: %+v, %v, want it refused", got, err)
			}
			before := len(s.requests())
			pass(time.Hour)
			if n := len(s.requests()) - before; n != 0 {
				t.Errorf("%d requests while nobody has done anything about it", n)
			}
			s.save(item{id: string(ids[1]), sku: "SKU-" + string(ids[1]), name: "Changed", stock: "1"})
			pass(time.Minute)
			unoffered(t, s, ids...)
			s.sim.Heal()
			if got, err := s.Push(t.Context(), ids); err != nil || got[2].Kind != publish.Confirmed {
				t.Errorf("pushed: %+v, %v, want all confirmed", got, err)
			}
			offered(t, s, ids...)
		})
	})
	t.Run("Err refused, and a new process offers it", func(t *testing.T) {
		in(t, func(t *testing.T) {
			s := refuses(t, nil)
			ids := s.saveMany(2)
			if err := s.sim.Fail(simulator.Fault{Match: "PUT /inventory/*/*", Kind: simulator.Hang}); err != nil {
				t.Fatal(err)
			}
			s.run()
			pass(5 * time.Second)
			_ = s.stop() // before it has heard of the stock
			if got := len(recorded[*domain.PushConfirmed](s.log)); got != 0 {
				t.Fatalf("%d pushes confirmed, want none yet", got)
			}
			if pub := s.publication(ids[0]); pub.Link == nil || pub.Unoffered == nil {
				t.Fatalf("publication %+v, want it linked and not offered", pub)
			}
			s.sim.Heal()
			s.open()
			s.run()
			pass(2 * publish.DefaultQuiet)
			offered(t, s, ids...)
		})
	})
	for name, between := range map[string]func(s *shop, id domain.ProductID){
		"it is refused for its name, and mended": func(s *shop, id domain.ProductID) {
			s.save(item{id: string(id), sku: "SKU-" + string(id), name: strings.Repeat("x", 251)})
			s.idle()
			if s.publication(id).Refused == nil {
				s.t.Error("not refused for its name")
			}
			s.save(item{id: string(id), sku: "SKU-" + string(id), name: "Bowl"})
			s.idle()
		},
		"it gets another SKU, and stock that is refused at first": func(s *shop, id domain.ProductID) {
			if err := s.sim.Fail(simulator.Fault{Match: "PUT /inventory/*/*", Kind: simulator.Status, Status: 422, Count: 2}); err != nil {
				s.t.Fatal(err)
			}
			s.save(item{id: string(id), sku: "OTHER", name: "Bowl", stock: "7"})
			pass(10 * time.Minute)
			_, _ = s.Push(s.t.Context(), []domain.ProductID{id})
		},
		"it is linked again to the same twin": func(s *shop, id domain.ProductID) {
			if _, err := s.Link(s.t.Context(), id, s.twin(id).ID, false); err != nil {
				s.t.Fatal(err)
			}
			s.idle()
		},
		"it is deleted, and comes back": func(s *shop, id domain.ProductID) {
			s.delete(string(id))
			s.idle()
			s.save(item{id: string(id), sku: "SKU-" + string(id), name: "Bowl"})
			s.idle()
		},
	} {
		t.Run("Err refused, and "+name, func(t *testing.T) {
			in(t, func(t *testing.T) {
				s := refuses(t, nil)
				ids := s.saveMany(1)
				s.run()
				s.idle()
				unoffered(t, s, ids...)
				between(s, ids[0])
				unoffered(t, s, ids...)
				s.sim.Heal()
				if _, err := s.Push(t.Context(), ids); err != nil {
					t.Fatal(err)
				}
				offered(t, s, ids...)
			})
		})
	}
	t.Run("Err refused, and another product takes its twin over", func(t *testing.T) {
		in(t, func(t *testing.T) {
			s := refuses(t, nil)
			s.save(item{id: "old", sku: "A"})
			s.run()
			s.idle()
			s.delete("old")
			s.save(item{id: "new", sku: "A", name: "Bowl"})
			s.idle()
			unoffered(t, s, "new")
			s.sim.Heal()
			if _, err := s.Push(t.Context(), []domain.ProductID{"new"}); err != nil {
				t.Fatal(err)
			}
			offered(t, s, "new")
		})
	})
	t.Run("Err refused, and it is deleted in the POS", func(t *testing.T) {
		in(t, func(t *testing.T) {
			s := refuses(t, nil)
			s.save(item{id: "bowl", sku: "A"})
			s.run()
			s.idle()
			s.delete("bowl")
			s.idle()
			if got := s.state("bowl"); got != projections.Refusing {
				t.Errorf("it is %s, want it refused as before", got)
			}
			s.sim.Heal()
			if _, err := s.Push(t.Context(), []domain.ProductID{"bowl"}); err != nil || s.state("bowl") != projections.Synced {
				t.Errorf("pushed: %v, and it is %s", err, s.state("bowl"))
			}
		})
	})
	t.Run("Err no answer when it is offered again", func(t *testing.T) {
		in(t, func(t *testing.T) {
			s := refuses(t, nil)
			ids := s.saveMany(2)
			s.run()
			s.idle()
			s.sim.Heal()
			if err := s.sim.Fail(simulator.Fault{Match: assignments.Match, Kind: simulator.CloseAfterCommit}); err != nil {
				t.Fatal(err)
			}
			s.save(item{id: string(ids[0]), sku: "SKU-" + string(ids[0]), name: "Changed"})
			pass(10 * time.Minute)
			unoffered(t, s, ids...) // as far as is known
			if got := s.Status(); got.Waiting != 0 {
				t.Errorf("%d products wait, %q", got.Waiting, got.Problem)
			}
			s.sim.Heal()
			if _, err := s.Push(t.Context(), ids); err != nil {
				t.Fatal(err)
			}
			offered(t, s, ids...)
		})
	})
	t.Run("Err one of several is refused", func(t *testing.T) {
		in(t, func(t *testing.T) {
			s := refuses(t, nil)
			s.sim.Heal()
			ids := s.saveMany(5)
			if err := s.sim.Fail(simulator.Fault{Match: assignments.Match, Kind: simulator.Status, Status: 422, Count: 5}); err != nil {
				t.Fatal(err)
			}
			s.run()
			s.idle()
			n := 0
			for _, id := range ids {
				if s.publication(id).Unoffered != nil {
					n++
					unoffered(t, s, id)
					continue
				}
				offered(t, s, id)
			}
			if n == 0 || n == len(ids) {
				t.Errorf("%d of %d are not offered, want some", n, len(ids))
			}
		})
	})
	t.Run("Err refused because it is gone", func(t *testing.T) {
		in(t, func(t *testing.T) {
			s := refuses(t, func(c *publish.Config) { c.OnMissing = publish.MissingRecreates })
			ids := s.saveMany(1)
			s.sim.Heal()
			if err := s.sim.Fail(simulator.Fault{Match: assignments.Match, Kind: simulator.ProductDeleted, Count: 1}); err != nil {
				t.Fatal(err)
			}
			s.run()
			pass(10 * time.Minute)
			if got := s.state(ids[0]); got != projections.Synced {
				t.Errorf("it is %s: %+v", got, s.publication(ids[0]).Refused)
			}
			offered(t, s, ids...)
		})
	})
}
