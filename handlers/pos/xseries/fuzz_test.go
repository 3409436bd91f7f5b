package xseries_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/pos/xseries"
)

func addRecords(f *testing.F) {
	files, err := filepath.Glob("testdata/records/*.json")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
}

// FuzzAccount: whatever a record is, it becomes events that the log and the fold
// take, with its own version and the same ids each time, or an error that names it.
func FuzzAccount(f *testing.F) {
	addRecords(f)
	f.Fuzz(func(t *testing.T, raw []byte) {
		a := account()
		var c struct {
			Consignment json.RawMessage
			Lines       []json.RawMessage
		}
		_ = json.Unmarshal(raw, &c) // most records are no consignments
		for name, read := range map[string]func() (xseries.Change, error){
			"product":     func() (xseries.Change, error) { return a.Product(raw, seen) },
			"level":       func() (xseries.Change, error) { return a.Level(raw, seen) },
			"sale":        func() (xseries.Change, error) { return a.Sale(raw, seen) },
			"adjustment":  func() (xseries.Change, error) { return a.Adjustment(raw, seen) },
			"consignment": func() (xseries.Change, error) { return a.Consignment(c.Consignment, c.Lines, seen) },
		} {
			change, err := read()
			var record *xseries.RecordError
			if err != nil {
				if !errors.As(err, &record) || len(change.Envelopes) > 0 {
					t.Fatalf("%s: %T: %v, with %d events", name, err, err, len(change.Envelopes))
				}
				continue
			}
			again, _ := read()
			for i, e := range change.Envelopes {
				if _, err := e.Event(); err != nil {
					t.Fatalf("%s: %v\n%s", name, err, e.Data)
				}
				if err := e.Validate(); err != nil {
					t.Fatalf("%s: %v\n%s", name, err, e.Data)
				}
				if err := e.CheckTime(seen); err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				if e.ID != again.Envelopes[i].ID || !bytes.Equal(e.Data, again.Envelopes[i].Data) {
					t.Fatalf("%s: read twice it is two events", name)
				}
			}
		}
		xseries.Completed(raw)
		_, _ = xseries.ReadRetailer(raw)
		xseries.Registers([]json.RawMessage{raw})
		for _, name := range (xseries.Outlets{}).With([]json.RawMessage{raw}) {
			if name == "" || len([]rune(string(name))) > domain.MaxIDLength {
				t.Fatalf("an outlet is named %q", name)
			}
		}
	})
}

// FuzzReadPage: a page never ends before one of its records.
func FuzzReadPage(f *testing.F) {
	f.Add([]byte(`{"data":[{"id":"a","version":4},{"id":"b","version":"9"}],"version":{"min":4,"max":9}}`))
	f.Add([]byte(`[{"version":12},{"version":5}]`))
	f.Add([]byte(`{"data":{},"version":{"max":null}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		p, err := xseries.ReadPage(body)
		if err != nil {
			return
		}
		for _, raw := range p.Records {
			if v := xseries.HeadOf(raw).Version; v > p.Max {
				t.Fatalf("a page to %d holds version %d", p.Max, v)
			}
		}
	})
}

// FuzzReadHook: a payload is an object that can be read on, or it is refused.
func FuzzReadHook(f *testing.F) {
	f.Add([]byte(signed))
	f.Add([]byte("payload=%7B%22a%22%3A1%7D&environment=x"))
	f.Fuzz(func(t *testing.T, body []byte) {
		payload, err := xseries.ReadHook(body)
		if err == nil && !json.Valid(payload) {
			t.Fatalf("%q was taken", payload)
		}
	})
}

// FuzzVerify: nothing but the right signature fits.
func FuzzVerify(f *testing.F) {
	f.Add("signature="+inHex+",algorithm=HMAC-SHA256", []byte(signed))
	f.Add("algorithm=HMAC-SHA256", []byte("x"))
	f.Fuzz(func(t *testing.T, header string, body []byte) {
		for _, encoding := range []xseries.Encoding{xseries.Hex, xseries.Base64} {
			if err := xseries.Verify([]string{header}, body, secret, encoding); err == nil && !bytes.Equal(body, []byte(signed)) {
				t.Fatalf("%q fits %q", header, body)
			}
		}
	})
}
