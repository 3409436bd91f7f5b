package index_test

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/audit"
	"github.com/tillstream/tillstream/handlers/audit/tree"
	"github.com/tillstream/tillstream/handlers/index"
	"github.com/tillstream/tillstream/streams"
)

// happen appends events of some items, with one that is large and one that is none among them.
func (w *world) happen(t testing.TB, n int) {
	t.Helper()
	events := make([]domain.Envelope, n)
	for i := range events {
		w.events++
		item := fmt.Sprintf("i-%d", w.random.IntN(20))
		events[i] = domain.Envelope{
			ID: domain.EventID(fmt.Sprintf("f-%d", w.events)), Source: "/till/1", Type: domain.TypeStockLevelReported, Subject: item, Actor: w.pick("", "ann"),
			Time: time.Date(2026, 11, 1, 10, 0, 0, 0, time.UTC).Add(time.Duration(w.events) * time.Second),
			Data: json.RawMessage(fmt.Sprintf(`{"item":%q,"outlet":"Quayside","on_hand":"%d"}`, item, w.random.IntN(20))),
		}
	}
	large := &events[n/2]
	large.Type = domain.TypeProductSaved
	large.Data = json.RawMessage(fmt.Sprintf(`{"item":%q,"name":"Mug","description":%q}`, large.Subject, strings.Repeat("large ", 4000)))
	if _, err := w.conn.POS().Append(t.Context(), store, events); err != nil {
		t.Fatal(err)
	}
	w.garbage(t)
}

// outcomes appends to the SYNC log.
func (w *world) outcomes(t testing.TB, n int) {
	t.Helper()
	events := make([]domain.Envelope, n)
	for i := range events {
		w.events++
		var err error
		event := &domain.ProductUnlinked{Product: domain.ProductID(w.pick("a", "b")), Reason: "test"}
		events[i], err = domain.NewEnvelope(domain.EventID(fmt.Sprintf("o-%d", w.events)), "/test", time.Date(2026, 11, 2, 10, 0, 0, 0, time.UTC), event)
		must(t, err)
	}
	_, err := w.conn.Sync().Append(t.Context(), store, events)
	must(t, err)
}

// everything is what a log says at each of its positions.
func everything(t testing.TB, log *streams.Log) (at []domain.Position, says map[domain.Position]string) {
	t.Helper()
	says = map[domain.Position]string{}
	must(t, log.Events().Read(t.Context(), "", "", 0, 0, func(rec domain.Recorded, err error) error {
		at, says[rec.Position] = append(at, rec.Position), fmt.Sprintf("%+v %v", rec, err)
		return nil
	}))
	return at, says
}

// recalls wants the index's copies to say what the logs say, and to be copies of all but
// the large ones as far as there are whole sheets.
func (w *world) recalls(t *testing.T) {
	t.Helper()
	w.caughtUp(t)
	pos, sync := w.index.Logs()
	for log, copies := range map[*streams.Log]index.Log{w.conn.POS(): pos, w.conn.Sync(): sync} {
		at, says := everything(t, log)
		var want []domain.Position
		for _, p := range at {
			if int(p) <= len(at)/tree.TileWidth*tree.TileWidth && len(says[p]) < 20_000 {
				want = append(want, p)
			}
		}
		if d := cmp.Diff(want, copies.CopiedAt(t.Context(), at)); d != "" {
			t.Fatalf("%s has copies (-want +got)\n%s", log.Name(), d)
		}
		for range 20 {
			var some, got []domain.Position
			for _, p := range at {
				if w.random.IntN(7) == 0 {
					some = append(some, p)
				}
			}
			must(t, copies.ReadAt(t.Context(), some, func(rec domain.Recorded, err error) error {
				got = append(got, rec.Position)
				if is := fmt.Sprintf("%+v %v", rec, err); is != says[rec.Position] {
					t.Errorf("position %d: %s\nthe log says %s", rec.Position, is, says[rec.Position])
				}
				return nil
			}))
			if !slices.Equal(some, got) {
				t.Fatalf("read %v\ngot %v", some, got)
			}
		}
	}
}

// TestLog: what is read from the index's copies is what the log says, whatever lies there
// and wherever the index was ended.
func TestLog(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 21)
	w.group = 90
	w.start(t)
	pos, _ := w.index.Logs()
	w.outcomes(t, 300)
	w.happen(t, 100)
	w.recalls(t)
	w.stop()
	w.happen(t, 300)
	at, _ := everything(t, w.conn.POS())
	if found := pos.CopiedAt(t.Context(), at); found != nil {
		t.Errorf("an index that is closed has copies of %v", found)
	}
	must(t, pos.ReadAt(t.Context(), at[:3], func(domain.Recorded, error) error { return nil }))
	w.start(t)
	w.recalls(t)
	w.stop()
	w.spoil(t, "CREATE TABLE kept (one INTEGER)")
	for range 40 {
		w.group, w.bytes = 1+w.random.IntN(300), 1+w.random.IntN(20_000)
		w.start(t)
		w.happen(t, 1+w.random.IntN(20))
		w.outcomes(t, 1+w.random.IntN(9))
		w.stop()
	}
	w.start(t)
	w.recalls(t)
	w.stop()
	w.happen(t, 900)
	w.group, w.bytes = index.DefaultGroup, 1
	w.start(t)
	w.recalls(t)
	live := w.sum(t)
	w.stop()
	w.spoil(t, "DROP TABLE kept") // which is there if the index was not made anew
	w.start(t)
	w.recalls(t)
	if _, err := w.index.Renew(t.Context(), func(index.Progress) {}); err != nil {
		t.Fatal(err)
	}
	w.recalls(t)
	if anew := w.sum(t); anew.Digest != live.Digest {
		t.Errorf("live %+v, made anew %+v", live, anew)
	}
}

// TestOpenCopies: a file that nobody keeps is looked at as it lies there, and one that is
// of no use is none.
func TestOpenCopies(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 23)
	w.start(t)
	w.happen(t, 300)
	w.caughtUp(t)
	kept, is, err := w.index.Copies().Tile(t.Context(), "POS", 0)
	if err != nil || !is {
		t.Fatalf("kept: %v, %v", is, err)
	}
	if _, _, err := w.index.Copies().Tile(t.Context(), "HEADS", 0); !errors.Is(err, domain.ErrNotFound) {
		t.Errorf("of a log without copies: %v", err)
	}
	if _, err := index.OpenCopies(t.Context(), w.file, w.conn); err == nil || errors.Is(err, domain.ErrNotFound) {
		t.Errorf("a file that is in use was opened with %v", err)
	}
	w.stop()
	if _, _, err := w.index.Copies().Tile(t.Context(), "POS", 0); err == nil {
		t.Error("an index that is closed has copies")
	}
	x, err := index.OpenCopies(t.Context(), w.file, w.conn)
	must(t, err)
	if lies, is, err := x.Tile(t.Context(), "POS", 0); err != nil || !is || lies.Hashes != kept.Hashes {
		t.Errorf("at rest %v, %v", is, err)
	}
	if _, is, err := x.Tile(t.Context(), "POS", 1); err != nil || is {
		t.Errorf("a sheet that is not whole: %v, %v", is, err)
	}
	must(t, x.Close())
	other := newWorld(t, 26)
	other.happen(t, 300)
	if _, err := index.OpenCopies(t.Context(), w.file, other.conn); !errors.Is(err, domain.ErrNotFound) {
		t.Errorf("the index of another log: %v", err)
	}
	w.spoil(t, "UPDATE standing SET value = json_set(value, '$.sheets.pos', 2)")
	if _, err := index.OpenCopies(t.Context(), w.file, w.conn); !errors.Is(err, domain.ErrNotFound) {
		t.Errorf("with sheets of more than it has read: %v", err)
	}
	must(t, os.Remove(w.file))
	if _, err := index.OpenCopies(t.Context(), w.file, w.conn); !errors.Is(err, domain.ErrNotFound) {
		t.Errorf("without a file: %v", err)
	}
}

// indexed is a world with more than one sheet of either log in its index.
func indexed(t *testing.T, seed uint64) *world {
	t.Helper()
	w := newWorld(t, seed)
	w.start(t)
	w.outcomes(t, 600)
	w.happen(t, 600)
	w.recalls(t)
	return w
}

// spoil changes the sheets in the file of an index that is closed.
func (w *world) spoil(t testing.TB, statement string) {
	t.Helper()
	db, err := sql.Open("sqlite", w.file)
	must(t, err)
	_, err = db.Exec(statement)
	must(t, errors.Join(err, db.Close()))
}

// TestLog_damaged: copies that are not what was written are not believed, and the index is
// made anew for it.
func TestLog_damaged(t *testing.T) {
	t.Parallel()
	for name, statement := range map[string]string{
		"NoSheet":    "UPDATE sheet SET messages = x'00112233' WHERE log = 'POS' AND n = 1",
		"OtherHash":  "UPDATE sheet SET hash = (SELECT hash FROM sheet WHERE log = 'POS' AND n = 0) WHERE log = 'POS' AND n = 1",
		"ShortHash":  "UPDATE sheet SET hash = x'00' WHERE log = 'POS' AND n = 1",
		"OtherPlace": "UPDATE sheet SET (hash, messages) = (SELECT hash, messages FROM sheet WHERE log = 'POS' AND n = 0) WHERE log = 'POS' AND n = 1",
		"OtherLog":   "UPDATE sheet SET (hash, messages) = (SELECT hash, messages FROM sheet WHERE log = 'SYNC' AND n = 0) WHERE log = 'POS' AND n = 0",
		"Missing":    "DELETE FROM sheet WHERE log = 'POS' AND n = 1",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := indexed(t, 22)
			all, says := everything(t, w.conn.POS())
			pos, _ := w.index.Logs()
			good := pos.CopiedAt(t.Context(), all)
			w.stop()
			w.spoil(t, statement)
			w.start(t)
			pos, _ = w.index.Logs()
			late := time.After(30 * time.Second)
			for anew := false; !anew; {
				changed := w.index.Changed()
				must(t, pos.ReadAt(t.Context(), all, func(rec domain.Recorded, err error) error {
					if is := fmt.Sprintf("%+v %v", rec, err); is != says[rec.Position] {
						t.Fatalf("position %d: %s\nthe log says %s", rec.Position, is, says[rec.Position])
					}
					return nil
				}))
				// As long as any is damaged there are none.
				if anew = slices.Equal(good, pos.CopiedAt(t.Context(), all)); anew {
					break
				}
				select {
				case <-changed:
				case <-late:
					t.Fatalf("the index is not made anew; %+v", w.index.Status())
				}
			}
			w.recalls(t)
		})
	}
	for name, statement := range map[string]string{
		"LessThanCounted": "UPDATE standing SET value = json_set(value, '$.sheets.pos', 1)",
		"MoreThanRead":    "UPDATE standing SET value = json_set(value, '$.sheets.pos', 3)",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := indexed(t, 24)
			w.stop()
			w.spoil(t, statement)
			w.start(t)
			w.recalls(t)
		})
	}
}

// TestVerify: what the index would answer and the log has not is found where it is, also in
// a file that nobody keeps.
func TestVerify(t *testing.T) {
	t.Parallel()
	w := indexed(t, 25)
	verify := func(copies audit.Copies, want audit.State, at domain.Position) {
		t.Helper()
		v := audit.Verifier{Conn: w.conn, Copies: copies, Only: []audit.Code{audit.Copied}}
		must(t, v.Run(t.Context(), func(r audit.Result) error {
			if r.Log == "POS" && (r.State != want || r.Position != at) {
				t.Errorf("found %+v, want %s at %d", r, want, at)
			}
			return nil
		}))
	}
	verify(w.index.Copies(), audit.Pass, 0)
	w.stop()
	verify(w.index.Copies(), audit.Skip, 0)
	for _, tt := range []struct {
		statement string
		want      audit.State
		at        domain.Position
	}{
		{"UPDATE sheet SET (hash, messages) = (SELECT hash, messages FROM sheet WHERE log = 'POS' AND n = 0) WHERE log = 'POS' AND n = 1", audit.Fail, 257},
		{"DELETE FROM sheet WHERE log = 'POS' AND n = 0", audit.Fail, 257}, // what lies behind is compared all the same
		{"UPDATE sheet SET hash = zeroblob(32)", audit.Warn, 0},
	} {
		w.spoil(t, tt.statement)
		x, err := index.OpenCopies(t.Context(), w.file, w.conn)
		must(t, err)
		verify(x, tt.want, tt.at)
		must(t, x.Close())
	}
}

// garbage puts what is no event straight into the log, as anybody may who may publish.
func (w *world) garbage(t testing.TB) {
	t.Helper()
	password, err := os.ReadFile(w.conn.PasswordFile("app"))
	must(t, err)
	nc, err := nats.Connect(w.conn.ClientURL(), nats.UserInfo("app", strings.TrimSpace(string(password))))
	must(t, err)
	defer nc.Close()
	js, err := jetstream.New(nc)
	must(t, err)
	_, err = js.Publish(t.Context(), "pos.demo.i-1", []byte("what is this, then?"))
	must(t, err)
}
