package projections

import (
	"slices"
	"strings"

	"github.com/tillstream/tillstream/domain"
)

// shelf is the index of one store.
type shelf struct {
	store   domain.StoreID
	bucket  Bucket // that holds the states
	arena   arena
	hash    func(name string) uint32
	ids     names // of products and of items; that of a product's item that is also its own is there once
	skus    names // folded
	tally   domain.Tally
	vacant  int    // rows without an item, as one that all have left
	watched bool   // note is taken of changes
	unseen  []*row // of which [Standings] is to be told

	sorted []uint32 // the numbers of the first len(sorted) rows, by their ids; of the others later
}

// newShelf makes one that is empty, with room for some ids and some SKUs.
func newShelf(store domain.StoreID, bucket Bucket, ids, skus int) *shelf {
	return &shelf{
		store:  store,
		bucket: bucket,
		hash:   hashName,
		ids:    newNames(ids),
		skus:   newNames(skus),
	}
}

// product returns the row of a product, nil when there is none.
func (s *shelf) product(id domain.ProductID) *row {
	return s.find(string(id), func(r *row) bool { return r.id == id })
}

// holder returns the row of the product that an item is in, nil when it is in none.
func (s *shelf) holder(item domain.ItemID) *row {
	return s.find(string(item), func(r *row) bool { return r.at(item) >= 0 })
}

// find returns the row that has an id.
func (s *shelf) find(id string, has func(*row) bool) *row {
	first, more, found := s.ids.of(s.hash(id))
	if !found {
		return nil
	}
	if r := s.arena.at(first); has(r) {
		return r
	}
	for _, n := range more {
		if r := s.arena.at(n); has(r) {
			return r
		}
	}
	return nil
}

// bearers returns the items that have a SKU, folded, each once, those of a product together.
func (s *shelf) bearers(sku string) []Match {
	first, more, found := s.skus.of(s.hash(sku))
	if !found {
		return nil
	}
	var out []Match
	bearing := func(n uint32) {
		r := s.arena.at(n)
		for _, p := range r.items {
			if p.sku == sku {
				out = append(out, Match{p.item, r.id})
			}
		}
	}
	bearing(first)
	seen := map[uint32]bool{first: true}
	for _, n := range more {
		if !seen[n] { // a product is there for each of its items
			bearing(n)
			seen[n] = true
		}
	}
	return out
}

// row returns the row of a product, new when there is none.
func (s *shelf) row(id domain.ProductID) *row {
	if r := s.product(id); r != nil {
		return r
	}
	return s.open(id)
}

// open makes a row for a product that has none.
func (s *shelf) open(id domain.ProductID) *row {
	r := s.arena.row()
	s.enter(r, domain.ProductID(s.arena.text(string(id))))
	return r
}

// enter makes a new row that of a product that has none. It keeps the id.
func (s *shelf) enter(r *row, id domain.ProductID) {
	r.shelf, r.id = s, id
	s.ids.add(s.hash(string(id)), r.number)
}

// note takes note of a row that has changed, or has lost an item.
func (s *shelf) note(r *row) {
	if s.watched && !r.unseen {
		r.unseen = true
		s.unseen = append(s.unseen, r)
	}
}

// put makes the index agree with a state of r's product. An item that the state
// holds leaves the row it was in.
func (s *shelf) put(r *row, position, due, stockDue domain.Position, tally domain.Tally, deleted bool, items []place) {
	s.tally.Folded += tally.Folded - r.tally.Folded
	s.tally.Superseded += tally.Superseded - r.tally.Superseded
	s.tally.Duplicate += tally.Duplicate - r.tally.Duplicate
	s.note(r)
	r.position, r.due, r.stockDue, r.tally, r.deleted = position, due, stockDue, tally, deleted
	defer s.weigh(r)
	if slices.Equal(r.items, items) {
		return
	}
	for _, p := range r.items {
		if !slices.Contains(items, p) {
			s.forget(r, p)
		}
	}
	fresh := r.items == nil
	held := s.room(len(items), fresh)
	for i, p := range items {
		if j := slices.Index(r.items, p); j >= 0 {
			held[i] = r.items[j]
			continue
		}
		held[i] = s.hold(r, p, fresh)
	}
	r.items = held
}

// weigh counts a row among those without an item, or no more.
func (s *shelf) weigh(r *row) {
	switch vacant := len(r.items) == 0; {
	case vacant == r.vacant:
		return
	case vacant:
		s.vacant++
	default:
		s.vacant--
	}
	r.vacant = !r.vacant
}

// room is for n items of a row, in the arena if the row is fresh. What comes later does
// not go there, because what it replaces would never be given back.
func (s *shelf) room(n int, fresh bool) []place {
	if fresh {
		return s.arena.room(n)
	}
	return make([]place, n)
}

// text is a copy of t that is kept likewise.
func (s *shelf) text(t string, fresh bool) string {
	if fresh {
		return s.arena.text(t)
	}
	return strings.Clone(t)
}

// hold enters an item of r into the index and returns it with strings of its own.
func (s *shelf) hold(r *row, p place, fresh bool) place {
	if string(p.item) == string(r.id) {
		p.item = domain.ItemID(r.id)
	} else {
		p.item = domain.ItemID(s.text(string(p.item), fresh))
	}
	p.sku = s.text(p.sku, fresh)
	if old := s.holder(p.item); old != nil && old != r {
		i := old.at(p.item)
		s.forget(old, old.items[i])
		old.items = slices.Delete(slices.Clone(old.items), i, i+1)
		s.note(old)
		s.weigh(old)
	}
	s.remember(r, p)
	return p
}

// remember enters an item that no other row has into the index.
func (s *shelf) remember(r *row, p place) {
	if string(p.item) != string(r.id) {
		s.ids.add(s.hash(string(p.item)), r.number)
	}
	if p.sku != "" {
		s.skus.add(s.hash(p.sku), r.number)
	}
}

// forget undoes remember.
func (s *shelf) forget(r *row, p place) {
	if string(p.item) != string(r.id) {
		s.ids.remove(s.hash(string(p.item)), r.number)
	}
	if p.sku != "" {
		s.skus.remove(s.hash(p.sku), r.number)
	}
}

// sort merges the rows that came since the last time into the sorted ones.
func (s *shelf) sort() {
	byID := func(a, b uint32) int { return strings.Compare(string(s.arena.at(a).id), string(s.arena.at(b).id)) }
	sorted := s.sorted
	fresh := make([]uint32, 0, s.arena.count-len(sorted))
	for n := len(sorted); n < s.arena.count; n++ {
		fresh = append(fresh, uint32(n))
	}
	slices.SortFunc(fresh, byID)
	merged := make([]uint32, 0, s.arena.count)
	for len(sorted) > 0 && len(fresh) > 0 {
		from := &sorted
		if byID(fresh[0], sorted[0]) < 0 {
			from = &fresh
		}
		merged, *from = append(merged, (*from)[0]), (*from)[1:]
	}
	s.sorted = append(append(merged, sorted...), fresh...)
}
