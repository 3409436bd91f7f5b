package tree

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
	"unicode/utf8"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/tillstream/tillstream/domain"
)

// BundleFormat is the version of a bundle.
const BundleFormat = "tillstream bundle v1"

// Bundle is messages of one log and all that proves that they are in it, as one JSON
// document. [Bundle.Verify] needs nothing else but the public key.
type Bundle struct {
	Format string `json:"format"`
	Log    string `json:"log"`
	// Key is the public key as the maker of the bundle says. It proves nothing:
	// whoever verifies has the key from elsewhere.
	Key    string   `json:"key"`
	Head   string   `json:"head"` // signed
	Events []Proven `json:"events"`
	// Since is an earlier signed head that the newer one continues, and Continues the
	// proof; both empty when there is none.
	Since     string      `json:"since,omitempty"`
	Continues []tlog.Hash `json:"continues,omitempty"`
}

// Proven is one message and its audit path in the tree, from its sibling upwards.
type Proven struct {
	Position   domain.Position `json:"position"`
	RecordedAt time.Time       `json:"recorded_at"`
	Subject    string          `json:"subject"`
	Header     []HeaderValue   `json:"header"`
	Data       []byte          `json:"data"` // base64 in JSON
	Proof      []tlog.Hash     `json:"proof"`
}

// HeaderValue is one value of one header.
type HeaderValue struct {
	Name  string `json:"name"`
	Value string `json:"value"`
	// Bytes is the value when it is no text that JSON could hold; base64 in JSON.
	Bytes []byte `json:"bytes,omitempty"`
}

// Prove makes the entry of a message in a bundle.
func Prove(m *Message, h Head, r tlog.HashReader) (Proven, error) {
	proof, err := tlog.ProveRecord(h.Size, int64(m.Position)-1, r)
	if err != nil {
		return Proven{}, fmt.Errorf("prove position %d: %w", m.Position, err)
	}
	p := Proven{Position: m.Position, RecordedAt: m.RecordedAt.UTC(), Subject: m.Subject, Data: m.Data, Proof: proof, Header: []HeaderValue{}}
	for _, name := range slices.Sorted(maps.Keys(m.Header)) {
		for _, value := range m.Header[name] {
			h := HeaderValue{Name: name, Value: value}
			if !utf8.ValidString(value) {
				h = HeaderValue{Name: name, Bytes: []byte(value)}
			}
			p.Header = append(p.Header, h)
		}
	}
	return p, nil
}

// Message is the message that an entry is about.
func (p *Proven) Message(log string) Message {
	m := Message{Log: log, Position: p.Position, Subject: p.Subject, RecordedAt: p.RecordedAt, Data: p.Data, Header: map[string][]string{}}
	for _, h := range p.Header {
		value := h.Value
		if h.Bytes != nil {
			value = string(h.Bytes)
		}
		m.Header[h.Name] = append(m.Header[h.Name], value)
	}
	return m
}

// ParseBundle reads a bundle.
func ParseBundle(doc []byte) (*Bundle, error) {
	var b Bundle
	if err := json.Unmarshal(doc, &b); err != nil {
		return nil, fmt.Errorf("is no bundle: %w", err)
	}
	if b.Format != BundleFormat {
		return nil, fmt.Errorf("format %q: this version of tillstream reads %q", b.Format, BundleFormat)
	}
	return &b, nil
}

// Verify checks everything in the bundle with the public key, and returns the heads that
// it holds; the earlier one has size 0 when there is none. The error names the first
// position that is not proven.
func (b *Bundle) Verify(key Key) (head, since Head, err error) {
	if head, err = OpenHead([]byte(b.Head), b.Log, key); err != nil {
		return head, since, err
	}
	if len(b.Events) == 0 && b.Since == "" {
		return head, since, errors.New("the bundle holds no event and no earlier tree head: it proves nothing")
	}
	var hasher Hasher
	for i := range b.Events {
		e := &b.Events[i]
		m := e.Message(b.Log)
		if e.Position < 1 || int64(e.Position) > head.Size {
			return head, since, fmt.Errorf("position %d: the signed tree head covers the positions 1 to %d", e.Position, head.Size)
		}
		if err := tlog.CheckRecord(e.Proof, head.Size, head.Root, int64(e.Position)-1, hasher.Leaf(&m)); err != nil {
			return head, since, fmt.Errorf("position %d: is not what the signed tree head covers: %w", e.Position, err)
		}
	}
	if b.Since == "" {
		return head, since, nil
	}
	if since, err = OpenHead([]byte(b.Since), b.Log, key); err != nil {
		return head, since, fmt.Errorf("the earlier head: %w", err)
	}
	return head, since, Continues(since, head, b.Continues)
}

// Continues checks the proof that the tree of a head begins with that of an earlier one.
func Continues(earlier, head Head, proof []tlog.Hash) error {
	switch {
	case earlier.Origin != head.Origin:
		return fmt.Errorf("the tree heads are of different logs, %s and %s", earlier.Origin, head.Origin)
	case earlier.Size > head.Size:
		return fmt.Errorf("the earlier tree head is of %d messages, the later of %d", earlier.Size, head.Size)
	case earlier.Size == 0:
		return nil // everything continues nothing
	}
	if err := tlog.CheckTree(proof, head.Size, head.Root, earlier.Size, earlier.Root); err != nil {
		return fmt.Errorf("the log of %d messages does not continue the one of %d that was signed: %w", head.Size, earlier.Size, err)
	}
	return nil
}
