package ingest_test

import (
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/ingest"
	"github.com/tillstream/tillstream/streams/streamstest"
)

// exportRows is the size of the file of [BenchmarkImport].
const exportRows = 200_000

// BenchmarkImport measures importing a file of two hundred thousand rows, fsync on,
// against appending as many events of the same size in atomic batches of a thousand,
// which is measured first. Nothing is projected. The heap is the most there was
// while it went on, above what there was before; what the broker has of it is not
// there when the file is only read.
func BenchmarkImport(b *testing.B) {
	var raw float64
	b.Run("raw", func(b *testing.B) {
		conn := streamstest.Start(b, streamstest.WithSync())
		description := strings.Repeat("Chips and all. ", 10)
		events := 0
		for b.Loop() {
			for events = 0; events < 2*exportRows; {
				group := make([]domain.Envelope, 0, 1000)
				for range 500 {
					item := domain.ItemID(fmt.Sprintf("i-%d", events))
					retail, supply := domain.MustMoney("12.5"), domain.MustMoney("4.2")
					group = append(group,
						envelopeOf(b, events, &domain.ProductImported{Item: item, Description: domain.Description{
							SKU: domain.SKU(item), Name: "Product " + string(item), Description: &description, RetailPrice: &retail, SupplyPrice: &supply}}),
						envelopeOf(b, events+1, &domain.StockLevelReported{Item: item, Outlet: "Quayside", OnHand: domain.MustQuantity("3")}))
					events += 2
				}
				if _, err := conn.POS().Append(b.Context(), store, group); err != nil {
					b.Fatal(err)
				}
			}
		}
		raw = float64(b.N) * 2 * exportRows / b.Elapsed().Seconds()
		b.ReportMetric(raw, "events/s")
	})
	run := func(b *testing.B, s *ingest.Service, im ingest.Import) (rate float64) {
		var most, before uint64
		watch := new(told).watch()
		watch.Progress = func(r ingest.Report) error {
			if r.Rows%10_000 == 0 {
				most = max(most, heap())
			}
			return nil
		}
		b.ReportAllocs()
		for b.Loop() {
			before = heap()
			report, _, err := s.Import(b.Context(), store, &export{}, im, watch)
			if err != nil || report.Events != 2*exportRows {
				b.Fatalf("%+v, %v", report, err)
			}
		}
		rate = float64(b.N) * 2 * exportRows / b.Elapsed().Seconds()
		b.ReportMetric(rate, "events/s")
		b.ReportMetric(float64(most-min(most, before))/(1<<20), "heap-MB")
		return rate
	}
	b.Run("reading alone", func(b *testing.B) { run(b, ingest.New(nil, time.Now), ingest.Import{Dry: true}) })
	b.Run("import", func(b *testing.B) {
		conn := streamstest.Start(b, streamstest.WithSync())
		s := ingest.New(conn.POS(), time.Now)
		s.Notes = conn.Control()
		rate := run(b, s, ingest.Import{Digest: digest("export")})
		b.ReportMetric(rate/raw, "of-raw")
	})
}

func envelopeOf(b *testing.B, number int, event domain.Event) domain.Envelope {
	e, err := domain.NewEnvelope(domain.DeriveEventID("/pos/harbour/raw", fmt.Sprint(number)), "/pos/harbour/raw", time.Now(), event)
	if err != nil {
		b.Fatal(err)
	}
	return e
}

// heap is what is in use, garbage aside.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// export is the file, made while it is read.
type export struct {
	rows int
	rest string
}

func (e *export) Read(p []byte) (int, error) {
	if e.rest == "" {
		switch {
		case e.rows > exportRows:
			return 0, io.EOF
		case e.rows == 0:
			e.rest = "id,handle,sku,name,description,brand_name,supply_price,retail_price,active,track_inventory,inventory_Quayside\n"
		default:
			e.rest = fmt.Sprintf("i-%d,h-%d,S-%d,Product %d,<p>%s</p>,Kite & Keel,4.20,12.50,1,1,3\n", e.rows, e.rows, e.rows, e.rows, strings.Repeat("Chips and all. ", 10))
		}
		e.rows++
	}
	n := copy(p, e.rest)
	e.rest = e.rest[n:]
	return n, nil
}
