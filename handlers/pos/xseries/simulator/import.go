package simulator

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Imported says what came of a product file.
type Imported struct {
	Saved   int `json:"saved"`   // rows that changed a product, or would have if it had been different
	Added   int `json:"added"`   // rows that made one
	Ignored int `json:"ignored"` // rows with an id that the account does not know, or that are parts of a composite
	// Refused are the rows that could not be used, by what was wrong with them.
	Refused []string `json:"refused,omitempty"`
}

// mostRows bounds a product file. The vendor publishes no limit.
const mostRows = mostItems

// Import takes a product file, as the account's Import button does. Columns go by their titles, in any order. A column
// that is missing leaves what it names as it is. A cell that is blank empties a description, a brand, a category, a
// supplier or tags, and leaves the rest as it is: the vendor does not say which. A row with an id changes that product,
// and is ignored when there is none; one without changes the product of its SKU, or makes a new one. Each row that is
// used saves its product. The error is about the file as a whole, which then changed nothing.
func (a *Account) Import(file io.Reader) (Imported, error) {
	rows, column, err := readFile(file)
	if err != nil {
		return Imported{}, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.take(rows, column), nil
}

func (a *Account) take(rows [][]string, column map[string]int) Imported {
	var done Imported
	a.importing = true
	defer func() { a.importing = false }()
	for i, cells := range rows {
		r := importRow{a, cells, column}
		if err := r.take(&done); err != nil {
			done.Refused = append(done.Refused, fmt.Sprintf("row %d: %v", i+2, err))
		}
	}
	return done
}

// readFile reads a product file and the places of its columns. It may begin with a byte order mark.
func readFile(file io.Reader) ([][]string, map[string]int, error) {
	reader := csv.NewReader(file)
	reader.FieldsPerRecord = -1
	rows, err := reader.ReadAll()
	if err != nil {
		return nil, nil, fmt.Errorf("product file: %w", err)
	}
	if len(rows) == 0 || len(rows) > mostRows+1 {
		return nil, nil, fmt.Errorf("product file: %d rows: want titles and at most %d products", len(rows), mostRows)
	}
	column := map[string]int{}
	for i, title := range rows[0] {
		title = strings.ToLower(strings.TrimSpace(strings.TrimPrefix(title, "\ufeff")))
		if _, twice := column[title]; twice && title != "" {
			return nil, nil, fmt.Errorf("product file: column %q comes twice", title)
		}
		column[title] = i
	}
	_, byID := column["id"]
	_, bySKU := column["sku"]
	if !byID && !bySKU {
		return nil, nil, errors.New("product file: it has neither a column id nor a column sku")
	}
	return rows[1:], column, nil
}

// importRow is one row of a product file.
type importRow struct {
	account *Account
	cells   []string
	column  map[string]int
}

// cell returns a cell, and whether the row has it.
func (r importRow) cell(title string) (string, bool) {
	at, ok := r.column[title]
	if !ok || at >= len(r.cells) {
		return "", false
	}
	return r.cells[at], true
}

func (r importRow) text(title string) string {
	text, _ := r.cell(title)
	return text
}

func (r importRow) take(done *Imported) error {
	a := r.account
	if r.text("composite_sku") != "" || r.text("composite_name") != "" {
		done.Ignored++
		return nil
	}
	p := a.bySKU(r.text("sku"))
	if id := r.text("id"); id != "" {
		known, ok := a.products.find(id)
		if !ok || known.gone() {
			done.Ignored++
			return nil
		}
		p = known
	}
	edit, err := r.edit()
	if err != nil {
		return err
	}
	stock, err := r.stock()
	if err != nil {
		return err
	}
	if p == nil {
		if p, err = r.add(edit); err != nil {
			return err
		}
		done.Added++
	} else {
		if err := a.checkEdit(p, edit); err != nil {
			return err
		}
		done.Saved++
		a.amend(p, edit)
	}
	for _, s := range stock {
		a.setTo(p, s.outlet, s.counted, CauseImport, "")
	}
	return nil
}

// edit is what the row writes of a product.
func (r importRow) edit() (ProductEdit, error) {
	var e ProductEdit
	for title, field := range map[string]**string{
		"description": &e.Description, "brand_name": &e.Brand, "product_category": &e.Category, "supplier_name": &e.Supplier,
	} {
		if text, ok := r.cell(title); ok {
			*field = &text
		}
	}
	for title, field := range map[string]**string{"name": &e.Name, "sku": &e.SKU} {
		if text := r.text(title); text != "" {
			*field = &text
		}
	}
	if text, ok := r.cell("tags"); ok {
		tags := strings.FieldsFunc(text, func(r rune) bool { return r == ';' })
		e.Tags = &tags
	}
	for title, field := range map[string]**Amount{"retail_price": &e.Price, "supply_price": &e.SupplyPrice} {
		if text := r.text(title); text != "" {
			n, err := ParseAmount(text)
			if err != nil {
				return e, fmt.Errorf("column %s: %w", title, err)
			}
			*field = &n
		}
	}
	for title, field := range map[string]**bool{"active": &e.Active, "track_inventory": &e.TrackInventory} {
		switch text := r.text(title); text {
		case "":
		case "0", "1":
			yes := text == "1"
			*field = &yes
		default:
			return e, fmt.Errorf("column %s: %q: want 1 or 0", title, text)
		}
	}
	return e, nil
}

type counted struct {
	outlet  *outlet
	counted Amount
}

func (r importRow) stock() ([]counted, error) {
	var out []counted
	for _, o := range r.account.outlets {
		title := "inventory_" + strings.ToLower(strings.ReplaceAll(o.name, " ", "_"))
		if text := r.text(title); text != "" {
			n, err := ParseAmount(text)
			if err != nil {
				return nil, fmt.Errorf("column %s: %w", title, err)
			}
			out = append(out, counted{o, n})
		}
	}
	return out, nil
}

// add makes a simple product.
func (r importRow) add(e ProductEdit) (*product, error) {
	a := r.account
	if e.Name == nil || e.SKU == nil {
		return nil, errors.New("a new product needs a name and a sku")
	}
	f := &family{handle: slug(*e.Name), name: *e.Name, active: true, tracked: true}
	p := &product{sku: *e.SKU, family: f}
	if err := a.checkEdit(p, e); err != nil {
		return nil, err
	}
	set(&f.html, e.Description)
	set(&f.brand, e.Brand)
	set(&f.category, e.Category)
	set(&f.supplier, e.Supplier)
	set(&f.tags, e.Tags)
	set(&f.active, e.Active)
	set(&f.tracked, e.TrackInventory)
	set(&p.price, e.Price)
	set(&p.supply, e.SupplyPrice)
	a.found(f)
	a.join(f, p)
	return p, nil
}
