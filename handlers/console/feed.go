package console

import (
	"context"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/tillstream/tillstream/domain"
)

// OutcomeLine is one thing that became of a product, as the SYNC log has it.
type OutcomeLine struct {
	Position      domain.Position  `json:"position"` // in the SYNC log
	At            time.Time        `json:"at"`       // when it was recorded
	Product       domain.ProductID `json:"product"`
	Name          string           `json:"name"` // as it is now
	BigCommerceID int64            `json:"bigcommerce_id,omitempty"`
	Event         string           `json:"event" enum:"created,updated,refused,held,approved,discarded,wanted,linked,unlinked,quarantined,released,drift,image_refused,unoffered,offered"`
	State         domain.Position  `json:"state_position,omitempty" doc:"of what was pushed, in the POS log"`
	Guard         domain.Guard     `json:"guard,omitempty" doc:"that holds the push"`
	Status        int              `json:"status,omitempty" doc:"BigCommerce's, of a refusal"`
	Field         string           `json:"field,omitempty"`
	Reason        string           `json:"reason,omitempty"`
}

func (c *Console) mountFeed(api huma.API) {
	registerLines(c, api, "/v1/stores/{store}/outcomes", "What became of products: each push, hold, link and quarantine",
		"The answer has one JSON line per outcome, in the order of the SYNC log. The first push after a creation is `created`, the others are `updated`.",
		&huma.Schema{OneOf: []*huma.Schema{schemaOf[OutcomeLine](api), schemaOf[LastLine](api)}}, c.outcomesFrom)
}

type feedInput struct {
	Store  string `path:"store"`
	From   string `query:"from" doc:"a position in the SYNC log, a time (RFC 3339), a day, how long ago (2h, 3d), or end; everything by default"`
	Follow bool   `query:"follow" doc:"wait for what is to come"`
}

// lookBehind is how many events before the first that is asked for are looked at, so
// that the first push after a creation is known for one: what a round records
// between the two is much less.
const lookBehind = 5000

func (c *Console) outcomesFrom(ctx context.Context, in *feedInput) (*huma.StreamResponse, error) {
	store, err := c.Store(in.Store)
	if err != nil {
		return nil, err
	}
	from, err := c.feedStart(ctx, in.From)
	if err != nil {
		return nil, err
	}
	return c.lines("outcomes", func(write func(any) error) error {
		ctx := ctx
		if in.Follow {
			var cancel context.CancelFunc
			ctx, cancel = c.untilEnding(ctx)
			defer cancel()
		}
		return c.tellOutcomes(ctx, store.ID, from, in.Follow, write)
	}), nil
}

// tellOutcomes writes what became of products from a position on.
func (c *Console) tellOutcomes(ctx context.Context, store domain.StoreID, from domain.Position, follow bool, write func(any) error) error {
	born := births{}
	for next := max(from, lookBehind+1) - lookBehind; ; {
		last, err := c.Sync.Last(ctx)
		if err != nil {
			return err
		}
		if next <= last {
			err := c.Sync.Read(ctx, store, "", next, last, func(rec domain.Recorded, err error) error {
				event, unknown := decoded(rec, err)
				if unknown != nil {
					return nil // of a newer version of this program
				}
				line, is := born.outcome(rec, event)
				if !is || rec.Position < from {
					return nil
				}
				if err := c.complete(ctx, store, &line); err != nil {
					return err
				}
				return write(line)
			})
			if err != nil {
				return err
			}
		}
		if !follow {
			return nil
		}
		next = max(next, last+1)
		if err := c.Publications.Await(ctx, next); err != nil {
			return err
		}
	}
}

func decoded(rec domain.Recorded, err error) (domain.Event, error) {
	if err != nil {
		return nil, err
	}
	return rec.Event()
}

func (c *Console) feedStart(ctx context.Context, from string) (domain.Position, error) {
	if from == "" {
		return 1, nil
	}
	if from == "end" {
		last, err := c.Sync.Last(ctx)
		return last + 1, err
	}
	m, err := c.moment("from", from)
	if err != nil {
		return 0, err
	}
	at, err := m.From(ctx, c.Sync)
	return max(at, 1), err
}

// complete adds what the event itself does not say: the product's name, and its twin
// where that is known. Of what was let go, an earlier event says it.
func (c *Console) complete(ctx context.Context, store domain.StoreID, line *OutcomeLine) error {
	line.Name = string(line.Product)
	if _, name, err := c.name(ctx, store, line.Product); err == nil {
		line.Name = name
	}
	if line.BigCommerceID != 0 {
		return nil
	}
	if line.Event != "unlinked" {
		if link := c.Publications.Publication(store, line.Product).Link; link != nil {
			line.BigCommerceID = link.BigCommerceID
		}
		return nil
	}
	return c.Sync.Read(ctx, store, string(line.Product), 1, line.Position, func(rec domain.Recorded, err error) error {
		if event, unknown := decoded(rec, err); unknown == nil {
			if linked, is := event.(*domain.ProductLinked); is {
				line.BigCommerceID = linked.Link.BigCommerceID
			}
		}
		return nil
	})
}

// births are the products that were created and not pushed yet.
type births map[domain.ProductID]bool

// outcome says what an event means for people, or false for one that means nothing
// by itself: what is about to be created, and what a push found of a twin's variants.
func (b births) outcome(rec domain.Recorded, event domain.Event) (OutcomeLine, bool) {
	line := OutcomeLine{Position: rec.Position, At: rec.RecordedAt, Product: domain.ProductID(event.Subject())}
	switch e := event.(type) {
	case *domain.ProductLinked:
		b[e.Product] = e.By == domain.LinkedByCreation || e.By == domain.LinkedByPush && b[e.Product]
		line.Event, line.BigCommerceID = "linked", e.Link.BigCommerceID
		if !b[e.Product] {
			delete(b, e.Product)
		}
		return line, e.By == domain.LinkedBySKU || e.By == domain.LinkedByOperator
	case *domain.PushConfirmed:
		line.Event, line.BigCommerceID, line.State = "updated", e.BigCommerceID, e.Position
		if b[e.Product] {
			line.Event = "created"
		}
		delete(b, e.Product)
	case *domain.PushRefused:
		line.Event, line.State, line.Status, line.Field, line.Reason = "refused", e.Position, e.Status, e.Field, e.Reason
	case *domain.PushHeld:
		line.Event, line.State, line.Guard, line.Reason = "held", e.Position, e.Guard, e.Reason
	case *domain.PushReleased:
		line.Event, line.State = string(e.Release), e.Position
	case *domain.PushWanted:
		line.Event, line.State, line.Reason = "wanted", e.Position, e.Reason
	case *domain.ProductUnlinked:
		line.Event, line.Reason = "unlinked", e.Reason
		delete(b, e.Product)
	case *domain.ItemQuarantined:
		line.Event, line.State, line.Reason = "quarantined", e.Position, e.Reason
	case *domain.ItemReleased:
		line.Event, line.State, line.Reason = "released", e.Position, e.Reason
	case *domain.DriftFound:
		line.Event, line.Field, line.Reason = "drift", e.Field, "BigCommerce shows "+e.Got+" instead of "+e.Want
	case *domain.ImageSent:
		line.Event, line.BigCommerceID, line.Reason = "image_refused", e.BigCommerceID, e.URL+": "+e.Error
		return line, e.Error != ""
	case *domain.ProductOffered:
		line.Event, line.BigCommerceID, line.Reason = "unoffered", e.BigCommerceID, e.Error
		if e.Error == "" {
			line.Event = "offered"
		}
	default:
		return line, false
	}
	return line, true
}
