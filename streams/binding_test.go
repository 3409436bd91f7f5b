package streams

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/nats-io/nats.go"
	"pgregory.net/rapid"

	"github.com/tillstream/tillstream/domain"
)

func anyEnvelope(t *rapid.T) domain.Envelope {
	text := rapid.StringMatching(`[^\x00-\x20\x7f]([^\x00-\x1f\x7f]{0,20}[^\x00-\x20\x7f])?`).Filter(func(s string) bool { return strings.TrimSpace(s) == s })
	e := domain.Envelope{
		ID: domain.EventID(text.Draw(t, "id")), Source: "/pos/demo/till%203", Type: domain.TypeItemSold, Subject: text.Draw(t, "subject"),
		Time:          time.Unix(rapid.Int64Range(0, 4e9).Draw(t, "time"), 123).UTC(),
		SourceVersion: rapid.Uint64Range(0, 1<<62).Draw(t, "sourceversion"), CorrelationID: text.Draw(t, "correlationid"),
		Actor: rapid.OneOf(rapid.Just(""), text).Draw(t, "actor"), Data: json.RawMessage(`{"item":"x"}`),
	}
	if rapid.Bool().Draw(t, "extended") {
		e.Extensions = map[string]string{"till": text.Draw(t, "till"), "shift": text.Draw(t, "shift")}
	}
	return e
}

func TestMessage_Recorded(t *testing.T) {
	t.Parallel()
	t.Run("OK round trip", rapid.MakeCheck(func(t *rapid.T) {
		want := anyEnvelope(t)
		raw, err := encodeEnvelope(posPrefix, "demo", &want)
		if err != nil {
			t.Fatalf("encode %+v: %v", want, err)
		}
		for name, values := range raw.Header {
			for _, v := range append(values, name) {
				if strings.IndexFunc(v, func(r rune) bool { return r <= ' ' || r > '~' }) >= 0 {
					t.Fatalf("header %s: %q holds what a header must not", name, v)
				}
			}
		}
		got, err := newMessage(streamPOS, posPrefix, raw.Subject, raw.Header, raw.Data, 7, time.Unix(1, 0)).Recorded()
		if err != nil {
			t.Fatalf("decode %v: %v", raw.Header, err)
		}
		if diff := cmp.Diff(want, got.Envelope, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("the envelope differs (-want +got):\n%s", diff)
		}
		if got.Position != 7 || got.Store != "demo" {
			t.Fatalf("got position %d of store %q, want 7 of demo", got.Position, got.Store)
		}
	}))

	good := func() (string, nats.Header, []byte) {
		return "pos.demo.i-17", nats.Header{
			"ce-specversion": {"1.0"}, "ce-id": {"e-1"}, "ce-source": {"/pos"}, "ce-type": {"pos.item.sold.v1"}, "ce-subject": {"i-17"},
			"ce-time": {"2026-11-01T10:15:12Z"}, "content-type": {"application/json"}, "Nats-Msg-Id": {"e-1"},
		}, []byte(`{}`)
	}
	t.Run("OK other spelling", func(t *testing.T) {
		subject, h, data := good()
		delete(h, "ce-id")
		h["Ce-Id"] = []string{"%65-1"}
		h["content-type"] = []string{"application/json; charset=utf-8"}
		h["Till"] = []string{"not an attribute"}
		got, err := newMessage(streamPOS, posPrefix, subject, h, data, 1, time.Unix(1, 0)).Recorded()
		if err != nil || got.ID != "e-1" || len(got.Extensions) != 0 {
			t.Errorf("got id %q, extensions %v, %v; want e-1 and none", got.ID, got.Extensions, err)
		}
	})
	for name, tt := range map[string]struct {
		spoil func(*string, nats.Header)
		path  string
	}{
		"ErrSpecVersion":       {func(_ *string, h nats.Header) { delete(h, "ce-specversion") }, "specversion"},
		"ErrID":                {func(_ *string, h nats.Header) { delete(h, "ce-id") }, "id"},
		"ErrTime":              {func(_ *string, h nats.Header) { h["ce-time"] = []string{"yesterday"} }, "time"},
		"ErrTwice":             {func(_ *string, h nats.Header) { h["Ce-Id"] = []string{"e-1"} }, "id"},
		"ErrTwoValues":         {func(_ *string, h nats.Header) { h["ce-id"] = []string{"e-1", "e-2"} }, "id"},
		"ErrEscape":            {func(_ *string, h nats.Header) { h["ce-actor"] = []string{"100%"} }, "actor"},
		"ErrControlCharacter":  {func(_ *string, h nats.Header) { h["ce-actor"] = []string{"%0A"} }, "actor"},
		"ErrContentType":       {func(_ *string, h nats.Header) { h["content-type"] = []string{"text/plain"} }, "datacontenttype"},
		"ErrOtherItem":         {func(s *string, _ nats.Header) { *s = "pos.demo.i-18" }, "subject"},
		"ErrMalformedToken":    {func(s *string, _ nats.Header) { *s = "pos.demo.=%" }, "subject"},
		"ErrMalformedStore":    {func(s *string, _ nats.Header) { *s = "pos.DEMO.i-17" }, "subject"},
		"ErrStructuredContent": {func(_ *string, h nats.Header) { clear(h); h["content-type"] = []string{"application/cloudevents+json"} }, "datacontenttype"},
	} {
		t.Run(name, func(t *testing.T) {
			subject, h, data := good()
			tt.spoil(&subject, h)
			_, err := newMessage(streamPOS, posPrefix, subject, h, data, 1, time.Unix(1, 0)).Recorded()
			var invalid *domain.InvalidError
			if !errors.As(err, &invalid) || invalid.Path != tt.path {
				t.Errorf("got error %v, want an invalid %s", err, tt.path)
			}
		})
	}
}

// FuzzMessage_Recorded reads foreign headers. Whatever is taken for an event can be
// written and read again as the same event.
func FuzzMessage_Recorded(f *testing.F) {
	f.Add("pos.demo.i-17", []byte("ce-specversion: 1.0\r\nce-id: e-1\r\nce-source: /pos\r\nce-type: pos.item.sold.v1\r\nce-subject: i-17\r\nce-time: 2026-11-01T10:15:12Z\r\n"), []byte(`{}`))
	f.Add("pos.demo.=w6k", []byte("CE-SPECVERSION: 1.0\r\nce-id: %C3%A9\r\nce-subject: %c3%a9\r\nce-source: /\r\nce-type: t\r\nce-time: 2026-11-01T10:15:12.5+01:00\r\nce-x: %"), []byte(`null`))
	f.Add("pos.demo.i-17", []byte("ce-specversion: 1.0\r\nce-id: e-1\r\nce-source: /pos\r\nce-type: t\r\nce-subject: i-17\r\nce-time: 2026-11-01T10:15:12Z\r\ncontent-type: application/json\r\nce-datacontenttype: application/json\r\n"), []byte(`{}`))
	f.Add("", []byte(""), []byte(""))
	f.Fuzz(func(t *testing.T, subject string, headers, data []byte) {
		h, err := nats.DecodeHeadersMsg(append(append([]byte("NATS/1.0\r\n"), headers...), "\r\n\r\n"...))
		if err != nil {
			return
		}
		if plain, ok := plainEnvelope(h); ok {
			foreign, err := foreignEnvelope(h)
			if diff := cmp.Diff(plain, foreign); diff != "" || err != nil {
				t.Fatalf("read as plain it is another event than read as any (-plain +any): %v\n%s", err, diff)
			}
		}
		first, err := newMessage(streamPOS, posPrefix, subject, h, data, 1, time.Unix(1, 0)).Recorded()
		if err != nil {
			var invalid *domain.InvalidError
			if !errors.As(err, &invalid) {
				t.Fatalf("got error %v, want an invalid value", err)
			}
			return
		}
		raw, err := encodeEnvelope(posPrefix, first.Store, &first.Envelope)
		if err != nil {
			if strings.Contains(err.Error(), "percent-encoded") {
				return // a foreign client may encode less than we do, and so fit more
			}
			t.Fatalf("read but cannot be written: %v", err)
		}
		second, err := newMessage(streamPOS, posPrefix, raw.Subject, raw.Header, raw.Data, 1, time.Unix(1, 0)).Recorded()
		if err != nil {
			t.Fatalf("written but cannot be read: %v", err)
		}
		if !bytes.Equal(first.Data, second.Data) {
			t.Errorf("the data changed from %q to %q", first.Data, second.Data)
		}
		first.Data, second.Data = nil, nil // which may be no JSON
		if diff := cmp.Diff(first, second, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("the event changed (-first +second):\n%s", diff)
		}
	})
}
