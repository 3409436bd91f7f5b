package projections

import (
	"github.com/tillstream/tillstream/domain"
)

// row is what is kept in memory of every product.
type row struct {
	shelf    *shelf
	number   uint32 // its place in the arena: rows have them in the order in which they came
	sealed   int32  // how many writes of it are under way
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

	state domain.Packed // empty when it must be read from the bucket
	newer *row          // in the list of those that may be forgotten
	older *row
	dirty bool // changed since it was last handed over for writing
	paged bool // its value in the bucket lies in the page that the revision names
	// revision is that of the value in the bucket; 0 for one that was written here, by
	// itself.
	revision uint64
}

// place is one item of a row.
type place struct {
	item domain.ItemID
	sku  string // folded; empty until described
}

// past reports whether the row is folded further than a value of the bucket, or is of the
// same position and not written earlier: a value may be replaced, see [Catalog.Replace].
func (r *row) past(position domain.Position, revision uint64) bool {
	return position < r.position || position == r.position && revision <= r.revision
}

// at is the place of an item among those of the row, -1 for none.
func (r *row) at(item domain.ItemID) int {
	for i := range r.items {
		if r.items[i].item == item {
			return i
		}
	}
	return -1
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

// appendPlaces lists the items of a product for the index.
func appendPlaces(room []place, p *domain.Product) []place {
	for i := range p.Items {
		it := &p.Items[i]
		room = append(room, place{it.ID, foldedSKU(it.SKU, it.Described)})
	}
	return room
}

func foldedSKU(sku domain.SKU, described bool) string {
	if !described {
		return ""
	}
	return sku.Fold()
}
