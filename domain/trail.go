package domain

import (
	"strconv"
	"strings"
)

// Trail is where in a log the events of one thing lie: their positions in order, as
// text that a snapshot holds as it is. Where there is no room for another position, a
// trail lets go of those it has, as one [Stretch], and says how many stretches there
// are. The zero Trail is that of no event.
type Trail string

// Stretch is what a trail has let go of at one time. Whoever stores the snapshot stores
// the stretch before it, under the same key and its number. The same events always make the
// same stretches.
type Stretch struct {
	Number uint64 // 1 is the oldest; 0 for no stretch
	Places Trail
}

// MostTrail is how long the trail of an item gets at most, in bytes, and MostTrails
// about how long those of a product's items get together. A position takes six bytes in
// a log of ten million events. Each write of the state bears the trail again, so a longer
// one would cost more; each stretch is a message that is stored, and read again by
// whoever asks for all, so a shorter one would, too.
const (
	MostTrail  = 256
	MostTrails = 64 << 10

	leastTrail = 96
)

// trailOf is how long the trail of each of a product's n items may get.
func trailOf(n int) int { return max(min(MostTrails/max(n, 1), MostTrail), leastTrail) }

// trailCut begins a Trail that has let go of positions, before the number of stretches.
const trailCut = "*"

// With returns t with one more position, behind those it has, in at most so many bytes,
// and what it lets go of. There has to be room for a number and one position.
func (t Trail) With(at Position, most int) (Trail, Stretch) {
	var room [MostTrail + 16]byte
	next := append(room[:0], t...)
	if t != "" {
		next = append(next, '.')
	}
	next = strconv.AppendUint(next, uint64(at), 36)
	if len(next) <= most {
		return Trail(next), Stretch{}
	}
	gone, places, valid := t.cut()
	if !valid {
		return t, Stretch{} // nobody goes by it
	}
	next = append(room[:0], trailCut...)
	next = strconv.AppendUint(next, gone+1, 36)
	next = append(next, '.')
	next = strconv.AppendUint(next, uint64(at), 36)
	return Trail(next), Stretch{gone + 1, Trail(places)}
}

// cut returns how many stretches t has let go of, and what follows.
func (t Trail) cut() (gone uint64, places string, valid bool) {
	text, cut := strings.CutPrefix(string(t), trailCut)
	if !cut {
		return 0, text, true
	}
	number, places, _ := strings.Cut(text, ".")
	gone, err := strconv.ParseUint(number, 36, 64)
	return gone, places, err == nil && gone > 0 && places != ""
}

// Positions returns what t has, oldest first, and how many stretches lie before. It is
// not valid when it was not made by [Trail.With].
func (t Trail) Positions() (at []Position, gone uint64, valid bool) {
	gone, places, valid := t.cut()
	if !valid || places == "" {
		return nil, 0, valid
	}
	for word := range strings.SplitSeq(places, ".") {
		n, err := strconv.ParseUint(word, 36, 64)
		if err != nil {
			return nil, 0, false
		}
		at = append(at, Position(n))
	}
	return at, gone, true
}
