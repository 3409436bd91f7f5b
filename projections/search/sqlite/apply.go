package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/projections/search"
)

// Batch is what one transaction writes.
type Batch struct {
	// Afresh says that all product rows are removed first.
	Afresh bool
	Rows   []search.Row
	Gone   []domain.Key // products that are none any more
	// Events are the positions of messages by their kinds, in order, each above all that
	// the index holds of its log.
	Events   map[search.Kind][]domain.Position
	Sheets   []Sheet // that the index has not got
	Letters  []search.Letter
	Resolved []search.Resolution
	// Standing is where the index stands when all this is written.
	Standing Standing
}

// statements are what a batch is written with.
type statements struct {
	standing, row, addRow, setRow, dropRow, text, dropText          *sql.Stmt
	kind, addKind, count, last, addStretch, sheet, letter, resolved *sql.Stmt
}

func (x *Index) prepare(ctx context.Context) error {
	p := &x.put
	for _, s := range []struct {
		into **sql.Stmt
		text string
	}{
		{&p.standing, "INSERT INTO standing (one, value) VALUES (1, ?) ON CONFLICT (one) DO UPDATE SET value = excluded.value"},
		{&p.row, "SELECT id, position, state, name, brand, stock, low, prices, words FROM product WHERE store = ? AND product = ?"},
		{&p.addRow, "INSERT INTO product (position, state, name, brand, stock, low, prices, words, store, product) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"},
		{&p.setRow, "UPDATE product SET position = ?, state = ?, name = ?, brand = ?, stock = ?, low = ?, prices = ?, words = ? WHERE id = ?"},
		{&p.dropRow, "DELETE FROM product WHERE id = ?"},
		{&p.text, "INSERT INTO product_text (rowid, words) VALUES (?, ?)"},
		{&p.dropText, "DELETE FROM product_text WHERE rowid = ?"},
		{&p.kind, "SELECT id FROM kind WHERE log = ? AND store = ? AND recorded = ? AND happened = ? AND type = ? AND source = ? AND actor = ?"},
		{&p.addKind, "INSERT INTO kind (log, store, recorded, happened, type, source, actor, n) VALUES (?, ?, ?, ?, ?, ?, ?, 0)"},
		{&p.count, "UPDATE kind SET n = n + ? WHERE id = ?"},
		{&p.last, "SELECT first, last, n, positions FROM stretch WHERE kind = ? ORDER BY first DESC LIMIT 1"},
		{&p.addStretch, "INSERT OR REPLACE INTO stretch (kind, first, last, n, positions) VALUES (?, ?, ?, ?, ?)"},
		{&p.sheet, "INSERT INTO sheet (log, n, hash, messages) VALUES (?, ?, ?, ?)"},
		{&p.letter, "INSERT OR REPLACE INTO letter (id, store, kind, day, state) VALUES (?, ?, ?, ?, ?)"},
		{&p.resolved, "UPDATE letter SET state = ? WHERE id = ?"},
	} {
		var err error
		if *s.into, err = x.write.PrepareContext(ctx, s.text); err != nil {
			return err
		}
	}
	return nil
}

// Apply writes a batch, all of it or nothing.
func (x *Index) Apply(ctx context.Context, b *Batch) error {
	tx, err := x.write.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("write the search index: %w", err)
	}
	defer tx.Rollback()
	w := writer{ctx, tx, &x.put, map[*sql.Stmt]*sql.Stmt{}}
	if err := w.all(b); err != nil {
		return fmt.Errorf("write the search index: %w", err)
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("write the search index: %w", err)
	}
	return nil
}

// writer writes one batch.
type writer struct {
	ctx context.Context
	tx  *sql.Tx
	put *statements
	own map[*sql.Stmt]*sql.Stmt // of the transaction: to make one costs as much as to run it
}

func (w *writer) stmt(s *sql.Stmt) *sql.Stmt {
	if w.own[s] == nil {
		w.own[s] = w.tx.StmtContext(w.ctx, s)
	}
	return w.own[s]
}

func (w *writer) exec(s *sql.Stmt, args ...any) (sql.Result, error) {
	return w.stmt(s).ExecContext(w.ctx, args...)
}

func (w *writer) all(b *Batch) error {
	if b.Afresh {
		if _, err := w.tx.ExecContext(w.ctx, "DELETE FROM product; INSERT INTO product_text (product_text) VALUES ('delete-all')"); err != nil {
			return err
		}
	}
	for i := range b.Rows {
		if err := w.row(&b.Rows[i]); err != nil {
			return err
		}
	}
	for _, key := range b.Gone {
		if err := w.gone(key); err != nil {
			return err
		}
	}
	for _, k := range slices.SortedFunc(maps.Keys(b.Events), compareKinds) {
		if err := w.events(k, b.Events[k]); err != nil {
			return err
		}
	}
	for _, s := range b.Sheets {
		if _, err := w.exec(w.put.sheet, s.Log, s.N, s.Hash[:], s.Messages); err != nil {
			return err
		}
	}
	for _, l := range b.Letters {
		if _, err := w.exec(w.put.letter, int64(l.ID), string(l.Store), l.Kind, string(l.Day), l.State); err != nil {
			return err
		}
	}
	for _, r := range b.Resolved {
		if _, err := w.exec(w.put.resolved, r.State, int64(r.ID)); err != nil {
			return err
		}
	}
	value, err := json.Marshal(b.Standing)
	if err != nil {
		return err
	}
	_, err = w.exec(w.put.standing, string(value))
	return err
}

// stored is a product's row as the file has it.
type stored struct {
	position, stock, low              int64
	state, name, brand, prices, words string
}

func storedOf(r *search.Row) stored {
	s := stored{int64(r.Position), r.Stock, r.Low(), string(r.State), r.Name, r.Brand, "", r.Words}
	if len(r.Prices) > 1 {
		prices, err := json.Marshal(r.Prices)
		if err != nil {
			panic(fmt.Sprintf("numbers can be written as JSON: %v", err))
		}
		s.prices = string(prices)
	}
	return s
}

// find reads a product's row; its id is 0 when there is none.
func (w *writer) find(store domain.StoreID, product string) (id int64, s stored, err error) {
	err = w.stmt(w.put.row).QueryRowContext(w.ctx, string(store), product).
		Scan(&id, &s.position, &s.state, &s.name, &s.brand, &s.stock, &s.low, &s.prices, &s.words)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return id, s, err
}

func (w *writer) row(r *search.Row) error {
	id, was, err := w.find(r.Store, string(r.Product))
	is := storedOf(r)
	if err != nil || id > 0 && was == is {
		return err
	}
	if id == 0 {
		added, err := w.exec(w.put.addRow, is.position, is.state, is.name, is.brand, is.stock, is.low, is.prices, is.words, string(r.Store), string(r.Product))
		if err != nil {
			return err
		}
		if id, err = added.LastInsertId(); err != nil {
			return err
		}
	} else if _, err := w.exec(w.put.setRow, is.position, is.state, is.name, is.brand, is.stock, is.low, is.prices, is.words, id); err != nil {
		return err
	}
	if was.words == is.words {
		return nil
	}
	if was.words != "" {
		if _, err := w.exec(w.put.dropText, id); err != nil {
			return err
		}
	}
	_, err = w.exec(w.put.text, id, is.words)
	return err
}

func (w *writer) gone(key domain.Key) error {
	id, _, err := w.find(key.Store, key.ID)
	if err != nil || id == 0 {
		return err
	}
	if _, err := w.exec(w.put.dropText, id); err != nil {
		return err
	}
	_, err = w.exec(w.put.dropRow, id)
	return err
}

// mostOfStretch is how many positions lie in one stretch.
const mostOfStretch = 1024

// events adds positions of a kind.
func (w *writer) events(k search.Kind, at []domain.Position) error {
	id, err := w.kind(k)
	if err != nil {
		return err
	}
	if _, err := w.exec(w.put.count, len(at), id); err != nil {
		return err
	}
	var first, last, n int64
	var positions []byte
	err = w.stmt(w.put.last).QueryRowContext(w.ctx, id).Scan(&first, &last, &n, &positions)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	for len(at) > 0 {
		if n == 0 || n >= mostOfStretch {
			first, last, n, positions = int64(at[0]), 0, 0, nil
		}
		some := at[:min(len(at), mostOfStretch-int(n))]
		at = at[len(some):]
		positions = search.AppendPositions(positions, domain.Position(last), some...)
		last, n = int64(some[len(some)-1]), n+int64(len(some))
		if _, err := w.exec(w.put.addStretch, id, first, last, n, positions); err != nil {
			return err
		}
	}
	return nil
}

// kind returns the id of a kind, which it makes when there is none.
func (w *writer) kind(k search.Kind) (id int64, err error) {
	args := []any{k.Log, string(k.Store), string(k.Recorded), string(k.Happened), string(k.Type), string(k.Source), k.Actor}
	err = w.stmt(w.put.kind).QueryRowContext(w.ctx, args...).Scan(&id)
	if !errors.Is(err, sql.ErrNoRows) {
		return id, err
	}
	added, err := w.exec(w.put.addKind, args...)
	if err != nil {
		return 0, err
	}
	return added.LastInsertId()
}

func compareKinds(a, b search.Kind) int {
	return cmp.Or(
		strings.Compare(a.Log, b.Log), strings.Compare(string(a.Store), string(b.Store)),
		strings.Compare(string(a.Recorded), string(b.Recorded)), strings.Compare(string(a.Happened), string(b.Happened)),
		strings.Compare(string(a.Type), string(b.Type)), strings.Compare(string(a.Source), string(b.Source)), strings.Compare(a.Actor, b.Actor))
}
