package publish_test

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/handlers/publish"
)

// A plan has every product, every linked variant of a product with options and
// every level of tracked stock exactly once, nothing that is not linked, no
// request above its limit, and no request more than needed.
func TestNewPlan(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var desired []publish.Desired
		want := map[publish.Row]int{}
		levels, variants := 0, 0
		for p := range rapid.IntRange(0, 60).Draw(t, "products") {
			d := publish.Desired{Product: domain.ProductID(fmt.Sprint(p))}
			d.Listing.Tracked = rapid.Bool().Draw(t, "tracked")
			d.Link.Simple = rapid.Bool().Draw(t, "simple")
			n := 1
			if !d.Link.Simple {
				n = rapid.IntRange(1, 130).Draw(t, "variants")
			}
			locations := rapid.IntRange(1, 4).Draw(t, "locations")
			want[publish.Row{Product: d.Product}]++
			for v := range n {
				id := domain.ItemID(fmt.Sprintf("%d-%d", p, v))
				listed := domain.ListedVariant{Item: id}
				linked := rapid.IntRange(0, 9).Draw(t, "linked") > 0
				for l := range locations {
					if d.Listing.Tracked {
						listed.Stock = append(listed.Stock, domain.LocationStock{Location: int64(l + 1)})
					}
				}
				d.Listing.Variants = append(d.Listing.Variants, listed)
				if !linked {
					continue
				}
				d.Link.Variants = append(d.Link.Variants, domain.VariantLink{Item: id, BigCommerceID: 1})
				if !d.Link.Simple {
					want[publish.Row{Product: d.Product, Item: id}]++
					variants++
				}
				for _, s := range listed.Stock {
					want[publish.Row{Product: d.Product, Item: id, Location: s.Location}]++
					levels++
				}
			}
			desired = append(desired, d)
		}
		plan := publish.NewPlan(desired)
		for _, phase := range []struct {
			requests [][]publish.Row
			most     int
		}{{plan.Products, 10}, {plan.Variants, 50}, {plan.Stock, 2000}} {
			for _, rows := range phase.requests {
				if len(rows) == 0 || len(rows) > phase.most {
					t.Fatalf("a request of %d rows, want 1 to %d", len(rows), phase.most)
				}
				for _, r := range rows {
					want[r]--
				}
			}
		}
		for r, n := range want {
			if n != 0 {
				t.Fatalf("row %+v is planned %d times too few", r, n)
			}
		}
		if got, want := plan.Requests(), publish.Bound(len(desired), variants, levels); got != want {
			t.Fatalf("%d requests, want the bound %d", got, want)
		}
	})
}
