package publish

import "slices"

// patienceOfUnit is how often the rows of one request may meet a failure that
// speaks against nobody before they are sent apart, or put off when there is but
// one product left.
const patienceOfUnit = 3

// unit is the rows of one request. In the search for a product at fault it is also
// what is left of the search: the products of one failed request are halved until
// one fails alone. What was sent with success is never sent again; half of which
// it follows that it has the fault is halved without being sent; and what has not
// been sent since is put aside, to go in one request when the search is over.
//
// So one product among n costs at most ceil(log2 n)+2 requests besides the one
// that failed: 6 for a batch of ten. A product is refused only when it fails
// alone, because what is wrong with it may be another one of the same request: a
// name, say, that the other one is giving up.
type unit struct {
	rows     []Row
	failures int
	// rest has a product at fault if rows have none; aside may have one.
	rest, aside []Row
}

// search is what follows when a unit of several products has failed.
func (u unit) search() unit { return suspect(u.rows, slices.Concat(u.rest, u.aside)) }

// next is what follows when a unit has succeeded.
func (u unit) next() []unit {
	if len(u.rest) == 0 {
		return u.others()
	}
	return []unit{suspect(u.rest, u.aside)}
}

// others is what follows when it is not known any more where the fault is.
func (u unit) others() []unit {
	if len(u.rest)+len(u.aside) == 0 {
		return nil
	}
	return []unit{{rows: slices.Concat(u.rest, u.aside)}}
}

// suspect searches rows that have a product at fault.
func suspect(rows, aside []Row) unit {
	a, b, _ := halve(rows)
	return unit{rows: a, rest: b, aside: aside}
}
