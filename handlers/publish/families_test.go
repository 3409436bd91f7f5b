package publish_test

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/bigcommerce/simulator"
	"github.com/tillstream/tillstream/handlers/publish"
	"github.com/tillstream/tillstream/projections"
)

// shelf is what the POS sells at one moment: a valid catalog, in the order in which
// it is saved, and the items that are deleted before.
type shelf struct {
	Items    []item
	Deleted  []string
	Settle   bool // the publisher is done before the next change
	Restarts bool
}

// Families changed in any way, several at once and in any order: new options, new
// and renamed values, variants that come, go and return, SKUs exchanged, simple
// products that get options and lose them, items moved between products. In the
// end BigCommerce shows them all, and has no product twice.
func TestPublisher_Run_families(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		all := rapid.Bool().Draw(rt, "create all")
		var shelves []shelf
		for n := range rapid.IntRange(2, 5).Draw(rt, "shelves") {
			shelves = append(shelves, drawShelf(rt, n, shelves))
		}
		var wrong []string
		synctest.Test(t, func(t *testing.T) { wrong = stock(t, shelves, all) })
		if len(wrong) > 0 {
			rt.Fatalf("%v", wrong)
		}
	})
}

// drawShelf draws a catalog of up to seven items in three products.
func drawShelf(rt *rapid.T, n int, before []shelf) shelf {
	var s shelf
	skus := rapid.Permutation([]string{"A", "B", "C", "D", "E", "F", "G"}).Draw(rt, "skus")
	products := make([][]item, 3)
	for i := range 7 {
		id := fmt.Sprintf("i%d", i)
		p := rapid.IntRange(-1, 2).Draw(rt, "product of "+id)
		if p < 0 {
			if known := slices.ContainsFunc(before, func(b shelf) bool { return slices.ContainsFunc(b.Items, func(it item) bool { return it.id == id }) }); known {
				s.Deleted = append(s.Deleted, id)
			}
			continue
		}
		products[p] = append(products[p], item{id: id, product: fmt.Sprintf("p%d", p), sku: skus[i], stock: fmt.Sprint(n*10 + i), price: fmt.Sprint(n + i + 1)})
	}
	for p, items := range products {
		options := rapid.SampledFrom([][]string{{}, {"Size"}, {"Colour"}, {"Size", "Colour"}, {"Colour", "Size"}}).Draw(rt, "options")
		if len(items) > 1 && len(options) == 0 {
			options = []string{"Size"}
		}
		values := rapid.Permutation([]int{0, 1, 2, 3, 4, 5, 6, 7, 8}).Draw(rt, "values")
		for i := range items {
			items[i].name = fmt.Sprintf("Product %d of %d", p, n)
			for j, name := range options {
				v := values[i]
				if len(options) == 2 {
					v = []int{v / 3, v % 3}[j]
				}
				items[i].options = append(items[i].options, domain.Option{Name: name, Value: fmt.Sprintf("%s%d", []string{"v", "V"}[n%2], v)})
			}
		}
		s.Items = append(s.Items, items...)
	}
	if len(s.Items) > 0 {
		s.Items = rapid.Permutation(s.Items).Draw(rt, "order")
	}
	s.Settle = rapid.Bool().Draw(rt, "settle")
	s.Restarts = rapid.Bool().Draw(rt, "restarts")
	return s
}

// stock runs a publisher through the shelves and lists what is wrong in the end.
func stock(t *testing.T, shelves []shelf, all bool) (wrong []string) {
	s := newShop(t, simulator.Config{Latency: 20 * time.Millisecond}, func(c *publish.Config) { c.CreateAll = all })
	for i, shelf := range shelves {
		for _, id := range shelf.Deleted {
			s.delete(id)
		}
		s.save(shelf.Items...)
		if i == 0 {
			if !all {
				for _, it := range shelf.Items {
					if id := domain.ProductID(it.product); s.publication(id).Link == nil {
						s.link(id)
					}
				}
			}
			s.run()
		}
		if shelf.Settle {
			pass(10 * time.Minute)
		}
		if shelf.Restarts {
			_ = s.stop()
			s.open()
			s.run()
		}
	}
	pass(20 * time.Minute)
	s.idle()
	linked := map[int64]domain.ProductID{}
	for _, id := range []domain.ProductID{"p0", "p1", "p2"} {
		pub := s.publication(id)
		if got := s.state(id); pub.Link != nil && got != projections.Synced || all && got == projections.Refusing {
			wrong = append(wrong, fmt.Sprintf("%s is %s: %+v", id, got, pub.Refused))
		}
		if pub.Link != nil {
			linked[pub.Link.BigCommerceID] = id
			wrong = append(wrong, s.differences(id)...)
		}
	}
	for _, p := range s.sim.Products() {
		if linked[p.ID] == "" {
			wrong = append(wrong, fmt.Sprintf("BigCommerce has a product %d %q that is nobody's", p.ID, p.Name))
		}
	}
	_ = s.stop()
	if len(wrong) > 0 { debugDump(s) } // DEBUG
	return wrong
}
