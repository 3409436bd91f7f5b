package index_test

import (
	"context"
	"fmt"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/index"
	"github.com/tillstream/tillstream/projections/search"
	"github.com/tillstream/tillstream/projections/search/sqlite"
	"github.com/tillstream/tillstream/streams"
)

// agrees wants the index to answer as the snapshots and the logs do.
func (w *world) agrees(t *testing.T) {
	t.Helper()
	w.caughtUp(t)
	for range 12 {
		f, limit := w.filter(t), 1+w.random.IntN(4)
		for {
			got, ok := w.index.Products(t.Context(), store, &f, limit)
			want, err := search.Scan(t.Context(), w.source, store, &f, limit)
			if err != nil || !ok {
				t.Fatalf("scanned with %v, the index answers: %v", err, ok)
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Fatalf("filter %+v (-snapshots +index)\n%s", f, d)
			}
			if !got.More {
				break
			}
			f.After = &got.Places[len(got.Places)-1]
		}
	}
	for _, log := range []*streams.Log{w.conn.POS(), w.conn.Sync()} {
		ask := search.Ask{Log: log.Name(), Store: store, Happened: w.random.IntN(2) == 0, By: []search.Dimension{search.ByDay, search.ByType, search.BySource, search.ByActor}[w.random.IntN(4):]}
		if w.random.IntN(2) == 0 {
			ask.Types, ask.Source, ask.Actor = []string{"pos.stock", "sync"}, w.pick("", "/till", "/test"), w.pick("", "ann")
		}
		counted, said := search.NewTally(&ask), search.NewTally(&ask)
		var where, at []domain.Position
		last := domain.Position(0)
		err := log.Read(t.Context(), streams.Query{}, func(m streams.Message) error {
			rec, err := m.Recorded()
			k := search.KindOf(log.Name(), &rec, err)
			counted.Add(&k, 1)
			if last = m.Position; ask.Takes(&k) {
				where = append(where, m.Position)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if !w.index.Messages(t.Context(), func(v *sqlite.View) (err error) {
			if err := v.Kinds(t.Context(), ask.Log, store, "", "", said.Add); err != nil {
				return err
			}
			at, err = v.Positions(t.Context(), ask.Log, store, ask.Takes, 1, last)
			return err
		}) {
			t.Fatal("the index does not answer")
		}
		if d := cmp.Diff(counted.Counts(), said.Counts()) + cmp.Diff(where, at); d != "" {
			t.Fatalf("%+v (-log +index)\n%s", ask, d)
		}
	}
}

// TestHandler: whatever happens, however the transactions are cut, and wherever it is
// killed between them, the index answers as the snapshots and the logs do; and made anew
// it holds, to the byte, what it held.
func TestHandler(t *testing.T) {
	t.Parallel()
	for seed := range uint64(3) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, seed)
			running := false
			for step := range 150 {
				if w.random.IntN(3) == 0 {
					w.sync(t)
				} else {
					w.pos(t)
				}
				switch w.random.IntN(12) {
				case 0, 1:
					w.stop()
					w.group, w.page = 1+w.random.IntN(20), 1+w.random.IntN(5)
					w.start(t)
					running = true
				case 2:
					w.stop()
					running = false
				case 3:
					if step%5 == 0 {
						w.another(t)
					}
				case 4:
					if running {
						w.agrees(t)
					}
				}
			}
			w.stop()
			w.start(t)
			w.agrees(t)
			live := w.sum(t)
			anew, err := w.index.Renew(t.Context(), func(index.Progress) {})
			if err != nil {
				t.Fatal(err)
			}
			w.caughtUp(t)
			if anew = w.sum(t); anew.Digest != live.Digest || anew.Totals != live.Totals {
				t.Errorf("live it holds %+v, made anew %+v", live, anew)
			}
			w.agrees(t)
		})
	}
}

// TestHandler_file: a file that is gone, damaged, in use, or of another log is no reason
// for anything to fail.
func TestHandler_file(t *testing.T) {
	t.Parallel()
	filled := func(t *testing.T) *world {
		w := newWorld(t, 7)
		w.start(t)
		for range 30 {
			w.pos(t)
		}
		w.agrees(t)
		w.stop()
		return w
	}
	for name, spoil := range map[string]func(*testing.T, *world){
		"Gone":    func(t *testing.T, w *world) { must(t, os.Remove(w.file)) },
		"Damaged": func(t *testing.T, w *world) { must(t, os.Truncate(w.file, 9000)) },
		"OtherLog": func(t *testing.T, w *world) {
			other := filled(t)
			b, err := os.ReadFile(other.file)
			must(t, err)
			must(t, os.WriteFile(w.file, b, 0o600))
		},
		"LongerLog": func(t *testing.T, w *world) {
			x, _, err := sqlite.Open(t.Context(), w.file, true)
			must(t, err)
			at, err := x.Standing(t.Context())
			must(t, err)
			at.POS.Position += 100
			must(t, x.Apply(t.Context(), &sqlite.Batch{Standing: at}))
			must(t, x.Close())
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := filled(t)
			spoil(t, w)
			if s := index.New(w.file, w.source, w.conn, w.epoch.Load).Status(); !s.Opening || !s.Building {
				t.Errorf("before it runs: %+v", s)
			}
			w.start(t)
			w.agrees(t)
			if s := w.index.Status(); s.Problem != "" || s.Lag != 0 || s.Building {
				t.Errorf("status %+v", s)
			}
		})
	}
	t.Run("DamagedWhileInUse", func(t *testing.T) {
		t.Parallel()
		w := filled(t)
		x, _, err := sqlite.Open(t.Context(), w.file, true)
		must(t, err)
		at, err := x.Standing(t.Context())
		must(t, err)
		must(t, x.Close())
		w.start(t)
		w.caughtUp(t)
		// What is read from now on is not what was written.
		b, err := os.ReadFile(w.file)
		must(t, err)
		for i := 100; i < len(b); i++ {
			b[i] = 0xff
		}
		must(t, os.Truncate(w.file+"-wal", 0))
		f, err := os.OpenFile(w.file, os.O_WRONLY, 0)
		must(t, err)
		_, err = f.WriteAt(b, 0)
		must(t, err)
		must(t, f.Close())
		w.pos(t)
		w.agrees(t)
		if s := w.index.Status(); s.Position <= at.POS.Position {
			t.Errorf("status %+v, and it stood at %+v before", s, at)
		}
	})
	t.Run("InUse", func(t *testing.T) {
		t.Parallel()
		w := filled(t)
		x, _, err := sqlite.Open(t.Context(), w.file, true)
		must(t, err)
		w.start(t)
		if _, err := w.index.Renew(t.Context(), func(index.Progress) {}); err == nil {
			t.Error("a file that another has was made anew")
		}
		if s := w.index.Status(); s.Problem == "" {
			t.Errorf("status %+v", s)
		}
		f := search.Filter{Sort: search.ByName}
		if _, ok := w.index.Products(t.Context(), store, &f, 1); ok {
			t.Error("there is no index, and it answers")
		}
		must(t, x.Close())
		w.agrees(t)
	})
}

// TestHandler_Look: what is replaced without an event is in the index of the next process,
// though this one is told to end before it has looked.
func TestHandler_Look(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 11)
	var looking atomic.Bool
	reached, goOn := make(chan struct{}), make(chan struct{})
	h := index.New(w.file, w.source, w.conn, func() uint64 {
		if looking.CompareAndSwap(true, false) {
			reached <- struct{}{}
			<-goOn
		}
		return w.epoch.Load()
	})
	h.Own, h.Linger = true, time.Millisecond
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { h.Run(ctx); close(ended) }()
	w.index = h
	for range 30 {
		w.pos(t)
	}
	w.agrees(t)

	found, ok := w.index.Products(t.Context(), store, &search.Filter{Sort: search.ByName}, 1)
	if !ok || len(found.Places) != 1 {
		t.Fatalf("found %+v, %v", found, ok)
	}
	p, err := w.source.Catalog.Product(t.Context(), store, found.Places[0].Product)
	must(t, err)
	p.Family.Name = "Replaced " + p.Family.Name
	must(t, w.source.Catalog.Replace(t.Context(), []domain.Product{p}, nil))
	looking.Store(true)
	h.Look(store, p.ID)
	<-reached
	cancel()
	close(goOn)
	<-ended
	w.start(t)
	w.caughtUp(t)
	text, err := search.ParseText("replaced")
	must(t, err)
	found, ok = w.index.Products(t.Context(), store, &search.Filter{Text: text}, 1)
	if !ok || len(found.Places) != 1 || found.Places[0].Product != p.ID {
		t.Errorf("found %+v, %v", found, ok)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
