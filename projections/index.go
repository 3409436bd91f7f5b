package projections

import (
	"container/list"
	"slices"
	"strings"

	"github.com/tillstream/tillstream/domain"
)

// shelf is the index of one store.
type shelf struct {
	store    domain.StoreID
	bucket   Bucket // that holds the states
	products map[domain.ProductID]*row
	holders  map[domain.ItemID]*row
	skus     skuIndex
	arena    arena
	tally    domain.Tally
	vacant   int    // rows without an item, as one that all have left
	watched  bool   // note is taken of changes
	unseen   []*row // of which [Standings] is to be told

	sorted []*row // by id
	fresh  []*row // those not yet among the sorted
}

// row is what is kept in memory of every product.
type row struct {
	shelf    *shelf
	id       domain.ProductID
	position domain.Position
	due      domain.Position
	stockDue domain.Position
	tally    domain.Tally
	items    []place
	hash     Hash // of the snapshot that was stored or read last; zero for none
	deleted  bool
	vacant   bool // counted as such
	unseen   bool // among those of the shelf

	state  domain.Packed // empty when it must be read from the bucket
	cached *list.Element // its place among the states that may be forgotten
	dirty  bool          // changed since it was last handed over for writing
	paged  bool          // its value in the bucket lies in the page that the revision names
	sealed int32         // how many writes of it are under way
	// revision is that of the value in the bucket; 0 for one that was written here, by
	// itself.
	revision uint64
}

// place is one item of a row.
type place struct {
	item domain.ItemID
	sku  string // folded; empty until described
}

// newShelf makes one that is empty, with room for some products and items.
func newShelf(store domain.StoreID, bucket Bucket, products, items int) *shelf {
	return &shelf{
		store:    store,
		bucket:   bucket,
		products: make(map[domain.ProductID]*row, products),
		holders:  make(map[domain.ItemID]*row, items),
		skus:     newSKUIndex(items),
	}
}

// digest is what the index needs of a product, and of its value in the bucket.
type digest struct {
	domain.Gist
	hash     Hash
	revision uint64
	paged    bool
}

// past reports whether the row is folded further than a value of the bucket, or is of the
// same position and not written earlier: a value may be replaced, see [Catalog.Replace].
func (r *row) past(position domain.Position, revision uint64) bool {
	return position < r.position || position == r.position && revision <= r.revision
}

// row returns the row of a product, new when there is none.
func (s *shelf) row(id domain.ProductID) *row {
	if r, ok := s.products[id]; ok {
		return r
	}
	r := s.arena.row()
	r.shelf, r.id = s, domain.ProductID(s.arena.text(string(id)))
	s.products[r.id] = r
	s.fresh = append(s.fresh, r)
	return r
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
	if old := s.holders[p.item]; old != nil && old != r {
		if i := slices.IndexFunc(old.items, func(q place) bool { return q.item == p.item }); i >= 0 {
			s.forget(old, old.items[i])
			old.items = slices.Delete(slices.Clone(old.items), i, i+1)
			s.note(old)
			s.weigh(old)
		}
	}
	s.holders[p.item] = r
	if p.sku != "" {
		s.skus.add(p.sku, p.item)
	}
	return p
}

// forget takes an item out of the index, unless another row has it by now.
func (s *shelf) forget(r *row, p place) {
	if s.holders[p.item] != r {
		return
	}
	delete(s.holders, p.item)
	if p.sku != "" {
		s.skus.remove(p.sku, p.item)
	}
}

// sort merges the fresh rows into the sorted ones.
func (s *shelf) sort() {
	byID := func(a, b *row) int { return strings.Compare(string(a.id), string(b.id)) }
	slices.SortFunc(s.fresh, byID)
	merged := make([]*row, 0, len(s.sorted)+len(s.fresh))
	i, j := 0, 0
	for i < len(s.sorted) && j < len(s.fresh) {
		if byID(s.sorted[i], s.fresh[j]) < 0 {
			merged = append(merged, s.sorted[i])
			i++
		} else {
			merged = append(merged, s.fresh[j])
			j++
		}
	}
	merged = append(append(merged, s.sorted[i:]...), s.fresh[j:]...)
	s.sorted, s.fresh = merged, nil
}

// holds reports whether the row's items are those of a product already, which most
// events leave as they are.
func (r *row) holds(p *domain.Product) bool {
	if len(r.items) != len(p.Items) {
		return false
	}
	for i := range p.Items {
		if it := &p.Items[i]; r.items[i].item != it.ID || !isFolded(r.items[i].sku, it.SKU, it.Described) {
			return false
		}
	}
	return true
}

// isFolded is folded == foldedSKU(sku, described), mostly without making that.
func isFolded(folded string, sku domain.SKU, described bool) bool {
	if !described || len(folded) != len(sku) {
		return folded == foldedSKU(sku, described)
	}
	for i := range len(sku) {
		c := sku[i]
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c <= ' ' || c >= 0x7f {
			return folded == foldedSKU(sku, described)
		}
		if c != folded[i] {
			return false
		}
	}
	return true
}

// places lists the items of a product for the index.
func places(p *domain.Product) []place {
	out := make([]place, len(p.Items))
	for i, it := range p.Items {
		out[i] = place{it.ID, foldedSKU(it.SKU, it.Described)}
	}
	return out
}

func foldedSKU(sku domain.SKU, described bool) string {
	if !described {
		return ""
	}
	return sku.Fold()
}
