package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/bigcommerce/simulator"
	"github.com/tillstream/tillstream/handlers/console"
	"github.com/tillstream/tillstream/projections"
)

// outage is something that is wrong with BigCommerce for ten minutes.
type outage struct {
	name  string
	begin func(*simulator.Store) error
	end   func(*simulator.Store)
	says  []string // parts of the sentence that the status has meanwhile
	most  int      // requests in the ten minutes

	// What waits meanwhile has no twin yet, and what was lost is found without an end
	// of the fault.
	create, mends bool
}

const (
	outageProducts = 12 // more than one request carries

	// probes is how many tries ten minutes leave room for, one after the other: every
	// 30 s, as a spent quota and a refused token are tried, or at first a second apart
	// and then, ever more slowly, a minute; and a few that are in flight together, or
	// find that the store answers to something else.
	probes = 30
)

func outages() []outage {
	fail := func(f simulator.Fault) func(*simulator.Store) error {
		return func(s *simulator.Store) error { return s.Fail(f) }
	}
	return []outage{
		{name: "down", begin: func(s *simulator.Store) error { s.Down(true); return nil }, end: func(s *simulator.Store) { s.Down(false) },
			says: []string{"BigCommerce answers 503"}, most: probes},
		{name: "unreachable", begin: fail(simulator.Fault{Kind: simulator.CloseBeforeCommit}),
			says: []string{"BigCommerce cannot be reached (", "EOF"}, most: probes},
		{name: "silent", begin: fail(simulator.Fault{Kind: simulator.Hang}),
			says: []string{"BigCommerce cannot be reached (", "deadline exceeded"}, most: probes},
		{name: "429 with headers", begin: fail(simulator.Fault{Kind: simulator.Status, Status: 429, Spent: true}),
			says: []string{"BigCommerce answers 429 (You have exceeded the request limit)"}, most: probes},
		{name: "429 without headers", begin: fail(simulator.Fault{Kind: simulator.Status, Status: 429}),
			says: []string{"BigCommerce answers 429 (Too many requests)"}, most: probes},
		{name: "500", begin: fail(simulator.Fault{Kind: simulator.Status, Status: 500}),
			says: []string{"BigCommerce answers 500 (Internal Server Error)"}, most: probes},
		{name: "HTML", begin: fail(simulator.Fault{Kind: simulator.HTML, Status: 502}),
			says: []string{"BigCommerce answers 502"}, most: probes},
		{name: "token revoked", begin: func(s *simulator.Store) error { s.RevokeToken(); return nil }, end: (*simulator.Store).RestoreToken,
			says: []string{"BigCommerce refuses the token (401;", "is not revoked"}, most: probes},
		{name: "reply to updates lost", begin: fail(simulator.Fault{Match: "PUT /catalog/products", Kind: simulator.CloseAfterCommit}),
			// Stock, which is answered, goes ahead once for each count.
			says: []string{"BigCommerce cannot be reached (", "EOF"}, most: probes + outageProducts},
		{name: "reply to stock lost", begin: fail(simulator.Fault{Match: "PUT /inventory/adjustments/absolute", Kind: simulator.CloseAfterCommit}),
			says: []string{"BigCommerce cannot be reached (", "EOF"}, most: 2 * probes},
		{name: "reply to creation lost", begin: fail(simulator.Fault{Match: "POST /catalog/products", Kind: simulator.CloseAfterCommit}),
			most: 60, create: true, mends: true},
	}
}

// Whatever is wrong with BigCommerce: what happens meanwhile is accepted, the
// status says what is wrong, few requests are made, and afterwards every product
// is there once, as the POS has it.
func TestOutage(t *testing.T) {
	t.Parallel()
	for _, o := range outages() {
		t.Run(o.name, func(t *testing.T) {
			t.Parallel()
			in := install(t, simulator.Config{Quota: 150}, func(c *Config) { c.Stores[0].Publish = "all" })
			in.stop()
			in.pace.timeout = 100 * time.Millisecond // in real time, for what hangs
			in.start()
			if !o.create {
				in.happen(revision(1)...)
				in.settle()
			}
			before := in.newest()
			if err := o.begin(in.shop); err != nil {
				t.Fatal(err)
			}
			in.happen(revision(2)...)
			if o.mends {
				in.settle()
			} else {
				in.pass(10 * time.Minute)
			}

			s := in.status().Stores[0]
			if !o.mends {
				// Updates may have been taken at this moment, and the stock after them not
				// been refused yet.
				in.polling("the status says what is wrong", func() bool {
					s = in.status().Stores[0]
					return strings.Contains(s.Problem, ", next try in ")
				})
				o.says = append(o.says, ", next try in ", " wait")
			}
			for _, want := range o.says {
				if !strings.Contains(s.Problem, want) {
					t.Errorf("the status says %q, want it to say %q", s.Problem, want)
				}
			}
			if p := s.Publishing; p.Refused != 0 || o.mends != (p.Pending+p.Unlinked == 0) {
				t.Errorf("publishing %+v, want none refused, and some that wait: %v", p, !o.mends)
			}
			if got := len(in.requests(before)); got < 5 || got > o.most {
				t.Errorf("%d requests, want 5 to %d", got, o.most)
			}
			in.happen(revision(3)...)

			in.shop.Heal()
			if o.end != nil {
				o.end(in.shop)
			}
			in.await("everything confirmed", func() bool {
				p := in.status().Stores[0].Publishing
				return p.Confirmed == outageProducts && p.Pending == 0
			})
			checkShop(t, in.shop, foldFromZero(t, domain.StockLevels, in.log()))
			checkOrder(t, in.shop, outageProducts)
			if got := in.status().Stores[0].Problem; got != "" {
				t.Errorf("the status still says %q", got)
			}
		})
	}
}

// revision saves every product of an outage, and counts its stock.
func revision(n int) []domain.Event {
	var events []domain.Event
	for i := range outageProducts {
		id := fmt.Sprintf("p-%02d", i)
		events = append(events, describedAs(id, id, "", n),
			&domain.StockCounted{Item: domain.ItemID(id), Outlet: "Quayside", OnHand: domain.MustQuantity(fmt.Sprint(10*n + i)), Count: fmt.Sprint(n)})
	}
	return events
}

// A slow store is no broken one: nothing is sent twice, nothing is refused.
func TestOutage_slow(t *testing.T) {
	t.Parallel()
	in := install(t, simulator.Config{Quota: 150}, func(c *Config) { c.Stores[0].Publish = "all" })
	in.happen(revision(1)...)
	in.settle()
	before := in.newest()
	if err := in.shop.Fail(simulator.Fault{Kind: simulator.Slow, Delay: 15 * time.Second}); err != nil {
		t.Fatal(err)
	}
	begin := in.clock.Now()
	// One event for each product, and no count. Who has two events may be pushed between
	// them, and whole again behind the second; and stock that went ahead of a push a minute
	// ago goes with it once more. Both are as they should be.
	var events []domain.Event
	for pair := range slices.Chunk(revision(2), 2) {
		events = append(events, pair[0])
	}
	in.happen(events...)
	last := domain.Position(len(in.log()))
	in.polling("stored", func() bool { return in.app.engine.Load().catalog.Checkpoint() >= last }) // before any time passes
	in.settle()
	checkShop(t, in.shop, foldFromZero(t, domain.StockLevels, in.log()))
	if took := in.clock.Now().Sub(begin); took < 15*time.Second {
		t.Errorf("settled after %s: the store was not slow", took)
	}
	// The first request leaves before all events are there, and all are before it is
	// answered. So there may be two rounds: of ten products and of two, or of fewer and of
	// more, in no more than three requests for products and as many for their stock.
	sent := in.requests(before)
	if got := len(sent); got > 6 {
		t.Errorf("%d requests, want at most 6:\n%s", got, listed(sent))
	}
	checkOnce(t, sent)
	if p := in.status().Stores[0].Publishing; p.Confirmed != outageProducts || p.Throttled != 0 {
		t.Errorf("publishing %+v, want all confirmed", p)
	}
}

// checkOnce requires that no request carries what one before it has carried already,
// for any product.
func checkOnce(t *testing.T, sent []simulator.Request) {
	t.Helper()
	first := map[string]int64{}
	for _, r := range sent {
		of := r.Body
		if stock := (struct{ Items json.RawMessage }{}); json.Unmarshal(r.Body, &stock) == nil {
			of = stock.Items
		}
		var parts []json.RawMessage
		if err := json.Unmarshal(of, &parts); err != nil {
			t.Errorf("request %d, %s %s: %v in %s", r.Seq, r.Method, r.Path, err, r.Body)
		}
		for _, part := range parts {
			what := r.Method + " " + r.Path + " " + string(part)
			if before, again := first[what]; again {
				t.Errorf("request %d sends what request %d has sent: %s", r.Seq, before, what)
			}
			first[what] = r.Seq
		}
	}
}

// listed tells of requests, a line for each.
func listed(requests []simulator.Request) string {
	var b strings.Builder
	for _, r := range requests {
		fmt.Fprintf(&b, "%d, %s, %s %s %s\n", r.Seq, r.At.Format(time.TimeOnly), r.Method, r.Path, r.Body)
	}
	return b.String()
}

// What BigCommerce says it has saved in part only is sent again until it is whole,
// and refused with what BigCommerce said when that does not help.
func TestOutage_partial(t *testing.T) {
	t.Parallel()
	t.Run("OK for a while", func(t *testing.T) {
		t.Parallel()
		in := install(t, simulator.Config{}, func(c *Config) { c.Stores[0].Publish = "all" })
		in.happen(revision(1)...)
		in.settle()
		if err := in.shop.Fail(simulator.Fault{Match: "PUT /catalog/products", Kind: simulator.Partial, Count: 3}); err != nil {
			t.Fatal(err)
		}
		in.happen(revision(2)...)
		in.settle()
		checkShop(t, in.shop, foldFromZero(t, domain.StockLevels, in.log()))
		if p := in.status().Stores[0].Publishing; p.Confirmed != outageProducts {
			t.Errorf("publishing %+v, want all confirmed", p)
		}
	})
	t.Run("Err for ever", func(t *testing.T) {
		t.Parallel()
		in := install(t, simulator.Config{}, func(c *Config) { c.Stores[0].Publish = "all" })
		in.happen(revision(1)...)
		in.settle()
		before := in.newest()
		if err := in.shop.Fail(simulator.Fault{Match: "PUT /catalog/products", Kind: simulator.Partial}); err != nil {
			t.Fatal(err)
		}
		in.happen(revision(2)...)
		in.settle()
		if p := in.status().Stores[0].Publishing; p.Refused != outageProducts {
			t.Errorf("publishing %+v, want all refused", p)
		}
		if got := in.product("p-03").Publication; got.State != projections.Refusing || !strings.Contains(got.Error, "saved, but not all of it") {
			t.Errorf("publication %+v, want BigCommerce's words", got)
		}
		// Halved to single products, each of which is tried four times.
		if got := len(in.requests(before)); got > 8*outageProducts {
			t.Errorf("%d requests, want at most %d", got, 8*outageProducts)
		}
		in.shop.Heal()
		in.happen(revision(3)...)
		in.settle()
		checkShop(t, in.shop, foldFromZero(t, domain.StockLevels, in.log()))
		if p := in.status().Stores[0].Publishing; p.Confirmed != outageProducts {
			t.Errorf("publishing %+v, want all confirmed", p)
		}
	})
}

// One product that BigCommerce refuses does not hold up the nine in its batch.
func TestOutage_oneRefused(t *testing.T) {
	t.Parallel()
	in := install(t, simulator.Config{Quota: 150}, func(c *Config) { c.Stores[0].Publish = "all" })
	const products = 10
	in.happen(revision(1)[:2*products]...)
	in.settle()
	if err := in.shop.Seed(simulator.NewProduct("The Merchant's Own", "OWN", 1)); err != nil {
		t.Fatal(err)
	}
	rename := func(name string) domain.Event {
		e := describedAs("p-06", "p-06", "", 9)
		e.Name = name
		return e
	}
	before := in.newest()
	events := revision(2)[:2*products]
	events[2*6] = rename("The Merchant's own") // names are compared without regard to case
	in.happen(events...)
	in.settle()
	p := in.status().Stores[0].Publishing
	if p.Confirmed != products-1 || p.Refused != 1 {
		t.Errorf("publishing %+v, want 1 refused and the others confirmed", p)
	}
	var list struct{ Products []console.ProductLine }
	in.call(http.MethodGet, "/v1/stores/"+testStore+"/products?state=refused", nil, &list)
	if len(list.Products) != 1 || list.Products[0].Product != "p-06" {
		t.Errorf("refused are %+v, want p-06", list.Products)
	}
	if got := in.product("p-06").Publication; got.State != projections.Refusing || !strings.HasPrefix(got.Error, "The product name is a duplicate: ") ||
		!strings.Contains(got.Error, "SKU-p-06") || !strings.Contains(got.Error, `(SKU "OWN")`) {
		t.Errorf("publication %+v, want BigCommerce's reason and both products", got)
	}
	// Halving finds one of ten in at most nine requests; more are for what came while
	// the first were on their way.
	if got := len(in.requests(before)); got > 25 {
		t.Errorf("%d requests, want at most 25", got)
	}
	quiet := in.newest()
	in.happen(&domain.StockLevelReported{Item: "p-05", Outlet: "Quayside", OnHand: domain.MustQuantity("77")})
	in.settle()
	for _, r := range in.requests(quiet) {
		if strings.Contains(string(r.Body), "Merchant") {
			t.Errorf("the refused state was sent again: %s", r.Body)
		}
	}

	in.happen(rename("A name of its own"))
	in.settle()
	if got := in.product("p-06").Publication; got.State != projections.Synced || got.Error != "" {
		t.Errorf("publication %+v, want it confirmed", got)
	}
	own, _ := in.shop.ProductBySKU("OWN")
	if own.Name != "The Merchant's Own" {
		t.Errorf("the merchant's own product is called %q", own.Name)
	}
	if err := in.shop.MerchantDelete(own.ID); err != nil {
		t.Fatal(err)
	}
	checkShop(t, in.shop, foldFromZero(t, domain.StockLevels, in.log()))
}
