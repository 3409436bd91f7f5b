package domain

import (
	"bytes"
	"encoding/json"
	commandline "flag" // flag is a function of this package
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"pgregory.net/rapid"
)

var update = commandline.Bool("update", false, "write the schemas, and golden files that do not exist yet")

func allTypes() []Type { return append(POSTypes(), SyncTypes()...) }

func TestSchemas_MatchTheFields(t *testing.T) {
	for _, typ := range allTypes() {
		want, err := writeSchema(typ)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join("schema", string(typ)+".json")
		if *update {
			if err := os.WriteFile(path, want, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		got, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s is not what the fields say; write it anew: go test ./domain -run Schemas -update", path)
		}
	}
	files, err := filepath.Glob("schema/*")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != len(allTypes()) {
		t.Errorf("schema holds %d files for %d types", len(files), len(allTypes()))
	}
}

func TestSchema_Embedded(t *testing.T) {
	t.Parallel()
	for _, typ := range allTypes() {
		if b, ok := Schema(typ); !ok || !json.Valid(b) {
			t.Errorf("%s: no schema", typ)
		}
	}
	for _, typ := range []Type{"", "pos.item.sold.v2", "../schema/pos.item.sold.v1", "*"} {
		if _, ok := Schema(typ); ok {
			t.Errorf("%q: got a schema", typ)
		}
	}
}

func compileSchemas(t testing.TB) map[Type]*jsonschema.Schema {
	t.Helper()
	out := map[Type]*jsonschema.Schema{}
	for _, typ := range allTypes() {
		b, _ := Schema(typ)
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		c := jsonschema.NewCompiler()
		if err := c.AddResource("schema.json", doc); err != nil {
			t.Fatal(err)
		}
		if out[typ], err = c.Compile("schema.json"); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// TestSchema_AcceptsWhatDecodeAccepts holds both to the same verdict, on documents
// that are right and on documents with something wrong in them.
func TestSchema_AcceptsWhatDecodeAccepts(t *testing.T) {
	t.Parallel()
	schemas := compileSchemas(t)
	rapid.Check(t, func(t *rapid.T) {
		event := randomEvent(t, allTypes())
		data, err := EncodeEvent(event)
		if err != nil {
			t.Fatal(err)
		}
		var doc any
		if err := json.Unmarshal(data, &doc); err != nil {
			t.Fatal(err)
		}
		for range rapid.IntRange(0, 2).Draw(t, "mutations") {
			mutate(t, doc)
		}
		if data, err = json.Marshal(doc); err != nil {
			t.Fatal(err)
		}
		agree(t, schemas[event.Type()], event.Type(), data)
	})
}

func agree(t interface{ Fatalf(string, ...any) }, schema *jsonschema.Schema, typ Type, data []byte) {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatalf("%s: %v", data, err)
	}
	_, decodeErr := DecodeEvent(typ, data)
	schemaErr := schema.Validate(doc)
	if (decodeErr == nil) != (schemaErr == nil) {
		t.Fatalf("%s %.3000s\ndecode: %v\nschema: %v", typ, data, decodeErr, schemaErr)
	}
}

// TestSchema_AcceptsWhatDecodeAccepts_EveryField puts every strange value into
// every field of every type's golden event, one at a time, which random documents
// would take long to do.
func TestSchema_AcceptsWhatDecodeAccepts_EveryField(t *testing.T) {
	t.Parallel()
	schemas := compileSchemas(t)
	for _, typ := range allTypes() {
		t.Run(string(typ), func(t *testing.T) {
			t.Parallel()
			full := goldenEvents(t, typ)[0]
			var doc struct{ Data map[string]any }
			if err := json.Unmarshal(full, &doc); err != nil {
				t.Fatal(err)
			}
			everyPlace(doc.Data, func() {
				data, err := json.Marshal(doc.Data)
				if err != nil {
					t.Fatal(err)
				}
				agree(t, schemas[typ], typ, data)
			})
		})
	}
}

// everyPlace puts each strange value into each place within doc, calls try, and
// puts back what was there.
func everyPlace(doc any, try func()) {
	switch v := doc.(type) {
	case map[string]any:
		for name, old := range v {
			for _, strange := range strangeValues() {
				v[name] = strange
				try()
			}
			delete(v, name)
			try()
			v[name] = old
			everyPlace(old, try)
		}
	case []any:
		for i, old := range v {
			for _, strange := range strangeValues() {
				v[i] = strange
				try()
			}
			v[i] = old
			everyPlace(old, try)
		}
	}
}

// mutate changes one member of a random object or list within doc.
func mutate(t *rapid.T, doc any) {
	switch v := doc.(type) {
	case map[string]any:
		names := make([]string, 0, len(v)+1)
		for name := range v {
			names = append(names, name)
		}
		sort.Strings(names)
		names = append(names, "unknown", "on_hand", "product", "row", "status", "simple", "images")
		name := rapid.SampledFrom(names).Draw(t, "member")
		switch rapid.SampledFrom([]string{"into", "drop", "set"}).Draw(t, "how") {
		case "into":
			mutate(t, v[name])
		case "drop":
			delete(v, name)
		case "set":
			v[name] = rapid.SampledFrom(strangeValues()).Draw(t, "value")
		}
	case []any:
		if len(v) > 0 {
			i := rapid.IntRange(0, len(v)-1).Draw(t, "entry")
			if rapid.Bool().Draw(t, "into") {
				mutate(t, v[i])
			} else {
				v[i] = rapid.SampledFrom(strangeValues()).Draw(t, "value")
			}
		}
	}
}

// strangeValues are right in some places, just within or just past a limit in
// others, and wrong in most.
func strangeValues() []any {
	list := func(n int, of any) []any {
		out := make([]any, n)
		for i := range out {
			out[i] = of
		}
		return out
	}
	name := map[string]any{"name": "n", "value": "v", "type": "EAN", "code": "4"}
	return []any{
		nil, true, false, 0, 1, -1, json.Number("1.0"), json.Number("-0.0"), json.Number("1.5"), json.Number("12.50"),
		json.Number("9223372036854775807"), json.Number("9223372036854775808"), json.Number("9223372036854775807.00"),
		"", " ", "x", "a\x00b", "0", "0.0", "-0", "-1", "-0.5", "+1", "1.", ".5", "00.50", "1e3", "1,5", "1\n", "\u0661",
		"1.12345", "1.123456", "1.1234567", "123456789012", "1234567890123", "0.00000", "0.00001",
		"sku", "operator", "SKU", "https://", "https://h", "ftp://h/x", "HTTP://h?q", "http://h/a b", "http://h/\t", "http:///x", "//h/x", "https://h:80#f",
		strings.Repeat("x", 255), strings.Repeat("\U0001f600", 255), strings.Repeat("x", 256), strings.Repeat("\u00e9", 1000), strings.Repeat("x", 1001),
		"http://h/" + strings.Repeat("x", 2039), "http://h/" + strings.Repeat("x", 2040), strings.Repeat("x", 4000), strings.Repeat("x", 4001),
		[]any{}, map[string]any{}, []any{nil}, []any{1}, []any{"x"}, []any{""}, []any{"https://h/x"}, []any{[]any{}}, []any{name},
		list(10, name), list(11, name), list(100, "https://h"), list(101, "https://h"), list(250, "t"), list(251, "t"),
		map[string]any{"row": 0}, map[string]any{"row": 2, "file": "f"}, map[string]any{"id": nil},
	}
}
