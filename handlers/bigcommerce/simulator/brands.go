package simulator

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

// brands are found by name whatever its case, and made when they are not found.
type brands struct {
	byID   map[int64]string
	byName map[string]int64
}

func newBrands() brands { return brands{byID: map[int64]string{}, byName: map[string]int64{}} }

// find returns the id of the brand of that name; no name is no brand.
func (b *brands) find(name string) int64 {
	key := fold(name)
	if key == "" {
		return 0
	}
	id, ok := b.byName[key]
	if !ok {
		id = int64(len(b.byID)) + 501
		b.byName[key], b.byID[id] = id, strings.TrimSpace(name)
	}
	return id
}

func listBrands(s *Store, x *exchange) (response, *problem) {
	l, refusal := parseListing(x.request.URL.Query(), maxPage, "id", "id:in", "name")
	if refusal != nil {
		return response{}, refusal
	}
	found := slices.Sorted(maps.Keys(s.brands.byID))
	for name, values := range l.filters {
		if name == "name" {
			found = slices.DeleteFunc(found, func(id int64) bool { return fold(s.brands.byID[id]) != fold(values[0]) })
			continue
		}
		wanted, refusal := ids(name, values[0])
		if refusal != nil {
			return response{}, refusal
		}
		found = slices.DeleteFunc(found, func(id int64) bool { return !slices.Contains(wanted, id) })
	}
	return l.reply(len(found), func(i int) json.RawMessage {
		return mustJSON(map[string]any{"id": found[i], "name": s.brands.byID[found[i]]})
	}), nil
}

// splitFolded splits a list of SKUs or names for comparing.
func splitFolded(list string) []string { return strings.Split(fold(list), ",") }
