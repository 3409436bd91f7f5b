package domain

import (
	"bytes"
	"strconv"
	"strings"
)

// Trail is where in a log the events of one thing lie: their positions in order, as
// text that a snapshot holds as it is. It has room for some, and lets go of the
// oldest first. The zero Trail is that of no event.
type Trail string

// MostTrail is how long the trail of an item gets at most, in bytes, and MostTrails
// about how long those of a product's items get together. A position takes six bytes in
// a log of ten million events. Each write of the state bears the trail again, and each
// position that is read costs the server a block of the log, so a longer trail would
// cost more and not help.
const (
	MostTrail  = 256
	MostTrails = 64 << 10

	leastTrail = 96
)

// trailOf is how long the trail of each of a product's n items may get.
func trailOf(n int) int { return max(min(MostTrails/max(n, 1), MostTrail), leastTrail) }

// trailCut begins a Trail that has let go of positions.
const trailCut = "*"

// With returns t with one more position, behind those it has, in at most so many
// bytes.
func (t Trail) With(at Position, most int) Trail {
	var room [MostTrail + 16]byte
	next := append(room[:0], t...)
	if t != "" {
		next = append(next, '.')
	}
	next = strconv.AppendUint(next, uint64(at), 36)
	if len(next) <= most {
		return Trail(next)
	}
	rest := bytes.TrimPrefix(next, []byte(trailCut+"."))
	for len(trailCut)+1+len(rest) > most {
		_, rest, _ = bytes.Cut(rest, []byte("."))
	}
	return Trail(trailCut + "." + string(rest))
}

// Positions returns what t has room for, oldest first, and whether that is all.
func (t Trail) Positions() (at []Position, all bool) {
	text, cut := strings.CutPrefix(string(t), trailCut+".")
	if text == "" {
		return nil, !cut
	}
	for word := range strings.SplitSeq(text, ".") {
		n, err := strconv.ParseUint(word, 36, 64)
		if err != nil {
			return nil, false
		}
		at = append(at, Position(n))
	}
	return at, !cut
}
