package csv

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/tillstream/tillstream/domain"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/unicode"
)

// peeked is how much of a file is looked at before it is read.
const peeked = 4096

// text makes UTF-8 of a file. A byte order mark says what the file is; without
// one it is of the encoding that is named, or UTF-8. Converted says that what the
// encoding does not have has become U+FFFD.
//
// What is no text is refused by the name of what it is.
func text(r io.Reader, name string) (in io.Reader, converted bool, err error) {
	buffered := bufio.NewReaderSize(r, 64<<10)
	start, err := buffered.Peek(peeked)
	if err != nil && !errors.Is(err, io.EOF) {
		// It is told when what was read before it is.
		buffered = bufio.NewReader(io.MultiReader(bytes.NewReader(bytes.Clone(start)), failing{err}))
	}
	var from encoding.Encoding
	if name != "" {
		if from, err = EncodingNamed(name); err != nil {
			return nil, false, err
		}
	}
	switch marked, size := byteOrderMark(start); {
	case size > 0:
		from = marked
		if _, err := buffered.Discard(size); err != nil {
			return nil, false, fmt.Errorf("read header: %w", err)
		}
	case from == nil || from == unicode.UTF8:
		if what := notText(start); what != "" {
			return nil, false, &HeaderError{Reason: what}
		}
	}
	if from == nil || from == unicode.UTF8 {
		return buffered, false, nil
	}
	return from.NewDecoder().Reader(buffered), true, nil
}

// failing is a reader that has broken.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// EncodingNamed finds an encoding by a name that browsers know, such as
// "windows-1252" or "utf-16le".
func EncodingNamed(name string) (encoding.Encoding, error) {
	e, err := htmlindex.Get(name)
	if err != nil {
		return nil, &domain.InvalidError{Path: "encoding", Value: name, Reason: "is not known: use a name such as utf-8, utf-16le, windows-1252 or macintosh"}
	}
	return e, nil
}

// byteOrderMark returns the encoding that a file begins with the mark of, nil for
// UTF-8, and the mark's size, 0 for none.
func byteOrderMark(start []byte) (encoding.Encoding, int) {
	switch {
	case bytes.HasPrefix(start, []byte("\xef\xbb\xbf")):
		return nil, 3
	case bytes.HasPrefix(start, []byte("\xff\xfe")) && !bytes.HasPrefix(start, []byte("\xff\xfe\x00\x00")):
		return unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM), 2
	case bytes.HasPrefix(start, []byte("\xfe\xff")):
		return unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM), 2
	}
	return nil, 0
}

// saveAs is what to do about a file that is none of ours.
const saveAs = "save the table as CSV UTF-8"

// notText says what a file is instead of text; empty for text.
func notText(start []byte) string {
	for _, other := range []struct{ begin, is string }{
		{"PK\x03\x04", "an Excel workbook (.xlsx) or another ZIP archive: " + saveAs},
		{"PK\x05\x06", "an empty ZIP archive: " + saveAs},
		{"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Excel workbook (.xls): " + saveAs},
		{"\x1f\x8b", "compressed with gzip: unpack it first"},
		{"%PDF-", "a PDF: " + saveAs},
		{"{\\rtf", "a Rich Text document: " + saveAs},
	} {
		if bytes.HasPrefix(start, []byte(other.begin)) {
			return "the file is " + other.is
		}
	}
	if page := strings.ToLower(string(bytes.TrimSpace(start))); strings.HasPrefix(page, "<!doctype html") || strings.HasPrefix(page, "<html") {
		return "the file is a web page: was the export made without being logged in?"
	}
	switch even, odd := zeros(start); {
	case even == 0 && odd > 0 && odd > len(start)/4:
		return "the file is UTF-16 without a byte order mark: name its encoding, utf-16le, or " + saveAs
	case odd == 0 && even > 0 && even > len(start)/4:
		return "the file is UTF-16 without a byte order mark: name its encoding, utf-16be, or " + saveAs
	}
	if header, _, _ := bytes.Cut(start, []byte("\n")); bytes.IndexByte(header, 0) >= 0 {
		return fmt.Sprintf("the file is no text: byte %d is 0: %s", bytes.IndexByte(header, 0)+1, saveAs)
	}
	if !bytes.Contains(start, []byte("\n")) && bytes.Contains(start, []byte("\r")) {
		return "the lines end as those of an old Macintosh do: " + saveAs
	}
	return ""
}

// zeros counts the bytes that are 0 at even and at odd places.
func zeros(b []byte) (even, odd int) {
	for i, c := range b {
		switch {
		case c != 0:
		case i%2 == 0:
			even++
		default:
			odd++
		}
	}
	return even, odd
}

// notUTF8 says that a text is not UTF-8, and how it would read in the encoding
// that spreadsheets of western languages save in unless told otherwise. That is a
// guess, which is not for us to act on.
func notUTF8(s string) string {
	reason := "is not UTF-8"
	guess, err := charmap.Windows1252.NewDecoder().String(s)
	if err == nil && !strings.ContainsRune(guess, '\ufffd') {
		reason += fmt.Sprintf("; as windows-1252 it would read %.60q: if that is right, name the encoding, or else", guess)
		return reason + " save the file as CSV UTF-8"
	}
	return reason + ": save the file as CSV UTF-8"
}
