package publish_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/bigcommerce/simulator"
	"github.com/tillstream/tillstream/handlers/publish"
)

// twins seeds a twin of every product, by SKU, and links them.
func (s *shop) twins(ids []domain.ProductID) {
	s.t.Helper()
	s.seedTwins(ids)
	if r, err := s.LinkAuto(s.t.Context(), false); err != nil || len(r.Linked) != len(ids) {
		s.t.Fatalf("linked %d of %d: %v", len(r.Linked), len(ids), err)
	}
}

func (s *shop) seedTwins(ids []domain.ProductID) {
	s.t.Helper()
	for _, id := range ids {
		l := s.listing(id)
		seed := simulator.NewProduct("twin of "+string(id), string(l.Variants[0].SKU), 1)
		if !l.Simple() {
			seed.SKU = ""
			for _, v := range l.Variants {
				seed.Variants = append(seed.Variants, simulator.Variant{SKU: string(v.SKU), OptionValues: []simulator.VariantPick{{Option: v.Options[0].Name, Label: v.Options[0].Value}}})
			}
		}
		if err := s.sim.Seed(seed); err != nil {
			s.t.Fatalf("seed a twin of %s: %v", id, err)
		}
	}
}

// saveFamilies saves n products of so many variants each.
func (s *shop) saveFamilies(n, variants int) []domain.ProductID {
	ids := make([]domain.ProductID, n)
	for i := range ids {
		ids[i] = domain.ProductID(fmt.Sprintf("p%05d", i))
		for v := range variants {
			id := fmt.Sprintf("%s-%d", ids[i], v)
			s.save(item{id: id, product: string(ids[i]), sku: id, options: size(fmt.Sprint(v)), stock: "5"})
		}
	}
	return ids
}

// Families cost their products and variants, packed, and nothing else.
func TestPublisher_Run_families(t *testing.T) {
	in(t, func(t *testing.T) {
		s := newShop(t, simulator.Config{Quota: 150, Latency: 250 * time.Millisecond}, nil)
		const n, variants = 2000, 5
		ids := s.saveFamilies(n, variants)
		s.twins(ids)
		pass(simulator.DefaultWindow)
		before, start := len(s.requests()), time.Now()
		s.run()
		s.idle()
		requests, took := len(s.requests())-before, time.Since(start)
		bound := publish.Bound(n, n*variants, n*variants)
		least := time.Duration((bound-1)/150) * simulator.DefaultWindow
		t.Logf("%d requests of %d, %s of %s", requests, bound, took, least)
		if float64(requests) > 1.02*float64(bound) {
			t.Errorf("%d requests, want at most 1.02 of %d", requests, bound)
		}
		if took > least+least/20 {
			t.Errorf("%s, want at most 1.05 of %s", took, least)
		}
		if got := s.Status().Throttled; got != 0 {
			t.Errorf("%d requests refused with 429, want none", got)
		}
		s.agree(ids[0], ids[n-1])
	})
}

// Many events of few products, waiting when the publisher starts, cost what the
// products cost.
func TestPublisher_Run_backlog(t *testing.T) {
	in(t, func(t *testing.T) {
		s := newShop(t, simulator.Config{Quota: 150, Latency: 250 * time.Millisecond}, nil)
		const n, events = 2000, 50_000
		ids := s.saveMany(n)
		s.twins(ids)
		s.run()
		s.idle()
		_ = s.stop()
		zipf := rand.NewZipf(rand.New(rand.NewPCG(1, 2)), 1.1, 1, n-1)
		distinct := map[domain.ProductID]bool{}
		for i := range events {
			id := ids[zipf.Uint64()]
			distinct[id] = true
			s.fold(counted(string(id), fmt.Sprint(i)))
		}
		s.open()
		pass(simulator.DefaultWindow)
		before, start := len(s.requests()), time.Now()
		s.run()
		s.idle()
		requests, took := len(s.requests())-before, time.Since(start)
		bound := publish.Bound(len(distinct), 0, len(distinct))
		least := time.Duration((bound-1)/150) * simulator.DefaultWindow
		t.Logf("%d events of %d products: %d requests of %d, %s of %s", events, len(distinct), requests, bound, took, least)
		if float64(requests) > 1.05*float64(bound) {
			t.Errorf("%d requests, want at most 1.05 of %d", requests, bound)
		}
		if got := s.Status().Throttled; got != 0 {
			t.Errorf("%d requests refused with 429, want none", got)
		}
		s.agree(ids[0], ids[1], ids[n-1])
	})
}

// Beside another app that takes 30% of every window, hardly a request is refused.
func TestPublisher_Run_besideAnotherApp(t *testing.T) {
	in(t, func(t *testing.T) {
		s := newShop(t, simulator.Config{Quota: 150, OtherAppShare: 0.3, Latency: 250 * time.Millisecond}, nil)
		requests, took := bulk(s, 10_000)
		bound := publish.Bound(10_000, 0, 10_000)
		least := time.Duration((bound-1)/105) * simulator.DefaultWindow
		throttled := s.Status().Throttled
		t.Logf("%d requests of %d, %d refused, %s of %s", requests, bound, throttled, took, least)
		if float64(requests) > 1.02*float64(bound) || throttled > uint64(requests)/100 {
			t.Errorf("%d requests of which %d were refused, want at most 1.02 of %d, and 1%%", requests, throttled, bound)
		}
		if took > least+least/20 {
			t.Errorf("%s, want at most 1.05 of %s", took, least)
		}
	})
}

// BenchmarkPublish_families measures products of 5 variants a second without a
// quota, 20 ms a request, as BigCommerce asks for 100 from POS apps.
func BenchmarkPublish_families(b *testing.B) {
	const n, variants = 1000, 5
	s := newShop(b, simulator.Config{Latency: 20 * time.Millisecond, LogLimit: 1}, nil)
	ids := s.saveFamilies(n, variants)
	s.twins(ids)
	s.run()
	s.idle()
	for b.Loop() {
		outcomes, err := s.Push(b.Context(), ids)
		if err != nil || outcomes[n-1].Kind != publish.Confirmed {
			b.Fatalf("push: %+v, %v", outcomes[n-1], err)
		}
	}
	b.ReportMetric(float64(n*b.N)/b.Elapsed().Seconds(), "products/s")
}

// Linking reads all of BigCommerce page by page, or the few that are asked for.
func TestPublisher_LinkAuto_requests(t *testing.T) {
	in(t, func(t *testing.T) {
		s := newShop(t, simulator.Config{}, nil)
		const n, pages = 5000, 20
		ids := s.saveMany(n)
		link := func(want int) {
			t.Helper()
			before := len(s.requests())
			r, err := s.LinkAuto(t.Context(), false)
			if err != nil || len(r.Linked)+r.Already != n || len(r.Without)+len(r.Ambiguous) != 0 {
				t.Errorf("%d linked, %d before, %d without, %v; want all of %d", len(r.Linked), r.Already, len(r.Without), err, n)
			}
			if got := len(s.requests()) - before; got != want {
				t.Errorf("%d requests, want %d", got, want)
			}
		}
		s.seedTwins(ids)
		link(pages)
		link(0)
		for _, id := range ids[:60] {
			if err := s.Unlink(t.Context(), id, "test"); err != nil {
				t.Fatal(err)
			}
		}
		link(1 + 2*2) // a page says how many there are; 60 SKUs take two lists of variants and two of products
	})
}

// BenchmarkPublisher_LinkAuto links 50,000 products on a BigCommerce that answers at
// once, so that what it measures is this side.
func BenchmarkPublisher_LinkAuto(b *testing.B) {
	const n = 50_000
	s := newShop(b, simulator.Config{LogLimit: 1 << 20}, nil)
	s.seedTwins(s.saveMany(n))
	before := len(s.requests())
	var runs int
	for b.Loop() {
		r, err := s.LinkAuto(b.Context(), true)
		if err != nil || len(r.Linked) != n {
			b.Fatalf("linked %d: %v", len(r.Linked), err)
		}
		runs++
	}
	b.ReportMetric(float64(len(s.requests())-before)/float64(runs), "requests/op")
}
