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
	p := pastOf(t, l)
	item := projections.Match{Item: "i-1", Product: "p-1"}
	var got []string
	err := p.History(t.Context(), "demo", item, 0, func(s projections.Step) error {
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
	if err := p.History(t.Context(), "demo", item, 0, func(projections.Step) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("error of the caller came back as %v", err)
	}
}

// The history of a product is what happened to items while they were in it.
func TestPast_History_product(t *testing.T) {
	t.Parallel()
	p := pastOf(t, moving(t))
	for product, want := range map[domain.ProductID][]domain.Position{
		"i-1": {1, 2},
		"p-1": {2, 3, 4, 6, 8, 9, 11, 12, 13},
		"p-2": {5, 6, 7, 9, 10, 12},
		"p-3": {8, 11},
	} {
		var got []domain.Position
		err := p.History(t.Context(), "demo", projections.Match{Product: product}, 0, func(s projections.Step) error {
			got = append(got, s.Event.Position)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		diff(t, "events of "+string(product), got, want)
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
