package ingest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/google/uuid"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/pos/csv"
	"github.com/tillstream/tillstream/projections"
	"github.com/tillstream/tillstream/streams"
)

// progressEvery is how many rows lie between two reports of progress, and between
// two notes of how far an import is. One that is gone on with sends again what was
// recorded after the last note, which takes longer than recording it.
const progressEvery = 1000

// Import is one product file.
type Import struct {
	// ID is a UUID of version 7, which tells when the import was begun: the time of
	// its events. The same id again is the same import, gone on with; what was
	// recorded is not recorded twice. The zero ID is that of the import of the same
	// content that has not come to its end, if there is one, and else a new one.
	ID       uuid.UUID
	File     string
	Digest   string // SHA-256 of the content, in hexadecimal; empty when nobody knows
	Encoding string // see [csv.Options]
	Dry      bool   // read, check and compare, record nothing
	Strict   bool   // record nothing unless every row is good

	// KeepFamilies is for a store whose POS is connected, see [csv.Options].
	KeepFamilies bool
}

// Report is what became of an import so far.
type Report struct {
	Rows       int             `json:"rows"` // read, the header not counted
	Imported   int             `json:"imported"`
	Refused    int             `json:"refused"`
	Skipped    int             `json:"skipped"` // rows that are rightly no products
	Events     int             `json:"events"`
	Duplicates int             `json:"duplicates"` // events that were recorded before
	Last       domain.Position `json:"last_position"`
	Checked    int             `json:"checked,omitempty"` // rows, of a strict import before it begins
	Changes    *Changes        `json:"changes,omitempty"` // of a dry run
}

// Outcome is what becomes of a row.
type Outcome string

// The outcomes of rows. New and changed rows are told of in a dry run, where a
// changed one has a line for each column. Of others, imported rows are told of when
// there is a remark.
const (
	RowRefused  Outcome = "refused"
	RowSkipped  Outcome = "skipped" // rightly no product
	RowImported Outcome = "imported"
	RowNew      Outcome = "new"
	RowChanged  Outcome = "changed"
)

// ImportRow is one thing to say of one row.
type ImportRow struct {
	Row     int     `json:"row"` // in the file; the header is row 1
	Outcome Outcome `json:"outcome"`
	Item    string  `json:"item,omitempty"`
	SKU     string  `json:"sku,omitempty"`
	Column  string  `json:"column,omitempty"`
	Value   string  `json:"value,omitempty"` // what stands in the column
	Was     string  `json:"was,omitempty"`   // what is there until now, of a changed row
	Problem string  `json:"problem,omitempty"`
}

// Watch is told how an import goes, in order.
type Watch struct {
	// Begun is told the import's id, and how many of its first rows were recorded
	// by an earlier run.
	Begun    func(id uuid.UUID, recorded int) error
	Row      func(ImportRow) error
	Progress func(Report) error // every so often
}

// Import appends the rows of a product file in order. A bad row stops no other,
// unless the import is strict. The columns that it returns were not read.
//
// The error is a [*csv.HeaderError], a [*csv.RowError] when a row does not end, a
// [*domain.InvalidError] for an unknown encoding, or that of body, of the log or of
// watch; rows before it are recorded, and importing again goes on behind them.
func (s *Service) Import(ctx context.Context, store domain.StoreID, body io.Reader, im Import, watch Watch) (Report, []string, error) {
	if im.Strict {
		file, digest, err := s.spool(body)
		if err != nil {
			return Report{}, nil, err
		}
		defer file.Close()
		if report, ignored, err := s.check(ctx, store, file, im, watch); err != nil || report.Refused > 0 {
			return report, ignored, err
		}
		if _, err := file.Seek(0, io.SeekStart); err != nil {
			return Report{}, nil, fmt.Errorf("read the file again: %w", err)
		}
		body, im.Digest = file, digest
	}
	run := &importRun{service: s, store: store, im: im, watch: watch}
	return run.do(ctx, body)
}

// importRun is one import on its way into the log.
type importRun struct {
	service *Service
	store   domain.StoreID
	im      Import
	watch   Watch

	rows     *csv.Reader
	note     *note
	recorded int // rows that an earlier run has recorded, and of which no note says otherwise
	report   Report
}

func (r *importRun) do(ctx context.Context, body io.Reader) (Report, []string, error) {
	s := r.service
	var err error
	if r.im.ID == uuid.Nil && !r.im.Dry {
		if r.note, err = s.findNote(ctx, r.store, r.im); err != nil {
			return r.report, nil, err
		}
	}
	switch {
	case r.note != nil:
		r.im.ID, r.recorded = r.note.ID, r.note.Rows
	case r.im.ID == uuid.Nil:
		if r.im.ID, err = uuid.NewV7(); err != nil {
			return r.report, nil, fmt.Errorf("id of the import: %w", err)
		}
	}
	if r.rows, err = csv.NewReader(body, r.im.options(r.store)); err != nil {
		return r.report, nil, err
	}
	if r.im.Dry {
		r.report.Changes = &Changes{Columns: map[string]int{}}
	}
	if err := r.watch.Begun(r.im.ID, r.recorded); err != nil {
		return r.report, nil, err
	}
	if err := r.mark(ctx, 0); err != nil {
		return r.report, nil, err
	}
	next := func() (unit, error) { return r.next(ctx) }
	done := func(u unit, appended []streams.Appended, err error) error { return r.done(ctx, u, appended, err) }
	in := wayIn{inFlight: MostImportEventsInFlight}
	if !r.im.Dry {
		in.submit = s.log.SubmitBulk
	}
	if err = s.pipe(ctx, r.store, in, next, done, func() error { return nil }); err == nil {
		err = r.finish(ctx)
	}
	return r.report, r.rows.Ignored(), err
}

func (im *Import) options(store domain.StoreID) csv.Options {
	begun := time.Unix(im.ID.Time().UnixTime()).UTC()
	return csv.Options{Store: store, ImportID: im.ID.String(), File: im.File, At: begun, Encoding: im.Encoding, KeepFamilies: im.KeepFamilies}
}

// rowUnit is a row with what a dry run found out about it.
type rowUnit struct {
	csv.Row
	events    int
	rehearsal *Rehearsal
}

func (r *importRun) next(ctx context.Context) (unit, error) {
	row, err := r.rows.Next()
	if err != nil {
		return unit{}, err
	}
	u := rowUnit{Row: row, events: len(row.Envelopes)}
	if r.im.Dry && u.events > 0 && r.service.Products != nil {
		rehearsal, err := r.service.Products.Rehearse(ctx, r.store, row.Envelopes)
		switch {
		case projections.IsUnfoldable(err):
			u.Err = &csv.RowError{Row: row.Number, Reason: err.Error()}
		case err != nil:
			return unit{}, fmt.Errorf("compare row %d: %w", row.Number, err)
		default:
			u.rehearsal = &rehearsal
		}
	}
	group := row.Envelopes
	if row.Number-1 <= r.recorded {
		group = nil
	}
	u.Envelopes = nil // they are in the group, and not to be kept longer
	return unit{group: group, about: u}, nil
}

func (r *importRun) done(ctx context.Context, u unit, appended []streams.Appended, err error) error {
	row := u.about.(rowUnit)
	r.report.Rows++
	if Refused(err) {
		row.Err = &csv.RowError{Row: row.Number, Reason: err.Error()}
	} else if err != nil {
		return err
	}
	outcome := RowImported
	switch {
	case row.Err != nil:
		outcome = RowRefused
		r.report.Refused++
	case row.events == 0:
		outcome = RowSkipped
		r.report.Skipped++
	default:
		r.report.Imported++
		r.report.Events += row.events
		if !r.im.Dry && u.group == nil {
			r.report.Duplicates += row.events
		}
	}
	for _, a := range appended {
		r.report.Last = max(r.report.Last, a.Position)
		if a.Duplicate {
			r.report.Duplicates++
		}
	}
	if err := tell(r.watch, &row.Row, outcome); err != nil {
		return err
	}
	if err := r.tellChanges(&row); err != nil {
		return err
	}
	if r.report.Rows%progressEvery > 0 {
		return nil
	}
	if err := r.mark(ctx, r.report.Rows); err != nil {
		return err
	}
	return r.watch.Progress(r.report)
}

// tell says what there is to say of a row: its remarks, and what is wrong with it.
func tell(watch Watch, row *csv.Row, outcome Outcome) error {
	for _, remark := range row.Notes {
		if err := watch.Row(ImportRow{Row: row.Number, Outcome: outcome, Item: row.Item, SKU: row.SKU, Problem: remark}); err != nil {
			return err
		}
	}
	if row.Err == nil {
		return nil
	}
	return watch.Row(ImportRow{Row: row.Number, Outcome: RowRefused, Item: row.Item, SKU: row.SKU, Column: row.Err.Column, Value: row.Err.Value, Problem: row.Err.Reason})
}

// check reads a file to its end and tells what is wrong with it.
func (s *Service) check(ctx context.Context, store domain.StoreID, file io.Reader, im Import, watch Watch) (Report, []string, error) {
	var report Report
	if im.ID == uuid.Nil {
		var err error
		if im.ID, err = uuid.NewV7(); err != nil {
			return report, nil, fmt.Errorf("id of the import: %w", err)
		}
	}
	rows, err := csv.NewReader(file, im.options(store))
	if err != nil {
		return report, nil, err
	}
	for {
		row, err := rows.Next()
		if errors.Is(err, io.EOF) {
			report.Rows = report.Checked
			return report, rows.Ignored(), nil
		}
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return report, rows.Ignored(), err
		}
		report.Checked++
		switch {
		case row.Err != nil:
			report.Refused++
			row.Notes = nil // of rows that are good, nothing is told until they are imported
			err = tell(watch, &row, RowRefused)
		case len(row.Envelopes) == 0:
			report.Skipped++
		}
		if err == nil && report.Checked%progressEvery == 0 {
			err = watch.Progress(report)
		}
		if err != nil {
			return report, rows.Ignored(), err
		}
	}
}
