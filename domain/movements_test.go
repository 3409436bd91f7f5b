package domain

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"
)

// A busy item keeps as many movements as fit a snapshot; what it can no longer
// tell from a repetition is refused and not guessed at.
func TestFold_MovementsAreBounded(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 11, 1, 9, 0, 0, 0, time.UTC)
	p := Product{Store: "demo", ID: "i"}
	position := Position(0)
	sell := func(n int) (Outcome, error) {
		t.Helper()
		e, err := NewEnvelope(EventID(fmt.Sprint("s", n)), "/pos", start.Add(time.Duration(n)*time.Second),
			&ItemSold{Item: "i", Outlet: "Quayside", Quantity: MustQuantity("1"), Sale: fmt.Sprint(n), Line: "1"})
		if err != nil {
			t.Fatal(err)
		}
		position++
		event, err := e.Event()
		if err != nil {
			t.Fatal(err)
		}
		held := p
		holder := &held
		if position == 1 {
			holder = nil
		}
		result, err := Fold(StockMovements, Recorded{Envelope: e, Store: "demo", Position: position}, event, holder, p)
		if err != nil {
			return "", err
		}
		p = result.Product
		return result.Outcome, nil
	}
	const sold = MostMovements + 100
	for n := range sold {
		if outcome, err := sell(n); outcome != Folded || err != nil {
			t.Fatalf("sale %d: %v, %v", n, outcome, err)
		}
	}
	if got := len(p.Items[0].Movements); got != MostMovements {
		t.Errorf("%d movements are kept, want %d", got, MostMovements)
	}
	if b, err := json.Marshal(p); err != nil || len(b) > 900<<10 {
		t.Errorf("the snapshot has %d bytes (%v), which the broker does not take", len(b), err)
	}
	if outcome, err := sell(sold - 1); outcome != Duplicate || err != nil {
		t.Errorf("the last sale again: %v, %v, want a duplicate", outcome, err)
	}
	if _, err := sell(0); !errors.Is(err, ErrTooOld) {
		t.Errorf("the first sale again: %v, want %v", err, ErrTooOld)
	}
	if got, want := p.Items[0].Stock[0].OnHand.String(), fmt.Sprint(-sold); got != want {
		t.Errorf("stock is %s, want %s", got, want)
	}
}
