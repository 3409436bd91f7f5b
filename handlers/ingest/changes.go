package ingest

import (
	"context"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/projections"
)

// Rehearsal is what a row would do.
type Rehearsal = projections.Rehearsal

// Products says what events would change.
type Products interface {
	Rehearse(ctx context.Context, store domain.StoreID, events []domain.Envelope) (Rehearsal, error)
}

// Changes is what an import would change, in rows. Every row pushes its product,
// if it is linked, whether or not it changes anything.
type Changes struct {
	New       int            `json:"new"`
	Changed   int            `json:"changed"`
	Unchanged int            `json:"unchanged"`
	Columns   map[string]int `json:"columns"` // of the changed rows
}

// tellChanges counts and tells what a dry run has found out about a row.
func (r *importRun) tellChanges(row *rowUnit) error {
	c := r.report.Changes
	if row.rehearsal == nil || c == nil {
		return nil
	}
	line := ImportRow{Row: row.Number, Item: row.Item, SKU: row.SKU}
	switch {
	case row.rehearsal.New:
		c.New++
		line.Outcome = RowNew
		return r.watch.Row(line)
	case len(row.rehearsal.Changes) == 0:
		c.Unchanged++
		return nil
	}
	c.Changed++
	told := map[string]bool{}
	for _, change := range row.rehearsal.Changes {
		line.Outcome, line.Column, line.Value, line.Was = RowChanged, r.rows.Column(change.Field), change.After, change.Before
		if told[line.Column] {
			continue // a handle is both the product's id and its handle
		}
		told[line.Column] = true
		c.Columns[line.Column]++
		if err := r.watch.Row(line); err != nil {
			return err
		}
	}
	return nil
}
