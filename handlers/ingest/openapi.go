package ingest

import (
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/problem"
)

// Describe adds to an OpenAPI document what [HTTP] serves. The data of each type of
// event is in its schema, which the document of the logs holds as well.
func Describe(doc *huma.OpenAPI) {
	store := &huma.Param{Name: "store", In: "path", Required: true, Schema: &huma.Schema{Type: huma.TypeString}}
	query := func(name, kind, description string) *huma.Param {
		return &huma.Param{Name: name, In: "query", Description: description, Schema: &huma.Schema{Type: kind}}
	}
	dry := query("dry_run", huma.TypeBoolean, "check everything and record nothing")
	envelope := envelopeSchema()
	doc.AddOperation(&huma.Operation{
		OperationID: "post-events", Method: http.MethodPost, Path: "/v1/stores/{store}/events", Summary: "Record events",
		Description: "The events of a body are recorded in their order, and answered in it, a line each, as soon as they are on disk. What is wrong with one is in its answer, and stops no other; " +
			"the lines of one sale that follow each other are recorded whole or not at all. The same event again is answered with its first position, and changes nothing.",
		Parameters: []*huma.Param{store, dry},
		RequestBody: &huma.RequestBody{Required: true, Description: "CloudEvents 1.0: one, a batch, or one per line", Content: map[string]*huma.MediaType{
			"application/cloudevents+json":       {Schema: envelope},
			"application/cloudevents-batch+json": {Schema: &huma.Schema{Type: huma.TypeArray, Items: envelope}},
			"application/x-ndjson":               {Schema: envelope},
		}},
		Responses: responses("one line per event", &huma.Schema{Type: huma.TypeObject, Properties: map[string]*huma.Schema{
			"id":        {Type: huma.TypeString},
			"line":      {Type: huma.TypeInteger, Description: "of the body, from 1, where the event is refused"},
			"position":  {Type: huma.TypeInteger, Description: "where in the log the event is"},
			"duplicate": {Type: huma.TypeBoolean, Description: "it was there before"},
			"valid":     {Type: huma.TypeBoolean, Description: "in a dry run"},
			"error":     {Type: huma.TypeObject, Description: "problem details (RFC 9457)"},
		}}),
	})
	doc.AddOperation(&huma.Operation{
		OperationID: "post-imports", Method: http.MethodPost, Path: "/v1/stores/{store}/imports", Summary: "Import a product file",
		Description: "The rows are recorded in their order. An encoding other than UTF-8 is the charset of the content type.",
		Parameters: []*huma.Param{store, dry,
			query("strict", huma.TypeBoolean, "record nothing unless every row is good"),
			query("file", huma.TypeString, "the file's name"),
			query("digest", huma.TypeString, "the SHA-256 of its content, by which an import that was cut short is gone on with"),
			query("id", huma.TypeString, "the id of an import that was cut short, to go on with it"),
		},
		RequestBody: &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{"text/csv": {Schema: &huma.Schema{Type: huma.TypeString}}}},
		Responses: responses(`{"import":…} first, a line for each thing to say of a row, {"progress":…} every thousand rows, and {"summary":…} or {"error":…} last`,
			&huma.Schema{Type: huma.TypeObject}),
	})
	doc.AddOperation(&huma.Operation{
		OperationID: "post-xseries-hook", Method: http.MethodPost, Path: "/v1/stores/{store}/hooks/xseries/{type}", Summary: "Take a webhook of an X-Series account",
		Description: "It bears a signature instead of a token.",
		Security:    []map[string][]string{},
		Parameters:  []*huma.Param{store, {Name: "type", In: "path", Required: true, Description: "such as sale.update", Schema: &huma.Schema{Type: huma.TypeString}}},
		RequestBody: &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{"application/x-www-form-urlencoded": {Schema: &huma.Schema{
			Type: huma.TypeObject, Required: []string{"payload"}, Properties: map[string]*huma.Schema{"payload": {Type: huma.TypeString, Description: "the record, as JSON"}},
		}}}},
		Responses: map[string]*huma.Response{"200": {Description: "recorded, noted, or of no interest"}, "default": refused()},
	})
}

// responses are those of a request that is answered in lines.
func responses(lines string, line *huma.Schema) map[string]*huma.Response {
	busy := refused()
	busy.Description = "too much is asked at a time; the same request may succeed after the time in Retry-After"
	busy.Headers = map[string]*huma.Param{"Retry-After": {Schema: &huma.Schema{Type: huma.TypeInteger}, Description: "seconds"}}
	return map[string]*huma.Response{
		"200":     {Description: lines, Content: map[string]*huma.MediaType{"application/x-ndjson": {Schema: line}}},
		"429":     busy,
		"503":     busy,
		"default": refused(),
	}
}

func refused() *huma.Response {
	return &huma.Response{Description: "why not", Content: map[string]*huma.MediaType{problem.ContentType: {Schema: &huma.Schema{Type: huma.TypeObject}}}}
}

// envelopeSchema is what all events of the POS have in common.
func envelopeSchema() *huma.Schema {
	types := make([]any, 0, len(domain.POSTypes()))
	for _, t := range domain.POSTypes() {
		types = append(types, string(t))
	}
	word := func(description string) *huma.Schema {
		return &huma.Schema{Type: huma.TypeString, Description: description}
	}
	return &huma.Schema{
		Type:     huma.TypeObject,
		Required: []string{"specversion", "id", "source", "type", "subject", "time", "data"},
		Properties: map[string]*huma.Schema{
			"specversion":   {Type: huma.TypeString, Enum: []any{"1.0"}},
			"id":            word("the same for the same change, however often it is told of"),
			"source":        word("who tells of it, such as /pos/harbour/till-3"),
			"type":          {Type: huma.TypeString, Enum: types},
			"subject":       word("the item's id"),
			"time":          {Type: huma.TypeString, Format: "date-time"},
			"sourceversion": word("the POS's own version number of it"),
			"correlationid": word("what belongs together, such as a sale"),
			"causationid":   word("the event that this one follows from"),
			"actor":         word("who did it"),
			"traceparent":   word("W3C trace context"),
			"data":          {Type: huma.TypeObject, Description: "as in /v1/schemas/{type}"},
		},
	}
}
