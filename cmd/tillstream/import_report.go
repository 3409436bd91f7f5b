package main

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/tillstream/tillstream/handlers/ingest"
)

// reportColumns are the columns of a report as CSV, and the keys of one as JSON.
var reportColumns = []string{"row", "outcome", "item", "sku", "column", "value", "was", "problem"}

// rowReport writes what there is to say of rows into a file.
type rowReport struct {
	file *os.File
	out  *bufio.Writer
	json *json.Encoder // nil for CSV
	csv  *csv.Writer
}

func newRowReport(name string) (*rowReport, error) {
	file, err := os.Create(name)
	if err != nil {
		return nil, fmt.Errorf("report: %w", err)
	}
	r := &rowReport{file: file, out: bufio.NewWriter(file)}
	if slices.Contains([]string{".jsonl", ".ndjson", ".json"}, strings.ToLower(filepath.Ext(name))) {
		r.json = json.NewEncoder(r.out)
		r.json.SetEscapeHTML(false)
		return r, nil
	}
	r.csv = csv.NewWriter(r.out)
	return r, r.failed(r.csv.Write(reportColumns))
}

func (r *rowReport) write(row *ingest.ImportRow) error {
	if r.json != nil {
		return r.failed(r.json.Encode(row))
	}
	return r.failed(r.csv.Write([]string{strconv.Itoa(row.Row), string(row.Outcome), row.Item, row.SKU, row.Column, row.Value, row.Was, row.Problem}))
}

func (r *rowReport) close() error {
	var err error
	if r.csv != nil {
		r.csv.Flush()
		err = r.csv.Error()
	}
	return r.failed(errors.Join(err, r.out.Flush(), r.file.Close()))
}

func (r *rowReport) failed(err error) error {
	if err != nil {
		return fmt.Errorf("report %s: %w", r.file.Name(), err)
	}
	return nil
}
