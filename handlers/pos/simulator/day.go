package simulator

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/tillstream/tillstream/domain"
)

// DayOptions say which day it is.
type DayOptions struct {
	Store domain.StoreID // required
	// Seed chooses who buys what and when. What the office does is the same every
	// day.
	Seed uint64
	// FirstVersion is the POS's version number of the first event; 0 means
	// [DefaultFirstVersion]. A second day in one store needs a higher one than the
	// first day's last, or its events are older than what the store holds. It
	// begins with the stock of the export as well, not with that of the evening
	// before.
	FirstVersion uint64
}

// DefaultFirstVersion looks like the numbers of a shop that has been open for
// years.
const DefaultFirstVersion = 90_210_001

// Day is one trading day from opening to closing, already written down.
type Day struct{ steps []Step }

// NewDay writes down a day. The error is a [*domain.InvalidError] for the store.
func NewDay(opts DayOptions) (*Day, error) {
	if _, err := domain.ParseStoreID(string(opts.Store)); err != nil {
		return nil, err
	}
	if opts.FirstVersion == 0 {
		opts.FirstVersion = DefaultFirstVersion
	}
	d := newDiary(opts)
	plan := append(officePlan(), d.tillPlan()...)
	slices.SortStableFunc(plan, func(a, b appointment) int { return cmp.Compare(a.at, b.at) })
	for i, a := range plan {
		if i > 0 {
			a.at = max(a.at, plan[i-1].at+time.Second)
			plan[i].at = a.at
		}
		d.at = a.at
		a.do(d)
	}
	return &Day{steps: d.steps}, nil
}

// Steps lists the day in order.
func (d *Day) Steps() []Step { return slices.Clone(d.steps) }

// Books returns the stock after the first n steps: 0 is the stock of the export,
// len(d.Steps()) that of the evening. No other n may be given.
func (d *Day) Books(n int) Books {
	b := openingBooks()
	for _, s := range d.steps[:n] {
		for _, notice := range s.notices {
			b.enter(notice.event)
		}
	}
	return b
}

// appointment is something to be done at a time since opening.
type appointment struct {
	at time.Duration
	do func(*diary)
}

// diary is a day while it is being written: the POS with its shop, and what was
// done so far.
type diary struct {
	opts    DayOptions
	shop    *shop
	rand    *rand.Rand
	popular []*item // those that are bought most first
	at      time.Duration
	version uint64 // of the next event
	sold    []*sold
	steps   []Step
}

func newDiary(opts DayOptions) *diary {
	d := &diary{opts: opts, shop: newShop(), rand: rand.New(rand.NewPCG(opts.Seed, 0)), version: opts.FirstVersion}
	d.popular = slices.Clone(d.shop.items)
	d.rand.Shuffle(len(d.popular), func(i, j int) { d.popular[i], d.popular[j] = d.popular[j], d.popular[i] })
	slices.SortStableFunc(d.popular, func(a, b *item) int { return cmp.Compare(rank(a), rank(b)) })
	return d
}

func rank(it *item) int {
	if slices.Contains(it.family.tags, "bestseller") {
		return 0
	}
	return 1
}

// clerk is somebody who works in the shop.
type clerk string

const (
	ines   clerk = "Ines"
	tomas  clerk = "Tomas"
	priya  clerk = "Priya"
	callum clerk = "Callum"
	maren  clerk = "Maren"
	bo     clerk = "Bo"
)

// place is where the POS sees them.
func (c clerk) place() string {
	switch c {
	case ines:
		return "till-1"
	case tomas:
		return "till-2"
	case priya:
		return "till-3"
	case callum:
		return "till-4"
	case bo:
		return "stockroom"
	}
	return "office"
}

// next names the sale, order, count and so on that the next events belong to.
func (d *diary) next(kind string) string { return fmt.Sprintf("%s-%d", kind, d.version) }

// write adds a step.
func (d *diary) write(who clerk, correlation, caption string, events ...domain.Event) {
	s := Step{
		Number: len(d.steps) + 1, At: d.at, Caption: caption,
		source: domain.SourceID("/pos/" + string(d.opts.Store) + "/" + who.place()), actor: string(who),
		correlation: correlation, seed: d.opts.Seed,
	}
	for _, e := range events {
		s.notices = append(s.notices, notice{d.version, e})
		d.version++
	}
	d.steps = append(d.steps, s)
}
