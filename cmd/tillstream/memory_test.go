package main

import (
	"math"
	"os"
	"runtime/debug"
	"testing"

	"github.com/KimMachineGun/automemlimit/memlimit"
)

// TestLimitMemory: the collector has a limit within the memory that there is.
func TestLimitMemory(t *testing.T) {
	for _, name := range []string{"GOMEMLIMIT", "AUTOMEMLIMIT"} {
		t.Setenv(name, "") // which sees to it that it is what it was behind the test
		if err := os.Unsetenv(name); err != nil {
			t.Fatal(err)
		}
	}
	before := debug.SetMemoryLimit(math.MaxInt64)
	defer debug.SetMemoryLimit(before)
	if err := limitMemory(); err != nil {
		t.Fatal(err)
	}
	total, err := memlimit.FromSystem()
	if err != nil {
		t.Fatal(err)
	}
	if got := float64(debug.SetMemoryLimit(-1)); got <= 0 || got > mostMemory*float64(total) {
		t.Errorf("the limit is %.0f bytes, of %d", got, total)
	}
	t.Setenv("GOMEMLIMIT", "1GiB") // which the runtime reads at the start
	debug.SetMemoryLimit(1 << 30)
	if err := limitMemory(); err != nil {
		t.Fatal(err)
	}
	if got := debug.SetMemoryLimit(-1); got != 1<<30 {
		t.Errorf("the limit is %d bytes, and the environment says 1 GiB", got)
	}
}
