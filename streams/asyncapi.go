package streams

import (
	"encoding/json"
	"fmt"

	"github.com/tillstream/tillstream/domain"
)

// AsyncAPI returns an AsyncAPI 3.0 document of the two logs that others may publish to
// or read, for a version of this program: their subjects, and every event type with
// its headers and data. It is made of the same schemas that events are checked by,
// and of the subjects as they are built here.
func AsyncAPI(version string) ([]byte, error) {
	d := asyncDocument{
		AsyncAPI: "3.0.0",
		Info: asyncInfo{
			Title: "tillstream", Version: version,
			Description: "Events are CloudEvents 1.0 in the binary content mode of their NATS protocol binding: attributes are headers, " +
				"the data is the message. Header values are percent-encoded where they are not printable ASCII.",
		},
		DefaultContentType: contentTypeJSON,
		Channels:           map[string]asyncChannel{},
		Operations:         map[string]asyncOperation{},
		Components:         asyncComponents{Messages: map[string]asyncMessage{}},
	}
	for _, log := range []struct {
		name, prefix, id, about, action, summary string
		types                                    []domain.Type
	}{
		{streamPOS, posPrefix, "item", "the item that the event is about", "receive", "What happened in the POS. Adapters publish here, and whoever audits reads.", domain.POSTypes()},
		{streamSync, syncPrefix, "product", "the product that the event is about", "send", "What happened on our side. Only tillstream publishes here.", domain.SyncTypes()},
	} {
		channel := asyncChannel{
			Address:     log.prefix + ".{store}.{" + log.id + "}",
			Description: "Kept in the JetStream stream " + log.name + ", for ever.",
			Messages:    map[string]asyncRef{},
			Parameters: map[string]asyncParameter{
				"store": {"1 to 32 characters of a-z, 0-9 and '-'"},
				log.id:  {log.about + ": as it is if it has only letters, digits, '-' and '_', otherwise '=' and its unpadded base64url form"},
			},
		}
		for _, t := range log.types {
			message, err := asyncMessageOf(t)
			if err != nil {
				return nil, err
			}
			d.Components.Messages[string(t)] = message
			channel.Messages[string(t)] = asyncRef{"#/components/messages/" + string(t)}
		}
		d.Channels[log.name] = channel
		d.Operations[log.prefix] = asyncOperation{log.action, asyncRef{"#/channels/" + log.name}, log.summary}
	}
	return json.MarshalIndent(d, "", "  ")
}

func asyncMessageOf(t domain.Type) (asyncMessage, error) {
	schema, ok := domain.Schema(t)
	if !ok {
		return asyncMessage{}, fmt.Errorf("asyncapi: type %s has no schema", t)
	}
	return asyncMessage{
		Name: string(t), ContentType: contentTypeJSON,
		Headers: asyncHeaders(t),
		Payload: asyncSchema{"application/schema+json;version=draft-2020-12", schema},
	}, nil
}

// asyncHeaders is the schema of a message's headers.
func asyncHeaders(t domain.Type) map[string]any {
	text := func(about string) map[string]any { return map[string]any{"type": "string", "description": about} }
	return map[string]any{
		"type":     "object",
		"required": []string{"ce-specversion", "ce-id", "ce-source", "ce-type", "ce-subject", "ce-time", "Nats-Msg-Id"},
		"properties": map[string]any{
			"ce-specversion":   map[string]any{"const": domain.SpecVersion},
			"ce-id":            text("the event's id; the same event has the same id whenever it is sent"),
			"ce-source":        text("who says so, a URI reference; id and source together are unique"),
			"ce-type":          map[string]any{"const": string(t)},
			"ce-subject":       text("the id in the subject, as it is in the data"),
			"ce-time":          map[string]any{"type": "string", "format": "date-time", "description": "when it happened"},
			"ce-sourceversion": map[string]any{"type": "string", "pattern": "^[0-9]+$", "description": "the source's own version number of the record; what is older than what is held changes nothing"},
			"ce-correlationid": text("what belongs together: the sale, the import"),
			"ce-causationid":   text("the event that led to this one"),
			"ce-actor":         text("who did it"),
			"ce-traceparent":   text("W3C trace context"),
			"Nats-Msg-Id":      text("equal to ce-id"),
			"content-type":     map[string]any{"const": contentTypeJSON},
		},
	}
}

type asyncDocument struct {
	AsyncAPI           string                    `json:"asyncapi"`
	Info               asyncInfo                 `json:"info"`
	DefaultContentType string                    `json:"defaultContentType"`
	Channels           map[string]asyncChannel   `json:"channels"`
	Operations         map[string]asyncOperation `json:"operations"`
	Components         asyncComponents           `json:"components"`
}

type asyncInfo struct {
	Title       string `json:"title"`
	Version     string `json:"version"`
	Description string `json:"description"`
}

type asyncChannel struct {
	Address     string                    `json:"address"`
	Description string                    `json:"description"`
	Parameters  map[string]asyncParameter `json:"parameters"`
	Messages    map[string]asyncRef       `json:"messages"`
}

type asyncParameter struct {
	Description string `json:"description"`
}

type asyncOperation struct {
	Action  string   `json:"action"`
	Channel asyncRef `json:"channel"`
	Summary string   `json:"summary"`
}

type asyncRef struct {
	Ref string `json:"$ref"`
}

type asyncComponents struct {
	Messages map[string]asyncMessage `json:"messages"`
}

type asyncMessage struct {
	Name        string         `json:"name"`
	ContentType string         `json:"contentType"`
	Headers     map[string]any `json:"headers"`
	Payload     asyncSchema    `json:"payload"`
}

type asyncSchema struct {
	SchemaFormat string          `json:"schemaFormat"`
	Schema       json.RawMessage `json:"schema"`
}
