package publish_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/bigcommerce"
	"github.com/tillstream/tillstream/handlers/bigcommerce/simulator"
	"github.com/tillstream/tillstream/handlers/publish"
	"github.com/tillstream/tillstream/projections"
	"github.com/tillstream/tillstream/streams"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const store domain.StoreID = "demo"

// bucket keeps snapshots in memory.
type bucket struct {
	mu      sync.Mutex
	entries map[domain.Key][]byte
}

func (b *bucket) Get(_ context.Context, key domain.Key) (domain.Entry, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	value, ok := b.entries[key]
	if !ok {
		return domain.Entry{}, domain.ErrNotFound
	}
	return domain.Entry{Key: key, Value: value}, nil
}

func (b *bucket) PutAll(_ context.Context, entries []domain.Entry) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, e := range entries {
		b.entries[e.Key] = slices.Clone(e.Value)
	}
	return nil
}

func (b *bucket) FromPage(context.Context, uint64, ...domain.Key) ([]domain.Entry, error) {
	return nil, domain.ErrNotFound
}

func (b *bucket) PutPages(ctx context.Context, entries []domain.Entry) error {
	return b.PutAll(ctx, entries)
}

func (b *bucket) Scan(context.Context, domain.StoreID, uint64, func(domain.Entry) error) error {
	return nil
}

func (b *bucket) Extent(context.Context) (domain.Extent, error) { return domain.Extent{}, nil }

// syncLog keeps the SYNC log in memory, so that a restart can be told from it.
type syncLog struct {
	mu     sync.Mutex
	events []domain.Recorded
	ids    map[domain.EventID]domain.Position
	fail   error // of the next appends
	stop   func([]domain.Envelope) bool
}

func (l *syncLog) Append(ctx context.Context, store domain.StoreID, events []domain.Envelope) ([]streams.Appended, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.fail != nil {
		return nil, l.fail
	}
	if l.stop != nil && l.stop(events) {
		return nil, errors.New("power cut")
	}
	out := make([]streams.Appended, len(events))
	for i, e := range events {
		if at, known := l.ids[e.ID]; known {
			out[i] = streams.Appended{Position: at, Duplicate: true}
			continue
		}
		at := domain.Position(len(l.events) + 1)
		l.ids[e.ID] = at
		l.events = append(l.events, domain.Recorded{Envelope: e, Store: store, Position: at, RecordedAt: e.Time})
		out[i] = streams.Appended{Position: at}
	}
	return out, ctx.Err()
}

func (l *syncLog) Last(context.Context) (domain.Position, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return domain.Position(len(l.events)), nil
}

func (l *syncLog) Read(_ context.Context, _ domain.StoreID, _ string, from, to domain.Position, each func(domain.Recorded, error) error) error {
	l.mu.Lock()
	events := slices.Clone(l.events)
	l.mu.Unlock()
	for _, e := range events {
		if e.Position >= from && e.Position <= to {
			if err := each(e, nil); err != nil {
				return err
			}
		}
	}
	return nil
}

// recorded returns the events of one type, decoded.
func recorded[E domain.Event](l *syncLog) []E {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []E
	for _, rec := range l.events {
		if event, err := rec.Event(); err == nil {
			if e, ok := event.(E); ok {
				out = append(out, e)
			}
		}
	}
	return out
}

// shop is a POS, a BigCommerce store and what is between them, in one bubble of
// fake time.
type shop struct {
	t        testing.TB
	cfg      publish.Config
	sim      *simulator.Store
	log      *syncLog
	catalog  *projections.Catalog
	pubs     *projections.Publications
	position domain.Position

	*publish.Publisher
	stop     func() error
	mu       sync.Mutex
	outcomes []publish.Outcome
}

func newShop(t testing.TB, sim simulator.Config, change func(*publish.Config)) *shop {
	t.Helper()
	s := &shop{t: t, sim: simulator.New(sim), log: &syncLog{ids: map[domain.EventID]domain.Position{}}}
	var err error
	s.catalog, err = projections.OpenCatalog(t.Context(), &bucket{entries: map[domain.Key][]byte{}},
		func(domain.StoreID) domain.StockMode { return domain.StockLevels }, 0)
	if err != nil {
		t.Fatalf("open a catalog: %v", err)
	}
	client, err := bigcommerce.New(bigcommerce.Config{StoreHash: "demo", Token: "demo", HTTPClient: s.sim.Client()})
	if err != nil {
		t.Fatalf("make a client: %v", err)
	}
	s.cfg = publish.Config{Store: store, Client: client, Catalog: s.catalog, Log: s.log, OnOutcome: func(o publish.Outcome) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.outcomes = append(s.outcomes, o)
	}}
	if change != nil {
		change(&s.cfg)
	}
	s.open()
	return s
}

// open makes a publisher as a new process does: from the logs alone.
func (s *shop) open() {
	s.t.Helper()
	pubs, err := projections.OpenPublications(s.t.Context(), &bucket{entries: map[domain.Key][]byte{}}, s.log, nil)
	if err != nil {
		s.t.Fatalf("open publications: %v", err)
	}
	s.pubs, s.cfg.Publications = pubs, pubs
	if s.Publisher, err = publish.New(s.cfg); err != nil {
		s.t.Fatalf("make a publisher: %v", err)
	}
}

// run starts the publisher; it is stopped when the test ends, if not before.
func (s *shop) run() {
	s.t.Helper()
	ctx, cancel := context.WithCancel(s.t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	stopped := false
	s.stop = func() error {
		if stopped {
			return nil
		}
		stopped = true
		cancel()
		err := <-done
		if !errors.Is(err, context.Canceled) {
			s.t.Errorf("Run: %v, want %v", err, context.Canceled)
		}
		return err
	}
	s.t.Cleanup(func() { _ = s.stop() })
}

// idle waits until nothing is left that can be done now.
func (s *shop) idle() {
	s.t.Helper()
	if err := s.Idle(s.t.Context()); err != nil {
		s.t.Fatalf("wait for the publisher: %v", err)
	}
}

// pass lets time go by.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// item is one POS item and its stock at the one outlet.
type item struct {
	id, product, sku, name string
	options                []domain.Option
	price, cost            string
	description, brand     string
	hidden, untracked      bool
	images                 []string
	stock                  string
}

// save records snapshots, each with a reading of its stock if that is said, and
// then wakes the publisher.
func (s *shop) save(items ...item) {
	s.t.Helper()
	var woken []domain.ProductID
	for _, it := range items {
		if it.product == "" {
			it.product = it.id
		}
		if it.name == "" {
			it.name = "Product " + it.product
		}
		product, price, cost := domain.ProductID(it.product), money(it.price), money(it.cost)
		active, tracked := !it.hidden, !it.untracked
		woken = append(woken, s.fold(&domain.ProductSaved{Item: domain.ItemID(it.id), Description: domain.Description{
			SKU: domain.SKU(it.sku), Name: it.name, Product: &product, Description: &it.description, Brand: &it.brand,
			Options: &it.options, RetailPrice: &price, SupplyPrice: &cost, Active: &active, TrackInventory: &tracked, Images: &it.images,
		}})...)
		if it.stock != "" {
			s.fold(counted(it.id, it.stock))
		}
	}
	for _, id := range woken {
		s.Wake(id)
	}
}

func (s *shop) count(id, onHand string) {
	s.t.Helper()
	s.happen(counted(id, onHand))
}

func counted(id, onHand string) domain.Event {
	return &domain.StockCounted{Item: domain.ItemID(id), Outlet: "Quayside", OnHand: domain.MustQuantity(onHand), Count: "c"}
}

func (s *shop) delete(id string) {
	s.t.Helper()
	s.happen(&domain.ProductDeleted{Item: domain.ItemID(id)})
}

// happen folds an event of the POS and wakes the publisher.
func (s *shop) happen(event domain.Event) {
	s.t.Helper()
	for _, id := range s.fold(event) {
		s.Wake(id)
	}
}

// fold folds an event of the POS and returns the products it changed.
func (s *shop) fold(event domain.Event) []domain.ProductID {
	s.t.Helper()
	s.position++
	e, err := domain.NewEnvelope(domain.EventID("e-"+strconv.Itoa(int(s.position))), "/pos/test", time.Now(), event)
	if err != nil {
		s.t.Fatalf("event: %v", err)
	}
	e.SourceVersion = uint64(s.position)
	before, held := s.catalog.Holder(store, domain.ItemID(event.Subject()))
	outcome, err := s.catalog.Fold(s.t.Context(), domain.Recorded{Envelope: e, Store: store, Position: s.position, RecordedAt: time.Now()}, event)
	if err != nil {
		s.t.Fatalf("fold: %v", err)
	}
	if outcome == "" {
		return nil
	}
	now, _ := s.catalog.Holder(store, domain.ItemID(event.Subject()))
	changed := []domain.ProductID{now}
	if held && before != now {
		changed = append(changed, before)
	}
	return changed
}

func money(m string) domain.Money {
	if m == "" {
		m = "10"
	}
	return domain.MustMoney(m)
}

// listing is what BigCommerce is to show of a product.
func (s *shop) listing(id domain.ProductID) domain.Listing {
	s.t.Helper()
	p, err := s.catalog.Product(s.t.Context(), store, id)
	if err != nil {
		s.t.Fatalf("product %s: %v", id, err)
	}
	return p.Listing(s.cfg.Rules)
}

func (s *shop) publication(id domain.ProductID) projections.Publication {
	return s.pubs.Publication(store, id)
}

// twin is the BigCommerce product that a product is linked to.
func (s *shop) twin(id domain.ProductID) simulator.Product {
	s.t.Helper()
	link := s.publication(id).Link
	if link == nil {
		s.t.Fatalf("product %s is not linked", id)
	}
	p, ok := s.sim.Product(link.BigCommerceID)
	if !ok {
		s.t.Fatalf("product %s: BigCommerce has no product %d", id, link.BigCommerceID)
	}
	return p
}

// link ties products to new, empty twins, as an operator does.
func (s *shop) link(ids ...domain.ProductID) {
	s.t.Helper()
	for _, id := range ids {
		l := s.listing(id)
		seed := simulator.NewProduct("twin of "+string(id), "old-"+string(id), 1)
		if !l.Simple() {
			seed.SKU = ""
			for _, v := range l.Variants {
				picks := []simulator.VariantPick{}
				for _, o := range v.Options {
					picks = append(picks, simulator.VariantPick{Option: o.Name, Label: o.Value})
				}
				seed.Variants = append(seed.Variants, simulator.Variant{SKU: string(v.SKU), OptionValues: picks})
			}
		}
		if err := s.sim.Seed(seed); err != nil {
			s.t.Fatalf("seed a twin of %s: %v", id, err)
		}
		all := s.sim.Products()
		if _, err := s.Link(s.t.Context(), id, all[len(all)-1].ID, false); err != nil {
			s.t.Fatalf("link %s: %v", id, err)
		}
	}
}

// differences lists the POS-owned fields in which BigCommerce differs.
func (s *shop) differences(id domain.ProductID) []string {
	s.t.Helper()
	l, twin := s.listing(id), s.twin(id)
	link := s.publication(id).Link
	var out []string
	compare := func(field string, got, want any) {
		if got != want {
			out = append(out, fmt.Sprintf("%s of %s: %v in BigCommerce, %v in the POS", field, id, got, want))
		}
	}
	simple := twin.BaseVariantID != nil
	compare("name", twin.Name, l.Name)
	compare("description", twin.Description, l.Description)
	compare("brand", s.sim.Brand(twin.BrandID), l.Brand)
	compare("visible", twin.IsVisible, offered(&l))
	want := "none"
	if l.Tracked {
		want = map[bool]string{true: "product", false: "variant"}[simple]
	}
	compare("tracking", twin.InventoryTracking, want)
	if l.Deleted {
		for _, v := range link.Variants {
			for location := int64(1); location <= 2 && l.Tracked; location++ {
				compare(fmt.Sprintf("stock of %s at %d", v.Item, location), s.sim.Stock(location, twin.ID, map[bool]int64{false: v.BigCommerceID}[simple]), int64(0))
			}
		}
		return out
	}
	compare("simple", simple, l.Simple())
	if simple {
		compare("sku", twin.SKU, string(l.Variants[0].SKU))
		compare("price", twin.Price, float(l.Variants[0].Price))
		compare("cost", twin.CostPrice, float(l.Variants[0].Cost))
	}
	compare("number of variants", len(twin.Variants), len(l.Variants))
	for _, v := range l.Variants {
		linked, ok := link.Variant(v.Item)
		at := slices.IndexFunc(twin.Variants, func(w simulator.Variant) bool { return w.ID == linked.BigCommerceID })
		if !ok || at < 0 {
			compare("variant of "+string(v.Item), "none", "one")
			continue
		}
		w := twin.Variants[at]
		if !simple {
			compare("sku of "+string(v.Item), w.SKU, string(v.SKU))
			compare("price of "+string(v.Item), deref(w.Price), float(v.Price))
			compare("cost of "+string(v.Item), deref(w.CostPrice), float(v.Cost))
			compare("options of "+string(v.Item), picks(w.OptionValues), options(v.Options))
		}
		for _, level := range v.Stock {
			variant := linked.BigCommerceID
			if simple {
				variant = 0
			}
			compare(fmt.Sprintf("stock of %s at %d", v.Item, level.Location), s.sim.Stock(level.Location, twin.ID, variant), level.Quantity)
		}
	}
	return out
}

// agree fails the test where BigCommerce differs from the POS.
func (s *shop) agree(ids ...domain.ProductID) {
	s.t.Helper()
	for _, id := range ids {
		for _, d := range s.differences(id) {
			s.t.Error(d)
		}
	}
}

// requests are those that the publisher made, as "METHOD path".
func (s *shop) requests() []string {
	var out []string
	for _, r := range s.sim.Requests() {
		if r.Actor == "api" {
			out = append(out, r.Method+" "+r.Path)
		}
	}
	return out
}

// sent counts the requests of one kind, such as "PUT /catalog/products".
func (s *shop) sent(kind string) int {
	n := 0
	for _, r := range s.requests() {
		if r == kind {
			n++
		}
	}
	return n
}

func deref(f *float64) float64 {
	if f == nil {
		return math.NaN()
	}
	return *f
}

func float(m domain.Money) float64 {
	f, _ := m.Decimal().Float64()
	return f
}

func picks(values []simulator.VariantPick) string {
	var out []string
	for _, v := range values {
		out = append(out, v.Option+"="+v.Label)
	}
	slices.Sort(out)
	return fmt.Sprint(out)
}

func options(values []domain.Option) string {
	var out []string
	for _, v := range values {
		out = append(out, v.Name+"="+v.Value)
	}
	slices.Sort(out)
	return fmt.Sprint(out)
}

func size(value string) []domain.Option { return []domain.Option{{Name: "Size", Value: value}} }

// offered reports whether customers are to see a product. One whose items have all
// moved to other products has no price, and is not shown at none.
func offered(l *domain.Listing) bool { return l.Visible && len(l.Variants) > 0 }
