package main

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/tillstream/tillstream/handlers/problem"
)

func (c *cli) importCommand() *cobra.Command {
	var i importer
	cmd := &cobra.Command{
		Use:   "import FILE.csv",
		Short: "Bring in a product file of the POS",
		Long: `import reads a product export of the POS and records an event for each product
of it. A column that the file lacks is left unchanged; a blank cell empties its
field. A row that cannot be used is named with its column, and the others go on;
the exit code is 1 when there was one.

Every import has an id, which makes its events. One that was cut short names it,
and goes on under --id: what was recorded is not recorded twice.`,
		Example: `  tillstream import export.csv --dry-run           every bad row, with its column
  tillstream import export.csv
  tillstream import export.csv --report bad.csv    the bad rows as a file`,
		Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			i.file = args[0]
			return c.sessionOfStore(cmd, needWrites, func(ctx context.Context, to *storeClient) error {
				return i.run(ctx, c, to)
			})
		},
	}
	cmd.Flags().StringVar(&i.report, "report", "", "write the rows that were refused to this `file`, as CSV")
	cmd.Flags().StringVar(&i.id, "id", "", "`UUID` of an import that was cut short, to go on with it")
	cmd.Flags().BoolVar(&c.json, "json", false, "print JSON lines, with keys that stay as they are")
	return c.talksOfStore(c.writes(cmd))
}

// importer is one import on its way.
type importer struct {
	file, report, id string

	cli     *cli
	bar     *progress
	rows    *csv.Writer // of the report; nil when there is none
	shown   int
	summary *importSummary
}

// importAnswer is one line of the answer to an import; one of its parts is set.
type importAnswer struct {
	Row   int `json:"row"`
	Error *struct {
		Column, Value, Reason string
		*problem.Details      // when it is about the whole import
	} `json:"error"`
	Note     string `json:"note"`
	Progress *struct {
		Rows, Events int
	} `json:"progress"`
	Summary *importSummary `json:"summary"`
}

type importSummary struct {
	Import         string   `json:"import"`
	Rows           int      `json:"rows"`
	Imported       int      `json:"imported"`
	Refused        int      `json:"refused"`
	Skipped        int      `json:"skipped"`
	Events         int      `json:"events"`
	Duplicates     int      `json:"duplicates"`
	IgnoredColumns []string `json:"ignored_columns"`
}

// mostShown is how many bad rows are shown when all of them are in a report.
const mostShown = 10

func (i *importer) run(ctx context.Context, c *cli, to *storeClient) (err error) {
	i.cli = c
	file, size, err := c.source(i.file)
	if err != nil {
		return err
	}
	defer file.Close()
	if i.report != "" {
		report, err := os.Create(i.report)
		if err != nil {
			return fmt.Errorf("report: %w", err)
		}
		defer func() { err = errors.Join(err, report.Close()) }()
		i.rows = csv.NewWriter(report)
		if err := i.rows.Write([]string{"row", "column", "value", "reason"}); err != nil {
			return fmt.Errorf("report: %w", err)
		}
	}
	i.bar = c.newProgress("import "+filepath.Base(i.file), size)
	defer i.bar.end()
	query := c.dry()
	query.Set("file", filepath.Base(i.file))
	if i.id == "" {
		// The id is ours and not the server's, so that it is known when the answer is
		// cut short.
		id, err := uuid.NewV7()
		if err != nil {
			return fmt.Errorf("id of the import: %w", err)
		}
		i.id = id.String()
	}
	query.Set("id", i.id)
	// The reader alone, so that nobody but this function closes the file.
	body := struct{ io.Reader }{i.bar.reader(file)}
	err = to.lines(ctx, call{http.MethodPost, to.path("imports"), query, "text/csv", body}, i.line)
	i.bar.end()
	if i.rows != nil {
		i.rows.Flush()
		err = errors.Join(err, i.rows.Error())
	}
	var refused *problem.Details
	switch {
	case err != nil && !c.dryRun && !errors.As(err, &refused):
		return withHint(err, fmt.Sprintf("tillstream import %s --id %s, to go on", i.file, i.id))
	case err != nil:
		return err
	}
	return i.end()
}

// line takes one line of the answer.
func (i *importer) line(raw json.RawMessage) error {
	var a importAnswer
	if err := json.Unmarshal(raw, &a); err != nil {
		return fmt.Errorf("the answer %s: %w", raw, err)
	}
	if a.Error != nil && a.Error.Details != nil && a.Error.Detail != "" {
		return inFull(a.Error.Details)
	}
	if i.cli.json && a.Progress == nil {
		if err := pass(i.cli.stdout)(raw); err != nil {
			return err
		}
	}
	switch {
	case a.Error != nil:
		if i.rows != nil {
			if err := i.rows.Write([]string{strconv.Itoa(a.Row), a.Error.Column, a.Error.Value, a.Error.Reason}); err != nil {
				return fmt.Errorf("report: %w", err)
			}
		}
		i.show("row %d%s: %s", a.Row, cell(a.Error.Column, a.Error.Value), oneLine(a.Error.Reason))
	case a.Note != "":
		i.show("row %d: %s", a.Row, oneLine(a.Note))
	case a.Progress != nil:
		i.bar.step("%s, %s", count(a.Progress.Rows, "row"), count(a.Progress.Events, "event"))
	case a.Summary != nil:
		i.summary = a.Summary
	}
	return nil
}

// cell names a cell of the file: its column and what is in it.
func cell(column, value string) string {
	switch {
	case column == "":
		return ""
	case value == "":
		return ", " + oneLine(column)
	}
	return fmt.Sprintf(", %s %q", oneLine(column), value)
}

// show tells about one row, unless JSON is wanted or the report has it.
func (i *importer) show(format string, args ...any) {
	i.shown++
	if i.cli.json || i.rows != nil && i.shown > mostShown {
		return
	}
	i.bar.aside()
	i.cli.stdout.line(format, args...)
}

func (i *importer) end() error {
	s := i.summary
	if s == nil {
		return errors.New("the answer ended without a summary; the import may not be complete")
	}
	if i.rows != nil && i.shown > mostShown && !i.cli.json {
		i.cli.stdout.line("… and %d more, in %s", i.shown-mostShown, i.report)
	}
	if !i.cli.json {
		verb := "imported"
		if i.cli.dryRun {
			verb = "would be imported"
		}
		line := sentence(fmt.Sprintf("%s, %s %s", count(s.Rows, "row"), thousands(s.Imported), verb), some(s.Refused, "refused"), some(s.Skipped, "skipped"), count(s.Events, "event"))
		if s.Duplicates > 0 {
			line += fmt.Sprintf(", %s of them in the log already", thousands(s.Duplicates))
		}
		i.cli.stdout.line("%s", line)
		if len(s.IgnoredColumns) > 0 {
			i.cli.stdout.line("columns that were not read: %s", oneLine(strings.Join(s.IgnoredColumns, ", ")))
		}
	}
	if s.Refused > 0 {
		hint := "mend the rows and import the file again"
		if i.rows == nil {
			hint += "; --report FILE writes them to a file"
		}
		return withHint(fmt.Errorf("%s refused of %s", count(s.Refused, "row"), thousands(s.Rows)), hint)
	}
	return nil
}
