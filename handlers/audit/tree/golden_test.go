package tree_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/audit/tree"
)

var update = flag.Bool("update", false, "write the golden files anew; a published version must not change")

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s: got\n%s\nwant\n%s", name, got, want)
	}
}

type ones struct{}

func (ones) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 1
	}
	return len(p), nil
}

func aKey(t testing.TB) *tree.SigningKey {
	t.Helper()
	k, err := tree.NewSigningKey(ones{})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func aMessage(at domain.Position) tree.Message {
	return tree.Message{
		Log: "POS", Position: at, Subject: "pos.harbour.i-17", RecordedAt: time.Date(2026, 11, 1, 10, 15, 12, 345678901, time.UTC),
		Header: map[string][]string{"ce-id": {"sale-2207-1"}, "ce-type": {"pos.item.sold.v1"}, "Nats-Msg-Id": {"sale-2207-1"}, "x": {"b", "a"}},
		Data:   []byte(`{"item":"i-17","outlet":"Quayside","quantity":"1","sale":"2207","line":"1"}`),
	}
}

// aBundle proves the third of five messages, and that the five continue the first two.
func aBundle(t testing.TB) *tree.Bundle {
	t.Helper()
	key := aKey(t)
	var grown tree.Tree
	var hasher tree.Hasher
	var since []byte
	for at := domain.Position(1); at <= 5; at++ {
		m := aMessage(at)
		grown.Add(hasher.Leaf(&m))
		if at == 2 {
			signed, err := key.Sign("POS", 2, grown.Hash())
			if err != nil {
				t.Fatal(err)
			}
			since = signed
		}
	}
	signed, err := key.Sign("POS", grown.Size(), grown.Hash())
	if err != nil {
		t.Fatal(err)
	}
	h, err := tree.OpenHead(signed, "POS", key.Public())
	if err != nil {
		t.Fatal(err)
	}
	r, err := grown.Reader(h, func(int, int64) (tree.Tile, error) { return tree.Tile{}, errors.New("there is none") })
	if err != nil {
		t.Fatal(err)
	}
	m := aMessage(3)
	proven, err := tree.Prove(&m, h, r)
	if err != nil {
		t.Fatal(err)
	}
	continues, err := tlog.ProveTree(5, 2, r)
	if err != nil {
		t.Fatal(err)
	}
	return &tree.Bundle{
		Format: tree.BundleFormat, Log: "POS", Key: key.Public().String(), Head: string(signed), Events: []tree.Proven{proven},
		Since: string(since), Continues: continues,
	}
}

// The encoding of a leaf, a signed head and a bundle is what it was when it was
// published.
func TestGolden(t *testing.T) {
	t.Parallel()
	m := aMessage(4711)
	leaf := tree.AppendLeaf(nil, &m)
	var hasher tree.Hasher
	if got, want := hasher.Leaf(&m), tlog.RecordHash(leaf); got != want {
		t.Errorf("the hash of a leaf is %s, RFC 6962 has %s", got, want)
	}
	if got, want := hasher.Absent("POS", 4711), tlog.RecordHash(tree.AppendAbsent(nil, "POS", 4711)); got != want {
		t.Errorf("the hash of an absent leaf is %s, RFC 6962 has %s", got, want)
	}
	golden(t, "leaf.v1", []byte(hex.Dump(leaf)))
	b := aBundle(t)
	golden(t, "head", []byte(b.Head))
	doc, err := json.MarshalIndent(b, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "bundle.v1.json", append(doc, '\n'))
	// Other people's library for signed notes takes the head with the key for its log.
	v, err := note.NewVerifier(aKey(t).Public().ForLog("POS"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := note.Open([]byte(b.Head), note.VerifierList(v)); err != nil {
		t.Error(err)
	}
}

// Two messages that differ in anything have different leaves.
func TestHasher_Leaf(t *testing.T) {
	t.Parallel()
	var hasher tree.Hasher
	base := aMessage(7)
	want := hasher.Leaf(&base)
	if got := hasher.Encoded(tree.AppendLeaf(nil, &base)); got != want {
		t.Error("the encoded leaf has another hash")
	}
	for name, change := range map[string]func(*tree.Message){
		"log":             func(m *tree.Message) { m.Log = "SYNC" },
		"position":        func(m *tree.Message) { m.Position++ },
		"subject":         func(m *tree.Message) { m.Subject += "x" },
		"time":            func(m *tree.Message) { m.RecordedAt = m.RecordedAt.Add(1) },
		"data":            func(m *tree.Message) { m.Data = append(m.Data, ' ') },
		"header value":    func(m *tree.Message) { m.Header["ce-id"] = []string{"sale-2207-2"} },
		"header name":     func(m *tree.Message) { m.Header["CE-id"] = m.Header["ce-id"]; delete(m.Header, "ce-id") },
		"header gone":     func(m *tree.Message) { delete(m.Header, "x") },
		"order of values": func(m *tree.Message) { m.Header["x"] = []string{"a", "b"} },
		"headers merged":  func(m *tree.Message) { m.Header["x"] = []string{"b"}; m.Header["xa"] = []string{""} },
		"bytes moved":     func(m *tree.Message) { m.Subject += "{"; m.Data = m.Data[1:] },
	} {
		m := aMessage(7)
		if change(&m); hasher.Leaf(&m) == want {
			t.Errorf("another %s, and the leaf is the same", name)
		}
	}
	same := aMessage(7)
	same.RecordedAt = same.RecordedAt.In(time.FixedZone("", 3600))
	if hasher.Leaf(&same) != want {
		t.Error("the same moment in another zone has another leaf")
	}
}

// A bundle is checked with the public key alone, and anything that is changed in it is
// found.
func TestBundle_Verify(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile(filepath.Join("testdata", "bundle.v1.json"))
	if err != nil {
		t.Fatal(err)
	}
	key := aKey(t).Public()
	verify := func(doc string, key tree.Key) error {
		b, err := tree.ParseBundle([]byte(doc))
		if err == nil {
			_, _, err = b.Verify(key)
		}
		return err
	}
	if err := verify(string(doc), key); err != nil {
		t.Fatalf("the golden bundle: %v", err)
	}
	other, err := tree.NewSigningKey(strings.NewReader(strings.Repeat("2", 32)))
	if err != nil {
		t.Fatal(err)
	}
	if err := verify(string(doc), other.Public()); err == nil || !strings.Contains(err.Error(), "whose key is not known") {
		t.Errorf("with another key: %v", err)
	}
	for name, tt := range map[string]struct{ old, new, says string }{
		"position":        {`"position": 3`, `"position": 4`, "position 4: is not what the signed tree head covers"},
		"beyond":          {`"position": 3`, `"position": 6`, "position 6: the signed tree head covers the positions 1 to 5"},
		"none":            {`"position": 3`, `"position": 0`, "position 0: the signed"},
		"time":            {"345678901", "345678902", "position 3: is not what"},
		"header":          {"sale-2207-1", "sale-2207-2", "position 3: is not what"},
		"head":            {`POS\n5\n`, `POS\n6\n`, "is not valid"},
		"log":             {`"log": "POS"`, `"log": "SYNC"`, "whose key is not known"},
		"earlier head":    {`POS\n2\n`, `POS\n1\n`, "the earlier head"},
		"format":          {"bundle v1", "bundle v2", "this version of tillstream reads"},
		"no JSON":         {"{", "", "is no bundle"},
		"proof of events": {`"proof": [`, `"proof": ["AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",`, "position 3"},
		"continues":       {`"continues": [`, `"continues": ["AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",`, "does not continue"},
	} {
		changed := strings.Replace(string(doc), tt.old, tt.new, 1)
		if changed == string(doc) {
			t.Fatalf("%s: nothing to change", name)
		}
		if err := verify(changed, key); err == nil || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: got %v, want %s", name, err, tt.says)
		}
	}
}

func TestParseKey(t *testing.T) {
	t.Parallel()
	k := aKey(t)
	for _, text := range []string{k.Encode(), " " + k.Encode() + "\n", "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE="} {
		got, err := tree.ParseSigningKey(text)
		if err != nil || !got.Public().Equal(k.Public()) || got.Encode() != k.Encode() {
			t.Errorf("read as %v, %v", got, err)
		}
	}
	for _, text := range []string{"", "secret", k.Encode()[:40], strings.Replace(k.Encode(), "+", "-", 3), "AQEB"} {
		if _, err := tree.ParseSigningKey(text); err == nil || text != "" && strings.Contains(err.Error(), text) {
			t.Errorf("a bad signing key: %v", err)
		}
	}
	got, err := tree.ParseKey(k.Public().String() + "\n")
	if err != nil || !got.Equal(k.Public()) {
		t.Errorf("read as %v, %v", got, err)
	}
	for _, text := range []string{"", "name", k.Public().String()[1:], k.Public().String() + "x"} {
		if _, err := tree.ParseKey(text); err == nil || !strings.Contains(err.Error(), "tillstream key prints") {
			t.Errorf("public key %q: %v", text, err)
		}
	}
	if _, err := tree.ParseKey(k.Encode()); err == nil || strings.Contains(err.Error(), k.Encode()) {
		t.Errorf("a signing key as a public key: %v", err)
	}
	for _, s := range []string{k.String(), k.GoString()} {
		if strings.Contains(s, "PRIVATE") {
			t.Errorf("it prints its secret: %s", s)
		}
	}
}

func TestSplitHeads(t *testing.T) {
	t.Parallel()
	head := aBundle(t).Head
	got := tree.SplitHeads([]byte(head + "\n" + head + "\n\n" + strings.ReplaceAll(head, "\n", "\r\n") + "rubbish\n"))
	if len(got) < 3 {
		t.Fatalf("got %d heads", len(got))
	}
	for i := range 2 {
		if string(got[i]) != head {
			t.Errorf("head %d is %q", i, got[i])
		}
	}
	if h, named, ok := tree.PeekHead(got[0], aKey(t).Public()); !ok || !named || h.Size != 5 || h.Log() != "POS" {
		t.Errorf("peeked %+v, %v, %v", h, named, ok)
	}
}

// Every leaf is read back to the message that it is, and no other encoding of one.
func FuzzParseLeaf(f *testing.F) {
	m := aMessage(4711)
	f.Add(tree.AppendLeaf(nil, &m))
	m.Header, m.Data = nil, nil
	f.Add(tree.AppendLeaf(nil, &m))
	f.Add([]byte("tillstream leaf v1\n\x00\x00\x00\xff"))
	f.Fuzz(func(t *testing.T, leaf []byte) {
		m, err := tree.ParseLeaf(leaf)
		if err == nil && !bytes.Equal(tree.AppendLeaf(nil, &m), leaf) {
			t.Errorf("%q is read as %+v, whose leaf is another", leaf, m)
		}
	})
}

func FuzzOpenHead(f *testing.F) {
	b := aBundle(f)
	key := aKey(f).Public()
	f.Add([]byte(b.Head))
	f.Add([]byte(strings.Replace(b.Head, "\n5\n", "\n6\n", 1)))
	f.Add([]byte("a\n1\n\n— b c\n"))
	f.Fuzz(func(t *testing.T, signed []byte) {
		h, err := tree.OpenHead(signed, "POS", key)
		peeked, named, ok := tree.PeekHead(signed, key)
		if err == nil && (!ok || !named || peeked != h) {
			t.Errorf("opened as %+v, peeked as %+v, %v, %v", h, peeked, named, ok)
		}
		tree.SplitHeads(signed)
	})
}

func FuzzParseBundle(f *testing.F) {
	doc, err := json.Marshal(aBundle(f))
	if err != nil {
		f.Fatal(err)
	}
	key := aKey(f).Public()
	f.Add(doc)
	f.Add([]byte(`{"format":"tillstream bundle v1","events":[{}]}`))
	f.Fuzz(func(t *testing.T, doc []byte) {
		b, err := tree.ParseBundle(doc)
		if err != nil {
			return
		}
		if head, _, err := b.Verify(key); err == nil && head.Size != 5 {
			t.Errorf("a head of %d was never signed", head.Size)
		}
	})
}
