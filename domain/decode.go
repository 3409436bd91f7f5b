package domain

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"
)

// DecodeEvent reads the data of an event of type t. Unknown fields are ignored;
// a missing required field, a wrong type, null, a value out of its range and a
// text past its limit are refused. An event of an earlier version is returned as
// one of the newest, without what that version could not say. The error is an [*InvalidError] whose path
// begins with "data", or an [*UnknownTypeError].
func DecodeEvent(t Type, data []byte) (Event, error) {
	event := newEvent(t)
	if event == nil {
		return nil, &UnknownTypeError{Type: t}
	}
	if !utf8.Valid(data) {
		return nil, &InvalidError{Path: "data", Reason: "must be valid UTF-8"}
	}
	room := memberRooms.Get().(*[]member)
	defer memberRooms.Put(room)
	members, err := parseObject((*room)[:0], "data", data)
	if err != nil {
		return nil, err
	}
	*room = members
	d := &decoder{path: "data", members: members, err: new(error)}
	event.fields(d)
	if *d.err != nil {
		return nil, *d.err
	}
	if old, ok := event.(interface{ upcast() Event }); ok {
		event = old.upcast()
	}
	return event, nil
}

// memberRooms are for the members of an event, which are used up when it is decoded.
var memberRooms = sync.Pool{New: func() any { return new([]member) }}

// decoder fills the fields of one JSON object. After the first error it does
// nothing more, so the first wrong field in documented order is the one reported.
type decoder struct {
	path    string
	members []member
	pointed []string // the texts that fields point at
	err     *error   // shared with the decoders of nested objects
}

func (d *decoder) fail(name, value, reason string) {
	if *d.err == nil {
		*d.err = &InvalidError{Path: d.path + "." + name, Value: value, Reason: reason}
	}
}

// failKind refuses a JSON value of the wrong kind. Its error shows a string
// without its JSON quotes, so it names the kind as well.
func (d *decoder) failKind(name string, raw json.RawMessage, want string) {
	d.fail(name, jsonText(raw), want+", not "+jsonKind(raw))
}

// member returns the raw value of a field, or false when there is none to read.
func (d *decoder) member(name string, r *rule) (json.RawMessage, bool) {
	if *d.err != nil {
		return nil, false
	}
	raw, ok := find(d.members, name)
	if !ok {
		if r.required {
			d.fail(name, "", "is required")
		}
		return nil, false
	}
	if raw[0] == 'n' {
		reason := "must not be null; leave the field out"
		if r.required {
			reason = "is required and must not be null"
		}
		d.fail(name, "", reason)
		return nil, false
	}
	return raw, true
}

func (d *decoder) text(name string, p **string, r rule) {
	s, ok := d.said(name, &r)
	if !ok {
		return
	}
	if len(d.pointed) == cap(d.pointed) {
		d.pointed = make([]string, 0, len(d.members)) // in one piece, which never moves
	}
	d.pointed = append(d.pointed, s)
	*p = &d.pointed[len(d.pointed)-1]
}

// said returns a text that keeps to its rule, or false when there is none.
func (d *decoder) said(name string, r *rule) (string, bool) {
	raw, ok := d.member(name, r)
	if !ok {
		return "", false
	}
	s, ok := d.string(name, raw)
	return s, ok && d.checkText(name, s, r)
}

func (d *decoder) string(name string, raw json.RawMessage) (string, bool) {
	s, ok := jsonString(raw)
	if !ok {
		d.failKind(name, raw, "must be a string")
	}
	return s, ok
}

func (d *decoder) checkText(name, s string, r *rule) bool {
	length := utf8.RuneCountInString(s)
	switch {
	case length < r.min:
		d.fail(name, "", "must not be empty")
	case length > r.max:
		d.fail(name, s, fmt.Sprintf("must have at most %d characters, not %d", r.max, length))
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
	raw, ok := d.member(name, &r)
	if !ok {
		return
	}
	b := raw[0] == 't'
	if !b && raw[0] != 'f' {
		d.failKind(name, raw, "must be true or false")
		return
	}
	*p = &b
}

func (d *decoder) integer(name string, p **int64, r rule) {
	raw, ok := d.member(name, &r)
	if !ok {
		return
	}
	if raw[0] != '-' && (raw[0] < '0' || raw[0] > '9') {
		d.failKind(name, raw, "must be a whole number")
		return
	}
	// Some encoders have only floats and write 3.0; JSON Schema calls that an
	// integer as well.
	whole, fraction, _ := strings.Cut(string(raw), ".")
	n, err := strconv.ParseInt(whole, 10, 64)
	if err != nil || strings.Trim(fraction, "0") != "" || n < r.low {
		d.fail(name, string(raw), fmt.Sprintf("must be a whole number of at least %d", r.low))
		return
	}
	*p = &n
}

func (d *decoder) money(name string, p **Money, r rule) {
	if s, ok := d.decimal(name, &r); ok {
		m, err := ParseMoney(s)
		if err != nil {
			d.fail(name, s, err.Error())
			return
		}
		*p = &m
	}
}

func (d *decoder) quantity(name string, p **Quantity, r rule) {
	if q, ok := d.number(name, &r); ok {
		*p = &q
	}
}

// number returns a quantity that keeps to its rule, or false when there is none.
func (d *decoder) number(name string, r *rule) (Quantity, bool) {
	s, ok := d.decimal(name, r)
	if !ok {
		return Quantity{}, false
	}
	q, err := ParseQuantity(s)
	if err == nil && r.positive && q.Sign() <= 0 {
		err = fmt.Errorf("must be above 0")
	}
	if err != nil {
		d.fail(name, s, err.Error())
		return Quantity{}, false
	}
	return q, true
}

func (d *decoder) decimal(name string, r *rule) (string, bool) {
	raw, ok := d.member(name, r)
	if !ok {
		return "", false
	}
	if raw[0] != '"' {
		d.failKind(name, raw, `must be a decimal in a string, such as "12.50"`)
		return "", false
	}
	return d.string(name, raw)
}

func (d *decoder) texts(name string, p **[]string, r rule) {
	raws, ok := d.list(name, &r)
	if !ok {
		return
	}
	out := make([]string, 0, len(raws))
	each := r.entry()
	for i, raw := range raws {
		at := fmt.Sprintf("%s[%d]", name, i)
		s, ok := d.string(at, raw)
		if !ok || !d.checkText(at, s, &each) {
			return
		}
		if r.format == formatURL && !webURL.MatchString(s) {
			d.fail(at, s, "must be an http or https URL")
			return
		}
		out = append(out, s)
	}
	*p = &out
}

// webURL is one expression for the decoder and the JSON Schema, so that both draw
// the same line. It asks for a scheme and a host and lets the rest be: a stray
// space in a path is the shop's business, and no reason to lose a product.
var webURL = regexp.MustCompile(`^[Hh][Tt][Tt][Pp][Ss]?://[^\x00-\x20\x7f/?#]+([/?#][^\x00-\x1f\x7f]*)?$`)

func (d *decoder) list(name string, r *rule) ([]json.RawMessage, bool) {
	raw, ok := d.member(name, r)
	if !ok {
		return nil, false
	}
	if raw[0] != '[' {
		d.failKind(name, raw, "must be a list")
		return nil, false
	}
	raws := splitList(raw)
	if len(raws) > r.max {
		d.fail(name, "", fmt.Sprintf("must have at most %d entries, not %d", r.max, len(raws)))
		return nil, false
	}
	return raws, true
}

func (d *decoder) object(name string, r rule, fields func(fieldVisitor)) {
	if raw, ok := d.member(name, &r); ok {
		d.nested(name, raw, fields)
	}
}

func (d *decoder) objects(name string, l objectList, r rule) {
	raws, ok := d.list(name, &r)
	if !ok {
		return
	}
	l.make(len(raws))
	for i, raw := range raws {
		d.nested(fmt.Sprintf("%s[%d]", name, i), raw, func(v fieldVisitor) { l.visit(i, v) })
	}
}

func (d *decoder) nested(name string, raw json.RawMessage, fields func(fieldVisitor)) {
	if *d.err != nil {
		return
	}
	path := d.path + "." + name
	members, err := splitObject(nil, path, raw)
	if err != nil {
		*d.err = err
		return
	}
	fields(&decoder{path: path, members: members, err: d.err})
}
