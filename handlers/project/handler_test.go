package project_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/streams"
	"github.com/tillstream/tillstream/streams/streamstest"
)

func TestHandler_Run(t *testing.T) {
	t.Parallel()
	t.Run("OKInOrderAndAgainAfterARestart", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		var last domain.Position
		some := func(n int) {
			for range n {
				i := w.events
				switch i % 3 {
				case 0:
					last = w.append(t, "demo", domain.TypeProductSaved, `{"item":"i-%d","sku":"s-%d","name":"Shirt","product":"p-%d"}`, i%7, i%7, i%4)
				default:
					last = w.append(t, "demo", domain.TypeStockLevelReported, `{"item":"i-%d","outlet":"Quayside","on_hand":"%d"}`, i%7, i)
				}
			}
		}
		some(60)
		w.await(t, last)
		w.stop(t)
		some(60)
		w.conn = streamstest.Restart(t, w.conn)
		w.start(t, 1)
		some(60)
		w.await(t, last)
		if got := w.handler.Stats(); got.Position != last || got.Stored != last || got.Lag != 0 || got.Tally.Folded != 120 {
			t.Errorf("stats are %+v, want everything behind position 60 folded", got)
		}
		w.stop(t)
		live := snapshots(t, w.bucket)
		w.start(t, 2)
		w.await(t, last)
		diff(t, "live snapshots against those of a rebuild", live, snapshots(t, w.bucket))
		if len(live) == 0 {
			t.Error("there are no snapshots")
		}
	})
	t.Run("OKStoresWhenItsContextEnds", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		last := w.append(t, "demo", domain.TypeProductDeleted, `{"item":"i-1"}`)
		w.await(t, last)
		w.stop(t)
		if got := w.catalog.Checkpoint(); got != last {
			t.Errorf("checkpoint is %d, want %d", got, last)
		}
	})
	t.Run("OKWaitsWhileTheBrokerIsAway", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		asked := make(chan struct{})
		problems := make(chan string, 1)
		tries := 0
		fail := func() error {
			tries++
			switch tries {
			case 1:
				close(asked)
				return &streams.UnavailableError{Reason: "the disk is full", Hint: "make room"}
			case 2:
				problems <- w.handler.Problem()
				return context.DeadlineExceeded
			}
			return nil
		}
		w.bucket.fail.Store(&fail)
		last := w.append(t, "demo", domain.TypeProductDeleted, `{"item":"i-1"}`)
		<-asked
		if p := <-problems; !strings.Contains(p, "the disk is full; make room") {
			t.Errorf("the problem is told as %q", p)
		}
		w.await(t, last)
		w.stop(t)
		if p := w.handler.Problem(); p != "" {
			t.Errorf("the problem is over and still told: %q", p)
		}
		if got, want := len(snapshots(t, w.bucket)), 1; got != want {
			t.Errorf("%d snapshots, want %d", got, want)
		}
	})
	t.Run("ErrNoHiccup", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		broken := errors.New("broken")
		fail := func() error { return broken }
		w.bucket.fail.Store(&fail)
		w.append(t, "demo", domain.TypeProductDeleted, `{"item":"i-1"}`)
		if err := <-w.ended; !errors.Is(err, broken) {
			t.Errorf("run ended with %v", err)
		}
		w.end()
		w.end = nil
	})
	t.Run("ErrDrain", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		asked := make(chan struct{}, 100)
		fail := func() error {
			asked <- struct{}{}
			return &streams.UnavailableError{Reason: "away"}
		}
		w.bucket.fail.Store(&fail)
		w.append(t, "demo", domain.TypeProductDeleted, `{"item":"i-1"}`)
		<-asked
		w.end()
		if err := <-w.ended; err == nil || !strings.Contains(err.Error(), "folds their events again") {
			t.Errorf("run ended with %v, want what could not be stored", err)
		}
		w.end = nil
	})
}

// poison are messages that cannot be used, with what becomes of each.
func poison(t testing.TB, w *world) (positions []domain.Position, letters, told []string) {
	t.Helper()
	sold := domain.TypeItemSold
	good := `{"item":"i-1","outlet":"Quayside","quantity":"1","sale":"s","line":"1"}`
	bad := headers("x-3", "i-1", sold)
	for _, p := range []struct {
		subject string
		header  map[string]string
		data    string
		kind    streams.Kind
		item    string // quarantined, with its product
	}{
		{"pos.demo.i-1", nil, "\x00\xff", streams.Undecodable, "i-1 of p-1"},
		{"pos.demo.i-1", headers("x-1", "i-1", sold), `{"item":"i-1","quantity":-1}`, streams.Invalid, "i-1 of p-1"},
		{"pos.demo.i-1", headers("x-2", "i-1", "pos.item.lost.v1"), `{}`, streams.UnknownType, "i-1 of p-1"},
		{"pos.demo.i-9", bad, good, streams.Undecodable, "i-9 of i-9"}, // another item's subject
		{"pos.demo.i-1", headers("x-4", "i-1", sold), strings.Replace(good, "i-1", "i-2", 1), streams.Invalid, "i-1 of p-1"},
		{"pos.demo.i-1", headers("x-5", "i-1", domain.TypePushRefused), `{"product":"i-1","position":1,"reason":"r"}`, streams.Invalid, "i-1 of p-1"},
		{"pos.other.i-1", headers("x-6", "i-1", sold), good, "unknown_store", ""},
		{"pos.DEMO.i-1", headers("x-7", "i-1", sold), good, streams.Undecodable, ""}, // no store at all
		{"pos.demo.=_w", headers("x-8", "i-1", sold), good, streams.Undecodable, ""}, // no id that an item can have
	} {
		at := w.publish(t, p.subject, p.header, p.data)
		positions = append(positions, at)
		letters = append(letters, fmt.Sprintf("%d: %s", at, p.kind))
		if p.item != "" {
			told = append(told, fmt.Sprintf("demo %s quarantined at %d", p.item, at))
		}
	}
	return positions, letters, told
}

func TestHandler_PutsAside(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.append(t, "demo", domain.TypeProductSaved, `{"item":"i-1","sku":"s","name":"Shirt","product":"p-1"}`)
	positions, letters, told := poison(t, w)
	last := w.append(t, "demo", domain.TypeStockLevelReported, `{"item":"i-1","outlet":"Quayside","on_hand":"7"}`)
	w.await(t, last)
	diff(t, "dead letters", w.letters(t), letters)
	diff(t, "SYNC log", w.told(t), told)
	if got, want := w.handler.Stats().DeadLetters, uint64(len(positions)); got != want {
		t.Errorf("%d messages were put aside, want %d", got, want)
	}
	p, err := w.catalog.Product(t.Context(), "demo", "p-1")
	if err != nil {
		t.Fatal(err)
	}
	if p.Position != last || p.Items[0].Stock[0].OnHand.String() != "7" {
		t.Errorf("a later event of the item was not folded: %+v", p)
	}
	letter, err := w.conn.DeadLetters().List(t.Context(), "demo", true)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string(letter[0].Original.Data), "\x00\xff"; got != want {
		t.Errorf("the letter holds %q, want the message whole, %q", got, want)
	}

	// What a crash repeats is not said twice, not even by a rebuild.
	w.stop(t)
	w.start(t, 2)
	w.await(t, last)
	diff(t, "dead letters after a rebuild", w.letters(t), letters)
	diff(t, "SYNC log after a rebuild", w.told(t), told)
}

// overflow makes an item of the store moves whose refund cannot be folded, and
// returns the refund's position.
func overflow(t testing.TB, w *world) domain.Position {
	t.Helper()
	w.append(t, "moves", domain.TypeStockLevelReported, `{"item":"i-1","outlet":"Quayside","on_hand":"999999999999"}`)
	at := w.append(t, "moves", domain.TypeItemRefunded, `{"item":"i-1","outlet":"Quayside","quantity":"1","sale":"s","line":"1"}`)
	w.await(t, at)
	diff(t, "SYNC log", w.told(t), []string{fmt.Sprintf("moves i-1 of i-1 quarantined at %d", at)})
	return at
}

func TestHandler_Requeue(t *testing.T) {
	t.Parallel()
	t.Run("OK", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		at := overflow(t, w)
		id := openLetter(t, w)

		// Not mended yet: the newer letter stands for the older.
		again, err := w.handler.Requeue(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		w.await(t, again)
		diff(t, "letters", w.letters(t), []string{fmt.Sprintf("%d: unfoldable requeued", at), fmt.Sprintf("%d: unfoldable", again)})

		// Mended: counted anew, before the refund at its source.
		count := envelope(t, 1, domain.TypeStockCounted, `{"item":"i-1","outlet":"Quayside","on_hand":"5","count":"c"}`)
		count.ID, count.Time = "count", count.Time.Add(500*time.Millisecond)
		if _, err := w.conn.POS().Append(t.Context(), "moves", []domain.Envelope{count}); err != nil {
			t.Fatal(err)
		}
		mended, err := w.handler.Requeue(t.Context(), openLetter(t, w))
		if err != nil {
			t.Fatal(err)
		}
		w.await(t, mended)
		want := []string{
			fmt.Sprintf("moves i-1 of i-1 quarantined at %d", at),
			fmt.Sprintf("moves i-1 of i-1 quarantined at %d", again),
			fmt.Sprintf("moves i-1 of i-1 released at %d", at),
			fmt.Sprintf("moves i-1 of i-1 released at %d", again),
		}
		diff(t, "SYNC log", w.told(t), want)
		if n, err := w.conn.DeadLetters().Open(t.Context()); len(n) != 0 || err != nil {
			t.Errorf("letters are open: %v, %v", n, err)
		}
		p, err := w.catalog.Product(t.Context(), "moves", "i-1")
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Items[0].Stock[0].OnHand.String(); got != "6" {
			t.Errorf("stock is %s, want 5 and the refunded 1", got)
		}
		if _, err := w.handler.Requeue(t.Context(), id); !errors.Is(err, domain.ErrConflict) {
			t.Errorf("requeueing a letter that is resolved: %v", err)
		}
		w.stop(t)
		w.start(t, 2) // the whole log again
		w.await(t, mended)
		diff(t, "SYNC log after a rebuild", w.told(t), want)
	})
	t.Run("OKAfterTheStoreIsConfigured", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		at := w.append(t, "late", domain.TypeProductDeleted, `{"item":"i-1"}`)
		w.await(t, at)
		if _, err := w.handler.Requeue(t.Context(), openLetter(t, w)); err == nil || !strings.Contains(err.Error(), "configure it") {
			t.Errorf("requeueing for a store that is unknown: %v", err)
		}
		w.stop(t)
		w.known["late"] = true
		w.start(t, 1)
		again, err := w.handler.Requeue(t.Context(), openLetter(t, w))
		if err != nil {
			t.Fatal(err)
		}
		w.await(t, again)
		diff(t, "letters", w.letters(t), []string{fmt.Sprintf("%d: unknown_store requeued", at)})
		diff(t, "SYNC log", w.told(t), []string(nil))
		if _, ok := w.catalog.Holder("late", "i-1"); !ok {
			t.Error("the event was not folded")
		}
	})
	t.Run("ErrStillNoEvent", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.await(t, w.publish(t, "pos.demo.i-1", nil, "no event"))
		_, err := w.handler.Requeue(t.Context(), openLetter(t, w))
		if err == nil || !strings.Contains(err.Error(), "still cannot be read") {
			t.Errorf("requeueing what is no event: %v", err)
		}
	})
	t.Run("ErrNotFound", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		if _, err := w.handler.Requeue(t.Context(), 7); !errors.Is(err, domain.ErrNotFound) {
			t.Errorf("requeueing a letter that is none: %v", err)
		}
	})
}

func TestHandler_Drop(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	at := overflow(t, w)
	id := openLetter(t, w)
	if err := w.handler.Drop(t.Context(), id, "a typing error"); err != nil {
		t.Fatal(err)
	}
	diff(t, "letters", w.letters(t), []string{fmt.Sprintf("%d: unfoldable dropped", at)})
	want := []string{fmt.Sprintf("moves i-1 of i-1 quarantined at %d", at), fmt.Sprintf("moves i-1 of i-1 released at %d", at)}
	diff(t, "SYNC log", w.told(t), want)
	if err := w.handler.Drop(t.Context(), id, "again"); !errors.Is(err, domain.ErrConflict) {
		t.Errorf("dropping it again: %v", err)
	}
	w.stop(t)
	w.start(t, 2)
	w.await(t, at)
	diff(t, "SYNC log after a rebuild", w.told(t), want)
}

// openLetter is the id of the only open letter.
func openLetter(t testing.TB, w *world) domain.Position {
	t.Helper()
	letters, err := w.conn.DeadLetters().List(t.Context(), "", true)
	if err != nil {
		t.Fatal(err)
	}
	if len(letters) != 1 {
		t.Fatalf("%d letters are open, want 1", len(letters))
	}
	return letters[0].ID
}
