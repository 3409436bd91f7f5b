package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/tillstream/tillstream/handlers/problem"
	"github.com/tillstream/tillstream/streams"
)

// The exit codes.
const (
	exitDone    = 0
	exitFailed  = 1
	exitMisuse  = 2 // of the command line or the settings
	exitDiffers = 3 // what was compared is not the same
)

// errDiffers says that what was compared is not the same. It is a result that was
// printed, and no failure to tell of.
var errDiffers = errors.New("it differs")

// hintedError is an error with something to try.
type hintedError struct {
	error
	hint string
}

func (e *hintedError) Unwrap() error { return e.error }

// withHint adds a command or setting to try. The hint of an outer error is told.
func withHint(err error, hint string) error { return &hintedError{err, hint} }

// misuseError says that the command line was wrong.
type misuseError struct{ error }

func (e *misuseError) Unwrap() error { return e.error }

func misuse(format string, args ...any) error { return &misuseError{fmt.Errorf(format, args...)} }

// exitCode classifies how a run ended.
func exitCode(err error) int {
	var wrong *misuseError
	var settings *ConfigError
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &wrong), errors.As(err, &settings):
		return exitMisuse
	case errors.Is(err, errDiffers):
		return exitDiffers
	}
	return exitFailed
}

// explain writes one error for whoever typed the command.
func explain(w io.Writer, err error) {
	hint := hintOf(err)
	if errors.Is(err, context.Canceled) {
		err = errors.New("interrupted")
	}
	fmt.Fprintf(w, "tillstream: %s\n", printable(err.Error()))
	// Errors of the broker say by themselves what to do.
	if hint != "" && !strings.Contains(err.Error(), hint) {
		fmt.Fprintf(w, "try: %s\n", printable(hint))
	}
}

func hintOf(err error) string {
	var hinted *hintedError
	var settings *ConfigError
	var details *problem.Details
	var unavailable *streams.UnavailableError
	switch {
	case errors.As(err, &hinted):
		return hinted.hint
	case errors.As(err, &settings):
		return settings.Hint
	case errors.As(err, &details):
		return details.Hint
	case errors.As(err, &unavailable):
		return unavailable.Hint
	}
	return ""
}

// printable takes out of a text what would move a terminal's cursor or change its
// colours: names of products come from elsewhere. Line breaks stay.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < 0x20 && r != '\n' && r != '\t' || r >= 0x7f && r < 0xa0 {
			return '�'
		}
		return r
	}, s)
}

// oneLine is printable without line breaks.
func oneLine(s string) string {
	return printable(strings.Join(strings.Fields(s), " "))
}
