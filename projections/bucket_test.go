package projections_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/projections"
)

// bucket is a bucket in memory that keeps every write, so that a test can look at
// what was there after any of them.
type bucket struct {
	mu     sync.Mutex
	writes []domain.Entry
	newest map[domain.Key]int // place in writes
	gets   int
	fail   func(write int) error // asked before each write
}

var _ projections.Bucket = (*bucket)(nil)

func newBucket(writes ...domain.Entry) *bucket {
	b := &bucket{newest: map[domain.Key]int{}}
	for _, e := range writes {
		b.put(e)
	}
	return b
}

func (b *bucket) put(e domain.Entry) {
	e.Revision = cmp.Or(e.Page, uint64(len(b.writes)+1))
	b.newest[e.Key] = len(b.writes)
	b.writes = append(b.writes, e)
}

func (b *bucket) Get(_ context.Context, key domain.Key) (domain.Entry, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.gets++
	i, ok := b.newest[key]
	if !ok || b.writes[i].Page > 0 {
		return domain.Entry{}, domain.ErrNotFound
	}
	return b.writes[i], nil
}

func (b *bucket) FromPage(_ context.Context, page uint64, keys ...domain.Key) ([]domain.Entry, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.gets++
	var found []domain.Entry
	for _, key := range keys {
		i := slices.IndexFunc(b.writes, func(e domain.Entry) bool { return e.Page == page && e.Key == key })
		if i < 0 {
			return nil, domain.ErrNotFound
		}
		found = append(found, b.writes[i])
	}
	return found, nil
}

func (b *bucket) PutAll(_ context.Context, entries []domain.Entry) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.putAll(entries)
}

func (b *bucket) putAll(entries []domain.Entry) error {
	for _, e := range entries {
		if b.fail != nil {
			if err := b.fail(len(b.writes)); err != nil {
				return err
			}
		}
		e.Value = slices.Clone(e.Value)
		b.put(e)
	}
	return nil
}

// PutPages makes pages of two, the last of which may be one value by itself.
func (b *bucket) PutPages(_ context.Context, entries []domain.Entry) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	for two := range slices.Chunk(entries, 2) {
		for i := range two {
			if len(two) > 1 {
				two[i].Page = uint64(len(b.writes)-i) + 1
			}
			if err := b.putAll(two[i : i+1]); err != nil {
				return err
			}
		}
	}
	return nil
}

func (b *bucket) Scan(_ context.Context, store domain.StoreID, after uint64, each func(domain.Entry) error) error {
	for i, e := range b.writes {
		if e.Revision <= after || b.newest[e.Key] != i && e.Page == 0 || store != "" && e.Key.Store != store {
			continue
		}
		if err := each(e); err != nil {
			return err
		}
	}
	return nil
}

// Extent is that of a bucket that was made in the year of the first event.
func (b *bucket) Extent(context.Context) (domain.Extent, error) {
	return domain.Extent{Created: start, Revision: uint64(len(b.writes)), Messages: uint64(len(b.newest))}, nil
}

// cut is the bucket as a crash after n writes left it.
func (b *bucket) cut(n int) *bucket { return newBucket(b.writes[:n]...) }

// snapshots are the product values, by key.
func (b *bucket) snapshots() map[domain.Key]string {
	return b.values(func(k domain.Key) bool { return k != domain.Key{} && k.Stretch == 0 })
}

// stretches are what the trails have let go of, by key.
func (b *bucket) stretches() map[domain.Key]string {
	return b.values(func(k domain.Key) bool { return k.Stretch > 0 })
}

// failOnce makes one write fail, and says then that it has.
func (b *bucket) failOnce(n int) *bool {
	failed := false
	b.fail = func(write int) error {
		if write != n || failed {
			return nil
		}
		failed = true
		return errors.New("away")
	}
	return &failed
}

// folded is a bucket into which a history was folded that was stored after every so many
// events, and at its end. A write that fails is made good by a later one.
func (b *bucket) folded(t testing.TB, history log, every int) *projections.Catalog {
	t.Helper()
	c := open(t, b)
	for i, rec := range history {
		fold(t, c, rec)
		if (i+1)%every > 0 {
			continue
		}
		if err := c.Flush(t.Context()); err != nil && b.fail == nil {
			t.Fatal(err)
		}
	}
	if c.Flush(t.Context()) != nil {
		flush(t, c)
	}
	return c
}

func (b *bucket) values(of func(domain.Key) bool) map[domain.Key]string {
	out := map[domain.Key]string{}
	for key, i := range b.newest {
		if of(key) {
			out[key] = string(b.writes[i].Value)
		}
	}
	return out
}

// log is a log in memory. Position 1 is its first event.
type log []domain.Recorded

var _ projections.Log = log(nil)

func (l log) Last(context.Context) (domain.Position, error) {
	if len(l) == 0 {
		return 0, nil
	}
	return l[len(l)-1].Position, nil
}

func (l log) Read(_ context.Context, store domain.StoreID, id string, from, to domain.Position, each func(domain.Recorded, error) error) error {
	for _, rec := range l {
		if rec.Position < from || to > 0 && rec.Position > to || store != "" && rec.Store != store || id != "" && rec.Subject != id {
			continue
		}
		var err error
		if rec.Type == "" {
			err = errors.New("no event")
		}
		if err := each(rec, err); err != nil {
			return err
		}
	}
	return nil
}

// start is when the first event of a test happens.
var start = time.Date(2026, 11, 1, 10, 0, 0, 0, time.UTC)

// event makes the data of an event from JSON.
func event(t testing.TB, typ domain.Type, data string) domain.Event {
	t.Helper()
	e, err := domain.DecodeEvent(typ, []byte(data))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// record appends an event to a log.
func (l *log) record(t testing.TB, store domain.StoreID, id string, version uint64, at time.Time, e domain.Event) {
	t.Helper()
	envelope, err := domain.NewEnvelope(domain.EventID(id), "/test", at, e)
	if err != nil {
		t.Fatal(err)
	}
	envelope.SourceVersion = version
	*l = append(*l, domain.Recorded{Envelope: envelope, Store: store, Position: domain.Position(len(*l) + 1), RecordedAt: at})
}

// add appends an event with the next version and second.
func (l *log) add(t testing.TB, typ domain.Type, format string, args ...any) {
	t.Helper()
	n := len(*l) + 1
	l.record(t, "demo", fmt.Sprintf("e-%d", n), uint64(n), start.Add(time.Duration(n)*time.Second), event(t, typ, fmt.Sprintf(format, args...)))
}

func levels(domain.StoreID) domain.StockMode { return domain.StockLevels }

func open(t testing.TB, b *bucket) *projections.Catalog {
	t.Helper()
	c, err := projections.OpenCatalog(t.Context(), b, levels, 0)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// fold folds the events behind the catalog's position.
func fold(t testing.TB, c *projections.Catalog, events ...domain.Recorded) {
	t.Helper()
	for _, rec := range events {
		if rec.Position <= c.Position() {
			continue
		}
		e, err := rec.Event()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Fold(t.Context(), rec, e); projections.IsUnfoldable(err) {
			c.Advance(rec.Position)
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

func flush(t testing.TB, c *projections.Catalog) {
	t.Helper()
	if err := c.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func diff(t testing.TB, what string, got, want any) {
	t.Helper()
	if d := gocmp.Diff(want, got); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

func jsonOf(t testing.TB, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
