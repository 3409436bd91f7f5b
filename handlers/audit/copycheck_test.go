package audit_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/audit"
	"github.com/tillstream/tillstream/handlers/audit/tree"
	"github.com/tillstream/tillstream/projections/search/sqlite"
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

// growing are copies of a log that grows when it is asked for a tile that is not there yet.
type growing struct {
	copies
	grow func() copies
}

func (g *growing) Tile(ctx context.Context, log string, n int64) (*tree.Tile, bool, error) {
	if log == "POS" && n == int64(len(g.tiles)) {
		g.copies = g.grow()
	}
	return g.copies.Tile(ctx, log, n)
}

// copiesOf are good copies of the POS log, without the last tile and with it, whose end the
// log has not.
func copiesOf(t testing.TB, c *streams.Conn) (out, more copies) {
	t.Helper()
	var grown tree.Tree
	var hasher tree.Hasher
	for _, m := range messages(t, c, "POS") {
		for grown.Size()+1 < int64(m.Position) {
			out.tiles = append(out.tiles, grown.Add(hasher.Absent("POS", domain.Position(grown.Size()+1)))...)
		}
		out.tiles = append(out.tiles, grown.Add(hasher.Leaf(&tree.Message{Log: "POS", Position: m.Position, Subject: m.Subject, RecordedAt: m.RecordedAt, Header: m.Header, Data: m.Data}))...)
	}
	last := tree.Tile{N: int64(len(out.tiles))}
	copy(last.Hashes[:], grown.Tail())
	return out, copies{append(slices.Clone(out.tiles), last), nil}
}

// TestVerifier_copies: what questions are answered from is compared with the log, to the
// position.
func TestVerifier_copies(t *testing.T) {
	t.Parallel()
	c := start(t, t.TempDir())
	record(t, c, 1, 700)
	good, more := copiesOf(t, c)
	if len(good.tiles) != 2 {
		t.Fatalf("%d tiles", len(good.tiles))
	}
	results := func(of audit.Copies) (got []audit.Result) {
		t.Helper()
		v := audit.Verifier{Conn: c, Copies: of, Only: []audit.Code{audit.Copied}}
		if err := v.Run(t.Context(), func(r audit.Result) error { got = append(got, r); return nil }); err != nil {
			t.Fatal(err)
		}
		return got
	}
	check := func(of audit.Copies, want audit.Result) {
		t.Helper()
		got := results(of)
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
	for _, r := range results(audit.NoCopies{Err: errors.New("it is locked")}) {
		if r.State != audit.Skip || !strings.HasSuffix(r.Detail, "it is locked") {
			t.Errorf("of an index that is locked %+v", r)
		}
	}
	check(copies{nil, &sqlite.DamagedError{Err: errors.New("it is cut")}}, audit.Result{
		State: audit.Warn, Detail: "3 sheets of the copies that questions are answered from cannot be read, and so are not answered from; tillstream rebuild --index makes them anew: from position 1 to 256: it is cut; from position 257 to 512: it is cut; from position 513 on: it is cut",
	})
	check(more, audit.Result{
		State: audit.Fail, Position: 701, Detail: "the log ends at position 700, and the search index has copies of others behind it",
	})
	for _, at := range []domain.Position{1, 256, 257, 300, 512} {
		bad := copies{slices.Clone(good.tiles), nil}
		for p := at; p <= min(at+3, 512); p++ {
			bad.tiles[(p-1)/tree.TileWidth].Hashes[(p-1)%tree.TileWidth][5]++
		}
		check(bad, audit.Result{
			State: audit.Fail, Position: at,
			Detail: fmt.Sprintf("the search index's copy of position %d is not what the log has. Which of the two is as it was recorded the check tree says: where that passes, tillstream rebuild --index makes the copies anew", at),
		})
	}

	// What has come since the reading began is in the log, too.
	check(&growing{copies: good, grow: func() copies {
		record(t, c, 701, 800)
		grown, _ := copiesOf(t, c)
		return grown
	}}, audit.Result{State: audit.Pass, Detail: "512 messages agree with the copies that questions are answered from"})

	// Messages that are gone are none, also where the log has no more.
	list := messages(t, c, "POS")
	replace(t, c, "POS", append(slices.Clone(list[:299]), list[302:511]...))
	_, more = copiesOf(t, c)
	check(good, audit.Result{
		State: audit.Fail, Position: 300,
		Detail: "the search index's copy of position 300 is not what the log has. Which of the two is as it was recorded the check tree says: where that passes, tillstream rebuild --index makes the copies anew",
	})
	check(more, audit.Result{
		State: audit.Fail, Position: 512, Detail: "the log ends at position 511, and the search index has copies of others behind it",
	})
	if err := admin(t, c).DeleteStream(t.Context(), "POS"); err != nil {
		t.Fatal(err)
	}
	check(good, audit.Result{State: audit.Skip, Detail: "the log is missing"})
}
