package publish_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/bigcommerce/simulator"
	"github.com/tillstream/tillstream/handlers/publish"
)

// A store that answers nobody for an hour is tried about once a minute, whatever happens in
// the POS meanwhile; the status says so; and all is right two minutes after it answers
// again, of which nobody is told.
func TestPublisher_Run_outageOfAnHour(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		fault simulator.Fault
		says  string
		most  int // requests in the hour
		lasts time.Duration
	}{
		{"503", simulator.Fault{Kind: simulator.Status, Status: http.StatusServiceUnavailable}, "BigCommerce answers 503", 75, time.Hour},
		{"503 in HTML", simulator.Fault{Kind: simulator.HTML, Status: http.StatusServiceUnavailable}, "BigCommerce answers 503", 75, time.Hour},
		{"429 without headers", simulator.Fault{Kind: simulator.Status, Status: http.StatusTooManyRequests}, "BigCommerce answers 429", 150, time.Hour},
		{"no connection", simulator.Fault{Kind: simulator.Connect, Delay: 5 * time.Second}, "BigCommerce cannot be reached", 75, time.Hour},
		{"no answer", simulator.Fault{Kind: simulator.Hang}, "BigCommerce cannot be reached", 75, time.Hour},
		{"connection closed", simulator.Fault{Kind: simulator.CloseBeforeCommit}, "BigCommerce cannot be reached", 75, time.Hour},
	}
	for _, tt := range tests {
		t.Run("OK "+tt.name, func(t *testing.T) {
			in(t, func(t *testing.T) {
				s := newShop(t, simulator.Config{Quota: 150, Latency: 100 * time.Millisecond}, nil)
				ids := append(s.saveMany(41), s.saveShirts(5)...)
				s.link(ids...)
				s.run()
				s.idle()
				s.agree(ids...)
				before, began := len(s.requests()), time.Now()
				if err := s.sim.Fail(tt.fault); err != nil {
					t.Fatal(err)
				}
				for n := range 60 { // a sale a minute, and a save
					s.count(string(ids[n%41]), fmt.Sprint(100+n))
					s.save(item{id: string(ids[n%41]), sku: "SKU-" + string(ids[n%41]), name: fmt.Sprintf("Name %d", n), stock: fmt.Sprint(200 + n)})
					pass(time.Minute)
				}
				got := s.Status()
				if !strings.HasPrefix(got.Problem, tt.says) || !strings.Contains(got.Problem, " since 00:") || !strings.HasSuffix(got.Problem, "41 products wait") {
					t.Errorf("after an hour the problem is %q, want %q, since when, and that 41 products wait", got.Problem, tt.says)
				}
				if got.Waiting != 41 || got.NextTry.Before(time.Now()) || time.Until(got.NextTry) > 90*time.Second {
					t.Errorf("%d products wait until %s, want 41 until within 90 seconds of %s", got.Waiting, got.NextTry, time.Now())
				}
				if n := len(s.requests()) - before; n > tt.most || n < 30 {
					t.Errorf("%d requests in an hour, want 30 to %d", n, tt.most)
				}
				s.sim.Heal()
				pass(2 * time.Minute)
				s.agree(ids...)
				if got := recorded[*domain.PushRefused](s.log); len(got) != 0 {
					t.Errorf("refused: %+v", got[0])
				}
				if got := s.Status(); got.Problem != "" || got.Waiting != 0 || !got.NextTry.IsZero() {
					t.Errorf("afterwards %d products wait, problem %q, next try %s", got.Waiting, got.Problem, got.NextTry)
				}
				s.timely(t, began)
			})
		})
	}
}

// saveShirts records products with three variants each.
func (s *shop) saveShirts(n int) (ids []domain.ProductID) {
	for p := range n {
		id := fmt.Sprintf("shirt%d", p)
		ids = append(ids, domain.ProductID(id))
		for v := range 3 {
			s.save(item{id: fmt.Sprintf("%s-%d", id, v), product: id, sku: fmt.Sprintf("%s-%d", id, v), options: size(fmt.Sprint(v)), stock: "3"})
		}
	}
	return ids
}

// timely fails the test when more requests than a lively store would ever get came in
// any second.
func (s *shop) timely(t *testing.T, from time.Time) {
	t.Helper()
	perSecond := map[int]int{}
	for _, r := range s.sim.Requests() {
		if r.Actor == "api" && !r.At.Before(from) {
			second := int(r.At.Sub(from) / time.Second)
			if perSecond[second]++; perSecond[second] == 60 {
				t.Errorf("60 requests in second %d", second)
			}
		}
	}
}

// A quota, or a window, that changes in the middle of a run, once or for ever, costs
// no more refused requests than were in flight when it did, and no time but its own.
func TestPublisher_Run_windowChanges(t *testing.T) {
	t.Parallel()
	type window struct {
		quota  int
		length time.Duration
	}
	tests := []struct {
		name    string
		windows []window // each for seven seconds, and again
		changes int      // at least, while there is something to do
		within  time.Duration
	}{
		{"OK less", []window{{60, 30 * time.Second}, {10, 30 * time.Second}}, 5, 5 * time.Minute},
		{"OK more", []window{{10, 30 * time.Second}, {150, 30 * time.Second}}, 1, 4 * time.Minute},
		{"OK shorter", []window{{30, 30 * time.Second}, {10, 5 * time.Second}}, 5, 4 * time.Minute},
		{"OK longer", []window{{10, 5 * time.Second}, {30, 2 * time.Minute}}, 5, 8 * time.Minute},
		{"OK without limit and back", []window{{20, 30 * time.Second}, {0, 30 * time.Second}, {5, 30 * time.Second}}, 1, 2 * time.Minute},
		{"OK to and fro", []window{{30, 30 * time.Second}, {5, 10 * time.Second}, {60, 30 * time.Second}, {4, 5 * time.Second}}, 5, 6 * time.Minute},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in(t, func(t *testing.T) {
				s := newShop(t, simulator.Config{Latency: 200 * time.Millisecond}, nil)
				ids := s.saveFamilies(250, 20)
				s.twins(ids)
				before := len(s.requests())
				change := func(w window) {
					if err := s.sim.Change(func(c *simulator.Config) { c.Quota, c.Window = w.quota, w.length }); err != nil {
						t.Fatal(err)
					}
				}
				change(tt.windows[0])
				s.run()
				changes, left := 0, time.Duration(0)
				for ; s.Status().Waiting > 0 && left < tt.within; left += time.Second {
					if n := int(left / (7 * time.Second)); n > changes {
						changes = n
						change(tt.windows[n%len(tt.windows)])
					}
					pass(time.Second)
				}
				if left >= tt.within {
					t.Errorf("not done within %s: %d products wait, %q", tt.within, s.Status().Waiting, s.Problem())
				}
				pass(time.Minute)
				s.agree(ids...)
				if changes < tt.changes {
					t.Errorf("%d changes while there was something to do, want %d or more", changes, tt.changes)
				}
				bound := publish.Bound(250, 250*20, 250*20)
				requests, throttled := len(s.requests())-before, int(s.Status().Throttled)
				t.Logf("%d requests of %d in %s, %d of them refused, over %d changes", requests, bound, left, throttled, changes)
				if throttled > 4*changes {
					t.Errorf("%d requests refused over %d changes, want no more than were in flight", throttled, changes)
				}
				if requests > bound+bound/20+throttled {
					t.Errorf("%d requests, want at most %d and those that were refused", requests, bound+bound/20)
				}
				if got := s.Status(); got.Problem != "" {
					t.Errorf("problem %q, want none", got.Problem)
				}
			})
		})
	}
}

// An outage is over as soon as BigCommerce answers anything, though all that waited has
// gone meanwhile.
func TestPublisher_Run_outageOfWhatIsGone(t *testing.T) {
	in(t, func(t *testing.T) {
		s := newShop(t, simulator.Config{}, nil)
		s.save(item{id: "i1", sku: "A", stock: "1"})
		s.link("i1")
		s.run()
		s.idle()
		s.sim.Down(true)
		s.delete("i1")
		pass(10 * time.Second)
		if got := s.Problem(); !strings.HasPrefix(got, "BigCommerce answers 503") {
			t.Errorf("problem %q, want the outage", got)
		}
		if err := s.sim.MerchantDelete(s.twin("i1").ID); err != nil {
			t.Fatal(err)
		}
		s.sim.Down(false)
		pass(2 * time.Minute)
		if got := s.Status(); got.Problem != "" || got.Waiting != 0 || s.publication("i1").Link != nil {
			t.Errorf("%d products wait, problem %q, link %v, want none", got.Waiting, got.Problem, s.publication("i1").Link)
		}
	})
}
