package publish

import (
	"context"

	"github.com/tillstream/tillstream/handlers/bigcommerce"
)

func (r *round) sendProducts(ctx context.Context, ph *phase, rows []Row) error {
	var updates []bigcommerce.ProductUpdate
	var entries []entry
	carried := map[bigcommerce.ProductID]*task{}
	for _, row := range rows {
		t := r.byID[row.Product]
		ok, err := r.renew(ctx, t)
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		if !fits(&t.desired.Listing, &t.desired.Link) {
			t.leave(true) // it has changed its variants since the round began
			continue
		}
		t.carry()
		r.p.doubt(t.product)
		u := t.desired.update(t.withSKU || t.desired.renamed())
		updates = append(updates, u)
		entries = append(entries, entry{product: t.product, twin: u.ID, sku: t.desired.lead().SKU})
		carried[u.ID] = t
	}
	if len(updates) == 0 {
		return errNothing
	}
	stored, err := r.p.cfg.Client.UpdateProducts(ctx, updates)
	if err != nil {
		err = accuse(err, entries)
		named := accused(err)
		for _, t := range carried {
			// In part means that the others were saved.
			if _, is := named[t.product]; is || len(named) == 0 || !bigcommerce.IsPartial(err) {
				t.position = 0
			}
		}
		if bigcommerce.IsNotFound(err) {
			return r.missing(ctx, ph, rows, carried, err)
		}
		if !bigcommerce.IsPartial(err) || len(named) == 0 {
			return err
		}
	}
	for _, s := range stored {
		t := carried[s.ID]
		if t == nil || !t.desired.Link.Simple || t.desired.Listing.Deleted || t.withSKU || s.SKU == string(t.desired.lead().SKU) {
			continue
		}
		// Somebody has changed the SKU in BigCommerce.
		t.withSKU, t.position = true, 0
		ph.add([]Row{{Product: t.product}})
	}
	for _, t := range carried {
		if t.position > 0 && t.desired.renamed() {
			t.relink(t.desired.relinked())
		}
	}
	return err
}

func (r *round) sendVariants(ctx context.Context, _ *phase, rows []Row) error {
	var updates []bigcommerce.VariantUpdate
	var entries []entry
	carried := map[bigcommerce.VariantID]Row{}
	err := r.each(ctx, rows, func(t *task, row Row) {
		if u, known := t.desired.variantUpdate(row.Item); known {
			updates = append(updates, u)
			entries = append(entries, t.entry(row, u.ID))
			carried[u.ID] = row
		}
	})
	if err != nil {
		return err
	}
	if len(updates) == 0 {
		return errNothing
	}
	stored, err := r.p.cfg.Client.UpdateVariants(ctx, updates)
	if err != nil {
		return accuse(err, entries)
	}
	for i := range stored {
		row := carried[stored[i].ID]
		t := r.byID[row.Product]
		if t == nil {
			continue
		}
		v, _ := t.desired.variant(row.Item)
		if odd(&t.desired.Listing, &stored[i], &v) {
			t.odd = true
		}
	}
	return nil
}

func (r *round) sendStock(ctx context.Context, _ *phase, rows []Row) error {
	var levels []bigcommerce.StockLevel
	var entries []entry
	left, sent := map[*task]bool{}, map[*task]int{}
	err := r.each(ctx, rows, func(t *task, row Row) {
		if _, asked := left[t]; !asked {
			left[t] = r.stockLeft(t) // the lane may have been here meanwhile
		}
		if !left[t] {
			return
		}
		if level, known := t.desired.stockLevel(row.Item, row.Location); known {
			levels = append(levels, level)
			sent[t]++
			entries = append(entries, t.entry(row, level.Variant))
		}
	})
	if err != nil {
		return err
	}
	if len(levels) == 0 {
		return errNothing
	}
	for t := range sent {
		r.p.headway.doubt(t.product)
	}
	if err := r.p.cfg.Client.SetStock(ctx, "stock in the POS", levels); err != nil {
		return accuse(err, entries)
	}
	for t, n := range sent {
		t.offer.InStock = t.desired.Listing.Offer().InStock
		t.stocked = true
		if n == len(t.desired.stockLevels()) { // else the rest is in another request
			r.p.headway.note(&t.desired, t.state)
		}
	}
	return nil
}

// entry is a row about one variant, or about the product when variant is 0.
func (t *task) entry(row Row, variant bigcommerce.VariantID) entry {
	v, _ := t.desired.variant(row.Item)
	return entry{product: t.product, twin: bigcommerce.ProductID(t.desired.Link.BigCommerceID), variant: variant, sku: v.SKU}
}

// each renews the tasks of some rows, and calls do with the rows of those that may
// be sent. The rows of one product stand together.
func (r *round) each(ctx context.Context, rows []Row, do func(*task, Row)) error {
	ok := false
	for i, row := range rows {
		t := r.byID[row.Product]
		if i == 0 || rows[i-1].Product != row.Product {
			var err error
			if ok, err = r.renew(ctx, t); err != nil {
				return err
			}
		}
		if ok {
			do(t, row)
		}
	}
	return nil
}
