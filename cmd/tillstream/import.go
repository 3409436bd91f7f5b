package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/tillstream/tillstream/handlers/ingest"
	"github.com/tillstream/tillstream/handlers/pos/csv"
	"github.com/tillstream/tillstream/handlers/problem"
)

func (c *cli) importCommand() *cobra.Command {
	var i importer
	cmd := &cobra.Command{
		Use:   "import FILE.csv|-",
		Short: "Bring in a product file of the POS",
		Long: `import reads a product export of the POS (Lightspeed Retail X-Series), and records
an event for each product of it. The columns may stand in any order; sku and name
must be there. Of the others these are read:

  id handle description product_category tags brand_name supplier_name
  supply_price retail_price active track_inventory
  variant_option_one_name variant_option_one_value, and two and three
  inventory_OUTLET, for each outlet, with _ for a space

A column that the file lacks is left unchanged; a blank cell empties its field, but
for stock, which a blank cell leaves alone. Rows of composite components are passed
over. A row that cannot be used is named with its column, and the others go on; the
exit code is 1 when there was one. With --strict, nothing is recorded then.

The file is UTF-8, or UTF-16 with a byte order mark; --encoding names another.

An import that was cut short is gone on with when the same file is imported again
within a day: nothing is recorded twice. One that came to its end is not: the same
file again is another import, and pushes its products again.

The report has the keys row, outcome, item, sku, column, value, was and problem: a
line for each thing to say of a row. Its outcome is refused, skipped, or imported
with a remark; in a dry run also new, or changed, with a line for each column.`,
		Example: `  tillstream import export.csv --dry-run           every bad row, and what would change
  tillstream import export.csv
  tillstream import export.csv --strict            all of it, or nothing
  tillstream import export.csv --report rows.csv   what there is to say of rows, as a file
  tillstream import export.csv --report rows.jsonl the same, as JSON lines`,
		Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			i.file = args[0]
			if i.encoding != "" {
				if _, err := csv.EncodingNamed(i.encoding); err != nil {
					return &misuseError{fmt.Errorf("--%w", err)}
				}
			}
			return c.sessionOfStore(cmd, needWrites, func(ctx context.Context, to *storeClient) error {
				return i.run(ctx, c, to)
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&i.report, "report", "", "write what there is to say of rows to this `file`: JSON lines if it is called .jsonl, .ndjson or .json, else CSV")
	f.StringVar(&i.id, "id", "", "`UUID` of an import that was cut short, to go on with it; needed only for standard input")
	f.BoolVar(&i.strict, "strict", false, "record nothing unless every row is good")
	f.StringVar(&i.encoding, "encoding", "", "`name` of the file's encoding, such as windows-1252")
	f.BoolVar(&c.json, "json", false, "print JSON lines, with keys that stay as they are")
	return c.talksOfStore(c.writes(cmd))
}

// importer is one import on its way.
type importer struct {
	file, report, id, encoding string
	strict                     bool

	cli     *cli
	bar     *progress
	rows    *rowReport // nil when there is none
	told    rowsTold
	summary *importSummary
}

// importAnswer is one line of the answer to an import; one of its parts is set.
type importAnswer struct {
	ingest.ImportRow
	Import *struct {
		ID       string `json:"id"`
		Recorded int    `json:"recorded"`
	} `json:"import"`
	Progress *ingest.Report   `json:"progress"`
	Summary  *importSummary   `json:"summary"`
	Error    *problem.Details `json:"error"` // it ended the import
}

type importSummary struct {
	Import string `json:"import"`
	ingest.Report
	IgnoredColumns []string `json:"ignored_columns"`
}

func (i *importer) run(ctx context.Context, c *cli, to *storeClient) (err error) {
	i.cli = c
	file, size, err := c.source(i.file)
	if err != nil {
		return err
	}
	defer file.Close()
	query, again, err := i.query(file, size > 0)
	if err != nil {
		return err
	}
	if i.report != "" {
		if i.rows, err = newRowReport(i.report); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, i.rows.close()) }()
	}
	i.bar = c.newProgress("import "+filepath.Base(i.file), size)
	defer i.bar.end()
	kind := "text/csv"
	if i.encoding != "" {
		kind = mime.FormatMediaType(kind, map[string]string{"charset": i.encoding})
	}
	// The reader alone, so that nobody but this function closes the file.
	body := struct{ io.Reader }{i.bar.reader(file)}
	err = to.lines(ctx, call{http.MethodPost, to.path("imports"), query, kind, body}, i.line)
	i.bar.end()
	var refused *problem.Details
	switch {
	case err != nil && !c.dryRun && (!errors.As(err, &refused) || refused.Status >= http.StatusInternalServerError):
		return withHint(err, again+", to go on: what is recorded is not recorded twice")
	case err != nil:
		return err
	}
	return i.end()
}

// query is what is asked of the import, and the command that goes on with it. A
// file of the disk is known again by its content. Of standard input nobody knows
// the content before its end, so that the import has an id of ours.
func (i *importer) query(file io.Reader, regular bool) (query map[string][]string, again string, err error) {
	q := i.cli.dry()
	q.Set("file", filepath.Base(i.file))
	if i.strict {
		q.Set("strict", strconv.FormatBool(true))
	}
	again = "tillstream import " + i.file
	switch seeker, ok := file.(io.Seeker); {
	case ok && regular:
		digest := sha256.New()
		if _, err := io.Copy(digest, file); err != nil {
			return nil, "", fmt.Errorf("read %s: %w", i.file, err)
		}
		if _, err := seeker.Seek(0, io.SeekStart); err != nil {
			return nil, "", fmt.Errorf("read %s again: %w", i.file, err)
		}
		q.Set("digest", hex.EncodeToString(digest.Sum(nil)))
	case i.id == "":
		id, err := uuid.NewV7()
		if err != nil {
			return nil, "", fmt.Errorf("id of the import: %w", err)
		}
		i.id = id.String()
	}
	if i.id != "" {
		q.Set("id", i.id)
		again += " --id " + i.id
	}
	return q, again, nil
}

// line takes one line of the answer.
func (i *importer) line(raw json.RawMessage) error {
	var a importAnswer
	if err := json.Unmarshal(raw, &a); err != nil {
		return fmt.Errorf("the answer %s: %w", raw, err)
	}
	if a.Error != nil {
		return inFull(a.Error)
	}
	if i.cli.json && a.Progress == nil {
		if err := pass(i.cli.stdout)(raw); err != nil {
			return err
		}
	}
	switch {
	case a.Outcome != "":
		if i.rows != nil {
			if err := i.rows.write(&a.ImportRow); err != nil {
				return err
			}
		}
		i.show(&a.ImportRow)
	case a.Import != nil && a.Import.Recorded > 0:
		i.bar.aside()
		i.cli.stderr.line("going on with import %s, of which %s recorded", a.Import.ID, are(a.Import.Recorded, "row"))
	case a.Progress != nil && a.Progress.Checked > 0:
		i.bar.step("%s checked", count(a.Progress.Checked, "row"))
	case a.Progress != nil:
		i.bar.step("%s, %s", count(a.Progress.Rows, "row"), count(a.Progress.Events, "event"))
	case a.Summary != nil:
		i.summary = a.Summary
	}
	return nil
}

// show tells about one row, unless JSON is wanted or the report has it.
func (i *importer) show(row *ingest.ImportRow) {
	if !i.told.wants(row, i.rows != nil) || i.cli.json {
		return
	}
	i.bar.aside()
	where := fmt.Sprintf("row %d", row.Row)
	switch {
	case row.Column == "":
	case row.Value == "":
		where += ", " + oneLine(row.Column)
	default:
		where += fmt.Sprintf(", %s %q", oneLine(row.Column), row.Value)
	}
	i.cli.stdout.line("%s: %s", where, oneLine(row.Problem))
}

func (i *importer) end() error {
	s := i.summary
	if s == nil {
		return errors.New("the answer ended without a summary; the import may not be complete")
	}
	if !i.cli.json {
		i.conclude(s)
	}
	if s.Refused == 0 {
		return nil
	}
	hint := "mend the rows and import the file again"
	if i.rows == nil {
		hint += "; --report FILE writes them to a file"
	}
	err := fmt.Errorf("%s refused of %s", count(s.Refused, "row"), thousands(s.Rows))
	if i.strict {
		err = fmt.Errorf("%w: nothing is imported", err)
	}
	return withHint(err, hint)
}

// conclude says in a few lines what became of the file.
func (i *importer) conclude(s *importSummary) {
	out := i.cli.stdout
	if n := i.told.hidden; n > 0 {
		out.line("… and %d more, in %s", n, i.report)
	}
	verb := "imported"
	if i.cli.dryRun {
		verb = "would be imported"
	}
	line := sentence(fmt.Sprintf("%s, %s %s", count(s.Rows, "row"), thousands(s.Imported), verb), some(s.Refused, "refused"), some(s.Skipped, "skipped"), count(s.Events, "event"))
	if s.Duplicates > 0 {
		line += fmt.Sprintf(", %s of them in the log already", thousands(s.Duplicates))
	}
	out.line("%s", line)
	if c := s.Changes; c != nil {
		out.line("%s", sentence(fmt.Sprintf("%s new", thousands(c.New)), some(c.Changed, "changed"), some(c.Unchanged, "unchanged")))
		for _, column := range i.told.columns(c.Columns) {
			out.line("  %s: %s, such as %s", oneLine(column), count(c.Columns[column], "row"), strings.Join(i.told.examples[column], "; "))
		}
	}
	if len(s.IgnoredColumns) > 0 {
		out.line("columns that were not read: %s", oneLine(strings.Join(s.IgnoredColumns, ", ")))
	}
}

// Bounds of what is shown of rows: of bad ones when all are in a report, and of
// changed ones in each column.
const (
	mostShown    = 10
	mostExamples = 3
)

// rowsTold is what was told of rows, as far as it is shown.
type rowsTold struct {
	shown, hidden int
	examples      map[string][]string // of changes, by column
}

// wants reports whether a row is to be shown by itself, at once.
func (t *rowsTold) wants(row *ingest.ImportRow, reported bool) bool {
	switch {
	case row.Outcome == ingest.RowNew:
		return false
	case row.Outcome == ingest.RowChanged:
		if t.examples == nil {
			t.examples = map[string][]string{}
		}
		if seen := t.examples[row.Column]; len(seen) < mostExamples {
			t.examples[row.Column] = append(seen, fmt.Sprintf("%s %q → %q", oneLine(row.SKU), shortened(row.Was), shortened(row.Value)))
		}
		return false
	case reported && t.shown == mostShown:
		t.hidden++
		return false
	}
	t.shown++
	return true
}

// columns are those that change, the one with the most rows first.
func (t *rowsTold) columns(counts map[string]int) []string {
	columns := make([]string, 0, len(counts))
	for column := range counts {
		columns = append(columns, column)
	}
	slices.SortFunc(columns, func(a, b string) int {
		if counts[a] != counts[b] {
			return counts[b] - counts[a]
		}
		return strings.Compare(a, b)
	})
	return columns
}

// shortened is the beginning of a long value.
func shortened(s string) string {
	const most = 40
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}
