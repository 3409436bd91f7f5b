package streams

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// FuzzDecodePage: what is no page is refused, and what is one is the same page when it is
// written again.
func FuzzDecodePage(f *testing.F) {
	f.Add(encodePage([]Entry{{Key: "demo.a", Value: []byte("x")}, {Key: "demo.b"}}))
	f.Add([]byte{pageVersion, 2, 4, 200, 'k'})
	f.Add([]byte{pageVersion, 0xff, 0xff, 0xff, 0xff, 0x0f})
	f.Add([]byte{2})
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		first, err := decodePage(data)
		if err != nil {
			return
		}
		second, err := decodePage(encodePage(first))
		if diff := cmp.Diff(first, second); diff != "" || err != nil {
			t.Errorf("%v (-first +second):\n%s", err, diff)
		}
	})
}
