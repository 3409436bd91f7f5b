package projections

import (
	"fmt"
	"slices"

	"github.com/tillstream/tillstream/domain"
)

// encoder makes the values of states, and their hashes. What it returns is good until it is
// asked again: with room of their own, the values were a fifth of all memory that a rebuild
// asks for.
type encoder struct {
	entries []domain.Entry
	hashes  []Hash
	values  []byte
	product domain.Product
}

// encode makes the values of some states.
func (e *encoder) encode(rows []*row, states []domain.Packed) ([]domain.Entry, []Hash, error) {
	size := 0
	for _, state := range states {
		size += 3 * len(state) // about what JSON makes of it
	}
	e.entries, e.hashes = slices.Grow(e.entries[:0], len(rows)), slices.Grow(e.hashes[:0], len(rows))
	e.values = slices.Grow(e.values[:0], size)
	for i, r := range rows {
		begun := len(e.values)
		states[i].UnpackInto(&e.product, r.shelf.store, r.id)
		var err error
		if e.values, err = e.product.AppendJSON(e.values); err != nil {
			return nil, nil, fmt.Errorf("encode the snapshot of %s/%s: %w", r.shelf.store, r.id, err)
		}
		value := e.values[begun:len(e.values):len(e.values)]
		e.entries = append(e.entries, domain.Entry{Key: domain.Key{Store: r.shelf.store, ID: string(r.id)}, Value: value})
		e.hashes = append(e.hashes, hashSnapshot(r.shelf.store, r.id, value))
	}
	return e.entries, e.hashes, nil
}
