package simulator

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/pos/csv"
)

var opening0900 = time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)

// catalog folds a log as a projection does, and insists that nothing is refused.
type catalog struct {
	t        testing.TB
	mode     domain.StockMode
	position domain.Position
	products map[domain.ProductID]domain.Product
	holders  map[domain.ItemID]domain.ProductID
	outcomes map[domain.Outcome]int
}

func newCatalog(t testing.TB, mode domain.StockMode) *catalog {
	return &catalog{t: t, mode: mode, products: map[domain.ProductID]domain.Product{}, holders: map[domain.ItemID]domain.ProductID{},
		outcomes: map[domain.Outcome]int{}}
}

func (c *catalog) append(e domain.Envelope) domain.Event {
	c.t.Helper()
	if err := e.Validate(); err != nil {
		c.t.Fatalf("%s: %v", e.ID, err)
	}
	event, err := e.Event()
	if err != nil {
		c.t.Fatalf("%s: %v", e.ID, err)
	}
	c.position++
	id := domain.ItemID(e.Subject)
	var holder *domain.Product
	if p, ok := c.products[c.holders[id]]; ok {
		holder = &p
	}
	target := domain.Target(c.holders[id], event)
	to, ok := c.products[target]
	if !ok {
		to = domain.Product{Store: "demo", ID: target}
	}
	result, err := domain.Fold(c.mode, domain.Recorded{Envelope: e, Store: "demo", Position: c.position}, event, holder, to)
	if err != nil {
		c.t.Fatalf("%s: %v", e.ID, err)
	}
	c.outcomes[result.Outcome]++
	for p := range result.Products() {
		c.products[p.ID] = *p
		for _, it := range p.Items {
			c.holders[it.ID] = p.ID
		}
	}
	return event
}

// imported is a catalog with the export folded.
func imported(t testing.TB, mode domain.StockMode) *catalog {
	c := newCatalog(t, mode)
	for _, row := range readExport(t) {
		for _, e := range row.Envelopes {
			c.append(e)
		}
	}
	return c
}

// readExport reads the export as the importer does.
func readExport(t testing.TB) []csv.Row {
	var file bytes.Buffer
	if err := Export(&file); err != nil {
		t.Fatal(err)
	}
	in, err := csv.NewReader(&file, csv.Options{Store: "demo", ImportID: "opening", File: ExportFile, At: opening0900.Add(-time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	if got := in.Outlets(); len(got) != 2 || got[0] != Quayside || got[1] != MillLane {
		t.Errorf("outlets: got %q", got)
	}
	var rows []csv.Row
	for {
		row, err := in.Next()
		if errors.Is(err, io.EOF) {
			return rows
		}
		if err != nil {
			t.Fatal(err)
		}
		if row.Err != nil || len(row.Notes) > 0 {
			t.Errorf("row %d: got error %v and notes %q, want neither", row.Number, row.Err, row.Notes)
		}
		rows = append(rows, row)
	}
}

func (c *catalog) item(id domain.ItemID) (domain.Product, domain.Item) {
	c.t.Helper()
	p := c.products[c.holders[id]]
	it, ok := p.Item(id)
	if !ok {
		c.t.Fatalf("item %s is in no product", id)
	}
	return p, it
}

// books are the stock of the folded state, as text, where stock is kept.
func (c *catalog) books() map[domain.ItemID]map[domain.OutletID]string {
	out := map[domain.ItemID]map[domain.OutletID]string{}
	for _, p := range c.products {
		if !p.Family.TrackInventory {
			continue
		}
		for _, it := range p.Items {
			for _, level := range it.Stock {
				put(out, it.ID, level.Outlet, level.OnHand)
			}
		}
	}
	return out
}

func put(m map[domain.ItemID]map[domain.OutletID]string, item domain.ItemID, outlet domain.OutletID, q domain.Quantity) {
	if m[item] == nil {
		m[item] = map[domain.OutletID]string{}
	}
	m[item][outlet] = q.String()
}
