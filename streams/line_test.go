package streams_test

import (
	"encoding/json"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/streams"
	"github.com/tillstream/tillstream/streams/streamstest"
)

// A line says what its message says, and where it lies; what is no event is told whole.
func TestMessage_AppendLine(t *testing.T) {
	t.Parallel()
	c := streamstest.Start(t)
	full := benchEvent("i-1", "e 1 ä%\"")
	full.CorrelationID, full.CausationID, full.Actor, full.TraceParent = "sale", "cause", "änn \\ <b>", "00-a"
	full.Extensions = map[string]string{"till": "3", "another": "ü"}
	full.Data = json.RawMessage("{\n \"item\": \"i-1\"}")
	odd := benchEvent("i.2 ü", "e2")
	if _, err := c.POS().Append(t.Context(), "demo", []domain.Envelope{full, odd}); err != nil {
		t.Fatal(err)
	}
	foreign := nats.Header{"CE-ID": {"e3"}, "Ce-Source": {"/x"}, "ce-Type": {"pos.item.sold.v1"}, "ce-subject": {"i-3"}, "ce-time": {"2026-11-01T10:15:12+01:00"}, "ce-specversion": {"1.0"}}
	for _, m := range []*nats.Msg{
		{Subject: "pos.demo.i-3", Header: foreign, Data: []byte(`{}`)},
		{Subject: "pos.demo.i-4", Data: []byte("no event\xff")},
		{Subject: "pos.demo.i-5", Header: foreign, Data: []byte(`{}`)}, // of another item
	} {
		if _, err := c.JetStream().PublishMsg(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	read := 0
	err := c.POS().Read(t.Context(), streams.Query{}, func(m streams.Message) error {
		read++
		line, lineErr := m.AppendLine([]byte("before "))
		rec, err := m.Recorded()
		if (err == nil) != (lineErr == nil) {
			t.Errorf("position %d: a line: %v, an event: %v", m.Position, lineErr, err)
		}
		if err != nil {
			var got struct {
				Position, Problem string
				Data              []byte `json:"data_base64"`
			}
			line, err := m.AppendUnreadable(nil, err)
			if err != nil || json.Unmarshal(line, &got) != nil || string(got.Data) != string(m.Data) || got.Problem == "" {
				t.Errorf("position %d: %s, %v", m.Position, line, err)
			}
			return nil
		}
		if string(line[:7]) != "before " || line[len(line)-1] != '\n' {
			t.Errorf("line %q", line)
		}
		got, _, err := domain.DecodeEnvelope(line[7:])
		if m.Position != 2 { // whose data has one field only
			err = nil
			got = domain.Envelope{}
			var attributes map[string]any
			if json.Unmarshal(line[7:], &attributes) != nil {
				t.Fatalf("line %s", line)
			}
			for _, a := range rec.Attributes() {
				if attributes[a.Name] != a.Value {
					t.Errorf("position %d: %s is %v, want %s", m.Position, a.Name, attributes[a.Name], a.Value)
				}
			}
			if want := len(rec.Attributes()) + 5; len(attributes) != want { // specversion, where it lies, data
				t.Errorf("position %d has %d attributes, want %d: %s", m.Position, len(attributes), want, line)
			}
			return nil
		}
		if err != nil || got.ID != rec.ID || string(got.Data) != string(rec.Data) || got.Extensions["position"] != "2" || got.Extensions["store"] != "demo" {
			t.Errorf("position %d: %+v, %v", m.Position, got, err)
		}
		return nil
	})
	if err != nil || read != 5 {
		t.Fatalf("read %d messages, %v", read, err)
	}
}
