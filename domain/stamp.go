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
	var room [256]byte
	text := append(append(append(room[:0], e.Source...), 0), e.ID...)
	sum := sha256.Sum256(text)
	return Mark(base64.RawURLEncoding.AppendEncode(room[:0], sum[:12]))
}

// moment is when an event happened at its source.
type moment struct {
	version uint64 // 0 when the source has none
	time    time.Time
	mark    Mark
	alone   []Mark // the mark; all stamps share it of which the event is the newest, and nobody changes it
}

func momentOf(e *Envelope) moment {
	return newMoment(e.SourceVersion, e.Time.UTC(), markOf(e))
}

func newMoment(version uint64, at time.Time, mark Mark) moment {
	return moment{version, at, mark, []Mark{mark}}
}

// after reports whether m is newer than n: by the source's version numbers when
// both have one, else by time.
func (m moment) after(n moment) bool {
	if m.version > 0 && n.version > 0 {
		return m.version > n.version
	}
	return m.time.After(n.time)
}

// Stamp says how new a value is at its source. It is two clocks that only go
// forward: the highest version and the latest time of the events in the value. An
// event with a version is new when its version is above the stamp's, whatever
// the time says; an event without one is new when its time is after the stamp's.
// The zero stamp is older than every event.
//
// One order over both kinds would not do: where versions and times disagree it
// runs in a circle, and an event sent again would win what it had lost.
//
// Events that share a version, or have none and share a time, are taken in the
// order of the log, each once: their marks are kept.
type Stamp struct {
	Version   uint64    `json:"v,omitzero"`
	Versioned []Mark    `json:"vm,omitempty"` // of the events at Version
	Time      time.Time `json:"t,omitzero"`
	Timed     []Mark    `json:"tm,omitempty"` // of the events without a version at Time
}

// advance decides what becomes of an event where s is held, and returns the stamp
// to hold from then on.
func (s Stamp) advance(m moment) (Stamp, Outcome) {
	order, marks := cmp.Compare(m.version, s.Version), &s.Versioned
	if m.version == 0 {
		order, marks = m.time.Compare(s.Time), &s.Timed
	}
	switch {
	case order < 0:
		return s, Superseded
	case order > 0:
		*marks = m.alone
	case slices.Contains(*marks, m.mark):
		return s, Duplicate
	default:
		*marks = append(slices.Clone(*marks), m.mark)
	}
	if m.version > 0 {
		s.Version = m.version
		if m.time.After(s.Time) {
			s.Timed = nil // no event without a version was this late
		}
	}
	if m.time.After(s.Time) {
		s.Time = m.time
	}
	return s, Folded
}

// covers reports whether what s stamps was read after m, so that m is in it. It
// goes by version when both sides have one, else by time.
func (s Stamp) covers(m moment) bool {
	return moment{version: s.Version, time: s.Time}.after(m)
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
