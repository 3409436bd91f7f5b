package audit_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/audit"
	"github.com/tillstream/tillstream/handlers/audit/tree"
	"github.com/tillstream/tillstream/streams"
)

// copies are tiles of the POS log.
type copies struct {
	tiles []tree.Tile
	err   error
}

func (c copies) Tile(_ context.Context, log string, n int64) (*tree.Tile, bool, error) {
	if log != "POS" || c.err == nil && n >= int64(len(c.tiles)) {
		return nil, false, nil
	}
	if c.err != nil {
		return nil, false, c.err
	}
	return &c.tiles[n], true, nil
}

// copiesOf are good copies of the POS log.
func copiesOf(t testing.TB, c *streams.Conn) (out copies) {
	t.Helper()
	var grown tree.Tree
	var hasher tree.Hasher
	for _, m := range messages(t, c, "POS") {
		for grown.Size()+1 < int64(m.Position) {
			out.tiles = append(out.tiles, grown.Add(hasher.Absent("POS", domain.Position(grown.Size()+1)))...)
		}
		out.tiles = append(out.tiles, grown.Add(hasher.Leaf(&tree.Message{Log: "POS", Position: m.Position, Subject: m.Subject, RecordedAt: m.RecordedAt, Header: m.Header, Data: m.Data}))...)
	}
	return out
}

// TestVerifier_copies: what questions are answered from is compared with the log, to the
// position.
func TestVerifier_copies(t *testing.T) {
	t.Parallel()
	c := start(t, t.TempDir())
	record(t, c, 1, 700)
	good := copiesOf(t, c)
	if len(good.tiles) != 2 {
		t.Fatalf("%d tiles", len(good.tiles))
	}
	check := func(of audit.Copies, want audit.Result) {
		t.Helper()
		v := audit.Verifier{Conn: c, Copies: of, Only: []audit.Code{audit.Copied}}
		var got []audit.Result
		if err := v.Run(t.Context(), func(r audit.Result) error { got = append(got, r); return nil }); err != nil {
			t.Fatal(err)
		}
		want.Code, want.Log = audit.Copied, "POS"
		if len(got) != 2 || got[0] != want || got[1].State != audit.Pass || got[1].Log != "SYNC" {
			t.Errorf("found %+v\nwant %+v, and that SYNC passes", got, want)
		}
	}
	check(nil, audit.Result{State: audit.Pass, Detail: "there is no search index; questions are answered from the log itself"})
	check(copies{}, audit.Result{State: audit.Pass, Detail: "the search index has no copies of its messages; questions are answered from the log itself"})
	check(good, audit.Result{State: audit.Pass, Detail: "512 messages agree with the copies that questions are answered from"})
	check(copies{good.tiles[:1], nil}, audit.Result{State: audit.Pass, Detail: "256 messages agree with the copies that questions are answered from"})
	check(copies{nil, errors.New("no such thing")}, audit.Result{
		State: audit.Skip, Detail: "the copies that questions are answered from cannot be compared from position 1 on: no such thing",
	})
	for _, at := range []domain.Position{1, 256, 257, 300, 512} {
		bad := copies{append([]tree.Tile(nil), good.tiles...), nil}
		for p := at; p <= min(at+3, 512); p++ {
			bad.tiles[(p-1)/tree.TileWidth].Hashes[(p-1)%tree.TileWidth][5]++
		}
		check(bad, audit.Result{
			State: audit.Fail, Position: at,
			Detail: "the search index answers of position " + fmt.Sprint(at) + " something else than the log has; tillstream rebuild --index makes its copies anew",
		})
	}
}
