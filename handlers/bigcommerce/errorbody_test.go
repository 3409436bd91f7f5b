package bigcommerce

import (
	"encoding/json"
	"testing"
	"unicode/utf8"
)

// FuzzDecodeError: no body makes the decoder fail, or yield text that is too long for a log or not UTF-8.
func FuzzDecodeError(f *testing.F) {
	for _, seed := range []string{``, `{}`, `null`, `[]`, `{"errors":null}`, `{"errors":[[]]}`, `{"title":1,"errors":{"a":{"b":[]}}}`, `{"batch_errors":[1,null,{"errors":"x"}]}`,
		`<html><title>502`, "<TITLE>\xff</TITLE>", "plain\ntext", `{"title":"` + "\xc3" + `"}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		s := decodeError(body)
		check := func(text string) {
			if len(text) > maxText+len("…") || !utf8.ValidString(text) {
				t.Errorf("%d bytes of text, valid UTF-8: %t", len(text), utf8.ValidString(text))
			}
		}
		checkAll := func(fields map[string]string) {
			for key, message := range fields {
				check(key)
				check(message)
			}
		}
		check(s.title)
		checkAll(s.fields)
		for _, row := range s.batch {
			check(row.Title)
			checkAll(row.Fields)
		}
	})
}

// FuzzReply: a reply of any content decodes or fails, and what decodes encodes again.
func FuzzReply(f *testing.F) {
	for _, seed := range []string{`{"data":[{"id":1,"price":"1.5","base_variant_id":null,"variants":[{"price":null}]}],"meta":{"pagination":{"current_page":1,"total_pages":2}}}`,
		`{"data":{"id":"1"}}`, `{"data":null,"errors":[]}`, `{"data":[{"price":1e400}]}`, `{"data":[{"price":-0.0}],"meta":[]}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		r, err := decode[[]Product](body)
		if err != nil {
			return
		}
		if !utf8.Valid(body) {
			t.Errorf("read what is not UTF-8: %q", body)
		}
		if r.Meta.more(1, len(r.Data)) && len(r.Data) == 0 {
			t.Error("a page without entries is followed by more")
		}
		if _, err := json.Marshal(r.Data); err != nil {
			t.Errorf("what was read cannot be written: %v", err)
		}
	})
}
