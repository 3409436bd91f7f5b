package simulator

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	shop "github.com/tillstream/tillstream/handlers/pos/simulator"
)

// Trader is everybody who works in the shop: what they do is drawn with a seed from what there is, so that the same seed
// on the same account does the same. It is not safe for concurrent use, while the account that it works on is.
type Trader struct {
	account *Account
	rand    *rand.Rand
	sold    []*sale       // that may come back
	errands []appointment // what follows from what was done, the soonest first
	at      time.Duration // hours of trading since the play began
}

// NewTrader returns who works in the shop of an account.
func NewTrader(a *Account, seed uint64) *Trader {
	return &Trader{account: a, rand: rand.New(rand.NewPCG(seed, 2))}
}

// Step is one thing that happened.
type Step struct {
	At      time.Time     // in the shop
	Hour    time.Duration // by the shop's clock, since midnight
	Caption string        // a sentence without its full stop
	// Occurred is what an adapter has to hear of.
	Occurred []Occurrence
	// Hooks is how many webhooks are to tell of it, and Lost how many of them are never sent.
	Hooks, Lost int
}

// Week is how to play a trading week. Its days are those of the shop's hours; nights take no time.
type Week struct {
	// Days is how many days it has; 0 is 7.
	Days int
	// Start is midnight of its first day: the records carry the times of that week. The zero time makes them carry those of
	// the account's clock.
	Start time.Time
	// Takes is how long its hours last by the account's clock; 0 is as fast as it can be.
	Takes time.Duration
	// Sales is how many sales there are in a day, about; 0 is 110. Everything else is in proportion. With a tenth of that, or
	// more, each of the nine triggers occurs at least once in a play.
	Sales int
	// Told, when set, is called with each step after it happened. The next one waits for it.
	Told func(Step)
}

// Steps is how many steps a week has, about.
func (w Week) Steps() int {
	usual := usualSales + followUps
	for _, h := range habits() {
		usual += int(h.times)
	}
	return w.days() * (usual*w.sales()/usualSales + 1)
}

func (w Week) sales() int { return cmp.Or(w.Sales, usualSales) }

func (w Week) days() int { return cmp.Or(w.Days, 7) }

const (
	usualSales   = 110
	followUps    = 24 // in a usual day, about: what waited is closed, what was ordered comes
	tradingHours = shop.Closes - shop.Opens
)

// appointment is something to be done at a time, in hours of trading since the play began.
type appointment struct {
	at time.Duration
	do func(*Trader) (string, error)
}

// later makes an errand of something that follows from what is done now.
func (t *Trader) later(least, most time.Duration, do func(*Trader) (string, error)) {
	at := t.at + least + time.Duration(t.rand.Int64N(int64(most-least))).Truncate(time.Second)
	i, _ := slices.BinarySearchFunc(t.errands, at, func(e appointment, at time.Duration) int {
		return cmp.Or(cmp.Compare(e.at, at), -1) // behind those of the same time
	})
	t.errands = slices.Insert(t.errands, i, appointment{at, do})
}

// Play plays a week. It ends early with ctx's error. Another error is that something could not be done which should have
// been possible. What is not finished at its end goes on in the next play.
func (t *Trader) Play(ctx context.Context, w Week) error {
	a := t.account
	begin, whole := a.cfg.Now(), time.Duration(w.days())*tradingHours
	defer func() {
		a.setMoment(time.Time{})
		for i := range t.errands {
			t.errands[i].at = max(0, t.errands[i].at-t.at)
		}
		t.at = 0
	}()
	for plan := t.plan(w); len(plan) > 0; {
		from := &plan
		if len(t.errands) > 0 && t.errands[0].at < plan[0].at {
			from = &t.errands
		}
		next := (*from)[0]
		*from = (*from)[1:]
		if w.Takes > 0 {
			due := begin.Add(time.Duration(float64(w.Takes) * float64(next.at) / float64(whole)))
			if wait := due.Sub(a.cfg.Now()); wait > 0 {
				select {
				case <-a.cfg.After(wait):
				case <-ctx.Done():
				}
			}
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		t.at = next.at
		day := max(0, next.at-1) / tradingHours // closing time is the day's own
		hour := shop.Opens + next.at - day*tradingHours
		s, err := t.step(w.Start, int(day), hour, next.do)
		if err != nil {
			return fmt.Errorf("day %d, %s after midnight: %w", day+1, hour, err)
		}
		if w.Told != nil && s.Caption != "" {
			w.Told(s)
		}
	}
	return nil
}

func (a *Account) setMoment(at time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.moment = at
}

// step does one thing at once: nobody sees half of it.
func (t *Trader) step(start time.Time, day int, hour time.Duration, do func(*Trader) (string, error)) (Step, error) {
	a := t.account
	a.mu.Lock()
	defer a.mu.Unlock()
	a.moment = time.Time{}
	if !start.IsZero() {
		a.moment = start.AddDate(0, 0, day).Add(hour)
	}
	seq, told, lost := a.occurred, a.outbox.told, a.outbox.lost
	caption, err := do(t)
	return Step{
		At: a.now(), Hour: hour, Caption: caption, Occurred: a.since(seq), Hooks: a.outbox.told - told, Lost: a.outbox.lost - lost,
	}, err
}

// habit is something that is done so many times in a usual day.
type habit struct {
	times float64
	when  spell
	do    func(*Trader) (string, error)
}

// spell is a part of the day.
type spell int

const (
	anytime spell = iota
	morning       // so that what follows is done on the same day
	later         // when there is something to bring back
)

// time draws one, since the shop opened.
func (s spell) time(r *rand.Rand) time.Duration {
	from, to := time.Duration(0), tradingHours
	switch s {
	case morning:
		from, to = 10*time.Minute, tradingHours/4
	case later:
		from = tradingHours / 3
	}
	return from + time.Duration(r.Int64N(int64(to-from))).Truncate(time.Second)
}

func habits() []habit {
	return []habit{
		{8, later, (*Trader).refund}, {5, later, (*Trader).exchange}, {1, later, (*Trader).void}, {1, anytime, (*Trader).refundWithoutReceipt},
		{3, anytime, sellAs("SAVED")}, {2, anytime, sellAs("ONACCOUNT")}, {2, anytime, sellAs("LAYBY")}, {2, anytime, sellAs("AWAITING_PICKUP")},
		{1, anytime, sellAs("AWAITING_DISPATCH")}, {1, anytime, sellAs("SERVICE")}, {1, anytime, sellAs(unknownSale)},
		{4, anytime, (*Trader).reprice}, {2, anytime, (*Trader).redescribe}, {2, anytime, (*Trader).resave}, {1, anytime, (*Trader).toggle},
		{1, anytime, (*Trader).picture}, {1, anytime, (*Trader).retag}, {0.7, anytime, (*Trader).newProduct}, {0.7, anytime, (*Trader).newVariant},
		{0.4, anytime, (*Trader).deleteVariant}, {0.3, anytime, (*Trader).deleteFamily}, {1, anytime, (*Trader).importPrices}, {4, anytime, (*Trader).adjust},
		{1.5, morning, (*Trader).order}, {1.5, morning, (*Trader).transfer}, {0.5, morning, (*Trader).sendBack}, {1, morning, (*Trader).stocktake},
		{3, anytime, func(t *Trader) (string, error) {
			t.account.greet()
			return "A customer leaves a name and an address", nil
		}},
	}
}

// plan draws the times of a week. What is done is drawn when the time has come, from what is there.
func (t *Trader) plan(w Week) []appointment {
	share := float64(w.sales()) / usualSales
	var plan []appointment
	for day := range w.days() {
		opens := time.Duration(day) * tradingHours
		for range w.sales() {
			plan = append(plan, appointment{opens + shop.Arrival(t.rand), sellAs("CLOSED")})
		}
		for _, h := range habits() {
			times := int(h.times * share)
			if t.rand.Float64() < h.times*share-float64(times) {
				times++
			}
			if day == w.days()-1 && share >= 0.1 {
				times = max(times, 1) // once at least
			}
			for range times {
				plan = append(plan, appointment{opens + h.when.time(t.rand), h.do})
			}
		}
		plan = append(plan, appointment{opens + tradingHours, (*Trader).close})
	}
	slices.SortStableFunc(plan, func(x, y appointment) int { return cmp.Compare(x.at, y.at) })
	return plan
}

// close is the end of a day.
func (t *Trader) close() (string, error) {
	for _, r := range t.account.registers {
		t.account.closeRegister(r)
	}
	return "The shop closes", nil
}

// draw draws one of some, those in front more often; false when there is none.
func draw[T any](t *Trader, all []T) (T, bool) {
	if len(all) == 0 {
		var none T
		return none, false
	}
	r := t.rand.Float64()
	return all[int(r*r*float64(len(all)))], true
}

// chosen lists the products that are not deleted and suit.
func (t *Trader) chosen(suits func(*product) bool) []*product {
	var out []*product
	for _, p := range t.account.order {
		if !p.gone() && suits(p) {
			out = append(out, p)
		}
	}
	return out
}

// outlet draws one, the first more often.
func (t *Trader) outlet() *outlet {
	o, _ := draw(t, t.account.outlets)
	return o
}

// happened says that there was something of the kind before: of the first, everything goes well.
func (t *Trader) happened(why Trigger) bool { return t.account.times[why] > 0 }

// idle is what there is to tell when there was nothing to do.
func idle() (string, error) { return "", nil }

// some is so much of a product: "2 × Enamel Mug", or "3.5 m of Dock Line 12 mm".
func some(n Amount, p *product) string {
	if slices.Contains(p.family.tags, "by the metre") {
		return n.String() + " m of " + p.label()
	}
	return n.String() + " × " + p.label()
}

// and lists words as a sentence does.
func and(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " and " + words[last]
}

// others is the first of some words and how many more there are.
func others(words []string) string {
	if len(words) < 3 {
		return and(words)
	}
	return fmt.Sprintf("%s and %d more", words[0], len(words)-1)
}

// price writes two decimals always: 24.50.
func price(n Amount) string {
	text := n.rounded(2).fixed()
	return text[:len(text)-decimals+2]
}
