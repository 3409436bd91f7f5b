package projections_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/projections"
)

func TestHistory(t *testing.T) {
	t.Parallel()
	var l log
	l.add(t, domain.TypeProductSaved, `{"item":"i-1","sku":"s","name":"Shirt","retail_price":"12.50","options":[{"name":"Size","value":"M"}]}`)
	l.add(t, domain.TypeProductSaved, `{"item":"i-2","sku":"t","name":"Other"}`)
	l.add(t, domain.TypeStockLevelReported, `{"item":"i-1","outlet":"Quayside","on_hand":"3"}`)
	l.add(t, domain.TypeProductSaved, `{"item":"i-1","sku":"s","name":"Blouse","retail_price":"12.50","product":"p-1"}`)
	l = append(l, domain.Recorded{Envelope: domain.Envelope{Subject: "i-1"}, Store: "demo", Position: 5}) // no event
	again := l[3]
	again.Position = 6
	l = append(l, again)
	var got []string
	err := projections.History(t.Context(), l, domain.StockLevels, "demo", "i-1", 0, func(s projections.Step) error {
		got = append(got, fmt.Sprintf("%d %s %v", s.Event.Position, s.Outcome, s.Problem))
		for _, c := range s.Changes {
			got = append(got, fmt.Sprintf("  %s: %q to %q", c.Field, c.Before, c.After))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	diff(t, "history", got, []string{
		"1 folded <nil>",
		`  family.active: "" to "true"`,
		`  family.name: "" to "Shirt"`,
		`  family.track_inventory: "" to "true"`,
		`  options: "" to "[{\"name\":\"Size\",\"value\":\"M\"}]"`,
		`  product: "" to "i-1"`,
		`  retail_price: "" to "12.5"`,
		`  sku: "" to "s"`,
		`  supply_price: "" to "0"`,
		"3 folded <nil>",
		`  stock.Quayside: "" to "3"`,
		"4 folded <nil>",
		`  family.name: "Shirt" to "Blouse"`,
		`  options: "[{\"name\":\"Size\",\"value\":\"M\"}]" to ""`,
		`  product: "i-1" to "p-1"`,
		"5  no event",
		"6 duplicate <nil>",
	})

	stop := errors.New("enough")
	if err := projections.History(t.Context(), l, domain.StockLevels, "demo", "i-1", 0, func(projections.Step) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("error of the caller came back as %v", err)
	}
}

func TestItemAt(t *testing.T) {
	t.Parallel()
	l := moving(t)
	for at, want := range map[domain.Position]domain.ProductID{1: "i-1", 2: "p-1", 6: "p-2", 8: "p-2", 9: "p-1", 0: "p-1"} {
		p, err := projections.ItemAt(t.Context(), l, domain.StockLevels, "demo", "i-1", at)
		if err != nil {
			t.Fatal(err)
		}
		if p.ID != want {
			t.Errorf("at position %d the item is in %s, want %s", at, p.ID, want)
		}
	}
	if _, err := projections.ItemAt(t.Context(), l, domain.StockLevels, "demo", "i-7", 0); !errors.Is(err, domain.ErrNotFound) {
		t.Errorf("error for an unknown item is %v", err)
	}
}

func TestCompare(t *testing.T) {
	t.Parallel()
	var l log
	l.add(t, domain.TypeProductSaved, `{"item":"i-1","sku":"s","name":"Shirt","product":"p"}`)
	l.add(t, domain.TypeProductSaved, `{"item":"i-2","sku":"t","name":"Blouse","product":"p"}`)
	c := open(t, newBucket())
	fold(t, c, l[0])
	before, err := c.Product(t.Context(), "demo", "p")
	if err != nil {
		t.Fatal(err)
	}
	fold(t, c, l[1])
	after, err := c.Product(t.Context(), "demo", "p")
	if err != nil {
		t.Fatal(err)
	}
	diff(t, "changes", projections.Compare(&before, &after), []projections.Change{
		{Field: "family.name", Before: "Shirt", After: "Blouse"},
		{Field: "items.i-2.retail_price", After: "0"},
		{Field: "items.i-2.sku", After: "t"},
		{Field: "items.i-2.supply_price", After: "0"},
	})
	diff(t, "no changes", projections.Compare(&after, &after), []projections.Change(nil))
}
