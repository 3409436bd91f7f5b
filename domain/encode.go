package domain

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"time"
)

// EncodeEvent writes the data of an event, fields in documented order, absent
// fields left out. [DecodeEvent] reads it back to an equal event. It checks
// nothing: whoever makes an event from foreign input decodes it once.
func EncodeEvent(event Event) (json.RawMessage, error) {
	e := newEncoder()
	e.b.WriteByte('{')
	event.fields(e)
	e.b.WriteByte('}')
	if e.err != nil {
		return nil, fmt.Errorf("encode %s: %w", event.Type(), e.err)
	}
	return e.b.Bytes(), nil
}

// NewEnvelope wraps an event. The caller may set further attributes before the
// envelope is appended.
func NewEnvelope(id EventID, source SourceID, at time.Time, event Event) (Envelope, error) {
	data, err := EncodeEvent(event)
	if err != nil {
		return Envelope{}, err
	}
	e := Envelope{ID: id, Source: source, Type: event.Type(), Subject: event.Subject(), Time: at.UTC(), Data: data}
	if _, err := e.Event(); err != nil {
		return Envelope{}, err
	}
	return e, e.Validate()
}

type encoder struct {
	b   bytes.Buffer
	enc *json.Encoder // writes to b
	err error
}

func newEncoder() *encoder {
	e := &encoder{}
	e.enc = json.NewEncoder(&e.b)
	e.enc.SetEscapeHTML(false) // descriptions are HTML and should stay readable
	return e
}

func (e *encoder) value(name string, v any) {
	if b := e.b.Bytes(); b[len(b)-1] != '{' {
		e.b.WriteByte(',')
	}
	e.b.WriteString(strconv.Quote(name))
	e.b.WriteByte(':')
	if v == nil {
		return
	}
	if err := e.enc.Encode(v); err != nil {
		if e.err == nil {
			e.err = fmt.Errorf("%s: %w", name, err)
		}
		return
	}
	e.b.Truncate(e.b.Len() - 1) // the encoder ends with a newline
}

func present[T any](e *encoder, name string, p *T) {
	if p != nil {
		e.value(name, *p)
	}
}

func (e *encoder) text(name string, p **string, _ rule)       { present(e, name, *p) }
func (e *encoder) flag(name string, p **bool, _ rule)         { present(e, name, *p) }
func (e *encoder) integer(name string, p **int64, _ rule)     { present(e, name, *p) }
func (e *encoder) money(name string, p **Money, _ rule)       { present(e, name, *p) }
func (e *encoder) quantity(name string, p **Quantity, _ rule) { present(e, name, *p) }

func (e *encoder) texts(name string, p **[]string, _ rule) {
	if *p != nil {
		e.value(name, append([]string{}, **p...)) // a nil list is [], not null
	}
}

func (e *encoder) object(name string, r rule, fields func(fieldVisitor)) {
	in := newEncoder()
	in.b.WriteByte('{')
	fields(in)
	if e.err == nil && in.err != nil {
		e.err = fmt.Errorf("%s: %w", name, in.err)
	}
	if in.b.Len() == 1 && !r.required {
		return
	}
	in.b.WriteByte('}')
	e.value(name, json.RawMessage(in.b.Bytes()))
}

func (e *encoder) objects(name string, l objectList, _ rule) {
	n, ok := l.len()
	if !ok {
		return
	}
	e.value(name, nil)
	e.b.WriteByte('[')
	for i := range n {
		if i > 0 {
			e.b.WriteByte(',')
		}
		e.b.WriteByte('{')
		l.visit(i, e)
		e.b.WriteByte('}')
	}
	e.b.WriteByte(']')
}
