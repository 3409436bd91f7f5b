package streams_test

import (
	"fmt"
	"os"
	"strconv"
	"testing"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/streams"
	"github.com/tillstream/tillstream/streams/streamstest"
)

// benchEvents is how many events the log of a benchmark has: 50,000, or what
// TILLSTREAM_BENCH_EVENTS says.
func benchEvents() int {
	if n, err := strconv.Atoi(os.Getenv("TILLSTREAM_BENCH_EVENTS")); err == nil && n > 0 {
		return n
	}
	return 50_000
}

// fillLog appends events of n/10 items, ten of each, spread evenly over the log.
func fillLog(b *testing.B, c *streams.Conn, n int) {
	b.Helper()
	items := max(n/10, 1)
	for done := 0; done < n; {
		group := make([]domain.Envelope, min(streams.MaxGroup, n-done))
		for i := range group {
			group[i] = benchEvent(fmt.Sprint("i-", done%items), fmt.Sprint("e-", done))
			done++
		}
		if _, err := c.POS().Append(b.Context(), "demo", group); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkReplay makes a line of every event of a log, against an ordered consumer that
// only reads them. A larger log: TILLSTREAM_BENCH_EVENTS=10000000.
func BenchmarkReplay(b *testing.B) {
	c := streamstest.Start(b)
	n := benchEvents()
	fillLog(b, c, n)
	var raw float64
	read := func(b *testing.B, each func(streams.Message) error) float64 {
		for b.Loop() {
			if err := c.POS().Read(b.Context(), streams.Query{}, each); err != nil {
				b.Fatal(err)
			}
		}
		rate := float64(n) * float64(b.N) / b.Elapsed().Seconds()
		b.ReportMetric(rate, "events/s")
		return rate
	}
	b.Run("ordered consumer", func(b *testing.B) {
		raw = read(b, func(streams.Message) error { return nil })
	})
	b.Run("lines", func(b *testing.B) {
		var line []byte
		rate := read(b, func(m streams.Message) (err error) {
			line, err = m.AppendLine(line[:0])
			return err
		})
		b.ReportMetric(rate/raw, "of-raw")
	})
}

// BenchmarkItem reads one item of a log whose ten events lie far apart: at their
// positions, and by the server's own index, which looks into every block between them.
// A larger log: TILLSTREAM_BENCH_EVENTS=10000000.
func BenchmarkItem(b *testing.B) {
	c := streamstest.Start(b)
	n := benchEvents()
	fillLog(b, c, n)
	events := c.POS().Events()
	items := max(n/10, 1)
	b.Run("at its positions", func(b *testing.B) {
		i := 0
		for b.Loop() {
			at := make([]domain.Position, 0, 10)
			for k := range 10 {
				at = append(at, domain.Position(k*items+i%items+1))
			}
			i += 7919 // another item, in other places of the blocks
			if _, err := events.Count(b.Context(), "demo", fmt.Sprint("i-", i%items)); err != nil {
				b.Fatal(err)
			}
			if err := events.ReadAt(b.Context(), at, func(domain.Recorded, error) error { return nil }); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("by its subject", func(b *testing.B) {
		i := 0
		for b.Loop() {
			if err := events.Read(b.Context(), "demo", fmt.Sprint("i-", i%items), 0, 0, func(domain.Recorded, error) error { return nil }); err != nil {
				b.Fatal(err)
			}
			i += 7919
		}
	})
}
