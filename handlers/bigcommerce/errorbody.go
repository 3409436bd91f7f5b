package bigcommerce

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxText bounds every text taken from an error body, in bytes: it ends up in logs, events and pages.
const maxText = 500

// said is what an error body says. BigCommerce's services answer in several shapes, and the gateway before them in
// plain text or HTML, so that every part may be missing.
type said struct {
	title  string
	code   int
	fields map[string]string
	batch  []BatchError
}

// wireError is the union of the documented shapes. Each part is decoded on its own, so that an odd one costs only itself.
type wireError struct {
	Status json.RawMessage   `json:"status"`
	Code   json.RawMessage   `json:"code"`
	Title  json.RawMessage   `json:"title"`
	Detail json.RawMessage   `json:"detail"`
	Errors json.RawMessage   `json:"errors"`
	Batch  []json.RawMessage `json:"batch_errors"`
}

// decodeError reads any error body; it never fails.
func decodeError(body []byte) said {
	body = bytes.TrimSpace(body)
	var w wireError
	if len(body) == 0 || body[0] != '{' || json.Unmarshal(body, &w) != nil {
		return said{title: plain(body)}
	}
	s := said{title: text(w.Title), code: number(w.Code), fields: fields(w.Errors)}
	if s.title == "" {
		s.title = text(w.Detail)
	}
	for _, raw := range w.Batch {
		var row wireError
		if json.Unmarshal(raw, &row) != nil {
			s.batch = append(s.batch, BatchError{Title: text(raw)})
			continue
		}
		s.batch = append(s.batch, BatchError{Status: number(row.Status), Title: text(row.Title), Fields: fields(row.Errors)})
	}
	return s
}

// fields flattens the errors of a body into field and message. The value may be an object or a list, and a message
// may itself be one of those.
func fields(raw json.RawMessage) map[string]string {
	found := map[string]string{}
	var byName map[string]json.RawMessage
	var list []json.RawMessage
	switch {
	case json.Unmarshal(raw, &byName) == nil && byName != nil:
		for name, message := range byName {
			found[bounded(name)] = text(message)
		}
	case json.Unmarshal(raw, &list) == nil:
		for i, message := range list {
			found[strconv.Itoa(i)] = text(message)
		}
	default:
		if t := text(raw); t != "" {
			found["error"] = t
		}
	}
	if len(found) == 0 {
		return nil
	}
	return found
}

func number(raw json.RawMessage) int {
	n, err := strconv.Atoi(strings.Trim(string(raw), `"`))
	if err != nil {
		return 0
	}
	return n
}

// text returns a string's content, and anything else as the JSON it is.
func text(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return bounded(s)
	}
	return bounded(string(raw))
}

// plain makes a title of a body that is not JSON: an HTML page's own title, or the first line of text.
func plain(body []byte) string {
	s := strings.ToValidUTF8(string(body), "�")
	lower := strings.ToLower(s)
	if strings.HasPrefix(lower, "<") {
		if from := strings.Index(lower, "<title>"); from >= 0 && len(lower) == len(s) {
			rest := s[from+len("<title>"):]
			if to := strings.IndexByte(rest, '<'); to >= 0 {
				return bounded(strings.TrimSpace(rest[:to]))
			}
		}
		return "an HTML page"
	}
	line, _, _ := strings.Cut(s, "\n")
	return bounded(strings.TrimSpace(line))
}

// bounded cuts s to maxText bytes without cutting a character.
func bounded(s string) string {
	s = strings.ToValidUTF8(s, "�")
	if len(s) <= maxText {
		return s
	}
	cut := maxText
	for !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "…"
}
