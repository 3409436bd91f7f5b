package publish_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/bigcommerce/simulator"
	"github.com/tillstream/tillstream/projections"
)

// What status foretells comes true, and the SYNC log holds what it has cost.
func TestPublisher_Efficiency(t *testing.T) {
	in(t, func(t *testing.T) {
		s := newShop(t, simulator.Config{Quota: 150, Latency: 250 * time.Millisecond}, nil)
		const n = 8000
		ids := s.saveMany(n)
		s.twins(ids)
		pass(simulator.DefaultWindow)
		linking, start := len(s.requests()), time.Now()
		s.run()
		pass(40 * time.Second) // into the second window
		early := s.Efficiency()
		if early.Waiting < n/2 || early.QuotaShare < 0.97 || early.Quota != 150 || early.WindowMS != 30_000 {
			t.Errorf("after 40 s: %+v, want most of %d products to wait, and the first window used", early, n)
		}
		foretold := 40*time.Second + time.Duration(early.DrainSeconds*float64(time.Second))
		s.idle()
		took := time.Since(start)
		t.Logf("foretold %s, took %s; %+v", foretold, took, s.Efficiency())
		if off := foretold - took; off.Abs() > took/10 {
			t.Errorf("foretold that it takes %s, took %s", foretold, took)
		}
		e := s.Efficiency()
		if e.Score < 0.98 || e.Waiting != 0 || e.RequestsLeft != 0 || e.DrainSeconds != 0 {
			t.Errorf("at the end: %+v, want a score of at least 0.98 and nothing left", e)
		}
		if want := len(s.requests()) - linking; e.Requests != uint64(want) {
			t.Errorf("%d requests accounted for, want %d", e.Requests, want)
		}
		sum := s.measured()
		if sum.Requests != int64(e.Requests) || sum.Bound != int64(e.Bound) || sum.Confirmed != n || sum.Throttled != 0 {
			t.Errorf("the SYNC log has %+v, status %+v", sum, e)
		}
		if least := int64(took.Seconds()) - 1; sum.Busy < least || sum.Busy > sum.Seconds {
			t.Errorf("busy for %d s of %d, want at least %d", sum.Busy, sum.Seconds, least)
		}
	})
}

// measured sums up what the SYNC log holds of what publishing cost.
func (s *shop) measured() (sum domain.PublishingMeasured) {
	for _, m := range recorded[*domain.PublishingMeasured](s.log) {
		sum.Seconds, sum.Busy = sum.Seconds+m.Seconds, sum.Busy+m.Busy
		sum.Requests, sum.Bound, sum.Throttled = sum.Requests+m.Requests, sum.Bound+m.Bound, sum.Throttled+m.Throttled
		sum.Confirmed, sum.Waiting = sum.Confirmed+m.Confirmed, m.Waiting
	}
	return sum
}

// A till that rings for hours does not fill the SYNC log with measurements, and none
// of its requests is left out.
func TestPublisher_Efficiency_trickle(t *testing.T) {
	in(t, func(t *testing.T) {
		s := newShop(t, simulator.Config{Quota: 150, Latency: 100 * time.Millisecond}, nil)
		s.save(item{id: "a", sku: "A", stock: "900"})
		s.link("a")
		linking := len(s.requests())
		s.run()
		s.idle()
		const sales = 361
		for i := range sales {
			pass(10 * time.Second)
			if i == sales-1 {
				pass(10 * time.Minute)
			}
			s.count("a", fmt.Sprint(899-i))
			s.idle()
		}
		events := len(recorded[*domain.PublishingMeasured](s.log))
		if events < 10 || events > 14 {
			t.Errorf("%d measurements of an hour, want one in five minutes", events)
		}
		if sum, want := s.measured(), len(s.requests())-linking; sum.Requests != int64(want) || sum.Confirmed != sales+1 {
			t.Errorf("the SYNC log has %+v, want %d requests and %d confirmed", sum, want, sales+1)
		}
		if got := s.Efficiency().Score; got != 1 {
			t.Errorf("score %v, want 1: a sale needs its two requests", got)
		}
	})
}

// What was measured is about no product, not even one that is called like the store.
func TestPublisher_Efficiency_namesake(t *testing.T) {
	in(t, func(t *testing.T) {
		s := newShop(t, simulator.Config{}, nil)
		s.save(item{id: "a", sku: "A"}, item{id: string(store), sku: "B"})
		s.link("a")
		s.run()
		s.idle()
		if got := len(recorded[*domain.PublishingMeasured](s.log)); got != 1 {
			t.Fatalf("%d measurements, want 1", got)
		}
		if got := s.publication(domain.ProductID(store)); got.Sync != 0 {
			t.Errorf("the SYNC log says of product %s: %+v, want nothing", store, got)
		}
		want := projections.Counts{Confirmed: 1, Unlinked: 1}
		if got := projections.Count(s.catalog, s.cfg.Publications, store); got != want {
			t.Errorf("%+v, want %+v", got, want)
		}
	})
}
