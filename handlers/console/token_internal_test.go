package console

import (
	"strings"
	"testing"
)

func TestTokenID(t *testing.T) {
	t.Parallel()
	for range 2000 { // one in 64 would
		if id := tokenID(); strings.HasPrefix(id, "-") {
			t.Fatalf("%s is taken for a flag", id)
		}
	}
}
