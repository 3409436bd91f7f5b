package main

import (
	"bytes"
	"context"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	pos "github.com/tillstream/tillstream/handlers/pos/xseries/simulator"
)

// The demo plays to its end, each of the nine triggers leads to pushes, and what it
// says at closing time is true: its exit code is that of the checks.
func TestDemo(t *testing.T) {
	t.Parallel()
	var out, errs bytes.Buffer
	data := filepath.Join(t.TempDir(), "data")
	code := run(context.Background(), []string{"up", "--demo", "--day", "1ms", "--exit", "--data", data, "--http", "127.0.0.1:0"}, nil, strings.NewReader(""), &out, &errs)
	if code != 0 || errs.Len() > 0 {
		t.Fatalf("exit code %d, standard error %q; it told:\n%s", code, errs.String(), out.String())
	}
	for _, want := range []string{
		"\n316 items and 622 stock levels were read with ",
		"products linked.",
		"not linked: recorded, not pushed",
		"pushed in ",
		"no webhook told of it: polling found it",
		"The shop closes",
		"✓ The projection has the stock of the account's own books",
		"✓ BigCommerce shows the newest state of",
		"✓ Weights, sizes",
		"✓ Whatever happened to a linked product was pushed",
		"0 were refused for lack of quota",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the demo did not say %q:\n%s", want, out.String())
		}
	}
	for _, trigger := range pos.Triggers() {
		row := regexp.MustCompile(`(?m)^  ` + string(trigger) + ` +[1-9][0-9]* +[1-9][0-9]* +[1-9][0-9]* +[0-9]+$`)
		if !row.MatchString(out.String()) {
			t.Errorf("the demo has no push for a %s:\n%s", trigger, out.String())
		}
	}
	if n := len(regexp.MustCompile(`(?m)^[01][0-9]:[0-5][0-9]  `).FindAllString(out.String(), -1)); n < 60 || n > 90 {
		t.Errorf("the day has %d lines to read, want 60 to 90", n)
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
