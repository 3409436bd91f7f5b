package ingest

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/tillstream/tillstream/domain"
)

// batch cuts a JSON array into its elements. It follows brackets and strings only:
// whether an element is JSON is found out by whoever decodes it, so that a wrong
// one stops no other. One past [MaxLine] becomes a document with an error, and is
// not kept; a decoder of the standard library would hold all of it.
type batch struct {
	r    *bufio.Reader
	line int // the place in the array
	last bool
}

func newBatch(r io.Reader) *batch { return &batch{r: buffered(r)} }

func (b *batch) next() (document, error) {
	if b.last {
		return document{}, b.end()
	}
	if b.line == 0 {
		if c, err := b.token(); err != nil && !errors.Is(err, io.EOF) {
			return document{}, err
		} else if c != '[' {
			return document{}, &domain.InvalidError{Path: "body", Reason: "must be a JSON array of events"}
		}
	}
	text, size, err := b.element()
	if errors.Is(err, io.EOF) {
		return document{}, &domain.InvalidError{Path: "body", Reason: "the JSON array does not end: the rest was not received"}
	}
	if err != nil {
		return document{}, err
	}
	if b.line++; size > MaxLine {
		return document{line: b.line, err: &domain.InvalidError{Path: "event", Value: fmt.Sprintf("%d bytes", size), Reason: fmt.Sprintf("must be at most %d bytes", MaxLine)}}, nil
	}
	if text = bytes.TrimSpace(text); len(text) == 0 && b.last && b.line == 1 {
		return document{}, b.end() // of an empty array
	}
	return document{line: b.line, bytes: text}, nil
}

// element reads to the comma or bracket that ends an element, and returns it, or
// only its size when it is too large.
func (b *batch) element() (text []byte, size int, err error) {
	depth, quoted, escaped := 0, false, false
	for {
		c, err := b.r.ReadByte()
		if err != nil {
			return nil, 0, err
		}
		switch {
		case escaped:
			escaped = false
		case quoted:
			escaped, quoted = c == '\\', c != '"'
		case c == '"':
			quoted = true
		case c == '{' || c == '[':
			depth++
		case depth == 0 && (c == ',' || c == ']'):
			b.last = c == ']'
			return text, size, nil
		case depth > 0 && (c == '}' || c == ']'):
			depth--
		}
		if size++; size > MaxLine {
			text = nil
		} else {
			text = append(text, c)
		}
	}
}

// end is io.EOF when nothing follows the array: what does would be lost.
func (b *batch) end() error {
	if _, err := b.token(); err != nil {
		return err
	}
	return &domain.InvalidError{Path: "body", Reason: "something follows the JSON array: send one array in a request"}
}

// token returns the next byte that is no white space.
func (b *batch) token() (byte, error) {
	for {
		if c, err := b.r.ReadByte(); err != nil || !bytes.ContainsRune([]byte(" \t\r\n"), rune(c)) {
			return c, err
		}
	}
}
