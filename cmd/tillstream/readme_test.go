package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	bigcommerce "github.com/tillstream/tillstream/handlers/bigcommerce/simulator"
	"github.com/tillstream/tillstream/streams"
)

// TestReadme_NamesTests: the tests that README names as proof are there. One that
// begins with … ends a name whose begin was named before.
func TestReadme_NamesTests(t *testing.T) {
	t.Parallel()
	there := map[string]bool{}
	err := filepath.WalkDir("../..", func(file string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(file, "_test.go") {
			return err
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, d := range parsed.Decls {
			if f, is := d.(*ast.FuncDecl); is && f.Recv == nil {
				there[f.Name.Name] = true
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile("`((?:Test|Fuzz|Benchmark)[A-Za-z_]+|…_[A-Za-z]*[a-z][A-Za-z_]*)`").FindAllStringSubmatch(string(readme), -1)
	if len(named) < 30 {
		t.Errorf("README names %d tests, want the proof of each thing that it says", len(named))
	}
	for _, m := range named {
		if ending, cut := strings.CutPrefix(m[1], "…"); cut && !endsOne(there, ending) || !cut && !there[m[1]] {
			t.Errorf("README names %s, which is not there", m[1])
		}
	}
}

// TestReadme_NamesCommands: the commands and flags that README tells people to type are
// there, and so are the broker's users.
func TestReadme_NamesCommands(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	readme := string(text)
	c := &cli{stdout: newScreen(io.Discard, os.Getenv), stderr: newScreen(io.Discard, os.Getenv)}
	lines := regexp.MustCompile(`(?m)^ *(?:\$ )?(?:\./tillstream|go run \./cmd/tillstream) ([^#\n]*)`).FindAllStringSubmatch(readme, -1)
	if len(lines) < 12 {
		t.Errorf("README has %d commands to type, want those of every section", len(lines))
	}
	for _, m := range lines {
		cmd, rest, err := c.root().Find(strings.Fields(strings.Replace(m[1], "ITEM…", "ITEM", 1)))
		if err != nil {
			t.Errorf("README: tillstream %s: %v", m[1], err)
		} else if err := cmd.ParseFlags(rest); err != nil {
			t.Errorf("README: tillstream %s: %v", m[1], err)
		} else if err := cmd.ValidateArgs(cmd.Flags().Args()); cmd.HasSubCommands() || err != nil {
			t.Errorf("README: tillstream %s: %v", m[1], err)
		}
	}
	user := streams.AdapterUser("harbour")
	for _, want := range []string{"--user " + user, ".tillstream/users/" + user, "--inbox-prefix " + streams.AdapterInbox("harbour")} {
		if !strings.Contains(readme, want) {
			t.Errorf("README does not name %s", want)
		}
	}
}

func endsOne(names map[string]bool, ending string) bool {
	for name := range names {
		if strings.HasSuffix(name, ending) {
			return true
		}
	}
	return false
}

// TestReadme_adapter runs README's adapter against the program: the first time its
// event is recorded, and the second it was there before.
func TestReadme_adapter(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	code := regexp.MustCompile("(?s)```go\n(.*?)```").FindSubmatch(readme)
	if code == nil {
		t.Fatal("README has no adapter")
	}
	source := filepath.Join(t.TempDir(), "main.go")
	if err := os.WriteFile(source, code[1], 0o600); err != nil {
		t.Fatal(err)
	}
	adapter := strings.TrimSuffix(source, ".go")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", adapter, source).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	in := install(t, bigcommerce.Config{}, nil)
	for _, want := range []string{`"position":1,"duplicate":false`, `"position":1,"duplicate":true`} {
		out, err := exec.CommandContext(t.Context(), adapter, in.base, in.app.token).CombinedOutput()
		if err != nil || !strings.Contains(string(out), want) {
			t.Errorf("the adapter says %s, %v; want %s", out, err, want)
		}
	}
	if out, err := exec.CommandContext(t.Context(), adapter, in.base, "wrong").CombinedOutput(); err == nil || !strings.Contains(string(out), "bears no valid token") {
		t.Errorf("with a wrong token it says %s, %v", out, err)
	}
}
