package ingest_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/ingest"
	"github.com/tillstream/tillstream/streams"
	"github.com/tillstream/tillstream/streams/streamstest"
)

const store = domain.StoreID("harbour")

// line is one event as an adapter writes it.
func line(id, kind, item, data string) string {
	return fmt.Sprintf(`{"specversion":"1.0","id":%q,"source":"/pos/harbour","type":%q,"subject":%q,"time":"2026-11-01T10:15:12Z","data":{"item":%q,%s}}`, id, kind, item, item, data)
}

func sold(id, item, sale, number, quantity string) string {
	return line(id, "pos.item.sold.v1", item, fmt.Sprintf(`"outlet":"Quayside","quantity":%q,"sale":%q,"line":%q`, quantity, sale, number))
}

func counted(id, item, onHand string) string {
	return line(id, "pos.stock.counted.v1", item, fmt.Sprintf(`"outlet":"Quayside","on_hand":%q,"count":"c-1"`, onHand))
}

// answers appends body and returns what was answered, an error as its text.
func answers(t *testing.T, s *ingest.Service, body string, format ingest.Format, dry bool) []string {
	t.Helper()
	var out []string
	err := s.Events(t.Context(), store, strings.NewReader(body), format, dry, func(a ingest.Answer) error {
		text := fmt.Sprintf("%d %s", a.Line, a.ID)
		switch {
		case a.Err != nil:
			text += " " + a.Err.Error()
		case a.Duplicate:
			text += fmt.Sprintf(" duplicate of %d", a.Position)
		default:
			text += fmt.Sprintf(" at %d", a.Position)
		}
		out = append(out, text)
		return nil
	}, func() error { return nil })
	if err != nil {
		out = append(out, "error: "+err.Error())
	}
	return out
}

func TestService_Events(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", ingest.MaxLine)
	for _, tt := range []struct {
		name, body string
		format     ingest.Format
		dry        bool
		want       []string
		recorded   int
	}{
		{name: "OK", body: counted("a", "i-1", "3") + "\n\n" + counted("b", "i-2", "4"),
			want: []string{"1 a at 1", "3 b at 2"}, recorded: 2},
		{name: "OK the same again", body: counted("a", "i-1", "3") + "\n" + counted("b", "i-2", "4") + "\n" + counted("a", "i-1", "3") + "\n",
			want: []string{"1 a at 1", "2 b at 2", "3 a duplicate of 1"}, recorded: 2},
		{name: "OK dry", body: counted("a", "i-1", "3") + "\n{}\n", dry: true,
			want: []string{"1 a at 0", `2  specversion: must be "1.0"`}},
		{name: "OK batch", body: "[" + counted("a", "i-1", "3") + "," + counted("b", "i-2", "-1.5") + "]", format: ingest.Batch,
			want: []string{"1 a at 1", "2 b at 2"}, recorded: 2},
		{name: "OK sale", body: sold("s1", "i-1", "2207", "1", "1") + "\n" + sold("s2", "i-2", "2207", "2", "2") + "\n" + sold("s3", "i-2", "2208", "1", "2"),
			want: []string{"1 s1 at 1", "2 s2 at 2", "3 s3 at 3"}, recorded: 3},
		{name: "ErrLine stops no other", body: counted("a", "i-1", "3") + "\nnonsense\n" + counted("b", "i-2", "x") + "\n" + counted("c", "i-3", "5"),
			want: []string{"1 a at 1", `2  event: "nonsense": must be a JSON object: invalid character 'o' in literal null (expecting 'u') (byte 2)`,
				`3 b data.on_hand: "x": must be a plain decimal such as 12.50`, "4 c at 2"}, recorded: 2},
		{name: "ErrSale refuses its good lines", body: sold("s1", "i-1", "2207", "1", "1") + "\n" + sold("s2", "i-2", "2207", "2", "0") + "\n" + sold("s3", "i-3", "2208", "1", "1"),
			want: []string{`1 s1 refused with its sale: line 2: data.quantity: "0": must be above 0`, `2 s2 data.quantity: "0": must be above 0`, "3 s3 at 1"}, recorded: 1},
		{name: "ErrTooLong", body: counted("a", "i-1", "3") + "\n" + long + "\n" + counted("b", "i-2", "4"),
			want: []string{"1 a at 1", fmt.Sprintf(`2  event: "more than %d bytes": a line must be at most %d bytes`, ingest.MaxLine, ingest.MaxLine), "3 b at 2"}, recorded: 2},
		{name: "ErrUnknownType", body: line("a", "pos.item.painted.v1", "i-1", `"colour":"red"`),
			want: []string{`1 a type: "pos.item.painted.v1": not an event type of this version of tillstream`}},
		{name: "ErrSyncType", body: line("a", "sync.product.unlinked.v1", "i-1", `"product":"i-1","reason":"forged"`),
			want: []string{`1 a type: "sync.product.unlinked.v1": only events of the POS are taken; sync events are made by tillstream itself`}},
		{name: "ErrReusedID", body: counted("a", "i-1", "3") + "\n" + counted("a", "i-1", "4"),
			want: []string{"1 a at 1", `2 a id: "a": already used by a different event at position 1; an id belongs to one event for ever`}, recorded: 1},
		{name: "ErrAhead", body: strings.Replace(counted("a", "i-1", "3"), "2026-11-01", "2999-11-01", 1),
			want: []string{`1 a time: "2999-11-01T10:15:12Z": lies more than five years ahead: check the clock and the unit of the source`}},
		{name: "ErrBatch cut off", body: "[" + counted("a", "i-1", "3") + "," + counted("b", "i-2", "4"), format: ingest.Batch,
			want: []string{"1 a at 1", "error: body: the JSON array does not end: the rest was not received"}, recorded: 1},
		{name: "OK batch of none", body: " [ ] ", format: ingest.Batch},
		{name: "OK batch with brackets in strings", body: "[\n" + line("a", "pos.stock.counted.v1", "i-1]", `"outlet":"Quay\"]side,","on_hand":"3","count":"["`) + " , " + counted("b", "i-2", "4") + "\n]", format: ingest.Batch,
			want: []string{"1 a at 1", "2 b at 2"}, recorded: 2},
		{name: "OK byte order mark", body: "\ufeff" + counted("a", "i-1", "3"), want: []string{"1 a at 1"}, recorded: 1},
		{name: "ErrBatch element stops no other", body: "[" + counted("a", "i-1", "3") + `,{"specversion":1.0.0},,"` + long + `",` + counted("b", "i-2", "4") + "]", format: ingest.Batch,
			want: []string{"1 a at 1", `2  event: "{\"specversion\":1.0.0}": must be a JSON object: invalid character '.' after object key:value pair (byte 19)`,
				"3  event: must be a JSON object: unexpected end of JSON input (byte 0)",
				fmt.Sprintf(`4  event: "%d bytes": must be at most %d bytes`, ingest.MaxLine+2, ingest.MaxLine), "5 b at 2"}, recorded: 2},
		{name: "ErrBatch followed by another", body: "[" + counted("a", "i-1", "3") + "]\n[" + counted("b", "i-2", "4") + "]", format: ingest.Batch,
			want: []string{"1 a at 1", "error: body: something follows the JSON array: send one array in a request"}, recorded: 1},
		{name: "ErrBatch none", body: "{}", format: ingest.Batch, want: []string{"error: body: must be a JSON array of events"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			log := streamstest.Start(t).POS()
			if diff := cmp.Diff(tt.want, answers(t, ingest.New(log, time.Now), tt.body, tt.format, tt.dry)); diff != "" {
				t.Errorf("answers (-want +got):\n%s", diff)
			}
			if last, err := log.Last(t.Context()); err != nil || int(last) != tt.recorded {
				t.Errorf("the log ends at %d (%v), want %d", last, err, tt.recorded)
			}
		})
	}
}

// An array is answered as the same documents on lines are.
func TestService_Events_BatchAsLines(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		blank := rapid.StringMatching(`[ \t\r\n]{0,2}`)
		var onLines, inArray []string
		for _, doc := range rapid.SliceOfN(rapid.MapOf(rapid.String(), rapid.OneOf(
			rapid.String().AsAny(), rapid.Int().AsAny(), rapid.SliceOf(rapid.StringMatching(`[\[\]{},"\\a]*`)).AsAny())), 1, 5).Draw(rt, "documents") {
			b, err := json.Marshal(doc)
			if err != nil {
				rt.Fatal(err)
			}
			onLines = append(onLines, string(b))
			inArray = append(inArray, blank.Draw(rt, "before")+string(b)+blank.Draw(rt, "after"))
		}
		s := ingest.New(nil, time.Now) // a dry run appends nothing
		lines := answers(t, s, strings.Join(onLines, "\n"), ingest.Lines, true)
		if diff := cmp.Diff(lines, answers(t, s, "["+strings.Join(inArray, ",")+"]", ingest.Batch, true)); diff != "" {
			rt.Errorf("lines and batch differ (-lines +batch):\n%s", diff)
		}
	})
}

// A sale of more lines than can be recorded at once is refused whole, however long
// it goes on.
func TestService_Events_SaleTooLong(t *testing.T) {
	t.Parallel()
	log := streamstest.Start(t).POS()
	var body strings.Builder
	for i := range 2*ingest.MostSaleLines + 10 {
		body.WriteString(sold(fmt.Sprint("s", i), fmt.Sprint("i", i), "2207", fmt.Sprint(i), "1") + "\n")
	}
	body.WriteString(counted("after", "i-1", "3"))
	got := answers(t, ingest.New(log, time.Now), body.String(), ingest.Lines, false)
	if want := 2*ingest.MostSaleLines + 11; len(got) != want {
		t.Fatalf("%d answers, want %d", len(got), want)
	}
	for i, a := range got[:len(got)-1] {
		if !strings.Contains(a, "a sale must have at most 1000 lines") {
			t.Fatalf("answer %d: %s", i, a)
		}
	}
	if want := fmt.Sprintf("%d after at 1", 2*ingest.MostSaleLines+11); got[len(got)-1] != want {
		t.Errorf("last answer %q, want %q", got[len(got)-1], want)
	}
}

// Positions are in the order of the lines also when many commits are needed.
func TestService_Events_Order(t *testing.T) {
	t.Parallel()
	log := streamstest.Start(t).POS()
	const n = 5000
	var body strings.Builder
	for i := range n {
		body.WriteString(counted(fmt.Sprint("e", i), fmt.Sprint("i", i%7), fmt.Sprint(i)) + "\n")
	}
	at := domain.Position(0)
	err := ingest.New(log, time.Now).Events(t.Context(), store, strings.NewReader(body.String()), ingest.Lines, false, func(a ingest.Answer) error {
		if a.Err != nil || a.Position != at+1 {
			return fmt.Errorf("line %d is at %d after %d: %w", a.Line, a.Position, at, a.Err)
		}
		at = a.Position
		return nil
	}, func() error { return nil })
	if err != nil || at != n {
		t.Errorf("ended at %d: %v", at, err)
	}
}

func newServer(t *testing.T) (*httptest.Server, *streams.Conn) {
	t.Helper()
	conn := streamstest.Start(t)
	mux := http.NewServeMux()
	ingest.NewHTTP(ingest.New(conn.POS(), time.Now), func(name string) (domain.StoreID, error) {
		if name != string(store) {
			return "", fmt.Errorf("store %q: %w", name, domain.ErrNotFound)
		}
		return store, nil
	}, slog.New(slog.DiscardHandler)).Mount(mux)
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server, conn
}

func post(t *testing.T, url, contentType, body string) (int, string) {
	t.Helper()
	r, err := http.Post(url, contentType, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, string(b)
}

func TestHTTP_Events(t *testing.T) {
	t.Parallel()
	server, _ := newServer(t)
	url := server.URL + "/v1/stores/harbour/events"
	for _, tt := range []struct {
		name, url, contentType, body string
		status                       int
		want                         string
	}{
		{"OK lines", url, "application/x-ndjson", counted("a", "i-1", "3") + "\n" + counted("b", "i-2", "3") + "\n", 200,
			`{"id":"a","position":1,"duplicate":false}` + "\n" + `{"id":"b","position":2,"duplicate":false}` + "\n"},
		{"OK again", url, "text/plain", counted("b", "i-2", "3"), 200, `{"id":"b","position":2,"duplicate":true}` + "\n"},
		{"OK one", url, "application/cloudevents+json; charset=utf-8", counted("c", "i-3", "3"), 200, `{"id":"c","position":3,"duplicate":false}` + "\n"},
		{"OK dry", url + "?dry_run=true", "application/x-ndjson", counted("d", "i-3", "3"), 200, `{"id":"d","valid":true}` + "\n"},
		{"ErrDry", url + "?dry_run=yes", "application/x-ndjson", counted("d", "i-3", "3"), 422,
			`{"type":"about:blank","title":"Unprocessable Entity","status":422,"detail":"dry_run: \"yes\": must be true or false","errors":[{"location":"dry_run","message":"must be true or false","value":"yes"}]}` + "\n"},
		{"OK nothing", url, "application/x-ndjson", "\n", 200, ""},
		{"ErrOne", url, "application/cloudevents+json", counted("e", "i-3", "x"), 422,
			`{"type":"about:blank","title":"Unprocessable Entity","status":422,"detail":"data.on_hand: \"x\": must be a plain decimal such as 12.50","errors":[{"location":"data.on_hand","message":"must be a plain decimal such as 12.50","value":"x"}]}` + "\n"},
		{"ErrLine", url, "application/x-ndjson", counted("e", "i-3", "x"), 200,
			`{"id":"e","line":1,"error":{"type":"about:blank","title":"Unprocessable Entity","status":422,"detail":"data.on_hand: \"x\": must be a plain decimal such as 12.50","errors":[{"location":"data.on_hand","message":"must be a plain decimal such as 12.50","value":"x"}]}}` + "\n"},
		{"ErrStore", server.URL + "/v1/stores/other/events", "application/x-ndjson", "", 404,
			`{"type":"about:blank","title":"Not Found","status":404,"detail":"store \"other\": not found"}` + "\n"},
	} {
		// In order: the second is about the first.
		status, body := post(t, tt.url, tt.contentType, tt.body)
		if status != tt.status {
			t.Errorf("%s: status %d, want %d", tt.name, status, tt.status)
		}
		if diff := cmp.Diff(tt.want, body); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

// An adapter may keep one request open, send an event, and read its answer before
// it sends the next.
func TestHTTP_Events_Conversation(t *testing.T) {
	t.Parallel()
	server, _ := newServer(t)
	body, send := io.Pipe()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+"/v1/stores/harbour/events", body)
	if err != nil {
		t.Fatal(err)
	}
	go func() { _, _ = io.WriteString(send, counted("e1", "i-1", "1")+"\n") }() // fails only with the test
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	decoder := json.NewDecoder(response.Body)
	for i := 1; i <= 3; i++ {
		var answer struct {
			ID       string
			Position int
		}
		if err := decoder.Decode(&answer); err != nil || answer.Position != i {
			t.Fatalf("answer %d: %+v, %v", i, answer, err)
		}
		if i < 3 {
			if _, err := io.WriteString(send, counted(fmt.Sprint("e", i+1), "i-1", fmt.Sprint(i+1))+"\n"); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := send.Close(); err != nil {
		t.Fatal(err)
	}
}

func FuzzService_Events(f *testing.F) {
	f.Add([]byte(counted("a", "i-1", "3")+"\n"+sold("s1", "i-1", "1", "1", "1")), 0)
	f.Add([]byte("["+counted("a", "i-1", "3")+"]"), 1)
	f.Add([]byte(sold("s1", "i-1", "1", "1", "1")+"\n"+sold("s2", "i-1", "1", "2", "-1")), 0)
	f.Fuzz(func(t *testing.T, body []byte, format int) {
		s := ingest.New(nil, time.Now) // a dry run appends nothing
		lines := 0
		err := s.Events(t.Context(), store, bytes.NewReader(body), ingest.Format(format), true, func(a ingest.Answer) error {
			if a.Line < lines {
				t.Errorf("line %d is answered after line %d", a.Line, lines)
			}
			lines = a.Line
			if a.Err != nil && !ingest.Refused(a.Err) {
				t.Errorf("line %d: %v is no refusal", a.Line, a.Err)
			}
			return nil
		}, func() error { return nil })
		var invalid *domain.InvalidError
		if err != nil && !errors.As(err, &invalid) {
			t.Errorf("the body is refused with %v", err)
		}
	})
}
