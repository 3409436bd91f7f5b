package projections_test

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/tillstream/tillstream/domain"
	"github.com/tillstream/tillstream/projections"
)

// However the events of a product come, late and repeated ones included, the origin
// of a field is the newest event after which the catalog showed it otherwise.
func TestPast_Origins(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		var l log
		known := map[string]bool{}
		for n := range rapid.IntRange(1, 30).Draw(rt, "events") {
			item := rapid.SampledFrom([]string{"a", "b"}).Draw(rt, "item")
			value := rapid.IntRange(0, 2).Draw(rt, "value")
			types := []string{"saved", "imported", "deleted", "counted"}
			what := types[0]
			if known[item] {
				what = rapid.SampledFrom(types).Draw(rt, "what")
			}
			known[item] = true
			var typ domain.Type
			var data string
			switch what {
			case "saved":
				typ, data = domain.TypeProductSaved, fmt.Sprintf(`{"item":%q,"product":"p","sku":"S%d","name":"n%d","retail_price":"%d","active":%v}`, item, value, value, value, value > 0)
			case "imported":
				typ, data = domain.TypeProductImported, fmt.Sprintf(`{"item":%q,"sku":"S%d","name":"n%d","description":"d%d","import":{"id":"1","file":"f","row":1}}`, item, value, value, value)
			case "deleted":
				typ, data = domain.TypeProductDeleted, fmt.Sprintf(`{"item":%q}`, item)
			case "counted":
				typ, data = domain.TypeStockLevelReported, fmt.Sprintf(`{"item":%q,"outlet":"o%d","on_hand":"%d"}`, item, value, n)
			}
			e, err := domain.DecodeEvent(typ, []byte(data))
			if err != nil {
				rt.Fatal(err)
			}
			version := uint64(rapid.IntRange(1, 40).Draw(rt, "version"))
			l.record(t, "demo", fmt.Sprintf("e-%d", n), version, start.Add(time.Duration(version)*time.Second), e)
		}

		if rapid.Bool().Draw(rt, "far") {
			far(l)
		}
		c := open(t, newBucket())
		want := map[string]domain.Position{}
		var before *domain.Product
		for _, rec := range l {
			fold(t, c, rec)
			after, err := c.Product(t.Context(), "demo", "p")
			if err != nil {
				rt.Fatal(err)
			}
			if before == nil || !before.Described() {
				for _, f := range []string{"name", "description", "brand", "active", "track_inventory"} {
					want["family."+f] = rec.Position
				}
			}
			if _, was := find(before, rec.Subject); !was {
				for _, f := range []string{"", ".sku", ".options", ".retail_price", ".supply_price"} {
					want["items."+rec.Subject+f] = rec.Position
				}
			}
			for _, change := range projections.Compare(before, &after) {
				want[change.Field] = rec.Position
			}
			before = &after
		}
		past := pastOf(t, l)
		if rapid.Bool().Draw(rt, "sought") {
			past.POS = sought{l, new(int)}
		}
		last := l[len(l)-1].Position
		origins, err := past.Origins(t.Context(), "demo", "p", last)
		if err != nil {
			rt.Fatal(err)
		}
		for field, position := range want {
			if got := origins[field].Position; got != position {
				rt.Errorf("the origin of %s is %d, want %d", field, got, position)
			}
		}
		newest, ok := origins.Newest("family.name", "items.a.sku", "nothing")
		if position := max(want["family.name"], want["items.a.sku"]); !ok || newest.Position != position {
			rt.Errorf("the newest origin of both is %d, want %d", newest.Position, position)
		}
		if _, ok := origins.Newest("nothing"); ok {
			rt.Error("what does not exist has an origin")
		}
	})
}

func find(p *domain.Product, item string) (domain.Item, bool) {
	if p == nil {
		return domain.Item{}, false
	}
	return p.Item(domain.ItemID(item))
}
