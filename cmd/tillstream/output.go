package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	pretty "github.com/jedib0t/go-pretty/v6/text"
	"golang.org/x/term"
)

// screen is one of the two outputs: a terminal, with its width and perhaps
// colours, or something that wants plain text.
type screen struct {
	io.Writer
	terminal bool
	colours  bool
	width    int // of a terminal
}

func newScreen(w io.Writer, getenv func(string) string) *screen {
	s := &screen{Writer: w}
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		s.terminal = true
		s.colours = getenv("NO_COLOR") == "" && getenv("TERM") != "dumb"
		s.width = 80
		if width, _, err := term.GetSize(int(f.Fd())); err == nil && width > 0 {
			s.width = width
		}
	}
	return s
}

// colour is the SGR number of one.
type colour int

const (
	bold   colour = 1
	faint  colour = 2
	red    colour = 31
	green  colour = 32
	yellow colour = 33
)

func (s *screen) paint(c colour, words string) string {
	if !s.colours || words == "" {
		return words
	}
	return fmt.Sprintf("\x1b[%dm%s\x1b[0m", c, words)
}

// state shows where a product stands, good in green, bad in red.
func (s *screen) state(state string) string {
	switch state {
	case "confirmed", "linked", "created", "updated", "folded", "approved":
		return s.paint(green, state)
	case "refused", "broken", "quarantined", "dead_letter", "nothing", "image_refused", "unoffered":
		return s.paint(red, state)
	case "pending", "differs", "held":
		return s.paint(yellow, state)
	}
	return s.paint(faint, state)
}

// table writes rows below a header, in columns as wide as they need. On a terminal
// it leaves out empty columns and is cut to the width; elsewhere every column is
// there for whoever takes the table apart. Cells may be painted; what is in them otherwise comes
// from elsewhere and must be [oneLine].
func (s *screen) table(header []string, rows [][]string) {
	t := table.NewWriter()
	style := table.StyleDefault
	style.Options = table.OptionsNoBordersAndSeparators
	style.Box.PaddingLeft, style.Box.PaddingRight = "", "  "
	style.Format.Header = pretty.FormatDefault
	if s.terminal {
		style.Size.WidthMax = s.width
		t.SuppressEmptyColumns()
		style.Box.UnfinishedRow = "…"
	}
	t.SetStyle(style)
	t.SuppressTrailingSpaces()
	line := func(cells []string) table.Row {
		row := make(table.Row, len(cells))
		for i, cell := range cells {
			row[i] = cell
		}
		return row
	}
	painted := make([]string, len(header))
	for i, h := range header {
		painted[i] = s.paint(faint, h)
	}
	t.AppendHeader(line(painted))
	for _, r := range rows {
		t.AppendRow(line(r))
	}
	fmt.Fprintln(s, t.Render())
}

// document writes a JSON document for people and programs alike.
func (s *screen) document(v any) error {
	e := json.NewEncoder(s)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// line writes one line of formatted text.
func (s *screen) line(format string, args ...any) {
	fmt.Fprintf(s, format+"\n", args...)
}

// moment shows a time in UTC to the second, and nothing for none.
func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04:05Z")
}

// count shows a number with its noun: 1 event, 2 events, 12,000 events.
func count(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return thousands(n) + " " + noun
}

// are is a count with its verb: 1 product is, 2 products are.
func are(n int, noun string) string {
	if n == 1 {
		return count(n, noun) + " is"
	}
	return count(n, noun) + " are"
}

// mostBrief is how much of a reason is shown where it is one of several things, in
// characters; show has it whole.
const mostBrief = 300

// brief shows a reason on one line, cut to what a list has room for.
func brief(reason string) string {
	reason = oneLine(reason)
	if r := []rune(reason); len(r) > mostBrief {
		return string(r[:mostBrief-1]) + "…"
	}
	return reason
}

// some is a number with its word, and nothing for none.
func some(n int, word string) string {
	if n == 0 {
		return ""
	}
	return thousands(n) + " " + word
}

func thousands(n int) string {
	digits := strconv.Itoa(n)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// sentence joins parts with commas and leaves empty ones out.
func sentence(parts ...string) string {
	var kept []string
	for _, p := range parts {
		if p != "" {
			kept = append(kept, p)
		}
	}
	return strings.Join(kept, ", ")
}
