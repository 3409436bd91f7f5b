package domain

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// script is a random history: few items, outlets, versions and times, so that
// events meet, tie and overtake each other.
func script(t *rapid.T, most int) ([]Envelope, []Event) {
	n := rapid.IntRange(1, most).Draw(t, "events")
	envelopes, events := make([]Envelope, n), make([]Event, n)
	for i := range n {
		events[i] = randomPOSEvent(t)
		at := epoch.Add(time.Duration(rapid.IntRange(0, 8).Draw(t, "hour")) * time.Hour)
		e, err := NewEnvelope(EventID(fmt.Sprintf("e%d", i)), "/pos/demo", at, events[i])
		if err != nil {
			t.Fatal(err)
		}
		e.SourceVersion = rapid.SampledFrom([]uint64{0, 0, 1, 2, 3, 4, 5, 6}).Draw(t, "version")
		envelopes[i] = e
	}
	return envelopes, events
}

func randomMode(t *rapid.T) StockMode {
	return rapid.SampledFrom([]StockMode{StockLevels, StockMovements}).Draw(t, "mode")
}

// essence is what a catalog holds apart from how often and when it heard of it.
func (c *catalog) essence() []Product {
	out := c.sorted()
	for i := range out {
		out[i].Position, out[i].Tally = 0, Tally{}
		out[i].Items = slices.Clone(out[i].Items)
		for j := range out[i].Items {
			out[i].Items[j].Trail = ""
		}
	}
	return out
}

func asJSON(t interface{ Fatal(...any) }, v any) string {
	b, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestFold_AgainChangesNothing(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := newCatalog(randomMode(t))
		envelopes, events := script(t, 12)
		if c.mode == StockMovements {
			// Whether a reading covers a movement goes by version when both have
			// one, else by time: a store whose movements go by quantities keeps to
			// one of them.
			versions := rapid.Bool().Draw(t, "versions")
			for i := range envelopes {
				envelopes[i].SourceVersion = 0
				if versions {
					envelopes[i].SourceVersion = rapid.Uint64Range(1, 6).Draw(t, "version")
				}
			}
		}
		var folded []int
		for i := range envelopes {
			if _, err := c.append(envelopes[i], events[i]); err != nil {
				continue // the sum does not fit: refused now, and another matter later
			}
			folded = append(folded, i)
			for _, again := range folded {
				before := asJSON(t, c.essence())
				outcome, err := c.append(envelopes[again], events[again])
				if err != nil || outcome == Folded {
					t.Fatalf("event %d after %d, again: got %q, %v", again, i, outcome, err)
				}
				if diff := cmp.Diff(before, asJSON(t, c.essence())); diff != "" {
					t.Fatalf("event %d after %d, again: the state changed:\n%s", again, i, diff)
				}
			}
		}
	})
}

// TestFold_SamePositionTwice is what a projection does that was killed before it
// could acknowledge, at any write: it folds an event again.
func TestFold_SamePositionTwice(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := newCatalog(randomMode(t))
		envelopes, events := script(t, 10)
		for i := range envelopes {
			old := c.sorted()
			holders := map[ItemID]ProductID{}
			for id, p := range c.holders {
				holders[id] = p
			}
			if _, err := c.append(envelopes[i], events[i]); err != nil {
				continue
			}
			want := asJSON(t, c.sorted())
			if rapid.Bool().Draw(t, "only the first product was written") {
				// What the event's first write did stays, all else is as before.
				first := Target(holders[ItemID(events[i].Subject())], events[i])
				for _, p := range old {
					if p.ID != first {
						c.products[p.ID] = p
					}
				}
				c.holders = holders
			}
			rec := Recorded{Envelope: envelopes[i], Store: "demo", Position: c.position}
			if _, err := c.fold(rec, events[i]); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, asJSON(t, c.sorted())); diff != "" {
				t.Fatalf("event %d: folded once more the state differs:\n%s", i, diff)
			}
		}
	})
}

func TestFold_SameLogSameState(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		mode := randomMode(t)
		a, b := newCatalog(mode), newCatalog(mode)
		envelopes, events := script(t, 15)
		for i := range envelopes {
			outcome, err := a.append(envelopes[i], events[i])
			// b goes through JSON after every event, as a restarted projection does.
			for id, p := range b.products {
				var stored Product
				if err := json.Unmarshal([]byte(asJSON(t, p)), &stored); err != nil {
					t.Fatal(err)
				}
				b.products[id] = stored
			}
			line, err2 := envelopes[i].MarshalJSON()
			if err2 != nil {
				t.Fatal(err2)
			}
			envelope, event, err2 := DecodeEnvelope(line)
			if err2 != nil {
				t.Fatal(err2)
			}
			again, err2 := b.append(envelope, event)
			if outcome != again || fmt.Sprint(err) != fmt.Sprint(err2) {
				t.Fatalf("event %d: got %q %v, then %q %v", i, outcome, err, again, err2)
			}
		}
		if diff := cmp.Diff(asJSON(t, a.sorted()), asJSON(t, b.sorted())); diff != "" {
			t.Fatalf("the states differ:\n%s", diff)
		}
	})
}

func TestFold_CountsEachEventOnce(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := newCatalog(randomMode(t))
		envelopes, events := script(t, 15)
		var want, got Tally
		for i := range envelopes {
			if outcome, err := c.append(envelopes[i], events[i]); err == nil {
				want = want.count(outcome)
			}
		}
		for _, p := range c.sorted() {
			got = got.Add(p.Tally)
		}
		if got != want {
			t.Fatalf("got %+v, want %+v", got, want)
		}
	})
}

func TestFold_LeavesItsInputsAlone(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := newCatalog(randomMode(t))
		envelopes, events := script(t, 12)
		for i := range envelopes {
			held := c.sorted()
			// Appending to a shared slice shows only where there is room behind it.
			for j := range held {
				held[j].Items = append(make([]Item, 0, len(held[j].Items)+4), held[j].Items...)
				for k := range held[j].Items {
					it := &held[j].Items[k]
					it.Stock = slices.Grow(it.Stock, 4)
					it.Movements = slices.Grow(it.Movements, 4)
					it.Snapshot.Timed = slices.Grow(it.Snapshot.Timed, 4)
					it.Snapshot.Versioned = slices.Grow(it.Snapshot.Versioned, 4)
				}
				c.products[held[j].ID] = held[j]
			}
			before := asJSON(t, held)
			data := asJSON(t, envelopes[i])
			if _, err := c.append(envelopes[i], events[i]); err != nil {
				continue
			}
			if diff := cmp.Diff(before, asJSON(t, held)); diff != "" {
				t.Fatalf("event %d changed a product in place:\n%s", i, diff)
			}
			if diff := cmp.Diff(data, asJSON(t, envelopes[i])); diff != "" {
				t.Fatalf("event %d was changed:\n%s", i, diff)
			}
		}
	})
}

// TestFoldInto: with room that is used again for every event it comes to what Fold does,
// and writes over nothing but that room.
func TestFoldInto(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		mode := randomMode(t)
		want, got := newCatalog(mode), newCatalog(mode)
		var room []Item
		got.foldWith = func(mode StockMode, rec Recorded, event Event, holder *Product, target Product) (Result, error) {
			room = slices.Grow(append(room[:0], target.Items...), 1)
			target.Items = room
			result, err := FoldInto(mode, rec, event, holder, target)
			if err == nil && result.Outcome == Folded && &result.Product.Items[0] != &room[:1][0] {
				t.Fatal("the room was not used")
			}
			result.Product.Items = slices.Clone(result.Product.Items)
			return result, err
		}
		envelopes, events := script(t, 15)
		for i := range envelopes {
			held := got.sorted()
			before := asJSON(t, held)
			outcome, err := want.append(envelopes[i], events[i])
			again, err2 := got.append(envelopes[i], events[i])
			if outcome != again || fmt.Sprint(err) != fmt.Sprint(err2) {
				t.Fatalf("event %d: got %q %v, want %q %v", i, again, err2, outcome, err)
			}
			if diff := cmp.Diff(before, asJSON(t, held)); diff != "" {
				t.Fatalf("event %d changed a product in place:\n%s", i, diff)
			}
			if diff := cmp.Diff(asJSON(t, want.sorted()), asJSON(t, got.sorted())); diff != "" {
				t.Fatalf("event %d: the states differ:\n%s", i, diff)
			}
		}
	})
}

func TestFold_ReadingsInAnyOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 8).Draw(t, "readings")
		order := rapid.Permutation(count(n)).Draw(t, "order")
		c := newCatalog(randomMode(t))
		for _, i := range order {
			event := &StockLevelReported{Item: "i-1", Outlet: "Quayside", OnHand: MustQuantity(fmt.Sprint(i))}
			e := envelope(t, fmt.Sprint(i), epoch, event)
			e.SourceVersion = uint64(i + 1)
			if _, err := c.append(e, event); err != nil {
				t.Fatal(err)
			}
		}
		it, _ := c.item("i-1")
		if got, want := it.level("Quayside").OnHand.String(), fmt.Sprint(n-1); got != want {
			t.Fatalf("order %v: got %s, want %s", order, got, want)
		}
	})
}

// TestFold_MovementsAndReadingsInAnyOrder: whatever the order of arrival, stock is
// the newest reading plus the movements after it.
func TestFold_MovementsAndReadingsInAnyOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 10).Draw(t, "events")
		events := make([]Event, n)
		want := 0
		for i := range n {
			q := rapid.IntRange(-20, 20).Draw(t, "quantity")
			if rapid.Bool().Draw(t, "reading") {
				want = q
				events[i] = &StockCounted{Item: "i-1", Outlet: "Quayside", OnHand: MustQuantity(fmt.Sprint(q)), Count: "c"}
			} else {
				want += q
				events[i] = &StockAdjusted{Item: "i-1", Outlet: "Quayside", Quantity: MustQuantity(fmt.Sprint(q)), Adjustment: "a"}
			}
		}
		c := newCatalog(StockMovements)
		order := rapid.Permutation(count(n)).Draw(t, "order")
		for _, i := range order {
			e := envelope(t, fmt.Sprint(i), epoch.Add(time.Duration(i)*time.Minute), events[i])
			if _, err := c.append(e, events[i]); err != nil {
				t.Fatal(err)
			}
		}
		it, _ := c.item("i-1")
		if got := it.level("Quayside").OnHand.String(); got != fmt.Sprint(want) {
			t.Fatalf("order %v: got %s, want %d", order, got, want)
		}
	})
}

func count(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

func envelope(t interface{ Fatal(...any) }, id string, at time.Time, event Event) Envelope {
	e, err := NewEnvelope(EventID(id), "/pos/demo", at, event)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// step appends an event that happened the given minutes after the epoch.
func (c *catalog) step(t *testing.T, minute int, event Event) Outcome {
	t.Helper()
	e := envelope(t, fmt.Sprintf("e%d", c.position+1), epoch.Add(time.Duration(minute)*time.Minute), event)
	outcome, err := c.append(e, event)
	if err != nil {
		t.Fatal(err)
	}
	return outcome
}

func saved(item ItemID, product ProductID) *ProductSaved {
	return &ProductSaved{Item: item, Description: Description{SKU: "MUG", Name: "Mug", Product: &product}}
}

func TestFold_WhatAsksForAPush(t *testing.T) {
	t.Parallel()
	c := newCatalog(StockLevels)
	c.step(t, 0, saved("i-1", "p-1"))
	onHand := MustQuantity("4")
	reading := func(q string) Event {
		return &StockLevelReported{Item: "i-1", Outlet: "Quayside", OnHand: MustQuantity(q)}
	}
	line := func() (ItemID, OutletID, Quantity) { return "i-1", "Quayside", MustQuantity("1") }
	item, outlet, one := line()
	for i, step := range []struct {
		name  string
		event Event
		due   bool
	}{
		{"a save that changes nothing", saved("i-1", "p-1"), true},
		{"a reading that changes the stock", reading("5"), true},
		{"a reading that changes nothing", reading("5.00"), false},
		{"an import that changes nothing", &ProductImported{Item: "i-1", Description: Description{SKU: "MUG", Name: "Mug"}}, true},
		{"a sale", &ItemSold{Item: item, Outlet: outlet, Quantity: one, Sale: "s", Line: "1"}, true},
		{"a sale with its reading", &ItemSold{Item: item, Outlet: outlet, Quantity: one, Sale: "s", Line: "2", OnHand: &onHand}, true},
		{"a refund", &ItemRefunded{Item: item, Outlet: outlet, Quantity: one, Sale: "r", Line: "1"}, true},
		{"an exchange", &ItemExchanged{Item: item, Outlet: outlet, Quantity: one, Sale: "x", Line: "1"}, true},
		{"a count that changes nothing", &StockCounted{Item: item, Outlet: outlet, OnHand: onHand, Count: "c"}, true},
		{"a stock order", &StockOrderReceived{Item: item, Outlet: outlet, Quantity: one, Order: "o"}, true},
		{"a transfer", &StockTransferred{Item: item, From: "Quayside", To: "Mill Lane", Quantity: one, Transfer: "t"}, true},
		{"an adjustment", &StockAdjusted{Item: item, Outlet: outlet, Quantity: one, Adjustment: "a"}, true},
		{"a deletion", &ProductDeleted{Item: item}, true},
		{"a deletion of what is deleted", &ProductDeleted{Item: item}, false},
		{"a save of what was deleted", saved("i-1", "p-1"), true},
	} {
		if outcome := c.step(t, i+1, step.event); outcome != Folded {
			t.Errorf("%s: got %s, want folded", step.name, outcome)
		}
		p := c.products["p-1"]
		if got := p.Due == p.Position; got != step.due || p.Position != c.position {
			t.Errorf("%s: due at %d of %d, want due now: %v", step.name, p.Due, p.Position, step.due)
		}
	}
}

func TestFold_DeletedAndRevived(t *testing.T) {
	t.Parallel()
	c := newCatalog(StockLevels)
	c.step(t, 0, saved("i-1", "p-1"))
	c.step(t, 1, &StockLevelReported{Item: "i-1", Outlet: "Quayside", OnHand: MustQuantity("3")})
	c.step(t, 5, &ProductDeleted{Item: "i-1"})
	if p := c.products["p-1"]; !p.Deleted() || len(p.Variants()) != 0 {
		t.Errorf("deleted: got %+v", p)
	}
	if got := c.step(t, 4, saved("i-1", "p-1")); got != Superseded {
		t.Errorf("a save from before the deletion: got %s, want superseded", got)
	}
	c.step(t, 6, saved("i-1", "p-1"))
	p := c.products["p-1"]
	if p.Deleted() || len(p.Variants()) != 1 {
		t.Errorf("revived: got %+v", p)
	}
	if it, _ := p.Item("i-1"); it.level("Quayside").OnHand.String() != "3" {
		t.Errorf("revived: got stock %+v, want 3", it.Stock)
	}
}

func TestFold_MoveKeepsStock(t *testing.T) {
	t.Parallel()
	for _, mode := range []StockMode{StockLevels, StockMovements} {
		c := newCatalog(mode)
		c.step(t, 0, &StockCounted{Item: "i-1", Outlet: "Quayside", OnHand: MustQuantity("3"), Count: "c"})
		c.step(t, 1, &StockAdjusted{Item: "i-1", Outlet: "Quayside", Quantity: MustQuantity("2"), Adjustment: "a"})
		c.step(t, 2, saved("i-1", "p-1"))
		was, _ := c.item("i-1")
		c.step(t, 3, saved("i-1", "p-2"))
		is, _ := c.item("i-1")
		if diff := cmp.Diff(asJSON(t, was.Stock), asJSON(t, is.Stock)); diff != "" {
			t.Errorf("%s: stock changed:\n%s", mode, diff)
		}
		left := c.products["p-1"]
		if len(left.Items) != 0 || left.Position != c.position || left.Due != c.position {
			t.Errorf("%s: the product that was left: got %+v", mode, left)
		}
		if is.Since != c.position {
			t.Errorf("%s: got since %d, want %d", mode, is.Since, c.position)
		}
	}
}

func TestFold_ImportOfAnUnknownItem(t *testing.T) {
	t.Parallel()
	c := newCatalog(StockLevels)
	c.step(t, 0, &ProductImported{Item: "i-1", Description: Description{SKU: "MUG", Name: "Mug"}})
	if f := c.products["i-1"].Family; !f.Active || !f.TrackInventory {
		t.Errorf("what an import leaves unsaid of a new product: got %+v, want active and tracked", f)
	}
}

func TestFold_ErrTooOld(t *testing.T) {
	t.Parallel()
	sale := func(n string) Event {
		return &ItemSold{Item: "i-1", Outlet: "Quayside", Quantity: MustQuantity("1"), Sale: n, Line: "1"}
	}
	const minutes = int(MovementMemory / time.Minute)
	c := newCatalog(StockMovements)
	c.step(t, minutes, sale("new"))
	if got := c.step(t, 0, sale("just young enough")); got != Folded {
		t.Errorf("at the horizon: got %s, want folded", got)
	}
	before := asJSON(t, c.sorted())
	e := envelope(t, "old", epoch.Add(-time.Nanosecond), sale("old"))
	_, err := c.append(e, sale("old"))
	if want := "time: 2026-11-01T07:59:59Z, newest movement of the item 2027-01-30T08:00:00Z: movement is older than the ids that are kept"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	if diff := cmp.Diff(before, asJSON(t, c.sorted())); diff != "" {
		t.Errorf("a refused movement changed the state:\n%s", diff)
	}
	c.step(t, 1, &StockCounted{Item: "i-1", Outlet: "Quayside", OnHand: MustQuantity("9"), Count: "c"})
	if outcome, err := c.append(e, sale("old")); err != nil || outcome != Superseded {
		t.Errorf("after a count that holds it for sure: got %q, %v, want superseded", outcome, err)
	}
}

func TestFold_TransferWithinAnOutlet(t *testing.T) {
	t.Parallel()
	c := newCatalog(StockMovements)
	c.step(t, 0, &StockAdjusted{Item: "i-1", Outlet: "Quayside", Quantity: MustQuantity("5"), Adjustment: "a"})
	c.step(t, 1, &StockTransferred{Item: "i-1", From: "Quayside", To: "Quayside", Quantity: MustQuantity("2"), Transfer: "t"})
	if it, _ := c.item("i-1"); it.level("Quayside").OnHand.String() != "5" {
		t.Errorf("got %+v, want 5: nothing left the outlet", it.Stock)
	}
}

func TestFold_ErrDoesNotFit(t *testing.T) {
	t.Parallel()
	c := newCatalog(StockMovements)
	much := &StockAdjusted{Item: "i-1", Outlet: "Quayside", Quantity: MustQuantity("999999999999"), Adjustment: "a"}
	c.step(t, 0, much)
	_, err := c.append(envelope(t, "again", epoch, much), much)
	if want := `data.quantity: "999999999999": 999999999999 + 999999999999: does not fit a quantity: more than 12 digits`; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}
