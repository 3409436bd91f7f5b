package ingest

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/google/uuid"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/pos/csv"
	"github.com/tillstream/tillstream/handlers/problem"
	"github.com/tillstream/tillstream/streams"
)

// progressEvery is how many rows lie between two reports of progress.
const progressEvery = 1000

// Import is one product file.
type Import struct {
	// ID is a UUID of version 7, which tells when the import was begun: the time of
	// its events. The same id again is the same import, gone on with; what was
	// recorded is not recorded twice.
	ID   uuid.UUID
	File string
	Dry  bool // read and check, record nothing
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
}

// ImportRow is what there is to say of one row. Rows that were imported without a
// remark are not told of.
type ImportRow struct {
	Row   int
	Note  string
	Error *csv.RowError
}

// Import appends the rows of a product file in order, and calls row for each about
// which there is something to say and progress every so often. A bad row stops no
// other. The error is a [*csv.HeaderError], a [*csv.RowError] when a row does not
// end, or that of body, of the log, of row or of progress; rows before it are
// recorded, and importing again under the same id records the rest.
func (s *Service) Import(ctx context.Context, store domain.StoreID, body io.Reader, im Import, row func(ImportRow) error, progress func(Report) error) (Report, []string, error) {
	var report Report
	begun := time.Unix(im.ID.Time().UnixTime()).UTC()
	rows, err := csv.NewReader(body, csv.Options{Store: store, ImportID: im.ID.String(), File: im.File, At: begun})
	if err != nil {
		return report, nil, err
	}
	next := func() (unit, error) {
		r, err := rows.Next()
		if err != nil {
			return unit{}, err
		}
		return unit{group: r.Envelopes, about: r}, nil
	}
	err = s.pipe(ctx, store, im.Dry, next, func(u unit, appended []streams.Appended, err error) error {
		r := u.about.(csv.Row)
		report.Rows++
		for _, note := range r.Notes {
			if err := row(ImportRow{Row: r.Number, Note: note}); err != nil {
				return err
			}
		}
		switch {
		case r.Err != nil:
			report.Refused++
			if err := row(ImportRow{Row: r.Number, Error: r.Err}); err != nil {
				return err
			}
		case Refused(err):
			report.Refused++
			if err := row(ImportRow{Row: r.Number, Error: &csv.RowError{Row: r.Number, Reason: err.Error()}}); err != nil {
				return err
			}
		case err != nil:
			return err
		case len(u.group) == 0:
			report.Skipped++
		default:
			report.Imported++
			report.Events += len(u.group)
		}
		for _, a := range appended {
			report.Last = max(report.Last, a.Position)
			if a.Duplicate {
				report.Duplicates++
			}
		}
		if report.Rows%progressEvery == 0 {
			return progress(report)
		}
		return nil
	}, func() error { return nil })
	return report, rows.Ignored(), err
}

// importSummary is the last line of the answer.
type importSummary struct {
	Import string `json:"import"`
	File   string `json:"file"`
	Report
	Ignored []string `json:"ignored_columns"`
	DryRun  bool     `json:"dry_run"`
}

func (h *HTTP) imports(w http.ResponseWriter, r *http.Request) {
	store, err := h.store(r.PathValue("store"))
	if err != nil {
		problem.Write(w, problem.From(err))
		return
	}
	query := r.URL.Query()
	id, err := importID(query.Get("id"))
	if err != nil {
		problem.Write(w, h.problem(err))
		return
	}
	dry, err := dryRun(query)
	if err != nil {
		problem.Write(w, h.problem(err))
		return
	}
	im := Import{ID: id, File: query.Get("file"), Dry: dry}
	out := newLineWriter(w)
	body := &patientBody{r: r.Body, control: http.NewResponseController(w)}
	report, ignored, err := h.service.Import(r.Context(), store, body, im, func(row ImportRow) error {
		if row.Error != nil {
			return out.write(rowAnswer{Row: row.Row, Error: &rowProblem{row.Error.Column, problem.Shown(row.Error.Value), row.Error.Reason}})
		}
		return out.write(rowAnswer{Row: row.Row, Note: row.Note})
	}, func(report Report) error {
		if err := out.write(map[string]Report{"progress": report}); err != nil {
			return err
		}
		return out.flush()
	})
	if err == nil {
		if ignored == nil {
			ignored = []string{}
		}
		err = out.write(map[string]importSummary{"summary": {im.ID.String(), im.File, report, ignored, im.Dry}})
	}
	out.end(err, h.importProblem)
}

// importID reads the id of an import that goes on, or makes a new one.
func importID(s string) (uuid.UUID, error) {
	if s == "" {
		return uuid.NewV7()
	}
	id, err := uuid.Parse(s)
	if err != nil || id.Version() != 7 {
		return id, &domain.InvalidError{Path: "id", Value: s, Reason: "must be a UUID of version 7, such as an earlier run of the import was given"}
	}
	return id, nil
}

// importProblem also knows the errors of files.
func (h *HTTP) importProblem(err error) *problem.Details {
	var header *csv.HeaderError
	var row *csv.RowError
	if errors.As(err, &header) || errors.As(err, &row) {
		return problem.New(http.StatusUnprocessableEntity, err.Error())
	}
	return h.problem(err)
}

type rowAnswer struct {
	Row   int         `json:"row"`
	Note  string      `json:"note,omitempty"`
	Error *rowProblem `json:"error,omitempty"`
}

type rowProblem struct {
	Column string `json:"column"`
	Value  string `json:"value"`
	Reason string `json:"reason"`
}
