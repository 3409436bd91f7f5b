package projections

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tillstream/tillstream/domain"
)

// Step is one event of an item and what it did.
type Step struct {
	Event   domain.Recorded
	Item    domain.ItemID
	Outcome domain.Outcome // empty when the event could not be used
	Problem error          // why not
	Changes []Change       // in the order of the fields' names
}

// Change is one field that an event changed. Fields are named as in the snapshot:
// "family.name", "retail_price", "stock.Quayside". A value is text, a number's
// digits, or JSON for a list; empty is absent.
type Change struct {
	Field  string
	Before string
	After  string
}

// History calls each with every event of an item, or of a product, up to a position,
// oldest first; to 0 is all that are folded. An item without a product is one of which no
// event could be used. The events of a product are those that
// happened to items while they were in it, their coming and their going among them.
// What an event changed is what it changed of its item and of the family that the item
// was in; what a sibling decided for the family is in the sibling's history.
func (p *Past) History(ctx context.Context, store domain.StoreID, m Match, to domain.Position, each func(Step) error) error {
	to, err := p.reach(ctx, to)
	if err != nil {
		return err
	}
	return p.replay(ctx, store, m, to, func(s *scene, rec domain.Recorded, err error) error {
		item := domain.ItemID(rec.Subject)
		before, joined := s.holder(item), s.products[m.Product]
		step := Step{Event: rec, Item: item, Problem: err}
		if err == nil {
			step.Outcome, step.Problem = s.fold(&rec)
		}
		after := s.holder(item)
		if m.Item != "" && m.Item != item || m.Item == "" && !is(before, m.Product) && !is(after, m.Product) {
			return nil
		}
		if step.Outcome == domain.Folded {
			was := fieldsOf(before, item)
			if m.Item == "" && before == nil && joined != nil {
				was = familyOf(joined) // which the new item may have left as it was
			}
			step.Changes = changes(was, fieldsOf(after, item))
		}
		return each(step)
	})
}

// familyOf is what a product's items share, as [fieldsOf] names it.
func familyOf(p *domain.Product) map[string]string {
	fields := fieldsOf(p, "")
	maps.DeleteFunc(fields, func(name, _ string) bool { return !strings.HasPrefix(name, "family.") })
	return fields
}

func is(p *domain.Product, id domain.ProductID) bool { return p != nil && p.ID == id }

// fieldsOf flattens what a snapshot says of an item and its family.
func fieldsOf(p *domain.Product, id domain.ItemID) map[string]string {
	fields := map[string]string{}
	if p == nil {
		return fields
	}
	it, _ := p.Item(id)
	stock := it.Stock
	it.Stock, it.Snapshot, it.Moved, it.Movements, it.Since, it.Earlier, it.Trail = nil, domain.Stamp{}, domain.Stamp{}, nil, 0, nil, ""
	whole := *p
	whole.Items, whole.Former, whole.Family.Stamp = nil, nil, domain.Stamp{}
	flatten(fields, "", it)
	flatten(fields, "", whole)
	for _, name := range []string{"store", "position", "due", "stock_due", "items", "item", "since", "described", "forgotten"} {
		delete(fields, name) // how it came about, not what it is
	}
	maps.DeleteFunc(fields, func(name, _ string) bool { return strings.HasPrefix(name, "tally.") })
	for _, l := range stock {
		fields["stock."+string(l.Outlet)] = l.OnHand.String()
	}
	return fields
}

// flatten enters the JSON members of v under their dotted names.
func flatten(fields map[string]string, prefix string, v any) {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("a snapshot has no field that JSON cannot hold: %v", err))
	}
	var members map[string]json.RawMessage
	if json.Unmarshal(raw, &members) != nil {
		return
	}
	for name, value := range members {
		var text string
		switch {
		case json.Unmarshal(value, &text) == nil:
			fields[prefix+name] = text
		case value[0] == '{':
			flatten(fields, prefix+name+".", value)
		default:
			fields[prefix+name] = string(value)
		}
	}
}

func changes(before, after map[string]string) []Change {
	var out []Change
	for name, value := range after {
		if before[name] != value {
			out = append(out, Change{name, before[name], value})
		}
	}
	for name, value := range before {
		if _, ok := after[name]; !ok {
			out = append(out, Change{name, value, ""})
		}
	}
	slices.SortFunc(out, func(a, b Change) int { return strings.Compare(a.Field, b.Field) })
	return out
}

// Compare returns what differs between two states of a product: its family's
// fields, and each item's under "items.{id}.".
func Compare(before, after *domain.Product) []Change {
	return changes(fieldsOfAll(before), fieldsOfAll(after))
}

func fieldsOfAll(p *domain.Product) map[string]string {
	fields := map[string]string{}
	if p == nil {
		return fields
	}
	maps.Copy(fields, familyOf(p))
	for _, it := range p.Items {
		one := fieldsOf(p, it.ID)
		maps.DeleteFunc(one, func(name, _ string) bool { return strings.HasPrefix(name, "family.") || name == "product" })
		for name, value := range one {
			fields["items."+string(it.ID)+"."+name] = value
		}
	}
	return fields
}
