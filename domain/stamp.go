package domain

import (
	"cmp"
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
// when both of two stamps have one, else by the time of the event; at the same
// time, the one with a version is newer. The zero stamp is older than every other.
//
// Events that share a stamp are taken in the order of the log, each once: their
// marks are kept.
//
// Where events with and without versions meet, and versions and times disagree,
// that order can run in a circle. So that an event that comes again can never win
// what it lost before, a stamp also remembers the highest version and the latest
// time it ever had: only what lies beyond them is new.
type Stamp struct {
	Version uint64    `json:"v,omitzero"`
	Time    time.Time `json:"t,omitzero"`
	Marks   []Mark    `json:"m,omitempty"` // of the events at exactly this stamp

	HighVersion uint64    `json:"hv,omitzero"` // when it is above Version
	HighTime    time.Time `json:"ht,omitzero"` // when it is after Time
}

func stampOf(e *Envelope) Stamp {
	return Stamp{Version: e.SourceVersion, Time: e.Time.UTC(), Marks: []Mark{markOf(e)}}
}

// compare is -1 when s is older than t at their source.
func (s Stamp) compare(t Stamp) int {
	if s.Version > 0 && t.Version > 0 {
		return cmp.Compare(s.Version, t.Version)
	}
	if c := s.Time.Compare(t.Time); c != 0 {
		return c
	}
	return cmp.Compare(s.Version, t.Version)
}

// receives is -1 when an event with the stamp next brings nothing new where s is
// held, 1 when it is newer, 0 when both share a stamp.
func (s Stamp) receives(next Stamp) int {
	c := next.compare(s)
	if c > 0 && (next.Version > 0 && next.Version <= s.highVersion() ||
		next.Version == 0 && !next.Time.After(s.highTime())) {
		return -1
	}
	return c
}

func (s Stamp) highVersion() uint64 { return max(s.Version, s.HighVersion) }

func (s Stamp) highTime() time.Time {
	if s.HighTime.After(s.Time) {
		return s.HighTime
	}
	return s.Time
}

// advance decides what becomes of an event with the stamp next where s is held,
// and returns the stamp to hold from then on.
func (s Stamp) advance(next Stamp) (Stamp, Outcome) {
	switch s.receives(next) {
	case -1:
		return s, Superseded
	case 0:
		if slices.Contains(s.Marks, next.Marks[0]) {
			return s, Duplicate
		}
		next.Marks = append(slices.Clone(s.Marks), next.Marks...)
	}
	if high := s.highVersion(); high > next.Version {
		next.HighVersion = high
	}
	if high := s.highTime(); high.After(next.Time) {
		next.HighTime = high
	}
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
