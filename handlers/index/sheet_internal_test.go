package index

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/audit/tree"
	"github.com/tillstream/tillstream/projections/search/sqlite"
	"github.com/tillstream/tillstream/streams"
	"github.com/tillstream/tillstream/streams/streamstest"
)

const testLog = "LOG"

func messageGen(t *rapid.T, at domain.Position) streams.Message {
	m := streams.Message{
		Stream: testLog, Position: at, Subject: rapid.StringN(1, 20, 40).Draw(t, "subject"),
		RecordedAt: time.Unix(0, rapid.Int64Range(0, 1<<62).Draw(t, "recorded")).UTC(),
		Data:       rapid.SliceOfN(rapid.Byte(), 0, 60).Draw(t, "data"),
	}
	if n := rapid.IntRange(0, 3).Draw(t, "headers"); n > 0 {
		m.Header = map[string][]string{}
		for i := range n {
			m.Header[fmt.Sprintf("ce-%d", i)] = rapid.SliceOfN(rapid.String(), 1, 2).Draw(t, "values")
		}
	}
	if rapid.IntRange(0, 60).Draw(t, "large") == 0 {
		m.Data = make([]byte, mostCopied-40+rapid.IntRange(0, 80).Draw(t, "size"))
	}
	return m
}

// TestCopyist: what is copied of a log, with positions that have no message, comes out as
// it was, and hashes as the log's tree does; what is large is not copied.
func TestCopyist(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := &copyist{name: "log", log: testLog, next: 1}
		var grown tree.Tree
		var tiles []tree.Tile
		var hasher tree.Hasher
		leaf := func(h [32]byte) {
			for _, tile := range grown.Add(h) {
				if tile.Level == 0 {
					tiles = append(tiles, tile)
				}
			}
		}
		there := map[domain.Position]streams.Message{}
		var sheets []sqlite.Sheet
		at := domain.Position(0)
		for at < domain.Position(rapid.IntRange(1, 700).Draw(t, "length")) {
			gap := domain.Position(0)
			if rapid.IntRange(0, 20).Draw(t, "gap") == 0 {
				gap = domain.Position(rapid.IntRange(1, 300).Draw(t, "of"))
			}
			for range gap {
				at++
				leaf(hasher.Absent(testLog, at))
			}
			at++
			m := messageGen(t, at)
			there[at] = m
			leaf(hasher.Leaf(&tree.Message{Log: testLog, Position: at, Subject: m.Subject, RecordedAt: m.RecordedAt, Header: m.Header, Data: m.Data}))
			sheets = c.add(sheets, &m)
		}
		if int64(len(sheets)) != c.sheets() || len(sheets) != len(tiles) || c.next != at+1 {
			t.Fatalf("%d positions made %d sheets and %d tiles; the copyist says %d, and is at %d", at, len(sheets), len(tiles), c.sheets(), c.next)
		}
		r := sheetReader{log: testLog}
		for i, s := range sheets {
			if err := errors.Join(r.open(&s), r.check(&s)); err != nil {
				t.Fatal(err)
			}
			if s.N != int64(i) || s.Hash != tiles[i].Hash() || r.entries.tile(testLog, s.N, &hasher).Hashes != tiles[i].Hashes {
				t.Fatalf("sheet %d is not tile %d", s.N, i)
			}
			for p := domain.Position(i*tree.TileWidth + 1); sheetOf(p) == s.N; p++ {
				want, is := there[p]
				got, copied, err := r.message(&s, p)
				if err != nil {
					t.Fatal(err)
				}
				is = is && len(tree.AppendLeaf(nil, &tree.Message{Log: testLog, Subject: want.Subject, Header: want.Header, Data: want.Data})) <= mostCopied
				if copied != is {
					t.Fatalf("position %d copied: %v, want %v", p, copied, is)
				}
				if d := cmp.Diff(tree.Message{Log: testLog, Position: p, Subject: want.Subject, RecordedAt: want.RecordedAt, Header: want.Header, Data: want.Data}, got, cmpopts.EquateEmpty()); copied && d != "" {
					t.Fatal(d)
				}
			}
		}
	})
}

// TestHandler_copied: a transaction ends where its copies are enough, and the next goes on
// there; it goes on nowhere else.
func TestHandler_copied(t *testing.T) {
	t.Parallel()
	conn := streamstest.Start(t)
	var events []domain.Envelope
	for i := range 700 {
		events = append(events, domain.Envelope{
			ID: domain.EventID(fmt.Sprint("e-", i)), Source: "/till/1", Type: domain.TypeStockLevelReported, Subject: "i", Time: time.Date(2026, 11, 1, 10, 0, 0, 0, time.UTC),
			Data: []byte(`{"item":"i","outlet":"Quayside","on_hand":"1"}`),
		})
	}
	if _, err := conn.POS().Append(t.Context(), "demo", events); err != nil {
		t.Fatal(err)
	}
	h := &Handler{Bytes: 1}
	c := &copyist{name: "POS", log: "POS", next: 1}
	at, read := sqlite.Reached{}, 0
	for _, want := range []domain.Position{256, 512, 700} {
		b := &sqlite.Batch{}
		var err error
		if at, err = h.copied(t.Context(), b, conn.POS(), c, at, 700, func(*streams.Message) { read++ }); err != nil {
			t.Fatal(err)
		}
		if at.Position != want || read != int(want) || at.Mark == "" || int64(want/tree.TileWidth) != c.sheets() || len(b.Sheets) != 1 && want < 700 {
			t.Errorf("it has read %d messages up to %+v and made %d sheets, want up to %d", read, at, len(b.Sheets), want)
		}
	}
	if _, err := h.copied(t.Context(), &sqlite.Batch{}, conn.POS(), c, sqlite.Reached{Position: 600}, 700, func(*streams.Message) {}); err == nil {
		t.Error("what was copied was copied again")
	}
}

// written is a whole sheet.
func written(t testing.TB) sqlite.Sheet {
	c := &copyist{name: "log", log: testLog, next: 1}
	var sheets []sqlite.Sheet
	for p := domain.Position(1); len(sheets) == 0; p += 2 {
		sheets = c.add(sheets, &streams.Message{Stream: testLog, Position: p, Subject: "s", RecordedAt: time.Unix(7, 0), Header: map[string][]string{"ce-id": {fmt.Sprint(p)}}, Data: []byte("{}")})
	}
	return sheets[0]
}

// TestSheetReader: a sheet with any byte changed, or in another place, is refused.
func TestSheetReader(t *testing.T) {
	t.Parallel()
	good := written(t)
	refused := func(s sqlite.Sheet) error {
		r := sheetReader{log: testLog}
		err := r.open(&s)
		if err == nil {
			err = r.check(&s)
		}
		if err == nil {
			_, _, err = r.message(&s, domain.Position(s.N*tree.TileWidth+1))
		}
		return err
	}
	if err := refused(good); err != nil {
		t.Fatal(err)
	}
	other := good
	other.N = 1
	if err := refused(other); !sqlite.IsDamaged(err) {
		t.Errorf("in another place: %v", err)
	}
	for i := range good.Messages {
		s := good
		s.Messages = slices.Clone(good.Messages)
		s.Messages[i] ^= 0x10
		if err := refused(s); !sqlite.IsDamaged(err) {
			t.Errorf("byte %d changed: %v", i, err)
		}
	}
	for n := range good.Messages {
		s := good
		s.Messages = good.Messages[:n]
		if err := refused(s); !sqlite.IsDamaged(err) {
			t.Errorf("cut to %d bytes: %v", n, err)
		}
	}
	s := good
	s.Hash[0]++
	if err := refused(s); !sqlite.IsDamaged(err) {
		t.Errorf("another hash: %v", err)
	}
}

// FuzzSheetReader: no sheet, however it was made, does more than be refused.
func FuzzSheetReader(f *testing.F) {
	good := written(f)
	f.Add(good.Messages)
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0x0f})
	f.Add([]byte(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		s := sqlite.Sheet{Log: "log", Messages: b}
		r := sheetReader{log: testLog}
		if err := r.open(&s); err != nil {
			if !sqlite.IsDamaged(err) {
				t.Errorf("refused with %v", err)
			}
			return
		}
		s.Hash = r.entries.tile(testLog, 0, &r.hasher).Hash()
		if err := r.check(&s); err != nil {
			t.Error(err)
		}
		for p := domain.Position(1); sheetOf(p) == 0; p++ {
			m, copied, err := r.message(&s, p)
			if err != nil && !sqlite.IsDamaged(err) {
				t.Errorf("position %d: %v", p, err)
			}
			if copied && (m.Position != p || m.Log != testLog) {
				t.Errorf("position %d holds %+v", p, m)
			}
		}
	})
}
