package publish_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/bigcommerce/simulator"
	"github.com/tillstream/tillstream/handlers/publish"
)

func TestPublisher_Create(t *testing.T) {
	t.Parallel()

	t.Run("OK creates with everything", func(t *testing.T) {
		in(t, func(t *testing.T) {
			s := newShop(t, simulator.Config{}, func(c *publish.Config) { c.Categories = []int64{7} })
			s.save(
				item{id: "bowl", sku: "CB-1", description: "<p>x</p>", brand: "Northwood", price: "3.5", stock: "4",
					images: []string{"https://example.com/a.jpg", "https://example.com/b.jpg", "https://example.com/" + strings.Repeat("x", 255)}},
				tee("s", "T-S", "S"), tee("m", "T-M", "M"), item{id: "other", sku: "O"})
			s.run()
			got, err := s.Create(t.Context(), []domain.ProductID{"bowl", "tee"})
			if err != nil || got[0].Kind != publish.Confirmed || got[1].Kind != publish.Confirmed {
				t.Fatalf("outcomes %+v, %v, want both confirmed", got, err)
			}
			s.idle()
			s.agree("bowl", "tee")
			if n := len(s.sim.Products()); n != 2 {
				t.Errorf("%d products in BigCommerce, want 2", n)
			}
			bowl := s.twin("bowl")
			if !s.sim.Assigned(bowl.ID, 1) || len(bowl.Images) != 2 || !slices.Equal(bowl.Categories, []int64{7}) {
				t.Errorf("assigned %v, %d images, categories %v; want it in the channel with 2 images in [7]", s.sim.Assigned(bowl.ID, 1), len(bowl.Images), bowl.Categories)
			}
			// 1 look, 2 creations, 1 assignment, 1 stock, 2 images: nothing is pushed twice.
			if n := len(s.requests()); n != 7 {
				t.Errorf("%d requests, want 7: %v", n, s.requests())
			}
			sent := recorded[*domain.ImageSent](s.log)
			if len(sent) != 3 || sent[0].Error+sent[1].Error != "" || !strings.Contains(sent[2].Error, "275 bytes") || sent[1].URL != "https://example.com/b.jpg" {
				t.Errorf("recorded of images: %+v, want two taken and one that is too long", sent)
			}
			s.save(item{id: "bowl", sku: "CB-1", images: []string{"https://example.com/new.jpg"}})
			s.idle()
			if n := len(s.twin("bowl").Images); n != 2 {
				t.Errorf("%d images after a later change, want 2 as before", n)
			}
		})
	})

	t.Run("OK links a twin that is there", func(t *testing.T) {
		in(t, func(t *testing.T) {
			s := newShop(t, simulator.Config{}, nil)
			ids := s.seed("cb-1", "Tee: T-S=S")
			s.save(item{id: "bowl", sku: "CB-1", stock: "4"}, tee("s", "T-S", "S"), tee("m", "T-M", "M"))
			s.run()
			if _, err := s.Create(t.Context(), []domain.ProductID{"bowl", "tee"}); err != nil {
				t.Fatal(err)
			}
			s.agree("bowl", "tee")
			if got := s.twin("bowl").ID; got != ids[0] || len(s.sim.Products()) != 2 {
				t.Errorf("linked to %d among %d products, want %d among 2", got, len(s.sim.Products()), ids[0])
			}
		})
	})

	t.Run("Err a name that is taken", func(t *testing.T) {
		in(t, func(t *testing.T) {
			s := newShop(t, simulator.Config{}, nil)
			s.seed("Product bowl")
			s.save(item{id: "bowl", sku: "CB-1"}, item{id: "cup", sku: "CUP"})
			s.run()
			got, err := s.Create(t.Context(), []domain.ProductID{"bowl", "cup"})
			if err != nil || got[0].Kind != publish.Refused || got[0].Status != 409 || got[0].Field != "name" || got[1].Kind != publish.Confirmed {
				t.Fatalf("outcomes %+v, %v, want the bowl refused for its name", got, err)
			}
			s.save(item{id: "bowl", sku: "CB-1", name: "Bowl"})
			if got, err = s.Create(t.Context(), []domain.ProductID{"bowl"}); err != nil || got[0].Kind != publish.Confirmed {
				t.Fatalf("outcomes %+v, %v, want the bowl created under its new name", got, err)
			}
			s.agree("bowl", "cup")
		})
	})

	t.Run("Err an ambiguous twin", func(t *testing.T) {
		in(t, func(t *testing.T) {
			s := newShop(t, simulator.Config{}, nil)
			s.seed("A: X-1=S", "B: X-2=S")
			s.save(item{id: "x1", product: "spread", sku: "X-1", options: size("S")}, item{id: "x2", product: "spread", sku: "X-2", options: size("M")})
			s.run()
			got, err := s.Create(t.Context(), []domain.ProductID{"spread"})
			if err != nil || got[0].Kind != publish.Refused || !strings.Contains(got[0].Reason, "spread over") {
				t.Errorf("outcomes %+v, %v, want it refused as ambiguous", got, err)
			}
		})
	})
}

// Whatever goes wrong around a creation, there is one product in the end.
func TestPublisher_Create_neverTwo(t *testing.T) {
	t.Parallel()
	for _, kind := range []simulator.Kind{simulator.CloseBeforeCommit, simulator.CloseAfterCommit, simulator.Truncate, simulator.Hang} {
		t.Run("OK "+string(kind), func(t *testing.T) {
			in(t, func(t *testing.T) {
				s := newShop(t, simulator.Config{}, func(c *publish.Config) { c.CreateAll = true })
				s.save(item{id: "bowl", sku: "CB-1", stock: "4"}, tee("s", "T-S", "S"), tee("m", "T-M", "M"))
				if err := s.sim.Fail(simulator.Fault{Match: "POST /catalog/products", Kind: kind, Count: 2}); err != nil {
					t.Fatal(err)
				}
				s.run()
				pass(10 * time.Minute)
				s.idle()
				s.agree("bowl", "tee")
				if n := len(s.sim.Products()); n != 2 {
					t.Errorf("%d products in BigCommerce, want 2", n)
				}
			})
		})
	}

	for _, change := range []bool{false, true} {
		t.Run(fmt.Sprintf("OK a crash before the link is recorded, changed meanwhile %v", change), func(t *testing.T) {
			in(t, func(t *testing.T) {
				s := newShop(t, simulator.Config{}, func(c *publish.Config) { c.CreateAll = true })
				s.save(item{id: "bowl", sku: "CB-1", stock: "4"}, tee("s", "T-S", "S"), tee("m", "T-M", "M"))
				s.log.stop = func(events []domain.Envelope) bool { return events[0].Type == domain.TypeProductLinked }
				s.run()
				pass(time.Second)
				_ = s.stop()
				s.log.stop = nil
				if got := len(recorded[*domain.ProductCreating](s.log)); got != 2 {
					t.Fatalf("%d creations recorded, want 2", got)
				}
				if change {
					s.save(item{id: "bowl", sku: "NEW", name: "New name", stock: "5"})
				}
				s.open()
				s.run()
				pass(10 * time.Minute)
				s.agree("bowl", "tee")
				if n := len(s.sim.Products()); n != 2 {
					t.Errorf("%d products in BigCommerce, want 2", n)
				}
			})
		})
	}

	t.Run("OK a crash before the request", func(t *testing.T) {
		in(t, func(t *testing.T) {
			s := newShop(t, simulator.Config{}, func(c *publish.Config) { c.CreateAll = true })
			s.save(item{id: "bowl", sku: "CB-1", stock: "4"})
			if err := s.sim.Fail(simulator.Fault{Match: "POST /catalog/products", Kind: simulator.Hang}); err != nil {
				t.Fatal(err)
			}
			s.run()
			pass(time.Second)
			_ = s.stop()
			s.sim.Heal()
			s.open()
			s.run()
			pass(publish.DefaultQuiet / 2)
			if n := s.sent("POST /catalog/products"); n != 1 {
				t.Errorf("%d creations while the first may still take effect, want it alone", n)
			}
			pass(publish.DefaultQuiet)
			s.agree("bowl")
		})
	})
}

// How long a creation may still come true counts from when it had its turn, not from when
// all of its round were recorded.
func TestPublisher_Create_inDoubtLater(t *testing.T) {
	in(t, func(t *testing.T) {
		s := newShop(t, simulator.Config{Quota: 450}, func(c *publish.Config) { c.CreateAll, c.Concurrency = true, 1 })
		other := s.seed("NEW")[0]
		ids := s.saveMany(21)
		for _, f := range []simulator.Fault{{Kind: simulator.Slow, Delay: 2 * time.Second, Count: 20}, {Kind: simulator.CommitLater, Delay: 40 * time.Second, Count: 1}} {
			f.Match = "POST /catalog/products"
			if err := s.sim.Fail(f); err != nil {
				t.Fatal(err)
			}
		}
		s.run()
		pass(41 * time.Second)
		last := string(ids[20])
		s.save(item{id: last, sku: "NEW", stock: "1"})
		pass(30 * time.Second)
		if link := s.publication(ids[20]).Link; link != nil {
			t.Errorf("linked to %d while the creation may still come true", link.BigCommerceID)
		}
		pass(2 * publish.DefaultQuiet)
		if link := s.publication(ids[20]).Link; link == nil || link.BigCommerceID == other || len(s.sim.Products()) != 22 {
			t.Errorf("linked to %+v of %d products, want what was created", link, len(s.sim.Products()))
		}
	})
}

// losesCreation has a running publisher create a product, of which nothing is heard, and
// goes on with a new process.
func (s *shop) losesCreation(id domain.ProductID, by simulator.Kind) {
	s.t.Helper()
	if err := s.sim.Fail(simulator.Fault{Match: "POST /catalog/products", Kind: by}); err != nil {
		s.t.Fatal(err)
	}
	waiting, giveUp := context.WithTimeout(s.t.Context(), time.Second)
	defer giveUp()
	if _, err := s.Create(waiting, []domain.ProductID{id}); !errors.Is(err, context.DeadlineExceeded) {
		s.t.Fatalf("created: %v, want no answer", err)
	}
	_ = s.stop()
	s.sim.Heal()
	s.open()
	s.run()
}

// A product whose creation has not been heard of is not linked by anybody else: what comes
// true would be a second twin, and what came true would not be offered.
func TestPublisher_Link_unfinished(t *testing.T) {
	in(t, func(t *testing.T) {
		s := newShop(t, simulator.Config{}, nil)
		other := s.seed("NEW")[0]
		s.save(item{id: "bowl", sku: "CB-1", stock: "4"})
		s.run()
		s.losesCreation("bowl", simulator.Hang)
		// That we refuse it meanwhile is no answer of BigCommerce.
		s.save(item{id: "bowl", sku: "CB-1", name: strings.Repeat("x", 251)})
		if got, err := s.Create(t.Context(), []domain.ProductID{"bowl"}); err != nil || got[0].Kind != publish.Refused {
			t.Fatalf("created: %+v, %v, want it refused", got, err)
		}
		s.save(item{id: "bowl", sku: "NEW", stock: "4"})
		const says = "which may still come true until 00:01:00: try again then, or run `tillstream publish bowl`"
		if r, err := s.LinkAuto(t.Context(), false); err != nil || len(r.Linked) != 0 || len(r.Ambiguous) != 1 ||
			!strings.Contains(r.Ambiguous[0].Reason, says) || !slices.Equal(r.Ambiguous[0].Twins, []int64{other}) {
			t.Errorf("LinkAuto: %+v, %v, want it told what to do", r, err)
		}
		if _, err := s.Link(t.Context(), "bowl", other, false); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("Link: %v, want it told what to do", err)
		}
		pass(2 * publish.DefaultQuiet)
		if _, err := s.Link(t.Context(), "bowl", other, false); err != nil {
			t.Errorf("Link when it can come true no more: %v", err)
		}
		s.idle()
		s.agree("bowl")
		// One that BigCommerce has refused to create is known not to be there.
		if err := s.sim.Fail(simulator.Fault{Match: "POST /catalog/products", Kind: simulator.Status, Status: 422}); err != nil {
			t.Fatal(err)
		}
		s.save(item{id: "cup", sku: "CB-2"})
		if got, err := s.Create(t.Context(), []domain.ProductID{"cup"}); err != nil || got[0].Kind != publish.Refused {
			t.Fatalf("created: %+v, %v, want it refused", got, err)
		}
		if _, err := s.Link(t.Context(), "cup", s.seed("Another")[0], false); err != nil {
			t.Errorf("linked after a refusal: %v", err)
		}
	})
}

// What was created is for who it was created for: a link of that one would leave out what
// belongs to a creation, and another that has got its SKU would take its twin.
func TestPublisher_Link_created(t *testing.T) {
	in(t, func(t *testing.T) {
		s := newShop(t, simulator.Config{}, nil)
		s.save(item{id: "bowl", sku: "CB-1", stock: "4"})
		s.run()
		s.losesCreation("bowl", simulator.CloseAfterCommit)
		pass(2 * publish.DefaultQuiet)
		twin := s.sim.Products()[0].ID
		told := func(id domain.ProductID, says string) {
			t.Helper()
			if r, err := s.LinkAuto(t.Context(), false); err != nil || len(r.Linked) != 0 || len(r.Ambiguous) != 1 ||
				r.Ambiguous[0].Product != id || !strings.HasSuffix(r.Ambiguous[0].Reason, says) {
				t.Errorf("LinkAuto: %+v, %v, want %s told: %s", r, err, id, says)
			}
			if _, err := s.Link(t.Context(), id, twin, false); err == nil || !strings.HasSuffix(err.Error(), says) {
				t.Errorf("Link: %v, want %s told: %s", err, id, says)
			}
		}
		told("bowl", fmt.Sprintf("BigCommerce product %d has what product bowl was created with: run `tillstream publish bowl`", twin))
		s.delete("bowl")
		s.save(item{id: "cup", sku: "CB-1"})
		told("cup", "which has not heard of it: run `tillstream publish bowl` first")
		s.save(item{id: "bowl", sku: "CB-2"})
		if _, err := s.Create(t.Context(), []domain.ProductID{"bowl"}); err != nil {
			t.Fatal(err)
		}
		s.agree("bowl")
		if got := s.twin("bowl").ID; got != twin || !s.sim.Assigned(twin, 1) {
			t.Errorf("its twin is %d, offered %v, want %d offered", got, s.sim.Assigned(twin, 1), twin)
		}
	})
}

// So it is when it was created in the place of a twin that is gone.
func TestPublisher_Link_createdAnew(t *testing.T) {
	in(t, func(t *testing.T) {
		s := newShop(t, simulator.Config{}, nil)
		s.save(item{id: "bowl", sku: "CB-1", stock: "4"})
		s.link("bowl")
		s.run()
		s.idle()
		if err := s.sim.MerchantDelete(s.twin("bowl").ID); err != nil {
			t.Fatal(err)
		}
		pass(time.Minute)
		if _, err := s.Push(t.Context(), []domain.ProductID{"bowl"}); err != nil {
			t.Fatal(err)
		}
		pass(time.Minute)
		s.losesCreation("bowl", simulator.CloseAfterCommit)
		pass(2 * publish.DefaultQuiet)
		if r, err := s.LinkAuto(t.Context(), false); err != nil || len(r.Linked) != 0 || len(r.Ambiguous) != 1 || !strings.HasSuffix(r.Ambiguous[0].Reason, "run `tillstream publish bowl`") {
			t.Errorf("LinkAuto: %+v, %v, want it told what to do", r, err)
		}
		if _, err := s.Create(t.Context(), []domain.ProductID{"bowl"}); err != nil {
			t.Fatal(err)
		}
		s.agree("bowl")
		if twin := s.twin("bowl"); len(s.sim.Products()) != 1 || !s.sim.Assigned(twin.ID, 1) {
			t.Errorf("%d products in BigCommerce, offered %v, want one offered", len(s.sim.Products()), s.sim.Assigned(twin.ID, 1))
		}
	})
}

// So it is also while it is not on record that the twin is gone: neither is the product linked
// to another one, nor another product to what is created for it.
func TestPublisher_Link_createdAnewUnrecorded(t *testing.T) {
	in(t, func(t *testing.T) {
		s := newShop(t, simulator.Config{}, missing(publish.MissingRecreates))
		s.save(item{id: "bowl", sku: "CB-1", stock: "4"})
		s.link("bowl")
		s.run()
		s.idle()
		gone := s.twin("bowl").ID
		if err := s.sim.MerchantDelete(gone); err != nil {
			t.Fatal(err)
		}
		if err := s.sim.Fail(simulator.Fault{Match: "POST /catalog/products", Kind: simulator.Hang}); err != nil {
			t.Fatal(err)
		}
		s.save(item{id: "bowl", sku: "CB-1", stock: "5"})
		pass(5 * time.Second)
		if pub := s.publication("bowl"); pub.Creating == nil || pub.Broken() || pub.Link.BigCommerceID != gone {
			t.Fatalf("publication %+v, want it being created anew", pub)
		}
		made := s.seed("CB-1")[0] // as it may come true
		other := s.seed("OTHER")[0]
		if _, err := s.Link(t.Context(), "bowl", other, false); err == nil || !strings.Contains(err.Error(), "BigCommerce was asked to create product bowl, which may still come true") {
			t.Errorf("Link to another one: %v, want it told what to do", err)
		}
		s.save(item{id: "cup", sku: "CB-9"})
		if _, err := s.Link(t.Context(), "cup", made, false); err == nil || !strings.Contains(err.Error(), "may have been created for product bowl, which has not heard of it") {
			t.Errorf("Link of what was created: %v, want it told what to do", err)
		}
		s.sim.Heal()
		pass(2 * publish.DefaultQuiet)
		s.idle()
		s.agree("bowl")
		if got := s.twin("bowl").ID; got != made || len(s.sim.Products()) != 2 {
			t.Errorf("its twin is %d among %d products, want %d and the other one", got, len(s.sim.Products()), made)
		}
		if _, err := s.Link(t.Context(), "bowl", other, false); err != nil {
			t.Errorf("Link when it is heard of: %v", err)
		}
	})
}

// What is yet to be changed of a twin keeps nobody from linking another one.
func TestPublisher_Link_halfway(t *testing.T) {
	in(t, func(t *testing.T) {
		s := newShop(t, simulator.Config{}, nil)
		s.save(tee("s", "T-S", "S"))
		s.link("tee")
		s.run()
		s.idle()
		if err := s.sim.Fail(simulator.Fault{Match: "POST /catalog/products/*/variants", Kind: simulator.Hang}); err != nil {
			t.Fatal(err)
		}
		s.save(tee("m", "T-M", "M"))
		pass(time.Second)
		if pub := s.publication("tee"); pub.Creating == nil {
			t.Fatalf("publication %+v, want a variant announced", pub)
		}
		another := s.seed("Tee: X-1=S")[0]
		if _, err := s.Link(t.Context(), "tee", another, false); err != nil {
			t.Errorf("Link: %v", err)
		}
	})
}

// Who is linked by hand while its twin is looked for is not created.
func TestPublisher_Create_linkedMeanwhile(t *testing.T) {
	in(t, func(t *testing.T) {
		s := newShop(t, simulator.Config{Latency: 2 * time.Second}, func(c *publish.Config) { c.CreateAll = true })
		other := s.seed("Mine")[0]
		s.save(item{id: "bowl", sku: "CB-1", stock: "4"})
		linked := make(chan error)
		go func() {
			_, err := s.Link(t.Context(), "bowl", other, false)
			linked <- err
		}()
		pass(time.Second)
		s.run() // so that its search is answered a second later than what the link asks for
		if err := <-linked; err != nil {
			t.Fatal(err)
		}
		pass(time.Minute)
		s.agree("bowl")
		if got := len(recorded[*domain.ProductCreating](s.log)); got != 0 || len(s.sim.Products()) != 1 {
			t.Errorf("%d creations recorded, %d products in BigCommerce, want none and the one", got, len(s.sim.Products()))
		}
	})
}

// What is on record of a twin that is gone stands in the way of no other twin.
func TestPublisher_LinkAuto_leftovers(t *testing.T) {
	in(t, func(t *testing.T) {
		s := newShop(t, simulator.Config{}, nil)
		s.save(tee("s", "T-S", "S"), tee("m", "T-M", "M"))
		s.run()
		if _, err := s.Create(t.Context(), []domain.ProductID{"tee"}); err != nil {
			t.Fatal(err)
		}
		s.delete("s")
		s.delete("m")
		s.idle()
		if err := s.sim.Fail(simulator.Fault{Match: "DELETE /catalog/products/*/variants/*", Kind: simulator.ProductDeleted, Count: 1}); err != nil {
			t.Fatal(err)
		}
		s.save(item{id: "n", product: "new", name: "New", sku: "T-S", options: size("S"), stock: "3"})
		if r, err := s.LinkAuto(t.Context(), false); err != nil || len(r.Linked) != 1 {
			t.Fatalf("LinkAuto: %+v, %v", r, err)
		}
		pass(2 * time.Minute)
		if pub := s.publication("new"); !pub.Broken() || pub.Creating == nil {
			t.Fatalf("publication %+v, want a broken link to what the other one left it", pub)
		}
		another := s.seed("Tee: T-S=S")[0]
		pass(publish.DefaultQuiet)
		if r, err := s.LinkAuto(t.Context(), false); err != nil || len(r.Linked) != 1 || r.Linked[0].BigCommerceID != another {
			t.Errorf("LinkAuto: %+v, %v, want it linked to %d", r, err, another)
		}
		s.idle()
		s.agree("new")
	})
}

// While a creation without an answer may still come true, no other product is taken for the
// twin, though it has a SKU that the product has got meanwhile: what comes true is the twin.
func TestPublisher_Create_inDoubt(t *testing.T) {
	in(t, func(t *testing.T) {
		s := newShop(t, simulator.Config{}, func(c *publish.Config) { c.CreateAll = true })
		other := s.seed("NEW")[0]
		s.save(item{id: "bowl", sku: "CB-1", stock: "4"})
		if err := s.sim.Fail(simulator.Fault{Match: "POST /catalog/products", Kind: simulator.CommitLater, Delay: 40 * time.Second}); err != nil {
			t.Fatal(err)
		}
		s.run()
		pass(time.Second)
		s.save(item{id: "bowl", sku: "NEW", stock: "4"})
		pass(publish.DefaultQuiet / 2)
		if link := s.publication("bowl").Link; link != nil {
			t.Errorf("linked to %d while the creation may still come true", link.BigCommerceID)
		}
		pass(2 * publish.DefaultQuiet)
		if pub := s.publication("bowl"); pub.Link == nil || pub.Link.BigCommerceID == other || pub.Refused == nil {
			t.Errorf("linked to %+v, refused %+v, want what was created, and the SKU refused, which %d has", pub.Link, pub.Refused, other)
		}
		if err := s.sim.MerchantDelete(other); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Push(t.Context(), []domain.ProductID{"bowl"}); err != nil {
			t.Fatal(err)
		}
		s.agree("bowl")
		if n := len(s.sim.Products()); n != 1 {
			t.Errorf("%d products in BigCommerce, want 1", n)
		}
	})
}

// A product that was created and has not heard of it is heard first, before another one that
// has got its item takes the twin: it knows that the other variants there are ours.
func TestPublisher_Create_lost(t *testing.T) {
	in(t, func(t *testing.T) {
		s := newShop(t, simulator.Config{}, func(c *publish.Config) { c.CreateAll = true })
		s.save(item{id: "i1", product: "tee", sku: "B", options: size("S")}, item{id: "i2", product: "tee", sku: "C", options: size("M")})
		if err := s.sim.Fail(simulator.Fault{Match: "PUT /catalog/products/channel-assignments", Kind: simulator.Status, Status: 503, Count: 50}); err != nil {
			t.Fatal(err)
		}
		s.run()
		pass(time.Second)
		s.save(item{id: "i1", product: "cap", sku: "B", options: []domain.Option{{Name: "Colour", Value: "red"}}})
		s.delete("i2")
		pass(3 * time.Minute)
		s.sim.Heal()
		pass(20 * time.Minute)
		s.agree("cap")
		if all := s.sim.Products(); len(all) != 1 || len(all[0].Variants) != 1 {
			t.Errorf("in BigCommerce are %+v, want one product with one variant", all)
		}
	})
}

// What changes between the record of its creation and its turn was not sent, and does
// not wait as if it had been.
func TestPublisher_Create_changedMeanwhile(t *testing.T) {
	in(t, func(t *testing.T) {
		s := newShop(t, simulator.Config{Latency: 2 * time.Second}, func(c *publish.Config) { c.CreateAll = true })
		ids := s.saveMany(8)
		s.run()
		pass(3 * time.Second) // the first creations are in flight, and the last one waits
		last := string(ids[7])
		s.save(item{id: last, sku: "SKU-" + last, name: "Renamed", stock: "1"})
		pass(publish.DefaultQuiet / 2)
		s.agree(ids...)
		if got := recorded[*domain.ProductCreating](s.log); len(got) != len(ids)+1 {
			t.Errorf("%d creations recorded, want one of each and another one of the renamed", len(got))
		}
	})
}

func TestPublisher_Run_createAll(t *testing.T) {
	in(t, func(t *testing.T) {
		s := newShop(t, simulator.Config{Quota: 450}, func(c *publish.Config) { c.CreateAll = true })
		ids := s.saveMany(250)
		s.save(item{id: "gone", sku: "GONE"})
		s.delete("gone")
		s.happen(&domain.ItemSold{Item: "unheard", Outlet: "Quayside", Quantity: domain.MustQuantity("1"), Sale: "s", Line: "1"})
		s.run()
		pass(time.Minute)
		s.idle()
		s.agree(ids...)
		if n := len(s.sim.Products()); n != 250 {
			t.Errorf("%d products in BigCommerce, want 250", n)
		}
		s.save(item{id: "one", sku: "ONE", stock: "1"})
		s.idle()
		s.agree("one")
	})
}
