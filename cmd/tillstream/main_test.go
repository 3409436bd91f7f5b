package main

import (
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain makes the test binary be the program when it is called as tillstream,
// so that scripts and crash tests run the real thing.
// A start goes by what the last one has left also where that is little.
func TestMain(m *testing.M) {
	leastForHint = 1
	testscript.Main(m, map[string]func(){"tillstream": main})
}
