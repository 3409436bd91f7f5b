package domain

import (
	"errors"
	"fmt"
	"strconv"
	"unicode/utf8"
)

// ErrNotFound means that what was asked for by name does not exist.
var ErrNotFound = errors.New("not found")

// ErrConflict means that somebody else wrote first: read again, then decide anew.
var ErrConflict = errors.New("changed meanwhile")

// ErrTooOld is returned by [Fold] for a stock movement from before the time for
// which movement ids are kept: whether it was counted already cannot be known.
var ErrTooOld = errors.New("movement is older than the ids that are kept")

// InvalidError says which value is wrong, where it stands, and what is expected
// there. A path is written as in the document: "data.options[1].name".
type InvalidError struct {
	Path   string // where, from the root of the document
	Value  string // what stood there, whole, strings without their JSON quotes; empty when nothing did
	Reason string // what is expected instead
}

// Error has the form "data.quantity: "-1": must be above 0".
func (e *InvalidError) Error() string {
	if e.Value == "" {
		return fmt.Sprintf("%s: %s", e.Path, e.Reason)
	}
	return fmt.Sprintf("%s: %s: %s", e.Path, shorten(e.Value), e.Reason)
}

// UnknownTypeError says that an event's type is none that this program knows. A
// newer program may.
type UnknownTypeError struct{ Type Type }

func (e *UnknownTypeError) Error() string {
	return fmt.Sprintf("type: %s: not an event type of this version of tillstream", shorten(string(e.Type)))
}

// ReusedIDError says that an event's id already belongs to another event of
// which it is no repetition, so that taking it for a duplicate would lose it.
type ReusedIDError struct {
	ID       EventID
	Position Position // where the other event is
}

func (e *ReusedIDError) Error() string {
	return fmt.Sprintf("id: %s: already used by a different event at position %d; an id belongs to one event for ever", shorten(string(e.ID)), e.Position)
}

// shorten quotes s, cut to a length that a person can read in one line.
func shorten(s string) string {
	const most = 80
	if len(s) <= most {
		return strconv.Quote(s)
	}
	cut := most
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return fmt.Sprintf("%q… (%d bytes)", s[:cut], len(s))
}
