package main

import (
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

// TestWakeful: what is read comes through as it is, with blank lines in the pauses
// between lines and none within a line.
func TestWakeful(t *testing.T) {
	t.Parallel()
	source, write := io.Pipe()
	silence := make(chan time.Time)
	asked := make(chan struct{}, 10)
	w := newWakeful(t.Context(), source, func() <-chan time.Time {
		asked <- struct{}{}
		return silence
	})
	read := func() string {
		b := make([]byte, 100)
		n, err := w.Read(b)
		if err != nil {
			return err.Error()
		}
		return string(b[:n])
	}
	step := func(what, want string) {
		t.Helper()
		if got := read(); got != want {
			t.Fatalf("%s: got %q, want %q", what, got, want)
		}
	}
	go func() { silence <- time.Time{} }()
	step("silence before the first line", "\n")
	go io.WriteString(write, `{"id":`)
	step("a line begins", `{"id":`)
	before := len(asked)
	go io.WriteString(write, "1}\n")
	step("the line ends", "1}\n")
	if len(asked) != before {
		t.Error("within a line, a blank line could have been put in")
	}
	go func() { silence <- time.Time{} }()
	step("silence after a line", "\n")
	go write.Close()
	step("the end", "EOF")
	step("after the end", "EOF")
}

func TestWakeful_Whole(t *testing.T) {
	t.Parallel()
	want := strings.Repeat("a line\n", 50_000)
	w := newWakeful(t.Context(), iotest.DataErrReader(strings.NewReader(want)), func() <-chan time.Time { return nil })
	got, err := io.ReadAll(iotest.OneByteReader(w))
	if err != nil || string(got) != want {
		t.Errorf("got %d bytes and %v, want all %d", len(got), err, len(want))
	}
}
