package csv

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/tillstream/tillstream/domain"
)

// mangled is what a spreadsheet makes of a long number: 4.00638E+12.
var mangled = regexp.MustCompile(`^[0-9]+([.,][0-9]+)?[eE][+-][0-9]+$`)

// spreadsheetErrors are what a spreadsheet writes for a formula that has no value.
var spreadsheetErrors = []string{"#N/A", "#REF!", "#VALUE!", "#NAME?", "#DIV/0!", "#NUM!", "#NULL!"}

// read turns the cells of one row into events.
func (r *Reader) read(cells []string, row *Row) {
	cells = r.fitted(cells, row)
	c := cellReader{cells: cells, columns: &r.columns, row: row}
	if cells != nil {
		row.Item, row.SKU = strings.ToValidUTF8(c.text(r.columns.id), "\ufffd"), strings.ToValidUTF8(c.text(r.columns.sku), "\ufffd")
		r.legible(&c)
	}
	if row.Err != nil || cells == nil {
		return
	}
	if part, of, ok := c.component(); ok {
		row.Notes = append(row.Notes, fmt.Sprintf("left out: %s is a component of %s, not a product", part, of))
		return
	}
	event := c.product()
	if r.opts.KeepFamilies {
		event.Product = nil
	}
	row.Item = string(event.Item)
	event.Import = domain.Import{ID: r.opts.ImportID, File: r.opts.File, Row: r.row}
	if row.Err == nil {
		row.Err = r.unique(event, row)
	}
	if row.Err != nil {
		return
	}
	r.append(row, event, "product")
	for _, s := range r.columns.stock {
		if onHand := c.quantity(s.at); onHand != nil {
			r.append(row, &domain.StockLevelReported{Item: event.Item, Outlet: s.outlet, OnHand: *onHand}, "stock", string(s.outlet))
		}
	}
	if row.Err == nil {
		// A cell is a part of its row's text: a clone lets the rest of it go.
		r.items[domain.ItemID(strings.Clone(string(event.Item)))] = r.row
		r.skus[strings.Clone(event.SKU.Fold())] = r.row
		row.Notes = append(row.Notes, r.family.next(event)...)
	}
}

// fitted returns as many cells as the header has. Cells behind them may be blank,
// as spreadsheets like to write them. A row of blank cells only says nothing, and
// gives none.
func (r *Reader) fitted(cells []string, row *Row) []string {
	blank := func(cell string) bool { return strings.TrimSpace(cell) == "" }
	n := len(r.columns.titles)
	switch {
	case !slices.ContainsFunc(cells, func(cell string) bool { return !blank(cell) }):
		row.Notes = append(row.Notes, "left out: the row is blank")
		return nil
	case len(cells) < n:
		row.Err = &RowError{Row: r.row, Column: r.columns.titles[len(cells)], Reason: fmt.Sprintf("is missing: the row has %s, and the header %d", count(len(cells), "cell"), n)}
		if row.Err.Column == "" {
			row.Err.Reason = fmt.Sprintf("has %s, and the header %d", count(len(cells), "cell"), n)
		}
		return nil
	case len(cells) > n && slices.ContainsFunc(cells[n:], func(cell string) bool { return !blank(cell) }):
		row.Err = &RowError{Row: r.row, Reason: fmt.Sprintf("has %s, and the header %d: is a cell with a comma not quoted?", count(len(cells), "cell"), n)}
		return nil
	}
	return cells[:n]
}

// legible refuses cells that were damaged before they came here. Those of columns
// that are not read may be what they like.
func (r *Reader) legible(c *cellReader) {
	for _, at := range r.columns.used {
		cell := c.cells[at]
		switch {
		case !utf8.ValidString(cell):
			c.fail(at, notUTF8(cell))
			c.row.Err.Value = strings.ToValidUTF8(cell, "\ufffd")
		case strings.Contains(cell, "\x00"):
			c.fail(at, "holds a character of value 0, which no text does: the file is damaged")
		case r.converted && strings.ContainsRune(cell, utf8.RuneError):
			c.fail(at, "holds what the file's encoding does not have: is it of another one?")
		case slices.Contains(spreadsheetErrors, strings.TrimSpace(cell)):
			c.fail(at, "is the error of a spreadsheet's formula: mend it there")
		default:
			continue
		}
		return
	}
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// unique refuses an item that the file had before, since of two snapshots with
// one time neither is newer. Two items of one SKU are the merchant's to mend.
func (r *Reader) unique(event *domain.ProductImported, row *Row) *RowError {
	if first, ok := r.items[event.Item]; ok {
		column := "id"
		if string(event.Item) == string(event.SKU) {
			column = "sku"
		}
		return &RowError{Row: r.row, Column: column, Value: string(event.Item), Reason: fmt.Sprintf("is in row %d already", first)}
	}
	if first, ok := r.skus[event.SKU.Fold()]; ok {
		row.Notes = append(row.Notes, fmt.Sprintf("sku %q is in row %d as well: BigCommerce takes a SKU only once", event.SKU, first))
	}
	return nil
}

// append adds an event to the row; what tells it from the row's others.
func (r *Reader) append(row *Row, event domain.Event, what ...string) {
	if row.Err != nil {
		return
	}
	identity := append([]string{"import", r.opts.ImportID, strconv.Itoa(r.row)}, what...)
	e, err := domain.NewEnvelope(domain.DeriveEventID(r.opts.Source, identity...), r.opts.Source, r.opts.At, event)
	if err != nil {
		row.Err = r.rowError(err)
		return
	}
	e.CorrelationID, e.Actor = r.opts.ImportID, r.opts.Actor
	row.Envelopes = append(row.Envelopes, e)
}

// cellReader reads cells by their column; the first wrong one is the row's error.
type cellReader struct {
	cells   []string
	columns *columns
	row     *Row
}

func (c *cellReader) fail(at int, reason string) {
	if c.row.Err == nil {
		c.row.Err = &RowError{Row: c.row.Number, Column: c.columns.titles[at], Value: c.cells[at], Reason: reason}
	}
}

// text is a cell without the blanks around it, "" for a column that is not there.
func (c *cellReader) text(at int) string {
	if at < 0 {
		return ""
	}
	return strings.TrimSpace(c.cells[at])
}

// optional tells a missing column, nil, from a blank cell.
func (c *cellReader) optional(at int) *string {
	if at < 0 {
		return nil
	}
	s := c.text(at)
	return &s
}

// code is a text that a spreadsheet may have taken for a number.
func (c *cellReader) code(at int) string {
	s := c.text(at)
	switch {
	case mangled.MatchString(s):
		c.fail(at, "is a number that a spreadsheet has cut short: format the column as text and export anew")
	case strings.HasPrefix(s, `="`):
		c.fail(at, "is a spreadsheet's formula: write its value")
	}
	return s
}

// component reports whether the row is a part of a composite, and of which.
func (c *cellReader) component() (part, of string, ok bool) {
	for _, at := range []int{c.columns.compositeSKU, c.columns.compositeName, c.columns.compositeQuantity} {
		if s := c.text(at); s != "" {
			part = s
			break
		}
	}
	return strconv.Quote(part), strconv.Quote(c.text(c.columns.sku)), part != ""
}

func (c *cellReader) product() *domain.ProductImported {
	k := c.columns
	e := &domain.ProductImported{Item: domain.ItemID(c.code(k.id))}
	sku := c.code(k.sku)
	if sku == "" {
		c.fail(k.sku, "must not be empty")
	}
	if e.Item == "" {
		e.Item = domain.ItemID(sku)
	}
	d := &e.Description
	d.SKU, d.Name = domain.SKU(sku), c.text(k.name)
	if k.handle >= 0 {
		handle := c.code(k.handle)
		family := domain.ProductID(handle)
		d.Product, d.Handle = &family, &handle
	}
	if k.description >= 0 {
		html := c.cells[k.description] // as written, blanks and all
		d.Description = &html
	}
	d.Brand, d.Category, d.Supplier = c.optional(k.brand), c.optional(k.category), c.optional(k.supplier)
	d.Options = c.options()
	d.RetailPrice, d.SupplyPrice = c.money(k.retailPrice), c.money(k.supplyPrice)
	d.Active, d.TrackInventory = c.flag(k.active), c.flag(k.trackInventory)
	if k.tags >= 0 {
		tags := []string{}
		for _, tag := range strings.FieldsFunc(c.text(k.tags), func(r rune) bool { return r == ';' || r == ',' }) {
			if tag = strings.TrimSpace(tag); tag != "" {
				tags = append(tags, tag)
			}
		}
		d.Tags = &tags
	}
	return e
}

// options returns nil when the file has no columns for any.
func (c *cellReader) options() *[]domain.Option {
	options, there := []domain.Option{}, false
	for _, at := range c.columns.options {
		if at.name < 0 {
			continue
		}
		there = true
		o := domain.Option{Name: c.text(at.name), Value: c.text(at.value)}
		switch {
		case o.Name == "" && o.Value == "":
		case o.Name == "":
			c.fail(at.name, "must not be empty beside an option value")
		case o.Value == "":
			c.fail(at.value, "must not be empty beside an option name")
		default:
			options = append(options, o)
		}
	}
	if !there {
		return nil
	}
	return &options
}

func (c *cellReader) money(at int) *domain.Money {
	s := c.optional(at)
	switch {
	case s == nil:
		return nil
	case *s == "":
		c.row.Notes = append(c.row.Notes, c.columns.titles[at]+" is blank: taken as 0")
		return &domain.Money{}
	}
	m, err := domain.ParseMoney(*s)
	if err != nil {
		c.fail(at, err.Error())
	}
	return &m
}

// quantity returns nil for a blank cell: there is no empty stock.
func (c *cellReader) quantity(at int) *domain.Quantity {
	s := c.text(at)
	if s == "" {
		return nil
	}
	q, err := domain.ParseQuantity(s)
	if err != nil {
		c.fail(at, err.Error())
	}
	return &q
}

// flag takes the forms that exports and the editors of spreadsheets write.
func (c *cellReader) flag(at int) *bool {
	if at < 0 {
		return nil
	}
	var b bool
	switch strings.ToLower(c.text(at)) {
	case "1", "1.0", "true", "yes", "": // a new product is active and tracked unless it says otherwise
		b = true
	case "0", "0.0", "false", "no":
	default:
		c.fail(at, "must be 1 or 0")
	}
	return &b
}
