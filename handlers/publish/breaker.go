package publish

import (
	"errors"
	"sync"
	"time"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/projections"
)

// Defaults of a [Breaker].
const (
	DefaultWindow       = 10 * time.Minute
	DefaultPrice        = 0.5
	DefaultLeast  int64 = 10
)

// Breaker holds pushes when too many linked products would go out of stock, be
// hidden, or change price at once, as after a wrong import.
type Breaker struct {
	// Share is the part of the linked products that may do so within the window, up to
	// 1. At 0 there is no breaker.
	Share float64
	// Window is how long such a change counts; default [DefaultWindow].
	Window time.Duration
	// Price is the part of itself by which the lowest or highest price of a product may
	// change without counting, up to 1; default [DefaultPrice].
	Price float64
	// Least is how many products have to change before the share matters; default
	// [DefaultLeast].
	Least int64
}

func (b Breaker) complete() (Breaker, error) {
	if b.Share < 0 || b.Share > 1 || b.Price < 0 || b.Price > 1 || b.Window < 0 || b.Least < 0 {
		return b, errors.New("publish: a breaker's Share and Price must be from 0 to 1, its Window and Least not negative")
	}
	if b.Window == 0 {
		b.Window = DefaultWindow
	}
	if b.Price == 0 {
		b.Price = DefaultPrice
	}
	if b.Least == 0 {
		b.Least = DefaultLeast
	}
	return b, nil
}

func (b *Breaker) off() bool { return b.Share == 0 }

// trips reports whether so many changed products out of the linked ones are too
// many.
func (b *Breaker) trips(changed, linked int) bool {
	return int64(changed) >= b.Least && float64(changed) > b.Share*float64(linked)
}

// surge is how many products make a change of the breaker's kind within its window.
type surge struct {
	changed, linked int
	trips           bool
}

// count counts products in that are to make such a change. What it says of none is
// that they are not too many.
func (p *Publisher) count(ids []domain.ProductID) surge {
	if len(ids) == 0 {
		return surge{}
	}
	b := &p.cfg.Guards.Breaker
	s := surge{changed: p.wave.rise(p.cfg.Now(), b.Window, ids), linked: p.cfg.Publications.Linked(p.cfg.Store)}
	s.trips = b.trips(s.changed, s.linked)
	return s
}

// wave is the products that made a change of the breaker's kind within its window,
// each with the time when it was first seen to.
type wave struct {
	mu   sync.Mutex
	seen map[domain.ProductID]time.Time
}

// rise counts some products in and those out whose time has passed, and returns how
// many there are.
func (w *wave) rise(now time.Time, window time.Duration, ids []domain.ProductID) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	for id, at := range w.seen {
		if !at.Add(window).After(now) {
			delete(w.seen, id)
		}
	}
	for _, id := range ids {
		if _, counted := w.seen[id]; !counted {
			w.seen[id] = now
		}
	}
	return len(w.seen)
}

// forget takes out a product whose change somebody has found to be right.
func (w *wave) forget(id domain.ProductID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.seen, id)
}

// recall counts in what the breaker held before this process began. What it let
// through then is not known any more.
func (w *wave) recall(held []projections.HeldPush) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, h := range held {
		if h.Guard == domain.GuardBreaker {
			w.seen[h.Product] = h.At
		}
	}
}
