package csv

import (
	encoding "encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/tillstream/tillstream/domain"
)

// Options say which import the rows belong to. An import that is run again has to
// be given the At of its first run as well: events with later times are newer, and
// would undo what was changed since.
type Options struct {
	Store    domain.StoreID
	Source   domain.SourceID // of the events; "/pos/{store}/csv" when empty
	ImportID string          // names this import for ever; also the events' correlation id
	File     string          // the file's name, kept with each row; may be empty
	At       time.Time       // when the import was first started, the time of every event
	Actor    string          // who imports; may be empty

	// Outlets maps what stands behind "inventory_" in a title, as it is or with
	// spaces for underscores and in any case, to an outlet. An outlet that is not
	// here goes by the name with spaces.
	Outlets map[string]domain.OutletID

	// KeepFamilies leaves items in the products that they are in, whatever their
	// handles: the POS itself says which family each is in, by another name than a
	// file has for it.
	KeepFamilies bool

	// Encoding is that of a file without a byte order mark, see [EncodingNamed];
	// UTF-8 when empty.
	Encoding string
}

// Row is one row below the header.
type Row struct {
	Number    int    // the header is row 1; empty lines are no rows
	Item, SKU string // as far as they could be read
	Envelopes []domain.Envelope
	Notes     []string // what the importer should know, though the row was taken or rightly left out
	Err       *RowError
}

// Reader reads the rows of one file, one at a time.
type Reader struct {
	opts    Options
	csv     *encoding.Reader
	in      *bounded
	columns columns
	row     int
	items   map[domain.ItemID]int // the row of each
	skus    map[string]int        // likewise, by folded SKU
	family  family                // of the last row that was good

	converted bool // from another encoding
}

// MaxRows bounds what is kept of the rows before.
const MaxRows = 2_000_000

// NewReader reads the header. The error is a [*HeaderError], a
// [*domain.InvalidError] for options, or that of r.
func NewReader(r io.Reader, opts Options) (*Reader, error) {
	if opts.Source == "" {
		opts.Source = domain.SourceID("/pos/" + string(opts.Store) + "/csv")
	}
	// Every event will bear these attributes: try them before the first row.
	probe, err := domain.NewEnvelope("probe", opts.Source, opts.At, &domain.ProductDeleted{Item: "probe"})
	if err != nil {
		return nil, err
	}
	probe.CorrelationID, probe.Actor = opts.ImportID, opts.Actor
	if err := probe.Validate(); err != nil {
		return nil, err
	}
	if opts.ImportID == "" {
		return nil, &domain.InvalidError{Path: "import id", Reason: "is required"}
	}
	content, converted, err := text(r, opts.Encoding)
	if err != nil {
		return nil, err
	}
	in := &bounded{r: content, left: MaxRow}
	rows := encoding.NewReader(in)
	rows.ReuseRecord, rows.FieldsPerRecord = true, -1
	titles, err := rows.Read()
	var syntax *encoding.ParseError
	switch {
	case errors.Is(err, io.EOF):
		return nil, &HeaderError{Reason: "the file is empty"}
	case errors.As(err, &syntax):
		return nil, &HeaderError{Reason: syntaxReason(syntax)}
	case errors.Is(err, errTooLong):
		return nil, &HeaderError{Reason: err.Error()}
	case err != nil:
		return nil, fmt.Errorf("read header: %w", err)
	}
	c, err := readHeader(titles, opts.Outlets)
	if err != nil {
		return nil, err
	}
	return &Reader{opts: opts, csv: rows, in: in, columns: c, row: 1, items: map[domain.ItemID]int{}, skus: map[string]int{}, converted: converted}, nil
}

// MaxRow bounds one row as it stands in the file, in bytes: several times what an
// event may hold. A row beyond it is one whose quote does not end, which without a
// bound would be the rest of the file.
const MaxRow = 4 << 20

var errTooLong = fmt.Errorf("has more than %d bytes: is there a quote that is not closed?", MaxRow)

// bounded yields so much of r and then errTooLong, until left is set anew.
type bounded struct {
	r    io.Reader
	left int
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.left == 0 {
		return 0, errTooLong
	}
	n, err := b.r.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}

// Ignored lists the titles of columns that are not read, in their order.
func (r *Reader) Ignored() []string { return slices.Clone(r.columns.ignored) }

// Outlets lists the outlets that the file has inventory columns for, in their
// order.
func (r *Reader) Outlets() []domain.OutletID {
	var out []domain.OutletID
	for _, s := range r.columns.stock {
		out = append(out, s.outlet)
	}
	return out
}

// Next returns the next row, or [io.EOF] after the last. A row that is wrong comes
// with its Err, and the rows after it can be read. Any other error is that of the
// file, and ends it: a [*RowError] for a row past [MaxRow] or [MaxRows].
func (r *Reader) Next() (Row, error) {
	r.in.left = MaxRow
	cells, err := r.csv.Read()
	if errors.Is(err, io.EOF) {
		return Row{}, io.EOF
	}
	r.row++
	row := Row{Number: r.row}
	var syntax *encoding.ParseError
	switch {
	case errors.As(err, &syntax):
		row.Err = &RowError{Row: r.row, Reason: syntaxReason(syntax)}
		if len(cells) < len(r.columns.titles) { // those before the wrong one
			row.Err.Column = r.columns.titles[len(cells)]
		}
	case errors.Is(err, errTooLong):
		return Row{}, &RowError{Row: r.row, Reason: err.Error()}
	case err != nil:
		return Row{}, fmt.Errorf("read row %d: %w", r.row, err)
	case r.row > MaxRows:
		return Row{}, &RowError{Row: r.row, Reason: fmt.Sprintf("is more than the %d rows that a file may have: split it", MaxRows)}
	default:
		r.read(cells, &row)
	}
	if row.Err != nil {
		row.Envelopes = nil
	}
	return row, nil
}

func syntaxReason(e *encoding.ParseError) string {
	const what = "a cell with a quote must be quoted, and quotes in it doubled"
	if e.StartLine != e.Line {
		return fmt.Sprintf("lines %d to %d: %v: a quote is not closed; %s", e.StartLine, e.Line, e.Err, what)
	}
	return fmt.Sprintf("line %d, byte %d: %v: %s", e.Line, e.Column, e.Err, what)
}
