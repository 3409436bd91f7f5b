package search

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/tillstream/tillstream/domain"
)

// Ask says which messages of a log of a store are to be counted, and by what.
type Ask struct {
	Log      string
	Store    domain.StoreID
	From, To Day  // both included; empty for no bound
	Happened bool // the days are those on which it happened, not of the recording
	// Types, Source and Actor are as [Within] compares them; none for any.
	Types  []string
	Source string
	Actor  string
	By     []Dimension // in the order of the answer's columns
}

// Dimension is what counts are told apart by.
type Dimension string

// The dimensions.
const (
	ByDay    Dimension = "day"
	ByType   Dimension = "type"
	BySource Dimension = "source"
	ByActor  Dimension = "actor"
	ByKind   Dimension = "kind"  // of dead letters only
	ByState  Dimension = "state" // likewise
)

// EventDimensions are those of messages, the usual ones first.
func EventDimensions() []Dimension { return []Dimension{ByDay, ByType, BySource, ByActor} }

// LetterDimensions are those of dead letters, likewise.
func LetterDimensions() []Dimension { return []Dimension{ByDay, ByKind, ByState} }

// ParseDimensions reads names, separated by commas, of which each is one of those that
// may be.
func ParseDimensions(names []string, may ...Dimension) ([]Dimension, error) {
	var out []Dimension
	for _, name := range names {
		d := Dimension(strings.TrimSpace(name))
		if !slices.Contains(may, d) || slices.Contains(out, d) {
			words := make([]string, len(may))
			for i, m := range may {
				words[i] = string(m)
			}
			return nil, fmt.Errorf("%.40q: must be some of %s, each once", name, strings.Join(words, ", "))
		}
		out = append(out, d)
	}
	return out, nil
}

// Count is how many messages are the same in all dimensions that are asked for.
type Count struct {
	Group []string // one for each dimension
	N     uint64
}

// day is the one of a kind that is asked for.
func (a *Ask) day(k *Kind) Day {
	if a.Happened {
		return k.Happened
	}
	return k.Recorded
}

// Takes reports whether messages of a kind are to be counted. What is no event is
// counted by nothing but its log, its store and the day of its recording.
func (a *Ask) Takes(k *Kind) bool {
	day := a.day(k)
	return k.Log == a.Log && k.Store == a.Store &&
		(a.From == "" || day >= a.From) && (a.To == "" || day <= a.To && day != "") &&
		(a.Actor == "" || k.Actor == a.Actor) &&
		(a.Source == "" || Within(string(k.Source), a.Source, "/")) &&
		(len(a.Types) == 0 || slices.ContainsFunc(a.Types, func(t string) bool { return Within(string(k.Type), t, ".") }))
}

// Within reports whether a name is another one, or below it.
func Within(name, other, separator string) bool {
	return name == other || strings.HasPrefix(name, strings.TrimSuffix(other, separator)+separator)
}

// Tally adds up counts, by what is asked for, in the order of the groups.
type Tally struct {
	ask    *Ask
	groups map[string]*Count
}

// NewTally is one of nothing.
func NewTally(ask *Ask) *Tally { return &Tally{ask, map[string]*Count{}} }

// Add counts n messages of a kind, if they are asked for.
func (t *Tally) Add(k *Kind, n uint64) {
	if !t.ask.Takes(k) {
		return
	}
	group := make([]string, len(t.ask.By))
	for i, by := range t.ask.By {
		switch by {
		case ByDay:
			group[i] = string(t.ask.day(k))
		case ByType:
			group[i] = string(k.Type)
		case BySource:
			group[i] = string(k.Source)
		case ByActor:
			group[i] = k.Actor
		}
	}
	t.add(group, n)
}

// AddLetter counts a dead letter, if it is asked for.
func (t *Tally) AddLetter(l *Letter) {
	if l.Store != t.ask.Store || t.ask.From != "" && l.Day < t.ask.From || t.ask.To != "" && l.Day > t.ask.To {
		return
	}
	group := make([]string, len(t.ask.By))
	for i, by := range t.ask.By {
		switch by {
		case ByDay:
			group[i] = string(l.Day)
		case ByKind:
			group[i] = l.Kind
		case ByState:
			group[i] = l.State
		}
	}
	t.add(group, 1)
}

func (t *Tally) add(group []string, n uint64) {
	key := strings.Join(group, "\x00")
	if t.groups[key] == nil {
		t.groups[key] = &Count{Group: group}
	}
	t.groups[key].N += n
}

// Counts are what was added up, ordered by their groups.
func (t *Tally) Counts() []Count {
	out := make([]Count, 0, len(t.groups))
	for _, c := range t.groups {
		out = append(out, *c)
	}
	slices.SortFunc(out, func(a, b Count) int {
		for i := range a.Group {
			if order := cmp.Compare(a.Group[i], b.Group[i]); order != 0 {
				return order
			}
		}
		return 0
	})
	return out
}
