package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
)

// progress shows how far a file is: a bar on a terminal, which disappears at the
// end, and otherwise a line for a step, at most one in a second.
type progress struct {
	screen *screen
	now    func() time.Time
	last   time.Time                // of the last line
	bar    *progressbar.ProgressBar // nil when there is nothing to draw
	what   string
}

// newProgress is about reading a file of that many bytes; 0 when nobody knows.
func (c *cli) newProgress(what string, size int64) *progress {
	s := c.stderr
	p := &progress{screen: s, now: c.now, what: what}
	if s.terminal && size > 0 {
		p.bar = progressbar.NewOptions64(size,
			progressbar.OptionSetWriter(s), progressbar.OptionSetDescription(what), progressbar.OptionShowBytes(true),
			progressbar.OptionClearOnFinish(), progressbar.OptionUseANSICodes(true), progressbar.OptionFullWidth(),
			progressbar.OptionEnableColorCodes(false))
	}
	return p
}

// reader passes on what r yields and counts it.
func (p *progress) reader(r io.Reader) io.Reader {
	if p.bar == nil {
		return r
	}
	counting := progressbar.NewReader(r, p.bar)
	return &counting
}

// step tells where it is.
func (p *progress) step(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if p.bar != nil {
		p.bar.Describe(p.what + ": " + text)
		return
	}
	if now := p.now(); now.Sub(p.last) >= time.Second {
		p.last = now
		p.screen.line("%s: %s", p.what, text)
	}
}

// aside clears the bar, so that lines may be written, until the next step.
func (p *progress) aside() {
	if p.bar != nil {
		// Drawing is best effort.
		_ = p.bar.Clear()
	}
}

// end removes the bar.
func (p *progress) end() {
	if p.bar != nil {
		_ = p.bar.Finish()
		_ = p.bar.Clear()
	}
}

// source opens a file to read, or standard input for "-". The size is 0 when it
// is not known.
func (c *cli) source(name string) (io.ReadCloser, int64, error) {
	if name == "-" {
		return io.NopCloser(c.stdin), 0, nil
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, 0, err
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, 0, err
	}
	if info.IsDir() {
		f.Close()
		return nil, 0, fmt.Errorf("%s is a folder; name a file in it", name)
	}
	if !info.Mode().IsRegular() {
		return f, 0, nil
	}
	return f, info.Size(), nil
}
