package ingest

import (
	"encoding/hex"
	"errors"
	"mime"
	"net/http"
	"net/url"
	"time"

	"github.com/google/uuid"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/pos/csv"
	"github.com/tillstream/tillstream/handlers/problem"
)

// importBegun is the first line of the answer to an import.
type importBegun struct {
	ID       uuid.UUID `json:"id"`
	Recorded int       `json:"recorded"` // rows that an earlier run has recorded
}

// importSummary is the last line.
type importSummary struct {
	Import string `json:"import"`
	File   string `json:"file"`
	Report
	Ignored []string `json:"ignored_columns"`
	DryRun  bool     `json:"dry_run"`
	Strict  bool     `json:"strict"`
}

// takeImport answers with {"import":{…}}, a line for each thing to say of a row,
// {"progress":{…}} every thousand rows, and {"summary":{…}}, or {"error":{…}} when
// something ended it.
func (h *HTTP) takeImport(w http.ResponseWriter, r *http.Request) {
	store, err := h.store(r.PathValue("store"))
	if err != nil {
		problem.Write(w, problem.From(err))
		return
	}
	im, err := h.importOf(r.URL.Query(), r.Header.Get("Content-Type"))
	if err != nil {
		problem.Write(w, h.problem(err))
		return
	}
	im.KeepFamilies = h.XSeries[store] != nil
	out := newLineWriter(w)
	body := &patientBody{r: r.Body, control: http.NewResponseController(w)}
	var id uuid.UUID
	report, ignored, err := h.service.Import(r.Context(), store, body, im, Watch{
		Begun: func(begun uuid.UUID, recorded int) error {
			id = begun
			if err := out.write(map[string]importBegun{"import": {begun, recorded}}); err != nil {
				return err
			}
			return out.flush()
		},
		Row: func(row ImportRow) error {
			row.Value, row.Was = problem.Shown(row.Value), problem.Shown(row.Was)
			return out.write(row)
		},
		Progress: func(report Report) error {
			if err := out.write(map[string]Report{"progress": report}); err != nil {
				return err
			}
			return out.flush()
		},
	})
	if err == nil {
		if ignored == nil {
			ignored = []string{}
		}
		summary := importSummary{File: im.File, Report: report, Ignored: ignored, DryRun: im.Dry, Strict: im.Strict}
		if id != uuid.Nil { // a strict import with a bad row is none
			summary.Import = id.String()
		}
		err = out.write(map[string]importSummary{"summary": summary})
	}
	out.end(err, h.importProblem)
}

// importOf reads what is asked of an import.
func (h *HTTP) importOf(query url.Values, contentType string) (im Import, err error) {
	im.File = query.Get("file")
	if im.ID, err = h.importID(query.Get("id")); err != nil {
		return im, err
	}
	if im.Dry, err = boolean(query, "dry_run"); err != nil {
		return im, err
	}
	if im.Strict, err = boolean(query, "strict"); err != nil {
		return im, err
	}
	if im.Digest = query.Get("digest"); im.Digest != "" {
		if b, err := hex.DecodeString(im.Digest); err != nil || len(b) != 32 {
			return im, &domain.InvalidError{Path: "digest", Value: im.Digest, Reason: "must be the SHA-256 of the file, in hexadecimal"}
		}
	}
	if _, parameters, err := mime.ParseMediaType(contentType); err == nil {
		im.Encoding = parameters["charset"]
	}
	if im.Encoding != "" {
		_, err = csv.EncodingNamed(im.Encoding)
	}
	return im, err
}

// MostImportAhead is how far the id of an import may lie in the future: clocks
// differ. Its events would otherwise stay newer than what happens until then.
const MostImportAhead = 5 * time.Minute

// importID reads the id of an import that goes on; the zero id is none.
func (h *HTTP) importID(s string) (uuid.UUID, error) {
	if s == "" {
		return uuid.Nil, nil
	}
	id, err := uuid.Parse(s)
	if err != nil || id.Version() != 7 {
		return id, &domain.InvalidError{Path: "id", Value: s, Reason: "must be a UUID of version 7, such as an earlier run of the import was given"}
	}
	if time.Unix(id.Time().UnixTime()).After(h.service.now().Add(MostImportAhead)) {
		return id, &domain.InvalidError{Path: "id", Value: s, Reason: "was made in the future: check the clock of the machine that made it"}
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
