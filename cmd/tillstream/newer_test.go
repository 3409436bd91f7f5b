package main

import (
	"log/slog"
	"testing"

	"github.com/google/go-cmp/cmp"
	natsgo "github.com/nats-io/nats.go"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/bigcommerce/simulator"
	"github.com/tillstream/tillstream/handlers/console"
	"github.com/tillstream/tillstream/projections"
)

// earlier is a version of the program that does not know yet that stock is adjusted.
func earlier() projections.Folding {
	return projections.Folding{
		Format: projections.SnapshotFormat - 1, Fold: domain.Fold,
		Knows: func(t domain.Type) bool { return t != domain.TypeStockAdjusted },
	}
}

// adjusted is a shop of shirts that such a version runs, to which an adapter has told,
// straight by way of the broker, that the stock of the first shirt was adjusted.
func adjusted(t *testing.T) *installation {
	in := installAs(t, earlier(), simulator.Config{}, func(c *Config) { c.Stores[0].Publish = "all" })
	for _, item := range []string{"i-00", "i-01"} {
		e := describedAs(item, item, "", 1)
		e.Name = "Shirt " + item
		in.happen(e)
	}
	in.settle()
	m := natsgo.NewMsg("pos.harbour.i-00")
	for name, value := range map[string]string{
		"ce-specversion": "1.0", "ce-id": "adjusted-1", "ce-source": "/foreign", "ce-type": string(domain.TypeStockAdjusted),
		"ce-subject": "i-00", "ce-time": "2025-11-02T09:00:00Z", "Nats-Msg-Id": "adjusted-1",
	} {
		m.Header[name] = []string{value}
	}
	m.Data = []byte(`{"item":"i-00","outlet":"Quayside","quantity":"4","on_hand":"4","adjustment":"a-1","reason":"found"}`)
	in.publish(in.adapter(), m)
	in.await("put aside", func() bool { return in.app.engine.Load().project.Stats().DeadLetters == 1 })
	return in
}

// stands is where a product stands, and how many letters are open.
func (in *installation) stands(ref string) string {
	state := string(in.product(ref).Publication.State)
	if letters := in.letters(); len(letters) > 0 {
		state += ", a letter: " + string(letters[0].Kind)
	}
	return state
}

// TestNewer: an event of a type that the program does not know stops its item and nothing
// else, and is folded where it stands once a newer program comes.
func TestNewer(t *testing.T) {
	t.Parallel()
	in := adjusted(t)
	before := in.newest()
	in.happen(describedAs("i-00", "i-00", "", 2), describedAs("i-01", "i-01", "", 2))
	in.await("the other is pushed", func() bool { p, _ := in.shop.ProductBySKU("SKU-i-01"); return p.Price == 2 })
	if got := in.stands("i-00"); got != "quarantined, a letter: unknown_type" {
		t.Errorf("its item is %s", got)
	}
	if diff := cmp.Diff([]string{"Product i-01"}, in.pushedSince(before)); diff != "" {
		t.Errorf("pushed (-want +got):\n%s", diff)
	}

	in.stop()
	in.folding, in.rebuilds = projections.Present(), true
	in.start()
	in.settle()
	if got := in.stands("i-00"); got != "confirmed" {
		t.Errorf("under the newer program its item is %s", got)
	}
	if p, _ := in.shop.ProductBySKU("SKU-i-00"); p.Price != 2 || in.shop.Stock(1, p.ID, 0) != 4 {
		t.Errorf("BigCommerce shows a price of %v and a stock of %d", p.Price, in.shop.Stock(1, p.ID, 0))
	}
	if diff := cmp.Diff([]string{"Product i-00", "Product i-01"}, in.pushedSince(before)); diff != "" {
		t.Errorf("pushed (-want +got):\n%s", diff)
	}
	if r := in.rebuild(console.RebuildWish{DryRun: true}); r.Compared.Products != 0 {
		t.Errorf("what is stored is not what the log says: %+v", r.Compared)
	}
}

// TestNewer_killedAfterSwitch: the letters that a switch ends are on record before it, so
// that whatever comes next ends them when the process dies right behind it.
func TestNewer_killedAfterSwitch(t *testing.T) {
	t.Parallel()
	for name, next := range map[string]func(*testing.T, *installation){
		"start": func(*testing.T, *installation) {},
		"rebuild": func(t *testing.T, in *installation) {
			a := in.open(t)
			defer a.close()
			if r, err := a.rebuildAlone(t.Context(), console.RebuildWish{}, func(console.RebuildProgress) {}); err != nil || !r.Switched {
				t.Fatalf("%+v, %v", r, err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := adjusted(t)
			before := in.newest()
			in.stop()
			in.folding = projections.Present()
			a := in.open(t)
			b := &epochBuild{app: a, tell: func(console.RebuildProgress) {}}
			var err error
			if b.publications, err = a.publicationsAnew(t.Context(), false); err != nil {
				t.Fatal(err)
			}
			// An interrupted build does not know which letters it has met.
			if err := b.begin(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := b.fold(t.Context(), 3); err != nil {
				t.Fatal(err)
			}
			again := &epochBuild{app: a, tell: b.tell, publications: b.publications}
			if err := again.begin(t.Context()); err != nil {
				t.Fatal(err)
			}
			current, to, err := again.opponent(t.Context(), 3)
			if err != nil || current == nil {
				t.Fatalf("nothing to compare with: %v %v", again.report, err)
			}
			for _, step := range []func() error{
				func() error { return again.fold(t.Context(), to) },
				func() error { return again.compare(t.Context(), current) },
				func() error { return again.switchOver(t.Context()) },
				a.close,
			} {
				if err := step(); err != nil {
					t.Fatal(err)
				}
			}
			next(t, in)
			in.start()
			in.settle()
			if got := in.stands("i-00"); got != "confirmed" {
				t.Errorf("its item is %s", got)
			}
			if diff := cmp.Diff([]string{"Shirt i-00"}, in.pushedSince(before)); diff != "" {
				t.Errorf("pushed (-want +got):\n%s", diff)
			}
		})
	}
}

// open opens the installation that does not run.
func (in *installation) open(t *testing.T) *app {
	t.Helper()
	a, err := openApp(t.Context(), in.cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if in.folding.Fold != nil {
		a.folding = in.folding
	}
	return a
}
