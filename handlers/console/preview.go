package console

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/problem"
	"github.com/tillstream/tillstream/handlers/publish"
	"github.com/tillstream/tillstream/projections"
)

// PreviewLine is one product of which a push would change something, or that would
// not be pushed.
type PreviewLine struct {
	Product       domain.ProductID `json:"product"`
	Name          string           `json:"name"`
	State         publish.Prospect `json:"state" enum:"differs,held,refused,broken,unlinked,quarantined,undescribed"`
	BigCommerceID int64            `json:"bigcommerce_id,omitempty"`
	Position      domain.Position  `json:"position"` // of the state that would be pushed
	Reason        string           `json:"reason,omitempty"`
	Changes       []PreviewChange  `json:"changes"`
}

// PreviewChange is one value that a push would change. An empty text is an absent
// value.
type PreviewChange struct {
	Field      publish.Field `json:"field"`
	Item       domain.ItemID `json:"item,omitempty"` // of a variant
	VariantID  int64         `json:"variant_id,omitempty"`
	Location   int64         `json:"location,omitempty"` // of stock
	Old        string        `json:"old"`
	New        string        `json:"new"`
	Overwrites bool          `json:"overwrites" doc:"BigCommerce has a value, the POS has none"`
	// Event is the newest that made the value what it is in the POS; null when it is
	// not known.
	Event *EventRef `json:"event"`
}

// EventRef says which event of the POS log it was.
type EventRef struct {
	ID       domain.EventID  `json:"id"`
	Type     domain.Type     `json:"type"`
	Position domain.Position `json:"position"`
	Source   domain.SourceID `json:"source"`
	Actor    string          `json:"actor,omitempty"`
	Time     time.Time       `json:"time"`
}

// PreviewEnd is the last line of a whole preview.
type PreviewEnd struct {
	Summary *PreviewSummary `json:"summary"`
}

// PreviewSummary counts products.
type PreviewSummary struct {
	Checked   int `json:"checked"`
	Differ    int `json:"differ"`
	Overwrite int `json:"overwrite"` // of those that differ: BigCommerce would lose something
	Refused   int `json:"refused"`   // would be refused, or have no twin any more
	Unlinked  int `json:"unlinked"`
	Held      int `json:"held"` // by a guard, quarantined or not described
}

func (c *Console) mountPreview(api huma.API) {
	registerLines(c, api, "/v1/stores/{store}/preview", "What the next push would change in BigCommerce",
		`Compares the state of the POS with what BigCommerce shows, field by field, and changes nothing. Without item or all it looks at the products whose push is pending or held.
The answer has one JSON line per product of which there is something to say, as they are read; products that agree are only counted. The last line has the summary, or the problem for which it broke off.`,
		&huma.Schema{OneOf: []*huma.Schema{schemaOf[PreviewLine](api), schemaOf[PreviewEnd](api), schemaOf[LastLine](api)}}, c.preview)
}

type previewInput struct {
	Store string   `path:"store"`
	Item  []string `query:"item,explode" doc:"SKUs, POS item ids or product ids"`
	All   bool     `query:"all" doc:"every product; those without a twin are named"`
}

func (c *Console) preview(ctx context.Context, in *previewInput) (*huma.StreamResponse, error) {
	store, err := c.Store(in.Store)
	if err != nil {
		return nil, err
	}
	publisher, err := store.publisher()
	if err != nil {
		return nil, err
	}
	var ids []domain.ProductID
	switch {
	case in.All && len(in.Item) > 0:
		return nil, problem.New(http.StatusUnprocessableEntity, `either "item" or "all", not both`)
	case len(in.Item) > 0:
		if ids, err = c.findAll(store.ID, in.Item); err != nil {
			return nil, err
		}
	default:
		ids = c.previewed(store.ID, in.All)
	}
	// What fails before the first product is answered as a problem of its own.
	next, stop := iter.Pull2(publisher.Preview(ctx, ids))
	first, err, more := next()
	if err != nil {
		stop()
		return nil, asRefusal(err)
	}
	return c.lines("preview", func(write func(any) error) error {
		defer stop()
		summary := PreviewSummary{}
		for one := first; more; one, err, more = next() {
			if err != nil {
				return asRefusal(err)
			}
			if summary.count(&one); one.Prospect == publish.ProspectAgrees {
				continue
			}
			if err := c.tell(ctx, store, &one, write); err != nil {
				return err
			}
		}
		return write(PreviewEnd{Summary: &summary})
	}), nil
}

// tell writes a preview with the events behind what would change.
func (c *Console) tell(ctx context.Context, store *Store, p *publish.Preview, write func(any) error) error {
	var origins projections.Origins
	if len(p.Differences) > 0 {
		var err error
		origins, err = c.Past.Origins(ctx, store.ID, p.Product, p.Position)
		if err != nil && !errors.Is(err, projections.ErrForgotten) {
			return fmt.Errorf("find the events behind a preview: %w", err)
		}
	}
	return write(previewLine(p, origins))
}

// previewed returns the products of a store whose push is pending or held, or all that a
// push could be about.
func (c *Console) previewed(store domain.StoreID, all bool) (ids []domain.ProductID) {
	for after := domain.ProductID(""); ; {
		page := c.Catalog.Products(store, after, mostListed)
		for _, s := range page {
			after = s.ID
			switch state := c.state(store, s); {
			case state == projections.Pending, state == projections.Held, all && state != projections.Unlinked, all && s.Due > 0 && !s.Deleted:
				ids = append(ids, s.ID)
			}
		}
		if len(page) < mostListed {
			return ids
		}
	}
}

func (s *PreviewSummary) count(p *publish.Preview) {
	s.Checked++
	switch p.Prospect {
	case publish.ProspectAgrees:
	case publish.ProspectDiffers:
		s.Differ++
		for _, d := range p.Differences {
			if d.Overwrites {
				s.Overwrite++
				break
			}
		}
	case publish.ProspectRefused, publish.ProspectBroken:
		s.Refused++
	case publish.ProspectUnlinked:
		s.Unlinked++
	default:
		s.Held++
	}
}

func previewLine(p *publish.Preview, origins projections.Origins) PreviewLine {
	line := PreviewLine{
		Product: p.Product, Name: p.Name, State: p.Prospect, BigCommerceID: p.BigCommerceID, Position: p.Position, Reason: p.Reason,
		Changes: make([]PreviewChange, len(p.Differences)),
	}
	if line.Name == "" {
		line.Name = string(p.Product)
	}
	for i, d := range p.Differences {
		line.Changes[i] = PreviewChange{
			Field: d.Field, Item: d.Item, VariantID: int64(d.Variant), Location: int64(d.Location), Old: d.Old, New: d.New, Overwrites: d.Overwrites,
		}
		if rec, known := origins.Newest(d.Sources...); known {
			line.Changes[i].Event = eventRef(rec)
		}
	}
	return line
}
