package streams

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tillstream/tillstream/domain"
)

// The CloudEvents 1.0 NATS protocol binding in binary content mode: an attribute
// is a header named "ce-" and its name, the data is the body as it is, and its
// media type the header content-type.
const (
	attributePrefix   = "ce-"
	specVersionHeader = attributePrefix + "specversion"
	contentTypeHeader = "content-type"
	contentTypeJSON   = "application/json"
)

// maxHeader is the size of headers that the server takes, in bytes; it counts
// them with 16 bits.
const maxHeader = 1<<16 - 1

// encodeEnvelope makes the message of an event. The error is an
// [*domain.InvalidError].
func encodeEnvelope(prefix string, store domain.StoreID, e *domain.Envelope) (*nats.Msg, error) {
	if err := e.Validate(); err != nil {
		return nil, err
	}
	attributes := e.Attributes()
	h := make(nats.Header, len(attributes)+5)
	h[specVersionHeader] = []string{domain.SpecVersion}
	h[contentTypeHeader] = []string{contentTypeJSON}
	h[jetstream.MsgIDHeader] = []string{escapeHeader(string(e.ID))}
	for _, a := range attributes {
		h[attributePrefix+a.Name] = []string{escapeHeader(a.Value)}
	}
	if size := headerSize(h); size > maxHeader-1024 { // leaves room for what the broker's own headers take
		return nil, &domain.InvalidError{Path: "event", Value: fmt.Sprintf("%d bytes of attributes", size), Reason: fmt.Sprintf("must be at most %d when percent-encoded", maxHeader-1024)}
	}
	return &nats.Msg{Subject: subjectOf(prefix, store, e.Subject), Header: h, Data: e.Data}, nil
}

func headerSize(h nats.Header) int {
	size := 0
	for name, values := range h {
		for _, v := range values {
			size += len(name) + len(v) + len(": \r\n")
		}
	}
	return size
}

// decodeEnvelope reads the event in a message. Header names are compared without
// regard to case, as HTTP does and other people's libraries rely on. The error is
// an [*domain.InvalidError].
func decodeEnvelope(header map[string][]string, data []byte) (domain.Envelope, error) {
	e, plain := plainEnvelope(header)
	if !plain {
		var err error
		if e, err = foreignEnvelope(header); err != nil {
			return e, err
		}
	}
	e.Data = data
	return e, e.Validate()
}

// foreignEnvelope reads attributes however they are written.
func foreignEnvelope(header map[string][]string) (domain.Envelope, error) {
	var e domain.Envelope
	version := ""
	seen := make(map[string]bool, len(header))
	for _, name := range slices.Sorted(maps.Keys(header)) { // the same message is refused for the same reason every time
		values := header[name]
		name = strings.ToLower(name)
		attribute, ok := strings.CutPrefix(name, attributePrefix)
		if name == contentTypeHeader {
			attribute, ok = "datacontenttype", true
		}
		if !ok {
			continue
		}
		if len(values) != 1 || seen[attribute] {
			return e, &domain.InvalidError{Path: attribute, Reason: "must be given once"}
		}
		seen[attribute] = true
		value, err := unescapeHeader(values[0])
		if err != nil {
			return e, &domain.InvalidError{Path: attribute, Value: values[0], Reason: err.Error()}
		}
		if attribute == "specversion" {
			version = value
			continue
		}
		if err := e.SetAttribute(attribute, value); err != nil {
			return e, err
		}
	}
	if version != domain.SpecVersion {
		return e, &domain.InvalidError{Path: "specversion", Value: version, Reason: `must be "1.0", in a header ce-specversion; structured content mode is not taken from the log`}
	}
	return e, nil
}

// plainEnvelope reads attributes as [encodeEnvelope] writes them, which is several times
// faster. It returns false for what is written otherwise, or no event.
func plainEnvelope(header map[string][]string) (domain.Envelope, bool) {
	var e domain.Envelope
	version := false
	for name, values := range header {
		attribute, ours := strings.CutPrefix(name, attributePrefix)
		if name == contentTypeHeader {
			attribute, ours = "datacontenttype", true
		}
		if !ours {
			if mayBeAttribute(name) {
				return e, false
			}
			continue
		}
		if len(values) != 1 || !plainName(attribute) || attribute == "datacontenttype" && name != contentTypeHeader {
			return e, false
		}
		value, err := unescapeHeader(values[0])
		if err != nil {
			return e, false
		}
		if attribute == "specversion" {
			version = value == domain.SpecVersion
		} else if err := e.SetAttribute(attribute, value); err != nil {
			return e, false
		}
	}
	return e, version
}

// plainName reports whether a name has only one spelling.
func plainName(name string) bool {
	for i := range len(name) {
		if c := name[i]; !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9') {
			return false
		}
	}
	return true
}

// mayBeAttribute reports whether a header is an attribute's when its case is not looked
// at.
func mayBeAttribute(name string) bool {
	return len(name) >= len(attributePrefix) && strings.EqualFold(name[:len(attributePrefix)], attributePrefix) ||
		strings.EqualFold(name, contentTypeHeader)
}

// escapeHeader percent-encodes what a header value must not hold: everything but
// printable ASCII, and space, double quote and percent sign.
func escapeHeader(s string) string {
	if !strings.ContainsFunc(s, func(r rune) bool { return r >= utf8.RuneSelf || escaped(byte(r)) }) {
		return s
	}
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; escaped(c) {
			b.WriteByte('%')
			b.WriteByte(hex[c>>4])
			b.WriteByte(hex[c&15])
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

func escaped(c byte) bool { return c <= ' ' || c >= 0x7f || c == '"' || c == '%' }

// unescapeHeader undoes [escapeHeader]. As the binding asks, it also takes values
// that were encoded more or less than needed; a percent sign that begins no
// encoding is refused.
func unescapeHeader(s string) (string, error) {
	if !strings.Contains(s, "%") {
		return s, nil
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			b.WriteByte(s[i])
			continue
		}
		if i+2 >= len(s) {
			return "", fmt.Errorf("must have two hexadecimal digits after each %%")
		}
		high, okHigh := unhex(s[i+1])
		low, okLow := unhex(s[i+2])
		if !okHigh || !okLow {
			return "", fmt.Errorf("must have two hexadecimal digits after each %%")
		}
		b.WriteByte(high<<4 | low)
		i += 2
	}
	return b.String(), nil
}

func unhex(c byte) (byte, bool) {
	switch {
	case c >= '0' && c <= '9':
		return c - '0', true
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10, true
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}
