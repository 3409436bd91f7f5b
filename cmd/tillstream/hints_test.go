package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/console"
)

// A file holds what was written last, whole, for its owner alone, and says so when it was
// altered anywhere.
func TestHintFile(t *testing.T) {
	t.Parallel()
	f := hintFile(filepath.Join(t.TempDir(), "hints", "products"))
	read := func() (string, error) {
		var b strings.Builder
		err := f.Read(func(r io.Reader) error {
			_, err := io.Copy(&b, r)
			return err
		})
		return b.String(), err
	}
	write := func(text string, then error) error {
		return f.Write(func(w io.Writer) error {
			_, err := io.WriteString(w, text)
			return errors.Join(err, then)
		})
	}
	if _, err := read(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("before anything was written: %v", err)
	}
	if err := write("first", nil); err != nil {
		t.Fatal(err)
	}
	stop := errors.New("stop")
	if err := write("second", stop); !errors.Is(err, stop) {
		t.Errorf("a write that fails gave %v", err)
	}
	if got, err := read(); got != "first" || err != nil {
		t.Errorf("after a write that failed: %q, %v", got, err)
	}
	if left, err := os.ReadDir(filepath.Dir(string(f))); err != nil || len(left) != 1 {
		t.Errorf("left %v, %v; want the file alone", left, err)
	}
	if info, err := os.Stat(string(f)); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v; want it for its owner alone", info.Mode(), err)
	}
	whole, err := os.ReadFile(string(f))
	if err != nil {
		t.Fatal(err)
	}
	for i := range whole {
		altered := append([]byte{}, whole...)
		altered[i] ^= 1
		if err := os.WriteFile(string(f), altered, 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := read(); got != "first" && err == nil {
			t.Errorf("with byte %d altered it gives %q and no error", i, got)
		}
	}
}

// An installation that is ended in order leaves hints, and the next start goes by them: it
// says nothing, and shows the same. Where they are damaged it says so, and shows the same,
// too. Neither pushes anything.
func TestUp_hints(t *testing.T) {
	t.Parallel()
	in := shopOfShirts(t, 20)
	before := in.newest()
	products, publications := filepath.Join(in.cfg.Data, "hints", "products"), filepath.Join(in.cfg.Data, "hints", "publications")
	known := func() string {
		in.settle()
		digest, err := json.Marshal(in.digest())
		if err != nil {
			t.Fatal(err)
		}
		shown := string(digest)
		for i := range 20 {
			_, page := in.ask(http.MethodGet, fmt.Sprintf("/v1/stores/%s/products/S-%02d", testStore, i), "", nil)
			shown += "\n" + page
		}
		return shown
	}
	const says = "reads all that is stored"
	want := known()
	in.stop()
	for _, file := range []string{products, publications} {
		if _, err := os.Stat(file); err != nil {
			t.Errorf("no hint was left: %v", err)
		}
	}
	in.start()
	if got := known(); got != want || strings.Contains(in.said.String(), says) {
		t.Errorf("after a start with hints:\n%s\nwant\n%s", got, want)
	}
	in.stop()
	for _, file := range []string{products, publications} {
		if err := os.Truncate(file, 20); err != nil {
			t.Fatal(err)
		}
	}
	in.start()
	if got, n := known(), strings.Count(in.said.String(), says); got != want || n != 2 {
		t.Errorf("after a start with damaged hints:\n%s\nwant\n%s\nand %q twice, not %d times", got, want, says, n)
	}
	if got := in.pushedSince(before); len(got) != 0 {
		t.Errorf("the starts pushed %v", got)
	}
}

// A rebuild at rest leaves hints of what it has folded: the start behind it says nothing,
// and folds on.
func TestRebuild_hints(t *testing.T) {
	t.Parallel()
	in := shopOfShirts(t, 20)
	in.stop()
	a, err := openApp(t.Context(), in.cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	report, err := a.rebuildAlone(t.Context(), console.RebuildWish{}, func(console.RebuildProgress) {})
	if err := errors.Join(err, a.close()); err != nil || !report.Switched {
		t.Fatalf("%+v, %v", report, err)
	}
	in.start()
	in.happen(&domain.ProductDeleted{Item: "i-03"})
	in.settle()
	if strings.Contains(in.said.String(), "reads all that is stored") {
		t.Error("the start behind a rebuild did not go by its hints")
	}
	if page := in.product("S-04"); page.Name != "Shirt 04" {
		t.Errorf("after it: %+v", page)
	}
}
