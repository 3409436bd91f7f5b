package domain

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// goldenEvents returns the two lines of a type's golden file: an event with every
// field and one with the required fields alone. The files are never edited: what
// was once published has to decode for ever.
func goldenEvents(t testing.TB, typ Type) [][]byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", "events", string(typ)+".json"))
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Split(bytes.TrimSpace(b), []byte("\n"))
}

func TestDecodeEnvelope_GoldenEvents(t *testing.T) {
	t.Parallel()
	schemas := compileSchemas(t)
	for _, typ := range allTypes() {
		t.Run(string(typ), func(t *testing.T) {
			t.Parallel()
			lines := goldenEvents(t, typ)
			if len(lines) != 2 {
				t.Fatalf("got %d lines, want a full event and a minimal one", len(lines))
			}
			for _, line := range lines {
				envelope, event, err := DecodeEnvelope(line)
				if err != nil {
					t.Fatalf("%s: %v", line, err)
				}
				got, err := envelope.MarshalJSON()
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(string(line), string(got)); diff != "" {
					t.Errorf("the envelope written again differs (-want +got):\n%s", diff)
				}
				data, err := EncodeEvent(event)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(string(envelope.Data), string(data)); diff != "" {
					t.Errorf("the data written again differs (-want +got):\n%s", diff)
				}
				agree(t, schemas[typ], typ, envelope.Data)
			}
			full, err := memberNames(lines[0])
			if err != nil {
				t.Fatal(err)
			}
			for _, name := range fieldNames(typ) {
				if !full[name] {
					t.Errorf("the full event lacks %s", name)
				}
			}
		})
	}
	files, err := filepath.Glob("testdata/events/*")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != len(allTypes()) {
		t.Errorf("testdata/events holds %d files for %d types", len(files), len(allTypes()))
	}
}

func memberNames(line []byte) (map[string]bool, error) {
	var doc struct{ Data map[string]json.RawMessage }
	if err := json.Unmarshal(line, &doc); err != nil {
		return nil, err
	}
	names := map[string]bool{}
	for name := range doc.Data {
		names[name] = true
	}
	return names, nil
}

func fieldNames(typ Type) []string {
	w := &schemaWriter{}
	newEvent(typ).fields(w)
	var names []string
	for _, p := range w.node.Properties {
		names = append(names, p.name)
	}
	return names
}

// TestFold_GoldenStories folds each history of testdata/folds and compares the
// products with the file beside it, byte for byte. The first line of a history
// says what it tells and how the store's stock moves.
func TestFold_GoldenStories(t *testing.T) {
	t.Parallel()
	stories, err := filepath.Glob("testdata/folds/*.ndjson")
	if err != nil || len(stories) == 0 {
		t.Fatalf("no stories: %v", err)
	}
	for _, path := range stories {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".ndjson"), func(t *testing.T) {
			t.Parallel()
			got := tell(t, path)
			golden := strings.TrimSuffix(path, ".ndjson") + ".json"
			if _, err := os.Stat(golden); *update && os.IsNotExist(err) {
				if err := os.WriteFile(golden, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Errorf("the state differs (-want +got):\n%s", diff)
			}
		})
	}
}

func tell(t *testing.T, path string) []byte {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Scan()
	var head struct {
		Story string
		Stock StockMode
	}
	if err := json.Unmarshal(lines.Bytes(), &head); err != nil || head.Story == "" {
		t.Fatalf("the first line must be {\"story\": …, \"stock\": …}: %v", err)
	}
	c := newCatalog(head.Stock)
	type told struct {
		Position Position `json:"position"`
		ID       EventID  `json:"id"`
		Outcome  string   `json:"outcome"`
	}
	var out struct {
		Story    string    `json:"story"`
		Events   []told    `json:"events"`
		Products []Product `json:"products"`
		Listings []Listing `json:"listings"`
	}
	out.Story = head.Story
	for lines.Scan() {
		envelope, event, err := DecodeEnvelope(lines.Bytes())
		if err != nil {
			t.Fatalf("%s: %v", lines.Bytes(), err)
		}
		outcome, err := c.append(envelope, event)
		what := string(outcome)
		if err != nil {
			what = "error: " + err.Error()
		}
		out.Events = append(out.Events, told{c.position, envelope.ID, what})
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	for _, p := range c.sorted() {
		out.Products = append(out.Products, p)
		out.Listings = append(out.Listings, p.Listing(Rules{}))
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(out); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
