package xseries

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/tillstream/tillstream/domain"
)

// Page is one answer of a list: records in the order of their versions.
type Page struct {
	Records []json.RawMessage
	// Max is the highest version in the page, 0 when it has none. The next page is
	// what comes after it.
	Max uint64
}

// ReadPage reads a list in either of its forms: in an envelope with its versions,
// or bare, as the inventory of 2026-07 is.
func ReadPage(body []byte) (Page, error) {
	body = bytes.TrimSpace(body)
	if !json.Valid(body) {
		return Page{}, &domain.InvalidError{Path: "list", Reason: fmt.Sprintf("must be JSON; %d bytes were received", len(body))}
	}
	var p Page
	switch {
	case begins(body, '['):
		p.Records = listOf(body)
	case begins(body, '{'):
		var r record
		if err := json.Unmarshal(body, &r); err != nil {
			return Page{}, &domain.InvalidError{Path: "list", Reason: err.Error()}
		}
		data, ok := r["data"]
		if !ok {
			return Page{}, &domain.InvalidError{Path: "data", Reason: "is required"}
		}
		switch {
		case begins(data, '['):
			p.Records = listOf(data)
		case begins(data, '{') && recordOf(data) != nil: // a list of one, as some answers have it
			p.Records = []json.RawMessage{data}
		}
		p.Max = record{"version": r.below("version").first("max")}.version()
	default:
		return Page{}, &domain.InvalidError{Path: "list", Value: string(body), Reason: "must be a list, or an object with data"}
	}
	for _, raw := range p.Records {
		p.Max = max(p.Max, recordOf(raw).version())
	}
	return p, nil
}
