package search_test

import (
	"math"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/projections"
	"github.com/tillstream/tillstream/projections/search"
)

func row(t testing.TB, name string, skus ...string) search.Row {
	t.Helper()
	p := domain.Product{Store: "s", ID: "p-1", Position: 1, Family: domain.Family{Name: name, Brand: "Kite & Keel", Tags: []string{"Küche"}}}
	for _, sku := range skus {
		p.Items = append(p.Items, domain.Item{ID: domain.ItemID("i-" + sku), SKU: domain.SKU(sku), Described: true, Codes: []domain.Code{{Type: "EAN", Code: "4006381333931"}}})
	}
	r, is := search.RowOf(&p, projections.Publication{}, false)
	if !is {
		t.Fatal("it is no product")
	}
	return r
}

func TestFilter_Takes_text(t *testing.T) {
	t.Parallel()
	mug := row(t, "Émaille-Becher Straße 杯子カップ", "CK-121", "CK-7")
	for _, tt := range []struct {
		text string
		want bool
	}{
		{"emaille", true}, {"ÉMAILLE BECHER", true}, {"e\u0301mai", true}, {"becher emaille", true}, {"emaille-becher", true}, {"becher-emaille", false},
		{"aille", false}, {"CK-121", true}, {"ck 12", true}, {"CK-12", true}, {"K-12", false}, {"CK-71", false}, {"121-CK", false},
		{"kite keel", true}, {"kite&keel", true}, {"keel&kite", false}, {"kuche", true}, {"strasse", true}, {"4006381", true}, {"p-1", true},
		{"子", true}, {"杯子", true}, {"子杯", false}, {"カップ", true},
		{"121-ck-7", false}, // not across two fields
		{"mug", false}, {`"emaille"`, true}, {"emaille*", true}, {"NOT emaille", false}, {"emaille OR mug", false},
	} {
		text, err := search.ParseText(tt.text)
		if err != nil {
			t.Errorf("%q: %v", tt.text, err)
			continue
		}
		if got := (&search.Filter{Text: text}).Takes(&mug); got != tt.want {
			t.Errorf("%q is found: %v, want %v", tt.text, got, tt.want)
		}
	}
	for _, text := range []string{"", " ", `"`, "*", "- &", "\u0301", strings.Repeat("a ", search.MostPhrases+1), strings.Repeat("a", search.MostText+1)} {
		if _, err := search.ParseText(text); err == nil {
			t.Errorf("%.20q was taken", text)
		}
	}
}

// FuzzParseText: whatever is typed, the phrases hold nothing but letters, digits and
// single spaces; and a product of that name is found by it.
func FuzzParseText(f *testing.F) {
	for _, s := range []string{"mug", `"mug* OR (bowl`, "Straße", "ＡＢＣ", "İstanbul", "杯子 x", "a\x00b", "\xff", "ﬁn", "ǆ", "ΑΣ", "e\u0301", "한국", "NEAR(a b, 2)", "^a : b - c", strings.Repeat("0", 121) + "\xf1È "} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		text, err := search.ParseText(s)
		if err != nil {
			return
		}
		for _, phrase := range text.Phrases() {
			if phrase == "" || strings.TrimSpace(phrase) != phrase || strings.Contains(phrase, "  ") {
				t.Errorf("%q: phrase %q", s, phrase)
			}
			for _, r := range phrase {
				if r != ' ' && !unicode.IsLetter(r) && !unicode.IsNumber(r) {
					t.Errorf("%q: phrase %q holds %q", s, phrase, r)
				}
			}
		}
		found := row(t, s, "x")
		if f := (&search.Filter{Text: text}); !f.Takes(&found) {
			t.Errorf("a product of the name %q is not found by it: words %q, phrases %q", s, found.Words, text.Phrases())
		}
	})
}

func TestParseRange(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]search.Range{
		"0": {0, 0}, "-1..2.5": {-100_000, 250_000}, "..3": {math.MinInt64, 300_000}, "0.00001..": {1, math.MaxInt64}, " 999999999999.99999 ": {99999999999999999, 99999999999999999},
	} {
		got, err := search.ParseStock(text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
		} else if d := cmp.Diff(want, *got); d != "" {
			t.Errorf("%q (-want +got)\n%s", text, d)
		}
	}
	for _, text := range []string{"", "..", "x", "1...2", "1..x", "2..1", "1e3", "0.000001", "1,5", "--1"} {
		if _, err := search.ParseStock(text); err == nil {
			t.Errorf("%q was taken", text)
		}
	}
	if _, err := search.ParsePrice("-1..2"); err == nil {
		t.Error("a price below 0 was taken")
	}
	got, err := search.ParsePrice("12.5..999999999999.999999")
	if err != nil || *got != (search.Range{From: 12_500_000, To: 999_999_999_999_999_999}) {
		t.Errorf("prices are %v, %v", got, err)
	}
}

// TestFilter_ParsePlace: a place comes back as it was, and what is none is refused.
func TestFilter_ParsePlace(t *testing.T) {
	t.Parallel()
	for _, name := range search.Sorts() {
		sort, err := search.ParseSort(name)
		if err != nil {
			t.Fatal(err)
		}
		f := search.Filter{Sort: sort}
		r := row(t, "Émaille", "CK-1")
		r.Stock, r.Product = math.MinInt64, "a/b c"
		place := f.PlaceOf(&r)
		got, err := f.ParsePlace(f.String(place))
		if err != nil || *got != place {
			t.Errorf("by %q: %+v came back as %+v, %v", name, place, got, err)
		}
		if sort == search.ByProduct {
			continue
		}
		for _, text := range []string{"x", "e30", "!!", "a/b c"} {
			if _, err := f.ParsePlace(text); err == nil {
				t.Errorf("by %q: %q was taken", name, text)
			}
		}
	}
}

// TestPositions: what is written is read, and what is cut is refused.
func TestPositions(t *testing.T) {
	t.Parallel()
	want := []domain.Position{1, 2, 200, 1 << 40}
	b := search.AppendPositions(search.AppendPositions(nil, 0, want[:2]...), want[1], want[2:]...)
	got, err := search.Positions(b)
	if d := cmp.Diff(want, got); d != "" || err != nil {
		t.Errorf("%v (-want +got)\n%s", err, d)
	}
	if _, err := search.Positions(b[:len(b)-1]); err == nil {
		t.Error("cut positions were taken")
	}
}
