package projections

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/tillstream/tillstream/domain"
)

// PublicationFormat is the format of a publication snapshot. A bucket of another
// format is refused, and rebuilt from the SYNC log by `tillstream rebuild`.
//
//	1: Publication as JSON
//	2: with what is held, approved and discarded, and the offer of what is confirmed.
//	   A program that wrote 1 passes over the events that say so, and would push what
//	   is held; so neither reads what the other wrote.
//	3: with where the product's events lie
//	4: where a trail has no room, it lets go of all it has, as a stretch beside it
//	5: with what no channel offers. A program that wrote 4 passes over the events that
//	   say so
const PublicationFormat = 5

// maxEarly bounds how many events wait in memory for those before them. One that
// finds no room comes again, from the log.
const maxEarly = 1 << 14

// Publications is what the SYNC log says of every product. Events may be applied
// by whoever appended them and again by whoever follows the log: each is folded
// once, and in the order of the log. All methods may be called by anybody at any
// time, except that one goroutine at a time may call Flush.
type Publications struct {
	bucket Bucket

	mu          sync.RWMutex
	stores      map[domain.StoreID]map[domain.ProductID]packedPublication
	twins       map[domain.StoreID]map[int64]domain.ProductID // by BigCommerce's id
	quarantined map[domain.StoreID]map[domain.ItemID][]QuarantinedItem
	held        map[domain.StoreID]map[domain.ProductID]bool
	linked      map[domain.StoreID]int
	position    domain.Position
	early       map[domain.Position]applied
	reached     chan struct{} // closed, and replaced, when position grows
	snapshots   int

	stored checkpoint
	marked bool
	dirty  map[domain.Key]bool
	order  []domain.Key   // the dirty ones, in the order in which they were first changed
	gone   []domain.Entry // stretches, to be stored before the dirty ones

	unhinted int  // values that were stored since the newest hint
	partial  bool // not all of the bucket was seen at the start

	unseen map[domain.StoreID]*unseen // of which [Standings] is to be told; of the stores that it was asked for
}

type applied struct {
	rec   domain.Recorded
	event domain.Event
}

// QuarantinedItem is one event for which an item is quarantined.
type QuarantinedItem struct {
	Quarantine
	Product domain.ProductID // under which the SYNC log has it
}

// OpenPublications reads the bucket, of which a hint that is not nil tells a part, and the
// SYNC log from the bucket's checkpoint to its present end. Where it had to read much of
// the bucket, it writes the hint anew.
func OpenPublications(ctx context.Context, bucket Bucket, sync Log, hint *Hint) (*Publications, error) {
	p := &Publications{
		bucket:  bucket,
		early:   map[domain.Position]applied{},
		reached: make(chan struct{}),
		dirty:   map[domain.Key]bool{},
	}
	p.reset()
	extent, after, err := hint.begin(ctx, bucket, p.readHint)
	if err == nil {
		var last uint64
		p.unhinted, last, err = scanAll(ctx, bucket, after, p.load)
		p.partial = max(after, last) < extent.Revision
	}
	if err == nil {
		err = p.stored.check(p.marked, p.snapshots)
	}
	if err != nil {
		return nil, fmt.Errorf("open the publications: %w", err)
	}
	p.pair()
	p.position = p.stored.Position
	hint.tell(p.writeHint(ctx, hint, extent))
	last, err := sync.Last(ctx)
	if err == nil && last > p.position {
		err = sync.Read(ctx, "", "", p.position+1, last, p.receive)
	}
	if err != nil {
		return nil, fmt.Errorf("open the publications: read the SYNC log from position %d: %w", p.position+1, err)
	}
	return p, nil
}

// reset forgets all publications.
func (p *Publications) reset() {
	p.stores = map[domain.StoreID]map[domain.ProductID]packedPublication{}
	p.twins = map[domain.StoreID]map[int64]domain.ProductID{}
	p.quarantined = map[domain.StoreID]map[domain.ItemID][]QuarantinedItem{}
	p.held = map[domain.StoreID]map[domain.ProductID]bool{}
	p.linked, p.snapshots = map[domain.StoreID]int{}, 0
}

// pair finds out anew which product each twin belongs to. Values come in any order, and
// old ones among them, so that putting them one by one does not tell: of two products
// with the same twin it is the one about which something was said last.
func (p *Publications) pair() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for store, products := range p.stores {
		twins := make(map[int64]domain.ProductID, p.linked[store])
		p.twins[store] = twins
		for id, pub := range products {
			head := pub.head()
			if !head.linked {
				continue
			}
			if other, is := twins[head.bigCommerceID]; !is || products[other].head().sync < head.sync {
				twins[head.bigCommerceID] = id
			}
		}
	}
}

// load takes some values of the bucket, in whatever order.
func (p *Publications) load(some []domain.Entry) error {
	pubs := make([]Publication, len(some))
	for i, e := range some {
		if isCheckpoint(e.Key) || e.Key.Stretch > 0 {
			continue
		}
		if err := json.Unmarshal(e.Value, &pubs[i]); err != nil {
			return fmt.Errorf("publication %s/%s cannot be read: run `tillstream rebuild`: %w", e.Key.Store, e.Key.ID, err)
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, e := range some {
		if isCheckpoint(e.Key) {
			c, err := readCheckpoint(e.Value, PublicationFormat)
			if err != nil {
				return err
			}
			if !p.marked || c.Position > p.stored.Position {
				p.stored, p.marked = c, true
			}
			continue
		}
		if e.Key.Stretch > 0 {
			continue
		}
		id := domain.ProductID(e.Key.ID)
		if old, ok := p.stores[e.Key.Store][id]; !ok || pubs[i].Sync > old.head().sync {
			p.put(e.Key.Store, id, &pubs[i])
		}
	}
	return nil
}

// receive takes one message of the SYNC log at the start. One that is no event says
// nothing to us.
func (p *Publications) receive(rec domain.Recorded, err error) error {
	if err == nil {
		var event domain.Event
		if event, err = rec.Event(); err == nil {
			p.Apply(rec, event)
			return nil
		}
	}
	p.Advance(rec.Position)
	return nil
}

// Apply takes one event of the SYNC log. Whoever has appended one applies it at
// once, whoever follows the log applies all: an event that is ahead of the others
// waits for them, one that was applied before is ignored.
func (p *Publications) Apply(rec domain.Recorded, event domain.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case rec.Position <= p.position:
	case rec.Position == p.position+1:
		p.take(applied{rec, event})
	case len(p.early) < maxEarly:
		p.early[rec.Position] = applied{rec, event}
	}
}

// Advance passes over the next position, at which whoever follows the log has found
// no event of ours.
func (p *Publications) Advance(to domain.Position) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if to == p.position+1 {
		p.take(applied{rec: domain.Recorded{Position: to}})
	}
}

// take folds the next event and those that waited for it.
func (p *Publications) take(a applied) {
	for ok := true; ok; a, ok = p.early[p.position+1] {
		delete(p.early, a.rec.Position)
		p.position = a.rec.Position
		if a.event == nil {
			continue
		}
		for _, id := range p.concerned(a) {
			p.fold(id, a)
		}
	}
	close(p.reached)
	p.reached = make(chan struct{})
}

// concerned names the products that an event is about: the one it names, and for
// the end of a quarantine also the one that has the quarantine, since the item may
// have moved in between. What was measured is about none.
func (p *Publications) concerned(a applied) []domain.ProductID {
	if a.event.Type() == domain.TypePublishingMeasured {
		return nil
	}
	ids := []domain.ProductID{domain.ProductID(a.event.Subject())}
	if e, ok := a.event.(*domain.ItemReleased); ok {
		for _, h := range p.quarantined[a.rec.Store][e.Item] {
			if h.Position == e.Position && h.Product != ids[0] {
				ids = append(ids, h.Product)
			}
		}
	}
	return ids
}

func (p *Publications) fold(id domain.ProductID, a applied) {
	old := p.stores[a.rec.Store][id].unpack()
	next, stretch := FoldPublication(old, a.rec, a.event)
	if next.Sync == old.Sync {
		return // a snapshot was stored ahead of the checkpoint
	}
	if stretch.Number > 0 {
		p.gone = append(p.gone, stretchEntry(a.rec.Store, string(id), stretch))
	}
	p.put(a.rec.Store, id, &next)
	p.change(domain.Key{Store: a.rec.Store, ID: string(id)})
}

func (p *Publications) change(key domain.Key) {
	if !p.dirty[key] {
		p.dirty[key] = true
		p.order = append(p.order, key)
	}
}

// shelve returns the publications of a store, to which it may be new.
func (p *Publications) shelve(store domain.StoreID, room int) map[domain.ProductID]packedPublication {
	products, ok := p.stores[store]
	if !ok {
		products = make(map[domain.ProductID]packedPublication, room)
		p.stores[store] = products
		p.twins[store] = map[int64]domain.ProductID{}
		p.quarantined[store] = map[domain.ItemID][]QuarantinedItem{}
		p.held[store] = map[domain.ProductID]bool{}
	}
	return products
}

// put replaces a publication and makes the indexes agree.
func (p *Publications) put(store domain.StoreID, id domain.ProductID, next *Publication) {
	products := p.shelve(store, 0)
	twins := p.twins[store]
	packed, known := products[id]
	old := packed.unpack()
	if !known {
		id = domain.ProductID(strings.Clone(string(id)))
		p.snapshots++
	}
	products[id] = next.pack()
	p.note(store, func(u *unseen) { u.products[id] = true })
	if old.Link != nil {
		p.linked[store]--
		if twins[old.Link.BigCommerceID] == id {
			delete(twins, old.Link.BigCommerceID)
		}
	}
	if next.Link != nil {
		p.linked[store]++
		twins[next.Link.BigCommerceID] = id
	}
	if next.Held != nil {
		p.held[store][id] = true
	} else {
		delete(p.held[store], id)
	}
	if slices.Equal(old.Quarantined, next.Quarantined) {
		return
	}
	held := p.quarantined[store]
	for _, q := range old.Quarantined {
		p.note(store, func(u *unseen) { u.items[q.Item] = true })
		held[q.Item] = slices.DeleteFunc(slices.Clone(held[q.Item]), func(h QuarantinedItem) bool { return h.Position == q.Position })
		if len(held[q.Item]) == 0 {
			delete(held, q.Item)
		}
	}
	for _, q := range next.Quarantined {
		p.note(store, func(u *unseen) { u.items[q.Item] = true })
		held[q.Item] = append(slices.Clone(held[q.Item]), QuarantinedItem{q, id})
	}
}
