package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/tillstream/tillstream/handlers/bigcommerce/simulator"
	"github.com/tillstream/tillstream/handlers/console"
	"github.com/tillstream/tillstream/handlers/index"
	"github.com/tillstream/tillstream/projections/search/sqlite"
)

// answering counts the questions that an index has answered.
type answering struct {
	console.SearchIndex
	answers atomic.Int64
}

func (c *answering) Messages(ctx context.Context, do func(*sqlite.View) error) bool {
	return c.SearchIndex.Messages(ctx, func(v *sqlite.View) error {
		c.answers.Add(1)
		return do(v)
	})
}

// lines asks for JSON lines.
func (in *installation) lines(path string) []console.HistoryLine {
	in.t.Helper()
	answer, text := in.ask(http.MethodGet, "/v1/stores/"+testStore+path, "", nil)
	if answer.StatusCode != http.StatusOK {
		in.t.Fatalf("%s: %s\n%s", path, answer.Status, text)
	}
	out := []console.HistoryLine{}
	for d := json.NewDecoder(strings.NewReader(text)); d.More(); {
		var line console.HistoryLine
		if err := d.Decode(&line); err != nil || line.Position == 0 {
			in.t.Fatalf("%s: %v\n%s", path, err, text)
		}
		out = append(out, line)
	}
	return out
}

// TestIndex_history: the history of a store, and its counts, are what the histories of
// its items and the logs say, with the search index and without.
func TestIndex_history(t *testing.T) {
	t.Parallel()
	in := install(t, simulator.Config{}, func(c *Config) { c.Stores[0].Syncing = "manual" })
	rng := rand.New(rand.NewPCG(7, 0))
	happen := func(events int) {
		var body strings.Builder
		for n := range events {
			e := in.envelope(randomEvent(rng))
			switch {
			case n%40 == 7:
				e.Actor = "ann"
			case n%40 == 9:
				e.Source = "/pos/harbour/office"
			}
			line, err := json.Marshal(e)
			if err != nil {
				t.Fatal(err)
			}
			body.Write(line)
			body.WriteByte('\n')
		}
		if answer, text := in.ask(http.MethodPost, "/v1/stores/"+testStore+"/events", "application/x-ndjson", strings.NewReader(body.String())); answer.StatusCode != http.StatusOK {
			t.Fatal(text)
		}
	}
	happen(400)
	in.call(http.MethodPost, "/v1/stores/"+testStore+"/links", map[string]any{"auto": true}, nil)
	e := in.app.engine.Load()
	indexed := &answering{SearchIndex: e.console.Index}
	caughtUp := func() {
		last, err := in.app.conn.POS().Last(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		in.await("indexed", func() bool { s := e.index.Status(); return s.Lag == 0 && s.Position >= last })
	}
	check := func() {
		t.Helper()
		for _, q := range []url.Values{
			{"actor": {"ann"}}, {"source": {"/pos/harbour/office"}}, {"source": {"/pos/harbour"}, "actor": {"ann"}, "type": {"pos.item"}}, {"actor": {"ann"}, "from": {"100"}, "to": {"350"}},
			{"actor": {"ann"}, "from": {"2025-11-01T09:05:00Z"}, "time": {"business"}}, {"actor": {"nobody"}}, {"from": {"380"}},
		} {
			var want []console.HistoryLine
			answers := e.console.Past
			if _, is := answers.POS.(index.Log); !is {
				t.Fatalf("questions are answered from %T", answers.POS)
			}
			e.console.Past = e.past() // the logs themselves, not the index's copies
			for n := range historyProducts {
				want = slices.Concat(want, in.lines("/products/"+string(itemName(n))+"/history?"+q.Encode()))
			}
			e.console.Past = answers
			slices.SortFunc(want, func(a, b console.HistoryLine) int { return int(a.Position) - int(b.Position) })
			for _, newest := range []bool{false, true} {
				for _, limit := range []int{0, 3} {
					q.Set("newest", fmt.Sprint(newest))
					q.Set("limit", fmt.Sprint(limit))
					expect := slices.Clone(want)
					if newest {
						slices.Reverse(expect)
					}
					if limit > 0 {
						expect = expect[:min(limit, len(expect))]
					}
					for _, asked := range []console.SearchIndex{indexed, nil} {
						e.console.Index = asked
						if d := cmp.Diff(expect, in.lines("/history?"+q.Encode()), cmpopts.EquateEmpty()); d != "" {
							t.Errorf("%s, index %v (-items +store)\n%s", q.Encode(), asked != nil, d)
						}
					}
				}
			}
		}
		for _, q := range []url.Values{
			{"by": {"day,type,source,actor"}}, {}, {"by": {"actor"}, "time": {"business"}, "to": {"2025-11-01"}, "type": {"pos.item", "pos.stock.counted"}}, {"of": {"pushes"}, "by": {"type"}}, {"of": {"deadletters"}, "by": {"kind,state"}},
			{"from": {"1d"}, "source": {"/pos/harbour/office"}, "by": {"day"}},
		} {
			var with, without console.ReportPage
			e.console.Index = indexed
			in.call(http.MethodGet, "/v1/stores/"+testStore+"/report?"+q.Encode(), nil, &with)
			e.console.Index = nil
			in.call(http.MethodGet, "/v1/stores/"+testStore+"/report?"+q.Encode(), nil, &without)
			if with.Source != "index" || without.Source != "log" {
				t.Errorf("%s: answers are from %s and %s", q.Encode(), with.Source, without.Source)
			}
			with.Source = without.Source
			if d := cmp.Diff(without, with); d != "" {
				t.Errorf("%s (-log +index)\n%s", q.Encode(), d)
			}
		}
		answer, text := in.ask(http.MethodPost, "/v1/verify", "application/json", strings.NewReader(`{"checks":["copies"]}`))
		if answer.StatusCode != http.StatusOK || !strings.Contains(text, "256 messages agree with the copies that questions are answered from") {
			t.Errorf("verified with %s\n%s", answer.Status, text)
		}
		if indexed.answers.Load() == 0 {
			t.Error("the index was never asked")
		}
	}
	caughtUp()
	check()
	// What the index does not hold yet is read from the log.
	happen(60)
	last, err := in.app.conn.POS().Last(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	in.await("folded", func() bool { return e.catalog.Position() >= last && e.catalog.Checkpoint() >= last })
	check()
}
