package simulator

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
)

// statusCodes is what BigCommerce gives as the type of its errors.
const statusCodes = "https://developer.bigcommerce.com/api-docs/getting-started/api-status-codes"

// problem is a refusal. Its title and fields are BigCommerce's, as far as they are on record.
type problem struct {
	status int
	code   int // only variants' refusals have one
	title  string
	fields map[string]string
	// batch makes it the refusal of a batch of variants, which lists its rows' refusals and nothing else.
	batch []*problem
}

func (p *problem) body() map[string]any {
	fields := p.fields
	if fields == nil {
		fields = map[string]string{}
	}
	body := map[string]any{"status": p.status, "title": p.title, "type": statusCodes, "errors": fields}
	if p.code != 0 {
		body["code"] = p.code
	}
	return body
}

func (p *problem) response() response {
	if p.batch == nil {
		return response{status: p.status, body: mustJSON(p.body())}
	}
	rows := make([]map[string]any, len(p.batch))
	for i, row := range p.batch {
		rows[i] = row.body()
	}
	return response{status: p.status, body: mustJSON(map[string]any{"batch_errors": rows})}
}

func notFound(format string, args ...any) *problem {
	return &problem{status: http.StatusNotFound, title: fmt.Sprintf(format, args...)}
}

func tooMany(limit int) *problem {
	return &problem{status: http.StatusRequestEntityTooLarge,
		title: fmt.Sprintf("The request payload is too large. The maximum items allowed in the array is %d.", limit)}
}

func invalid(fields map[string]string) *problem {
	return &problem{status: http.StatusUnprocessableEntity, title: "JSON data is missing or invalid", fields: fields}
}

func missing(field string) map[string]string { return map[string]string{field: "error.path.missing"} }

// fields is a JSON object whose values are not decoded yet: which of them are there matters.
type fields = map[string]json.RawMessage

// response is what a request is answered with.
type response struct {
	status int
	ctype  string // default application/json
	body   []byte
	stream io.Reader // instead of body, for a reply that a fault makes long or slow
}

// ok answers with data in BigCommerce's envelope.
func ok(data json.RawMessage) response { return withMeta(data, json.RawMessage("{}")) }

func withMeta(data, meta json.RawMessage) response {
	body := make([]byte, 0, len(data)+len(meta)+20)
	body = append(body, `{"data":`...)
	body = append(body, data...)
	body = append(body, `,"meta":`...)
	body = append(body, meta...)
	body = append(body, '}')
	return response{status: http.StatusOK, body: body}
}

func noContent() response { return response{status: http.StatusNoContent} }
