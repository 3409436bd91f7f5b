package audit_test

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
	"pgregory.net/rapid"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/audit"
	"github.com/tillstream/tillstream/handlers/audit/tree"
	"github.com/tillstream/tillstream/streams"
	"github.com/tillstream/tillstream/streams/streamstest"
)

func export(t *testing.T, c *streams.Conn, key *tree.SigningKey) []byte {
	t.Helper()
	e := audit.Exporter{Conn: c, Key: key.Public(), Now: time.Now, Keep: func(k streams.Key) bool { return k == streams.MakeKey("demo", "cursor") }}
	var b bytes.Buffer
	if _, err := e.Export(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// bare is a broker on which nothing was ever made.
func bare(t *testing.T) *streams.Conn {
	t.Helper()
	c, err := streams.Connect(t.Context(), streamstest.Config(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

func restore(ctx context.Context, c *streams.Conn, archive []byte, keys ...tree.Key) error {
	checked, err := audit.CheckArchive(bytes.NewReader(archive), keys...)
	if err != nil {
		return err
	}
	return audit.Restore(ctx, c, checked, func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(archive)), nil }, nil)
}

// An installation that is restored is the one that was exported: messages, positions,
// times and ids, what was signed of them, and how far accounts are read.
func TestExport(t *testing.T) {
	t.Parallel()
	key := testKey(t, 1)
	c := start(t, t.TempDir())
	record(t, c, 1, 300)
	link(t, c, "i-1", 77)
	publish(t, c, "pos.demo.i-3", "not JSON", nil)
	projected(t, c)
	sign(t, c, key)
	put(t, c.Control(), streams.MakeKey("demo", "cursor"), "4711")
	put(t, c.Control(), streams.MakeKey("demo", "token"), "secret")
	archive := export(t, c, key)
	record(t, c, 301, 320) // is not in it

	to := bare(t)
	if err := restore(t.Context(), to, archive, key.Public()); err != nil {
		t.Fatal(err)
	}
	for stream, want := range map[string]int{"POS": 301, "SYNC": 2, "DEADLETTERS": 1, "HEADS": 2} {
		got, all := messages(t, to, stream), messages(t, c, stream)[:want]
		for i := range all {
			all[i].Pending = 0
		}
		for i := range got {
			got[i].Pending = 0
		}
		same := slices.EqualFunc(got, all, func(a, b streams.Message) bool {
			var h tree.Hasher
			return h.Leaf(&tree.Message{Log: a.Stream, Position: a.Position, Subject: a.Subject, RecordedAt: a.RecordedAt, Header: a.Header, Data: a.Data}) ==
				h.Leaf(&tree.Message{Log: b.Stream, Position: b.Position, Subject: b.Subject, RecordedAt: b.RecordedAt, Header: b.Header, Data: b.Data})
		})
		if !same {
			t.Errorf("%s: restored %d messages of %d, or others", stream, len(got), want)
		}
	}
	if e, err := to.Control().Get(t.Context(), streams.MakeKey("demo", "cursor")); err != nil || string(e.Value) != "4711" {
		t.Errorf("the cursor is %q, %v", e.Value, err)
	}
	if _, err := to.Control().Get(t.Context(), streams.MakeKey("demo", "token")); err == nil {
		t.Error("a secret is in the archive")
	}
	projected(t, to)
	if bad := verify(t, to, key, [][]byte{lastHead(t, c, "POS")}, audit.Topology, audit.Positions, audit.Tree, audit.Since, audit.Events, audit.Fold, audit.Publications, audit.Sums); len(bad) > 0 {
		t.Errorf("what was restored: %+v", bad)
	}
	// The tree goes on with the same key.
	record(t, to, 301, 310)
	if status := sign(t, to, key); status[0].Signed != 311 || status[0].Problem != "" {
		t.Errorf("signed on: %+v", status[0])
	}
	var full *streams.NotEmptyError
	if err := restore(t.Context(), to, archive); !errors.As(err, &full) {
		t.Errorf("restored over it: %v", err)
	}
	// Another key did not sign it.
	if err := restore(t.Context(), bare(t), archive, testKey(t, 2).Public()); err == nil {
		t.Error("an archive was taken for that of another installation")
	}
}

// Hashes that are left of another log keep an archive out: they would contradict what is
// restored, for ever.
func TestEmpty_tiles(t *testing.T) {
	t.Parallel()
	c := start(t, t.TempDir())
	if err := audit.Empty(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if err := c.Tiles().Put(t.Context(), "POS", 0, 0, []byte("hashes")); err != nil {
		t.Fatal(err)
	}
	var full *streams.NotEmptyError
	if err := audit.Empty(t.Context(), c); !errors.As(err, &full) || full.Stream != "TILES" {
		t.Errorf("got %v", err)
	}
}

// Whatever is changed in an archive, and wherever it is cut, it is refused before
// anything is written. A changed bit that means nothing to zstd (its window's size, what
// fills a last byte) is no damage: what is unpacked is what was exported.
func TestCheckArchive(t *testing.T) {
	t.Parallel()
	key := testKey(t, 1)
	c := start(t, t.TempDir())
	record(t, c, 1, 50)
	sign(t, c, key)
	archive := export(t, c, key)
	if _, err := audit.CheckArchive(bytes.NewReader(archive), key.Public()); err != nil {
		t.Fatal(err)
	}
	whole, err := unpacked(archive)
	if err != nil {
		t.Fatal(err)
	}
	var refused *audit.DamagedError
	if _, err := audit.CheckArchive(bytes.NewReader(slices.Concat(archive, archive)), key.Public()); !errors.As(err, &refused) {
		t.Errorf("of two, one behind the other: %v", err)
	}
	rapid.Check(t, func(t *rapid.T) {
		bad := bytes.Clone(archive)
		at := rapid.IntRange(0, len(archive)-1).Draw(t, "at")
		if rapid.Bool().Draw(t, "cut") {
			bad = bad[:at]
		} else {
			bad[at] ^= byte(rapid.IntRange(1, 255).Draw(t, "bits"))
		}
		_, err := audit.CheckArchive(bytes.NewReader(bad), key.Public())
		if got, problem := unpacked(bad); problem == nil && bytes.Equal(got, whole) {
			if err != nil {
				t.Fatalf("byte %d of the archive means nothing, and it was refused: %v", at, err)
			}
			return
		}
		if err == nil {
			t.Fatalf("an archive damaged at byte %d was taken", at)
		}
		// The broker is none: writing to it would panic.
		if err := restore(context.Background(), nil, bad); err == nil {
			t.Fatalf("an archive damaged at byte %d was restored", at)
		}
	})
}

// unpacked is the tar file in an archive. The error is zstd's, which has a checksum of
// its own.
func unpacked(archive []byte) ([]byte, error) {
	z, err := zstd.NewReader(bytes.NewReader(archive))
	if err != nil {
		return nil, err
	}
	defer z.Close()
	return io.ReadAll(z)
}

// An archive of a log that is not what was signed is refused, though its checksums are
// right.
func TestCheckArchive_contradiction(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change func(list []streams.Message) []streams.Message
		from   domain.Position
	}{
		"changed": {func(list []streams.Message) []streams.Message { list[29].Data = []byte("{}"); return list }, 1},
		"cut":     {func(list []streams.Message) []streams.Message { return list[:20] }, 21},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			key := testKey(t, 1)
			c := start(t, t.TempDir())
			record(t, c, 1, 50)
			sign(t, c, key)
			replace(t, c, "POS", tt.change(messages(t, c, "POS")))
			var contradiction *audit.ContradictionError
			if _, err := audit.CheckArchive(bytes.NewReader(export(t, c, key))); !errors.As(err, &contradiction) || contradiction.Log != "POS" || contradiction.From != tt.from {
				t.Errorf("got %v", err)
			}
		})
	}
}

// changed is an archive with other messages in it, and the checksums made right.
func changed(t *testing.T, archive []byte, change func(*tree.Message)) []byte {
	t.Helper()
	z, err := zstd.NewReader(bytes.NewReader(archive))
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	var out bytes.Buffer
	compressed, err := zstd.NewWriter(&out)
	if err != nil {
		t.Fatal(err)
	}
	from, to := tar.NewReader(z), tar.NewWriter(compressed)
	type sum struct {
		Name   string `json:"name"`
		SHA256 string `json:"sha256"`
	}
	var sums []sum
	for h, err := from.Next(); !errors.Is(err, io.EOF); h, err = from.Next() {
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(from)
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case h.Name == "checksums.json":
			if b, err = json.Marshal(map[string]any{"members": sums}); err != nil {
				t.Fatal(err)
			}
		case strings.HasSuffix(h.Name, ".leaves"):
			b = changedLeaves(t, b, change)
		}
		s := sha256.Sum256(b)
		sums = append(sums, sum{h.Name, hex.EncodeToString(s[:])})
		h.Size = int64(len(b))
		if err := to.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := to.Write(b); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(to.Close(), compressed.Close()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func changedLeaves(t *testing.T, b []byte, change func(*tree.Message)) (out []byte) {
	t.Helper()
	for len(b) > 0 {
		n := binary.BigEndian.Uint32(b)
		m, err := tree.ParseLeaf(b[4 : 4+n])
		if err != nil {
			t.Fatal(err)
		}
		change(&m)
		leaf := tree.AppendLeaf(nil, &m)
		out = append(binary.BigEndian.AppendUint32(out, uint32(len(leaf))), leaf...)
		b = b[4+n:]
	}
	return out
}

// Whoever makes an archive may put anything into it: what is no head is refused, and
// each head is compared, in whatever order they stand.
func TestCheckArchive_heads(t *testing.T) {
	t.Parallel()
	key := testKey(t, 1)
	c, other := start(t, t.TempDir()), start(t, t.TempDir())
	record(t, other, 2, 11)
	sign(t, other, key)
	record(t, c, 1, 10)
	sign(t, c, key)
	record(t, c, 11, 50)
	sign(t, c, key)
	newest, foreign := lastHead(t, c, "POS"), lastHead(t, other, "POS")
	archive := export(t, c, key)
	if checked, err := audit.CheckArchive(bytes.NewReader(changed(t, archive, func(*tree.Message) {})), key.Public()); err != nil || checked.Heads != 2 {
		t.Fatalf("%d heads, %v", checked.Heads, err)
	}
	var damaged *audit.DamagedError
	if _, err := audit.CheckArchive(bytes.NewReader(changed(t, archive, func(m *tree.Message) {
		if m.Log == "HEADS" {
			m.Subject = "h"
		}
	}))); !errors.As(err, &damaged) {
		t.Errorf("a head of no log: %v", err)
	}
	var contradiction *audit.ContradictionError
	if _, err := audit.CheckArchive(bytes.NewReader(changed(t, archive, func(m *tree.Message) {
		switch {
		case m.Log != "HEADS":
		case m.Position == 1:
			m.Data = newest
		default:
			m.Data = foreign
		}
	}))); !errors.As(err, &contradiction) {
		t.Errorf("a head of another history behind the newest: %v", err)
	}
}

// A bundle proves the events of an item, and that the log was only added to.
func TestProve(t *testing.T) {
	t.Parallel()
	key := testKey(t, 1)
	c := start(t, t.TempDir())
	record(t, c, 1, 300)
	if _, err := audit.Prove(t.Context(), c, key.Public(), c.POS(), []audit.Wanted{{Query: streams.Query{From: 1, To: 1}}}, nil); !errors.Is(err, audit.ErrUnsigned) {
		t.Errorf("before anything is signed: %v", err)
	}
	sign(t, c, key)
	since := lastHead(t, c, "POS")
	record(t, c, 301, recorded)
	sign(t, c, key)
	record(t, c, recorded+1, recorded+5)
	item := audit.Wanted{Query: streams.Query{Store: "demo", Key: "i-3"}}
	b, err := audit.Prove(t.Context(), c, key.Public(), c.POS(), []audit.Wanted{item, {Query: streams.Query{From: 599, To: 599}}}, since)
	if err != nil {
		t.Fatal(err)
	}
	head, earlier, err := b.Verify(key.Public())
	if err != nil || head.Size != recorded || earlier.Size != 300 || len(b.Events) != 87 {
		t.Errorf("%d events, a head of %d, earlier %d, %v", len(b.Events), head.Size, earlier.Size, err)
	}
	if _, err := audit.Prove(t.Context(), c, key.Public(), c.POS(), []audit.Wanted{{Query: streams.Query{From: 603, To: 603}}}, nil); !errors.Is(err, audit.ErrUnsigned) {
		t.Errorf("what is newer than the newest head: %v", err)
	}
	if _, err := audit.Prove(t.Context(), c, testKey(t, 2).Public(), c.POS(), nil, nil); err == nil {
		t.Error("another key's head was taken")
	}

	// It is the same when it is known where the item's events lie, and no other's are taken.
	if item.At, err = c.POS().Events().Places(t.Context(), "demo", "i-3", recorded+5); err != nil {
		t.Fatal(err)
	}
	item.Known = true
	known, err := audit.Prove(t.Context(), c, key.Public(), c.POS(), []audit.Wanted{item}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(b.Events[:86], known.Events); diff != "" {
		t.Errorf("with known positions (-without +with):\n%s", diff)
	}
	item.At = append([]domain.Position{item.At[0] - 1}, item.At...)
	if _, err := audit.Prove(t.Context(), c, key.Public(), c.POS(), []audit.Wanted{item}, nil); err == nil {
		t.Error("an event of another item was proven")
	}
}
