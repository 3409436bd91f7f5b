package ingest_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/ingest"
	"github.com/tillstream/tillstream/streams"
	"github.com/tillstream/tillstream/streams/streamstest"
)

// products is a file of so many products, with a stock each.
func products(rows int) string {
	var b strings.Builder
	b.WriteString("id,sku,name,inventory_Quayside\n")
	for i := range rows {
		fmt.Fprintf(&b, "i-%d,S-%d,Product %d,%d\n", i, i, i, i%7)
	}
	return b.String()
}

// told is what an import said.
type told struct {
	id       uuid.UUID
	recorded int
	rows     []ingest.ImportRow
}

func (o *told) watch() ingest.Watch {
	return ingest.Watch{
		Begun:    func(id uuid.UUID, recorded int) error { o.id, o.recorded = id, recorded; return nil },
		Row:      func(r ingest.ImportRow) error { o.rows = append(o.rows, r); return nil },
		Progress: func(ingest.Report) error { return nil },
	}
}

func digest(file string) string {
	sum := sha256.Sum256([]byte(file))
	return hex.EncodeToString(sum[:])
}

// TestService_Import_GoesOn: an import that was cut short is gone on with by its
// content, behind the last rows that are noted as recorded, and every event is in
// the log once. One that came to its end is not.
func TestService_Import_GoesOn(t *testing.T) {
	t.Parallel()
	conn := streamstest.Start(t)
	now := time.Now()
	s := ingest.New(conn.POS(), func() time.Time { return now })
	s.Notes = conn.Control()
	const rows = 1500
	file := products(rows)
	im := ingest.Import{File: "products.csv", Digest: digest(file)}
	run := func(body io.Reader, im ingest.Import) (told, ingest.Report, error) {
		var o told
		report, _, err := s.Import(t.Context(), store, body, im, o.watch())
		return o, report, err
	}

	lost := errors.New("connection lost")
	cut := strings.Index(file, "i-1200,")
	first, _, err := run(io.MultiReader(strings.NewReader(file[:cut]), iotest.ErrReader(lost)), im)
	if !errors.Is(err, lost) || first.recorded != 0 {
		t.Fatalf("got %+v, %v", first, err)
	}
	other, _, err := run(strings.NewReader(products(1)), ingest.Import{Digest: digest(products(1))})
	if err != nil || other.id == first.id {
		t.Fatalf("another content: got %+v, %v", other, err)
	}
	second, report, err := run(strings.NewReader(file), im)
	if err != nil {
		t.Fatal(err)
	}
	if second.id != first.id || second.recorded != 1000 {
		t.Errorf("gone on with as %+v, was %+v", second, first)
	}
	if report.Rows != rows || report.Imported != rows || report.Events != 2*rows || report.Duplicates != 2*1200 {
		t.Errorf("got %+v", report)
	}
	if got := recordedOf(t, conn, first.id); got != 2*rows {
		t.Errorf("%d events are in the log, want each of %d once", got, 2*rows)
	}

	third, report, err := run(strings.NewReader(file), im)
	if err != nil || third.id == first.id || third.recorded != 0 || report.Duplicates != 0 {
		t.Errorf("the whole file again: got %+v, %+v, %v", third, report, err)
	}

	// What was cut short long ago is not gone on with.
	cutShort, _, err := run(io.MultiReader(strings.NewReader("sku,name\nA,N\n"), iotest.ErrReader(lost)), ingest.Import{Digest: digest("old")})
	if !errors.Is(err, lost) {
		t.Fatal(err)
	}
	now = time.Now().Add(ingest.MostUnfinished)
	again, _, err := run(strings.NewReader("sku,name\nA,N\n"), ingest.Import{Digest: digest("old")})
	if err != nil || again.id == cutShort.id {
		t.Errorf("a day later: got %+v, was %+v, %v", again, cutShort, err)
	}
	var notes []any
	if e, err := conn.Control().Get(t.Context(), streams.MakeKey(store, "imports")); err != nil || json.Unmarshal(e.Value, &notes) != nil || len(notes) > 0 {
		t.Errorf("unfinished are %v, %v", notes, err)
	}
}

// recordedOf counts the events of an import in the log.
func recordedOf(t *testing.T, conn *streams.Conn, id uuid.UUID) int {
	t.Helper()
	n := 0
	if err := conn.POS().Read(t.Context(), streams.Query{}, func(m streams.Message) error {
		rec, err := m.Recorded()
		if rec.CorrelationID == id.String() {
			n++
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return n
}

// instantLog answers at once.
type instantLog struct {
	mu   sync.Mutex
	last domain.Position
	each func(last domain.Position) // under mu
}

func (l *instantLog) Submit(_ context.Context, _ domain.StoreID, group []domain.Envelope) func(context.Context) ([]streams.Appended, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := make([]streams.Appended, len(group))
	for i := range group {
		l.last++
		out[i].Position = l.last
	}
	if l.each != nil {
		l.each(l.last)
	}
	return func(context.Context) ([]streams.Appended, error) { return out, nil }
}

func (l *instantLog) SubmitBulk(ctx context.Context, store domain.StoreID, group []domain.Envelope) func(context.Context) ([]streams.Appended, error) {
	return l.Submit(ctx, store, group)
}

func TestService_Import_Strict(t *testing.T) {
	t.Parallel()
	log := &instantLog{}
	s := ingest.New(log, time.Now)
	s.Spool = t.TempDir()
	bad := products(100) + "i-100,S-100,Bad,x\nshort\ni-101,S-101,Good,1\n"
	var o told
	report, _, err := s.Import(t.Context(), store, strings.NewReader(bad), ingest.Import{Strict: true}, o.watch())
	if err != nil {
		t.Fatal(err)
	}
	if log.last != 0 {
		t.Errorf("%d events were recorded", log.last)
	}
	want := []ingest.ImportRow{
		{Row: 102, Outcome: "refused", Item: "i-100", SKU: "S-100", Column: "inventory_Quayside", Value: "x", Problem: "must be a plain decimal such as 12.50"},
		{Row: 103, Outcome: "refused", Column: "sku", Problem: "is missing: the row has 1 cell, and the header 4"},
	}
	if diff := cmp.Diff(want, o.rows); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
	if report.Rows != 103 || report.Refused != 2 || report.Imported != 0 || report.Events != 0 {
		t.Errorf("got %+v", report)
	}
	if report, _, err = s.Import(t.Context(), store, strings.NewReader(products(100)), ingest.Import{Strict: true}, o.watch()); err != nil || report.Imported != 100 || log.last != 200 {
		t.Errorf("a good file: got %+v, %v", report, err)
	}
	s.MostSpooled = 1000
	var large *http.MaxBytesError
	if _, _, err := s.Import(t.Context(), store, strings.NewReader(products(100)), ingest.Import{Strict: true}, o.watch()); !errors.As(err, &large) || large.Limit != 1000 {
		t.Errorf("too large a file: got %v", err)
	}
	if left, err := os.ReadDir(s.Spool); err != nil || len(left) > 0 {
		t.Errorf("%v is left of the files, %v", left, err)
	}
}

// slowProjection projects only when somebody waits for it.
type slowProjection struct {
	mu     sync.Mutex
	stored domain.Position
	stuck  func() // called when somebody waits; then nothing is projected
}

func (p *slowProjection) Checkpoint() domain.Position {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stored
}

func (p *slowProjection) Await(ctx context.Context, at domain.Position) error {
	if p.stuck != nil {
		p.stuck()
		<-ctx.Done()
		return ctx.Err()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stored = max(p.stored, at)
	return nil
}

// TestService_Import_Pace: what was recorded longer ago than an import may be ahead
// is projected before it goes on. The clock moves a millisecond with each event.
func TestService_Import_Pace(t *testing.T) {
	t.Parallel()
	p := &slowProjection{}
	var clock atomic.Int64
	var most domain.Position
	log := &instantLog{each: func(last domain.Position) {
		clock.Store(int64(last) * int64(time.Millisecond))
		most = max(most, last-p.Checkpoint())
	}}
	s := ingest.New(log, func() time.Time { return time.Unix(0, clock.Load()) })
	s.Projection, s.MostAhead = p, time.Second
	const rows = 20_000
	report, _, err := s.Import(t.Context(), store, strings.NewReader(products(rows)), ingest.Import{}, new(told).watch())
	if err != nil || report.Events != 2*rows {
		t.Fatalf("got %+v, %v", report, err)
	}
	const inTime = 1000 // events
	if bound := domain.Position(inTime + 2*ingest.MostImportEventsInFlight); most > bound {
		t.Errorf("%d events were ahead of projecting, want at most %d", most, bound)
	}
	if most < inTime {
		t.Errorf("%d events were ahead of projecting, which may be %d", most, inTime)
	}
}

// TestService_Import_NobodyProjects: what would wait for ever waits once.
func TestService_Import_NobodyProjects(t *testing.T) {
	t.Parallel()
	waits := 0
	s := ingest.New(&instantLog{}, time.Now)
	s.Projection, s.MostAhead, s.Patience = &slowProjection{stuck: func() { waits++ }}, time.Nanosecond, 50*time.Millisecond
	report, _, err := s.Import(t.Context(), store, strings.NewReader(products(20_000)), ingest.Import{}, new(told).watch())
	if err != nil || report.Events != 40_000 {
		t.Fatalf("got %+v, %v", report, err)
	}
	if waits != 1 {
		t.Errorf("it waited %d times, want once", waits)
	}

	ctx, cancel := context.WithCancel(t.Context())
	s.Projection, s.Patience = &slowProjection{stuck: cancel}, time.Hour
	if _, _, err := s.Import(ctx, store, strings.NewReader(products(20_000)), ingest.Import{}, new(told).watch()); !errors.Is(err, context.Canceled) {
		t.Errorf("ended while it waits: got %v", err)
	}
}

func TestHTTP_Imports(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	ingest.NewHTTP(ingest.New(&instantLog{}, time.Now), func(string) (domain.StoreID, error) { return store, nil }, slog.New(slog.DiscardHandler)).Mount(mux)
	const id = "019d2b5e-7a55-7e0e-9d3b-6d7a1f2a9c11"
	ahead := uuid.Must(uuid.NewV7())
	ahead[0]++ // some years later
	for _, tt := range []struct {
		name, query, kind, body string
		status                  int
		want                    []string
	}{
		{"OK", "?file=a.csv&id=" + id, "text/csv", "sku,name,colour\nA,N,red\n,N,\nB,\"\"\"N\"\"\",\n", 200, []string{
			`{"import":{"id":"` + id + `","recorded":0}}`,
			`{"row":3,"outcome":"refused","column":"sku","problem":"must not be empty"}`,
			`{"summary":{"import":"` + id + `","file":"a.csv","rows":3,"imported":2,"refused":1,"skipped":0,"events":2,"duplicates":0,"last_position":2,"ignored_columns":["colour"],"dry_run":false,"strict":false}}`}},
		{"OK another encoding", "?id=" + id + "&dry_run=1", "text/csv; charset=windows-1252", "sku,name\nA,Caf\xe9\n", 200, []string{
			`{"import":{"id":"` + id + `","recorded":0}}`,
			`{"summary":{"import":"` + id + `","file":"","rows":1,"imported":1,"refused":0,"skipped":0,"events":1,"duplicates":0,"last_position":0,"changes":{"new":0,"changed":0,"unchanged":0,"columns":{}},"ignored_columns":[],"dry_run":true,"strict":false}}`}},
		{"ErrEncoding", "", "text/csv; charset=ebcdic", "", 422, []string{`encoding: \"ebcdic\": is not known`}},
		{"ErrNoText", "", "text/csv", "PK\x03\x04", 422, []string{"an Excel workbook"}},
		{"ErrNoText strictly", "?strict=true", "text/csv", "PK\x03\x04", 422, []string{"an Excel workbook"}},
		{"ErrID", "?id=7", "text/csv", "", 422, []string{"must be a UUID of version 7"}},
		{"ErrID of the future", "?id=" + ahead.String(), "text/csv", "", 422, []string{"was made in the future"}},
		{"ErrDigest", "?digest=abc", "text/csv", "", 422, []string{"must be the SHA-256"}},
		{"ErrStrict", "?strict=rather", "text/csv", "", 422, []string{"strict: \\\"rather\\\": must be true or false"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequest("POST", "/v1/stores/harbour/imports"+tt.query, strings.NewReader(tt.body))
			r.Header.Set("Content-Type", tt.kind)
			w := httptest.NewRecorder()
			mux.ServeHTTP(w, r)
			if w.Code != tt.status {
				t.Errorf("answered %d", w.Code)
			}
			if tt.status == 200 {
				if diff := cmp.Diff(strings.Join(tt.want, "\n")+"\n", w.Body.String()); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
			} else if !bytes.Contains(w.Body.Bytes(), []byte(strings.ReplaceAll(tt.want[0], `\\"`, `\"`))) {
				t.Errorf("answered %s, want %s", w.Body, tt.want[0])
			}
		})
	}
}
