package publish

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/bigcommerce"
)

// mostAssigned bounds the channel assignments of one request; BigCommerce documents no
// limit.
const mostAssigned = 50

// channelField is the field of a refusal which says that BigCommerce has the product and
// does not offer it in the store's channels. It stays on record until a push has put it
// there.
const channelField = "channel"

// assign offers products in the store's channels: those that were created and are not
// recorded yet, so that a crash does not leave one out, and linked ones that were
// refused there before. A product without a channel is still better linked than created
// twice, and better with the POS's stock than without it, so it goes on; what was said
// against it is recorded as its refusal.
func (r *round) assign(ctx context.Context, tasks []*task) error {
	twins := map[domain.ProductID]bigcommerce.ProductID{}
	var rows []Row
	for _, t := range tasks {
		switch {
		case t.left:
			continue
		case t.need == needsTwin && t.twin != nil && t.born:
			twins[t.product] = bigcommerce.ProductID(t.twin.BigCommerceID)
		case t.need == needsPush && t.unoffered == nil && r.p.unoffered(t.product):
			twins[t.product] = bigcommerce.ProductID(t.desired.Link.BigCommerceID)
		default:
			continue
		}
		rows = append(rows, Row{Product: t.product})
	}
	ph := r.phase(func(ctx context.Context, _ *phase, rows []Row) error {
		var assignments []bigcommerce.ChannelAssignment
		for _, row := range rows {
			for _, channel := range r.p.cfg.Channels {
				assignments = append(assignments, bigcommerce.ChannelAssignment{Product: twins[row.Product], Channel: channel})
			}
		}
		return r.p.cfg.Client.AssignChannels(ctx, assignments)
	})
	ph.refuse = func(_ context.Context, id domain.ProductID, err error) {
		refused := refusal(err)
		refused.Field = channelField
		refused.Reason = fmt.Sprintf("BigCommerce product %d is not offered in %s: %s: check bigcommerce.channels, then run `tillstream push %s`",
			twins[id], r.p.channels(), strings.TrimRight(refused.Reason, "."), id)
		r.byID[id].unoffered = &refused
	}
	perRequest := max(mostAssigned/len(r.p.cfg.Channels), 1)
	return ph.run(ctx, slices.Collect(slices.Chunk(rows, perRequest)), 1)
}

// channels names them for people.
func (p *Publisher) channels() string {
	if len(p.cfg.Channels) == 1 {
		return fmt.Sprintf("channel %d", p.cfg.Channels[0])
	}
	return "channels " + strings.Trim(strings.Join(strings.Fields(fmt.Sprint(p.cfg.Channels)), ", "), "[]")
}

// unoffered reports whether a product is in no channel, as far as is recorded.
func (p *Publisher) unoffered(id domain.ProductID) bool {
	refused := p.cfg.Publications.Publication(p.cfg.Store, id).Refused
	return refused != nil && refused.Field == channelField
}
