package sqlite_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/projections"
	"github.com/tillstream/tillstream/projections/search"
	"github.com/tillstream/tillstream/projections/search/sqlite"
)

func open(t testing.TB, path string) (*sqlite.Index, string) {
	t.Helper()
	x, anew, err := sqlite.Open(context.Background(), path, true)
	if err != nil {
		t.Fatal(err)
	}
	return x, anew
}

func apply(t testing.TB, x *sqlite.Index, b sqlite.Batch) {
	t.Helper()
	if err := x.Apply(context.Background(), &b); err != nil {
		t.Fatal(err)
	}
}

// view reads what an index says.
func view[T any](t testing.TB, x *sqlite.Index, read func(*sqlite.View) (T, error)) (out T) {
	t.Helper()
	err := x.View(context.Background(), func(v *sqlite.View) (err error) {
		out, err = read(v)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func digest(t testing.TB, x *sqlite.Index) projections.Hash {
	t.Helper()
	return view(t, x, func(v *sqlite.View) (projections.Hash, error) { return v.Digest(context.Background()) })
}

func product(store, id, name string) search.Row {
	p := domain.Product{Store: domain.StoreID(store), ID: domain.ProductID(id), Position: 1, Family: domain.Family{Name: name}, Items: []domain.Item{{ID: domain.ItemID(id), Described: true}}}
	row, _ := search.RowOf(&p, projections.Publication{}, false)
	return row
}

func TestOpen(t *testing.T) {
	t.Parallel()
	standing := sqlite.Standing{POS: sqlite.Reached{Position: 7, Mark: "m"}}
	full := func(t *testing.T, path string) {
		x, _ := open(t, path)
		apply(t, x, sqlite.Batch{Rows: []search.Row{product("s", "p", "Mug")}, Standing: standing})
		if err := x.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for name, tt := range map[string]struct {
		spoil func(t *testing.T, path string)
		anew  bool
	}{
		"OK":      {func(*testing.T, string) {}, false},
		"Missing": {func(t *testing.T, path string) { must(t, os.Remove(path)) }, true},
		"Empty":   {func(t *testing.T, path string) { must(t, os.Truncate(path, 0)) }, true},
		"Cut":     {func(t *testing.T, path string) { must(t, os.Truncate(path, 5000)) }, true},
		"NoDatabase": {func(t *testing.T, path string) {
			must(t, os.WriteFile(path, []byte("what is this, then, and how did it come here?"), 0o600))
		}, true},
		"Overwritten": {func(t *testing.T, path string) {
			b, err := os.ReadFile(path)
			must(t, err)
			for i := 4096; i < len(b); i++ {
				b[i] = 0xa5
			}
			must(t, os.WriteFile(path, b, 0o600))
		}, true},
		"OtherVersion": {func(t *testing.T, path string) { must(t, patch(path, 60, 99)) }, true},
		"NotOurs":      {func(t *testing.T, path string) { must(t, patch(path, 68, 99)) }, true},
		"OddPlace":     {func(*testing.T, string) {}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "index.db")
			if name == "OddPlace" {
				path = filepath.Join(t.TempDir(), "a b?c#d%20 &é", "index.db")
			}
			full(t, path)
			tt.spoil(t, path)
			was, _ := os.ReadFile(path)
			looked, err := sqlite.OpenExisting(t.Context(), path)
			if is, _ := os.ReadFile(path); !bytes.Equal(was, is) {
				t.Error("to look at it has changed it")
			}
			switch {
			case tt.anew:
				if !errors.Is(err, domain.ErrNotFound) {
					t.Errorf("looked at with %v", err)
				}
			case err != nil:
				t.Fatal(err)
			default:
				if _, err := sqlite.OpenExisting(t.Context(), path); err == nil || errors.Is(err, domain.ErrNotFound) {
					t.Errorf("looked at twice at once with %v", err)
				}
				if got, err := looked.Standing(t.Context()); err != nil || got != standing {
					t.Errorf("looked at it stands at %+v, %v", got, err)
				}
				must(t, looked.Close())
			}
			x, anew := open(t, path)
			defer x.Close()
			got, err := x.Standing(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if tt.anew != (anew != "") || tt.anew != (got == sqlite.Standing{}) {
				t.Errorf("opened with %q, standing at %+v; to be made anew: %v", anew, got, tt.anew)
			}
			apply(t, x, sqlite.Batch{Rows: []search.Row{product("s", "q", "Bowl")}, Standing: standing}) // and it can be used
		})
	}
	for name, content := range map[string]string{"text": "my notes", "database": "SQLite format 3\x00" + strings.Repeat("\x00", 4080)} {
		t.Run("ErrForeign "+name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "notes")
			must(t, os.WriteFile(path, []byte(content), 0o600))
			var foreign *sqlite.ForeignError
			if _, _, err := sqlite.Open(t.Context(), path, false); !errors.As(err, &foreign) || foreign.Path != path {
				t.Errorf("opened with %v", err)
			}
			if b, err := os.ReadFile(path); err != nil || string(b) != content {
				t.Errorf("the file is %q now, %v", b, err)
			}
			must(t, os.Remove(path))
			for range 2 { // one that it has made it knows
				x, _, err := sqlite.Open(t.Context(), path, false)
				must(t, err)
				must(t, x.Close())
			}
		})
	}
	t.Run("ErrInUse", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "index.db")
		x, _ := open(t, path)
		defer x.Close()
		if _, _, err := sqlite.Open(t.Context(), path, true); err == nil {
			t.Error("one file was opened twice")
		}
	})
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// patch changes the last byte of a number in the file's header.
func patch(path string, at int64, to byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteAt([]byte{to}, at+3)
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	return err
}

// alphabet is what texts are made of: words that meet, and all that has a meaning in a
// language of statements or of full-text search.
var alphabet = []string{
	"mug", "Mug", "MUGS", "enamel", "émail", "Straße", "CK-121", "CK-12", "12", "杯子", "ＡＢＣ", "İ",
	`"`, `'`, `*`, `^`, `(`, `)`, `:`, `-`, `+`, `{`, `}`, `%`, `_`, `\`, `;`, "AND", "OR", "NOT", "NEAR", "NEAR(mug,2)", "words", "words:mug", "rowid",
	`'; DROP TABLE product; --`, `" OR "1"="1`, "\x00", "\u0301", "·", "?", "", "é", "e\u0301",
}

func randomText(t *rapid.T, label string) string {
	text := ""
	for _, word := range rapid.SliceOfN(rapid.SampledFrom(alphabet), 0, 4).Draw(t, label) {
		if rapid.Bool().Draw(t, "parted") {
			text += " "
		}
		text += word
	}
	return text
}

func randomRow(t *rapid.T) search.Row {
	p := domain.Product{
		Store: rapid.SampledFrom([]domain.StoreID{"s", "u"}).Draw(t, "store"), ID: rapid.SampledFrom([]domain.ProductID{"a", "b", "c'", "d\"", "é", "f"}).Draw(t, "product"),
		Position: domain.Position(rapid.IntRange(1, 9).Draw(t, "position")),
		Family:   domain.Family{Name: randomText(t, "name"), Brand: randomText(t, "brand")},
	}
	for i := range rapid.IntRange(1, 3).Draw(t, "items") {
		p.Items = append(p.Items, domain.Item{
			ID: domain.ItemID(fmt.Sprintf("i-%d", i)), SKU: domain.SKU(randomText(t, "sku")), Described: rapid.IntRange(0, 5).Draw(t, "described") > 0,
			RetailPrice: domain.MustMoney(rapid.SampledFrom([]string{"0", "1", "2.5", "999999999999.999999"}).Draw(t, "price")),
			Stock:       []domain.Level{{Outlet: "x", OnHand: domain.MustQuantity(rapid.SampledFrom([]string{"0", "-1", "2", "0.00001", "999999999999.99999"}).Draw(t, "on hand"))}},
		})
	}
	var pub projections.Publication
	if rapid.Bool().Draw(t, "linked") {
		pub.Link = &domain.Link{BigCommerceID: 1}
	}
	row, _ := search.RowOf(&p, pub, rapid.IntRange(0, 3).Draw(t, "quarantined") == 0)
	return row
}

func randomFilter(t *rapid.T) search.Filter {
	var f search.Filter
	if word, err := search.ParseText(rapid.SampledFrom(alphabet).Draw(t, "word")); err == nil && rapid.Bool().Draw(t, "one word") {
		return search.Filter{Text: word}
	}
	if text, err := search.ParseText(randomText(t, "text")); err == nil {
		f.Text = text
	}
	if brand, err := search.Brand(randomText(t, "brand asked for")); err == nil && rapid.Bool().Draw(t, "by brand") {
		f.Brand = brand
	}
	f.State = rapid.SampledFrom(append(projections.States(), "", "", "")).Draw(t, "state")
	ranges := []string{"", "", "0", "..0", "1..", "0..2.5", "-1..2"}
	f.Stock, _ = search.ParseStock(rapid.SampledFrom(ranges).Draw(t, "stock asked for"))
	f.Price, _ = search.ParsePrice(rapid.SampledFrom(ranges[:6]).Draw(t, "price asked for"))
	f.Since = domain.Position(rapid.SampledFrom([]int{0, 0, 5}).Draw(t, "since"))
	f.Sort = rapid.SampledFrom([]search.Sort{search.ByProduct, search.ByName, search.ByStock, search.ByPrice, search.ByChanged}).Draw(t, "sort")
	f.Descending = rapid.Bool().Draw(t, "descending")
	return f
}

// chosen is what a filter takes of some rows, without an index.
func chosen(rows map[domain.Key]search.Row, store domain.StoreID, f *search.Filter) []search.Place {
	var out []search.Place
	for _, row := range rows {
		if p := f.PlaceOf(&row); row.Store == store && f.Takes(&row) && (f.After == nil || f.Compare(p, *f.After) > 0) {
			out = append(out, p)
		}
	}
	slices.SortFunc(out, f.Compare)
	return out
}

// TestView_Products: whatever the rows, the filter and the page, the index answers as
// the rows do themselves; what was written in transactions that came to no end, or was
// replaced or removed since, is not among it. An index with the same rows that is made
// at once has the same digest.
func TestView_Products(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	n := 0
	y, _ := open(t, filepath.Join(dir, "again.db"))
	defer y.Close()
	rapid.Check(t, func(t *rapid.T) {
		n++
		path := filepath.Join(dir, fmt.Sprintf("live-%d.db", n))
		x, _, err := sqlite.Open(context.Background(), path, true)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { x.Close() }()
		rows := map[domain.Key]search.Row{}
		at := domain.Position(0)
		for range rapid.IntRange(1, 6).Draw(t, "transactions") {
			at++
			b := sqlite.Batch{Standing: sqlite.Standing{POS: sqlite.Reached{Position: at}}, Afresh: rapid.IntRange(0, 9).Draw(t, "afresh") == 0}
			next := map[domain.Key]search.Row{}
			if !b.Afresh {
				for key, row := range rows {
					next[key] = row
				}
			}
			for range rapid.IntRange(0, 5).Draw(t, "rows") {
				row := randomRow(t)
				key := domain.Key{Store: row.Store, ID: string(row.Product)}
				if _, twice := next[key]; twice && rapid.Bool().Draw(t, "gone") && !slices.ContainsFunc(b.Rows, func(r search.Row) bool { return r.Product == row.Product && r.Store == row.Store }) {
					b.Gone = append(b.Gone, key)
					delete(next, key)
				} else if !slices.Contains(b.Gone, key) {
					b.Rows = append(b.Rows, row)
					next[key] = row
				}
			}
			ctx, cancel := context.WithCancel(context.Background())
			fails := rapid.IntRange(0, 3).Draw(t, "fails") == 0
			if fails {
				cancel()
			}
			err := x.Apply(ctx, &b)
			cancel()
			if (err != nil) != fails {
				t.Fatalf("applied with %v, to fail: %v", err, fails)
			}
			if fails {
				at--
			} else {
				rows = next
			}
			if rapid.IntRange(0, 3).Draw(t, "reopened") == 0 {
				if err := x.Close(); err != nil {
					t.Fatal(err)
				}
				var anew string
				if x, anew, err = sqlite.Open(context.Background(), path, true); err != nil || anew != "" {
					t.Fatalf("opened again with %v, anew because %q", err, anew)
				}
			}
		}
		if rapid.Bool().Draw(t, "common") {
			x.SetCommon(0)
		}
		f := randomFilter(t)
		store := rapid.SampledFrom([]domain.StoreID{"s", "s", "u", "none"}).Draw(t, "store asked for")
		limit := rapid.IntRange(1, 4).Draw(t, "limit")
		for want := chosen(rows, store, &f); ; want = chosen(rows, store, &f) {
			var got []search.Place
			var more bool
			err := x.View(context.Background(), func(v *sqlite.View) (err error) {
				if v.POS.Position != at {
					t.Fatalf("it stands at %d, want %d", v.POS.Position, at)
				}
				got, more, err = v.Products(context.Background(), store, &f, limit)
				return err
			})
			if err != nil {
				t.Fatalf("%v: filter %+v", err, f)
			}
			if d := cmp.Diff(want[:min(limit, len(want))], got, cmp.Transformer("empty", func(p []search.Place) []search.Place { return append([]search.Place{}, p...) })); d != "" || more != (len(want) > limit) {
				t.Fatalf("filter %+v, limit %d, more %v (-want +got)\n%s", f, limit, more, d)
			}
			if !more {
				break
			}
			if f.After, err = f.ParsePlace(f.String(got[len(got)-1])); err != nil {
				t.Fatal(err)
			}
		}

		all := sqlite.Batch{Afresh: true}
		for _, row := range rows {
			all.Rows = append(all.Rows, row)
		}
		if err := y.Apply(context.Background(), &all); err != nil {
			t.Fatal(err)
		}
		hash := func(x *sqlite.Index) (h projections.Hash) {
			if err := x.View(context.Background(), func(v *sqlite.View) (err error) { h, err = v.Digest(context.Background()); return err }); err != nil {
				t.Fatal(err)
			}
			return h
		}
		if live, again := hash(x), hash(y); live != again {
			t.Errorf("digest %s, made at once %s", live, again)
		}
	})
}

// TestView_Positions: positions come out as they went in, whatever the stretches.
func TestView_Positions(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "index.db")
	x, _ := open(t, path)
	defer x.Close()
	day := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	kindOf := func(at domain.Position) search.Kind {
		rec := domain.Recorded{Envelope: domain.Envelope{Type: domain.TypeItemSold, Source: "/till/1", Actor: []string{"ann", "bob", ""}[at%3], Time: day}, Store: "s", RecordedAt: day.Add(time.Duration(at) * time.Minute)}
		return search.KindOf(search.POS, &rec, nil)
	}
	const last = 7000
	at := domain.Position(0)
	for _, n := range []domain.Position{1, 2, 900, 200, 3000, 1, last - 4104} {
		b := sqlite.Batch{Events: map[search.Kind][]domain.Position{}}
		for range n {
			at++
			k := kindOf(at)
			b.Events[k] = append(b.Events[k], at)
		}
		b.Standing.POS.Position = at
		apply(t, x, b)
	}
	takes := func(k *search.Kind) bool { return k.Actor == "bob" }
	for _, tt := range [][2]domain.Position{{1, last}, {2, 2}, {3, 3}, {900, 1103}, {1000, 5001}, {last, last + 5}} {
		var want []domain.Position
		for p := tt[0]; p <= min(tt[1], last); p++ {
			if p%3 == 1 {
				want = append(want, p)
			}
		}
		got := view(t, x, func(v *sqlite.View) ([]domain.Position, error) {
			return v.Positions(context.Background(), search.POS, "s", takes, tt[0], tt[1])
		})
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("from %d to %d (-want +got)\n%s", tt[0], tt[1], d)
		}
	}
	if n := view(t, x, func(v *sqlite.View) (uint64, error) { return v.Count(context.Background(), search.POS, "s", takes) }); n != 2334 {
		t.Errorf("%d messages are counted, want 2334", n)
	}
	before := digest(t, x)
	y, _ := open(t, filepath.Join(t.TempDir(), "index.db"))
	defer y.Close()
	b := sqlite.Batch{Events: map[search.Kind][]domain.Position{}}
	for p := domain.Position(1); p <= last; p++ {
		b.Events[kindOf(p)] = append(b.Events[kindOf(p)], p)
	}
	apply(t, y, b)
	if after := digest(t, y); before != after {
		t.Errorf("digest %s in many transactions, %s in one", before, after)
	}
	apply(t, y, sqlite.Batch{Letters: []search.Letter{{ID: 1, Store: "s", Kind: "invalid", Day: "2026-11-01", State: search.OpenLetter}}})
	if digest(t, y) == before {
		t.Error("a dead letter is not in the digest")
	}
}
