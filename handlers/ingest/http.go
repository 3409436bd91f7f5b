package ingest

import (
	"bufio"
	"encoding/json"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/problem"
)

// IdleBody is how long a request body may be silent before the request is given
// up.
const IdleBody = 30 * time.Second

// StoreOf finds the settings of a store by the name in a URL, or says that there
// is none.
type StoreOf func(name string) (domain.StoreID, error)

// HTTP serves the way in:
//
//	POST /v1/stores/{store}/events                CloudEvents, one, a batch, or one per line
//	POST /v1/stores/{store}/imports               a product file as CSV
//	POST /v1/stores/{store}/hooks/xseries/{type}  a webhook of an X-Series account
//
// The first two answer 200 with JSON lines, one per event, or one per thing to say of a row,
// as they are recorded, and take ?dry_run=true. An import also takes ?strict=true,
// the file's name (?file=), the SHA-256 of its content (?digest=), by which one that
// was cut short is gone on with, or the id of that one (?id=); an encoding other than
// UTF-8 is the charset of the content type. Only what is wrong with the request as a whole, or with the
// one event of a single-event request, is answered by a status of its own; 503 with a
// Retry-After when as much is being taken in as may be.
type HTTP struct {
	// XSeries are the stores that have an account there. Set before Mount.
	XSeries map[domain.StoreID]*XSeriesHooks

	service *Service
	store   StoreOf
	log     *slog.Logger
	// Those of events and of imports are apart: no import keeps a sale out.
	events, imports places
}

// NewHTTP returns the handler. It authenticates webhooks, by their signatures, and
// nobody else: whoever mounts it does.
func NewHTTP(service *Service, store StoreOf, log *slog.Logger) *HTTP {
	return &HTTP{
		service: service, store: store, log: log,
		events: newPlaces(MostRequests, "events"), imports: newPlaces(MostImports, "product files"),
	}
}

// Mount adds the routes to mux.
func (h *HTTP) Mount(mux *http.ServeMux) {
	mux.HandleFunc("POST /v1/stores/{store}/events", plain(h.events.take(h.takeEvents)))
	mux.HandleFunc("POST /v1/stores/{store}/imports", plain(h.imports.take(h.takeImport)))
	mux.HandleFunc("POST /v1/stores/{store}/hooks/xseries/{type}", h.xseriesHook)
}

// eventAnswer is one line of the answer, as blueprint and README show it.
type eventAnswer struct {
	ID        domain.EventID   `json:"id"`
	Line      int              `json:"line,omitempty"`
	Position  *domain.Position `json:"position,omitempty"`
	Duplicate *bool            `json:"duplicate,omitempty"`
	Valid     bool             `json:"valid,omitempty"`
	Error     *problem.Details `json:"error,omitempty"`
}

func (h *HTTP) takeEvents(w http.ResponseWriter, r *http.Request) {
	store, err := h.store(r.PathValue("store"))
	if err != nil {
		problem.Write(w, problem.From(err))
		return
	}
	dry, err := boolean(r.URL.Query(), "dry_run")
	if err != nil {
		problem.Write(w, h.problem(err))
		return
	}
	format := formatOf(r.Header.Get("Content-Type"))
	out := newLineWriter(w)
	body := &patientBody{r: r.Body, control: http.NewResponseController(w)}
	err = h.service.Events(r.Context(), store, body, format, dry, func(a Answer) error {
		if format == Single && a.Err != nil {
			return a.Err
		}
		line := eventAnswer{ID: a.ID}
		switch {
		case a.Err != nil:
			line.Line, line.Error = a.Line, h.problem(a.Err)
		case dry:
			line.Valid = true
		default:
			line.Position, line.Duplicate = &a.Position, &a.Duplicate
		}
		return out.write(line)
	}, out.flush)
	out.end(err, h.problem)
}

// boolean reads a setting such as ?dry_run=true. What it does not understand it
// refuses, because a write that was meant to be none cannot be undone.
func boolean(query url.Values, name string) (bool, error) {
	if !query.Has(name) {
		return false, nil
	}
	s := query.Get(name)
	b, err := strconv.ParseBool(s)
	if err != nil {
		return false, &domain.InvalidError{Path: name, Value: s, Reason: "must be true or false"}
	}
	return b, nil
}

// problem classifies err and keeps in the log what the caller is not told.
func (h *HTTP) problem(err error) *problem.Details {
	d := problem.From(err)
	if d.Status == http.StatusInternalServerError {
		h.log.Error("ingest", "err", err)
	}
	return d
}

func formatOf(contentType string) Format {
	media, _, err := mime.ParseMediaType(contentType)
	switch {
	case err != nil:
		return Lines
	case media == "application/cloudevents+json":
		return Single
	case media == "application/cloudevents-batch+json":
		return Batch
	}
	return Lines
}

// patientBody gives up a body that has been silent for [IdleBody], and one only:
// a long import that keeps coming may take as long as it needs.
type patientBody struct {
	r       io.Reader
	control *http.ResponseController
}

func (b *patientBody) Read(p []byte) (int, error) {
	// A transport without deadlines, such as one in process, is patient by nature.
	_ = b.control.SetReadDeadline(time.Now().Add(IdleBody))
	return b.r.Read(p)
}

// patientWriter gives up a caller that has not read its answers for [IdleBody]: they
// would be kept for it, and what is behind them.
type patientWriter struct {
	w       io.Writer
	control *http.ResponseController
}

func (p *patientWriter) Write(b []byte) (int, error) {
	_ = p.control.SetWriteDeadline(time.Now().Add(IdleBody)) // as in patientBody
	return p.w.Write(b)
}

// lineWriter answers with JSON lines, which reach the caller when the buffer is
// full or flushed.
type lineWriter struct {
	w       http.ResponseWriter
	b       *bufio.Writer
	e       *json.Encoder
	started bool
}

func newLineWriter(w http.ResponseWriter) *lineWriter {
	b := bufio.NewWriterSize(&patientWriter{w, http.NewResponseController(w)}, 32<<10)
	e := json.NewEncoder(b)
	e.SetEscapeHTML(false)
	return &lineWriter{w: w, b: b, e: e}
}

func (l *lineWriter) write(v any) error {
	if !l.started {
		l.started = true
		// Answers are written while the body is still being read.
		_ = http.NewResponseController(l.w).EnableFullDuplex()
		l.w.Header().Set("Content-Type", "application/x-ndjson")
		l.w.WriteHeader(http.StatusOK)
	}
	return l.e.Encode(v)
}

func (l *lineWriter) flush() error {
	if !l.started {
		return nil
	}
	if err := l.b.Flush(); err != nil {
		return err
	}
	// Not every writer can flush; then the answer comes when it ends.
	_ = http.NewResponseController(l.w).Flush()
	return nil
}

// end finishes the answer. An error before the first line is the answer; one
// after it is the last line.
func (l *lineWriter) end(err error, explain func(error) *problem.Details) {
	switch {
	case err != nil && !l.started:
		problem.Write(l.w, explain(err))
		return
	case err != nil:
		err = l.write(struct {
			Error *problem.Details `json:"error"`
		}{explain(err)})
	case !l.started:
		l.w.Header().Set("Content-Type", "application/x-ndjson")
		l.w.WriteHeader(http.StatusOK)
	}
	if err == nil {
		_ = l.flush() // the caller may be gone
	}
}
