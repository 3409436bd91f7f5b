package project_test

import (
	"testing"
	"time"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/streams"
	"github.com/tillstream/tillstream/streams/streamstest"
)

// TestHandler_againAfterTheWindow: events that are sent again when the log has
// forgotten their ids are recorded again, and change nothing, whether readings or
// quantities move the stock.
func TestHandler_againAfterTheWindow(t *testing.T) {
	t.Parallel()
	const window = 100 * time.Millisecond
	w := &world{
		conn:  streamstest.Start(t, streamstest.WithConfig(func(c *streams.Config) { c.DuplicateWindow = window })),
		known: map[domain.StoreID]bool{"demo": true, "moves": true},
	}
	w.start(t, 1)
	events := func(store domain.StoreID) []domain.Envelope {
		all := []domain.Envelope{
			envelope(t, 1, domain.TypeProductSaved, `{"item":"i-1","sku":"s-1","name":"Shirt"}`),
			envelope(t, 2, domain.TypeStockLevelReported, `{"item":"i-1","outlet":"Quayside","on_hand":"9"}`),
			envelope(t, 3, domain.TypeItemSold, `{"item":"i-1","outlet":"Quayside","quantity":"2","sale":"1","line":"1"}`),
			envelope(t, 4, domain.TypeItemRefunded, `{"item":"i-1","outlet":"Quayside","quantity":"1","sale":"2","line":"1"}`),
			envelope(t, 5, domain.TypeStockCounted, `{"item":"i-1","outlet":"Mill Lane","on_hand":"4","count":"c"}`),
		}
		for i := range all {
			all[i].ID += domain.EventID("-" + store) // an id is one event's, whatever the store
		}
		return all
	}
	state := func(store domain.StoreID) domain.Product {
		p, err := w.catalog.Product(t.Context(), store, "i-1")
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	stores := []domain.StoreID{"demo", "moves"}
	before := map[domain.StoreID]domain.Product{}
	for _, store := range stores {
		appended, err := w.conn.POS().Append(t.Context(), store, events(store))
		if err != nil {
			t.Fatal(err)
		}
		w.await(t, appended[len(appended)-1].Position)
		before[store] = state(store)
	}
	for _, store := range stores {
		for _, e := range events(store) {
			w.await(t, w.forgotten(t, store, e))
		}
		got := state(store)
		// Where readings move the stock, a sale that is older than another is superseded.
		n, idle := uint64(len(events(store))), got.Tally.Duplicate+got.Tally.Superseded
		if idle < n || got.Tally.Duplicate < n-1 || got.Tally.Folded != before[store].Tally.Folded {
			t.Errorf("%s: %+v, want %d more that change nothing than %+v", store, got.Tally, n, before[store].Tally)
		}
		// How far it is and what came of it are all that may differ, and nothing is pushed.
		want := before[store]
		want.Position, want.Tally = got.Position, got.Tally
		for i := range want.Items {
			want.Items[i].Trail = got.Items[i].Trail
		}
		diff(t, string(store), got, want)
	}
	diff(t, "dead letters", w.letters(t), []string(nil))
}

// forgotten appends an event until it is recorded anew, which is some time after the
// window, and returns where.
func (w *world) forgotten(t *testing.T, store domain.StoreID, e domain.Envelope) domain.Position {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; {
		appended, err := w.conn.POS().Append(t.Context(), store, []domain.Envelope{e})
		if err != nil {
			t.Fatal(err)
		}
		if !appended[0].Duplicate {
			return appended[0].Position
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s is still remembered", e.ID)
		}
	}
}
