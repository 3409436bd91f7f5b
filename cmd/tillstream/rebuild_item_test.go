package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/bigcommerce/simulator"
	"github.com/tillstream/tillstream/handlers/console"
	"github.com/tillstream/tillstream/projections"
	"github.com/tillstream/tillstream/streams"
)

// rebuildItem has one item or product folded anew.
func (in *installation) rebuildItem(ref string, dry bool) console.RebuildReport {
	in.t.Helper()
	return in.rebuild(console.RebuildWish{Item: ref, Store: testStore, DryRun: dry})
}

// digest is that of all that is folded now.
func (in *installation) digest() projections.Hash {
	in.t.Helper()
	tree, err := in.app.engine.Load().catalog.Tree()
	if err != nil {
		in.t.Fatal(err)
	}
	return tree.Digest()
}

// tamper changes what is stored of products while nothing runs.
func (in *installation) tamper(change func(*domain.Product), ids ...domain.ProductID) {
	in.t.Helper()
	in.stop()
	conn := openData(in.t, in.cfg.Data)
	bucket := conn.Products(epochOf(in.t, conn)).Snapshots()
	for _, id := range ids {
		key := domain.Key{Store: testStore, ID: string(id)}
		e, err := bucket.Get(in.t.Context(), key)
		if err != nil {
			in.t.Fatal(err)
		}
		var p domain.Product
		if err := json.Unmarshal(e.Value, &p); err != nil {
			in.t.Fatal(err)
		}
		change(&p)
		if e.Value, err = json.Marshal(p); err != nil {
			in.t.Fatal(err)
		}
		if err := bucket.PutAll(in.t.Context(), []domain.Entry{{Key: key, Value: e.Value}}); err != nil {
			in.t.Fatal(err)
		}
	}
	if err := conn.Close(); err != nil {
		in.t.Fatal(err)
	}
	in.start()
}

func counted(item domain.ItemID, n int) *domain.StockCounted {
	return &domain.StockCounted{Item: item, Outlet: "Quayside", OnHand: domain.MustQuantity(fmt.Sprint(n)), Count: fmt.Sprint(n)}
}

// TestRebuild_item: what is stored of one product and is not what its events amount to is
// told of, and replaced; BigCommerce is told of it only where it shows something else.
func TestRebuild_item(t *testing.T) {
	t.Parallel()
	in := shopOfShirts(t, 20)
	right, before := in.digest(), in.newest()
	if r := in.rebuildItem("S-03", false); r.Compared == nil || r.Compared.Products != 0 || r.Replaced != 0 || r.Products != 1 || r.Events.Folded != 1 {
		t.Errorf("what is right: %+v", r)
	}

	// BigCommerce was never told of what is wrong.
	in.tamper(func(p *domain.Product) { p.Family.Description = "moth-eaten" }, "i-03")
	wrong := in.digest()
	dry := in.rebuildItem("S-03", true)
	want := []projections.FieldChange{{Field: "family.description", Before: "moth-eaten", After: "soft shirt 3"}}
	if dry.Replaced != 0 || dry.Compared.Products != 1 || dry.Compared.Pushed != 1 || !cmp.Equal(dry.Compared.Examples[0].Changes, want) {
		t.Errorf("a dry run says %+v", dry)
	}
	if got := in.digest(); got != wrong {
		t.Error("a dry run has changed something")
	}
	if r := in.rebuildItem("i-03", false); r.Replaced != 1 || r.Switched {
		t.Errorf("a rebuild says %+v", r)
	}
	if got := in.digest(); got != right {
		t.Errorf("digest %s, want %s", got, right)
	}
	in.settle()
	if got := in.pushedSince(before); len(got) != 0 {
		t.Errorf("pushed %v, of which BigCommerce shows the right thing", got)
	}

	// It was told.
	in.tamper(func(p *domain.Product) { p.Family.Description = "moth-eaten" }, "i-03", "i-04")
	in.happen(counted("i-03", 5), counted("i-04", 5))
	in.settle()
	if p, _ := in.shop.ProductBySKU("S-03"); p.Description != "moth-eaten" {
		t.Fatalf("BigCommerce shows %q", p.Description)
	}
	before = in.newest()
	in.rebuildItem("i-03", false)
	in.settle()
	if got := in.pushedSince(before); !slices.Equal(got, []string{"Shirt 03"}) {
		t.Errorf("pushed %v", got)
	}
	if p, _ := in.shop.ProductBySKU("S-03"); p.Description != "soft shirt 3" {
		t.Errorf("BigCommerce shows %q", p.Description)
	}
	in.rebuildItem("i-04", false)
	in.settle()
	in.stop()
	in.start()
	if r := in.rebuild(console.RebuildWish{DryRun: true}); r.Compared.Products != 0 {
		t.Errorf("what is stored is not what the log says: %+v", r)
	}
	if answer, text := in.ask(http.MethodPost, "/v1/rebuild", "application/json", strings.NewReader(`{"item":"none","store":"harbour"}`)); !strings.Contains(text, `"status":404`) {
		t.Errorf("what nothing is known of: %s %s", answer.Status, text)
	}
}

// TestRebuild_itemKilled: a process that dies between the wish for a push and the
// replacing pushes nothing wrong, and the same again makes good for it.
func TestRebuild_itemKilled(t *testing.T) {
	t.Parallel()
	in := shopOfShirts(t, 3)
	in.tamper(func(p *domain.Product) { p.Family.Description = "moth-eaten" }, "i-01")
	in.happen(counted("i-01", 5))
	in.settle()
	e := in.app.engine.Load()
	b, err := e.itemBuild(t.Context(), console.RebuildWish{Item: "i-01", Store: testStore})
	if err == nil {
		err = b.fold(t.Context(), e.catalog.Position())
	}
	if err != nil {
		t.Fatal(err)
	}
	c := newComparing(e.publications, e.catalog.Position())
	if err := e.catalog.CompareStored(t.Context(), b.catalog, testStore, b.all(), e.app.rulesOf()(testStore), c.take); err != nil {
		t.Fatal(err)
	}
	if err := e.app.want(t.Context(), urge{"its process dies", "item", time.Now()}, testStore, c.owed, e.publications); err != nil {
		t.Fatal(err)
	}
	before := in.newest()
	in.stop()
	in.start()
	in.rebuildItem("i-01", false)
	in.settle()
	if p, _ := in.shop.ProductBySKU("S-01"); p.Description != "soft shirt 1" {
		t.Errorf("BigCommerce shows %q", p.Description)
	}
	if got := in.pushedSince(before); !slices.Equal(got, []string{"Shirt 01"}) {
		t.Errorf("pushed %v", got)
	}
}

// sized is an item of a family.
func sized(item, family, size string) *domain.ProductSaved {
	e := describedAs(item, family, size, 7)
	e.Name = "Family " + family
	return e
}

// TestRebuild_itemOfFamilies: items that have moved between products concern all of them,
// and what the states say of items and of where events lie is not believed.
func TestRebuild_itemOfFamilies(t *testing.T) {
	t.Parallel()
	in := install(t, simulator.Config{}, func(c *Config) { c.Stores[0].Publish = "all" })
	for n := range 3 {
		in.happen(sized("a-s", "f-a", "S"), sized("a-m", "f-a", "M"), sized("b-s", "f-b", "S"), sized("c-s", "f-c", "S"))
		in.happen(counted("a-m", n))
	}
	stored := map[domain.ProductID]domain.Product{}
	for _, id := range []domain.ProductID{"f-a", "f-b"} {
		p, err := in.app.engine.Load().catalog.Product(t.Context(), testStore, id)
		if err != nil {
			t.Fatal(err)
		}
		stored[id] = p
	}
	in.happen(sized("a-m", "f-b", "M"))
	in.happen(counted("a-m", 9))
	in.settle()
	right := in.digest()
	for name, test := range map[string]struct {
		ref     string
		change  func(*domain.Product)
		of      []domain.ProductID
		differs int
	}{
		"both as before the move": {"SKU-a-m", func(p *domain.Product) { *p = stored[p.ID] }, []domain.ProductID{"f-a", "f-b"}, 2},
		"one of them":             {"f-a", func(p *domain.Product) { p.Items[0].Stock = nil; p.Tally.Folded++ }, []domain.ProductID{"f-a"}, 1},
		"places of another item":  {"b-s", func(p *domain.Product) { p.Items[0].Trail = "1.2.4" }, []domain.ProductID{"f-b"}, 1},
		"no places":               {"b-s", func(p *domain.Product) { p.Items[0].Trail, p.Items[0].SKU = "", "other" }, []domain.ProductID{"f-b"}, 1},
		"stretches of nothing":    {"b-s", func(p *domain.Product) { p.Items[0].Trail = "*2.4" }, []domain.ProductID{"f-b"}, 1},
		"places of nothing":       {"b-s", func(p *domain.Product) { p.Items[0].Trail = "7.!" }, []domain.ProductID{"f-b"}, 1},
	} {
		in.tamper(test.change, test.of...)
		if in.digest() == right {
			t.Fatalf("%s: nothing was tampered with", name)
		}
		if r := in.rebuildItem(test.ref, false); r.Replaced != test.differs {
			t.Errorf("%s: %+v", name, r)
		}
		if in.digest() != right {
			t.Errorf("%s: what comes out is not what it was", name)
		}
		if r := in.rebuild(console.RebuildWish{DryRun: true}); r.Compared.Products != 0 {
			t.Errorf("%s: %+v", name, r.Compared)
		}
	}
}

// TestRebuild_itemStretches: stretches of positions that are not what they were are mended.
func TestRebuild_itemStretches(t *testing.T) {
	t.Parallel()
	in := install(t, simulator.Config{}, nil)
	in.happen(describedAs("i-01", "", "", 1))
	var many []domain.Event
	for n := range 150 {
		many = append(many, counted("i-01", n))
	}
	in.happen(many...)
	in.stop()
	conn := openData(t, in.cfg.Data)
	bucket := conn.Products(epochOf(t, conn)).Snapshots()
	key := domain.Key{Store: testStore, ID: "i-01", Stretch: 1}
	was, err := bucket.Get(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(bucket.PutAll(t.Context(), []domain.Entry{{Key: key, Value: []byte("1.3")}}), conn.Close()); err != nil {
		t.Fatal(err)
	}
	in.start()
	for _, dry := range []bool{true, false} {
		if r := in.rebuildItem("i-01", dry); r.Stretches != 1 || r.Replaced != 0 || r.Compared.Products != 0 {
			t.Errorf("dry run %v: %+v", dry, r)
		}
	}
	if r := in.rebuildItem("i-01", false); r.Stretches != 0 {
		t.Errorf("again: %+v", r)
	}
	in.stop()
	conn = openData(t, in.cfg.Data)
	is, err := conn.Products(epochOf(t, conn)).Snapshots().Get(t.Context(), key)
	if err := errors.Join(err, conn.Close()); err != nil || string(is.Value) != string(was.Value) {
		t.Errorf("%s, %v, want %s", is.Value, err, was.Value)
	}
}

// TestRebuild_itemOfLetters: events that could not be used when they came, because their
// store was not configured, are used where they stand, and their letters end.
func TestRebuild_itemOfLetters(t *testing.T) {
	t.Parallel()
	in := install(t, simulator.Config{}, nil)
	saved := &domain.ProductSaved{Item: "p-1"}
	saved.SKU, saved.Name = "P-1", "Pier lamp"
	if _, err := in.app.conn.POS().Append(t.Context(), "pier", []domain.Envelope{in.envelope(saved)}); err != nil {
		t.Fatal(err)
	}
	in.await("put aside", func() bool { return in.app.engine.Load().project.Stats().DeadLetters == 1 })
	in.stop()
	pier := in.cfg.Stores[0]
	pier.ID, pier.BigCommerce = "pier", BigCommerce{}
	in.cfg.Stores = append(in.cfg.Stores, pier)
	in.start()
	wish := console.RebuildWish{Item: "p-1", Store: "pier", DryRun: true}
	if r := in.rebuild(wish); r.Compared.Products != 1 || !slices.Equal(r.Compared.Examples[0].Fields, []string{projections.Extra}) {
		t.Errorf("a dry run says %+v", r)
	}
	open := func() []streams.Letter {
		letters, err := in.app.conn.DeadLetters().List(t.Context(), "", true)
		if err != nil {
			t.Fatal(err)
		}
		return letters
	}
	if len(open()) != 1 {
		t.Errorf("after a dry run: %+v", open())
	}
	wish.DryRun = false
	if r := in.rebuild(wish); r.Replaced != 1 || len(open()) != 0 {
		t.Errorf("a rebuild says %+v, and leaves open %+v", r, open())
	}
	if r := in.rebuild(console.RebuildWish{DryRun: true}); r.Compared.Products != 0 {
		t.Errorf("of everything: %+v", r.Compared)
	}
}

// TestRebuild_itemAtWork: rebuilds of an item to which things happen lose none of them.
func TestRebuild_itemAtWork(t *testing.T) {
	t.Parallel()
	in := shopOfShirts(t, 2)
	var rebuilds atomic.Int64
	done := make(chan struct{})
	go func() {
		defer close(done)
		for rebuilds.Load() < 20 {
			if r := in.rebuildItem("i-00", false); r.Compared == nil || r.Compared.Products != 0 {
				t.Errorf("something differs: %+v", r)
			}
			rebuilds.Add(1)
		}
	}()
	n := 0
	for ; rebuilds.Load() < 20; n++ {
		in.happen(counted("i-00", n))
	}
	<-done
	in.settle()
	if p, _ := in.shop.ProductBySKU("S-00"); in.shop.Stock(1, p.ID, 0) != int64(n-1) {
		t.Errorf("BigCommerce has a stock of %d, want %d", in.shop.Stock(1, p.ID, 0), n-1)
	}
	if r := in.rebuild(console.RebuildWish{DryRun: true}); r.Compared.Products != 0 {
		t.Errorf("what is in use is not what the log says: %+v", r)
	}
}
