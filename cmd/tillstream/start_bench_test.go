package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/streams"
)

// BenchmarkStart measures from the start of the real program to its being ready, on a data
// folder with linked products: when each was folded as it came, and when a rebuild has
// folded them all. TILLSTREAM_BENCH_PRODUCTS sets how many.
func BenchmarkStart(b *testing.B) {
	products := 10_000
	if own := os.Getenv("TILLSTREAM_BENCH_PRODUCTS"); own != "" {
		var err error
		if products, err = strconv.Atoi(own); err != nil || products < 1 {
			b.Fatalf("TILLSTREAM_BENCH_PRODUCTS=%q: must be a number above 0", own)
		}
	}
	p := newProgram(b, "demo", "http://127.0.0.1:9", "none") // which nobody answers
	p.env = append(p.env, "TILLSTREAM_SYNCING=manual")
	fillFolder(b, p.data, products)
	startUp(b, p)
	p.stop()
	for _, how := range []string{"folded as they came", "rebuilt"} {
		if how == "rebuilt" {
			began := time.Now()
			rebuild := exec.Command("tillstream", "rebuild")
			rebuild.Env = p.env
			if out, err := rebuild.CombinedOutput(); err != nil {
				b.Fatalf("rebuild: %v\n%s", err, out)
			}
			b.Logf("rebuilt in %s, with %d MB in memory at most", time.Since(began).Round(time.Millisecond), peakOf(rebuild))
		}
		b.Run(fmt.Sprintf("%d products %s", products, how), func(b *testing.B) {
			peak, busy := int64(0), time.Duration(0)
			for b.Loop() {
				startUp(b, p)
				b.StopTimer()
				up := p.cmd
				p.stop()
				peak = max(peak, peakOf(up))
				busy += up.ProcessState.UserTime() + up.ProcessState.SystemTime()
				b.StartTimer()
			}
			b.ReportMetric(b.Elapsed().Seconds()/float64(b.N), "s-to-ready")
			b.ReportMetric(busy.Seconds()/float64(b.N), "cpu-s") // which does not depend on who else is at work
			b.ReportMetric(float64(peak), "MB-at-most")
		})
	}
}

// startUp starts the program and waits until it is ready, however long that takes.
func startUp(b *testing.B, p *program) {
	b.Helper()
	p.launch()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(15 * time.Minute); !p.ready(); <-tick.C {
		if strings.Contains(p.output.String(), "tillstream: ") || time.Now().After(deadline) {
			b.Fatalf("not ready; the program said:\n%s", p.output)
		}
	}
}

// peakOf is how much memory a program that has ended held at most, in megabytes.
func peakOf(ended *exec.Cmd) int64 {
	if usage, ok := ended.ProcessState.SysUsage().(*syscall.Rusage); ok {
		return usage.Maxrss >> 10
	}
	return 0
}

// fillFolder makes a data folder whose logs hold products with stock, each linked.
func fillFolder(b *testing.B, data string, products int) {
	b.Helper()
	conn, err := streams.Connect(b.Context(), streams.Config{DataDir: data, WithoutSync: true})
	if err != nil {
		b.Fatal(err)
	}
	defer func() {
		if err := conn.Close(); err != nil {
			b.Fatal(err)
		}
	}()
	if err := conn.Ensure(b.Context()); err != nil {
		b.Fatal(err)
	}
	at := time.Date(2026, 11, 1, 10, 0, 0, 0, time.UTC)
	description := strings.Repeat("A shirt. ", 20)
	item := func(i int) string { return fmt.Sprintf("6f0c2f0e-7a55-5e0e-9d3b-%012d", i) }
	appendAll(b, conn.POS(), products, func(i int) domain.Envelope {
		return domain.Envelope{ID: domain.EventID(fmt.Sprint("saved-", i)), Source: "/bench", Type: domain.TypeProductSaved, Subject: item(i), Time: at,
			Data: json.RawMessage(fmt.Sprintf(`{"item":%q,"sku":"SHIRT-%d","name":"Shirt %d","description":%q,"retail_price":"12.50"}`, item(i), i, i, description))}
	})
	appendAll(b, conn.POS(), products, func(i int) domain.Envelope {
		return domain.Envelope{ID: domain.EventID(fmt.Sprint("level-", i)), Source: "/bench", Type: domain.TypeStockLevelReported, Subject: item(i), Time: at,
			Data: json.RawMessage(fmt.Sprintf(`{"item":%q,"outlet":"Quayside","on_hand":"%d"}`, item(i), i%50))}
	})
	appendAll(b, conn.Sync(), products, func(i int) domain.Envelope {
		return domain.Envelope{ID: domain.EventID(fmt.Sprint("linked-", i)), Source: "/bench", Type: domain.TypeProductLinked, Subject: item(i), Time: at,
			Data: json.RawMessage(fmt.Sprintf(`{"product":%q,"bigcommerce_id":%d,"variants":[{"item":%q,"bigcommerce_id":%d}],"simple":true,"by":"sku"}`, item(i), i+1, item(i), i+1))}
	})
}

func appendAll(b *testing.B, log *streams.Log, n int, event func(int) domain.Envelope) {
	b.Helper()
	wait := []func(context.Context) ([]streams.Appended, error){}
	for from := 0; from < n; from += streams.MaxGroup {
		group := []domain.Envelope{}
		for i := from; i < min(from+streams.MaxGroup, n); i++ {
			group = append(group, event(i))
		}
		if wait = append(wait, log.Submit(b.Context(), "demo", group)); len(wait) > 8 {
			if _, err := wait[0](b.Context()); err != nil {
				b.Fatal(err)
			}
			wait = wait[1:]
		}
	}
	for _, each := range wait {
		if _, err := each(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}
