package domain

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// DecodeEvent reads the data of an event of type t. Unknown fields are ignored;
// a missing required field, a wrong type, null, a value out of its range and a
// text past its limit are refused. The error is an [*InvalidError] whose path
// begins with "data", or an [*UnknownTypeError].
func DecodeEvent(t Type, data []byte) (Event, error) {
	event := newEvent(t)
	if event == nil {
		return nil, &UnknownTypeError{Type: t}
	}
	if !utf8.Valid(data) {
		return nil, &InvalidError{Path: "data", Reason: "must be valid UTF-8"}
	}
	d, err := newDecoder("data", data)
	if err != nil {
		return nil, err
	}
	event.fields(d)
	if *d.err != nil {
		return nil, *d.err
	}
	return event, nil
}

// decoder fills the fields of one JSON object. After the first error it does
// nothing more, so the first wrong field in documented order is the one reported.
type decoder struct {
	path    string
	members map[string]json.RawMessage
	err     *error // shared with the decoders of nested objects
}

func newDecoder(path string, raw []byte) (*decoder, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(raw, &members); err != nil || members == nil {
		return nil, &InvalidError{Path: path, Value: string(raw), Reason: "must be a JSON object: " + jsonReason(err)}
	}
	return &decoder{path: path, members: members, err: new(error)}, nil
}

func (d *decoder) fail(name, value, reason string) {
	if *d.err == nil {
		*d.err = &InvalidError{Path: d.path + "." + name, Value: value, Reason: reason}
	}
}

// member returns the raw value of a field, or false when there is none to read.
func (d *decoder) member(name string, r rule) (json.RawMessage, bool) {
	if *d.err != nil {
		return nil, false
	}
	raw, ok := d.members[name]
	if !ok {
		if r.required {
			d.fail(name, "", "is required")
		}
		return nil, false
	}
	if bytes.Equal(raw, []byte("null")) {
		d.fail(name, "null", "must not be null; leave the field out")
		return nil, false
	}
	return raw, true
}

func (d *decoder) text(name string, p **string, r rule) {
	raw, ok := d.member(name, r)
	if !ok {
		return
	}
	if s, ok := d.string(name, raw); ok && d.checkText(name, s, r) {
		*p = &s
	}
}

func (d *decoder) string(name string, raw json.RawMessage) (string, bool) {
	var s string
	if raw[0] != '"' || json.Unmarshal(raw, &s) != nil {
		d.fail(name, string(raw), "must be a string")
		return "", false
	}
	return s, true
}

func (d *decoder) checkText(name, s string, r rule) bool {
	switch {
	case r.min > 0 && utf8.RuneCountInString(s) < r.min:
		d.fail(name, `""`, "must not be empty")
	case utf8.RuneCountInString(s) > r.max:
		d.fail(name, s, fmt.Sprintf("must be at most %d characters", r.max))
	case strings.ContainsRune(s, 0):
		d.fail(name, s, "must not hold a NUL character")
	case len(r.oneOf) > 0 && !slices.Contains(r.oneOf, s):
		d.fail(name, s, "must be one of "+strings.Join(r.oneOf, ", "))
	default:
		return true
	}
	return false
}

func (d *decoder) flag(name string, p **bool, r rule) {
	raw, ok := d.member(name, r)
	if !ok {
		return
	}
	var b bool
	if err := json.Unmarshal(raw, &b); err != nil {
		d.fail(name, string(raw), "must be true or false")
		return
	}
	*p = &b
}

func (d *decoder) integer(name string, p **int64, r rule) {
	raw, ok := d.member(name, r)
	if !ok {
		return
	}
	n, err := strconv.ParseInt(string(raw), 10, 64)
	if err != nil || n < r.low {
		d.fail(name, string(raw), fmt.Sprintf("must be a whole number of at least %d", r.low))
		return
	}
	*p = &n
}

func (d *decoder) money(name string, p **Money, r rule) {
	if s, ok := d.decimal(name, r); ok {
		m, err := ParseMoney(s)
		if err != nil {
			d.fail(name, s, err.Error())
			return
		}
		*p = &m
	}
}

func (d *decoder) quantity(name string, p **Quantity, r rule) {
	if s, ok := d.decimal(name, r); ok {
		q, err := ParseQuantity(s)
		if err == nil && r.positive && q.Sign() <= 0 {
			err = fmt.Errorf("must be above 0")
		}
		if err != nil {
			d.fail(name, s, err.Error())
			return
		}
		*p = &q
	}
}

func (d *decoder) decimal(name string, r rule) (string, bool) {
	raw, ok := d.member(name, r)
	if !ok {
		return "", false
	}
	if raw[0] != '"' {
		d.fail(name, string(raw), `must be a decimal in a string, such as "12.50"`)
		return "", false
	}
	return d.string(name, raw)
}

func (d *decoder) texts(name string, p **[]string, r rule) {
	raws, ok := d.list(name, r)
	if !ok {
		return
	}
	out := make([]string, 0, len(raws))
	each := rule{min: 1, max: maxLabel}
	if r.format == "uri" {
		each.max = maxURL
	}
	for i, raw := range raws {
		at := fmt.Sprintf("%s[%d]", name, i)
		s, ok := d.string(at, raw)
		if !ok || !d.checkText(at, s, each) {
			return
		}
		if r.format == "uri" && !isWebURL(s) {
			d.fail(at, s, "must be an http or https URL")
			return
		}
		out = append(out, s)
	}
	*p = &out
}

func isWebURL(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
}

func (d *decoder) list(name string, r rule) ([]json.RawMessage, bool) {
	raw, ok := d.member(name, r)
	if !ok {
		return nil, false
	}
	var raws []json.RawMessage
	if err := json.Unmarshal(raw, &raws); err != nil {
		d.fail(name, string(raw), "must be a list")
		return nil, false
	}
	if len(raws) > r.max {
		d.fail(name, strconv.Itoa(len(raws))+" entries", fmt.Sprintf("must be at most %d", r.max))
		return nil, false
	}
	return raws, true
}

func (d *decoder) object(name string, r rule, fields func(fieldVisitor)) {
	if raw, ok := d.member(name, r); ok {
		d.nested(name, raw, fields)
	}
}

func (d *decoder) objects(name string, l objectList, r rule) {
	raws, ok := d.list(name, r)
	if !ok {
		return
	}
	l.make(len(raws))
	for i, raw := range raws {
		d.nested(fmt.Sprintf("%s[%d]", name, i), raw, l.at(i))
	}
}

func (d *decoder) nested(name string, raw json.RawMessage, fields func(fieldVisitor)) {
	if *d.err != nil {
		return
	}
	in, err := newDecoder(d.path+"."+name, raw)
	if err != nil {
		*d.err = err
		return
	}
	in.err = d.err
	fields(in)
}
