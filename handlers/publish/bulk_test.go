package publish_test

import (
	"testing"
	"time"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/bigcommerce/simulator"
	"github.com/tillstream/tillstream/handlers/publish"
)

// bulk pushes n changed simple products with a quota of 150 in 30 s and returns
// the requests and the time that it took.
func bulk(s *shop, n int) (requests int, took time.Duration) {
	for _, id := range s.saveMany(n) {
		if err := s.sim.Seed(simulator.NewProduct("Product "+string(id), "SKU-"+string(id), 1)); err != nil {
			s.t.Fatalf("seed: %v", err)
		}
	}
	if r, err := s.LinkAuto(s.t.Context(), false); err != nil || len(r.Linked) != n {
		s.t.Fatalf("linked %d: %v", len(r.Linked), err)
	}
	pass(simulator.DefaultWindow) // the quota is whole again
	before, start := len(s.requests()), time.Now()
	s.run()
	s.idle()
	return len(s.requests()) - before, time.Since(start)
}

func TestPublisher_Run_tenThousand(t *testing.T) {
	in(t, func(t *testing.T) {
		s := newShop(t, simulator.Config{Quota: 150, Latency: 250 * time.Millisecond, InventoryLag: 2 * time.Second}, nil)
		requests, took := bulk(s, 10_000)
		bound := publish.Bound(10_000, 0, 10_000)
		least := time.Duration((bound-1)/150) * simulator.DefaultWindow
		t.Logf("%d requests of %d, %s of %s", requests, bound, took, least)
		if float64(requests) > 1.02*float64(bound) {
			t.Errorf("%d requests, want at most 1.02 of %d", requests, bound)
		}
		if took > least+least/20 {
			t.Errorf("%s, want at most 1.05 of %s", took, least)
		}
		if got := s.Status(); got.Throttled != 0 || got.Waiting != 0 {
			t.Errorf("%d requests refused with 429, %d products wait, want none", got.Throttled, got.Waiting)
		}
		if got := len(recorded[*domain.PushConfirmed](s.log)); got != 10_000 {
			t.Errorf("%d confirmed, want 10000", got)
		}
		pass(time.Minute)
		s.agree("p00000", "p05000", "p09999")
	})
}

// BenchmarkPublish measures what pushing 1,000 changed products costs on this side:
// the store answers at once and has no quota.
func BenchmarkPublish(b *testing.B) {
	const n = 1000
	var requests, bound int
	s := newShop(b, simulator.Config{LogLimit: 1 << 20}, nil)
	ids := s.saveMany(n)
	s.link(ids...)
	s.run()
	s.idle()
	for b.Loop() {
		before := s.Status().Requests
		outcomes, err := s.Push(b.Context(), ids)
		if err != nil || outcomes[0].Kind != publish.Confirmed {
			b.Fatalf("push: %+v, %v", outcomes[0], err)
		}
		requests, bound = requests+int(s.Status().Requests-before), bound+publish.Bound(n, 0, n)
	}
	b.ReportMetric(float64(requests)/float64(bound), "requests/bound")
	b.ReportMetric(float64(n*b.N)/b.Elapsed().Seconds(), "products/s")
}
