package streams_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/streams"
	"github.com/tillstream/tillstream/streams/streamstest"
)

func ptr[T any](v T) *T { return &v }

func scan(t *testing.T, b *streams.Bucket, store domain.StoreID) map[streams.Key]string {
	t.Helper()
	got := map[streams.Key]string{}
	revision := uint64(0)
	if err := b.Scan(t.Context(), store, 0, func(e streams.Entry) error {
		if e.Revision <= revision {
			t.Errorf("entry %s of revision %d follows revision %d", e.Key, e.Revision, revision)
		}
		revision, got[e.Key] = e.Revision, string(e.Value)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return got
}

func TestBucket_Stores(t *testing.T) {
	t.Parallel()
	c := streamstest.Start(t)
	b := c.Publications()
	for _, k := range []streams.Key{streams.CheckpointKey(), streams.MakeKey("mill", "a"), streams.MakeKey("harbour", "weird.*> id"), streams.MakeKey("mill", "b")} {
		if _, err := b.Put(t.Context(), k, nil, nil); err != nil {
			t.Fatal(err)
		}
	}
	got, err := b.Stores(t.Context())
	if diff := cmp.Diff([]domain.StoreID{"harbour", "mill"}, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if got, err := c.Products(9).Stores(t.Context()); err != nil || len(got) != 0 {
		t.Errorf("of a bucket that does not exist: %v, %v", got, err)
	}
}

func TestBucket_Put(t *testing.T) {
	t.Parallel()
	b := streamstest.Start(t).Publications()
	k := streams.MakeKey("demo", "weird.*> id")
	if _, err := b.Get(t.Context(), k); !errors.Is(err, domain.ErrNotFound) {
		t.Fatalf("got error %v, want not found", err)
	}
	steps := []struct {
		value    string
		expect   *uint64
		revision uint64
		want     error
	}{
		{"first", ptr[uint64](0), 1, nil},
		{"again", ptr[uint64](0), 0, domain.ErrConflict},
		{"second", ptr[uint64](1), 2, nil},
		{"late", ptr[uint64](1), 0, domain.ErrConflict},
		{"", nil, 3, nil},
	}
	for _, s := range steps {
		got, err := b.Put(t.Context(), k, []byte(s.value), s.expect)
		if got != s.revision || !errors.Is(err, s.want) {
			t.Errorf("put %q: got revision %d, %v; want %d, %v", s.value, got, err, s.revision, s.want)
		}
	}
	if e, err := b.Get(t.Context(), k); err != nil || e.Revision != 3 || len(e.Value) != 0 || e.Key != k {
		t.Errorf("got %+v, %v; want the empty value of revision 3", e, err)
	}
	if n, err := b.Len(t.Context()); err != nil || n != 1 {
		t.Errorf("got %d keys, %v; want 1", n, err)
	}
}

func TestBucket_PutAll(t *testing.T) {
	t.Parallel()
	c := streamstest.Start(t)
	b := c.Products(1)
	if err := b.PutAll(t.Context(), []streams.Entry{{Key: streams.CheckpointKey()}}); err == nil {
		t.Fatal("put into a bucket that does not exist")
	}
	if err := c.EnsureProducts(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	if got := scan(t, b, ""); len(got) != 0 {
		t.Fatalf("an empty bucket holds %v", got)
	}
	if err := b.PutAll(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	want, ofOther := map[streams.Key]string{}, map[streams.Key]string{}
	var entries []streams.Entry
	put := func(k streams.Key, v string) {
		entries = append(entries, streams.Entry{Key: k, Value: []byte(v)})
		want[k] = v
	}
	for i := range 10_000 { // more than is in flight at once, each key twice
		put(streams.MakeKey("demo", fmt.Sprint("p-", i%5_000)), fmt.Sprint("v-", i))
	}
	put(streams.MakeKey("other", "p-1"), "o")
	ofOther[streams.MakeKey("other", "p-1")] = "o"
	put(streams.CheckpointKey(), "10000")
	if err := b.PutAll(t.Context(), entries); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, scan(t, b, "")); diff != "" {
		t.Errorf("the bucket differs (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(ofOther, scan(t, b, "other")); diff != "" {
		t.Errorf("one store differs (-want +got):\n%s", diff)
	}
	if e, err := b.Get(t.Context(), streams.CheckpointKey()); err != nil || e.Revision != uint64(len(entries)) {
		t.Errorf("the checkpoint has revision %d, %v; want %d, the last", e.Revision, err, len(entries))
	}
	t.Run("ErrContextEnd", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := b.Put(ctx, streams.CheckpointKey(), nil, nil); !errors.Is(err, context.Canceled) {
			t.Errorf("put: got error %v, want the context's", err)
		}
	})
	t.Run("ErrOfCaller", func(t *testing.T) {
		stop := errors.New("stop")
		if err := b.Scan(t.Context(), "", 0, func(streams.Entry) error { return stop }); err != stop {
			t.Errorf("got error %v, want the caller's own", err)
		}
	})
}

// A stretch has a key of its own, which is unlike that of any state.
func TestBucket_stretches(t *testing.T) {
	t.Parallel()
	c := streamstest.Start(t)
	b := c.Publications().Snapshots()
	want := map[domain.Key]string{}
	var all []domain.Entry
	for _, id := range []string{"a", "1", "weird.*> id+2"} {
		for n := range uint64(13) {
			k := domain.Key{Store: "mill", ID: id, Stretch: n}
			want[k] = fmt.Sprint(id, " ", n)
			all = append(all, domain.Entry{Key: k, Value: []byte(want[k])})
		}
	}
	if err := b.PutAll(t.Context(), all); err != nil {
		t.Fatal(err)
	}
	for k, value := range want {
		if got, err := b.Get(t.Context(), k); err != nil || string(got.Value) != value || got.Key != k {
			t.Errorf("%+v has %+v, %v, want %q", k, got, err, value)
		}
	}
	got := map[domain.Key]string{}
	if err := b.Scan(t.Context(), "", 0, func(e domain.Entry) error { got[e.Key] = string(e.Value); return nil }); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("a scan finds otherwise (-want +got):\n%s", diff)
	}
	if _, err := b.Get(t.Context(), domain.Key{Store: "mill", ID: "a", Stretch: 13}); !errors.Is(err, domain.ErrNotFound) {
		t.Errorf("a stretch that was never put: %v", err)
	}
	for _, bad := range []streams.Key{"mill.+0+a", "mill.+01+a", "mill.+x+a", "mill.+1", "mill.+1+", "mill.+1+=YQ", "_.+1+a"} {
		t.Run(string(bad), func(t *testing.T) {
			t.Parallel()
			b := streamstest.Start(t).Publications()
			if _, err := b.Put(t.Context(), bad, nil, nil); err != nil {
				t.Fatal(err)
			}
			if err := b.Snapshots().Scan(t.Context(), "", 0, func(domain.Entry) error { return nil }); err == nil {
				t.Error("it is taken for a key")
			}
		})
	}
}
