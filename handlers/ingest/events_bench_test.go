package ingest_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/streams/streamstest"
)

const (
	benchClients = 64
	benchEvents  = 1000 // of a request
)

// BenchmarkEvents measures 64 clients that each send a thousand events in a request
// over HTTP, fsync on, against appending as many events of the same size in atomic
// batches of a thousand, which is measured first; then ten times as many clients, for
// most of whom there is no place at a time; and one client that sends an event when the
// one before is answered. Nothing is projected. The heap is the most there was in
// between, with the broker's and the clients' share of it.
func BenchmarkEvents(b *testing.B) {
	var raw float64
	b.Run("raw", func(b *testing.B) {
		log := streamstest.Start(b, streamstest.WithSync()).POS()
		n := 0
		for b.Loop() {
			for range benchClients {
				group := make([]domain.Envelope, benchEvents)
				for i := range group {
					n++
					group[i] = envelopeOf(b, n, &domain.StockCounted{Item: domain.ItemID(fmt.Sprint("i-", n)), Outlet: "Quayside", OnHand: domain.MustQuantity("5"), Count: "c-1"})
				}
				if _, err := log.Append(b.Context(), store, group); err != nil {
					b.Fatal(err)
				}
			}
		}
		raw = float64(b.N) * benchClients * benchEvents / b.Elapsed().Seconds()
		b.ReportMetric(raw, "events/s")
	})
	for _, clients := range []int{benchClients, 10 * benchClients} {
		b.Run(fmt.Sprint(clients, " clients"), func(b *testing.B) {
			url := front(b, streamstest.Start(b, streamstest.WithSync()).POS()) + "/events"
			var most, refused uint64
			round := 0
			before := heap()
			for b.Loop() {
				round++
				var all sync.WaitGroup
				var mu sync.Mutex
				for c := range clients {
					all.Go(func() {
						body := some(round, c)
						pause := time.NewTicker(100 * time.Millisecond)
						defer pause.Stop()
						for again := uint64(0); ; again++ {
							status, _, answer := offer(b, url, "", strings.NewReader(body))
							if status == http.StatusServiceUnavailable {
								<-pause.C // sooner than it was told to
								continue
							}
							if status != http.StatusOK || strings.Count(answer, `"duplicate":false`) != benchEvents {
								b.Errorf("%d %.200s", status, answer)
							}
							mu.Lock()
							refused += again
							mu.Unlock()
							return
						}
					})
				}
				all.Wait()
				most = max(most, heap())
			}
			rate := float64(b.N) * float64(clients) * benchEvents / b.Elapsed().Seconds()
			b.ReportMetric(rate, "events/s")
			b.ReportMetric(rate/raw, "of-raw")
			b.ReportMetric(float64(refused)/float64(b.N), "refused")
			b.ReportMetric(float64(most-min(most, before))/(1<<20), "heap-MB")
		})
	}
	b.Run("idle", func(b *testing.B) {
		url := front(b, streamstest.Start(b, streamstest.WithSync()).POS()) + "/events"
		var took []time.Duration
		n := 0
		for b.Loop() {
			n++
			begun := time.Now()
			if status, _, answer := offer(b, url, "", strings.NewReader(counted(fmt.Sprint("e-", n), "i-1", "5"))); status != http.StatusOK {
				b.Fatalf("%d %s", status, answer)
			}
			took = append(took, time.Since(begun))
		}
		slices.Sort(took)
		b.ReportMetric(took[len(took)/2].Seconds()*1000, "p50-ms")
		b.ReportMetric(took[len(took)*99/100].Seconds()*1000, "p99-ms")
	})
}

// some are the events of one client's request.
func some(round, client int) string {
	var body strings.Builder
	for n := range benchEvents {
		id := fmt.Sprintf("e-%d-%d-%d", round, client, n)
		body.WriteString(counted(id, "i-"+id, "5") + "\n")
	}
	return body.String()
}
