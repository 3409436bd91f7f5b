package projections

import (
	"sync"

	"github.com/tillstream/tillstream/domain"
)

// Standings knows where each product stands that the SYNC log names, and counts what
// [Count] counts. It looks only at products of which something has changed since it was
// asked last, and at those that BigCommerce refuses: all of a million linked ones take
// seconds. It holds about fifty bytes for each. Any goroutine may ask.
//
// A catalog and publications tell of each change once, so there may be only one Standings
// of them.
type Standings struct {
	catalog      *Catalog
	publications *Publications

	mu    sync.Mutex
	rolls map[domain.StoreID]*roll // of the stores that were asked for
}

// NewStandings returns one that has looked at nothing yet.
func NewStandings(c *Catalog, p *Publications) *Standings {
	return &Standings{catalog: c, publications: p, rolls: map[domain.StoreID]*roll{}}
}

// Count counts the products of a store.
func (n *Standings) Count(store domain.StoreID) Counts {
	n.mu.Lock()
	defer n.mu.Unlock()
	folded, knowFolded := n.catalog.takeUnseen(store)
	recorded, knowRecorded := n.publications.takeUnseen(store)
	r := n.rolls[store]
	if r == nil || !knowFolded || !knowRecorded {
		r = n.look(store)
		n.rolls[store] = r
		return r.sum(n.catalog, store)
	}
	for _, id := range folded {
		n.lookAgain(r, store, id)
	}
	for id := range recorded.products {
		n.lookAgain(r, store, id)
	}
	for item := range recorded.items { // whoever has it now: whoever had it has changed
		if id, held := n.catalog.Holder(store, item); held {
			n.lookAgain(r, store, id)
		}
	}
	return r.sum(n.catalog, store)
}

// look looks at all products of a store that the SYNC log names.
func (n *Standings) look(store domain.StoreID) *roll {
	r := &roll{stands: map[domain.ProductID]standing{}, refusals: map[domain.ProductID]Refusal{}}
	for id, pub := range n.publications.Outlines(store) {
		r.set(id, standingOf(n.catalog, n.publications, store, id, pub), &pub)
	}
	return r
}

// lookAgain looks at one product.
func (n *Standings) lookAgain(r *roll, store domain.StoreID, id domain.ProductID) {
	pub, named := n.publications.outline(store, id)
	if named {
		r.set(id, standingOf(n.catalog, n.publications, store, id, pub), &pub)
	}
}

// roll is where the products of a store stand that the SYNC log names.
type roll struct {
	counts   Counts // of these alone, see [Counts.add]
	stands   map[domain.ProductID]standing
	refusals map[domain.ProductID]Refusal
}

// set counts a product as what it is now, and no more as what it was.
func (r *roll) set(id domain.ProductID, is standing, pub *Publication) {
	r.counts.add(r.stands[id], -1)
	r.counts.add(is, 1)
	r.stands[id] = is
	if is.state().Among(Refusing) {
		reason, at := pub.Refusal()
		r.refusals[id] = Refusal{id, reason, at}
	} else {
		delete(r.refusals, id)
	}
}

// sum are the counts of the whole store.
func (r *roll) sum(c *Catalog, store domain.StoreID) Counts {
	counts := r.counts
	var newest Refusal
	for _, refusal := range r.refusals {
		if refusal.newer(&newest) {
			newest = refusal
		}
	}
	return counts.whole(c, store, newest)
}

// unseen is what of the publications of a store has changed.
type unseen struct {
	products map[domain.ProductID]bool
	items    map[domain.ItemID]bool // of which a quarantine has begun or ended
}

// mostUnseen is of how many publications of a store note is taken, which bounds the memory
// when nobody asks. Where more have changed, all are looked at again.
const mostUnseen = 1 << 16

// takeUnseen returns the products of a store that have changed since it was called last.
// They are not known at the first call, and after the switch to another epoch.
func (c *Catalog) takeUnseen(store domain.StoreID) (ids []domain.ProductID, known bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.shelves[store]
	if s == nil {
		return nil, false
	}
	known, s.watched = s.watched, true
	ids = make([]domain.ProductID, len(s.unseen))
	for i, r := range s.unseen {
		ids[i], r.unseen = r.id, false
	}
	clear(s.unseen)
	s.unseen = s.unseen[:0]
	return ids, known
}

// takeUnseen returns what of the publications of a store has changed since it was called
// last. That is not known at the first call, and when it is too much.
func (p *Publications) takeUnseen(store domain.StoreID) (u *unseen, known bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	u, known = p.unseen[store]
	if p.unseen == nil {
		p.unseen = map[domain.StoreID]*unseen{}
	}
	p.unseen[store] = &unseen{map[domain.ProductID]bool{}, map[domain.ItemID]bool{}}
	return u, known
}

// note takes note of something that Standings is to be told. The caller holds mu.
func (p *Publications) note(store domain.StoreID, what func(*unseen)) {
	u := p.unseen[store]
	if u == nil {
		return
	}
	if what(u); len(u.products)+len(u.items) > mostUnseen {
		delete(p.unseen, store)
	}
}
