package main

import (
	"time"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/console"
)

// burst is outcomes that were recorded one soon after the other.
type burst struct {
	began, ended time.Time
	became       map[domain.ProductID]string // what each product is counted as
	errors       []console.OutcomeLine
}

// longestBurst is how many gaps a burst lasts at most, so that a shop that is never
// quiet has its lines too.
const longestBurst = 6

// continues reports whether an outcome is of the burst, which is one of outcomes at
// most gap apart.
func (b *burst) continues(o *console.OutcomeLine, gap time.Duration) bool {
	return b == nil || o.At.Sub(b.ended) <= gap && o.At.Sub(b.began) <= longestBurst*gap
}

// with adds an outcome to the burst, or begins one where there is none. A product
// counts once: as created, if it was; else as what became of it last.
func (b *burst) with(o *console.OutcomeLine) *burst {
	if b == nil {
		b = &burst{began: o.At, became: map[domain.ProductID]string{}}
	}
	b.ended = o.At
	switch was := b.became[o.Product]; {
	case o.Event == "image_refused" || o.Event == "unoffered": // the product itself is well
		b.errors = append(b.errors, *o)
	case o.Event == "offered": // as it was to be
	case o.Event == "refused":
		b.errors = append(b.errors, *o)
		b.became[o.Product] = o.Event
	case was != "created" && !(was == "updated" && o.Event == "linked"):
		b.became[o.Product] = o.Event
	}
	return b
}

// counts returns how many products are counted as what.
func (b *burst) counts() map[string]int {
	n := map[string]int{}
	for _, what := range b.became {
		n[what]++
	}
	return n
}
