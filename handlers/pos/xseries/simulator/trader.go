package simulator

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	shop "github.com/tillstream/tillstream/handlers/pos/simulator"
)

// Trader is everybody who works in the shop: what they do is drawn with a seed from what there is, so that the same seed
// on the same account does the same. It is not safe for concurrent use, while the account that it works on is.
type Trader struct {
	account *Account
	rand    *rand.Rand
	sold    []*sale        // that may come back
	waiting []*sale        // that are to be closed one day
	open    []*consignment // that are on their way
}

// NewTrader returns who works in the shop of an account.
func NewTrader(a *Account, seed uint64) *Trader {
	return &Trader{account: a, rand: rand.New(rand.NewPCG(seed, 2))}
}

// Step is one thing that happened.
type Step struct {
	At      time.Time `json:"at"` // in the shop
	Caption string    `json:"caption"`
}

// Week is how to play a trading week. Its seven days are those of the shop's hours; nights take no time.
type Week struct {
	// Start is midnight of its first day: the records carry the times of that week. The zero time makes them carry those of
	// the account's clock.
	Start time.Time
	// Takes is how long the week's hours last by the account's clock; 0 is as fast as it can be.
	Takes time.Duration
	// Sales is how many sales there are in a day, about; 0 is 110. Everything else is in proportion.
	Sales int
	// Told, when set, is called with each step after it happened.
	Told func(Step)
}

// Steps is how many steps a week has, about.
func (w Week) Steps() int {
	usual := usualSales
	for _, h := range habits() {
		usual += int(h.times)
	}
	return days * (usual*w.sales()/usualSales + 1)
}

func (w Week) sales() int {
	if w.Sales == 0 {
		return usualSales
	}
	return w.Sales
}

const (
	days         = 7
	usualSales   = 110
	tradingHours = shop.Closes - shop.Opens
)

// appointment is something to be done at a time: the day and the time since the shop opened.
type appointment struct {
	day int
	at  time.Duration
	do  func(*Trader) (string, error)
}

// Play plays a week. It ends early with ctx's error. Another error is that something could not be done which should have
// been possible.
func (t *Trader) Play(ctx context.Context, w Week) error {
	a := t.account
	begin := a.cfg.Now()
	defer a.setMoment(time.Time{})
	for _, next := range t.plan(w) {
		passed := time.Duration(next.day)*tradingHours + next.at
		if w.Takes > 0 {
			due := begin.Add(time.Duration(float64(w.Takes) * float64(passed) / float64(days*tradingHours)))
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
		var at time.Time
		if !w.Start.IsZero() {
			at = w.Start.AddDate(0, 0, next.day).Add(shop.Opens + next.at)
		}
		s, err := t.step(at, next.do)
		if err != nil {
			return fmt.Errorf("day %d, %s after opening: %w", next.day+1, next.at, err)
		}
		if w.Told != nil {
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
func (t *Trader) step(at time.Time, do func(*Trader) (string, error)) (Step, error) {
	t.account.mu.Lock()
	defer t.account.mu.Unlock()
	t.account.moment = at
	caption, err := do(t)
	return Step{At: t.account.now(), Caption: caption}, err
}

// habit is something that is done so many times in a usual day.
type habit struct {
	times float64
	do    func(*Trader) (string, error)
}

func habits() []habit {
	return []habit{
		{8, (*Trader).refund}, {5, (*Trader).exchange}, {1, (*Trader).void}, {1, (*Trader).refundWithoutReceipt},
		{3, sellAs("SAVED")}, {2, sellAs("ONACCOUNT")}, {2, sellAs("LAYBY")}, {2, sellAs("AWAITING_PICKUP")}, {1, sellAs("AWAITING_DISPATCH")},
		{1, sellAs("SERVICE")}, {1, sellAs(unknownSale)}, {10, (*Trader).settle},
		{4, (*Trader).reprice}, {2, (*Trader).redescribe}, {2, (*Trader).resave}, {1, (*Trader).toggle}, {1, (*Trader).picture}, {1, (*Trader).retag},
		{0.7, (*Trader).newProduct}, {0.7, (*Trader).newVariant}, {0.4, (*Trader).deleteVariant}, {0.3, (*Trader).deleteFamily}, {1, (*Trader).importPrices},
		{4, (*Trader).adjust}, {1.5, (*Trader).order}, {1.5, (*Trader).transfer}, {0.5, (*Trader).sendBack}, {1, (*Trader).stocktake}, {20, (*Trader).advance},
		{3, func(t *Trader) (string, error) { t.account.greet(); return "a new customer", nil }},
	}
}

// plan draws the times of a week. What is done is drawn when the time has come, from what is there.
func (t *Trader) plan(w Week) []appointment {
	sales := w.sales()
	share := float64(sales) / usualSales
	var plan []appointment
	for day := range days {
		for range sales {
			plan = append(plan, appointment{day, shop.Arrival(t.rand), sellAs("CLOSED")})
		}
		for _, h := range habits() {
			times := int(h.times * share)
			if t.rand.Float64() < h.times*share-float64(times) {
				times++
			}
			if day == days-1 && share >= 0.1 {
				times = max(times, 1) // once a week at least
			}
			for range times {
				plan = append(plan, appointment{day, time.Duration(t.rand.Int64N(int64(tradingHours))).Truncate(time.Second), h.do})
			}
		}
		plan = append(plan, appointment{day, tradingHours, (*Trader).close})
	}
	slices.SortStableFunc(plan, func(x, y appointment) int { return cmp.Or(cmp.Compare(x.day, y.day), cmp.Compare(x.at, y.at)) })
	return plan
}

// close is the end of a day.
func (t *Trader) close() (string, error) {
	for _, r := range t.account.registers {
		t.account.closeRegister(r)
	}
	return "the shop closes", nil
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

// idle is what there is to tell when there was nothing to do.
func idle(what string) (string, error) { return "nobody " + what + ": there is nothing", nil }
