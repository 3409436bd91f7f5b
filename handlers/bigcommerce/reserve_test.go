package bigcommerce_test

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tillstream/tillstream/handlers/bigcommerce"
	"github.com/tillstream/tillstream/handlers/bigcommerce/simulator"
)

// TestQuota_Reserve: bulk requests leave a tenth of the window to an urgent one, which goes at once; before the window
// ends they have used what was kept.
func TestQuota_Reserve(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store, c := pair(t, simulator.Config{Quota: 150, Latency: 100 * time.Millisecond}, 4)
		bulk := make(chan []error)
		go func() { bulk <- readAll(c, 150, 8) }()
		<-time.After(6 * time.Second)
		used := len(store.Requests())
		if used < 130 || used > 140 {
			t.Errorf("after 6 s bulk requests have used %d of 150, want all but a shrinking tenth", used)
		}
		start := time.Now()
		_, release, err := c.Quota().Acquire(context.Background(), bigcommerce.UrgentStock)
		if err != nil {
			t.Fatal(err)
		}
		release()
		if waited := time.Since(start); waited > 200*time.Millisecond {
			t.Errorf("an urgent request waited %s, want no longer than one in flight", waited)
		}
		if failed := <-bulk; len(failed) > 0 {
			t.Fatal(failed[0])
		}
		if took := time.Since(start); took > 24*time.Second {
			t.Errorf("the 150 requests were done %s later, want the reserve used before the window ends", took)
		}
	})
}

// TestQuota_Reserve_busy: who makes urgent requests at the pace there is room for finds one left each time, in whichever
// part of a window, though bulk requests would use all of it; and nothing is left over.
func TestQuota_Reserve_busy(t *testing.T) {
	t.Parallel()
	for _, latency := range []time.Duration{20 * time.Millisecond, 250 * time.Millisecond} {
		synctest.Test(t, func(t *testing.T) {
			const windows = 3
			store, c := pair(t, simulator.Config{Quota: 150, Latency: latency}, 0)
			ctx, cancel := context.WithTimeout(t.Context(), windows*simulator.DefaultWindow-time.Second)
			defer cancel()
			var all sync.WaitGroup
			for range 16 {
				all.Go(func() {
					for ctx.Err() == nil {
						_, _, _ = c.Variants(ctx, 1)
					}
				})
			}
			for ctx.Err() == nil {
				start := time.Now()
				reserved, release, err := c.Quota().Acquire(ctx, bigcommerce.UrgentStock)
				if err != nil {
					break
				}
				if waited := time.Since(start); waited > 2*latency+500*time.Millisecond {
					t.Errorf("latency %s: an urgent request waited %s, %s from the begin", latency, waited, time.Since(store.Requests()[0].At))
				}
				_, _, err = c.Variants(reserved, 1)
				release()
				if err != nil && ctx.Err() == nil {
					t.Fatal(err)
				}
				if q := c.Quota().Snapshot(); q.UrgentRoom > 0 {
					<-time.After(q.Window / time.Duration(q.UrgentRoom))
				}
			}
			all.Wait()
			if used := len(store.Requests()); used < windows*150*98/100 {
				t.Errorf("latency %s: %d requests in %d windows of 150", latency, used, windows)
			}
		})
	}
}

// TestQuota_OtherApp: with another app that takes its share of every window, hardly a request is refused, and what it
// leaves is used.
func TestQuota_OtherApp(t *testing.T) {
	t.Parallel()
	for _, latency := range []time.Duration{80 * time.Millisecond, 250 * time.Millisecond, time.Second} {
		synctest.Test(t, func(t *testing.T) {
			const n, ours = 1005, 105
			_, c := pair(t, simulator.Config{Quota: 150, OtherAppShare: 0.3, Latency: latency}, 0)
			start := time.Now()
			readAll(c, n, 16)
			throttled := c.Quota().Snapshot().Throttled
			bound := (n - 1) / ours * simulator.DefaultWindow
			took := time.Since(start)
			t.Logf("latency %s: %d of %d refused, %s of %s", latency, throttled, n, took.Round(time.Second), bound)
			if throttled > 1 {
				t.Errorf("latency %s: %d of %d requests refused, want one at most", latency, throttled, n)
			}
			if took < bound*95/100 || took > bound*105/100 {
				t.Errorf("latency %s: took %s, want 0.95 to 1.05 of %s, with 70%% of the quota", latency, took, bound)
			}
		})
	}
}

// TestQuota_Changes: a window that becomes shorter or smaller costs no refusal beyond those in flight, one that becomes
// larger is used.
func TestQuota_Changes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store, c := pair(t, simulator.Config{Quota: 450, Latency: 50 * time.Millisecond}, 4)
		readAll(c, 100, 8)
		for _, change := range []func(*simulator.Config){
			func(c *simulator.Config) { c.Quota = 150 },
			func(c *simulator.Config) { c.Window = 10 * time.Second },
			func(c *simulator.Config) { c.Quota, c.Window = 450, 30*time.Second },
		} {
			if err := store.Change(change); err != nil {
				t.Fatal(err)
			}
			if failed := readAll(c, 500, 8); len(failed) > 4 {
				t.Errorf("%d requests failed after a change, the first with %v, want no more than were in flight", len(failed), failed[0])
			}
		}
		if got := c.Quota().Snapshot(); got.Quota != 450 || got.Window != 30*time.Second {
			t.Errorf("the quota is %+v, want the newest", got)
		}
	})
}

// crowd answers the slower the more requests it has at once.
type crowd struct {
	most    atomic.Int64
	now     atomic.Int64
	latency func(n int64) time.Duration
}

func (c *crowd) RoundTrip(r *http.Request) (*http.Response, error) {
	n := c.now.Add(1)
	defer c.now.Add(-1)
	c.most.Store(max(c.most.Load(), n))
	<-time.After(c.latency(n))
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Request: r, Body: http.NoBody}, nil
}

// TestQuota_Grows: requests in flight become more while latency stays flat, and not beyond where it does not.
func TestQuota_Grows(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		latency     func(n int64) time.Duration
		least, most int
	}{
		"flat":  {func(int64) time.Duration { return 50 * time.Millisecond }, bigcommerce.DefaultConcurrency, bigcommerce.DefaultConcurrency},
		"steep": {func(n int64) time.Duration { return 50 * time.Millisecond * time.Duration(1+max(0, n-7)) }, 4, 12},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				server := &crowd{latency: tt.latency}
				c, err := bigcommerce.New(bigcommerce.Config{StoreHash: "demo", Token: "demo", HTTPClient: &http.Client{Transport: server}})
				if err != nil {
					t.Fatal(err)
				}
				var wg sync.WaitGroup
				for range 24 {
					wg.Go(func() {
						for range 60 {
							// The body is none that the client can read; only its way matters here.
							if _, _, err := c.Variants(context.Background(), 1); err == nil || !strings.Contains(err.Error(), "decoding") {
								t.Errorf("got %v, want a reply that cannot be decoded", err)
							}
						}
					})
				}
				wg.Wait()
				if got := c.Quota().Snapshot().Concurrency; got < tt.least || got > tt.most {
					t.Errorf("%d requests may be in flight, want %d to %d", got, tt.least, tt.most)
				}
				if got := int(server.most.Load()); got > bigcommerce.DefaultConcurrency {
					t.Errorf("%d requests were in flight, want at most %d", got, bigcommerce.DefaultConcurrency)
				}
			})
		})
	}
}
