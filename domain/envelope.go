package domain

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// SpecVersion is the CloudEvents version of every envelope.
const SpecVersion = "1.0"

// MaxExtensions bounds how many extension attributes of other people one
// envelope may carry; they are kept, and mean nothing to us.
const MaxExtensions = 16

// MaxDataSize bounds the data of one event, in bytes. An envelope of this size
// with its headers stays below the broker's default message limit of 1 MiB.
const MaxDataSize = 512 << 10

// Envelope is one CloudEvents 1.0 event. Whoever publishes fills it; nobody
// changes it afterwards. [Envelope.Validate] holds for every envelope in a log
// that came in through the front door.
type Envelope struct {
	ID      EventID
	Source  SourceID
	Type    Type
	Subject string // the item id, or the product id of a sync event
	Time    time.Time

	// SourceVersion is the POS's own version number of the record, which orders
	// events of one source; 0 when there is none.
	SourceVersion uint64
	CorrelationID string // what belongs together: the sale, the import
	CausationID   string // the event that led to this one
	Actor         string // who did it, as the POS says
	TraceParent   string // W3C trace context

	// Extensions are attributes that we do not know, by their lower-case names.
	Extensions map[string]string

	// Data is the JSON object as it came, fields unknown to us included.
	Data json.RawMessage
}

// Recorded is an envelope in a log. Only the log makes one.
type Recorded struct {
	Envelope
	Store      StoreID
	Position   Position
	RecordedAt time.Time
}

// Validate checks the attributes, not the data. The error is an [*InvalidError].
func (e *Envelope) Validate() error {
	for _, a := range []struct{ path, value string }{
		{"id", string(e.ID)}, {"source", string(e.Source)}, {"type", string(e.Type)}, {"subject", e.Subject},
	} {
		if err := checkAttribute(a.path, a.value); err != nil {
			return err
		}
		if a.value == "" {
			return &InvalidError{Path: a.path, Reason: "is required"}
		}
	}
	if !plainPath(string(e.Source)) {
		if _, err := url.Parse(string(e.Source)); err != nil {
			return &InvalidError{Path: "source", Value: string(e.Source), Reason: "must be a URI reference"}
		}
	}
	if e.Time.IsZero() {
		return &InvalidError{Path: "time", Reason: "is required"}
	}
	// A zone can carry a time past the years that RFC 3339 can write in UTC; the
	// state that holds such a time could not be stored.
	if year := e.Time.UTC().Year(); year < 1 || year > 9999 {
		return &InvalidError{Path: "time", Value: e.Time.String(), Reason: "must be in the years 1 to 9999, in UTC"}
	}
	for _, a := range []struct{ path, value string }{
		{"correlationid", e.CorrelationID}, {"causationid", e.CausationID}, {"actor", e.Actor}, {"traceparent", e.TraceParent},
	} {
		if err := checkAttribute(a.path, a.value); err != nil {
			return err
		}
	}
	if len(e.Extensions) > MaxExtensions {
		return &InvalidError{Path: "extensions", Reason: fmt.Sprintf("must be at most %d, not %d", MaxExtensions, len(e.Extensions))}
	}
	for name, value := range e.Extensions {
		if !attributeName(name) {
			return &InvalidError{Path: name, Reason: "an attribute's name must be 1 to 20 characters of a-z and 0-9"}
		}
		if ownAttribute(name) {
			return &InvalidError{Path: name, Value: value, Reason: "is not an extension; it has its own field"}
		}
		if err := checkAttribute(name, value); err != nil {
			return err
		}
	}
	if len(e.Data) > MaxDataSize {
		return &InvalidError{Path: "data", Value: fmt.Sprintf("%d bytes", len(e.Data)), Reason: fmt.Sprintf("must be at most %d bytes", MaxDataSize)}
	}
	return nil
}

// MaxAhead is how far ahead of the clock of whoever takes an event its time may be.
// Events are ordered by their times where they have no version, so one from a far
// future, as a wrong unit or a broken clock makes it, would supersede all that
// follow. A simulation may run some years ahead.
const MaxAhead = 5 * 365 * 24 * time.Hour

// CheckTime refuses a time that lies more than [MaxAhead] after now. The error is
// an [*InvalidError].
func (e *Envelope) CheckTime(now time.Time) error {
	if e.Time.After(now.Add(MaxAhead)) {
		return &InvalidError{Path: "time", Value: e.Time.Format(time.RFC3339), Reason: "lies more than five years ahead: check the clock and the unit of the source"}
	}
	return nil
}

// checkAttribute holds an attribute to what a header can carry without loss.
func checkAttribute(path, value string) error {
	if len(value) <= MaxIDLength && printable(value) {
		return nil
	}
	if !utf8.ValidString(value) {
		return &InvalidError{Path: path, Value: value, Reason: "must be valid UTF-8"}
	}
	if utf8.RuneCountInString(value) > MaxIDLength {
		return &InvalidError{Path: path, Value: value, Reason: fmt.Sprintf("must have at most %d characters, not %d", MaxIDLength, utf8.RuneCountInString(value))}
	}
	for _, r := range value {
		if r < 0x20 || r == 0x7f {
			return &InvalidError{Path: path, Value: value, Reason: "must not hold control characters"}
		}
	}
	if strings.TrimSpace(value) != value {
		return &InvalidError{Path: path, Value: value, Reason: "must not begin or end with a space"}
	}
	return nil
}

// printable reports whether a text is ASCII without spaces and control characters.
func printable(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= 0x7f {
			return false
		}
	}
	return true
}

// plainPath reports whether a text is a URI reference for certain, as most sources are.
func plainPath(s string) bool {
	for i := range len(s) {
		if c := s[i]; !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '/' || c == '-' || c == '.' || c == '_') {
			return false
		}
	}
	return true
}

func attributeName(s string) bool {
	for _, r := range s {
		if !(r >= 'a' && r <= 'z' || r >= '0' && r <= '9') {
			return false
		}
	}
	return len(s) >= 1 && len(s) <= 20
}

// ownAttribute reports whether a name is taken by CloudEvents or by us, so that
// as an extension it would be written twice.
func ownAttribute(name string) bool {
	switch name {
	case "id", "source", "type", "subject", "time", "specversion", "data", "datacontenttype",
		"sourceversion", "correlationid", "causationid", "actor", "traceparent":
		return true
	}
	return false
}

// DecodeEnvelope reads one event in the CloudEvents JSON format and checks both
// its attributes and, by its type, its data. An absent subject is taken from the
// data. The error is an [*InvalidError] or an [*UnknownTypeError].
func DecodeEnvelope(doc []byte) (Envelope, Event, error) {
	var e Envelope
	if !utf8.Valid(doc) {
		return e, nil, &InvalidError{Path: "event", Reason: "must be valid UTF-8"}
	}
	attrs, err := parseObject(nil, "event", doc)
	if err != nil {
		return e, nil, err
	}
	if err := e.setAttributes(attrs); err != nil {
		return e, nil, err
	}
	event, err := DecodeEvent(e.Type, e.Data)
	if err != nil {
		return e, nil, err
	}
	if e.Subject == "" {
		e.Subject = event.Subject()
	}
	if err := e.Validate(); err != nil {
		return e, nil, err
	}
	if err := e.checkSubject(event); err != nil {
		return e, nil, err
	}
	return e, event, nil
}

// Event decodes the data by the type and checks that both speak of the same
// subject. The error is an [*InvalidError] or an [*UnknownTypeError].
func (e *Envelope) Event() (Event, error) {
	event, err := DecodeEvent(e.Type, e.Data)
	if err != nil {
		return nil, err
	}
	if err := e.checkSubject(event); err != nil {
		return nil, err
	}
	return event, nil
}

func (e *Envelope) checkSubject(event Event) error {
	if e.Subject != event.Subject() {
		return &InvalidError{Path: "subject", Value: e.Subject, Reason: fmt.Sprintf("must be the id in the data, %s", shorten(event.Subject()))}
	}
	return nil
}

// setAttributes fills e from the members of a CloudEvents JSON document.
func (e *Envelope) setAttributes(attrs []member) error {
	// By name, so that a document is refused for the same reason in any order.
	slices.SortStableFunc(attrs, func(a, b member) int { return bytes.Compare(a.name, b.name) })
	specVersion := ""
	for i, attr := range attrs {
		name, raw := string(attr.name), attr.raw
		if i+1 < len(attrs) && bytes.Equal(attr.name, attrs[i+1].name) {
			continue // of a name that stands there twice the last counts
		}
		if raw[0] == 'n' {
			continue // CloudEvents JSON format, section 2.2: null means that it is not set
		}
		switch name {
		case "data":
			e.Data = compact(raw)
			continue
		case "data_base64":
			return &InvalidError{Path: name, Reason: "is not taken; put the JSON object into data"}
		}
		value, err := attributeText(name, raw)
		if err != nil {
			return err
		}
		if name == "specversion" {
			specVersion = value
			continue
		}
		if err := e.SetAttribute(name, value); err != nil {
			return err
		}
	}
	if specVersion != SpecVersion {
		return &InvalidError{Path: "specversion", Value: specVersion, Reason: `must be "1.0"`}
	}
	if e.Type == "" {
		return &InvalidError{Path: "type", Reason: "is required"}
	}
	if len(e.Data) == 0 {
		return &InvalidError{Path: "data", Reason: "is required"}
	}
	return nil
}

// SetAttribute sets one CloudEvents attribute, except specversion, from its text
// form, whichever format it came in. The error is an [*InvalidError].
func (e *Envelope) SetAttribute(name, value string) error {
	switch name {
	case "id":
		e.ID = EventID(value)
	case "source":
		e.Source = SourceID(value)
	case "type":
		e.Type = Type(value)
	case "subject":
		e.Subject = value
	case "time":
		t, err := time.Parse(time.RFC3339Nano, value)
		if err != nil {
			return &InvalidError{Path: name, Value: value, Reason: "must be an RFC 3339 time such as 2026-11-01T10:15:12Z"}
		}
		e.Time = t.UTC()
	case "datacontenttype":
		media, _, _ := strings.Cut(value, ";")
		if !strings.EqualFold(strings.TrimSpace(media), "application/json") {
			return &InvalidError{Path: name, Value: value, Reason: "must be application/json"}
		}
	case "sourceversion":
		n, err := strconv.ParseUint(value, 10, 63)
		if err != nil || n == 0 {
			return &InvalidError{Path: name, Value: value, Reason: "must be a whole number from 1 to 9223372036854775807"}
		}
		e.SourceVersion = n
	case "correlationid":
		e.CorrelationID = value
	case "causationid":
		e.CausationID = value
	case "actor":
		e.Actor = value
	case "traceparent":
		e.TraceParent = value
	default:
		if value == "" {
			return nil // as good as unset, as in every other attribute
		}
		if e.Extensions == nil {
			e.Extensions = make(map[string]string)
		}
		e.Extensions[name] = value
	}
	return nil
}

// Attributes lists the CloudEvents attributes of e in a fixed order, in their
// text form, those that are unset left out: what [Envelope.SetAttribute] reads.
func (e *Envelope) Attributes() []Attribute {
	out := make([]Attribute, 0, 10+len(e.Extensions))
	add := func(name, value string) {
		if value != "" {
			out = append(out, Attribute{name, value})
		}
	}
	add("id", string(e.ID))
	add("source", string(e.Source))
	add("type", string(e.Type))
	add("subject", e.Subject)
	add("time", e.Time.UTC().Format(time.RFC3339Nano))
	if e.SourceVersion > 0 {
		add("sourceversion", strconv.FormatUint(e.SourceVersion, 10))
	}
	add("correlationid", e.CorrelationID)
	add("causationid", e.CausationID)
	add("actor", e.Actor)
	add("traceparent", e.TraceParent)
	names := make([]string, 0, len(e.Extensions))
	for name := range e.Extensions {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		add(name, e.Extensions[name])
	}
	return out
}

// Attribute is one CloudEvents attribute in its text form.
type Attribute struct{ Name, Value string }

// MarshalJSON writes e in the CloudEvents JSON format, which [DecodeEnvelope]
// reads back to an equal envelope. Called through [json.Marshal] the result has
// <, > and & in the data escaped: the same JSON value in other bytes.
func (e Envelope) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteString(`{"specversion":"1.0"`)
	for _, a := range e.Attributes() {
		value, err := json.Marshal(a.Value)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&b, ",%q:%s", a.Name, value)
	}
	if len(e.Data) > 0 {
		b.WriteString(`,"data":`)
		if err := json.Compact(&b, e.Data); err != nil {
			return nil, fmt.Errorf("data: %w", err)
		}
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// attributeText takes the JSON types that CloudEvents allows: strings for what it
// defines itself, and for extensions whole numbers and booleans too.
func attributeText(name string, raw json.RawMessage) (string, error) {
	switch jsonKind(raw) {
	case "a string":
		if s := jsonText(raw); s != "" {
			return s, nil
		}
		return "", &InvalidError{Path: name, Reason: "must not be empty"}
	case "a number":
		if _, err := strconv.ParseInt(string(raw), 10, 64); err == nil && !coreAttribute(name) {
			return string(raw), nil
		}
	case "true or false":
		if !coreAttribute(name) {
			return string(raw), nil
		}
	}
	return "", &InvalidError{Path: name, Value: jsonText(raw), Reason: "must be a string, not " + jsonKind(raw)}
}

// coreAttribute reports whether CloudEvents itself says that the attribute is a
// string.
func coreAttribute(name string) bool {
	switch name {
	case "id", "source", "type", "subject", "time", "specversion", "datacontenttype", "dataschema":
		return true
	}
	return false
}

func compact(raw json.RawMessage) json.RawMessage {
	var b bytes.Buffer
	if err := json.Compact(&b, raw); err != nil {
		return raw
	}
	return b.Bytes()
}
