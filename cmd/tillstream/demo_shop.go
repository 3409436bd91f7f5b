package main

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/bigcommerce/simulator"
	goods "github.com/tillstream/tillstream/handlers/pos/simulator"
)

// demoShop is the simulated BigCommerce of the demo, served on this machine.
type demoShop struct {
	*demoServer
	store *simulator.Store
	token string

	mu      sync.Mutex
	changes map[int64][]simulator.Change // by product, since they were last taken
}

// demoQuota is that of BigCommerce's Pro plan, per window.
const demoQuota = 450

// demoWindow is the quota's window, shortened alike for a day that is played faster
// than the demo's own.
func demoWindow(day time.Duration) time.Duration {
	const shortest = 20 * time.Millisecond
	part := min(1, float64(day)/float64(demoDay))
	return max(shortest, time.Duration(part*float64(simulator.DefaultWindow)))
}

func openDemoShop(day time.Duration) (*demoShop, error) {
	s := &demoShop{token: rand.Text(), changes: map[int64][]simulator.Change{}}
	s.store = simulator.New(simulator.Config{
		StoreHash: demoStore, Token: s.token, Quota: demoQuota, Window: demoWindow(day), LogLimit: 1000, OnChange: s.changed,
	})
	for _, twin := range goods.Twins() {
		if err := s.store.Seed(seedOf(s.store, &twin)); err != nil {
			return nil, fmt.Errorf("demo: %w", err)
		}
	}
	var err error
	s.demoServer, err = serveDemo("BigCommerce", s.store)
	return s, err
}

// demoServer serves a stand-in on this machine.
type demoServer struct {
	url    string
	server *http.Server
	served chan error
}

func serveDemo(what string, h http.Handler) (*demoServer, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("demo: simulated %s: %w", what, err)
	}
	s := &demoServer{
		url: "http://" + listener.Addr().String(), served: make(chan error, 1),
		server: &http.Server{Handler: h, ReadHeaderTimeout: headerTimeout},
	}
	go func() { s.served <- s.server.Serve(listener) }()
	return s, nil
}

func (s *demoServer) close() {
	_ = s.server.Close() // it is a simulation in this process: nothing is lost
	<-s.served
}

func (s *demoShop) changed(c simulator.Change) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.changes[c.Product] = append(s.changes[c.Product], c)
}

// take returns what has changed in a product since it was last asked.
func (s *demoShop) take(product int64) []simulator.Change {
	s.mu.Lock()
	defer s.mu.Unlock()
	taken := s.changes[product]
	delete(s.changes, product)
	return taken
}

// seedOf makes the simulated product of a twin.
func seedOf(store *simulator.Store, t *goods.Twin) simulator.Product {
	p := simulator.NewProduct(t.Name, t.SKU, amount(t.Price))
	p.Description, p.CostPrice, p.IsVisible = t.Description, amount(t.CostPrice), t.Visible
	if t.Brand != "" {
		p.BrandID = store.AddBrand(t.Brand)
	}
	p.Weight, p.Width, p.Height, p.Depth = t.Weight, t.Width, t.Height, t.Depth
	p.SalePrice, p.RetailPrice, p.ProductTaxCode, p.GTIN = amount(t.SalePrice), amount(t.MSRP), t.TaxCode, t.GTIN
	p.PageTitle, p.MetaDescription, p.SearchKeywords = t.PageTitle, t.MetaDescription, t.SearchKeywords
	if t.Categories != nil {
		p.Categories = t.Categories
	}
	for _, f := range t.CustomFields {
		p.CustomFields = append(p.CustomFields, simulator.CustomField{Name: f.Name, Value: f.Value})
	}
	for _, name := range t.Modifiers {
		p.Modifiers = append(p.Modifiers, simulator.Modifier{DisplayName: name, Type: "text"})
	}
	switch {
	case t.Tracked && len(t.Variants) > 0:
		p.InventoryTracking = "variant"
	case t.Tracked:
		p.InventoryTracking, p.InventoryLevel = "product", t.Stock
	}
	for _, v := range t.Variants {
		variant := simulator.Variant{SKU: v.SKU, InventoryLevel: v.Stock}
		if v.Weight > 0 {
			variant.Weight = &v.Weight
		}
		for _, o := range v.Options {
			variant.OptionValues = append(variant.OptionValues, simulator.VariantPick{Label: o.Value, Option: o.Name})
		}
		p.Variants = append(p.Variants, variant)
	}
	return p
}

func amount(m domain.Money) float64 {
	f, err := strconv.ParseFloat(m.String(), 64)
	if err != nil {
		panic(fmt.Sprintf("money %s is no number: %v", m, err)) // it was checked when it was made
	}
	return f
}

// tell says what changed in a product of the shop, in a few words: "stock 9 → 7
// (Navy / M), price 86 → 79". What changed several times is told once.
func (s *demoShop) tell(product int64) string {
	p, ok := s.store.Product(product)
	if !ok {
		return "gone from BigCommerce"
	}
	type field struct {
		variant int64
		name    string
	}
	var order []field
	first, last := map[field]json.RawMessage{}, map[field]json.RawMessage{}
	var parts []string
	for _, c := range s.take(product) {
		if c.Verb != simulator.Updated {
			if c.Kind == "variant" {
				parts = append(parts, "variant "+string(c.Verb))
			}
			continue
		}
		for _, f := range c.Fields {
			name := f.Name
			switch {
			case name == "date_modified" || name == "calculated_price" || name == "inventory_level":
				continue // they follow from the others
			case c.Kind == "stock":
				name = "stock"
			}
			at := field{c.Variant, name}
			if _, known := first[at]; !known {
				order, first[at] = append(order, at), f.Before
			}
			last[at] = f.After
		}
	}
	for i, at := range order {
		// The price of a product is also that of its first variant.
		again := slices.ContainsFunc(order[i+1:], func(other field) bool {
			return other.name == at.name && at.variant == 0 && bytes.Equal(first[at], first[other]) && bytes.Equal(last[at], last[other])
		})
		if !again && !bytes.Equal(first[at], last[at]) {
			parts = append(parts, fieldWords(&p, at.variant, at.name, first[at], last[at]))
		}
	}
	return strings.Join(slices.Compact(parts), ", ")
}

func fieldWords(p *simulator.Product, variant int64, name string, before, after json.RawMessage) string {
	of := ""
	for _, v := range p.Variants {
		if v.ID == variant && len(v.OptionValues) > 0 {
			var labels []string
			for _, pick := range v.OptionValues {
				labels = append(labels, pick.Label)
			}
			of = " (" + strings.Join(labels, " / ") + ")"
		}
	}
	show := plain
	switch name {
	case "description", "name":
		show = excerpt
	case "price", "cost_price":
		show = priceOf
	}
	return fmt.Sprintf("%s %s → %s%s", strings.ReplaceAll(strings.TrimPrefix(name, "is_"), "_", " "), show(before), show(after), of)
}

func plain(raw json.RawMessage) string {
	if len(raw) == 0 || string(raw) == "null" {
		return "–"
	}
	return string(raw)
}

// priceOf has two decimals, as people write prices.
func priceOf(raw json.RawMessage) string {
	var n *float64
	if err := json.Unmarshal(raw, &n); err != nil || n == nil {
		return plain(raw)
	}
	return strconv.FormatFloat(*n, 'f', 2, 64)
}

// excerpt is the beginning of a text.
func excerpt(raw json.RawMessage) string {
	var s string
	if err := json.Unmarshal(raw, &s); err != nil && len(raw) > 0 {
		return errors.Join(err).Error()
	}
	const most = 28
	if r := []rune(oneLine(s)); len(r) > most {
		s = string(r[:most-1]) + "…"
	}
	return strconv.Quote(oneLine(s))
}
