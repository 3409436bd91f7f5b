package console

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/projections"
	"github.com/tillstream/tillstream/projections/search"
	"github.com/tillstream/tillstream/projections/search/sqlite"
)

func (c *Console) mountAnnals(api huma.API) {
	registerLines(c, api, "/v1/stores/{store}/history", "The events of a whole store that are chosen, and what each changed",
		`The answer has one JSON line per event. What an event changed is found in the events of its item, so each costs as much as its item has events.`,
		&huma.Schema{OneOf: []*huma.Schema{schemaOf[HistoryLine](api), schemaOf[LastLine](api)}}, c.annals)
}

type annalsInput struct {
	Store string `path:"store"`
	SelectionInput
	Limit  int  `query:"limit" minimum:"0" doc:"at most so many lines; 0 for all"`
	Newest bool `query:"newest" doc:"newest first"`
}

func (c *Console) annals(ctx context.Context, in *annalsInput) (*huma.StreamResponse, error) {
	store, err := c.Store(in.Store)
	if err != nil {
		return nil, err
	}
	chosen, err := c.selection(ctx, &in.SelectionInput, c.POS, domain.POSTypes())
	if err != nil {
		return nil, err
	}
	return c.lines("history", func(write func(any) error) error {
		a := annals{console: c, log: c.Past.POS, store: store.ID, chosen: chosen, limit: in.Limit, write: write}
		a.chosen.from, a.chosen.to = max(chosen.from, 1), cmp.Or(chosen.to, c.Catalog.Position())
		err := a.tell(ctx, in.Newest)
		if errors.Is(err, errEnough) {
			return nil
		}
		return err
	}), nil
}

// annals is the telling of the history of a store.
type annals struct {
	console *Console
	log     projections.Log
	store   domain.StoreID
	chosen  selection // with both of its bounds
	limit   int       // of lines; 0 for all
	write   func(any) error

	told int
	some []selected // chosen and not told yet
}

// selected is one event that is chosen.
type selected struct {
	rec domain.Recorded
	err error // why it is none
}

// handful is how many events are told together: what they changed is found item by item.
const handful = 64

func (a *annals) tell(ctx context.Context, newest bool) error {
	if a.chosen.nothing {
		return nil
	}
	at, behind := a.places(ctx)
	switch {
	case newest:
		return a.backwards(ctx, at, behind)
	case len(at) > 0:
		if err := a.readAt(ctx, at, a.take(ctx)); err != nil {
			return err
		}
	}
	if behind < a.chosen.to {
		err := a.log.Read(ctx, a.store, "", behind+1, a.chosen.to, a.take(ctx))
		if err != nil {
			return err
		}
	}
	return a.flush(ctx)
}

// fetchesAs is how many messages are read one after the other in about the time that it
// takes to fetch one alone.
const fetchesAs = 20

// places asks the index where the events lie that are chosen, up to how far it knows,
// unless to read them all takes no longer. What is behind that is to be read.
func (a *annals) places(ctx context.Context) (at []domain.Position, behind domain.Position) {
	c, s := a.console, &a.chosen
	behind = s.from - 1
	if _, is := a.log.(projections.Sought); !is || c.Index == nil {
		return nil, behind
	}
	c.Index.Messages(ctx, func(v *sqlite.View) error {
		known := min(v.POS.Position, s.to)
		if known <= behind {
			return nil
		}
		n, err := v.Count(ctx, search.POS, a.store, s.takesKind)
		if err != nil || n*fetchesAs > uint64(known-behind) {
			return err
		}
		found, err := v.Positions(ctx, search.POS, a.store, s.takesKind, s.from, known)
		if err == nil {
			at, behind = found, known
		}
		return err
	})
	return at, behind
}

// takesKind reports whether there may be messages of a kind that are selected.
func (s *selection) takesKind(k *search.Kind) bool {
	ask := search.Ask{Log: k.Log, Store: k.Store, Happened: true, Types: s.types, Source: s.source, Actor: s.actor}
	if !s.since.IsZero() {
		ask.From = search.DayOf(s.since)
	}
	if !s.until.IsZero() {
		ask.To = search.DayOf(s.until)
	}
	return ask.Takes(k)
}

// backwards tells the newest first.
func (a *annals) backwards(ctx context.Context, at []domain.Position, behind domain.Position) error {
	late, err := a.newest(ctx, behind)
	if err != nil {
		return err
	}
	at = append(at, late...)
	for len(at) > 0 {
		some := at[max(0, len(at)-handful):]
		at = at[:len(at)-len(some)]
		err := a.readAt(ctx, some, func(rec domain.Recorded, err error) error {
			if a.chosen.takes(&rec) {
				a.some = append(a.some, selected{rec, err})
			}
			return nil
		})
		if err != nil {
			return err
		}
		slices.Reverse(a.some)
		if err := a.flush(ctx); err != nil {
			return err
		}
	}
	return nil
}

// stretch is how many positions are looked at first for the newest events.
const stretch = 2000

// newest are the positions of the newest events that are chosen behind a position: all
// of them, or as many as are told at least. It looks from the end on, each time at more.
func (a *annals) newest(ctx context.Context, behind domain.Position) ([]domain.Position, error) {
	var at []domain.Position
	size := domain.Position(stretch)
	if a.limit == 0 {
		size = a.chosen.to
	}
	for to := a.chosen.to; to > behind && (a.limit == 0 || len(at) < a.limit); size *= 4 {
		from := behind + 1
		if to-behind > size {
			from = to - size + 1
		}
		var some []domain.Position
		err := a.log.Read(ctx, a.store, "", from, to, func(rec domain.Recorded, _ error) error {
			if a.chosen.takes(&rec) {
				some = append(some, rec.Position)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		at, to = append(some, at...), from-1
	}
	return at, nil
}

// readAt reads events at positions. A log whose messages cannot be read one by one is
// read from the first of them to the last.
func (a *annals) readAt(ctx context.Context, at []domain.Position, each func(domain.Recorded, error) error) error {
	if sought, is := a.log.(projections.Sought); is {
		return sought.ReadAt(ctx, at, each)
	}
	return a.log.Read(ctx, a.store, "", at[0], at[len(at)-1], each)
}

// take tells events in their order, some of them together, as far as they are chosen.
func (a *annals) take(ctx context.Context) func(domain.Recorded, error) error {
	return func(rec domain.Recorded, err error) error {
		if !a.chosen.takes(&rec) {
			return nil
		}
		if a.some = append(a.some, selected{rec, err}); len(a.some) < handful {
			return nil
		}
		return a.flush(ctx)
	}
}

// flush tells the events that were taken, in their order.
func (a *annals) flush(ctx context.Context) error {
	some := a.some
	a.some = nil
	if a.limit > 0 {
		some = some[:min(len(some), a.limit-a.told)]
	}
	lines, err := a.lines(ctx, some)
	if err != nil {
		return err
	}
	for _, line := range lines {
		if err := a.write(line); err != nil {
			return err
		}
		if a.told++; a.told == a.limit {
			return errEnough
		}
	}
	return nil
}

// lines are what some events changed, found in the events of their items.
func (a *annals) lines(ctx context.Context, some []selected) ([]HistoryLine, error) {
	lines := make([]HistoryLine, len(some))
	of := map[domain.ItemID]map[domain.Position]int{}
	for i, s := range some {
		item := domain.ItemID(s.rec.Subject)
		if of[item] == nil {
			of[item] = map[domain.Position]int{}
		}
		of[item][s.rec.Position] = i
		lines[i] = historyLine(projections.Step{Event: s.rec, Item: item, Problem: cmp.Or(s.err, errNoItem)})
	}
	for item, at := range of {
		holder, known := a.console.Catalog.Holder(a.store, item)
		if !known {
			continue
		}
		to := domain.Position(0)
		for position := range at {
			to = max(to, position)
		}
		err := a.console.Past.History(ctx, a.store, projections.Match{Item: item, Product: holder}, to, func(step projections.Step) error {
			if i, is := at[step.Event.Position]; is {
				lines[i] = historyLine(step)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return lines, nil
}

// errNoItem is why an event has no outcome but this: nothing was ever made of its item.
var errNoItem = errors.New("no event of its item could be used")
