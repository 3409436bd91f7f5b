package domain

import (
	"iter"
	"slices"
)

// Result is what one event did.
type Result struct {
	Outcome Outcome
	// Product is the state after the event of the product that the item is in.
	Product Product
	// Left is that of the product that a snapshot moved the item away from, nil when it
	// moved nothing.
	Left *Product
	// Stretch is what the trail of the event's item has let go of.
	Stretch Stretch
}

// Products yields the states after an event that could be folded: the product that the item
// is in, and then the one that it left, if any.
func (r *Result) Products() iter.Seq[*Product] {
	return func(yield func(*Product) bool) {
		if yield(&r.Product) && r.Left != nil {
			yield(r.Left)
		}
	}
}

// Target returns the product in which an item is after an event, given the
// product that holds it now, or "" when none does.
func Target(holder ProductID, event Event) ProductID {
	item := ProductID(event.Subject())
	switch e := event.(type) {
	case *ProductSaved:
		if e.Product != nil && *e.Product != "" {
			return *e.Product
		}
		return item
	case *ProductImported:
		switch {
		case e.Product != nil && *e.Product != "":
			return *e.Product
		case e.Product != nil:
			return item
		}
	}
	if holder != "" {
		return holder
	}
	return item
}

// Fold applies one event of the POS log. The event is what rec decodes to; holder
// is the product that holds the event's item, or nil; target is the product that
// [Target] names, with only Store and ID set when it does not exist yet.
//
// Events are folded in the order of their positions. Folding one again does
// nothing: a product that is already at rec's position is returned as it is, with
// no outcome.
//
// The error is [ErrTooOld], or an [*InvalidError] for quantities that no longer
// fit; then nothing has changed.
func Fold(mode StockMode, rec Recorded, event Event, holder *Product, target Product) (Result, error) {
	target.Items = slices.Clone(target.Items)
	return FoldInto(mode, rec, event, holder, target)
}

// FoldInto is Fold of a target whose list of items nobody uses any more: it may be written
// over, and where it has the room it is the list of that product in the result. What the
// items refer to, and the holder, stay as they are.
func FoldInto(mode StockMode, rec Recorded, event Event, holder *Product, target Product) (Result, error) {
	keeper := target // where an event that changes nothing is counted
	item := Item{ID: ItemID(event.Subject()), Since: rec.Position}
	if holder != nil {
		if holder.ID != target.ID {
			keeper = *holder
		}
		if held, ok := holder.Item(item.ID); ok {
			item = held
		}
	}
	if keeper.Position >= rec.Position {
		return Result{Product: keeper}, nil
	}
	before, at := item, momentOf(&rec.Envelope)
	item, outcome, err := item.fold(mode, at, event)
	if err != nil {
		return Result{}, err
	}
	var stretch Stretch
	item.Trail, stretch = before.Trail.With(rec.Position, trailOf(len(target.Items)))
	moves := holder != nil && holder.ID != target.ID
	if outcome != Folded {
		if moves {
			keeper.Items = slices.Clone(keeper.Items)
		}
		if keeper.index(item.ID) >= 0 {
			keeper = keeper.with(item)
		}
		keeper.Position = rec.Position
		keeper.Tally = keeper.Tally.count(outcome)
		return Result{Outcome: outcome, Product: keeper, Stretch: stretch}, nil
	}
	if moves {
		item.Since = rec.Position
		item.Earlier = remember(item.Earlier, holder.ID)
	}
	if moves && target.Position >= rec.Position {
		// The target was written with this event and the product that the item
		// leaves was not: what is left to do is the leaving.
		return Result{Outcome: Folded, Product: target, Left: holder.Moved(item.ID, rec.Position)}, nil
	}
	next := target.with(item.forget(movementsOf(len(target.Items))))
	switch e := event.(type) {
	case *ProductSaved:
		next.Family = next.Family.describe(at, &e.Description, Family{Active: true, TrackInventory: true})
	case *ProductImported:
		unsaid := next.Family
		if !next.Described() && holder != nil {
			unsaid = holder.Family
		}
		if !unsaid.described() {
			unsaid = Family{Active: true, TrackInventory: true}
		}
		next.Family = next.Family.describe(at, &e.Description, unsaid)
	}
	next.Position = rec.Position
	next.Tally = next.Tally.count(Folded)
	if asksForPush(event, before, item) {
		next.Due = rec.Position
		if !sameStock(before.Stock, item.Stock) {
			next.StockDue = rec.Position
		}
	}
	result := Result{Outcome: Folded, Product: next, Stretch: stretch}
	if moves {
		result.Left = holder.Moved(item.ID, rec.Position)
	}
	return result, nil
}

// asksForPush holds the merchant's rule: every trigger pushes, whether or not it
// changed anything. A mere reading is no trigger and pushes what it changed.
func asksForPush(event Event, before, after Item) bool {
	switch e := event.(type) {
	case *StockLevelReported:
		old := before.level(e.Outlet)
		return !old.OnHand.Equal(after.level(e.Outlet).OnHand)
	case *ProductDeleted:
		return before.Described && !before.Deleted
	}
	return true
}

// sameStock reports whether two items have the same quantity at every outlet.
func sameStock(a, b []Level) bool {
	return slices.EqualFunc(a, b, func(x, y Level) bool { return x.Outlet == y.Outlet && x.OnHand.Equal(y.OnHand) })
}

// fold applies an event to the item alone.
func (it Item) fold(mode StockMode, at moment, event Event) (Item, Outcome, error) {
	switch e := event.(type) {
	case *ProductSaved:
		return it.describe(at, &e.Description, Item{})
	case *ProductImported:
		return it.describe(at, &e.Description, it)
	case *ProductDeleted:
		stamp, outcome := it.Snapshot.advance(at)
		if outcome == Folded {
			it.Snapshot, it.Deleted = stamp, true
		}
		return it, outcome, nil
	}
	var room [2]effect
	return it.foldStock(mode, at, stockEffects(room[:0], event))
}

// describe takes the item's part of a snapshot; a field the snapshot does not
// have is taken from unsaid.
func (it Item) describe(at moment, d *Description, unsaid Item) (Item, Outcome, error) {
	stamp, outcome := it.Snapshot.advance(at)
	if outcome != Folded {
		return it, outcome, nil
	}
	it.Snapshot, it.Described, it.Deleted = stamp, true, false
	it.SKU = d.SKU
	it.Options = or(d.Options, unsaid.Options)
	it.RetailPrice = or(d.RetailPrice, unsaid.RetailPrice)
	it.SupplyPrice = or(d.SupplyPrice, unsaid.SupplyPrice)
	it.Codes = or(d.Codes, unsaid.Codes)
	return it, Folded, nil
}

// describe takes the family's part of a snapshot, unless another item's newer
// snapshot has decided already.
func (f Family) describe(at moment, d *Description, unsaid Family) Family {
	stamp, outcome := f.Stamp.advance(at)
	if outcome != Folded {
		return f
	}
	return Family{
		Name:           d.Name,
		Description:    or(d.Description, unsaid.Description),
		Brand:          or(d.Brand, unsaid.Brand),
		Active:         or(d.Active, unsaid.Active),
		TrackInventory: or(d.TrackInventory, unsaid.TrackInventory),
		Images:         slices.Clone(or(d.Images, unsaid.Images)),
		Handle:         or(d.Handle, unsaid.Handle),
		Category:       or(d.Category, unsaid.Category),
		Tags:           slices.Clone(or(d.Tags, unsaid.Tags)),
		Supplier:       or(d.Supplier, unsaid.Supplier),
		Stamp:          stamp,
	}
}

func (f Family) described() bool { return f.Name != "" }

func or[T any](said *T, unsaid T) T {
	if said != nil {
		return *said
	}
	return unsaid
}
