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

const maxBrands = 30_000 // of one store

// find returns the id of the brand of that name, which it makes if need be; no name is no brand, 0, and so is one that
// would be too many.
func (b *brands) find(name string) int64 {
	key := fold(name)
	if key == "" {
		return 0
	}
	id, ok := b.byName[key]
	if !ok && len(b.byID) < maxBrands {
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
	var found []int64
	if name, ok := l.filters["name"]; !ok {
		found = slices.Sorted(maps.Keys(s.brands.byID))
	} else if id, ok := s.brands.byName[fold(name[0])]; ok {
		found = []int64{id}
	}
	for name, values := range l.filters {
		if name == "name" {
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
