package main

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/tillstream/tillstream"

// rule says what the packages below a folder may import beyond the standard
// library, and what of the standard library they may not. Tests may also import
// what testImports names.
type rule struct {
	folder  string // the longest one that fits a file decides
	may     []string
	mayNot  []string // of the standard library
	because string
}

var (
	nats      = []string{"github.com/nats-io/", "github.com/synadia-io/orbit.go/"}
	watermill = []string{"github.com/ThreeDotsLabs/watermill", "github.com/ThreeDotsLabs/watermill-nats/v2"}
	reaching  = []string{"net", "net/http", "os", "os/exec", "os/signal", "syscall", "math/rand", "math/rand/v2", "crypto/rand", "log", "log/slog"}
)

var rules = []rule{
	{"domain", []string{"github.com/google/uuid", "github.com/govalues/decimal", "github.com/tidwall/gjson"}, reaching,
		"facts outlive every technology, and a fold that can reach nothing cannot have side effects"},
	{"projections", []string{module + "/domain"}, reaching,
		"a replay that cannot reach a network, a file, a log or a random number is the same everywhere"},
	{"projections/search", []string{module + "/domain", module + "/projections", "github.com/govalues/decimal", "golang.org/x/text/cases", "golang.org/x/text/unicode/norm"}, reaching,
		"which rows there are and what a question means must not depend on where the rows are kept"},
	{"projections/search/sqlite", []string{module + "/domain", module + "/projections", "github.com/gofrs/flock", "modernc.org/sqlite"}, []string{"net", "net/http", "os/exec", "os/signal", "syscall", "math/rand", "math/rand/v2", "log", "log/slog"},
		"a file that is made of the logs reaches nothing but itself, and knows no broker"},
	{"streams", slices.Concat([]string{module + "/domain", "github.com/google/uuid", "github.com/gofrs/flock", "golang.org/x/crypto/bcrypt", "github.com/klauspost/compress/s2"}, nats, watermill), nil,
		"it is the only place that knows NATS, and it knows no product and no vendor"},
	{"streams/streamstest", slices.Concat([]string{module + "/domain", module + "/streams"}, nats), nil,
		"it starts a real broker for other packages' tests"},
	{"handlers/bigcommerce", []string{"github.com/govalues/decimal", "github.com/cenkalti/backoff/v5"}, nil,
		"an API client is not about our products, and could be lifted out"},
	{"handlers/standin", nil, nil, "it knows nothing of what a stand-in stands in for"},
	{"handlers/bigcommerce/simulator", []string{module + "/handlers/standin", "github.com/govalues/decimal", "github.com/standard-webhooks/standard-webhooks/libraries/go"}, nil,
		"a simulator that shared code with its client would share its mistakes"},
	{"handlers/pos", []string{module + "/domain"}, []string{"net", "net/http", "os", "os/exec"},
		"translation is pure: bytes in, envelopes out"},
	{"handlers/pos/csv", []string{module + "/domain", "golang.org/x/text/encoding"}, []string{"net", "net/http", "os", "os/exec"},
		"translation is pure: bytes in, envelopes out"},
	{"handlers/pos/xseries/api", []string{"golang.org/x/oauth2", "golang.org/x/time/rate"}, nil,
		"an API client hands out what it was given, and could be lifted out"},
	{"handlers/poll", slices.Concat(ours, []string{"github.com/cenkalti/backoff/v5"}), nil, "it reacts to what has changed elsewhere"},
	{"handlers/pos/xseries/simulator", []string{module + "/handlers/standin", module + "/handlers/pos/simulator"}, []string{"os", "os/exec"},
		"a simulator that shared code with the adapter would share its mistakes; of ours it takes the invented shop"},
	{"handlers/problem", []string{module + "/domain", module + "/streams"}, nil,
		"errors are classified once for every HTTP answer"},
	{"handlers/ingest", slices.Concat(ours, []string{"github.com/google/uuid", "golang.org/x/sync", "github.com/danielgtaylor/huma/v2"}), nil, "it reacts to requests"},
	{"handlers/project", slices.Concat(ours, []string{"github.com/cenkalti/backoff/v5"}), nil, "it reacts to the POS log"},
	{"handlers/index", slices.Concat(ours, []string{"github.com/cenkalti/backoff/v5", "github.com/klauspost/compress/s2", "golang.org/x/mod/sumdb"}), nil, "it reacts to both logs, and nothing reacts to it"},
	{"handlers/publish", slices.Concat(ours, watermill, []string{"github.com/govalues/decimal", "github.com/cenkalti/backoff/v5", "golang.org/x/sync"}), nil, "it reacts to new snapshots"},
	{"handlers/audit", slices.Concat(ours, []string{"github.com/cenkalti/backoff/v5", "golang.org/x/mod/sumdb", "golang.org/x/sync", "github.com/klauspost/compress/zstd"}), nil,
		"it reacts to both logs, and judges what others have made of them"},
	{"handlers/audit/tree", []string{module + "/domain", "golang.org/x/mod/sumdb"}, reaching,
		"what proves something to a stranger must not depend on where it runs"},
	{"handlers/console", slices.Concat(ours, []string{"github.com/danielgtaylor/huma/v2", "github.com/prometheus/client_golang", "golang.org/x/time/rate"}), nil, "it reacts to people"},
	{"cmd", []string{""}, nil, "it wires everything"},
}

var ours = []string{module + "/domain", module + "/projections", module + "/streams", module + "/handlers"}

var testImports = []string{
	module, "github.com/google/go-cmp", "pgregory.net/rapid", "go.uber.org/goleak", "github.com/rogpeppe/go-internal",
	"github.com/getkin/kin-openapi", "github.com/santhosh-tekuri/jsonschema/v6", "github.com/govalues/decimal",
	"github.com/nats-io/", "github.com/synadia-io/orbit.go/", "github.com/ThreeDotsLabs/watermill", "github.com/minio/highwayhash",
}

// TestTree_Imports holds every file to the rule of its folder. It parses the
// files, because the go command's own answer would be served from a cache that
// does not know of a new import.
func TestTree_Imports(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	eachGoFile(t, func(file string) {
		r := ruleFor(path.Dir(file))
		if r == nil {
			t.Errorf("%s: its folder has no import rule; add one with its reason", file)
			return
		}
		seen[r.folder] = true
		for _, imported := range importsOf(t, file) {
			if reason := forbidden(r, file, imported); reason != "" {
				t.Errorf("%s imports %s: %s, because %s", file, imported, reason, r.because)
			}
		}
	})
	for _, r := range rules {
		if !seen[r.folder] {
			t.Errorf("the rule for %s is about nothing; delete it", r.folder)
		}
	}
}

func forbidden(r *rule, file, imported string) string {
	test := strings.HasSuffix(file, "_test.go")
	switch {
	case !strings.Contains(strings.Split(imported, "/")[0], "."):
		if slices.Contains(r.mayNot, imported) && !test {
			return "it may not"
		}
	case !test && strings.HasSuffix(imported, "test") && strings.HasPrefix(imported, module):
		return "only tests may import it"
	case within(imported, r.may), test && within(imported, testImports), within(imported, []string{module + "/" + path.Dir(file)}):
	default:
		return "it is not on the list"
	}
	return ""
}

// within reports whether an import path is one of the allowed ones or below it.
func within(imported string, allowed []string) bool {
	return slices.ContainsFunc(allowed, func(a string) bool {
		return a == "" || imported == a || strings.HasPrefix(imported, strings.TrimSuffix(a, "/")+"/")
	})
}

// TestForbidden shows that the check can fail.
func TestForbidden(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		file, imported string
		want           bool
	}{
		{"domain/fold.go", "net/http", true},
		{"domain/fold.go", "os", true},
		{"domain/fold_test.go", "os", false},
		{"domain/fold.go", "time", false},
		{"domain/fold.go", module + "/streams", true},
		{"projections/catalog.go", module + "/domain", false},
		{"projections/catalog.go", module + "/streams", true},
		{"projections/history.go", "database/sql", false}, // an interface, as long as there is no driver
		{"projections/history.go", "modernc.org/sqlite", true},
		{"projections/search/filter.go", "modernc.org/sqlite", true},
		{"projections/search/sqlite/index.go", "modernc.org/sqlite", false},
		{"projections/search/sqlite/index.go", module + "/streams", true},
		{"streams/log.go", module + "/projections", true},
		{"streams/log.go", "github.com/nats-io/nats.go/jetstream", false},
		{"handlers/project/project.go", "github.com/nats-io/nats.go", true},
		{"handlers/project/project.go", module + "/streams/streamstest", true},
		{"handlers/project/project_test.go", module + "/streams/streamstest", false},
		{"handlers/bigcommerce/client.go", module + "/domain", true},
		{"handlers/pos/csv/reader.go", "net/http", true},
		{"handlers/pos/xseries/simulator/http.go", "net/http", false},
		{"handlers/pos/xseries/simulator/http.go", module + "/handlers/pos/xseries", true},
		{"handlers/pos/xseries/simulator/http.go", module + "/domain", true},
	} {
		if got := forbidden(ruleFor(path.Dir(tt.file)), tt.file, tt.imported) != ""; got != tt.want {
			t.Errorf("%s importing %s: forbidden %v, want %v", tt.file, tt.imported, got, tt.want)
		}
	}
	if ruleFor("shared") != nil {
		t.Error("a folder without a rule was given one")
	}
}

// TestTree_PackageDocs wants exactly one package comment in every package.
func TestTree_PackageDocs(t *testing.T) {
	t.Parallel()
	docs := map[string]int{}
	eachGoFile(t, func(file string) {
		if strings.HasSuffix(file, "_test.go") {
			return
		}
		f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, file), nil, parser.PackageClauseOnly|parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		docs[path.Dir(file)] += 0
		if f.Doc != nil {
			docs[path.Dir(file)]++
		}
	})
	for folder, n := range docs {
		if n != 1 {
			t.Errorf("%s has %d package comments, want 1", folder, n)
		}
	}
}

// TestTree_Names keeps out folders that are named for nothing, and top-level
// entries that were not given.
func TestTree_Names(t *testing.T) {
	t.Parallel()
	given := []string{"cmd", "domain", "projections", "handlers", "streams", "go.mod", "go.sum", "compose.yaml", "README.md"}
	entries, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Name() == "tillstream" && e.Type().IsRegular() {
			continue // the program, where README has it built
		}
		if !strings.HasPrefix(e.Name(), ".") && !slices.Contains(given, e.Name()) {
			t.Errorf("%s: the top level holds %s, and nothing else", e.Name(), strings.Join(given, ", "))
		}
	}
	eachGoFile(t, func(file string) {
		for _, name := range strings.Split(path.Dir(file), "/") {
			if slices.Contains([]string{"util", "utils", "common", "helpers", "types", "models", "shared", "internal", "pkg"}, name) {
				t.Errorf("%s: %q names no thing; give it a noun", file, name)
			}
		}
	})
}

const root = "../.."

func eachGoFile(t *testing.T, do func(file string)) {
	t.Helper()
	err := fs.WalkDir(os.DirFS(root), ".", func(file string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (file != "." && strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata"):
			return fs.SkipDir
		case !d.IsDir() && strings.HasSuffix(file, ".go"):
			do(file)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func ruleFor(folder string) *rule {
	var best *rule
	for i, r := range rules {
		if (folder == r.folder || strings.HasPrefix(folder, r.folder+"/")) && (best == nil || len(r.folder) > len(best.folder)) {
			best = &rules[i]
		}
	}
	return best
}

func importsOf(t *testing.T, file string) []string {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, file), nil, parser.ImportsOnly)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, spec := range f.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, imported)
	}
	return out
}
