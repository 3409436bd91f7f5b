package audit_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/audit"
	"github.com/tillstream/tillstream/streams"
	"github.com/tillstream/tillstream/streams/streamstest"
)

// BenchmarkAppend appends with fsync on, without the tree and with it, in turns in one
// run. The ratio is the cost of an append with the tree to that without.
func BenchmarkAppend(b *testing.B) {
	const producers, group = 64, 8
	rate := func(b *testing.B, kept bool, base int) float64 {
		c := streamstest.Start(b, streamstest.WithSync())
		ctx, cancel := context.WithCancel(b.Context())
		defer cancel()
		ended := make(chan error, 1)
		if kept {
			k := audit.NewKeeper(c, testKey(b, 1))
			go func() { ended <- k.Run(ctx) }()
		} else {
			ended <- nil
		}
		var next, events atomic.Int64
		var wg sync.WaitGroup
		began := time.Now()
		for range producers {
			wg.Go(func() {
				for next.Add(1) <= 4000 {
					list := make([]domain.Envelope, group)
					for i := range list {
						list[i] = counted(base + int(events.Add(1)))
					}
					if _, err := c.POS().Append(ctx, "demo", list); err != nil {
						b.Error(err)
						return
					}
				}
			})
		}
		wg.Wait()
		took := time.Since(began)
		cancel()
		if err := <-ended; err != nil {
			b.Error(err)
		}
		return float64(events.Load()) / took.Seconds()
	}
	var without, with float64
	for b.Loop() {
		for range 3 {
			without += rate(b, false, 0)
			with += rate(b, true, 0)
		}
	}
	b.ReportMetric(without/float64(3*b.N), "events/s-without")
	b.ReportMetric(with/float64(3*b.N), "events/s-with")
	b.ReportMetric(without/with, "cost-of-without")
}

// BenchmarkVerify reads a log alone, and verifies its tree. The ratio is that of the
// times, in one run.
func BenchmarkVerify(b *testing.B) {
	for _, size := range []int{100_000} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			c := streamstest.Start(b)
			record(b, c, 1, size)
			key := testKey(b, 1)
			sign(b, c, key)
			b.ResetTimer()
			var reads, verifies time.Duration
			for b.Loop() {
				began := time.Now()
				n := 0
				if err := c.POS().Read(b.Context(), streams.Query{}, func(streams.Message) error { n++; return nil }); err != nil || n != size {
					b.Fatal(n, err)
				}
				reads += time.Since(began)
				began = time.Now()
				if bad := verify(b, c, key, nil, audit.Positions, audit.Tree); len(bad) > 0 {
					b.Fatalf("%+v", bad)
				}
				verifies += time.Since(began)
			}
			b.ReportMetric(verifies.Seconds()/reads.Seconds(), "of-reading")
			b.ReportMetric(float64(size)*float64(b.N)/verifies.Seconds(), "events/s")
		})
	}
}
