package index_test

import (
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
	"github.com/tillstream/tillstream/handlers/audit/tree"
	"github.com/tillstream/tillstream/handlers/index"
	"github.com/tillstream/tillstream/projections/search/sqlite"
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
	file, err := os.Stat(w.file)
	must(t, err)
	for range 40 {
		w.happen(t, 1+w.random.IntN(20))
		w.stop()
		w.start(t)
	}
	w.recalls(t)
	if now, err := os.Stat(w.file); err != nil || !os.SameFile(file, now) {
		t.Errorf("the index was made anew: %v", err)
	}
	live := w.sum(t)
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
	must(t, os.Remove(w.file))
	if _, err := index.OpenCopies(t.Context(), w.file, w.conn); !errors.Is(err, domain.ErrNotFound) {
		t.Errorf("without a file: %v", err)
	}
}

// TestLog_damaged: copies that are not what was written are not believed, and the index is
// made anew for it.
func TestLog_damaged(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(s *sqlite.Sheet){
		"NoSheet":      func(s *sqlite.Sheet) { s.Messages = []byte("no sheet") },
		"OtherHash":    func(s *sqlite.Sheet) { s.Hash[7]++ },
		"OtherPlace":   func(*sqlite.Sheet) {}, // of the positions before
		"OtherLogHere": func(s *sqlite.Sheet) { s.Log = "SYNC" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, 22)
			w.start(t)
			w.happen(t, 600)
			w.caughtUp(t)
			w.stop()
			x, _, err := sqlite.Open(t.Context(), w.file, true)
			must(t, err)
			at, err := x.Standing(t.Context())
			must(t, err)
			var s sqlite.Sheet
			must(t, x.View(t.Context(), func(v *sqlite.View) (err error) { s, err = v.Sheet(t.Context(), "POS", 0); return err }))
			s.N = 2
			spoil(&s)
			if s.Log == "SYNC" {
				s.N, at.Sheets.Sync = 0, 1
			} else {
				at.Sheets.POS = 3
			}
			must(t, x.Apply(t.Context(), &sqlite.Batch{Sheets: []sqlite.Sheet{s}, Standing: at}))
			must(t, x.Close())
			if name == "OtherLogHere" {
				for range 3 {
					w.sync(t)
				}
				w.settle(t)
			}
			w.start(t)
			w.caughtUp(t)
			pos, sync := w.index.Logs()
			log, copies := w.conn.POS(), pos
			if s.Log == "SYNC" {
				log, copies = w.conn.Sync(), sync
			}
			all, says := everything(t, log)
			must(t, copies.ReadAt(t.Context(), all, func(rec domain.Recorded, err error) error {
				if is := fmt.Sprintf("%+v %v", rec, err); is != says[rec.Position] {
					t.Errorf("position %d: %s\nthe log says %s", rec.Position, is, says[rec.Position])
				}
				return nil
			}))
			late := time.After(30 * time.Second)
			for made := false; !made; {
				changed := w.index.Changed()
				x := w.index.Copies()
				_, spoilt, err := x.Tile(t.Context(), log.Name(), s.N)
				if made = err == nil && !spoilt; !made {
					select {
					case <-changed:
					case <-late:
						t.Fatalf("the sheet is still there; %+v", w.index.Status())
					}
				}
			}
			w.recalls(t)
		})
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
