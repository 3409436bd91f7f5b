package projections_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/projections"
)

var update = flag.Bool("update", false, "record what is not recorded yet; what is, is never changed")

// recordedDigests is what earlier versions of this program made of the golden
// histories: by the format of the snapshots, and by history.
type recordedDigests map[int]map[string]recordedDigest

type recordedDigest struct {
	Position domain.Position  `json:"position"`
	Products int              `json:"products"`
	Digest   projections.Hash `json:"digest"`
}

// TestGoldenDigests folds every golden history and compares the digest with the one
// that is recorded for the present format. A fold that makes another state of the
// same log needs a new format: see [projections.SnapshotFormat].
func TestGoldenDigests(t *testing.T) {
	t.Parallel()
	const file = "testdata/digests.json"
	recorded := recordedDigests{}
	raw, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(raw, &recorded)
	}
	if err != nil && !*update {
		t.Fatal(err)
	}
	now := recorded[projections.SnapshotFormat]
	if now == nil {
		now = map[string]recordedDigest{}
		recorded[projections.SnapshotFormat] = now
	}
	told := goldenHistories(t)
	for name, history := range told {
		b := newBucket()
		c, err := projections.OpenCatalog(t.Context(), b, history.mode, 0)
		if err != nil {
			t.Fatal(err)
		}
		fold(t, c, history.log...)
		got := recordedDigest{c.Position(), len(c.Products("demo", "", 1<<20)), tree(t, c).Digest()}
		want, ok := now[name]
		switch {
		case !ok && *update:
			now[name] = got
		case !ok:
			t.Errorf("%s: no digest is recorded for format %d; run the test with -update", name, projections.SnapshotFormat)
		case got != want:
			t.Errorf("%s: the same log gives another state than it did:\n got %+v\nwant %+v\nraise SnapshotFormat if that is meant", name, got, want)
		}
	}
	for name := range now {
		if _, ok := told[name]; !ok {
			t.Errorf("%s: its history is gone", name)
		}
	}
	if *update {
		raw, err := json.MarshalIndent(recorded, "", "  ")
		if err == nil {
			err = os.WriteFile(file, append(raw, '\n'), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestSnapshotFormat_types: a type that becomes known is folded where the events of it
// are, by a rebuild. So it needs a new format, as any change of the fold does.
func TestSnapshotFormat_types(t *testing.T) {
	t.Parallel()
	const file = "testdata/types.json"
	recorded := map[int][]domain.Type{}
	raw, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(raw, &recorded)
	}
	if err != nil && !*update {
		t.Fatal(err)
	}
	if _, ok := recorded[projections.SnapshotFormat]; !ok && *update {
		recorded[projections.SnapshotFormat] = domain.POSTypes()
		raw, err := json.MarshalIndent(recorded, "", "  ")
		if err == nil {
			err = os.WriteFile(file, append(raw, '\n'), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	diff(t, "types that this format folds", domain.POSTypes(), recorded[projections.SnapshotFormat])
}

// history is a log and how the stock moves in its store.
type history struct {
	log   log
	stock domain.StockMode
}

func (h history) mode(domain.StoreID) domain.StockMode { return h.stock }

// goldenHistories are the stories of the fold, and two long ones in which everything
// meets, one for each way to move stock.
func goldenHistories(t *testing.T) map[string]history {
	t.Helper()
	out := map[string]history{}
	for _, folder := range []string{"../domain/testdata/folds", "testdata/histories"} {
		files, err := filepath.Glob(filepath.Join(folder, "*.ndjson"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			out[strings.TrimSuffix(filepath.Base(file), ".ndjson")] = readHistory(t, file)
		}
	}
	for _, stock := range []domain.StockMode{domain.StockLevels, domain.StockMovements} {
		name := "everything-meets-by-" + string(stock)
		if _, ok := out[name]; !ok {
			if !*update {
				t.Fatalf("there is no history %s", name)
			}
			file := filepath.Join("testdata/histories", name+".ndjson")
			if err := os.WriteFile(file, everythingMeets(t, stock), 0o644); err != nil {
				t.Fatal(err)
			}
			out[name] = readHistory(t, file)
		}
	}
	return out
}

func readHistory(t *testing.T, file string) history {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Scan()
	var head struct{ Stock domain.StockMode }
	if err := json.Unmarshal(lines.Bytes(), &head); err != nil {
		t.Fatal(err)
	}
	h := history{stock: head.Stock}
	for lines.Scan() {
		envelope, _, err := domain.DecodeEnvelope(lines.Bytes())
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		h.log = append(h.log, domain.Recorded{Envelope: envelope, Store: "demo", Position: domain.Position(len(h.log) + 1)})
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return h
}

// everythingMeets writes a history of a few items in which moves, deletions, late
// and repeated events, and every type of event come across each other.
func everythingMeets(t *testing.T, stock domain.StockMode) []byte {
	t.Helper()
	r := rand.New(rand.NewPCG(7, 1))
	var b bytes.Buffer
	fmt.Fprintf(&b, "{\"story\":\"everything meets\",\"stock\":%q}\n", stock)
	one := func(of ...string) string { return of[r.IntN(len(of))] }
	var lines [][]byte
	for n := range 400 {
		if len(lines) > 0 && r.IntN(12) == 0 {
			lines = append(lines, lines[r.IntN(len(lines))])
			continue
		}
		item := one("i-1", "i-2", "i-3", "i-4", "i-5", "p-1")
		product := one("", "p-1", "p-2", "i-3")
		outlet, quantity := one("Quayside", "Mill Lane"), one("1", "2.5", "12")
		said := []struct {
			typ  domain.Type
			data string
		}{
			{domain.TypeProductSaved, fmt.Sprintf(`{"item":%q,"sku":"S-%s","name":"Name %d","product":%q,"description":"Text %d","options":[{"name":"Size","value":%q}],"retail_price":"%d.50"}`, item, item, n, product, n, item, n)},
			{domain.TypeProductSaved, fmt.Sprintf(`{"item":%q,"sku":"S-%s","name":"Name %d","brand":"Brand %d"}`, item, item, n, n%5)},
			{domain.TypeProductImported, fmt.Sprintf(`{"item":%q,"sku":"T-%s","name":"Name %d","import":{"id":"f","file":"f.csv","row":%d}}`, item, item, n, n+1)},
			{domain.TypeProductDeleted, fmt.Sprintf(`{"item":%q}`, item)},
			{domain.TypeItemSold, fmt.Sprintf(`{"item":%q,"outlet":%q,"quantity":%q,"sale":"s-%d","line":"1"}`, item, outlet, quantity, n)},
			{domain.TypeItemRefunded, fmt.Sprintf(`{"item":%q,"outlet":%q,"quantity":%q,"sale":"r-%d","line":"1"}`, item, outlet, quantity, n)},
			{domain.TypeItemExchanged, fmt.Sprintf(`{"item":%q,"outlet":%q,"quantity":"-%s","sale":"x-%d","line":"1"}`, item, outlet, quantity, n)},
			{domain.TypeStockCounted, fmt.Sprintf(`{"item":%q,"outlet":%q,"on_hand":%q,"count":"c-%d"}`, item, outlet, quantity, n)},
			{domain.TypeStockOrderReceived, fmt.Sprintf(`{"item":%q,"outlet":%q,"quantity":%q,"order":"o-%d"}`, item, outlet, quantity, n)},
			{domain.TypeStockTransferred, fmt.Sprintf(`{"item":%q,"from":"Quayside","to":"Mill Lane","quantity":%q,"transfer":"t-%d"}`, item, quantity, n)},
			{domain.TypeStockAdjusted, fmt.Sprintf(`{"item":%q,"outlet":%q,"quantity":"-%s","adjustment":"a-%d"}`, item, outlet, quantity, n)},
			{domain.TypeStockLevelReported, fmt.Sprintf(`{"item":%q,"outlet":%q,"on_hand":%q}`, item, outlet, quantity)},
		}
		s := said[r.IntN(len(said))]
		late := []int{0, 0, 0, 0, -1, -100}[r.IntN(6)]
		envelope, err := domain.NewEnvelope(domain.EventID(fmt.Sprintf("e-%d", n)), "/pos/demo/till-1",
			start.Add(time.Duration(n)*time.Minute+time.Duration(late)*24*time.Hour), event(t, s.typ, s.data))
		if err != nil {
			t.Fatal(err)
		}
		if r.IntN(2) == 0 {
			envelope.SourceVersion = uint64(n + 1 - r.IntN(3))
		}
		line, err := json.Marshal(envelope)
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, line)
	}
	for _, line := range lines {
		b.Write(append(line, '\n'))
	}
	return b.Bytes()
}
