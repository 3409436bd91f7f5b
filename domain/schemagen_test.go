package domain

import (
	"bytes"
	"encoding/json"
	"math"
)

// schemaNode is as much of JSON Schema 2020-12 as the rules of fields can ask for.
type schemaNode struct {
	Schema      string       `json:"$schema,omitempty"`
	ID          string       `json:"$id,omitempty"`
	Title       string       `json:"title,omitempty"`
	Description string       `json:"description,omitempty"`
	Type        string       `json:"type,omitempty"`
	Enum        []string     `json:"enum,omitempty"`
	MinLength   int          `json:"minLength,omitempty"`
	MaxLength   int          `json:"maxLength,omitempty"`
	Pattern     string       `json:"pattern,omitempty"`
	AllOf       []schemaNode `json:"allOf,omitempty"`
	Minimum     *int64       `json:"minimum,omitempty"`
	Maximum     *int64       `json:"maximum,omitempty"`
	MaxItems    int          `json:"maxItems,omitempty"`
	Items       *schemaNode  `json:"items,omitempty"`
	Required    []string     `json:"required,omitempty"`
	Properties  properties   `json:"properties,omitempty"`
}

type property struct {
	name string
	node schemaNode
}

// properties keep the order of the documentation, which a map would lose.
type properties []property

func (p properties) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, one := range p {
		if i > 0 {
			b.WriteByte(',')
		}
		name, err := json.Marshal(one.name)
		if err != nil {
			return nil, err
		}
		node, err := json.Marshal(one.node)
		if err != nil {
			return nil, err
		}
		b.Write(name)
		b.WriteByte(':')
		b.Write(node)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// schemaWriter is the third visitor: it writes what the decoder checks.
type schemaWriter struct{ node schemaNode }

func writeSchema(t Type) ([]byte, error) {
	w := &schemaWriter{schemaNode{
		Schema: "https://json-schema.org/draft/2020-12/schema",
		ID:     "urn:tillstream:schema:" + string(t),
		Title:  string(t),
		Type:   "object",
	}}
	newEvent(t).fields(w)
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	err := enc.Encode(w.node)
	return b.Bytes(), err
}

func (w *schemaWriter) add(name string, r rule, node schemaNode) {
	node.Description = r.doc
	if r.required {
		w.node.Required = append(w.node.Required, name)
	}
	w.node.Properties = append(w.node.Properties, property{name, node})
}

func textNode(r rule) schemaNode {
	node := schemaNode{Type: "string", MinLength: r.min, MaxLength: r.max, Pattern: `^[^\x00]*$`, Enum: r.oneOf}
	if r.format == formatURL {
		node.Pattern = webURL.String()
	}
	if len(r.oneOf) > 0 {
		node = schemaNode{Type: "string", Enum: r.oneOf}
	}
	return node
}

func (w *schemaWriter) text(name string, _ **string, r rule) { w.add(name, r, textNode(r)) }

func (w *schemaWriter) flag(name string, _ **bool, r rule) {
	w.add(name, r, schemaNode{Type: "boolean"})
}

func (w *schemaWriter) integer(name string, _ **int64, r rule) {
	most := int64(math.MaxInt64)
	w.add(name, r, schemaNode{Type: "integer", Minimum: &r.low, Maximum: &most})
}

func (w *schemaWriter) money(name string, _ **Money, r rule) {
	w.add(name, r, schemaNode{Type: "string", Pattern: `^[0-9]{1,12}(\.[0-9]{1,6})?$`})
}

func (w *schemaWriter) quantity(name string, _ **Quantity, r rule) {
	node := schemaNode{Type: "string", Pattern: `^-?[0-9]{1,12}(\.[0-9]{1,5})?$`}
	if r.positive {
		node.Pattern = `^[0-9]{1,12}(\.[0-9]{1,5})?$`
		node.AllOf = []schemaNode{{Description: "above 0", Pattern: `[1-9]`}}
	}
	w.add(name, r, node)
}

func (w *schemaWriter) texts(name string, _ **[]string, r rule) {
	each := textNode(r.entry())
	w.add(name, r, schemaNode{Type: "array", MaxItems: r.max, Items: &each})
}

func (w *schemaWriter) object(name string, r rule, fields func(fieldVisitor)) {
	in := &schemaWriter{schemaNode{Type: "object"}}
	fields(in)
	w.add(name, r, in.node)
}

func (w *schemaWriter) objects(name string, l objectList, r rule) {
	l.make(1) // an entry to ask for its fields
	in := &schemaWriter{schemaNode{Type: "object"}}
	l.visit(0, in)
	w.add(name, r, schemaNode{Type: "array", MaxItems: r.max, Items: &in.node})
}
