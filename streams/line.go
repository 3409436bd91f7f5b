package streams

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tillstream/tillstream/domain"
)

// The extension attributes that say in a line where its event lies.
const (
	AttributePosition   = "position"
	AttributeRecordedAt = "recordedat"
	AttributeStore      = "store"
)

// attributeOrder is the order in which a line has the attributes that we know.
var attributeOrder = []string{"id", "source", "type", "subject", "time", "sourceversion", "correlationid", "causationid", "actor", "traceparent"}

// AppendLine appends the event as one line of JSON in the CloudEvents format, with its
// position, when it was recorded and its store as attributes behind specversion. The
// attributes and the data are as they were published; white space between the parts of
// the data may be gone. The error is an [*domain.InvalidError] for what is no event.
//
// It takes the line from the headers without making an envelope of them, which would
// take three times as long.
func (m Message) AppendLine(line []byte) ([]byte, error) {
	if m.Store == "" {
		return line, &domain.InvalidError{Path: "subject", Value: m.Subject, Reason: "must be {store}.{id}"}
	}
	begun := len(line)
	line = append(line, `{"specversion":"1.0","position":"`...)
	line = strconv.AppendUint(line, uint64(m.Position), 10)
	line = append(line, `","recordedat":"`...)
	line = m.RecordedAt.UTC().AppendFormat(line, time.RFC3339Nano)
	line = append(line, `","store":"`...)
	line = append(append(line, m.Store...), '"')
	known := 0
	for _, name := range attributeOrder {
		values, has := m.Header[attributePrefix+name]
		if !has {
			continue
		}
		known++
		if len(values) != 1 {
			return line[:begun], &domain.InvalidError{Path: name, Reason: "must be given once"}
		}
		var err error
		if line, err = appendAttribute(line, name, values[0]); err != nil {
			return line[:begun], err
		}
	}
	if !m.plain() {
		return m.appendDecoded(line[:begun])
	}
	for _, name := range m.extensions(known) {
		var err error
		if line, err = appendAttribute(line, strings.TrimPrefix(name, attributePrefix), m.Header[name][0]); err != nil {
			return line[:begun], err
		}
	}
	line, err := appendData(line, m.Data)
	if err != nil {
		return line[:begun], err
	}
	return append(line, '}', '\n'), nil
}

// plain reports whether everything is there that an event must have, under names as we
// write them. What is not may be written otherwise, or be no event.
func (m Message) plain() bool {
	for _, name := range attributeOrder[:5] {
		if len(m.Header[attributePrefix+name]) != 1 {
			return false
		}
	}
	version := m.Header[specVersionHeader]
	return len(version) == 1 && version[0] == domain.SpecVersion && m.Header[attributePrefix+"subject"][0] == escapeHeader(m.Key)
}

// extensions are the headers of attributes that we do not know, given how many of the
// others there are.
func (m Message) extensions(known int) []string {
	more := 0
	for name := range m.Header {
		if strings.HasPrefix(name, attributePrefix) {
			more++
		}
	}
	if more == known+1 { // specversion
		return nil
	}
	var out []string
	for _, name := range slices.Sorted(maps.Keys(m.Header)) {
		if attribute, is := strings.CutPrefix(name, attributePrefix); is && name != specVersionHeader && !slices.Contains(attributeOrder, attribute) && len(m.Header[name]) == 1 {
			out = append(out, name)
		}
	}
	return out
}

// appendDecoded is AppendLine by way of an envelope.
func (m Message) appendDecoded(line []byte) ([]byte, error) {
	rec, err := m.Recorded()
	if err != nil {
		return line, err
	}
	plain := m
	plain.Header = map[string][]string{specVersionHeader: {domain.SpecVersion}}
	for _, a := range rec.Attributes() {
		plain.Header[attributePrefix+a.Name] = []string{escapeHeader(a.Value)}
	}
	return plain.AppendLine(line)
}

func appendAttribute(line []byte, name, escaped string) ([]byte, error) {
	value, err := unescapeHeader(escaped)
	if err != nil {
		return line, &domain.InvalidError{Path: name, Value: escaped, Reason: err.Error()}
	}
	line = append(append(append(line, ',', '"'), name...), '"', ':')
	return appendText(line, value)
}

// appendText appends a JSON string. Most need no escape.
func appendText(line []byte, text string) ([]byte, error) {
	for i := range len(text) {
		if c := text[i]; c < ' ' || c == '"' || c == '\\' || c >= 0x7f {
			var b bytes.Buffer
			e := json.NewEncoder(&b)
			e.SetEscapeHTML(false)
			if err := e.Encode(text); err != nil {
				return line, err
			}
			return append(line, bytes.TrimSuffix(b.Bytes(), []byte("\n"))...), nil
		}
	}
	return append(append(append(line, '"'), text...), '"'), nil
}

func appendData(line, data []byte) ([]byte, error) {
	if len(data) == 0 {
		return line, nil
	}
	line = append(line, `,"data":`...)
	if !domain.ValidJSON(data) {
		return line, &domain.InvalidError{Path: "data", Value: string(data), Reason: "must be JSON"}
	}
	if bytes.IndexByte(data, '\n') < 0 {
		return append(line, data...), nil
	}
	b := bytes.NewBuffer(line)
	if err := json.Compact(b, data); err != nil {
		return line, fmt.Errorf("data: %w", err)
	}
	return b.Bytes(), nil
}

// unreadable is a message that is no event, in a line of its own.
type unreadable struct {
	Position   string              `json:"position"`
	RecordedAt time.Time           `json:"recordedat"`
	Store      domain.StoreID      `json:"store,omitempty"`
	Subject    string              `json:"stream_subject"`
	Problem    string              `json:"problem"`
	Headers    map[string][]string `json:"headers"`
	Data       []byte              `json:"data_base64"`
}

// AppendUnreadable appends a message that is no event as one line of JSON, whole, with
// the reason. It has no specversion.
func (m Message) AppendUnreadable(line []byte, why error) ([]byte, error) {
	b, err := json.Marshal(unreadable{
		strconv.FormatUint(uint64(m.Position), 10), m.RecordedAt, m.Store, m.Subject, why.Error(), m.Header, m.Data,
	})
	return append(append(line, b...), '\n'), err
}
