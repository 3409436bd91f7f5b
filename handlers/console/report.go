package console

import (
	"context"
	"maps"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/index"
	"github.com/tillstream/tillstream/handlers/problem"
	"github.com/tillstream/tillstream/projections/search"
	"github.com/tillstream/tillstream/projections/search/sqlite"
	"github.com/tillstream/tillstream/streams"
)

// ReportPage is how many events, outcomes of pushes or dead letters there were.
type ReportPage struct {
	Of    string             `json:"of" enum:"events,pushes,deadletters"`
	By    []search.Dimension `json:"by"`
	From  search.Day         `json:"from,omitempty"` // the first day that counts, in UTC; empty for all
	To    search.Day         `json:"to,omitempty"`   // the last
	Rows  []ReportRow        `json:"rows"`           // in the order of what they are told apart by
	Total uint64             `json:"total"`
	// Position is the one in the log that is counted, up to which everything counts.
	Position domain.Position `json:"position"`
	Source   string          `json:"source" enum:"index,log"` // of the answer
}

// ReportRow counts what is the same in everything that is asked for; the rest is empty.
type ReportRow struct {
	Day    string `json:"day,omitempty"`
	Type   string `json:"type,omitempty"`
	Source string `json:"source,omitempty"`
	Actor  string `json:"actor,omitempty"`
	Kind   string `json:"kind,omitempty"`  // of dead letters
	State  string `json:"state,omitempty"` // likewise: open, requeued or dropped
	Count  uint64 `json:"count"`
}

func (c *Console) mountReport(api huma.API) {
	register(c, api, http.MethodGet, "/v1/stores/{store}/report", "Count events, outcomes of pushes or dead letters, by day and by what they are", c.report)
}

type reportInput struct {
	Store  string   `path:"store"`
	Of     string   `query:"of" enum:"events,pushes,deadletters" default:"events"`
	By     []string `query:"by" doc:"day, type, source and actor; of dead letters, day, kind and state"`
	From   string   `query:"from" doc:"the first day, or how many days ago (30d)"`
	To     string   `query:"to" doc:"the last day"`
	Time   string   `query:"time" enum:"recorded,business" default:"recorded" doc:"whether days are those of the recording or of the happening in the POS"`
	Type   []string `query:"type,explode" doc:"event types, with or without their version, or the beginning of one up to a dot"`
	Source string   `query:"source" doc:"the source, or what it is below"`
	Actor  string   `query:"actor"`
}

func (c *Console) report(ctx context.Context, in *reportInput) (*body[ReportPage], error) {
	store, err := c.Store(in.Store)
	if err != nil {
		return nil, err
	}
	ask, err := c.ask(in)
	if err != nil {
		return nil, err
	}
	ask.Store = store.ID
	page := ReportPage{Of: in.Of, By: ask.By, From: ask.From, To: ask.To, Rows: []ReportRow{}, Source: "index"}
	var tally *search.Tally
	switch in.Of {
	case "deadletters":
		tally, err = c.tallyLetters(ctx, &ask, &page)
	case "pushes":
		ask.Log = search.Sync
		tally, err = c.tally(ctx, c.Logs.Sync, &ask, &page)
	default:
		ask.Log = search.POS
		tally, err = c.tally(ctx, c.Logs.POS, &ask, &page)
	}
	if err != nil {
		return nil, err
	}
	for _, n := range tally.Counts() {
		page.Rows = append(page.Rows, reportRow(ask.By, n))
		page.Total += n.N
	}
	return &body[ReportPage]{page}, nil
}

func reportRow(by []search.Dimension, n search.Count) ReportRow {
	row := ReportRow{Count: n.N}
	for i, d := range by {
		switch d {
		case search.ByDay:
			row.Day = n.Group[i]
		case search.ByType:
			row.Type = n.Group[i]
		case search.BySource:
			row.Source = n.Group[i]
		case search.ByActor:
			row.Actor = n.Group[i]
		case search.ByKind:
			row.Kind = n.Group[i]
		case search.ByState:
			row.State = n.Group[i]
		}
	}
	return row
}

// ask reads what is to be counted.
func (c *Console) ask(in *reportInput) (ask search.Ask, err error) {
	may, by := search.EventDimensions(), in.By
	if in.Of == "deadletters" {
		may = search.LetterDimensions()
		if len(in.Type) > 0 || in.Source != "" || in.Actor != "" || in.Time == business {
			return ask, problem.New(http.StatusUnprocessableEntity, `dead letters are counted by the day on which they were found: "type", "source", "actor" and "time" do not go with them`)
		}
	}
	if len(by) == 0 {
		by = []string{string(may[0]), string(may[1])}
	}
	if ask.By, err = search.ParseDimensions(by, may...); err != nil {
		return ask, problem.Newf(http.StatusUnprocessableEntity, "by: %s", err)
	}
	if ask.From, err = c.day("from", in.From); err != nil {
		return ask, err
	}
	if ask.To, err = c.day("to", in.To); err != nil {
		return ask, err
	}
	if ask.To != "" && ask.From > ask.To {
		return ask, problem.Newf(http.StatusUnprocessableEntity, "from %s is behind to %s", ask.From, ask.To)
	}
	types := domain.POSTypes()
	if in.Of == "pushes" {
		types = domain.SyncTypes()
	}
	if err := checkTypes(in.Type, types); err != nil {
		return ask, err
	}
	ask.Happened, ask.Types, ask.Source, ask.Actor = in.Time == business, in.Type, in.Source, in.Actor
	return ask, nil
}

// day reads a day, which may be said as how long ago it is.
func (c *Console) day(name, text string) (search.Day, error) {
	m, err := c.moment(name, text)
	if err == nil && m.Position > 0 {
		err = problem.Newf(http.StatusUnprocessableEntity, "%s: %q: must be a day such as 2026-11-01, or how long ago, such as 30d", name, problem.Shown(text))
	}
	if err != nil || m.Time.IsZero() {
		return "", err
	}
	return search.DayOf(m.Time), nil
}

// tally counts messages: those that the index knows, and the others in the log.
func (c *Console) tally(ctx context.Context, log *streams.Log, ask *search.Ask, page *ReportPage) (*search.Tally, error) {
	last, err := log.Last(ctx)
	if err != nil {
		return nil, err
	}
	tally, behind := search.NewTally(ask), domain.Position(0)
	if !c.indexed(ctx, func(v *sqlite.View) error {
		at := map[string]domain.Position{search.POS: v.POS.Position, search.Sync: v.Sync.Position}
		behind = at[ask.Log]
		from, to := ask.From, ask.To
		if ask.Happened {
			from, to = "", ""
		}
		return v.Kinds(ctx, ask.Log, ask.Store, from, to, tally.Add)
	}) {
		page.Source, behind, tally = "log", 0, search.NewTally(ask)
	}
	page.Position = max(last, behind)
	if behind >= last {
		return tally, nil
	}
	err = log.Read(ctx, streams.Query{Store: ask.Store, From: behind + 1, To: last, Attributes: true}, func(m streams.Message) error {
		rec, err := m.Recorded()
		if err != nil {
			rec = domain.Recorded{Store: m.Store, RecordedAt: m.RecordedAt}
		}
		k := search.KindOf(ask.Log, &rec, err)
		tally.Add(&k, 1)
		return nil
	})
	return tally, err
}

// indexed lets do ask the index, if there is one that answers.
func (c *Console) indexed(ctx context.Context, do func(*sqlite.View) error) bool {
	return c.Index != nil && c.Index.Messages(ctx, do)
}

// tallyLetters counts dead letters: those that the index knows, as the log has them now.
func (c *Console) tallyLetters(ctx context.Context, ask *search.Ask, page *ReportPage) (*search.Tally, error) {
	letters, behind := map[domain.Position]search.Letter{}, domain.Position(0)
	if !c.indexed(ctx, func(v *sqlite.View) error {
		behind = v.Standing.Letters
		return v.Letters(ctx, ask.Store, func(l *search.Letter) { letters[l.ID] = *l })
	}) {
		page.Source, behind = "log", 0
		clear(letters)
	}
	var err error
	page.Position, err = c.DeadLetters.Notes(ctx, behind, func(n streams.LetterNote) {
		l, known := letters[n.ID]
		switch {
		case n.Now == streams.Open:
			letters[n.ID] = index.LetterOf(n)
		case known:
			l.State = string(n.Now)
			letters[n.ID] = l
		}
	})
	if err != nil {
		return nil, err
	}
	tally := search.NewTally(ask)
	for _, id := range slices.Sorted(maps.Keys(letters)) {
		l := letters[id]
		tally.AddLetter(&l)
	}
	return tally, nil
}
