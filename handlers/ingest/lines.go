package ingest

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/tillstream/tillstream/domain"
)

// MaxLine bounds one event on the wire, in bytes.
const MaxLine = domain.MaxDataSize + 64<<10

// document is one event as it was sent.
type document struct {
	line  int // from 1; in a batch, the place in it
	bytes []byte
	err   error // the document could not even be cut out
}

// documents yields the events of a request body one after the other, io.EOF after
// the last.
type documents interface {
	next() (document, error)
}

// lines reads one JSON document per line. Blank lines are passed over. A line
// past [MaxLine] becomes a document with an error, and reading goes on behind it.
type lines struct {
	r    *bufio.Reader
	line int
}

func newLines(r io.Reader) *lines { return &lines{r: buffered(r)} }

// buffered passes over a UTF-8 byte order mark, which some editors and shells write.
func buffered(r io.Reader) *bufio.Reader {
	in := bufio.NewReaderSize(r, 64<<10)
	if start, err := in.Peek(len(byteOrderMark)); err == nil && string(start) == byteOrderMark {
		_, _ = in.Discard(len(byteOrderMark)) // cannot fail: it was peeked at
	}
	return in
}

const byteOrderMark = "\ufeff"

func (l *lines) next() (document, error) {
	for {
		text, tooLong, err := l.readLine()
		if err != nil {
			return document{}, err
		}
		l.line++
		if tooLong {
			return document{line: l.line, err: &domain.InvalidError{
				Path: "event", Value: fmt.Sprintf("more than %d bytes", MaxLine), Reason: fmt.Sprintf("a line must be at most %d bytes", MaxLine)}}, nil
		}
		if text = bytes.TrimSpace(text); len(text) > 0 {
			return document{line: l.line, bytes: text}, nil
		}
	}
}

// readLine returns the next line, or only that it was too long. The last line
// need not end.
func (l *lines) readLine() (line []byte, tooLong bool, err error) {
	for {
		part, err := l.r.ReadSlice('\n')
		if len(line)+len(part) > MaxLine {
			tooLong, line = true, line[:0]
		}
		if !tooLong {
			line = append(line, part...)
		}
		switch {
		case err == nil:
			return line, tooLong, nil
		case errors.Is(err, bufio.ErrBufferFull):
		case errors.Is(err, io.EOF) && (len(line) > 0 || tooLong):
			return line, tooLong, nil
		default:
			return nil, false, err
		}
	}
}

// single reads the whole body as one document.
type single struct {
	r    io.Reader
	done bool
}

func (s *single) next() (document, error) {
	if s.done {
		return document{}, io.EOF
	}
	s.done = true
	b, err := io.ReadAll(io.LimitReader(s.r, MaxLine+1))
	if err != nil {
		return document{}, err
	}
	if len(b) > MaxLine {
		return document{line: 1, err: &domain.InvalidError{Path: "event", Value: fmt.Sprintf("more than %d bytes", MaxLine), Reason: fmt.Sprintf("must be at most %d bytes", MaxLine)}}, nil
	}
	return document{line: 1, bytes: b}, nil
}
