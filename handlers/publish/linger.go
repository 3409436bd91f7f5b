package publish

import (
	"time"

	"github.com/tillstream/tillstream/domain"
)

// lingering is a request that may still take effect.
type lingering struct {
	digest string // of the state in it
	until  time.Time
}

// remember notes the products of a request that may still take effect.
func (r *round) remember(rows []Row, err error) error {
	if !lingers(err) {
		return err
	}
	for _, id := range products(rows) {
		if t := r.byID[id]; !t.left {
			r.p.linger(id, t.desired.Listing.Digest())
		}
	}
	return err
}

// linger notes that a state of a product may still take effect.
func (p *Publisher) linger(id domain.ProductID, digest string) {
	p.lingerMu.Lock()
	defer p.lingerMu.Unlock()
	p.lingering[id] = lingering{digest, p.cfg.Now().Add(p.cfg.Quiet)}
}

// inheritLingering lets a product that takes over a twin wait for what may still
// take effect on it.
func (p *Publisher) inheritLingering(id, former domain.ProductID) {
	p.lingerMu.Lock()
	defer p.lingerMu.Unlock()
	if l, ok := p.lingering[former]; ok {
		p.lingering[id] = lingering{until: l.until}
	}
}

// quietUntil returns until when a state of a product must not be sent, because an
// older one may still be under way; zero when it may.
func (p *Publisher) quietUntil(id domain.ProductID, digest string) time.Time {
	p.lingerMu.Lock()
	defer p.lingerMu.Unlock()
	l, ok := p.lingering[id]
	if !ok {
		return time.Time{}
	}
	if !l.until.After(p.cfg.Now()) {
		delete(p.lingering, id)
		return time.Time{}
	}
	if l.digest == digest {
		return time.Time{}
	}
	return l.until
}
