package main

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/tillstream/tillstream/handlers/console"
)

func (c *cli) diffCommand() *cobra.Command {
	d := diff{cli: c}
	cmd := &cobra.Command{
		Use:   "diff [ITEM]",
		Short: "Show what became of an item, a product or a whole store between two moments",
		Long: `diff compares what was at one moment with what was at another, or is now: of the item
that ITEM names with its family, of the product, or, without ITEM, of every product of
the store that an event concerned in between. Each field comes with the newest event
that changed it. What was changed and changed back is no difference.

--group-by counts instead: the events of each type, source or actor, the products that
they concerned, and the fields that one of them made what they are.

` + momentHelp,
		Example: `  tillstream diff CK-121 --from 2026-11-01 --to 2026-11-02
  tillstream diff --store harbour --from 24h --group-by source
  tillstream diff --from 4711 --format csv > changes.csv`,
		Args:              args(cobra.MaximumNArgs(1)),
		ValidArgsFunction: c.completeItem,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := d.check(args); err != nil {
				return withHint(err, cmd.CommandPath()+" --help")
			}
			return c.sessionOfStore(cmd, needReads, func(ctx context.Context, to *storeClient) error {
				if len(args) == 1 {
					return d.item(ctx, to, args[0])
				}
				return d.whole(ctx, to)
			})
		},
	}
	cmd.Flags().StringVar(&d.from, "from", "", "compare what was at this `MOMENT`; 0 is before everything")
	cmd.Flags().StringVar(&d.to, "to", "", "with what was at this `MOMENT`; by default with what is now")
	cmd.Flags().StringVar(&d.by, "group-by", "", "count by `type`, source or actor of the events")
	cmd.Flags().StringVar(&d.format, "format", "text", "`text`, csv or json")
	cmd.Flags().BoolVar(&d.exit, "exit-code", false, "end with exit code 3 when there is a difference")
	clockFlag(cmd, &d.clock)
	for name, words := range map[string][]string{"group-by": {"type", "source", "actor"}, "format": {"text", "csv", "json"}} {
		// Completing a flag cannot fail but for a flag that is not there.
		_ = cmd.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp))
	}
	return c.talksOfStore(c.reads(cmd))
}

// diff is one run of the command.
type diff struct {
	*cli
	from, to, clock, by, format string
	exit                        bool
}

func (d *diff) check(args []string) error {
	if d.json {
		d.format = "json"
	}
	switch {
	case d.from == "":
		return misuse("--from is required: what is to be compared with what is now, or with --to")
	case !slices.Contains([]string{"text", "csv", "json"}, d.format):
		return misuse("--format %q: must be text, csv or json", d.format)
	case d.by != "" && !slices.Contains([]string{"type", "source", "actor"}, d.by):
		return misuse("--group-by %q: must be type, source or actor", d.by)
	case d.by != "" && len(args) > 0:
		return misuse("--group-by is about a whole store, without ITEM")
	case len(args) == 0 && d.clock != "recorded":
		return misuse("--time %s is about one ITEM; a store is compared by what was recorded", d.clock)
	}
	return errors.Join(d.checkMoment("--from", d.from), d.checkMoment("--to", d.to), checkClock(d.clock))
}

func (d *diff) query() url.Values {
	q := url.Values{"from": {d.from}}
	if d.to != "" {
		q.Set("to", d.to)
	}
	if d.by != "" {
		q.Set("group_by", d.by)
	}
	return q
}

func (d *diff) item(ctx context.Context, to *storeClient, item string) error {
	q := d.query()
	q.Set("time", d.clock)
	var raw json.RawMessage
	if err := to.get(ctx, to.path("products", item, "diff"), q, &raw); err != nil {
		return aboutItem(err)
	}
	var line console.DiffLine
	if err := json.Unmarshal(raw, &line); err != nil {
		return fmt.Errorf("the answer about %s: %w", item, err)
	}
	var err error
	switch d.format {
	case "json":
		err = d.stdout.document(raw)
	case "csv":
		err = d.table(func(each func(*console.DiffLine) error) error { return each(&line) })
	default:
		d.print(&line)
		if len(line.Changes) == 0 {
			d.stdout.line("nothing is different; %s in between", count(line.Events, "event"))
		}
	}
	return errors.Join(err, d.verdict(len(line.Changes) > 0))
}

// verdict is the exit code that was asked for.
func (d *diff) verdict(differs bool) error {
	if d.exit && differs {
		return errDiffers
	}
	return nil
}

// whole compares a store.
func (d *diff) whole(ctx context.Context, to *storeClient) error {
	var summary console.DiffSummary
	read := func(each func(raw json.RawMessage) error) error {
		return to.told(ctx, call{method: http.MethodGet, path: to.path("diff"), query: d.query()}, func(raw json.RawMessage) error {
			var end console.DiffEnd
			if err := json.Unmarshal(raw, &end); err == nil && end.Summary != nil {
				summary = *end.Summary
				if d.format != "json" {
					return nil
				}
			}
			return each(raw)
		})
	}
	var err error
	switch {
	case d.format == "json":
		err = read(pass(d.stdout))
	case d.by != "":
		err = d.groups(read)
	case d.format == "csv":
		err = d.table(func(each func(*console.DiffLine) error) error { return read(lineOf(each)) })
	default:
		err = read(lineOf(func(line *console.DiffLine) error { d.print(line); return nil }))
	}
	if err != nil {
		return err
	}
	if d.format == "text" {
		d.stderr.line("%s behind position %d, to %d; %s of %s not as before",
			count(summary.Events, "event"), summary.From, summary.To, thousands(summary.Changed), are(summary.Products, "product"))
	}
	return d.verdict(summary.Changed > 0)
}

func lineOf[T any](each func(*T) error) func(json.RawMessage) error {
	return func(raw json.RawMessage) error {
		line := new(T)
		if err := json.Unmarshal(raw, line); err != nil {
			return fmt.Errorf("the answer %s: %w", raw, err)
		}
		return each(line)
	}
}

// print shows one product for people.
func (d *diff) print(line *console.DiffLine) {
	out := d.stdout
	what := "product " + oneLine(string(line.Product))
	if line.Item != "" {
		what = "item " + oneLine(string(line.Item)) + " of " + what
	}
	out.line("%s  %s  %s", out.paint(bold, oneLine(line.Name)), what, count(line.Events, "event"))
	for _, change := range line.Changes {
		out.line("    %s: %s → %s%s", oneLine(change.Field), quoted(change.Before), quoted(change.After), out.paint(faint, since(change.Event)))
	}
}

// since names the event behind a value.
func since(e *console.EventRef) string {
	if e == nil {
		return ""
	}
	by := oneLine(string(e.Source))
	if e.Actor != "" {
		by += " by " + oneLine(e.Actor)
	}
	return fmt.Sprintf("  (%d  %s  %s  %s)", e.Position, moment(e.Time), e.Type, by)
}

// table writes a row for each field.
func (d *diff) table(read func(func(*console.DiffLine) error) error) error {
	w := csv.NewWriter(d.stdout)
	if err := w.Write([]string{"product", "name", "field", "before", "after", "position", "type", "source", "actor", "time"}); err != nil {
		return err
	}
	err := read(func(line *console.DiffLine) error {
		for _, change := range line.Changes {
			row := []string{string(line.Product), line.Name, change.Field, change.Before, change.After, "", "", "", "", ""}
			if e := change.Event; e != nil {
				copy(row[5:], []string{strconv.FormatUint(uint64(e.Position), 10), string(e.Type), string(e.Source), e.Actor, e.Time.Format("2006-01-02T15:04:05.999999999Z07:00")})
			}
			if err := w.Write(row); err != nil {
				return err
			}
		}
		return nil
	})
	w.Flush()
	return errors.Join(err, w.Error())
}

// groups shows what is counted by type, source or actor.
func (d *diff) groups(read func(func(json.RawMessage) error) error) error {
	header := []string{d.by, "events", "products", "changes"}
	var rows [][]string
	var fields [][]string // of the same, one row for each field
	err := read(lineOf(func(g *console.DiffGroup) error {
		var words []string
		counts := []string{g.Group, strconv.Itoa(g.Events), strconv.Itoa(g.Products)}
		for _, name := range slices.Sorted(maps.Keys(g.Changes)) {
			words = append(words, name+" "+thousands(g.Changes[name]))
			fields = append(fields, append(slices.Clone(counts), name, strconv.Itoa(g.Changes[name])))
		}
		if len(words) == 0 {
			fields = append(fields, append(counts, "", "0"))
		}
		rows = append(rows, []string{oneLine(g.Group), thousands(g.Events), thousands(g.Products), sentence(words...)})
		return nil
	}))
	if err != nil {
		return err
	}
	if d.format == "csv" {
		w := csv.NewWriter(d.stdout)
		return w.WriteAll(append([][]string{{d.by, "events", "products", "field", "changes"}}, fields...))
	}
	if len(rows) > 0 {
		d.stdout.table(header, rows)
	}
	return nil
}
