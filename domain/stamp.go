package domain

import (
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"time"
)

// Mark identifies one event in a few bytes: 96 bits of a hash of its source and
// id, in base64.
type Mark string

func markOf(e *Envelope) Mark {
	sum := sha256.Sum256([]byte(string(e.Source) + "\x00" + string(e.ID)))
	return Mark(base64.RawURLEncoding.EncodeToString(sum[:12]))
}

// Stamp says how new a value is at its source: by the source's version numbers
// when both of two stamps have one, else by the time of the event. The zero stamp
// is older than every other.
//
// Events that share a stamp are taken in the order of the log, each once: their
// marks are kept.
type Stamp struct {
	Version uint64    `json:"v,omitzero"`
	Time    time.Time `json:"t,omitzero"`
	Marks   []Mark    `json:"m,omitempty"` // of the events at exactly this stamp
}

func stampOf(e *Envelope) Stamp {
	return Stamp{Version: e.SourceVersion, Time: e.Time.UTC(), Marks: []Mark{markOf(e)}}
}

// compare is -1 when s is older than t at their source.
func (s Stamp) compare(t Stamp) int {
	if s.Version > 0 && t.Version > 0 {
		switch {
		case s.Version < t.Version:
			return -1
		case s.Version > t.Version:
			return 1
		}
		return 0
	}
	return s.Time.Compare(t.Time)
}

// advance decides what becomes of an event with the stamp next where s is held,
// and returns the stamp to hold from then on.
func (s Stamp) advance(next Stamp) (Stamp, Outcome) {
	switch next.compare(s) {
	case -1:
		return s, Superseded
	case 1:
		return next, Folded
	}
	if slices.Contains(s.Marks, next.Marks[0]) {
		return s, Duplicate
	}
	next.Marks = append(slices.Clone(s.Marks), next.Marks...)
	return next, Folded
}

// Outcome is what became of an event that could be folded at all.
type Outcome string

const (
	// Folded: the event is part of the state.
	Folded Outcome = "folded"
	// Superseded: the state already holds something newer from the same source.
	Superseded Outcome = "superseded"
	// Duplicate: the state already holds this very event.
	Duplicate Outcome = "duplicate"
)
