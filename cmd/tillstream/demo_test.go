package main

import (
	"bytes"
	"context"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The demo plays to its end, and what it says at closing time is true: its exit
// code is that of the checks.
func TestDemo(t *testing.T) {
	t.Parallel()
	var out, errs bytes.Buffer
	data := filepath.Join(t.TempDir(), "data")
	code := run(context.Background(), []string{"up", "--demo", "--day", "1ms", "--exit", "--data", data, "--http", "127.0.0.1:0"}, nil, strings.NewReader(""), &out, &errs)
	if code != 0 || errs.Len() > 0 {
		t.Fatalf("exit code %d, standard error %q; it told:\n%s", code, errs.String(), out.String())
	}
	for _, want := range []string{
		"314 rows became 936 events on disk",
		"93 products linked.",
		"✓ The projection has the POS's stock",
		"✓ BigCommerce shows the newest state of all",
		"✓ Weights, sizes",
		"0 were refused for lack of quota",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the demo did not say %q:\n%s", want, out.String())
		}
	}
}

func TestTouchedFields(t *testing.T) {
	t.Parallel()
	before := `{"weight":1.5,"page_title":"A","variants":[{"id":1,"weight":null},{"id":2,"weight":3}]}`
	for _, tt := range []struct {
		name, after string
		want        []string
	}{
		{"OK", before, nil},
		{"OK variant gone, another come", `{"weight":1.5,"page_title":"A","variants":[{"id":1,"weight":null},{"id":3,"weight":9}]}`, nil},
		{"ErrField", `{"weight":1.25,"page_title":"A","variants":[{"id":1,"weight":null},{"id":2,"weight":3}]}`, []string{"weight"}},
		{"ErrVariant", `{"weight":1.5,"page_title":"A","variants":[{"id":1,"weight":2},{"id":2,"weight":3}]}`, []string{"variant 1 weight"}},
		{"ErrGone", ``, []string{"page_title", "weight"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.want, touchedFields([]byte(before), []byte(tt.after))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
