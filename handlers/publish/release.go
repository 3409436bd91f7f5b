package publish

import (
	"context"

	"github.com/tillstream/tillstream/domain"
)

// NotHeld is the reason why nothing is done about a push that no guard holds.
const NotHeld = "no guard holds it"

// Approve releases held pushes: the newest state of each product is pushed, and no
// guard has a say in it. It returns what became of each, in their order; for one
// that is not held, nothing. It does not need Run to be running.
func (p *Publisher) Approve(ctx context.Context, ids []domain.ProductID) ([]Outcome, error) {
	out, err := p.release(ctx, ids, domain.Approved)
	for _, o := range out {
		p.Wake(o.Product)
	}
	return out, err
}

// Discard releases held pushes the other way: BigCommerce stays as it is until the
// product changes in the POS after this. Otherwise it is like [Publisher.Approve].
func (p *Publisher) Discard(ctx context.Context, ids []domain.ProductID) ([]Outcome, error) {
	return p.release(ctx, ids, domain.Discarded)
}

func (p *Publisher) release(ctx context.Context, ids []domain.ProductID, release domain.Release) ([]Outcome, error) {
	end, err := p.turn(ctx)
	if err != nil {
		return nil, err
	}
	defer end()
	out := make([]Outcome, len(ids))
	var notes []note
	for i, id := range ids {
		out[i] = Outcome{Product: id, Kind: Nothing, Reason: NotHeld, At: p.cfg.Now()}
		held := p.cfg.Publications.Publication(p.cfg.Store, id).Held
		if held == nil {
			continue
		}
		out[i].Kind, out[i].Reason, out[i].Guard, out[i].Position = Kind(release), held.Reason, held.Guard, held.Position
		if s, ok := p.cfg.Catalog.Summary(p.cfg.Store, id); ok {
			out[i].Position = max(held.Position, s.Position)
		}
		notes = append(notes, note{&domain.PushReleased{Product: id, Position: out[i].Position, Release: release}, &out[i]})
	}
	return out, p.record(ctx, notes)
}
