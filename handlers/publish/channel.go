package publish

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/bigcommerce"
)

// mostAssigned bounds the channel assignments of one request; BigCommerce documents no
// limit.
const mostAssigned = 50

// channelField is the field of a refusal which says that BigCommerce has the product, and
// does not offer it in the store's channels.
const channelField = "channel"

// offerNew offers what was created, before that is recorded: what a crash leaves out is
// looked for, and offered, again. A product without a channel is still better linked than
// created twice, so it goes on when BigCommerce refuses that.
func (r *round) offerNew(ctx context.Context, tasks []*task) error {
	twins := map[domain.ProductID]int64{}
	for _, t := range tasks {
		if !t.left && t.twin != nil && t.born {
			twins[t.product] = t.twin.BigCommerceID
		}
	}
	return r.assign(twins).run(ctx, r.perAssignment(twins), 1)
}

// offerAgain offers what was pushed and is recorded as refused by a channel. That is last,
// so that nothing waits for it, and it does not end a push: what fails stays recorded.
func (r *round) offerAgain(ctx context.Context) error {
	twins := map[domain.ProductID]int64{}
	for _, t := range r.tasks {
		if t.pushed() && !t.left && t.unoffered == nil &&
			r.p.cfg.Publications.Publication(r.p.cfg.Store, t.product).Unoffered != nil {
			twins[t.product] = t.desired.Link.BigCommerceID
		}
	}
	ph := r.assign(twins)
	ph.tire = func(domain.ProductID, error) {}
	assign := ph.send
	ph.send = func(ctx context.Context, rows []Row) error {
		err := assign(ctx, rows)
		if err == nil {
			for _, row := range rows {
				r.byID[row.Product].offered = true
			}
		}
		return err
	}
	return ph.run(ctx, r.perAssignment(twins), 1)
}

// assign prepares the phase that offers some twins in the store's channels. It carries no
// state of a product, so nothing waits for what goes unanswered.
func (r *round) assign(twins map[domain.ProductID]int64) *phase {
	ph := r.phase(nil)
	ph.send = func(ctx context.Context, rows []Row) error {
		var assignments []bigcommerce.ChannelAssignment
		for _, row := range rows {
			for _, channel := range r.p.cfg.Channels {
				assignments = append(assignments, bigcommerce.ChannelAssignment{Product: bigcommerce.ProductID(twins[row.Product]), Channel: channel})
			}
		}
		return r.p.cfg.Client.AssignChannels(ctx, assignments)
	}
	ph.refuse = func(_ context.Context, id domain.ProductID, err error) {
		refused := refusal(err)
		refused.Field = channelField
		refused.Reason = shorten(fmt.Sprintf("BigCommerce product %d is not offered in %s: %s: check bigcommerce.channels, then run `tillstream push %s`",
			twins[id], r.p.channels(), strings.TrimRight(refused.Reason, "."), id), mostReason)
		r.byID[id].unoffered = &refused
	}
	return ph
}

// perAssignment plans the requests.
func (r *round) perAssignment(twins map[domain.ProductID]int64) [][]Row {
	var rows []Row
	for _, t := range r.tasks {
		if twins[t.product] != 0 {
			rows = append(rows, Row{Product: t.product})
		}
	}
	return slices.Collect(slices.Chunk(rows, max(mostAssigned/len(r.p.cfg.Channels), 1)))
}

// channels names them for people.
func (p *Publisher) channels() string {
	names := make([]string, len(p.cfg.Channels))
	for i, id := range p.cfg.Channels {
		names[i] = fmt.Sprint(id)
	}
	if len(names) == 1 {
		return "channel " + names[0]
	}
	return "channels " + strings.Join(names, ", ")
}

// refusedByChannel notes that no channel offers a twin.
func (t *task) refusedByChannel(twin int64, at time.Time) note {
	u := t.unoffered
	return note{&domain.ProductOffered{Product: t.product, BigCommerceID: twin, Status: u.Status, Error: u.Reason},
		&Outcome{Product: t.product, Kind: Refused, Position: t.position, BigCommerceID: twin, Status: u.Status, Reason: u.Reason, Field: u.Field, At: at}}
}

// sayOffered notes what has become of offering a product that was pushed.
func (t *task) sayOffered(at time.Time) {
	twin := t.desired.Link.BigCommerceID
	switch {
	case t.offered:
		t.notes = append(t.notes, note{event: &domain.ProductOffered{Product: t.product, BigCommerceID: twin}})
	case t.unoffered != nil:
		n := t.refusedByChannel(twin, at)
		t.outcome = *n.outcome
		if !t.made { // else it is on record with the link
			t.notes = append(t.notes, n)
		}
	}
}
