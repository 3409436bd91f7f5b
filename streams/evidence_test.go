package streams_test

import (
	"bytes"
	"errors"
	"iter"
	"slices"
	"testing"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/streams"
	"github.com/tillstream/tillstream/streams/streamstest"
)

func TestTiles(t *testing.T) {
	t.Parallel()
	c := streamstest.Start(t)
	tiles := c.Tiles()
	if n, err := tiles.Count(t.Context(), "POS", 0); n != 0 || err != nil {
		t.Errorf("counted %d at the start, %v", n, err)
	}
	for n := range int64(3) {
		for range 2 { // again is no error
			if err := tiles.Put(t.Context(), "POS", 0, n, []byte{byte(n)}); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := tiles.Put(t.Context(), "POS", 1, 0, []byte("above")); err != nil {
		t.Fatal(err)
	}
	if err := tiles.Put(t.Context(), "POS", 0, 1, []byte("other")); !errors.Is(err, domain.ErrConflict) {
		t.Errorf("another tile in the place of one that is there: %v", err)
	}
	if got, err := tiles.Get(t.Context(), "POS", 0, 1); !bytes.Equal(got, []byte{1}) || err != nil {
		t.Errorf("got %v, %v", got, err)
	}
	if _, err := tiles.Get(t.Context(), "SYNC", 0, 1); !errors.Is(err, domain.ErrNotFound) {
		t.Errorf("a tile of another log: %v", err)
	}
	if n, err := tiles.Count(t.Context(), "POS", 0); n != 3 || err != nil {
		t.Errorf("counted %d, %v", n, err)
	}
	var numbers []int64
	err := tiles.Read(t.Context(), "POS", 0, func(n int64, tile []byte) error {
		numbers = append(numbers, n)
		return nil
	})
	if err != nil || !slices.Equal(numbers, []int64{0, 1, 2}) {
		t.Errorf("read %v, %v", numbers, err)
	}
}

func TestHeads(t *testing.T) {
	t.Parallel()
	c := streamstest.Start(t)
	if _, err := c.Heads().Last(t.Context(), "POS"); !errors.Is(err, domain.ErrNotFound) {
		t.Errorf("a head before one was kept: %v", err)
	}
	for _, text := range []string{"first", "second"} {
		for _, log := range []string{"POS", "SYNC"} {
			if _, err := c.Heads().Append(t.Context(), log, []byte(text), []byte("leaves")); err != nil {
				t.Fatal(err)
			}
		}
	}
	last, err := c.Heads().Last(t.Context(), "POS")
	if err != nil || string(last.Text) != "second" || last.Position != 3 || last.Log != "POS" || string(last.Leaves) != "leaves" {
		t.Errorf("got %+v, %v", last, err)
	}
	for log, want := range map[string]int{"POS": 2, "SYNC": 2, "": 4} {
		n := 0
		if err := c.Heads().Read(t.Context(), log, func(h streams.SignedHead) error { n++; return nil }); err != nil || n != want {
			t.Errorf("read %d heads of %q, %v, want %d", n, log, err, want)
		}
	}
}

// The server says what a user may do, and nothing has to be tried.
func TestConn_Excess(t *testing.T) {
	t.Parallel()
	c := streamstest.Start(t)
	if got, err := c.Excess(t.Context()); len(got) > 0 || err != nil {
		t.Errorf("the program's user may %v, %v", got, err)
	}
	cfg := c.Config()
	cfg.URL, cfg.DataDir, cfg.User, cfg.Password = c.ClientURL(), "", "operator", password(t, c, "operator")
	operator, err := streams.Connect(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer operator.Close()
	if got, err := operator.Excess(t.Context()); len(got) != 20 || err != nil {
		t.Errorf("the operator may %v, %v, want four things with each of five logs", got, err)
	}
}

// What the broker is not told to make, Drift does not make.
func TestConn_Drift(t *testing.T) {
	t.Parallel()
	c, err := streams.Connect(t.Context(), streamstest.Config(t))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for range 2 {
		var missing *streams.MissingError
		if err := c.Drift(t.Context()); !errors.As(err, &missing) {
			t.Errorf("of an empty broker: %v", err)
		}
		if _, err := c.Extent(t.Context(), "POS"); !errors.As(err, &missing) || missing.Stream != "POS" {
			t.Errorf("the extent of a log that is not there: %v", err)
		}
	}
	if err := c.Ensure(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := c.Drift(t.Context()); err != nil {
		t.Error(err)
	}
}

// A restored log has the messages that it had, at their positions, with their recorded
// times, headers and data, also where a position was missing; and it goes on from there.
func TestConn_Restore(t *testing.T) {
	t.Parallel()
	from := streamstest.Start(t)
	mustAppend(t, from.POS(), sales("i", 0, 50)...)
	var want []streams.Message
	read := func(c *streams.Conn) (list []streams.Message) {
		t.Helper()
		if err := c.Whole(t.Context(), "POS", 1000, func(m streams.Message) error { list = append(list, m); return nil }); err != nil {
			t.Fatal(err)
		}
		return list
	}
	want = read(from)
	want = append(want[:20], want[21:]...)
	all := func(list []streams.Message) iter.Seq2[streams.Message, error] {
		return func(yield func(streams.Message, error) bool) {
			for _, m := range list {
				if !yield(m, nil) {
					return
				}
			}
		}
	}
	to, err := streams.Connect(t.Context(), streamstest.Config(t))
	if err != nil {
		t.Fatal(err)
	}
	defer to.Close()
	restored := streams.Restored{Stream: "POS", Last: 50, Bytes: 1 << 16, Messages: all(want)}
	if err := to.Restore(t.Context(), restored); err != nil {
		t.Fatal(err)
	}
	if err := to.Ensure(t.Context()); err != nil {
		t.Fatalf("what was restored is not as declared: %v", err)
	}
	got := read(to)
	if len(got) != len(want) {
		t.Fatalf("%d messages came of %d", len(got), len(want))
	}
	for i := range want {
		want[i].Pending, got[i].Pending = 0, 0
		if !want[i].RecordedAt.Equal(got[i].RecordedAt) || want[i].Position != got[i].Position || want[i].Subject != got[i].Subject ||
			!bytes.Equal(want[i].Data, got[i].Data) || len(want[i].Header) != len(got[i].Header) {
			t.Errorf("got %+v, want %+v", got[i], want[i])
		}
		for name, values := range want[i].Header {
			if !slices.Equal(values, got[i].Header[name]) {
				t.Errorf("position %d: header %s is %q, want %q", want[i].Position, name, got[i].Header[name], values)
			}
		}
	}
	// The ids are known as before, from the server's next start on.
	to = streamstest.Restart(t, to)
	again, err := to.POS().Append(t.Context(), "demo", sales("i", 3, 1))
	if err != nil || !again[0].Duplicate || again[0].Position != 4 {
		t.Errorf("the same event again: %+v, %v", again, err)
	}
	next, err := to.POS().Append(t.Context(), "demo", sales("i", 50, 1))
	if err != nil || next[0].Position != 51 {
		t.Errorf("the next event: %+v, %v", next, err)
	}
	// Nothing is written over a log that has had a message.
	var full *streams.NotEmptyError
	if err := to.Restore(t.Context(), restored); !errors.As(err, &full) || full.Last != 51 {
		t.Errorf("restored again: %v", err)
	}
	// An empty log is in the way, which the program's user may not remove; a person may.
	if err := to.Restore(t.Context(), streams.Restored{Stream: "SYNC", Messages: all(nil)}); err == nil {
		t.Error("the program removed a log")
	}
	if err := as(t, to, "operator").DeleteStream(t.Context(), "SYNC"); err != nil {
		t.Fatal(err)
	}
	if err := to.Restore(t.Context(), streams.Restored{Stream: "SYNC", Messages: all(nil)}); err != nil {
		t.Errorf("restore nothing: %v", err)
	}
	// A source that breaks off is an error.
	if err := as(t, to, "operator").DeleteStream(t.Context(), "SYNC"); err != nil {
		t.Fatal(err)
	}
	broken := errors.New("broken")
	err = to.Restore(t.Context(), streams.Restored{Stream: "SYNC", Last: 2, Messages: func(yield func(streams.Message, error) bool) {
		_ = yield(want[0], nil) && yield(streams.Message{}, broken)
	}})
	if !errors.Is(err, broken) {
		t.Errorf("a source that breaks off: %v", err)
	}
}
