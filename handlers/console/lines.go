package console

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	"github.com/tillstream/tillstream/handlers/problem"
)

// registerLines is [register] for a read that answers JSON lines.
func registerLines[In any](c *Console, api huma.API, path, summary, description string, line *huma.Schema, do func(context.Context, *In) (*huma.StreamResponse, error)) {
	op := operation(http.MethodGet, path, summary)
	op.Description = description
	op.Responses = map[string]*huma.Response{"200": {Description: "JSON lines", Content: map[string]*huma.MediaType{ndjson: {Schema: line}}}}
	huma.Register(api, op, handle(c, op, do))
}

func schemaOf[T any](api huma.API) *huma.Schema {
	t := reflect.TypeFor[T]()
	return api.OpenAPI().Components.Schemas.Schema(t, true, t.Name())
}

// ndjson is the media type of JSON lines.
const ndjson = "application/x-ndjson"

// LastLine is the last of JSON lines that broke off, and says why.
type LastLine struct {
	Problem *problem.Details `json:"problem,omitempty"`
}

// lines answers what write is given, a JSON line each, as it comes. An error of do
// becomes the last line, unless the caller has gone or is sent away.
func (c *Console) lines(what string, do func(write func(any) error) error) *huma.StreamResponse {
	return &huma.StreamResponse{Body: func(out huma.Context) {
		out.SetHeader("Content-Type", ndjson)
		w := out.BodyWriter()
		flush := func() {}
		if f, ok := w.(http.Flusher); ok {
			flush = f.Flush
		}
		flush() // the caller knows then that it is answered
		enc := json.NewEncoder(w)
		enc.SetEscapeHTML(false)
		gone := false
		err := do(func(v any) error {
			err := enc.Encode(v)
			gone = err != nil
			flush()
			return err
		})
		if err != nil && !gone && !errors.Is(err, context.Canceled) {
			_ = enc.Encode(LastLine{c.explain(what, err)})
		}
	}}
}
