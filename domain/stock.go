package domain

import (
	"fmt"
	"slices"
	"time"
)

// StockMode says what moves a store's stock.
type StockMode string

const (
	// StockLevels: only absolute readings move the stock. Sales and the like are
	// recorded, and push. This is how X-Series is.
	StockLevels StockMode = "levels"
	// StockMovements: quantities move the stock, and so do readings.
	StockMovements StockMode = "movements"
)

// MovementMemory is how long the ids of movements are kept with their item,
// measured in the time of the events. An older movement cannot be told from its
// own repetition.
const MovementMemory = 90 * 24 * time.Hour

// MostMovements is how many movements a product keeps at most, shared among its
// items, so that its snapshot stays well below what the broker takes in one
// message. The oldest go first, as if they were older than [MovementMemory].
const MostMovements = 6000

const fewestMovements = 8

// Movement is one counted quantity, remembered to be counted once, and to be
// counted on top of a reading that turns up late.
type Movement struct {
	Mark    Mark      `json:"m"`
	Version uint64    `json:"v,omitzero"`
	Time    time.Time `json:"t"`
	Outlet  OutletID  `json:"o"`
	Delta   Quantity  `json:"d"`
}

func (m Movement) moment() moment { return moment{version: m.Version, time: m.Time, mark: m.Mark} }

// effect is what an event says of the stock at one outlet.
type effect struct {
	outlet  OutletID
	delta   Quantity  // how much it moved; 0 for a mere reading
	reading *Quantity // how much is there afterwards, if the event says so
}

// stockEffects appends what an event says of the stock: nothing for snapshots.
func stockEffects(out []effect, event Event) []effect {
	one := func(outlet OutletID, delta Quantity, onHand *Quantity) []effect {
		return append(out, effect{outlet, delta, onHand})
	}
	switch e := event.(type) {
	case *ItemSold:
		return one(e.Outlet, e.Quantity.Neg(), e.OnHand)
	case *ItemRefunded:
		return one(e.Outlet, e.Quantity, e.OnHand)
	case *ItemExchanged:
		return one(e.Outlet, e.Quantity, e.OnHand)
	case *StockOrderReceived:
		return one(e.Outlet, e.Quantity, e.OnHand)
	case *StockAdjusted:
		return one(e.Outlet, e.Quantity, e.OnHand)
	case *StockTransferred:
		if e.From == e.To { // nothing moved, and one event moves an outlet once
			onHand := e.OnHandTo
			if onHand == nil {
				onHand = e.OnHandFrom
			}
			return one(e.To, Quantity{}, onHand)
		}
		return append(out, effect{e.From, e.Quantity.Neg(), e.OnHandFrom}, effect{e.To, e.Quantity, e.OnHandTo})
	case *StockCounted:
		return one(e.Outlet, Quantity{}, &e.OnHand)
	case *StockLevelReported:
		return one(e.Outlet, Quantity{}, &e.OnHand)
	}
	return out
}

// foldStock applies the effects of one event to an item. The outcome is that of
// the effect that did most.
func (it Item) foldStock(mode StockMode, at moment, effects []effect) (Item, Outcome, error) {
	outcome := Duplicate
	for _, e := range effects {
		var o Outcome
		var err error
		switch {
		case e.reading != nil:
			it, o, err = it.read(e, at)
		case mode == StockMovements:
			it, o, err = it.move(e, at)
		default:
			it.Moved, o = it.Moved.advance(at)
		}
		if err != nil {
			return it, "", err
		}
		switch {
		case o == Folded:
			outcome = Folded
		case o == Superseded && outcome == Duplicate:
			outcome = Superseded
		}
	}
	return it, outcome, nil
}

// read takes an absolute reading, on which movements that are newer at their
// source but came earlier count again.
func (it Item) read(e effect, at moment) (Item, Outcome, error) {
	level := it.level(e.outlet)
	reading, outcome := level.Reading.advance(at)
	if outcome != Folded {
		return it, outcome, nil
	}
	if it.forgot(at) {
		return it, "", fmt.Errorf("time: %s, movements since %s would have to be counted again: %w",
			at.time.Format(time.RFC3339), it.Forgotten.Format(time.RFC3339), ErrTooOld)
	}
	level.Reading, level.OnHand = reading, *e.reading
	for _, m := range it.Movements {
		if m.Outlet == e.outlet && m.moment().after(at) {
			sum, err := level.OnHand.Add(m.Delta)
			if err != nil {
				return it, "", &InvalidError{Path: "data", Reason: err.Error()}
			}
			level.OnHand = sum
		}
	}
	return it.withLevel(level), Folded, nil
}

// move counts a movement once. One that is older than the newest reading of its
// outlet is in that reading already, however old it is.
func (it Item) move(e effect, at moment) (Item, Outcome, error) {
	newest := at.time
	for _, m := range it.Movements {
		if m.Mark == at.mark && m.Outlet == e.outlet {
			return it, Duplicate, nil
		}
		if m.Time.After(newest) {
			newest = m.Time
		}
	}
	level := it.level(e.outlet)
	if level.Reading.covers(at) {
		return it, Superseded, nil
	}
	if horizon := newest.Add(-MovementMemory); at.time.Before(horizon) || it.forgot(at) {
		return it, "", fmt.Errorf("time: %s, newest movement of the item %s: %w",
			at.time.Format(time.RFC3339), newest.Format(time.RFC3339), ErrTooOld)
	}
	sum, err := level.OnHand.Add(e.delta)
	if err != nil {
		return it, "", &InvalidError{Path: "data.quantity", Value: e.delta.String(), Reason: err.Error()}
	}
	level.OnHand = sum
	it = it.withLevel(level)
	it.Movements = append(slices.Clone(it.Movements), Movement{at.mark, at.version, at.time, e.outlet, e.delta})
	return it, Folded, nil
}

// forgot reports whether movements as old as a moment are no longer kept.
func (it *Item) forgot(at moment) bool {
	return !it.Forgotten.IsZero() && !at.time.After(it.Forgotten)
}

// forget drops the movements from before [MovementMemory], and of the others the
// oldest beyond most.
func (it Item) forget(most int) Item {
	if len(it.Movements) == 0 {
		return it
	}
	kept := slices.Clone(it.Movements)
	slices.SortStableFunc(kept, func(a, b Movement) int { return a.Time.Compare(b.Time) })
	horizon := kept[len(kept)-1].Time.Add(-MovementMemory)
	for len(kept) > 0 && (len(kept) > most || kept[0].Time.Before(horizon)) {
		it.Forgotten = kept[0].Time
		kept = kept[1:]
	}
	if len(kept) < len(it.Movements) {
		it.Movements = kept
	}
	return it
}

// movementsOf is how many movements each item of a product with n of them may
// keep.
func movementsOf(n int) int { return max(MostMovements/max(n, 1), fewestMovements) }
