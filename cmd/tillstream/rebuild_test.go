package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/bigcommerce/simulator"
	"github.com/tillstream/tillstream/handlers/console"
	"github.com/tillstream/tillstream/handlers/project"
	"github.com/tillstream/tillstream/projections"
	"github.com/tillstream/tillstream/streams"
)

// loud is a later version of the fold: it makes the descriptions of some products
// louder.
func loud(which func(domain.ProductID) bool) projections.Folding {
	return projections.Folding{
		Format: projections.SnapshotFormat + 1,
		Fold: func(mode domain.StockMode, rec domain.Recorded, event domain.Event, holder *domain.Product, target domain.Product) (domain.Result, error) {
			r, err := domain.Fold(mode, rec, event, holder, target)
			if err != nil {
				return r, err
			}
			for p := range r.Products() {
				if which(p.ID) {
					p.Family.Description = strings.ToUpper(p.Family.Description)
				}
			}
			return r, nil
		},
	}
}

// rebuild asks the program for a rebuild and returns its report.
func (in *installation) rebuild(wish console.RebuildWish) console.RebuildReport {
	in.t.Helper()
	body, err := json.Marshal(wish)
	if err != nil {
		in.t.Fatal(err)
	}
	answer, text := in.ask(http.MethodPost, "/v1/rebuild", "application/json", strings.NewReader(string(body)))
	lines := strings.Split(strings.TrimSpace(text), "\n")
	var last console.RebuildLine
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &last); err != nil || answer.StatusCode != http.StatusOK || last.Report == nil {
		in.t.Fatalf("rebuild: %s: %v\n%s", answer.Status, err, text)
	}
	return *last.Report
}

// pushedSince names the products that BigCommerce was sent since a request.
func (in *installation) pushedSince(request int) []string {
	names := map[string]bool{}
	for _, r := range in.requests(request) {
		for _, e := range r.Effects {
			if p, ok := in.shop.Product(e.Product); ok {
				names[p.Name] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// shopOfShirts is an installation with some linked products of which BigCommerce has
// the newest state.
func shopOfShirts(t *testing.T, products int) *installation {
	t.Helper()
	in := install(t, simulator.Config{}, func(c *Config) { c.Stores[0].Publish = "all" })
	var events []domain.Event
	for i := range products {
		description := fmt.Sprintf("soft shirt %d", i)
		e := &domain.ProductSaved{Item: domain.ItemID(fmt.Sprintf("i-%02d", i))}
		e.SKU, e.Name = domain.SKU(fmt.Sprintf("S-%02d", i)), fmt.Sprintf("Shirt %02d", i)
		e.Description.Description = &description
		events = append(events, e)
	}
	in.happen(events...)
	in.settle()
	return in
}

func firstFive(id domain.ProductID) bool { return id < "i-05" }

var firstFiveNames = []string{"Shirt 00", "Shirt 01", "Shirt 02", "Shirt 03", "Shirt 04"}

// TestRebuild_otherFold: a fold that makes something else of the same events is told
// of before it does, and then exactly those products are pushed of which BigCommerce
// shows something else; once, whatever happens.
func TestRebuild_otherFold(t *testing.T) {
	t.Parallel()
	in := shopOfShirts(t, 20)
	before := in.newest()
	if r := in.rebuild(console.RebuildWish{}); !r.Switched || r.Compared == nil || r.Compared.Products != 0 {
		t.Errorf("the same fold: %+v", r)
	}
	in.settle()
	if got := in.pushedSince(before); len(got) != 0 {
		t.Errorf("the same fold pushed %v", got)
	}

	in.app.folding = loud(firstFive)
	dry := in.rebuild(console.RebuildWish{DryRun: true})
	if diff := cmp.Diff(map[string]int{"description": 5}, dry.Compared.Fields); diff != "" || dry.Switched || dry.Compared.Products != 5 || dry.Compared.Pushed != 5 {
		t.Errorf("a dry run says %+v", dry)
	}
	example := dry.Compared.Examples[0].Changes
	if want := []projections.FieldChange{{Field: "family.description", Before: "soft shirt 0", After: "SOFT SHIRT 0"}}; len(dry.Compared.Examples) != 5 || slices.IndexFunc(dry.Compared.Examples, func(d projections.Difference) bool {
		return cmp.Equal(d.Changes, want) && d.Shown
	}) < 0 {
		t.Errorf("among the examples is none such as %+v: %+v", want, example)
	}
	in.settle()
	if got := in.pushedSince(before); len(got) != 0 {
		t.Errorf("a dry run pushed %v", got)
	}

	if r := in.rebuild(console.RebuildWish{}); !r.Switched || r.Compared.Pushed != 5 {
		t.Errorf("a rebuild says %+v", r)
	}
	in.settle()
	if diff := cmp.Diff(firstFiveNames, in.pushedSince(before)); diff != "" {
		t.Errorf("pushed (-want +got):\n%s", diff)
	}
	if p, _ := in.shop.ProductBySKU("S-03"); p.Description != "SOFT SHIRT 3" {
		t.Errorf("BigCommerce shows %q", p.Description)
	}

	before = in.newest()
	in.folding = in.app.folding
	in.stop()
	in.start()
	in.settle()
	if r := in.rebuild(console.RebuildWish{}); r.Compared.Products != 0 {
		t.Errorf("once more: %+v", r)
	}
	in.settle()
	if got := in.pushedSince(before); len(got) != 0 {
		t.Errorf("a restart and another rebuild pushed %v", got)
	}

	// The present version refuses what a later one has folded.
	in.stop()
	a, err := openApp(t.Context(), in.cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer a.close()
	if _, err := newEngine(t.Context(), a, rolesOf(allRoles())); err == nil || !strings.Contains(err.Error(), "of a newer version of tillstream") {
		t.Errorf("an older version opens it: %v", err)
	}
}

// TestRebuild_killedAfterSwitch: what a switch owes BigCommerce is on record before
// it, so that a process that dies right behind it is made good for by the next.
func TestRebuild_killedAfterSwitch(t *testing.T) {
	t.Parallel()
	in := shopOfShirts(t, 20)
	before := in.newest()
	in.stop()
	in.folding = loud(firstFive)
	a, err := openApp(t.Context(), in.cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	a.folding = in.folding
	b := &epochBuild{app: a, tell: func(console.RebuildProgress) {}}
	if b.publications, err = a.publicationsAnew(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	if err := b.begin(t.Context()); err != nil {
		t.Fatal(err)
	}
	current, to, err := b.opponent(t.Context(), 20)
	if err != nil || current == nil {
		t.Fatalf("nothing to compare with: %v %v", b.report, err)
	}
	for _, step := range []func() error{
		func() error { return b.fold(t.Context(), to) },
		func() error { return b.compare(t.Context(), current) },
		func() error { return b.switchOver(t.Context()) },
		a.close,
	} {
		if err := step(); err != nil {
			t.Fatal(err)
		}
	}
	in.start()
	in.settle()
	if diff := cmp.Diff(firstFiveNames, in.pushedSince(before)); diff != "" {
		t.Errorf("pushed (-want +got):\n%s", diff)
	}
}

// TestRebuild_dryRunAtRest: a dry run compares with what is stored as it is, and
// records nothing of what comes behind it.
func TestRebuild_dryRunAtRest(t *testing.T) {
	t.Parallel()
	in := shopOfShirts(t, 3)
	in.stop()
	a, err := openApp(t.Context(), in.cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer a.close()
	stray := in.envelope(&domain.ProductDeleted{Item: "i-00"})
	if _, err := a.conn.POS().Append(t.Context(), "elsewhere", []domain.Envelope{stray}); err != nil {
		t.Fatal(err)
	}
	r, err := a.rebuildAlone(t.Context(), console.RebuildWish{DryRun: true}, func(console.RebuildProgress) {})
	if err != nil || r.Compared == nil || r.Compared.Products != 0 || r.Compared.Position != 3 {
		t.Errorf("a dry run says %+v, %v", r, err)
	}
	letters, err := a.conn.DeadLetters().List(t.Context(), "", false)
	if err != nil || len(letters) != 0 {
		t.Errorf("a dry run left %d dead letters, %v", len(letters), err)
	}
}

// TestRebuild_behind: an epoch that is behind the log is compared with where it is, and
// left there. What is new since then is in the next one, and pushed.
func TestRebuild_behind(t *testing.T) {
	t.Parallel()
	in := shopOfShirts(t, 3)
	in.stop()
	renamed := &domain.ProductSaved{Item: "i-01"}
	renamed.SKU, renamed.Name = "S-01", "Blouse"
	func() {
		a, err := openApp(t.Context(), in.cfg, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		defer a.close()
		if _, err := a.conn.POS().Append(t.Context(), testStore, []domain.Envelope{in.envelope(renamed)}); err != nil {
			t.Fatal(err)
		}
		r, err := a.rebuildAlone(t.Context(), console.RebuildWish{}, func(console.RebuildProgress) {})
		if err != nil || !r.Switched || r.Position != 4 || r.Compared == nil || r.Compared.Products != 0 || r.Compared.Position != 3 {
			t.Fatalf("the rebuild says %+v, %v", r, err)
		}
		at, err := projections.StoredPosition(t.Context(), a.conn.Products(r.Was).Snapshots())
		if at != 3 || err != nil {
			t.Errorf("the epoch before is at position %d, %v; want 3", at, err)
		}

		// A rollback at rest that is interrupted before it switches is begun again.
		if _, err := a.conn.POS().Append(t.Context(), testStore, []domain.Envelope{in.envelope(&domain.ProductDeleted{Item: "i-02"})}); err != nil {
			t.Fatal(err)
		}
		ctx, interrupt := context.WithCancel(t.Context())
		_, err = a.rebuildAlone(ctx, console.RebuildWish{Rollback: true}, func(p console.RebuildProgress) {
			if p.Phase == "switching" {
				interrupt()
			}
		})
		if err == nil {
			t.Fatal("the rollback was not interrupted")
		}
		r, err = a.rebuildAlone(t.Context(), console.RebuildWish{Rollback: true}, func(console.RebuildProgress) {})
		if err != nil || !r.Switched || r.Epoch != 1 || r.Position != 5 || r.Compared == nil || r.Compared.Products != 0 {
			t.Fatalf("the rollback says %+v, %v", r, err)
		}
	}()
	in.start()
	in.settle()
	if p, _ := in.shop.ProductBySKU("S-01"); p.Name != "Blouse" {
		t.Errorf("BigCommerce shows %q", p.Name)
	}
	if r := in.rebuild(console.RebuildWish{Rollback: true}); r.Epoch != 2 || r.Position != 5 {
		t.Errorf("the rollback says %+v", r)
	}
	if got := in.product("S-01").Name; got != "Blouse" {
		t.Errorf("behind a rollback the product is %q", got)
	}
}

// TestRebuild_atWork: rebuilds that go on while events come in and are pushed miss
// none of them, and what is in use at the end is what the log says.
func TestRebuild_atWork(t *testing.T) {
	t.Parallel()
	in := shopOfShirts(t, 20)
	var rebuilds atomic.Int64
	done := make(chan struct{})
	go func() {
		defer close(done)
		for rebuilds.Load() < 5 {
			in.rebuild(console.RebuildWish{})
			rebuilds.Add(1)
		}
	}()
	price := 0
	for rebuilds.Load() < 5 {
		price++
		money := domain.MustMoney(fmt.Sprint(price))
		e := &domain.ProductSaved{Item: domain.ItemID(fmt.Sprintf("i-%02d", price%20))}
		e.SKU, e.Name, e.RetailPrice = domain.SKU(fmt.Sprintf("S-%02d", price%20)), fmt.Sprintf("Shirt %02d", price%20), &money
		in.happen(e)
	}
	<-done
	in.settle()
	for i := range 20 {
		last := price - (price-i)%20
		if p, _ := in.shop.ProductBySKU(fmt.Sprintf("S-%02d", i)); last > 0 && int(p.Price) != last {
			t.Errorf("BigCommerce shows price %v of shirt %d, want %d", p.Price, i, last)
		}
	}
	r := in.rebuild(console.RebuildWish{DryRun: true})
	if r.Compared == nil || r.Compared.Products != 0 {
		t.Errorf("what is in use is not what the log says: %+v", r)
	}
	if r := in.rebuild(console.RebuildWish{At: 20}); r.Position != 20 || r.Products != 20 || r.Switched {
		t.Errorf("at position 20: %+v", r)
	}
}

// TestRebuild_killed kills the program in the middle of rebuilds, and then has one
// come to its end: it is what a fold from zero gives, byte for byte.
func TestRebuild_killed(t *testing.T) {
	t.Parallel()
	shop := simulator.New(simulator.Config{StoreHash: "crash", Token: "crash-token"})
	bigcommerce := httptest.NewServer(shop)
	defer bigcommerce.Close()
	p := newProgram(t, "crash", bigcommerce.URL, "crash-token")
	p.start()
	var accepted atomic.Int64
	newProducer(7, 0).run(t, p, &accepted)
	rng := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 0))
	for range 6 {
		ctx, end := context.WithCancel(t.Context())
		answered := make(chan struct{})
		go func() {
			defer close(answered)
			r, err := p.request(http.MethodPost, "/v1/rebuild", strings.NewReader(`{}`))
			if err == nil {
				<-ctx.Done()
				r.Body.Close()
			}
		}()
		p.spin(time.Duration(rng.Int64N(int64(120 * time.Millisecond))))
		p.kill()
		end()
		<-answered
		p.start()
	}
	r, err := p.request(http.MethodPost, "/v1/rebuild", strings.NewReader(`{}`))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	var last console.RebuildLine
	for d := json.NewDecoder(r.Body); d.More(); {
		last = console.RebuildLine{}
		if err := d.Decode(&last); err != nil {
			t.Fatal(err)
		}
	}
	if last.Report == nil || !last.Report.Switched || last.Report.Compared == nil || last.Report.Compared.Products != 0 {
		t.Errorf("the last rebuild says %+v, %+v", last.Report, last.Problem)
	}
	p.stop()
	checkProjection(t, p.data, foldFromZero(t, domain.StockLevels, readLog(t, p.data)))
}

// effectsSince counts what BigCommerce has taken of each product since a request.
func (in *installation) effectsSince(request int) map[string]int {
	n := map[string]int{}
	for _, r := range in.requests(request) {
		for _, e := range r.Effects {
			p, _ := in.shop.Product(e.Product)
			n[p.Name]++
		}
	}
	return n
}

// TestRebuild_pending: what was pending when everything was rebuilt, at work or at rest,
// is pushed after it, once, and nothing else is.
func TestRebuild_pending(t *testing.T) {
	t.Parallel()
	in := shopOfShirts(t, 5)
	before := in.newest()
	in.happen(counted("i-02", 5))
	in.settle()
	once := in.effectsSince(before)["Shirt 02"]

	before = in.newest()
	in.shop.Down(true)
	in.happen(counted("i-03", 5))
	if r := in.rebuild(console.RebuildWish{}); !r.Switched {
		t.Errorf("%+v", r)
	}
	in.shop.Down(false)
	in.settle()
	if diff := cmp.Diff(map[string]int{"Shirt 03": once}, in.effectsSince(before)); diff != "" {
		t.Errorf("at work (-want +got):\n%s", diff)
	}

	before = in.newest()
	in.stop()
	a, err := openApp(t.Context(), in.cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	_, err = a.conn.POS().Append(t.Context(), testStore, []domain.Envelope{in.envelope(counted("i-04", 5))})
	if err == nil {
		_, err = a.rebuildAlone(t.Context(), console.RebuildWish{}, func(console.RebuildProgress) {})
	}
	if err := errors.Join(err, a.close()); err != nil {
		t.Fatal(err)
	}
	in.start()
	in.settle()
	if diff := cmp.Diff(map[string]int{"Shirt 04": once}, in.effectsSince(before)); diff != "" {
		t.Errorf("at rest (-want +got):\n%s", diff)
	}
}

// unfold ends the program and removes all that was folded, as in an installation that was
// just restored, but for a claim to know what sources have said. Some events come behind what
// there is. It returns how many were known of before.
func (in *installation) unfold(events ...domain.Event) (was streams.Epochs, heard uint64) {
	in.t.Helper()
	in.stop()
	ctx := in.t.Context()
	a, err := openApp(ctx, in.cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		in.t.Fatal(err)
	}
	was, err = a.conn.Epochs(ctx)
	kept, readErr := project.ReadSources(ctx, a.conn.Control())
	if readErr == nil {
		for _, s := range kept.Of(testStore, time.Now()) {
			heard += s.Events
		}
	}
	for _, event := range events {
		_, appendErr := a.conn.POS().Append(ctx, testStore, []domain.Envelope{in.envelope(event)})
		err = errors.Join(err, appendErr)
	}
	last, lastErr := a.conn.POS().Last(ctx)
	_, putErr := a.conn.Control().Put(ctx, streams.SystemKey("sources"), fmt.Appendf(nil, `{"format":1,"position":%d}`, last), nil)
	if err := errors.Join(err, readErr, lastErr, putErr, a.conn.DropProducts(ctx, was.Current), a.conn.DropPublications(ctx),
		os.RemoveAll(filepath.Join(in.cfg.Data, "hints")), a.close()); err != nil {
		in.t.Fatal(err)
	}
	return was, heard
}

// TestRebuild_longLog: a long log of which nothing is folded, as after a restore, is folded
// into a new epoch before anything else, while events are taken in; also when that was
// interrupted. The empty epoch is gone then, what was pending is pushed, and nothing else is.
func TestRebuild_longLog(t *testing.T) {
	t.Parallel()
	in := shopOfShirts(t, 5)
	before := in.newest()
	in.happen(counted("i-01", 5))
	in.settle()
	once := in.effectsSince(before)["Shirt 01"]
	before = in.newest()
	want := in.digest()
	switched := func(was streams.Epochs) {
		t.Helper()
		now, err := in.app.conn.Epochs(t.Context())
		there, listErr := in.app.conn.ProductsEpochs(t.Context())
		if err := errors.Join(err, listErr); err != nil {
			t.Fatal(err)
		}
		if now.Current <= was.Current || now.Previous != 0 || now.Building != 0 || !slices.Equal(there, []uint64{now.Current}) {
			t.Errorf("epochs %+v of %v, before %+v", now, there, was)
		}
	}
	var folds atomic.Int64
	middle, goOn := make(chan struct{}), make(chan struct{})
	in.longLog, in.folding = 6, projections.Present()
	in.folding.Fold = func(mode domain.StockMode, rec domain.Recorded, event domain.Event, holder *domain.Product, target domain.Product) (domain.Result, error) {
		if folds.Add(1) == 4 {
			middle <- struct{}{}
			<-goOn
		}
		return domain.Fold(mode, rec, event, holder, target)
	}

	was, _ := in.unfold()
	in.starting()
	<-middle
	ended := make(chan struct{})
	go func() { defer close(ended); in.stop() }()
	<-in.app.ending
	goOn <- struct{}{}
	<-ended
	in.start()
	switched(was)
	if got := in.digest(); got != want {
		t.Errorf("interrupted, the digest is %s, want %s", got, want)
	}

	was, _ = in.unfold(counted("i-02", 5))
	folds.Store(0)
	ready := in.starting()
	<-middle
	if s := in.status(); s.Ready || s.Rebuild == nil {
		t.Errorf("while it folds: %+v", s)
	}
	in.append(counted("i-03", 5))
	// What keeps it is told, and it goes on by itself when that is over.
	record, err := in.app.conn.Epochs(t.Context())
	if err := errors.Join(err, in.app.conn.DropProducts(t.Context(), record.Building)); err != nil {
		t.Fatal(err)
	}
	goOn <- struct{}{}
	in.polling("its problem is told", func() bool {
		return slices.ContainsFunc(in.status().Problems, func(p string) bool { return strings.HasPrefix(p, "projecting waits at position") })
	})
	if err := in.app.conn.EnsureProducts(t.Context(), record.Building); err != nil {
		t.Fatal(err)
	}
	ready()
	switched(was)
	in.await("settled", func() bool { return in.app.engine.Load().catalog.Position() == 8 && in.settled() })
	if diff := cmp.Diff(map[string]int{"Shirt 02": once, "Shirt 03": once}, in.effectsSince(before)); diff != "" {
		t.Errorf("pushed (-want +got):\n%s", diff)
	}
	if r := in.rebuild(console.RebuildWish{DryRun: true}); r.Compared == nil || r.Compared.Products != 0 {
		t.Errorf("what is in use is not what the log says: %+v", r)
	}
	if s := in.status().Stores[0].Sources; len(s) != 1 || s[0].Events != 8 {
		t.Errorf("of 8 events of one source: %+v", s)
	}

	// At rest it does that, too, also when it begins anew what was interrupted.
	in.unfold()
	a := in.open(t)
	interrupted, interrupt := context.WithCancel(t.Context())
	folds.Store(4)
	_, err = a.rebuildAlone(interrupted, console.RebuildWish{}, func(p console.RebuildProgress) {
		if p.Phase == "switching" {
			interrupt()
		}
	})
	if err == nil {
		t.Error("it was not interrupted")
	}
	_, err = a.rebuildAlone(t.Context(), console.RebuildWish{}, func(console.RebuildProgress) {})
	if err := errors.Join(err, a.close()); err != nil {
		t.Fatal(err)
	}
	if _, heard := in.unfold(); heard != 8 {
		t.Errorf("at rest %d of 8 events are known of", heard)
	}
	folds.Store(4) // which stop no more
	in.start()
	if _, heard := in.unfold(); heard != 8 {
		t.Errorf("at the start %d of 8 events are known of", heard)
	}
}

// TestRebuild_stockMode: a store whose stock is to be moved otherwise than it was folded is
// refused, or folded anew when that is asked for; of which what comes out otherwise is
// told.
func TestRebuild_stockMode(t *testing.T) {
	t.Parallel()
	in := shopOfShirts(t, 2)
	in.happen(counted("i-00", 5), &domain.ItemSold{Item: "i-00", Outlet: "Quayside", Quantity: domain.MustQuantity("2"), Sale: "s", Line: "1"})
	in.settle()
	in.stop()
	in.cfg.Stores[0].Stock = "movements"
	a := in.open(t)
	_, err := newEngine(t.Context(), a, rolesOf(allRoles()))
	const want = `the stock of store "harbour" was folded by levels, and movements are set now: set it back, or, to have all folded by what is set: run ` + "`tillstream rebuild`"
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("it is opened: %v", err)
	}
	r, err := a.rebuildAlone(t.Context(), console.RebuildWish{DryRun: true}, func(console.RebuildProgress) {})
	if err != nil || r.Compared == nil || r.Compared.Products != 1 || r.Compared.Fields["stock"] != 1 {
		t.Errorf("a dry run says %+v, %v", r, err)
	}
	if err := a.close(); err != nil {
		t.Fatal(err)
	}
	in.rebuilds = true
	in.start()
	in.settle()
	if p, _ := in.shop.ProductBySKU("S-00"); in.shop.Stock(1, p.ID, 0) != 3 {
		t.Errorf("BigCommerce has a stock of %d, want 3", in.shop.Stock(1, p.ID, 0))
	}
	in.stop()
	in.rebuilds = false
	in.start()
	if answer, text := in.ask(http.MethodPost, "/v1/rebuild", "application/json", strings.NewReader(`{}`)); answer.StatusCode != http.StatusOK || strings.Contains(text, `"problem"`) {
		t.Errorf("%s\n%s", answer.Status, text)
	}
	in.stop()
	in.cfg.Stores[0].Stock = "levels"
	in.rebuilds = true
	in.start()
	in.settle()
	if p, _ := in.shop.ProductBySKU("S-00"); in.shop.Stock(1, p.ID, 0) != 5 {
		t.Errorf("set back, BigCommerce has a stock of %d, want 5", in.shop.Stock(1, p.ID, 0))
	}
	if answer, text := in.ask(http.MethodPost, "/v1/rebuild", "application/json", strings.NewReader(`{"rollback":true}`)); !strings.Contains(text, "was folded with other settings") {
		t.Errorf("a way back into it: %s\n%s", answer.Status, text)
	}
}

func TestRebuildStep(t *testing.T) {
	t.Parallel()
	for want, p := range map[string]console.RebuildProgress{
		"5,000 of 1,000,000 events":                       {Phase: "folding", Position: 5000, Of: 1_000_000},
		"5,000 of 10,000 events, 2,500 a second, 2s left": {Phase: "folding", Position: 5000, Of: 10_000, PerSecond: 2500, SecondsLeft: 2},
		"switching":                           {Phase: "switching", Position: 10, Of: 10},
		"indexing, 0 of 12,000 products":      {Phase: "indexing", Of: 99, OfProducts: 12_000},
		"indexing, 11,999 of 12,000 products": {Phase: "indexing", Of: 99, Products: 11_999, OfProducts: 12_000},
		"indexing, 98 of 99 events":           {Phase: "indexing", Position: 98, Of: 99, Products: 12_000, OfProducts: 12_000},
		"indexing, 0 of 1 event":              {Phase: "indexing", Of: 1},
	} {
		if got := rebuildStep(p); got != want {
			t.Errorf("%+v is told as %q, want %q", p, got, want)
		}
	}
}
