package streams_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/synadia-io/orbit.go/jetstreamext"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/streams"
	"github.com/tillstream/tillstream/streams/streamstest"
)

// benchEvent is an event whose data is 512 bytes.
func benchEvent(item, id string) domain.Envelope {
	data := fmt.Sprintf(`{"item":%q,"outlet":"Quayside","quantity":"1","sale":"s","line":"1","note":"`, item)
	return domain.Envelope{
		ID: domain.EventID(id), Source: "/pos/demo/till-3", Type: domain.TypeItemSold, Subject: item,
		Time: time.Date(2026, 11, 1, 10, 15, 12, 0, time.UTC), SourceVersion: 1,
		Data: json.RawMessage(data + strings.Repeat("x", 512-len(data)-2) + `"}`),
	}
}

// BenchmarkAppend appends with fsync on. Each producer waits for one answer before
// it appends again. The ratio is to the broker's own atomic batches of 1,000, one
// after the other, measured first.
func BenchmarkAppend(b *testing.B) {
	const producers = 64
	var raw float64
	b.Run("raw atomic batches of 1000", func(b *testing.B) {
		c := streamstest.Start(b, streamstest.WithSync())
		msgs := make([]*nats.Msg, 1000)
		b.ResetTimer()
		n := 0
		var waits []time.Duration
		for b.Loop() {
			for i := range msgs {
				e := benchEvent(fmt.Sprint("i-", i), fmt.Sprint("e-", n))
				msgs[i] = &nats.Msg{Subject: "pos.demo." + e.Subject, Data: e.Data, Header: nats.Header{"Nats-Msg-Id": {string(e.ID)}}}
				n++
			}
			start := time.Now()
			if _, err := jetstreamext.PublishMsgBatch(b.Context(), c.JetStream(), msgs); err != nil {
				b.Fatal(err)
			}
			waits = append(waits, time.Since(start))
		}
		slices.Sort(waits)
		b.ReportMetric(float64(waits[len(waits)*99/100].Microseconds())/1000, "p99-ms")
		raw = float64(n) / b.Elapsed().Seconds()
		b.ReportMetric(raw, "events/s")
	})
	for _, size := range []int{1, 4, 8, 16, 32} {
		b.Run(fmt.Sprintf("%d producers, groups of %d", producers, size), func(b *testing.B) {
			c := streamstest.Start(b, streamstest.WithSync())
			var next, events atomic.Int64
			var mu sync.Mutex
			var waits []time.Duration
			var wg sync.WaitGroup
			b.ResetTimer()
			for p := range producers {
				wg.Go(func() {
					var mine []time.Duration
					for next.Add(1) <= int64(b.N) {
						group := make([]domain.Envelope, size)
						for i := range group {
							group[i] = benchEvent(fmt.Sprintf("i-%d-%d", p, i), fmt.Sprint("e-", events.Add(1)))
						}
						start := time.Now()
						if _, err := c.POS().Append(b.Context(), "demo", group); err != nil {
							b.Error(err)
							return
						}
						mine = append(mine, time.Since(start))
					}
					mu.Lock()
					defer mu.Unlock()
					waits = append(waits, mine...)
				})
			}
			wg.Wait()
			b.StopTimer()
			slices.Sort(waits)
			rate := float64(events.Load()) / b.Elapsed().Seconds()
			b.ReportMetric(rate, "events/s")
			b.ReportMetric(rate/raw, "of-raw")
			b.ReportMetric(float64(waits[len(waits)*99/100].Microseconds())/1000, "p99-ms")
			b.ReportMetric(float64(waits[len(waits)/2].Microseconds())/1000, "p50-ms")
		})
	}
}

// BenchmarkBucket writes and reads 900-byte values over 10,000 keys.
func BenchmarkBucket(b *testing.B) {
	const keys = 10_000
	c := streamstest.Start(b, streamstest.WithSync())
	bucket := c.Publications()
	entries := make([]streams.Entry, keys)
	for i := range entries {
		entries[i] = streams.Entry{Key: streams.MakeKey("demo", fmt.Sprint("p-", i)), Value: []byte(strings.Repeat("v", 900))}
	}
	if err := bucket.PutAll(b.Context(), entries); err != nil {
		b.Fatal(err)
	}
	b.Run("overwrite all", func(b *testing.B) {
		for b.Loop() {
			if err := bucket.PutAll(b.Context(), entries); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(keys*float64(b.N)/b.Elapsed().Seconds(), "entries/s")
	})
	b.Run("scan", func(b *testing.B) {
		for b.Loop() {
			n := 0
			if err := bucket.Scan(b.Context(), "", 0, func(streams.Entry) error { n++; return nil }); err != nil || n != keys {
				b.Fatalf("scanned %d entries, %v; want %d", n, err, keys)
			}
		}
		b.ReportMetric(keys*float64(b.N)/b.Elapsed().Seconds(), "entries/s")
	})
	b.Run("get", func(b *testing.B) {
		i := 0
		for b.Loop() {
			if _, err := bucket.Get(b.Context(), entries[i%keys].Key); err != nil {
				b.Fatal(err)
			}
			i++
		}
	})
}
