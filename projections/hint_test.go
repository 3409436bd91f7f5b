package projections_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/projections"
)

// hintFile keeps a hint in memory.
type hintFile struct{ bytes []byte }

func (f *hintFile) Read(do func(io.Reader) error) error {
	if f.bytes == nil {
		return fs.ErrNotExist
	}
	return do(bytes.NewReader(f.bytes))
}

func (f *hintFile) Write(do func(io.Writer) error) error {
	var b bytes.Buffer
	err := do(&b)
	if err == nil {
		f.bytes = b.Bytes()
	}
	return err
}

func (f *hintFile) Remove() error {
	f.bytes = nil
	return nil
}

// hinting makes a hint, and where it says why it was not used.
func hinting(l log, least int) (hint *projections.Hint, file *hintFile, unfit *error) {
	file, unfit = &hintFile{}, new(error)
	return &projections.Hint{File: file, Log: l, Least: least, Tell: func(err error) { *unfit = err }}, file, unfit
}

// storing is a bucket with all that some events come to, and the catalog that has stored it.
func storing(t testing.TB, l log) (*bucket, *projections.Catalog) {
	t.Helper()
	b := newBucket()
	c := open(t, b)
	fold(t, c, l...)
	flush(t, c)
	return b, c
}

// since is a bucket that notes from which revision on it was read.
type since struct {
	*bucket
	after uint64
}

func (s *since) Scan(ctx context.Context, store domain.StoreID, after uint64, each func(domain.Entry) error) error {
	s.after = after
	return s.bucket.Scan(ctx, store, after, each)
}

// knows is everything that a catalog answers from memory, and the digest of its states.
func knows(t testing.TB, c *projections.Catalog) string {
	t.Helper()
	var b strings.Builder
	tree, err := c.Tree()
	if err == nil {
		fmt.Fprintln(&b, tree.Digest())
	}
	fmt.Fprintln(&b, c.Position(), c.Checkpoint(), err == nil)
	for _, store := range c.Stores() {
		fmt.Fprintln(&b, store, c.Size(store), c.Vacant(store), c.Tally(store))
		for _, s := range c.Products(store, "", 99) {
			p, err := c.Product(t.Context(), store, s.ID)
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&b, "%+v\n%s\n", s, jsonOf(t, p))
			for _, item := range s.Items {
				holder, held := c.Holder(store, item)
				fmt.Fprintln(&b, item, holder, held)
			}
		}
		for _, item := range []string{"a", "b", "c", "p"} {
			for _, ref := range []string{item, "s" + item, "T" + item} {
				fmt.Fprintln(&b, ref, len(c.Resolve(store, ref)))
			}
		}
	}
	return b.String()
}

// TestCatalog_WriteHint: a start with a hint knows what one without knows, whatever was
// stored since, and wherever a crash has cut that off, and reads no more than it.
func TestCatalog_WriteHint(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		history := randomLog(r)
		hint, file, unfit := hinting(history, 1)
		b := newBucket()
		c := openRandom(r, b)
		if rapid.Bool().Draw(r, "a draft") {
			c.Draft(rapid.IntRange(0, 500).Draw(r, "bytes"))
		}
		foldRandom(r, c, history[:rapid.IntRange(0, len(history)).Draw(r, "before")])
		if err := c.Flush(r.Context()); err != nil {
			r.Fatal(err)
		}
		if err := c.WriteHint(r.Context(), hint); err != nil {
			r.Fatal(err)
		}
		covered := uint64(len(b.writes))
		if file.bytes == nil {
			if c.Position() > 0 {
				r.Fatalf("no hint was written at position %d", c.Position())
			}
			return
		}
		if c.Drafting() { // what a draft has written since, nobody reads after a crash
			c = openRandom(r, b)
		}
		for range rapid.IntRange(0, 4).Draw(r, "flushes") {
			foldRandom(r, c, history[:rapid.IntRange(0, len(history)).Draw(r, "until")])
			if err := c.Flush(r.Context()); err != nil {
				r.Fatal(err)
			}
		}
		left := b.cut(rapid.IntRange(int(covered), len(b.writes)).Draw(r, "writes kept"))
		want, err := projections.Present().OpenCatalog(r.Context(), left.cut(len(left.writes)), modes, 0, nil)
		if err != nil {
			r.Fatal(err)
		}
		from := &since{bucket: left}
		hint.Least = 1000 // so that it is not written again
		got, err := projections.Present().OpenCatalog(r.Context(), from, modes, 0, hint)
		if err != nil {
			r.Fatal(err)
		}
		if *unfit != nil || from.after != covered {
			r.Errorf("read from revision %d on, want %d: %v", from.after, covered, *unfit)
		}
		diff(t, "what the catalog knows", knows(t, got), knows(t, want))
		foldRandom(r, got, history)
		foldRandom(r, want, history)
		diff(t, "what it knows in the end", knows(t, got), knows(t, want))
	})
}

// TestPublications_WriteHint is the same for what was recorded of products.
func TestPublications_WriteHint(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		l := syncLog(t, rapid.SliceOfN(rapid.Custom(randomOutcome), 1, 40).Draw(r, "events")...)
		hint, file, unfit := hinting(l, 1)
		b := newBucket()
		p := openPublications(t, b, l[:rapid.IntRange(1, len(l)).Draw(r, "before")])
		if err := p.Flush(r.Context()); err != nil {
			r.Fatal(err)
		}
		if err := p.WriteHint(r.Context(), hint); err != nil || file.bytes == nil {
			r.Fatalf("wrote %d bytes, %v", len(file.bytes), err)
		}
		covered := uint64(len(b.writes))
		for range rapid.IntRange(0, 3).Draw(r, "flushes") {
			p = openPublications(t, b, l[:rapid.IntRange(int(p.Position()), len(l)).Draw(r, "until")])
			if err := p.Flush(r.Context()); err != nil {
				r.Fatal(err)
			}
		}
		left := b.cut(rapid.IntRange(int(covered), len(b.writes)).Draw(r, "writes kept"))
		from := &since{bucket: left}
		hint.Least = 1000
		got, err := projections.OpenPublications(r.Context(), from, l, hint)
		if err != nil {
			r.Fatal(err)
		}
		if *unfit != nil || from.after != covered {
			r.Errorf("read from revision %d on, want %d: %v", from.after, covered, *unfit)
		}
		want := openPublications(t, left, l)
		for name, know := range map[string]func(p *projections.Publications) any{
			"publications": func(p *projections.Publications) any {
				all := map[domain.ProductID]string{}
				for id, pub := range p.All("demo") {
					all[id] = jsonOf(t, pub)
				}
				return all
			},
			"held": func(p *projections.Publications) any { return p.HeldPushes("demo") },
			"twins": func(p *projections.Publications) any {
				var twins []string
				for id := range int64(4) {
					of, is := p.Twin("demo", id)
					twins = append(twins, fmt.Sprint(of, is))
				}
				return append(twins, fmt.Sprint(p.Linked("demo"), p.Position()))
			},
		} {
			diff(t, name, know(got), know(want))
		}
	})
}

// A quarantine of a hint is one.
func TestPublications_WriteHint_quarantined(t *testing.T) {
	t.Parallel()
	l := syncLog(t, quarantined("p", "i", 3), quarantined("p", "j", 4), linked("q", 7))
	hint, _, unfit := hinting(l, 1)
	b := newBucket()
	p := openPublications(t, b, l)
	if err := errors.Join(p.Flush(t.Context()), p.WriteHint(t.Context(), hint)); err != nil {
		t.Fatal(err)
	}
	got, err := projections.OpenPublications(t.Context(), b, l, hint)
	if err != nil || *unfit != nil {
		t.Fatal(err, *unfit)
	}
	diff(t, "quarantines", got.Quarantines("demo"), p.Quarantines("demo"))
	if of, _ := got.Twin("demo", 7); of != "q" {
		t.Errorf("the twin is of %q, want q", of)
	}
}

// fiftyHinted is fifty products, stored, and a hint of them.
func fiftyHinted(t testing.TB) (b *bucket, l log, hint *projections.Hint, file *hintFile, unfit *error) {
	t.Helper()
	l = fifty(t)
	hint, file, unfit = hinting(l, 50)
	b, c := storing(t, l)
	if err := c.WriteHint(t.Context(), hint); err != nil || file.bytes == nil {
		t.Fatalf("a hint of %d bytes, %v", len(file.bytes), err)
	}
	return b, l, hint, file, unfit
}

// A hint that does not fit is passed over, and said so, and the start reads everything.
func TestOpenCatalog_unfitHint(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change func(b *bucket, l log, file *hintFile) (projections.Bucket, log)
		want   string
	}{
		"ErrOtherBucket": {func(b *bucket, l log, _ *hintFile) (projections.Bucket, log) { return madeLater{b}, l }, "was made"},
		"ErrSetBack": {func(b *bucket, l log, _ *hintFile) (projections.Bucket, log) {
			return b.cut(len(b.writes) - 1), l
		}, "the bucket has seen"},
		"ErrOtherLog": {func(b *bucket, l log, _ *hintFile) (projections.Bucket, log) {
			l = append(log{}, l...)
			l[len(l)-1].RecordedAt = start.Add(time.Hour)
			return b, l
		}, "was recorded"},
		"ErrShorterLog": {func(b *bucket, l log, _ *hintFile) (projections.Bucket, log) { return b, l[:len(l)-1] }, "no message at position"},
		"ErrOtherVersion": {func(b *bucket, l log, file *hintFile) (projections.Bucket, log) {
			file.bytes = bytes.Replace(file.bytes, []byte(`"version":1`), []byte(`"version":9`), 1)
			return b, l
		}, "version 9"},
		"ErrOtherFormat": {func(b *bucket, l log, file *hintFile) (projections.Bucket, log) {
			file.bytes = bytes.Replace(file.bytes, fmt.Appendf(nil, `"format":%d`, projections.SnapshotFormat), []byte(`"format":0`), 1)
			return b, l
		}, "format 0"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, l, hint, file, unfit := fiftyHinted(t)
			changed, l := tt.change(b, l, file)
			hint.Log = l
			got, err := projections.Present().OpenCatalog(t.Context(), changed, levels, 0, hint)
			if err != nil {
				t.Fatal(err)
			}
			if *unfit == nil || !strings.Contains((*unfit).Error(), tt.want) {
				t.Errorf("got %v, want %q", *unfit, tt.want)
			}
			if n := got.Size("demo"); n != 50 {
				t.Errorf("%d products, want 50", n)
			}
			*unfit = nil
			if _, err := projections.Present().OpenCatalog(t.Context(), changed, levels, 0, hint); err != nil || (*unfit != nil) != (name == "ErrShorterLog") {
				t.Errorf("the hint that this start has left does not fit: %v, %v", *unfit, err)
			}
		})
	}
}

type madeLater struct{ *bucket }

func (b madeLater) Extent(ctx context.Context) (domain.Extent, error) {
	e, err := b.bucket.Extent(ctx)
	e.Created = e.Created.Add(1)
	return e, err
}

// A bucket that has lost a value is refused, as it is without a hint.
func TestOpenCatalog_lostBehindHint(t *testing.T) {
	t.Parallel()
	b, _, hint, _, _ := fiftyHinted(t)
	lost := newBucket()
	for i, e := range b.writes {
		if e.Key.ID == "i-7" {
			e.Key, e.Value = domain.Key{}, b.writes[len(b.writes)-1].Value
		}
		if b.newest[e.Key] == i || (e.Key == domain.Key{}) {
			lost.put(e)
		}
	}
	for len(lost.writes) < len(b.writes) {
		lost.put(b.writes[len(b.writes)-1])
	}
	_, err := projections.Present().OpenCatalog(t.Context(), lost, levels, 0, hint)
	if err == nil || !strings.Contains(err.Error(), "holds 49 snapshots") {
		t.Errorf("got %v", err)
	}
}

// A hint that was cut anywhere is passed over.
func TestOpenCatalog_cutHint(t *testing.T) {
	t.Parallel()
	b, _, hint, file, unfit := fiftyHinted(t)
	hint.Least = 1000
	whole := file.bytes
	want := knows(t, open(t, b))
	for n := range whole {
		file.bytes, *unfit = whole[:n], nil
		c, err := projections.Present().OpenCatalog(t.Context(), b, levels, 0, hint)
		if err != nil || *unfit == nil {
			t.Fatalf("cut after %d of %d bytes: %v, %v", n, len(whole), *unfit, err)
		}
		if n%500 == 0 {
			diff(t, "what the catalog knows", knows(t, c), want)
		}
	}
}

// A catalog leaves no hint while something that it has folded is not stored, and none when
// a start would read nearly as fast without.
func TestCatalog_WriteHint_not(t *testing.T) {
	t.Parallel()
	l := fifty(t)
	hint, file, _ := hinting(l, 50)
	_, c := storing(t, l[:50])
	fold(t, c, l[50:]...)
	if err := c.WriteHint(t.Context(), hint); err != nil || file.bytes != nil {
		t.Errorf("with changes that are not stored: %d bytes, %v", len(file.bytes), err)
	}
	flush(t, c)
	hint.Least = 101
	if err := c.WriteHint(t.Context(), hint); err != nil || file.bytes != nil {
		t.Errorf("of a hundred values, where 101 are wanted: %d bytes, %v", len(file.bytes), err)
	}
	hint.Least = 100
	if err := c.WriteHint(t.Context(), hint); err != nil || file.bytes == nil {
		t.Errorf("of a hundred values: %d bytes, %v", len(file.bytes), err)
	}
}

// What somebody else has written to the bucket, a hint of ours must not cover.
func TestCatalog_WriteHint_foreign(t *testing.T) {
	t.Parallel()
	l := fifty(t)
	hint, file, _ := hinting(l, 1)
	b, ours := storing(t, l[:60])
	other := open(t, b)
	fold(t, other, l...)
	flush(t, other)
	if err := ours.WriteHint(t.Context(), hint); err != nil || file.bytes != nil {
		t.Errorf("%d bytes, %v", len(file.bytes), err)
	}
	if err := other.WriteHint(t.Context(), hint); err != nil || file.bytes == nil {
		t.Errorf("by who has written last: %d bytes, %v", len(file.bytes), err)
	}
}

// behind is a bucket of which a server is asked that lacks the last writes.
type behind struct {
	*bucket
	lacks int
}

func (b behind) Scan(ctx context.Context, store domain.StoreID, after uint64, each func(domain.Entry) error) error {
	return b.bucket.cut(len(b.bucket.writes)-b.lacks).Scan(ctx, store, after, each)
}

// Nor what was not seen at the start, because the server that was asked was behind.
func TestOpenCatalog_hintOfReplicaBehind(t *testing.T) {
	t.Parallel()
	l := fifty(t)
	hint, file, _ := hinting(l, 1)
	b, c := storing(t, l[:60])
	fold(t, c, l...)
	flush(t, c)
	late, err := projections.Present().OpenCatalog(t.Context(), behind{b, 5}, levels, 0, hint)
	if err != nil || file.bytes != nil {
		t.Fatalf("%d bytes, %v", len(file.bytes), err)
	}
	fold(t, late, l...)
	flush(t, late)
	if err := late.WriteHint(t.Context(), hint); err != nil || file.bytes != nil {
		t.Errorf("at the end: %d bytes, %v", len(file.bytes), err)
	}
	pubs, events := newBucket(), syncLog(t, linked("p", 7), linked("q", 8))
	first := openPublications(t, pubs, events[:1])
	if err := first.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	hint.Log = events
	if _, err := projections.OpenPublications(t.Context(), behind{pubs, 1}, events, hint); err != nil || file.bytes != nil {
		t.Errorf("publications: %d bytes, %v", len(file.bytes), err)
	}
}

// A bucket that was set back, and has then got as far as it was, otherwise, is not taken
// for the one that the hint is about.
func TestOpenCatalog_setBackAndGrown(t *testing.T) {
	t.Parallel()
	b, l, hint, _, unfit := fiftyHinted(t)
	hint.Least = 1000 // so that no other takes its place
	b = b.cut(len(b.writes) - 30)
	c, err := projections.Present().OpenCatalog(t.Context(), b, levels, 0, hint)
	if err != nil || *unfit == nil {
		t.Fatal(err, *unfit)
	}
	for i := range 40 { // what is changed first gets a revision that the hint says it covers
		l.add(t, domain.TypeStockLevelReported, `{"item":"i-%d","outlet":"Quayside","on_hand":"%d"}`, 5+min(i, 1), len(l))
		fold(t, c, l...)
		flush(t, c)
	}
	want := knows(t, open(t, b))
	got, err := projections.Present().OpenCatalog(t.Context(), b, levels, 0, hint)
	if err != nil {
		t.Fatal(err)
	}
	diff(t, "what the catalog knows", knows(t, got), want)
}

// While a batch is handed over and not stored, nothing is written: the hint would say what
// the bucket does not.
func TestCatalog_WriteHint_sealed(t *testing.T) {
	t.Parallel()
	l := moving(t)
	hint, file, _ := hinting(l, 1)
	b, _ := storing(t, l)
	for n := range b.writes { // one of them lies between the two writes of a move
		left := b.cut(n + 1)
		if i, is := left.newest[domain.Key{}]; is {
			left.put(left.writes[i]) // as if all that is written were what it speaks of
		}
		torn, err := projections.Present().OpenCatalog(t.Context(), left, levels, 0, nil)
		if err != nil || torn.Unsealed() == 0 {
			continue
		}
		batch := torn.Seal()
		if err := torn.WriteHint(t.Context(), hint); err != nil || file.bytes != nil {
			t.Errorf("%d bytes, %v", len(file.bytes), err)
		}
		if err := batch.Write(t.Context()); err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Fatal("no crash leaves an item in two products")
}

// FuzzHint opens a bucket with anything for a hint: it is passed over, or taken, and the
// next one is written.
func FuzzHint(f *testing.F) {
	l := moving(f)
	hint, file, _ := hinting(l, 1)
	b, c := storing(f, l)
	if err := c.WriteHint(f.Context(), hint); err != nil || file.bytes == nil {
		f.Fatal(err)
	}
	f.Add(file.bytes)
	f.Add(file.bytes[:len(file.bytes)/2])
	events, pubs := syncLog(f, linked("p", 7), quarantined("q", "i", 3), linked("r", 8), held("r", 4)), newBucket()
	hint.Log, file.bytes = events, nil
	p := openPublications(f, pubs, events)
	if err := errors.Join(p.Flush(f.Context()), p.WriteHint(f.Context(), hint)); err != nil || file.bytes == nil {
		f.Fatal(err)
	}
	f.Add(file.bytes)
	f.Fuzz(func(t *testing.T, doc []byte) {
		hint := &projections.Hint{File: &hintFile{doc}, Log: l, Least: 1}
		if c, err := projections.Present().OpenCatalog(t.Context(), b, levels, 0, hint); err == nil {
			c.Products("demo", "", 99)
			c.Resolve("demo", "s-1")
		}
		hint = &projections.Hint{File: &hintFile{doc}, Log: events, Least: 1}
		if p, err := projections.OpenPublications(t.Context(), pubs, events, hint); err == nil {
			p.HeldPushes("demo")
			p.Quarantines("demo")
			p.Twin("demo", 7)
			for range p.All("demo") {
			}
			for range p.Outlines("demo") {
			}
		}
	})
}
