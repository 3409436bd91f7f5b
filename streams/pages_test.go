package streams_test

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/streams"
	"github.com/tillstream/tillstream/streams/streamstest"
)

// TestBucket_PutPages: what pages and single writes behind them hold is what a map would,
// by key and as a whole.
func TestBucket_PutPages(t *testing.T) {
	t.Parallel()
	c := streamstest.Start(t)
	epoch := uint64(0)
	rapid.Check(t, func(r *rapid.T) {
		epoch++
		if err := c.EnsureProducts(t.Context(), epoch); err != nil {
			t.Fatal(err)
		}
		b := c.Products(epoch)
		want, pages := map[streams.Key]string{}, map[streams.Key]uint64{}
		keys := []streams.Key{}
		value := func() []byte {
			return bytes.Repeat([]byte{byte(len(keys))}, rapid.SampledFrom([]int{0, 1, 500, 3000, 200_000}).Draw(r, "size"))
		}
		for range rapid.IntRange(1, 3).Draw(r, "rounds") {
			fresh := make([]streams.Entry, rapid.SampledFrom([]int{0, 1, 2, 65, 130}).Draw(r, "new"))
			for i := range fresh {
				store := domain.StoreID(rapid.SampledFrom([]string{"demo", "mill"}).Draw(r, "store"))
				fresh[i] = streams.Entry{Key: streams.MakeKey(store, fmt.Sprintf("weird.*> %d", len(keys))), Value: value()}
				keys = append(keys, fresh[i].Key)
			}
			if err := b.PutPages(t.Context(), fresh); err != nil {
				t.Fatal(err)
			}
			for _, e := range fresh {
				want[e.Key], pages[e.Key] = string(e.Value), e.Page
			}
			for range min(len(keys), rapid.IntRange(0, 5).Draw(r, "overwritten")) {
				k, v := rapid.SampledFrom(keys).Draw(r, "key"), value()
				if err := b.PutAll(t.Context(), []streams.Entry{{Key: k, Value: v}}); err != nil {
					t.Fatal(err)
				}
				want[k], pages[k] = string(v), 0
			}
		}
		all, mill, seen := map[streams.Key]string{}, map[streams.Key]string{}, map[streams.Key]uint64{}
		for store, got := range map[domain.StoreID]map[streams.Key]string{"": all, "mill": mill} {
			if err := b.Scan(t.Context(), store, 0, func(e streams.Entry) error {
				if got[e.Key], seen[e.Key] = string(e.Value), e.Page; e.Page != 0 && e.Page != e.Revision {
					t.Errorf("%s lies in page %d and has revision %d", e.Key, e.Page, e.Revision)
				}
				return nil
			}); err != nil {
				t.Fatal(err)
			}
		}
		if diff := cmp.Diff(want, all); diff != "" {
			r.Fatalf("the bucket differs (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(pages, seen); diff != "" {
			r.Fatalf("pages as put and as scanned (-put +scanned):\n%s", diff)
		}
		for k, page := range pages {
			if store, _, _ := k.Parts(); store == "mill" {
				if mill[k] != want[k] {
					r.Fatalf("%s differs in a scan of its store", k)
				}
				delete(mill, k)
			}
			get := func() (streams.Entry, error) { return b.Get(t.Context(), k) }
			if page > 0 {
				get = func() (streams.Entry, error) { return first(b.FromPage(t.Context(), page, k)) }
			}
			if e, err := get(); err != nil || string(e.Value) != want[k] || e.Key != k || e.Page != page {
				r.Fatalf("got %s of page %d with %d bytes, %v; want page %d and %d bytes", e.Key, e.Page, len(e.Value), err, page, len(want[k]))
			}
		}
		if len(mill) > 0 {
			r.Fatalf("a scan of one store gave %d values of another", len(mill))
		}
		if err := c.DropProducts(t.Context(), epoch); err != nil {
			t.Fatal(err)
		}
	})
}

func TestBucket_FromPage(t *testing.T) {
	t.Parallel()
	c := streamstest.Start(t)
	if err := c.EnsureProducts(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	b := c.Products(1)
	entries := make([]streams.Entry, 130)
	for i := range entries {
		entries[i] = streams.Entry{Key: streams.MakeKey("demo", fmt.Sprint(i)), Value: []byte("v")}
	}
	if err := b.PutPages(t.Context(), entries); err != nil {
		t.Fatal(err)
	}
	if n, err := b.Len(t.Context()); err != nil || n != 3 {
		t.Errorf("%d messages, %v; want 3", n, err)
	}
	if got, err := b.Stores(t.Context()); err != nil || !cmp.Equal(got, []domain.StoreID{"demo"}) {
		t.Errorf("stores %v, %v; want demo", got, err)
	}
	for _, tt := range []struct {
		page uint64
		key  streams.Key
	}{{entries[0].Page, entries[129].Key}, {9, entries[0].Key}} {
		if _, err := b.FromPage(t.Context(), tt.page, tt.key); !errors.Is(err, domain.ErrNotFound) {
			t.Errorf("%s in page %d: got error %v, want not found", tt.key, tt.page, err)
		}
	}
}

// first is of what was asked for one key.
func first(found []streams.Entry, err error) (streams.Entry, error) {
	if err != nil {
		return streams.Entry{}, err
	}
	return found[0], nil
}
