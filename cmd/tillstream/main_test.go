package main

import (
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain makes the test binary be the program when it is called as tillstream,
// so that scripts and crash tests run the real thing.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"tillstream": main})
}
