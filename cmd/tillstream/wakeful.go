package main

import (
	"context"
	"io"
	"time"
)

// awakeEvery is how long a request may be silent: well below the time after which
// a server gives it up for lost.
const awakeEvery = 10 * time.Second

// wakeful reads lines from where they may be long in coming, and yields a blank
// line, which means nothing, whenever it has waited for the next one for a while.
type wakeful struct {
	pieces chan piece
	awake  func() <-chan time.Time
	rest   []byte
	err    error
	inLine bool // a line has begun, and nothing may be put into it
}

type piece struct {
	bytes []byte
	err   error
}

// newWakeful starts to read r, until it ends or ctx does. A terminal or a pipe
// cannot be told to stop waiting, so that the last read of one may end with the
// program only.
func newWakeful(ctx context.Context, r io.Reader, awake func() <-chan time.Time) *wakeful {
	w := &wakeful{pieces: make(chan piece), awake: awake}
	go func() {
		for {
			b := make([]byte, 64<<10)
			n, err := r.Read(b)
			select {
			case w.pieces <- piece{b[:n], err}:
			case <-ctx.Done():
				return
			}
			if err != nil {
				return
			}
		}
	}()
	return w
}

func (w *wakeful) Read(p []byte) (int, error) {
	for len(w.rest) == 0 {
		if w.err != nil {
			return 0, w.err
		}
		var silence <-chan time.Time
		if !w.inLine {
			silence = w.awake()
		}
		select {
		case got := <-w.pieces:
			w.rest, w.err = got.bytes, got.err
		case <-silence:
			w.rest = []byte("\n")
		}
	}
	n := copy(p, w.rest)
	w.rest = w.rest[n:]
	w.inLine = p[n-1] != '\n'
	return n, nil
}
