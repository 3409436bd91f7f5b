package projections_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/projections"
)

// TestCatalog_Rehearse: what a rehearsal says of an event is what folding it then
// does, and the rehearsal itself does nothing.
func TestCatalog_Rehearse(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := openRandom(t, newBucket())
		for _, rec := range randomLog(t) {
			event, err := rec.Event()
			if err != nil {
				t.Fatal(err)
			}
			item := domain.ItemID(event.Subject())
			before, holder := stateOf(t, c, rec.Store, item)
			told, err := c.Rehearse(t.Context(), rec.Store, []domain.Envelope{rec.Envelope})
			unchanged, _ := stateOf(t, c, rec.Store, item)
			if diff := cmp.Diff(before, unchanged); diff != "" {
				t.Fatalf("a rehearsal changed the product:\n%s", diff)
			}
			if foldRandom(t, c, log{rec}) > 0 {
				if !projections.IsUnfoldable(err) {
					t.Fatalf("what cannot be folded was rehearsed: %v", err)
				}
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			after, now := stateOf(t, c, rec.Store, item)
			held, _ := before.Item(item)
			if told.New == held.Described {
				t.Fatalf("new is %v of an item that was %+v", told.New, held)
			}
			if holder != "" && holder != now {
				if !cmp.Equal(moved(told.Changes), []string{string(holder) + " to " + string(now)}) {
					t.Fatalf("from %s to %s: got %v", holder, now, told.Changes)
				}
				continue
			}
			if diff := cmp.Diff(ofItem(projections.Compare(&before, &after), item), named(told.Changes)); diff != "" {
				t.Fatalf("%s %s (-done +rehearsed):\n%s", rec.Type, rec.Data, diff)
			}
		}
	})
}

// stateOf is the product of an item; the zero product when it is in none.
func stateOf(t *rapid.T, c *projections.Catalog, store domain.StoreID, item domain.ItemID) (domain.Product, domain.ProductID) {
	id, ok := c.Holder(store, item)
	if !ok {
		return domain.Product{}, ""
	}
	p, err := c.Product(t.Context(), store, id)
	if err != nil {
		t.Fatal(err)
	}
	return p, id
}

// moved is from which product to which.
func moved(changes []projections.Change) (out []string) {
	for _, ch := range changes {
		if ch.Field == "product" {
			out = append(out, ch.Before+" to "+ch.After)
		}
	}
	return out
}

// ofItem is what concerns an item, and its family, of what concerns a product.
func ofItem(changes []projections.Change, item domain.ItemID) map[string]projections.Change {
	var mine []projections.Change
	for _, ch := range changes {
		if name, ok := strings.CutPrefix(ch.Field, "items."+string(item)+"."); ok {
			ch.Field = name
			mine = append(mine, ch)
		} else if strings.HasPrefix(ch.Field, "family.") {
			mine = append(mine, ch)
		}
	}
	return named(mine)
}

// named are changes by their field, without the product itself, which is no change
// of what is in it.
func named(changes []projections.Change) map[string]projections.Change {
	out := map[string]projections.Change{}
	for _, ch := range changes {
		if ch.Field != "product" {
			out[ch.Field] = ch
		}
	}
	return out
}
