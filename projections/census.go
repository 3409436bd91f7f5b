package projections

import (
	"sync"

	"github.com/tillstream/tillstream/domain"
)

// Census counts the products of every store by where they stand, as [Count] does, and
// looks only at those of which something has changed since it was asked last: a million
// linked products take seconds to look at. Any goroutine may ask.
type Census struct {
	catalog      *Catalog
	publications *Publications
	unseen       *unseen

	mu    sync.Mutex
	rolls map[domain.StoreID]*roll // of the stores that were asked for
}

// NewCensus makes the census of both. They tell it of changes from now on, and no other.
func NewCensus(c *Catalog, p *Publications) *Census {
	n := &Census{catalog: c, publications: p, unseen: &unseen{most: mostUnseen, all: true}}
	c.mu.Lock()
	c.watch(n.unseen)
	c.mu.Unlock()
	p.mu.Lock()
	p.unseen = n.unseen
	p.mu.Unlock()
	return n
}

// Count counts the products of a store.
func (n *Census) Count(store domain.StoreID) Counts {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.refresh()
	r := n.rolls[store]
	if r == nil {
		r = call(n.catalog, n.publications, store)
		n.rolls[store] = r
	}
	return r.sum(n.catalog, store)
}

// refresh looks at what has changed.
func (n *Census) refresh() {
	all, products, items := n.unseen.take()
	if all {
		n.rolls = map[domain.StoreID]*roll{}
		return
	}
	for key := range items { // whoever has it now; whoever had it has changed
		if id, held := n.catalog.Holder(key.Store, domain.ItemID(key.ID)); held {
			products[domain.Key{Store: key.Store, ID: string(id)}] = true
		}
	}
	for key := range products {
		if r := n.rolls[key.Store]; r != nil {
			id := domain.ProductID(key.ID)
			pub, named := n.publications.outline(key.Store, id)
			r.look(n.catalog, n.publications, key.Store, id, pub, named)
		}
	}
}

// roll is where each product of a store stands that the SYNC log names.
type roll struct {
	counts   Counts // of these; how many others there are, the catalog knows
	stands   map[domain.ProductID]standing
	refusals map[domain.ProductID]Refusal
}

// call looks at all of them.
func call(c *Catalog, p *Publications, store domain.StoreID) *roll {
	r := &roll{stands: map[domain.ProductID]standing{}, refusals: map[domain.ProductID]Refusal{}}
	for id, pub := range p.Outlines(store) {
		r.look(c, p, store, id, pub, true)
	}
	return r
}

// look counts one product as what it is now, and no more as what it was.
func (r *roll) look(c *Catalog, p *Publications, store domain.StoreID, id domain.ProductID, pub Publication, named bool) {
	var is standing
	if s, folded := c.Summary(store, id); named && folded && !Gone(s, pub) { // else an item that no event could be folded of, or one still to be folded
		is = stand(s, pub, p.Quarantined(store, s.Items...))
	}
	was := r.stands[id]
	r.counts.add(was, -1)
	r.counts.add(is, 1)
	switch {
	case is != (standing{}):
		r.stands[id] = is
	case was != (standing{}):
		delete(r.stands, id)
	}
	if is.state().Among(Refusing) {
		r.refusals[id] = Refusal{id, pub.Refused.Reason, pub.Refused.At}
	} else {
		delete(r.refusals, id)
	}
}

// sum are the counts of the whole store.
func (r *roll) sum(c *Catalog, store domain.StoreID) Counts {
	counts := r.counts
	counts.Unlinked += c.Size(store) - c.Vacant(store)
	for _, refusal := range r.refusals {
		if counts.LastRefusal == nil || refusal.At.After(counts.LastRefusal.At) {
			counts.LastRefusal = &refusal
		}
	}
	return counts
}

// mostUnseen is of how many changes note is taken. Where there are more, looking at
// everything takes little longer.
const mostUnseen = 1 << 16

// unseen is what has changed since it was taken last. Nil takes note of nothing.
type unseen struct {
	most int // of what note is taken

	mu       sync.Mutex
	all      bool // too much has, to be told one by one
	products map[domain.Key]bool
	items    map[domain.Key]bool // of which a quarantine has begun or ended
}

// take returns it, and begins anew.
func (u *unseen) take() (all bool, products, items map[domain.Key]bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	all, products, items = u.all, u.products, u.items
	u.all, u.products, u.items = false, map[domain.Key]bool{}, map[domain.Key]bool{}
	return all, products, items
}

func (u *unseen) product(store domain.StoreID, id domain.ProductID) {
	if u != nil {
		u.note(domain.Key{Store: store, ID: string(id)}, false)
	}
}

func (u *unseen) item(store domain.StoreID, id domain.ItemID) {
	if u != nil {
		u.note(domain.Key{Store: store, ID: string(id)}, true)
	}
}

func (u *unseen) note(key domain.Key, item bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	switch {
	case u.all:
	case len(u.products)+len(u.items) == u.most:
		u.all, u.products, u.items = true, nil, nil
	case item:
		u.items[key] = true
	default:
		u.products[key] = true
	}
}

// everything says that all is otherwise.
func (u *unseen) everything() {
	if u != nil {
		u.mu.Lock()
		defer u.mu.Unlock()
		u.all, u.products, u.items = true, nil, nil
	}
}
