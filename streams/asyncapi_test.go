package streams_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/streams"
	"github.com/tillstream/tillstream/streams/streamstest"
)

// asyncDocument is what the test reads of an AsyncAPI document.
type asyncDocument struct {
	Channels map[string]struct {
		Address  string
		Messages map[string]struct {
			Ref string `json:"$ref"`
		}
	}
	Operations map[string]struct {
		Channel struct {
			Ref string `json:"$ref"`
		}
	}
	Components struct {
		Messages map[string]struct {
			Headers struct {
				Required   []string
				Properties map[string]struct{ Const string }
			}
			Payload struct{ Schema json.RawMessage }
		}
	}
}

// The document says what is in the logs: their subjects, headers and schemas.
func TestAsyncAPI(t *testing.T) {
	t.Parallel()
	b, err := streams.AsyncAPI("1")
	if err != nil {
		t.Fatal(err)
	}
	var doc asyncDocument
	if err := json.Unmarshal(b, &doc); err != nil {
		t.Fatal(err)
	}
	for _, o := range doc.Operations {
		if _, ok := doc.Channels[strings.TrimPrefix(o.Channel.Ref, "#/channels/")]; !ok {
			t.Errorf("an operation is about %s, which is not there", o.Channel.Ref)
		}
	}
	for name, types := range map[string][]domain.Type{"POS": domain.POSTypes(), "SYNC": domain.SyncTypes()} {
		channel := doc.Channels[name]
		if len(channel.Messages) != len(types) {
			t.Errorf("%s has %d messages, want %d", name, len(channel.Messages), len(types))
		}
		for _, typ := range types {
			key := strings.TrimPrefix(channel.Messages[string(typ)].Ref, "#/components/messages/")
			message := doc.Components.Messages[key]
			want, _ := domain.Schema(typ)
			if diff := cmp.Diff(decoded(t, want), decoded(t, message.Payload.Schema)); diff != "" {
				t.Errorf("%s has another schema (-want +got):\n%s", typ, diff)
			}
			if message.Headers.Properties["ce-type"].Const != string(typ) {
				t.Errorf("the message of %s has the type %q", typ, message.Headers.Properties["ce-type"].Const)
			}
		}
	}

	// What the log really holds of an event with every attribute.
	conn := streamstest.Start(t)
	event := &domain.StockLevelReported{Item: "i-1", Outlet: "Quayside", OnHand: domain.MustQuantity("3")}
	e, err := domain.NewEnvelope("e-1", "/pos/test", time.Now(), event)
	if err != nil {
		t.Fatal(err)
	}
	e.SourceVersion, e.CorrelationID, e.CausationID, e.Actor, e.TraceParent = 7, "c", "d", "a", "t"
	if _, err := conn.POS().Append(t.Context(), "harbour", []domain.Envelope{e}); err != nil {
		t.Fatal(err)
	}
	err = conn.POS().Read(t.Context(), streams.Query{}, func(m streams.Message) error {
		subject := strings.NewReplacer("{store}", "harbour", "{item}", "i-1").Replace(doc.Channels["POS"].Address)
		if m.Subject != subject {
			t.Errorf("subject %s, the document says %s", m.Subject, subject)
		}
		said := doc.Components.Messages["pos.stock.level_reported.v1"].Headers
		for name := range m.Header {
			if strings.HasPrefix(name, "Nats-Expected") || strings.HasPrefix(name, "Nats-Batch") {
				continue // between client and server
			}
			if _, ok := said.Properties[name]; !ok {
				t.Errorf("the message has the header %s, of which the document says nothing", name)
			}
		}
		for _, name := range said.Required {
			if len(m.Header[name]) != 1 {
				t.Errorf("the message lacks the header %s", name)
			}
		}
		if !slices.Contains(said.Required, jetstream.MsgIDHeader) {
			t.Errorf("the document does not ask for %s", jetstream.MsgIDHeader)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func decoded(t *testing.T, b []byte) (v any) {
	t.Helper()
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatalf("%s: %v", b, err)
	}
	return v
}
