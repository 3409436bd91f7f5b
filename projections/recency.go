package projections

// recency lists the rows whose states may be forgotten, by when they were used last. The
// list goes through the rows themselves: with an element for each, as container/list has
// it, every event would make one.
type recency struct {
	end   row // no row of a product: end.newer is the one that was not used for longest, end.older the newest
	count int
	bytes int // of the states
}

func newRecency() *recency {
	l := new(recency)
	l.end.newer, l.end.older = &l.end, &l.end
	return l
}

// listed reports whether a row is in the list.
func (r *row) listed() bool { return r.newer != nil }

// use makes a row the newest of the list.
func (l *recency) use(r *row) {
	l.remove(r)
	r.older, r.newer = l.end.older, &l.end
	r.older.newer, r.newer.older = r, r
	l.count++
	l.bytes += len(r.state)
}

// remove takes a row out, if it is in the list. Its state is the one it came with.
func (l *recency) remove(r *row) {
	if !r.listed() {
		return
	}
	r.older.newer, r.newer.older = r.newer, r.older
	r.older, r.newer = nil, nil
	l.count--
	l.bytes -= len(r.state)
}

// last returns the row that was not used for longest. There must be one.
func (l *recency) last() *row { return l.end.newer }
