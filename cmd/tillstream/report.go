package main

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tillstream/tillstream/handlers/console"
	"github.com/tillstream/tillstream/projections"
	"github.com/tillstream/tillstream/projections/search"
)

// reports are what can be counted.
func reports() []string { return []string{"events", "pushes", "deadletters"} }

func (c *cli) reportCommand() *cobra.Command {
	r := report{cli: c}
	cmd := &cobra.Command{
		Use:   "report [events|pushes|deadletters]",
		Short: "Count events, outcomes of pushes or dead letters, by day and by what they are",
		Long: `report counts, by day and type unless --by says otherwise: the events of the POS, what
became on our side (links, pushes and their outcomes, quarantines), or dead letters by
what is wrong with them and what became of them. Days are in UTC, of the recording or,
with --time business, of the happening in the POS.

The last 30 days count, unless --from says otherwise. The counts are kept in the search
index; what it does not hold yet is counted in the log.`,
		Example: `  tillstream report
  tillstream report --by day,actor --type pos.item --from 7d
  tillstream report pushes --by type --from 2026-11-01 --to 2026-11-30
  tillstream report deadletters --format csv > deadletters.csv`,
		Args:              args(cobra.MatchAll(cobra.MaximumNArgs(1), cobra.OnlyValidArgs)),
		ValidArgs:         reports(),
		ValidArgsFunction: cobra.FixedCompletions(reports(), cobra.ShellCompDirectiveNoFileComp),
		RunE: func(cmd *cobra.Command, args []string) error {
			of := "events"
			if len(args) > 0 {
				of = args[0]
			}
			if err := r.check(of); err != nil {
				return withHint(err, cmd.CommandPath()+" --help")
			}
			return c.sessionOfStore(cmd, needReads, func(ctx context.Context, to *storeClient) error {
				return r.run(ctx, to, of)
			})
		},
	}
	r.chosen.flags(cmd)
	for _, name := range []string{"from", "to"} {
		cmd.Flags().Lookup(name).Usage = map[string]string{"from": "the first `DAY`, or how many days ago, such as 7d", "to": "the last `DAY`"}[name]
	}
	cmd.Flags().Lookup("from").DefValue, r.chosen.from = "30d", "30d"
	cmd.Flags().StringSliceVar(&r.by, "by", nil, "what counts are told apart by: `day`, type, source and actor; of dead letters day, kind and state")
	cmd.Flags().StringVar(&r.format, "format", "text", "`text`, csv or json")
	for name, words := range map[string][]string{"by": {"day", "type", "source", "actor", "kind", "state"}, "format": {"text", "csv", "json"}} {
		// Completing a flag cannot fail but for a flag that is not there.
		_ = cmd.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp))
	}
	return c.talksOfStore(c.reads(cmd))
}

// report is one run of the command.
type report struct {
	*cli
	chosen selection
	by     []string
	format string
}

func (r *report) check(of string) error {
	if r.json {
		r.format = "json"
	}
	if !slices.Contains([]string{"text", "csv", "json"}, r.format) {
		return misuse("--format %q: must be text, csv or json", r.format)
	}
	may := search.EventDimensions()
	if of == "deadletters" {
		may = search.LetterDimensions()
		if len(r.chosen.types) > 0 || r.chosen.source != "" || r.chosen.actor != "" || r.chosen.clock == "business" {
			return misuse("dead letters are counted by the day on which they were found: --type, --source, --actor and --time do not go with them")
		}
	}
	if _, err := search.ParseDimensions(r.by, may...); err != nil {
		return misuse("--by %s", err)
	}
	for _, f := range []struct{ name, text string }{{"--from", r.chosen.from}, {"--to", r.chosen.to}} {
		if f.text == "" {
			continue
		}
		if m, err := projections.ParseMoment(f.text, r.now()); err != nil || m.Time.IsZero() {
			return misuse("%s %q: must be a day such as 2026-11-01, or how long ago, such as 30d", f.name, f.text)
		}
	}
	return checkClock(r.chosen.clock)
}

func (r *report) run(ctx context.Context, to *storeClient, of string) error {
	query := r.chosen.query()
	query.Set("of", of)
	if len(r.by) > 0 {
		query.Set("by", strings.Join(r.by, ","))
	}
	var raw json.RawMessage
	if err := to.get(ctx, to.path("report"), query, &raw); err != nil {
		return err
	}
	if r.format == "json" {
		return r.stdout.document(raw)
	}
	var page console.ReportPage
	if err := json.Unmarshal(raw, &page); err != nil {
		return fmt.Errorf("the answer of report: %w", err)
	}
	header := make([]string, len(page.By), len(page.By)+1)
	for i, by := range page.By {
		header[i] = string(by)
	}
	header = append(header, "count")
	rows := make([][]string, len(page.Rows))
	for i, row := range page.Rows {
		for _, by := range page.By {
			cell := map[search.Dimension]string{
				search.ByDay: row.Day, search.ByType: row.Type, search.BySource: row.Source, search.ByActor: row.Actor, search.ByKind: row.Kind, search.ByState: row.State,
			}[by]
			rows[i] = append(rows[i], cell)
		}
		rows[i] = append(rows[i], strconv.FormatUint(row.Count, 10))
	}
	if r.format == "csv" {
		return csv.NewWriter(r.stdout).WriteAll(append([][]string{header}, rows...))
	}
	for _, row := range rows {
		for i := range row[:len(row)-1] {
			if row[i] = oneLine(row[i]); row[i] == "" {
				row[i] = "–"
			}
		}
	}
	if len(rows) > 0 {
		r.stdout.table(header, rows)
	}
	r.stderr.line("%s %s, at position %d", thousands(int(page.Total)), map[string]string{"events": "events", "pushes": "events on our side", "deadletters": "dead letters"}[of], page.Position)
	return nil
}
