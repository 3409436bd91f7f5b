package console

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/problem"
	"github.com/tillstream/tillstream/projections"
)

// HistoryLine is one event of an item, or, in its place, what became of a push.
type HistoryLine struct {
	Position      domain.Position `json:"position"`
	ID            domain.EventID  `json:"id"`
	Type          domain.Type     `json:"type"`
	Time          time.Time       `json:"time"`
	RecordedAt    time.Time       `json:"recorded_at"`
	Source        domain.SourceID `json:"source"`
	Actor         string          `json:"actor,omitempty"`
	SourceVersion uint64          `json:"sourceversion,omitempty"`
	CorrelationID string          `json:"correlationid,omitempty"`
	Item          domain.ItemID   `json:"item"`
	Outcome       string          `json:"outcome"` // folded, superseded, duplicate or dead_letter; of a push, that of the outcome
	Changes       []ChangedField  `json:"changes"`
	Error         string          `json:"error,omitempty"`
	// Push is set when it is no event of the POS: the position is one of the SYNC log.
	Push *OutcomeLine `json:"push,omitempty"`
}

// ChangedField is one field that an event changed; an empty text is an absent value.
type ChangedField struct {
	Field  string `json:"field"`
	Before string `json:"before"`
	After  string `json:"after"`
}

func (c *Console) mountHistory(api huma.API) {
	registerLines(c, api, "/v1/stores/{store}/products/{ref}/history", "The events of one item or product, and what each changed",
		`The answer has one JSON line per event. Those of a product are the ones that happened to items while they were in it.
With pushes, what became of pushes of the product stands between them, by the time at which it was recorded; of an item, those of the products that it was in, while it was.`,
		&huma.Schema{OneOf: []*huma.Schema{schemaOf[HistoryLine](api), schemaOf[LastLine](api)}}, c.history)
}

type historyInput struct {
	RefInput
	SelectionInput
	Limit  int  `query:"limit" minimum:"0" doc:"at most so many lines; 0 for all"`
	Newest bool `query:"newest" doc:"newest first"`
	Pushes bool `query:"pushes" doc:"what became of pushes too"`
	Follow bool `query:"follow" doc:"wait for what is to come"`
}

func (c *Console) history(ctx context.Context, in *historyInput) (*huma.StreamResponse, error) {
	store, err := c.Store(in.Store)
	if err != nil {
		return nil, err
	}
	m, err := c.findIn(ctx, c.Logs.POS, store.ID, in.Ref)
	if err != nil {
		return nil, err
	}
	if in.Follow && (in.Newest || in.Limit > 0 || in.To != "") {
		return nil, problem.New(http.StatusUnprocessableEntity, `"follow" goes on for ever: it goes without "newest", "limit" and "to"`)
	}
	chosen, err := c.selection(ctx, &in.SelectionInput, c.POS, domain.POSTypes())
	if err != nil {
		return nil, err
	}
	if in.Pushes {
		if err := chosen.datePositions(ctx, c.POS); err != nil {
			return nil, err
		}
	}
	return c.lines("history", func(write func(any) error) error {
		s := story{console: c, store: store.ID, match: m, chosen: chosen, pushes: in.Pushes}
		switch {
		case in.Follow:
			return s.follow(ctx, write)
		case in.Newest:
			return s.backwards(ctx, in.Limit, write)
		}
		return s.forwards(ctx, in.Limit, write)
	}), nil
}

// untilEnding returns a context that ends when ctx does or the process begins to end.
func (c *Console) untilEnding(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	go func() { // ends with ctx
		select {
		case <-c.Ending:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}

// story is the telling of one history.
type story struct {
	console *Console
	store   domain.StoreID
	match   projections.Match
	chosen  selection
	pushes  bool

	told    domain.Position // the events up to here are told
	reached domain.Position // the POS log was looked at up to here
	sent    domain.Position // likewise the SYNC log
}

// errEnough ends a telling that has reached its limit.
var errEnough = errors.New("enough")

// forwards tells the lines from the oldest on, so many at most; 0 is all.
func (s *story) forwards(ctx context.Context, limit int, write func(any) error) error {
	n := 0
	err := s.tell(ctx, func(line HistoryLine) error {
		if err := write(line); err != nil {
			return err
		}
		if n++; n == limit {
			return errEnough
		}
		return nil
	})
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}

// backwards tells the newest lines first.
func (s *story) backwards(ctx context.Context, limit int, write func(any) error) error {
	var lines []HistoryLine
	err := s.tell(ctx, func(line HistoryLine) error {
		if lines = append(lines, line); limit > 0 && len(lines) >= 2*limit+1000 {
			lines = slices.Clone(lines[len(lines)-limit:])
		}
		return nil
	})
	if err != nil {
		return err
	}
	slices.Reverse(lines)
	if limit > 0 {
		lines = lines[:min(limit, len(lines))]
	}
	for _, line := range lines {
		if err := write(line); err != nil {
			return err
		}
	}
	return nil
}

// follow tells what there is and then what comes, until the caller leaves or the process
// ends.
func (s *story) follow(ctx context.Context, write func(any) error) error {
	waiting, stop := s.console.untilEnding(ctx)
	defer stop()
	for {
		if err := s.tell(ctx, func(line HistoryLine) error { return write(line) }); err != nil {
			return err
		}
		if waiting.Err() != nil {
			return nil
		}
		for {
			stored, synced := s.console.Catalog.Checkpoint(), s.console.Publications.Position()
			if s.more() {
				break
			}
			if err := s.wait(waiting, stored+1, synced+1); waiting.Err() != nil {
				break // to tell what came last
			} else if err != nil {
				return err
			}
		}
	}
}

// wait returns when either log is folded up to a position.
func (s *story) wait(ctx context.Context, pos, sync domain.Position) error {
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan error, 2)
	go func() { ended <- s.console.Catalog.Await(ctx, pos) }()
	go func() { ended <- s.console.Publications.Await(ctx, sync) }()
	err := <-ended
	cancel()
	<-ended
	return err
}

// more reports whether there may be lines that are not told. An item may have moved; a
// dead letter is seen by its quarantine, or else with what comes next.
func (s *story) more() bool {
	c := s.console
	if holder, known := c.Catalog.Holder(s.store, s.match.Item); known {
		s.match.Product = holder
	}
	if s.match.Product == "" {
		return c.Catalog.Position() > s.reached
	}
	summary, _ := c.Catalog.Summary(s.store, s.match.Product)
	return summary.Position > s.reached || c.Publications.Publication(s.store, s.match.Product).Sync > s.sent
}

// tell calls each with the lines that are selected and not told yet, oldest first.
func (s *story) tell(ctx context.Context, each func(HistoryLine) error) error {
	pushes, err := s.newPushes(ctx)
	if err != nil {
		return err
	}
	told, reached := s.told, s.console.Catalog.Position()
	err = s.console.Past.History(ctx, s.store, s.match, cmp.Or(s.chosen.to, reached), func(step projections.Step) error {
		pushes.until(step.Event.RecordedAt)
		pushes.moved(&step)
		if step.Event.Position <= s.told {
			return nil
		}
		told = step.Event.Position
		if !s.chosen.takes(&step.Event) {
			return nil
		}
		if err := pushes.tell(each); err != nil {
			return err
		}
		return each(historyLine(step))
	})
	if err != nil {
		return err
	}
	s.told, s.reached = told, reached
	pushes.until(time.Time{})
	return pushes.tell(each)
}

// newPushes are those that are selected and not told yet: of the product, or of those that
// the item is and was in.
func (s *story) newPushes(ctx context.Context) (*pushesOf, error) {
	out := &pushesOf{item: s.match.Item}
	products := []domain.ProductID{s.match.Product}
	if !s.pushes || s.match.Product == "" {
		s.sent = s.console.Publications.Publication(s.store, s.match.Product).Sync
		return out, nil
	}
	// All up to one position, so that what is told of one product says nothing of another.
	to, err := s.console.Sync.Last(ctx)
	if err != nil || to <= s.sent {
		return out, err
	}
	if s.match.Item != "" {
		if products, err = s.products(ctx); err != nil {
			return nil, err
		}
	}
	sent := s.sent
	for _, product := range products {
		born := births{}
		err := s.console.Past.SyncOf(ctx, s.store, product, to, func(rec domain.Recorded, event domain.Event) error {
			outcome, is := born.outcome(rec, event)
			if rec.Position <= sent {
				return nil
			}
			s.sent = max(s.sent, rec.Position)
			if is && s.chosen.covers(&rec) {
				out.coming = append(out.coming, pushLine(rec, outcome))
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	slices.SortFunc(out.coming, func(a, b HistoryLine) int { return cmp.Compare(a.Position, b.Position) })
	// The end of a quarantine is about two products.
	out.coming = slices.CompactFunc(out.coming, func(a, b HistoryLine) bool { return a.Position == b.Position })
	return out, nil
}

// products are those that the item is and was in. It may move while it is looked for.
func (s *story) products(ctx context.Context) ([]domain.ProductID, error) {
	c := s.console
	for {
		holder, known := c.Catalog.Holder(s.store, s.match.Item)
		if !known {
			return nil, nil
		}
		now, err := c.Catalog.Product(ctx, s.store, holder)
		if err != nil {
			return nil, err
		}
		if it, held := now.Item(s.match.Item); held {
			return append([]domain.ProductID{holder}, it.Earlier...), nil
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
	}
}

// pushesOf are what became of pushes, to be told between the events of a product, or of an
// item: then only of the product that the item was in when that was recorded.
type pushesOf struct {
	item   domain.ItemID
	in     string // the product that the item is in, as far as it is told
	coming []HistoryLine
	ready  []HistoryLine
}

// until takes those that were recorded before a time; all for the zero time.
func (p *pushesOf) until(at time.Time) {
	for len(p.coming) > 0 && (at.IsZero() || p.coming[0].RecordedAt.Before(at)) {
		line := p.coming[0]
		p.coming = p.coming[1:]
		if p.item == "" || string(line.Push.Product) == p.in {
			p.ready = append(p.ready, line)
		}
	}
}

// moved notes to which product a step has moved the item.
func (p *pushesOf) moved(step *projections.Step) {
	for _, change := range step.Changes {
		if change.Field == "product" {
			p.in = change.After
		}
	}
}

// tell calls each with those that were taken, once.
func (p *pushesOf) tell(each func(HistoryLine) error) error {
	for len(p.ready) > 0 {
		line := p.ready[0]
		p.ready = p.ready[1:]
		if err := each(line); err != nil {
			return err
		}
	}
	return nil
}

func pushLine(rec domain.Recorded, outcome OutcomeLine) HistoryLine {
	outcome.Name = string(outcome.Product)
	return HistoryLine{
		Position: rec.Position, ID: rec.ID, Type: rec.Type, Time: rec.Time, RecordedAt: rec.RecordedAt, Source: rec.Source, Actor: rec.Actor,
		Outcome: outcome.Event, Changes: []ChangedField{}, Push: &outcome,
	}
}

func historyLine(s projections.Step) HistoryLine {
	e := s.Event
	line := HistoryLine{
		Position: e.Position, ID: e.ID, Type: e.Type, Time: e.Time, RecordedAt: e.RecordedAt, Source: e.Source, Actor: e.Actor,
		SourceVersion: e.SourceVersion, CorrelationID: e.CorrelationID, Item: s.Item, Outcome: string(s.Outcome), Changes: make([]ChangedField, len(s.Changes)),
	}
	for i, change := range s.Changes {
		line.Changes[i] = ChangedField(change)
	}
	if s.Problem != nil {
		line.Outcome, line.Error = "dead_letter", s.Problem.Error()
	}
	return line
}
