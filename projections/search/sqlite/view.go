package sqlite

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/projections"
	"github.com/tillstream/tillstream/projections/search"
)

// columns are what products are ordered by.
var columns = map[search.Sort]string{
	search.ByProduct: "p.product", search.ByName: "p.name", search.ByStock: "p.stock", search.ByPrice: "p.low", search.ByChanged: "p.position",
}

// question is a statement under way.
type question struct {
	where []string
	args  []any
}

func (q *question) and(condition string, args ...any) {
	q.where, q.args = append(q.where, condition), append(q.args, args...)
}

// Products returns the places of the first products of a store that a filter takes,
// limit of them at most, and whether there are more: what [search.Scan] returns.
func (v *View) Products(ctx context.Context, store domain.StoreID, f *search.Filter, limit int) (found []search.Place, more bool, err error) {
	var q question
	from := "product p"
	if match := matchOf(f); match != "" {
		walk, err := v.walks(ctx, f, match)
		if err != nil {
			return nil, false, err
		}
		if walk {
			for _, phrase := range f.Text.Phrases() {
				q.and("instr(' ' || p.words, ?) > 0", " "+phrase)
			}
		} else {
			from = "product_text CROSS JOIN product p ON p.id = product_text.rowid"
			q.and("product_text MATCH ?", match)
		}
	}
	q.and("p.store = ?", string(store))
	if states := f.States(); states != nil {
		q.and("p.state IN (?"+strings.Repeat(", ?", len(states)-1)+")", texts(states)...)
	}
	if f.Brand != "" {
		q.and("p.brand = ?", f.Brand)
	}
	if r := f.Stock; r != nil {
		q.and("p.stock BETWEEN ? AND ?", r.From, r.To)
	}
	if r := f.Price; r != nil {
		q.and("p.low >= 0 AND (p.low BETWEEN ? AND ? OR p.prices <> '' AND EXISTS (SELECT 1 FROM json_each(p.prices) WHERE value BETWEEN ? AND ?))", r.From, r.To, r.From, r.To)
	}
	if f.Since > 0 {
		q.and("p.position >= ?", int64(f.Since))
	}
	key := columns[f.Sort]
	q.after(key, f)
	order := key + ", p.product"
	if f.Descending {
		order = key + " DESC, p.product"
	}
	statement := fmt.Sprintf("SELECT %s, p.product FROM %s WHERE %s ORDER BY %s LIMIT ?", key, from, strings.Join(q.where, " AND "), order)
	err = v.rows(ctx, statement, append(q.args, limit+1), func(rows *sql.Rows) error {
		var p search.Place
		var into any = &p.Number
		switch f.Sort {
		case search.ByName:
			into = &p.Text
		case search.ByProduct:
			into = new(string)
		}
		if err := rows.Scan(into, &p.Product); err != nil {
			return err
		}
		found = append(found, p)
		return nil
	})
	if more = len(found) > limit; more {
		found = found[:limit]
	}
	return found, more, err
}

// common is how many products may have the words that are asked for, before the first of
// them are found sooner by looking at one product after the other.
const common = 5000

// walks reports whether to look at one product after the other, in the order of their
// ids: nothing but words is asked for, and they are common.
func (v *View) walks(ctx context.Context, f *search.Filter, match string) (bool, error) {
	words := search.Filter{Text: f.Text, After: f.After}
	if !reflect.DeepEqual(*f, words) {
		return false, nil
	}
	var n int
	err := v.tx.QueryRowContext(ctx, "SELECT count(*) FROM (SELECT 1 FROM product_text WHERE product_text MATCH ? LIMIT ?)", match, v.common+1).Scan(&n)
	if err != nil {
		return false, fmt.Errorf("read the search index: %w", err)
	}
	return n > v.common, nil
}

// after goes on behind a place.
func (q *question) after(key string, f *search.Filter) {
	p := f.After
	if p == nil {
		return
	}
	var value any = p.Number
	switch f.Sort {
	case search.ByName:
		value = p.Text
	case search.ByProduct:
		value = string(p.Product)
	}
	sign := ">"
	if f.Descending {
		sign = "<"
	}
	if f.Sort == search.ByProduct {
		q.and("p.product "+sign+" ?", value)
		return
	}
	q.and(fmt.Sprintf("(%s %s ? OR %s = ? AND p.product > ?)", key, sign, key), value, value, string(p.Product))
}

// matchOf is what the words of a row have to match, in the language of FTS5: phrases in
// quotes, whose last word may go on. Phrases hold letters, digits and spaces only.
func matchOf(f *search.Filter) string {
	var all []string
	for _, phrase := range f.Text.Phrases() {
		all = append(all, `"`+phrase+`" *`)
	}
	if f.Brand != "" {
		all = append(all, `"`+f.Brand+`"`)
	}
	return strings.Join(all, " AND ")
}

func texts[T ~string](all []T) []any {
	out := make([]any, len(all))
	for i, s := range all {
		out[i] = string(s)
	}
	return out
}

func (v *View) rows(ctx context.Context, statement string, args []any, each func(*sql.Rows) error) error {
	rows, err := v.tx.QueryContext(ctx, statement, args...)
	if err != nil {
		return fmt.Errorf("read the search index: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := each(rows); err != nil {
			return fmt.Errorf("read the search index: %w", err)
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("read the search index: %w", err)
	}
	return nil
}

// Kinds calls each with the kinds of a log of a store that were recorded on days from
// one to another, and with how many messages there are of each. Empty days are no bound.
func (v *View) Kinds(ctx context.Context, log string, store domain.StoreID, from, to search.Day, each func(k *search.Kind, n uint64)) error {
	return v.kinds(ctx, log, store, from, to, func(_ int64, k *search.Kind, n uint64) { each(k, n) })
}

func (v *View) kinds(ctx context.Context, log string, store domain.StoreID, from, to search.Day, each func(id int64, k *search.Kind, n uint64)) error {
	var q question
	q.and("log = ? AND store = ?", log, string(store))
	if from != "" {
		q.and("recorded >= ?", string(from))
	}
	if to != "" {
		q.and("recorded <= ?", string(to))
	}
	return v.rows(ctx, "SELECT id, recorded, happened, type, source, actor, n FROM kind WHERE "+strings.Join(q.where, " AND "), q.args, func(rows *sql.Rows) error {
		k := search.Kind{Log: log, Store: store}
		var id int64
		var n uint64
		if err := rows.Scan(&id, &k.Recorded, &k.Happened, &k.Type, &k.Source, &k.Actor, &n); err != nil {
			return err
		}
		each(id, &k, n)
		return nil
	})
}

// Count returns how many messages there are of the kinds that are taken, as [View.Kinds]
// has them.
func (v *View) Count(ctx context.Context, log string, store domain.StoreID, takes func(*search.Kind) bool) (n uint64, err error) {
	err = v.Kinds(ctx, log, store, "", "", func(k *search.Kind, of uint64) {
		if takes(k) {
			n += of
		}
	})
	return n, err
}

// Positions returns where the messages lie that are of the kinds that are taken, in
// order, from one position to another.
func (v *View) Positions(ctx context.Context, log string, store domain.StoreID, takes func(*search.Kind) bool, from, to domain.Position) ([]domain.Position, error) {
	var ids []int64
	err := v.kinds(ctx, log, store, "", "", func(id int64, k *search.Kind, _ uint64) {
		if takes(k) {
			ids = append(ids, id)
		}
	})
	if err != nil {
		return nil, err
	}
	var out []domain.Position
	for _, id := range ids {
		err := v.rows(ctx, "SELECT positions FROM stretch WHERE kind = ? AND last >= ? AND first <= ?", []any{id, int64(from), int64(to)}, func(rows *sql.Rows) error {
			var b sql.RawBytes
			if err := rows.Scan(&b); err != nil {
				return err
			}
			at, err := search.Positions(b)
			if err != nil {
				return &DamagedError{err}
			}
			for _, p := range at {
				if p >= from && p <= to {
					out = append(out, p)
				}
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	slices.Sort(out)
	return out, nil
}

// Letters calls each with the dead letters of a store, oldest first.
func (v *View) Letters(ctx context.Context, store domain.StoreID, each func(*search.Letter)) error {
	return v.rows(ctx, "SELECT id, kind, day, state FROM letter WHERE store = ? ORDER BY id", []any{string(store)}, func(rows *sql.Rows) error {
		l := search.Letter{Store: store}
		if err := rows.Scan(&l.ID, &l.Kind, &l.Day, &l.State); err != nil {
			return err
		}
		each(&l)
		return nil
	})
}

// Totals counts the rows.
func (v *View) Totals(ctx context.Context) (t search.Totals, err error) {
	err = v.tx.QueryRowContext(ctx, "SELECT (SELECT count(*) FROM product), (SELECT count(*) FROM kind), (SELECT count(*) FROM letter)").Scan(&t.Products, &t.Kinds, &t.Letters)
	if err != nil {
		return t, fmt.Errorf("read the search index: %w", err)
	}
	return t, nil
}

// Digest is one hash over all that the index holds, of sheets over their hashes, and over
// nothing of how it came to be: two that hold the same have the same.
func (v *View) Digest(ctx context.Context) (projections.Hash, error) {
	h := sha256.New()
	row := func(values ...any) error {
		b, err := json.Marshal(values)
		h.Write(append(b, '\n'))
		return err
	}
	err := v.rows(ctx, "SELECT store, product, position, state, name, brand, stock, low, prices, words FROM product ORDER BY store, product", nil, func(rows *sql.Rows) error {
		var store, product string
		var s stored
		if err := rows.Scan(&store, &product, &s.position, &s.state, &s.name, &s.brand, &s.stock, &s.low, &s.prices, &s.words); err != nil {
			return err
		}
		return row("product", store, product, s.position, s.state, s.name, s.brand, s.stock, s.low, s.prices, s.words)
	})
	if err != nil {
		return projections.Hash{}, err
	}
	err = v.rows(ctx, "SELECT store, product, t.rowid IS NULL FROM product p LEFT JOIN product_text t ON t.rowid = p.id WHERE t.rowid IS NULL AND p.words <> ''", nil, func(rows *sql.Rows) error {
		return &DamagedError{fmt.Errorf("a product cannot be found by its words")}
	})
	if err != nil {
		return projections.Hash{}, err
	}
	// The stretches of a kind may be cut otherwise; what they hold may not differ.
	err = v.rows(ctx, `SELECT log, store, recorded, happened, type, source, actor, k.n, positions FROM kind k JOIN stretch s ON s.kind = k.id
		ORDER BY log, store, recorded, happened, type, source, actor, first`, nil, func(rows *sql.Rows) error {
		var k search.Kind
		var n uint64
		var b []byte
		if err := rows.Scan(&k.Log, &k.Store, &k.Recorded, &k.Happened, &k.Type, &k.Source, &k.Actor, &n, &b); err != nil {
			return err
		}
		at, err := search.Positions(b)
		if err != nil {
			return &DamagedError{err}
		}
		for _, p := range at {
			if err := row("event", k, n, p); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return projections.Hash{}, err
	}
	err = v.rows(ctx, "SELECT id, store, kind, day, state FROM letter ORDER BY id", nil, func(rows *sql.Rows) error {
		var l search.Letter
		if err := rows.Scan(&l.ID, &l.Store, &l.Kind, &l.Day, &l.State); err != nil {
			return err
		}
		return row("letter", l)
	})
	if err != nil {
		return projections.Hash{}, err
	}
	err = v.rows(ctx, "SELECT log, n, hash FROM sheet ORDER BY log, n", nil, func(rows *sql.Rows) error {
		var log string
		var n int64
		var hash []byte
		if err := rows.Scan(&log, &n, &hash); err != nil {
			return err
		}
		return row("sheet", log, n, hash)
	})
	if err != nil {
		return projections.Hash{}, err
	}
	return projections.Hash(h.Sum(nil)), nil
}
