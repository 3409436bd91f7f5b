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

// Traced is a product whose origins are asked for.
type Traced struct {
	Product domain.ProductID
	// Items are those that are in it, and any that were. What an item that is not among
	// them has decided is unknown.
	Items []domain.ItemID
	To    domain.Position // of the newest event that counts
}

// readsAs is how many events of a log are read in the time that it takes to begin to
// read those of one item, roughly.
const readsAs = 1000

// ReadOrigins finds the origins of some products' values. It reads the log by their
// items, or once from end to end where that is less.
func ReadOrigins(ctx context.Context, log Log, mode domain.StockMode, store domain.StoreID, products []Traced) (map[domain.ProductID]Origins, error) {
	traces := make([]trace, len(products))
	byItem := map[domain.ItemID][]*strand{}
	to := domain.Position(0)
	for i, p := range products {
		traces[i] = trace{Traced: p, origins: Origins{}}
		to = max(to, p.To)
		for _, item := range p.Items {
			byItem[item] = append(byItem[item], &strand{thread: thread{item: item}, trace: &traces[i]})
		}
	}
	each := func(rec domain.Recorded, err error) error {
		for _, s := range byItem[domain.ItemID(rec.Subject)] {
			if rec.Position <= s.trace.To {
				s.take(mode, rec, err)
			}
		}
		return nil
	}
	if uint64(len(byItem))*readsAs > uint64(to) {
		if err := log.Read(ctx, store, "", 0, to, each); err != nil {
			return nil, err
		}
	} else {
		for item := range byItem {
			if err := log.Read(ctx, store, string(item), 0, to, each); err != nil {
				return nil, err
			}
		}
	}
	out := map[domain.ProductID]Origins{}
	for i := range traces {
		t := &traces[i]
		t.origins.family(mode, store, t.Product, t.snapshots)
		out[t.Product] = t.origins
	}
	return out, nil
}

// trace is what is known of one product's origins.
type trace struct {
	Traced
	origins   Origins
	snapshots []domain.Recorded // that were folded into the product
}

// strand is one item of a trace.
type strand struct {
	thread
	trace     *trace
	holder    string // the product that the item is in
	described bool
}

func (s *strand) take(mode domain.StockMode, rec domain.Recorded, err error) {
	step := s.step(mode, rec, err)
	o, name := s.trace.origins, "items."+string(s.item)
	for _, c := range step.Changes {
		if c.Field == "product" {
			s.holder = c.After
		}
		if !strings.HasPrefix(c.Field, "family.") {
			o[name+"."+c.Field] = rec
		}
	}
	if step.Outcome != domain.Folded || !isSnapshot(rec.Type) {
		return
	}
	if !s.described {
		s.described = true
		o.decide(name, rec, "", ".sku", ".options", ".retail_price", ".supply_price")
	}
	if s.holder == string(s.trace.Product) {
		s.trace.snapshots = append(s.trace.snapshots, rec)
	}
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

// Origins finds the origins of all values of a product as it is now, whatever items have
// been in it.
func (p *Past) Origins(ctx context.Context, store domain.StoreID, product domain.ProductID) (Origins, error) {
	to, err := p.reach(ctx, 0)
	if err != nil {
		return nil, err
	}
	o := Origins{}
	err = p.replay(ctx, store, product, to, func(s *scene, rec domain.Recorded, unusable error) error {
		if unusable != nil {
			return nil
		}
		before := s.products[product]
		_, _ = s.fold(&rec) // a dead letter changed nothing
		after := s.products[product]
		if after == before {
			return nil
		}
		for _, c := range Compare(before, after) {
			o[c.Field] = rec
		}
		if after.Described() && (before == nil || !before.Described()) {
			o.decide("family", rec, ".name", ".description", ".brand", ".active", ".track_inventory")
		}
		if it, held := after.Item(domain.ItemID(rec.Subject)); held && it.Described {
			var was domain.Item
			if before != nil {
				was, _ = before.Item(it.ID)
			}
			if !was.Described {
				o.decide("items."+string(it.ID), rec, "", ".sku", ".options", ".retail_price", ".supply_price")
			}
		}
		return nil
	})
	return o, err
}
