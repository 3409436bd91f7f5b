package audit_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/minio/highwayhash"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/audit"
	"github.com/tillstream/tillstream/handlers/audit/tree"
	"github.com/tillstream/tillstream/streams"
)

// A log of 600 messages is two complete tiles and a tail of 88.
const recorded = 600

// tampering is one way to change what happened.
type tampering struct {
	change func([]streams.Message) []streams.Message
	first  domain.Position // that is not as it was
	to     domain.Position // when it is not known exactly
	says   string
}

func tamperings() map[string]tampering {
	edit := func(at domain.Position, change func(*streams.Message)) func([]streams.Message) []streams.Message {
		return func(list []streams.Message) []streams.Message { change(&list[at-1]); return list }
	}
	// renumber gives the messages the positions at which they now stand.
	renumber := func(list []streams.Message) []streams.Message {
		for i := range list {
			list[i].Position = domain.Position(i + 1)
		}
		return list
	}
	header := func(m *streams.Message, name, value string) {
		m.Header = maps.Clone(m.Header)
		m.Header[name] = []string{value}
	}
	return map[string]tampering{
		"data": {edit(300, func(m *streams.Message) {
			m.Data = bytes.Replace(m.Data, []byte(`"on_hand":"0"`), []byte(`"on_hand":"9"`), 1)
		}), 300, 0, "are not those that were recorded"},
		"header":          {edit(301, func(m *streams.Message) { header(m, "ce-actor", "somebody else") }), 301, 0, "are not those that were recorded"},
		"header is added": {edit(256, func(m *streams.Message) { header(m, "x", "y") }), 256, 0, "are not those that were recorded"},
		"subject":         {edit(302, func(m *streams.Message) { m.Subject = "pos.demo.i-0" }), 302, 0, "are not those that were recorded"},
		"recorded time":   {edit(303, func(m *streams.Message) { m.RecordedAt = m.RecordedAt.Add(time.Nanosecond) }), 303, 0, "are not those that were recorded"},
		"first":           {edit(1, func(m *streams.Message) { m.Data = []byte("{}") }), 1, 0, "are not those that were recorded"},
		"in the tail":     {edit(599, func(m *streams.Message) { m.Data = []byte("{}") }), 599, 0, "are not those that were recorded"},
		"dropped": {func(list []streams.Message) []streams.Message { return renumber(slices.Delete(list, 309, 310)) }, 310, 0,
			"what is here now was recorded at position 311: the message of this position was dropped"},
		"dropped with its position": {func(list []streams.Message) []streams.Message { return slices.Delete(list, 310, 311) }, 311, 0, "the message that was recorded here is gone"},
		"inserted": {func(list []streams.Message) []streams.Message {
			other := list[5]
			return renumber(slices.Insert(list, 319, other))
		}, 320, 0, "was not recorded here at all"},
		"reordered": {func(list []streams.Message) []streams.Message {
			list[329], list[349] = list[349], list[329]
			return renumber(list)
		}, 330, 0, "what is here now was recorded at position 350: messages were reordered"},
		"end is gone":   {func(list []streams.Message) []streams.Message { return list[:580] }, 581, 600, "the positions from 581 on are gone"},
		"begin is gone": {func(list []streams.Message) []streams.Message { return list[10:] }, 1, 0, "the message that was recorded here is gone"},
		"rewritten": {func(list []streams.Message) []streams.Message {
			for i := 400; i < len(list); i++ {
				list[i].Data = bytes.Replace(list[i].Data, []byte(`"count":"c-`), []byte(`"count":"x-`), 1)
			}
			return list
		}, 401, 0, "are not those that were recorded"},
	}
}

// means are the two ways to get at a log.
func means() map[string]func(t *testing.T, dir string, change func([]streams.Message) []streams.Message) *streams.Conn {
	return map[string]func(*testing.T, string, func([]streams.Message) []streams.Message) *streams.Conn{
		"through the broker": func(t *testing.T, dir string, change func([]streams.Message) []streams.Message) *streams.Conn {
			c := start(t, dir)
			replace(t, c, "POS", change(messages(t, c, "POS")))
			return c
		},
		"in the store's files": func(t *testing.T, dir string, change func([]streams.Message) []streams.Message) *streams.Conn {
			c := start(t, dir)
			list := change(messages(t, c, "POS"))
			if err := c.Close(); err != nil {
				t.Fatal(err)
			}
			rewriteFiles(t, dir, "POS", list)
			return start(t, dir)
		},
	}
}

// Each kind of tampering is found, and the first position is named: when an
// administrator puts other messages in the place of the log, with all rights on the
// broker, and when somebody edits the store's own files and makes their checksums right.
func TestTamper(t *testing.T) {
	t.Parallel()
	key := testKey(t, 1)
	dir := t.TempDir()
	c := start(t, dir)
	record(t, c, 1, recorded)
	sign(t, c, key)
	if bad := verify(t, c, key, nil, audit.Positions, audit.Tree); len(bad) > 0 {
		t.Fatalf("an untouched log: %+v", bad)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	for by, reach := range means() {
		for name, tt := range tamperings() {
			t.Run(by+"/"+name, func(t *testing.T) {
				t.Parallel()
				copied := t.TempDir()
				if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
					t.Fatal(err)
				}
				c := reach(t, copied, tt.change)
				got := found(verify(t, c, key, nil, audit.Positions, audit.Tree), audit.Tree)
				if len(got) != 1 || got[0].State != audit.Fail || got[0].Log != "POS" || got[0].Position != tt.first || got[0].To != tt.to || !strings.Contains(got[0].Detail, tt.says) {
					t.Errorf("found %+v, want position %d to %d: %s", got, tt.first, tt.to, tt.says)
				}
				// Who keeps the tree finds it too, unless it lies below what is kept already,
				// and signs nothing that contradicts what was signed.
				before := lastHead(t, c, "POS")
				status := sign(t, c, key)
				if after := lastHead(t, c, "POS"); tt.to == 0 && tt.first > 512 && (!bytes.Equal(before, after) || !strings.Contains(status[0].Problem, "contradicts") && status[0].Problem == "") {
					t.Errorf("signed after it: %s, %+v", after, status[0])
				}
			})
		}
	}
}

// Where the hashes that were kept are gone too, a range is named.
func TestTamper_withoutTiles(t *testing.T) {
	t.Parallel()
	key := testKey(t, 1)
	c := start(t, t.TempDir())
	record(t, c, 1, 300)
	sign(t, c, key)
	record(t, c, 301, recorded)
	sign(t, c, key)
	list := messages(t, c, "POS")
	list[420].Data = []byte("{}")
	replace(t, c, "POS", list)
	js := admin(t, c)
	if err := js.DeleteStream(t.Context(), "TILES"); err != nil {
		t.Fatal(err)
	}
	if err := c.Ensure(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := found(verify(t, c, key, nil, audit.Tree), audit.Tree)
	if len(got) != 1 || got[0].State != audit.Fail || got[0].Position != 301 || got[0].To != 600 {
		t.Errorf("found %+v, want a position from 301 to 600", got)
	}
	// What rebuilds the tiles meets the heads on its way.
	if status := sign(t, c, key); status[0].Problem == "" {
		t.Errorf("the tree was built again over it: %+v", status[0])
	}
	// With what was signed gone as well, nothing can be said, and that is said.
	if err := js.DeleteStream(t.Context(), "HEADS"); err != nil {
		t.Fatal(err)
	}
	if err := c.Ensure(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := found(verify(t, c, key, nil, audit.Tree), audit.Tree); len(got) != 1 || got[0].State != audit.Warn {
		t.Errorf("found %+v without any head, want a warning", got)
	}
}

// Who changes the kept hashes and not the messages is found, too.
func TestTamper_tiles(t *testing.T) {
	t.Parallel()
	key := testKey(t, 1)
	c := start(t, t.TempDir())
	record(t, c, 1, recorded)
	sign(t, c, key)
	if err := admin(t, c).DeleteStream(t.Context(), "TILES"); err != nil {
		t.Fatal(err)
	}
	if err := c.Ensure(t.Context()); err != nil {
		t.Fatal(err)
	}
	for n := range int64(2) {
		if err := c.Tiles().Put(t.Context(), "POS", 0, n, make([]byte, 256*32)); err != nil {
			t.Fatal(err)
		}
	}
	got := found(verify(t, c, key, nil, audit.Tree), audit.Tree)
	if len(got) != 1 || got[0].State != audit.Warn || !strings.Contains(got[0].Detail, "the messages are what was signed") {
		t.Errorf("found %+v", got)
	}
	if status := sign(t, c, key); status[0].Problem == "" {
		t.Errorf("the tree goes on from it: %+v", status[0])
	}
}

// Who changes what was signed needs the key.
func TestTamper_heads(t *testing.T) {
	t.Parallel()
	key := testKey(t, 1)
	for name, tt := range map[string]struct {
		text func(t *testing.T, real []byte) []byte
		want audit.State
		says string
	}{
		"edited": {func(_ *testing.T, real []byte) []byte {
			return bytes.Replace(real, []byte("\n600\n"), []byte("\n599\n"), 1)
		}, audit.Fail, "is not valid"},
		"of another key": {func(t *testing.T, _ []byte) []byte {
			signed, err := testKey(t, 2).Sign("POS", 600, sha256.Sum256(nil))
			if err != nil {
				t.Fatal(err)
			}
			return signed
		}, audit.Fail, "is not what was signed"},
		"of the other log": {func(t *testing.T, _ []byte) []byte {
			signed, err := key.Sign("SYNC", 600, sha256.Sum256(nil))
			if err != nil {
				t.Fatal(err)
			}
			return signed
		}, audit.Fail, "not what was signed"},
		"nonsense": {func(*testing.T, []byte) []byte { return []byte("nothing") }, audit.Fail, "is no signed note"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := start(t, t.TempDir())
			record(t, c, 1, recorded)
			sign(t, c, key)
			list := messages(t, c, "HEADS")
			list = append(list, list[0])
			list[1].Position, list[1].Data = 2, tt.text(t, list[0].Data)
			replace(t, c, "HEADS", list)
			got := found(verify(t, c, key, nil, audit.Tree), audit.Tree)
			if !slices.ContainsFunc(got, func(r audit.Result) bool { return r.State == tt.want && strings.Contains(r.Detail, tt.says) }) {
				t.Errorf("found %+v, want %s: %s", got, tt.want, tt.says)
			}
		})
	}
}

// An older backup is put back, another history is recorded after it, and it is signed
// with the installation's own key: the installation alone cannot know. A head that was
// kept elsewhere convicts it.
func TestTamper_restored(t *testing.T) {
	t.Parallel()
	key := testKey(t, 1)
	dir, backup := t.TempDir(), t.TempDir()
	c := start(t, dir)
	record(t, c, 1, 300)
	sign(t, c, key)
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(backup, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	c = start(t, dir)
	record(t, c, 301, recorded)
	sign(t, c, key)
	outside := lastHead(t, c, "POS")
	if bad := verify(t, c, key, [][]byte{outside}, audit.Tree, audit.Since); len(bad) > 0 {
		t.Fatalf("before anything happened: %+v", bad)
	}
	c = start(t, backup)
	record(t, c, 1001, 1400)
	sign(t, c, key)
	if bad := verify(t, c, key, nil, audit.Tree); len(bad) > 0 {
		t.Fatalf("without a head from outside: %+v, which would be better than is promised", bad)
	}
	got := found(verify(t, c, key, [][]byte{outside}, audit.Tree, audit.Since), audit.Since)
	if len(got) != 1 || got[0].State != audit.Fail || got[0].Position != 301 || got[0].To != 600 {
		t.Errorf("found %+v, want a position from 301 to 600", got)
	}
	for _, only := range []audit.Code{audit.Tree, audit.Since} {
		if got := found(verify(t, c, key, [][]byte{outside}, only), audit.Since); len(got) != 1 || got[0].State != audit.Fail {
			t.Errorf("checking only %s finds %+v", only, got)
		}
	}
	forged := verify(t, c, key, [][]byte{bytes.Replace(outside, []byte("\n600\n"), []byte("\n599\n"), 1)}, audit.Since)
	if got := found(forged, audit.Since); len(got) != 1 || got[0].State != audit.Fail || len(forged) != 1 {
		t.Errorf("of a forged head from outside: %+v", forged)
	}
	if got := verify(t, c, key, nil, audit.Since); len(got) != 1 || got[0].State != audit.Skip {
		t.Errorf("without any head from outside: %+v", got)
	}
}

// A head from outside vouches for the messages that it covers, and is told to be a stranger's
// where its key is not known, also where it contradicts the log.
func TestVerifier_stranger(t *testing.T) {
	t.Parallel()
	key, stranger := testKey(t, 1), testKey(t, 2)
	c := start(t, t.TempDir())
	record(t, c, 1, 100)
	sign(t, c, key)
	ours, err := tree.OpenHead(lastHead(t, c, "POS"), "POS", key.Public())
	if err != nil {
		t.Fatal(err)
	}
	record(t, c, 101, 300)
	sign(t, c, key)
	for size, want := range map[int64]audit.Result{
		100: {State: audit.Warn, Detail: "100 messages agree with 1 head, 1 of them signed with a key that is not known here"},
		400: {State: audit.Fail, Detail: "whose key is not known here"},
	} {
		head, err := stranger.Sign("POS", size, ours.Root)
		if err != nil {
			t.Fatal(err)
		}
		got := verify(t, c, key, [][]byte{head}, audit.Since)
		if len(got) != 1 || got[0].Code != audit.Since || got[0].State != want.State || !strings.Contains(got[0].Detail, want.Detail) {
			t.Errorf("of %d messages: %+v, want %+v", size, got, want)
		}
	}
}

// What cannot be found: who owns the broker and the signing key makes another history
// and signs it, before a head has left the installation. README says so.
func TestTamper_owner(t *testing.T) {
	t.Parallel()
	key := testKey(t, 1)
	c := start(t, t.TempDir())
	record(t, c, 1, recorded)
	sign(t, c, key)
	kept := lastHead(t, c, "POS")
	list := messages(t, c, "POS")
	list[299].Data = []byte(`{"item":"i-6","outlet":"Quayside","on_hand":"1000","count":"c-300"}`)
	replace(t, c, "POS", list)
	for _, stream := range []string{"TILES", "HEADS"} {
		if err := admin(t, c).DeleteStream(t.Context(), stream); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Ensure(t.Context()); err != nil {
		t.Fatal(err)
	}
	if status := sign(t, c, key); status[0].Signed != recorded {
		t.Fatalf("signed anew: %+v", status)
	}
	if bad := verify(t, c, key, nil, audit.Topology, audit.Positions, audit.Tree); len(bad) > 0 {
		t.Errorf("a new history with the right signature was found out: %+v; then README promises too little", bad)
	}
	if bad := verify(t, c, key, [][]byte{kept}, audit.Since); len(bad) != 1 || bad[0].State != audit.Fail {
		t.Errorf("a head that had left the installation convicts nobody: %+v", bad)
	}
}

// An administrator who only uses what the broker offers: a limit that eats the log, and
// the log removed and its events published again.
func TestTamper_administrator(t *testing.T) {
	t.Parallel()
	key := testKey(t, 1)
	t.Run("limit", func(t *testing.T) {
		t.Parallel()
		c := start(t, t.TempDir())
		record(t, c, 1, recorded)
		sign(t, c, key)
		js := admin(t, c)
		s, err := js.Stream(t.Context(), "POS")
		if err != nil {
			t.Fatal(err)
		}
		cfg := s.CachedInfo().Config
		cfg.MaxMsgs, cfg.Discard = 590, jetstream.DiscardOld
		if _, err := js.UpdateStream(t.Context(), cfg); err != nil {
			t.Fatal(err)
		}
		cfg.MaxMsgs, cfg.Discard = -1, jetstream.DiscardNew // and hides it again
		if _, err := js.UpdateStream(t.Context(), cfg); err != nil {
			t.Fatal(err)
		}
		got := verify(t, c, key, nil, audit.Topology, audit.Positions, audit.Tree)
		if len(got) != 2 || got[0].Code != audit.Positions || got[0].Position != 1 || got[0].To != 10 || got[1].Code != audit.Tree || got[1].Position != 1 {
			t.Errorf("found %+v", got)
		}
	})
	t.Run("published again", func(t *testing.T) {
		t.Parallel()
		c := start(t, t.TempDir())
		record(t, c, 1, recorded)
		sign(t, c, key)
		if err := admin(t, c).DeleteStream(t.Context(), "POS"); err != nil {
			t.Fatal(err)
		}
		if got := found(verify(t, c, key, nil, audit.Topology, audit.Tree), audit.Topology); len(got) != 1 || got[0].State != audit.Fail || got[0].Log != "POS" {
			t.Errorf("the log is gone: %+v", got)
		}
		if err := c.Ensure(t.Context()); err != nil {
			t.Fatal(err)
		}
		record(t, c, 1, recorded)
		// The same events, at other times.
		got := found(verify(t, c, key, nil, audit.Topology, audit.Tree), audit.Tree)
		if len(got) != 1 || got[0].State != audit.Fail || got[0].Position != 1 {
			t.Errorf("found %+v", got)
		}
	})
	t.Run("a message deleted", func(t *testing.T) {
		t.Parallel()
		c := start(t, t.TempDir())
		record(t, c, 1, recorded)
		sign(t, c, key)
		js := admin(t, c)
		s, err := js.Stream(t.Context(), "POS")
		if err != nil {
			t.Fatal(err)
		}
		cfg := s.CachedInfo().Config
		if err := s.DeleteMsg(t.Context(), 77); err == nil {
			t.Error("the log let a message be deleted")
		}
		// The log is made again without its protection. It is deleted only once: the
		// server removes a deleted stream's files later, and one of the same name that is
		// deleted before it has done so comes back with its messages.
		if err := js.DeleteStream(t.Context(), "POS"); err != nil {
			t.Fatal(err)
		}
		cfg.DenyDelete = false
		if _, err := js.CreateStream(t.Context(), cfg); err != nil {
			t.Fatal(err)
		}
		record(t, c, 1, recorded)
		if s, err = js.Stream(t.Context(), "POS"); err != nil {
			t.Fatal(err)
		}
		if err := s.DeleteMsg(t.Context(), 77); err != nil {
			t.Fatal(err)
		}
		got := verify(t, c, key, nil, audit.Topology, audit.Positions, audit.Tree)
		for _, want := range []audit.Result{{Code: audit.Topology, Log: "POS"}, {Code: audit.Positions, Log: "POS", Position: 77}, {Code: audit.Tree, Log: "POS", Position: 1}} {
			if !slices.ContainsFunc(got, func(r audit.Result) bool {
				return r.Code == want.Code && r.State == audit.Fail && r.Log == want.Log && r.Position == want.Position
			}) {
				t.Errorf("found %+v, want %+v", got, want)
			}
		}
	})
}

// A bit that flips in a file is found by the broker's own checksums: it gives up what
// it cannot read, and the log lacks it.
func TestTamper_bit(t *testing.T) {
	t.Parallel()
	key := testKey(t, 1)
	dir := t.TempDir()
	c := start(t, dir)
	record(t, c, 1, recorded)
	sign(t, c, key)
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	file := blockFile(dir, "POS")
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(b, []byte(`"count":"c-400"`))
	b[at+12] ^= 1
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
	c = start(t, dir)
	got := verify(t, c, key, nil, audit.Positions, audit.Tree)
	if !slices.ContainsFunc(got, func(r audit.Result) bool { return r.State == audit.Fail && r.Log == "POS" && r.Position == 400 }) {
		t.Errorf("found %+v, want position 400", got)
	}
}

func blockFile(dir, stream string) string {
	return filepath.Join(dir, "nats", "jetstream", "$G", "streams", stream, "msgs", "1.blk")
}

// rewriteFiles writes a stream's messages over those in its file, in the form of the
// broker's store and with the right checksums, and removes the index, which the broker
// then makes anew.
func rewriteFiles(t *testing.T, dir, stream string, list []streams.Message) {
	t.Helper()
	secret := sha256.Sum256(fmt.Appendf(nil, "%s-1", stream))
	var out []byte
	for _, m := range list {
		var header []byte
		if len(m.Header) > 0 {
			header = append(header, "NATS/1.0\r\n"...)
			for _, name := range slices.Sorted(maps.Keys(m.Header)) {
				for _, value := range m.Header[name] {
					header = append(header, name+": "+value+"\r\n"...)
				}
			}
			header = append(header, "\r\n"...)
		}
		size := 22 + len(m.Subject) + 4 + len(header) + len(m.Data) + 8
		record := binary.LittleEndian.AppendUint32(nil, uint32(size)|1<<31)
		record = binary.LittleEndian.AppendUint64(record, uint64(m.Position))
		record = binary.LittleEndian.AppendUint64(record, uint64(m.RecordedAt.UnixNano()))
		record = binary.LittleEndian.AppendUint16(record, uint16(len(m.Subject)))
		hash, err := highwayhash.New64(secret[:])
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range [][]byte{record[4:20], []byte(m.Subject), header, m.Data} {
			hash.Write(part)
		}
		record = append(record, m.Subject...)
		record = binary.LittleEndian.AppendUint32(record, uint32(len(header)))
		record = append(append(record, header...), m.Data...)
		out = append(out, hash.Sum(record)...)
	}
	file := blockFile(dir, stream)
	if err := os.WriteFile(file, out, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(filepath.Dir(file), "index.db")); err != nil {
		t.Fatal(err)
	}
}
