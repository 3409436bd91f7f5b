package publish

import (
	"testing"
	"time"

	"github.com/tillstream/tillstream/domain"
)

func TestGuards_concerns(t *testing.T) {
	t.Parallel()
	offer := func(change func(*domain.Offer)) domain.Offer {
		o := domain.Offer{Visible: true, InStock: true, Described: true, Branded: true, LowPrice: domain.MustMoney("10"), HighPrice: domain.MustMoney("20")}
		if change != nil {
			change(&o)
		}
		return o
	}
	before := func(change func(*domain.Offer)) *domain.Offer { o := offer(change); return &o }
	empty := func(o *domain.Offer) { o.Described, o.Branded = false, false }
	price := func(low, high string) func(*domain.Offer) {
		return func(o *domain.Offer) { o.LowPrice, o.HighPrice = domain.MustMoney(low), domain.MustMoney(high) }
	}
	all := Guards{Empties: true, Breaker: Breaker{Share: 0.2, Price: 0.5}}
	for name, tt := range map[string]struct {
		guards Guards
		before *domain.Offer
		after  domain.Offer
		want   concern
	}{
		"nothing changes":                     {all, before(nil), offer(nil), 0},
		"nothing is known, and nothing amiss": {all, nil, offer(nil), 0},
		"nothing is known, texts are empty":   {all, nil, offer(func(o *domain.Offer) { empty(o); o.Visible, o.InStock = false, false }), undescribed | unbranded},
		"texts were empty before":             {all, before(empty), offer(empty), 0},
		"the description goes":                {all, before(nil), offer(func(o *domain.Offer) { o.Described = false }), undescribed},
		"the brand goes":                      {all, before(nil), offer(func(o *domain.Offer) { o.Branded = false }), unbranded},
		"texts come":                          {all, before(empty), offer(nil), 0},
		"sold out":                            {all, before(nil), offer(func(o *domain.Offer) { o.InStock = false }), soldOut},
		"in stock again":                      {all, before(func(o *domain.Offer) { o.InStock = false }), offer(nil), 0},
		"hidden":                              {all, before(nil), offer(func(o *domain.Offer) { o.Visible = false }), hidden},
		"shown again":                         {all, before(func(o *domain.Offer) { o.Visible = false }), offer(nil), 0},
		"prices within the part":              {all, before(nil), offer(price("5", "30")), 0},
		"the lowest falls past the part":      {all, before(nil), offer(price("4.99", "20")), repriced},
		"the highest rises past the part":     {all, before(nil), offer(price("10", "30.01")), repriced},
		"both are a tenth":                    {all, before(nil), offer(price("1", "2")), repriced},
		"for nothing":                         {all, before(nil), offer(price("0", "0")), repriced},
		"no more for nothing":                 {all, before(price("0", "0")), offer(nil), repriced},
		"for nothing as before":               {all, before(price("0", "0")), offer(price("0", "0")), 0},
		"everything at once":                  {all, before(nil), domain.Offer{}, undescribed | unbranded | soldOut | hidden | repriced},
		"no guard":                            {Guards{}, before(nil), domain.Offer{}, 0},
		"empties alone":                       {Guards{Empties: true}, before(nil), domain.Offer{}, undescribed | unbranded},
		"the breaker alone":                   {Guards{Breaker: all.Breaker}, before(nil), domain.Offer{}, soldOut | hidden | repriced},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := tt.guards.concerns(tt.before, tt.after); got != tt.want {
				t.Errorf("concerns %05b, want %05b", got, tt.want)
			}
		})
	}
}

func TestBreaker_trips(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		breaker         Breaker
		changed, linked int
		want            bool
	}{
		"nothing changed":        {Breaker{Share: 0.2}, 0, 0, false},
		"fewer than the least":   {Breaker{Share: 0.2, Least: 10}, 9, 9, false},
		"the least":              {Breaker{Share: 0.2, Least: 10}, 10, 10, true},
		"the share to the dot":   {Breaker{Share: 0.2, Least: 10}, 200, 1000, false},
		"one more":               {Breaker{Share: 0.2, Least: 10}, 201, 1000, true},
		"the share is all there": {Breaker{Share: 1, Least: 1}, 1000, 1000, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := tt.breaker.trips(tt.changed, tt.linked); got != tt.want {
				t.Errorf("%d of %d trips: %v, want %v", tt.changed, tt.linked, got, tt.want)
			}
		})
	}
}

func TestBreaker_complete(t *testing.T) {
	t.Parallel()
	got, err := Breaker{Share: 0.3}.complete()
	if want := (Breaker{0.3, DefaultWindow, DefaultPrice, DefaultLeast}); got != want || err != nil {
		t.Errorf("completed to %+v, %v, want %+v", got, err, want)
	}
	for _, wrong := range []Breaker{{Share: -0.1}, {Share: 1.1}, {Price: -1}, {Price: 1.1}, {Window: -1}, {Least: -1}} {
		if _, err := wrong.complete(); err == nil {
			t.Errorf("%+v is taken, want an error", wrong)
		}
	}
}

func TestWave(t *testing.T) {
	t.Parallel()
	w := wave{seen: map[domain.ProductID]time.Time{}}
	start := time.Date(2026, 11, 1, 10, 0, 0, 0, time.UTC)
	rise := func(minute int, want int, ids ...domain.ProductID) {
		t.Helper()
		if got := w.rise(start.Add(time.Duration(minute)*time.Minute), 10*time.Minute, ids); got != want {
			t.Errorf("%d counted at minute %d, want %d", got, minute, want)
		}
	}
	rise(0, 2, "a", "b")
	rise(4, 3, "b", "c") // b counts from when it was first seen
	rise(9, 3)
	rise(10, 1)
	w.forget("c")
	rise(10, 0)
}
