package simulator

import (
	"encoding/json"
	"math/big"
	"testing"

	"pgregory.net/rapid"
)

func TestParseAmount(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"0": "0", "-0": "0", "3": "3", "-3": "-3", "41.50": "41.5", "0.25": "0.25", "-0.25": "-0.25", "86.95652": "86.95652", "007": "7", "999999999.99999": "999999999.99999",
	} {
		if got, err := ParseAmount(text); err != nil || got.String() != want {
			t.Errorf("ParseAmount(%q) = %v, %v; want %s", text, got, err, want)
		}
	}
	for _, text := range []string{"", "-", ".", ".5", "5.", "1.234567", "1e3", "4.00638E+12", "1,5", " 1", "1 ", "+1", "--1", "1-", "0x1", "NaN", "٣", "1000000000", "99999999999999999999"} {
		if got, err := ParseAmount(text); err == nil {
			t.Errorf("ParseAmount(%q) = %v, want an error", text, got)
		}
	}
}

// TestAmount: what is written is read again, and products and quotients are those of exact arithmetic, rounded half away
// from zero.
func TestAmount(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		small := rapid.Int64Range(-1_000_000_000, 1_000_000_000)
		a, b := Amount(small.Draw(t, "a")), Amount(small.Draw(t, "b"))
		raw, err := json.Marshal(a)
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range []string{string(raw), `"` + a.fixed() + `"`} {
			var again Amount
			if err := json.Unmarshal([]byte(text), &again); err != nil || again != a {
				t.Fatalf("%s: %v, %v", text, again, err)
			}
		}
		check := func(what string, got Amount, want *big.Rat) {
			off := new(big.Rat).Sub(want, big.NewRat(int64(got), 1))
			half := big.NewRat(1, 2)
			if off.Abs(off).Cmp(half) > 0 {
				t.Fatalf("%s of %s and %s is %s, off by %s", what, a, b, got, off)
			}
		}
		check("the product", a.times(b), big.NewRat(int64(a)*int64(b), int64(unit)))
		if b != 0 {
			check("the quotient", a.over(b), new(big.Rat).Quo(big.NewRat(int64(a)*int64(unit), 1), big.NewRat(int64(b), 1)))
		}
		if f := a.floor(); f > a || a-f >= unit || f%unit != 0 {
			t.Fatalf("the floor of %s is %s", a, f)
		}
	})
	for _, tt := range []struct{ a, want Amount }{{15, 2}, {-15, -2}, {14, 1}, {-14, -1}} {
		if got := tt.a.over(Of(10)); got != tt.want {
			t.Errorf("%d / 10 = %d, want %d", tt.a, got, tt.want)
		}
	}
}
