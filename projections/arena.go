package projections

import (
	"strings"
)

// arena is where the index of a store lies that goes only with the store: many rows, many
// items and many texts in one piece of memory each. With a piece for every one of them, the
// garbage collector would spend more time on looking at a million products, again and
// again, than a rebuild does on folding. Nothing is ever given back.
type arena struct {
	texts  strings.Builder
	rows   []*[arenaRows]row // by their numbers
	count  int               // of the rows
	places []place
}

// How much a piece holds.
const (
	arenaText = 1 << 15 // bytes
	arenaRows = 1 << 7
)

// text returns a copy of s.
func (a *arena) text(s string) string {
	if len(s) > arenaText/8 {
		return strings.Clone(s)
	}
	if a.texts.Cap()-a.texts.Len() < len(s) {
		a.texts = strings.Builder{}
		a.texts.Grow(arenaText)
	}
	begun := a.texts.Len()
	a.texts.WriteString(s)
	return a.texts.String()[begun:]
}

// row returns a new row.
func (a *arena) row() *row {
	if a.count == len(a.rows)*arenaRows {
		a.rows = append(a.rows, new([arenaRows]row))
	}
	n := uint32(a.count)
	a.count++
	r := a.at(n)
	r.number = n
	return r
}

// at returns the row with a number.
func (a *arena) at(number uint32) *row { return &a.rows[number/arenaRows][number%arenaRows] }

// room returns room for n items.
func (a *arena) room(n int) []place {
	if n > arenaRows/8 {
		return make([]place, n)
	}
	if len(a.places) < n {
		a.places = make([]place, arenaRows)
	}
	some := a.places[:n:n]
	a.places = a.places[n:]
	return some
}
