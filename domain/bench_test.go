package domain

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"
)

func goldenSnapshot(b *testing.B) (Envelope, Event) {
	b.Helper()
	e, event, err := DecodeEnvelope(goldenEvents(b, TypeProductSaved)[0])
	if err != nil {
		b.Fatal(err)
	}
	return e, event
}

func BenchmarkDecodeEvent(b *testing.B) {
	e, _ := goldenSnapshot(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := DecodeEvent(e.Type, e.Data); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEncodeEvent(b *testing.B) {
	_, event := goldenSnapshot(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := EncodeEvent(event); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecodeEnvelope(b *testing.B) {
	line := goldenEvents(b, TypeItemSold)[0]
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := DecodeEnvelope(line); err != nil {
			b.Fatal(err)
		}
	}
}

// benchProduct has three variants with stock at two outlets.
func benchProduct(b *testing.B, mode StockMode) *catalog {
	b.Helper()
	c := newCatalog(mode)
	product := ProductID("p-1")
	html := "<p>Seam-sealed shell, light enough to forget.</p>"
	for i, size := range []string{"S", "M", "L"} {
		item := ItemID("i-" + size)
		options := []Option{{"Colour", "Navy"}, {"Size", size}}
		price := MustMoney("99.95")
		events := []Event{
			&ProductSaved{Item: item, Description: Description{SKU: SKU("KK-" + size), Name: "Drizzle Anorak", Product: &product, Description: &html, Options: &options, RetailPrice: &price}},
			&StockCounted{Item: item, Outlet: "Quayside", OnHand: MustQuantity("9"), Count: "c"},
			&StockCounted{Item: item, Outlet: "Mill Lane", OnHand: MustQuantity("4"), Count: "c"},
		}
		for j, event := range events {
			e, err := NewEnvelope(EventID(fmt.Sprintf("%d-%d", i, j)), "/pos/demo", epoch, event)
			if err != nil {
				b.Fatal(err)
			}
			if _, err := c.append(e, event); err != nil {
				b.Fatal(err)
			}
		}
	}
	return c
}

func BenchmarkFold_Sale(b *testing.B) {
	for _, mode := range []StockMode{StockLevels, StockMovements} {
		b.Run(string(mode), func(b *testing.B) {
			p := benchProduct(b, mode).products["p-1"]
			onHand := MustQuantity("8")
			sale := &ItemSold{Item: "i-M", Outlet: "Quayside", Quantity: MustQuantity("1"), Sale: "s", Line: "1"}
			if mode == StockLevels {
				sale.OnHand = &onHand
			}
			e, err := NewEnvelope("e", "/pos/demo", epoch.Add(time.Hour), sale)
			if err != nil {
				b.Fatal(err)
			}
			rec := Recorded{Envelope: e, Store: "demo", Position: 100}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Fold(mode, rec, sale, &p, p); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkProduct_JSON(b *testing.B) {
	p := benchProduct(b, StockLevels).products["p-1"]
	doc, err := json.Marshal(p)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("marshal", func(b *testing.B) {
		b.SetBytes(int64(len(doc)))
		b.ReportAllocs()
		for b.Loop() {
			if _, err := json.Marshal(p); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("append", func(b *testing.B) {
		b.SetBytes(int64(len(doc)))
		b.ReportAllocs()
		var room []byte
		for b.Loop() {
			if room, err = p.AppendJSON(room[:0]); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("pack", func(b *testing.B) {
		b.SetBytes(int64(len(doc)))
		b.ReportAllocs()
		for b.Loop() {
			p.Pack()
		}
	})
	b.Run("unpack", func(b *testing.B) {
		packed := p.Pack()
		b.SetBytes(int64(len(doc)))
		b.ReportMetric(float64(len(packed)), "bytes")
		b.ReportAllocs()
		for b.Loop() {
			packed.Unpack(p.Store, p.ID)
		}
	})
	b.Run("unmarshal", func(b *testing.B) {
		b.SetBytes(int64(len(doc)))
		b.ReportAllocs()
		for b.Loop() {
			var p Product
			if err := json.Unmarshal(doc, &p); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkProduct_Listing(b *testing.B) {
	p := benchProduct(b, StockLevels).products["p-1"]
	b.ReportAllocs()
	for b.Loop() {
		l := p.Listing(Rules{})
		l.Digest()
	}
}
