package bigcommerce

import "time"

const (
	// DefaultConcurrency is how many requests are in flight at most. BigCommerce documents no figure for products; see
	// [concurrency] for how many there are.
	DefaultConcurrency = 16

	// startConcurrency is how many there are at first. Three was the rule until 2023, and four was never seen refused.
	startConcurrency = 4

	// regrowAfter answers without a refusal, a place in flight that a refusal took away is given back.
	regrowAfter = 50
	// forgetAfter so many, the number that was refused is tried again.
	forgetAfter = 500
)

// concurrency is how many requests may be in flight. It grows by one when all places were in use for as many answers as
// there are places and latency stayed flat: within twice the best that was seen of requests of the same name. It
// shrinks by one, not below the start, when latency more than doubled on as many answers. After a refusal that no quota
// explains there are half as many, and what was refused is not tried again for a long while.
type concurrency struct {
	most    int // never more
	ceiling int // not for now
	slots   int

	calm, sinceRefused int // answers without a refusal since slots grew, since the last refusal
	flat, steep        int // answers in a row while all places were in use
	best               map[string]time.Duration
	latency            time.Duration // of late
}

func newConcurrency(most int) concurrency {
	return concurrency{most: most, ceiling: most, slots: min(most, startConcurrency), best: map[string]time.Duration{}}
}

// answered learns from an answer. inflight counts its request.
func (c *concurrency) answered(op string, latency time.Duration, inflight int) {
	c.calm++
	if c.sinceRefused++; c.sinceRefused >= forgetAfter {
		c.ceiling, c.sinceRefused = min(c.ceiling+1, c.most), 0
	}
	if c.latency += (latency - c.latency) / 8; c.latency < latency/8+1 {
		c.latency = latency
	}
	best, known := c.best[op]
	// The best is forgotten slowly, for a platform that becomes slower for good.
	best += best / 1000
	if !known || latency < best {
		best = latency
	}
	c.best[op] = best
	if inflight < c.slots {
		return // nobody would have used a further place
	}
	if latency <= 2*best {
		c.flat, c.steep = c.flat+1, 0
	} else {
		c.flat, c.steep = 0, c.steep+1
	}
	room := c.slots < min(c.most, c.ceiling)
	switch {
	case c.flat >= c.slots && room && (c.slots >= startConcurrency || c.calm >= regrowAfter):
		c.slots, c.calm, c.flat = c.slots+1, 0, 0
	case c.steep >= c.slots && c.slots > startConcurrency:
		c.slots, c.calm, c.steep = c.slots-1, 0, 0
	}
}

// refused learns from a refusal that no quota explains.
func (c *concurrency) refused() {
	c.ceiling = max(1, c.slots-1)
	c.slots = max(1, c.slots/2)
	c.calm, c.sinceRefused, c.flat, c.steep = 0, 0, 0, 0
}
