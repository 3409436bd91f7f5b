package projections

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/tillstream/tillstream/domain"
)

// Sought is a [Log] of which single messages can be read for what they cost, however
// long the log is.
type Sought interface {
	Log
	// Count returns how many messages of one store and id there are.
	Count(ctx context.Context, store domain.StoreID, id string) (uint64, error)
	// Places returns where they lie, up to a position, in order. It costs as much as to
	// read the log from the first of them to the last.
	Places(ctx context.Context, store domain.StoreID, id string, to domain.Position) ([]domain.Position, error)
	// ReadAt is Read of the messages at some positions, which are in order.
	ReadAt(ctx context.Context, at []domain.Position, each func(domain.Recorded, error) error) error
	// After returns the first position that was recorded at a time or later, and the
	// one behind the last when there is none.
	After(ctx context.Context, at time.Time) (domain.Position, error)
}

// strands are the ids of one store that are read together, each with its trail. What is
// not in a trail, such as dead letters, is found by counting.
type strands struct {
	log    Log
	store  domain.StoreID
	trails map[string]domain.Trail
	// stretches returns the positions that a trail has let go of: its first n stretches.
	stretches func(ctx context.Context, store domain.StoreID, id string, n uint64) ([]domain.Position, error)
	// aside returns where messages of an id lie that no trail has; nil for nowhere.
	aside func(ctx context.Context, id string) ([]domain.Position, error)

	// concerns reports whether a message may be in the trail of one of the ids.
	concerns func(*domain.Recorded) bool

	found   map[string]strand
	letters map[string][]domain.Position
}

// strand is where the messages of one id lie that were folded.
type strand struct {
	at    []domain.Position // in order
	whole bool              // these are all; otherwise nothing is known
}

// strand follows the trail of an id.
func (s *strands) strand(ctx context.Context, id string) (strand, error) {
	if is, known := s.found[id]; known {
		return is, nil
	}
	var is strand
	var gone uint64
	is.at, gone, is.whole = s.trails[id].Positions()
	if gone > 0 {
		before, err := s.stretches(ctx, s.store, id, gone)
		switch {
		case errors.Is(err, domain.ErrNotFound):
			is = strand{}
		case err != nil:
			return strand{}, err
		default:
			is.at = append(before, is.at...)
		}
	}
	// A stretch is a value of its own: one that is not what it was may not pass for all.
	for i := range is.at {
		if i > 0 && is.at[i] <= is.at[i-1] {
			is = strand{}
			break
		}
	}
	if s.found == nil {
		s.found = map[string]strand{}
	}
	s.found[id] = is
	return is, nil
}

// putAside reports whether a message is a dead letter, of which no trail has its position.
func (s *strands) putAside(ctx context.Context, rec *domain.Recorded) (bool, error) {
	if s.aside == nil {
		return true, nil
	}
	at, known := s.letters[rec.Subject]
	if !known {
		var err error
		if at, err = s.aside(ctx, rec.Subject); err != nil {
			return false, err
		}
		if s.letters == nil {
			s.letters = map[string][]domain.Position{}
		}
		s.letters[rec.Subject] = at
	}
	return slices.Contains(at, rec.Position), nil
}

// read calls each with the messages up to a position, in the order of the log.
func (s *strands) read(ctx context.Context, to domain.Position, each func(domain.Recorded, error) error) error {
	sought, is := s.log.(Sought)
	var at []domain.Position
	for id := range s.trails {
		if !is {
			break
		}
		places, all, err := s.places(ctx, sought, id)
		switch {
		case err != nil:
			return err
		case all:
		case len(s.trails) == 1:
			return s.log.Read(ctx, s.store, id, 0, to, each)
		default:
			if places, err = sought.Places(ctx, s.store, id, to); err != nil {
				return err
			}
		}
		at = append(at, places...)
	}
	if !is || len(at)*fetchesAs > int(to) {
		return s.log.Read(ctx, s.store, "", 0, to, func(rec domain.Recorded, err error) error {
			if _, ours := s.trails[rec.Subject]; !ours {
				return nil
			}
			return each(rec, err)
		})
	}
	slices.Sort(at)
	at = slices.Compact(at)
	at = at[:len(at)-len(beyond(at, to))]
	return sought.ReadAt(ctx, at, func(rec domain.Recorded, err error) error {
		if rec.Store != s.store || !s.concerns(&rec) {
			return fmt.Errorf("position %d of the log is of %q of store %q, and a state says that it is of one of %q of store %q: run `tillstream rebuild`", rec.Position, rec.Subject, rec.Store, slices.Sorted(maps.Keys(s.trails)), s.store)
		}
		return each(rec, err)
	})
}

// known returns where the messages lie from a position to another, 0 for the log's end. It
// returns false where not all of them are known, or to read the log between is faster.
func (s *strands) known(ctx context.Context, from, to domain.Position) ([]domain.Position, bool, error) {
	sought, is := s.log.(Sought)
	if !is {
		return nil, false, nil
	}
	end, err := s.log.Last(ctx)
	if err != nil {
		return nil, false, err
	}
	if to == 0 || to > end {
		to = end
	}
	from = max(from, 1)
	var at []domain.Position
	for id := range s.trails {
		places, all, err := s.places(ctx, sought, id)
		if err != nil || !all {
			return nil, false, err
		}
		at = append(at, places...)
	}
	slices.Sort(at)
	at = slices.Compact(at)
	at = beyond(at[:len(at)-len(beyond(at, to))], from-1)
	return at, from <= to && len(at)*fetchesAs <= int(to-from), nil
}

// fetchesAs is how many messages of a log are read one after the other in the time that
// it takes to fetch one of them alone, roughly, where many are fetched.
const fetchesAs = 20

// beyond are those of some positions, in order, that are behind another.
func beyond(at []domain.Position, to domain.Position) []domain.Position {
	i, found := slices.BinarySearch(at, to)
	if found {
		i++
	}
	return at[i:]
}

// places returns where the messages of an id lie, and whether these are all there were
// when it was asked. Trails may be behind the log; whoever looks further than they are
// waits first.
func (s *strands) places(ctx context.Context, log Sought, id string) ([]domain.Position, bool, error) {
	folded, err := s.strand(ctx, id)
	if err != nil || !folded.whole {
		return nil, false, err
	}
	at := slices.Clip(folded.at)
	n, err := log.Count(ctx, s.store, id)
	if err != nil || uint64(len(at)) >= n {
		return at, err == nil, err
	}
	if s.aside != nil {
		more, err := s.aside(ctx, id)
		if err != nil {
			return nil, false, err
		}
		at = append(at, more...)
	}
	slices.Sort(at)
	at = slices.Compact(at)
	if uint64(len(at)) >= n {
		return at, true, nil
	}
	// What is left may lie behind all that is known.
	err = log.Read(ctx, s.store, id, last(at)+1, 0, func(rec domain.Recorded, _ error) error {
		at = append(at, rec.Position)
		return nil
	})
	return at, uint64(len(at)) >= n, err
}

func last(at []domain.Position) domain.Position {
	if len(at) == 0 {
		return 0
	}
	return at[len(at)-1]
}
