package search

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/tillstream/tillstream/domain"
)

// The logs, by the names that kinds have them under.
const (
	POS  = "POS"
	Sync = "SYNC"
)

// Day is a day in UTC, as 2026-11-01. Days are ordered as texts are.
type Day string

// DayOf is the day of a moment.
func DayOf(t time.Time) Day { return Day(t.UTC().Format(time.DateOnly)) }

// ParseDay reads a day.
func ParseDay(text string) (Day, error) {
	t, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return "", fmt.Errorf("must be a day such as 2026-11-01")
	}
	return DayOf(t), nil
}

// Kind is what messages of a log have in common that are counted together.
type Kind struct {
	Log      string
	Store    domain.StoreID // empty when the subject names none
	Recorded Day            // when the log got it
	Happened Day            // when it happened in the POS, or on our side; empty of what is no event
	Type     domain.Type    // likewise
	Source   domain.SourceID
	Actor    string
}

// KindOf is the kind of a message. What is no event comes with the reason.
func KindOf(log string, rec *domain.Recorded, unreadable error) Kind {
	k := Kind{Log: log, Store: rec.Store, Recorded: DayOf(rec.RecordedAt)}
	if unreadable == nil {
		k.Happened, k.Type, k.Source, k.Actor = DayOf(rec.Time), rec.Type, rec.Source, rec.Actor
	}
	return k
}

// AppendPositions writes positions, which are above the last one and in order, each as
// the distance from the one before.
func AppendPositions(b []byte, last domain.Position, at ...domain.Position) []byte {
	for _, p := range at {
		b = binary.AppendUvarint(b, uint64(p-last))
		last = p
	}
	return b
}

// Positions reads what [AppendPositions] has written, beginning from 0.
func Positions(b []byte) ([]domain.Position, error) {
	var out []domain.Position
	last := domain.Position(0)
	for len(b) > 0 {
		step, n := binary.Uvarint(b)
		if n <= 0 {
			return nil, fmt.Errorf("positions end in the middle of one")
		}
		last += domain.Position(step)
		out, b = append(out, last), b[n:]
	}
	return out, nil
}

// OpenLetter is the state of a letter that nobody has resolved.
const OpenLetter = "open"

// Letter is what the index holds of a dead letter.
type Letter struct {
	ID    domain.Position // in the log of dead letters
	Store domain.StoreID
	Kind  string
	Day   Day    // on which it was found out
	State string // open, or what became of it
}

// Resolution is what became of a letter.
type Resolution struct {
	ID    domain.Position
	State string
}
