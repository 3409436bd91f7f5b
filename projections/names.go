package projections

import (
	"hash/maphash"
	"slices"
)

// names says which rows of a store have a name: an id, that of an item, a SKU. Of a name it
// knows no more than a hash, and of a row its number. There is no pointer in it, so the
// garbage collector does not look at what is several entries for each of a million
// products, and it takes a third of what the names themselves would. What it finds may have
// another name of the same hash: whoever asks looks at the row.
type names struct {
	first map[uint32]uint32   // by hash; mostly there is one row
	more  map[uint32][]uint32 // the others, in the order in which they came
	size  int                 // how often something was added and not removed
}

// newNames makes one that is empty, with room for some names.
func newNames(room int) names {
	return names{first: make(map[uint32]uint32, room), more: map[uint32][]uint32{}}
}

// add enters a row that has a name; again for another of its names with the same hash.
func (x *names) add(hash, row uint32) {
	x.size++
	if _, is := x.first[hash]; !is {
		x.first[hash] = row
		return
	}
	x.more[hash] = append(x.more[hash], row)
}

// remove undoes one add.
func (x *names) remove(hash, row uint32) {
	more := x.more[hash]
	switch first := x.first[hash]; {
	case first == row && len(more) == 0:
		delete(x.first, hash)
	case first == row:
		x.first[hash], more = more[0], more[1:]
	default:
		i := slices.Index(more, row)
		more = slices.Delete(more, i, i+1)
	}
	x.size--
	if len(more) == 0 {
		delete(x.more, hash)
	} else {
		x.more[hash] = more
	}
}

// of returns the rows that may have a name, in the order in which they came; a row may be
// there twice.
func (x *names) of(hash uint32) (first uint32, more []uint32, found bool) {
	if first, found = x.first[hash]; !found || len(x.more) == 0 {
		return first, nil, found
	}
	return first, x.more[hash], true
}

// nameSeed is another one in every process: nobody can choose names that have one hash.
var nameSeed = maphash.MakeSeed()

func hashName(name string) uint32 { return uint32(maphash.String(nameSeed, name)) }
