package simulator

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// standing is a fault that was added, with what is left of it.
type standing struct {
	Fault
	from, until time.Time
	endless     bool
}

// Fail adds a fault. Of several that match a request, the one added first is met.
func (s *Store) Fail(f Fault) error {
	if err := f.validate(); err != nil {
		return fmt.Errorf("fault: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.add(f)
	return nil
}

func (s *Store) add(f Fault) {
	if f.Kind == QuotaChange && f.Count == 0 {
		f.Count = 1
	}
	added := &standing{Fault: f, from: s.cfg.Now().Add(s.real(f.After)), until: f.Until, endless: f.Count == 0}
	if f.For > 0 {
		added.until = added.from.Add(s.real(f.For))
	}
	s.faults = append(s.faults, added)
}

// Faults returns the faults that still stand, with what is left of their Skip and Count.
func (s *Store) Faults() []Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.cfg.Now()
	left := []Fault{}
	for _, f := range s.faults {
		if !f.over(now) {
			left = append(left, f.Fault)
		}
	}
	return left
}

// over says that nothing can meet the fault any more.
func (f *standing) over(now time.Time) bool {
	return !f.endless && f.Count == 0 || !f.until.IsZero() && !now.Before(f.until)
}

// Heal removes every fault and lets go of requests that hang. It does not end [Store.Down] or [Store.RevokeToken].
func (s *Store) Heal() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
	close(s.released)
	s.released = make(chan struct{})
}

// meet returns the fault that a request meets, if any, and uses it up.
func (s *Store) meet(x *exchange) Fault {
	now := s.cfg.Now()
	for _, f := range s.faults {
		if f.over(now) || now.Before(f.from) || !matches(f.Match, x.log.Method, x.log.Path) || !s.concerns(f.Kind, x) {
			continue
		}
		if f.Skip > 0 {
			f.Skip--
			continue
		}
		if f.Probability > 0 && s.rand.Float64() >= f.Probability {
			continue
		}
		if f.Count > 0 {
			f.Count--
		}
		return f.Fault
	}
	return Fault{}
}

// concerns says whether a kind of fault can happen to a request at all.
func (s *Store) concerns(k Kind, x *exchange) bool {
	switch k {
	case ProductDeleted, ProductRecreated:
		p, _ := s.target(x)
		return p != nil
	case NameTaken:
		_, name := s.target(x)
		return name != ""
	}
	return true
}

// interfere has happen what a fault has happen just before a request is done.
func (s *Store) interfere(x *exchange) {
	switch x.fault.Kind {
	case ProductDeleted, ProductRecreated, NameTaken:
		p, name := s.target(x)
		s.merchantInterferes(x.fault.Kind, p, name)
	case QuotaChange:
		s.cfg.Quota = x.fault.Quota
		if x.fault.Window > 0 {
			s.cfg.Window = x.fault.Window
		}
		s.window.change(s.cfg, s.cfg.Now())
	}
}

// named is what a row of a body may name a product by, or call it.
type named struct {
	ID      int64  `json:"id"`
	Product int64  `json:"product_id"`
	Variant int64  `json:"variant_id"`
	SKU     string `json:"sku"`
	Name    string `json:"name"`
}

// target returns the first product that a request writes to, and the first name that it writes.
func (s *Store) target(x *exchange) (p *Product, name string) {
	if x.log.Method == http.MethodGet {
		return nil, ""
	}
	p = s.products[x.id("product")]
	for _, row := range x.rows() {
		if name == "" {
			name = row.Name
		}
		if p != nil {
			continue
		}
		switch {
		case x.log.Path == "/catalog/products":
			p = s.products[row.ID]
		case x.log.Path == "/catalog/variants" && row.ID != 0:
			p = s.products[s.variants[row.ID]]
		case row.Product != 0:
			p = s.products[row.Product]
		case row.Variant != 0:
			p = s.products[s.variants[row.Variant]]
		case strings.HasPrefix(x.log.Path, "/inventory/"):
			p = s.products[s.skus[fold(row.SKU)]]
		}
	}
	if strings.Contains(x.log.Path, "/options") || strings.HasPrefix(x.log.Path, "/hooks") {
		name = ""
	}
	return p, name
}

// rows reads a body as far as it names products, whatever its shape.
func (x *exchange) rows() []named {
	var rows []named
	if json.Unmarshal(x.body, &rows) == nil {
		return rows
	}
	var body struct {
		named
		Items []named `json:"items"`
	}
	if json.Unmarshal(x.body, &body) != nil {
		return nil
	}
	return append([]named{body.named}, body.Items...)
}
