package console

import (
	"cmp"
	"context"
	"maps"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/problem"
	"github.com/tillstream/tillstream/projections"
)

// ChangedBy is one field that is not what it was, and the newest event that changed it;
// an empty text is an absent value.
type ChangedBy struct {
	ChangedField
	Event *EventRef `json:"event"`
}

// DiffLine is what became of an item, or of a product, between two moments.
type DiffLine struct {
	Product domain.ProductID `json:"product"` // that it is, or that the item was in, at the later one
	Item    domain.ItemID    `json:"item,omitempty"`
	Name    string           `json:"name"`
	Events  int              `json:"events"` // in between
	Changes []ChangedBy      `json:"changes"`
}

// DiffGroup is what events of one type, source or actor have changed.
type DiffGroup struct {
	Group    string         `json:"group"`
	Events   int            `json:"events"`
	Products int            `json:"products"` // that they concerned
	Changes  map[string]int `json:"changes"`  // how many fields are what one of them made them, by name
}

// DiffEnd is the last line of a whole diff of a store.
type DiffEnd struct {
	Summary *DiffSummary `json:"summary"`
}

// DiffSummary counts. From is the position before the first event that was looked at.
type DiffSummary struct {
	From     domain.Position `json:"from"`
	To       domain.Position `json:"to"`
	Events   int             `json:"events"`
	Products int             `json:"products"` // that they concerned
	Changed  int             `json:"changed"`  // of these
}

func (c *Console) mountDiff(api huma.API) {
	register(c, api, http.MethodGet, "/v1/stores/{store}/products/{ref}/diff", "What became of one item or product between two moments", c.diffProduct)
	registerLines(c, api, "/v1/stores/{store}/diff", "What became of a store's products between two positions",
		`The answer has one JSON line per product of which a field is not what it was, or with group_by one per group. The last line has the summary, or the problem for which it broke off.`,
		&huma.Schema{OneOf: []*huma.Schema{schemaOf[DiffLine](api), schemaOf[DiffGroup](api), schemaOf[DiffEnd](api), schemaOf[LastLine](api)}}, c.diffStore)
}

// BetweenInput says between which moments. It is exported for huma.
type BetweenInput struct {
	From string `query:"from" required:"true" doc:"a position, a time (RFC 3339), a day, or how long ago (2h, 3d); 0 is before everything"`
	To   string `query:"to" doc:"likewise; now by default"`
}

type diffProductInput struct {
	RefInput
	BetweenInput
	Time string `query:"time" enum:"recorded,business" default:"recorded"`
}

func (c *Console) diffProduct(ctx context.Context, in *diffProductInput) (*body[DiffLine], error) {
	store, err := c.Store(in.Store)
	if err != nil {
		return nil, err
	}
	m, err := c.find(store.ID, in.Ref)
	if err != nil {
		return nil, err
	}
	from, to, err := c.between(ctx, &in.BetweenInput, in.Time)
	if err != nil {
		return nil, err
	}
	if to.Position == 0 {
		return nil, problem.Newf(http.StatusNotFound, "at %s nothing was recorded yet", in.To)
	}
	found, err := c.Past.Between(ctx, store.ID, m, from, to)
	if err != nil {
		return nil, err
	}
	line := diffLine(cmp.Or(found.After, found.Before), found.Changes)
	line.Item, line.Events = m.Item, found.Events
	return &body[DiffLine]{line}, nil
}

// between reads two moments of the POS log, 0 for one at which nothing was recorded yet.
func (c *Console) between(ctx context.Context, in *BetweenInput, clock string) (from, to projections.Instant, err error) {
	a, err := c.instant(ctx, "from", in.From, clock)
	if err != nil {
		return from, to, err
	}
	b, err := c.instant(ctx, "to", cmp.Or(in.To, "0s"), clock)
	if err != nil {
		return from, to, err
	}
	if a.Position > b.Position || a.Business.After(b.Business) && !b.Business.IsZero() {
		return from, to, problem.Newf(http.StatusUnprocessableEntity, "from %s is behind to %s", in.From, cmp.Or(in.To, "now"))
	}
	return a.Instant, b.Instant, nil
}

func diffLine(p *domain.Product, changes []projections.ChangeBy) DiffLine {
	line := DiffLine{Product: p.ID, Name: cmp.Or(p.Family.Name, string(p.ID)), Changes: make([]ChangedBy, len(changes))}
	for i, change := range changes {
		line.Changes[i] = ChangedBy{ChangedField(change.Change), eventRef(change.Event)}
	}
	return line
}

// eventRef names an event; nil for none.
func eventRef(rec domain.Recorded) *EventRef {
	if rec.Position == 0 {
		return nil
	}
	return &EventRef{rec.ID, rec.Type, rec.Position, rec.Source, rec.Actor, rec.Time}
}

type diffStoreInput struct {
	Store string `path:"store"`
	BetweenInput
	GroupBy string `query:"group_by" enum:"type,source,actor" doc:"count by this, instead of naming products"`
}

func (c *Console) diffStore(ctx context.Context, in *diffStoreInput) (*huma.StreamResponse, error) {
	store, err := c.Store(in.Store)
	if err != nil {
		return nil, err
	}
	from, to, err := c.between(ctx, &in.BetweenInput, "recorded")
	if err != nil {
		return nil, err
	}
	return c.lines("diff", func(write func(any) error) error {
		summary := DiffSummary{From: from.Position, To: to.Position}
		groups := groups{}
		if to.Position == 0 { // which to Changed is the log's end
			return write(DiffEnd{&summary})
		}
		err := c.Past.Changed(ctx, store.ID, from.Position, to.Position, func(changed projections.Changed) error {
			summary.Products++
			events := 0
			for _, n := range changed.Events {
				events += n
			}
			summary.Events += events
			if len(changed.Changes) > 0 {
				summary.Changed++
			}
			switch {
			case in.GroupBy != "":
				groups.add(in.GroupBy, &changed)
				return nil
			case len(changed.Changes) == 0:
				return nil
			}
			line := diffLine(cmp.Or(changed.After, changed.Before), changed.Changes)
			line.Events = events
			return write(line)
		})
		if err != nil {
			return err
		}
		for _, name := range slices.Sorted(maps.Keys(groups)) {
			if err := write(groups[name]); err != nil {
				return err
			}
		}
		return write(DiffEnd{&summary})
	}), nil
}

// groups are counts by the type, source or actor of events.
type groups map[string]*DiffGroup

func (g groups) add(by string, changed *projections.Changed) {
	concerned := map[string]bool{}
	for author, n := range changed.Events {
		name := groupOf(by, author)
		g.of(name).Events += n
		concerned[name] = true
	}
	for name := range concerned {
		g[name].Products++
	}
	for _, change := range changed.Changes {
		e := change.Event
		if e.Position > 0 {
			g.of(groupOf(by, projections.Author{Type: e.Type, Source: e.Source, Actor: e.Actor})).Changes[projections.FieldName(change.Field, changed.Before, changed.After)]++
		}
	}
}

func (g groups) of(name string) *DiffGroup {
	if g[name] == nil {
		g[name] = &DiffGroup{Group: name, Changes: map[string]int{}}
	}
	return g[name]
}

func groupOf(by string, a projections.Author) string {
	switch by {
	case "source":
		return string(a.Source)
	case "actor":
		return a.Actor
	}
	return string(a.Type)
}
