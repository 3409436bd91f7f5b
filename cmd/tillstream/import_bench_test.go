package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tillstream/tillstream/handlers/bigcommerce/simulator"
)

// The measure of [BenchmarkSaleDuringImport].
const (
	saleProducts = 100_000
	saleEvery    = 50 * time.Millisecond
	saleLatency  = 20 * time.Millisecond // of BigCommerce
)

// BenchmarkSaleDuringImport imports a file of a hundred thousand products into the
// real program, makes a sale every 50 ms meanwhile, and measures from the request
// that tells of a sale to its stock in BigCommerce. With few of the products linked it
// is taking the file in that competes with the sales, with all of them also pushing it,
// which goes on long after where BigCommerce has a quota.
func BenchmarkSaleDuringImport(b *testing.B) {
	for _, tt := range []struct {
		name  string
		all   bool
		quota int // in 30 s; 0: none
	}{
		{name: "few linked"},
		{name: "all linked", all: true},
		{name: "all linked, quota 450", all: true, quota: 450},
		{name: "all linked, quota 150", all: true, quota: 150},
	} {
		b.Run(tt.name, func(b *testing.B) {
			w := newSalesWorld(b, saleProducts, saleLatency)
			w.bringIn(0)
			w.link(tt.all)
			if tt.quota > 0 {
				if err := w.shop.Fail(simulator.Fault{Kind: simulator.QuotaChange, Quota: tt.quota, Window: 30 * time.Second}); err != nil {
					b.Fatal(err)
				}
				// The first that hears of a new quota may be refused for the rest of a window.
				w.sell()
				w.arrived()
			}
			for b.Loop() {
				w.measure(b, tt.quota == 0)
			}
		})
	}
}

// BenchmarkSale_idle makes one sale after another in the real program, each when the
// one before is pushed whole, and measures from the request that tells of a sale to
// its stock in a BigCommerce that answers at once.
func BenchmarkSale_idle(b *testing.B) {
	w := newSalesWorld(b, 2_000, 0)
	w.bringIn(0)
	w.link(false)
	w.took, w.answered = nil, nil
	for b.Loop() {
		w.sell()
		w.arrived()
		w.p.waitFor("nothing is left to push", func() bool { pending, _ := w.standing(); return pending == 0 })
	}
	b.Log(w.report(b))
}

// salesWorld is the program with the products of a file, and the shop behind it.
type salesWorld struct {
	p        *program
	shop     *simulator.Store
	products int
	imports  int
	sales    int

	mu       sync.Mutex
	due      map[int64]sale // by the product's id in BigCommerce
	took     []time.Duration
	answered []time.Duration
}

// sale is one whose stock is on its way.
type sale struct {
	told  time.Time
	level string
}

func newSalesWorld(b *testing.B, products int, latency time.Duration) *salesWorld {
	w := &salesWorld{products: products, due: map[int64]sale{}}
	w.shop = simulator.New(simulator.Config{StoreHash: "sales", Token: "t", Latency: latency, LogLimit: 1000, OnChange: w.changed})
	if err := w.shop.SeedCatalog(products, 0); err != nil {
		b.Fatal(err)
	}
	bigcommerce := httptest.NewServer(w.shop)
	b.Cleanup(bigcommerce.Close)
	w.p = newProgram(b, "sales", bigcommerce.URL, "t")
	w.p.env = append(w.p.env, "TILLSTREAM_PUBLISH=linked")
	w.p.start()
	return w
}

// changed is told what changes in BigCommerce.
func (w *salesWorld) changed(c simulator.Change) {
	if c.Kind != "stock" {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if s, ok := w.due[c.Product]; ok && string(c.Fields[0].After) == s.level {
		w.took = append(w.took, time.Since(s.told))
		delete(w.due, c.Product)
	}
}

// file is the export of a shop: each number gives every product another price, and
// stock but for those that are sold, whose next reading could overtake a sale's.
func (w *salesWorld) file(number int) []byte {
	var b bytes.Buffer
	b.WriteString("id,handle,sku,name,description,brand_name,supply_price,retail_price,active,track_inventory,inventory_Quayside\n")
	for n := 1; n <= w.products; n++ {
		stock := fmt.Sprint(10 + number%50)
		if number > 0 && n%every == 0 {
			stock = ""
		}
		fmt.Fprintf(&b, "i-%d,h-%d,SIM-%d,Simulated product %d,<p>%s</p>,Kite & Keel,4.20,%d.%02d,1,1,%s\n", n, n, n, n, strings.Repeat("Chips and all. ", 10), n%90+10, number%100, stock)
	}
	return b.Bytes()
}

// bringIn imports the file with a number and returns how long the answer took.
func (w *salesWorld) bringIn(number int) time.Duration {
	start := time.Now()
	answer := w.send("imports?file=export.csv", w.file(number))
	if !strings.Contains(answer, `"refused":0`) || !strings.Contains(answer, `"summary"`) {
		w.p.t.Errorf("import: %s", answer[max(0, len(answer)-1000):])
	}
	return time.Since(start)
}

// every is how many products lie between two that are sold.
const every = 100

func (w *salesWorld) link(all bool) {
	w.p.waitFor("everything is folded", func() bool { _, lag := w.standing(); return lag == 0 })
	if all {
		w.send("links", []byte(`{"auto":true}`))
	} else {
		for n := every; n <= w.products; n += every {
			p, _ := w.shop.ProductBySKU(fmt.Sprintf("SIM-%d", n))
			w.send("links", fmt.Appendf(nil, `{"item":"i-%d","bigcommerce_id":%d}`, n, p.ID))
		}
	}
	w.p.waitFor("nothing is left to push", func() bool { pending, _ := w.standing(); return pending == 0 })
}

// measure is one import with its sales, and with whole all that is to be pushed then.
func (w *salesWorld) measure(b *testing.B, whole bool) {
	w.imports++
	w.took, w.answered = nil, nil
	var over atomic.Bool
	var sellers sync.WaitGroup
	tick := time.NewTicker(saleEvery)
	defer tick.Stop()
	sellers.Go(func() {
		for !over.Load() {
			<-tick.C
			sellers.Go(w.sell)
		}
	})
	start := time.Now()
	answered := w.bringIn(w.imports)
	w.p.waitFor("the import is folded", func() bool { _, lag := w.standing(); return lag == 0 })
	folded := time.Since(start)
	over.Store(true)
	sellers.Wait()
	w.arrived()
	if whole {
		w.p.waitFor("nothing is left to push", func() bool { pending, _ := w.standing(); return pending == 0 })
	}
	pushed := time.Since(start)
	b.Logf("%s; import answered after %.1f s, folded after %.1f s, pushed after %.1f s", w.report(b), answered.Seconds(), folded.Seconds(), pushed.Seconds())
	b.ReportMetric(saleProducts/folded.Seconds(), "rows/s")
}

// arrived waits for the stock of every sale.
func (w *salesWorld) arrived() {
	w.p.waitFor("every sale is in BigCommerce", func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		return len(w.due) == 0
	})
}

// report reports what the sales took, and puts it into words.
func (w *salesWorld) report(b *testing.B) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	slices.Sort(w.took)
	slices.Sort(w.answered)
	of := func(took []time.Duration, part float64) float64 {
		return took[int(part*float64(len(took)-1))].Seconds() * 1000
	}
	at := func(part float64) float64 { return of(w.took, part) }
	b.ReportMetric(at(.5), "p50-ms")
	b.ReportMetric(at(.95), "p95-ms")
	b.ReportMetric(at(.99), "p99-ms")
	b.ReportMetric(at(1), "max-ms")
	return fmt.Sprintf("%d sales: p50 %.1f ms, p95 %.1f ms, p99 %.1f ms, most %.1f ms; their answers p50 %.1f ms, p99 %.1f ms",
		len(w.took), at(.5), at(.95), at(.99), at(1), of(w.answered, .5), of(w.answered, .99))
}

// sell tells of the next sale.
func (w *salesWorld) sell() {
	w.mu.Lock()
	w.sales++
	n := every * (1 + w.sales%(w.products/every))
	s := sale{time.Now(), fmt.Sprint(1000 + w.sales)}
	number := w.sales
	w.mu.Unlock()
	p, _ := w.shop.ProductBySKU(fmt.Sprintf("SIM-%d", n))
	w.mu.Lock()
	w.due[p.ID] = s
	w.mu.Unlock()
	event := fmt.Sprintf(`{"specversion":"1.0","id":"sale-%d","source":"/pos/sales/till-1","type":"pos.item.sold.v1","subject":"i-%d","time":"%s","data":{"item":"i-%d","outlet":"Quayside","quantity":"1","sale":"%d","line":"1","on_hand":"%s"}}`,
		number, n, s.told.UTC().Format(time.RFC3339Nano), n, number, s.level)
	if answer := w.send("events", []byte(event)); !strings.Contains(answer, `"position"`) {
		w.p.t.Errorf("sale: %s", answer)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.answered = append(w.answered, time.Since(s.told))
}

func (w *salesWorld) send(to string, body []byte) string {
	r, err := w.p.request(http.MethodPost, "/v1/stores/sales/"+to, bytes.NewReader(body))
	if err != nil {
		w.p.t.Error(err)
		return ""
	}
	defer r.Body.Close()
	answer, err := io.ReadAll(r.Body)
	if err != nil || r.StatusCode != http.StatusOK {
		w.p.t.Errorf("%s: %s %v: %s", to, r.Status, err, answer)
	}
	return string(answer)
}

// standing is how many products are to be pushed, and events to be folded.
func (w *salesWorld) standing() (pending, lag int) {
	r, err := w.p.request(http.MethodGet, "/status.json", nil)
	if err != nil {
		return 1, 1
	}
	defer r.Body.Close()
	var status struct {
		Stores []struct {
			Projection struct{ Lag int }
			Publishing struct{ Pending int }
		}
	}
	if err := json.NewDecoder(r.Body).Decode(&status); err != nil || len(status.Stores) != 1 {
		return 1, 1
	}
	return status.Stores[0].Publishing.Pending, status.Stores[0].Projection.Lag
}
