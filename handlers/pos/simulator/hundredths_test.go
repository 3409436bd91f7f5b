package simulator

import "testing"

func TestHundredths_String(t *testing.T) {
	t.Parallel()
	for h, want := range map[hundredths][2]string{
		0: {"0", "0.00"}, 5: {"0.05", "0.05"}, 24_50: {"24.5", "24.50"}, 24_05: {"24.05", "24.05"}, 300_00: {"300", "300.00"},
	} {
		if got := [2]string{h.String(), h.price()}; got != want {
			t.Errorf("%d: got %q, want %q", int64(h), got, want)
		}
	}
	for h, want := range map[hundredths]string{-2_00: "-2", -25: "-0.25", -1_10: "-1.1"} {
		if got := h.String(); got != want {
			t.Errorf("%d: got %s, want %s", int64(h), got, want)
		}
	}
}
