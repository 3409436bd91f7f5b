package projections

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/tillstream/tillstream/domain"
)

// Difference is one product that two catalogs have folded differently.
type Difference struct {
	Store   domain.StoreID   `json:"store"`
	Product domain.ProductID `json:"product"`
	// Fields name what differs, without the items it differs in: "description",
	// "retail_price", "stock". It is [Bookkeeping] where only positions, counts and
	// stamps do.
	Fields  []string      `json:"fields"`
	Changes []FieldChange `json:"changes,omitempty"`
	// Shown says that BigCommerce is to show something else.
	Shown bool `json:"shown"`

	// What BigCommerce was to show before and is to show now, and the position of the
	// state that says so; empty where there is no state.
	Was, Digest string          `json:"-"`
	Position    domain.Position `json:"-"`
}

// FieldChange is one field of a product, or of one of its items, that differs.
type FieldChange struct {
	Field  string `json:"field"`
	Before string `json:"before"`
	After  string `json:"after"`
}

// Bookkeeping stands for what a snapshot holds besides what a product is.
const Bookkeeping = "bookkeeping"

// Missing and Extra stand for the whole of a product that only one catalog has.
const (
	Missing = "missing" // in the later one
	Extra   = "extra"
)

// CompareCatalogs calls each with every product that differs between two catalogs that
// are at the same position, in the order of their trees, and returns the tree of the
// later one. It reads the states of no others. Rules say how a store's products are
// shown.
func CompareCatalogs(ctx context.Context, before, after *Catalog, rules func(domain.StoreID) domain.Rules, each func(Difference) error) (*Tree, error) {
	if b, a := before.Position(), after.Position(); b != a {
		return nil, fmt.Errorf("compare catalogs: one is at position %d, the other at %d", b, a)
	}
	was, err := before.Tree()
	if err != nil {
		return nil, err
	}
	is, err := after.Tree()
	if err != nil {
		return nil, err
	}
	differing, err := DifferingProducts(ctx, was, is, math.MaxInt)
	if err != nil {
		return nil, err
	}
	for _, d := range differing {
		one, err := compareProduct(ctx, before, after, d.Store, d.Product, rules(d.Store))
		if err != nil {
			return nil, err
		}
		if err := each(one); err != nil {
			return nil, err
		}
	}
	return is, nil
}

func compareProduct(ctx context.Context, before, after *Catalog, store domain.StoreID, id domain.ProductID, rules domain.Rules) (Difference, error) {
	was, err := productOrNone(ctx, before, store, id)
	if err != nil {
		return Difference{}, err
	}
	is, err := productOrNone(ctx, after, store, id)
	if err != nil {
		return Difference{}, err
	}
	return differenceOf(store, id, was, is, rules), nil
}

// differenceOf says what differs between two states of a product that are not the same;
// nil is none.
func differenceOf(store domain.StoreID, id domain.ProductID, was, is *domain.Product, rules domain.Rules) Difference {
	d := Difference{Store: store, Product: id}
	if was != nil {
		l := was.Listing(rules)
		d.Was = l.Digest()
	}
	if is != nil {
		l := is.Listing(rules)
		d.Digest, d.Position = l.Digest(), is.Position
	}
	d.Shown = d.Was != d.Digest
	switch {
	case is == nil:
		d.Fields = []string{Missing}
	case was == nil:
		d.Fields = []string{Extra}
	default:
		for _, c := range Compare(was, is) {
			d.Changes = append(d.Changes, FieldChange(c))
			if name := FieldName(c.Field, was, is); !slices.Contains(d.Fields, name) {
				d.Fields = append(d.Fields, name)
			}
		}
		if len(d.Fields) == 0 {
			d.Fields = []string{Bookkeeping}
		}
	}
	return d
}

func productOrNone(ctx context.Context, c *Catalog, store domain.StoreID, id domain.ProductID) (*domain.Product, error) {
	p, err := c.Product(ctx, store, id)
	if errors.Is(err, domain.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &p, nil
}

// FieldName is the name of a field of [Compare] without the item and the outlet. States
// are those that were compared.
func FieldName(field string, states ...*domain.Product) string {
	for _, p := range states {
		if p == nil {
			continue
		}
		for _, it := range p.Items {
			if name, ok := strings.CutPrefix(field, "items."+string(it.ID)+"."); ok {
				field = name
			}
		}
	}
	if strings.HasPrefix(field, "stock.") {
		return "stock"
	}
	return strings.TrimPrefix(field, "family.")
}
