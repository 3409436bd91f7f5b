package simulator

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"regexp"
	"strings"
)

// spoil is what a fault makes of the reply to a request that was done.
func (f Fault) spoil(answer response) response {
	switch f.Kind {
	case Partial:
		return partly(answer, map[string]string{"inventory_level": "could not be saved"})
	case InvalidUTF8:
		answer.body = bytes.ReplaceAll(answer.body, []byte(`":"`), []byte("\":\"\xff\xfe"))
	case StringIDs:
		answer.body = idsAsNumbers.ReplaceAll(answer.body, []byte(`$1"$2"`))
	case Huge:
		size := f.Size
		if size == 0 {
			size = defaultHuge
		}
		if rest, isObject := bytes.CutPrefix(answer.body, []byte{'{'}); isObject {
			answer.stream = io.MultiReader(strings.NewReader(`{"padding":"`), io.LimitReader(padding{}, int64(size)), strings.NewReader(`",`), bytes.NewReader(rest))
		}
	}
	return answer
}

// idsAsNumbers finds the ids in JSON.
var idsAsNumbers = regexp.MustCompile(`("(?:\w+_)?id":)(\d+)`)

// partly makes a success a partial one: what was asked is done, except for what the fields name.
func partly(answer response, wrong map[string]string) response {
	var body map[string]json.RawMessage
	if answer.status != http.StatusOK || json.Unmarshal(answer.body, &body) != nil {
		return answer
	}
	part := &problem{status: http.StatusMultiStatus, title: "The entity was saved, but not all of it", fields: wrong}
	body["errors"] = mustJSON(part.body())
	return response{status: http.StatusMultiStatus, body: mustJSON(body)}
}

// padding is text without an end.
type padding struct{}

func (padding) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

// dribble reads a little at a time, and before each time waits for as long as the client does.
type dribble struct {
	rest io.Reader
	size int
	wait func() bool
}

func (d dribble) Read(p []byte) (int, error) {
	if !d.wait() {
		return 0, io.ErrUnexpectedEOF
	}
	return d.rest.Read(p[:min(len(p), d.size)])
}
