package projections

import (
	"cmp"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/tillstream/tillstream/domain"
)

// TestShelf holds the index of a store to plain maps, with a hash of which many names have
// the same, as one name in some hundred thousand of a million has with the real one.
func TestShelf(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := newShelf("demo", nil, 0, 0)
		hashes := rapid.Uint32Range(1, 5).Draw(t, "hashes")
		s.hash = func(name string) uint32 {
			var sum uint32
			for _, c := range []byte(name) {
				sum = 31*sum + uint32(c)
			}
			return sum % hashes
		}
		name := rapid.StringMatching(`[a-d]{1,2}`)
		model := map[domain.ProductID][]place{}
		t.Repeat(map[string]func(*rapid.T){
			"put": func(t *rapid.T) {
				id := domain.ProductID(name.Draw(t, "product"))
				items := []place{}
				for _, item := range rapid.SliceOfNDistinct(name, 0, 4, rapid.ID).Draw(t, "items") {
					items = append(items, place{domain.ItemID(item), rapid.OneOf(rapid.Just(""), name).Draw(t, "sku")})
				}
				s.put(s.row(id), 1, 0, 0, domain.Tally{}, false, items)
				for other, had := range model {
					model[other] = slices.DeleteFunc(slices.Clone(had), func(p place) bool {
						return slices.ContainsFunc(items, func(q place) bool { return q.item == p.item })
					})
				}
				model[id] = items
			},
			"sort": func(*rapid.T) { s.sort() },
			"": func(t *rapid.T) {
				checkShelf(t, s, model)
			},
		})
	})
}

func checkShelf(t *rapid.T, s *shelf, model map[domain.ProductID][]place) {
	holders := map[domain.ItemID]domain.ProductID{}
	bearers := map[string][]Match{}
	vacant, described, ids := 0, 0, len(model)
	for id, items := range model {
		r := s.product(id)
		if r == nil || r.id != id || r.vacant != (len(items) == 0) || !slices.Equal(r.items, items) {
			t.Fatalf("the row of product %q is %+v, with items %v", id, r, items)
		}
		for _, p := range items {
			holders[p.item] = id
			if string(p.item) != string(id) {
				ids++
			}
			if p.sku != "" {
				bearers[p.sku] = append(bearers[p.sku], Match{p.item, id})
				described++
			}
		}
		if len(items) == 0 {
			vacant++
		}
	}
	if s.arena.count != len(model) || s.ids.size != ids || s.skus.size != described || s.vacant != vacant {
		t.Fatalf("%d rows, %d ids, %d SKUs, %d vacant; there are %d, %d, %d and %d",
			s.arena.count, s.ids.size, s.skus.size, s.vacant, len(model), ids, described, vacant)
	}
	for _, x := range []*names{&s.ids, &s.skus} {
		entries := len(x.first)
		for _, more := range x.more {
			entries += len(more)
		}
		if entries != x.size {
			t.Fatalf("%d of %d names are left", entries, x.size)
		}
	}
	for _, name := range []string{"a", "b", "c", "d", "aa", "ab", "ba", "bd", "dd", "none"} {
		_, is := model[domain.ProductID(name)]
		if r := s.product(domain.ProductID(name)); (r != nil) != is {
			t.Fatalf("the row of product %q is %+v", name, r)
		}
		switch r, id := s.holder(domain.ItemID(name)), holders[domain.ItemID(name)]; {
		case id == "" && r != nil, id != "" && (r == nil || r.id != id):
			t.Fatalf("item %q is in %+v, not in %q", name, r, id)
		}
		found, want := s.bearers(name), bearers[name]
		byItem := func(a, b Match) int { return cmp.Compare(a.Item, b.Item) }
		slices.SortFunc(found, byItem)
		slices.SortFunc(want, byItem)
		if !slices.Equal(found, want) {
			t.Fatalf("SKU %q is that of %v, not of %v", name, found, want)
		}
	}
	var sorted []domain.ProductID
	for _, n := range s.sorted {
		sorted = append(sorted, s.arena.at(n).id)
	}
	if len(sorted) == len(model) && !slices.Equal(sorted, slices.Sorted(maps.Keys(model))) {
		t.Fatalf("sorted they are %v", sorted)
	}
}
