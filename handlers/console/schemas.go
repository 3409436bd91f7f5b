package console

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/problem"
	"github.com/tillstream/tillstream/streams"
)

func (c *Console) mountSchemas(api huma.API) {
	register(c, api, http.MethodGet, "/v1/schemas", "The event types", c.listSchemas)
	register(c, api, http.MethodGet, "/v1/schemas/{type}", "The JSON Schema of one event type's data", c.showSchema)
}

type schemaList struct {
	Schemas []domain.Type `json:"schemas"`
}

func (c *Console) listSchemas(context.Context, *struct{}) (*body[schemaList], error) {
	return &body[schemaList]{schemaList{slices.Concat(domain.POSTypes(), domain.SyncTypes())}}, nil
}

type schemaInput struct {
	Type string `path:"type"`
}

func (c *Console) showSchema(_ context.Context, in *schemaInput) (*body[json.RawMessage], error) {
	schema, ok := domain.Schema(domain.Type(in.Type))
	if !ok {
		return nil, problem.Newf(http.StatusNotFound, "%q is no event type", in.Type).WithHint("GET /v1/schemas lists them")
	}
	return &body[json.RawMessage]{json.RawMessage(schema)}, nil
}

func (c *Console) asyncAPI(w http.ResponseWriter, _ *http.Request) {
	document, err := streams.AsyncAPI(c.Version)
	if err != nil {
		problem.Write(w, c.explain("asyncapi", err))
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(document) // the caller may have gone
}
