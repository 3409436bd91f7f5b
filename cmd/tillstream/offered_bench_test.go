package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// BenchmarkOffered has the real program take the same 320,000 events from 32 clients,
// who keep it busy, and from ten and twenty times as many: each sends a thousand events
// in a request, and the next when that is answered, or the same one again when it is
// refused. The heap is the most that was live in the program, its broker and its
// projection, whose share is the same for all.
func BenchmarkOffered(b *testing.B) {
	const requests, events = 320, 1000
	flat := 0.0
	for _, clients := range []int{32, 320, 640} {
		b.Run(fmt.Sprint(clients, " clients"), func(b *testing.B) {
			for b.Loop() {
				p := newProgram(b, "harbour", "http://127.0.0.1:1", "t")
				p.env = append(p.env, "TILLSTREAM_PUBLISH=linked")
				p.start()
				var sent, refused atomic.Int64
				var all sync.WaitGroup
				begun := time.Now()
				for range clients {
					all.Go(func() {
						for n := sent.Add(1); n <= requests; n = sent.Add(1) {
							for !offer(p, countsOf(int(n), events), events) {
								refused.Add(1)
							}
						}
					})
				}
				over := make(chan struct{})
				go func() { all.Wait(); close(over) }()
				most := heapUntil(p, over)
				rate := requests * events / time.Since(begun).Seconds()
				p.stop()
				if flat == 0 {
					flat = most
				}
				b.ReportMetric(rate, "events/s")
				b.ReportMetric(float64(refused.Load()), "refused")
				b.ReportMetric(most/(1<<20), "heap-MB")
				b.ReportMetric(most/flat, "of-first")
			}
		})
	}
}

// countsOf are the events of a request with that number: counts of a thousand items.
func countsOf(request, events int) []byte {
	var body bytes.Buffer
	for n := range events {
		fmt.Fprintf(&body, `{"specversion":"1.0","id":"c-%d-%d","source":"/pos/counts","type":"pos.stock.counted.v1","subject":"i-%d","time":"2026-01-02T03:04:05Z","data":{"item":"i-%d","outlet":"Quayside","count":"c-%d","on_hand":"%d"}}`+"\n",
			request, n, n, n, request, request)
	}
	return body.Bytes()
}

// offer sends a request's events and reports whether all were recorded. When it is told
// to come later it waits, though not as long as it is told.
func offer(p *program, body []byte, events int) bool {
	r, err := p.request(http.MethodPost, "/v1/stores/harbour/events", bytes.NewReader(body))
	if err != nil {
		p.t.Error(err)
		return true
	}
	defer r.Body.Close()
	answer, err := io.ReadAll(r.Body)
	switch {
	case err == nil && r.StatusCode == http.StatusOK && bytes.Count(answer, []byte(`"position"`)) == events:
		return true
	case err == nil && r.StatusCode == http.StatusServiceUnavailable:
		<-time.After(100 * time.Millisecond)
		return false
	}
	p.t.Errorf("%s, %v: %.200s", r.Status, err, answer)
	return true
}

// heapUntil is the most heap that was live in the program until over is closed, as its
// collections of garbage found it.
func heapUntil(p *program, over <-chan struct{}) (most float64) {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-over:
			return most
		case <-tick.C:
			most = max(most, heapOf(p))
		}
	}
}

func heapOf(p *program) float64 {
	r, err := p.request(http.MethodGet, "/metrics", nil)
	if err != nil {
		p.t.Error(err)
		return 0
	}
	defer r.Body.Close()
	lines := bufio.NewScanner(r.Body)
	for lines.Scan() {
		if value, ok := strings.CutPrefix(lines.Text(), "go_memstats_next_gc_bytes "); ok {
			n, err := strconv.ParseFloat(value, 64)
			if err != nil {
				p.t.Error(err)
			}
			return n / 2 // with GOGC at 100
		}
	}
	p.t.Errorf("the metrics have no heap: %v", lines.Err())
	return 0
}
