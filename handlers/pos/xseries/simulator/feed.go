package simulator

import (
	"slices"
	"time"
)

// stamped is what every record of the account has.
type stamped struct {
	id                        string
	version                   int64
	created, updated, deleted time.Time
}

func (s *stamped) stamp() *stamped { return s }

func (s *stamped) gone() bool { return !s.deleted.IsZero() }

// record is something that a resource lists by its version.
type record interface {
	comparable
	stamp() *stamped
}

// feed lists the records of one resource in the order of their versions. A record that is touched moves to the end, so
// that who reads on from the last version it saw misses nothing and may see a record twice.
type feed[T record] struct {
	entries []entry[T] // those of records that moved on are skipped, and dropped when they are the most
	live    int
	byID    map[string]T
}

type entry[T record] struct {
	version int64
	record  T
}

func (f *feed[T]) find(id string) (T, bool) {
	r, ok := f.byID[id]
	return r, ok
}

// put adds a record, or moves it to the end, after it was given a new version.
func (f *feed[T]) put(r T) {
	if f.byID == nil {
		f.byID = map[string]T{}
	}
	s := r.stamp()
	if _, known := f.byID[s.id]; !known {
		f.byID[s.id] = r
		f.live++
	}
	f.entries = append(f.entries, entry[T]{s.version, r})
	if len(f.entries) > 2*f.live+64 {
		f.entries = slices.DeleteFunc(f.entries, func(e entry[T]) bool { return e.version != e.record.stamp().version })
	}
}

// span is the part of a feed that a request asks for: versions above after and, unless it is 0, below before.
type span struct {
	after, before int64
	size          int
	descending    bool
}

// page returns at most so many records of a span that suit.
func (f *feed[T]) page(s span, suits func(T) bool) []T {
	at := func(version int64) int {
		i, _ := slices.BinarySearchFunc(f.entries, version, func(e entry[T], v int64) int { return int(e.version - v) })
		return i
	}
	from, to := at(s.after+1), len(f.entries)
	if s.before > 0 {
		to = max(from, at(s.before))
	}
	var out []T
	for i := range to - from {
		e := f.entries[from+i]
		if s.descending {
			e = f.entries[to-1-i]
		}
		if e.version == e.record.stamp().version && suits(e.record) {
			if out = append(out, e.record); len(out) == s.size {
				break
			}
		}
	}
	return out
}

// all returns every record in the order of their versions.
func (f *feed[T]) all() []T {
	return f.page(span{size: -1}, func(T) bool { return true })
}
