package simulator

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"reflect"
	"slices"
	"sync"

	"github.com/tillstream/tillstream/handlers/standin"
)

// Store is one simulated BigCommerce store. It is an http.Handler, safe for concurrent use.
type Store struct {
	cfg     Config
	mux     *http.ServeMux
	product *schema
	variant *schema

	mu         sync.Mutex
	rand       *rand.Rand
	products   map[int64]*Product // a product in it is never changed, only replaced
	order      []int64            // product ids, ascending
	names      map[string]int64   // folded, to product
	urls       map[string]int64   // folded, to product
	skus       map[string]int64   // folded, of products and variants, to product
	variants   map[int64]int64    // to product
	brands     brands
	channels   map[int64][]int64 // of a product, ascending
	stock      map[stockKey]int64
	settings   map[stockKey]stockSettings
	lagging    []lagging
	postponed  []postponed // by when they are due
	hooks      map[int64]*hook
	hookEmails map[string][]string // by client
	outbox     outbox
	last       lastIDs

	window     window
	active     int            // requests in progress
	activeAt   map[string]int // those that fall under an endpoint limit
	faults     []*standing
	revoked    bool
	down       bool
	log        requestLog
	published  map[int64]string // products whose images are still the business of the client that created them
	violations standin.Recent[Violation]
	unshown    []Change   // for OnChange, in order
	showing    sync.Mutex // held while OnChange is told
	released   chan struct{}
}

// lastIDs are the ids given out last. BigCommerce numbers each kind of thing on its own; the ranges here lie apart, so
// that an id used for another kind of thing is not found rather than taken for a wrong one.
type lastIDs struct {
	product, variant, sku, option, value, image, field, modifier, hook, event int64
}

func firstIDs() lastIDs {
	return lastIDs{product: 1_000_000, variant: 20_000_000, sku: 40_000_000, option: 60_000_000, value: 70_000_000, image: 90_000_000, field: 95_000_000, modifier: 97_000_000, hook: 18_000_000}
}

func next(last *int64) int64 {
	*last++
	return *last
}

// New returns an empty store. It panics when a setting or a fault of cfg cannot be so; [Config.Check] tells before.
func New(cfg Config) *Store {
	if err := cfg.Check(); err != nil {
		panic("simulator: " + err.Error())
	}
	cfg = cfg.withDefaults()
	s := &Store{
		cfg:        cfg,
		product:    schemaOf(reflect.TypeFor[Product](), productRules()),
		variant:    schemaOf(reflect.TypeFor[Variant](), variantRules()),
		rand:       rand.New(rand.NewPCG(cfg.Seed, 0)),
		products:   map[int64]*Product{},
		names:      map[string]int64{},
		urls:       map[string]int64{},
		skus:       map[string]int64{},
		variants:   map[int64]int64{},
		brands:     newBrands(),
		channels:   map[int64][]int64{},
		stock:      map[stockKey]int64{},
		settings:   map[stockKey]stockSettings{},
		hooks:      map[int64]*hook{},
		hookEmails: map[string][]string{},
		outbox:     outbox{queue: standin.NewQueue[Delivery](), domains: map[domain]*calls{}, tried: standin.Recent[Delivery]{Limit: cfg.LogLimit}},
		last:       firstIDs(),
		activeAt:   map[string]int{},
		window:     newWindow(cfg, cfg.Now()),
		log:        requestLog{Recent: standin.Recent[*Request]{Limit: cfg.LogLimit}},
		published:  map[int64]string{},
		violations: standin.Recent[Violation]{Limit: cfg.LogLimit},
		released:   make(chan struct{}),
	}
	s.routes()
	for _, fault := range cfg.Faults {
		s.add(fault)
	}
	return s
}

// Products returns every product, in the order of their ids.
func (s *Store) Products() []Product {
	defer s.tell()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settleStock()
	all := make([]Product, 0, len(s.order))
	for _, id := range s.order {
		all = append(all, *s.products[id])
	}
	return all
}

// Product returns the product of that id.
func (s *Store) Product(id int64) (Product, bool) {
	defer s.tell()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settleStock()
	p, ok := s.products[id]
	if !ok {
		return Product{}, false
	}
	return *p, true
}

// ProductBySKU returns the product that has the SKU itself or a variant of that SKU.
func (s *Store) ProductBySKU(sku string) (Product, bool) {
	s.mu.Lock()
	id := s.skus[fold(sku)]
	s.mu.Unlock()
	return s.Product(id)
}

// Brand returns the name of a brand, and "" for an unknown one.
func (s *Store) Brand(id int64) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.brands.byID[id]
}

// Seed puts products into the store as they are, with the ids they lack, without a request. [NewProduct] makes one. A
// product without variants gets its base variant; options may be left to the labels of the variants' option values.
func (s *Store) Seed(products ...Product) error {
	defer s.tell()
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range products {
		if _, err := (&tx{store: s}).plant(products[i], nil); err != nil {
			return err
		}
	}
	return nil
}

// plant adds a product with the ids it lacks, or takes everything back; the keys are those to be logged.
func (t *tx) plant(given Product, keys []string) (*Product, error) {
	p := given.clone()
	if err := t.store.resolve(p); err != nil {
		t.rollback()
		return nil, err
	}
	t.store.number(p)
	if refusal := t.create(p, keys); refusal != nil {
		t.rollback()
		return nil, fmt.Errorf("product %q (SKU %q): %s", p.Name, p.SKU, refusal.title)
	}
	t.stockAsShown(p)
	return p, nil
}

// resolve gives ids to the option values that a given product's variants name by their labels only, in copies of its
// own, since the caller may give the same value again.
func (s *Store) resolve(p *Product) error {
	for i := range p.Options {
		p.Options[i].Values = slices.Clone(p.Options[i].Values)
	}
	for i := range p.Variants {
		p.Variants[i].OptionValues = slices.Clone(p.Variants[i].OptionValues)
		for j, pick := range p.Variants[i].OptionValues {
			if pick.ID != 0 {
				continue
			}
			resolved, fault := s.bornPick(p, pick)
			if fault != nil {
				return fmt.Errorf("product %q: variant %q: %s", p.Name, p.Variants[i].SKU, fault.title)
			}
			p.Variants[i].OptionValues[j] = resolved
		}
	}
	return nil
}

// AddBrand makes a brand, unless there is one of that name, and returns its id.
func (s *Store) AddBrand(name string) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.brands.find(name)
}

// number gives ids to everything in p that has none.
func (s *Store) number(p *Product) {
	if p.ID == 0 {
		p.ID = next(&s.last.product)
	} else {
		s.last.product = max(s.last.product, p.ID)
	}
	for i := range p.CustomFields {
		if p.CustomFields[i].ID == 0 {
			p.CustomFields[i].ID = next(&s.last.field)
		}
	}
	for i := range p.Modifiers {
		p.Modifiers[i].ProductID = p.ID
		if p.Modifiers[i].ID == 0 {
			p.Modifiers[i].ID = next(&s.last.modifier)
		}
	}
	for i := range p.Images {
		p.Images[i].ProductID = p.ID
		if p.Images[i].ID == 0 {
			p.Images[i].ID = next(&s.last.image)
		}
	}
	for i := range p.Options {
		o := &p.Options[i]
		o.ProductID = p.ID
		if o.ID == 0 {
			o.ID = next(&s.last.option)
		}
		for j := range o.Values {
			if o.Values[j].ID == 0 {
				o.Values[j].ID = next(&s.last.value)
			}
		}
	}
	if len(p.Variants) == 0 && len(p.Options) == 0 {
		s.addBaseVariant(p)
		return
	}
	for i := range p.Variants {
		v := &p.Variants[i]
		if v.ID == 0 {
			v.ID = next(&s.last.variant)
		}
		if v.SKUID == nil && len(v.OptionValues) > 0 {
			id := next(&s.last.sku)
			v.SKUID = &id
		}
	}
}

// addBaseVariant gives a product without options the one variant it needs, with a new id.
func (s *Store) addBaseVariant(p *Product) {
	id := next(&s.last.variant)
	p.BaseVariantID = &id
	p.Variants = []Variant{{ID: id, ProductID: p.ID, SKU: p.SKU, OptionValues: []VariantPick{}}}
}
