package simulator_test

import (
	"fmt"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tillstream/tillstream/handlers/bigcommerce/simulator"
)

// TestWindow: the quota is the store's, whoever spends it, and comes back with the next window.
func TestWindow(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	s := simulator.New(simulator.Config{Quota: 3, Now: func() time.Time { return now }})
	ask := func(status int, left, reset string) {
		t.Helper()
		got := send(t, s, "GET", "/catalog/products", "")
		if got.Status != status || got.Header.Get("X-Rate-Limit-Requests-Left") != left || got.Header.Get("X-Rate-Limit-Time-Reset-Ms") != reset {
			t.Errorf("got %d with %v, want %d with %s left and a reset in %s ms", got.Status, got.Header, status, left, reset)
		}
	}
	ask(200, "2", "30000")
	now = now.Add(10 * time.Second)
	s.Spend(1)
	ask(200, "0", "20000")
	ask(429, "0", "20000")
	now = now.Add(20 * time.Second)
	ask(200, "2", "30000")
	now = now.Add(100 * time.Second) // three windows and a third later
	ask(200, "2", "20000")
	if err := s.Fail(simulator.Fault{Kind: simulator.Status, Status: 429, Count: 1}); err != nil {
		t.Fatal(err)
	}
	ask(429, "", "")
	if err := s.Fail(simulator.Fault{Kind: simulator.Status, Status: 429, Spent: true, Count: 1}); err != nil {
		t.Fatal(err)
	}
	ask(429, "0", "20000")
}

// left asks for something, and returns what the reply says is left of the quota.
func left(t *testing.T, s *simulator.Store) int {
	t.Helper()
	got := send(t, s, "GET", "/catalog/brands", "")
	n, err := strconv.Atoi(got.Header.Get("X-Rate-Limit-Requests-Left"))
	if err != nil {
		t.Fatalf("%v in %v", err, got.Header)
	}
	return n
}

// TestWindow_OtherApp: another app spends its share or its rate as the window passes, and is refused when nothing is left.
func TestWindow_OtherApp(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	s := simulator.New(simulator.Config{Quota: 100, OtherAppShare: 0.3, Now: clock})
	for _, step := range []struct {
		pass time.Duration
		want int
	}{{0, 99}, {10 * time.Second, 88}, {10 * time.Second, 77}, {9 * time.Second, 67}, {time.Second, 99}, {60 * time.Second, 99}, {15 * time.Second, 83}} {
		now = now.Add(step.pass)
		if got := left(t, s); got != step.want {
			t.Errorf("at %v: %d left, want %d", now.Format("04:05"), got, step.want)
		}
	}
	s = simulator.New(simulator.Config{Quota: 100, OtherAppRate: 5, Now: clock})
	now = now.Add(19 * time.Second)
	if got := left(t, s); got != 4 {
		t.Errorf("another app at 5 a second has left %d after 19 s, want 4", got)
	}
	now = now.Add(10 * time.Second)
	if got := send(t, s, "GET", "/catalog/brands", ""); got.Status != 429 {
		t.Errorf("after 29 s: got %d, want 429", got.Status)
	}
	if err := s.Change(func(c *simulator.Config) { c.Quota = 200 }); err != nil {
		t.Fatal(err)
	}
	if got := left(t, s); got != 99 {
		t.Errorf("of a larger quota %d are left, want 99: what was refused was not used", got)
	}
	if err := s.Change(func(c *simulator.Config) { c.Quota = 100 }); err != nil {
		t.Fatal(err)
	}
	now = now.Add(time.Second)
	if got := left(t, s); got != 99 {
		t.Errorf("in the next window %d are left, want 99: nobody owes anything", got)
	}
	if err := s.Change(func(c *simulator.Config) { c.OtherAppRate = 0 }); err != nil {
		t.Fatal(err)
	}
	now = now.Add(20 * time.Second)
	if got := left(t, s); got != 98 {
		t.Errorf("without the other app %d are left, want 98", got)
	}
	if err := s.Change(func(c *simulator.Config) { c.OtherAppShare = 0.9 }); err != nil {
		t.Fatal(err)
	}
	if got := left(t, s); got != 97 {
		t.Errorf("with an app that comes late in a window %d are left, want 97: it has spent nothing before", got)
	}
}

// TestStore_Change: the quota and its window change while the store runs, by hand or in the middle of what a client does.
func TestStore_Change(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	s := simulator.New(simulator.Config{Quota: 100, Now: func() time.Time { return now }, Faults: []simulator.Fault{
		{Kind: simulator.QuotaChange, Quota: 50, Window: 10 * time.Second, Skip: 3},
	}})
	now = now.Add(12 * time.Second)
	for i, want := range []string{"99 of 100 in 18000", "98 of 100 in 18000", "97 of 100 in 18000", "49 of 50 in 10000", "48 of 50 in 10000"} {
		header := send(t, s, "GET", "/catalog/brands", "").Header
		got := fmt.Sprintf("%s of %s in %s", header.Get("X-Rate-Limit-Requests-Left"), header.Get("X-Rate-Limit-Requests-Quota"), header.Get("X-Rate-Limit-Time-Reset-Ms"))
		if got != want {
			t.Errorf("request %d: %s left, want %s", i, got, want)
		}
	}
	change := func(edit func(*simulator.Config)) {
		t.Helper()
		if err := s.Change(edit); err != nil {
			t.Fatal(err)
		}
	}
	change(func(c *simulator.Config) { c.Quota, c.Token, c.Seed = 20, "other", 9 })
	if got := left(t, s); got != 17 {
		t.Errorf("of a smaller quota %d are left, want 17: what was used stays used", got)
	}
	change(func(c *simulator.Config) { c.Quota = 2 })
	if got := send(t, s, "GET", "/catalog/brands", ""); got.Status != 429 || got.Header.Get("X-Rate-Limit-Requests-Left") != "0" {
		t.Errorf("of a quota below what was used: got %d with %v, want 429 with none left", got.Status, got.Header)
	}
	if err := s.Change(func(c *simulator.Config) { c.Quota, c.OtherAppShare = 5, 1.5 }); err == nil {
		t.Error("a share of 1.5 was taken")
	}
	if got := send(t, s, "GET", "/control/settings", ""); !slices.Contains([]int{200}, got.Status) || left(t, s) != 0 {
		t.Error("a change that was refused has changed the quota")
	}
}

// TestStore_EndpointLimits: an endpoint refuses what comes while too much is in progress, though quota is left; others do not.
func TestStore_EndpointLimits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, products := seeded(t, simulator.Config{Quota: 150, Latency: time.Second, EndpointLimits: map[string]int{"PUT /catalog/products": 2}})
		statuses := func(n int, method, path, body string) map[int]int {
			var mu sync.Mutex
			var wg sync.WaitGroup
			got := map[int]int{}
			for range n {
				wg.Go(func() {
					r := send(t, s, method, path, body)
					mu.Lock()
					defer mu.Unlock()
					got[r.Status]++
					if r.Header.Get("X-Rate-Limit-Requests-Left") == "0" {
						t.Error("no quota is left")
					}
				})
			}
			wg.Wait()
			return got
		}
		if got := statuses(5, "PUT", "/catalog/products", fillIn(products, `[{"id":{0},"price":1}]`)); got[200] == 0 || got[429] == 0 || got[200] > 2 {
			t.Errorf("of five at once %v, want at most two done and the others refused", got)
		}
		if got := statuses(5, "GET", "/catalog/products", ""); got[200] != 5 {
			t.Errorf("of five reads %v, want all done", got)
		}
		if err := s.Change(func(c *simulator.Config) { c.EndpointLimits["PUT /catalog/products"] = 0 }); err != nil {
			t.Fatal(err)
		}
		if got := statuses(5, "PUT", "/catalog/products", fillIn(products, `[{"id":{0},"price":1}]`)); got[200] != 5 {
			t.Errorf("without the limit %v, want all done", got)
		}
	})
}

// TestStore_Latency: the latency is spread about its median, with one in a hundred above its 99th percentile, and on the
// seed.
func TestStore_Latency(t *testing.T) {
	t.Parallel()
	times := func(seed uint64) (all []time.Duration) {
		synctest.Test(t, func(t *testing.T) {
			s := simulator.New(simulator.Config{Latency: 80 * time.Millisecond, LatencyP99: time.Second, Seed: seed})
			for range 2000 {
				start := time.Now()
				send(t, s, "GET", "/catalog/brands", "")
				all = append(all, time.Since(start))
			}
		})
		return all
	}
	first := times(3)
	if !slices.Equal(first, times(3)) || slices.Equal(first, times(4)) {
		t.Error("the latencies are not those of the seed")
	}
	slices.Sort(first)
	above, _ := slices.BinarySearch(first, time.Second)
	if median := first[1000]; median < 70*time.Millisecond || median > 90*time.Millisecond || 2000-above < 8 || 2000-above > 40 {
		t.Errorf("the median is %v and %d of 2000 are above 1 s, want about 80 ms and 20", median, 2000-above)
	}
}

// TestStore_TimeScale: every duration is a part of itself, and a client is told the part.
func TestStore_TimeScale(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, products := seeded(t, simulator.Config{TimeScale: 60, Quota: 150, OtherAppRate: 2, Latency: time.Second, InventoryLag: time.Minute, Faults: []simulator.Fault{
			{Match: "GET /catalog/brands", Kind: simulator.Slow, Delay: time.Minute, After: time.Minute, For: time.Minute},
		}})
		took := func(method, path, body string) (time.Duration, reply) {
			start := time.Now()
			got := send(t, s, method, path, body)
			return time.Since(start), got
		}
		d, got := took("PUT", "/inventory/adjustments/absolute", fillIn(products, `{"items":[{"location_id":1,"product_id":{0},"quantity":4}]}`))
		if d < 16*time.Millisecond || d > 17*time.Millisecond || got.Header.Get("X-Rate-Limit-Time-Window-Ms") != "500" {
			t.Errorf("a latency of 1 s took %v, with %v; want 1/60 s and a window of 500 ms", d, got.Header)
		}
		<-time.After(time.Second)
		if n := s.Stock(1, products[0].ID, 0); n != 4 {
			t.Errorf("the stock is %d a lag later, want 4", n)
		}
		if d, _ := took("GET", "/catalog/brands", ""); d < time.Second {
			t.Errorf("a minute later, slowed by a minute, the request took %v, want 1 s and more", d)
		}
		if d, _ := took("GET", "/catalog/brands", ""); d > time.Second {
			t.Errorf("two minutes later the request took %v, want no fault", d)
		}
		if n := left(t, s); n > 149 || n < 90 {
			t.Errorf("%d are left to two apps of which one takes 60 in a window", n)
		}
	})
}

// TestConfig_Check: what cannot be so is said before a store is made of it.
func TestConfig_Check(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]simulator.Config{
		"ErrQuota": {Quota: -1}, "ErrShare": {OtherAppShare: 1.1}, "ErrRate": {OtherAppRate: -1}, "ErrP99": {LatencyP99: time.Second},
		"ErrP99Below": {Latency: time.Second, LatencyP99: time.Millisecond}, "ErrLimit": {EndpointLimits: map[string]int{"products": 1}},
		"ErrDuplicates": {WebhookDuplicates: -0.1}, "ErrFault": {Faults: []simulator.Fault{{Kind: "sick"}}},
	} {
		if c.Check() == nil {
			t.Errorf("%s: the settings were taken", name)
		}
	}
	if err := (simulator.Config{}).Check(); err != nil {
		t.Errorf("the zero value: %v", err)
	}
}
