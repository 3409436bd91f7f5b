package projections

import (
	"context"
	"slices"
	"strings"

	"github.com/tillstream/tillstream/domain"
)

// Origins are the events behind a product's values: of each field the newest that
// changed it. Fields are named as by [Compare], "family.name" or
// "items.i-1.stock.Quayside". An event that describes the product, or an item, for
// the first time decides each of its described fields, the empty ones too; that of
// an item is also under "items.i-1" alone.
type Origins map[string]domain.Recorded

// ReadOrigins finds the origins of a product up to a position by the events of
// some items, which are those that are in it and any that were. What an item that
// is not among them has decided is unknown.
func ReadOrigins(ctx context.Context, log Log, mode domain.StockMode, store domain.StoreID, id domain.ProductID, items []domain.ItemID, to domain.Position) (Origins, error) {
	o := Origins{}
	var snapshots []domain.Recorded // that were folded into the product
	for _, item := range items {
		var holder string
		described := false
		err := History(ctx, log, mode, store, item, to, func(s Step) error {
			for _, c := range s.Changes {
				if c.Field == "product" {
					holder = c.After
				}
				if !strings.HasPrefix(c.Field, "family.") {
					o["items."+string(item)+"."+c.Field] = s.Event
				}
			}
			if s.Outcome != domain.Folded || !isSnapshot(s.Event.Type) {
				return nil
			}
			if !described {
				described = true
				o.decide("items."+string(item), s.Event, "", ".sku", ".options", ".retail_price", ".supply_price")
			}
			if holder == string(id) {
				snapshots = append(snapshots, s.Event)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	o.family(mode, store, id, snapshots)
	return o, nil
}

func isSnapshot(t domain.Type) bool {
	return t == domain.TypeProductSaved || t == domain.TypeProductImported
}

func (o Origins) decide(prefix string, by domain.Recorded, fields ...string) {
	for _, f := range fields {
		o[prefix+f] = by
	}
}

// family finds what decided the fields that the items share: the snapshots of all
// of them, in the order of the log.
func (o Origins) family(mode domain.StockMode, store domain.StoreID, id domain.ProductID, snapshots []domain.Recorded) {
	slices.SortFunc(snapshots, func(a, b domain.Recorded) int { return int(a.Position) - int(b.Position) })
	now := domain.Product{Store: store, ID: id}
	for _, rec := range snapshots {
		event, err := rec.Event()
		if err != nil {
			continue // it was decoded before
		}
		var holder *domain.Product
		if _, held := now.Item(domain.ItemID(event.Subject())); held {
			holder = &now
		}
		result, err := domain.Fold(mode, rec, event, holder, now)
		if err != nil || result.Products[0].ID != id {
			continue
		}
		next := result.Products[0]
		if !now.Described() {
			o.decide("family", rec, ".name", ".description", ".brand", ".active", ".track_inventory")
		}
		for _, c := range changes(fieldsOf(&now, ""), fieldsOf(&next, "")) {
			if strings.HasPrefix(c.Field, "family.") {
				o[c.Field] = rec
			}
		}
		now = next
	}
}

// Newest returns the newest of the origins of some fields, or false when none is
// known.
func (o Origins) Newest(fields ...string) (domain.Recorded, bool) {
	var newest domain.Recorded
	for _, f := range fields {
		if rec := o[f]; rec.Position > newest.Position {
			newest = rec
		}
	}
	return newest, newest.Position > 0
}
