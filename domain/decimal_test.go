package domain

import (
	"testing"

	"pgregory.net/rapid"
)

func TestParseMoney(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"0": "0", "24.50": "24.5", "007": "7", "0.000001": "0.000001", "999999999999.999999": "999999999999.999999", "100": "100",
	} {
		m, err := ParseMoney(in)
		if err != nil || m.String() != want {
			t.Errorf("%q: got %s, %v, want %s", in, m, err, want)
		}
	}
	for _, in := range []string{"", "-1", "-0", "+1", ".", "1.", ".5", "1e3", "1,5", "1_000", " 1", "1 ", "0x1", "NaN", "Inf", "1.0000000", "1000000000000", "١"} {
		if m, err := ParseMoney(in); err == nil {
			t.Errorf("%q: got %s, want an error", in, m)
		}
	}
}

func TestMoney_Round(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"2.63158": "2.6316", "0.00005": "0", "0.00015": "0.0002", "0.000051": "0.0001", "999999999999.99995": "1000000000000", "3": "3",
	} {
		if got := MustMoney(in).Round(4).String(); got != want {
			t.Errorf("%s: got %s, want %s", in, got, want)
		}
	}
}

func TestQuantity_Add(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		form := rapid.StringMatching(`-?[0-9]{1,11}(\.[0-9]{1,5})?`)
		a, b := MustQuantity(form.Draw(t, "a")), MustQuantity(form.Draw(t, "b"))
		sum, err := a.Add(b)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := ParseQuantity(sum.String()); err != nil || !again.Equal(sum) {
			t.Fatalf("%s + %s = %s, which is read as %s, %v", a, b, sum, again, err)
		}
		if back, err := sum.Add(b.Neg()); err != nil || !back.Equal(a) || back.String() != a.String() {
			t.Fatalf("%s + %s - %s: got %s, %v", a, b, b, back, err)
		}
	})
	if sum, err := MustQuantity("-999999999999.99999").Add(MustQuantity("-0.00001")); err == nil {
		t.Errorf("got %s, want an error", sum)
	}
}
